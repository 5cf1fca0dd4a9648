/* x509_make: one's own certificate: made, asked for, or judged before it is put to use. */
#include "driver/x509_inside.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COMMON_NAME_MAX 64
#define DAYS_MAX        36500
#define EARLY_S         300 /* a certificate is valid a little earlier, for clocks that are slow */

static int say(char *error, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int say(char *error, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, size, format, args);
    va_end(args);
    ERR_clear_error();
    return -1;
}

/* With OpenSSL's own reason. */
static int say_failed(char *error, size_t size, const char *what)
{
    struct x509_record record = {.text = {"no memory"}};
    x509_record_take(&record);
    return say(error, size, "%s failed: %s", what, record.text[0]);
}

EVP_PKEY *x509_key(struct slice der)
{
    const uint8_t *p = der.p;
    if (der.n == 0 || der.n > X509_FILE_MAX)
        return NULL;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
    EVP_PKEY *key = info != NULL ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

static bool is_host_name(const char *name)
{
    size_t n = strlen(name), label = 0;
    if (n == 0 || n > CERTIFICATE_NAME_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = ascii_lower((uint8_t)name[i]);
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!good && (c != '.' || label == 0))
            return false;
        label = good ? label + 1 : 0;
        if (label > 63)
            return false;
    }
    return label != 0;
}

static bool add_name(GENERAL_NAMES *names, const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(text);
    ASN1_IA5STRING *dns = ip == NULL ? ASN1_IA5STRING_new() : NULL;
    if (name == NULL || (ip == NULL && dns == NULL) ||
        (dns != NULL && ASN1_STRING_set(dns, text, -1) != 1) ||
        sk_GENERAL_NAME_push(names, name) == 0) {
        GENERAL_NAME_free(name);
        ASN1_OCTET_STRING_free(ip);
        ASN1_IA5STRING_free(dns);
        return false;
    }
    if (ip != NULL)
        GENERAL_NAME_set0_value(name, GEN_IPADD, ip);
    else
        GENERAL_NAME_set0_value(name, GEN_DNS, dns);
    ERR_clear_error();
    return true;
}

/* The names as a subjectAltName; NULL: error says which name is none. */
static GENERAL_NAMES *make_names(const char *fqdn, const char *const *more, size_t more_n,
                                 char *error, size_t size)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    const char *wrong = names == NULL ? "" : NULL;
    for (size_t i = 0; i <= more_n && wrong == NULL; i++) {
        const char *text = i == 0 ? fqdn : more[i - 1];
        ASN1_OCTET_STRING *ip = i != 0 ? a2i_IPADDRESS(text) : NULL;
        if ((ip == NULL && !is_host_name(text)) || !add_name(names, text))
            wrong = text;
        ASN1_OCTET_STRING_free(ip);
    }
    ERR_clear_error();
    if (wrong == NULL && more_n < CERTIFICATE_NAMES)
        return names;
    if (wrong == NULL)
        say(error, size, "more than %d names: leave some out", CERTIFICATE_NAMES);
    else
        say(error, size, "\"%.100s\" is no %s: give a name like cluster1.example.com", wrong,
            wrong == fqdn ? "host name" : "host name and no numeric address");
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    return NULL;
}

static bool name_subject(X509_NAME *subject, const char *fqdn)
{
    size_t n = strlen(fqdn);
    if (n > COMMON_NAME_MAX) /* the whole name stands in the subjectAltName */
        n = slice_find(slice_of(fqdn), '.');
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC,
                                      (const unsigned char *)fqdn, (int)n, -1, 0) == 1;
}

