/* buf: growable bytes. Room doubles, never beyond the maximum; the first refusal sticks, so that a
 * writer of many fields has one place at which to look. */
#include "base/buf.h"

#include <string.h>

#define SIZE_FIRST 64

void buf_init(struct buf *b, struct mem *mem, size_t max)
{
    *b = (struct buf){.mem = mem, .max = max};
}

void buf_done(struct buf *b)
{
    mem_free(b->mem, b->p, b->size);
    b->p = NULL;
    b->n = b->size = 0;
    b->failed = false;
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

static bool buf_grow(struct buf *b, size_t need)
{
    size_t size = b->size < SIZE_FIRST ? SIZE_FIRST : b->size;
    while (size < need)
        size = size > SIZE_MAX / 2 ? need : size * 2;
    if (size > b->max)
        size = b->max;
    uint8_t *p = mem_resize(b->mem, b->p, b->size, size);
    if (p == NULL)
        return false;
    b->p = p;
    b->size = size;
    return true;
}

uint8_t *buf_extend(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->max - b->n || ((b->size - b->n < n || b->p == NULL) && !buf_grow(b, b->n + n))) {
        b->failed = true;
        return NULL;
    }
    uint8_t *p = b->p + b->n;
    b->n += n;
    return p;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    uint8_t *to = buf_extend(b, n);
    if (to != NULL)
        memcpy(to, p, n);
}

void buf_put_slice(struct buf *b, struct slice s)
{
    buf_put(b, s.p, s.n);
}

void buf_put_text(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

static void put_big_endian(struct buf *b, uint64_t v, size_t n)
{
    uint8_t *to = buf_extend(b, n);
    for (size_t i = 0; to != NULL && i < n; i++)
        to[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    put_big_endian(b, v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    put_big_endian(b, v, 2);
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    put_big_endian(b, v, 4);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    put_big_endian(b, v, 8);
}

void buf_put_varint(struct buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;
    while (v >= 0x80) {
        bytes[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (uint8_t)v;
    buf_put(b, bytes, n);
}

void buf_put_decimal(struct buf *b, uint64_t v)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    buf_put(b, digits + at, sizeof digits - at);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}
