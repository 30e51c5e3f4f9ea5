/* Reads how a reply is judged: the envelope, how failures and success look, waits named in texts, and the table of
 * codes. */
#include "connector/connector_reader.h"

static struct strs join(struct arena *a, struct strs x, struct strs y)
{
    struct str *at;

    if (!x.n || !y.n)
        return x.n ? x : y;
    at = ARENA_ARRAY(a, struct str, x.n + y.n);
    memcpy(at, x.at, x.n * sizeof *at);
    memcpy(at + x.n, y.at, y.n * sizeof *at);
    return (struct strs){at, x.n + y.n};
}

static struct condition *read_conditions(struct reader *r, const struct node *list, size_t *ret_n)
{
    const struct list_of of = {.table = &table_condition, .size = sizeof(struct condition_raw), .lone = true};
    struct condition_raw *raw = reader_list(r, list, &of, ret_n);
    struct condition *at = ARENA_ARRAY(r->arena, struct condition, *ret_n);
    const struct node *n = reader_first(list);

    for (size_t i = 0; i < *ret_n; i++, n = n->next) {
        at[i] = raw[i].c;
        at[i].exists = -1;
        at[i].in = join(r->arena, reader_texts(r, raw[i].equals), reader_texts(r, raw[i].in));
        at[i].not_in = join(r->arena, reader_texts(r, raw[i].not_equals), reader_texts(r, raw[i].not_in));
        if (raw[i].exists && raw[i].exists->type == NODE_BOOL)
            at[i].exists = raw[i].exists->truth ? 1 : 0;
        else if (raw[i].exists)
            READER_BAD(r, raw[i].exists, "\"exists\" is true or false");
        if (!at[i].in.n && !at[i].not_in.n && !raw[i].exists)
            READER_BAD(r, n, "a condition needs one of equals, in, not_equals, not_in, exists");
    }
    return at;
}

static void read_failures(struct reader *r, const struct node *list)
{
    const struct list_of of = {.table = &table_failure, .size = sizeof(struct failure_raw)};
    struct reply_rule *p = &r->c->reply;
    struct failure_raw *raw = reader_list(r, list, &of, &p->n_failures);
    const struct node *n = reader_first(list);

    p->failures = ARENA_ARRAY(r->arena, struct failure_rule, p->n_failures);
    for (size_t i = 0; i < p->n_failures; i++, n = n->next) {
        p->failures[i] = raw[i].r;
        p->failures[i].where = read_conditions(r, raw[i].where, &p->failures[i].n_where);
        if (!p->failures[i].n_where)
            READER_BAD(r, n, "a failure needs \"where\": without a condition every reply would be one");
    }
}

static void read_wait(struct reader *r, const struct node *n)
{
    struct wait_rule *w = &r->c->reply.wait;

    *w = (struct wait_rule){.unit_ms = 1000, .plus_ms = 1000, .preset_ms = 1000, .max_ms = 86400000};
    reader_object(r, n, &table_wait, w);
    for (size_t i = 0; i < w->patterns.n; i++) {
        size_t at = str_find(w->patterns.at[i], S("{n}"), 0);

        if (at == SIZE_MAX || (at == 0 && w->patterns.at[i].n == 3))
            READER_BAD(r, n, "the pattern \"" STR_FMT "\" needs {n} and text around it", STR_ARG(w->patterns.at[i]));
    }
}

static void read_codes(struct reader *r, const struct node *list)
{
    const struct code_raw preset = {.r = {.error = -1}};
    const struct list_of of = {.table = &table_code, .size = sizeof(struct code_raw), .preset = &preset};
    struct connector *c = r->c;
    struct code_raw *raw = reader_list(r, list, &of, &c->n_codes);
    const struct node *n = reader_first(list);

    c->codes = ARENA_ARRAY(r->arena, struct code_rule, c->n_codes);
    for (size_t i = 0; i < c->n_codes; i++, n = n->next) {
        c->codes[i] = raw[i].r;
        c->codes[i].codes = reader_texts(r, raw[i].codes);
        if (!c->codes[i].codes.n && !c->codes[i].sub_codes.n)
            READER_BAD(r, n, "an entry needs \"codes\" or \"sub_codes\"");
    }
}

void reader_reply(struct reader *r, const struct connector_raw *raw)
{
    struct reply_raw reply = {0};

    reader_object(r, raw->reply, &table_reply, &reply);
    r->c->reply = reply.r;
    read_failures(r, reply.failures);
    r->c->reply.success = read_conditions(r, reply.success, &r->c->reply.n_success);
    read_wait(r, reply.wait);
    read_codes(r, raw->codes);
}
