/* One call with all its attempts, against an upstream that answers from a script: the Qimen connector with both of its
 * error shapes. Real sockets on loopback; the patience is counted by a clock whose hands the test turns. */
#include "table.h"

#include "source/source.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *new_loop(void)
{
    struct loop *l = NULL;
    struct errinfo ei;

    assert_int_equal(loop_new(&l, &ei), OK);
    return l;
}

enum { SCRIPT_MAX = 8, REQUESTS_MAX = 64, WAIT_MS = 20000 };

#define OK_BODY                 "{\"response\":{\"flag\":\"success\",\"data_count\":1,\"has_next\":false,\"orders\":[{\"o_id\":1}]}}"
#define FAILURE(code, more)     "{\"response\":{\"flag\":\"failure\",\"code\":" #code ",\"message\":\"m\"" more "}}"
#define TOP_FAILURE(code, more) "{\"error_response\":{\"code\":" #code ",\"msg\":\"m\"" more "}}"

/* One reply of a script: a line of status and headers, and the body. NULL: the connection is closed. */
struct scripted {
    const char *head, *body;
};

/* ---- the upstream ---- */

struct upstream {
    int listener, quit[2], port;
    pthread_t thread;
    const struct scripted *script; /* the last one again and again */
    int n_script;
    pthread_mutex_t lock;
    int n_requests;
    char seen[REQUESTS_MAX][4096];
    int64_t at_ms[REQUESTS_MAX];
};

