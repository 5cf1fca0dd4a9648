/* authority: certificates of every kind for the tests, made in the process: whatever a
 * specification says, however wrong. */
#ifndef OPENILS_TEST_AUTHORITY_H
#define OPENILS_TEST_AUTHORITY_H

#include "driver/x509.h"

#include <openssl/x509.h>

#define DAY_S (24 * 3600)

struct spec {
    const char *name;        /* common name */
    const char *san;         /* OpenSSL's form: "DNS:a.example.com,IP:10.0.0.1"; NULL = none */
    const char *constraints; /* basicConstraints; NULL = none */
    const char *usage;       /* keyUsage; NULL = none */
    const char *purposes;    /* extendedKeyUsage; NULL = none */
    const char *limits;      /* nameConstraints; NULL = none */
    const char *key;         /* "P-256" (also for NULL), "RSA1024", "RSA2048", "ED25519" ... */
    const char *digest;      /* "SHA256" for NULL */
    long from_s, to_s;       /* after now; 0, 0 = yesterday to in a year */
    bool unknown_critical;   /* holds a critical extension that nobody knows */
    bool version_1;          /* no extensions at all */
    bool no_key_ids;
};

struct entity {
    X509 *x;
    EVP_PKEY *key;
};

/* issuer NULL: self-signed. key not NULL: that key again. Asserts that all goes well. */
struct entity entity_make(const struct spec *spec, const struct entity *issuer, EVP_PKEY *key);
void entity_free(struct entity *e);

/* Usual ones: a root (or an authority under an issuer), and a leaf with both purposes. */
struct entity entity_authority(const char *name, const struct entity *issuer);
struct entity entity_leaf(const char *name, const struct entity *issuer);

/* Breaks the signature. */
void entity_damage(struct entity *e);

/* A CRL of that issuer that lists one certificate (or none: NULL). */
X509_CRL *crl_make(const struct entity *issuer, const X509 *revoked, long from_s, long to_s);

/* DER, to be freed with free(). */
struct slice entity_der(const struct entity *e);
struct slice entity_key(const struct entity *e);
struct slice crl_der(X509_CRL *crl);

/* now + s */
wall wall_after(long s);

#endif
