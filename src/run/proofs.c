/* The conservation law, window by window: every record that the reader handed over for a window was folded, filtered, a
 * repeat, dead or shaped, and every shaped row was written, refused, or overlaid by a later one of its batch.
 *
 * The batcher says what it did with the records of each stretch, the sink which rows it refused; here both meet. What
 * the reader counted travels with the mark. A window whose beginning an earlier process wrote has fewer records here
 * than the reader handed over: it is marked as not counted whole. Anything else that differs is an error of ours: the
 * window is kept as not verified, and the run fails at its end. */
#include "run/proofs.h"

/* Adds what the unit says of the stretch. */
static void add(struct window_proof *sum, const struct unit *u, const struct tally *t)
{
    const struct batch *b = &u->b;

    sum->records += t->records;
    sum->folded += t->folded;
    sum->filtered += t->filtered;
    sum->repeats += t->repeats;
    sum->dead_records += t->dead_records;
    sum->missing += t->missing;
    for (size_t i = t->first; i < t->end; i++)
        sum->shaped += !b->records[i].left;
    for (size_t i = 0; i < b->n_rows; i++)
        if (b->rows[i].record >= t->first && b->rows[i].record < t->end)
            sum->rows += !b->rows[i].overlaid;
    for (size_t i = 0; i < b->n_bad; i++) {
        size_t record = b->rows[b->bad[i].row].record;

        if (record < t->first || record >= t->end)
            continue;
        sum->rows--;
        sum->dead_rows++;
    }
}

static bool balanced(const struct window_proof *w)
{
    return w->records == w->folded + w->filtered + w->repeats + w->dead_records + w->shaped;
}

/* The finished proof: what the reading saw, and what became of it. `later`: a process before this one cannot have
 * written its beginning. */
static struct window_proof finish(const struct window_proof *sum, const struct window_proof *read, bool later,
                                  bool *ret_off)
{
    struct window_proof w = *sum;

    w.mark = read->mark;
    w.run = read->run;
    w.purpose = read->purpose;
    w.from_s = read->from_s;
    w.to_s = read->to_s;
    w.total_before = read->total_before;
    w.total_after = read->total_after;
    w.pages = read->pages;
    w.ids = read->ids;
    w.at_ms = read->at_ms;
    w.verified = read->verified;
    w.why = read->why;
    w.whole = sum->records == read->records;
    *ret_off = !balanced(sum) || sum->records > read->records || (later && !w.whole);
    if (*ret_off) {
        w.verified = false;
        w.why = S("its records do not add up: please report this");
    }
    return w;
}

/* Goes through the unit's stretches; `store` false: only sums. */
static enum err walk(struct proofs *s, struct pipeline *p, const struct unit *u, bool store, struct errinfo *ei)
{
    enum err e = OK;

    for (size_t i = 0; i < u->n_tallies && !e; i++) {
        const struct tally *t = &u->tallies[i];
        struct window_proof w;
        bool off;

        if (t->anew) {
            s->sum = (struct window_proof){0};
            s->later = true;
        }
        add(&s->sum, u, t);
        if (!t->proof)
            continue;
        w = finish(&s->sum, t->proof, s->later, &off);
        if (store) {
            e = store_window_add(p->store, p->flow->integration->name, &w, ei);
        } else if (off) {
            atomic_fetch_add(&p->unbalanced, 1);
            pipeline_emit(p, (struct event){.kind = EVENT_NOTICE, .text = w.why, .from_s = w.from_s, .to_s = w.to_s});
        }
        s->sum = (struct window_proof){0};
        s->later = true;
    }
    return e;
}

enum err proofs_keep(const struct proofs *s, struct pipeline *p, const struct unit *u, struct errinfo *ei)
{
    struct proofs copy = *s;

    return walk(&copy, p, u, true, ei);
}

void proofs_pass(struct proofs *s, struct pipeline *p, const struct unit *u)
{
    struct errinfo unused;

    (void)walk(s, p, u, false, &unused); /* fails only where it stores */
}
