/* The writer against a target that does as it is told: each outcome of a transaction, each answer of the checkpoint
 * after a lost COMMIT, dead letters, and a state that cannot be written. Time is the test's own: nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "run/writer.h"
#include "sink/sink_impl.h"

#include <cmocka.h>

#include <string.h>
/* cmocka's macros; base/err.h has a function of that name */
#undef fail
#undef fail_msg
#define fail_msg(...) (print_error(__VA_ARGS__), _fail(__FILE__, __LINE__))

#include "db/sqlite.h"
#include "test_store_fixture.h"

#define STEPS_MAX 12
#define STATE     ".sluice/state.db"

/* What the target does next; the last step goes on for ever. */
struct deed {
    enum sink_outcome outcome;
    enum err code;      /* told with it; OK: not a word */
    bool silent_commit; /* it did commit, though it does not say so */
};
struct look {
    enum err code;
    struct checkpoint cp;
    bool missing, not_held;
};

static struct {
    struct deed deeds[STEPS_MAX];
    struct look looks[STEPS_MAX];
    size_t writes, connects, asked;
    size_t no_connection; /* so many times it cannot be reached */
    int64_t after;        /* as the last batch named it */
    int64_t committed;
} target;

static struct {
    int64_t ms;
    size_t pauses;
    bool stop, fail; /* at the next pause */
} hands;

static struct {
    size_t n[EVENT_RUN_ENDED + 1];
    int64_t rows;
    enum err code;
    char key[200], text[200], dead[50]; /* dead: all ids */
} heard;

static struct {
    size_t n, bad;
    char reason[100];
} redone;

static struct folder dir;
static struct errinfo ei;
static struct integration integration = {.name = {"orders", 6}};
static struct flow flow = {.integration = &integration, .mapping = 77};
static struct run_options options;
static struct pipeline p;
static struct writer *w;
static struct json_doc *raw;

/* ---- the target ---- */

static enum err fake_open(struct sink *s, const struct strs *o, struct errinfo *why)
{
    (void)o;
    (void)why;
    s->described = true; /* there is no table */
    return OK;
}

static void fake_close(struct sink *s)
{
    (void)s;
}

static enum err fake_connect(struct sink *s, struct errinfo *why)
{
    (void)s;
    if (target.connects++ < target.no_connection)
        return fail(why, ERR_NETWORK, "nobody there");
    return OK;
}

static enum err fake_checkpoint(struct sink *s, struct checkpoint *ret, bool *ret_found, bool *ret_held,
                                struct errinfo *why)
{
    const struct look *l = &target.looks[target.asked];

    (void)s;
    target.asked += target.asked + 1 < STEPS_MAX;
    if (l->code)
        return fail(why, l->code, "cannot be read");
    *ret = l->cp;
    *ret_found = !l->missing;
    *ret_held = !l->not_held;
    return OK;
}

static enum sink_outcome fake_write(struct sink *s, struct batch *b, const struct sink_hook *hook, struct errinfo *why)
{
    const struct deed *d = &target.deeds[target.writes];
    enum err e;

    (void)s;
    target.writes += target.writes + 1 < STEPS_MAX;
    target.after = b->after;
    e = hook->before_commit(hook->ctx, b, why);
    if (e)
        return SINK_TRANSIENT;
    target.committed += d->outcome == SINK_COMMITTED || d->silent_commit;
    if (d->code)
        fail(why, d->code, "refused by the test");
    return d->outcome;
}

static const struct sink_type fake = {.name = "fake",
                                      .open = fake_open,
                                      .close = fake_close,
                                      .connect = fake_connect,
                                      .checkpoint = fake_checkpoint,
                                      .write = fake_write};

/* ---- the clock and the ears ---- */

static int64_t hands_ms(void *ctx)
{
    (void)ctx;
    return hands.ms;
}

static void hands_pause(void *ctx, int64_t ms)
{
    (void)ctx;
    assert_true(ms > 0 && ms <= 50);
    hands.ms += ms;
    hands.pauses++;
    if (hands.stop)
        atomic_store(&p.stopping, true);
    if (hands.fail)
        atomic_store(&p.failed, true);
}

static const struct clock turned = {.wall_ms = hands_ms, .mono_ms = hands_ms, .pause_ms = hands_pause};

