/* Pager and walk against a simulated upstream, thousands of seeds: page sizes cut down, has_next that lies, totals that
 * are missing or stale, rows that come twice, records that leave or enter the window between two calls, many records in
 * one second. What must hold:
 *   - a reading ends, and its windows cover the range without a hole;
 *   - a window told to be verified was: every record that stood in it during the whole reading is on a page that was
 * kept;
 *   - without faults nothing is asked for twice.
 *
 * Not claimed, because counting cannot show it: a record that leaves and another that enters between the same two calls
 * (docs/internals/windows.md says more), and has_next that lies where no total is told and rows move. */
#include "table.h"

#include "base/num.h"
#include "run/reading.h"

enum { RECORDS_MAX = 160, SEEDS = 20000, CALLS_MAX = 60000, NEVER = INT32_MAX };
enum has { HAS_TRUE_ANSWER, HAS_ALWAYS, HAS_NEVER, HAS_UNTOLD, HAS_KINDS };
enum totals { TOTALS_TOLD, TOTALS_UNTOLD, TOTALS_STALE, TOTALS_KINDS };

struct record {
    int64_t id, modified_s;
    int order;
    int32_t entered, left; /* in calls; NEVER */
    int seen;              /* in which reading of a window */
};

struct world {
    uint64_t rng;
    struct record r[RECORDS_MAX];
    size_t n;
    struct paging paging;
    int64_t asked_size, given_size; /* what the server gives at most */
    enum has has;
    enum totals totals;
    int64_t stale_by;
    bool doubled; /* each fifth row comes twice */
    bool stuck;   /* whatever page is asked for, the first comes */
    int drift_percent;
    bool leaving, entering;
    int32_t calls;
    int32_t began; /* the call before the window's first */
    int reading;
    /* the last answer */
    struct reply reply;
    uint64_t ids[RECORDS_MAX * 2];
    struct record *rows[RECORDS_MAX * 2];
    size_t n_rows;
    char link[24], cursor[24];
};

static uint64_t next(struct world *w)
{
    uint64_t z = (w->rng += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t below(struct world *w, int64_t n)
{
    return (int64_t)(next(w) % (uint64_t)n);
}

static bool there(const struct record *r, int32_t now)
{
    return r->entered <= now && r->left > now;
}

/* Between two calls records only leave or only enter. */
static void drift(struct world *w)
{
    bool leave = w->leaving && (!w->entering || below(w, 2));

    if (below(w, 100) >= w->drift_percent)
        return;
    for (int64_t k = 1 + below(w, 2); k > 0 && w->n; k--) {
        struct record *r = &w->r[below(w, (int64_t)w->n)];

        if (leave && there(r, w->calls))
            r->left = w->calls;
        else if (!leave && w->entering && r->entered == NEVER)
            r->entered = w->calls;
    }
}

static size_t in_window(struct world *w, const struct window *win, struct record *out[])
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        struct record *r = &w->r[i];

        if (!there(r, w->calls) || (win && (r->modified_s < win->from_s || r->modified_s > win->to_s)))
            continue;
        out[n++] = r;
        if (w->doubled && r->id % 5 == 0)
            out[n++] = r;
    }
    return n;
}

static size_t first_row(const struct world *w, const struct pager_ask *ask, struct record *const all[], size_t n)
{
    size_t at = 0;
    int64_t mark = -1;

    if (w->stuck)
        return 0;
    switch (w->paging.kind) {
    case PAGE_NONE:
        return 0;
    case PAGE_OFFSET:
        return (size_t)ask->offset;
    case PAGE_LINK: /* the rows behind the one that the link names */
        assert_true(!ask->link.n || num_i64(ask->link, &mark));
        while (at < n && all[at]->order <= mark)
            at++;
        return at;
    case PAGE_CURSOR:
        assert_true(num_i64(ask->cursor, &mark));
        while (at < n && all[at]->modified_s < mark)
            at++;
        return at;
    case PAGE_FORWARD:
    case PAGE_BACKWARD:
        break;
    }
    return (size_t)((ask->page - 1) * (w->given_size < ask->size ? w->given_size : ask->size));
}

