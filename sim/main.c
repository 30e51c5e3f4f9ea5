/* sluice-sim: stand-ins for the systems that people pull from, for tests, demonstrations and measuring.
 *
 * The story: read the options, make the orders, listen, print one JSON line that says where, wait for a signal.
 * Options and simulators are tables; --help and --list are printed from them. */
#include "base/json.h"
#include "base/num.h"
#include "base/product.h"
#include "robot.h"
#include "sim.h"
#include "smtp.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum option_kind { OPTION_INT, OPTION_UINT, OPTION_REAL, OPTION_TEXT, OPTION_FLAG, OPTION_TIME, OPTION_FAULT };

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t at; /* offset in struct options */
    double min, max;
    const char *arg, *help;
};

#define AT(field) offsetof(struct options, field)
static const struct option_row option_table[] = {
    {"--port", OPTION_INT, AT(port), 0, 65535, "N", "port on 127.0.0.1; 0 is a free one (default 0)"},
    {"--seed", OPTION_UINT, AT(seed), 0, 0, "N", "the same seed and --start give the same orders (default 1)"},
    {"--orders", OPTION_UINT, AT(orders), 0, 10000000, "N", "how many orders there are (default 5000)"},
    {"--qps", OPTION_INT, AT(qps), 0, 1000000, "N", "calls a second that are let through; 0: any number (default 8)"},
    {"--days", OPTION_INT, AT(days), 1, 3650, "N", "orders were modified in the last N days (default 7)"},
    {"--start", OPTION_TIME, AT(start_s), 0, 0, "TIME",
     "the simulator's clock starts at \"YYYY-MM-DD HH:MM:SS\", UTC+8 (default: now)"},
    {"--realtime-new", OPTION_REAL, AT(realtime_new), 0, 100000, "N", "N new orders appear every second (default 0)"},
    {"--page-max", OPTION_INT, AT(page_max), 1, 1000, "N", "largest page_size (default 100)"},
    {"--fault", OPTION_FAULT, 0, 0, 0, "NAME[=VALUE]", "switches a fault on; may be repeated; see below"},
    {"--app-key", OPTION_TEXT, AT(app_key), 0, 0, "KEY", "(default 10000001)"},
    {"--app-secret", OPTION_TEXT, AT(app_secret), 0, 0, "SECRET", "(default demo-top-secret)"},
    {"--customer-id", OPTION_TEXT, AT(customer_id), 0, 0, "ID", "(default 20000002)"},
    {"--token-life", OPTION_INT, AT(token_life_s), 1, 315360000, "S",
     "jushuitan-open: a token is good for S seconds (default 2592000)"},
    {"--plain", OPTION_FLAG, AT(plain), 0, 0, NULL, "no hostile content in the orders"},
    {"--die-with-parent", OPTION_FLAG, AT(die_with_parent), 0, 0, NULL, "ends when the thread that started it ends"},
};
#define N_OPTIONS (sizeof option_table / sizeof *option_table)

static const struct {
    const char *name, *help;
} simulators[] = {
    {"jushuitan-qimen", "聚水潭 (Jushuitan) orders, refunds and outbound documents through 奇门 (the TOP gateway)"},
    {"jushuitan-open", "the same from Jushuitan's open platform, with tokens that end"},
    {"dingtalk-robot", "a DingTalk group robot: signature, keyword, 20 messages a minute"},
    {"wecom-robot", "a WeCom group robot: lengths, 20 messages a minute"},
    {"feishu-robot", "a Feishu group robot: signature, keyword, 5 messages a second"},
    {"webhook", "somebody who takes JSON that " PRODUCT " signed"},
    {"smtp", "a mail server: STARTTLS and TLS with a certificate of its own, one account, faults at each stage"},
};

static void print_list(void)
{
    for (size_t i = 0; i < sizeof simulators / sizeof *simulators; i++)
        printf("%-18s %s\n", simulators[i].name, simulators[i].help);
}

static void print_help(void)
{
    char label[64];
    printf("usage: %s-sim NAME [option]…\n\nA local stand-in for somebody else's system. It prints one JSON line when "
           "it listens.\n\n"
           "Simulators:\n",
           PRODUCT);
    print_list();
    printf("\nOptions:\n");
    for (size_t i = 0; i < N_OPTIONS; i++) {
        snprintf(label, sizeof label, "%s %s", option_table[i].name, option_table[i].arg ? option_table[i].arg : "");
        printf("  %-22s %s\n", label, option_table[i].help);
    }
    printf("  %-22s %s\n  %-22s %s\n\nFaults:\n", "--list", "names the simulators", "--help", "this text");
    for (int i = 0; i < FAULT_COUNT; i++)
        printf("  %-22s %s\n", fault_table[i].name, fault_table[i].help);
    printf("\nPaths: POST /router/qm · POST /open/… · GET /truth[?raw=1][?ids=1] · GET /stats · POST /control · GET "
           "/healthz\n"
           "Example: %s-sim jushuitan-qimen --orders 1000 --fault drift=3 --fault late=8\n",
           PRODUCT);
    robot_help();
    smtp_help();
}

