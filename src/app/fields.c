/* `fields`: what the records of an integration look like, as its runs learnt it; which changes are open; --accept takes
 * the present state as the base. From the project's own state: nobody is called. */
#include "app/fields.h"

#include "app/out.h"
#include "base/product.h"
#include "flow/drift.h"

enum err changes_open(const struct app *app, struct str integration, struct change **ret, size_t *ret_n,
                      struct errinfo *ei)
{
    *ret = NULL;
    *ret_n = 0;
    return app->store ? store_changes(app->store, integration, app->arena, ret, ret_n, ei) : OK;
}

void changes_json(const struct app *app, struct json_out *w, const char *key, const struct change *c, size_t n)
{
    json_out_key(w, key);
    json_out_begin(w, '[');
    for (size_t i = 0; i < n; i++) {
        json_out_begin(w, '{');
        json_member(w, "change", str_of(change_name((enum change_kind)c[i].kind)));
        json_member(w, "path", c[i].path);
        json_member(w, "text", c[i].text);
        json_member(w, "sql", c[i].sql.n ? c[i].sql : (struct str){0});
        json_member(w, "request", c[i].line.n ? c[i].line : (struct str){0});
        json_time(w, "since", app, c[i].since_ms);
        json_number(w, "run", c[i].run);
        json_number(w, "runs", c[i].runs);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
}

void changes_tell(const struct app *app, const struct change *c, size_t n)
{
    struct buf b = buf_make(16u << 20);

    for (size_t i = 0; i < n; i++) {
        buf_printf(&b, "  %s%-15s%s ", color(app, COLOR_YELLOW), change_name((enum change_kind)c[i].kind),
                   color(app, COLOR_NONE));
        add_clean(&b, c[i].path);
        buf_add(&b, S(": "));
        add_clean(&b, c[i].text);
        buf_printf(&b, "  (" STR_FMT ")\n", STR_ARG(time_text(app, c[i].since_ms / 1000)));
        for (int k = 0; k < 2; k++) {
            struct str more = k ? c[i].line : c[i].sql;

            if (!more.n)
                continue;
            buf_add(&b, k ? S("                  request[]: ") : S("                  "));
            add_clean(&b, more);
            buf_byte(&b, '\n');
        }
    }
    say_str(app, buf_str(&b));
    buf_free(&b);
}

/* ---- listing ---- */

struct listed {
    const struct flow *flow;
    struct field *fields;
    size_t n;
    struct change *changes;
    size_t n_changes;
};

/* Those of the object that has it which had it, in percent; 100 only when all had it. */
static int share(const struct field *f)
{
    return f->of > 0 ? (int)((int64_t)f->seen.count * 100 / f->of) : 0;
}

static void field_json(const struct app *app, struct json_out *w, const struct field *f, const struct flow *flow)
{
    struct str columns = field_columns(flow, f->path, app->arena);

    json_out_begin(w, '{');
    json_member(w, "path", f->path);
    json_member(w, "types", seen_words(f->seen.types, app->arena));
    json_number(w, "longest", f->seen.longest);
    json_number(w, "digits_before", f->seen.before);
    json_number(w, "digits_after", f->seen.after);
    json_number(w, "seen", (int64_t)f->seen.count);
    json_number(w, "of", f->of);
    json_time(w, "since", app, f->first_ms);
    json_number(w, "first_run", f->first_run);
    json_time(w, "last", app, f->last_ms);
    json_number(w, "last_run", f->last_run);
    json_flag(w, "known", f->known != 0);
    json_member(w, "columns", columns.n ? columns : (struct str){0});
    json_out_end(w, '}');
}

static void list_json(const struct app *app, const struct listed *l)
{
    struct buf b = buf_make(64u << 20);
    struct json_out w = json_out(&b);

    json_out_begin(&w, '{');
    json_member(&w, "integration", l->flow->integration->name);
    json_number(&w, "records", l->n && !l->fields[0].path.n ? (int64_t)l->fields[0].seen.count : 0);
    json_out_key(&w, "fields");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < l->n; i++)
        if (l->fields[i].path.n)
            field_json(app, &w, &l->fields[i], l->flow);
    json_out_end(&w, ']');
    changes_json(app, &w, "changes", l->changes, l->n_changes);
    json_out_end(&w, '}');
    print_json(app, &b);
    buf_free(&b);
}