/* The facts as connector_judge would tell them. */
static void tell(struct world *w, size_t n_all, bool more)
{
    int64_t total = (int64_t)n_all + (w->totals == TOTALS_STALE ? w->stale_by : 0);

    w->reply = (struct reply){
        .total = -1, .pages = -1, .page_size = -1, .page_index = -1, .has_next = -1, .n_records = w->n_rows};
    if (w->totals != TOTALS_UNTOLD && total >= (int64_t)w->n_rows)
        w->reply.total = total;
    if (w->has != HAS_UNTOLD)
        w->reply.has_next = w->has == HAS_TRUE_ANSWER ? more : w->has == HAS_ALWAYS;
    if (w->paging.kind == PAGE_LINK && more && w->n_rows) {
        snprintf(w->link, sizeof w->link, "%d", w->rows[w->n_rows - 1]->order);
        w->reply.next_link = str_of(w->link);
    }
}

static struct pager_facts answer(struct world *w, const struct pager_ask *ask, const struct window *win)
{
    struct record *all[RECORDS_MAX * 2];
    struct pager_facts f = {.reply = &w->reply, .ids = w->ids};
    size_t n, at, size = (size_t)(w->given_size < ask->size ? w->given_size : ask->size);
    int64_t best = -1;

    w->calls++;
    drift(w);
    n = in_window(w, win, all);
    at = first_row(w, ask, all, n);
    w->n_rows = 0;
    if (w->paging.kind == PAGE_NONE)
        size = n;
    for (; at < n && w->n_rows < size; at++) {
        w->ids[w->n_rows] = (uint64_t)all[at]->id;
        w->rows[w->n_rows++] = all[at];
        best = all[at]->modified_s > best ? all[at]->modified_s : best;
    }
    tell(w, n, at < n);
    f.n_ids = w->n_rows;
    if (w->paging.kind == PAGE_CURSOR && best >= 0)
        f.cursor_max = str_mk(w->cursor, (size_t)snprintf(w->cursor, sizeof w->cursor, "%lld", (long long)best));
    return f;
}

static int by_order(const void *a, const void *b)
{
    return ((const struct record *)a)->order - ((const struct record *)b)->order;
}

static int by_time(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    return x->modified_s != y->modified_s ? (x->modified_s < y->modified_s ? -1 : 1) : by_order(a, b);
}

static int by_time_down(const void *a, const void *b)
{
    return by_time(b, a);
}

/* A third of the worlds has many records in few seconds. */
static void populate(struct world *w, int64_t span_s)
{
    int64_t crowd = below(w, 3) ? span_s + 1 : 1 + below(w, 3);
    int order = (int)below(w, 3);

    w->n = (size_t)below(w, below(w, 2) ? RECORDS_MAX : 12);
    for (size_t i = 0; i < w->n; i++)
        w->r[i] = (struct record){.id = (int64_t)i + 1,
                                  .modified_s = below(w, crowd) * (span_s / crowd ? span_s / crowd : 1) % (span_s + 1),
                                  .order = (int)i,
                                  .entered = w->entering && below(w, 4) == 0 ? NEVER : 0,
                                  .left = NEVER};
    if (w->paging.kind != PAGE_LINK && order)
        qsort(w->r, w->n, sizeof *w->r, order == 1 ? by_time : by_time_down);
    if (w->paging.kind == PAGE_CURSOR)
        qsort(w->r, w->n, sizeof *w->r, by_time);
}

/* What counting can show: see above. */
static bool claims(const struct world *w)
{
    bool drifts = w->drift_percent > 0, clamped = w->given_size < w->asked_size;

    switch (w->totals) {
    case TOTALS_TOLD:
        return true;
    case TOTALS_STALE:
        return !drifts && w->has == HAS_TRUE_ANSWER;
    case TOTALS_UNTOLD:
    case TOTALS_KINDS:
        break;
    }
    return !drifts || w->has == HAS_TRUE_ANSWER || (w->has == HAS_UNTOLD && !clamped);
}

static void keep_rows(struct world *w)
{
    for (size_t i = 0; i < w->n_rows; i++)
        w->rows[i]->seen = w->reading;
}

static const struct record *find_missed(const struct world *w, const struct window *win)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct record *r = &w->r[i];

        if (r->entered <= w->began && r->left == NEVER && r->seen != w->reading &&
            (!win || (r->modified_s >= win->from_s && r->modified_s <= win->to_s)))
            return r;
    }
    return NULL;
}

struct outcome {
    int verified, gaps, again;
};

