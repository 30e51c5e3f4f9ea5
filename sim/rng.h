/* Random draws that depend on nothing but their seed: splitmix64. The same seed gives the same orders on any machine.
 */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t s;
};

static inline uint64_t rng_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline struct rng rng_make(uint64_t seed, uint64_t stream, uint64_t salt)
{
    return (struct rng){rng_mix(rng_mix(rng_mix(seed) ^ stream) ^ (salt * 0xd6e8feb86659fd93u))};
}

static inline uint64_t rng_next(struct rng *r)
{
    r->s += 0x9e3779b97f4a7c15u;
    return rng_mix(r->s);
}

static inline uint64_t rng_below(struct rng *r, uint64_t n) /* 0 … n-1, n > 0 */
{
    return rng_next(r) % n;
}

static inline bool rng_one_in(struct rng *r, uint64_t n)
{
    return rng_below(r, n) == 0;
}

static inline bool rng_share(struct rng *r, double share) /* true in `share` of the draws, 0 … 1 */
{
    return (double)(rng_next(r) >> 11) * 0x1.0p-53 < share;
}

#endif
