/* x509_read: whatever an operator has in his hands, as certificates, CRLs and one key: PEM with
 * words around it, DER, a PKCS#7 bundle, PKCS#12. Nothing here asks at the terminal: a password is
 * given, or its absence is an error that names the option. */
#include "driver/x509_inside.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a password's stretching: more than this is a damaged file, and would take for ever. */
#define ROUNDS_MAX 2000000

/* Bytes that a bag keeps. */
struct chunk {
    struct chunk *next;
    size_t n;
    uint8_t bytes[];
};

struct reader {
    struct x509_bag *bag;
    const char *password;
    char *error;
    size_t size;
    char where[32]; /* "block 2", "the file" */
};

struct slice x509_bag_keep(struct x509_bag *bag, const void *p, size_t n)
{
    struct chunk *c = malloc(sizeof *c + n);
    if (c == NULL)
        return slice_make(NULL, 0);
    c->next = bag->memory;
    c->n = n;
    memcpy(c->bytes, p, n);
    bag->memory = c;
    return slice_make(c->bytes, n);
}

void x509_bag_free(struct x509_bag *bag)
{
    struct chunk *c = bag->memory;
    while (c != NULL) {
        struct chunk *next = c->next;
        OPENSSL_cleanse(c->bytes, c->n);
        free(c);
        c = next;
    }
    free(bag->item);
    *bag = (struct x509_bag){.n = 0};
}

static bool has(const struct x509_bag *bag, const uint8_t fingerprint[static FINGERPRINT_SIZE])
{
    for (size_t i = 0; i < bag->n; i++)
        if (memcmp(bag->item[i].fingerprint, fingerprint, FINGERPRINT_SIZE) == 0)
            return true;
    return false;
}

/* Appends an item, unless it is there already. */
static int append(struct x509_bag *bag, struct x509_item item, struct slice subject)
{
    x509_sha256(item.der.p, item.der.n, item.fingerprint);
    if (has(bag, item.fingerprint))
        return 0;
    if (bag->n == X509_ITEMS_MAX)
        return -1;
    if (bag->item == NULL)
        bag->item = calloc(X509_ITEMS_MAX, sizeof *bag->item);
    item.der = x509_bag_keep(bag, item.der.p, item.der.n);
    item.subject = x509_bag_keep(bag, subject.p, subject.n);
    if (bag->item == NULL || item.der.p == NULL || item.subject.p == NULL)
        return -1;
    bag->item[bag->n++] = item;
    return 0;
}

int x509_bag_add(struct x509_bag *bag, X509 *x)
{
    struct x509_report report;
    if (x509_fill(x, &report) < 0)
        return -1;
    const struct certificate *c = &report.certificate;
    int wrong = append(bag,
                       (struct x509_item){.der = c->der,
                                          .not_before = c->not_before,
                                          .not_after = c->not_after,
                                          .authority = c->authority,
                                          .self_signed = c->self_signed},
                       c->subject);
    x509_report_free(&report);
    return wrong;
}

int x509_bag_add_crl(struct x509_bag *bag, X509_CRL *crl)
{
    char issuer[CERTIFICATE_NAME_MAX + 1];
    uint8_t *der = NULL;
    int n = i2d_X509_CRL(crl, &der);
    if (n <= 0)
        return -1;
    size_t issuer_n = x509_name_line(X509_CRL_get_issuer(crl), issuer);
    int wrong = append(bag,
                       (struct x509_item){.crl = true,
                                          .der = slice_make(der, (size_t)n),
                                          .not_before = x509_time(X509_CRL_get0_lastUpdate(crl)),
                                          .not_after = x509_time(X509_CRL_get0_nextUpdate(crl))},
                       slice_make(issuer, issuer_n));
    OPENSSL_free(der);
    return wrong;
}

int x509_bag_key(struct x509_bag *bag, const EVP_PKEY *key)
{
    uint8_t *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    int n = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    if (n > 0)
        bag->key = x509_bag_keep(bag, der, (size_t)n);
    OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    return n > 0 && bag->key.p != NULL ? 0 : -1;
}

