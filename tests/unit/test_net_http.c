/* The HTTP client against a server on loopback that does not behave: it reads a request, writes what the test wants and
 * closes. Bad inputs of the HTTP layer: lengths that lie, two kinds of lengths, bombs, wrong encodings, endless headers
 * and bodies, garbage, redirects, slow and silent servers. Real sockets, free ports, no sleeping: the loop ends when
 * the call has ended, and every call has a deadline. */
#include "table.h"

#include "net/http.h"
#include "net/loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *new_loop(void)
{
    struct loop *l = NULL;
    struct errinfo ei;

    assert_int_equal(loop_new(&l, &ei), OK);
    return l;
}

enum { MAX_BYTES = 100000, DEADLINE_MS = 20000 };

/* ---- the server: one thread, connections one after another ---- */

struct server {
    int listener, quit[2], port;
    pthread_t thread;
    const char *head; /* written first */
    const char *body;
    size_t body_n;
    void (*then)(struct server *s, int fd); /* then this, if not NULL */
    bool silent;                            /* accepts, reads, says nothing */
    char seen[65536];                       /* the last request */
    atomic_int requests;
};

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

/* Waits until the client has closed, or the test is over. */
static void wait_for_close(struct server *s, int fd)
{
    struct pollfd p[2] = {{fd, POLLIN, 0}, {s->quit[0], POLLIN, 0}};
    char waste[4096];

    for (;;) {
        if (poll(p, 2, DEADLINE_MS) <= 0 || p[1].revents)
            return;
        if (recv(fd, waste, sizeof waste, 0) <= 0)
            return;
    }
}

static void read_request(struct server *s, int fd)
{
    size_t n = 0;

    memset(s->seen, 0, sizeof s->seen);
    while (n + 1 < sizeof s->seen && !strstr(s->seen, "\r\n\r\n")) {
        ssize_t k = recv(fd, s->seen + n, sizeof s->seen - 1 - n, 0);

        if (k <= 0)
            return;
        n += (size_t)k;
    }
    atomic_fetch_add(&s->requests, 1);
}

static void serve_one(struct server *s, int fd)
{
    read_request(s, fd);
    if (s->silent)
        wait_for_close(s, fd);
    else if (!s->head || (send_all(fd, s->head, strlen(s->head)) && send_all(fd, s->body, s->body_n)))
        if (s->then)
            s->then(s, fd);
    shutdown(fd, SHUT_WR); /* a reset would take away what is still on its way */
    wait_for_close(s, fd);
    close(fd);
}

static void *serve(void *ctx)
{
    struct server *s = ctx;
    struct pollfd p[2] = {{s->listener, POLLIN, 0}, {s->quit[0], POLLIN, 0}};

    while (poll(p, 2, -1) > 0 && !p[1].revents) {
        int fd = accept(s->listener, NULL, NULL);

        if (fd >= 0)
            serve_one(s, fd);
    }
    return NULL;
}

static void server_open(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;

    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &n), 0);
    assert_int_equal(listen(s->listener, 16), 0);
    assert_int_equal(pipe(s->quit), 0);
    s->port = ntohs(a.sin_port);
}

static void server_start(struct server *s)
{
    server_open(s);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    close(s->quit[1]);
    pthread_join(s->thread, NULL);
    close(s->quit[0]);
    close(s->listener);
}

/* ---- a call ---- */

struct result {
    struct loop *loop;
    int calls;
    struct http_reply r;
    char *body;
    size_t body_n;
};

static void on_done(void *ctx, struct http_reply *reply)
{
    struct result *res = ctx;

    res->calls++;
    res->r = *reply;
    res->body = http_take_body(reply, &res->body_n);
    loop_stop(res->loop);
}

/* Calls url (%d: the server's port) and waits. The caller frees res->body. */
static void call_request(struct http_request *q, struct result *res)
{
    struct loop *loop = new_loop();
    struct http *h = http_new(loop, &clock_system);

    *res = (struct result){.loop = loop};
    assert_non_null(http_send(h, q, on_done, res));
    assert_int_equal(res->calls, 0);
    loop_run(loop);
    assert_int_equal(res->calls, 1);
    http_free(h);
    loop_free(loop);
}

