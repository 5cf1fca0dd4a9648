/* A session against a session, over memory: what both ends then know, and every way to fail. */
#include "authority.h"
#include "driver/tls.h"
#include "test.h"

#include <openssl/ssl.h>
#include <stdio.h>

struct end {
    struct entity entity;
    struct slice leaf, key;
};

/* Two ends under one root, and what each has in its store. */
static struct entity root;
static struct end one, two;
static struct slice root_der;

static struct end make_end(const char *name)
{
    struct end e = {.entity = entity_leaf(name, &root)};
    e.leaf = entity_der(&e.entity);
    e.key = entity_key(&e.entity);
    return e;
}

static void free_end(struct end *e)
{
    entity_free(&e->entity);
    free((void *)(uintptr_t)e->leaf.p);
    free((void *)(uintptr_t)e->key.p);
}

static int make_all(void **state)
{
    root = entity_authority("Test Root", NULL);
    root_der = entity_der(&root);
    one = make_end("one.example.com");
    two = make_end("two.example.com");
    return 0;
}

static int free_all(void **state)
{
    free_end(&one);
    free_end(&two);
    entity_free(&root);
    free((void *)(uintptr_t)root_der.p);
    return 0;
}

static struct tls_context *context_of(const struct end *e, struct slice trusted)
{
    char error[X509_ERROR] = "";
    struct x509_store_item item = {false, trusted};
    struct tls_context_options o = {.item = &item, .item_n = trusted.n != 0};
    if (e != NULL) {
        o.leaf = e->leaf;
        o.key = e->key;
    }
    struct tls_context *context = tls_context_new(&o, error, sizeof error);
    if (context == NULL)
        print_error("%s\n", error);
    assert_non_null(context);
    return context;
}

/* Sessions between two contexts, which are let go at once: the sessions hold them. */
struct pair {
    struct tls_session *c, *s;
};

static struct pair make_pair(struct tls_context *c, struct tls_context *s, bool invite)
{
    struct pair p = {tls_session_new(c, true, invite, "two.example.com."),
                     tls_session_new(s, false, false, NULL)};
    assert_true(p.c != NULL && p.s != NULL);
    tls_context_unref(c);
    tls_context_unref(s);
    return p;
}

static void free_pair(struct pair *p)
{
    tls_session_free(p->c);
    tls_session_free(p->s);
}

/* Carries what one has to say to the other, in pieces of at most `step` bytes. */
static size_t carry(struct tls_session *from, struct tls_session *to, size_t step)
{
    struct slice out = tls_session_output(from);
    for (size_t at = 0; at < out.n; at += step) {
        size_t n = out.n - at < step ? out.n - at : step;
        tls_session_input(to, slice_make(out.p + at, n));
    }
    return out.n;
}

static void talk(struct pair *p, size_t step)
{
    tls_session_input(p->c, slice_make(NULL, 0));
    while (carry(p->c, p->s, step) + carry(p->s, p->c, step) != 0) {
    }
}

static enum tls_state state_of(struct tls_session *s)
{
    return tls_session_input(s, slice_make(NULL, 0));
}

static void test_mutual(void **state)
{
    static const size_t steps[] = {100000, 1, 7};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct pair p = make_pair(context_of(&one, root_der), context_of(&two, root_der), false);
        struct tls_secured c, s;
        talk(&p, steps[i]);
        assert_int_equal(state_of(p.c), TLS_UP);
        assert_int_equal(state_of(p.s), TLS_UP);
        tls_session_secured(p.c, wall_after(0), &c);
        tls_session_secured(p.s, wall_after(0), &s);
        assert_memory_equal(c.client_random, s.client_random, 32);
        assert_memory_equal(c.exporter, s.exporter, 32);
        assert_false(c.invite || s.invite);
        assert_true(c.peer.present && s.peer.present);
        assert_true(slice_eq(c.peer.der, two.leaf) && slice_eq(s.peer.der, one.leaf));
        assert_true(slice_eq(c.spki_mine, s.peer.spki) && slice_eq(s.spki_mine, c.peer.spki));
        assert_memory_equal(c.mine, s.peer.fingerprint, FINGERPRINT_SIZE);
        assert_true(c.peer.chained && s.peer.chained && !c.peer.imported);
        assert_int_equal(c.peer.error, 0);
        assert_int_equal(s.peer.error, 0);
        assert_true(slice_eq(s.peer.name[0], slice_of("one.example.com")));
        free_pair(&p);
    }
}