static int say(const struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int say(const struct reader *r, const char *format, ...)
{
    va_list args;
    int n = snprintf(r->error, r->size, "%s ", r->where);
    va_start(args, format);
    if (n > 0 && (size_t)n < r->size)
        vsnprintf(r->error + n, r->size - (size_t)n, format, args);
    va_end(args);
    ERR_clear_error();
    return -1;
}

/* "is damaged", with OpenSSL's reason for it. */
static int say_damaged(const struct reader *r, const char *what)
{
    struct x509_record record = {.text = {"wrong bytes"}};
    x509_record_take(&record);
    return say(r, "is no whole %s (%s): copy it again from where it came, unchanged", what,
               record.text[0]);
}

static int say_password(const struct reader *r, const char *what)
{
    if (r->password == NULL)
        return say(r, "is %s that needs a password: give --password-file FILE", what);
    return say(r,
               "is %s that this password does not open: give the right one with "
               "--password-file FILE",
               what);
}

static int take_certificate(struct reader *r, X509 *x)
{
    if (x == NULL)
        return say_damaged(r, "certificate");
    if (i2d_X509(x, NULL) > CERTIFICATE_MAX)
        return say(r, "is a certificate of more than %d bytes: have a smaller one made",
                   CERTIFICATE_MAX);
    if (x509_bag_add(r->bag, x) == 0)
        return 0;
    return say(r, "is more than can be taken: give at most %d certificates and CRLs in one file",
               X509_ITEMS_MAX);
}

static int take_crl(struct reader *r, X509_CRL *crl)
{
    if (crl == NULL)
        return say_damaged(r, "CRL");
    if (x509_bag_add_crl(r->bag, crl) == 0)
        return 0;
    return say(r, "is more than can be taken: give at most %d certificates and CRLs in one file",
               X509_ITEMS_MAX);
}

/* Whether TLS 1.3 has a signature for it: of EC keys only those of three curves. */
static bool signs_tls(const EVP_PKEY *key)
{
    static const char *const type[] = {"RSA", "RSA-PSS", "ED25519", "ED448"};
    char group[32] = "";
    for (size_t i = 0; i < sizeof type / sizeof *type; i++)
        if (EVP_PKEY_is_a(key, type[i]) == 1)
            return true;
    if (EVP_PKEY_is_a(key, "EC") != 1 ||
        EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
        return false;
    int curve = OBJ_txt2nid(group);
    return curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1;
}

static int take_key(struct reader *r, const EVP_PKEY *key)
{
    if (key == NULL)
        return say_damaged(r, "private key");
    if (!signs_tls(key))
        return say(r, "is a private key of a kind that TLS 1.3 does not use: make one of type EC "
                      "(ils cert renew)");
    if (r->bag->key.n != 0)
        return say(r, "is a second private key: leave only the one of the certificate");
    return x509_bag_key(r->bag, key) == 0 ? 0 : say_damaged(r, "private key");
}

/* PEM_def_callback would ask at the terminal. */
static int give_password(char *dst, int size, int writing, void *context)
{
    const struct reader *r = context;
    size_t n = r->password != NULL ? strlen(r->password) : 0;
    if (r->password == NULL || n > (size_t)size)
        return -1;
    memcpy(dst, r->password, n);
    return (int)n;
}

static bool few_rounds(const ASN1_INTEGER *rounds)
{
    int64_t n;
    return ASN1_INTEGER_get_int64(&n, rounds) == 1 && n >= 1 && n <= ROUNDS_MAX;
}

/* Can the password be tried in reasonable time? Asked of PBES2 with PBKDF2 (the only stretching
 * that is taken with it), and of PBES1. */
static bool is_cheap(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *oid;
    const void *value;
    int type;
    bool cheap = false;
    X509_ALGOR_get0(&oid, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE)
        return false;
    if (OBJ_obj2nid(oid) != NID_pbes2) {
        PBEPARAM *p = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBEPARAM));
        cheap = p != NULL && few_rounds(p->iter);
        PBEPARAM_free(p);
        return cheap;
    }
    PBE2PARAM *p = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBE2PARAM));
    if (p != NULL)
        X509_ALGOR_get0(&oid, &type, &value, p->keyfunc);
    if (p != NULL && OBJ_obj2nid(oid) == NID_id_pbkdf2 && type == V_ASN1_SEQUENCE) {
        PBKDF2PARAM *k = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBKDF2PARAM));
        cheap = k != NULL && few_rounds(k->iter);
        PBKDF2PARAM_free(k);
    }
    PBE2PARAM_free(p);
    return cheap;
}

