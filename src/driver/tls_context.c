/* tls_context: what all sessions of one load of certificates share. TLS 1.3 and nothing older, one
 * list of groups and signatures, nothing that resumes. The security level is 0 here on purpose: a
 * weak certificate of the other end must reach the verdict, which refuses it and can say so; an
 * alert could not. x509_verify has the real level. */
#include "driver/tls_inside.h"
#include "driver/x509_inside.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATES_MAX (32 * 1024) /* bytes of the certificates that an end may show */

static const char groups[] = "X25519:P-256:P-384";

/* The last three are for signatures inside certificates only; TLS 1.3 itself does not use them. */
static const char signatures[] =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:"
    "rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:"
    "RSA+SHA384:RSA+SHA512";

struct slice tls_alpn(bool invite)
{
    return invite ? slice_of("\x0cils-invite/1") : slice_of("\x05ils/1");
}

/* Records nothing and passes all: the judging comes after the handshake, with the same objects.
 * Only what could not be kept as evidence ends the handshake here. */
static int on_verify(X509_STORE_CTX *ctx, void *context)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
    bool good = leaf == NULL || i2d_X509(leaf, NULL) <= CERTIFICATE_MAX;
    X509_STORE_CTX_set_error(ctx, good ? X509_V_OK : X509_V_ERR_CERT_CHAIN_TOO_LONG);
    return good;
}

/* Without ALPN in the hello, OpenSSL would not even ask on_alpn. */
static int on_hello(SSL *ssl, int *alert, void *context)
{
    const unsigned char *list;
    size_t n;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &list,
                                  &n) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_APPLICATION_PROTOCOL);
    return SSL_CLIENT_HELLO_ERROR;
}

static int on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_n,
                   const unsigned char *list, unsigned int n, void *context)
{
    for (unsigned int at = 0; at < n && list[at] < n - at; at += list[at] + 1u) {
        for (int invite = 0; invite < 2; invite++) {
            if (slice_eq(tls_alpn(invite), slice_make(list + at, list[at] + 1u))) {
                *ret = list + at + 1;
                *ret_n = list[at];
                return SSL_TLSEXT_ERR_OK;
            }
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_up(SSL_CTX *ssl)
{
    SSL_CTX_set_security_level(ssl, 0);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ssl, CERTIFICATES_MAX);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, on_verify, NULL);
    SSL_CTX_set_client_hello_cb(ssl, on_hello, NULL);
    SSL_CTX_set_alpn_select_cb(ssl, on_alpn, NULL);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ssl, 0) == 1 && SSL_CTX_set_max_early_data(ssl, 0) == 1 &&
           SSL_CTX_set1_groups_list(ssl, groups) == 1 &&
           SSL_CTX_set1_sigalgs_list(ssl, signatures) == 1;
}

/* A sentence when the certificate, its key or its chain cannot be used. */
static const char *show(struct tls_context *context, const struct tls_context_options *o)
{
    const char *wrong = NULL;
    X509 *leaf = x509_parse(o->leaf);
    EVP_PKEY *key = x509_key(o->key);
    STACK_OF(X509) *chain = x509_parse_chain(o->chain);
    if (leaf == NULL || chain == NULL || x509_fill(leaf, &context->mine) < 0)
        wrong = "the own certificate cannot be read";
    else if (key == NULL)
        wrong = "the key of the own certificate cannot be read";
    else if (X509_check_private_key(leaf, key) != 1)
        wrong = "the key is not that of the own certificate";
    else if (SSL_CTX_use_cert_and_key(context->ssl, leaf, key, chain, 1) != 1)
        wrong = "TLS cannot use the own certificate";
    x509_chain_free(chain);
    EVP_PKEY_free(key);
    X509_free(leaf);
    return wrong;
}

struct tls_context *tls_context_new(const struct tls_context_options *options, char *error,
                                    size_t size)
{
    struct x509_record record = {.text = {""}};
    const char *wrong = NULL;
    struct tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        snprintf(error, size, "no memory for TLS");
        return NULL;
    }
    atomic_init(&context->references, 1);
    ERR_clear_error();
    context->store = x509_store_new(options->item, options->item_n);
    context->ssl = SSL_CTX_new(TLS_method());
    if (context->store == NULL || context->ssl == NULL || !set_up(context->ssl))
        wrong = "TLS cannot be set up";
    else if (options->leaf.n != 0)
        wrong = show(context, options);
    if (wrong == NULL)
        return context;
    bool known = x509_record_take(&record);
    snprintf(error, size,
             "%s%s%s%s: make a new one (ils cert renew), or install one (ils cert "
             "install)",
             wrong, known ? " (" : "", record.text[0], known ? ")" : "");
    tls_context_unref(context);
    return NULL;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
    atomic_fetch_add(&context->references, 1);
    return context;
}

void tls_context_unref(struct tls_context *context)
{
    if (context == NULL || atomic_fetch_sub(&context->references, 1) != 1)
        return;
    SSL_CTX_free(context->ssl);
    x509_store_free(context->store);
    x509_report_free(&context->mine);
    free(context);
}

const struct x509_store *tls_context_store(const struct tls_context *context)
{
    return context->store;
}
