/* Any file, read as certificates; then what it holds is trust store, leaf and chain at once. What
 * is read is read again from its own bytes, and is the same. */
#include "driver/x509.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AT (INT64_C(1790000000) * TICK_S)

static void read_again(const struct x509_item *item)
{
    char error[X509_ERROR];
    struct x509_bag bag;
    struct x509_report report;
    int wrong = x509_read(item->der, NULL, &bag, error, sizeof error);
    assert(wrong == 0 && bag.n == 1 && bag.item[0].crl == item->crl);
    assert(memcmp(bag.item[0].fingerprint, item->fingerprint, FINGERPRINT_SIZE) == 0);
    assert(slice_eq(bag.item[0].der, item->der));
    x509_bag_free(&bag);
    if (item->crl)
        return;
    wrong = x509_facts(item->der, &report);
    assert(wrong == 0 && report.certificate.name_n <= CERTIFICATE_NAMES);
    for (size_t i = 0; i < report.certificate.subject.n; i++)
        assert(report.certificate.subject.p[i] >= ' ' && report.certificate.subject.p[i] <= '~');
    x509_report_free(&report);
}

/* The first half of what was read is trusted; the last certificate is verified, through the rest.
 */
static void verify(const struct x509_bag *bag)
{
    static uint8_t chain[X509_FILE_MAX];
    struct x509_store_item item[X509_ITEMS_MAX];
    size_t chain_n = 0;
    for (size_t i = 0; i < bag->n; i++) {
        item[i] = (struct x509_store_item){bag->item[i].crl, bag->item[i].der};
        if (bag->item[i].der.n <= sizeof chain - chain_n) {
            memcpy(chain + chain_n, bag->item[i].der.p, bag->item[i].der.n);
            chain_n += bag->item[i].der.n;
        }
    }
    for (enum x509_use use = X509_AS_SERVER; use <= X509_AS_BOTH; use++) {
        struct x509_store *store = x509_store_new(item, use == X509_AS_BOTH ? bag->n : bag->n / 2);
        struct x509_report report;
        assert(store != NULL);
        if (x509_verify(store, item[bag->n - 1].der, slice_make(chain, chain_n), use, AT,
                        &report) == 0) {
            assert(use != X509_AS_BOTH || report.certificate.imported);
            assert(!(report.certificate.imported && report.certificate.chained));
            assert((report.certificate.error == 0) == (report.certificate.error_text.n == 0));
            x509_report_free(&report);
        }
        x509_store_free(store);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[X509_ERROR] = "";
    struct x509_bag bag;
    struct x509_report report;
    if (size == 0)
        return 0;
    struct slice bytes = slice_make(data + 1, size - 1);
    if (x509_facts(bytes, &report) == 0)
        x509_report_free(&report);
    if (x509_read(bytes, data[0] % 2 != 0 ? "secret" : NULL, &bag, error, sizeof error) != 0) {
        assert(strlen(error) > 10 && bag.n == 0 && bag.memory == NULL);
        return 0;
    }
    for (size_t i = 0; i < bag.n; i++)
        read_again(&bag.item[i]);
    if (bag.n != 0)
        verify(&bag);
    x509_own(&bag, "leaf.example.com", false, error, sizeof error);
    x509_bag_free(&bag);
    return 0;
}