static void test_exporters_differ(void **state)
{
    struct tls_secured a, b;
    struct pair p = make_pair(context_of(&one, root_der), context_of(&two, root_der), false);
    struct pair q = make_pair(context_of(&one, root_der), context_of(&two, root_der), false);
    talk(&p, 100000);
    talk(&q, 100000);
    tls_session_secured(p.c, wall_after(0), &a);
    tls_session_secured(q.c, wall_after(0), &b);
    assert_memory_not_equal(a.exporter, b.exporter, 32);
    assert_memory_not_equal(a.client_random, b.client_random, 32);
    free_pair(&p);
    free_pair(&q);
}

static void test_data(void **state)
{
    static uint8_t bytes[300000];
    struct pair p = make_pair(context_of(&one, root_der), context_of(&two, root_der), false);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    tls_session_write(p.c, slice_of("too early")); /* ignored */
    assert_int_equal(tls_session_plain(p.c).n, 0);
    talk(&p, 100000);
    assert_int_equal(tls_session_plain(p.s).n, 0);
    tls_session_write(p.s, slice_make(bytes, sizeof bytes));
    carry(p.s, p.c, 1000);
    struct slice got = tls_session_plain(p.c);
    assert_int_equal(got.n, sizeof bytes);
    assert_memory_equal(got.p, bytes, sizeof bytes);
    assert_int_equal(tls_session_plain(p.c).n, 0); /* once */
    tls_session_write(p.c, slice_of("a"));
    tls_session_write(p.c, slice_of("b"));
    carry(p.c, p.s, 100000);
    assert_true(slice_eq(tls_session_plain(p.s), slice_of("ab")));
    tls_session_close(p.c);
    carry(p.c, p.s, 100000);
    assert_int_equal(state_of(p.s), TLS_ENDED);
    free_pair(&p);
}

static void test_invite(void **state)
{
    struct tls_secured s;
    struct pair p = make_pair(context_of(&one, root_der), context_of(&two, root_der), true);
    talk(&p, 100000);
    assert_int_equal(state_of(p.s), TLS_UP);
    tls_session_secured(p.s, wall_after(0), &s);
    assert_true(s.invite);
    free_pair(&p);
}

/* Nothing that is wrong with a certificate ends the handshake. */
static void test_bad_certificate_arrives(void **state)
{
    struct spec spec = {
        .name = "weak", .key = "RSA1024", .digest = "SHA1", .from_s = -2 * DAY_S, .to_s = -DAY_S};
    struct end weak = {.entity = entity_make(&spec, NULL, NULL)};
    struct tls_secured c, s;
    weak.leaf = entity_der(&weak.entity);
    weak.key = entity_key(&weak.entity);
    struct pair p = make_pair(context_of(&weak, root_der), context_of(&weak, root_der), false);
    talk(&p, 100000);
    assert_int_equal(state_of(p.c), TLS_UP);
    assert_int_equal(state_of(p.s), TLS_UP);
    tls_session_secured(p.c, wall_after(0), &c);
    tls_session_secured(p.s, wall_after(0), &s);
    assert_int_equal(c.peer.error, CERTIFICATE_SELF_SIGNED);
    assert_int_equal(s.peer.error, CERTIFICATE_SELF_SIGNED);
    assert_true(slice_eq(s.peer.error_text, slice_of("self signed certificate")));
    assert_true(slice_eq(s.peer.record[0], slice_of("certificate verify failed")));
    assert_true(s.peer.record_n[0] == SSL_R_CERTIFICATE_VERIFY_FAILED && s.peer.record_n[1] == 20);
    free_pair(&p);
    free_end(&weak);
}

