/* Certificates as files and as facts: every form that is read, every sentence that refuses one,
 * what is made, and what a store says of a chain. */
#include "authority.h"
#include "test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static char error[X509_ERROR];
static struct entity root, middle, leaf;

static int make_all(void **state)
{
    root = entity_authority("Test Root", NULL);
    middle = entity_authority("Test Middle", &root);
    leaf = entity_leaf("Leaf.Example.com", &middle);
    return 0;
}

static int free_all(void **state)
{
    entity_free(&root);
    entity_free(&middle);
    entity_free(&leaf);
    return 0;
}

static void drop(struct slice s)
{
    free((void *)(uintptr_t)s.p);
}

static bool text_is(struct slice a, const char *text)
{
    return slice_eq(a, slice_of(text));
}

static void assert_says(const char *part)
{
    if (strstr(error, part) == NULL)
        print_error("'%s' does not say '%s'\n", error, part);
    assert_non_null(strstr(error, part));
}

/* A file that is put together in memory. */
static BIO *file_new(void)
{
    BIO *file = BIO_new(BIO_s_mem());
    assert_non_null(file);
    return file;
}

static int read_file(BIO *file, const char *password, struct x509_bag *bag)
{
    char *p;
    long n = BIO_get_mem_data(file, &p);
    error[0] = '\0';
    return x509_read(slice_make(p, (size_t)n), password, bag, error, sizeof error);
}

/* Reads what must be refused, and looks for that in the sentence. */
static void refused(BIO *file, const char *password, const char *part)
{
    struct x509_bag bag;
    assert_int_equal(read_file(file, password, &bag), -1);
    assert_true(bag.n == 0 && bag.key.n == 0 && bag.memory == NULL);
    assert_says(part);
    BIO_free(file);
}

static void test_pem(void **state)
{
    struct x509_bag bag;
    BIO *file = file_new();
    X509_CRL *crl = crl_make(&root, middle.x, -10, DAY_S);
    BIO_puts(file, "\xef\xbb\xbf"
                   "Words before.\r\n");
    PEM_write_bio_X509(file, leaf.x);
    BIO_puts(file, "subject=words between\n");
    PEM_write_bio_PrivateKey(file, leaf.key, NULL, NULL, 0, NULL, NULL);
    PEM_write_bio_X509_AUX(file, middle.x);
    PEM_write_bio_X509(file, leaf.x); /* twice */
    PEM_write_bio_X509_CRL(file, crl);
    PEM_write_bio_PUBKEY(file, leaf.key); /* passed over */
    assert_int_equal(read_file(file, NULL, &bag), 0);
    assert_int_equal(bag.n, 3);
    assert_true(text_is(bag.item[0].subject, "leaf.example.com"));
    assert_true(text_is(bag.item[1].subject, "CN=Test Middle"));
    assert_true(text_is(bag.item[2].subject, "CN=Test Root"));
    assert_true(bag.item[2].crl && !bag.item[0].crl && bag.key.n != 0);
    assert_true(!bag.item[0].authority && bag.item[1].authority && !bag.item[1].self_signed);
    assert_true(bag.item[2].not_after > wall_after(0) && bag.item[2].not_before < wall_after(0));
    assert_true(bag.item[0].not_after > wall_after(300 * DAY_S));
    x509_bag_free(&bag);
    BIO_free(file);
    X509_CRL_free(crl);
}