static void hear(void *ctx, const struct event *e)
{
    (void)ctx;
    heard.n[e->kind]++;
    if (e->kind == EVENT_DEAD)
        snprintf(strchr(heard.dead, '\0'), 20, STR_FMT " ", STR_ARG(e->key));
    heard.rows = e->rows;
    heard.code = e->code;
    snprintf(heard.key, sizeof heard.key, STR_FMT, STR_ARG(e->key));
    snprintf(heard.text, sizeof heard.text, STR_FMT, STR_ARG(e->text));
}

static void hear_redone(void *ctx, const struct batch_record *record, const struct redo_refusal *refused, size_t n)
{
    (void)ctx;
    (void)record;
    redone.n++;
    redone.bad += n;
    if (n)
        snprintf(redone.reason, sizeof redone.reason, STR_FMT, STR_ARG(refused[n - 1].reason));
}

/* ---- what all share ---- */

static int setup(void **state)
{
    const struct sink_spec spec = {.integration = integration.name};

    (void)state;
    folder_make(&dir);
    memset(&target, 0, sizeof target);
    memset(&hands, 0, sizeof hands);
    memset(&heard, 0, sizeof heard);
    memset(&redone, 0, sizeof redone);
    memset(&ei, 0, sizeof ei);
    memset(&p, 0, sizeof p);
    hands.ms = INT64_C(1772000000000);
    options = (struct run_options){.clock = &turned, .listener = {.hear = hear}, .patience_ms = 60000};
    p.flow = &flow;
    p.options = &options;
    p.target_holds = true;
    p.run_id = 3;
    p.start = (struct checkpoint){.journal = "here", .epoch = 5, .batch = 10, .row = -1};
    atomic_store(&p.fetched_cursor, INT64_MIN);
    assert_ok(store_open(in(&dir, ".sluice"), false, &p.store, &ei), ei);
    assert_ok(sink_open(&fake, &spec, NULL, &p.sink, &ei), ei);
    assert_ok(json_parse(S("{\"id\":1}"), &JSON_LIMITS_DEFAULT, &raw, NULL, &ei), ei);
    w = writer_new(&p);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    writer_free(w);
    records_close(p.kept);
    sink_close(p.sink);
    store_close(p.store);
    json_free(raw);
    folder_drop(&dir);
    return 0;
}

/* A unit of n records of a row each; the keys are k<first>, … */
static struct unit *unit_of(int64_t batch, size_t first, size_t n)
{
    struct unit *u = unit_new();

    u->b.records = mem_zero((n + 1) * sizeof *u->b.records);
    u->b.rows = mem_zero((n + 1) * sizeof *u->b.rows);
    u->b.bad = ARENA_ARRAY(u->b.arena, struct bad_row, n + 1);
    for (size_t i = 0; i < n; i++) {
        u->b.records[i] = (struct batch_record){.key = arena_printf(u->b.arena, "k%zu", first + i),
                                                .page = batch,
                                                .row = (int32_t)i,
                                                .raw = json_root(raw),
                                                .n_rows = 1};
        u->b.rows[i] = (struct batch_row){.record = (uint32_t)i};
    }
    u->b.n_records = u->b.n_rows = n;
    u->tallies[0].end = n;
    u->b.to = (struct checkpoint){.journal = "here",
                                  .epoch = 5,
                                  .batch = batch,
                                  .page = batch,
                                  .row = -1,
                                  .cursor_s = 1000 + batch,
                                  .mapping = 77};
    return u;
}

static void refuse_row(struct unit *u, uint32_t row)
{
    u->b.bad[u->b.n_bad++] = (struct bad_row){row, ERR_DATA, S("too long")};
}

static enum err write_and_free(struct unit *u)
{
    enum err e = writer_write(w, u, &ei);

    unit_free(u);
    return e;
}

static void drop_table(const char *file, const char *name)
{
    struct sqlite *db = NULL;
    char sql[100];

    snprintf(sql, sizeof sql, "PRAGMA foreign_keys = OFF; DROP TABLE %s", name);
    assert_ok(sqlite_open(in(&dir, file), SQLITE_RW, 1000, &db, &ei), ei);
    assert_ok(sqlite_exec(db, sql, &ei), ei);
    sqlite_close(db);
}

static int64_t open_letters(void)
{
    int64_t n = -1;

    assert_ok(store_dead_count(p.store, integration.name, &n, &ei), ei);
    return n;
}

static struct progress progress(void)
{
    struct progress g;

