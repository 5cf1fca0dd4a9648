/* guess: see guess.h. */
#include "guess.h"

#include <string.h>

#include "link/binder.h"
#include "link/cpace.h"
#include "link/hello.h"

/* Labels of the protocol, and those that a careless hand might take. */
static const char *const label[] = {"", "hello", "password", "openils/password", "prs", "peer",
                                    "sid cpace-21", "binder", "proof", "sealed dialler",
                                    "sealed acceptor", "generation", "ils/1"};
#define LABELS (sizeof label / sizeof label[0])

/* Hash number k of X and an optional part; its length, 0: there is no such number. */
static size_t hash(uint8_t out[64], unsigned k, struct slice x, struct slice part)
{
    struct slice forth[2] = {x, part}, back[2] = {part, x};
    uint8_t joined[512];
    size_t n = x.n + part.n, key = x.n < 64 ? x.n : 64;
    memcpy(joined, x.p, x.n);
    if (part.n != 0)
        memcpy(joined + x.n, part.p, part.n);
    switch (k) {
    case 0: crypto_sha512(out, forth, 2); return 64;
    case 1: crypto_sha512(out, back, 2); return 64;
    case 2: crypto_hash_sha256(out, joined, n); return 32;
    case 3: crypto_generichash(out, 32, joined, n, NULL, 0); return 32;
    case 4: crypto_generichash(out, 64, joined, n, NULL, 0); return 64;
    case 5: crypto_generichash(out, 32, part.p, part.n, x.p, key); return 32;
    case 6: crypto_hmac_sha512(out, x, part); return 64;
    case 7: crypto_hmac_sha512(out, part, x); return 64;
    case 8: crypto_hash1(out, "hello", slice_make(joined, n)); return 32;
    default: return 0;
    }
}