static int take_encrypted_key(struct reader *r, struct slice der)
{
    const uint8_t *p = der.p;
    X509_SIG *sealed = d2i_X509_SIG(NULL, &p, (long)der.n);
    if (sealed == NULL)
        return say_damaged(r, "encrypted private key");
    PKCS8_PRIV_KEY_INFO *info = NULL;
    const X509_ALGOR *algorithm;
    X509_SIG_get0(sealed, &algorithm, NULL);
    if (!is_cheap(algorithm)) {
        X509_SIG_free(sealed);
        return say(r,
                   "is a private key whose password is stretched in a way that is not supported: "
                   "encrypt it anew (openssl pkcs8 -topk8 -in FILE -out FILE.new)");
    }
    if (r->password != NULL)
        info = PKCS8_decrypt(sealed, r->password, (int)strlen(r->password));
    X509_SIG_free(sealed);
    if (info == NULL)
        return say_password(r, "a private key");
    EVP_PKEY *key = EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
    int wrong = take_key(r, key);
    EVP_PKEY_free(key);
    return wrong;
}

static int take_bundle(struct reader *r, PKCS7 *bundle)
{
    int wrong = 0;
    if (bundle == NULL)
        return say_damaged(r, "PKCS#7 bundle");
    if (!PKCS7_type_is_signed(bundle) || bundle->d.sign == NULL)
        return say(r, "is a PKCS#7 file without certificates: give the certificates themselves, as "
                      "PEM or DER");
    STACK_OF(X509) *certificates = bundle->d.sign->cert;
    STACK_OF(X509_CRL) *crls = bundle->d.sign->crl;
    for (int i = 0; i < sk_X509_num(certificates) && wrong == 0; i++)
        wrong = take_certificate(r, sk_X509_value(certificates, i));
    for (int i = 0; i < sk_X509_CRL_num(crls) && wrong == 0; i++)
        wrong = take_crl(r, sk_X509_CRL_value(crls, i));
    return wrong;
}

/* The password under which the integrity check passes: as given; without one, none or an empty one,
 * which are not the same. */
static bool find_password(const struct reader *r, PKCS12 *file, const char **ret)
{
    *ret = r->password;
    if (r->password != NULL && PKCS12_verify_mac(file, r->password, -1) == 1)
        return true;
    if (r->password != NULL && r->password[0] != '\0')
        return false;
    *ret = NULL;
    if (PKCS12_verify_mac(file, NULL, 0) == 1)
        return true;
    *ret = "";
    return PKCS12_verify_mac(file, "", 0) == 1;
}

/* A handful of parts is sealed in a usual file, each with its own stretching. */
#define SEALED_MAX 8

static bool bags_are_cheap(const STACK_OF(PKCS12_SAFEBAG) * bags, size_t *sealed, int depth)
{
    bool cheap = depth < 4;
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && cheap; i++) {
        const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        int type = PKCS12_SAFEBAG_get_nid(bag);
        const X509_ALGOR *algorithm;
        if (type == NID_pkcs8ShroudedKeyBag) {
            X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
            cheap = ++*sealed <= SEALED_MAX && is_cheap(algorithm);
        } else if (type == NID_safeContentsBag) {
            cheap = bags_are_cheap(PKCS12_SAFEBAG_get0_safes(bag), sealed, depth + 1);
        }
    }
    return cheap;
}

/* Likewise of every part of the file: the integrity check, which is made by whoever knows the
 * password, says nothing of that. */
static bool parts_are_cheap(PKCS12 *file, const char *password)
{
    STACK_OF(PKCS7) *parts = PKCS12_unpack_authsafes(file);
    size_t sealed = 0;
    bool cheap = true;
    for (int i = 0; i < sk_PKCS7_num(parts) && cheap; i++) {
        PKCS7 *part = sk_PKCS7_value(parts, i);
        STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
        if (PKCS7_type_is_data(part)) {
            bags = PKCS12_unpack_p7data(part);
        } else if (PKCS7_type_is_encrypted(part) && part->d.encrypted != NULL) {
            cheap = ++sealed <= SEALED_MAX && is_cheap(part->d.encrypted->enc_data->algorithm);
            bags = cheap ? PKCS12_unpack_p7encdata(part, password, -1) : NULL;
        }
        cheap = cheap && bags_are_cheap(bags, &sealed, 0);
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    }
    sk_PKCS7_pop_free(parts, PKCS7_free);
    ERR_clear_error();
    return cheap;
}

