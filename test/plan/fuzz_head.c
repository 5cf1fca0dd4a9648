/* Any bytes are read without harm; a head that was read is written with the same bytes. */
#include "fuzz_mem.h"
#include "plan/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[SECRET_SIZE];
    struct mem mem = fuzz_mem();
    struct slice bytes = slice_make(data, size);
    struct head h;
    struct buf b;

    if (head_get(bytes, &h) != 0)
        return 0;
    (void)head_signed(bytes);
    buf_init(&b, &mem, HEAD_MAX);
    head_put(&b, &h, secret);
    assert(!b.failed && b.n == size);
    assert(memcmp(b.p, data, size - SIGNATURE_SIZE) == 0);
    assert(head_order(&h, &h) == 0);
    buf_done(&b);
    return 0;
}
