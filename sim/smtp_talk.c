/* SMTP as a strict server of one's own provider speaks it (RFC 5321, 4954, 3207): EHLO, STARTTLS, AUTH PLAIN and LOGIN,
 * MAIL, RCPT, DATA, RSET, NOOP, QUIT.
 *
 * Each connection has a thread. What a careless client would get away with elsewhere is refused here: mail before the
 * login, a line end that is not CR LF, bytes beyond ASCII, lines of more than 998 bytes, text beyond the limit. No mail
 * goes anywhere. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/num.h"
#include "smtp_impl.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define COMMAND_MAX  4096
#define LINE_BYTES   998u /* without its end */
#define TO_MAX       (64u << 10)
#define SILENT_S     60
#define CUT_AT_LINES 3

/* One connection's state. */
struct talk {
    struct post *p;
    struct link *link;
    int fd;
    bool greeted, known, over;
    enum smtp_security security;
    struct buf line, user, from, to;
    bool has_from;
};

struct verb {
    const char *word;
    void (*run)(struct talk *t, struct str rest);
};

/* ---- answers ---- */

static void say(struct talk *t, const char *line)
{
    struct buf b = buf_make(COMMAND_MAX);

    if (line[0] == '4' || line[0] == '5')
        smtp_count(t->p, &t->p->refused);
    buf_printf(&b, "%s\r\n", line);
    if (!link_write(t->link, buf_str(&b)))
        t->over = true;
    buf_free(&b);
}

/* True: this stage is to be refused, and was. */
static bool refused(struct talk *t, int stage)
{
    int64_t code;
    char line[80];

    if (smtp_fault(t->p, &code) != stage)
        return false;
    snprintf(line, sizeof line, "%d %d.3.0 refused, as it was wished", (int)code, (int)code / 100);
    say(t, line);
    return true;
}

/* ---- logins ---- */

static bool decoded_line(struct str given, struct buf *out)
{
    return base64_decode(str_eq(given, S("=")) ? S("") : given, out);
}

static bool ask(struct talk *t, const char *challenge, struct buf *out)
{
    say(t, challenge);
    if (t->over || !link_line(t->link, &t->line)) {
        t->over = true;
        return false;
    }
    return decoded_line(str_trim(buf_str(&t->line)), out);
}

static void check_login(struct talk *t, struct str user, struct str password)
{
    t->known = str_eq(user, str_of(t->p->user)) && str_eq(password, str_of(t->p->password));
    smtp_count(t->p, t->known ? &t->p->logins : &t->p->bad_logins);
    if (t->known)
        buf_add(&t->user, user);
    say(t, t->known ? "235 2.7.0 welcome" : "535 5.7.8 user name or password is wrong");
}

static void auth_plain(struct talk *t, struct str initial)
{
    struct buf b = buf_make(COMMAND_MAX);
    struct str rest, part[3] = {0};
    bool ok = initial.n ? decoded_line(initial, &b) : ask(t, "334 ", &b);

    rest = buf_str(&b);
    for (size_t i = 0; i < 3 && ok; i++)
        ok = str_cut(&rest, '\0', &part[i]);
    if (t->over)
        ;
    else if (ok && !rest.n)
        check_login(t, part[1], part[2]);
    else
        say(t, "501 5.5.2 that is no login");
    buf_free(&b);
}

static void auth_login(struct talk *t, struct str initial)
{
    struct buf user = buf_make(COMMAND_MAX), password = buf_make(COMMAND_MAX);
    bool ok = initial.n ? decoded_line(initial, &user) : ask(t, "334 VXNlcm5hbWU6", &user);

    ok = ok && ask(t, "334 UGFzc3dvcmQ6", &password);
    if (t->over)
        ;
    else if (ok)
        check_login(t, buf_str(&user), buf_str(&password));
    else
        say(t, "501 5.5.2 that is no login");
    buf_free(&user);
    buf_free(&password);
}

static bool offers(const struct talk *t, const char *mechanism)
{
    return t->p->user[0] && (strcmp(t->p->auth, "both") == 0 || strcmp(t->p->auth, mechanism) == 0);
}

