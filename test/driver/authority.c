/* authority: see authority.h. */
#include "authority.h"
#include "test.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

wall wall_after(long s)
{
    return ((wall)time(NULL) + s) * TICK_S;
}

static EVP_PKEY *make_key(const char *kind)
{
    EVP_PKEY *key;
    if (kind == NULL)
        kind = "P-256";
    if (strncmp(kind, "RSA", 3) == 0)
        key = EVP_RSA_gen((unsigned)strtoul(kind + 3, NULL, 10));
    else if (strncmp(kind, "ED", 2) == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
    else
        key = EVP_EC_gen(kind);
    assert_non_null(key);
    return key;
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    if (value == NULL)
        return;
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void add_unknown(X509 *x)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2), 1);
    X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
}

static void add_extensions(X509 *x, X509 *issuer, const struct spec *spec)
{
    extend(x, issuer, NID_basic_constraints, spec->constraints);
    extend(x, issuer, NID_key_usage, spec->usage);
    extend(x, issuer, NID_ext_key_usage, spec->purposes);
    extend(x, issuer, NID_name_constraints, spec->limits);
    extend(x, issuer, NID_subject_alt_name, spec->san);
    if (!spec->no_key_ids) {
        extend(x, issuer, NID_subject_key_identifier, "hash");
        if (X509_get0_subject_key_id(issuer) != NULL)
            extend(x, issuer, NID_authority_key_identifier, "keyid");
    }
    if (spec->unknown_critical)
        add_unknown(x);
}

struct entity entity_make(const struct spec *spec, const struct entity *issuer, EVP_PKEY *key)
{
    uint64_t serial;
    struct entity e = {X509_new(), key};
    if (key != NULL)
        EVP_PKEY_up_ref(key);
    else
        e.key = make_key(spec->key);
    const struct entity *by = issuer != NULL ? issuer : &e;
    bool usual = spec->from_s == 0 && spec->to_s == 0;
    assert_int_equal(RAND_bytes((uint8_t *)&serial, sizeof serial), 1);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(e.x), serial | 1);
    X509_gmtime_adj(X509_getm_notBefore(e.x), usual ? -DAY_S : spec->from_s);
    X509_gmtime_adj(X509_getm_notAfter(e.x), usual ? 365 * DAY_S : spec->to_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(e.x), "CN", MBSTRING_ASC,
                               (const unsigned char *)spec->name, -1, -1, 0);
    X509_set_issuer_name(e.x, X509_get_subject_name(by->x));
    X509_set_pubkey(e.x, e.key);
    if (!spec->version_1) {
        X509_set_version(e.x, X509_VERSION_3);
        add_extensions(e.x, by->x, spec);
    }
    bool edwards = EVP_PKEY_is_a(by->key, "ED25519") == 1;
    const EVP_MD *md = EVP_get_digestbyname(spec->digest != NULL ? spec->digest : "SHA256");
    assert_true(X509_sign(e.x, by->key, edwards ? NULL : md) > 0);
    return e;
}

void entity_free(struct entity *e)
{
    X509_free(e->x);
    EVP_PKEY_free(e->key);
    *e = (struct entity){NULL, NULL};
}

struct entity entity_authority(const char *name, const struct entity *issuer)
{
    struct spec spec = {
        .name = name, .constraints = "critical,CA:TRUE", .usage = "critical,keyCertSign,cRLSign"};
    return entity_make(&spec, issuer, NULL);
}

struct entity entity_leaf(const char *name, const struct entity *issuer)
{
    char san[300];
    snprintf(san, sizeof san, "DNS:%s", name);
    struct spec spec = {.name = name,
                        .san = san,
                        .constraints = "critical,CA:FALSE",
                        .usage = "critical,digitalSignature",
                        .purposes = "serverAuth,clientAuth"};
    return entity_make(&spec, issuer, NULL);
}

void entity_damage(struct entity *e)
{
    const ASN1_BIT_STRING *signature;
    X509_get0_signature(&signature, NULL, e->x);
    uint8_t *p = (uint8_t *)(uintptr_t)ASN1_STRING_get0_data(signature);
    p[ASN1_STRING_length(signature) - 1] ^= 1;
}

X509_CRL *crl_make(const struct entity *issuer, const X509 *revoked, long from_s, long to_s)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *t = X509_gmtime_adj(NULL, from_s);
    assert_non_null(crl);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x));
    X509_CRL_set1_lastUpdate(crl, t);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry,
                                      (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(revoked));
        X509_REVOKED_set_revocationDate(entry, t);
        X509_CRL_add0_revoked(crl, entry);
    }
    X509_gmtime_adj(t, to_s);
    X509_CRL_set1_nextUpdate(crl, t);
    ASN1_TIME_free(t);
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer->x, NULL, NULL, crl, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid");
    if (e != NULL)
        X509_CRL_add_ext(crl, e, -1);
    X509_EXTENSION_free(e);
    assert_true(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
    return crl;
}

static struct slice copy(const uint8_t *der, int n)
{
    assert_true(n > 0);
    uint8_t *p = malloc((size_t)n);
    assert_non_null(p);
    memcpy(p, der, (size_t)n);
    return slice_make(p, (size_t)n);
}

struct slice entity_der(const struct entity *e)
{
    uint8_t *der = NULL;
    int n = i2d_X509(e->x, &der);
    struct slice ret = copy(der, n);
    OPENSSL_free(der);
    return ret;
}

struct slice entity_key(const struct entity *e)
{
    uint8_t *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(e->key);
    int n = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    struct slice ret = copy(der, n);
    PKCS8_PRIV_KEY_INFO_free(info);
    OPENSSL_free(der);
    return ret;
}

struct slice crl_der(X509_CRL *crl)
{
    uint8_t *der = NULL;
    int n = i2d_X509_CRL(crl, &der);
    struct slice ret = copy(der, n);
    OPENSSL_free(der);
    return ret;
}
