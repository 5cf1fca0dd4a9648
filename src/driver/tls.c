/* tls: one session over a BIO in memory (tls_pipe.h). Bytes go in and come out; what OpenSSL says
 * in between is turned into five states. Its error queue is empty before and after each call. */
#include "driver/tls_inside.h"
#include "driver/tls_pipe.h"
#include "driver/x509_inside.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_HEADER  5
#define HELLO_MAX      4096              /* bytes of the record that carries the ClientHello */
#define PLAIN_MAX      (1024 * 1024)     /* opened, and not yet taken */
#define OUTPUT_MAX     (8 * 1024 * 1024) /* sealed, and not yet taken */
#define EXPORTER_LABEL "EXPORTER-ils/1"

struct tls_session {
    struct tls_context *context;
    SSL *ssl; /* NULL: TLS_HELLO */
    struct tls_pipe pipe;
    enum tls_state state;
    bool dialler, invite, failed_by_alert, given;
    struct {
        uint8_t *p;
        size_t n, size;
    } hello, plain;
    size_t plain_given;
    struct x509_report peer;
    struct x509_record *failure;
};

static void fail(struct tls_session *s)
{
    s->state = TLS_FAILED;
    struct x509_record record = {.text = {"internal error", "unknown", "unknown"}};
    x509_record_take(&record);
    s->failed_by_alert =
        record.number[1] == ERR_LIB_SSL && record.number[0] >= SSL_AD_REASON_OFFSET;
    if (s->failure == NULL)
        s->failure = malloc(sizeof *s->failure);
    if (s->failure != NULL)
        *s->failure = record;
}

static void fail_for(struct tls_session *s, int reason)
{
    ERR_clear_error();
    ERR_raise(ERR_LIB_SSL, reason);
    fail(s);
}

static bool make_ssl(struct tls_session *s, const char *name)
{
    struct slice alpn = tls_alpn(s->invite);
    s->ssl = SSL_new(s->context->ssl);
    BIO *bio = tls_pipe_bio(&s->pipe);
    if (s->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        SSL_free(s->ssl);
        s->ssl = NULL;
        return false;
    }
    SSL_set_bio(s->ssl, bio, bio);
    if (!s->dialler) {
        SSL_set_accept_state(s->ssl);
        return true;
    }
    SSL_set_connect_state(s->ssl);
    return SSL_set_alpn_protos(s->ssl, alpn.p, (unsigned)alpn.n) == 0 &&
           (name == NULL || SSL_set_tlsext_host_name(s->ssl, name) == 1);
}

struct tls_session *tls_session_new(struct tls_context *context, bool dialler, bool invite,
                                    const char *name)
{
    char sni[CERTIFICATE_NAME_MAX + 1];
    struct tls_session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->context = tls_context_ref(context);
    s->dialler = dialler;
    s->invite = invite;
    s->state = dialler ? TLS_HANDSHAKE : TLS_HELLO;
    if (name != NULL) {
        size_t n = slice_to_text(slice_of(name), sni, sizeof sni);
        if (n > 0 && sni[n - 1] == '.')
            sni[--n] = '\0'; /* SNI has no dot at the end */
        name = n > 0 ? sni : NULL;
    }
    ERR_clear_error();
    if (dialler && !make_ssl(s, name)) {
        tls_session_free(s);
        s = NULL;
    }
    ERR_clear_error();
    return s;
}

void tls_session_free(struct tls_session *s)
{
    if (s == NULL)
        return;
    SSL_free(s->ssl);
    tls_pipe_done(&s->pipe);
    tls_context_unref(s->context);
    x509_report_free(&s->peer);
    OPENSSL_cleanse(s->plain.p, s->plain.size);
    free(s->plain.p);
    free(s->hello.p);
    free(s->failure);
    free(s);
}

/* What was given out is gone when the session is called again: plain bytes by input only, so that
 * they may be answered while they are looked at. */
static void forget_output(struct tls_session *s)
{
    if (s->given)
        tls_pipe_reset(&s->pipe);
    s->given = false;
}

static void forget_plain(struct tls_session *s)
{
    if (s->plain_given != 0) {
        memmove(s->plain.p, s->plain.p + s->plain_given, s->plain.n - s->plain_given);
        s->plain.n -= s->plain_given;
        s->plain_given = 0;
    }
}