static void on_auth(struct talk *t, struct str rest)
{
    struct str kind;

    str_cut(&rest, ' ', &kind);
    rest = str_trim(rest);
    if (t->security == SECURITY_NONE)
        smtp_count(t->p, &t->p->logins_in_clear);
    if (refused(t, SMTP_AUTH))
        return;
    if (!t->greeted || t->known || t->has_from)
        say(t, "503 5.5.1 not now");
    else if (str_eq_nocase(kind, S("PLAIN")) && offers(t, "plain"))
        auth_plain(t, rest);
    else if (str_eq_nocase(kind, S("LOGIN")) && offers(t, "login"))
        auth_login(t, rest);
    else
        say(t, "504 5.5.4 no such way to log in");
}

/* ---- greetings ---- */

static void reset(struct talk *t)
{
    t->has_from = false;
    buf_clear(&t->from);
    buf_clear(&t->to);
}

static void on_ehlo(struct talk *t, struct str rest)
{
    struct buf b = buf_make(COMMAND_MAX);
    int64_t value;

    reset(t);
    if (refused(t, SMTP_EHLO))
        return;
    if (!rest.n) {
        say(t, "501 5.5.4 who?");
        return;
    }
    t->greeted = true;
    buf_printf(&b, "250-localhost\r\n");
    if (t->security == SECURITY_NONE && smtp_fault(t->p, &value) != SMTP_NO_STARTTLS)
        buf_printf(&b, "250-STARTTLS\r\n");
    if (t->p->user[0])
        buf_printf(&b, "250-AUTH%s%s\r\n", offers(t, "plain") ? " PLAIN" : "", offers(t, "login") ? " LOGIN" : "");
    buf_printf(&b, "250 SIZE %lld", (long long)t->p->size_max);
    say(t, buf_cstr(&b));
    buf_free(&b);
}

static void on_helo(struct talk *t, struct str rest)
{
    reset(t);
    t->greeted = rest.n > 0;
    say(t, t->greeted ? "250 localhost" : "501 5.5.4 who?");
}

static struct tls *certificate(struct post *p)
{
    int64_t value;

    return smtp_fault(p, &value) == SMTP_WRONG_HOST ? p->wrong : p->right;
}

static void on_starttls(struct talk *t, struct str rest)
{
    int64_t value;

    if (t->security != SECURITY_NONE || rest.n || smtp_fault(t->p, &value) == SMTP_NO_STARTTLS) {
        say(t, "503 5.5.1 not here");
        return;
    }
    say(t, "220 2.0.0 go on");
    if (t->over)
        return;
    t->over = !link_secure(t->link, certificate(t->p));
    t->security = SECURITY_STARTTLS;
    t->greeted = t->known = false;
    buf_clear(&t->user);
    reset(t);
}

/* ---- the envelope ---- */

/* "FROM:<address> parameters" */
static bool envelope(struct str rest, struct str word, struct str *ret_address, struct str *ret_parameters)
{
    size_t end = str_find(rest, S(">"), 0);

    if (!str_eq_nocase(str_sub(rest, 0, word.n), word) || end == SIZE_MAX)
        return false;
    *ret_address = str_sub(rest, word.n, end - word.n);
    *ret_parameters = str_trim(str_sub(rest, end + 1, rest.n));
    return str_find(*ret_address, S("<"), 0) == SIZE_MAX && str_find(*ret_address, S(" "), 0) == SIZE_MAX;
}

static void on_mail(struct talk *t, struct str rest)
{
    struct str address, parameters;
    int64_t size = 0;

    if (refused(t, SMTP_MAIL))
        return;
    if (t->p->user[0] && !t->known) {
        say(t, "530 5.7.0 log in first");
        return;
    }
    if (!t->greeted || t->has_from) {
        say(t, "503 5.5.1 not now");
        return;
    }
    if (!envelope(rest, S("FROM:<"), &address, &parameters) ||
        (parameters.n && (!str_eq_nocase(str_sub(parameters, 0, 5), S("SIZE=")) ||
                          !num_i64(str_sub(parameters, 5, parameters.n), &size)))) {
        say(t, "501 5.5.4 MAIL FROM:<address> [SIZE=bytes]");
        return;
    }
    if (size > t->p->size_max) {
        say(t, "552 5.3.4 the mail is too large");
        return;
    }
    buf_add(&t->from, address);
    t->has_from = true;
    say(t, "250 2.1.0 ok");
}

static void on_rcpt(struct talk *t, struct str rest)
{
    struct str address, parameters;

    if (refused(t, SMTP_RCPT))
        return;
    if (!t->has_from) {
        say(t, "503 5.5.1 not now");
        return;
    }
    if (!envelope(rest, S("TO:<"), &address, &parameters) || parameters.n || str_find(address, S("@"), 0) == SIZE_MAX) {
        say(t, "501 5.5.4 RCPT TO:<address>");
        return;
    }
    if (str_eq(address, str_of(t->p->unknown))) {
        say(t, "550 5.1.1 nobody of that name");
        return;
    }
    buf_add(&t->to, address);
    buf_byte(&t->to, '\n');
    say(t, t->to.failed ? "452 4.5.3 too many recipients" : "250 2.1.5 ok");
}

