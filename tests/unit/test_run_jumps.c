/* Clocks that jump, module by module: a second, an hour, a day, to 1970, to 2038, to the end of 9999, there and back.
 * No second of the source's time is left unread, no cursor goes back, nothing overflows, and what is learnt is learnt
 * again after a jump. (The whole engine under such clocks: the simulator.) */
#include "table.h"

#include "run/plan.h"
#include "run/window.h"
#include "source/bucket.h"
#include "store/journal.h"

#include <ftw.h>

#define NOW_S       INT64_C(1800000000)
#define END_OF_9999 INT64_C(253402300799)

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static const int64_t jumps_s[] = {
    1,      -1,     3600, -3600,         86400, -86400, -NOW_S, INT64_C(2147483647) - NOW_S,
    600000, -90000, 599,  -NOW_S + 1000, 7,     -7,     0,      END_OF_9999 - NOW_S};
#define N_JUMPS (sizeof jumps_s / sizeof *jumps_s)

static int64_t read_hand(void *ctx)
{
    return *(int64_t *)ctx;
}

/* ---- windows ---- */

/* Reads what one plan says, window by window; gives the last second that is read. Neighbours share their edge. */
static int64_t read_windows(const struct job *j, int64_t max_s)
{
    struct walk *w = walk_new(j->from_s, j->to_s, max_s);
    struct window now;
    int64_t at = j->from_s;
    size_t n = 0;

    while (walk_next(w, &now)) {
        assert_int_equal(now.from_s, at);
        assert_true(now.to_s >= now.from_s);
        at = now.to_s;
        walk_done(w);
        assert_true(++n < 2000000);
    }
    assert_true(j->from_s > j->to_s || at == j->to_s);
    walk_free(w);
    return at;
}

/* Runs from `start`, the source's now jumping before each: every second between the first cursor and the last is in
 * some window, the cursor never goes back. */
static void follow(const struct flow *f, int64_t max_s, size_t first)
{
    struct plan *p = mem_zero(sizeof *p);
    struct run_options options = {.kind = RUN_MAIN};
    int64_t cursor = NOW_S - 86400, now = NOW_S;

    for (size_t i = 0; i < N_JUMPS; i++) {
        int64_t to = now + jumps_s[(first + i) % N_JUMPS];
        struct plan_input in = {.flow = f, .options = &options, .cursor_s = cursor, .now_s = to};

        plan_make(&in, p);
        assert_int_equal(p->n, 1);
        assert_true(p->jobs[0].from_s <= cursor); /* nothing between the cursor and the first window */
        if (p->jobs[0].to_s > cursor) {
            read_windows(&p->jobs[0], max_s ? max_s : (p->jobs[0].to_s - p->jobs[0].from_s) / 1000 + 1);
            cursor = p->jobs[0].to_s;
        }
        assert_true(cursor >= NOW_S - 86400);
        now = to > END_OF_9999 - 1000000 ? NOW_S : to; /* and back again */
    }
    free(p);
}

static void windows(void **state)
{
    struct integration i = {.lag_ms = 10000, .overlap_ms = 300000, .start_s = NOW_S - 100000, .has_start = true};
    struct paging paging = {.kind = PAGE_BACKWARD};
    struct flow f = {.integration = &i, .paging = &paging};

    (void)state;
    for (size_t first = 0; first < N_JUMPS; first++) {
        follow(&f, 0, first);
        follow(&f, window_slice_s(INT64_C(1000) * 86400 * 3650), first);
    }
}

/* ---- the source's clock ---- */

/* Our clock jumps, the source's goes on: two replies later its now is known again. */
static void learnt_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_JUMPS; i++) {
        int64_t ours = NOW_S * 1000, theirs = NOW_S * 1000;
        struct clock local = {.wall_ms = read_hand, .mono_ms = read_hand, .ctx = &ours};
        struct remote_clock *r = remote_clock_new(&local);

        remote_clock_learn(r, theirs / 1000, 20, 0);
        ours += jumps_s[i] * 1000;
        for (int n = 0; n < 2; n++) {
            ours += 1000;
            theirs += 1000;
            remote_clock_learn(r, theirs / 1000, 20, 0);
        }
        assert_in_range(remote_clock_now_ms(r) - theirs + 2000, 0, 4000);
        remote_clock_free(r);
    }
}

