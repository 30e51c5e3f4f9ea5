/* The quota's places. The boot clock cannot be turned by hand, so what is compared are the waiting times that calls in
 * a row are told, with the time that passed between them as tolerance; nothing waits. */
#include "table.h"

#include "source/bucket.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char dir[64];

static int64_t mono_ms(void)
{
    return clock_mono(&clock_system);
}

static struct bucket *open_bucket(const char *where, const char *name, int64_t calls, int64_t per_ms)
{
    struct bucket *b = NULL;
    struct errinfo ei;

    if (bucket_open(where, str_of(name), calls, per_ms, &b, &ei))
        FAIL_MSG("%s\n", ei.msg);
    return b;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The moments at which calls may be sent, in order: neighbours are 1050 ms apart (1 a second and the margin), less what
 * rounding up took. */
static void assert_spaced(int64_t *at, size_t n, int64_t apart_ms)
{
    qsort(at, n, sizeof *at, by_value);
    for (size_t i = 1; i < n; i++) {
        assert_true(at[i] - at[i - 1] >= apart_ms - 3);
        assert_true(at[i] - at[i - 1] <= apart_ms + 3);
    }
}

static void even_spacing(void **state)
{
    struct bucket *b = open_bucket(NULL, "x", 10, 10000);
    int64_t at[8];

    (void)state;
    for (size_t i = 0; i < 8; i++)
        at[i] = mono_ms() + bucket_take_ms(b);
    assert_spaced(at, 8, 1050);
    assert_in_range(bucket_left(b), 0, 2);
    bucket_close(b);
    bucket_close(NULL);
}

struct taker {
    struct bucket *b;
    int64_t at[20];
};

static void *take(void *ctx)
{
    struct taker *t = ctx;

    for (int i = 0; i < 20; i++)
        t->at[i] = mono_ms() + bucket_take_ms(t->b);
    return NULL;
}

/* Two buckets on one file, as two processes have them, and four threads: no place is given twice. */
static void sharing(void **state)
{
    struct bucket *one = open_bucket(dir, "shared", 1, 1000), *two = open_bucket(dir, "shared", 1, 1000);
    struct taker t[4] = {{.b = one}, {.b = two}, {.b = one}, {.b = two}};
    pthread_t thread[4];
    int64_t all[80];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, take, &t[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        memcpy(all + 20 * i, t[i].at, sizeof t[i].at);
    }
    assert_spaced(all, 80, 1050);
    bucket_close(two);
    two = open_bucket(dir, "shared", 1, 1000); /* who comes later waits behind those before */
    assert_true(bucket_take_ms(two) >= 75 * 1050);
    bucket_close(one);
    bucket_close(two);
    one = open_bucket(dir, "other", 1, 1000);
    assert_true(bucket_take_ms(one) <= 1050);
    bucket_close(one);
}

static void holding(void **state)
{
    struct bucket *one = open_bucket(dir, "hold", 1000, 1000), *two = open_bucket(dir, "hold", 1000, 1000);
    int64_t wait;

    (void)state;
    assert_false(bucket_is_held(two));
    bucket_hold_ms(one, 60000);
    assert_true(bucket_is_held(two));
    wait = bucket_take_ms(two);
    assert_in_range(wait, 50000, 60002);
    bucket_hold_ms(two, 10000); /* a shorter one does not shorten it */
    assert_true(bucket_take_ms(one) >= 50000);
    bucket_hold_ms(two, 120000);
    assert_true(bucket_take_ms(one) >= 110000);
    bucket_hold_ms(two, 0);
    bucket_hold_ms(two, -5);
    bucket_hold_ms(two, INT64_MAX); /* bounded, and no overflow */
    assert_in_range(bucket_take_ms(one), 110000, 3 * 3600000);
    bucket_close(one);
    bucket_close(two);
}

static void unlimited(void **state)
{
    struct bucket *b = open_bucket(NULL, "x", 0, 1000);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bucket_take_ms(b), 0);
    assert_int_equal(bucket_left(b), -1);
    bucket_hold_ms(b, 30000); /* being told to slow down counts all the same */
    assert_true(bucket_take_ms(b) > 20000);
    bucket_close(b);
}

static void overwrite(const char *name, const void *bytes, size_t n, off_t at)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

