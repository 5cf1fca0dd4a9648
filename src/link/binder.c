/* binder: one hash over everything that both ends saw of a link, and the signature over it. Whoever
 * stands between two ends has another hello, channel, certificate or password towards each of them,
 * hence two binders, and no proof fits both. */
#include "link/binder.h"

void link_sid(uint8_t ret[static HASH_SIZE], struct slice hello_c, struct slice hello_s,
              struct slice exporter)
{
    const struct slice parts[] = {hello_c, hello_s, exporter};
    crypto_hash(ret, "sid cpace-21", parts, 3);
}

void link_binder(uint8_t ret[static HASH_SIZE], const struct binder_parts *p)
{
    const struct slice parts[] = {p->hello_c, p->hello_s, p->exporter,
                                  p->spki_c,  p->spki_s,  p->isk};
    crypto_hash(ret, "binder", parts, 6);
}

static void proof_hash(uint8_t ret[static HASH_SIZE], const struct proof *p, bool dialler,
                       const uint8_t binder[static HASH_SIZE])
{
    uint8_t number[16];
    for (unsigned i = 0; i < 8; i++) {
        number[i] = (uint8_t)(p->boot >> (56 - 8 * i));
        number[8 + i] = (uint8_t)(p->serial >> (56 - 8 * i));
    }
    const struct slice parts[] = {
        slice_of(dialler ? "dialler" : "acceptor"),
        slice_make(binder, HASH_SIZE),
        slice_make(p->key, KEY_SIZE),
        slice_make(p->network, NETWORK_ID_SIZE),
        slice_make(number, 8),
        slice_make(number + 8, 8),
        slice_make(p->cluster_id, p->cluster_id_n),
    };
    crypto_hash(ret, "proof", parts, 7);
}

void proof_sign(struct proof *p, bool dialler, const uint8_t binder[static HASH_SIZE],
                const uint8_t secret[static SECRET_SIZE])
{
    uint8_t hash[HASH_SIZE];
    proof_hash(hash, p, dialler, binder);
    crypto_sign(p->signature, slice_make(hash, HASH_SIZE), secret);
}

bool proof_verify(const struct proof *p, bool dialler, const uint8_t binder[static HASH_SIZE])
{
    uint8_t hash[HASH_SIZE];
    proof_hash(hash, p, dialler, binder);
    return crypto_verify(p->signature, slice_make(hash, HASH_SIZE), p->key);
}
