/* What an audit says of itself: names, the JSON object of `audit --json`, the exit status. */
#include "run/audit.h"
#include "run/engine.h"

const char *audit_status_name(enum audit_status s)
{
    static const char *const names[] = {[AUDIT_OK] = "ok",
                                        [AUDIT_DIFFERENT] = "different",
                                        [AUDIT_FAILED] = "failed",
                                        [AUDIT_INTERRUPTED] = "interrupted"};

    return names[s];
}

static void out_number(struct json_out *w, const char *key, int64_t v)
{
    json_out_key(w, key);
    json_out_int(w, v);
}

static void out_text(struct json_out *w, const char *key, struct str v)
{
    json_out_key(w, key);
    if (v.n)
        json_out_str(w, v);
    else
        json_out_null(w);
}

static void out_time(struct json_out *w, const char *key, int64_t s, const struct zone *z)
{
    char text[TIME_TEXT];

    out_text(w, key, s == INT64_MIN ? S("") : (struct str){text, time_rfc3339(z, s * 1000, text)});
}

static void out_finding(struct json_out *w, const struct finding *f)
{
    json_out_begin(w, '{');
    json_out_key(w, "kind");
    json_out_cstr(w, finding_name(f->kind));
    out_text(w, "id", f->id);
    out_text(w, "record", f->key);
    out_text(w, "detail", f->detail);
    json_out_key(w, "dead");
    json_out_bool(w, f->dead);
    json_out_end(w, '}');
}

static void out_error(struct json_out *w, const struct errinfo *ei)
{
    json_out_key(w, "error");
    if (!ei->code) {
        json_out_null(w);
        return;
    }
    json_out_begin(w, '{');
    json_out_key(w, "code");
    json_out_cstr(w, err_name(ei->code));
    json_out_key(w, "message");
    json_out_cstr(w, ei->msg);
    json_out_key(w, "hint");
    json_out_cstr(w, ei->hint);
    json_out_end(w, '}');
}

static void out_repair(struct json_out *w, const struct audit_summary *s, const struct zone *z)
{
    struct buf b = buf_make(1u << 20);

    json_out_key(w, "repair");
    if (s->repairing) {
        run_summary_json(&s->repair, z, &b);
        json_out_raw(w, buf_str(&b));
    } else {
        json_out_null(w);
    }
    buf_free(&b);
}

void audit_json(const struct audit_summary *s, const struct zone *z, struct buf *out)
{
    static const char *const scopes[] = {"none", "parents", "range"};
    struct json_out w = json_out(out);

    json_out_begin(&w, '{');
    out_text(&w, "integration", str_of(s->integration));
    out_text(&w, "status", str_of(audit_status_name(s->status)));
    out_time(&w, "from", s->from_s, z);
    out_time(&w, "to", s->to_s, z);
    out_number(&w, "calls", s->calls);
    out_number(&w, "windows", s->counts.windows);
    out_number(&w, "pages", s->counts.pages);
    out_number(&w, "records", s->counts.records);
    out_number(&w, "filtered", s->counts.filtered);
    out_number(&w, "unmapped", s->counts.unmapped);
    out_number(&w, "rows", s->counts.rows);
    for (int k = 0; k < FINDING_KINDS; k++)
        out_number(&w, finding_name((enum finding_kind)k), s->off[k]);
    out_number(&w, "dead", s->dead);
    out_number(&w, "repaired", s->repaired);
    out_text(&w, "orphans_sought", str_of(scopes[s->scope]));
    json_out_key(&w, "verified");
    json_out_bool(&w, s->verified);
    out_number(&w, "duration_ms", s->duration_ms);
    json_out_key(&w, "findings");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < findings_kept(s->findings); i++)
        out_finding(&w, findings_at(s->findings, i));
    json_out_end(&w, ']');
    out_repair(&w, s, z);
    out_error(&w, &s->error);
    json_out_end(&w, '}');
}

int audit_exit_status(const struct audit_summary *s)
{
    switch (s->status) {
    case AUDIT_OK:
        return 0;
    case AUDIT_DIFFERENT:
        return 3;
    case AUDIT_INTERRUPTED:
        return 130;
    case AUDIT_FAILED:
        break;
    }
    return s->error.code == ERR_CONFIG || s->error.code == ERR_SECRET || s->error.code == ERR_USAGE ? 2 : 1;
}