static void test_der(void **state)
{
    struct x509_bag bag;
    X509_CRL *crl = crl_make(&root, middle.x, -10, DAY_S);
    BIO *file = file_new();
    i2d_X509_bio(file, leaf.x);
    i2d_X509_bio(file, middle.x);
    assert_int_equal(read_file(file, NULL, &bag), 0);
    assert_int_equal(bag.n, 2);
    x509_bag_free(&bag);
    BIO_puts(file, "x");
    refused(file, NULL, "block 3 is no whole certificate");
    file = file_new();
    i2d_X509_CRL_bio(file, crl);
    assert_int_equal(read_file(file, NULL, &bag), 0);
    assert_true(bag.n == 1 && bag.item[0].crl);
    x509_bag_free(&bag);
    BIO_free(file);
    file = file_new();
    i2d_PKCS8PrivateKey_bio(file, leaf.key, NULL, NULL, 0, NULL, NULL);
    assert_int_equal(read_file(file, NULL, &bag), 0);
    assert_true(bag.n == 0 && bag.key.n != 0);
    x509_bag_free(&bag);
    BIO_free(file);
    file = file_new();
    i2d_PKCS8PrivateKey_bio(file, leaf.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
    assert_int_equal(read_file(file, "secret", &bag), 0);
    x509_bag_free(&bag);
    refused(file, "Secret", "the file is a private key that this password does not open");
    X509_CRL_free(crl);
}

static void test_keys(void **state)
{
    struct x509_bag bag;
    char wrong[16];
    struct slice plain = entity_key(&leaf);
    const EVP_CIPHER *const cipher = EVP_aes_256_cbc();
    for (int old = 0; old < 2; old++) {
        BIO *file = file_new();
        if (old)
            PEM_write_bio_PrivateKey_traditional(file, leaf.key, cipher,
                                                 (const unsigned char *)"secret", 6, NULL, NULL);
        else
            PEM_write_bio_PKCS8PrivateKey(file, leaf.key, cipher, "secret", 6, NULL, NULL);
        assert_int_equal(read_file(file, "secret", &bag), 0);
        assert_true(slice_eq(bag.key, plain));
        x509_bag_free(&bag);
        assert_int_equal(read_file(file, NULL, &bag), -1);
        assert_says("block 1 is a private key that needs a password: give --password-file FILE");
        /* The old form has no check of its own: some leave bytes that only look whole. */
        for (int i = old ? 2000 : 0; i > 0 && snprintf(wrong, sizeof wrong, "wrong %d", i); i--) {
            assert_int_equal(read_file(file, wrong, &bag), -1);
            assert_says("block 1 is a private key that this password does not open");
        }
        refused(file, "wrong", "block 1 is a private key that this password does not open");
    }
    BIO *file = file_new();
    PEM_write_bio_PrivateKey_traditional(file, leaf.key, NULL, NULL, 0, NULL, NULL);
    assert_int_equal(read_file(file, NULL, &bag), 0);
    assert_true(slice_eq(bag.key, plain));
    x509_bag_free(&bag);
    PEM_write_bio_PrivateKey(file, root.key, NULL, NULL, 0, NULL, NULL);
    refused(file, NULL, "block 2 is a second private key");
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    file = file_new();
    PEM_write_bio_PrivateKey(file, other, NULL, NULL, 0, NULL, NULL);
    refused(file, NULL, "of a kind that TLS 1.3 does not use");
    EVP_PKEY_free(other);
    other = EVP_EC_gen("secp256k1"); /* a curve for which TLS 1.3 has no signature */
    file = file_new();
    PEM_write_bio_PrivateKey(file, other, NULL, NULL, 0, NULL, NULL);
    refused(file, NULL, "of a kind that TLS 1.3 does not use");
    EVP_PKEY_free(other);
    drop(plain);
}

/* A way of stretching that could be told to take for ever is not taken up at all. */
static void test_costly_key(void **state)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(leaf.key);
    X509_ALGOR *pbe = PKCS5_pbe2_set_scrypt(EVP_aes_128_cbc(), NULL, 8, NULL, 1024, 8, 1);
    assert_true(info != NULL && pbe != NULL);
    X509_SIG *sealed = PKCS8_set0_pbe("secret", 6, info, pbe);
    assert_non_null(sealed);
    BIO *file = file_new();
    PEM_write_bio_PKCS8(file, sealed);
    refused(file, "secret",
            "block 1 is a private key whose password is stretched in a way that is "
            "not supported");
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(info);
}

static BIO *pkcs12_file(const char *password, int mac_rounds)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    sk_X509_push(others, middle.x);
    sk_X509_push(others, root.x);
    PKCS12 *p = PKCS12_create(password, "name", leaf.key, leaf.x, others, 0, 0, 0, mac_rounds, 0);
    BIO *file = file_new();
    assert_non_null(p);
    assert_int_equal(i2d_PKCS12_bio(file, p), 1);
    PKCS12_free(p);
    sk_X509_free(others);
    return file;
}

