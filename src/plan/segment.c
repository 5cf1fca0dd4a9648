/* segment: reading, checking and writing records. One bounds-checked step (record_step) reads a
 * record's frame and body for everybody; the check adds what only a walk can know: that a domain
 * offset names a DOMAIN record seen before. */
#include "plan/segment.h"

#include <assert.h>
#include <string.h>

#include "base/cursor.h"
#include "plan/segment_plain.h"

#define KEY_MAX  URI_MAX /* bytes of any key */
#define KIND(t)  ((uint8_t)((t) & 0x0f))
#define CLASS(t) ((t) & 0xf0)

void segment_name(uint8_t ret[static HASH_SIZE], struct slice bytes)
{
    crypto_hash1(ret, "segment", bytes);
}

/* --- reading */

struct frame {
    uint8_t type;
    const uint8_t *body;
    size_t n;
    size_t next; /* offset of the record behind */
};

/* The frame at an offset < bytes.n. Nearly every length is one byte long. */
static inline bool frame_at(struct slice bytes, size_t at, struct frame *ret)
{
    size_t left = bytes.n - at;
    if (left < 2)
        return false;
    const uint8_t *p = bytes.p + at;
    size_t n = p[1], head = 2;
    if (n >= 0x80) {
        if (left < 3 || p[2] == 0)
            return false;
        n = (n & 0x7f) | (size_t)(p[2] & 0x7f) << 7;
        head = 3;
        if (p[2] >= 0x80) {
            if (left < 4 || p[3] == 0 || p[3] > 3)
                return false;
            n |= (size_t)p[3] << 14;
            head = 4;
        }
    }
    if (n > left - head)
        return false;
    *ret = (struct frame){p[0], p + head, n, at + head + n};
    return true;
}

static bool read_usn(const struct frame *f, uint64_t *ret)
{
    struct cursor c;
    cursor_init(&c, slice_make(f->body, f->n));
    *ret = cursor_varint(&c);
    return cursor_done(&c) && *ret != 0;
}

static bool host_ok(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool ok = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '.' ||
                  p[i] == '-' || p[i] == '_' || p[i] == ':' || p[i] == '[' || p[i] == ']';
        if (!ok)
            return false;
    }
    return n >= 1 && n <= HOST_MAX;
}

/* u16 offset of the domain, [u8 length, value], user. */
static inline bool read_uri(struct slice bytes, const struct frame *f, struct record *ret)
{
    const uint8_t *p = f->body;
    size_t n = f->n;
    struct frame domain;
    if (n < 2)
        return false;
    size_t at = get_u16(p);
    if (at >= bytes.n || !frame_at(bytes, at, &domain) || domain.type != RECORD_DOMAIN)
        return false;
    p += 2;
    n -= 2;
    if (CLASS(f->type) == RECORD_PUT_VALUE) {
        if (n < 1 || p[0] > n - 1)
            return false;
        ret->value = slice_make(p + 1, p[0]);
        p += 1 + ret->value.n;
        n -= 1 + ret->value.n;
    }
    ret->user = slice_make(p, n);
    ret->domain = slice_make(domain.body, domain.n);
    return n >= 1 && n + 1 + domain.n <= KEY_MAX;
}

/* [u16 length, value], key. */
static inline bool read_other(const struct frame *f, struct record *ret)
{
    const uint8_t *p = f->body;
    size_t n = f->n;
    if (CLASS(f->type) == RECORD_PUT_VALUE) {
        if (n < 2 || get_u16(p) > n - 2)
            return false;
        ret->value = slice_make(p + 2, get_u16(p));
        p += 2 + ret->value.n;
        n -= 2 + ret->value.n;
    }
    ret->user = slice_make(p, n);
    return n >= 1 && n <= KEY_MAX;
}

static inline bool read_body(struct slice bytes, const struct frame *f, struct record *ret)
{
    *ret = (struct record){.put = CLASS(f->type) != RECORD_DEL, .kind = KIND(f->type)};
    return ret->kind == ENTRY_URI ? read_uri(bytes, f, ret) : read_other(f, ret);
}

static inline bool is_change(uint8_t type)
{
    return type >= RECORD_PUT && type < RECORD_EXTENSION;
}

void segment_reader_init(struct segment_reader *r, struct slice bytes)
{
    *r = (struct segment_reader){.bytes = bytes};
}

/* A record that is no PUT or DEL: what it says about those behind it. */
static bool read_context(struct segment_reader *r, const struct frame *f)
{
    switch (f->type) {
    case RECORD_USN:
        r->has_usn = true;
        return read_usn(f, &r->usn);
    case RECORD_DOMAIN:
        return host_ok(f->body, f->n);
    case RECORD_SOURCE:
        r->source = slice_make(f->body, f->n);
        return f->n <= SOURCE_MAX && slice_is_utf8(r->source);
    case RECORD_NOTE:
        return true;
    default:
        return f->type >= RECORD_EXTENSION;
    }
}

