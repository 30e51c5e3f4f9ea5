/* The source's clock, learnt from the Date of its replies.
 *
 * Date has whole seconds: the moment lies within one second after it, so half a second is added. A reply's offset is off by at most half its round trip; the estimate moves towards a new
 * sample by a share that shrinks with the round trip, and a sample further off than two seconds replaces the estimate when a second one agrees with it. */
#include "source/bucket.h"

#include <pthread.h>
#include <stdlib.h>

#define JUMP_MS 2000
#define AGREE_MS 1500

struct remote_clock {
    const struct clock *local;
    pthread_mutex_t lock;
    bool known;
    int64_t offset_ms;
    bool doubted;
    int64_t doubt_ms; /* a sample that was far off, waiting for a second one */
};

struct remote_clock *remote_clock_new(const struct clock *local)
{
    struct remote_clock *r = mem_zero(sizeof *r);

    r->local = local;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void remote_clock_free(struct remote_clock *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void remote_clock_learn(struct remote_clock *r, int64_t date_s, int64_t took_ms)
{
    int64_t sample = date_s * 1000 + 500 - (clock_wall(r->local) - took_ms / 2);
    int64_t off;

    pthread_mutex_lock(&r->lock);
    off = sample - r->offset_ms;
    if (!r->known) {
        r->offset_ms = llabs(sample) <= AGREE_MS ? 0 : sample;
        r->known = true;
    } else if (llabs(off) > JUMP_MS) {
        if (r->doubted && llabs(sample - r->doubt_ms) <= AGREE_MS)
            r->offset_ms = sample;
        r->doubted = !r->doubted || llabs(sample - r->doubt_ms) > AGREE_MS;
        r->doubt_ms = sample;
    } else {
        r->doubted = false;
        if (llabs(off) > 500)
            r->offset_ms += off / (took_ms > 1000 ? 16 : 4);
    }
    pthread_mutex_unlock(&r->lock);
}

void remote_clock_force(struct remote_clock *r, int64_t date_s)
{
    remote_clock_set_offset(r, date_s * 1000 + 500 - clock_wall(r->local));
}

void remote_clock_set_offset(struct remote_clock *r, int64_t offset_ms)
{
    pthread_mutex_lock(&r->lock);
    r->known = true;
    r->offset_ms = offset_ms;
    pthread_mutex_unlock(&r->lock);
}

bool remote_clock_known(const struct remote_clock *r) { return r->known; }

int64_t remote_clock_offset_ms(const struct remote_clock *r)
{
    struct remote_clock *m = (struct remote_clock *)(uintptr_t)r;
    int64_t v;

    pthread_mutex_lock(&m->lock);
    v = m->offset_ms;
    pthread_mutex_unlock(&m->lock);
    return v;
}

int64_t remote_clock_now_ms(const struct remote_clock *r) { return clock_wall(r->local) + remote_clock_offset_ms(r); }
