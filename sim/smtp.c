/* A mail server of one's own provider: one account, two ports (smtp:// with STARTTLS, smtps://), certificates made at
 * start. This file has the options, the books, and what is told and switched over HTTP; smtp_talk.c speaks SMTP.
 *
 * What was taken is kept for GET /messages. POST /control {"fault": "rcpt", "value": 451} switches a fault; one is on
 * at a time. Mail goes nowhere, and is lost with the process. */
#include "smtp.h"

#include "base/json.h"
#include "base/num.h"
#include "desk.h"
#include "smtp_impl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SIZE_DEFAULT (10 << 20)
#define SLOW_MS      20000
#define REFUSE_CODE  451
#define PEM_MAX      65536
#define WRONG_HOST   "elsewhere.example"

static const char *const fault_names[SMTP_FAULTS + 1] = {"none",       "down",        "slow",     "cut",  "unanswered",
                                                         "wrong-host", "no-starttls", "greeting", "ehlo", "auth",
                                                         "mail",       "rcpt",        "data",     "text", NULL};
static const char *const security_names[] = {"none", "starttls", "tls"};

/* ---- books ---- */

int smtp_fault(struct post *p, int64_t *ret_value)
{
    int fault;

    pthread_mutex_lock(&p->lock);
    fault = p->fault;
    *ret_value = p->fault_value;
    pthread_mutex_unlock(&p->lock);
    return fault;
}

void smtp_count(struct post *p, int64_t *counter)
{
    pthread_mutex_lock(&p->lock);
    ++*counter;
    pthread_mutex_unlock(&p->lock);
}

void smtp_keep(struct post *p, struct smtp_mail *m)
{
    pthread_mutex_lock(&p->lock);
    p->accepted++;
    *p->last = m;
    p->last = &m->next;
    pthread_mutex_unlock(&p->lock);
}

/* Checks the value too, 0 being the usual one. False: there is no such fault, or not with this value. */
static bool set_fault(struct post *p, struct str name, int64_t value)
{
    int fault = 0;

    while (fault_names[fault] && !str_eq(name, str_of(fault_names[fault])))
        fault++;
    if (!fault_names[fault] || value < 0)
        return false;
    if (fault == SMTP_SLOW)
        value = value ? value : SLOW_MS;
    else if (fault >= SMTP_GREETING)
        value = value ? value : REFUSE_CODE;
    else if (value)
        return false;
    if (fault >= SMTP_GREETING && (value < 400 || value > 599))
        return false;
    pthread_mutex_lock(&p->lock);
    p->fault = fault;
    p->fault_value = value;
    pthread_mutex_unlock(&p->lock);
    return true;
}

/* ---- for tests ---- */

static void show_mail(const struct smtp_mail *m, struct json_out *w)
{
    struct str rest = str_of(m->to), one;

    json_out_begin(w, '{');
    json_number(w, "at_ms", m->at_ms);
    json_member(w, "security", str_of(security_names[m->security]));
    json_member(w, "user", str_of(m->user));
    json_member(w, "from", str_of(m->from));
    json_out_key(w, "to");
    json_out_begin(w, '[');
    while (rest.n && str_cut(&rest, '\n', &one))
        json_out_str(w, one);
    json_out_end(w, ']');
    json_member(w, "text", buf_str(&m->text));
    json_out_end(w, '}');
}

static void show(struct post *p, struct desk_call *c)
{
    struct json_out w = json_out(&c->answer);

    pthread_mutex_lock(&p->lock);
    json_out_begin(&w, '{');
    json_number(&w, "connections", p->connections);
    json_number(&w, "accepted", p->accepted);
    json_number(&w, "refused", p->refused);
    json_number(&w, "logins", p->logins);
    json_number(&w, "bad_logins", p->bad_logins);
    json_number(&w, "logins_in_clear", p->logins_in_clear);
    json_out_key(&w, "messages");
    json_out_begin(&w, '[');
    for (const struct smtp_mail *m = p->first; m; m = m->next)
        show_mail(m, &w);
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    pthread_mutex_unlock(&p->lock);
}

