/* x509: certificates as files and as facts: reading (PEM, DER, chains, PKCS#7, PKCS#12, CRLs),
 * making, asking an authority to sign, verifying against a store. OpenSSL 3.0 does the work; nobody
 * outside x509*.c and tls*.c sees it. Every error is a sentence that names place and remedy. */
#ifndef OPENILS_DRIVER_X509_H
#define OPENILS_DRIVER_X509_H

#include "base/certificate.h"

#define X509_FILE_MAX  (1024 * 1024) /* bytes of a file that is read */
#define X509_ITEMS_MAX 256           /* certificates and CRLs in one file */
#define X509_ERROR     512

/* What a file held; free with x509_bag_free. Slices live as long as the bag. */
struct x509_item {
    bool crl;
    struct slice der;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct slice subject;     /* of a CRL: its issuer */
    wall not_before, not_after; /* of a CRL: last and next update, 0 = none */
    bool authority, self_signed;
};
struct x509_bag {
    struct x509_item *item;
    size_t n;
    struct slice key;         /* PKCS#8 DER; n = 0: none. Wiped when freed */
    void *memory;
};

/* Reads PEM (any number of blocks, words between them ignored), DER or PKCS#12; what is there twice
 * is taken once. password is for PKCS#12 and encrypted keys, NULL = none given. 0, or -1 with
 * nothing in the bag: error says what the bytes are not, at which block, and what to do ("give
 * --password-file FILE" where a password is missing or wrong). */
int x509_read(struct slice bytes, const char *password, struct x509_bag *ret, char *error,
              size_t size);
void x509_bag_free(struct x509_bag *bag);

/* One certificate with its facts (names, dates, self_signed ...; not imported/chained/error), DER.
 * The slices point into memory of the report. 0, or -1: not one certificate of CERTIFICATE_MAX
 * bytes at most (then there is nothing to free). */
struct x509_report {
    struct certificate certificate;
    struct slice issuer; /* in one line, as RFC 2253 has it; by x509_facts alone */
    void *memory;
};
int x509_facts(struct slice der, struct x509_report *ret);
void x509_report_free(struct x509_report *report);

/* Makes an EC P-256 key (or keeps `key`, PKCS#8 DER, where key.n != 0) and a self-signed
 * certificate for it: CN and SAN fqdn, more names allowed (DNS or numeric address), CA:FALSE,
 * client and server purpose, valid from now - 5 min for `days` (1..36500). The bag holds one
 * certificate and the key. */
int x509_make(const char *fqdn, const char *const *more, size_t more_n, struct slice key, int days,
              struct x509_bag *ret, char *error, size_t size);

/* A PKCS#10 request in PEM for the key (both purposes asked for), to be freed with free(). */
char *x509_request(struct slice key, const char *fqdn, const char *const *more, size_t more_n,
                   char *error, size_t size);

/* Judges what a file held as one's own certificate: -1 with a sentence when no certificate fits the
 * key, the fqdn is not among the names, a purpose is missing, it has expired or is not valid yet,
 * key or signature is weak. `force` accepts all but a key that does not fit. Then item[] is leaf
 * and chain alone: item[0] the certificate whose key that is, its issuers in order, the rest
 * dropped. */
int x509_own(struct x509_bag *bag, const char *fqdn, bool force, char *error, size_t size);

/* The trust store, built once and then only read. Authorities (of kind certificate) may end a
 * chain, also those that are no roots; every certificate in it counts as imported, and so does
 * another one with its key, unless that key's certificate is revoked. A CRL only revokes: one that
 * is over its next update still does, and none at all is no fault. A later one takes the place of
 * an earlier one where its signature holds by a key that is known. A bad item is left out. */
struct x509_store;
struct x509_store_item {
    bool crl;
    struct slice der;
    bool leaf; /* ends no chain, even if it says that it is an authority */
};
struct x509_store *x509_store_new(const struct x509_store_item *item, size_t n);
void x509_store_free(struct x509_store *store);

/* Is each CRL among them signed by an authority among them, wherever one of its name is there? -1
 * with a sentence that names the first that is not. */
int x509_crls_hold(const struct x509_store_item *item, size_t n, char *error, size_t size);

enum x509_use { X509_AS_SERVER = 1, X509_AS_CLIENT = 2, X509_AS_BOTH = 3 };

/* Verifies leaf and chain (DER, one after the other, untrusted) for that use at time `at`, and
 * fills in a report with all facts. Never "aborts": whatever is wrong is in certificate.error and
 * the rest. The order of what is reported, when several things are wrong: not a chain (2, 18 to 21)
 * before anything else; then OpenSSL's own order, with the second purpose (26) and revocation (23)
 * after the strength of keys and before signatures and dates. 0, or -1 when the leaf is no
 * certificate at all, or there is no memory (then there is nothing to free). */
int x509_verify(const struct x509_store *store, struct slice leaf, struct slice chain,
                enum x509_use use, wall at, struct x509_report *ret);

#endif
