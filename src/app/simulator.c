/* The simulator as a child: found by $SLUICE_SIM or next to this binary, started with a pipe for its one line, ended
 * with SIGTERM. It ends by itself when this process dies
 * (--die-with-parent), so that not even kill -9 leaves one behind. */
#include "app/simulator.h"

#include "base/json.h"
#include "base/product.h"
#include "net/http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS  30000
#define LINE_MAX  (1u << 20)
#define OPTIONS   24
#define CALL_MS   60000
#define REPLY_MAX (1u << 30)

struct simulator {
    pid_t pid;
    int out;
    struct buf line;
    struct str address;
    struct json_doc *doc;
};

static enum err find(struct arena *a, const char **ret, struct errinfo *ei)
{
    const char *named = getenv("SLUICE_SIM");
    char self[4096];
    ssize_t n;

    if (named && *named) {
        *ret = named;
        return OK;
    }
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    while (n > 0 && self[n - 1] != '/')
        n--;
    *ret = arena_printf(a, "%.*s%s-sim", (int)(n > 0 ? n : 0), self, PRODUCT).p;
    if (access(*ret, X_OK) == 0)
        return OK;
    fail(ei, ERR_CONFIG, "the simulator %s is not there", *ret);
    return fail_hint(ei, "it is built and installed with the program; SLUICE_SIM names another place");
}

static enum err spawn(struct simulator *s, const char *path, const char *const *options, struct errinfo *ei)
{
    const char *argv[OPTIONS + 4] = {path, "jushuitan-qimen", "--die-with-parent"};
    int ends[2];

    for (size_t i = 0; i < OPTIONS && options[i]; i++)
        argv[3 + i] = options[i];
    if (pipe2(ends, O_CLOEXEC))
        return fail(ei, ERR_INTERNAL, "no pipe: %s", strerror(errno));
    s->pid = fork();
    if (s->pid == 0) {
        setpgid(0, 0); /* Ctrl-C is for us; we end it */
        dup2(ends[1], STDOUT_FILENO);
        execv(path, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    s->out = ends[0];
    return s->pid > 0 ? OK : fail(ei, ERR_INTERNAL, "no process: %s", strerror(errno));
}

static enum err read_line(struct simulator *s, struct errinfo *ei)
{
    for (;;) {
        struct pollfd p = {.fd = s->out, .events = POLLIN};
        ssize_t n;
        int ready = poll(&p, 1, START_MS);

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0 || !buf_room(&s->line, 4096))
            break;
        n = read(s->out, s->line.p + s->line.n, 4096);
        if (n <= 0)
            break;
        s->line.n += (size_t)n;
        if (memchr(s->line.p, '\n', s->line.n))
            return OK;
    }
    return fail(ei, ERR_TARGET, "the simulator did not begin to listen");
}

static enum err read_hello(struct simulator *s, struct errinfo *ei)
{
    enum err err = read_line(s, ei);

    err = err ? err : json_parse(buf_str(&s->line), &JSON_LIMITS_DEFAULT, &s->doc, NULL, ei);
    if (err)
        return err;
    s->address = json_text(json_get(json_root(s->doc), S("listening")));
    return s->address.n ? OK : fail(ei, ERR_TARGET, "the simulator does not say where it listens");
}

enum err simulator_start(const char *const *options, struct simulator **ret, struct errinfo *ei)
{
    struct simulator *s = mem_zero(sizeof *s);
    struct arena *a = arena_new(1u << 16);
    const char *path;
    enum err err = find(a, &path, ei);

    s->out = -1;
    s->line = buf_make(LINE_MAX);
    err = err ? err : spawn(s, path, options, ei);
    err = err ? err : read_hello(s, ei);
    arena_free(a);
    if (err) {
        simulator_stop(s);
        return err;
    }
    *ret = s;
    return OK;
}

struct str simulator_line(const struct simulator *s)
{
    return str_trim(buf_str(&s->line));
}

void simulator_stop(struct simulator *s)
{
    if (!s)
        return;
    if (s->pid > 0) {
        kill(s->pid, SIGTERM);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (s->out >= 0)
        close(s->out);
    json_free(s->doc);
    buf_free(&s->line);
    free(s);
}

/* ---- calls ---- */

struct ask {
    struct loop *loop;
    struct arena *arena;
    struct str body;
    struct errinfo why;
};

static void answered(void *ctx, struct http_reply *r)
{
    struct ask *a = ctx;

    if (r->code)
        a->why = r->why;
    else if (r->status != 200)
        fail(&a->why, ERR_REMOTE, "the simulator answered %d: " STR_FMT, r->status, STR_ARG(r->body));
    else
        a->body = arena_str(a->arena, r->body);
    loop_stop(a->loop);
}

enum err simulator_ask(const struct simulator *s, const struct simulator_call *c, struct arena *a, struct str *ret,
                       struct errinfo *ei)
{
    struct ask ask = {.arena = a};
    struct http_request r = {
        .method = str_of(c->method),
        .url = arena_printf(a, STR_FMT "%s", STR_ARG(s->address), c->path),
        .body = c->body,
        .content_type = c->body.n ? S("application/json") : (struct str){0},
        .max_bytes = REPLY_MAX,
        .connect_ms = 5000,
        .total_ms = CALL_MS,
    };
    struct http *http;
    enum err err = loop_new(&ask.loop, ei);

    if (err)
        return err;
    http = http_new(ask.loop, &clock_system);
    http_send(http, &r, answered, &ask);
    loop_run(ask.loop);
    http_free(http);
    loop_free(ask.loop);
    if (ask.why.code) {
        *ei = ask.why;
        return ei->code;
    }
    *ret = ask.body;
    return OK;
}