/* 1: a PUT or DEL; 0: the end; -1: not sound; 2: another record, in *f. */
static inline int record_step(struct segment_reader *r, struct frame *f, struct record *ret)
{
    if (r->at >= r->bytes.n)
        return r->has_usn ? 0 : -1;
    size_t at = r->at;
    if (r->bytes.n > SEGMENT_MAX || !frame_at(r->bytes, at, f) ||
        (!r->has_usn && f->type != RECORD_USN))
        return -1;
    r->at = f->next;
    if (!is_change(f->type))
        return read_context(r, f) ? 2 : -1;
    /* The counter behind the last USN of all is 0: nothing may follow it. */
    if (r->usn == 0 || !read_body(r->bytes, f, ret))
        return -1;
    ret->usn = r->usn++;
    ret->source = r->source;
    ret->offset = (uint32_t)at;
    return 1;
}

int segment_next(struct segment_reader *r, struct record *ret)
{
    struct frame f;
    int step;
    do {
        step = record_step(r, &f, ret);
    } while (step == 2);
    return step;
}

bool segment_measure(struct slice bytes, uint32_t *ret_records)
{
    struct segment_reader r;
    struct record record;
    struct frame f;
    uint8_t domain_at[(SEGMENT_MAX + 8) / 8] = {0}; /* a bit for each DOMAIN record seen */
    uint32_t records = 0;

    segment_reader_init(&r, bytes);
    for (;;) {
        size_t at = r.at;
        int step = record_step(&r, &f, &record);
        if (step <= 0) {
            *ret_records = records;
            return step == 0;
        }
        if (step == 2) {
            if (f.type == RECORD_DOMAIN)
                domain_at[at / 8] |= (uint8_t)(1u << at % 8);
            continue;
        }
        records++;
        if (record.kind == ENTRY_URI) {
            size_t domain = get_u16(f.body);
            if ((domain_at[domain / 8] & 1u << domain % 8) == 0)
                return false;
        }
    }
}

bool segment_check(struct slice bytes)
{
    uint32_t records;
    return segment_measure(bytes, &records);
}

void segment_seek(struct segment_reader *r, uint32_t offset)
{
    struct frame f;
    while (r->at < offset && frame_at(r->bytes, r->at, &f)) {
        r->at = f.next;
        if (is_change(f.type))
            r->usn++;
        else if (f.type == RECORD_USN || f.type == RECORD_SOURCE)
            (void)read_context(r, &f);
    }
    assert(r->at == offset);
}

void segment_record_at(struct slice bytes, uint32_t offset, struct record *ret)
{
    struct frame f;
    bool ok = offset < bytes.n && frame_at(bytes, offset, &f) && is_change(f.type) &&
              read_body(bytes, &f, ret);
    assert(ok);
    ret->offset = offset;
}

static inline bool same_bytes(struct slice a, struct slice key)
{
    return a.n == key.n && memcmp(a.p, key.p, key.n) == 0;
}

/* Whatever record it is. Not inline: it would be in the way of nearly all. */
__attribute__((noinline)) static bool is_of_key(struct slice bytes, uint32_t offset,
                                                const struct record *key, bool fold,
                                                struct record *ret)
{
    struct frame f;
    bool ok = offset < bytes.n && frame_at(bytes, offset, &f) && is_change(f.type);
    assert(ok);
    if (KIND(f.type) != key->kind)
        return false;
    ok = read_body(bytes, &f, ret);
    assert(ok);
    ret->offset = offset;
    if (key->kind == ENTRY_URI ? !same_bytes(ret->domain, key->domain) : key->domain.n != 0)
        return false;
    return same_bytes(ret->user, key->user) || (fold && slice_eq_fold(ret->user, key->user));
}

bool segment_record_is(struct slice bytes, uint32_t offset, const struct record *key, bool fold,
                       struct record *ret)
{
    assert(offset + 2 <= bytes.n);
    return segment_plain_is(bytes.p, offset, key->kind, key->user, key->domain, ret) ||
           is_of_key(bytes, offset, key, fold, ret);
}

/* --- writing */

void segment_writer_init(struct segment_writer *w, struct buf *out)
{
    *w = (struct segment_writer){.out = out};
}

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

static size_t framed_size(size_t n)
{
    return 1 + varint_size(n) + n;
}

static void put_frame(struct buf *b, uint8_t type, size_t n)
{
    buf_put_u8(b, type);
    buf_put_varint(b, n);
}

/* Offset of a recent DOMAIN record with this host, the newest first; false when there is none. */
static bool recent_domain(const struct segment_writer *w, struct slice domain, uint32_t *ret)
{
    uint32_t slots = sizeof w->domain / sizeof w->domain[0];
    uint32_t n = w->domain_n < slots ? w->domain_n : slots;
    for (uint32_t i = 1; i <= n; i++) {
        struct frame f;
        uint32_t at = w->domain[(w->domain_n - i) % slots];
        if (frame_at(buf_slice(w->out), at, &f) && f.n == domain.n &&
            memcmp(f.body, domain.p, f.n) == 0) {
            *ret = at;
            return true;
        }
    }
    return false;
}

