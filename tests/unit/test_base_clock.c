/* Time: zones against another implementation's results, texts against tables, damaged zone files byte by byte. */
#include "table.h"

#include "base/civil.h"
#include "base/num.h"

#define MAX_ZONES 32

static struct zone *opened[MAX_ZONES];
static size_t n_opened;

/* Zones of the tables, opened once each. */
static const struct zone *zone_of(struct str name)
{
    for (size_t i = 0; i < n_opened; i++)
        if (str_eq(str_of(zone_name(opened[i])), name))
            return opened[i];
    struct errinfo ei;
    assert_true(n_opened < MAX_ZONES);
    if (zone_open(name, &opened[n_opened], &ei) != OK) {
        print_error("%s (%s)\n", ei.msg, ei.hint);
        assert_true(false);
    }
    return opened[n_opened++];
}

static int close_zones(void **state)
{
    (void)state;
    while (n_opened > 0)
        zone_free(opened[--n_opened]);
    return 0;
}

static bool check_parse(const struct table_row *row)
{
    int64_t got = 42, want;
    bool ok = time_parse(row->col[0], zone_of(row->col[1]), &got);
    if (str_eq(row->col[2], S("no")))
        return !ok && got == 42;
    return ok && num_i64(row->col[2], &want) && got == want;
}

static bool check_http(const struct table_row *row)
{
    int64_t got = 42, want;
    bool ok = time_parse_http(row->col[0], &got);
    if (str_eq(row->col[1], S("no")))
        return !ok && got == 42;
    return ok && num_i64(row->col[1], &want) && got == want;
}

/* The printed form, its abbreviation, and back from text and from the civil fields to the instant. */
static bool check_zone(const struct table_row *row)
{
    const struct zone *z = zone_of(row->col[0]);
    int64_t unix_s, back_ms;
    char text[TIME_TEXT], name[32];
    size_t n_name;
    if (!num_i64(row->col[1], &unix_s))
        return false;
    size_t n = time_rfc3339(z, unix_s * 1000, text);
    if (!str_eq(str_mk(text, n), row->col[2]) || !time_strftime(z, unix_s, S("%Z"), name, sizeof(name), &n_name) ||
        !str_eq(str_mk(name, n_name), row->col[3])) {
        print_error("got %s\n", text);
        return false;
    }
    struct civil c;
    civil_from_unix(z, unix_s, &c);
    int64_t back_s = civil_to_unix(z, &c);
    struct civil again;
    civil_from_unix(z, back_s, &again);
    /* An hour that is repeated gives its first passing. */
    bool same = back_s == unix_s || (back_s < unix_s && back_s >= unix_s - 7200 && again.hour == c.hour &&
                                     again.minute == c.minute && again.offset_s > c.offset_s);
    return same && time_parse(str_mk(text, n), NULL, &back_ms) && back_ms == unix_s * 1000;
}

static bool check_strftime(const struct table_row *row)
{
    int64_t unix_s;
    char out[33] = "?";
    size_t n = 99;
    bool ok = num_i64(row->col[1], &unix_s) && time_strftime(zone_of(row->col[0]), unix_s, row->col[2], out, 32, &n);
    if (str_eq(row->col[3], S("no")))
        return !ok && n == 99;
    return ok && str_eq(str_mk(out, n), row->col[3]);
}

static bool check_name(const struct table_row *row)
{
    struct zone *z = NULL;
    struct errinfo ei = {0};
    enum err err = zone_open(row->col[0], &z, &ei);
    bool ok = str_eq(row->col[1], S("yes")) ? err == OK && str_eq(str_of(zone_name(z)), row->col[0])
                                            : err == ERR_CONFIG && !z && ei.msg[0] && ei.code == ERR_CONFIG;
    zone_free(z);
    return ok && zone_open(row->col[0], &z, NULL) == err && (zone_free(err == OK ? z : NULL), true);
}

static void texts(void **state)
{
    (void)state;
    table_run("base/time_parse.txt", check_parse);
    table_run("base/time_http.txt", check_http);
    table_run("base/time_strftime.txt", check_strftime);
}

static void zones(void **state)
{
    (void)state;
    assert_true(table_run("base/time_zones.txt", check_zone) > 200);
    table_run("base/zone_names.txt", check_name);
}

static void every_day_round_trips(void **state)
{
    (void)state;
    struct civil c;
    int year = 0, month = 12, day = 31;
    for (int64_t d = civil_days(1, 1, 1); d <= civil_days(9999, 12, 31); d++) {
        civil_at_offset(d * SECONDS_PER_DAY, 0, &c);
        if (++day > civil_month_days(year, month)) {
            day = 1;
            month = month % 12 + 1;
            year += month == 1;
        }
        if (c.year != year || c.month != month || c.day != day || civil_days(year, month, day) != d ||
            c.yearday != (int)(d - civil_days(year, 1, 1)) || c.weekday != (int)(((d + 4) % 7 + 7) % 7))
            FAIL_MSG("day %lld is %d-%d-%d, not %d-%d-%d", (long long)d, c.year, c.month, c.day, year, month, day);
    }
    assert_int_equal(year, 9999);
}