static int take_pkcs12(struct reader *r, PKCS12 *file)
{
    const ASN1_INTEGER *rounds = NULL;
    const char *password;
    EVP_PKEY *key = NULL;
    X509 *leaf = NULL;
    STACK_OF(X509) *others = NULL;
    PKCS12_get0_mac(NULL, NULL, NULL, &rounds, file);
    if (!PKCS12_mac_present(file) ||
        (rounds != NULL && (ASN1_INTEGER_get(rounds) < 1 || ASN1_INTEGER_get(rounds) > ROUNDS_MAX)))
        return say(r, "is a PKCS#12 file without a usable integrity check: export it again");
    if (!find_password(r, file, &password))
        return say_password(r, "a PKCS#12 file");
    if (!parts_are_cheap(file, password))
        return say(r, "is a PKCS#12 file whose password would take too long to try, part by part: "
                      "export it again in the usual way");
    if (PKCS12_parse(file, password, &key, &leaf, &others) != 1)
        return say(r, "is a PKCS#12 file whose encryption is too old: turn it into PEM (openssl "
                      "pkcs12 -legacy -nodes -in FILE -out FILE.pem) and give that");
    int wrong = leaf != NULL ? take_certificate(r, leaf) : 0;
    for (int i = 0; i < sk_X509_num(others) && wrong == 0; i++)
        wrong = take_certificate(r, sk_X509_value(others, i));
    if (key != NULL && wrong == 0)
        wrong = take_key(r, key);
    EVP_PKEY_free(key);
    X509_free(leaf);
    x509_chain_free(others);
    return wrong;
}

static bool is_one_of(const char *name, const char *a, const char *b)
{
    return strcmp(name, a) == 0 || strcmp(name, b) == 0;
}

/* A private key in a form older than PKCS#8, which may be encrypted in its own way. */
static int take_old_key(struct reader *r, char *header, unsigned char *data, long n)
{
    EVP_CIPHER_INFO cipher;
    if (PEM_get_EVP_CIPHER_INFO(header, &cipher) != 1)
        return say_damaged(r, "private key");
    if (cipher.cipher != NULL && PEM_do_header(&cipher, data, &n, give_password, r) != 1)
        return say_password(r, "a private key");
    const uint8_t *p = data;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, n);
    if (key == NULL && cipher.cipher != NULL) /* of 256 wrong passwords one leaves right padding */
        return say_password(r, "a private key");
    int wrong = take_key(r, key);
    EVP_PKEY_free(key);
    return wrong;
}

/* One PEM block. What is neither certificate nor key (parameters, a public key) is passed over. */
static int take_block(struct reader *r, const char *name, char *header, unsigned char *data, long n)
{
    const uint8_t *p = data;
    int wrong = 0;
    size_t name_n = strlen(name);
    if (is_one_of(name, PEM_STRING_X509, PEM_STRING_X509_OLD) ||
        strcmp(name, PEM_STRING_X509_TRUSTED) == 0) {
        X509 *x = d2i_X509(NULL, &p, n);
        wrong = take_certificate(r, x);
        X509_free(x);
    } else if (strcmp(name, PEM_STRING_X509_CRL) == 0) {
        X509_CRL *crl = d2i_X509_CRL(NULL, &p, n);
        wrong = take_crl(r, crl);
        X509_CRL_free(crl);
    } else if (is_one_of(name, PEM_STRING_PKCS7, PEM_STRING_CMS)) {
        PKCS7 *bundle = d2i_PKCS7(NULL, &p, n);
        wrong = take_bundle(r, bundle);
        PKCS7_free(bundle);
    } else if (is_one_of(name, PEM_STRING_X509_REQ, PEM_STRING_X509_REQ_OLD)) {
        wrong = say(r, "is a request for a certificate: send it to the authority, and give the "
                       "certificate that comes back");
    } else if (strcmp(name, PEM_STRING_PKCS8) == 0) {
        wrong = take_encrypted_key(r, slice_make(data, (size_t)n));
    } else if (name_n >= 11 && strcmp(name + name_n - 11, "PRIVATE KEY") == 0) {
        wrong = take_old_key(r, header, data, n);
    }
    return wrong;
}