static bool send_text(int fd, const char *text)
{
    size_t n = strlen(text);

    return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void wait_for_close(const struct upstream *u, int fd)
{
    struct pollfd p[2] = {{fd, POLLIN, 0}, {u->quit[0], POLLIN, 0}};
    char waste[4096];

    while (poll(p, 2, WAIT_MS) > 0 && !p[1].revents && recv(fd, waste, sizeof waste, 0) > 0)
        continue;
}

/* The whole request: headers, and as much body as they tell of. */
static void read_request(int fd, char *out, size_t cap)
{
    size_t n = 0, need = SIZE_MAX;

    memset(out, 0, cap);
    while (n + 1 < cap && n < need) {
        ssize_t k = recv(fd, out + n, cap - 1 - n, 0);
        char *end, *length;

        if (k <= 0)
            return;
        n += (size_t)k;
        end = strstr(out, "\r\n\r\n");
        length = strstr(out, "Content-Length: ");
        if (end)
            need = (size_t)(end + 4 - out) + (length ? (size_t)strtoul(length + 16, NULL, 10) : 0);
    }
}

static void serve_one(struct upstream *u, int fd)
{
    char request[4096];
    const struct scripted *r;
    int at;

    read_request(fd, request, sizeof request);
    pthread_mutex_lock(&u->lock);
    at = u->n_requests < REQUESTS_MAX ? u->n_requests++ : REQUESTS_MAX - 1;
    memcpy(u->seen[at], request, sizeof request);
    u->at_ms[at] = clock_mono(&clock_system);
    r = &u->script[at < u->n_script ? at : u->n_script - 1];
    pthread_mutex_unlock(&u->lock);
    if (r->head && send_text(fd, "HTTP/1.1 ") && send_text(fd, r->head) &&
        send_text(fd, "\r\nConnection: close\r\n\r\n"))
        send_text(fd, r->body);
    shutdown(fd, SHUT_WR);
    wait_for_close(u, fd);
    close(fd);
}

static void *serve(void *ctx)
{
    struct upstream *u = ctx;
    struct pollfd p[2] = {{u->listener, POLLIN, 0}, {u->quit[0], POLLIN, 0}};

    while (poll(p, 2, -1) > 0 && !p[1].revents) {
        int fd = accept(u->listener, NULL, NULL);

        if (fd >= 0)
            serve_one(u, fd);
    }
    return NULL;
}

static void upstream_start(struct upstream *u, const struct scripted *script, int n)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    memset(u, 0, sizeof *u);
    u->script = script;
    u->n_script = n;
    pthread_mutex_init(&u->lock, NULL);
    u->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(u->listener >= 0);
    assert_int_equal(bind(u->listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(u->listener, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(listen(u->listener, 16), 0);
    assert_int_equal(pipe(u->quit), 0);
    u->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&u->thread, NULL, serve, u), 0);
}

static void upstream_stop(struct upstream *u)
{
    close(u->quit[1]);
    pthread_join(u->thread, NULL);
    close(u->quit[0]);
    close(u->listener);
    pthread_mutex_destroy(&u->lock);
}

/* ---- the caller ---- */

struct hands {
    int64_t mono_ms;
};

static int64_t hands_mono(void *ctx)
{
    return ((struct hands *)ctx)->mono_ms;
}

static int64_t hands_wall(void *ctx)
{
    (void)ctx;
    return clock_wall(&clock_system);
}

struct caller {
    struct arena *arena;
    struct upstream up;
    struct hands hands;
    struct clock clock;
    struct loop *loop;
    struct http *http;
    struct bucket *bucket;
    struct remote_clock *remote;
    struct source *source;
    struct str options[7];
    int64_t note_costs_ms; /* each wait turns the hands by so much */
    int notes[NOTE_COUNT];
    int64_t last_wait_ms;
    /* the answer */
    int answers;
    struct page *page;
    struct errinfo why;
};

static void on_note(void *ctx, enum source_note what, const struct errinfo *ei, int64_t wait_ms)
{
    struct caller *c = ctx;

    (void)ei;
    c->notes[what]++;
    c->last_wait_ms = wait_ms;
    c->hands.mono_ms += c->note_costs_ms;
}

static void on_answer(void *ctx, struct page *page, const struct errinfo *why)
{
    struct caller *c = ctx;

    c->answers++;
    c->page = page;
    if (!page)
        c->why = *why;
    loop_stop(c->loop);
}

static const struct connector *read_connector(struct arena *a)
{
    const char *path = SOURCE_DIR "/connectors/jushuitan-qimen/connector.json";
    struct diags *diags = diags_new();
    struct node *root = NULL;
    const struct connector *c;

    assert_int_equal(conf_load(a, path, path, diags, &root), OK);
    c = connector_read(a, root, diags);
    assert_non_null(c);
    diags_free(diags);
    return c;
}

static struct caller *caller_new(const struct scripted *script, int n, int64_t calls, int64_t per_ms)
{
    struct caller *c = calloc(1, sizeof *c);
    struct source_config config = {
        .call_ms = WAIT_MS, .max_bytes = 1u << 20, .patience_ms = 60000, .note = on_note, .note_ctx = c};
    struct errinfo ei;

    upstream_start(&c->up, script, n);
    c->arena = arena_new(64u << 20);
    c->clock = (struct clock){.wall_ms = hands_wall, .mono_ms = hands_mono, .ctx = &c->hands};
    c->loop = config.loop = new_loop();
    c->http = config.http = http_new(c->loop, &clock_system);
    c->remote = config.remote = remote_clock_new(&clock_system);
    assert_int_equal(bucket_open(NULL, S("x"), calls, per_ms, &c->bucket, &ei), OK);
    config.bucket = c->bucket;
    config.clock = &c->clock;
    config.connector = read_connector(c->arena);
    config.iface = connector_iface(config.connector, S("jushuitan.order.list.query"));
    c->options[0] = arena_printf(c->arena, "http://127.0.0.1:%d/router", c->up.port);
    c->options[1] = S("key");
    c->options[2] = S("topsecret");
    c->options[3] = S("23060081");
    c->options[4] = S("customer");
    config.options = (struct option_values){c->options, 7};
    c->source = source_new(&config);
    return c;
}

static void caller_free(struct caller *c)
{
    page_unref(c->page);
    source_free(c->source);
    http_free(c->http);
    loop_free(c->loop);
    remote_clock_free(c->remote);
    bucket_close(c->bucket);
    upstream_stop(&c->up);
    arena_free(c->arena);
    free(c);
}

static void start(struct caller *c, struct str link)
{
    const struct kv business[] = {{S("page_index"), S("1")}};

    source_call(c->source, &(struct source_request){.business = business, .n_business = 1, .link = link}, on_answer, c);
}

/* ---- scripts ---- */

struct script_case {
    const char *name;
    struct scripted script[SCRIPT_MAX];
    enum err code; /* of the answer */
    int calls, retries, throttled;
    const char *message; /* a part of it */
};

static const struct script_case cases[] = {
    {"a page", {{"200 OK", OK_BODY}}, OK, 1, 0, 0, NULL},
    {"garbage is tried again",
     {{"200 OK", "<html><body>proxy</body></html>"}, {"200 OK", "{\"response\":{\"flag\":\"succ"}, {"200 OK", OK_BODY}},
     OK,
     3,
     2,
     0,
     NULL},
    {"so is nothing at all", {{NULL, NULL}, {"200 OK", ""}, {"200 OK", OK_BODY}}, OK, 3, 2, 0, NULL},
    {"and a reply that is cut", {{"200 OK\r\nContent-Length: 500", OK_BODY}, {"200 OK", OK_BODY}}, OK, 2, 1, 0, NULL},
    {"and a server in trouble",
     {{"502 Bad Gateway", "<html>"}, {"503 No", ""}, {"200 OK", OK_BODY}},
     OK,
     3,
     2,
     0,
     NULL},
    {"and the provider's trouble",
     {{"200 OK", FAILURE(50, ",\"sub_code\":\"isp.remote-service-error\"")}, {"200 OK", OK_BODY}},
     OK,
     2,
     1,
     0,
     NULL},
    {"a signature does not get better", {{"200 OK", FAILURE(25, "")}}, ERR_SIGNATURE, 1, 0, 0, "m"},
    {"in the other shape either", {{"200 OK", TOP_FAILURE(25, "")}}, ERR_SIGNATURE, 1, 0, 0, "m"},
    {"nor does a permission", {{"200 OK", TOP_FAILURE(11, "")}}, ERR_AUTH, 1, 0, 0, "m"},
    {"nor our own fault",
     {{"200 OK", FAILURE(99, ",\"sub_code\":\"isv.invalid-parameter\"")}},
     ERR_CONFIG,
     1,
     0,
     0,
     "m"},
    {"a redirect is not followed",
     {{"302 Found\r\nLocation: http://169.254.169.254/", ""}},
     ERR_CONFIG,
     1,
     0,
     0,
     "302"},
    {"rows that are no rows",
     {{"200 OK", "{\"response\":{\"flag\":\"success\",\"orders\":7}}"}},
     ERR_DATA,
     1,
     0,
     0,
     "orders"},
    {"a timestamp without a Date to learn from", {{"200 OK", FAILURE(31, "")}}, ERR_SIGNATURE, 1, 0, 0, "m"},
    {"a timestamp that stays wrong",
     {{"200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT", FAILURE(31, "")}},
     ERR_SIGNATURE,
     2,
     1,
     0,
     "m"},
    {"a wait beyond all patience", {{"429 Slow\r\nRetry-After: 9223372036854775807", ""}}, ERR_QUOTA, 1, 0, 0, "429"},
    {"of more digits", {{"429 Slow\r\nRetry-After: 99999999999999999999", ""}}, ERR_QUOTA, 1, 0, 0, "a wait of 3600 s"},
    {"and on any date", {{"429 Slow\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT", ""}}, ERR_QUOTA, 1, 0, 0, "429"},
    {"a wait that is nonsense",
     {{"503 No\r\nRetry-After: -7", ""}, {"503 No\r\nRetry-After: soon", ""}, {"200 OK", OK_BODY}},
     OK,
     3,
     2,
     0,
     NULL},
};

static bool case_holds(const struct script_case *t)
{
    struct caller *c;
    struct source_counts n;
    int n_script = 0;
    bool ok;

    while (n_script < SCRIPT_MAX && (t->script[n_script].head || t->script[n_script + 1].head))
        n_script++;
    c = caller_new(t->script, n_script, 0, 0);
    start(c, S(""));
    loop_run(c->loop);
    n = source_counts(c->source);
    ok = c->answers == 1 && n.calls == t->calls && n.retries == t->retries && n.throttled == t->throttled &&
         c->up.n_requests == t->calls;
    if (t->code == OK)
        ok = ok && c->page && c->page->reply.n_records == 1 && c->page->body_n == strlen(OK_BODY) &&
             str_find(c->page->call, S("topsecret"), 0) == SIZE_MAX &&
             llabs(c->page->fetched_ms - clock_wall(&clock_system)) < 5000;
    else
        ok = ok && !c->page && c->why.code == t->code && strstr(c->why.msg, t->message);
    if (!ok)
        print_error("%s: %s, %lld calls, %lld retries, %lld throttled: %s\n", t->name,
                    c->page ? "page" : err_name(c->why.code), (long long)n.calls, (long long)n.retries,
                    (long long)n.throttled, c->page ? "" : c->why.msg);
    caller_free(c);
    return ok;
}

static void scripts(void **state)
{
    size_t bad = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        bad += !case_holds(&cases[i]);
    assert_int_equal(bad, 0);
}

/* As long as the text, the header or the date says; and the quota is held back for all. */
static void told_to_wait(void **state)
{
    static const struct scripted scripts_of[][2] = {
        {{"200 OK", TOP_FAILURE(7, ",\"sub_code\":\"accesscontrol.limited-by-api-access-count\",\"sub_msg\":\"This ban "
                                   "will last for 0 more seconds\"")},
         {"200 OK", OK_BODY}},
        {{"429 Slow\r\nRetry-After: 1", ""}, {"200 OK", OK_BODY}},
        {{"503 Down\r\nRetry-After: 1", ""}, {"200 OK", OK_BODY}},
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct caller *c = caller_new(scripts_of[i], 2, 1000, 1000);

        start(c, S(""));
        loop_run(c->loop);
        assert_non_null(c->page);
        assert_int_equal(c->notes[NOTE_THROTTLED], 1);
        assert_int_equal(c->notes[NOTE_RETRY], 0);
        assert_true(c->last_wait_ms >= 1000);
        assert_true(c->up.at_ms[1] - c->up.at_ms[0] >= 1000);
        caller_free(c);
    }
}

/* Every attempt is signed with the clock as it is known then. */
static void the_clock_is_corrected_once(void **state)
{
    static const struct scripted script[] = {{"200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT", FAILURE(31, "")},
                                             {"200 OK", OK_BODY}};
    struct caller *c = caller_new(script, 2, 0, 0);

    (void)state;
    remote_clock_set_offset(c->remote, 0); /* known, so that one Date alone is not believed */
    start(c, S(""));
    loop_run(c->loop);
    assert_non_null(c->page);
    assert_int_equal(c->notes[NOTE_CLOCK], 1);
    assert_null(strstr(c->up.seen[0], "timestamp=2023-11-15"));
    assert_non_null(strstr(c->up.seen[1], "timestamp=2023-11-15+06%3A13%3A"));
    assert_in_range(remote_clock_now_ms(c->remote), 1700000000000, 1700000060000);
    caller_free(c);
}

static void patience_ends(void **state)
{
    static const struct scripted closed[] = {{NULL, NULL}};
    struct caller *c = caller_new(closed, 1, 0, 0);

    (void)state;
    c->note_costs_ms = 25000;
    start(c, S(""));
    loop_run(c->loop);
    assert_null(c->page);
    assert_int_equal(c->why.code, ERR_NETWORK);
    assert_non_null(strstr(c->why.msg, "given up after 4 attempts"));
    assert_int_equal(c->notes[NOTE_RETRY], 3);
    caller_free(c);
}

/* "Slow down" shows that the upstream is there: what follows has the whole patience, and it has ten times as much
 * itself. */
static void being_slowed_has_its_own_patience(void **state)
{
    static const struct scripted first[] = {{"429 Slow\r\nRetry-After: 1", ""}, {NULL, NULL}, {"200 OK", OK_BODY}};
    static const struct scripted only[] = {{"429 Slow", ""}};
    struct caller *c = caller_new(first, 3, 0, 0);

    (void)state;
    c->note_costs_ms = 50000;
    start(c, S(""));
    loop_run(c->loop);
    assert_non_null(c->page);
    assert_int_equal(c->notes[NOTE_THROTTLED], 1);
    assert_int_equal(c->notes[NOTE_RETRY], 1);
    caller_free(c);
    c = caller_new(only, 1, 0, 0);
    c->note_costs_ms = 700000;
    start(c, S(""));
    loop_run(c->loop);
    assert_null(c->page);
    assert_int_equal(c->why.code, ERR_QUOTA);
    assert_int_equal(c->up.n_requests, 2);
    caller_free(c);
}

static void hold_it(void *ctx)
{
    bucket_hold_ms(((struct caller *)ctx)->bucket, 700);
}

/* A hold that begins while a call waits for its place reaches that call too. */
static void a_hold_reaches_who_waits(void **state)
{
    static const struct scripted script[] = {{"200 OK", OK_BODY}};
    struct caller *c = caller_new(script, 1, 5, 1000);
    int64_t begun = clock_mono(&clock_system);

    (void)state;
    bucket_take_ms(c->bucket);
    start(c, S(""));
    loop_timer_start(c->loop, 0, hold_it, c);
    loop_run(c->loop);
    assert_non_null(c->page);
    assert_true(c->up.at_ms[0] - begun >= 700);
    caller_free(c);
}

static void stop_all(void *ctx)
{
    struct caller *c = ctx;

    source_cancel(c->source);
    source_cancel(c->source);
    loop_stop(c->loop);
}

/* While the place is waited for, between attempts, and while the upstream is silent. */
static void cancelling(void **state)
{
    static const struct scripted silent[] = {{"200 OK\r\nContent-Length: 1000", "{"}},
                                 slow[] = {{"429 Slow\r\nRetry-After: 100", ""}};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct caller *c = caller_new(i == 1 ? slow : silent, 1, i ? 0 : 1, i ? 0 : 3600000);

        start(c, S(""));
        loop_timer_start(c->loop, 100, stop_all, c);
        loop_run(c->loop);
        assert_int_equal(c->answers, 0);
        caller_free(c);
    }
}