static void fields_are_carried(void **state)
{
    (void)state;
    const struct zone *z = zone_of(S("UTC"));
    struct civil want = {.year = 2026, .month = 3, .day = 1};
    int64_t day = civil_to_unix(z, &want);
    static const struct civil same[] = {
        {.year = 2026, .month = 2, .day = 29},
        {.year = 2025, .month = 15, .day = 1},
        {.year = 2027, .month = -9, .day = 1},
        {.year = 2026, .month = 4, .day = -30},
        {.year = 2026, .month = 2, .day = 28, .hour = 24},
        {.year = 2026, .month = 3, .day = 1, .hour = 1, .minute = -60},
        {.year = 2026, .month = 3, .day = 2, .second = -86400},
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        assert_int_equal(civil_to_unix(z, &same[i]), day);
}

static void extremes_do_not_overflow(void **state)
{
    (void)state;
    static const int64_t instants[] = {INT64_MIN, INT64_MIN + 1, -INT64_C(62167219201),
                                       INT64_MAX, INT64_MAX - 1, INT64_C(253402300800)};
    static const char *const names[] = {"UTC", "Asia/Shanghai", "America/New_York", "-23:59"};
    char text[TIME_TEXT];
    for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++)
        for (size_t j = 0; j < 4; j++) {
            const struct zone *z = zone_of(str_of(names[j]));
            size_t n = time_rfc3339(z, instants[i], text);
            assert_true(n > 19 && n < TIME_TEXT && strlen(text) == n);
            n = time_datetime(z, instants[i], text);
            assert_true(n >= 19 && n < TIME_TEXT && strlen(text) == n);
            n = time_iso_basic_date(z, instants[i], text);
            assert_true(n >= 10 && n < TIME_TEXT);
        }
    static const struct civil far[] = {
        {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, 0, 0, 0},
        {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, 0, 0, 0},
    };
    assert_true(civil_to_unix(zone_of(S("America/New_York")), &far[0]) > INT64_C(1) << 55);
    assert_true(civil_to_unix(zone_of(S("America/New_York")), &far[1]) < -(INT64_C(1) << 55));
}

