/* pki: see pki.h. The bytes: a DER header, 'C', u32 serial, u32 key, u32 issuer, u8 authority, u64
 * not before, u64 not after, then the name. */
#include "sim/pki.h"

#include <string.h>

#include "base/crypto.h"
#include "base/cursor.h"
#include "core/view.h"

#define DER_HEADER 4

static uint8_t *put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = bytes; i-- > 0;)
        *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

struct slice pki_der(const struct pki *c, uint8_t der[static PKI_DER_MAX])
{
    size_t n = strlen(c->name) < 250 ? strlen(c->name) : 250;
    uint8_t *p = put(der + DER_HEADER, 'C', 1);
    p = put(p, c->serial, 4);
    p = put(p, c->key, 4);
    p = put(p, c->issuer, 4);
    p = put(p, c->authority, 1);
    p = put(p, (uint64_t)c->not_before, 8);
    p = put(p, (uint64_t)c->not_after, 8);
    memcpy(p, c->name, n);
    p += n;
    put(put(der, 0x3082, 2), (uint64_t)(p - der - DER_HEADER), 2);
    return slice_make(der, (size_t)(p - der));
}

/* What facts leave out. */
struct inside {
    uint32_t key, issuer;
};

static bool read_all(struct slice der, struct certificate *ret, struct inside *in)
{
    struct cursor c;
    der.n = certificate_der_size(der); /* a chain may follow */
    cursor_init(&c, der);
    cursor_u32(&c);
    memset(ret, 0, sizeof *ret);
    bool is = cursor_u8(&c) == 'C';
    cursor_u32(&c);
    in->key = cursor_u32(&c);
    in->issuer = cursor_u32(&c);
    ret->authority = cursor_u8(&c) == 1;
    ret->not_before = (wall)(cursor_u64(&c) & INT64_MAX);
    ret->not_after = (wall)(cursor_u64(&c) & INT64_MAX);
    size_t left = cursor_left(&c);
    ret->name[0] = cursor_bytes(&c, left);
    if (!is || c.failed || left == 0)
        return false;
    ret->name_n = 1;
    ret->present = true;
    ret->der = der;
    crypto_hash1(ret->fingerprint, "sim pki", der);
    ret->subject = ret->name[0];
    ret->ends = ret->not_after;
    ret->self_signed = in->issuer == in->key;
    return true;
}

static bool read_facts(struct slice der, struct certificate *ret, struct pki_memory *memory,
                       struct inside *in)
{
    if (!read_all(der, ret, in)) {
        memset(ret, 0, sizeof *ret);
        return false;
    }
    memcpy(memory->spki, "key:", 4);
    put(memory->spki + 4, in->key, 4);
    ret->spki = slice_make(memory->spki, sizeof memory->spki);
    return true;
}

bool pki_facts(struct slice der, struct certificate *ret, struct pki_memory *memory)
{
    struct inside in;
    return read_facts(der, ret, memory, &in);
}

/* Walks the store: is it itself there, or its authority? */
static void look(const struct ils *ils, struct certificate *c, const struct inside *in)
{
    struct view_trust t;
    struct certificate other;
    struct inside inside;
    for (size_t i = 0; view_trust(ils, i, &t); i++) {
        if (t.kind != TRUST_CERTIFICATE || !read_all(t.der, &other, &inside))
            continue;
        if (inside.key == in->key)
            c->imported = true;
        if (inside.key == in->issuer && inside.key != in->key && t.authority) {
            c->chained = true;
            c->ends = other.not_after < c->ends ? other.not_after : c->ends;
        }
    }
}

bool pki_verify(const struct ils *ils, struct slice der, wall at, struct certificate *ret,
                struct pki_memory *memory)
{
    struct inside in;
    if (!read_facts(der, ret, memory, &in))
        return false;
    look(ils, ret, &in);
    if (ret->imported) {
        ret->chained = false;
        ret->ends = ret->not_after;
    }
    if (!ret->imported && !ret->chained)
        ret->error = ret->self_signed ? CERTIFICATE_SELF_SIGNED : CERTIFICATE_NO_ISSUER_LOCALLY;
    else if (at < ret->not_before)
        ret->error = CERTIFICATE_NOT_YET_VALID;
    else if (at >= ret->ends)
        ret->error = CERTIFICATE_EXPIRED;
    if (ret->error != CERTIFICATE_OK) {
        ret->error_text = slice_of("as the world says");
        ret->record[0] = slice_of("certificate verify failed");
        ret->record[1] = slice_of("SSL routines");
        ret->record[2] = slice_of("");
    }
    return true;
}

struct trust_item pki_item(struct slice der)
{
    struct certificate c;
    struct pki_memory m;
    struct trust_item item = {.der = der};
    if (!pki_facts(der, &c, &m))
        return item;
    memcpy(item.fingerprint, c.fingerprint, sizeof item.fingerprint);
    item.subject = c.subject;
    item.not_after = c.not_after;
    item.authority = c.authority;
    return item;
}
