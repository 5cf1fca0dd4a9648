/* segment_plain: whether a record is of a key, for nearly every record there is: a short PUT
 * without a value, whose bytes are known from the key but for the domain's offset. Inside the room
 * only, and inline: a processor begins the next get while this one waits for memory, as far as it
 * has room for instructions under way, and each that is left out makes room. */
#ifndef OPENILS_PLAN_SEGMENT_PLAIN_H
#define OPENILS_PLAN_SEGMENT_PLAIN_H

#include <string.h>

#include "plan/segment.h"

static inline size_t get_u16(const uint8_t *p)
{
    return (size_t)p[0] << 8 | p[1];
}

/* All bytes before anything is said of them, and no call for few. */
static inline bool segment_same_bytes(const uint8_t *p, struct slice key)
{
    uint64_t a, b, differ = 0;
    if (key.n < sizeof a)
        return memcmp(p, key.p, key.n) == 0;
    for (size_t i = 0; i < key.n; i += sizeof a) {
        size_t at = i + sizeof a <= key.n ? i : key.n - sizeof a;
        memcpy(&a, p + at, sizeof a);
        memcpy(&b, key.p + at, sizeof b);
        differ |= a ^ b;
    }
    return differ == 0;
}

/* As segment_record_is for a record at an offset of a sound segment; false: ask that one. What
 * comes from memory is compared with what is known, and nothing computed of it: a processor goes
 * on with the next question meanwhile, as far as it has room for what waits. Of a sound segment no
 * bound need be looked at, once its two first bytes are so. */
static inline bool segment_plain_is(const uint8_t *bytes, uint32_t offset,
                                    const struct record *key, struct record *ret)
{
    const uint8_t *p = bytes + offset, *domain = NULL;
    bool uri = key->kind == ENTRY_URI;
    size_t user = uri ? 4 : 2, n = user - 2 + key->user.n;
    if (p[0] != (RECORD_PUT | key->kind) || p[1] != n || n >= 0x80 ||
        !segment_same_bytes(p + user, key->user))
        return false;
    if (uri) {
        domain = bytes + get_u16(p + 2);
        if (domain[1] != key->domain.n || key->domain.n >= 0x80 ||
            !segment_same_bytes(domain + 2, key->domain))
            return false;
        domain += 2;
    } else if (key->domain.n != 0) {
        return false;
    }
    /* Each by itself: to zero it all at once is an instruction that lookups would wait for. */
    ret->put = true;
    ret->kind = key->kind;
    ret->usn = 0;
    ret->user = slice_make(p + user, key->user.n);
    ret->domain = slice_make(domain, key->domain.n);
    ret->value = ret->source = slice_make(NULL, 0);
    ret->offset = offset;
    return true;
}

#endif
