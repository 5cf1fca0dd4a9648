/* tls_inside: what tls.c and tls_context.c share. */
#ifndef OPENILS_DRIVER_TLS_INSIDE_H
#define OPENILS_DRIVER_TLS_INSIDE_H

#include "driver/tls.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

struct tls_context {
    atomic_uint references;
    SSL_CTX *ssl;
    struct x509_store *store;
    struct x509_report mine; /* memory = NULL: no certificate, for dialling without one */
    const char *protocol;    /* of a door: its name in ALPN, static; NULL: any */
};

/* The name that a conversation has in ALPN, after its length byte. */
struct slice tls_alpn(bool invite);

#endif