    assert_ok(store_progress(p.store, integration.name, &g, &ei), ei);
    return g;
}

/* ---- outcomes ---- */

static void committed(void **state)
{
    struct unit *u = unit_of(11, 0, 3);

    (void)state;
    u->freshest_ms = 900;
    atomic_store(&p.fetched_cursor, 4000);
    assert_ok(writer_begin(w, &ei), ei);
    assert_ok(write_and_free(u), ei);
    assert_int_equal(target.after, 10);
    assert_int_equal(heard.n[EVENT_COMMIT], 1);
    assert_int_equal(heard.rows, 3);
    assert_int_equal(atomic_load(&p.whole_page), 11);
    assert_int_equal(progress().cursor_s, 1011);
    assert_int_equal(progress().fetched_s, 4000);
    assert_int_equal(progress().freshest_ms, 900);
    assert_int_equal(progress().epoch, 5);
    u = unit_of(12, 3, 1); /* nothing fresher, and within the second: the store's copy may wait */
    u->freshest_ms = 800;
    assert_ok(write_and_free(u), ei);
    assert_int_equal(target.after, 11);
    assert_int_equal(progress().batch, 11);
    assert_int_equal(atomic_load(&p.freshest_ms), 900);
    hands.ms += 1000;
    assert_ok(write_and_free(unit_of(13, 4, 1)), ei);
    assert_int_equal(progress().batch, 13);
    assert_ok(write_and_free(unit_of(14, 5, 1)), ei);
    p.target_holds = false; /* the store's copy is the only one */
    assert_ok(write_and_free(unit_of(15, 6, 1)), ei);
    assert_int_equal(progress().batch, 15);
    assert_ok(write_and_free(unit_of(16, 7, 0)), ei);
    assert_ok(writer_end(w, &ei), ei);
    assert_int_equal(progress().batch, 16);
    assert_int_equal(target.committed, 6);
}

static void tried_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < STEPS_MAX - 1; i++)
        target.deeds[i] = (struct deed){SINK_TRANSIENT, ERR_TARGET, false};
    assert_ok(write_and_free(unit_of(11, 0, 1)), ei);
    assert_int_equal(target.committed, 1);
    assert_int_equal(target.after, 10);
    assert_int_equal(heard.n[EVENT_RETRY], STEPS_MAX - 1);
    assert_int_equal(atomic_load(&p.retries), STEPS_MAX - 1);
    assert_null(atomic_load(&p.waiting));
    assert_true(hands.pauses >= STEPS_MAX - 1);
}

/* What could not be written is not counted as written, and the next batch still names the last one that was. */
static void nothing_is_in(int64_t writes)
{
    assert_int_equal(target.committed, 0);
    assert_int_equal(heard.n[EVENT_COMMIT], 0);
    assert_int_equal(target.writes, writes);
    assert_int_equal(atomic_load(&p.rows), 0);
    assert_int_equal(atomic_load(&p.written_page), 0);
    assert_false(progress().known);
}

static void for_good(void **state)
{
    (void)state;
    target.deeds[0] = (struct deed){SINK_PERMANENT, ERR_SCHEMA, false};
    assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_SCHEMA);
    assert_string_equal(ei.msg, "refused by the test");
    nothing_is_in(1);
    assert_int_equal(hands.pauses, 0);
    memset(&ei, 0, sizeof ei);
    target.deeds[1] = (struct deed){SINK_FENCED, OK, false}; /* not a word, and yet no success */
    assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_TARGET);
    nothing_is_in(2);
}

static void patience_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < STEPS_MAX; i++)
        target.deeds[i] = (struct deed){SINK_TRANSIENT, ERR_NETWORK, false};
    options.patience_ms = 0;
    hands.pauses = 0;
    assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_NETWORK);
    nothing_is_in(2); /* the second comes after a pause, when patience is over */
}

