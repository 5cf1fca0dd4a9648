/* x509_own: is what a file held fit to be one's own certificate? Asked before it is put to use:
 * each fault found here would otherwise be found by every neighbour. */
#include "driver/x509_inside.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

/* The certificates of the bag, read again, in its order; those that are none are NULL. */
struct candidates {
    X509 *x[X509_ITEMS_MAX];
    bool used[X509_ITEMS_MAX];
    size_t n;
};

/* The next of the chain after `last`: its issuer, if there is one that is not in use. */
static size_t find_issuer(const struct candidates *c, X509 *last)
{
    size_t i = 0;
    if (X509_self_signed(last, 0) == 1)
        return c->n;
    while (i < c->n &&
           (c->x[i] == NULL || c->used[i] || X509_check_issued(c->x[i], last) != X509_V_OK ||
            X509_verify(last, X509_get0_pubkey(c->x[i])) != 1))
        i++;
    return i;
}

/* Puts the leaf at `at` and its chain first, and drops the rest. */
static void arrange(struct x509_bag *bag, struct candidates *c, size_t at)
{
    struct x509_item chain[1 + CERTIFICATE_CHAIN];
    size_t n = 0;
    while (at < c->n && n < sizeof chain / sizeof *chain) {
        c->used[at] = true;
        chain[n++] = bag->item[at];
        at = find_issuer(c, c->x[at]);
    }
    for (size_t i = 0; i < n; i++)
        bag->item[i] = chain[i];
    bag->n = n;
}

static void day(wall t, char dst[static 25])
{
    wall_text(dst, t);
    dst[10] = '\0';
}

/* What is wrong with the leaf as one's own, as a sentence with its remedy. */
static int judge(X509 *x, const char *fqdn, char *error, size_t size)
{
    static const char sign[] = "have the authority sign a new one (ils cert csr)";
    struct x509_report report;
    int bits = 0, ret = -1;
    char text[25];
    if (x509_fill(x, &report) < 0) {
        snprintf(error, size, "the certificate is larger than %d bytes: %s", CERTIFICATE_MAX, sign);
        return -1;
    }
    const struct certificate *c = &report.certificate;
    wall now = (wall)time(NULL) * TICK_S;
    X509_get_signature_info(x, NULL, NULL, &bits, NULL);
    if (!certificate_names(c, slice_of(fqdn)))
        snprintf(error, size,
                 "the certificate names %.*s, not %s: %s, or change the name of this cluster (ils "
                 "describe --fqdn NAME)",
                 (int)c->subject.n, (const char *)c->subject.p, fqdn, sign);
    else if (X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0) != 1 ||
             X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0) != 1)
        snprintf(error, size,
                 "the certificate is not for both server and client authentication: %s with both "
                 "purposes",
                 sign);
    else if (c->not_after <= now) {
        day(c->not_after, text);
        snprintf(error, size, "the certificate expired on %s: %s", text, sign);
    } else if (c->not_before > now) {
        day(c->not_before, text);
        snprintf(error, size,
                 "the certificate is not valid before %s: set the clock right if it is wrong, else "
                 "%s",
                 text, sign);
    } else if (EVP_PKEY_get_security_bits(X509_get0_pubkey(x)) < X509_SECURITY_BITS)
        snprintf(error, size,
                 "the key of the certificate is too weak: make a new one (ils cert renew), then %s",
                 sign);
    else if (!c->self_signed && bits < X509_SECURITY_BITS)
        snprintf(error, size,
                 "the certificate is signed in a way that is too weak (SHA-1 or MD5): %s with "
                 "SHA-256",
                 sign);
    else
        ret = 0;
    x509_report_free(&report);
    return ret;
}

int x509_own(struct x509_bag *bag, const char *fqdn, bool force, char *error, size_t size)
{
    struct candidates c = {.n = bag->n};
    EVP_PKEY *key = x509_key(bag->key);
    size_t at = 0;
    int wrong = -1;
    for (size_t i = 0; i < bag->n; i++)
        c.x[i] = bag->item[i].crl ? NULL : x509_parse(bag->item[i].der);
    while (at < c.n &&
           (c.x[at] == NULL || key == NULL || X509_check_private_key(c.x[at], key) != 1))
        at++;
    if (bag->key.n == 0)
        snprintf(error, size,
                 "there is no private key: put it into the same file, as PEM or PKCS#12");
    else if (key == NULL)
        snprintf(error, size,
                 "the private key cannot be read: give one of type EC, RSA or Ed25519");
    else if (at == c.n)
        snprintf(error, size,
                 "no certificate fits the key: give the key from which the request was made (ils "
                 "cert csr), with the certificate that came back");
    else if (force || judge(c.x[at], fqdn, error, size) == 0) {
        arrange(bag, &c, at);
        wrong = 0;
    }
    for (size_t i = 0; i < c.n; i++)
        X509_free(c.x[i]);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return wrong;
}