static int read_pem(struct reader *r, struct slice bytes)
{
    BIO *in = BIO_new_mem_buf(bytes.p, (int)bytes.n);
    int block = 0, wrong = 0;
    bool more = in != NULL;
    while (more && wrong == 0) {
        char *name = NULL, *header = NULL;
        unsigned char *data = NULL;
        long n = 0;
        snprintf(r->where, sizeof r->where, "block %d", ++block);
        more = PEM_read_bio(in, &name, &header, &data, &n) == 1;
        if (more)
            wrong = take_block(r, name, header, data, n);
        else if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
            wrong = say_damaged(r, "PEM block, from -----BEGIN to -----END");
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, n > 0 ? (size_t)n : 0);
        ERR_clear_error();
    }
    BIO_free(in);
    return wrong;
}

/* Certificates, one after the other. */
static int read_der_certificates(struct reader *r, struct slice bytes, bool *ret_found)
{
    const uint8_t *p = bytes.p, *end = p + bytes.n;
    int wrong = 0;
    for (int i = 0; p < end && wrong == 0; i++) {
        X509 *x = d2i_X509(NULL, &p, end - p);
        *ret_found = i > 0 || x != NULL;
        if (!*ret_found)
            break;
        snprintf(r->where, sizeof r->where, "block %d", i + 1);
        wrong = take_certificate(r, x);
        X509_free(x);
    }
    ERR_clear_error();
    return wrong;
}

/* Tries one kind of DER after the other: their bytes do not say which they are. */
static int read_der(struct reader *r, struct slice bytes)
{
    const uint8_t *p = bytes.p;
    long n = (long)bytes.n;
    bool found = false;
    int wrong = read_der_certificates(r, bytes, &found);
    void *o;
    if (found)
        return wrong;
    if ((o = d2i_X509_CRL(NULL, &p, n)) != NULL) {
        wrong = take_crl(r, o);
        X509_CRL_free(o);
    } else if (p = bytes.p, (o = d2i_PKCS12(NULL, &p, n)) != NULL) {
        wrong = take_pkcs12(r, o);
        PKCS12_free(o);
    } else if (p = bytes.p, (o = d2i_PKCS7(NULL, &p, n)) != NULL) {
        wrong = take_bundle(r, o);
        PKCS7_free(o);
    } else if (p = bytes.p, (o = d2i_X509_REQ(NULL, &p, n)) != NULL) {
        wrong = say(r, "is a request for a certificate: send it to the authority, and give the "
                       "certificate that comes back");
        X509_REQ_free(o);
    } else if (p = bytes.p, (o = d2i_AutoPrivateKey(NULL, &p, n)) != NULL) {
        wrong = take_key(r, o);
        EVP_PKEY_free(o);
    } else if (p = bytes.p, (o = d2i_X509_SIG(NULL, &p, n)) != NULL) {
        X509_SIG_free(o);
        wrong = take_encrypted_key(r, bytes);
    }
    ERR_clear_error();
    return wrong;
}

int x509_read(struct slice bytes, const char *password, struct x509_bag *ret, char *error,
              size_t size)
{
    static const char begin[] = "-----BEGIN ";
    struct reader r = {ret, password, error, size, "the file"};
    int wrong = 0;
    *ret = (struct x509_bag){.n = 0};
    ERR_clear_error();
    if (bytes.n > X509_FILE_MAX)
        return say(&r, "is larger than %d bytes: give the certificates alone", X509_FILE_MAX);
    if (bytes.n >= 3 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0)
        bytes = slice_make(bytes.p + 3, bytes.n - 3);
    if (bytes.n != 0 && memmem(bytes.p, bytes.n, begin, sizeof begin - 1) != NULL)
        wrong = read_pem(&r, bytes);
    else if (bytes.n != 0)
        wrong = read_der(&r, bytes);
    if (wrong == 0 && ret->n == 0 && ret->key.n == 0) {
        snprintf(r.where, sizeof r.where, "the file");
        wrong = say(&r, "%s: give one in PEM (-----BEGIN CERTIFICATE-----), DER or PKCS#12",
                    bytes.n == 0 ? "is empty" : "holds no certificate, CRL or private key");
    }
    if (wrong != 0)
        x509_bag_free(ret);
    return wrong;
}