/* Both purposes, no authority; the same for a certificate and for a request. */
static bool add_extensions(STACK_OF(X509_EXTENSION) * *list, GENERAL_NAMES *names)
{
    static const struct {
        int nid;
        const char *value;
    } fixed[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth,clientAuth"},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, fixed[i].nid, fixed[i].value);
        bool good = e != NULL && X509v3_add_ext(list, e, -1) != NULL;
        X509_EXTENSION_free(e);
        if (!good)
            return false;
    }
    return X509V3_add1_i2d(list, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
}

static const EVP_MD *digest_for(const EVP_PKEY *key)
{
    bool edwards = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
    return edwards ? NULL : EVP_sha256();
}

static bool set_serial(X509 *x)
{
    uint8_t random[16];
    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    random[0] = (uint8_t)((random[0] & 0x3f) | 0x40); /* positive, and always as long */
    BIGNUM *n = BN_bin2bn(random, sizeof random, NULL);
    bool good = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
    BN_free(n);
    return good;
}

static bool add_key_id(X509 *x)
{
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned int n;
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    bool good = value != NULL && X509_pubkey_digest(x, EVP_sha1(), id, &n) == 1 &&
                ASN1_OCTET_STRING_set(value, id, (int)n) == 1 &&
                X509_add1_ext_i2d(x, NID_subject_key_identifier, value, 0, 0) == 1;
    ASN1_OCTET_STRING_free(value);
    return good;
}

static X509 *make_certificate(EVP_PKEY *key, const char *fqdn, GENERAL_NAMES *names, int days)
{
    X509 *x = X509_new();
    STACK_OF(X509_EXTENSION) *list = NULL;
    bool good = x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
                X509_gmtime_adj(X509_getm_notBefore(x), -EARLY_S) != NULL &&
                X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL) != NULL &&
                name_subject(X509_get_subject_name(x), fqdn) &&
                X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
                X509_set_pubkey(x, key) == 1 && add_extensions(&list, names);
    for (int i = 0; i < sk_X509_EXTENSION_num(list) && good; i++)
        good = X509_add_ext(x, sk_X509_EXTENSION_value(list, i), -1) == 1;
    good = good && add_key_id(x) && X509_sign(x, key, digest_for(key)) > 0;
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    if (good)
        return x;
    X509_free(x);
    return NULL;
}

int x509_make(const char *fqdn, const char *const *more, size_t more_n, struct slice key, int days,
              struct x509_bag *ret, char *error, size_t size)
{
    *ret = (struct x509_bag){.n = 0};
    if (days < 1 || days > DAYS_MAX)
        return say(error, size, "%d days: give 1 to %d days", days, DAYS_MAX);
    GENERAL_NAMES *names = make_names(fqdn, more, more_n, error, size);
    if (names == NULL)
        return -1;
    int wrong = -1;
    X509 *x = NULL;
    EVP_PKEY *k = key.n != 0 ? x509_key(key) : EVP_EC_gen("P-256");
    if (k == NULL) {
        say_failed(error, size, key.n != 0 ? "reading the key" : "making a key");
        goto out;
    }
    x = make_certificate(k, fqdn, names, days);
    if (x == NULL || x509_bag_add(ret, x) < 0 || x509_bag_key(ret, k) < 0) {
        say_failed(error, size, "making the certificate");
        x509_bag_free(ret);
        goto out;
    }
    wrong = 0;
out:
    X509_free(x);
    EVP_PKEY_free(k);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    ERR_clear_error();
    return wrong;
}

char *x509_request(struct slice key, const char *fqdn, const char *const *more, size_t more_n,
                   char *error, size_t size)
{
    GENERAL_NAMES *names = make_names(fqdn, more, more_n, error, size);
    if (names == NULL)
        return NULL;
    char *text = NULL, *pem = NULL;
    STACK_OF(X509_EXTENSION) *list = NULL;
    EVP_PKEY *k = x509_key(key);
    X509_REQ *request = X509_REQ_new();
    BIO *out = BIO_new(BIO_s_mem());
    if (k != NULL && request != NULL && out != NULL && X509_REQ_set_version(request, 0) == 1 &&
        name_subject(X509_REQ_get_subject_name(request), fqdn) && add_extensions(&list, names) &&
        X509_REQ_add_extensions(request, list) == 1 && X509_REQ_set_pubkey(request, k) == 1 &&
        X509_REQ_sign(request, k, digest_for(k)) > 0 && PEM_write_bio_X509_REQ(out, request) == 1) {
        size_t n = (size_t)BIO_get_mem_data(out, &pem);
        text = malloc(n + 1);
        if (text != NULL)
            slice_to_text(slice_make(pem, n), text, n + 1);
    }
    if (text == NULL)
        say_failed(error, size, k == NULL ? "reading the key" : "making the request");
    BIO_free(out);
    X509_REQ_free(request);
    EVP_PKEY_free(k);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    ERR_clear_error();
    return text;
}