static void field_line(const struct app *app, struct buf *b, const struct field *f, const struct flow *flow)
{
    struct str columns = field_columns(flow, f->path, app->arena);

    add_fitted(b, f->path, 30);
    buf_printf(b, " %4d%%  ", share(f));
    if (f->seen.types & (SEEN_STRING))
        buf_printf(b, "%6u  ", f->seen.longest);
    else if (f->seen.types & SEEN_NUMBER)
        buf_printf(b, "%4u.%u  ", f->seen.before, f->seen.after);
    else
        buf_add(b, S("        "));
    add_fitted(b, seen_words(f->seen.types, app->arena), 32);
    buf_printf(b, "  " STR_FMT "  ", STR_ARG(str_sub(time_text(app, f->first_ms / 1000), 0, 10)));
    if (columns.n)
        add_clean(b, columns);
    else
        buf_add(b, S("—"));
    buf_byte(b, '\n');
}

static void list_text(const struct app *app, const struct listed *l)
{
    struct buf b = buf_make(16u << 20);

    if (!l->n) {
        say(app, "%s\n",
            either(app, "Nothing was learnt yet: no run has read records.", "尚无数据：还没有读取过记录。"));
        return;
    }
    add_fitted(&b, str_of(either(app, "field", "字段")), 30);
    buf_add(&b, S(" "));
    add_fitted(&b, str_of(either(app, " share", "  占比")), 7);
    add_fitted(&b, str_of(either(app, "longest", "  最长")), 8);
    add_fitted(&b, str_of(either(app, "types", "类型")), 34);
    add_fitted(&b, str_of(either(app, "since", "首次出现")), 12);
    buf_add(&b, str_of(either(app, "column", "目标列")));
    buf_byte(&b, '\n');
    for (size_t i = 0; i < l->n; i++)
        if (l->fields[i].path.n)
            field_line(app, &b, &l->fields[i], l->flow);
    say_str(app, buf_str(&b));
    if (l->n_changes)
        say(app, "\n%s\n", either(app, "changes that are open:", "未处理的变化："));
    changes_tell(app, l->changes, l->n_changes);
    buf_free(&b);
}

static int list(struct app *app, const struct flow *f)
{
    struct listed l = {.flow = f};
    struct errinfo ei;
    enum err err = app_open_store(app, false, &ei);

    if (!err && app->store)
        err = store_fields(app->store, f->integration->name, app->arena, &l.fields, &l.n, &ei);
    err = err ? err : changes_open(app, f->integration->name, &l.changes, &l.n_changes, &ei);
    if (err)
        return app_fail(app, &ei);
    if (app->json)
        list_json(app, &l);
    else
        list_text(app, &l);
    return STATUS_OK;
}

/* ---- accepting ---- */

static int accept(struct app *app, const struct flow *f)
{
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);
    struct errinfo ei;
    size_t closed = 0;
    enum err err = app_open_store(app, true, &ei);

    err = err ? err : store_fields_accept(app->store, f->integration->name, &closed, &ei);
    if (err)
        return app_fail(app, &ei);
    say(app, "%zu change%s accepted: what the records look like now is the base\n", closed,
        closed == 1 ? " was" : "s were");
    if (app->json) {
        json_out_begin(&w, '{');
        json_member(&w, "integration", f->integration->name);
        json_number(&w, "accepted", (int64_t)closed);
        json_out_end(&w, '}');
        print_json(app, &b);
    }
    buf_free(&b);
    return STATUS_OK;
}

int command_fields(struct app *app)
{
    struct flow *f;
    struct errinfo ei;
    int status;

    if (app_open_flow(app, &f, &ei))
        return app_fail(app, &ei);
    status = app_flag(app, "accept") ? accept(app, f) : list(app, f);
    flow_free(f);
    return status;
}