static void next_addresses(void **state)
{
    static const struct scripted script[] = {{"200 OK", OK_BODY}};
    static const char *const refused[] = {"http://127.0.0.1.example/x", "//127.0.0.1/x", "https://127.0.0.1/x",
                                          "file:///etc/passwd",         "x y",           "next",
                                          "http://127.0.0.1:1/",        "/a\\b"};
    struct caller *c = caller_new(script, 1, 0, 0);
    char long_link[3000];

    (void)state;
    start(c, S("/page/2?cursor=x"));
    loop_run(c->loop);
    assert_non_null(c->page);
    assert_non_null(strstr(c->up.seen[0], "POST /page/2?cursor=x HTTP/1.1\r\n"));
    caller_free(c);
    c = caller_new(script, 1, 0, 0);
    memset(long_link, 'y', 3000);
    memcpy(long_link, "?cursor=", 8);
    start(c, str_mk(long_link, 3000));
    loop_run(c->loop);
    assert_non_null(strstr(c->up.seen[0], "POST /router?cursor=yyyyyyyy"));
    assert_non_null(strstr(c->up.seen[0] + 2990, "yyyyy HTTP/1.1\r\n"));
    caller_free(c);
    c = caller_new(script, 1, 0, 0);
    start(c, arena_printf(c->arena, "HTTP://127.0.0.1:%d/z", c->up.port));
    loop_run(c->loop);
    assert_non_null(strstr(c->up.seen[0], "POST /z HTTP/1.1\r\n"));
    caller_free(c);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        c = caller_new(script, 1, 0, 0);
        start(c, str_of(refused[i]));
        loop_run(c->loop);
        assert_null(c->page);
        assert_int_equal(c->why.code, ERR_REMOTE);
        assert_int_equal(c->up.n_requests, 0);
        caller_free(c);
    }
}

/* What cannot be signed is told before the call returns, and costs the upstream nothing. */
static void unsigned_request(void **state)
{
    static const struct scripted script[] = {{"200 OK", OK_BODY}};
    struct caller *c = caller_new(script, 1, 0, 0);

    (void)state;
    c->options[2] = S("");
    start(c, S(""));
    assert_int_equal(c->answers, 1);
    assert_int_equal(c->why.code, ERR_SECRET);
    assert_int_equal(c->up.n_requests, 0);
    caller_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts),
        cmocka_unit_test(told_to_wait),
        cmocka_unit_test(the_clock_is_corrected_once),
        cmocka_unit_test(patience_ends),
        cmocka_unit_test(being_slowed_has_its_own_patience),
        cmocka_unit_test(a_hold_reaches_who_waits),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(next_addresses),
        cmocka_unit_test(unsigned_request),
    };

    unsetenv("http_proxy");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