/* The source's clock jumps: one odd Date is doubted, a second that agrees is believed. */
static void source_jumps(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_JUMPS; i++) {
        int64_t ours = NOW_S * 1000;
        struct clock local = {.wall_ms = read_hand, .mono_ms = read_hand, .ctx = &ours};
        struct remote_clock *r = remote_clock_new(&local);
        int64_t theirs = NOW_S + jumps_s[i];

        remote_clock_learn(r, NOW_S, 20, 0);
        remote_clock_learn(r, theirs, 20, 0);
        if (llabs(jumps_s[i]) > 3)
            assert_in_range(remote_clock_now_ms(r) - ours + 2000, 0, 4000);
        remote_clock_learn(r, theirs, 20, 0);
        assert_in_range(remote_clock_now_ms(r) - theirs * 1000 + 2000, 0, 4000);
        remote_clock_free(r);
    }
}

/* Ours is hours off and jitters by seconds: the first two samples agree well enough to show the hours. */
static void far_off_and_jittering(void **state)
{
    static const int64_t jitter_ms[] = {0, 2600, -3100, 1900};

    (void)state;
    for (size_t i = 0; i + 1 < sizeof jitter_ms / sizeof *jitter_ms; i++) {
        int64_t ours = 0;
        struct clock local = {.wall_ms = read_hand, .mono_ms = read_hand, .ctx = &ours};
        struct remote_clock *r = remote_clock_new(&local);

        for (size_t n = i; n < i + 2; n++) {
            ours = (NOW_S + 52306) * 1000 + jitter_ms[n];
            remote_clock_learn(r, NOW_S, 20, 0);
        }
        assert_false(remote_clock_doubted(r));
        assert_in_range(remote_clock_now_ms(r) - NOW_S * 1000 + 2000, 0, 4000);
        remote_clock_free(r);
    }
}

/* ---- civil time ---- */

/* Both ways over every change of daylight saving of some years: a civil time of an instant is that instant again, or,
 * where an hour repeats, the first of the two; later instants never have an earlier civil day. */
static void daylight_saving(void **state)
{
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
                                        "Asia/Shanghai"};

    (void)state;
    for (size_t z = 0; z < sizeof zones / sizeof *zones; z++) {
        struct zone *zone = NULL;
        struct errinfo ei;
        size_t changes = 0;
        int before = 0;

        assert_int_equal(zone_open(str_of(zones[z]), &zone, &ei), OK);
        for (int64_t t = INT64_C(1767225600); t < INT64_C(1767225600) + 3 * 366 * 86400; t += 600) {
            struct civil c;

            civil_from_unix(zone, t, &c);
            int64_t back = civil_to_unix(zone, &c);
            assert_true(back == t || (back < t && t - back <= 3600));
            if (back != t) { /* the second of two equal times: its offset is the smaller one */
                struct civil first;

                civil_from_unix(zone, back, &first);
                assert_true(first.offset_s > c.offset_s);
            }
            changes += t > INT64_C(1767225600) && c.offset_s != before;
            before = c.offset_s;
        }
        assert_int_equal(changes, z == 4 ? 0 : 6);
        zone_free(zone);
    }
}

/* ---- ages in the journal ---- */

/* Whatever the clock says, only what is done is dropped, and numbers go on. */
static void journal_ages(void **state)
{
    static const int64_t clocks_ms[] = {0, 1, NOW_S * 1000, INT64_C(2147483647000), END_OF_9999 * 1000, -1};
    char dir[] = "/tmp/sluice-jumps-XXXXXX";
    struct journal *j = NULL;
    struct errinfo ei;
    int64_t last = 0;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(journal_open(dir, (struct journal_limits){0, 1000}, false, &j, &ei), OK);
    for (size_t i = 0; i < sizeof clocks_ms / sizeof *clocks_ms; i++) {
        struct journal_entry e[2] = {{.fetched_ms = clocks_ms[i], .call = S("{}"), .body = S("{}")},
                                     {.fetched_ms = clocks_ms[i], .call = S("{}"), .body = S("{}")}};

        assert_int_equal(journal_append(j, e, 2, &ei), OK);
        assert_int_equal(e[0].seq, last + 1);
        last = e[1].seq;
        for (size_t k = 0; k < sizeof clocks_ms / sizeof *clocks_ms; k++) {
            struct prune_rule rule = {
                .done = last - 2, .keep_ms = 86400000, .max_bytes = INT64_MAX, .now_ms = clocks_ms[k]};
            size_t dropped;

            assert_int_equal(journal_prune(j, &rule, &dropped, &ei), OK);
            assert_true(journal_first(j) <= last - 1 && journal_last(j) == last);
        }
    }
    journal_close(j);
    assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows),         cmocka_unit_test(learnt_again),
        cmocka_unit_test(source_jumps),    cmocka_unit_test(far_off_and_jittering),
        cmocka_unit_test(daylight_saving), cmocka_unit_test(journal_ages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