static void test_no_certificate(void **state)
{
    struct tls_secured s;
    struct pair p = make_pair(context_of(NULL, root_der), context_of(&two, root_der), false);
    talk(&p, 100000);
    assert_int_equal(state_of(p.s), TLS_UP);
    tls_session_secured(p.s, wall_after(0), &s);
    assert_false(s.peer.present);
    free_pair(&p);
}

/* After a reload the same certificate is judged by another store. */
static void test_verify_again(void **state)
{
    struct tls_secured s;
    struct tls_context *nobody = context_of(&two, slice_make(NULL, 0));
    struct tls_context *itself = context_of(&two, one.leaf);
    struct pair p = make_pair(context_of(&one, root_der), context_of(&two, root_der), false);
    talk(&p, 100000);
    tls_session_secured(p.s, wall_after(0), &s);
    assert_int_equal(s.peer.error, 0);
    const struct certificate *c = tls_session_verify(p.s, nobody, wall_after(0));
    assert_int_equal(c->error, CERTIFICATE_NO_ISSUER_LOCALLY);
    assert_false(c->chained || c->imported);
    c = tls_session_verify(p.s, itself, wall_after(0));
    assert_true(c->error == 0 && c->imported && !c->chained);
    c = tls_session_verify(p.s, itself, wall_after(400 * DAY_S));
    assert_int_equal(c->error, CERTIFICATE_EXPIRED);
    tls_context_unref(nobody);
    tls_context_unref(itself);
    free_pair(&p);
}

static void assert_failure(const struct tls_session *s, bool alert, uint32_t reason)
{
    struct tls_failure f;
    tls_session_failure(s, &f);
    if (f.alert != alert || f.number[0] != reason)
        print_error("%.*s [%u], %.*s [%u], %.*s [%u]\n", (int)f.text[0].n, f.text[0].p, f.number[0],
                    (int)f.text[1].n, f.text[1].p, f.number[1], (int)f.text[2].n, f.text[2].p,
                    f.number[2]);
    assert_int_equal(f.alert, alert);
    assert_int_equal(f.number[0], reason);
    assert_int_equal(f.number[1], 20);
    assert_true(f.text[0].n != 0 && f.text[2].n != 0);
}

static void refused_hello(const char *bytes, size_t n, uint32_t reason)
{
    struct tls_context *context = context_of(&two, root_der);
    struct tls_session *s = tls_session_new(context, false, false, NULL);
    tls_context_unref(context);
    for (size_t i = 0; i < n; i++)
        tls_session_input(s, slice_make(bytes + i, 1));
    assert_int_equal(state_of(s), TLS_FAILED);
    assert_failure(s, false, reason);
    assert_int_equal(tls_session_output(s).n, 0);
    tls_session_free(s);
}

static void test_not_a_hello(void **state)
{
    refused_hello("GET / HTTP/1.1", 14, SSL_R_HTTP_REQUEST);
    refused_hello("\x01", 1, SSL_R_BAD_RECORD_TYPE);
    refused_hello("\x16\x02", 2, SSL_R_WRONG_VERSION_NUMBER);
    refused_hello("\x16\x03\x01\x10\x00", 5, SSL_R_EXCESSIVE_MESSAGE_SIZE);
    refused_hello("\x16\x03\x01\x00\x03", 5, SSL_R_UNEXPECTED_MESSAGE);
    refused_hello("\x16\x03\x01\x00\x30\x02", 6, SSL_R_UNEXPECTED_MESSAGE);
    refused_hello("\x16\x03\x01\x00\x30\x01\x00\x00\x2d", 9, SSL_R_LENGTH_MISMATCH);
}

/* A plain OpenSSL at the other end, for what our own does not do. */
struct plain {
    SSL_CTX *context;
    SSL *ssl;
};

