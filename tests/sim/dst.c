/* dst: the engine in a simulated world, one seed after the other.
 *
 *     dst [--seeds N] [--from S]       many; a summary, and which seeds failed; --jobs N: by so many processes
 *     dst --seed S [--trace]           one; with all that happened
 *     dst --hours N [--from S]         hours of serve: how soon edits are in the target
 *     dst --hour S [--trace]           one of them
 *     dst-planted --plants N           is each planted bug found within N seeds?
 *
 * Ends with 1 when an invariant was broken, or when a fault of the list never happened in 20,000 seeds or more. */
#include "dst.h"
#include "dst_plants.h"

#include "base/log.h"
#include "base/num.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAILURES_TOLD = 10, ENOUGH_SEEDS = 20000, JOBS_MAX = 64, KEPT_BYTES = 256 << 20 };

/* the one world: seams that get no object of ours find it here */
static struct sim *world;

struct sim *sim_now(void)
{
    return world;
}

void sim_trace(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (!s->trace)
        return;
    printf("%10.3f  ", (double)(s->t_ms - EPOCH_MS) / 1000);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void sim_fault(struct sim *s, enum fault f)
{
    s->totals->faults[f]++;
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (s->failed)
        return;
    s->failed = true;
    va_start(ap, fmt);
    vsnprintf(s->why, sizeof s->why, fmt, ap);
    va_end(ap);
    sim_trace(s, "FAILED  %s", s->why);
}

bool sim_alive(struct sim *s, const char *step)
{
    if (s->dead || !step)
        return !s->dead;
    if (++s->steps != s->crash_at)
        return true;
    sim_trace(s, "crash   before: %s", step);
    sim_fault(s, FAULT_CRASH);
    s->dead = true;
    return false;
}

/* ---- seeds ---- */

struct request {
    int64_t seeds, from, one, plants, jobs;
    bool trace, quiet, hours;
};

static bool run_seed(struct sim *s, uint64_t seed, const struct request *r, struct totals *totals)
{
    struct disk_page *pages = s->disk.pages;
    struct inserted *rows = s->inserted;
    size_t cap_pages = s->disk.cap_pages, cap_rows = s->cap_inserted;
    struct arena *arena = s->disk.arena;

    memset(s, 0, sizeof *s);
    s->disk.pages = pages;
    s->disk.cap_pages = cap_pages;
    s->disk.arena = arena;
    s->inserted = rows;
    s->cap_inserted = cap_rows;
    if (arena)
        arena_reset(arena);
    s->seed = seed;
    s->rng = seed * 0x2545f4914f6cdd1du + 1;
    s->trace = r->trace;
    s->totals = totals;
    world = s;
    (r->hours ? hour_run : seed_run)(s);
    totals->seeds++;
    return !s->failed;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t tell_faults(const struct totals *t)
{
    static const char *const texts[] = {
#define FAULT_TEXT(id, text) text,
        FAULTS(FAULT_TEXT)};
    size_t never = 0;

    for (int i = 0; i < FAULT_COUNT; i++) {
        printf("  %10lld  %s\n", (long long)t->faults[i], texts[i]);
        never += !t->faults[i];
    }
    return never;
}

/* Every `jobs`th seed, beginning with the first: what one process does of them. */
static void run_share(struct sim *s, const struct request *r, int64_t first, struct totals *t)
{
    int64_t told = 0;

    for (int64_t seed = first; seed < r->from + r->seeds; seed += r->jobs) {
        if (run_seed(s, (uint64_t)seed, r, t))
            continue;
        t->broken++;
        if (told++ < FAILURES_TOLD)
            printf("seed %lld: %s\n", (long long)seed, s->why);
    }
}

static void add_totals(struct totals *sum, const struct totals *t)
{
    int64_t worst =
        t->hour_worst_permille > sum->hour_worst_permille ? t->hour_worst_permille : sum->hour_worst_permille;
    const int64_t *from = (const int64_t *)t;
    int64_t *to = (int64_t *)sum;

    for (size_t i = 0; i < sizeof *t / sizeof *from; i++)
        to[i] += from[i];
    sum->hour_worst_permille = worst;
}

/* What the child tells of itself, once it has; a debugger that looks in may interrupt either call. */
static bool take_totals(pid_t child, int end, struct totals *t)
{
    ssize_t got;
    int status;

    while ((got = read(end, t, sizeof *t)) < 0 && errno == EINTR)
        ;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (got == sizeof *t && WIFEXITED(status) && !WEXITSTATUS(status))
        return true;
    printf("a process of the simulation died: %s %d\n", WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
}

/* Children share nothing with each other; each tells its totals by its end of a pipe. One that died is no totals. */
static bool run_shares(struct sim *s, const struct request *r, struct totals *sum)
{
    pid_t children[JOBS_MAX];
    int ends[JOBS_MAX];
    bool well = true;

    fflush(stdout);
    for (int64_t job = 0; job < r->jobs; job++) {
        int pair[2];

        if (pipe(pair) || (children[job] = fork()) < 0) {
            perror("dst");
            exit(2);
        }
        if (!children[job]) {
            struct totals t = {0};

            run_share(s, r, r->from + job, &t);
            fflush(stdout);
            _exit(write(pair[1], &t, sizeof t) != sizeof t);
        }
        close(pair[1]);
        ends[job] = pair[0];
    }
    for (int64_t job = 0; job < r->jobs; job++) {
        struct totals t = {0};

        if (take_totals(children[job], ends[job], &t))
            add_totals(sum, &t);
        else
            well = false;
        close(ends[job]);
    }
    return well;
}

static int tell_many(const struct request *r, const struct totals *t, double took)
{
    size_t never;

    if (r->hours) {
        printf(
            "%lld hours in %.1f s: %lld runs, %lld edits; the slowest hour's p99 was %.1f %% of schedule + lag + 2 s; "
            "%lld hours broke the promise\n",
            (long long)t->seeds, took, (long long)t->runs, (long long)t->hour_edits,
            (double)t->hour_worst_permille / 10, (long long)t->broken);
        return t->broken || !t->hour_edits;
    }
    never = r->quiet ? 0 : tell_faults(t);
    printf("%lld seeds in %.1f s (%.0f/s): %lld runs (%lld failed), %lld calls, %lld edits, %lld commits, %lld checks; "
           "%lld worlds beyond the promise, %lld blurred; %lld seeds broke an invariant\n",
           (long long)t->seeds, took, (double)t->seeds / took, (long long)t->runs, (long long)t->failed_runs,
           (long long)t->calls, (long long)t->edits, (long long)t->commits, (long long)t->checks, (long long)t->beyond,
           (long long)t->blurred, (long long)t->broken);
    if (never && r->seeds >= ENOUGH_SEEDS)
        printf("%zu faults of the list never happened\n", never);
    return t->broken || (never && r->seeds >= ENOUGH_SEEDS);
}

static int run_many(struct sim *s, const struct request *r)
{
    struct totals t = {0};
    double began = now_s();
    bool well = true;

    if (r->jobs > 1)
        well = run_shares(s, r, &t);
    else
        run_share(s, r, r->from, &t);
    return tell_many(r, &t, now_s() - began) || !well;
}

static int run_one(struct sim *s, const struct request *r)
{
    struct totals t = {0};

    if (run_seed(s, (uint64_t)r->one, r, &t)) {
        printf("seed %lld: well\n", (long long)r->one);
        return 0;
    }
    printf("seed %lld: %s\n", (long long)r->one, s->why);
    return 1;
}

static bool run_quietly(struct sim *s, uint64_t seed, bool hour, struct totals *t)
{
    return run_seed(s, seed, &(struct request){.hours = hour}, t);
}

static bool option(int argc, char **argv, int *i, const char *name, int64_t *ret)
{
    if (strcmp(argv[*i], name) != 0)
        return false;
    if (++*i >= argc || !num_i64(str_of(argv[*i]), ret)) {
        fprintf(stderr, "dst: %s needs a number\n", name);
        exit(2);
    }
    return true;
}

int main(int argc, char **argv)
{
    struct request r = {.seeds = 1000, .from = 1, .one = -1, .jobs = 1};
    struct sim *s = mem_zero(sizeof *s);
    int status;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            r.trace = true;
        else if (strcmp(argv[i], "--quiet") == 0)
            r.quiet = true;
        else if (!option(argc, argv, &i, "--seeds", &r.seeds) && !option(argc, argv, &i, "--from", &r.from) &&
                 !option(argc, argv, &i, "--seed", &r.one) &&
                 !(r.hours |=
                   option(argc, argv, &i, "--hours", &r.seeds) || option(argc, argv, &i, "--hour", &r.one)) &&
                 !option(argc, argv, &i, "--plants", &r.plants) && !option(argc, argv, &i, "--jobs", &r.jobs)) {
            fprintf(stderr, "usage: dst [--seeds N] [--from S] [--jobs N] [--quiet] | --seed S [--trace] | "
                            "--hours N [--from S] [--jobs N] | --hour S [--trace] | --plants N\n");
            return 2;
        }
    }
    if (r.jobs < 1 || r.jobs > JOBS_MAX) {
        fprintf(stderr, "dst: --jobs takes 1 to %d\n", JOBS_MAX);
        return 2;
    }
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES); /* a world is freed and the next one needs as much */
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    log_set_level(LOG_ERROR_);
    flows_open();
    status = r.plants ? plants_hunt(s, r.plants, run_quietly) > 0 : r.one >= 0 ? run_one(s, &r) : run_many(s, &r);
    flows_close();
    free(s->disk.pages);
    free(s->inserted);
    arena_free(s->disk.arena);
    free(s);
    return status;
}
