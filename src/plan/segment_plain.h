/* segment_plain: whether a record is of a key, for nearly every record there is: a short PUT
 * without a value, whose bytes are known from the key but for the domain's offset. Inside the room
 * only, and inline: a processor begins the next get while this one waits for memory, as far as it
 * has room for instructions under way, and each that is left out makes room. */
#ifndef OPENILS_PLAN_SEGMENT_PLAIN_H
#define OPENILS_PLAN_SEGMENT_PLAIN_H

#include <string.h>

#include "plan/segment.h"

/* Bytes of the user and of the domain of a plain record: its length is one byte. */
#define PLAIN_MAX 0x7d

static inline size_t get_u16(const uint8_t *p)
{
    return (size_t)p[0] << 8 | p[1];
}

static inline uint64_t get_8(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static inline uint32_t get_4(const uint8_t *p)
{
    uint32_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* No call, and no loop for few; each of the branches is nearly always the same. */
static inline bool segment_same_bytes(const uint8_t *p, struct slice key)
{
    const uint8_t *k = key.p;
    size_t n = key.n;
    if (n >= 8) {
        if (get_8(p) != get_8(k) || get_8(p + n - 8) != get_8(k + n - 8))
            return false;
#pragma GCC unroll 1
        for (size_t i = 8; i + 8 < n; i += 8) {
            if (get_8(p + i) != get_8(k + i))
                return false;
        }
        return true;
    }
    if (n >= 4)
        return get_4(p) == get_4(k) && get_4(p + n - 4) == get_4(k + n - 4);
    return n == 0 || (p[0] == k[0] && p[n / 2] == k[n / 2] && p[n - 1] == k[n - 1]);
}

/* As segment_record_is for a record at an offset of a sound segment; false: ask that one. Of a
 * sound segment no bound need be looked at, once its two first bytes are as a PUT of the key has
 * them. */
static inline bool segment_plain_is(const uint8_t *bytes, uint32_t offset, uint8_t kind,
                                    struct slice user, struct slice domain, struct record *ret)
{
    const uint8_t *p = bytes + offset, *host = NULL;
    if (user.n > PLAIN_MAX || domain.n > PLAIN_MAX)
        return false;
    if (kind == ENTRY_URI) {
        if (p[0] != (RECORD_PUT | ENTRY_URI) || p[1] != user.n + 2)
            return false;
        host = bytes + get_u16(p + 2);
        if (host[1] != domain.n || !segment_same_bytes(host + 2, domain))
            return false;
        host += 2;
        p += 2;
    } else if (p[0] != (RECORD_PUT | kind) || p[1] != user.n || domain.n != 0) {
        return false;
    }
    p += 2;
    if (!segment_same_bytes(p, user))
        return false;
    /* Each by itself: to zero all at once is an instruction that lookups would wait for, and so is
     * to read as one what was just written as two. */
    ret->put = true;
    ret->kind = kind;
    ret->usn = 0;
    ret->user = slice_make(p, user.n);
    ret->domain = slice_make(host, domain.n);
    ret->value = slice_make(NULL, 0);
    ret->source = slice_make(NULL, 0);
    ret->offset = offset;
    return true;
}

#endif
