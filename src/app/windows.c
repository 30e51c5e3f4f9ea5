/* Each window that was read, as a sentence that can be checked: so many were there, so many were read, and this became
 * of them. */
#include "app/windows.h"

#include "app/out.h"

void window_json(const struct app *app, struct json_out *w, const struct window_proof *p)
{
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"pages", p->pages},
        {"ids", p->ids},
        {"records", p->records},
        {"folded", p->folded},
        {"filtered", p->filtered},
        {"repeats", p->repeats},
        {"shaped", p->shaped},
        {"rows", p->rows},
        {"dead_records", p->dead_records},
        {"dead", p->dead_records + p->dead_rows},
        {"missing_found", p->missing},
    };

    json_out_begin(w, '{');
    json_number(w, "run", p->run);
    json_member(w, "purpose", str_of(purpose_name(p->purpose)));
    json_time(w, "from", app, ms_of(p->from_s));
    json_time(w, "to", app, ms_of(p->to_s));
    json_number(w, "position", p->mark);
    json_out_key(w, "total_before");
    if (p->total_before >= 0)
        json_out_int(w, p->total_before);
    else
        json_out_null(w);
    json_out_key(w, "total_after");
    if (p->total_after >= 0)
        json_out_int(w, p->total_after);
    else
        json_out_null(w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        json_number(w, rows[i].name, rows[i].value);
    json_flag(w, "whole", p->whole);
    json_flag(w, "verified", p->verified);
    json_member(w, "why", p->why.n ? p->why : (struct str){0});
    json_time(w, "read", app, p->at_ms);
    json_out_end(w, '}');
}

static void add_count(const struct app *app, struct buf *b, int64_t n, const char *english, const char *chinese)
{
    if (n)
        buf_printf(b, ", " STR_FMT " %s", STR_ARG(grouped(app->arena, n)), either(app, english, chinese));
}

void window_tell(const struct app *app, const struct window_proof *p, const char *indent)
{
    struct buf b = buf_make(1u << 16);

    buf_printf(&b, "%s" STR_FMT " … " STR_FMT "  %s%s%s  %s: ", indent, STR_ARG(time_text(app, p->from_s)),
               STR_ARG(time_text(app, p->to_s)), color(app, p->verified ? COLOR_GREEN : COLOR_YELLOW),
               p->verified ? either(app, "verified", "已核实") : either(app, "not verified", "未核实"),
               color(app, COLOR_NONE), purpose_name(p->purpose));
    if (p->total_after >= 0)
        buf_printf(&b, STR_FMT "%s", STR_ARG(grouped(app->arena, p->total_after)),
                   either(app, " there, ", " 条应有，"));
    else
        buf_printf(&b, "%s", either(app, "no total told, ", "未告知总数，"));
    buf_printf(&b, STR_FMT "%s", STR_ARG(grouped(app->arena, p->ids)), either(app, " read", " 条已读"));
    add_count(app, &b, p->folded, "folded", "条重复合并");
    add_count(app, &b, p->filtered, "filtered", "条被条件过滤");
    add_count(app, &b, p->repeats, "repeats", "条未变");
    add_count(app, &b, p->rows, "rows written", "行已写入");
    add_count(app, &b, p->dead_records + p->dead_rows, "dead", "条死信");
    add_count(app, &b, p->missing, "found missing", "行补漏");
    if (!p->whole)
        buf_printf(&b, "%s",
                   either(app, " (counted from where an earlier run was cut short)", "（从上次中断处起计数）"));
    if (p->why.n)
        buf_printf(&b, "; " STR_FMT, STR_ARG(p->why));
    buf_byte(&b, '\n');
    say_str(app, buf_str(&b));
    buf_free(&b);
}

int windows_list(struct app *app, struct window_query q)
{
    struct buf b = buf_make(64u << 20);
    struct json_out w = json_out(&b);
    struct window_proof *p = NULL;
    struct errinfo ei;
    size_t n = 0;

    if (app->store && store_windows(app->store, &q, app->arena, &p, &n, &ei))
        return app_fail(app, &ei);
    json_out_begin(&w, '{');
    json_out_key(&w, "windows");
    json_out_begin(&w, '[');
    for (size_t k = 0; k < n; k++) {
        window_json(app, &w, &p[k]);
        window_tell(app, &p[k], "");
    }
    json_out_end(&w, ']');
    json_next_page(&w, n && n == q.limit ? p[n - 1].mark : 0);
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    else if (!n)
        say(app, "%s\n", either(app, "No window was read so far.", "尚未读取任何窗口。"));
    buf_free(&b);
    return STATUS_OK;
}
