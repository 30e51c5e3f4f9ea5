/* One delivery: references become values for as long as it lasts, so a secret that was changed counts at once.
 *
 * Robots and webhooks go through the HTTP client of the loop. Mail and commands block, so each runs on a thread that
 * ends with it and posts its verdict to the loop; a flag asks them to give up when the program ends. Failures are put
 * into one of four verdicts; their words are masked and made harmless, since they are shown on pages. */
#include "watch/alert_send.h"

#include "base/log.h"
#include "net/http.h"
#include "net/mail.h"
#include "project/secret.h"
#include "watch/alert_command.h"
#include "watch/alert_text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define URL_MAX_BYTES  16384u
#define BODY_MAX_BYTES (1u << 20)
#define REPLY_MAX      65536u

struct sending {
    struct sending *prev, *next;
    struct sender *s;
    struct arena *a;
    int type;
    struct str body, key; /* in the arena */
    struct str *argv;
    size_t n_argv;
    struct mail mail;
    int64_t timeout_ms;
    pthread_t thread;
    bool threaded;
    struct verdict verdict;
    void (*done)(void *ctx, const struct verdict *v);
    void *ctx;
};

struct sender {
    struct loop *loop;
    struct http *http;
    const struct clock *clock;
    char *project_dir;
    struct sending *all;
    atomic_bool stopping;
};

struct sender *sender_new(struct loop *l, const struct clock *clock, const char *project_dir)
{
    struct sender *s = mem_zero(sizeof *s);
    size_t n = strlen(project_dir) + 1;

    s->loop = l;
    s->clock = clock;
    s->http = http_new(l, clock);
    s->project_dir = mem_alloc(n);
    memcpy(s->project_dir, project_dir, n);
    return s;
}

static void sending_free(struct sending *x)
{
    arena_free(x->a);
    free(x);
}

static void end_sending(struct sending *x)
{
    x->done(x->ctx, &x->verdict);
    if (x->prev)
        x->prev->next = x->next;
    else
        x->s->all = x->next;
    if (x->next)
        x->next->prev = x->prev;
    sending_free(x);
}

void sender_free(struct sender *s)
{
    if (!s)
        return;
    atomic_store(&s->stopping, true);
    http_free(s->http);
    for (struct sending *x = s->all, *next; x; x = next) {
        next = x->next;
        if (x->threaded)
            pthread_join(x->thread, NULL);
        sending_free(x);
    }
    free(s->project_dir);
    free(s);
}

static void finish(void *ctx)
{
    struct sending *x = ctx;

    if (x->threaded)
        pthread_join(x->thread, NULL);
    end_sending(x);
}

static void set_verdict(struct sending *x, enum outcome what, const struct errinfo *ei)
{
    struct buf b = buf_make(2048);

    x->verdict = (struct verdict){.what = what};
    text_safe(str_of(ei->msg), sizeof x->verdict.why - 1, &b);
    snprintf(x->verdict.why, sizeof x->verdict.why, "%s", buf_cstr(&b));
    buf_free(&b);
}

/* What another try may cure, and what not. */
static enum outcome outcome_of(enum err err)
{
    return err == OK ? OUTCOME_OK : err == ERR_NETWORK || err == ERR_INTERNAL ? OUTCOME_RETRY : OUTCOME_REFUSED;
}

/* ---- over HTTP ---- */

static void on_reply(void *ctx, struct http_reply *r)
{
    struct sending *x = ctx;

    size_t words = r->code ? str_find(str_of(r->why.msg), S(": "), 0) : SIZE_MAX;

    if (words != SIZE_MAX) /* the address before them is a secret */
        memmove(r->why.msg, r->why.msg + words + 2, strlen(r->why.msg + words + 2) + 1);
    if (r->code)
        set_verdict(x, r->code == ERR_AUTH || r->code == ERR_CONFIG ? OUTCOME_REFUSED : OUTCOME_RETRY, &r->why);
    else
        robot_judge(x->type, r->status, r->retry_after_s, r->body, &x->verdict);
    end_sending(x);
}

