/* A door's sessions under hostile bytes. The first byte of the input selects: 0, 1: the rest comes
 * to a session in pieces. Otherwise a client of OpenSSL's, of TLS 1.2 or 1.3, talks with it, and
 * the rest alters what travels: four bytes each, which flight, where in it (two), and what to xor.
 * Whatever happens: nothing is read that was not written, and where nothing was altered all is. */
#include "driver/tls_door.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char question[] = "OPTIONS sip:a SIP/2.0\r\n\r\n", reply[] = "SIP/2.0 200 OK\r\n\r\n";
static struct tls_context *door;
static SSL_CTX *client;

static void start(void)
{
    char error[X509_ERROR];
    struct x509_bag bag;
    int wrong = x509_make("sip.example.com", NULL, 0, slice_make(NULL, 0), 30, &bag, error,
                          sizeof error);
    assert(wrong == 0);
    struct tls_door_options o = {.leaf = bag.item[0].der, .key = bag.key, .protocol = "sip/2"};
    door = tls_door_context(&o, error, sizeof error);
    client = SSL_CTX_new(TLS_client_method());
    assert(door != NULL && client != NULL);
    x509_bag_free(&bag);
}

static void feed(const uint8_t *data, size_t size)
{
    struct tls_session *s = tls_session_new(door, false, false, NULL);
    enum tls_state state = TLS_HELLO;
    struct tls_failure failure;
    assert(s != NULL);
    for (size_t at = 0; at < size;) {
        size_t n = 1 + data[at] % 64u;
        n = n < size - at ? n : size - at;
        state = tls_session_input(s, slice_make(data + at, n));
        assert(state != TLS_UP && tls_session_plain(s).n == 0);
        (void)tls_session_output(s);
        at += n;
    }
    tls_session_failure(s, &failure);
    assert(state != TLS_FAILED || failure.text[0].n != 0);
    tls_session_free(s);
}

struct talk {
    struct tls_session *s;
    SSL *ssl;
    BIO *in, *out;
    const uint8_t *change;
    size_t change_n; /* of four bytes each */
    unsigned flight;
    bool changed;
};

/* What travels in one direction, altered. */
static void alter(struct talk *t, uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < t->change_n; i++) {
        const uint8_t *c = t->change + 4 * i;
        if (c[0] % 8 != t->flight || c[3] == 0)
            continue;
        bytes[((size_t)c[1] << 8 | c[2]) % n] ^= c[3];
        t->changed = true;
    }
    t->flight++;
}

/* Asks until nothing travels any more. Whether the whole reply came. */
static bool converse(struct talk *t)
{
    uint8_t bytes[16384];
    char got[64] = "";
    size_t have = 0, asked = 0, n;
    for (int round = 0; round < 12; round++) {
        if (SSL_is_init_finished(t->ssl) && asked == 0)
            SSL_write_ex(t->ssl, question, sizeof question - 1, &asked);
        else if (!SSL_is_init_finished(t->ssl))
            SSL_do_handshake(t->ssl);
        if (SSL_read_ex(t->ssl, got + have, sizeof got - have, &n) == 1)
            have += n;
        ERR_clear_error();
        if (BIO_read_ex(t->out, bytes, sizeof bytes, &n) == 1 && n > 0) {
            alter(t, bytes, n);
            tls_session_input(t->s, slice_make(bytes, n));
        }
        struct slice plain = tls_session_plain(t->s), out = tls_session_output(t->s);
        uint8_t *copy = out.n > 0 ? malloc(out.n) : NULL;
        if (copy != NULL) {
            memcpy(copy, out.p, out.n);
            alter(t, copy, out.n);
            BIO_write(t->in, copy, (int)out.n);
            free(copy);
        }
        assert(plain.n == 0 || slice_eq(plain, slice_of(question)));
        if (plain.n > 0)
            tls_session_write(t->s, slice_of(reply));
        out = tls_session_output(t->s);
        if (out.n > 0)
            BIO_write(t->in, out.p, (int)out.n);
    }
    assert(have == 0 || (have == sizeof reply - 1 && memcmp(got, reply, have) == 0));
    return have > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (door == NULL)
        start();
    if (size == 0)
        return 0;
    if (data[0] < 2) {
        feed(data + 1, size - 1);
        return 0;
    }
    int version = data[0] % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    struct talk t = {.s = tls_session_new(door, false, false, NULL), .ssl = SSL_new(client),
                     .in = BIO_new(BIO_s_mem()), .out = BIO_new(BIO_s_mem()), .change = data + 1,
                     .change_n = (size - 1) / 4};
    assert(t.s != NULL && t.ssl != NULL && t.in != NULL && t.out != NULL);
    SSL_set_bio(t.ssl, t.in, t.out);
    SSL_set_connect_state(t.ssl);
    SSL_set_min_proto_version(t.ssl, version);
    SSL_set_max_proto_version(t.ssl, version);
    bool answered = converse(&t);
    assert(answered || t.changed);
    SSL_free(t.ssl);
    tls_session_free(t.s);
    ERR_clear_error();
    return 0;
}
