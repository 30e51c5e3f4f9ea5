/* The book of orders.
 *
 * A slot a order, found by number; the JSON of the visible version is kept, so that a page is put together by copying.
 * Two arrays of slot numbers, sorted by (modified, o_id) and by row version, answer windows and cursors by binary
 * search; an edit takes its slot out of both and puts it in again, near the end as a rule. An edit that is to be seen
 * later (the fault `late`) waits in a list with its stamp and row version, which is the hazard that it rehearses:
 * it appears behind a reader that has passed its stamp already. */
#include "book.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_TS        INT64_C(9007199254740993) /* 2^53 + 1, so that doubles merge neighbours */
#define RECORD_JSON_MAX (1u << 20)

static int order_by_modified(const struct slot *a, const struct slot *b)
{
    if (a->modified_s != b->modified_s)
        return a->modified_s < b->modified_s ? -1 : 1;
    return a->o_id == b->o_id ? 0 : a->o_id < b->o_id ? -1 : 1;
}

/* The first place in by_modified that is not before `s`. */
static size_t place_modified(const struct book *b, const struct slot *s)
{
    size_t lo = 0, hi = b->n_visible;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (order_by_modified(&b->slot[b->by_modified[mid]], s) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

size_t book_from_ts(const struct book *b, int64_t ts)
{
    size_t lo = 0, hi = b->n_visible;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (b->slot[b->by_ts[mid]].ts < ts)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void book_range(const struct book *b, int64_t from_s, int64_t to_s, size_t *ret_lo, size_t *ret_hi)
{
    struct slot lo = {.modified_s = from_s, .o_id = 0};
    struct slot hi = {.modified_s = to_s + 1, .o_id = 0};
    *ret_lo = place_modified(b, &lo);
    *ret_hi = from_s > to_s ? *ret_lo : place_modified(b, &hi);
}

static void array_insert(uint32_t *a, size_t n, size_t at, uint32_t idx)
{
    memmove(a + at + 1, a + at, (n - at) * sizeof *a);
    a[at] = idx;
}

static void array_remove(uint32_t *a, size_t n, size_t at)
{
    memmove(a + at, a + at + 1, (n - at - 1) * sizeof *a);
}

static void hide(struct book *b, struct slot *s)
{
    array_remove(b->by_modified, b->n_visible, place_modified(b, s));
    array_remove(b->by_ts, b->n_visible, book_from_ts(b, s->ts));
    b->n_visible--;
    s->visible = false;
}

static void keep_json(struct book *b, struct slot *s, const struct version *v)
{
    order_make(&b->gen, v, b->record);
    buf_clear(&b->text);
    render_order(b->record, &b->text);
    free(s->json);
    s->json = mem_alloc(b->text.n);
    memcpy(s->json, b->text.p, b->text.n);
    s->json_len = (uint32_t)b->text.n;
    s->status = (uint8_t)b->record->status;
}

static void set_version(struct book *b, struct slot *s, const struct version *v)
{
    s->rev = v->rev;
    s->born_s = v->born_s;
    s->modified_s = v->modified_s;
    s->ts = v->ts;
    s->twist = v->twist;
    keep_json(b, s, v);
}

static void show(struct book *b, const struct version *v)
{
    struct slot *s = &b->slot[v->idx];
    if (s->json && s->rev >= v->rev)
        return; /* a newer version was faster */
    if (s->visible)
        hide(b, s);
    set_version(b, s, v);
    if (v->twist.removed)
        return;
    array_insert(b->by_modified, b->n_visible, place_modified(b, s), (uint32_t)v->idx);
    array_insert(b->by_ts, b->n_visible, book_from_ts(b, s->ts), (uint32_t)v->idx);
    b->n_visible++;
    s->visible = true;
}

static void show_later(struct book *b, const struct version *v, int64_t visible_ms)
{
    if (b->n_pending == b->cap_pending) {
        b->cap_pending = b->cap_pending ? b->cap_pending * 2 : 64;
        b->pending = mem_grow(b->pending, b->cap_pending * sizeof *b->pending);
    }
    size_t at = b->n_pending++;
    for (; at > 0 && b->pending[at - 1].visible_ms > visible_ms; at--)
        b->pending[at] = b->pending[at - 1];
    b->pending[at] = (struct pending){.visible_ms = visible_ms, .v = *v};
}

static void publish(struct book *b, const struct version *v, int64_t visible_ms, int64_t now_ms)
{
    if (visible_ms <= now_ms)
        show(b, v);
    else
        show_later(b, v, visible_ms);
}

static void reserve(struct book *b, uint64_t n_slots)
{
    b->cap_slots = n_slots;
    b->slot = mem_grow(b->slot, n_slots * sizeof *b->slot);
    b->by_modified = mem_grow(b->by_modified, n_slots * sizeof *b->by_modified);
    b->by_ts = mem_grow(b->by_ts, n_slots * sizeof *b->by_ts);
}

static uint64_t take_slot(struct book *b)
{
    if (b->n_slots == b->cap_slots)
        reserve(b, b->cap_slots * 2);
    uint64_t idx = b->n_slots++;
    b->slot[idx] = (struct slot){.o_id = gen_o_id(&b->gen, idx)};
    return idx;
}

static void add_at(struct book *b, int64_t stamp_ms, int64_t late_ms, int64_t now_ms)
{
    uint64_t idx = take_slot(b);
    int64_t stamp_s = stamp_ms / 1000;
    struct version v = {.idx = idx, .born_s = stamp_s, .modified_s = stamp_s, .ts = b->next_ts++};
    publish(b, &v, stamp_ms + late_ms, now_ms);
}

void book_add(struct book *b, int64_t now_ms, int64_t late_ms)
{
    add_at(b, now_ms, late_ms, now_ms);
}

void book_edit(struct book *b, uint64_t idx, int64_t now_ms, int64_t late_ms)
{
    struct slot *s = &b->slot[idx];
    struct version v = {.idx = idx,
                        .rev = ++s->last_rev,
                        .born_s = s->born_s,
                        .modified_s = now_ms / 1000,
                        .ts = b->next_ts++,
                        .twist = s->last_twist};
    b->edits++;
    publish(b, &v, now_ms + late_ms, now_ms);
}

void book_twist(struct book *b, uint64_t idx, struct twist to, int64_t now_ms, int64_t late_ms)
{
    b->slot[idx].last_twist = to;
    book_edit(b, idx, now_ms, late_ms);
}

void book_tick(struct book *b, int64_t now_ms, int64_t late_ms)
{
    if (b->new_per_s > 0) {
        double due = (double)(now_ms - b->new_from_ms) / 1000.0 * b->new_per_s;
        while ((double)(b->new_made + 1) <= due) {
            b->new_made++;
            add_at(b, b->new_from_ms + (int64_t)((double)b->new_made / b->new_per_s * 1000.0), late_ms, now_ms);
        }
    }
    size_t n = 0;
    while (n < b->n_pending && b->pending[n].visible_ms <= now_ms)
        n++;
    for (size_t i = 0; i < n; i++)
        show(b, &b->pending[i].v);
    if (n > 0)
        memmove(b->pending, b->pending + n, (b->n_pending - n) * sizeof *b->pending);
    b->n_pending -= n;
}

bool book_find(const struct book *b, uint64_t o_id, uint64_t *ret_idx)
{
    uint64_t idx;
    if (!gen_idx_of(o_id, &idx) || idx >= b->n_slots)
        return false;
    *ret_idx = idx;
    return true;
}

struct version book_version(const struct book *b, uint64_t idx)
{
    const struct slot *s = &b->slot[idx];
    return (struct version){
        .idx = idx, .rev = s->rev, .born_s = s->born_s, .modified_s = s->modified_s, .ts = s->ts, .twist = s->twist};
}

const struct record *book_record(struct book *b, uint64_t idx)
{
    struct version v = book_version(b, idx);
    order_make(&b->gen, &v, b->record);
    return b->record;
}

static int compare_slots(const void *x, const void *y, void *slots)
{
    const struct slot *s = slots;
    return order_by_modified(&s[*(const uint32_t *)x], &s[*(const uint32_t *)y]);
}

void book_open(struct book *b, const struct gen *g, int64_t now_ms, int64_t late_ms)
{
    *b = (struct book){
        .gen = *g, .next_ts = FIRST_TS, .record = mem_zero(sizeof *b->record), .text = buf_make(RECORD_JSON_MAX)};
    reserve(b, g->n_initial + 64);
    uint32_t *order = mem_alloc((g->n_initial + 1) * sizeof *order);
    for (uint64_t i = 0; i < g->n_initial; i++) {
        uint64_t idx = take_slot(b);
        b->slot[idx].modified_s = b->slot[idx].born_s = gen_modified(g, idx);
        order[i] = (uint32_t)idx;
    }
    qsort_r(order, g->n_initial, sizeof *order, compare_slots, b->slot);
    for (uint64_t i = 0; i < g->n_initial; i++) {
        struct slot *s = &b->slot[order[i]];
        struct version v = {.idx = order[i], .born_s = s->born_s, .modified_s = s->modified_s, .ts = b->next_ts++};
        publish(b, &v, s->modified_s * 1000 + late_ms, now_ms);
    }
    free(order);
}

void book_close(struct book *b)
{
    for (uint64_t i = 0; i < b->n_slots; i++)
        free(b->slot[i].json);
    free(b->slot);
    free(b->by_modified);
    free(b->by_ts);
    free(b->pending);
    free(b->record);
    buf_free(&b->text);
}
