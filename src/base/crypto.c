/* crypto: libsodium's pure functions behind the project's own names. Nothing here draws entropy or
 * needs the library's initialisation: without it the portable implementations run, with it (the
 * daemon does so at start) the fast ones, with the same results. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/crypto.h"

static void put_u64(uint8_t to[static 8], uint64_t v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(v >> (56 - 8 * i));
}

static void hash_label(crypto_generichash_state *state, const char *label)
{
    size_t n = strlen(label);
    uint8_t length = (uint8_t)n;
    assert(n < 256);
    crypto_generichash_init(state, NULL, 0, HASH_SIZE);
    crypto_generichash_update(state, &length, 1);
    crypto_generichash_update(state, (const uint8_t *)label, n);
}

static void hash_length(crypto_generichash_state *state, uint64_t n)
{
    uint8_t length[8];
    put_u64(length, n);
    crypto_generichash_update(state, length, sizeof length);
}

void crypto_hash(uint8_t ret[static HASH_SIZE], const char *label, const struct slice *parts,
                 size_t n)
{
    crypto_generichash_state state;
    hash_label(&state, label);
    for (size_t i = 0; i < n; i++) {
        hash_length(&state, parts[i].n);
        if (parts[i].n > 0)
            crypto_generichash_update(&state, parts[i].p, parts[i].n);
    }
    crypto_generichash_final(&state, ret, HASH_SIZE);
    sodium_memzero(&state, sizeof state); /* keys are among the parts */
}

void crypto_hash1(uint8_t ret[static HASH_SIZE], const char *label, struct slice part)
{
    crypto_hash(ret, label, &part, 1);
}

/* libsodium wants its state at a place of its own choice. */
_Static_assert(sizeof(crypto_generichash_state) == sizeof(struct crypto_hashing), "a state");

void crypto_hash_begin(struct crypto_hashing *h, const char *label, uint64_t n)
{
    crypto_generichash_state state;
    hash_label(&state, label);
    hash_length(&state, n);
    memcpy(h, &state, sizeof *h);
}

void crypto_hash_more(struct crypto_hashing *h, struct slice piece)
{
    crypto_generichash_state state;
    memcpy(&state, h, sizeof state);
    if (piece.n > 0)
        crypto_generichash_update(&state, piece.p, piece.n);
    memcpy(h, &state, sizeof *h);
}

void crypto_hash_end(const struct crypto_hashing *h, uint8_t ret[static HASH_SIZE])
{
    crypto_generichash_state state;
    memcpy(&state, h, sizeof state);
    crypto_generichash_final(&state, ret, HASH_SIZE);
}

void crypto_peer_id(uint8_t ret[static PEER_ID_SIZE], const uint8_t key[static KEY_SIZE])
{
    uint8_t hash[HASH_SIZE];
    crypto_hash1(hash, "peer", slice_make(key, KEY_SIZE));
    memcpy(ret, hash, PEER_ID_SIZE);
}

void crypto_keypair(const uint8_t seed[static SEED_SIZE], uint8_t ret_public[static KEY_SIZE],
                    uint8_t ret_secret[static SECRET_SIZE])
{
    crypto_sign_seed_keypair(ret_public, ret_secret, seed);
}

void crypto_sign(uint8_t ret[static SIGNATURE_SIZE], struct slice message,
                 const uint8_t secret[static SECRET_SIZE])
{
    crypto_sign_detached(ret, NULL, message.p, message.n, secret);
}

bool crypto_verify(const uint8_t signature[static SIGNATURE_SIZE], struct slice message,
                   const uint8_t public_key[static KEY_SIZE])
{
    return crypto_sign_verify_detached(signature, message.p, message.n, public_key) == 0;
}

static void counter_nonce(uint8_t nonce[static 12], uint64_t counter)
{
    memset(nonce, 0, 4);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(counter >> (8 * i));
}

void crypto_seal(uint8_t *out, struct slice plain, struct slice extra, uint64_t counter,
                 const uint8_t key[static KEY_SIZE])
{
    uint8_t nonce[12];
    counter_nonce(nonce, counter);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.n, extra.p, extra.n, NULL,
                                              nonce, key);
}

bool crypto_open(uint8_t *out, struct slice cipher, struct slice extra, uint64_t counter,
                 const uint8_t key[static KEY_SIZE])
{
    uint8_t nonce[12];
    if (cipher.n < TAG_SIZE)
        return false;
    counter_nonce(nonce, counter);
    return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, cipher.p, cipher.n, extra.p,
                                                     extra.n, nonce, key) == 0;
}

void crypto_sha512(uint8_t ret[static 64], const struct slice *parts, size_t n)
{
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n > 0)
            crypto_hash_sha512_update(&state, parts[i].p, parts[i].n);
    }
    crypto_hash_sha512_final(&state, ret);
    sodium_memzero(&state, sizeof state);
}

void crypto_hmac_sha512(uint8_t ret[static 64], struct slice key, struct slice message)
{
    crypto_auth_hmacsha512_state state;
    crypto_auth_hmacsha512_init(&state, key.p, key.n);
    if (message.n > 0)
        crypto_auth_hmacsha512_update(&state, message.p, message.n);
    crypto_auth_hmacsha512_final(&state, ret);
    sodium_memzero(&state, sizeof state);
}

void crypto_scalar(uint8_t ret[static SCALAR_SIZE], const uint8_t entropy[static 64])
{
    crypto_core_ristretto255_scalar_reduce(ret, entropy);
}

void crypto_point_from_hash(uint8_t ret[static POINT_SIZE], const uint8_t uniform[static 64])
{
    crypto_core_ristretto255_from_hash(ret, uniform);
}

bool crypto_point_mul(uint8_t ret[static POINT_SIZE], const uint8_t scalar[static SCALAR_SIZE],
                      const uint8_t point[static POINT_SIZE])
{
    return crypto_scalarmult_ristretto255(ret, scalar, point) == 0;
}

uint64_t crypto_siphash(struct slice message, const uint8_t key[static 16])
{
    uint8_t out[8];
    uint64_t v = 0;
    crypto_shorthash_siphash24(out, message.p, message.n, key);
    for (int i = 7; i >= 0; i--)
        v = v << 8 | out[i];
    return v;
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

void crypto_wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}
