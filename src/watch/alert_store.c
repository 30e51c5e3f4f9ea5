/* The database of alerts. Rows are few; each call prepares its statement, runs it and lets it go.
 *
 * A message that is not delivered is not kept as a message but as what it is to tell (table notice), one row a channel
 * and alert: so what gathers while a channel is down becomes one message, and what grew is told with its last count. A
 * batch is what one message told; its number is kept until the other side took it, so after a crash the same message is
 * sent again under the same key. */
#include "watch/alert_store.h"

#include "base/digest.h"
#include "base/product.h"
#include "db/sqlite.h"
#include "store/files.h"

#include <stdio.h>
#include <stdlib.h>

#define SILENCES_MAX 1000
#define BATCH_MAX    "50000"

struct astore {
    struct sqlite *db;
    char id[37];
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS alert(rule TEXT NOT NULL, integration TEXT NOT NULL, id INTEGER NOT NULL,"
    " state INTEGER NOT NULL, severity INTEGER NOT NULL, since INTEGER NOT NULL, fired INTEGER NOT NULL,"
    " last INTEGER NOT NULL, off INTEGER NOT NULL, told INTEGER NOT NULL, wait INTEGER NOT NULL,"
    " count INTEGER NOT NULL, told_count INTEGER NOT NULL, value INTEGER NOT NULL, base INTEGER NOT NULL,"
    " bound INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY(rule, integration)) STRICT;"
    "CREATE TABLE IF NOT EXISTS history(row INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL,"
    " rule TEXT NOT NULL, integration TEXT NOT NULL, severity INTEGER NOT NULL, since INTEGER NOT NULL,"
    " fired INTEGER NOT NULL, ended INTEGER NOT NULL, count INTEGER NOT NULL, value INTEGER NOT NULL,"
    " base INTEGER NOT NULL, bound INTEGER NOT NULL, text TEXT NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS notice(seq INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL,"
    " alert INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL, due INTEGER NOT NULL,"
    " batch INTEGER NOT NULL, rule TEXT NOT NULL, severity INTEGER NOT NULL, integration TEXT NOT NULL,"
    " text TEXT NOT NULL, since INTEGER NOT NULL, count INTEGER NOT NULL, value INTEGER NOT NULL,"
    " base INTEGER NOT NULL, bound INTEGER NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS notice_due ON notice(channel, batch, due);"
    "CREATE INDEX IF NOT EXISTS notice_alert ON notice(channel, alert);"
    "CREATE TABLE IF NOT EXISTS lane(channel TEXT PRIMARY KEY, banned INTEGER NOT NULL, batch INTEGER NOT NULL,"
    " last_batch INTEGER NOT NULL, ok INTEGER NOT NULL, failed INTEGER NOT NULL, sent BLOB NOT NULL,"
    " error TEXT NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS lane_refused(channel TEXT PRIMARY KEY) STRICT;" /* whose last failure was a refusal */
    "CREATE TABLE IF NOT EXISTS silence(id INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL,"
    " integration TEXT NOT NULL, until INTEGER NOT NULL, comment TEXT NOT NULL, user TEXT NOT NULL) STRICT;";

/* ---- statements ---- */

/* A value to bind: a text, or (p NULL) a number. */
struct value {
    struct str s;
    int64_t i;
};
#define TEXT(x)                                                                                                        \
    {                                                                                                                  \
        .s = (x)                                                                                                       \
    }
#define NUM(x)                                                                                                         \
    {                                                                                                                  \
        .i = (x)                                                                                                       \
    }

static enum err prepare(struct astore *s, const char *sql, const struct value *v, size_t n, struct sqlite_stmt **ret,
                        struct errinfo *ei)
{
    enum err err = sqlite_prepare(s->db, str_of(sql), ret, ei);

    for (size_t i = 0; !err && i < n; i++) {
        if (v[i].s.p)
            sqlite_bind_str(*ret, (int)i + 1, v[i].s);
        else
            sqlite_bind_int(*ret, (int)i + 1, v[i].i);
    }
    return err;
}

#define N(values) (sizeof(values) / sizeof *(values))

static enum err run(struct astore *s, const char *sql, const struct value *v, size_t n, struct errinfo *ei)
{
    struct sqlite_stmt *st;
    enum err err = prepare(s, sql, v, n, &st, ei);

    if (err)
        return err;
    err = sqlite_run(st, ei);
    sqlite_finalize(st);
    return err;
}

static struct str name_of(int rule)
{
    return str_of(alert_rule_names[rule]);
}

/* -1 when it is no rule: written by a newer program, or for all. */
static int rule_of(struct str name)
{
    for (int i = 0; i < ALERT_RULES; i++)
        if (str_eq(name, str_of(alert_rule_names[i])))
            return i;
    return -1;
}

/* A copy for those who want a C string; empty for NULL. */
static struct str text_of(struct sqlite_stmt *st, int col)
{
    struct str s = sqlite_str(st, col);

    return s.p ? s : S("");
}

/* ---- opening ---- */

static enum err read_id(struct astore *s, struct errinfo *ei)
{
    struct sqlite_stmt *st;
    char fresh[37];
    bool row = false;
    enum err err;

    uuid_v4(fresh);
    const struct value v[] = {TEXT(str_of(fresh))};
    err = run(s, "INSERT INTO meta VALUES('id', ?) ON CONFLICT DO NOTHING", v, N(v), ei);
    if (!err)
        err = prepare(s, "SELECT value FROM meta WHERE key = 'id'", NULL, 0, &st, ei);
    if (err)
        return err;
    err = sqlite_step(st, &row, ei);
    if (row)
        snprintf(s->id, sizeof s->id, STR_FMT, STR_ARG(text_of(st, 0)));
    sqlite_finalize(st);
    return err;
}

enum err astore_open(const char *state_dir, struct astore **ret, struct errinfo *ei)
{
    struct astore *s = mem_zero(sizeof *s);
    struct buf path = buf_make(8192);
    enum err err = files_mkdir(state_dir, ei);

    buf_printf(&path, "%s/alerts.db", state_dir);
    if (!err)
        err = sqlite_open(buf_cstr(&path), SQLITE_RW_CREATE, 5000, &s->db, ei);
    buf_free(&path);
    if (!err)
        err = sqlite_exec(s->db, schema, ei);
    if (!err)
        err = read_id(s, ei);
    if (err) {
        astore_close(s);
        return err;
    }
    *ret = s;
    return OK;
}

void astore_close(struct astore *s)
{
    if (!s)
        return;
    sqlite_close(s->db);
    free(s);
}

const char *astore_id(const struct astore *s)
{
    return s->id;
}

enum err astore_begin(struct astore *s, struct errinfo *ei)
{
    return sqlite_exec(s->db, "BEGIN IMMEDIATE", ei);
}

enum err astore_commit(struct astore *s, struct errinfo *ei)
{
    return sqlite_exec(s->db, "COMMIT", ei);
}

void astore_rollback(struct astore *s)
{
    struct errinfo unused;

    if (sqlite_exec(s->db, "ROLLBACK", &unused))
        return; /* SQLite rolled it back itself */
}

/* ---- alerts ---- */

enum err astore_put_alert(struct astore *s, const struct alert *al, struct errinfo *ei)
{
    const struct value v[] = {TEXT(name_of(al->rule)),
                              TEXT(str_of(al->integration)),
                              NUM(al->id),
                              NUM(al->state),
                              NUM(al->severity),
                              NUM(al->since_ms),
                              NUM(al->fired_ms),
                              NUM(al->last_ms),
                              NUM(al->off_ms),
                              NUM(al->told_ms),
                              NUM(al->update_ms),
                              NUM(al->count),
                              NUM(al->told_count),
                              NUM(al->value),
                              NUM(al->base),
                              NUM(al->limit),
                              TEXT(str_of(al->text))};

    return run(s, "INSERT OR REPLACE INTO alert VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", v, N(v), ei);
}

static void give_alert(struct sqlite_stmt *st, void (*take)(void *ctx, const struct alert *al), void *ctx)
{
    char integration[1024], text[2048];
    struct alert al = {.rule = rule_of(text_of(st, 0)),
                       .integration = integration,
                       .id = sqlite_int(st, 2),
                       .state = (int)sqlite_int(st, 3),
                       .severity = (int)sqlite_int(st, 4),
                       .since_ms = sqlite_int(st, 5),
                       .fired_ms = sqlite_int(st, 6),
                       .last_ms = sqlite_int(st, 7),
                       .off_ms = sqlite_int(st, 8),
                       .told_ms = sqlite_int(st, 9),
                       .update_ms = sqlite_int(st, 10),
                       .count = sqlite_int(st, 11),
                       .told_count = sqlite_int(st, 12),
                       .value = sqlite_int(st, 13),
                       .base = sqlite_int(st, 14),
                       .limit = sqlite_int(st, 15),
                       .text = text};

    snprintf(integration, sizeof integration, STR_FMT, STR_ARG(text_of(st, 1)));
    snprintf(text, sizeof text, STR_FMT, STR_ARG(text_of(st, 16)));
    if (al.rule >= 0 && al.severity >= 0 && al.severity <= SEVERITY_CRITICAL)
        take(ctx, &al);
}

static enum err last_id(struct astore *s, int64_t *ret, struct errinfo *ei)
{
    struct sqlite_stmt *st;
    bool row = false;
    enum err err = prepare(s,
                           "SELECT max(coalesce((SELECT max(id) FROM alert), 0),"
                           " coalesce((SELECT max(id) FROM history), 0))",
                           NULL, 0, &st, ei);

    if (err)
        return err;
    err = sqlite_step(st, &row, ei);
    if (row)
        *ret = sqlite_int(st, 0);
    sqlite_finalize(st);
    return err;
}

enum err astore_alerts(struct astore *s, void (*take)(void *ctx, const struct alert *al), void *ctx,
                       int64_t *ret_last_id, struct errinfo *ei)
{
    struct sqlite_stmt *st;
    bool row = true;
    enum err err = prepare(s, "SELECT * FROM alert WHERE state <> 0", NULL, 0, &st, ei);

    if (err)
        return err;
    while (!(err = sqlite_step(st, &row, ei)) && row)
        give_alert(st, take, ctx);
    sqlite_finalize(st);
    return err ? err : last_id(s, ret_last_id, ei);
}

enum err astore_put_history(struct astore *s, const struct alert *al, int64_t ended_ms, struct errinfo *ei)
{
    const struct value v[] = {NUM(al->id),       TEXT(name_of(al->rule)), TEXT(str_of(al->integration)),
                              NUM(al->severity), NUM(al->since_ms),       NUM(al->fired_ms),
                              NUM(ended_ms),     NUM(al->count),          NUM(al->value),
                              NUM(al->base),     NUM(al->limit),          TEXT(str_of(al->text))};

    return run(s, "INSERT INTO history VALUES(NULL,?,?,?,?,?,?,?,?,?,?,?,?)", v, N(v), ei);
}

enum err astore_history(struct astore *s, size_t limit, int64_t before,
                        void (*take)(void *ctx, const struct alert *al, int64_t ended_ms, int64_t row), void *ctx,
                        struct errinfo *ei)
{
    const struct value v[] = {NUM(before > 0 ? before : INT64_MAX), NUM((int64_t)limit)};
    struct sqlite_stmt *st;
    bool row = true;
    enum err err = prepare(s, "SELECT * FROM history WHERE row < ? ORDER BY row DESC LIMIT ?", v, N(v), &st, ei);

    if (err)
        return err;
    while (!(err = sqlite_step(st, &row, ei)) && row) {
        char integration[1024], text[2048];
        struct alert al = {.id = sqlite_int(st, 1),
                           .rule = rule_of(text_of(st, 2)),
                           .integration = integration,
                           .severity = (int)sqlite_int(st, 4),
                           .since_ms = sqlite_int(st, 5),
                           .fired_ms = sqlite_int(st, 6),
                           .count = sqlite_int(st, 8),
                           .value = sqlite_int(st, 9),
                           .base = sqlite_int(st, 10),
                           .limit = sqlite_int(st, 11),
                           .text = text};

        snprintf(integration, sizeof integration, STR_FMT, STR_ARG(text_of(st, 3)));
        snprintf(text, sizeof text, STR_FMT, STR_ARG(text_of(st, 12)));
        if (al.rule >= 0)
            take(ctx, &al, sqlite_int(st, 7), sqlite_int(st, 0));
    }
    sqlite_finalize(st);
    return err;
}

enum err astore_forget_history(struct astore *s, int64_t before_ms, struct errinfo *ei)
{
    const struct value v[] = {NUM(before_ms)};

    return run(s, "DELETE FROM history WHERE ended < ?", v, N(v), ei);
}

/* ---- notices ---- */

enum err astore_put_notice(struct astore *s, struct str channel, const struct notice *n, struct errinfo *ei)
{
    const struct value same[] = {TEXT(channel), NUM(n->alert), NUM(NOTICE_MORE)};
    const struct value v[] = {TEXT(channel),  NUM(n->alert),          NUM(n->kind),     NUM(n->at_ms),
                              NUM(n->due_ms), TEXT(name_of(n->rule)), NUM(n->severity), TEXT(n->integration),
                              TEXT(n->text),  NUM(n->since_ms),       NUM(n->count),    NUM(n->value),
                              NUM(n->base),   NUM(n->limit)};
    enum err err = OK;

    if (n->kind == NOTICE_MORE)
        err =
            run(s, "DELETE FROM notice WHERE channel = ? AND alert = ? AND kind = ? AND batch = 0", same, N(same), ei);
    if (err)
        return err;
    return run(s, "INSERT INTO notice VALUES(NULL,?,?,?,?,?,0,?,?,?,?,?,?,?,?,?)", v, N(v), ei);
}

enum err astore_waiting(struct astore *s, struct str channel, int64_t *ret_n, int64_t *ret_due_ms, struct errinfo *ei)
{
    const struct value v[] = {TEXT(channel)};
    struct sqlite_stmt *st;
    bool row = false;
    enum err err = prepare(s, "SELECT count(*), min(due) FROM notice WHERE channel = ?", v, N(v), &st, ei);

    if (err)
        return err;
    err = sqlite_step(st, &row, ei);
    if (row) {
        *ret_n = sqlite_int(st, 0);
        *ret_due_ms = *ret_n ? sqlite_int(st, 1) : INT64_MAX;
    }
    sqlite_finalize(st);
    return err;
}

enum err astore_assign(struct astore *s, struct str channel, int64_t batch, int64_t now_ms, struct errinfo *ei)
{
    const struct value v[] = {NUM(batch), TEXT(channel), NUM(now_ms)};

    return run(s,
               "UPDATE notice SET batch = ?1 WHERE seq IN (SELECT seq FROM notice WHERE channel = ?2 AND batch = 0"
               " AND due <= ?3 ORDER BY seq LIMIT " BATCH_MAX ")",
               v, N(v), ei);
}

enum err astore_batch(struct astore *s, struct str channel, int64_t batch,
                      void (*take)(void *ctx, const struct notice *n), void *ctx, struct errinfo *ei)
{
    const struct value v[] = {TEXT(channel), NUM(batch)};
    struct sqlite_stmt *st;
    bool row = true;
    enum err err = prepare(s,
                           "SELECT seq, alert, kind, at, due, rule, severity, integration, text, since, count, value,"
                           " base, bound FROM notice WHERE channel = ? AND batch = ? ORDER BY seq",
                           v, N(v), &st, ei);

    if (err)
        return err;
    while (!(err = sqlite_step(st, &row, ei)) && row) {
        struct notice n = {.seq = sqlite_int(st, 0),
                           .alert = sqlite_int(st, 1),
                           .kind = (int)sqlite_int(st, 2),
                           .at_ms = sqlite_int(st, 3),
                           .due_ms = sqlite_int(st, 4),
                           .rule = rule_of(text_of(st, 5)),
                           .severity = (int)sqlite_int(st, 6),
                           .integration = text_of(st, 7),
                           .text = text_of(st, 8),
                           .since_ms = sqlite_int(st, 9),
                           .count = sqlite_int(st, 10),
                           .value = sqlite_int(st, 11),
                           .base = sqlite_int(st, 12),
                           .limit = sqlite_int(st, 13)};

        if (n.rule >= 0 && n.severity >= 0 && n.severity <= SEVERITY_CRITICAL)
            take(ctx, &n);
    }
    sqlite_finalize(st);
    return err;
}

enum err astore_drop_batch(struct astore *s, struct str channel, int64_t batch, struct errinfo *ei)
{
    const struct value v[] = {TEXT(channel), NUM(batch)};

    return run(s, "DELETE FROM notice WHERE channel = ? AND batch = ?", v, N(v), ei);
}

/* ---- channels ---- */

enum err astore_lane(struct astore *s, struct str channel, struct lane_state *ret, struct errinfo *ei)
{
    const struct value v[] = {TEXT(channel)};
    struct sqlite_stmt *st;
    bool row = false;
    enum err err = prepare(s,
                           "SELECT *, EXISTS(SELECT 1 FROM lane_refused r WHERE r.channel = lane.channel) FROM lane"
                           " WHERE channel = ?",
                           v, N(v), &st, ei);

    if (err)
        return err;
    *ret = (struct lane_state){0};
    err = sqlite_step(st, &row, ei);
    if (!err && row) {
        struct str sent = sqlite_str(st, 6);

        ret->banned_ms = sqlite_int(st, 1);
        ret->batch = sqlite_int(st, 2);
        ret->last_batch = sqlite_int(st, 3);
        ret->ok_ms = sqlite_int(st, 4);
        ret->failed_ms = sqlite_int(st, 5);
        if (sent.n == sizeof ret->sent)
            memcpy(ret->sent, sent.p, sent.n);
        snprintf(ret->error, sizeof ret->error, STR_FMT, STR_ARG(text_of(st, 7)));
        ret->refused = sqlite_int(st, 8) != 0;
    }
    sqlite_finalize(st);
    return err;
}

static enum err put_refused(struct astore *s, struct str channel, bool refused, struct errinfo *ei)
{
    const struct value v[] = {TEXT(channel)};

    return run(s,
               refused ? "INSERT OR IGNORE INTO lane_refused VALUES(?)" : "DELETE FROM lane_refused WHERE channel = ?",
               v, N(v), ei);
}

enum err astore_put_lane(struct astore *s, struct str channel, const struct lane_state *l, struct errinfo *ei)
{
    struct sqlite_stmt *st;
    const struct value v[] = {TEXT(channel),      NUM(l->banned_ms), NUM(l->batch),
                              NUM(l->last_batch), NUM(l->ok_ms),     NUM(l->failed_ms)};
    enum err err = prepare(s, "INSERT OR REPLACE INTO lane VALUES(?,?,?,?,?,?,?,?)", v, N(v), &st, ei);

    if (err)
        return err;
    sqlite_bind_blob(st, 7, (struct str){(const char *)l->sent, sizeof l->sent});
    sqlite_bind_str(st, 8, str_of(l->error));
    err = sqlite_run(st, ei);
    sqlite_finalize(st);
    return err ? err : put_refused(s, channel, l->refused, ei);
}

/* ---- silences ---- */

enum err astore_add_silence(struct astore *s, const struct silence *x, int64_t *ret_id, struct errinfo *ei)
{
    const struct value v[] = {TEXT(x->rule < 0 ? S("") : name_of(x->rule)),
                              TEXT(x->integration.p ? x->integration : S("")), NUM(x->until_ms),
                              TEXT(x->comment.p ? x->comment : S("")), TEXT(x->user.p ? x->user : S(""))};
    enum err err = run(s, "INSERT INTO silence VALUES(NULL,?,?,?,?,?)", v, N(v), ei);

    if (!err)
        *ret_id = sqlite_last_id(s->db);
    return err;
}

enum err astore_remove_silence(struct astore *s, int64_t id, bool *ret_was, struct errinfo *ei)
{
    const struct value v[] = {NUM(id)};
    enum err err = run(s, "DELETE FROM silence WHERE id = ?", v, N(v), ei);

    if (!err)
        *ret_was = sqlite_changes(s->db) > 0;
    return err;
}

enum err astore_silences(struct astore *s, int64_t now_ms, struct arena *a, struct silence **ret, size_t *ret_n,
                         struct errinfo *ei)
{
    const struct value v[] = {NUM(now_ms), NUM(SILENCES_MAX)};
    struct silence *all = ARENA_ARRAY(a, struct silence, SILENCES_MAX);
    struct sqlite_stmt *st;
    bool row = true;
    size_t n = 0;
    enum err err = prepare(s, "SELECT * FROM silence WHERE until > ? ORDER BY until LIMIT ?", v, N(v), &st, ei);

    if (err)
        return err;
    while (!(err = sqlite_step(st, &row, ei)) && row)
        all[n++] = (struct silence){.id = sqlite_int(st, 0),
                                    .rule = text_of(st, 1).n ? rule_of(text_of(st, 1)) : -1,
                                    .integration = arena_str(a, text_of(st, 2)),
                                    .until_ms = sqlite_int(st, 3),
                                    .comment = arena_str(a, text_of(st, 4)),
                                    .user = arena_str(a, text_of(st, 5))};
    sqlite_finalize(st);
    if (err)
        return err;
    *ret = all;
    *ret_n = n;
    return OK;
}
