/* POST /control: switches at run time, for tests. One JSON object, any of:
 *   {"fault":"drift","value":3}   on with a value; true or no value: on with the default; false: off
 *   {"advance_ms":5000}           the clock goes on
 *   {"edit":900001}               one edit of an order, or of each in a list
 *   {"shorten":900001}            an edit that takes the last line away; likewise, each of an order or a list:
 *   {"leave":…} {"enter":…}       out of the seed's condition, and back
 *   {"remove":…} {"show":…}       the API shows it no more; shows it again
 *   {"new":3}                     so many new orders, stamped now
 *   {"realtime_new":0.5}          so many new orders a second from now on; 0: no more
 *   {"expire":true}               the token that is good now is good no more (jushuitan-open)
 * Everything named is done in this order; the first mistake ends it with 400 and a sentence. */
#include "base/json.h"
#include "base/num.h"
#include "sim.h"

static enum err apply_fault(struct sim *s, const struct json *root, struct errinfo *ei)
{
    const struct json *name = json_get(root, S("fault")), *value = json_get(root, S("value"));
    struct str text = json_text(value);
    if (json_type(value) == JSON_BOOL)
        text = json_true(value) ? S("true") : S("false");
    if (json_type(name) != JSON_STRING)
        return fail(ei, ERR_USAGE, "\"fault\" must be the name of a fault");
    return fault_set(&s->faults, json_text(name), text, ei);
}

enum edit { EDIT_PLAIN, EDIT_SHORTEN, EDIT_LEAVE, EDIT_ENTER, EDIT_REMOVE, EDIT_SHOW, EDIT_COUNT };
static const char *const edit_names[EDIT_COUNT] = {"edit", "shorten", "leave", "enter", "remove", "show"};

static enum err edit_one(struct sim *s, enum edit how, const struct json *id, struct errinfo *ei)
{
    uint64_t o_id, idx;
    if (!num_u64(json_text(id), &o_id) || !book_find(&s->book, o_id, &idx) || !s->book.slot[idx].json)
        return fail(ei, ERR_USAGE, "\"%s\": there is no such order", edit_names[how]);
    struct twist t = s->book.slot[idx].last_twist;
    if (how == EDIT_SHORTEN && !t.shorter)
        t.lines_from = s->book.slot[idx].last_rev;
    t.shorter = (uint8_t)(t.shorter + (how == EDIT_SHORTEN && t.shorter < LINES_MAX));
    t.outside = how == EDIT_LEAVE || (t.outside && how != EDIT_ENTER);
    t.removed = how == EDIT_REMOVE || (t.removed && how != EDIT_SHOW);
    book_twist(&s->book, idx, t, sim_now_ms(s), sim_late_ms(s));
    return OK;
}

static enum err apply_edits(struct sim *s, enum edit how, const struct json *ids, struct errinfo *ei)
{
    if (json_type(ids) != JSON_ARRAY)
        return edit_one(s, how, ids, ei);
    struct json_iter it = json_iter(ids);
    const struct json *id;
    while ((id = json_next(&it, NULL))) {
        enum err e = edit_one(s, how, id, ei);
        if (e != OK)
            return e;
    }
    return OK;
}

static enum err apply_pace(struct sim *s, const struct json *root, struct errinfo *ei)
{
    const struct json *pace = json_get(root, S("realtime_new"));
    double v;

    if (!pace)
        return OK;
    if (!num_double(json_text(pace), &v) || v < 0 || v > 100000)
        return fail(ei, ERR_USAGE, "realtime_new is a number from 0 to 100000");
    s->book.new_per_s = v;
    s->book.new_made = 0;
    s->book.new_from_ms = sim_now_ms(s);
    return OK;
}

static enum err apply(struct sim *s, const struct json *root, struct errinfo *ei)
{
    int64_t n;
    const struct json *advance = json_get(root, S("advance_ms")), *add = json_get(root, S("new"));
    if (json_type(root) != JSON_OBJECT || json_count(root) == 0)
        return fail(ei, ERR_USAGE,
                    "the body must be an object with fault, advance_ms, new, realtime_new, edit, shorten, leave, "
                    "enter, remove, "
                    "show or expire");
    if (json_get(root, S("fault"))) {
        enum err e = apply_fault(s, root, ei);
        if (e != OK)
            return e;
    }
    if (advance) {
        if (!json_i64(advance, &n) || n < 0 || n > INT64_C(315360000000))
            return fail(ei, ERR_USAGE, "\"advance_ms\" must be milliseconds, 0 or more");
        s->advanced_ms += n;
    }
    if (json_true(json_get(root, S("expire"))))
        s->token.until_ms = 0;
    sim_tick(s);
    for (enum edit how = EDIT_PLAIN; how < EDIT_COUNT; how++) {
        const struct json *ids = json_get(root, str_of(edit_names[how]));
        enum err e = ids ? apply_edits(s, how, ids, ei) : OK;
        if (e != OK)
            return e;
    }
    if (add) {
        if (!json_i64(add, &n) || n < 0 || n > 1000000)
            return fail(ei, ERR_USAGE, "\"new\" must be a number of orders up to 1000000");
        for (int64_t i = 0; i < n; i++)
            book_add(&s->book, sim_now_ms(s), sim_late_ms(s));
    }
    return apply_pace(s, root, ei);
}

void control_apply(struct sim *s, struct str json, struct reply *out)
{
    struct json_doc *doc;
    struct errinfo ei;
    enum err e = json_parse(json, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei);
    if (e == OK) {
        e = apply(s, json_root(doc), &ei);
        json_free(doc);
    }
    out->type = "application/json";
    if (e == OK) {
        stats_write(s, &out->body);
        return;
    }
    struct json_out w = json_out(&out->body);
    out->status = 400;
    json_out_begin(&w, '{');
    json_out_key(&w, "error");
    json_out_cstr(&w, ei.msg);
    json_out_key(&w, "hint");
    json_out_cstr(&w, ei.hint);
    json_out_end(&w, '}');
}