/* As src/run/reader.c drives it. */
static struct outcome read_range(struct world *w, const struct reading_range *range, int64_t narrow_above)
{
    struct pager_plan plan = {.paging = &w->paging, .size = w->asked_size, .narrow_above = narrow_above};
    struct outcome o = {0};
    struct reading g;
    struct pager_ask ask;
    int64_t edge_s = range->from_s;
    bool going = true;

    reading_init(&g);
    reading_begin(&g, range, &plan);
    w->began = w->calls;
    w->reading = 1;
    while (going) {
        const struct window win = g.window;
        const char *why;

        while (pager_next(g.pager, &ask)) {
            struct pager_facts f = answer(w, &ask, range->windowed ? &win : NULL);

            assert_true(w->calls < CALLS_MAX);
            if (pager_told(g.pager, &f) == PAGER_KEEP)
                keep_rows(w);
        }
        switch (reading_judge(&g, &why)) {
        case READING_AGAIN:
            o.again++;
            assert_true(why[0] != '\0');
            break;
        case READING_GAP:
            o.gaps++;
            assert_true(why[0] != '\0');
            assert_true(!range->windowed || win.to_s - win.from_s <= WINDOW_NARROWEST_S || walk_is_spent(g.walk));
            assert_int_equal(win.from_s, edge_s);
            edge_s = win.to_s;
            going = reading_advance(&g);
            break;
        case READING_VERIFIED:
            o.verified++;
            if (claims(w))
                assert_null(find_missed(w, range->windowed ? &win : NULL));
            assert_true(!range->windowed || win.from_s == edge_s);
            edge_s = win.to_s;
            going = reading_advance(&g);
            break;
        }
        w->began = w->calls;
        w->reading++;
    }
    assert_true(!range->windowed || edge_s == range->to_s);
    reading_clear(&g);
    return o;
}

static void make_world(struct world *w, uint64_t seed, enum page_kind kind)
{
    *w = (struct world){.rng = seed, .paging = {.kind = kind, .first_page = 1, .cursor_first = S("1")}};
    w->asked_size = 1 + below(w, 20);
    w->given_size = below(w, 3) ? w->asked_size : 1 + below(w, w->asked_size);
}

static void make_faults(struct world *w)
{
    w->has = (enum has)(below(w, 2) ? 0 : below(w, HAS_KINDS));
    w->totals = (enum totals)(below(w, 2) ? 0 : below(w, TOTALS_KINDS));
    w->stale_by = below(w, 41) - 20;
    w->doubled = !below(w, 6);
    w->stuck = !below(w, 20);
    w->leaving = below(w, 2);
    w->entering = below(w, 2);
    w->drift_percent = w->leaving || w->entering ? (int)below(w, 60) : 0;
}

/* The seed that fails is told, so that it can be looked at alone. */
static uint64_t seed_now;

static void say_seed(void)
{
    print_error("seed %llu\n", (unsigned long long)seed_now);
}

static void verified_means_whole(void **state)
{
    static const enum page_kind kinds[] = {PAGE_BACKWARD, PAGE_BACKWARD, PAGE_BACKWARD, PAGE_FORWARD,
                                           PAGE_OFFSET,   PAGE_LINK,     PAGE_NONE};
    struct world *w = malloc(sizeof *w);
    struct outcome all = {0};

    (void)state;
    for (seed_now = 1; seed_now <= SEEDS; seed_now++) {
        int64_t span_s;
        struct reading_range range;
        struct outcome o;

        make_world(w, seed_now, kinds[seed_now % 7]);
        make_faults(w);
        span_s = 1 + below(w, 200);
        range = (struct reading_range){below(w, 8) != 0, 0, span_s, below(w, 2) ? 0 : 1 + below(w, span_s)};
        populate(w, span_s);
        o = read_range(w, &range, below(w, 3) ? 0 : 1 + below(w, 60));
        all.verified += o.verified;
        all.gaps += o.gaps;
        all.again += o.again;
    }
    /* the test tests something: windows of every fate were there in numbers */
    assert_true(all.verified > SEEDS && all.gaps > SEEDS / 20 && all.again > SEEDS / 2);
    seed_now = 0;
    free(w);
}

