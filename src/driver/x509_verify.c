/* x509_verify: is a certificate good, by this trust store? OpenSSL builds and checks the chain; we
 * add three things in its course: the second purpose, revocation, and a verdict that records.
 *
 * Revocation is ours because OpenSSL's way has no answer for an imported certificate, whose issuer
 * is in no chain, and takes a missing or old CRL for a fault. Here a CRL in the store is the
 * operator's word: it can only revoke, and its signature is verified when it does. */
#include "driver/x509_inside.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct x509_store {
    X509_STORE *anchors;
    STACK_OF(X509) * authority;
    STACK_OF(X509_CRL) * crl;
    /* Sorted: SHA-256 of the SubjectPublicKeyInfo of every certificate that is not revoked, and of
     * the whole of each that is. */
    uint8_t (*key)[FINGERPRINT_SIZE];
    size_t key_n;
};

/* One verification under way. */
struct judge {
    const struct x509_store *store;
    enum x509_use use;
    int error, depth;
};

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, FINGERPRINT_SIZE);
}

static bool key_hash(const X509 *x, uint8_t ret[static FINGERPRINT_SIZE])
{
    uint8_t *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    if (n > 0)
        x509_sha256(der, (size_t)n, ret);
    OPENSSL_free(der);
    return n > 0;
}

/* No chain to an authority: said before anything else, and nothing more is looked at. */
static bool is_no_chain(int error)
{
    return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

static void record(struct judge *j, int error, int depth)
{
    if (j->error == X509_V_OK || (is_no_chain(error) && !is_no_chain(j->error))) {
        j->error = error;
        j->depth = depth;
    }
}

/* OpenSSL looks for the chain first, with one exception: the leaf's own strength comes before. */
static int on_error(int ok, X509_STORE_CTX *ctx)
{
    if (ok)
        return 1;
    int error = X509_STORE_CTX_get_error(ctx);
    record(X509_STORE_CTX_get_app_data(ctx), error, X509_STORE_CTX_get_error_depth(ctx));
    if (error != X509_V_ERR_EE_KEY_TOO_SMALL)
        return 0;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

enum crl_word { CRL_FALSE, CRL_UNASKED, CRL_TRUE };

/* Was the CRL signed by that issuer, or by an authority of its name in the store? Unasked: there is
 * none. */
static enum crl_word crl_word(const struct x509_store *s, X509_CRL *crl, X509 *issuer)
{
    if (issuer != NULL)
        return X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1 ? CRL_TRUE : CRL_FALSE;
    enum crl_word word = CRL_UNASKED;
    for (int i = 0; i < sk_X509_num(s->authority); i++) {
        X509 *x = sk_X509_value(s->authority, i);
        if (X509_NAME_cmp(X509_get_subject_name(x), X509_CRL_get_issuer(crl)) != 0)
            continue;
        if (X509_CRL_verify(crl, X509_get0_pubkey(x)) == 1)
            return CRL_TRUE;
        word = CRL_FALSE;
    }
    return word;
}

/* Does it claim to take the place of an earlier one: of the same issuer and key, and neither speaks
 * only of a part? */
static bool supersedes(const X509_CRL *newer, const X509_CRL *older)
{
    static const int partial[] = {NID_issuing_distribution_point, NID_delta_crl};
    if (X509_NAME_cmp(X509_CRL_get_issuer(newer), X509_CRL_get_issuer(older)) != 0 ||
        x509_time(X509_CRL_get0_lastUpdate(newer)) <= x509_time(X509_CRL_get0_lastUpdate(older)))
        return false;
    for (size_t i = 0; i < sizeof partial / sizeof *partial; i++)
        if (X509_CRL_get_ext_by_NID(newer, partial[i], -1) >= 0 ||
            X509_CRL_get_ext_by_NID(older, partial[i], -1) >= 0)
            return false;
    int a = X509_CRL_get_ext_by_NID(newer, NID_authority_key_identifier, -1);
    int b = X509_CRL_get_ext_by_NID(older, NID_authority_key_identifier, -1);
    return a >= 0 && b >= 0 &&
           ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_CRL_get_ext(newer, a)),
                                 X509_EXTENSION_get_data(X509_CRL_get_ext(older, b))) == 0;
}

/* A claim counts with a signature that holds: without one, anybody's file would un-revoke. The
 * later CRLs come first in the store. */
static bool is_superseded(const struct x509_store *s, int at, X509 *issuer)
{
    const X509_CRL *older = sk_X509_CRL_value(s->crl, at);
    for (int i = 0; i < at; i++) {
        X509_CRL *newer = sk_X509_CRL_value(s->crl, i);
        if (supersedes(newer, older) && crl_word(s, newer, issuer) == CRL_TRUE)
            return true;
    }
    return false;
}

