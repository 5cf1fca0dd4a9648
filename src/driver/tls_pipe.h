/* tls_pipe: what an SSL object reads and writes, in memory: it reads the caller's own bytes where
 * they lie, and writes into a buffer that goes when it has become large. OpenSSL's memory BIO
 * copies what comes in, and wipes all that it ever grew to with each message that leaves. */
#ifndef OPENILS_DRIVER_TLS_PIPE_H
#define OPENILS_DRIVER_TLS_PIPE_H

#include "base/slice.h"

#include <openssl/bio.h>
#include <stddef.h>
#include <stdint.h>

struct tls_pipe {
    struct slice in; /* not yet read; the caller's: whoever calls the SSL object sets it first */
    uint8_t *out;    /* written, and not yet taken */
    size_t out_n, out_size;
};

/* A BIO, for reading and writing, over p, which must outlive it; NULL: no memory. */
BIO *tls_pipe_bio(struct tls_pipe *p);

/* What was written is taken. */
void tls_pipe_reset(struct tls_pipe *p);

/* Frees what it holds, not p. */
void tls_pipe_done(struct tls_pipe *p);

#endif