static void test_pkcs12(void **state)
{
    static const char *const password[] = {"secret", "", NULL};
    struct x509_bag bag;
    for (size_t i = 0; i < 3; i++) {
        BIO *file = pkcs12_file(password[i], 1);
        assert_int_equal(read_file(file, i == 0 ? "secret" : NULL, &bag), 0);
        assert_int_equal(bag.n, 3);
        assert_true(bag.key.n != 0);
        assert_true(text_is(bag.item[0].subject, "leaf.example.com"));
        assert_int_equal(x509_own(&bag, "leaf.example.com", false, error, sizeof error), 0);
        assert_int_equal(bag.n, 3);
        x509_bag_free(&bag);
        BIO_free(file);
    }
    refused(pkcs12_file("secret", 1), NULL,
            "the file is a PKCS#12 file that needs a password: give "
            "--password-file FILE");
    refused(pkcs12_file("secret", 1), "Secret", "does not open");
    refused(pkcs12_file("secret", 1), "", "does not open");
    refused(pkcs12_file("secret", -1), "secret", "without a usable integrity check");
}

/* The n-th part of a PKCS#12 file (0: the certificates, 1: the key) whose password would be tried
 * for a minute. */
static BIO *slow_pkcs12(size_t part)
{
    static const uint8_t rounds[] = {2, 3, 1, 0, 1}, many[] = {2, 3, 0x7f, 0, 1};
    PKCS12 *p = PKCS12_create("secret", "name", leaf.key, leaf.x, NULL, 0, 0, 65537, -1, 0);
    uint8_t *der = NULL, *at;
    assert_non_null(p);
    int n = i2d_PKCS12(p, &der);
    PKCS12_free(p);
    at = memmem(der, (size_t)n, rounds, sizeof rounds);
    if (part == 1)
        at = memmem(at + 1, (size_t)(der + n - at) - 1, rounds, sizeof rounds);
    assert_non_null(at);
    memcpy(at, many, sizeof many);
    const uint8_t *q = der;
    p = d2i_PKCS12(NULL, &q, n);
    assert_int_equal(PKCS12_set_mac(p, "secret", -1, NULL, 0, 1, NULL), 1);
    BIO *file = file_new();
    i2d_PKCS12_bio(file, p);
    PKCS12_free(p);
    OPENSSL_free(der);
    return file;
}

static void test_slow_pkcs12(void **state)
{
    for (size_t part = 0; part < 2; part++)
        refused(slow_pkcs12(part), "secret", "would take too long");
}

static void test_pkcs7(void **state)
{
    struct x509_bag bag;
    STACK_OF(X509) *list = sk_X509_new_null();
    sk_X509_push(list, leaf.x);
    sk_X509_push(list, middle.x);
    PKCS7 *bundle = PKCS7_new();
    PKCS7_set_type(bundle, NID_pkcs7_signed);
    PKCS7_content_new(bundle, NID_pkcs7_data);
    for (int i = 0; i < 2; i++)
        PKCS7_add_certificate(bundle, sk_X509_value(list, i));
    for (int pem = 0; pem < 2; pem++) {
        BIO *file = file_new();
        if (pem)
            PEM_write_bio_PKCS7(file, bundle);
        else
            i2d_PKCS7_bio(file, bundle);
        assert_int_equal(read_file(file, NULL, &bag), 0);
        assert_int_equal(bag.n, 2);
        x509_bag_free(&bag);
        BIO_free(file);
    }
    PKCS7_free(bundle);
    sk_X509_free(list);
}