static void no_fault_no_waste(void **state)
{
    static const enum page_kind kinds[] = {PAGE_BACKWARD, PAGE_FORWARD, PAGE_OFFSET, PAGE_LINK, PAGE_NONE};
    struct world *w = malloc(sizeof *w);

    (void)state;
    for (seed_now = 1; seed_now <= SEEDS / 4; seed_now++) {
        const struct reading_range range = {true, 0, 3600, 0};
        enum page_kind kind = kinds[seed_now % 5];
        struct outcome o;
        int64_t pages;

        make_world(w, seed_now, kind);
        populate(w, 3600);
        pages = ((int64_t)w->n + w->given_size - 1) / w->given_size;
        o = read_range(w, &range, 0);
        assert_true(o.verified == 1 && !o.gaps && !o.again);
        if (pages <= 1 || kind == PAGE_NONE)
            assert_int_equal(w->calls, 1);
        else
            assert_int_equal(w->calls, pages + (kind == PAGE_BACKWARD));
    }
    seed_now = 0;
    free(w);
}

/* Nothing moves and nobody lies, but no total is told: in the end all is verified, unless one second holds more than a
 * page. */
static void without_totals(void **state)
{
    struct world *w = malloc(sizeof *w);

    (void)state;
    for (seed_now = 1; seed_now <= SEEDS / 10; seed_now++) {
        const struct reading_range range = {true, 0, 400, 0};
        struct outcome o;

        make_world(w, seed_now, seed_now % 2 ? PAGE_BACKWARD : PAGE_OFFSET);
        w->totals = TOTALS_UNTOLD;
        w->asked_size = w->given_size = 10;
        populate(w, 400);
        for (size_t i = 0; i < w->n; i++)
            w->r[i].modified_s = (int64_t)(i % 100) * 4; /* at most two in a second */
        o = read_range(w, &range, 0);
        assert_true(o.verified > 0 && !o.gaps);
    }
    seed_now = 0;
    free(w);
}

/* Rows in the order of a growing field: verified means that all from the start value on were seen. */
static void cursor_paging(void **state)
{
    struct world *w = malloc(sizeof *w);
    int verified = 0;

    (void)state;
    for (seed_now = 1; seed_now <= SEEDS / 4; seed_now++) {
        const struct reading_range range = {0};

        make_world(w, seed_now, PAGE_CURSOR);
        w->has = (enum has)below(w, HAS_KINDS);
        w->totals = TOTALS_UNTOLD;
        if (w->has != HAS_TRUE_ANSWER)
            w->given_size = w->asked_size;
        w->leaving = below(w, 2);
        w->drift_percent = w->leaving ? 20 : 0;
        populate(w, 1 + below(w, 300));
        for (size_t i = 0; i < w->n; i++)
            w->r[i].modified_s++;
        verified += read_range(w, &range, 0).verified;
    }
    assert_true(verified > SEEDS / 40);
    seed_now = 0;
    free(w);
}

/* ---- told by hand ---- */

struct told {
    int64_t total;
    int has_next;
    int first_id, n; /* rows: ids in a row */
};

static enum pager_keep tell_page(struct pager *p, const struct told *t, const char *link)
{
    struct reply r = {.total = t->total,
                      .pages = -1,
                      .has_next = t->has_next,
                      .n_records = (size_t)t->n,
                      .next_link = str_of(link ? link : "")};
    uint64_t ids[200];

    for (int i = 0; i < t->n; i++)
        ids[i] = (uint64_t)(t->first_id + i);
    return pager_told(p, &(struct pager_facts){.reply = &r, .ids = ids, .n_ids = (size_t)t->n});
}

static enum pager_end end_of(struct pager *p)
{
    struct pager_ask ask;
    const char *why;

    assert_false(pager_next(p, &ask));
    return pager_result(p, &why);
}

static void ask_page(struct pager *p, int64_t page)
{
    struct pager_ask ask;

    assert_true(pager_next(p, &ask));
    assert_int_equal(ask.page, page);
}

/* Two leave and two enter by turns: the total is the same at both ends, but not on the way. */
static void a_total_that_comes_back(void **state)
{
    struct paging paging = {.kind = PAGE_BACKWARD, .first_page = 1};
    struct pager *p = pager_new();

    (void)state;
    pager_start(p, &(struct pager_plan){.paging = &paging, .size = 2});
    ask_page(p, 1);
    assert_int_equal(tell_page(p, &(struct told){6, 1, 1, 2}, NULL), PAGER_SKIP);
    ask_page(p, 3);
    tell_page(p, &(struct told){6, 0, 5, 2}, NULL);
    ask_page(p, 2);
    tell_page(p, &(struct told){5, 1, 3, 2}, NULL);
    ask_page(p, 1);
    tell_page(p, &(struct told){6, 1, 1, 2}, NULL);
    assert_int_equal(end_of(p), PAGER_UNVERIFIED);
    pager_free(p);
}

