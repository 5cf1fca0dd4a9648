/* crypto, without cryptography: the same interface as base/crypto.c, for storms of the simulator.
 *
 * Linked into ilssim-stub in front of room base, so that every name of base/crypto.c comes from
 * here and nothing of libsodium runs. What the rooms rely on holds: equal input gives equal output
 * and other input other output (a mixing of 256 bits, never shortened); a signature fits one
 * message
 * and one key, and fails when a bit of either is altered; sealed bytes open with their key and
 * counter only; two ends with one password agree on a point. What does not hold is secrecy: anybody
 * could forge. The simulated world alters, repeats and loses; it does not forge. */
#include <assert.h>
#include <string.h>

#include "base/crypto.h"

#define LANES 4

/* Four lanes, each taking every fourth word; a step is a bijection of the lane for every word. */
struct mixing {
    uint64_t lane[LANES];
};

static const uint64_t odd[LANES] = {
    UINT64_C(0x9e6c63d0676a9a99), UINT64_C(0xd1b54a32d192ed03),
    UINT64_C(0xaef17502108ef2d9), UINT64_C(0x8cb92ba72f3d8dd7),
};

static inline uint64_t rotate(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

static inline uint64_t word_at(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

static inline void word_put(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static inline void take(struct mixing *m, size_t i, uint64_t word)
{
    m->lane[i] = rotate((m->lane[i] ^ word) * odd[i], 29) + odd[(i + 1) % LANES];
}

static void begin(struct mixing *m, uint64_t use)
{
    for (size_t i = 0; i < LANES; i++)
        m->lane[i] = odd[i] ^ use;
}

/* One part: its length first, so that no two lists of parts are the same bytes. */
static void part(struct mixing *m, const uint8_t *p, size_t n)
{
    uint8_t rest[8 * LANES] = {0};
    take(m, 0, n);
    for (; n >= sizeof rest; p += sizeof rest, n -= sizeof rest)
        for (size_t i = 0; i < LANES; i++)
            take(m, i, word_at(p + 8 * i));
    if (n == 0)
        return;
    memcpy(rest, p, n);
    for (size_t i = 0; i < LANES; i++)
        take(m, i, word_at(rest + 8 * i));
}

/* A bijection after which every bit has a say in every other. */
static inline uint64_t stir(uint64_t v)
{
    v = (v ^ v >> 32) * odd[1];
    v = (v ^ v >> 29) * odd[2];
    return v ^ v >> 32;
}

/* Every lane has a say in every word; more than LANES words may be asked for. */
static void finish(const struct mixing *m, uint8_t *ret, size_t words)
{
    uint64_t all = 0;
    for (size_t i = 0; i < LANES; i++)
        all = stir(all ^ m->lane[i]);
    for (size_t i = 0; i < words; i++, all += odd[0])
        word_put(ret + 8 * i, stir(m->lane[i % LANES] ^ all));
}

void crypto_hash(uint8_t ret[static HASH_SIZE], const char *label, const struct slice *parts,
                 size_t n)
{
    struct mixing m;
    size_t label_n = strlen(label);
    assert(label_n < 256);
    begin(&m, 1);
    part(&m, (const uint8_t *)label, label_n);
    for (size_t i = 0; i < n; i++)
        part(&m, parts[i].p, parts[i].n);
    finish(&m, ret, HASH_SIZE / 8);
}

void crypto_hash1(uint8_t ret[static HASH_SIZE], const char *label, struct slice message)
{
    crypto_hash(ret, label, &message, 1);
}

/* What is kept between two pieces: bytes that do not fill all lanes yet. */
struct pieces {
    struct mixing mixing;
    uint8_t rest[8 * LANES];
    size_t n;
};

_Static_assert(sizeof(struct pieces) <= sizeof(struct crypto_hashing), "there is room");

void crypto_hash_begin(struct crypto_hashing *h, const char *label, uint64_t n)
{
    struct pieces p = {.n = 0};
    begin(&p.mixing, 1);
    part(&p.mixing, (const uint8_t *)label, strlen(label));
    take(&p.mixing, 0, n);
    memcpy(h, &p, sizeof p);
}

void crypto_hash_more(struct crypto_hashing *h, struct slice piece)
{
    struct pieces p;
    memcpy(&p, h, sizeof p);
    for (size_t i = 0; i < piece.n; i++) {
        p.rest[p.n++] = piece.p[i];
        for (size_t k = 0; p.n == sizeof p.rest && k < LANES; k++)
            take(&p.mixing, k, word_at(p.rest + 8 * k));
        p.n %= sizeof p.rest;
    }
    memcpy(h, &p, sizeof p);
}

void crypto_hash_end(const struct crypto_hashing *h, uint8_t ret[static HASH_SIZE])
{
    struct pieces p;
    memcpy(&p, h, sizeof p);
    if (p.n > 0)
        memset(p.rest + p.n, 0, sizeof p.rest - p.n);
    for (size_t k = 0; p.n > 0 && k < LANES; k++)
        take(&p.mixing, k, word_at(p.rest + 8 * k));
    finish(&p.mixing, ret, HASH_SIZE / 8);
}

void crypto_peer_id(uint8_t ret[static PEER_ID_SIZE], const uint8_t key[static KEY_SIZE])
{
    uint8_t hash[HASH_SIZE];
    crypto_hash1(hash, "peer", slice_make(key, KEY_SIZE));
    memcpy(ret, hash, PEER_ID_SIZE);
}

/* As in libsodium the secret key is the seed and the public key. */
void crypto_keypair(const uint8_t seed[static SEED_SIZE], uint8_t ret_public[static KEY_SIZE],
                    uint8_t ret_secret[static SECRET_SIZE])
{
    struct mixing m;
    begin(&m, 2);
    part(&m, seed, SEED_SIZE);
    finish(&m, ret_public, KEY_SIZE / 8);
    memcpy(ret_secret, seed, SEED_SIZE);
    memcpy(ret_secret + SEED_SIZE, ret_public, KEY_SIZE);
}

static void signature_of(uint8_t ret[static SIGNATURE_SIZE], struct slice message,
                         const uint8_t *public_key)
{
    struct mixing m;
    begin(&m, 3);
    part(&m, public_key, KEY_SIZE);
    part(&m, message.p, message.n);
    finish(&m, ret, SIGNATURE_SIZE / 8);
}

void crypto_sign(uint8_t ret[static SIGNATURE_SIZE], struct slice message,
                 const uint8_t secret[static SECRET_SIZE])
{
    signature_of(ret, message, secret + SEED_SIZE);
}

bool crypto_verify(const uint8_t signature[static SIGNATURE_SIZE], struct slice message,
                   const uint8_t public_key[static KEY_SIZE])
{
    uint8_t wanted[SIGNATURE_SIZE];
    signature_of(wanted, message, public_key);
    return memcmp(signature, wanted, SIGNATURE_SIZE) == 0;
}

/* --- sealing: a mask of key and counter over the bytes, and a checksum of all */

static void tag_of(uint8_t ret[static TAG_SIZE], struct slice plain, struct slice extra,
                   uint64_t counter, const uint8_t *key)
{
    struct mixing m;
    begin(&m, 4 ^ counter << 8);
    part(&m, key, KEY_SIZE);
    part(&m, extra.p, extra.n);
    part(&m, plain.p, plain.n);
    finish(&m, ret, TAG_SIZE / 8);
}

static void masked(uint8_t *out, const uint8_t *in, size_t n, uint64_t counter, const uint8_t *key)
{
    uint64_t mask = stir(word_at(key) ^ counter * odd[1]);
    for (; n >= 8; n -= 8, in += 8, out += 8)
        word_put(out, word_at(in) ^ mask);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(in[i] ^ mask >> (8 * i));
}

void crypto_seal(uint8_t *out, struct slice plain, struct slice extra, uint64_t counter,
                 const uint8_t key[static KEY_SIZE])
{
    uint8_t tag[TAG_SIZE]; /* out may be the plain text itself */
    tag_of(tag, plain, extra, counter, key);
    masked(out, plain.p, plain.n, counter, key);
    memcpy(out + plain.n, tag, TAG_SIZE);
}

bool crypto_open(uint8_t *out, struct slice cipher, struct slice extra, uint64_t counter,
                 const uint8_t key[static KEY_SIZE])
{
    uint8_t shown[TAG_SIZE], wanted[TAG_SIZE];
    if (cipher.n < TAG_SIZE)
        return false;
    size_t n = cipher.n - TAG_SIZE;
    memcpy(shown, cipher.p + n, TAG_SIZE);
    masked(out, cipher.p, n, counter, key);
    tag_of(wanted, slice_make(out, n), extra, counter, key);
    return memcmp(shown, wanted, TAG_SIZE) == 0;
}

void crypto_sha512(uint8_t ret[static 64], const struct slice *parts, size_t n)
{
    struct mixing m;
    uint8_t held[256];
    size_t held_n = 0, all = 0;
    for (size_t i = 0; i < n; i++)
        all += parts[i].n;
    begin(&m, 5);
    if (all <= sizeof held) { /* of the concatenation: where a part ends does not count */
        for (size_t i = 0; i < n; i++) {
            if (parts[i].n > 0)
                memcpy(held + held_n, parts[i].p, parts[i].n);
            held_n += parts[i].n;
        }
        part(&m, held, held_n);
    } else {
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < parts[i].n; k++)
                take(&m, held_n++ % LANES, parts[i].p[k]);
    }
    finish(&m, ret, 8);
}

void crypto_hmac_sha512(uint8_t ret[static 64], struct slice key, struct slice message)
{
    struct mixing m;
    begin(&m, 6);
    part(&m, key.p, key.n);
    part(&m, message.p, message.n);
    finish(&m, ret, 8);
}

/* --- a commutative group with as many elements that are none: four odd words, multiplied mod 2^64.
 * Zeros, and nearly all of what is drawn at random, are no elements. */

static void odd_words(uint8_t ret[static 32], const uint8_t bytes[static 64])
{
    struct mixing m;
    begin(&m, 7);
    part(&m, bytes, 64);
    finish(&m, ret, LANES);
    for (size_t i = 0; i < LANES; i++)
        ret[8 * i] |= 1;
}

void crypto_scalar(uint8_t ret[static SCALAR_SIZE], const uint8_t entropy[static 64])
{
    odd_words(ret, entropy);
}

void crypto_point_from_hash(uint8_t ret[static POINT_SIZE], const uint8_t uniform[static 64])
{
    odd_words(ret, uniform);
}

bool crypto_point_mul(uint8_t ret[static POINT_SIZE], const uint8_t scalar[static SCALAR_SIZE],
                      const uint8_t point[static POINT_SIZE])
{
    uint8_t product[POINT_SIZE];
    for (size_t i = 0; i < LANES; i++) {
        uint64_t of = word_at(point + 8 * i);
        if ((of & 1) == 0)
            return false;
        word_put(product + 8 * i, of * (word_at(scalar + 8 * i) | 1));
    }
    memcpy(ret, product, POINT_SIZE);
    return true;
}

/* Of the index, for each entry and each lookup: one lane is enough. */
uint64_t crypto_siphash(struct slice message, const uint8_t key[static 16])
{
    uint64_t v = word_at(key) ^ message.n * odd[3], last = 0;
    const uint8_t *p = message.p;
    size_t n = message.n;
    for (; n >= 8; p += 8, n -= 8)
        v = rotate((v ^ word_at(p)) * odd[0], 29);
    for (size_t i = 0; i < n; i++)
        last = last << 8 | p[i];
    return stir(v ^ last ^ word_at(key + 8));
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return memcmp(a, b, n) == 0;
}

void crypto_wipe(void *p, size_t n)
{
    memset(p, 0, n);
}
