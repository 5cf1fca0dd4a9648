/* certificate: what the driver found out about a certificate and its chain, as plain data. The
 * driver reads and verifies (OpenSSL); the core judges. Slices belong to whoever made the struct.
 *
 * Two questions are answered apart from each other. Is the certificate itself, or another one with
 * the same key, in the trust store (`imported`)? It is then its own anchor: only its dates, purpose
 * and strength are checked. If not: does a chain lead to an authority in the store (`chained`)?
 * Either way `error` is the first thing that is wrong, 0 when nothing is. */
#ifndef OPENILS_BASE_CERTIFICATE_H
#define OPENILS_BASE_CERTIFICATE_H

#include "base/slice.h"
#include "base/tick.h"

#define FINGERPRINT_SIZE     32   /* SHA-256 of the DER form */
#define CERTIFICATE_MAX      8192 /* bytes of one certificate, DER */
#define CERTIFICATE_CHAIN    8    /* certificates that follow the leaf */
#define CERTIFICATE_NAMES    16   /* of the SAN that are looked at */
#define CERTIFICATE_NAME_MAX 253

/* X509_V_ERR_* of OpenSSL that mean something to the core; fixed numbers, shown in the trace. */
enum certificate_error {
    CERTIFICATE_OK = 0,
    CERTIFICATE_NO_ISSUER = 2,
    CERTIFICATE_NOT_YET_VALID = 9,
    CERTIFICATE_EXPIRED = 10,
    CERTIFICATE_SELF_SIGNED = 18,
    CERTIFICATE_SELF_SIGNED_IN_CHAIN = 19,
    CERTIFICATE_NO_ISSUER_LOCALLY = 20,
    CERTIFICATE_LEAF_UNVERIFIED = 21,
    CERTIFICATE_REVOKED = 23,
    CERTIFICATE_ISSUER_NO_CA = 24,
    CERTIFICATE_PATH_LENGTH = 25,
    CERTIFICATE_PURPOSE = 26,
    CERTIFICATE_ISSUER_NO_SIGN = 32,
    CERTIFICATE_WEAK_KEY = 66,
    CERTIFICATE_WEAK_CA_KEY = 67,
    CERTIFICATE_WEAK_HASH = 68,
    CERTIFICATE_ISSUER_NO_CA_2 = 79,
};

struct certificate {
    bool present;          /* false: none was shown, the rest means nothing */
    struct slice der;      /* the leaf */
    struct slice spki;     /* its SubjectPublicKeyInfo, DER */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    /* DNS names and addresses (as text) of the SAN; the common name when there is no SAN. Never
     * more than CERTIFICATE_NAMES; lower case, printable. */
    struct slice name[CERTIFICATE_NAMES];
    size_t name_n;
    struct slice subject;  /* for people: the first name, else the subject in one line */
    wall not_before, not_after; /* of the leaf */
    wall ends;             /* the earliest end date of the chain that passed, else not_after */
    bool self_signed;
    bool authority;        /* may sign others (basicConstraints CA, or version 1 self-signed) */
    bool imported, chained;
    uint16_t error;        /* enum certificate_error or another X509_V_ERR_* */
    uint8_t depth;         /* of the certificate with the error; 0 = the leaf */
    struct slice error_text;    /* OpenSSL's own words for it */
    /* OpenSSL's error record of the refusal: reason, library, function, and their numbers. */
    struct slice record[3];
    uint32_t record_n[3];
};

/* Bytes of the first of several certificates in DER, one after the other; all when it is none. */
size_t certificate_der_size(struct slice ders);

/* Whether the certificate holds that name (case does not matter; "*.rest" covers one label). */
bool certificate_names(const struct certificate *c, struct slice name);

#endif