static void call(const struct server *s, struct result *res, int64_t total_ms)
{
    char url[64];
    struct http_request q = {.method = S("GET"), .max_bytes = MAX_BYTES, .total_ms = total_ms, .connect_ms = 5000};

    q.url = str_mk(url, (size_t)snprintf(url, sizeof url, "http://127.0.0.1:%d/x?sign=secret", s->port));
    call_request(&q, res);
}

/* ---- replies ---- */

struct reply_case {
    const char *name, *head, *body;
    enum err code;
    int status;
    const char *expect; /* of the body, or of the message */
};

static const struct reply_case cases[] = {
    {"plain", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok", OK, 200, "ok"},
    {"until close", "HTTP/1.0 200 OK\r\n\r\n", "ok", OK, 200, "ok"},
    {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\nok\r\n0\r\n\r\n", OK, 200, "ok"},
    {"an error status is a reply", "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\n", "busy", OK, 503, "busy"},
    {"204", "HTTP/1.1 204 None\r\n\r\n", "", OK, 204, ""},
    {"too little came", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "ok", ERR_NETWORK, 200, "http://127.0.0.1"},
    {"more came than told", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "okGARBAGE", OK, 200, "ok"},
    {"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "ok", ERR_REMOTE, 200, ""},
    {"absurd length: until close", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", "ok", OK, 200,
     "ok"},
    {"two lengths: the last", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nContent-Length: 2\r\n\r\n", "ok", OK, 200,
     "ok"},
    {"a return in a header", "HTTP/1.1 200 OK\r\nX-A: b\rc\r\nContent-Length: 2\r\n\r\n", "ok", OK, 200, "ok"},
    {"length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n",
     "2\r\nok\r\n0\r\n\r\n", OK, 200, "ok"},
    {"chunk of absurd size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "ffffffffffffffffff\r\nok",
     ERR_NETWORK, 200, ""},
    {"chunk without size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "zz\r\nok", ERR_NETWORK, 200, ""},
    {"chunks cut off", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nab", ERR_NETWORK, 200, ""},
    {"gzip that is none", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 11\r\n\r\n", "hello world",
     ERR_REMOTE, 200, ""},
    {"an encoding nobody asked for", "HTTP/1.1 200 OK\r\nContent-Encoding: zippy\r\nContent-Length: 2\r\n\r\n", "ok",
     ERR_REMOTE, 200, ""},
    {"garbage for a status", "HELLO WORLD, I am not HTTP at all\r\n\r\n", "", ERR_REMOTE, 0, "does not speak HTTP"},
    {"status of letters", "HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\n", "ok", ERR_REMOTE, 0, ""},
    {"closed at once", NULL, "", ERR_NETWORK, 0, ""},
    {"cut in the headers", "HTTP/1.1 200 OK\r\nContent-Le", "", ERR_NETWORK, 0, ""},
    {"redirect to a file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 2\r\n\r\n", "no", OK,
     302, "no"},
    {"redirect to itself", "HTTP/1.1 307 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\n", "no", OK, 307, "no"},
    {"redirect elsewhere", "HTTP/1.1 301 Moved\r\nLocation: http://169.254.169.254/\r\nContent-Length: 2\r\n\r\n", "no",
     OK, 301, "no"},
};

static bool case_holds(const struct reply_case *c)
{
    struct server s = {.head = c->head, .body = c->body, .body_n = strlen(c->body)};
    struct result res;
    bool ok;

    server_start(&s);
    call(&s, &res, DEADLINE_MS);
    server_stop(&s);
    ok = res.r.code == c->code && (!c->status || res.r.status == c->status) && atomic_load(&s.requests) == 1;
    if (c->code == OK)
        ok = ok && str_eq(str_mk(res.body, res.body_n), str_of(c->expect));
    else
        ok = ok && res.r.why.code == c->code && strstr(res.r.why.msg, c->expect) && !strstr(res.r.why.msg, "secret");
    if (!ok)
        print_error("%s: code %s, status %d, %d requests, message \"%s\"\n", c->name, err_name(res.r.code),
                    res.r.status, atomic_load(&s.requests), res.r.code ? res.r.why.msg : "");
    free(res.body);
    return ok;
}

static void bad_replies(void **state)
{
    size_t bad = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        bad += !case_holds(&cases[i]);
    assert_int_equal(bad, 0);
}

/* ---- size ---- */

static void write_for_ever(struct server *s, int fd)
{
    static const char block[4096];

    (void)s;
    while (send_all(fd, block, sizeof block))
        continue;
}

static void endless_body(void **state)
{
    struct server s = {.head = "HTTP/1.1 200 OK\r\n\r\n", .body = "", .then = write_for_ever};
    struct result res;

    (void)state;
    server_start(&s);
    call(&s, &res, DEADLINE_MS);
    server_stop(&s);
    assert_int_equal(res.r.code, ERR_REMOTE);
    assert_non_null(strstr(res.r.why.msg, "longer than 100000 bytes"));
    assert_true(res.body_n <= MAX_BYTES);
    free(res.body);
}

static void header_for_ever(struct server *s, int fd)
{
    (void)s;
    while (send_all(fd, "X-Filler: 0123456789012345678901234567890123456789\r\n", 52))
        continue;
}

static void interim_for_ever(struct server *s, int fd)
{
    (void)s;
    while (send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25))
        continue;
}

static void long_header_line(struct server *s, int fd)
{
    char *line = malloc(1u << 20);

    (void)s;
    memset(line, 'x', 1u << 20);
    memcpy(line, "X-Long: ", 8);
    send_all(fd, line, 1u << 20);
    free(line);
}

static void endless_headers(void **state)
{
    void (*const ways[])(struct server *, int) = {header_for_ever, interim_for_ever, long_header_line};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct server s = {.head = i == 1 ? "" : "HTTP/1.1 200 OK\r\n", .body = "", .then = ways[i]};
        struct result res;

        server_start(&s);
        call(&s, &res, DEADLINE_MS);
        server_stop(&s);
        assert_int_not_equal(res.r.code, OK);
        assert_true(res.r.took_ms < DEADLINE_MS);
        free(res.body);
    }
}

/* Packed zeros: of tests/data/net. */
static size_t packed(const char *name, char *out, size_t cap)
{
    char path[512];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "%s/net/%s", TEST_DATA, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(out, 1, cap, f);
    fclose(f);
    assert_true(n > 0 && n < cap);
    return n;
}

static void call_packed(const char *file, const char *encoding, struct server *s, struct result *res)
{
    char body[4096], head[128];

    *s = (struct server){.head = head, .body = body, .body_n = packed(file, body, sizeof body)};
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", encoding,
             s->body_n);
    server_start(s);
    call(s, res, DEADLINE_MS);
    server_stop(s);
}

/* The ceiling counts what comes out of the decompression: 1 MiB from 1 KiB, and from still less when packed twice. */
static void bombs(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct server s;
        struct result res;

        call_packed(i ? "zeros-1m.gz.gz" : "zeros-1m.gz", i ? "gzip, gzip" : "gzip", &s, &res);
        assert_int_equal(res.r.code, ERR_REMOTE);
        assert_non_null(strstr(res.r.why.msg, "longer than 100000 bytes"));
        free(res.body);
    }
}

static void gzip_is_read(void **state)
{
    struct server s;
    struct result res;

    (void)state;
    call_packed("zeros-50k.gz", "gzip", &s, &res);
    assert_int_equal(res.r.code, OK);
    assert_int_equal(res.body_n, 50000);
    assert_non_null(strstr(s.seen, "Accept-Encoding: gzip\r\n"));
    free(res.body);
}

/* ---- time ---- */

/* A byte every 20 ms: alive, but never done. It ends when the client closes. */
static void drip(struct server *s, int fd)
{
    struct pollfd p[2] = {{fd, POLLIN, 0}, {s->quit[0], POLLIN, 0}};

    while (poll(p, 2, 20) == 0)
        if (!send_all(fd, "x", 1))
            return;
}

static void deadlines(void **state)
{
    struct server slow = {.head = "HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n", .body = "", .then = drip},
                  mute = {.silent = true};
    struct server *both[] = {&slow, &mute};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct result res;

        server_start(both[i]);
        call(both[i], &res, 300);
        server_stop(both[i]);
        assert_int_equal(res.r.code, ERR_NETWORK);
        assert_false(res.r.refused);
        assert_in_range(res.r.took_ms, 250, 10000);
        free(res.body);
    }
}

