/* When a schedule is due: a table of zones, jumps of the clock and dates, and a walk through
 * every minute. */
#include "table.h"

#include "run/schedule.h"

static bool next_is(const struct table_row *row)
{
    struct zone *z = NULL;
    struct crontab c;
    struct errinfo ei;
    const char *why;
    int64_t at;
    bool holds = row->n == 6 && zone_open(row->col[0], &z, &ei) == OK && crontab_parse(row->col[1], &c, &why) &&
                 time_parse(row->col[2], z, &at);

    for (size_t i = 3; holds && i < row->n; i++) {
        char text[TIME_TEXT];
        int64_t want;

        at = schedule_next(&c, z, at);
        holds = time_parse(row->col[i], z, &want) && at == want;
        if (!holds && at != INT64_MAX) {
            time_rfc3339(z, at, text);
            print_error("got %s\n", text);
        }
    }
    zone_free(z);
    return holds;
}

static void as_the_table_says(void **state)
{
    (void)state;
    table_run("run/schedule.tsv", next_is);
}

/* Each minute of five weeks around a jump is due or not by its own civil time; only the jumps themselves differ. */
static void as_a_walk_finds(void **state)
{
    static const char *const texts[] = {"*/7 * * * *", "3 */4 * * *", "0 9-17 * * 1-5", "15 6 1,15 * *", "59 23 * * 0"};
    int64_t from, to;
    struct zone *z;
    struct errinfo ei;
    size_t found = 0;

    (void)state;
    assert_int_equal(zone_open(S("America/New_York"), &z, &ei), OK);
    assert_true(time_parse(S("2026-03-09T00:00:00"), z, &from) && time_parse(S("2026-04-13T00:00:00"), z, &to));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct crontab c;
        const char *why;
        int64_t next;

        assert_true(crontab_parse(str_of(texts[i]), &c, &why));
        next = schedule_next(&c, z, from - 1);
        for (int64_t at = from; at < to; at += 60000) {
            struct civil t;
            bool day, weekday, due;

            civil_from_unix(z, at / 1000, &t);
            day = c.days >> t.day & 1;
            weekday = c.weekdays >> t.weekday & 1;
            due = (c.minutes >> t.minute & 1) && (c.hours >> t.hour & 1) && (c.months >> t.month & 1) &&
                  (c.any_day || c.any_weekday ? day && weekday : day || weekday);
            assert_int_equal(due, next == at);
            if (due) {
                next = schedule_next(&c, z, at);
                found++;
            }
        }
    }
    assert_true(found > 5000);
    zone_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_table_says),
        cmocka_unit_test(as_a_walk_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
