/* The health of one upstream, as all who call it see it: a circuit breaker and the share of calls that may be retries.
 * Pure, over numbers in memory that several processes may map (source/bucket.h keeps them beside the quota); all of
 * them zero is a healthy upstream. Times are milliseconds of one clock that all share, unless named otherwise. */
#ifndef SOURCE_HEALTH_H
#define SOURCE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

/* So many failures in a row open the circuit: from then on one call at a time probes it. */
#define HEALTH_FAILURES 5
/* The wait before the first probe; doubled by each that fails up to the last, a quarter more or less by chance. */
#define HEALTH_WAIT_MS     1000
#define HEALTH_WAIT_MAX_MS 20000
/* A probe that was not heard of for so long is taken for lost with its process. */
#define HEALTH_PROBE_MS 90000
/* Who finds a probe under way looks again after so long. */
#define HEALTH_LOOK_MS 250
/* Retries: so many at once, one more each second, and one for every ten calls. */
#define HEALTH_RETRIES       20
#define HEALTH_RETRY_MS      1000
#define HEALTH_CALLS_A_RETRY 10

struct health {
    _Atomic int64_t failures; /* in a row */
    _Atomic int64_t since_ms; /* wall clock: the first of them */
    _Atomic int64_t probes;   /* that failed since the circuit opened */
    _Atomic int64_t until_ms; /* no call before; 0: the circuit is closed */
    _Atomic int64_t probe_ms; /* a probe is under way and counts until then; 0: none */
    _Atomic int64_t spent_ms; /* retries: when the allowance will be whole again */
};

/* May a call be sent now? 0: yes, and *ret_probe says whether it is the probe; else ask again after so many ms. */
int64_t health_admit(struct health *h, int64_t now_ms, bool *ret_probe);
/* A call of ours found no server, was cut, or got an error of the server's own. `chance`: 32 random bits. True: the
 * circuit is open, by this call or still. */
struct health_failure {
    int64_t now_ms, wall_ms;
    bool probe;
    uint32_t chance;
};
bool health_failed(struct health *h, const struct health_failure *f);
/* It answered, whatever it said. True: the circuit was open and is closed now. */
bool health_answered(struct health *h);
void health_probe_dropped(struct health *h); /* the probe was given up before it was answered */
/* Each first attempt earns its share of a retry. */
void health_called(struct health *h, int64_t now_ms);
/* Takes a retry from the allowance: how long to wait for it. -1, and none is taken: longer than max_ms. */
int64_t health_retry_ms(struct health *h, int64_t now_ms, int64_t max_ms);

/* For people. */
struct health_state {
    bool open;
    int64_t failures, since_ms; /* since_ms: wall clock, 0: no failure */
    int64_t next_ms;            /* until the next probe; 0: due, or under way */
};
void health_look(const struct health *h, int64_t now_ms, struct health_state *ret);

#endif