static void handle_error(struct tls_session *s, int ret)
{
    switch (SSL_get_error(s->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: break;
    case SSL_ERROR_ZERO_RETURN: s->state = TLS_ENDED; break;
    default: fail(s);
    }
}

static void shake(struct tls_session *s)
{
    const unsigned char *name;
    unsigned int n;
    int ret = SSL_do_handshake(s->ssl);
    if (ret != 1) {
        handle_error(s, ret);
        return;
    }
    SSL_get0_alpn_selected(s->ssl, &name, &n);
    struct slice wanted = tls_alpn(s->invite), got = slice_make(name, n);
    if (s->dialler && !slice_eq(got, slice_make(wanted.p + 1, wanted.n - 1))) {
        fail_for(s, SSL_R_NO_APPLICATION_PROTOCOL);
        return;
    }
    s->invite = got.n == tls_alpn(true).n - 1u;
    s->state = TLS_UP;
}

/* Room for one whole record more. */
static bool make_room(struct tls_session *s)
{
    size_t need = s->plain.n + SSL3_RT_MAX_PLAIN_LENGTH;
    if (need <= s->plain.size)
        return true;
    if (need > PLAIN_MAX)
        return false;
    size_t size = need + need / 2;
    uint8_t *p = realloc(s->plain.p, size);
    if (p == NULL)
        return false;
    s->plain.p = p;
    s->plain.size = size;
    return true;
}

static void open_records(struct tls_session *s)
{
    for (;;) {
        size_t n = 0;
        if (!make_room(s)) {
            fail_for(s, SSL_R_EXCESSIVE_MESSAGE_SIZE);
            return;
        }
        int ret = SSL_read_ex(s->ssl, s->plain.p + s->plain.n, s->plain.size - s->plain.n, &n);
        s->plain.n += n;
        if (ret != 1) {
            handle_error(s, ret);
            return;
        }
    }
}

static void take(struct tls_session *s, struct slice cipher)
{
    s->pipe.in = cipher; /* all of it is read below, unless the session ends */
    if (s->state == TLS_HANDSHAKE)
        shake(s);
    if (s->state == TLS_UP)
        open_records(s);
    s->pipe.in = slice_make(NULL, 0);
    if (s->pipe.out_n > OUTPUT_MAX)
        fail_for(s, SSL_R_EXCESSIVE_MESSAGE_SIZE);
}

/* Bytes of the record that opens with these, as soon as that is certain; 0: not yet; and what is
 * wrong with it. A ClientHello in several records, or with more after it, is refused: nobody who
 * speaks our protocol sends one. */
static size_t hello_size(const uint8_t *p, size_t n, int *ret_wrong)
{
    *ret_wrong = 0;
    if (n >= 1 && p[0] != SSL3_RT_HANDSHAKE)
        *ret_wrong = p[0] >= 'A' && p[0] <= 'Z' ? SSL_R_HTTP_REQUEST : SSL_R_BAD_RECORD_TYPE;
    else if (n >= 2 && p[1] != SSL3_VERSION_MAJOR)
        *ret_wrong = SSL_R_WRONG_VERSION_NUMBER;
    if (*ret_wrong != 0 || n < RECORD_HEADER)
        return 0;
    size_t body = (size_t)p[3] << 8 | p[4];
    if (body > HELLO_MAX - RECORD_HEADER)
        *ret_wrong = SSL_R_EXCESSIVE_MESSAGE_SIZE;
    else if (body < 4 || (n > RECORD_HEADER && p[5] != SSL3_MT_CLIENT_HELLO))
        *ret_wrong = SSL_R_UNEXPECTED_MESSAGE;
    else if (n >= RECORD_HEADER + 4 && ((size_t)p[6] << 16 | (size_t)p[7] << 8 | p[8]) != body - 4)
        *ret_wrong = SSL_R_LENGTH_MISMATCH;
    return RECORD_HEADER + body;
}

static bool hello_append(struct tls_session *s, struct slice *cipher, size_t until)
{
    size_t n = until - s->hello.n < cipher->n ? until - s->hello.n : cipher->n;
    if (s->hello.n + n > s->hello.size) {
        size_t size = s->hello.size == 0 && until < 64 ? 64 : until;
        uint8_t *p = realloc(s->hello.p, size);
        if (p == NULL)
            return false;
        s->hello.p = p;
        s->hello.size = size;
    }
    memcpy(s->hello.p + s->hello.n, cipher->p, n);
    s->hello.n += n;
    *cipher = slice_make(cipher->p + n, cipher->n - n);
    return true;
}

/* Gathers the ClientHello; when it is whole, the SSL object begins with it. */
static void await_hello(struct tls_session *s, struct slice cipher)
{
    while (cipher.n != 0) {
        int wrong;
        size_t whole = hello_size(s->hello.p, s->hello.n, &wrong);
        size_t until = whole == 0                       ? RECORD_HEADER
                       : s->hello.n < RECORD_HEADER + 4 ? RECORD_HEADER + 4
                                                        : whole;
        if (!hello_append(s, &cipher, until)) {
            fail_for(s, ERR_R_MALLOC_FAILURE);
            return;
        }
        whole = hello_size(s->hello.p, s->hello.n, &wrong);
        if (wrong != 0) {
            fail_for(s, wrong);
            return;
        }
        if (whole == 0 || s->hello.n < whole)
            continue;
        if (!make_ssl(s, NULL)) {
            fail_for(s, ERR_R_MALLOC_FAILURE);
            return;
        }
        s->state = TLS_HANDSHAKE;
        take(s, slice_make(s->hello.p, s->hello.n));
        free(s->hello.p);
        s->hello.p = NULL;
        s->hello.n = s->hello.size = 0;
        if (cipher.n != 0 && s->state == TLS_HANDSHAKE)
            take(s, cipher);
        return;
    }
}

enum tls_state tls_session_input(struct tls_session *s, struct slice cipher)
{
    forget_output(s);
    forget_plain(s);
    ERR_clear_error();
    if (s->state == TLS_HELLO)
        await_hello(s, cipher);
    else if (s->state == TLS_HANDSHAKE || s->state == TLS_UP)
        take(s, cipher);
    ERR_clear_error();
    return s->state;
}

void tls_session_write(struct tls_session *s, struct slice plain)
{
    size_t done = 0;
    forget_output(s);
    ERR_clear_error();
    while (s->state == TLS_UP && plain.n != 0) {
        if (SSL_write_ex(s->ssl, plain.p, plain.n, &done) != 1)
            fail(s);
        else
            plain = slice_make(plain.p + done, plain.n - done);
    }
    if (s->state == TLS_UP && s->pipe.out_n > OUTPUT_MAX)
        fail_for(s, SSL_R_EXCESSIVE_MESSAGE_SIZE);
    ERR_clear_error();
}

void tls_session_close(struct tls_session *s)
{
    forget_output(s);
    ERR_clear_error();
    if (s->state == TLS_UP || s->state == TLS_ENDED)
        SSL_shutdown(s->ssl);
    ERR_clear_error();
}

struct slice tls_session_output(struct tls_session *s)
{
    if (s->ssl == NULL || s->given)
        return slice_make(NULL, 0);
    s->given = true;
    return slice_make(s->pipe.out, s->pipe.out_n);
}

struct slice tls_session_plain(struct tls_session *s)
{
    if (s->plain.n == 0)
        return slice_make(NULL, 0);
    struct slice plain = slice_make(s->plain.p + s->plain_given, s->plain.n - s->plain_given);
    s->plain_given = s->plain.n;
    return plain;
}

const struct certificate *tls_session_verify(struct tls_session *s,
                                             const struct tls_context *context, wall at)
{
    ERR_clear_error();
    x509_report_free(&s->peer);
    X509 *leaf = s->ssl != NULL ? SSL_get0_peer_certificate(s->ssl) : NULL;
    if (leaf != NULL)
        x509_judge(context->store, leaf, SSL_get_peer_cert_chain(s->ssl), X509_AS_BOTH, at,
                   &s->peer);
    return &s->peer.certificate;
}

void tls_session_secured(struct tls_session *s, wall at, struct tls_secured *ret)
{
    *ret = (struct tls_secured){.invite = s->invite};
    ret->spki_mine = s->context->mine.certificate.spki;
    memcpy(ret->mine, s->context->mine.certificate.fingerprint, sizeof ret->mine);
    ret->peer = *tls_session_verify(s, s->context, at);
    /* Without an exporter nothing is bound to this session: nobody may come in by it. */
    if (s->ssl == NULL ||
        SSL_get_client_random(s->ssl, ret->client_random, sizeof ret->client_random) == 0 ||
        SSL_export_keying_material(s->ssl, ret->exporter, sizeof ret->exporter, EXPORTER_LABEL,
                                   sizeof EXPORTER_LABEL - 1, NULL, 0, 0) != 1)
        ret->peer = (struct certificate){.present = false};
    ERR_clear_error();
}

void tls_session_failure(const struct tls_session *s, struct tls_failure *ret)
{
    *ret = (struct tls_failure){.alert = s->failed_by_alert};
    for (size_t i = 0; i < 3; i++) {
        ret->text[i] = slice_of(s->failure != NULL ? s->failure->text[i] : "unknown");
        ret->number[i] = s->failure != NULL ? s->failure->number[i] : 0;
    }
}
