/* The source's clock from Date headers: a table of samples and the offset that must come out. */
#include "table.h"

#include "base/num.h"
#include "source/bucket.h"

static int64_t wall(void *ctx)
{
    return *(int64_t *)ctx;
}

/* What the server, `off` ms ahead, writes when our clock shows `at` ms. */
static int64_t date_of(int64_t at_ms, int64_t off_ms)
{
    return (at_ms + off_ms) / 1000;
}

/* "samples: off/trip/age …; expected: from … to …" */
static bool check(const struct table_row *row)
{
    int64_t now = 1700000000000, from, to, off, trip, age;
    struct clock local = {.wall_ms = wall, .mono_ms = wall, .ctx = &now};
    struct remote_clock *r = remote_clock_new(&local);
    struct str rest = row->col[0], word, part;
    bool ok = row->n >= 3 && num_i64(row->col[1], &from) && num_i64(row->col[2], &to) && !remote_clock_known(r);

    while (ok && str_cut(&rest, ' ', &word)) {
        if (str_starts(word, S("remember="))) {
            ok = num_i64(str_sub(word, 9, word.n), &off);
            remote_clock_set_offset(r, off);
            continue;
        }
        if (str_starts(word, S("force="))) {
            ok = num_i64(str_sub(word, 6, word.n), &off);
            remote_clock_force(r, date_of(now, off), 0);
            continue;
        }
        ok = str_cut(&word, '/', &part) && num_i64(part, &off) && str_cut(&word, '/', &part) && num_i64(part, &trip) &&
             str_cut(&word, '/', &part) && num_i64(part, &age);
        now += 1037;
        remote_clock_learn(r, date_of(now - age - trip / 2, off), trip, age);
    }
    ok = ok && remote_clock_known(r) == (row->n < 4) && (row->n < 4 || remote_clock_doubted(r));
    if (ok && (remote_clock_offset_ms(r) < from || remote_clock_offset_ms(r) > to)) {
        print_error("the offset is %lld\n", (long long)remote_clock_offset_ms(r));
        ok = false;
    }
    if (ok && remote_clock_now_ms(r) != now + remote_clock_offset_ms(r))
        ok = false;
    remote_clock_free(r);
    return ok;
}

static void offsets(void **state)
{
    (void)state;
    table_run("source/clock.txt", check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(offsets)};

    remote_clock_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