/* A run that fails elsewhere, or that is stopped, does not wait for a target that is down. */
static void stopped(void **state)
{
    int64_t begun = hands.ms;

    (void)state;
    for (size_t i = 0; i < STEPS_MAX; i++)
        target.deeds[i] = (struct deed){SINK_TRANSIENT, ERR_NETWORK, false};
    atomic_store(&p.failed, true);
    assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_NETWORK);
    nothing_is_in(1);
    atomic_store(&p.failed, false);
    atomic_store(&p.stopping, true);
    assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_NETWORK);
    nothing_is_in(2);
    assert_int_equal(hands.ms, begun);
    atomic_store(&p.stopping, false);
    hands.stop = true; /* while it waits: the rest of the pause is left out */
    assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_NETWORK);
    nothing_is_in(4);
    assert_true(hands.ms - begun <= 50);
    hands.stop = false;
    hands.fail = true;
    atomic_store(&p.stopping, false);
    for (int n = 0; n < 20; n++) { /* pauses are of any length */
        target.writes = 0;
        atomic_store(&p.failed, false);
        begun = hands.ms;
        assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_NETWORK);
        nothing_is_in(2);
        assert_true(hands.ms - begun <= 50);
    }
}

/* ---- a lost COMMIT ---- */

static const struct deed lost = {SINK_UNKNOWN, ERR_NETWORK, true}, lost_before = {SINK_UNKNOWN, ERR_NETWORK, false};

static struct checkpoint stands(int64_t epoch, int64_t batch)
{
    return (struct checkpoint){.journal = "here", .epoch = epoch, .batch = batch};
}

static void lost_but_in(void **state)
{
    (void)state;
    target.deeds[0] = lost;
    target.no_connection = 2;
    target.looks[0].code = ERR_TARGET;
    target.looks[1].cp = stands(5, 11);
    atomic_store(&p.failed, true); /* what became of it is learnt even when the run fails */
    assert_ok(write_and_free(unit_of(11, 0, 2)), ei);
    assert_int_equal(target.writes, 1);
    assert_int_equal(target.committed, 1);
    assert_int_equal(target.connects, 4);
    assert_true(hands.pauses >= 3);
    assert_int_equal(atomic_load(&p.rows), 2);
}

static void lost_and_not_in(void **state)
{
    (void)state;
    target.deeds[0] = lost_before;
    target.looks[0].cp = stands(5, 10);
    assert_ok(write_and_free(unit_of(11, 0, 2)), ei);
    assert_int_equal(target.writes, 2);
    assert_int_equal(target.committed, 1);
    assert_int_equal(heard.n[EVENT_RETRY], 1);
}

/* Nobody can tell: sent again, which is what at least once promises. */
static void lost_and_nobody_knows(void **state)
{
    (void)state;
    target.deeds[0] = lost;
    target.looks[0].not_held = true;
    assert_ok(write_and_free(unit_of(11, 0, 2)), ei);
    assert_int_equal(target.writes, 2);
    assert_int_equal(target.committed, 2);
}

static void another_target(void **state)
{
    struct look looks[] = {{.missing = true},
                           {.cp = stands(4, 10)},
                           {.cp = {.journal = "elsewhere", .epoch = 5, .batch = 10}},
                           {.cp = stands(5, 9)},
                           {.cp = stands(5, 12)}};

    (void)state;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        target.writes = target.asked = 0;
        target.deeds[0] = lost_before;
        target.looks[0] = looks[i];
        assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_TARGET);
        assert_non_null(strstr(ei.msg, "set back"));
        assert_non_null(strstr(ei.hint, "run again"));
        nothing_is_in(1);
    }
    target.writes = target.asked = 0;
    target.looks[0] = (struct look){.cp = {.journal = "elsewhere", .epoch = 6, .batch = 10}};
    assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_CONFLICT);
    assert_non_null(strstr(ei.msg, "took over integration \"orders\""));
    assert_non_null(strstr(ei.hint, "only one process"));
    nothing_is_in(1);
}

static void doubt_ends(void **state)
{
    (void)state;
    target.deeds[0] = lost_before;
    target.no_connection = SIZE_MAX;
    options.patience_ms = 2000;
    assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_NETWORK);
    assert_string_equal(ei.msg, "target: nobody there");
    assert_true(target.connects > 1);
    nothing_is_in(1);
    target.writes = 0;
    hands.stop = true;
    assert_int_equal(write_and_free(unit_of(11, 0, 1)), ERR_NETWORK);
    nothing_is_in(1);
}

/* ---- dead letters ---- */