static void send_http(struct sending *x, const struct robot_target *t, const struct delivery *d, struct str ca_file)
{
    struct robot_message m = {buf_make(URL_MAX_BYTES), buf_make(BODY_MAX_BYTES)};
    struct buf sign = buf_make(256);
    struct http_header headers[2] = {{S("X-Sluice-Delivery"), d->key}};
    size_t n = t->type == CHANNEL_WEBHOOK ? 1 : 0;

    robot_request(t, d->context, d->list, d->key, &m);
    if (n && t->secret.n) {
        webhook_sign(t->secret, buf_str(&m.body), &sign);
        headers[n++] = (struct http_header){S("X-Sluice-Signature"), buf_str(&sign)};
    }
    const struct http_request r = {.method = S("POST"),
                                   .url = buf_str(&m.url),
                                   .body = buf_str(&m.body),
                                   .content_type = S("application/json; charset=utf-8"),
                                   .headers = headers,
                                   .n_headers = n,
                                   .max_bytes = REPLY_MAX,
                                   .connect_ms = x->timeout_ms,
                                   .total_ms = x->timeout_ms,
                                   .ca_file = ca_file};
    http_send(x->s->http, &r, on_reply, x);
    buf_free(&m.url);
    buf_free(&m.body);
    buf_free(&sign);
}

/* ---- on a thread ---- */

static void *thread_main(void *ctx)
{
    struct sending *x = ctx;
    struct errinfo ei = {0};
    enum err err;

    if (x->type == CHANNEL_SMTP)
        err = mail_send(&x->mail, &ei);
    else
        err = program_run(x->argv, x->n_argv, x->body, x->timeout_ms, &x->s->stopping, &ei);
    /* a program that fails is tried again, soon: it may well be the network behind it */
    set_verdict(x, x->type == CHANNEL_COMMAND && err == ERR_REMOTE ? OUTCOME_RETRY : outcome_of(err), &ei);
    loop_post(x->s->loop, finish, x);
    return NULL;
}

static void start_thread(struct sending *x)
{
    struct errinfo ei;

    x->threaded = pthread_create(&x->thread, NULL, thread_main, x) == 0;
    if (x->threaded)
        return;
    fail(&ei, ERR_INTERNAL, "no thread for the message");
    set_verdict(x, OUTCOME_RETRY, &ei);
    loop_post(x->s->loop, finish, x);
}

static void prepare_mail(struct sending *x, const struct delivery *d)
{
    struct buf b = buf_make(BODY_MAX_BYTES);

    message_title(d->context, d->list, &b);
    x->mail.subject = arena_str(x->a, buf_str(&b));
    buf_clear(&b);
    message_body(d->context, d->list, 200000, false, &b);
    x->mail.text = arena_str(x->a, buf_str(&b));
    buf_free(&b);
    x->mail.id = x->key;
    x->mail.unix_s = d->context->now_ms / 1000;
    x->mail.timeout_ms = x->timeout_ms;
    x->mail.stop = &x->s->stopping;
}

/* {severity} and the like inside one argument. */
static struct str substitute(struct arena *a, struct str arg, const struct str (*words)[2], size_t n)
{
    struct buf b = buf_make(65536);
    struct str ret;

    while (arg.n) {
        size_t i = 0;

        while (i < n && !str_starts(arg, words[i][0]))
            i++;
        buf_add(&b, i < n ? words[i][1] : str_sub(arg, 0, 1));
        arg = str_sub(arg, i < n ? words[i][0].n : 1, arg.n);
    }
    ret = arena_str(a, buf_str(&b));
    buf_free(&b);
    return ret;
}