static void plain_make(struct plain *p, const char *alpn, int version)
{
    p->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(p->context, version);
    p->ssl = SSL_new(p->context);
    SSL_set_bio(p->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(p->ssl);
    if (alpn != NULL)
        SSL_set_alpn_protos(p->ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
}

static void plain_talk(struct plain *p, struct tls_session *s)
{
    char *bytes;
    for (int i = 0; i < 4; i++) {
        SSL_do_handshake(p->ssl);
        long n = BIO_get_mem_data(SSL_get_wbio(p->ssl), &bytes);
        tls_session_input(s, slice_make(bytes, (size_t)n));
        (void)BIO_reset(SSL_get_wbio(p->ssl));
        struct slice out = tls_session_output(s);
        BIO_write(SSL_get_rbio(p->ssl), out.p, (int)out.n);
    }
}

static void test_other_protocols(void **state)
{
    static const struct {
        const char *alpn;
        int version;
        enum tls_state state;
        uint32_t reason;
    } row[] = {
        {"\x05ils/1", 0, TLS_UP, 0},
        {"\x02h2\x05ils/1", 0, TLS_UP, 0},
        {"\x02h2", 0, TLS_FAILED, SSL_R_NO_APPLICATION_PROTOCOL},
        {NULL, 0, TLS_FAILED, SSL_R_NO_APPLICATION_PROTOCOL},
        {"\x05ils/1", TLS1_2_VERSION, TLS_FAILED, SSL_R_UNSUPPORTED_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct tls_context *context = context_of(&two, root_der);
        struct tls_session *s = tls_session_new(context, false, false, NULL);
        struct plain p;
        tls_context_unref(context);
        plain_make(&p, row[i].alpn, row[i].version);
        plain_talk(&p, s);
        assert_int_equal(state_of(s), row[i].state);
        if (row[i].state == TLS_FAILED)
            assert_failure(s, false, row[i].reason);
        SSL_free(p.ssl);
        SSL_CTX_free(p.context);
        tls_session_free(s);
    }
}

static void test_key_update(void **state)
{
    struct tls_context *context = context_of(&two, root_der);
    struct tls_session *s = tls_session_new(context, false, false, NULL);
    struct plain p;
    char got[16];
    tls_context_unref(context);
    plain_make(&p, "\x05ils/1", 0);
    plain_talk(&p, s);
    assert_int_equal(SSL_key_update(p.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_write(p.ssl, "after", 5), 5);
    plain_talk(&p, s);
    assert_true(slice_eq(tls_session_plain(s), slice_of("after")));
    tls_session_write(s, slice_of("answer"));
    struct slice out = tls_session_output(s);
    BIO_write(SSL_get_rbio(p.ssl), out.p, (int)out.n);
    assert_int_equal(SSL_read(p.ssl, got, sizeof got), 6);
    SSL_free(p.ssl);
    SSL_CTX_free(p.context);
    tls_session_free(s);
}

/* The name dialled stands in the hello, without the dot at its end; an address does not. */
static void test_server_name(void **state)
{
    static const char *const name[] = {"two.example.com.", NULL};
    for (size_t i = 0; i < 2; i++) {
        struct tls_context *context = context_of(&one, root_der);
        struct tls_session *s = tls_session_new(context, true, false, name[i]);
        tls_context_unref(context);
        tls_session_input(s, slice_make(NULL, 0));
        struct slice out = tls_session_output(s);
        const uint8_t *at = memmem(out.p, out.n, "two.example.com", 15);
        assert_int_equal(at != NULL, name[i] != NULL);
        assert_true(at == NULL || at[15] != '.');
        tls_session_free(s);
    }
}

/* Every kind of key, and an intermediate that is shown along with the leaf. */
static void test_kinds_of_keys(void **state)
{
    static const char *const kind[] = {"P-256", "P-384", "ED25519", "RSA2048"};
    struct entity middle = entity_authority("Test Middle", &root);
    struct slice chain = entity_der(&middle);
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        struct spec spec = {.name = "three.example.com", .key = kind[i]};
        struct end three = {.entity = entity_make(&spec, &middle, NULL)};
        char error[X509_ERROR] = "";
        struct tls_secured c;
        three.leaf = entity_der(&three.entity);
        three.key = entity_key(&three.entity);
        struct tls_context_options o = {.leaf = three.leaf, .chain = chain, .key = three.key};
        struct tls_context *context = tls_context_new(&o, error, sizeof error);
        assert_non_null(context);
        struct pair p = make_pair(context_of(&one, root_der), context, false);
        talk(&p, 100000);
        tls_session_secured(p.c, wall_after(0), &c);
        assert_true(c.peer.present && c.peer.chained && c.peer.error == 0);
        assert_true(slice_eq(c.peer.der, three.leaf));
        free_pair(&p);
        free_end(&three);
    }
    free((void *)(uintptr_t)chain.p);
    entity_free(&middle);
}

/* Plain bytes may be answered while they are looked at. */
static void test_answer_in_place(void **state)
{
    struct pair p = make_pair(context_of(&one, root_der), context_of(&two, root_der), false);
    talk(&p, 100000);
    tls_session_write(p.c, slice_of("question"));
    carry(p.c, p.s, 100000);
    struct slice question = tls_session_plain(p.s);
    tls_session_write(p.s, question);
    assert_true(slice_eq(question, slice_of("question")));
    carry(p.s, p.c, 100000);
    assert_true(slice_eq(tls_session_plain(p.c), slice_of("question")));
    free_pair(&p);
}

/* What only an alert could carry is an alert and nothing else. */
static void test_alert(void **state)
{
    static const uint8_t alert[] = {0x15, 3, 3, 0, 2, 2, 40};
    struct tls_context *context = context_of(&one, root_der);
    struct tls_session *s = tls_session_new(context, true, false, NULL);
    tls_context_unref(context);
    tls_session_input(s, slice_make(NULL, 0));
    assert_true(tls_session_output(s).n != 0);
    assert_int_equal(tls_session_output(s).n, 0); /* given once */
    assert_int_equal(tls_session_input(s, slice_make(alert, sizeof alert)), TLS_FAILED);
    assert_failure(s, true, SSL_AD_REASON_OFFSET + 40);
    tls_session_free(s);
}

static void test_altered_record(void **state)
{
    uint8_t bytes[200];
    struct pair p = make_pair(context_of(&one, root_der), context_of(&two, root_der), false);
    talk(&p, 100000);
    tls_session_write(p.c, slice_of("hello"));
    struct slice out = tls_session_output(p.c);
    assert_true(out.n < sizeof bytes);
    memcpy(bytes, out.p, out.n);
    bytes[out.n - 1] ^= 1;
    assert_int_equal(tls_session_input(p.s, slice_make(bytes, out.n)), TLS_FAILED);
    assert_int_equal(tls_session_plain(p.s).n, 0);
    assert_failure(p.s, false, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
    free_pair(&p);
}

static void test_bad_own(void **state)
{
    char error[X509_ERROR] = "";
    struct tls_context_options o = {.leaf = one.leaf, .key = two.key};
    assert_null(tls_context_new(&o, error, sizeof error));
    assert_non_null(strstr(error, "the key is not that of the own certificate"));
    o.key = slice_make("x", 1);
    assert_null(tls_context_new(&o, error, sizeof error));
    assert_non_null(strstr(error, "ils cert renew"));
    o = (struct tls_context_options){.leaf = slice_make("x", 1), .key = two.key};
    assert_null(tls_context_new(&o, error, sizeof error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutual),
        cmocka_unit_test(test_exporters_differ),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_invite),
        cmocka_unit_test(test_bad_certificate_arrives),
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_verify_again),
        cmocka_unit_test(test_not_a_hello),
        cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_key_update),
        cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_kinds_of_keys),
        cmocka_unit_test(test_answer_in_place),
        cmocka_unit_test(test_alert),
        cmocka_unit_test(test_altered_record),
        cmocka_unit_test(test_bad_own),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