static bool is_revoked(const struct x509_store *s, X509 *x, X509 *issuer)
{
    for (int i = 0; i < sk_X509_CRL_num(s->crl); i++) {
        X509_CRL *crl = sk_X509_CRL_value(s->crl, i);
        X509_REVOKED *entry;
        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(x)) == 0 &&
            X509_CRL_get0_by_cert(crl, &entry, x) == 1 &&
            crl_word(s, crl, issuer) != CRL_FALSE && !is_superseded(s, i, issuer))
            return true;
    }
    return false;
}

/* Called by OpenSSL once the chain stands and its extensions and strength have passed. */
static int check_more(X509_STORE_CTX *ctx)
{
    struct judge *j = X509_STORE_CTX_get_app_data(ctx);
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    for (int i = 0; i < sk_X509_num(chain) && j->use == X509_AS_BOTH; i++)
        if (X509_check_purpose(sk_X509_value(chain, i), X509_PURPOSE_SSL_CLIENT, i > 0) == 0)
            record(j, X509_V_ERR_INVALID_PURPOSE, i);
    for (int i = 0; i < sk_X509_num(chain) && sk_X509_CRL_num(j->store->crl) > 0; i++)
        if (is_revoked(j->store, sk_X509_value(chain, i), sk_X509_value(chain, i + 1)))
            record(j, X509_V_ERR_CERT_REVOKED, i);
    return j->error == X509_V_OK;
}

static bool add_crl(struct x509_store *s, struct slice der)
{
    const uint8_t *p = der.p;
    X509_CRL *crl = der.n <= X509_FILE_MAX ? d2i_X509_CRL(NULL, &p, (long)der.n) : NULL;
    bool wrong = crl != NULL && sk_X509_CRL_push(s->crl, crl) == 0;
    if (wrong)
        X509_CRL_free(crl);
    return !wrong;
}

static int later_first(const X509_CRL *const *a, const X509_CRL *const *b)
{
    wall first = x509_time(X509_CRL_get0_lastUpdate(*a));
    wall second = x509_time(X509_CRL_get0_lastUpdate(*b));
    return (first < second) - (first > second);
}

static bool add_certificate(struct x509_store *s, struct slice der, bool leaf)
{
    X509 *x = x509_parse(der);
    bool wrong = false;
    if (x != NULL && !leaf && x509_authority(x)) {
        wrong = X509_STORE_add_cert(s->anchors, x) != 1 || sk_X509_push(s->authority, x) == 0;
        if (!wrong)
            return true;
    }
    X509_free(x);
    return !wrong;
}

/* Of a revoked certificate nothing but itself is known: its key is in other hands, perhaps. Asked
 * when authorities and CRLs are all there. */
static void add_key(struct x509_store *s, struct slice der)
{
    X509 *x = x509_parse(der);
    if (x != NULL && is_revoked(s, x, NULL)) {
        x509_sha256(der.p, der.n, s->key[s->key_n++]);
    } else if (x != NULL && key_hash(x, s->key[s->key_n])) {
        s->key_n++;
    }
    X509_free(x);
}

struct x509_store *x509_store_new(const struct x509_store_item *item, size_t n)
{
    struct x509_store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->anchors = X509_STORE_new();
    s->authority = sk_X509_new_null();
    s->crl = sk_X509_CRL_new(later_first);
    s->key = calloc(n + 1, sizeof *s->key);
    bool good = s->anchors != NULL && s->authority != NULL && s->crl != NULL && s->key != NULL;
    for (size_t i = 0; i < n && good; i++)
        good = item[i].crl ? add_crl(s, item[i].der)
                           : add_certificate(s, item[i].der, item[i].leaf);
    if (good)
        sk_X509_CRL_sort(s->crl);
    for (size_t i = 0; i < n && good; i++)
        if (!item[i].crl)
            add_key(s, item[i].der);
    ERR_clear_error();
    if (!good) {
        x509_store_free(s);
        return NULL;
    }
    qsort(s->key, s->key_n, sizeof *s->key, compare_keys);
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(s->anchors);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_auth_level(param, X509_STRENGTH);
    X509_VERIFY_PARAM_set_depth(param, CERTIFICATE_CHAIN);
    X509_STORE_set_verify_cb(s->anchors, on_error);
    X509_STORE_set_check_revocation(s->anchors, check_more);
    return s;
}

void x509_store_free(struct x509_store *s)
{
    if (s == NULL)
        return;
    X509_STORE_free(s->anchors);
    x509_chain_free(s->authority);
    sk_X509_CRL_pop_free(s->crl, X509_CRL_free);
    free(s->key);
    free(s);
}