static void letters(void **state)
{
    struct unit *u = unit_of(11, 0, 3);
    struct dead_letter *d;
    struct arena *a = arena_new(1u << 20);
    size_t n;

    (void)state;
    assert_ok(writer_begin(w, &ei), ei);
    refuse_row(u, 1);
    u->b.rows[1].id = S("t1");
    *unit_add_dead(u) = (struct dead_letter){
        .key = S("k9"), .page = 11, .row = 9, .line = -1, .code = S("data"), .reason = S("no id"), .raw = S("{}")};
    assert_ok(write_and_free(u), ei);
    assert_int_equal(heard.n[EVENT_DEAD], 2);
    assert_string_equal(heard.dead, "k9 t1 ");
    assert_int_equal(atomic_load(&p.rows), 2);
    assert_int_equal(atomic_load(&p.dead_rows), 1);
    assert_ok(store_dead_list(p.store, &(struct dead_query){.integration = integration.name}, a, &d, &n, &ei), ei);
    assert_int_equal(n, 2);
    assert_str(d[1].key, "k1");
    assert_str(d[1].reason, "too long");
    assert_str(d[1].raw, "{\"id\":1}");
    assert_int_equal(d[1].created_ms, hands.ms);
    assert_ok(write_and_free(unit_of(12, 2, 2)), ei); /* of other keys: both letters stay */
    assert_int_equal(open_letters(), 2);
    assert_ok(write_and_free(unit_of(13, 1, 1)), ei); /* a newer version of k1 */
    assert_int_equal(open_letters(), 1);
    arena_free(a);
}

/* Letters of earlier runs, more than are read at once: each is known. */
static void many_letters(void **state)
{
    enum { N = 1001 };
    static struct dead_letter d[N];
    static char keys[N][8];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        d[i] = (struct dead_letter){.key = str_of(keys[i]), .page = 5, .row = (int32_t)i, .code = S("data")};
    }
    assert_ok(store_dead_add(p.store, integration.name, d, N, &ei), ei);
    assert_ok(writer_begin(w, &ei), ei);
    assert_ok(write_and_free(unit_of(11, 0, N)), ei);
    assert_int_equal(open_letters(), 0);
}

/* A letter that cannot be kept keeps the whole batch out. */
static void letters_cannot_be_kept(void **state)
{
    struct unit *u = unit_of(11, 0, 2);

    (void)state;
    assert_ok(writer_begin(w, &ei), ei);
    drop_table(STATE, "dead");
    options.patience_ms = 0;
    refuse_row(u, 0);
    assert_int_not_equal(write_and_free(u), OK);
    assert_non_null(strstr(ei.msg, "dead"));
    nothing_is_in(2);
    assert_int_not_equal(writer_begin(w, &ei), OK);
}

/* ---- the state ---- */

static void state_cannot_be_written(void **state)
{
    (void)state;
    assert_ok(writer_begin(w, &ei), ei);
    drop_table(STATE, "progress");
    assert_int_not_equal(write_and_free(unit_of(11, 0, 1)), OK);
    assert_non_null(strstr(ei.msg, "progress"));
    assert_int_equal(target.committed, 1); /* the target's checkpoint has it: the next run goes on behind it */
    assert_int_not_equal(writer_end(w, &ei), OK);
}

/* What is in stays in; the run ends with what could not be kept of it. */
static void notes_cannot_be_written(void **state)
{
    struct unit *u = unit_of(11, 0, 1);

    (void)state;
    u->n_missing = 1;
    u->missing[0] = u->b.records[0].key;
    drop_table(STATE, "metric");
    assert_int_not_equal(write_and_free(u), OK);
    assert_non_null(strstr(ei.msg, "metric"));
    assert_int_equal(target.committed, 1);
    assert_ok(records_open(in(&dir, ".sluice"), integration.name, false, &p.kept, &ei), ei);
    drop_table(".sluice/records/orders.db", "batch");
    assert_int_not_equal(write_and_free(unit_of(12, 0, 1)), OK);
    assert_non_null(strstr(ei.msg, "batch"));
    assert_int_equal(target.committed, 2);
    assert_int_equal(atomic_load(&p.written_page), 12);
}

static void noted(void **state)
{
    struct records_batch b;
    struct unit *u = unit_of(12, 1, 1);
    bool known;

    (void)state;
    assert_ok(records_open(in(&dir, ".sluice"), integration.name, false, &p.kept, &ei), ei);
    assert_ok(write_and_free(unit_of(11, 0, 1)), ei);
    assert_ok(records_batch_of(p.kept, (struct records_place){11, 500}, &b, &known, &ei), ei);
    assert_true(known);
    assert_int_equal(b.batch, 11);
    assert_int_equal(b.run, 3);
    u->b.to.row = 4; /* only the beginning of the page */
    assert_ok(write_and_free(u), ei);
    assert_int_equal(atomic_load(&p.whole_page), 11);
    assert_ok(records_batch_of(p.kept, (struct records_place){12, 3}, &b, &known, &ei), ei);
    assert_true(known);
    assert_ok(records_batch_of(p.kept, (struct records_place){12, 4}, &b, &known, &ei), ei);
    assert_false(known);
}

