/* tls_door: the context of a door. Nothing resumes, nothing is negotiated twice, and OpenSSL itself
 * judges the clients' certificates: at a door there is nobody else who would. */
#include "driver/tls_door.h"
#include "driver/tls_inside.h"
#include "driver/x509_inside.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATES_MAX (32 * 1024) /* bytes of the certificates that a client may show */

/* Forward secret and authenticated; TLS 1.3 has no others. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
/* The first that the library knows: one with OpenSSL 3.5 exchanges keys post-quantum as well. */
static const char *const groups[] = {"X25519MLKEM768:X25519:P-256:P-384", "X25519:P-256:P-384"};

static int on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_n,
                   const unsigned char *list, unsigned int n, void *context)
{
    struct slice wanted = slice_of(((struct tls_context *)context)->protocol);
    for (unsigned int at = 0; at < n && list[at] < n - at; at += list[at] + 1u) {
        if (slice_eq(wanted, slice_make(list + at + 1, list[at]))) {
            *ret = list + at + 1;
            *ret_n = list[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL; /* meant for another server (ALPACA) */
}

static bool set_groups(SSL_CTX *ssl)
{
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (SSL_CTX_set1_groups_list(ssl, groups[i]) == 1)
            return true;
    return false;
}

static bool set_up(SSL_CTX *ssl)
{
    SSL_CTX_set_security_level(ssl, X509_STRENGTH);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ssl, CERTIFICATES_MAX);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ssl, 0) == 1 && SSL_CTX_set_max_early_data(ssl, 0) == 1 &&
           SSL_CTX_set_cipher_list(ssl, ciphers) == 1 && set_groups(ssl);
}

/* Each of them is an anchor, also one that is no root. */
static const char *want_clients(SSL_CTX *ssl, struct slice der)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl);
    while (der.n > 0) {
        size_t n = certificate_der_size(der);
        X509 *x = x509_parse(slice_make(der.p, n));
        bool good = x != NULL && X509_STORE_add_cert(store, x) == 1 &&
                    (!x509_authority(x) || SSL_CTX_add_client_CA(ssl, x) == 1);
        X509_free(x);
        if (!good)
            return "a certificate of the clients cannot be used";
        der = slice_make(der.p + n, der.n - n);
    }
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return NULL;
}

static const char *show(struct tls_context *context, const struct tls_door_options *o)
{
    const char *wrong = NULL;
    X509 *leaf = x509_parse(o->leaf);
    EVP_PKEY *key = x509_key(o->key);
    STACK_OF(X509) *chain = x509_parse_chain(o->chain);
    if (leaf == NULL || chain == NULL || key == NULL)
        wrong = "the certificate or its key cannot be read";
    else if (SSL_CTX_use_cert_and_key(context->ssl, leaf, key, chain, 1) != 1)
        wrong = "TLS cannot use the certificate with this key";
    x509_chain_free(chain);
    EVP_PKEY_free(key);
    X509_free(leaf);
    return wrong;
}

struct tls_context *tls_door_context(const struct tls_door_options *o, char *error, size_t size)
{
    struct x509_record record = {.text = {""}};
    const char *wrong = NULL;
    struct tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        snprintf(error, size, "there is no memory for TLS");
        return NULL;
    }
    atomic_init(&context->references, 1);
    ERR_clear_error();
    context->protocol = o->protocol;
    context->ssl = SSL_CTX_new(TLS_server_method());
    if (context->ssl == NULL || !set_up(context->ssl))
        wrong = "TLS cannot be set up";
    if (wrong == NULL)
        wrong = show(context, o);
    if (wrong == NULL && o->clients.n > 0)
        wrong = want_clients(context->ssl, o->clients);
    if (wrong == NULL) {
        if (o->protocol != NULL)
            SSL_CTX_set_alpn_select_cb(context->ssl, on_alpn, context);
        ERR_clear_error();
        return context;
    }
    bool known = x509_record_take(&record);
    snprintf(error, size, "%s%s%s%s", wrong, known ? " (" : "", record.text[0], known ? ")" : "");
    tls_context_unref(context);
    return NULL;
}
