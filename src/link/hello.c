/* hello: fixed fields at fixed places, so that a later version can still be told from this one. */
#include "link/hello.h"

#include "base/cursor.h"

#define MAGIC UINT32_C(0x494c5300) /* "ILS", 0 */

void hello_put(struct buf *b, const struct hello *h)
{
    buf_put_u32(b, MAGIC);
    buf_put_u8(b, h->version_min);
    buf_put_u8(b, h->version_max);
    buf_put_u32(b, h->capabilities);
    buf_put_u32(b, h->required);
    buf_put_u8(b, h->method);
    buf_put_u16(b, h->generation);
    buf_put(b, h->random, HELLO_RANDOM);
}

int hello_get(struct slice body, struct hello *ret)
{
    struct cursor c;
    struct hello h;

    cursor_init(&c, body);
    uint32_t magic = cursor_u32(&c);
    h.version_min = cursor_u8(&c);
    h.version_max = cursor_u8(&c);
    h.capabilities = cursor_u32(&c);
    h.required = cursor_u32(&c);
    h.method = cursor_u8(&c);
    h.generation = cursor_u16(&c);
    cursor_copy(&c, h.random, HELLO_RANDOM);
    if (c.failed || magic != MAGIC || body.n > HELLO_MAX)
        return -1;
    *ret = h;
    return 0;
}

uint8_t hello_version(const struct hello *a, const struct hello *b)
{
    uint8_t low = a->version_min > b->version_min ? a->version_min : b->version_min;
    uint8_t high = a->version_max < b->version_max ? a->version_max : b->version_max;
    return high >= low ? high : 0;
}

uint64_t hello_versions(const struct hello *h)
{
    return UINT64_C(1) << 16 | (uint64_t)h->version_min << 8 | h->version_max;
}