static void control(struct post *p, struct desk_call *c)
{
    const struct json_limits limits = {DESK_BODY_MAX, 16};
    struct json_doc *doc = NULL;
    struct errinfo ei;
    int64_t value = 0;

    if (json_parse(buf_str(&c->body), &limits, &doc, NULL, &ei)) {
        c->status = 400;
        return;
    }
    if (json_get(json_root(doc), S("value")) && !json_i64(json_get(json_root(doc), S("value")), &value))
        value = -1;
    if (!set_fault(p, json_text(json_get(json_root(doc), S("fault"))), value))
        c->status = 400;
    buf_add(&c->answer, S("{}"));
    json_free(doc);
}

static void answer(void *ctx, struct desk_call *c, const char *method, const char *path)
{
    if (strcmp(path, "/messages") == 0 && strcmp(method, "GET") == 0)
        show(ctx, c);
    else if (strcmp(path, "/control") == 0 && strcmp(method, "POST") == 0)
        control(ctx, c);
    else
        c->status = 404;
}

/* ---- start and end ---- */

static void print_hello(const struct post *p, int port)
{
    struct buf b = buf_make(16384);
    struct json_out w = json_out(&b);
    char urls[3][64];

    snprintf(urls[0], sizeof urls[0], "http://127.0.0.1:%d", port);
    snprintf(urls[1], sizeof urls[1], "smtp://%s:%d", p->address, p->listener_port[0]);
    snprintf(urls[2], sizeof urls[2], "smtps://%s:%d", p->address, p->listener_port[1]);
    const char *const texts[][2] = {{"listening", urls[0]}, {"smtp", urls[1]},         {"smtps", urls[2]},
                                    {"user", p->user},      {"password", p->password}, {"ca_file", p->ca_file}};

    json_out_begin(&w, '{');
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_member(&w, texts[i][0], str_of(texts[i][1]));
    json_number(&w, "port", port);
    json_out_end(&w, '}');
    puts(buf_cstr(&b));
    fflush(stdout);
    buf_free(&b);
}

static enum err write_pem(struct post *p, struct str pem, struct errinfo *ei)
{
    const char *folder = getenv("TMPDIR");
    FILE *f = NULL;
    bool ok;
    int fd;

    if (p->ca_file[0]) {
        f = fopen(p->ca_file, "we");
    } else {
        snprintf(p->made_path, sizeof p->made_path, "%s/sluice-smtp-XXXXXX", folder && folder[0] ? folder : "/tmp");
        fd = mkstemp(p->made_path);
        p->made_ca_file = fd >= 0;
        p->ca_file = p->made_path;
        f = fd >= 0 ? fdopen(fd, "w") : NULL;
    }
    ok = f && fwrite(pem.p, 1, pem.n, f) == pem.n;
    ok = f && fclose(f) == 0 && ok;
    return ok ? OK : fail(ei, ERR_DISK, "cannot write the certificate to %s", p->ca_file);
}

static enum err on_ready(void *ctx, int port, struct errinfo *ei)
{
    struct post *p = ctx;
    struct buf pem = buf_make(PEM_MAX);
    enum err err = tls_new(p->address, &p->right, &pem, ei);

    if (!err)
        err = tls_new(WRONG_HOST, &p->wrong, &pem, ei);
    if (!err)
        err = write_pem(p, buf_str(&pem), ei);
    if (!err)
        err = talk_start(p, ei);
    if (!err)
        print_hello(p, port);
    buf_free(&pem);
    return err;
}

