/* x509_facts: what a certificate says of itself, as plain data. Names are only taken when they look
 * like a host name or an address, so that nobody writes into our trace through his certificate. */
#include "driver/x509_inside.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* All that the slices of a report point to. */
struct memory {
    char name[CERTIFICATE_NAMES][CERTIFICATE_NAME_MAX + 1];
    char subject[CERTIFICATE_NAME_MAX + 1], issuer[CERTIFICATE_NAME_MAX + 1];
    char error[96];
    struct x509_record record;
    uint8_t bytes[]; /* the certificate, then its public key */
};

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void x509_sha256(const void *p, size_t n, uint8_t ret[static FINGERPRINT_SIZE])
{
    pthread_once(&sha256_once, fetch_sha256);
    if (sha256 == NULL || EVP_Digest(p, n, ret, NULL, sha256, NULL) != 1)
        memset(ret, 0, FINGERPRINT_SIZE);
}

bool x509_record_take(struct x509_record *ret)
{
    const char *function = NULL;
    int line = 0;
    unsigned long e = ERR_get_error_all(NULL, &line, &function, NULL, NULL);
    if (e == 0)
        return false;
    const char *reason = ERR_reason_error_string(e), *library = ERR_lib_error_string(e);
    const char *text[3] = {reason, library, function};
    for (size_t i = 0; i < 3; i++)
        slice_to_text(slice_of(text[i] != NULL ? text[i] : "unknown"), ret->text[i],
                      sizeof ret->text[i]);
    ret->number[0] = (uint32_t)ERR_GET_REASON(e);
    ret->number[1] = (uint32_t)ERR_GET_LIB(e);
    ret->number[2] = (uint32_t)line;
    ERR_clear_error();
    return true;
}

X509 *x509_parse(struct slice der)
{
    const uint8_t *p = der.p;
    if (der.n == 0 || der.n > CERTIFICATE_MAX)
        return NULL;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);
    if (x != NULL && p != der.p + der.n) {
        X509_free(x);
        x = NULL;
    }
    ERR_clear_error();
    return x;
}

STACK_OF(X509) * x509_parse_chain(struct slice der)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    const uint8_t *p = der.p, *end = der.n != 0 ? der.p + der.n : der.p;
    while (chain != NULL && p < end && sk_X509_num(chain) < CERTIFICATE_CHAIN) {
        const uint8_t *start = p;
        X509 *x =
            end - p <= CERTIFICATE_CHAIN * CERTIFICATE_MAX ? d2i_X509(NULL, &p, end - p) : NULL;
        if (x == NULL || p - start > CERTIFICATE_MAX || sk_X509_push(chain, x) == 0) {
            X509_free(x);
            break;
        }
    }
    ERR_clear_error();
    return chain;
}

void x509_chain_free(STACK_OF(X509) * chain)
{
    sk_X509_pop_free(chain, X509_free);
}

wall x509_time(const ASN1_TIME *t)
{
    struct tm tm;
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    return (wall)timegm(&tm) * TICK_S;
}

bool x509_authority(X509 *x)
{
    int kind = X509_check_ca(x);
    return kind == 1 || kind == 3; /* by basicConstraints; version 1 and self-signed */
}

size_t x509_name_line(const X509_NAME *name, char dst[static CERTIFICATE_NAME_MAX + 1])
{
    char *text = NULL;
    size_t n = 0;
    BIO *out = BIO_new(BIO_s_mem());
    if (out != NULL && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) >= 0) {
        long size = BIO_get_mem_data(out, &text);
        n = slice_to_text(slice_make(text, size > 0 ? (size_t)size : 0), dst,
                          CERTIFICATE_NAME_MAX + 1);
    }
    for (size_t i = 0; i < n; i++)
        if (dst[i] < ' ' || dst[i] > '~')
            dst[i] = '?';
    dst[n] = '\0';
    BIO_free(out);
    return n;
}

static bool is_host_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '*';
}

