/* Whatever a cursor reads as varints and integers, a buf writes back as the same bytes. */
#include "base/buf.h"
#include "base/cursor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

static void copy_one(struct cursor *c, struct buf *b)
{
    uint8_t kind = cursor_u8(c);
    buf_put_u8(b, kind);
    switch (kind % 6) {
    case 0: buf_put_varint(b, cursor_varint(c)); break;
    case 1: buf_put_u16(b, cursor_u16(c)); break;
    case 2: buf_put_u32(b, cursor_u32(c)); break;
    case 3: buf_put_u64(b, cursor_u64(c)); break;
    case 4: buf_put_slice(b, cursor_bytes(c, kind)); break;
    default: buf_put_u8(b, cursor_u8(c)); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    struct cursor c;
    struct buf b;
    size_t good = 0;

    buf_init(&b, &mem, SIZE_MAX);
    cursor_init(&c, slice_make(data, size));
    while (cursor_left(&c) > 0) {
        copy_one(&c, &b);
        if (!c.failed)
            good = b.n;
    }
    assert(good <= size && !b.failed);
    assert(good == 0 || memcmp(b.p, data, good) == 0);
    assert(!cursor_done(&c) || good == size);
    buf_done(&b);
    assert(mem.used == 0);
    return 0;
}
