/* crypto: every cryptographic operation of the pure rooms, behind one header.
 *
 * libsodium's pure functions do the work; its entropy is never used (randomness arrives as bytes
 * in events). Hash labels are registered in PROTOCOL.md: no two uses share one. */
#ifndef OPENILS_BASE_CRYPTO_H
#define OPENILS_BASE_CRYPTO_H

#include "base/slice.h"

#define HASH_SIZE      32
#define KEY_SIZE       32 /* Ed25519 public key; also every symmetric key */
#define SECRET_SIZE    64 /* Ed25519 secret key as libsodium keeps it */
#define SEED_SIZE      32
#define SIGNATURE_SIZE 64
#define POINT_SIZE     32 /* ristretto255 element */
#define SCALAR_SIZE    32
#define TAG_SIZE       16 /* Poly1305 */
#define PEER_ID_SIZE   16

/* libsodium exports two of these names with other arguments: ours link under others, so that
 * neither takes the other's place. Where <sodium.h> is needed too, it is included before this. */
#define crypto_hash crypto_hash_labelled
#define crypto_sign crypto_sign_message

/* H(label, parts): BLAKE2b-256 over u8 length of label, label, then for each part u64 length
 * (big-endian) and its bytes. */
void crypto_hash(uint8_t ret[static HASH_SIZE], const char *label, const struct slice *parts,
                 size_t n);

/* H with one part. */
void crypto_hash1(uint8_t ret[static HASH_SIZE], const char *label, struct slice part);

/* H with one part of n bytes that comes in pieces; what was hashed so far may be copied, and gone
 * on with more than once. Nothing is wiped: for what is no secret. */
struct crypto_hashing {
    _Alignas(8) uint8_t state[384];
};
void crypto_hash_begin(struct crypto_hashing *h, const char *label, uint64_t n);
void crypto_hash_more(struct crypto_hashing *h, struct slice piece);
void crypto_hash_end(const struct crypto_hashing *h, uint8_t ret[static HASH_SIZE]);

/* The first 16 bytes of H("peer", key). */
void crypto_peer_id(uint8_t ret[static PEER_ID_SIZE], const uint8_t key[static KEY_SIZE]);

/* Ed25519 (RFC 8032). */
void crypto_keypair(const uint8_t seed[static SEED_SIZE], uint8_t ret_public[static KEY_SIZE],
                    uint8_t ret_secret[static SECRET_SIZE]);
void crypto_sign(uint8_t ret[static SIGNATURE_SIZE], struct slice message,
                 const uint8_t secret[static SECRET_SIZE]);
bool crypto_verify(const uint8_t signature[static SIGNATURE_SIZE], struct slice message,
                   const uint8_t public_key[static KEY_SIZE]);

/* ChaCha20-Poly1305 (RFC 8439), nonce = 4 zero bytes and the counter, little-endian.
 * seal writes plain.n + TAG_SIZE bytes to out; open writes cipher.n - TAG_SIZE and is false when
 * the tag does not fit (out undefined). out may be the input itself. */
void crypto_seal(uint8_t *out, struct slice plain, struct slice extra, uint64_t counter,
                 const uint8_t key[static KEY_SIZE]);
bool crypto_open(uint8_t *out, struct slice cipher, struct slice extra, uint64_t counter,
                 const uint8_t key[static KEY_SIZE]);

/* SHA-512 of the concatenated parts; HMAC-SHA-512 with a key of any length. */
void crypto_sha512(uint8_t ret[static 64], const struct slice *parts, size_t n);
void crypto_hmac_sha512(uint8_t ret[static 64], struct slice key, struct slice message);

/* ristretto255 (RFC 9496): a scalar out of 64 bytes of entropy, a point out of 64 uniform bytes,
 * and scalar * point, which is false for an invalid or neutral point. */
void crypto_scalar(uint8_t ret[static SCALAR_SIZE], const uint8_t entropy[static 64]);
void crypto_point_from_hash(uint8_t ret[static POINT_SIZE], const uint8_t uniform[static 64]);
bool crypto_point_mul(uint8_t ret[static POINT_SIZE], const uint8_t scalar[static SCALAR_SIZE],
                      const uint8_t point[static POINT_SIZE]);

/* SipHash-2-4: a keyed hash of 64 bits, where others choose what is hashed; the secret of the
 * index's own (base/keyhash.h) is made with it. */
uint64_t crypto_siphash(struct slice message, const uint8_t key[static 16]);

/* Constant-time comparison, and wiping that the compiler keeps. */
bool crypto_equal(const void *a, const void *b, size_t n);
void crypto_wipe(void *p, size_t n);

#endif
