/* Any text as a number, a decimal, a duration, a size, a time, an HTTP date: what is accepted prints to a text that
 * reads as the same value. */
#include "base/clock.h"
#include "base/decimal.h"
#include "base/num.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void numbers(struct str s)
{
    int64_t i, again;
    uint64_t u;
    double d;
    char text[21];

    if (num_i64(s, &i))
        check(num_i64((struct str){text, num_print_i64(i, text)}, &again) && again == i);
    if (num_duration_ms(s, &i))
        check(i >= 0);
    (void)num_u64(s, &u);
    (void)num_bytes(s, &u);
    if (num_double(s, &d))
        check(d == d);
}

static void decimals(struct str s)
{
    struct decimal d, again, sum;
    char text[DECIMAL_TEXT];

    if (!decimal_parse(s, &d))
        return;
    check(decimal_parse((struct str){text, decimal_print(&d, text)}, &again) && decimal_cmp(&d, &again) == 0);
    if (decimal_add(&d, &d, &sum) && decimal_sub(&sum, &d, &again))
        check(decimal_cmp(&d, &again) == 0);
}

static void times(struct str s)
{
    int64_t ms, again, unix_s;
    char text[TIME_TEXT];
    char out[256];
    size_t n;

    if (time_parse(s, NULL, &ms))
        check(time_parse((struct str){text, time_rfc3339(NULL, ms, text)}, NULL, &again) && again == ms);
    (void)time_parse_http(s, &unix_s);
    if (time_strftime(NULL, 1767225600, s, out, sizeof out, &n))
        check(n <= sizeof out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = {(const char *)data, size};

    numbers(s);
    decimals(s);
    times(s);
    return 0;
}