/* Adds a name unless it cannot be one, or there are enough. */
static void add_name(struct certificate *c, struct memory *m, const uint8_t *p, size_t n)
{
    if (c->name_n == CERTIFICATE_NAMES || n == 0 || n > CERTIFICATE_NAME_MAX)
        return;
    char *dst = m->name[c->name_n];
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = ascii_lower(p[i]);
        if (!is_host_byte(byte))
            return;
        dst[i] = (char)byte;
    }
    c->name[c->name_n++] = slice_make(dst, n);
}

static void add_address(struct certificate *c, struct memory *m, const ASN1_OCTET_STRING *ip)
{
    int n = ASN1_STRING_length(ip), family = n == 4 ? AF_INET : AF_INET6;
    if (c->name_n == CERTIFICATE_NAMES || (n != 4 && n != 16))
        return;
    char *dst = m->name[c->name_n];
    if (inet_ntop(family, ASN1_STRING_get0_data(ip), dst, INET6_ADDRSTRLEN) != NULL)
        c->name[c->name_n++] = slice_of(dst);
}

static void add_common_name(struct certificate *c, struct memory *m, const X509_NAME *subject)
{
    unsigned char *text = NULL;
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (n > 0)
        add_name(c, m, text, (size_t)n);
    OPENSSL_free(text);
}

static void fill_names(X509 *x, struct certificate *c, struct memory *m)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    GENERAL_NAMES *san = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(san); i++) {
        int type;
        const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(san, i), &type);
        if (type == GEN_DNS)
            add_name(c, m, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
        else if (type == GEN_IPADD)
            add_address(c, m, value);
    }
    GENERAL_NAMES_free(san);
    if (X509_get_ext_by_NID(x, NID_subject_alt_name, -1) < 0)
        add_common_name(c, m, subject);
    c->subject =
        c->name_n != 0 ? c->name[0] : slice_make(m->subject, x509_name_line(subject, m->subject));
}

int x509_fill(X509 *x, struct x509_report *ret)
{
    int n = i2d_X509(x, NULL), spki_n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), NULL);
    *ret = (struct x509_report){.memory = NULL};
    if (n <= 0 || n > CERTIFICATE_MAX || spki_n <= 0 || spki_n > n)
        return -1;
    struct memory *m = malloc(sizeof *m + (size_t)n + (size_t)spki_n);
    if (m == NULL)
        return -1;
    struct certificate *c = &ret->certificate;
    uint8_t *p = m->bytes;
    i2d_X509(x, &p);
    i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &p);
    ret->memory = m;
    c->present = true;
    c->der = slice_make(m->bytes, (size_t)n);
    c->spki = slice_make(m->bytes + n, (size_t)spki_n);
    x509_sha256(c->der.p, c->der.n, c->fingerprint);
    fill_names(x, c, m);
    c->not_before = x509_time(X509_get0_notBefore(x));
    c->not_after = x509_time(X509_get0_notAfter(x));
    c->ends = c->not_after;
    c->self_signed = X509_self_signed(x, 0) == 1;
    c->authority = x509_authority(x);
    ERR_clear_error();
    return 0;
}

void x509_report_error(struct x509_report *report, int error, int depth, const char *text,
                       const struct x509_record *record)
{
    struct memory *m = report->memory;
    struct certificate *c = &report->certificate;
    c->error = (uint16_t)error;
    c->depth = (uint8_t)depth;
    c->error_text = slice_make(m->error, slice_to_text(slice_of(text), m->error, sizeof m->error));
    m->record = *record;
    for (size_t i = 0; i < 3; i++) {
        c->record[i] = slice_of(m->record.text[i]);
        c->record_n[i] = record->number[i];
    }
}

int x509_facts(struct slice der, struct x509_report *ret)
{
    *ret = (struct x509_report){.memory = NULL};
    X509 *x = x509_parse(der);
    int wrong = x == NULL ? -1 : x509_fill(x, ret);
    if (wrong == 0) {
        struct memory *m = ret->memory;
        ret->issuer = slice_make(m->issuer, x509_name_line(X509_get_issuer_name(x), m->issuer));
    }
    X509_free(x);
    return wrong;
}

void x509_report_free(struct x509_report *report)
{
    free(report->memory);
    *report = (struct x509_report){.memory = NULL};
}
