/* Revocation lists: which of several counts, and which is refused at an import. */
#include "authority.h"
#include "test.h"

#include <openssl/evp.h>
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

static int verdict_of(const struct x509_store_item *item, size_t n, bool with_chain)
{
    struct x509_store *store = x509_store_new(item, n);
    struct slice der = entity_der(&leaf), chain = entity_der(&middle);
    struct x509_report r;
    assert_non_null(store);
    assert_int_equal(x509_verify(store, der, with_chain ? chain : slice_make(NULL, 0),
                                 X509_AS_BOTH, wall_after(0), &r), 0);
    int found = r.certificate.error;
    x509_report_free(&r);
    x509_store_free(store);
    drop(der);
    drop(chain);
    return found;
}

/* A later CRL takes the place of an earlier one only where its signature holds by a key that is
 * known: in the chain or in the store. Its place in the file does not matter. */
static void test_forged_later(void **state)
{
    struct entity stranger = entity_authority("Test Middle", NULL);
    X509_CRL *old = crl_make(&middle, leaf.x, -2 * DAY_S, -DAY_S);
    X509_CRL *forged = crl_make(&middle, NULL, -10, DAY_S);
    X509_CRL *later = crl_make(&middle, NULL, -5, DAY_S);
    assert_true(X509_CRL_sign(forged, stranger.key, EVP_sha256()) > 0);
    const struct entity *const anchor[] = {&root, &middle, &leaf};
    struct slice bad = crl_der(forged), good = crl_der(later), first = crl_der(old);
    for (size_t i = 0; i < 3; i++) {
        struct slice der = entity_der(anchor[i]), of_middle = entity_der(&middle);
        struct x509_store_item item[] = {
            {false, der}, {true, first}, {true, bad}, {false, of_middle}, {true, good}};
        struct x509_store_item turned[] = {{true, bad}, {true, first}, {false, der}};
        bool chain = i == 0; /* else its issuer, or itself, is in the store */
        assert_int_equal(verdict_of(item, 3, chain), CERTIFICATE_REVOKED);
        assert_int_equal(verdict_of(turned, 3, chain), CERTIFICATE_REVOKED);
        assert_int_equal(verdict_of(item, 4, chain), CERTIFICATE_REVOKED);
        assert_int_equal(verdict_of(item, 5, chain), 0);
        item[3] = item[4];
        assert_int_equal(verdict_of(item, 4, chain), i == 2 ? CERTIFICATE_REVOKED : 0);
        drop(der);
        drop(of_middle);
    }
    drop(bad);
    drop(good);
    drop(first);
    X509_CRL_free(old);
    X509_CRL_free(forged);
    X509_CRL_free(later);
    entity_free(&stranger);
}

/* At an import: an authority of that name is known, and did not sign it. */
static void test_crls_hold(void **state)
{
    struct entity stranger = entity_authority("Test Middle", NULL);
    X509_CRL *good = crl_make(&middle, leaf.x, -10, DAY_S);
    X509_CRL *forged = crl_make(&stranger, NULL, -5, DAY_S);
    struct x509_store_item item[] = {{false, entity_der(&middle)}, {true, crl_der(good)},
                                     {true, crl_der(forged)}, {false, entity_der(&stranger)}};
    assert_int_equal(x509_crls_hold(item, 2, error, sizeof error), 0);
    assert_int_equal(x509_crls_hold(item + 1, 2, error, sizeof error), 0); /* nobody to ask */
    assert_int_equal(x509_crls_hold(item, 3, error, sizeof error), -1);
    assert_non_null(strstr(error, "the CRL of CN=Test Middle is not signed by the authority of "));
    assert_int_equal(x509_crls_hold(item, 4, error, sizeof error), 0); /* its next key */
    item[0].leaf = true; /* who stands for himself signs nothing */
    assert_int_equal(x509_crls_hold(item, 3, error, sizeof error), 0);
    for (size_t i = 0; i < 4; i++)
        drop(item[i].der);
    X509_CRL_free(good);
    X509_CRL_free(forged);
    entity_free(&stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forged_later),
        cmocka_unit_test(test_crls_hold),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
