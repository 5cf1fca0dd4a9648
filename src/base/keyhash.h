/* keyhash: a keyed hash for tables in memory whose keys strangers choose. The bytes are taken as
 * words of 64 bits, two and two: each is added to a word of the secret, the two are multiplied, and
 * all products summed in 128 bits (NH: Black, Halevi, Krawczyk, Krovetz, Rogaway). Whatever two
 * inputs of one length somebody chooses without the secret, it gives them the same sum with a
 * chance of 2^-64; a last product spreads the sum over all bits. No product waits for another: for
 * a short key it is a third of what SipHash-1-3 was, so few instructions that a processor has room
 * to begin the next lookup while this one waits for memory. For what never leaves this process:
 * results depend on the machine's byte order, and tell of the secret. All inline. */
#ifndef OPENILS_BASE_KEYHASH_H
#define OPENILS_BASE_KEYHASH_H

#include <string.h>

#include "base/slice.h"

/* Of the secret, for so many bytes. */
#define KEYHASH_WORDS(bytes) (((size_t)(bytes) + 15) / 16 * 2)

__extension__ typedef unsigned __int128 keyhash_sum;

static inline uint64_t keyhash_load(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static inline uint64_t keyhash_load4(const uint8_t *p)
{
    uint32_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* Adds two words of input. */
static inline keyhash_sum keyhash_pair(keyhash_sum sum, const uint64_t *secret, uint64_t a,
                                       uint64_t b)
{
    return sum + (keyhash_sum)(a + secret[0]) * (b + secret[1]);
}

/* Adds the bytes, each with the bits of `with` set: of which length they are the caller adds. What
 * does not fill two words is read as far as it goes, some bytes twice. */
static inline keyhash_sum keyhash_bytes(keyhash_sum sum, const uint64_t *secret, struct slice bytes,
                                        uint64_t with)
{
    const uint8_t *p = bytes.p;
    size_t n = bytes.n;
    if (n > 16) {
        size_t at = 16;
        sum = keyhash_pair(sum, secret, keyhash_load(p) | with, keyhash_load(p + 8) | with);
        if (n <= 32)
            return keyhash_pair(sum, secret + 2, keyhash_load(p + n - 16) | with,
                                keyhash_load(p + n - 8) | with);
#pragma GCC unroll 1
        for (; at + 16 < n; at += 16)
            sum = keyhash_pair(sum, secret + at / 8, keyhash_load(p + at) | with,
                               keyhash_load(p + at + 8) | with);
        return keyhash_pair(sum, secret + at / 8, keyhash_load(p + n - 16) | with,
                            keyhash_load(p + n - 8) | with);
    }
    if (n >= 8)
        return keyhash_pair(sum, secret, keyhash_load(p) | with, keyhash_load(p + n - 8) | with);
    if (n >= 4)
        return keyhash_pair(sum, secret, keyhash_load4(p) | with, keyhash_load4(p + n - 4) | with);
    if (n > 0)
        return keyhash_pair(sum, secret, (uint64_t)(p[0] | p[n / 2] << 8) | with, p[n - 1] | with);
    return sum;
}

static inline uint64_t keyhash_done(keyhash_sum sum, const uint64_t *secret)
{
    keyhash_sum last = (keyhash_sum)((uint64_t)sum ^ secret[0]) *
                       ((uint64_t)(sum >> 64) ^ secret[1]);
    return (uint64_t)last ^ (uint64_t)(last >> 64);
}

#endif