static void test_bad_files(void **state)
{
    char *pem;
    BIO *file = file_new();
    refused(file, NULL, "the file is empty");
    file = file_new();
    BIO_puts(file, "nothing\nof\nthe kind\n");
    refused(file, NULL, "the file holds no certificate, CRL or private key: give one in PEM");
    file = file_new();
    PEM_write_bio_X509(file, leaf.x);
    long n = BIO_get_mem_data(file, &pem);
    BIO *cut = file_new(), *altered = file_new(), *twice = file_new();
    BIO_write(cut, pem, (int)n - 40);
    refused(cut, NULL, "block 1 is no whole PEM block");
    BIO_write(altered, pem, (int)n);
    BIO_write(altered, pem, 200);
    BIO_puts(altered, "\n-----END CERTIFICATE-----\n");
    refused(altered, NULL, "block 2 is no whole ");
    BIO_puts(twice, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    refused(twice, NULL, "block 1 is no whole certificate (");
    BIO_free(file);

    struct slice key = entity_key(&leaf);
    char *request = x509_request(key, "a.example.com", NULL, 0, error, sizeof error);
    file = file_new();
    BIO_puts(file, request);
    refused(file, NULL, "block 1 is a request for a certificate: send it to the authority");
    free(request);
    drop(key);
    static char large[X509_FILE_MAX + 1];
    struct x509_bag bag;
    assert_int_equal(x509_read(slice_make(large, sizeof large), NULL, &bag, error, sizeof error),
                     -1);
    assert_says("larger than 1048576 bytes");
}

static void test_too_many(void **state)
{
    struct spec spec = {.name = "many", .key = "ED25519"};
    BIO *file = file_new();
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    for (int i = 0; i <= X509_ITEMS_MAX; i++) {
        struct entity e = entity_make(&spec, NULL, key);
        PEM_write_bio_X509(file, e.x);
        entity_free(&e);
    }
    refused(file, NULL, "block 257 is more than can be taken: give at most 256");
    EVP_PKEY_free(key);
}

static struct x509_report facts_of(const struct entity *e)
{
    struct slice der = entity_der(e);
    struct x509_report r;
    assert_int_equal(x509_facts(der, &r), 0);
    assert_true(slice_eq(r.certificate.der, der));
    assert_int_equal(
        x509_facts(slice_make(der.p, der.n - 1), &(struct x509_report){.memory = NULL}), -1);
    drop(der);
    return r;
}

static void test_names(void **state)
{
    struct spec spec = {.name = "cn.example.com",
                        .san = "DNS:A.Example.com,IP:10.0.0.1,email:x@example.com,IP:2001:db8::1,"
                               "DNS:with blank.example.com,DNS:*.b.example.com,DNS:line(1)"};
    struct entity e = entity_make(&spec, NULL, NULL);
    struct x509_report r = facts_of(&e);
    const struct certificate *c = &r.certificate;
    assert_int_equal(c->name_n, 4);
    assert_true(text_is(c->name[0], "a.example.com") && text_is(c->name[1], "10.0.0.1"));
    assert_true(text_is(c->name[2], "2001:db8::1") && text_is(c->name[3], "*.b.example.com"));
    assert_true(text_is(c->subject, "a.example.com"));
    assert_true(c->present && c->self_signed && !c->authority && !c->imported && c->error == 0);
    x509_report_free(&r);
    entity_free(&e);

    spec = (struct spec){.name = "CN.example.com"};
    e = entity_make(&spec, NULL, NULL);
    r = facts_of(&e);
    assert_true(r.certificate.name_n == 1 && text_is(r.certificate.name[0], "cn.example.com"));
    x509_report_free(&r);
    entity_free(&e);

    spec = (struct spec){.name = "b\xc3\xbc\xc3\xbc", .san = "email:x@example.com"};
    e = entity_make(&spec, NULL, NULL);
    r = facts_of(&e);
    assert_int_equal(r.certificate.name_n, 0);
    for (size_t i = 0; i < r.certificate.subject.n; i++)
        assert_true(r.certificate.subject.p[i] >= ' ' && r.certificate.subject.p[i] <= '~');
    x509_report_free(&r);
    entity_free(&e);
}

/* A name of the SAN with a NUL inside is no name; more than 16 are not looked at. */
static void test_hostile_names(void **state)
{
    struct spec spec = {.name = "x"};
    struct entity e = entity_make(&spec, NULL, NULL);
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    for (int i = 0; i < 20; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        char dns[] = "good\0.example.com";
        dns[0] = (char)('a' + i);
        ASN1_STRING_set(text, dns, i == 3 ? 17 : 4);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        sk_GENERAL_NAME_push(names, name);
    }
    assert_int_equal(X509_add1_ext_i2d(e.x, NID_subject_alt_name, names, 0, 0), 1);
    assert_true(X509_sign(e.x, e.key, EVP_sha256()) > 0);
    struct x509_report r = facts_of(&e);
    assert_int_equal(r.certificate.name_n, CERTIFICATE_NAMES);
    for (size_t i = 0; i < r.certificate.name_n; i++)
        assert_int_equal(r.certificate.name[i].n, 4);
    assert_true(text_is(r.certificate.name[3], "eood"));
    x509_report_free(&r);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    entity_free(&e);
}

static void test_make(void **state)
{
    static const char *const more[] = {"other.example.com", "10.1.2.3", "2001:db8::2"};
    struct x509_bag bag, again;
    struct x509_report r;
    assert_int_equal(
        x509_make("One.example.com", more, 3, slice_make(NULL, 0), 1825, &bag, error, sizeof error),
        0);
    assert_true(bag.n == 1 && bag.key.n != 0);
    assert_int_equal(x509_facts(bag.item[0].der, &r), 0);
    const struct certificate *c = &r.certificate;
    assert_int_equal(c->name_n, 4);
    assert_true(certificate_names(c, slice_of("one.example.com")));
    assert_true(certificate_names(c, slice_of("2001:db8::2")));
    assert_true(c->self_signed && !c->authority);
    assert_true(c->not_before < wall_after(-299) && c->not_before > wall_after(-400));
    assert_true(c->not_after > wall_after(1824L * DAY_S) &&
                c->not_after < wall_after(1826L * DAY_S));
    assert_int_equal(x509_own(&bag, "one.example.com", false, error, sizeof error), 0);

    struct x509_store_item item = {false, bag.item[0].der};
    struct x509_store *store = x509_store_new(&item, 1);
    /* Another certificate with the same key: nothing to import. */
    assert_int_equal(
        x509_make("one.example.com", NULL, 0, bag.key, 30, &again, error, sizeof error), 0);
    assert_true(slice_eq(again.key, bag.key));
    assert_memory_not_equal(again.item[0].fingerprint, bag.item[0].fingerprint, FINGERPRINT_SIZE);
    x509_report_free(&r);
    assert_int_equal(
        x509_verify(store, again.item[0].der, slice_make(NULL, 0), X509_AS_BOTH, wall_after(0), &r),
        0);
    assert_true(r.certificate.imported && r.certificate.error == 0);
    assert_true(r.certificate.ends == r.certificate.not_after);
    x509_report_free(&r);
    x509_store_free(store);
    x509_bag_free(&again);
    x509_bag_free(&bag);
}

static void test_make_refuses(void **state)
{
    static const struct {
        const char *fqdn, *more;
        int days;
        const char *says;
    } row[] = {
        {"", NULL, 10, "\"\" is no host name"},
        {"a b", NULL, 10, "\"a b\" is no host name"},
        {"10.0.0.1,DNS:x", NULL, 10, "is no host name"},
        {"a..example.com", NULL, 10, "is no host name"},
        {"a.example.com", "x/y", 10, "\"x/y\" is no host name and no numeric address"},
        {"a.example.com", NULL, 0, "0 days: give 1 to 36500 days"},
        {"a.example.com", NULL, 36501, "give 1 to"},
    };
    struct x509_bag bag;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(x509_make(row[i].fqdn, &row[i].more, row[i].more != NULL,
                                   slice_make(NULL, 0), row[i].days, &bag, error, sizeof error),
                         -1);
        assert_says(row[i].says);
    }
    assert_int_equal(
        x509_make("a.example.com", NULL, 0, slice_make("x", 1), 9, &bag, error, sizeof error), -1);
    assert_says("reading the key failed");
    assert_null(x509_request(slice_make("x", 1), "a.example.com", NULL, 0, error, sizeof error));
    assert_says("reading the key failed");
    /* A name that does not fit into the subject is in the SAN all the same. */
    char name[200];
    memset(name, 'a', sizeof name);
    for (size_t i = 50; i < sizeof name; i += 50)
        name[i] = '.';
    memcpy(name + sizeof name - 5, ".com", 5);
    assert_int_equal(x509_make(name, NULL, 0, slice_make(NULL, 0), 9, &bag, error, sizeof error),
                     0);
    assert_true(text_is(bag.item[0].subject, name));
    x509_bag_free(&bag);
}