static void rfc3339_forms(void **state)
{
    (void)state;
    char text[TIME_TEXT];
    (void)time_rfc3339(zone_of(S("Asia/Shanghai")), INT64_C(1772325000000), text);
    assert_string_equal(text, "2026-03-01T08:30:00+08:00");
    (void)time_rfc3339(zone_of(S("+08:00")), INT64_C(1772325000007), text);
    assert_string_equal(text, "2026-03-01T08:30:00.007+08:00");
    (void)time_rfc3339(zone_of(S("UTC")), -1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    (void)time_rfc3339(NULL, 0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    (void)time_rfc3339(zone_of(S("Europe/London")), INT64_C(1772325000000), text);
    assert_string_equal(text, "2026-03-01T00:30:00+00:00");
    /* Local mean time, 8:05:43 east: the offset is cut to minutes and the instant stays. */
    int64_t back;
    size_t n = time_rfc3339(zone_of(S("Asia/Shanghai")), INT64_C(-2500000000000), text);
    assert_true(time_parse(str_mk(text, n), NULL, &back));
    assert_int_equal(back, INT64_C(-2500000000000));
    (void)time_datetime(zone_of(S("Asia/Shanghai")), 1772325000, text);
    assert_string_equal(text, "2026-03-01 08:30:00");
    (void)time_iso_basic_date(zone_of(S("Asia/Shanghai")), 1772294399, text);
    assert_string_equal(text, "2026-02-28");
}

/* Bytes of a small zone file: one transition, two types, a rule. */
static size_t tzif(unsigned char out[512], const char *rule)
{
    static const unsigned char header[44] = {'T', 'Z', 'i', 'f', '2'};
    static const unsigned char second[44] = {'T', 'Z', 'i', 'f', '2', [35] = 1, [39] = 2, [43] = 8};
    static const unsigned char block[] = {
        0,   0,   0,    0,    0,   0,   0x0E, 0x10, /* 3600 */
        1,   0,   0,    0,    0,   0,   0,          /* type 0: UTC + 0 */
        0,   0,   0x1C, 0x20, 1,   4,               /* type 1: 7200 */
        'A', 'A', 'A',  0,    'B', 'B', 'B',  0,
    };
    memcpy(out, header, 44);
    memcpy(out + 44, second, 44);
    memcpy(out + 88, block, sizeof(block));
    size_t n = 88 + sizeof(block);
    return n + (size_t)snprintf((char *)out + n, 512 - n, "\n%s\n", rule);
}

static bool rule_is_read(const char *rule)
{
    unsigned char bytes[512];
    struct zone *z = NULL;
    struct errinfo ei;
    size_t n = tzif(bytes, rule);
    bool ok = zone_from_tzif(S("T"), str_mk((char *)bytes, n), &z, &ei) == OK;
    zone_free(z);
    return ok;
}

static void rules(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "CST-8",
        "<+0330>-3:30",
        "EST5EDT",
        "EST5EDT,M3.2.0,M11.1.0",
        "IST-1GMT0,M10.5.0,M3.5.0/1",
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "XXX3EDT4,0/0,J365/23",
        "AAA-5:30:15BBB,J60/167,365/-167",
    };
    static const char *const bad[] = {
        "C-8",
        "CST",
        "CST-25",
        "CST-8:60",
        "CST-8X",
        "<+0330-3:30",
        "EST5EDT,M3.2.0",
        "EST5EDT,M13.2.0,M11.1.0",
        "EST5EDT,M0.2.0,M11.1.0",
        "EST5EDT,M3.6.0,M11.1.0",
        "EST5EDT,M3.0.0,M11.1.0",
        "EST5EDT,M3.2.7,M11.1.0",
        "EST5EDT,J0,J365",
        "EST5EDT,J1,J366",
        "EST5EDT,366,1",
        "EST5EDT,M3.2.0/168,M11.1.0",
        "EST5EDT,M3.2.0,M11.1.0,",
        "AAAAAAAAAAAAAAAAAAAAAAAA0",
        "EST99999999999999999999",
        ",",
        "5EST",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!rule_is_read(good[i]))
            FAIL_MSG("\"%s\" is refused", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (rule_is_read(bad[i]))
            FAIL_MSG("\"%s\" is accepted", bad[i]);
}

static void daylight_saving_all_year(void **state)
{
    (void)state;
    unsigned char bytes[512];
    struct zone *z = NULL;
    size_t n = tzif(bytes, "XXX3EDT4,0/0,J365/23");
    assert_int_equal(zone_from_tzif(S("T"), str_mk((char *)bytes, n), &z, NULL), OK);
    struct civil c;
    for (int64_t t = 100000; t < INT64_C(400000000); t += 3599 * 7) {
        civil_from_unix(z, t, &c);
        assert_int_equal(c.offset_s, -4 * 3600);
        assert_int_equal(civil_to_unix(z, &c), t);
    }
    civil_from_unix(z, 3599, &c);
    assert_int_equal(c.offset_s, 0);
    zone_free(z);
}

/* Every byte changed to some values, every length: refused or made, but never out of bounds (the sanitizers look). */
static void damaged_files(void **state)
{
    (void)state;
    static const unsigned char values[] = {0, 1, 0x7F, 0x80, 0xFF, '\n', ',', '9'};
    unsigned char bytes[512];
    size_t n = tzif(bytes, "EST5EDT,M3.2.0,M11.1.0"), made = 0;
    for (size_t i = 0; i <= n; i++) {
        char *exact = malloc(i ? i : 1);
        assert_non_null(exact);
        memcpy(exact, bytes, i);
        struct zone *z = NULL;
        enum err err = zone_from_tzif(S("T"), str_mk(exact, i), &z, NULL);
        assert_int_equal(err, i == n ? OK : ERR_CONFIG);
        zone_free(z);
        free(exact);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < sizeof(values); j++) {
            char *exact = malloc(n);
            assert_non_null(exact);
            memcpy(exact, bytes, n);
            exact[i] = (char)values[j];
            struct zone *z = NULL;
            if (zone_from_tzif(S("T"), str_mk(exact, n), &z, NULL) == OK) {
                char text[TIME_TEXT];
                (void)time_rfc3339(z, INT64_C(4000000000000), text);
                struct civil c;
                civil_from_unix(z, 1000, &c);
                (void)civil_to_unix(z, &c);
                made++;
            }
            zone_free(z);
            free(exact);
        }
    assert_true(made > 0);
}

static int64_t hand(void *ctx)
{
    return *(int64_t *)ctx;
}

static void clocks(void **state)
{
    (void)state;
    int64_t now = 5;
    struct clock turned = {.wall_ms = hand, .mono_ms = hand, .ctx = &now};
    assert_int_equal(clock_wall(&turned), 5);
    now = 6;
    assert_int_equal(clock_mono(&turned), 6);
    int64_t wall = clock_wall(&clock_system), before = clock_mono(&clock_system);
    assert_true(wall > INT64_C(1700000000000));
    assert_true(clock_mono(&clock_system) >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(zones),
        cmocka_unit_test(every_day_round_trips),
        cmocka_unit_test(fields_are_carried),
        cmocka_unit_test(extremes_do_not_overflow),
        cmocka_unit_test(rfc3339_forms),
        cmocka_unit_test(rules),
        cmocka_unit_test(daylight_saving_all_year),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, close_zones);
}