/* One enters page 1 and pushes 2 to page 2, which was read; another that was read has left: four ids, four in total. */
static void pushed_off_the_probe(void **state)
{
    struct paging paging = {.kind = PAGE_BACKWARD, .first_page = 1};
    struct pager *p = pager_new();

    (void)state;
    pager_start(p, &(struct pager_plan){.paging = &paging, .size = 2, .may_narrow = true});
    ask_page(p, 1);
    tell_page(p, &(struct told){4, 1, 1, 2}, NULL);
    ask_page(p, 2);
    tell_page(p, &(struct told){4, 0, 3, 2}, NULL);
    ask_page(p, 1);
    tell_page(p, &(struct told){4, 1, 0, 2}, NULL); /* 0 and 1 */
    assert_int_equal(end_of(p), PAGER_NARROW);
    pager_free(p);
}

/* 2 was read on page 2 and moves to the front within the window: 4, seen by the probe alone, moves to page 2. */
static void moved_within_the_window(void **state)
{
    struct paging paging = {.kind = PAGE_BACKWARD, .first_page = 1};
    struct pager *p = pager_new();

    (void)state;
    pager_start(p, &(struct pager_plan){.paging = &paging, .size = 2, .may_narrow = true});
    ask_page(p, 1);
    tell_page(p, &(struct told){4, 1, 3, 2}, NULL);
    ask_page(p, 2);
    tell_page(p, &(struct told){4, 0, 1, 2}, NULL);
    ask_page(p, 1);
    tell_page(p, &(struct told){4, 1, 2, 2}, NULL); /* 2 and 3 */
    assert_int_equal(end_of(p), PAGER_NARROW);
    pager_free(p);
}

/* A total that tells of a billion rows is not walked down page by page. */
/* A total that is wrong everywhere costs a bounded multiple of the pages, and every row is read all the same. */
static void a_total_that_always_lies(void **state)
{
    enum { SPAN_S = 7 * 86400, PAGE = 10 };
    static const int64_t lies[] = {1, 1000, 1000000000};
    struct world *w = malloc(sizeof *w);

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const struct reading_range range = {true, 0, SPAN_S, 0};
        struct outcome o;

        make_world(w, 7, PAGE_BACKWARD);
        w->asked_size = w->given_size = PAGE;
        w->totals = TOTALS_STALE;
        w->stale_by = lies[i];
        w->n = RECORDS_MAX;
        for (size_t k = 0; k < w->n; k++)
            w->r[k] = (struct record){
                .id = (int64_t)k + 1, .order = (int)k, .modified_s = (int64_t)k * SPAN_S / RECORDS_MAX, .left = NEVER};
        o = read_range(w, &range, 50000);
        assert_int_equal(o.verified, 0);
        assert_true(o.gaps > 0 && o.again <= WINDOW_BUDGET);
        for (size_t k = 0; k < w->n; k++)
            assert_true(w->r[k].seen > 0);
        assert_in_range(w->calls, RECORDS_MAX / PAGE, 4 * RECORDS_MAX / PAGE + 4 * WINDOW_BUDGET);
    }
    free(w);
}

static void absurd_total(void **state)
{
    struct paging paging = {.kind = PAGE_BACKWARD, .first_page = 1};
    struct pager *p = pager_new();

    (void)state;
    pager_start(p, &(struct pager_plan){.paging = &paging, .size = 2});
    ask_page(p, 1);
    tell_page(p, &(struct told){1000000000, 1, 1, 2}, NULL);
    ask_page(p, 100000);
    tell_page(p, &(struct told){1000000000, 1, 1, 0}, NULL);
    ask_page(p, 1);
    tell_page(p, &(struct told){1000000000, 1, 1, 2}, NULL);
    ask_page(p, 2);
    assert_int_equal(tell_page(p, &(struct told){1000000000, 1, 3, 1}, NULL), PAGER_KEEP);
    ask_page(p, 3);
    tell_page(p, &(struct told){1000000000, 1, 1, 0}, NULL);
    assert_int_equal(end_of(p), PAGER_UNVERIFIED);
    pager_free(p);
}

