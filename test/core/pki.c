/* pki: see pki.h. Bytes of a certificate: 'C', u32 serial, u32 key, u32 issuer, u32 defects, u8
 * authority, u64 not before, u64 not after, then names, each after its length byte. Of a CRL: 'R',
 * u32 issuer, u32 serial. */
#include "pki.h"

#include <string.h>

#include "base/crypto.h"
#include "base/cursor.h"

#define FOR_EVER (INT64_C(4000000000) * TICK_S)

#define DER_HEADER 4

static uint8_t *put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = bytes; i-- > 0;)
        *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

struct slice pki_der(const struct pki *c, uint8_t der[static PKI_DER_MAX])
{
    uint8_t *p = der + DER_HEADER;
    p = put(p, 'C', 1);
    p = put(p, c->serial, 4);
    p = put(p, c->key, 4);
    p = put(p, c->issuer, 4);
    p = put(p, c->defects, 4);
    p = put(p, c->authority, 1);
    p = put(p, (uint64_t)c->not_before, 8);
    p = put(p, (uint64_t)(c->not_after != 0 ? c->not_after : FOR_EVER), 8);
    for (size_t i = 0; i < 3 && c->name[i] != NULL; i++) {
        size_t n = strlen(c->name[i]);
        p = put(p, n, 1);
        memcpy(p, c->name[i], n);
        p += n;
    }
    put(put(der, 0x3082, 2), (uint64_t)(p - der - DER_HEADER), 2); /* as long as X.690 says */
    return slice_make(der, (size_t)(p - der));
}

struct slice pki_crl(uint32_t issuer, uint32_t serial, uint8_t der[static PKI_DER_MAX])
{
    uint8_t *p = put(put(put(der, 'R', 1), issuer, 4), serial, 4);
    return slice_make(der, (size_t)(p - der));
}

/* What facts leave out. */
struct inside {
    uint32_t serial, key, issuer, defects;
};

static bool read_all(struct slice der, struct certificate *ret, struct inside *in)
{
    struct cursor c;
    der.n = certificate_der_size(der); /* a chain may follow */
    cursor_init(&c, der);
    cursor_u32(&c);
    memset(ret, 0, sizeof *ret);
    bool is = cursor_u8(&c) == 'C';
    in->serial = cursor_u32(&c);
    in->key = cursor_u32(&c);
    in->issuer = cursor_u32(&c);
    in->defects = cursor_u32(&c);
    ret->authority = cursor_u8(&c) == 1;
    ret->not_before = (wall)(cursor_u64(&c) & INT64_MAX);
    ret->not_after = (wall)(cursor_u64(&c) & INT64_MAX);
    while (is && !c.failed && cursor_left(&c) != 0 && ret->name_n < CERTIFICATE_NAMES) {
        size_t n = cursor_u8(&c);
        ret->name[ret->name_n++] = cursor_bytes(&c, n);
    }
    if (!is || c.failed || ret->name_n == 0)
        return false;
    ret->present = true;
    ret->der = der;
    crypto_hash1(ret->fingerprint, "pki", der);
    ret->subject = ret->name[0];
    ret->ends = ret->not_after;
    ret->self_signed = in->issuer == in->key;
    return true;
}

static void spki_of(struct certificate *c, uint32_t key, struct pki_memory *m)
{
    memcpy(m->spki, "key:", 4);
    put(m->spki + 4, key, 4);
    c->spki = slice_make(m->spki, sizeof m->spki);
}

bool pki_facts(struct slice der, struct certificate *ret, struct pki_memory *memory)
{
    struct inside in;
    if (!read_all(der, ret, &in)) {
        memset(ret, 0, sizeof *ret);
        return false;
    }
    spki_of(ret, in.key, memory);
    return true;
}

static bool revoked(const struct ils *ils, uint32_t issuer, uint32_t serial)
{
    struct view_trust t;
    uint8_t crl[PKI_DER_MAX];
    struct slice wanted = pki_crl(issuer, serial, crl);
    for (size_t i = 0; view_trust(ils, i, &t); i++)
        if (t.kind == TRUST_CRL && slice_eq(t.der, wanted))
            return true;
    return false;
}

