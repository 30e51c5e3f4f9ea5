/* What a run says of itself: names, the JSON object of `run --json`, the exit status. */
#include "run/engine.h"

#include <string.h>

const char *run_kind_name(enum run_kind k)
{
    static const char *const names[] = {[RUN_MAIN] = "main",     [RUN_REMEDY] = "remedy", [RUN_BACKFILL] = "backfill",
                                        [RUN_REPLAY] = "replay", [RUN_RETRY] = "retry",   [RUN_REPAIR] = "repair"};

    return names[k];
}

const char *run_status_name(enum run_status s)
{
    static const char *const names[] = {
        [RUN_OK] = "ok", [RUN_PARTIAL] = "partial", [RUN_FAILED] = "failed", [RUN_INTERRUPTED] = "interrupted"};

    return names[s];
}

void summary_hint(struct run_summary *s)
{
    static const struct {
        enum err code;
        const char *hint;
    } hints[] = {
        {ERR_NETWORK, "is it up, and can this machine reach it? The next run goes on from here"},
        {ERR_REMOTE, "the upstream is in trouble, or is not what its address says; the next run goes on from here"},
        {ERR_AUTH, "check the connection's user, password and rights"},
        {ERR_SCHEMA, "compare mapping and table with `sluice check --online`"},
        {ERR_TARGET, "the database server's log says more; the next run goes on from here"},
        {ERR_DISK, "make room there; the next run goes on from here"},
        {ERR_INTERNAL, "please report this with what `sluice log` shows"},
    };

    for (size_t i = 0; i < sizeof hints / sizeof *hints && !s->error.hint[0]; i++)
        if (s->error.code == hints[i].code)
            fail_hint(&s->error, "%s", hints[i].hint);
}

static void out_time(struct json_out *w, const char *key, int64_t s, const struct zone *z, bool is_time)
{
    char text[TIME_TEXT];

    json_out_key(w, key);
    if (s == INT64_MIN)
        json_out_null(w);
    else if (!is_time)
        json_out_int(w, s);
    else
        json_out_str(w, (struct str){text, time_rfc3339(z, s * 1000, text)});
}

void counts_json(struct json_out *w, const struct counts *c)
{
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"windows", c->windows},
        {"calls", c->calls},
        {"throttled", c->throttled},
        {"retries", c->retries},
        {"pages", c->pages},
        {"records", c->records},
        {"folded", c->folded},
        {"filtered", c->filtered},
        {"repeats", c->repeats},
        {"rows", c->rows},
        {"dead", c->dead_records + c->dead_rows},
        {"missing_found", c->missing_found},
        {"removed", c->removed},
        {"bytes", c->bytes},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_out_key(w, rows[i].name);
        json_out_int(w, rows[i].value);
    }
}

void run_summary_json(const struct run_summary *s, const struct zone *z, struct buf *out)
{
    struct json_out w = json_out(out);

    json_out_begin(&w, '{');
    json_out_key(&w, "integration");
    json_out_cstr(&w, s->integration);
    json_out_key(&w, "status");
    json_out_cstr(&w, run_status_name(s->status));
    out_time(&w, "from", s->from_s, z, s->cursor_is_time || s->kind != RUN_MAIN);
    out_time(&w, "to", s->to_s, z, true);
    out_time(&w, "cursor", s->cursor_s, z, s->cursor_is_time);
    counts_json(&w, &s->counts);
    json_out_key(&w, "duration_ms");
    json_out_int(&w, s->duration_ms);
    json_out_key(&w, "verified");
    json_out_bool(&w, s->verified);
    json_out_key(&w, "error");
    if (!s->error.code) {
        json_out_null(&w);
    } else {
        json_out_begin(&w, '{');
        json_out_key(&w, "code");
        json_out_cstr(&w, err_name(s->error.code));
        json_out_key(&w, "message");
        json_out_cstr(&w, s->error.msg);
        json_out_key(&w, "hint");
        json_out_cstr(&w, s->error.hint);
        json_out_end(&w, '}');
    }
    json_out_end(&w, '}');
}

int run_exit_status(const struct run_summary *s)
{
    switch (s->status) {
    case RUN_OK:
        return 0;
    case RUN_PARTIAL:
        return 3;
    case RUN_INTERRUPTED:
        return 130;
    case RUN_FAILED:
        break;
    }
    return s->error.code == ERR_CONFIG || s->error.code == ERR_SECRET || s->error.code == ERR_USAGE ? 2 : 1;
}