static void found_missing(void **state)
{
    struct arena *a = arena_new(1u << 20);
    struct metrics m;

    (void)state;
    for (size_t n = 2; n < 9; n += 5) {
        struct unit *u = unit_of((int64_t)(10 + n), 0, n);

        for (size_t i = 0; i < n && i < MISSING_NAMED; i++)
            u->missing[i] = u->b.records[i].key;
        u->n_missing = n;
        u->tallies[0].missing = (int64_t)n;
        assert_ok(write_and_free(u), ei);
        assert_int_equal(heard.n[EVENT_MISSING], n == 2 ? 1 : 2);
        assert_string_equal(heard.key, n == 2 ? "k0, k1" : "k0, k1, k2, k3, k4");
    }
    assert_ok(store_metrics(p.store, integration.name, S("found_missing"), a, &m, &ei), ei);
    assert_int_equal(m.n, 1);
    assert_int_equal(m.at[0].value, 9);
    arena_free(a);
}

/* ---- redo, and a dry run ---- */

/* Positions stay as they are; whoever asked is told of each record, refused rows with their reason. */
static void redo(void **state)
{
    struct unit *u = unit_of(10, 0, 3);

    (void)state;
    p.frozen = true;
    p.redone = hear_redone;
    assert_ok(records_open(in(&dir, ".sluice"), integration.name, false, &p.kept, &ei), ei);
    assert_ok(writer_begin(w, &ei), ei);
    refuse_row(u, 0);
    refuse_row(u, 2);
    assert_ok(write_and_free(u), ei);
    assert_int_equal(target.committed, 1);
    assert_int_equal(redone.n, 3);
    assert_int_equal(redone.bad, 2);
    assert_string_equal(redone.reason, "too long");
    u = unit_of(12, 0, 0); /* nothing for the target: it is not asked, and stands where it stood */
    *unit_add_dead(u) = (struct dead_letter){.key = S("k9"), .line = -1, .reason = S("still no id")};
    assert_ok(write_and_free(u), ei);
    assert_int_equal(target.committed, 1);
    assert_int_equal(target.writes, 1);
    assert_int_equal(redone.n, 4);
    assert_string_equal(redone.reason, "still no id");
    u = unit_of(10, 0, 0); /* no row to write, but some to take away */
    u->b.n_gone = 1;
    assert_ok(write_and_free(u), ei);
    assert_int_equal(target.committed, 2);
    assert_int_equal(target.after, 10);
    assert_ok(writer_end(w, &ei), ei);
    assert_false(progress().known);
    assert_int_equal(open_letters(), 3); /* nobody had letters of them */
    assert_int_equal(atomic_load(&p.whole_page), 0);
}

static void dry(void **state)
{
    (void)state;
    sink_close(p.sink);
    p.sink = NULL;
    writer_free(w);
    writer_free(NULL);
    w = writer_new(&p);
    assert_ok(writer_begin(w, &ei), ei);
    assert_ok(write_and_free(unit_of(11, 0, 4)), ei);
    assert_ok(writer_end(w, &ei), ei);
    assert_int_equal(atomic_load(&p.rows), 4);
    assert_int_equal(target.writes, 0);
    assert_false(progress().known);
    p.sink = mem_zero(sizeof *p.sink); /* for the teardown */
    p.sink->type = &fake;
    p.sink->arena = arena_new(1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(committed),
                                       TEST(tried_again),
                                       TEST(for_good),
                                       TEST(patience_ends),
                                       TEST(stopped),
                                       TEST(lost_but_in),
                                       TEST(lost_and_not_in),
                                       TEST(lost_and_nobody_knows),
                                       TEST(another_target),
                                       TEST(doubt_ends),
                                       TEST(letters),
                                       TEST(many_letters),
                                       TEST(letters_cannot_be_kept),
                                       TEST(state_cannot_be_written),
                                       TEST(notes_cannot_be_written),
                                       TEST(noted),
                                       TEST(found_missing),
                                       TEST(redo),
                                       TEST(dry)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
