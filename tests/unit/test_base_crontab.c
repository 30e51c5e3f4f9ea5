/* Schedules as text: tests/data/base/crontab.txt, and texts that no file holds. */
#include "table.h"

#include "base/buf.h"
#include "base/crontab.h"
#include "base/num.h"

/* The set as "1,3-5" is what the column says. */
static bool set_is(uint64_t set, struct str want)
{
    struct buf b = buf_make(1024);

    for (int v = 0; v < 64; v++) {
        int last = v;

        if (!(set >> v & 1))
            continue;
        while (last < 63 && (set >> (last + 1) & 1))
            last++;
        buf_printf(&b, last > v ? "%s%d-%d" : "%s%d", b.n ? "," : "", v, last);
        v = last;
    }
    bool same = str_eq(buf_str(&b), want);
    if (!same)
        print_error("is %s\n", buf_cstr(&b));
    buf_free(&b);
    return same;
}

static bool check(const struct table_row *row)
{
    struct crontab c;
    const char *why = NULL;
    bool ok = crontab_parse(row->col[0], &c, &why);
    int64_t ms;

    if (row->n == 3 && str_eq(row->col[1], S("error"))) {
        if (!ok && str_eq(str_of(why), row->col[2]))
            return true;
        print_error("%s\n", ok ? "it is taken" : why);
        return false;
    }
    if (!ok) {
        print_error("%s\n", why);
        return false;
    }
    if (row->n == 3)
        return num_i64(row->col[2], &ms) && c.every_ms == ms && !c.minutes && !c.hours && !c.days && !c.months &&
               !c.weekdays;
    const char *stars = c.any_day ? c.any_weekday ? "both" : "day" : c.any_weekday ? "weekday" : "none";
    return row->n == 7 && c.every_ms == 0 && set_is(c.minutes, row->col[1]) && set_is(c.hours, row->col[2]) &&
           set_is(c.days, row->col[3]) && set_is(c.months, row->col[4]) && set_is(c.weekdays, row->col[5]) &&
           str_eq(row->col[6], str_of(stars));
}

static void reads_the_table(void **state)
{
    (void)state;
    assert_true(table_run("base/crontab.txt", check) > 80);
}

static void survives_what_is_long(void **state)
{
    size_t n = 1 << 20;
    char *text = malloc(n);
    struct crontab c;
    const char *why;

    (void)state;
    assert_non_null(text);
    memset(text, '5', n);
    assert_false(crontab_parse(str_mk(text, n), &c, &why));
    memset(text, ' ', n);
    assert_false(crontab_parse(str_mk(text, n), &c, &why));
    for (size_t i = 0; i + 1 < n; i += 2) {
        text[i] = '5';
        text[i + 1] = ',';
    }
    memcpy(text + n - 10, "5 * * * * ", 10);
    assert_true(crontab_parse(str_mk(text, n), &c, &why));
    assert_true(c.minutes == UINT64_C(1) << 5);
    free(text);
    assert_false(crontab_parse(str_mk(NULL, 0), &c, &why));
    assert_string_equal(why, "it is empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_table),
        cmocka_unit_test(survives_what_is_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