static bool writable(const struct record *r)
{
    bool uri = r->kind == ENTRY_URI;
    return r->kind <= 0x0f && r->usn != 0 && r->user.n >= 1 &&
           (uri ? host_ok(r->domain.p, r->domain.n) &&
                          r->user.n + 1 + r->domain.n <= KEY_MAX && r->value.n <= UINT8_MAX
                : r->domain.n == 0 && r->user.n <= KEY_MAX && r->value.n <= SEGMENT_MAX) &&
           (r->put ? r->source.n <= SOURCE_MAX && slice_is_utf8(r->source) : r->value.n == 0);
}

static void put_change(struct buf *b, const struct record *r, uint32_t domain, size_t body)
{
    bool value = r->value.n > 0;
    uint8_t type = r->put ? (value ? RECORD_PUT_VALUE : RECORD_PUT) : RECORD_DEL;
    put_frame(b, (uint8_t)(type | r->kind), body);
    if (r->kind == ENTRY_URI)
        buf_put_u16(b, (uint16_t)domain);
    if (value && r->kind == ENTRY_URI)
        buf_put_u8(b, (uint8_t)r->value.n);
    else if (value)
        buf_put_u16(b, (uint16_t)r->value.n);
    buf_put_slice(b, r->value);
    buf_put_slice(b, r->user);
}

bool segment_writer_put(struct segment_writer *w, const struct record *r)
{
    struct buf *b = w->out;
    bool uri = r->kind == ENTRY_URI;
    bool usn = !w->open || w->next_usn != r->usn;
    bool source = r->put && !slice_eq(w->source, r->source);
    uint32_t domain = 0;
    if (b->failed || !writable(r))
        return false;
    bool new_domain = uri && !recent_domain(w, r->domain, &domain);

    size_t body = r->user.n + r->value.n + (uri ? 2 : 0);
    if (r->value.n > 0)
        body += uri ? 1 : 2;
    size_t need = framed_size(body) + (usn ? framed_size(varint_size(r->usn)) : 0) +
                  (source ? framed_size(r->source.n) : 0) +
                  (new_domain ? framed_size(r->domain.n) : 0);
    if (need > SEGMENT_MAX - b->n)
        return false;

    size_t start = b->n;
    if (usn) {
        put_frame(b, RECORD_USN, varint_size(r->usn));
        buf_put_varint(b, r->usn);
    }
    if (source) {
        put_frame(b, RECORD_SOURCE, r->source.n);
        buf_put_slice(b, r->source);
    }
    if (new_domain) {
        domain = (uint32_t)b->n;
        put_frame(b, RECORD_DOMAIN, r->domain.n);
        buf_put_slice(b, r->domain);
    }
    put_change(b, r, domain, body);
    if (b->failed) {
        b->n = start;
        return false;
    }
    if (source)
        w->source = r->source;
    if (new_domain)
        w->domain[w->domain_n++ % (sizeof w->domain / sizeof w->domain[0])] = domain;
    w->open = true;
    w->next_usn = r->usn + 1;
    return true;
}

/* --- values and entries */

void failover_put(struct buf *b, const struct failover *f)
{
    buf_put_u8(b, f->rule);
    buf_put_u8(b, f->strip);
    buf_put_slice(b, f->digits);
}

bool failover_get(struct slice value, struct failover *ret)
{
    *ret = (struct failover){0};
    if (value.n == 0)
        return true;
    if (value.n < 2 || value.p[0] > FAILOVER_NUMBER || value.p[1] > NUMBER_MAX)
        return false;
    struct failover f = {value.p[0], value.p[1], slice_make(value.p + 2, value.n - 2)};
    size_t plus = f.digits.n > 0 && f.digits.p[0] == '+';
    for (size_t i = plus; i < f.digits.n; i++) {
        if (f.digits.p[i] < '0' || f.digits.p[i] > '9')
            return false;
    }
    size_t digits = f.digits.n - plus;
    bool fits = f.rule == FAILOVER_STRIP    ? true
                : f.rule == FAILOVER_NUMBER ? digits > 0 && f.strip == 0
                                            : f.digits.n == 0 && f.strip == 0;
    if (!fits || digits > NUMBER_MAX)
        return false;
    *ret = f;
    return true;
}

void record_of_entry(struct record *ret, const struct entry *e, struct buf *value_scratch)
{
    *ret = (struct record){.put = true, .kind = e->kind, .user = e->key};
    if (e->kind == ENTRY_URI) {
        size_t at = e->key.n;
        while (at > 0 && e->key.p[at - 1] != '@')
            at--;
        if (at > 0) {
            ret->user = slice_make(e->key.p, at - 1);
            ret->domain = slice_make(e->key.p + at, e->key.n - at);
        }
    }
    if (e->failover.rule != FAILOVER_NONE) {
        size_t start = value_scratch->n;
        failover_put(value_scratch, &e->failover);
        if (!value_scratch->failed)
            ret->value = slice_make(value_scratch->p + start, value_scratch->n - start);
    }
}