static enum err bad_value(const struct option_row *row, struct str text, struct errinfo *ei)
{
    if (row->kind == OPTION_TIME)
        return fail(ei, ERR_USAGE, "%s takes a time like \"2026-03-01 08:30:00\", not \"" STR_FMT "\"", row->name,
                    STR_ARG(text));
    if (row->kind == OPTION_UINT && row->max == 0)
        return fail(ei, ERR_USAGE, "%s takes a number, not \"" STR_FMT "\"", row->name, STR_ARG(text));
    return fail(ei, ERR_USAGE, "%s takes a number from %g to %g, not \"" STR_FMT "\"", row->name, row->min, row->max,
                STR_ARG(text));
}

static enum err set_fault_option(struct faults *faults, struct str text, struct errinfo *ei)
{
    size_t eq = str_find(text, S("="), 0);
    if (eq == SIZE_MAX)
        return fault_set(faults, text, S(""), ei);
    return fault_set(faults, str_sub(text, 0, eq), str_sub(text, eq + 1, text.n), ei);
}

static enum err set_option(const struct option_row *row, const char *arg, struct options *opt, struct faults *faults,
                           struct errinfo *ei)
{
    char *at = (char *)opt + row->at;
    struct str text = str_of(arg);
    int64_t i = 0;
    uint64_t u = 0;
    double d = 0;
    bool good = true;
    switch (row->kind) {
    case OPTION_INT:
        good = num_i64(text, &i) && (double)i >= row->min && (double)i <= row->max;
        memcpy(at, &i, sizeof i);
        break;
    case OPTION_UINT:
        good = num_u64(text, &u) && (row->max == 0 || (double)u <= row->max);
        memcpy(at, &u, sizeof u);
        break;
    case OPTION_REAL:
        good = num_double(text, &d) && d >= row->min && d <= row->max;
        memcpy(at, &d, sizeof d);
        break;
    case OPTION_TIME:
        good = china_parse(text, &i) && i >= 0;
        memcpy(at, &i, sizeof i);
        break;
    case OPTION_TEXT:
        memcpy(at, &arg, sizeof arg);
        break;
    case OPTION_FLAG:
        *(bool *)at = true;
        break;
    case OPTION_FAULT:
        return set_fault_option(faults, text, ei);
    }
    return good ? OK : bad_value(row, text, ei);
}

static enum err unknown_option(const char *name, struct errinfo *ei)
{
    const char *names[N_OPTIONS];
    for (size_t i = 0; i < N_OPTIONS; i++)
        names[i] = option_table[i].name;
    const char *nearest = str_nearest(str_of(name), names, N_OPTIONS);
    enum err e = fail(ei, ERR_USAGE, "there is no option \"%s\"", name);
    return nearest ? fail_hint(ei, "Did you mean \"%s\"?", nearest) : e;
}

/* argv from behind the simulator's name. "--name value" and "--name=value". */
static enum err read_options(int argc, char **argv, struct options *opt, struct faults *faults, struct errinfo *ei)
{
    for (int i = 0; i < argc; i++) {
        const struct option_row *row = NULL;
        struct str word = str_of(argv[i]);
        size_t eq = str_find(word, S("="), 0);
        struct str name = str_sub(word, 0, eq == SIZE_MAX ? word.n : eq);
        for (size_t k = 0; k < N_OPTIONS; k++)
            if (str_eq(name, str_of(option_table[k].name)))
                row = &option_table[k];
        if (!row)
            return unknown_option(argv[i], ei);
        const char *arg = "";
        if (row->kind == OPTION_FLAG && eq != SIZE_MAX)
            return fail(ei, ERR_USAGE, "%s takes no value", row->name);
        if (row->kind != OPTION_FLAG) {
            if (eq == SIZE_MAX && i + 1 >= argc)
                return fail(ei, ERR_USAGE, "%s needs a value", row->name);
            arg = eq != SIZE_MAX ? argv[i] + eq + 1 : argv[++i];
        }
        enum err e = set_option(row, arg, opt, faults, ei);
        if (e != OK)
            return e;
    }
    return OK;
}

