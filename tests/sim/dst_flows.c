/* The integrations that seeds choose from: one for each way of paging and of writing, read and compiled by the real
 * project and flow modules, once. A seed takes a copy and changes its numbers: page size, batch limit, lag, overlap,
 * widest window. */
#include "dst.h"

#include "base/log.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct flow *__real_flow_compile(const struct project *p, const struct integration *i, struct diags *diags);
struct flow *__wrap_flow_compile(const struct project *p, const struct integration *i, struct diags *diags);
void __real_flow_free(struct flow *f);
void __wrap_flow_free(struct flow *f);

/* compiled once, then only read */
static struct {
    char dir[64];
    struct project *project;
    struct diags *diags;
    struct flow *flow[PAGING_KINDS][WRITE_KINDS];
    const struct integration *integration[PAGING_KINDS][WRITE_KINDS];
} all;

static const char connector[] =
    "{name: 'dst', title: 'simulated', kind: 'http',"
    " options: [{name: 'base_url', type: 'url', required: true}],"
    " request: {method: 'POST', wire: 'json'},"
    " reply: {failures: [{where: {path: 'flag', not_equals: 'success'}, code: 'code', message: ['message']}],"
    "         success: {path: 'flag', equals: 'success'}},"
    " quota: {requests: 1000, per: '1s'},"
    " paging: {kind: 'backward', page: 'page_index', size: 'page_size', first: 1, default: 100, max: 100,"
    "          total: 'data_count', has_next: 'has_next'},"
    " window: {from: 'start_time', to: 'end_time', max: '7d', field: 'modified'},"
    " interfaces: ["
    "  {name: 'backward', records: ['orders'], id: 'o_id', versions: ['ts', 'modified']},"
    "  {name: 'forward', records: ['orders'], id: 'o_id', versions: ['ts', 'modified'], paging: {kind: 'forward'}},"
    "  {name: 'offset', records: ['orders'], id: 'o_id', versions: ['ts', 'modified'],"
    "   paging: {kind: 'offset', offset: 'offset'}},"
    "  {name: 'link', records: ['orders'], id: 'o_id', versions: ['ts', 'modified'],"
    "   paging: {kind: 'link', next: 'next'}},"
    "  {name: 'cursor', records: ['orders'], id: 'o_id', versions: ['ts', 'modified'],"
    "   paging: {kind: 'cursor', cursor: 'start_ts', cursor_field: 'ts', cursor_first: '1'}}]}";

static const char *const pagings[PAGING_KINDS] = {"backward", "forward", "offset", "link", "cursor"};
static const char *const writes[WRITE_KINDS] = {"replace", "known", "guarded", "insert"};

static void give_up(const char *what)
{
    fprintf(stderr, "dst: %s\n", what);
    exit(2);
}

static void put_file(const char *name, struct str text)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/%s", all.dir, name);
    for (char *p = path + strlen(all.dir) + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0700);
            *p = '/';
        }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || close(fd))
        give_up("cannot write the project");
}

static void put_integration(int paging, int how)
{
    struct buf b = buf_make(1u << 16);
    char name[64];
    bool cursor = paging == PAGING_KINDS - 1;

    buf_printf(&b, "{source: {connection: 'api', metadata: {api: '%s', effect: 'QUERY', method: 'POST', id: 'o_id', ",
               pagings[paging]);
    buf_printf(&b, "idCheck: %s, request: [{field: 'page_size', value: '100'}", how % 2 ? "true" : "false");
    if (!cursor)
        buf_printf(&b, ", {field: 'start_time', type: 'string', value: '{{LAST_SYNC_TIME|datetime}}'},"
                       " {field: 'end_time', type: 'string', value: '{{CURRENT_TIME|datetime}}'}");
    buf_printf(&b, "], beatFlat: ['items'], condition: [[{field: 'status', logic: 'neq', value: 'hidden'}]]");
    if (!cursor)
        buf_printf(&b, ", omissionRemedy: {crontab: '2 0 * * *', takeOverRequest: ["
                       "{field: 'start_time', type: 'string', value: '{{DAYS_AGO_3|datetime}}'}]}");
    buf_printf(&b,
               "}}, target: {connection: 'db', metadata: {api: 'batchexecute', effect: 'EXECUTE', method: 'SQL',"
               " id: 'id', request: [{field: 'id', type: 'string', value: '{o_id}-{items_oi_id}'},"
               " {field: 'o_id', type: 'string', value: '{o_id}'}, {field: 'line', type: 'string', value: "
               "'{items_oi_id}'}, {field: 'ver', type: 'string', value: '{ts}'},"
               " {field: 'qty', type: 'int', value: '{items_qty}'}],"
               " otherRequest: [{field: 'main_sql', value: '%s INTO orders(id,o_id,line,ver,qty) VALUES'},"
               " {field: 'limit', value: '100'}]}}, start: '2026-01-01 00:00:00'",
               how == WRITE_INSERT ? "INSERT" : "REPLACE");
    if (how == WRITE_GUARDED)
        buf_printf(&b, ", children: {parent: 'o_id', gone: 'delete'}, left_filter: 'delete', guard: 'ver'");
    buf_byte(&b, '}');
    snprintf(name, sizeof name, "integrations/%s-%s.json", pagings[paging], writes[how]);
    put_file(name, buf_str(&b));
    buf_free(&b);
}

