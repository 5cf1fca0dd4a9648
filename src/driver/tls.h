/* tls: TLS 1.3 over memory, for links: cipher bytes in, plain bytes out, and what the handshake
 * proved. No socket. Mutual, ALPN ils/1 or ils-invite/1, no resumption, no tickets, no 0-RTT. The
 * verification of the other end's certificate records and never aborts: who may come in is the
 * core's decision, after the handshake.
 *
 * An accepting session makes no OpenSSL object before a whole ClientHello (4 KiB at most) is there:
 * a silent connection costs a few hundred bytes. */
#ifndef OPENILS_DRIVER_TLS_H
#define OPENILS_DRIVER_TLS_H

#include "driver/x509.h"

/* Own certificate and trust store, made once per reload and then shared by sessions (counted).
 * Without a leaf (leaf.n = 0) it only dials, and shows no certificate. */
struct tls_context;
struct tls_context_options {
    struct slice leaf, chain, key; /* DER; key PKCS#8 */
    const struct x509_store_item *item;
    size_t item_n;
};
struct tls_context *tls_context_new(const struct tls_context_options *options, char *error,
                                    size_t size);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context);
const struct x509_store *tls_context_store(const struct tls_context *context);

enum tls_state {
    TLS_HELLO,     /* accepting: the ClientHello is not whole yet */
    TLS_HANDSHAKE,
    TLS_UP,        /* finished on this end: tls_session_secured may be asked */
    TLS_ENDED,     /* the other end sent close_notify */
    TLS_FAILED,    /* see tls_session_failure */
};

struct tls_session;
/* name: for SNI when a dialler dialled a name, else NULL. The session keeps a reference. */
struct tls_session *tls_session_new(struct tls_context *context, bool dialler, bool invite,
                                    const char *name);
void tls_session_free(struct tls_session *s);

/* Starts the dialler's handshake, or takes bytes that came from the wire; afterwards the state may
 * have changed, and output and plain may hold something. */
enum tls_state tls_session_input(struct tls_session *s, struct slice cipher);

/* Seals plain bytes (state TLS_UP; otherwise ignored). */
void tls_session_write(struct tls_session *s, struct slice plain);
/* Says close_notify. */
void tls_session_close(struct tls_session *s);

/* What is to be sent (lent until the next input, write or close), and what was opened (lent until
 * the next input); given once. Both also after TLS_FAILED and TLS_ENDED: an alert, and what came
 * before. */
struct slice tls_session_output(struct tls_session *s);
struct slice tls_session_plain(struct tls_session *s);

/* After TLS_UP. Lent until the session is freed or verified again. */
struct tls_secured {
    bool invite;
    uint8_t client_random[32];
    uint8_t exporter[32];         /* label "EXPORTER-ils/1", no context */
    struct slice spki_mine;
    uint8_t mine[FINGERPRINT_SIZE]; /* of the certificate shown by this end */
    struct certificate peer;      /* verified against the context's store, as of `at`, for both
                                     purposes: whoever dials today is dialled tomorrow */
};
void tls_session_secured(struct tls_session *s, wall at, struct tls_secured *ret);
/* The same chain against another context's store (after a reload). */
const struct certificate *tls_session_verify(struct tls_session *s,
                                             const struct tls_context *context, wall at);

/* Why TLS_FAILED: OpenSSL's reason, library and function; the numbers of the first two, and the
 * line for the third (functions have no numbers any more). alert: the other end sent one. */
struct tls_failure {
    bool alert;
    struct slice text[3];
    uint32_t number[3];
};
void tls_session_failure(const struct tls_session *s, struct tls_failure *ret);

#endif