static void test_request(void **state)
{
    static const char *const more[] = {"10.1.2.3"};
    struct entity rsa = entity_make(&(struct spec){.name = "x", .key = "RSA2048"}, NULL, NULL);
    struct entity edwards = entity_make(&(struct spec){.name = "x", .key = "ED25519"}, NULL, NULL);
    const struct entity *const all[] = {&leaf, &rsa, &edwards};
    for (size_t i = 0; i < 3; i++) {
        struct slice key = entity_key(all[i]);
        char *text = x509_request(key, "a.example.com", more, 1, error, sizeof error);
        assert_non_null(text);
        BIO *file = BIO_new_mem_buf(text, -1);
        X509_REQ *request = PEM_read_bio_X509_REQ(file, NULL, NULL, NULL);
        assert_non_null(request);
        assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
        STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(request);
        assert_true(X509v3_get_ext_by_NID(list, NID_ext_key_usage, -1) >= 0);
        assert_true(X509v3_get_ext_by_NID(list, NID_subject_alt_name, -1) >= 0);
        sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
        X509_REQ_free(request);
        BIO_free(file);
        free(text);
        drop(key);
    }
    entity_free(&rsa);
    entity_free(&edwards);
}

/* A file with that certificate, its key (or another one), and the chain in the wrong order. */
static struct x509_bag own_file(const struct entity *e, const struct entity *key)
{
    struct x509_bag bag;
    BIO *file = file_new();
    X509_CRL *crl = crl_make(&root, NULL, -10, DAY_S);
    PEM_write_bio_X509(file, root.x);
    PEM_write_bio_X509_CRL(file, crl);
    PEM_write_bio_X509(file, e->x);
    PEM_write_bio_X509(file, middle.x);
    if (key != NULL)
        PEM_write_bio_PrivateKey(file, key->key, NULL, NULL, 0, NULL, NULL);
    assert_int_equal(read_file(file, NULL, &bag), 0);
    X509_CRL_free(crl);
    BIO_free(file);
    return bag;
}