static uint16_t error_of_dates(const struct certificate *c, wall at)
{
    if (at < c->not_before)
        return CERTIFICATE_NOT_YET_VALID;
    return at >= c->not_after ? CERTIFICATE_EXPIRED : CERTIFICATE_OK;
}

/* Walks the store: is it itself there, or its authority? */
static void look(const struct ils *ils, struct certificate *c, const struct inside *in,
                 struct certificate *ret_root, struct inside *ret_root_in)
{
    struct view_trust t;
    struct certificate other;
    struct inside inside;
    for (size_t i = 0; view_trust(ils, i, &t); i++) {
        if (t.kind != TRUST_CERTIFICATE || !read_all(t.der, &other, &inside))
            continue;
        if (inside.key == in->key)
            c->imported = true;
        if (inside.key == in->issuer && inside.key != in->key && t.authority &&
            (in->defects & PKI_INTERMEDIATE) == 0) {
            c->chained = true;
            *ret_root = other;
            *ret_root_in = inside;
        }
    }
}

static void judge(const struct ils *ils, struct certificate *c, const struct inside *in, wall at)
{
    struct certificate root = {0};
    struct inside root_in = {0};
    look(ils, c, in, &root, &root_in);
    c->error = CERTIFICATE_OK;
    if (!c->imported && !c->chained) {
        c->error = c->self_signed ? CERTIFICATE_SELF_SIGNED : CERTIFICATE_NO_ISSUER_LOCALLY;
        return;
    }
    c->chained = c->chained && !c->imported;
    if (c->chained) {
        c->ends = root.not_after < c->ends ? root.not_after : c->ends;
        c->depth = 1;
        c->error = (root_in.defects & PKI_NO_CA) != 0  ? CERTIFICATE_ISSUER_NO_CA_2
                   : (root_in.defects & PKI_PATH) != 0 ? CERTIFICATE_PATH_LENGTH
                                                       : error_of_dates(&root, at);
    }
    if (c->error != CERTIFICATE_OK)
        return;
    c->depth = 0;
    if ((in->defects & PKI_WEAK) != 0)
        c->error = CERTIFICATE_WEAK_KEY;
    else if ((in->defects & PKI_PURPOSE) != 0)
        c->error = CERTIFICATE_PURPOSE;
    else if (error_of_dates(c, at) != CERTIFICATE_OK)
        c->error = error_of_dates(c, at);
    else if (revoked(ils, in->issuer, in->serial))
        c->error = CERTIFICATE_REVOKED;
}

bool pki_verify(const struct ils *ils, struct slice der, wall at, struct certificate *ret,
                struct pki_memory *memory)
{
    struct inside in;
    if (!read_all(der, ret, &in)) {
        memset(ret, 0, sizeof *ret);
        return false;
    }
    spki_of(ret, in.key, memory);
    judge(ils, ret, &in, at);
    if (ret->error != CERTIFICATE_OK) {
        ret->error_text = slice_of("as the model says");
        ret->record[0] = slice_of("certificate verify failed");
        ret->record[1] = slice_of("SSL routines");
        ret->record[2] = slice_of("");
        ret->record_n[0] = 134;
        ret->record_n[1] = 20;
    }
    return true;
}

struct trust_item pki_item(struct slice der)
{
    struct certificate c;
    struct pki_memory m;
    struct trust_item item = {.der = der};
    if (pki_facts(der, &c, &m)) {
        memcpy(item.fingerprint, c.fingerprint, sizeof item.fingerprint);
        item.subject = c.subject;
        item.not_after = c.not_after;
        item.authority = c.authority;
    } else {
        item.kind = TRUST_CRL;
        item.subject = slice_of("authority");
        crypto_hash1(item.fingerprint, "pki", der);
    }
    return item;
}
