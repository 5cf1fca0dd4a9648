/* pki: certificates as the tests of core need them: bytes that this file reads and judges as the
 * driver's verification would, without cryptography. What is modelled: names, dates, issuer,
 * purpose, strength, an intermediate that was left out, an authority that is none or whose path is
 * too long, revocation. A store is whatever view_trust of a core shows. */
#ifndef OPENILS_TEST_CORE_PKI_H
#define OPENILS_TEST_CORE_PKI_H

#include "core/ils.h"
#include "core/view.h"

#define PKI_DER_MAX 512

enum pki_defect {
    PKI_SOUND = 0,
    PKI_WEAK = 1,
    PKI_PURPOSE = 2,      /* one of the two is missing */
    PKI_INTERMEDIATE = 4, /* left out: the issuer in the store is not the one that signed */
    PKI_NO_CA = 8,        /* of an authority: it is none */
    PKI_PATH = 16,        /* of an authority: it allows no chain of this length */
};

struct pki {
    uint32_t serial;      /* makes two certificates of one name different */
    uint32_t key;         /* two with the same one are of the same key */
    uint32_t issuer;      /* key of the authority; its own: self-signed */
    uint32_t defects;
    bool authority;
    const char *name[3];  /* the first is the subject; NULL: no more */
    wall not_before, not_after; /* 0: for ever */
};

/* The bytes of the certificate. */
struct slice pki_der(const struct pki *c, uint8_t der[static PKI_DER_MAX]);
/* The bytes of a CRL of that authority that names this one serial. */
struct slice pki_crl(uint32_t issuer, uint32_t serial, uint8_t der[static PKI_DER_MAX]);

/* Facts of der alone; slices point into der and into *memory. False: it is no certificate. */
struct pki_memory {
    uint8_t spki[8];
};
bool pki_facts(struct slice der, struct certificate *ret, struct pki_memory *memory);
/* Verified with what lies in the core's trust store, at that time. */
bool pki_verify(const struct ils *ils, struct slice der, wall at, struct certificate *ret,
                struct pki_memory *memory);

/* As one item of a trust store. */
struct trust_item pki_item(struct slice der);

#endif