static void close_post(struct post *p)
{
    talk_stop(p);
    if (p->made_ca_file)
        unlink(p->made_path);
    tls_free(p->right);
    tls_free(p->wrong);
    for (struct smtp_mail *m = p->first, *next; m; m = next) {
        next = m->next;
        free(m->user);
        free(m->from);
        free(m->to);
        buf_free(&m->text);
        free(m);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- options ---- */

void smtp_help(void)
{
    printf("\nMail (smtp):\n"
           "  --port N               port of /messages and /control; 0 is a free one (default 0); mail has free ones\n"
           "  --address IP           where mail is listened for (default 127.0.0.1)\n"
           "  --user, --password     the account that must log in (default: nobody logs in)\n"
           "  --auth NAME            plain, login or both (default both)\n"
           "  --size N               largest mail in bytes (default 10485760)\n"
           "  --unknown ADDRESS      a recipient that is refused\n"
           "  --ca-file FILE         where the certificate is written (default: a new file, removed at the end)\n"
           "  --fault NAME[=VALUE]   down, slow=MS, cut (in the text), unanswered (taken, then cut), wrong-host,\n"
           "                         no-starttls; greeting, ehlo, auth, mail, rcpt, data, text=CODE: refused there\n"
           "  --die-with-parent      ends when the thread that started it ends\n"
           "  GET /messages shows what was taken · POST /control {\"fault\": NAME, \"value\": N}\n");
}

static bool number(const char *text, int64_t max, int64_t *ret)
{
    return num_i64(str_of(text), ret) && *ret >= 0 && *ret <= max;
}

static bool is_address(const char *text)
{
    struct in_addr a;

    return inet_pton(AF_INET, text, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

static bool fault_option(struct post *p, struct str text)
{
    size_t eq = str_find(text, S("="), 0);
    int64_t value = 0;

    if (eq != SIZE_MAX && (!num_i64(str_sub(text, eq + 1, text.n), &value) || value <= 0))
        return false;
    return set_fault(p, str_sub(text, 0, eq == SIZE_MAX ? text.n : eq), value);
}

static enum err read_option(struct post *p, const char *name, const char *value, struct errinfo *ei)
{
    const struct {
        const char *name;
        const char **at;
    } texts[] = {{"--user", &p->user},       {"--password", &p->password}, {"--unknown", &p->unknown},
                 {"--ca-file", &p->ca_file}, {"--address", &p->address},   {"--auth", &p->auth}};
    bool good = true, found = false;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].at = value;
            found = true;
        }
    }
    if (strcmp(name, "--port") == 0)
        good = number(value, 65535, &p->port);
    else if (strcmp(name, "--size") == 0)
        good = number(value, INT64_C(1) << 30, &p->size_max) && p->size_max > 0;
    else if (strcmp(name, "--fault") == 0)
        good = fault_option(p, str_of(value));
    else if (!found)
        return fail(ei, ERR_USAGE, "there is no option \"%s\"", name);
    good = good && is_address(p->address) &&
           (strcmp(p->auth, "both") == 0 || strcmp(p->auth, "plain") == 0 || strcmp(p->auth, "login") == 0);
    return good ? OK : fail(ei, ERR_USAGE, "%s does not take \"%s\"; --help tells what it takes", name, value);
}

static enum err read_options(struct post *p, int argc, char **argv, struct errinfo *ei)
{
    enum err err = OK;

    for (int i = 0; i < argc && !err; i++) {
        if (strcmp(argv[i], "--die-with-parent") == 0) {
            p->die_with_parent = true;
            continue;
        }
        if (i + 1 >= argc)
            return fail(ei, ERR_USAGE, "%s is no option, or needs a value", argv[i]);
        err = read_option(p, argv[i], argv[i + 1], ei);
        i++;
    }
    return err;
}

enum err smtp_run(int argc, char **argv, struct errinfo *ei)
{
    struct post *p = mem_zero(sizeof *p);
    enum err err;

    p->address = "127.0.0.1";
    p->user = p->password = p->unknown = p->ca_file = "";
    p->auth = "both";
    p->size_max = SIZE_DEFAULT;
    p->last = &p->first;
    p->listener[0] = p->listener[1] = -1;
    pthread_mutex_init(&p->lock, NULL);
    err = read_options(p, argc, argv, ei);
    if (!err)
        err = desk_run(&(struct desk){p->port, p->die_with_parent, answer, on_ready, p}, ei);
    close_post(p);
    return err;
}