/* New rows for ever: the ceiling of pages ends it. */
static void endless(void **state)
{
    static const enum page_kind kinds[] = {PAGE_FORWARD, PAGE_OFFSET, PAGE_LINK, PAGE_BACKWARD};
    struct pager *p = pager_new();

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct paging paging = {.kind = kinds[k], .first_page = 1};
        struct pager_ask ask;
        char link[24];
        int n = 0;

        pager_start(p, &(struct pager_plan){.paging = &paging, .size = 1});
        while (pager_next(p, &ask)) {
            snprintf(link, sizeof link, "/next/%d", n);
            tell_page(p, &(struct told){-1, 1, n++, 1}, link);
        }
        assert_true(n <= 100001);
        assert_int_equal(end_of(p), PAGER_UNVERIFIED);
    }
    pager_free(p);
}

static void links(void **state)
{
    struct paging paging = {.kind = PAGE_LINK, .first_page = 1};
    struct pager *p = pager_new();
    struct pager_ask ask;

    (void)state;
    pager_start(p, &(struct pager_plan){.paging = &paging, .size = 2});
    assert_true(pager_next(p, &ask));
    assert_int_equal(ask.link.n, 0);
    tell_page(p, &(struct told){-1, -1, 1, 2}, "/a");
    assert_true(pager_next(p, &ask));
    assert_true(str_eq(ask.link, S("/a")));
    tell_page(p, &(struct told){-1, -1, 3, 0}, "/b"); /* an empty page with a next one is not the end */
    assert_true(pager_next(p, &ask));
    assert_true(str_eq(ask.link, S("/b")));
    tell_page(p, &(struct told){-1, -1, 3, 1}, NULL);
    assert_int_equal(end_of(p), PAGER_VERIFIED);

    pager_start(p, &(struct pager_plan){.paging = &paging, .size = 2});
    tell_page(p, &(struct told){-1, -1, 1, 2}, "/a");
    tell_page(p, &(struct told){-1, -1, 3, 2}, "/a"); /* leads to itself */
    assert_int_equal(end_of(p), PAGER_UNVERIFIED);
    pager_free(p);
}

/* A field that no row has, or that does not grow over a full page, cannot be followed. */
static void cursor_without_ground(void **state)
{
    struct paging paging = {.kind = PAGE_CURSOR, .first_page = 1, .cursor_first = S("1")};
    struct pager *p = pager_new();
    struct reply r = {.total = -1, .has_next = 0, .n_records = 1};
    uint64_t ids[2] = {1, 2};

    (void)state;
    pager_start(p, &(struct pager_plan){.paging = &paging, .size = 2});
    pager_told(p, &(struct pager_facts){.reply = &r, .ids = ids, .n_ids = 1});
    assert_int_equal(end_of(p), PAGER_UNVERIFIED);
    pager_start(p, &(struct pager_plan){.paging = &paging, .size = 2, .cursor = S("7")});
    r.n_records = 2;
    pager_told(p, &(struct pager_facts){.reply = &r, .ids = ids, .n_ids = 2, .cursor_max = S("7")});
    assert_int_equal(end_of(p), PAGER_UNVERIFIED);
    pager_start(p, &(struct pager_plan){.paging = &paging, .size = 2, .cursor = S("7")});
    r.n_records = 1;
    pager_told(p, &(struct pager_facts){.reply = &r, .ids = ids, .n_ids = 1, .cursor_max = S("7")});
    assert_int_equal(end_of(p), PAGER_VERIFIED);
    pager_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verified_means_whole),
        cmocka_unit_test(no_fault_no_waste),
        cmocka_unit_test(without_totals),
        cmocka_unit_test(cursor_paging),
        cmocka_unit_test(a_total_that_comes_back),
        cmocka_unit_test(pushed_off_the_probe),
        cmocka_unit_test(moved_within_the_window),
        cmocka_unit_test(a_total_that_always_lies),
        cmocka_unit_test(absurd_total),
        cmocka_unit_test(endless),
        cmocka_unit_test(links),
        cmocka_unit_test(cursor_without_ground),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    if (seed_now)
        say_seed();
    return failed;
}
