/* Shaping one record outside of a run, with the times of its page frozen as a run freezes them. */
#include "app/record.h"

#include "app/out.h"

void record_shape(const struct shaping *by, const struct json *raw, struct arena *a, struct shaped_record *ret)
{
    struct sysvars sys = {
        .zone = by->flow->project->zone,
        .now_ms = by->page->fetched_ms,
        .last_sync_s = by->page->from_s,
        .current_s = by->page->to_s,
        .page_size = -1,
        .start_row = -1,
        .page = -1,
    };

    *ret = (struct shaped_record){.fate = RECORD_DEAD, .why = ARENA_NEW(a, struct errinfo)};
    if (shaper_identify(by->shaper, raw, a, false, &ret->record, ret->why) != OK) {
        ret->record = (struct batch_record){.key = S("?"), .raw = raw};
        return;
    }
    ret->record.raw = raw;
    shaper_record(by->shaper, raw, &sys, a, ret);
}

const char *record_fate(const struct shaped_record *s)
{
    static const char *const names[] = {[RECORD_ROWS] = "rows", [RECORD_FILTERED] = "filtered", [RECORD_DEAD] = "dead"};

    return names[s->fate];
}

size_t record_width(const struct flow *f, uint32_t statement)
{
    return statement ? f->statements[statement].binds.n : f->n_shape_columns;
}

struct str record_column(const struct flow *f, uint32_t statement, size_t i)
{
    return statement ? f->statements[statement].binds.at[i] : column_name(f->shape_columns[i]);
}

struct str record_cell(const struct value *v)
{
    return v->kind == VALUE_TEXT || v->kind == VALUE_NUMBER ? (v->n ? value_str(v) : S("")) : (struct str){0};
}

void record_row_json(struct json_out *w, const struct flow *f, const struct batch_row *row)
{
    json_out_begin(w, '{');
    for (size_t i = 0; i < record_width(f, row->statement); i++) {
        json_out_key_str(w, record_column(f, row->statement, i));
        if (record_cell(&row->cells[i]).p)
            json_out_str(w, record_cell(&row->cells[i]));
        else
            json_out_null(w);
    }
    json_out_end(w, '}');
}

struct str record_statement(const struct flow *f, uint32_t statement, struct arena *a)
{
    static const char *const verbs[] = {[VERB_INSERT] = "INSERT INTO",
                                        [VERB_REPLACE] = "REPLACE INTO",
                                        [VERB_INSERT_IGNORE] = "INSERT IGNORE INTO",
                                        [VERB_OTHER] = ""};
    const struct statement *s = &f->statements[statement];
    struct buf b = buf_make(1u << 20);
    struct str text;

    if (s->sql.n)
        return s->sql;
    buf_printf(&b, "%s " STR_FMT " (", verbs[s->verb], STR_ARG(s->table));
    for (size_t i = 0; i < s->columns.n; i++)
        buf_printf(&b, "%s" STR_FMT, i ? ", " : "", STR_ARG(s->columns.at[i]));
    buf_add(&b, S(") VALUES ("));
    for (size_t i = 0; i < s->columns.n; i++)
        buf_printf(&b, "%s" STR_FMT, i ? ", " : "", STR_ARG(s->values ? s->values[i].sql : S("?")));
    buf_printf(&b, ")%s" STR_FMT, s->tail.n ? " " : "", STR_ARG(s->tail));
    text = arena_str(a, buf_str(&b));
    buf_free(&b);
    return text;
}