static void own_refused(const struct spec *spec, const struct entity *issuer, const char *says)
{
    struct entity e = entity_make(spec, issuer, NULL);
    struct x509_bag bag = own_file(&e, &e);
    assert_int_equal(x509_own(&bag, "a.example.com", false, error, sizeof error), -1);
    assert_says(says);
    assert_int_equal(x509_own(&bag, "a.example.com", true, error, sizeof error), 0);
    x509_bag_free(&bag);
    entity_free(&e);
}

static void test_own(void **state)
{
    static const char both[] = "serverAuth,clientAuth";
    struct x509_bag bag = own_file(&leaf, &leaf);
    assert_int_equal(x509_own(&bag, "leaf.example.com", false, error, sizeof error), 0);
    assert_int_equal(bag.n, 3);
    assert_true(text_is(bag.item[0].subject, "leaf.example.com"));
    assert_true(text_is(bag.item[1].subject, "CN=Test Middle"));
    assert_true(text_is(bag.item[2].subject, "CN=Test Root"));
    x509_bag_free(&bag);
    bag = own_file(&leaf, NULL);
    assert_int_equal(x509_own(&bag, "leaf.example.com", true, error, sizeof error), -1);
    assert_says("there is no private key");
    bag.key = slice_make("x", 1);
    assert_int_equal(x509_own(&bag, "leaf.example.com", true, error, sizeof error), -1);
    assert_says("the private key cannot be read");
    x509_bag_free(&bag);
    struct entity other = entity_leaf("other.example.com", &middle);
    bag = own_file(&leaf, &other);
    assert_int_equal(x509_own(&bag, "leaf.example.com", true, error, sizeof error), -1);
    assert_says("no certificate fits the key");
    x509_bag_free(&bag);
    entity_free(&other);

    struct spec spec = {.name = "b", .san = "DNS:b.example.com", .purposes = both};
    own_refused(&spec, &middle, "names b.example.com, not a.example.com");
    spec.san = "DNS:a.example.com";
    spec.purposes = "serverAuth";
    own_refused(&spec, &middle, "is not for both server and client authentication");
    spec.purposes = "clientAuth";
    own_refused(&spec, &middle, "is not for both server and client authentication");
    spec.purposes = both;
    spec.from_s = -3 * DAY_S;
    spec.to_s = -DAY_S;
    own_refused(&spec, &middle, "the certificate expired on 20");
    spec.from_s = DAY_S;
    spec.to_s = 2 * DAY_S;
    own_refused(&spec, &middle, "is not valid before 20");
    spec.from_s = spec.to_s = 0;
    spec.digest = "SHA1";
    own_refused(&spec, &middle, "signed in a way that is too weak");
    spec.digest = NULL;
    spec.key = "RSA1024";
    own_refused(&spec, &middle, "the key of the certificate is too weak");
}

