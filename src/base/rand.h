/* rand: a seeded, deterministic generator (xoshiro256**, seeded through splitmix64) for jitter,
 * back-off and the simulator. Never for secrets: those come as entropy in events. */
#ifndef OPENILS_BASE_RAND_H
#define OPENILS_BASE_RAND_H

#include <stdint.h>

struct rand {
    uint64_t s[4];
};

void rand_seed(struct rand *r, uint64_t seed);
uint64_t rand_u64(struct rand *r);

/* Uniform in [0, n); n = 0 gives 0. */
uint64_t rand_below(struct rand *r, uint64_t n);

/* splitmix64's finaliser: a bijection of 64-bit values (the catalog digest, PROTOCOL.md). */
uint64_t mix64(uint64_t v);

#endif
