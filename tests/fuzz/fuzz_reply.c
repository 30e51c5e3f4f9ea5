/* Replies from anybody: whatever comes, the verdict is sound. The first byte chooses the status, the second DataKey.
 * clang -fsanitize=fuzzer. */
#include "connector/connector.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char document[] =
    "{name: 'f', kind: 'http', options: [{name: 'base_url'}],"
    " reply: {unwrap: ['response', 'a.b'], success: {path: 'flag', equals: 'success'},"
    "  failures: [{where: {path: 'error_response', exists: true}, code: 'error_response.code', sub_code: "
    "'error_response.sub_code',"
    "   message: ['error_response.msg', 'error_response.sub_msg'], request_id: 'error_response.request_id'},"
    "   {where: {path: 'flag', equals: 'failure'}, code: 'code', message: 'message'}],"
    "  wait: {patterns: ['for {n} more']}},"
    " codes: [{codes: [7], sub_codes: ['acc*'], react: 'slow_down'}, {codes: [31], react: 'clock'}, {codes: [1], "
    "react: 'retry'}],"
    " interfaces: [{name: 'i', records: ['orders', 'datas'], paging: {kind: 'link', next: 'next', total: 'data_count',"
    "  pages: 'page_count', has_next: 'has_next', size_told: 'page_size', index_told: 'page_index'}}]}";

static const struct connector *connector_of(struct arena *a)
{
    struct diags *diags = diags_new();
    struct node *root = NULL;
    const struct connector *c = NULL;

    if (conf_parse(a, str_of(document), "f", diags, &root) == OK)
        c = connector_read(a, root, diags);
    diags_free(diags);
    if (!c)
        abort();
    return c;
}

static void check(const struct reply *r)
{
    bool ok = r->reaction == REACT_OK;

    if (ok != (r->code == OK) || (!ok && !r->why.msg[0]) || (!ok && r->why.code != r->code))
        abort();
    if (ok && r->records && (json_type(r->records) != JSON_ARRAY || json_count(r->records) != r->n_records))
        abort();
    if (!r->records && r->n_records)
        abort();
    if (r->total < -1 || (r->total >= 0 && r->total < (int64_t)r->n_records) || r->pages < -1 || r->page_size < -1 ||
        r->has_next < -1 || r->has_next > 1 || r->wait_ms < 0)
        abort();
    if (!utf8_valid(str_of(r->why.msg)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const int statuses[] = {200, 200, 204, 302, 400, 401, 429, 500, 0, -1};
    struct arena *a;
    const struct connector *c;
    const struct iface *i;
    struct json_doc *doc = NULL;
    struct reply r;
    struct errinfo ei;
    struct str body;
    int status;

    if (n < 2)
        return 0;
    a = arena_new(16u << 20);
    c = connector_of(a);
    i = connector_iface(c, S("i"));
    status = statuses[data[0] % (sizeof statuses / sizeof *statuses)];
    body = str_mk((const char *)data + 2, n - 2);
    if (json_parse(body, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei) == OK)
        connector_judge(&(struct judge_input){c, i, NULL, status, data[1] & 1 ? S("rows.0") : S("")}, doc, &r);
    else
        connector_judge_text(c, i, status, body, &ei, &r);
    check(&r);
    json_free(doc);
    arena_free(a);
    return 0;
}
