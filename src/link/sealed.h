/* sealed: the encrypted record layer of 7502. ChaCha20-Poly1305, one key per direction derived from
 * the CPace ISK, the record counter as nonce, the length authenticated. The plaintext is a byte
 * stream of frames. PROTOCOL.md, "Sealed stream".
 *
 * Record: u16 length of the ciphertext (17..16400), ciphertext with its tag; the two length bytes
 * are the extra data. Plaintext is 1..16384 bytes. End of stream means nothing here. */
#ifndef OPENILS_LINK_SEALED_H
#define OPENILS_LINK_SEALED_H

#include "base/buf.h"
#include "base/crypto.h"

#define SEALED_PLAIN_MAX 16384
#define SEALED_HEADER    2

struct sealed {
    uint8_t key[KEY_SIZE];
    uint64_t counter; /* of the next record; never wraps: the link ends first */
};

/* Keys from the 64-byte ISK and the binder: H("sealed dialler", ISK, B) for what the dialler
 * sends, H("sealed acceptor", ISK, B) for what the acceptor sends. */
void sealed_keys(struct sealed *ret_dialler, struct sealed *ret_acceptor, struct slice isk,
                 const uint8_t binder[static HASH_SIZE]);

/* Seals plain (any length) into as many records as it takes, appended to out; counter advances. */
void sealed_put(struct sealed *s, struct buf *out, struct slice plain);

/* Takes one record off the front of *in and appends its plaintext to out.
 * 0: done, *in advanced. 1: more bytes needed. -1: length out of range or the tag is wrong
 * (the link must end). -2: out refused the bytes. */
int sealed_take(struct sealed *s, struct slice *in, struct buf *out);

#endif