/* The verdict of a store with these entities and CRL on leaf and middle. */
static int verdict(const struct entity *const *trusted, size_t n, X509_CRL *crl, bool with_chain,
                   struct x509_report *ret)
{
    struct x509_store_item item[8];
    for (size_t i = 0; i < n; i++)
        item[i] = (struct x509_store_item){false, entity_der(trusted[i])};
    if (crl != NULL)
        item[n++] = (struct x509_store_item){true, crl_der(crl)};
    item[n] = (struct x509_store_item){n % 2 != 0, slice_of("no such thing")}; /* left out */
    struct x509_store *store = x509_store_new(item, n + 1);
    struct slice der = entity_der(&leaf), chain = entity_der(&middle);
    assert_non_null(store);
    assert_int_equal(x509_verify(store, der, with_chain ? chain : slice_make(NULL, 0), X509_AS_BOTH,
                                 wall_after(0), ret),
                     0);
    for (size_t i = 0; i < n; i++)
        drop(item[i].der);
    drop(der);
    drop(chain);
    x509_store_free(store);
    return ret->certificate.error;
}

static void test_verify(void **state)
{
    const struct entity *const with_root[] = {&root}, *const with_middle[] = {&middle};
    const struct entity *const with_leaf[] = {&leaf};
    struct x509_report r;
    assert_int_equal(verdict(with_root, 1, NULL, true, &r), 0);
    assert_true(r.certificate.chained && !r.certificate.imported);
    assert_true(r.certificate.ends <= r.certificate.not_after);
    x509_report_free(&r);
    assert_int_equal(verdict(with_root, 1, NULL, false, &r), CERTIFICATE_NO_ISSUER_LOCALLY);
    assert_false(r.certificate.chained);
    assert_true(r.certificate.error_text.n != 0 && r.certificate.record[2].n != 0);
    x509_report_free(&r);
    assert_int_equal(verdict(with_middle, 1, NULL, false, &r), 0); /* no root, and enough */
    assert_true(r.certificate.chained);
    x509_report_free(&r);
    assert_int_equal(verdict(with_leaf, 1, NULL, false, &r), 0);
    assert_true(r.certificate.imported && !r.certificate.chained);
    x509_report_free(&r);
    assert_int_equal(verdict(NULL, 0, NULL, true, &r), CERTIFICATE_NO_ISSUER_LOCALLY);
    x509_report_free(&r);
}

/* Revoked: in the chain, imported, without the issuer at hand; by a CRL that is over as well. */
static void test_revoked(void **state)
{
    const struct entity *const roots[] = {&root, &middle}, *const with_leaf[] = {&leaf};
    const struct entity *const leaf_and_middle[] = {&leaf, &middle};
    struct entity stranger = entity_authority("Test Middle", NULL);
    X509_CRL *now = crl_make(&middle, leaf.x, -10, DAY_S);
    X509_CRL *over = crl_make(&middle, leaf.x, -2 * DAY_S, -DAY_S);
    X509_CRL *empty = crl_make(&middle, NULL, -10, DAY_S);
    X509_CRL *forged = crl_make(&stranger, leaf.x, -10, DAY_S);
    X509_CRL *of_root = crl_make(&root, middle.x, -10, DAY_S);
    const struct {
        const struct entity *const *trusted;
        size_t n;
        X509_CRL *crl;
        int error, depth;
    } row[] = {
        {roots, 1, now, CERTIFICATE_REVOKED, 0},
        {roots, 1, over, CERTIFICATE_REVOKED, 0},
        {roots, 1, empty, 0, 0},
        {roots, 1, forged, 0, 0},
        {roots, 1, of_root, CERTIFICATE_REVOKED, 1},
        {with_leaf, 1, now, CERTIFICATE_REVOKED, 0},
        {leaf_and_middle, 2, forged, 0, 0},
        {with_leaf, 1, of_root, 0, 0},
        {with_leaf, 1, empty, 0, 0},
        {roots + 1, 1, of_root, CERTIFICATE_REVOKED, 1},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct x509_report r;
        assert_int_equal(verdict(row[i].trusted, row[i].n, row[i].crl, true, &r), row[i].error);
        assert_int_equal(r.certificate.depth, row[i].depth);
        x509_report_free(&r);
    }
    /* The later CRL of one issuer counts: what it does not list any more is good again. */
    struct x509_store_item item[] = {{false, entity_der(&root)},
                                     {true, crl_der(empty)},
                                     {true, crl_der(over)},
                                     {true, crl_der(empty)}};
    struct slice der = entity_der(&leaf), chain = entity_der(&middle);
    for (size_t from = 0; from < 2; from++) {
        struct x509_store_item some[] = {item[0], item[1 + from], item[2 + from]};
        struct x509_store *store = x509_store_new(some, 3);
        struct x509_report r;
        assert_int_equal(x509_verify(store, der, chain, X509_AS_BOTH, wall_after(0), &r), 0);
        assert_int_equal(r.certificate.error, 0);
        x509_report_free(&r);
        x509_store_free(store);
    }
    for (size_t i = 0; i < 4; i++)
        drop(item[i].der);
    drop(der);
    drop(chain);
    X509_CRL_free(now);
    X509_CRL_free(over);
    X509_CRL_free(empty);
    X509_CRL_free(forged);
    X509_CRL_free(of_root);
    entity_free(&stranger);
}