int x509_crls_hold(const struct x509_store_item *item, size_t n, char *error, size_t size)
{
    char name[CERTIFICATE_NAME_MAX + 1];
    struct x509_store *s = x509_store_new(item, n);
    const X509_CRL *bad = NULL;
    if (s == NULL) {
        snprintf(error, size, "there is no memory for it: try again");
        return -1;
    }
    for (int i = 0; i < sk_X509_CRL_num(s->crl) && bad == NULL; i++)
        if (crl_word(s, sk_X509_CRL_value(s->crl, i), NULL) == CRL_FALSE)
            bad = sk_X509_CRL_value(s->crl, i);
    if (bad != NULL) {
        x509_name_line(X509_CRL_get_issuer(bad), name);
        snprintf(error, size, "the CRL of %s is not signed by the authority of that name in the "
                 "trust store: fetch it again from the authority, or import the certificate of its "
                 "new key first", name);
    }
    x509_store_free(s);
    ERR_clear_error();
    return bad == NULL ? 0 : -1;
}

/* OpenSSL 3 writes "self-signed"; whoever reads traces looks for the original's form. */
static const char *error_words(int error)
{
    switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return "self signed certificate";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "self signed certificate in certificate chain";
    default: return X509_verify_cert_error_string(error);
    }
}

static void conclude(X509_STORE_CTX *ctx, const struct judge *j, struct x509_report *ret)
{
    struct certificate *c = &ret->certificate;
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    c->chained = !c->imported && X509_STORE_CTX_get_num_untrusted(ctx) < sk_X509_num(chain) &&
                 !is_no_chain(j->error);
    if (j->error == X509_V_OK) {
        for (int i = 0; i < sk_X509_num(chain); i++) {
            wall end = x509_time(X509_get0_notAfter(sk_X509_value(chain, i)));
            c->ends = end < c->ends ? end : c->ends;
        }
        return;
    }
    struct x509_record record = {.number = {0}};
    ERR_clear_error();
    ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
    x509_record_take(&record);
    x509_report_error(ret, j->error, j->depth, error_words(j->error), &record);
}

static int run(X509_STORE_CTX *ctx, STACK_OF(X509) * itself, struct judge *j, wall at,
               struct x509_report *ret)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_purpose(param, (j->use & X509_AS_SERVER) != 0 ? X509_PURPOSE_SSL_SERVER
                                                                        : X509_PURPOSE_SSL_CLIENT);
    X509_VERIFY_PARAM_set_time(param, (time_t)(at / TICK_S));
    X509_STORE_CTX_set_app_data(ctx, j);
    if (ret->certificate.imported)
        X509_STORE_CTX_set0_trusted_stack(ctx, itself);
    int passed = X509_verify_cert(ctx);
    if (passed < 0 && j->error == X509_V_OK)
        return -1;
    if (passed != 1 && j->error == X509_V_OK)
        record(j, X509_STORE_CTX_get_error(ctx), X509_STORE_CTX_get_error_depth(ctx));
    if (passed != 1 && j->error == X509_V_OK)
        record(j, X509_V_ERR_UNSPECIFIED, 0);
    conclude(ctx, j, ret);
    return 0;
}

static bool knows(const struct x509_store *s, const uint8_t *hash)
{
    return bsearch(hash, s->key, s->key_n, sizeof *s->key, compare_keys) != NULL;
}

int x509_judge(const struct x509_store *store, X509 *leaf, STACK_OF(X509) * chain,
               enum x509_use use, wall at, struct x509_report *ret)
{
    struct judge j = {.store = store, .use = use};
    uint8_t key[FINGERPRINT_SIZE];
    if (x509_fill(leaf, ret) < 0)
        return -1;
    x509_sha256(ret->certificate.spki.p, ret->certificate.spki.n, key);
    ret->certificate.imported = knows(store, key) || knows(store, ret->certificate.fingerprint);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *itself = sk_X509_new_null();
    int wrong = -1;
    if (ctx != NULL && itself != NULL && sk_X509_push(itself, leaf) != 0 &&
        X509_STORE_CTX_init(ctx, store->anchors, leaf, ret->certificate.imported ? NULL : chain) ==
            1)
        wrong = run(ctx, itself, &j, at, ret);
    X509_STORE_CTX_free(ctx);
    sk_X509_free(itself);
    ERR_clear_error();
    if (wrong != 0)
        x509_report_free(ret);
    return wrong;
}

int x509_verify(const struct x509_store *store, struct slice leaf, struct slice chain,
                enum x509_use use, wall at, struct x509_report *ret)
{
    *ret = (struct x509_report){.memory = NULL};
    X509 *x = x509_parse(leaf);
    STACK_OF(X509) *others = x != NULL ? x509_parse_chain(chain) : NULL;
    int wrong = others == NULL ? -1 : x509_judge(store, x, others, use, at, ret);
    x509_chain_free(others);
    X509_free(x);
    return wrong;
}
