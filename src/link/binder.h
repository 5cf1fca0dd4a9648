/* binder: what ties a link's two ends, their hellos, TLS channel and password to one another, and
 * the proof that each end sends over it. PROTOCOL.md, "Binder" and "Proof". */
#ifndef OPENILS_LINK_BINDER_H
#define OPENILS_LINK_BINDER_H

#include "base/crypto.h"

#define NETWORK_ID_SIZE 16
#define PROOF_ID_MAX    50 /* bytes of a cluster id */

/* sid = H("sid cpace-21", hello_C, hello_S, exporter): the label pins the CPace draft spoken.
 * Whole hello bodies; exporter {NULL, 0} on 7502. */
void link_sid(uint8_t ret[static HASH_SIZE], struct slice hello_c, struct slice hello_s,
              struct slice exporter);

struct binder_parts {
    struct slice hello_c, hello_s; /* whole bodies as they travelled */
    struct slice exporter;         /* TLS exporter, empty on 7502 */
    struct slice spki_c, spki_s;   /* certificates' public keys, empty on 7502 */
    struct slice isk;              /* CPace, empty without a password */
};

/* B = H("binder", hello_C, hello_S, exporter, SPKI_C, SPKI_S, ISK), absent parts empty. */
void link_binder(uint8_t ret[static HASH_SIZE], const struct binder_parts *parts);

struct proof {
    uint8_t key[KEY_SIZE];                /* Ed25519, the origin's own */
    uint8_t network[NETWORK_ID_SIZE];     /* all zero: not a member of any network yet */
    uint64_t boot;                        /* durable counter, +1 at each start */
    uint64_t serial;                      /* of this dial within the boot; 0 for the acceptor */
    uint8_t cluster_id_n;
    uint8_t cluster_id[PROOF_ID_MAX];     /* how the sender calls itself; any bytes */
    uint8_t signature[SIGNATURE_SIZE];    /* over H("proof", role, B, key, network, boot, serial,
                                           * cluster id) */
};

/* Role is part of what is signed ("dialler" or "acceptor"): a proof cannot be reflected. */
void proof_sign(struct proof *p, bool dialler, const uint8_t binder[static HASH_SIZE],
                const uint8_t secret[static SECRET_SIZE]);

/* True when the signature by p->key holds for that role and binder. */
bool proof_verify(const struct proof *p, bool dialler, const uint8_t binder[static HASH_SIZE]);

/* The verdict id: the first 8 bytes of the dialler's random. */
#define VERDICT_ID_SIZE 8

#endif
