/* x509_inside: what x509*.c and tls*.c share. Nobody but they and totp.c sees OpenSSL. */
#ifndef OPENILS_DRIVER_X509_INSIDE_H
#define OPENILS_DRIVER_X509_INSIDE_H

#include "driver/x509.h"

#include <openssl/x509.h>

#define X509_STRENGTH      2 /* OpenSSL's security level: 112 bits, no RSA under 2048, no SHA-1 */
#define X509_SECURITY_BITS 112

/* The first entry of OpenSSL's error queue: reason, library, function; numbers are those of reason
 * and library, and the line in the source, since functions have no numbers any more. */
struct x509_record {
    char text[3][64];
    uint32_t number[3];
};

/* Takes it and empties the queue. False, with *ret as it was, when the queue is empty. */
bool x509_record_take(struct x509_record *ret);

/* SHA-256 without looking the algorithm up again. */
void x509_sha256(const void *p, size_t n, uint8_t ret[static FINGERPRINT_SIZE]);

/* Exactly one certificate, or NULL. */
X509 *x509_parse(struct slice der);

/* Certificates one after the other, at most CERTIFICATE_CHAIN; what follows is left out. NULL: no
 * memory. */
STACK_OF(X509) * x509_parse_chain(struct slice der);
void x509_chain_free(STACK_OF(X509) * chain);

/* x509_facts and x509_verify for what OpenSSL has already read. -1: no memory, or too large. */
int x509_fill(X509 *x, struct x509_report *ret);
int x509_judge(const struct x509_store *store, X509 *leaf, STACK_OF(X509) * chain,
               enum x509_use use, wall at, struct x509_report *ret);

/* Puts the verdict's error into a report made by x509_fill; `text` are OpenSSL's words for it. */
void x509_report_error(struct x509_report *report, int error, int depth, const char *text,
                       const struct x509_record *record);

wall x509_time(const ASN1_TIME *t); /* 0 = none, or not a time */
bool x509_authority(X509 *x);

/* The name in one line, printable ASCII, at most CERTIFICATE_NAME_MAX; bytes written. */
size_t x509_name_line(const X509_NAME *name, char dst[static CERTIFICATE_NAME_MAX + 1]);

/* A new bag, and bytes kept until it is freed (.p = NULL: no memory). */
struct slice x509_bag_keep(struct x509_bag *bag, const void *p, size_t n);
int x509_bag_add(struct x509_bag *bag, X509 *x);
int x509_bag_add_crl(struct x509_bag *bag, X509_CRL *crl);
int x509_bag_key(struct x509_bag *bag, const EVP_PKEY *key);

/* The key of PKCS#8 DER, or NULL. */
EVP_PKEY *x509_key(struct slice der);

#endif
