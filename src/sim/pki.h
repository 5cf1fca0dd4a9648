/* pki: certificates of the simulated world: bytes that this file makes, reads and judges as the
 * driver's verification would, without cryptography. Modelled are name, key, issuer and dates; a
 * store is whatever view_trust of a core shows. */
#ifndef OPENILS_SIM_PKI_H
#define OPENILS_SIM_PKI_H

#include "core/ils.h"

#define PKI_DER_MAX 320

struct pki {
    uint32_t serial;  /* makes two certificates of one name different */
    uint32_t key;     /* two with the same one are of the same key */
    uint32_t issuer;  /* key of the authority; its own: self-signed */
    bool authority;
    const char *name; /* at most 250 bytes */
    wall not_before, not_after;
};

/* What a struct certificate points into besides its DER form. */
struct pki_memory {
    uint8_t spki[8];
};

/* The bytes of the certificate. */
struct slice pki_der(const struct pki *c, uint8_t der[static PKI_DER_MAX]);

/* Facts of der alone; slices point into der and into *memory. False: it is no certificate. */
bool pki_facts(struct slice der, struct certificate *ret, struct pki_memory *memory);

/* Verified with what lies in the core's trust store, at that time. */
bool pki_verify(const struct ils *ils, struct slice der, wall at, struct certificate *ret,
                struct pki_memory *memory);

/* As one item of a trust store. */
struct trust_item pki_item(struct slice der);

#endif