static void tell_diags(void)
{
    struct errinfo ei;

    if (diags_first_error(all.diags, &ei))
        give_up(ei.msg);
}

static void compile(int paging, int how)
{
    char name[64];

    snprintf(name, sizeof name, "%s-%s", pagings[paging], writes[how]);
    all.integration[paging][how] = project_integration(all.project, str_of(name));
    if (!all.integration[paging][how])
        give_up(name);
    all.flow[paging][how] = __real_flow_compile(all.project, all.integration[paging][how], all.diags);
    tell_diags();
}

void flows_open(void)
{
    struct errinfo ei;

    snprintf(all.dir, sizeof all.dir, "/tmp/sluice-dst-XXXXXX");
    if (!mkdtemp(all.dir))
        give_up("cannot make a folder");
    put_file("sluice.json", S("{name: 'dst', timezone: 'Asia/Shanghai'}"));
    put_file("connectors/dst/connector.json", str_of(connector));
    put_file("connections/api.json", S("{connector: 'dst', params: {base_url: 'http://127.0.0.1:1'}}"));
    put_file("connections/db.json", S("{connector: 'sqlite', params: {path: 'x.db'}}"));
    for (int i = 0; i < PAGING_KINDS; i++)
        for (int k = 0; k < WRITE_KINDS; k++)
            put_integration(i, k);
    all.diags = diags_new();
    if (project_open(all.dir, NULL, 0, all.diags, &all.project, &ei))
        give_up(ei.msg);
    tell_diags();
    for (int i = 0; i < PAGING_KINDS; i++)
        for (int k = 0; k < WRITE_KINDS; k++)
            compile(i, k);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void flows_close(void)
{
    for (int i = 0; i < PAGING_KINDS; i++)
        for (int k = 0; k < WRITE_KINDS; k++)
            __real_flow_free(all.flow[i][k]);
    project_close(all.project);
    diags_free(all.diags);
    nftw(all.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const struct project *flows_project(void)
{
    return all.project;
}

void flows_use(struct sim *s)
{
    struct flow *f = &s->flow;

    *f = *all.flow[s->c.paging][s->c.write];
    s->integration = *all.integration[s->c.paging][s->c.write];
    s->integration.lag_ms = s->c.lag_s * 1000;
    s->integration.overlap_ms = s->c.overlap_s * 1000;
    s->integration.start_s = s->first_stamp_s;
    if (s->c.tier.every_ms) {
        s->integration.tiers = &s->c.tier;
        s->integration.n_tiers = 1;
    }
    s->iface = *f->iface;
    s->iface.window.max_ms = s->c.window_max_s * 1000;
    f->integration = &s->integration;
    f->iface = &s->iface;
    f->page_size = s->c.page_size;
    f->sink_type = &target_type;
    f->sink_spec.limit = (size_t)s->c.limit;
}

/* The engine asks for its flow here. */
struct flow *__wrap_flow_compile(const struct project *p, const struct integration *i, struct diags *diags)
{
    (void)p;
    (void)i;
    (void)diags;
    return &sim_now()->flow;
}

void __wrap_flow_free(struct flow *f)
{
    (void)f;
}