static void nobody_listens(void **state)
{
    struct server s = {0};
    struct result res;

    (void)state;
    server_open(&s); /* a port that was free a moment ago */
    close(s.listener);
    close(s.quit[0]);
    close(s.quit[1]);
    call(&s, &res, DEADLINE_MS);
    assert_int_equal(res.r.code, ERR_NETWORK);
    assert_true(res.r.refused);
    assert_true(res.r.why.hint[0] != '\0');
    free(res.body);
}

/* ---- addresses and requests ---- */

static void bad_addresses(void **state)
{
    static const char *const urls[] = {
        "file:///etc/passwd",      "ftp://127.0.0.1/", "gopher://127.0.0.1/", "", "http://",
        "http://127.0.0.1:99999/", "nonsense",         "http://a b/"};

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct http_request q = {.method = S("GET"), .url = str_of(urls[i]), .max_bytes = MAX_BYTES, .total_ms = 5000};
        struct result res;

        call_request(&q, &res);
        if (res.r.code != ERR_CONFIG)
            print_error("%s: %s\n", urls[i], res.r.why.msg);
        assert_int_equal(res.r.code, ERR_CONFIG);
        free(res.body);
    }
}

static void what_is_sent(void **state)
{
    struct server s = {.head = "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nRetry-After: "
                               "7\r\nContent-Type: text/x\r\nContent-Length: 2\r\n\r\n",
                       .body = "ok",
                       .body_n = 2};
    const struct http_header headers[] = {{S("X-One"), S("1")}, {S("X-Two"), S("zwei")}};
    char url[64];
    struct http_request q = {.method = S("POST"),
                             .body = S("a=1"),
                             .content_type = S("text/plain"),
                             .headers = headers,
                             .n_headers = 2,
                             .max_bytes = MAX_BYTES};
    struct result res;

    (void)state;
    server_start(&s);
    q.url = str_mk(url, (size_t)snprintf(url, sizeof url, "http://127.0.0.1:%d/path?q", s.port));
    call_request(&q, &res);
    server_stop(&s);
    assert_int_equal(res.r.code, OK);
    assert_int_equal(res.r.date_s, 1700000000);
    assert_in_range(res.r.date_age_ms, 0, res.r.took_ms);
    assert_int_equal(res.r.retry_after_s, 7);
    assert_non_null(strstr(s.seen, "POST /path?q HTTP/1.1\r\n"));
    assert_non_null(strstr(s.seen, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(s.seen, "X-One: 1\r\n"));
    assert_non_null(strstr(s.seen, "X-Two: zwei\r\n"));
    assert_null(strstr(s.seen, "Expect:"));
    free(res.body);
}

/* ---- many, and the end while calls run ---- */

struct many {
    struct loop *loop;
    struct http *h;
    struct http_call *other;
    struct http_request q;
    int left, ok;
};

static void one_of_many(void *ctx, struct http_reply *r)
{
    struct many *m = ctx;

    m->ok += r->code == OK;
    if (m->left > 0) {
        m->left--;
        http_send(m->h, &m->q, one_of_many, m); /* from inside the callback */
    } else {
        loop_stop(m->loop);
    }
}

static void calls_in_a_row(void **state)
{
    struct server s = {
        .head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n", .body = "ok", .body_n = 2};
    char url[64];
    struct many m = {.loop = new_loop(), .left = 50};

    (void)state;
    server_start(&s);
    m.h = http_new(m.loop, &clock_system);
    m.q = (struct http_request){.method = S("GET"), .max_bytes = MAX_BYTES, .total_ms = DEADLINE_MS};
    m.q.url = str_mk(url, (size_t)snprintf(url, sizeof url, "http://127.0.0.1:%d/", s.port));
    http_send(m.h, &m.q, one_of_many, &m);
    loop_run(m.loop);
    assert_int_equal(m.ok, 51);
    http_free(m.h);
    loop_free(m.loop);
    server_stop(&s);
}

static void never(void *ctx, struct http_reply *r)
{
    (void)ctx;
    (void)r;
    FAIL_MSG("called back\n");
}

static void cancel_both(void *ctx)
{
    struct many *m = ctx;

    http_cancel(m->other);
    loop_stop(m->loop);
}

/* One call is cancelled while the server holds it, the other is under way when the client is freed. */
static void ended_under_way(void **state)
{
    struct server s = {.silent = true};
    char url[64];
    struct many m = {.loop = new_loop()};

    (void)state;
    server_start(&s);
    m.h = http_new(m.loop, &clock_system);
    m.q = (struct http_request){.method = S("GET"), .max_bytes = MAX_BYTES, .total_ms = DEADLINE_MS};
    m.q.url = str_mk(url, (size_t)snprintf(url, sizeof url, "http://127.0.0.1:%d/", s.port));
    m.other = http_send(m.h, &m.q, never, NULL);
    http_send(m.h, &m.q, never, NULL);
    loop_timer_start(m.loop, 50, cancel_both, &m);
    loop_run(m.loop);
    http_cancel(NULL);
    http_free(m.h);
    http_free(NULL);
    loop_free(m.loop);
    server_stop(&s);
}

/* ---- the loop ---- */

struct turns {
    struct loop *loop;
    struct loop_timer *self;
    int fired, posted, last, signalled;
};

static void not_this(void *ctx)
{
    (void)ctx;
    FAIL_MSG("a timer that was dropped has fired\n");
}

static void fires(void *ctx)
{
    struct turns *t = ctx;

    t->fired++;
    loop_timer_cancel(t->self); /* its own: nothing happens */
}

static void in_order(void *ctx)
{
    struct turns *t = ctx;

    t->posted++;
}

static void last_post(void *ctx)
{
    struct turns *t = ctx;

    t->last = t->posted;
    raise(SIGTERM);
}

static void heard(void *ctx, int signo)
{
    struct turns *t = ctx;

    t->signalled = signo;
    loop_stop(t->loop);
}

static void *post_many(void *ctx)
{
    struct turns *t = ctx;

    for (int i = 0; i < 1000; i++)
        loop_post(t->loop, in_order, t);
    loop_post(t->loop, last_post, t);
    return NULL;
}

static void posts_timers_signals(void **state)
{
    struct turns t = {.loop = new_loop()};
    pthread_t thread;

    (void)state;
    loop_on_signal(t.loop, heard, &t);
    t.self = loop_timer_start(t.loop, 0, fires, &t);
    loop_timer_cancel(loop_timer_start(t.loop, 1, not_this, NULL));
    loop_timer_cancel(NULL);
    loop_timer_start(t.loop, 3600000, not_this, NULL); /* pending when the loop goes */
    assert_int_equal(pthread_create(&thread, NULL, post_many, &t), 0);
    loop_run(t.loop);
    pthread_join(thread, NULL);
    assert_int_equal(t.signalled, SIGTERM);
    assert_int_equal(t.last, 1000);
    assert_int_equal(t.fired, 1);
    loop_post(t.loop, not_this, NULL); /* never run */
    loop_free(t.loop);
    loop_free(NULL);
}

static void stopped_before_it_runs(void **state)
{
    struct loop *l = new_loop();

    (void)state;
    loop_timer_start(l, 0, not_this, NULL);
    loop_stop(l);
    loop_run(l);
    loop_stop(l);
    loop_free(l);
}

/* With no descriptors left a loop is refused with a word, not aborted by libuv. */
static void no_descriptors(void **state)
{
    struct rlimit before, none;
    struct loop *l = NULL;
    struct errinfo ei;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 6, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(loop_new(&l, &ei), ERR_INTERNAL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_non_null(strstr(ei.msg, "open files"));
    assert_non_null(strstr(ei.hint, "ulimit"));
    l = new_loop();
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_replies),
        cmocka_unit_test(endless_body),
        cmocka_unit_test(endless_headers),
        cmocka_unit_test(bombs),
        cmocka_unit_test(gzip_is_read),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(what_is_sent),
        cmocka_unit_test(calls_in_a_row),
        cmocka_unit_test(ended_under_way),
        cmocka_unit_test(posts_timers_signals),
        cmocka_unit_test(stopped_before_it_runs),
        cmocka_unit_test(no_descriptors),
    };

    unsetenv("http_proxy");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
