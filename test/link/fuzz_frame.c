/* Frames taken off arbitrary bytes are those bytes when they are put again. */
#include "fuzz.h"

#include "link/frame.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = fuzz_mem();
    struct slice in = slice_make(data, size), body;
    struct buf b;
    uint8_t type;

    buf_init(&b, &mem, SIZE_MAX);
    while (frame_take(&in, FRAME_CLEAR_MAX, &type, &body) == 0)
        frame_put(&b, type, body);
    assert(!b.failed && b.n + in.n == size);
    assert(slice_eq(buf_slice(&b), slice_make(data, size - in.n)));
    buf_done(&b);
    return 0;
}