/* ---- the text ---- */

/* Why a line cannot be in a mail; NULL: it can. */
static const char *flaw(struct str line, bool too_long)
{
    if (too_long || line.n > LINE_BYTES + 2)
        return "554 5.6.0 a line has more than 998 bytes";
    if (!str_ends(line, S("\r\n")) || str_find(line, S("\r"), 0) != line.n - 2)
        return "554 5.6.0 a line end is not CR LF";
    for (size_t i = 0; i < line.n; i++)
        if (!line.p[i] || (unsigned char)line.p[i] > 0x7e)
            return "554 5.6.0 a byte is not ASCII";
    return NULL;
}

/* Reads to the lone dot. False: the connection is gone, or was cut. */
static bool read_text(struct talk *t, struct buf *text, const char **ret_flaw)
{
    int64_t value;
    bool cut = smtp_fault(t->p, &value) == SMTP_CUT;

    *ret_flaw = NULL;
    for (size_t n = 0; link_line(t->link, &t->line); n++) {
        struct str line = buf_str(&t->line);

        if (cut && n == CUT_AT_LINES)
            return false;
        if (str_eq(line, S(".\r\n")))
            return true;
        if (!*ret_flaw)
            *ret_flaw = flaw(line, t->line.failed);
        buf_add(text, str_sub(line, str_starts(line, S(".")), line.n));
    }
    return false;
}

static char *text_copy(const struct buf *b)
{
    char *ret = mem_zero(b->n + 1);

    if (b->n)
        memcpy(ret, b->p, b->n);
    return ret;
}

static void keep(struct talk *t, struct buf *text)
{
    struct smtp_mail *m = mem_zero(sizeof *m);

    m->at_ms = clock_wall(&clock_system);
    m->security = t->security;
    m->user = text_copy(&t->user);
    m->from = text_copy(&t->from);
    m->to = text_copy(&t->to);
    m->text = *text;
    *text = buf_make(0);
    smtp_keep(t->p, m);
}

static void on_data(struct talk *t, struct str rest)
{
    struct buf text = buf_make((size_t)t->p->size_max);
    const char *wrong;
    int64_t value;

    (void)rest;
    if (refused(t, SMTP_DATA))
        return;
    if (!t->to.n) {
        say(t, "503 5.5.1 for whom?");
        return;
    }
    say(t, "354 go on, end with a lone dot");
    t->over = t->over || !read_text(t, &text, &wrong);
    if (t->over || refused(t, SMTP_TEXT)) {
        buf_free(&text);
        reset(t);
        return;
    }
    if (text.failed) {
        say(t, "552 5.3.4 the mail is too large");
    } else if (wrong) {
        say(t, wrong);
    } else {
        keep(t, &text);
        t->over = smtp_fault(t->p, &value) == SMTP_UNANSWERED;
        if (!t->over)
            say(t, "250 2.0.0 taken");
    }
    buf_free(&text);
    reset(t);
}

/* ---- commands ---- */

static void on_rset(struct talk *t, struct str rest)
{
    (void)rest;
    reset(t);
    say(t, "250 2.0.0 ok");
}

static void on_noop(struct talk *t, struct str rest)
{
    (void)rest;
    say(t, "250 2.0.0 ok");
}

static void on_quit(struct talk *t, struct str rest)
{
    (void)rest;
    say(t, "221 2.0.0 bye");
    t->over = true;
}

static const struct verb verbs[] = {{"EHLO", on_ehlo}, {"HELO", on_helo}, {"STARTTLS", on_starttls}, {"AUTH", on_auth},
                                    {"MAIL", on_mail}, {"RCPT", on_rcpt}, {"DATA", on_data},         {"RSET", on_rset},
                                    {"NOOP", on_noop}, {"QUIT", on_quit}};

static void obey(struct talk *t)
{
    struct buf copy = buf_make(COMMAND_MAX);
    struct str word, rest;

    buf_add(&copy, str_trim(buf_str(&t->line)));
    rest = buf_str(&copy);
    str_cut(&rest, ' ', &word);
    rest = str_trim(rest);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (str_eq_nocase(word, str_of(verbs[i].word)) && !t->line.failed) {
            verbs[i].run(t, rest);
            buf_free(&copy);
            return;
        }
    }
    say(t, "500 5.5.2 what?");
    buf_free(&copy);
}