/* What a value may look like when it is seen: as it is, or as text. */
static bool seen(const struct table *t, const uint8_t *p, size_t n, size_t *tried)
{
    char text[256];
    *tried += 3;
    if (table_has(t, p, n))
        return true;
    sodium_bin2hex(text, sizeof text, p, n);
    if (table_has(t, (const uint8_t *)text, 2 * n))
        return true;
    sodium_bin2base64(text, sizeof text, p, n, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    return table_has(t, (const uint8_t *)text, strlen(text));
}

static const char *guess_value(struct slice x, const struct table *t, size_t *tried)
{
    uint8_t out[64], point[32], scalar[32];
    struct slice none = slice_make("", 0);
    if (seen(t, x.p, x.n, tried))
        return "it stands there";
    for (unsigned k = 0; k < 9; k++)
        if (k != 5 && seen(t, out, hash(out, k, x, none), tried))
            return "a hash of it stands there";
    for (size_t i = 0; i < LABELS; i++) {
        struct slice l = slice_of(label[i]);
        crypto_hash1(out, label[i], x);
        if (seen(t, out, 32, tried))
            return "a labelled hash of it stands there";
        for (unsigned k = 0; k < 8; k++)
            if (seen(t, out, hash(out, k, x, l), tried))
                return "a hash of it and a label stands there";
    }
    crypto_sha512(out, &x, 1);
    crypto_point_from_hash(point, out);
    if (seen(t, point, 32, tried))
        return "a point made of it stands there";
    crypto_scalar(scalar, out);
    if (crypto_scalarmult_ristretto255_base(point, scalar) == 0 && seen(t, point, 32, tried))
        return "a multiple of the base point stands there";
    return NULL;
}

const char *guess_alone(const struct candidate *c, const struct table *t, size_t *tried)
{
    const char *how = guess_value(slice_make(c->stretched, 32), t, tried);
    return how != NULL ? how : guess_value(slice_of(c->password), t, tried);
}

const char *guess_hashes(const struct candidate *c, const struct session *s,
                         const struct table *t, size_t *tried)
{
    const struct slice x = slice_make(c->stretched, 32);
    struct slice part[10];
    size_t parts = 0;
    uint8_t out[64], both[2 * HELLO_MAX];
    for (int end = 0; end < 2; end++) {
        part[parts++] = s->share[end];
        part[parts++] = s->hello[end];
        if (s->hello[end].n >= HELLO_SIZE)
            part[parts++] = slice_make(s->hello[end].p + HELLO_SIZE - HELLO_RANDOM, HELLO_RANDOM);
    }
    memcpy(both, s->hello[0].p, s->hello[0].n);
    memcpy(both + s->hello[0].n, s->hello[1].p, s->hello[1].n);
    part[parts++] = slice_make(both, s->hello[0].n + s->hello[1].n);
    part[parts++] = slice_make(s->sid, HASH_SIZE);
    for (size_t i = 0; i < parts; i++)
        for (unsigned k = 0; k < 9; k++) {
            size_t n = hash(out, k, x, part[i]);
            ++*tried;
            if (table_has(t, out, 8) || table_has(t, out + n - 8, 8))
                return "a hash of it and of what was said stands there";
        }
    return NULL;
}

/* Does the first record of either end open under this ISK? */
static bool opens(const struct session *s, struct slice isk)
{
    struct binder_parts parts = {.hello_c = s->hello[0], .hello_s = s->hello[1], .isk = isk};
    uint8_t binder[HASH_SIZE], key[KEY_SIZE], plain[16400];
    link_binder(binder, &parts);
    for (int end = 0; end < 2; end++) {
        struct slice in = s->sealed[end];
        if (in.n < 2 || in.n - 2 < ((size_t)in.p[0] << 8 | in.p[1]) || (in.p[0] | in.p[1]) == 0)
            continue;
        const struct slice both[] = {isk, slice_make(binder, HASH_SIZE)};
        struct slice cipher = slice_make(in.p + 2, (size_t)in.p[0] << 8 | in.p[1]);
        crypto_hash(key, end == 0 ? "sealed dialler" : "sealed acceptor", both, 2);
        if (cipher.n > TAG_SIZE && cipher.n <= sizeof plain &&
            (crypto_open(plain, cipher, slice_make(in.p, 2), 0, key) ||
             (isk.n == KEY_SIZE && crypto_open(plain, cipher, slice_make(in.p, 2), 0, isk.p))))
            return true;
    }
    return false;
}

/* With K guessed, are the tags those that were seen? */
static bool confirms(const struct session *s, const uint8_t k[static POINT_SIZE], uint8_t isk[64])
{
    static const char *const name[] = {"dialler", "acceptor"};
    struct slice sid = slice_make(s->sid, HASH_SIZE);
    uint8_t key[64], tag[64], message[64];
    cpace_isk_ir(isk, sid, slice_make(k, POINT_SIZE), s->share[0], slice_of(name[0]), s->share[1],
                 slice_of(name[1]));
    const struct slice part[] = {slice_of("CPaceMac"), sid, slice_make(isk, 64)};
    crypto_sha512(key, part, 3);
    for (int end = 0; end < 2; end++) {
        size_t n = strlen(name[end]);
        message[0] = POINT_SIZE;
        memcpy(message + 1, s->share[end].p, POINT_SIZE);
        message[1 + POINT_SIZE] = (uint8_t)n;
        memcpy(message + 2 + POINT_SIZE, name[end], n);
        crypto_hmac_sha512(tag, slice_make(key, 64), slice_make(message, 2 + POINT_SIZE + n));
        if (s->confirm[end].n == 64 && memcmp(tag, s->confirm[end].p, 64) == 0)
            return true;
    }
    return false;
}

const char *guess_exchange(const struct candidate *c, const struct session *s, size_t *tried)
{
    static const uint8_t zeros[POINT_SIZE];
    uint8_t g[POINT_SIZE], multiple[POINT_SIZE], scalar[64] = {0}, sum[POINT_SIZE], isk[64];
    const uint8_t *ya = s->share[0].p, *yb = s->share[1].p;
    cpace_generator(g, slice_make(c->stretched, 32), slice_of("ils/1"),
                    slice_make(s->sid, HASH_SIZE));
    for (uint8_t k = 1; k <= 4; k++) { /* small scalars, and a hello's random */
        memset(scalar, 0, sizeof scalar);
        if (k <= 2)
            scalar[0] = k;
        else if (s->hello[k - 3].n >= HELLO_SIZE)
            memcpy(scalar, s->hello[k - 3].p + HELLO_SIZE - HELLO_RANDOM, HELLO_RANDOM);
        crypto_scalar(scalar, scalar);
        ++*tried;
        if (!crypto_point_mul(multiple, scalar, g))
            continue;
        if (memcmp(multiple, ya, 32) == 0 || memcmp(multiple, yb, 32) == 0)
            return "a share is a known multiple of its generator";
        uint8_t point[POINT_SIZE];
        if (crypto_point_mul(point, scalar, ya) && confirms(s, point, isk))
            return "the secret point is a known multiple of a share";
    }
    const uint8_t *const guess[] = {zeros, g, ya, yb, c->stretched, s->sid, sum};
    if (crypto_core_ristretto255_add(sum, ya, yb) != 0)
        memcpy(sum, zeros, sizeof sum);
    for (size_t i = 0; i < sizeof guess / sizeof guess[0]; i++) {
        *tried += 2;
        if (confirms(s, guess[i], isk))
            return "a tag fits a point that can be guessed";
        if (opens(s, slice_make(isk, 64)) || opens(s, slice_make(guess[i], 32)))
            return "a record opens under a key that can be guessed";
    }
    return NULL;
}
