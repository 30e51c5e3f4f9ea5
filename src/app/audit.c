/* `audit`: counting again, told so that it can be read aloud. */
#include "run/audit.h"
#include "app/open.h"
#include "app/out.h"
#include "app/watch.h"

#include <stdlib.h>

#define PATIENCE_MS 60000
#define NAMED_MAX   1000 /* keys told one by one; --json has them all */

static enum err range(const struct app *app, struct run_options *o, struct errinfo *ei)
{
    enum err err = OK;

    o->from_s = o->to_s = INT64_MIN;
    if (app_flag(app, "from"))
        err = app_time(app, "from", &o->from_s, ei);
    if (!err && app_flag(app, "to"))
        err = app_time(app, "to", &o->to_s, ei);
    if (!err && o->to_s != INT64_MIN && o->from_s > o->to_s) {
        fail(ei, ERR_USAGE, "--from %s is later than --to %s", app_value(app, "from"), app_value(app, "to"));
        err = fail_hint(ei, "both ends are included; put the earlier one first");
    }
    return err;
}

static const char *kind_text(const struct app *app, enum finding_kind k)
{
    static const char *const chinese[] = {"缺失", "过期", "多余"};

    return app->chinese ? chinese[k] : finding_name(k);
}

static void tell_finding(const struct app *app, const struct finding *f)
{
    struct buf b = buf_make(1u << 16);

    buf_printf(&b, "%s", color(app, f->kind == FINDING_ORPHAN ? COLOR_YELLOW : COLOR_RED));
    add_fitted(&b, str_of(kind_text(app, f->kind)), 9);
    buf_printf(&b, "%s ", color(app, COLOR_NONE));
    add_clean(&b, f->id);
    if (f->key.n && !str_eq(f->key, f->id)) {
        buf_add(&b, str_of(either(app, "  of record ", "  所属记录 ")));
        add_clean(&b, f->key);
    }
    if (f->detail.n) {
        buf_add(&b, S("  "));
        add_clean(&b, f->detail);
    }
    if (f->dead)
        buf_add(&b, str_of(either(app, "  (a dead letter tells why)", "（见死信）")));
    buf_byte(&b, '\n');
    say_str(app, buf_str(&b));
    buf_free(&b);
}

static void tell_repair(const struct app *app, const struct audit_summary *s)
{
    if (!s->repairing)
        return;
    say(app,
        either(app,
               "Repair: %lld records fetched again, %lld rows written, %lld removed; %lld keys are in order now.\n",
               "修复：重新读取 %lld 条记录，写入 %lld 行，移除 %lld 行；%lld 个键已恢复一致。\n"),
        (long long)s->repair.counts.records, (long long)s->repair.counts.rows, (long long)s->repair.counts.removed,
        (long long)s->repaired);
}

/* The sentence at the end. */
static void tell_verdict(const struct app *app, const struct audit_summary *s)
{
    struct str from = time_text(app, s->from_s), to = time_text(app, s->to_s);
    int64_t off = s->off[FINDING_MISSING] + s->off[FINDING_STALE] + s->off[FINDING_ORPHAN];

    say(app,
        either(app,
               "Between " STR_FMT " and " STR_FMT " the source shows " STR_FMT " records that give " STR_FMT " rows",
               STR_FMT " 至 " STR_FMT "，来源共有 " STR_FMT " 条记录，应为 " STR_FMT " 行"),
        STR_ARG(from), STR_ARG(to), STR_ARG(grouped(app->arena, s->counts.records)),
        STR_ARG(grouped(app->arena, s->counts.rows)));
    if (off) {
        say(app, either(app, ": %lld missing", "：目标缺失 %lld 行"), (long long)s->off[FINDING_MISSING]);
        if (s->dead)
            say(app, either(app, " (%lld of them as dead letters)", "（其中 %lld 行为死信）"), (long long)s->dead);
        say(app, either(app, ", %lld stale, %lld orphaned in the target.\n", "，过期 %lld 行，多余 %lld 行。\n"),
            (long long)s->off[FINDING_STALE], (long long)s->off[FINDING_ORPHAN]);
    } else {
        say(app, "%s\n",
            s->counts.unmapped
                ? either(app, ", and the target holds each of these rows as it should.", "，目标中的这些行与之一致。")
                : either(app, ", and the target holds each of them as it should.", "，目标数据与之完全一致。"));
    }
    if (s->unnamed)
        say(app,
            either(app, "%lld of these were only counted: after a repair, audit again.\n",
                   "其中 %lld 行仅计数；修复后请再次核对。\n"),
            (long long)s->unnamed);
    if (!s->verified)
        say(app,
            either(app, "%lld of %lld windows could not be shown to be complete: more may be missing.\n",
                   "%lld/%lld 个窗口无法核实完整，可能还有缺失。\n"),
            (long long)s->counts.unverified, (long long)s->counts.windows);
    if (s->counts.unmapped)
        say(app,
            either(app, "%lld records could not be mapped and were not compared.\n", "%lld 条记录无法映射，未比较。\n"),
            (long long)s->counts.unmapped);
    if (s->scope == AUDIT_NO_ORPHANS)
        say(app, "%s\n",
            either(app,
                   "Orphaned rows were not looked for: no column holds the record's time, and `children.parent` is not "
                   "declared.",
                   "未检查多余行：没有列保存记录时间，也未声明 children.parent。"));
}

static void tell(const struct app *app, const struct audit_summary *s)
{
    size_t n = findings_kept(s->findings);

    for (size_t i = 0; i < n && i < NAMED_MAX; i++)
        tell_finding(app, findings_at(s->findings, i));
    if (n > NAMED_MAX)
        say(app, either(app, "… and %zu more; --json names them\n", "……另有 %zu 项，--json 可列出\n"), n - NAMED_MAX);
    tell_repair(app, s);
    tell_verdict(app, s);
}

int command_audit(struct app *app)
{
    const struct integration *i;
    struct audit_summary *s;
    struct run_options o;
    struct errinfo ei;
    struct watch *t;
    struct buf b;
    int status;

    if (app_open_integration(app, &i, &ei) || app_run_options(app, PATIENCE_MS, &o, &ei) || range(app, &o, &ei) ||
        app_open_store(app, true, &ei))
        return app_fail(app, &ei);
    s = mem_zero(sizeof *s);
    o.kind = app_flag(app, "repair") ? RUN_REPAIR : RUN_BACKFILL;
    t = watch_new(app, &o);
    audit_integration(app->project, i, app->store, &o, s);
    watch_free(t);
    add_hint(&s->error);
    status = audit_exit_status(s);
    if (app->json) {
        b = buf_make(1u << 30);
        audit_json(s, app->project->zone, &b);
        print_json(app, &b);
        buf_free(&b);
    } else if (s->status == AUDIT_OK || s->status == AUDIT_DIFFERENT) {
        tell(app, s);
    } else if (s->status == AUDIT_FAILED) {
        app_fail(app, &s->error);
    }
    findings_free(s->findings);
    free(s);
    return status;
}