/* Waits so long, or until the other side or we end the connection. */
static void pause_link(int fd, int64_t ms)
{
    struct pollfd f = {.fd = fd, .events = POLLRDHUP};

    (void)poll(&f, 1, ms > 600000 ? 600000 : (int)ms);
}

static void converse(struct talk *t)
{
    int64_t value;
    int fault = smtp_fault(t->p, &value);

    if (fault == SMTP_DOWN)
        return;
    if (fault == SMTP_SLOW)
        pause_link(t->fd, value);
    if (t->security == SECURITY_TLS && !link_secure(t->link, certificate(t->p)))
        return;
    if (refused(t, SMTP_GREETING))
        return;
    say(t, "220 localhost ESMTP");
    while (!t->over && link_line(t->link, &t->line))
        obey(t);
}

static void *session_main(void *ctx)
{
    struct session *s = ctx;
    struct talk t = {.p = s->post,
                     .link = link_new(s->fd),
                     .fd = s->fd,
                     .security = s->implicit ? SECURITY_TLS : SECURITY_NONE,
                     .line = buf_make(COMMAND_MAX),
                     .user = buf_make(COMMAND_MAX),
                     .from = buf_make(COMMAND_MAX),
                     .to = buf_make(TO_MAX)};

    smtp_count(t.p, &t.p->connections);
    converse(&t);
    link_free(t.link);
    buf_free(&t.line);
    buf_free(&t.user);
    buf_free(&t.from);
    buf_free(&t.to);
    shutdown(s->fd, SHUT_RDWR);
    atomic_store(&s->ended, true);
    return NULL;
}

/* ---- connections ---- */

static void end_session(struct session *s)
{
    pthread_join(s->thread, NULL);
    close(s->fd);
    s->used = false;
}

static void take_connection(struct post *p, int listener, bool implicit)
{
    struct timeval silent = {.tv_sec = SILENT_S};
    struct session *s = NULL;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (p->sessions[i].used && atomic_load(&p->sessions[i].ended))
            end_session(&p->sessions[i]);
        if (!s && !p->sessions[i].used)
            s = &p->sessions[i];
    }
    if (!s) {
        close(fd);
        return;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silent, sizeof silent);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silent, sizeof silent);
    s->post = p;
    s->fd = fd;
    s->implicit = implicit;
    atomic_store(&s->ended, false);
    s->used = pthread_create(&s->thread, NULL, session_main, s) == 0;
    if (!s->used)
        close(fd);
}

static void *acceptor_main(void *ctx)
{
    struct post *p = ctx;
    struct pollfd f[2] = {{.fd = p->listener[0], .events = POLLIN}, {.fd = p->listener[1], .events = POLLIN}};

    while (!atomic_load(&p->stopping)) {
        if (poll(f, 2, -1) <= 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (f[i].revents && !atomic_load(&p->stopping))
                take_connection(p, p->listener[i], i == 1);
    }
    return NULL;
}

static int listen_on(const char *address, int *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && inet_pton(AF_INET, address, &a.sin_addr) == 1 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
        listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0) {
        *ret_port = ntohs(a.sin_port);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

enum err talk_start(struct post *p, struct errinfo *ei)
{
    for (int i = 0; i < 2; i++) {
        p->listener[i] = listen_on(p->address, &p->listener_port[i]);
        if (p->listener[i] < 0)
            return fail(ei, ERR_NETWORK, "cannot listen on %s", p->address);
    }
    p->accepting = pthread_create(&p->acceptor, NULL, acceptor_main, p) == 0;
    return p->accepting ? OK : fail(ei, ERR_INTERNAL, "cannot start a thread");
}

void talk_stop(struct post *p)
{
    atomic_store(&p->stopping, true);
    for (int i = 0; i < 2; i++)
        if (p->listener[i] >= 0)
            shutdown(p->listener[i], SHUT_RDWR);
    if (p->accepting)
        pthread_join(p->acceptor, NULL);
    for (int i = 0; i < 2; i++)
        if (p->listener[i] >= 0)
            close(p->listener[i]);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (!p->sessions[i].used)
            continue;
        shutdown(p->sessions[i].fd, SHUT_RDWR);
        end_session(&p->sessions[i]);
    }
}