/* A file of another boot, or damaged, delays nobody by more than one place. */
static void stale_file(void **state)
{
    struct bucket *b = open_bucket(dir, "stale", 1, 1000);
    const int64_t far[2] = {INT64_MAX, INT64_MIN};

    (void)state;
    bucket_hold_ms(b, 3000000);
    bucket_close(b);
    overwrite("stale", "00000000-1111-2222-3333-444444444444", 36, 0);
    b = open_bucket(dir, "stale", 1, 1000);
    assert_in_range(bucket_take_ms(b), 1, 1050);
    for (size_t i = 0; i < 2; i++) {
        overwrite("stale", &far[i], sizeof far[i], 40);
        overwrite("stale", &far[i], sizeof far[i], 48);
        assert_in_range(bucket_take_ms(b), 0, 1050);
    }
    bucket_close(b);
    assert_int_equal(truncate(dir, 0), -1); /* the directory is not touched */
}

/* Calls a day: hours between them are hours, and a new machine does not wait for hours first. */
static void long_periods(void **state)
{
    struct bucket *b = open_bucket(dir, "daily", 4, 86400000);
    int64_t first = bucket_take_ms(b), second = bucket_take_ms(b), third = bucket_take_ms(b);

    (void)state;
    assert_true(first <= 10000);
    assert_in_range(second - first, 22679000, 22681000);
    assert_in_range(third - second, 22679000, 22681000);
    bucket_close(b);
    b = open_bucket(NULL, "x", 1, INT64_MAX);
    bucket_take_ms(b);
    assert_true(bucket_take_ms(b) > 86400000);
    bucket_close(b);
}

static void bad_places(void **state)
{
    struct bucket *b = NULL;
    struct errinfo ei;
    char path[128], *long_dir = malloc(5000);

    (void)state;
    assert_int_equal(bucket_open("/proc/nowhere", S("x"), 1, 1, &b, &ei), ERR_DISK);
    snprintf(path, sizeof path, "%s/link", dir);
    assert_int_equal(symlink("/tmp/elsewhere-and-not-there", path), 0);
    assert_int_equal(bucket_open(dir, S("link"), 1, 1, &b, &ei), ERR_DISK); /* links are not followed */
    assert_int_equal(unlink(path), 0);
    memset(long_dir, 'x', 4999);
    long_dir[4999] = '\0';
    assert_int_equal(bucket_open(dir, str_of(long_dir), 1, 1, &b, &ei), ERR_DISK);
    assert_null(b);
    free(long_dir);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test-bucket-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"shared", "other", "hold", "stale", "daily", "spare", "quick"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

/* Calls that are left over: every second place, and none that another waits for. */
static void spare_places(void **state)
{
    struct bucket *one = open_bucket(dir, "spare", 10, 10000), *two = open_bucket(dir, "spare", 10, 10000);
    int64_t wait;

    (void)state;
    wait = bucket_spare_ms(one); /* a bucket that begins anew is a place behind */
    assert_in_range(wait, 1000, 2101);
    bucket_close(one);
    bucket_close(two);
    one = open_bucket(dir, "quick", 1000, 1000);
    two = open_bucket(dir, "quick", 1000, 1000);
    while (bucket_spare_ms(one) > 0) {
    }
    wait = bucket_spare_ms(one);
    assert_in_range(wait, 1, 3); /* two places of 1.05 ms */
    assert_in_range(bucket_take_ms(two), 0, 2);
    for (int i = 0; i < 50; i++)
        wait = bucket_take_ms(two);
    assert_true(wait > 20);
    assert_true(bucket_spare_ms(one) > wait - 20); /* behind everyone who waits */
    bucket_hold_ms(two, 5000);
    assert_in_range(bucket_spare_ms(one), 4000, 5001);
    bucket_close(one);
    bucket_close(two);
    one = open_bucket(NULL, "free", 0, 1000);
    for (int i = 0; i < 10; i++)
        assert_int_equal(bucket_spare_ms(one), 0);
    bucket_close(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_spacing), cmocka_unit_test(sharing),      cmocka_unit_test(holding),
        cmocka_unit_test(unlimited),    cmocka_unit_test(stale_file),   cmocka_unit_test(long_periods),
        cmocka_unit_test(bad_places),   cmocka_unit_test(spare_places),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