static void prepare_command(struct sending *x, const struct delivery *d)
{
    const struct item *first = &d->list->at[0];
    bool one = d->list->n == 1;
    struct buf title = buf_make(2048), body = buf_make(BODY_MAX_BYTES), name = buf_make(512);

    message_title(d->context, d->list, &title);
    message_json(d->context, d->list, d->key, &body);
    text_safe(one ? first->n.integration : S(""), 200, &name);
    x->body = arena_str(x->a, buf_str(&body));
    const struct str words[][2] = {
        {S("{severity}"), str_of(alert_severity_names[one ? first->n.severity : d->list->severity])},
        {S("{rule}"), one ? str_of(alert_rule_names[first->n.rule]) : S("several")},
        {S("{integration}"), buf_str(&name)},
        {S("{state}"), d->list->n_firing ? S("firing") : S("resolved")},
        {S("{summary}"), buf_str(&title)}};

    x->n_argv = d->channel->argv.n;
    x->argv = ARENA_ARRAY(x->a, struct str, x->n_argv);
    for (size_t i = 0; i < x->n_argv; i++)
        x->argv[i] = i ? substitute(x->a, d->channel->argv.at[i], words, sizeof words / sizeof *words)
                       : arena_str(x->a, d->channel->argv.at[i]);
    buf_free(&title);
    buf_free(&body);
    buf_free(&name);
}

/* ---- both ---- */

static enum err resolve(struct sending *x, struct str text, struct str *ret, struct errinfo *ei)
{
    enum err err;

    *ret = (struct str){0};
    if (!text.n)
        return OK;
    err = secret_resolve(x->s->project_dir, text, x->a, ret, ei);
    if (!err && memchr(ret->p ? ret->p : "", '\0', ret->n))
        return fail(ei, ERR_SECRET, "a secret of the channel holds a zero byte");
    return err;
}

static enum err resolve_mail(struct sending *x, const struct alert_channel *c, struct errinfo *ei)
{
    struct str *to = ARENA_ARRAY(x->a, struct str, c->to.n + 1);
    enum err err = resolve(x, c->url, &x->mail.url, ei);

    if (!err)
        err = resolve(x, c->user, &x->mail.user, ei);
    if (!err)
        err = resolve(x, c->password, &x->mail.password, ei);
    for (size_t i = 0; i < c->to.n; i++)
        to[i] = arena_str(x->a, c->to.at[i]);
    x->mail.to = to;
    x->mail.n_to = c->to.n;
    x->mail.from = arena_str(x->a, c->from);
    return err;
}

static struct str ca_path(struct sending *x, struct str ca_file)
{
    if (!ca_file.n || ca_file.p[0] == '/')
        return ca_file.n ? arena_str(x->a, ca_file) : ca_file;
    return arena_printf(x->a, "%s/" STR_FMT, x->s->project_dir, STR_ARG(ca_file));
}

static enum err start(struct sending *x, const struct delivery *d, struct errinfo *ei)
{
    const struct alert_channel *c = d->channel;
    struct robot_target t = {.type = c->type, .keyword = c->keyword, .at = c->at};
    enum err err;

    if (c->type == CHANNEL_COMMAND) {
        prepare_command(x, d);
        start_thread(x);
        return OK;
    }
    if (c->type == CHANNEL_SMTP) {
        err = resolve_mail(x, c, ei);
        if (err)
            return err;
        x->mail.ca_file = ca_path(x, c->ca_file);
        prepare_mail(x, d);
        start_thread(x);
        return OK;
    }
    err = resolve(x, c->url, &t.url, ei);
    if (!err)
        err = resolve(x, c->secret, &t.secret, ei);
    if (err)
        return err;
    log_hide(t.url);
    send_http(x, &t, d, ca_path(x, c->ca_file));
    return OK;
}

void sender_send(struct sender *s, const struct delivery *d, void (*done)(void *ctx, const struct verdict *v),
                 void *ctx)
{
    struct sending *x = mem_zero(sizeof *x);
    struct errinfo ei;

    *x = (struct sending){.next = s->all, .s = s, .type = d->channel->type, .done = done, .ctx = ctx};
    if (s->all)
        s->all->prev = x;
    s->all = x;
    x->a = arena_new((size_t)64 << 20);
    x->key = arena_str(x->a, d->key);
    x->timeout_ms = d->channel->timeout_ms;
    if (start(x, d, &ei) == OK)
        return;
    set_verdict(x, OUTCOME_REFUSED, &ei);
    loop_post(s->loop, finish, x);
}
