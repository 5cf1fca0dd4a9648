/* cursor: bounds-checked reading. The error sticks and reads give zeros after it, so that a decoder
 * is straight-line code with one check at its end. */
#include "base/cursor.h"

#include <string.h>

void cursor_init(struct cursor *c, struct slice s)
{
    static const uint8_t nothing[1];
    const uint8_t *p = s.p != NULL ? s.p : nothing;
    *c = (struct cursor){.p = p, .end = p + s.n};
}

size_t cursor_left(const struct cursor *c)
{
    return c->failed ? 0 : (size_t)(c->end - c->p);
}

static uint64_t big_endian(struct cursor *c, size_t n)
{
    struct slice s = cursor_bytes(c, n);
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++)
        v = v << 8 | s.p[i];
    return v;
}

uint8_t cursor_u8(struct cursor *c)
{
    return (uint8_t)big_endian(c, 1);
}

uint16_t cursor_u16(struct cursor *c)
{
    return (uint16_t)big_endian(c, 2);
}

uint32_t cursor_u32(struct cursor *c)
{
    return (uint32_t)big_endian(c, 4);
}

uint64_t cursor_u64(struct cursor *c)
{
    return big_endian(c, 8);
}

uint64_t cursor_varint(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);
        if (c->failed)
            return 0;
        uint64_t bits = byte & 0x7f;
        bool too_big = shift == 63 && bits > 1;
        bool longer_than_needed = shift > 0 && byte == 0;
        if (too_big || longer_than_needed)
            break;
        v |= bits << shift;
        if (byte < 0x80)
            return v;
    }
    c->failed = true;
    return 0;
}

struct slice cursor_bytes(struct cursor *c, size_t n)
{
    if (c->failed || n > (size_t)(c->end - c->p)) {
        c->failed = true;
        return slice_make(NULL, 0);
    }
    struct slice s = slice_make(c->p, n);
    c->p += n;
    return s;
}

void cursor_copy(struct cursor *c, void *dst, size_t n)
{
    if (n == 0)
        return;
    struct slice s = cursor_bytes(c, n);
    if (s.n == n)
        memcpy(dst, s.p, n);
    else
        memset(dst, 0, n);
}

bool cursor_done(const struct cursor *c)
{
    return !c->failed && c->p == c->end;
}