/* An authority that was imported as somebody's certificate stands for itself alone. */
static void test_leaf_alone(void **state)
{
    struct x509_store_item item = {false, entity_der(&root), .leaf = true};
    struct x509_store *store = x509_store_new(&item, 1);
    struct slice der = entity_der(&leaf), chain = entity_der(&middle);
    struct x509_report r;
    assert_int_equal(x509_verify(store, item.der, slice_make(NULL, 0), X509_AS_BOTH, wall_after(0),
                                 &r), 0);
    assert_true(r.certificate.imported);
    x509_report_free(&r);
    assert_int_equal(x509_verify(store, der, chain, X509_AS_BOTH, wall_after(0), &r), 0);
    assert_int_equal(r.certificate.error, CERTIFICATE_NO_ISSUER_LOCALLY);
    assert_false(r.certificate.chained);
    x509_report_free(&r);
    x509_store_free(store);
    drop(item.der);
    drop(der);
    drop(chain);
}

/* Whoever has the key of a revoked certificate makes himself another one: that one is nobody's. The
 * revoked one itself is told as revoked; one that is not revoked carries its key on. */
static void test_revoked_key(void **state)
{
    struct spec spec = {.name = "leaf", .san = "DNS:leaf.example.com",
                        .purposes = "serverAuth,clientAuth"};
    struct entity again = entity_make(&spec, NULL, leaf.key);
    struct entity reissued = entity_make(&spec, &middle, leaf.key);
    X509_CRL *crl = crl_make(&middle, leaf.x, -10, DAY_S);
    struct x509_store_item item[] = {{false, entity_der(&middle)}, {false, entity_der(&leaf)},
                                     {true, crl_der(crl)}, {false, entity_der(&reissued)}};
    struct slice der = entity_der(&again);
    struct x509_report r;
    struct x509_store *store = x509_store_new(item, 3);
    assert_int_equal(x509_verify(store, der, slice_make(NULL, 0), X509_AS_BOTH, wall_after(0), &r),
                     0);
    assert_false(r.certificate.imported);
    assert_int_equal(r.certificate.error, CERTIFICATE_SELF_SIGNED);
    x509_report_free(&r);
    assert_int_equal(x509_verify(store, item[1].der, slice_make(NULL, 0), X509_AS_BOTH,
                                 wall_after(0), &r), 0);
    assert_int_equal(r.certificate.error, CERTIFICATE_REVOKED);
    assert_true(r.certificate.imported);
    x509_report_free(&r);
    x509_store_free(store);
    store = x509_store_new(item, 4);
    assert_int_equal(x509_verify(store, der, slice_make(NULL, 0), X509_AS_BOTH, wall_after(0), &r),
                     0);
    assert_true(r.certificate.imported && r.certificate.error == 0);
    x509_report_free(&r);
    x509_store_free(store);
    for (size_t i = 0; i < 4; i++)
        drop(item[i].der);
    drop(der);
    X509_CRL_free(crl);
    entity_free(&again);
    entity_free(&reissued);
}

static void test_no_certificate_at_all(void **state)
{
    struct x509_store *store = x509_store_new(NULL, 0);
    struct x509_report r;
    assert_int_equal(x509_verify(store, slice_of("x"), slice_make(NULL, 0), X509_AS_BOTH, 0, &r),
                     -1);
    assert_null(r.memory);
    assert_int_equal(x509_facts(slice_make(NULL, 0), &r), -1);
    x509_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_der),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_costly_key),
        cmocka_unit_test(test_pkcs12),
        cmocka_unit_test(test_slow_pkcs12),
        cmocka_unit_test(test_pkcs7),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_make_refuses),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_leaf_alone),
        cmocka_unit_test(test_revoked_key),
        cmocka_unit_test(test_no_certificate_at_all),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
