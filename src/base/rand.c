/* rand: xoshiro256** by Blackman and Vigna, seeded through splitmix64. Small, fast, the same on
 * every machine; predictable, and therefore never near a secret. */
#include "base/rand.h"

static uint64_t rotate(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

uint64_t mix64(uint64_t v)
{
    v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
    return v ^ v >> 31;
}

void rand_seed(struct rand *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        r->s[i] = mix64(seed);
    }
}

uint64_t rand_u64(struct rand *r)
{
    uint64_t *s = r->s;
    uint64_t ret = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return ret;
}

/* What lies below 2^64 mod n is drawn again, so that every residue has the same number of draws. */
uint64_t rand_below(struct rand *r, uint64_t n)
{
    if (n == 0)
        return 0;
    uint64_t first_fair = (0 - n) % n;
    uint64_t v;
    do {
        v = rand_u64(r);
    } while (v < first_fair);
    return v % n;
}
