/* The source's clock, learnt from the Date of its replies.
 *
 * Date has whole seconds: the moment lies within one second after it, so half a second is added. It was written some
 * time between sending the request and seeing the header, half the trip before on average; how long the body took
 * afterwards does not matter. The estimate moves towards a new sample by a share that is small for slow trips. A sample
 * further off than two seconds and half its trip replaces the estimate when a second one agrees with it; so does the
 * first sample of all when it is off by more than any gateway accepts of a signed call. Two that are that far off agree
 * when they say about the same: a clock of ours that jitters by seconds meanwhile must not hide that it is hours off. A
 * clock that is right within what can be told stays as it is. */
#include "source/bucket.h"

#include <pthread.h>
#include <stdlib.h>

#define JUMP_MS      2000
#define AGREE_MS     1500
#define AGREE_FAR_MS 30000
#define SLOW_TRIP_MS 1000
#define FAR_MS       (15 * 60 * 1000)

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

static int64_t sample_ms(const struct remote_clock *r, int64_t date_s, int64_t before_ms)
{
    return date_s * 1000 + 500 - (clock_wall(r->local) - before_ms);
}

void remote_clock_learn(struct remote_clock *r, int64_t date_s, int64_t trip_ms, int64_t age_ms)
{
    int64_t sample = sample_ms(r, date_s, age_ms + trip_ms / 2), off;

    pthread_mutex_lock(&r->lock);
    off = sample - r->offset_ms;
    if (!r->known && llabs(sample) <= FAR_MS) {
        r->offset_ms = llabs(sample) <= AGREE_MS + trip_ms / 2 ? 0 : sample;
        r->known = true;
        r->doubted = false;
    } else if (llabs(off) > JUMP_MS + trip_ms / 2) {
        bool agrees = r->doubted && llabs(sample - r->doubt_ms) <= (llabs(off) > FAR_MS ? AGREE_FAR_MS : AGREE_MS);

        if (agrees)
            r->offset_ms = sample;
        r->known = r->known || agrees;
        r->doubted = !agrees;
        r->doubt_ms = sample;
    } else {
        r->doubted = false;
        if (llabs(off) > 500 + trip_ms / 2)
            r->offset_ms += off / (trip_ms > SLOW_TRIP_MS ? 16 : 4);
    }
    pthread_mutex_unlock(&r->lock);
}

void remote_clock_force(struct remote_clock *r, int64_t date_s, int64_t age_ms)
{
    remote_clock_set_offset(r, sample_ms(r, date_s, age_ms));
}

void remote_clock_set_offset(struct remote_clock *r, int64_t offset_ms)
{
    pthread_mutex_lock(&r->lock);
    r->known = true;
    r->doubted = false;
    r->offset_ms = offset_ms;
    pthread_mutex_unlock(&r->lock);
}

bool remote_clock_doubted(const struct remote_clock *r)
{
    struct remote_clock *m = (struct remote_clock *)(uintptr_t)r; /* for its lock */
    bool doubted;

    pthread_mutex_lock(&m->lock);
    doubted = m->doubted;
    pthread_mutex_unlock(&m->lock);
    return doubted;
}

static void look(const struct remote_clock *r, bool *ret_known, int64_t *ret_offset_ms)
{
    struct remote_clock *m = (struct remote_clock *)(uintptr_t)r; /* for its lock */

    pthread_mutex_lock(&m->lock);
    *ret_known = m->known;
    *ret_offset_ms = m->offset_ms;
    pthread_mutex_unlock(&m->lock);
}

bool remote_clock_known(const struct remote_clock *r)
{
    int64_t offset_ms;
    bool known;

    look(r, &known, &offset_ms);
    return known;
}

int64_t remote_clock_offset_ms(const struct remote_clock *r)
{
    int64_t offset_ms;
    bool known;

    look(r, &known, &offset_ms);
    return offset_ms;
}

int64_t remote_clock_now_ms(const struct remote_clock *r)
{
    return clock_wall(r->local) + remote_clock_offset_ms(r);
}
