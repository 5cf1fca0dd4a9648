/* buf: growable bytes with a hard maximum. Writes after the first failure do nothing; the
 * writer checks `failed` once, at the end. All integers are written big-endian. */
#ifndef OPENILS_BASE_BUF_H
#define OPENILS_BASE_BUF_H

#include "base/mem.h"
#include "base/slice.h"

struct buf {
    struct mem *mem;
    uint8_t *p;
    size_t n;     /* bytes written */
    size_t size;  /* bytes allocated */
    size_t max;   /* n never exceeds this */
    bool failed;  /* sticky: a write was refused (max or memory) */
};

void buf_init(struct buf *b, struct mem *mem, size_t max);
void buf_done(struct buf *b);

/* n = 0 and not failed; memory is kept. */
void buf_reset(struct buf *b);

/* Room for n more bytes at the end, already counted; NULL when refused. */
uint8_t *buf_extend(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_slice(struct buf *b, struct slice s);
void buf_put_text(struct buf *b, const char *text);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);

/* LEB128: 7 bits a byte, least significant first, at most 10 bytes. */
void buf_put_varint(struct buf *b, uint64_t v);

/* Decimal text of v. */
void buf_put_decimal(struct buf *b, uint64_t v);

/* Removes the first n bytes. */
void buf_drop(struct buf *b, size_t n);

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_make(b->p, b->n);
}

#endif
