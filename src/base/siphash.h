/* siphash: SipHash-1-3 (Aumasson, Bernstein), fed in words of 64 bits, for tables in memory whose
 * keys strangers choose. One round a word and three at the end: what hash tables of Rust, Python
 * and Ruby use against floods; crypto_siphash (2-4) is for what leaves this process. All inline:
 * it is a good part of a lookup. Results depend on the machine's byte order. */
#ifndef OPENILS_BASE_SIPHASH_H
#define OPENILS_BASE_SIPHASH_H

#include <string.h>

#include "base/slice.h"

struct siphash {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_load(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static inline void siphash_init(struct siphash *h, const uint8_t key[static 16])
{
    uint64_t k0 = siphash_load(key), k1 = siphash_load(key + 8);
    *h = (struct siphash){k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                          k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
}

static inline uint64_t siphash_left(uint64_t v, int n)
{
    return v << n | v >> (64 - n);
}

static inline void siphash_round(struct siphash *h)
{
    h->v0 += h->v1;
    h->v2 += h->v3;
    h->v1 = siphash_left(h->v1, 13) ^ h->v0;
    h->v3 = siphash_left(h->v3, 16) ^ h->v2;
    h->v0 = siphash_left(h->v0, 32) + h->v3;
    h->v2 += h->v1;
    h->v1 = siphash_left(h->v1, 17) ^ h->v2;
    h->v3 = siphash_left(h->v3, 21) ^ h->v0;
    h->v2 = siphash_left(h->v2, 32);
}

static inline void siphash_word(struct siphash *h, uint64_t word)
{
    h->v3 ^= word;
    siphash_round(h);
    h->v0 ^= word;
}

/* The last n bytes, 1..7, as a word; the others are 0. */
static inline uint64_t siphash_rest(const uint8_t *p, size_t n)
{
    uint32_t low, high;
    if (n < 4)
        return p[0] | (uint64_t)p[n / 2] << 8 * (n / 2) | (uint64_t)p[n - 1] << 8 * (n - 1);
    memcpy(&low, p, sizeof low);
    memcpy(&high, p + n - 4, sizeof high);
    return low | (uint64_t)high << 8 * (n - 4);
}

/* The bytes, filled up with zeros to whole words. */
static inline void siphash_bytes(struct siphash *h, struct slice bytes)
{
    size_t i = 0;
    for (; i + 8 <= bytes.n; i += 8)
        siphash_word(h, siphash_load(bytes.p + i));
    if (i < bytes.n)
        siphash_word(h, siphash_rest(bytes.p + i, bytes.n - i));
}

/* The bytes, A to Z as a to z, filled up with zeros to whole words: who needs to tell "a" from
 * "a\0" feeds the length as well. */
static inline void siphash_fold(struct siphash *h, struct slice bytes)
{
    size_t i = 0;
    for (; i + 8 <= bytes.n; i += 8)
        siphash_word(h, ascii_lower8(siphash_load(bytes.p + i)));
    if (i < bytes.n)
        siphash_word(h, ascii_lower8(siphash_rest(bytes.p + i, bytes.n - i)));
}

static inline uint64_t siphash_done(struct siphash *h)
{
    h->v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        siphash_round(h);
    return h->v0 ^ h->v1 ^ h->v2 ^ h->v3;
}

#endif
