/* What comes with a request: path, query, cookies, Host, Accept-Encoding, the JSON body. Whatever the bytes are, what
 * is taken keeps its promises: texts are UTF-8 without control characters, numbers lie in their range, words are known,
 * and nothing is taken twice. The input is lines: path, query, cookie, host, and the rest is the body.
 *
 * clang -fsanitize=fuzzer. */
#include "server/param.h"
#include "server/uri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const words[] = {"main", "remedy", NULL};
static const struct route_param params[] = {
    {.name = "name", .in = IN_PATH, .help = ""},
    {.name = "n", .in = IN_QUERY, .type = PARAM_INT, .min = -5, .max = 1000, .help = ""},
    {.name = "on", .in = IN_QUERY, .type = PARAM_BOOL, .help = ""},
    {.name = "word", .in = IN_QUERY, .type = PARAM_ENUM, .names = words, .help = ""},
    {.name = "at", .in = IN_QUERY, .type = PARAM_TIME, .help = ""},
    {.name = "list", .in = IN_QUERY, .type = PARAM_STRINGS, .max = 5, .help = ""},
    {.name = "kind", .in = IN_BODY, .type = PARAM_ENUM, .names = words, .help = ""},
    {.name = "count", .in = IN_BODY, .type = PARAM_INT, .min = 0, .max = 9, .help = ""},
    {.name = "ids", .in = IN_BODY, .type = PARAM_STRINGS, .max = 3, .help = ""},
    {.name = "record", .in = IN_BODY, .type = PARAM_OBJECT, .help = ""},
    {.name = "text", .in = IN_BODY, .min = 1, .max = 8, .help = ""},
};
#define N_PARAMS (sizeof params / sizeof *params)
static const struct route route = {.method = "POST", .path = "/api/{name}/run", .params = params, .n_params = N_PARAMS};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_value(const struct route_param *p, const struct param_value *v)
{
    if (!v->given)
        return;
    must(utf8_valid(v->text));
    for (size_t i = 0; i < v->text.n; i++)
        must((unsigned char)v->text.p[i] >= 0x20 || (p->in == IN_BODY && strchr("\t\r\n", v->text.p[i])));
    if (p->type == PARAM_INT)
        must(v->number >= p->min && v->number <= p->max);
    if (p->type == PARAM_ENUM)
        must(v->number >= 0 && v->number < 2 && str_eq(v->text, str_of(words[v->number])));
    if (p->type == PARAM_STRINGS)
        must(v->list.n <= (size_t)p->max);
    if (p->type == PARAM_OBJECT)
        must(json_type(v->json) == JSON_OBJECT);
    if (strcmp(p->name, "text") == 0)
        must(v->text.n >= 1 && v->text.n <= 8);
}

static void check_params(struct str path, struct str query, struct str body, struct arena *a)
{
    struct str segments[URI_SEGMENTS_MAX];
    struct param_value values[N_PARAMS] = {0};
    struct param_source from = {.segments = segments, .query = query, .arena = a};
    struct json_doc *doc = NULL;
    struct errinfo ei = {0};

    if (!uri_match(route.path, path, segments, &from.n_segments))
        return;
    must(from.n_segments == 1 && segments[0].n > 0);
    if (json_parse(body, &JSON_LIMITS_DEFAULT, &doc, NULL, NULL) == OK && json_type(json_root(doc)) == JSON_OBJECT)
        from.body = json_root(doc);
    if (params_check(&route, &from, values, &ei)) {
        must(ei.code == ERR_USAGE && ei.msg[0]);
    } else {
        must(values[0].given);
        for (size_t i = 0; i < N_PARAMS; i++)
            check_value(&params[i], &values[i]);
    }
    json_free(doc);
}

static void check_headers(struct str cookie, struct str host)
{
    struct str value, name, port;

    if (uri_cookie(cookie, "sluice", &value))
        must(value.p >= cookie.p && value.p + value.n <= cookie.p + cookie.n && !memchr(value.p, ';', value.n));
    if (uri_host(host, &name, &port))
        must(name.n > 0 && name.n < 256 && port.n <= 20 && !memchr(name.p, '/', name.n));
    if (uri_is_loopback(host))
        must(host.n >= 3);
    (void)uri_accepts_gzip(cookie);
    (void)uri_etag_listed(cookie, host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = str_mk((const char *)data, n), line[4] = {{0}};
    struct arena *a = arena_new(16u << 20);

    for (size_t i = 0; i < 4 && rest.p; i++)
        (void)str_cut(&rest, '\n', &line[i]);
    check_params(line[0], line[1].p ? line[1] : S(""), rest.p ? rest : S(""), a);
    check_headers(line[2].p ? line[2] : S(""), line[3].p ? line[3] : S(""));
    arena_free(a);
    return 0;
}
