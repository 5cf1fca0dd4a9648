/* bench_tls: mutual handshakes a second on one core, both ends in this process: our sessions, with
 * what they prove and the judging of both certificates, beside OpenSSL alone, whose verification is
 * its own. The ratio says what we add.
 *   bench_tls [SECONDS]     2 by default, for each of the two, three times in turn */
#include "driver/tls.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct x509_bag one, two;
static struct x509_store_item trusted[2];

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench_tls: %s\n", what);
        exit(1);
    }
}

static void make(struct x509_bag *bag, const char *name, size_t i)
{
    char error[X509_ERROR] = "";
    must(x509_make(name, NULL, 0, slice_make(NULL, 0), 30, bag, error, sizeof error) == 0, error);
    trusted[i] = (struct x509_store_item){false, bag->item[0].der};
}

static struct tls_context *make_context(const struct x509_bag *bag)
{
    char error[X509_ERROR] = "";
    struct tls_context_options o = {
        .leaf = bag->item[0].der, .key = bag->key, .item = trusted, .item_n = 2};
    struct tls_context *context = tls_context_new(&o, error, sizeof error);
    must(context != NULL, error);
    return context;
}

static bool carry(struct tls_session *from, struct tls_session *to)
{
    struct slice out = tls_session_output(from);
    if (out.n != 0)
        tls_session_input(to, out);
    return out.n != 0;
}

static void our_handshake(struct tls_context *dialler, struct tls_context *acceptor)
{
    struct tls_session *c = tls_session_new(dialler, true, false, NULL);
    struct tls_session *s = tls_session_new(acceptor, false, false, NULL);
    struct tls_secured secured;
    wall now = (wall)time(NULL) * TICK_S;
    tls_session_input(c, slice_make(NULL, 0));
    for (bool more = true; more;) {
        more = carry(c, s);
        more = carry(s, c) || more;
    }
    tls_session_secured(c, now, &secured);
    must(secured.peer.imported && secured.peer.error == 0, "not secured");
    tls_session_secured(s, now, &secured);
    must(secured.peer.imported && secured.peer.error == 0, "not secured");
    tls_session_free(c);
    tls_session_free(s);
}

static SSL_CTX *make_plain(const struct x509_bag *bag)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    const uint8_t *p = bag->item[0].der.p, *k = bag->key.p;
    X509 *x = d2i_X509(NULL, &p, (long)bag->item[0].der.n);
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &k, (long)bag->key.n);
    SSL_CTX_use_cert_and_key(context, x, key, NULL, 1);
    for (int i = 0; i < 2; i++) {
        const uint8_t *t = trusted[i].der.p;
        X509 *anchor = d2i_X509(NULL, &t, (long)trusted[i].der.n);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), anchor);
        X509_free(anchor);
    }
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    X509_free(x);
    EVP_PKEY_free(key);
    return context;
}

static void plain_handshake(SSL_CTX *dialler, SSL_CTX *acceptor)
{
    SSL *c = SSL_new(dialler), *s = SSL_new(acceptor);
    BIO *to_s = BIO_new(BIO_s_mem()), *to_c = BIO_new(BIO_s_mem());
    BIO_up_ref(to_s);
    BIO_up_ref(to_c);
    SSL_set_bio(c, to_c, to_s);
    SSL_set_bio(s, to_s, to_c);
    SSL_set_connect_state(c);
    SSL_set_accept_state(s);
    int done = 0;
    for (int i = 0; i < 10 && done != 2; i++)
        done = (SSL_do_handshake(c) == 1) + (SSL_do_handshake(s) == 1);
    must(done == 2, "no handshake");
    SSL_free(c);
    SSL_free(s);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2, rate[2] = {0, 0};
    make(&one, "one.example.com", 0);
    make(&two, "two.example.com", 1);
    struct tls_context *a = make_context(&one), *b = make_context(&two);
    SSL_CTX *c = make_plain(&one), *d = make_plain(&two);
    for (int round = 0; round < 6; round++) {
        double start = cpu_s();
        unsigned long n = 0;
        for (; cpu_s() - start < seconds; n++) {
            if (round % 2 == 0)
                our_handshake(a, b);
            else
                plain_handshake(c, d);
        }
        double now = (double)n / (cpu_s() - start);
        rate[round % 2] = now > rate[round % 2] ? now : rate[round % 2];
    }
    printf("ours %.0f/s  openssl %.0f/s  cpu ratio %.3f\n", rate[0], rate[1], rate[1] / rate[0]);
    SSL_CTX_free(c);
    SSL_CTX_free(d);
    tls_context_unref(a);
    tls_context_unref(b);
    x509_bag_free(&one);
    x509_bag_free(&two);
    return 0;
}