static void write_connection(const struct sim *s, const char *router, struct json_out *w)
{
    size_t n_params = s->opt.open ? 3 : 5;
    const char *const params[][2] = {{"base_url", router},
                                     {"app_key", s->opt.app_key},
                                     {"app_secret", s->opt.app_secret},
                                     {"target_app_key", TARGET_APP_KEY},
                                     {"customer_id", s->opt.customer_id}};
    json_out_begin(w, '{');
    json_out_key(w, "connector");
    json_out_cstr(w, s->opt.open ? "jushuitan-open" : "jushuitan-qimen");
    json_out_key(w, "params");
    json_out_begin(w, '{');
    for (size_t i = 0; i < n_params; i++) {
        json_out_key(w, params[i][0]);
        json_out_cstr(w, params[i][1]);
    }
    json_out_end(w, '}');
    if (s->opt.qps > 0) {
        json_out_key(w, "limits");
        json_out_begin(w, '{');
        json_out_key(w, "requests");
        json_out_int(w, s->opt.qps);
        json_out_key(w, "per");
        json_out_cstr(w, "1s");
        json_out_end(w, '}');
    }
    json_out_end(w, '}');
}

struct range {
    char from[CHINA_TEXT], to[CHINA_TEXT];
};

static void first_and_last(const struct book *b, struct range *ret)
{
    bool some = b->n_visible > 0;
    china_print(some ? b->slot[b->by_modified[0]].modified_s : b->gen.from_s, ret->from);
    china_print(some ? b->slot[b->by_modified[b->n_visible - 1]].modified_s : b->gen.to_s, ret->to);
}

/* The server's thread owns the simulator by now: only its options may be read. */
static void print_ready(const struct sim *s, const struct range *range, int port)
{
    char url[64], router[80], seed[32];
    struct buf out = buf_make(64u << 10);
    struct json_out w = json_out(&out);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    snprintf(router, sizeof router, "%s%s", url, s->opt.open ? "" : "/router/qm");
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)s->opt.seed);
    const char *const texts[][2] = {{"listening", url},
                                    {"router", router},
                                    {"app_key", s->opt.app_key},
                                    {"app_secret", s->opt.app_secret},
                                    {"target_app_key", TARGET_APP_KEY},
                                    {"customer_id", s->opt.customer_id},
                                    {"from", range->from},
                                    {"to", range->to}};
    json_out_begin(&w, '{');
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_out_key(&w, texts[i][0]);
        json_out_cstr(&w, texts[i][1]);
    }
    json_out_key(&w, "port");
    json_out_int(&w, port);
    json_out_key(&w, "orders");
    json_out_int(&w, (int64_t)s->opt.orders);
    json_out_key(&w, "seed");
    json_out_raw(&w, str_of(seed));
    json_out_key(&w, "connection");
    write_connection(s, router, &w);
    json_out_end(&w, '}');
    puts(buf_cstr(&out));
    fflush(stdout);
    buf_free(&out);
}

/* Makes the orders, listens, waits for SIGTERM or SIGINT. */
static enum err run(const struct options *opt, const struct faults *faults, struct errinfo *ei)
{
    struct sim *s = mem_zero(sizeof *s);
    struct server *srv;
    sigset_t signals;
    int port, got;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (opt->die_with_parent && (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() == 1)) {
        free(s);
        return fail(ei, ERR_USAGE, "the parent is gone already");
    }
    sim_open(s, opt, faults);
    struct range range;
    first_and_last(&s->book, &range);
    enum err e = server_start(s, &srv, &port, ei);
    if (e == OK) {
        print_ready(s, &range, port);
        sigwait(&signals, &got);
        server_stop(srv);
    }
    sim_close(s);
    free(s);
    return e;
}

static bool known_simulator(const char *name)
{
    for (size_t i = 0; i < sizeof simulators / sizeof *simulators; i++)
        if (strcmp(name, simulators[i].name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct options opt = {.app_key = "10000001",
                          .app_secret = "demo-top-secret",
                          .customer_id = "20000002",
                          .seed = 1,
                          .orders = 5000,
                          .qps = 8,
                          .days = 7,
                          .page_max = 100,
                          .start_s = -1,
                          .token_life_s = 2592000,
                          .open = argc > 1 && strcmp(argv[1], "jushuitan-open") == 0};
    struct faults faults = {0};
    struct errinfo ei = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help();
            return 0;
        }
    }
    if (argc < 2 || strcmp(argv[1], "--list") == 0) {
        print_list();
        return 0;
    }
    bool orders = false;
    enum err e;
    if (robot_known(argv[1]))
        e = robot_run(argv[1], argc - 2, argv + 2, &ei);
    else if (strcmp(argv[1], "smtp") == 0)
        e = smtp_run(argc - 2, argv + 2, &ei);
    else if (!known_simulator(argv[1]))
        e = fail(&ei, ERR_USAGE, "there is no simulator \"%s\"; --list names them", argv[1]);
    else
        orders = (e = read_options(argc - 2, argv + 2, &opt, &faults, &ei)) == OK;
    if (orders)
        e = run(&opt, &faults, &ei);
    if (e == OK)
        return 0;
    fprintf(stderr, "%s-sim: %s%s%s\n", PRODUCT, ei.msg, ei.hint[0] ? " " : "", ei.hint);
    return e == ERR_USAGE ? 2 : 1;
}
