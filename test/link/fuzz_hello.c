/* A body that is a hello gives its first bytes when it is put again. */
#include "fuzz.h"

#include "link/hello.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = fuzz_mem();
    struct hello h;
    struct buf b;

    buf_init(&b, &mem, HELLO_SIZE);
    if (hello_get(slice_make(data, size), &h) == 0) {
        hello_put(&b, &h);
        assert(!b.failed && slice_eq(buf_slice(&b), slice_make(data, HELLO_SIZE)));
        uint8_t version = hello_version(&h, &h);
        assert(version == (h.version_min <= h.version_max ? h.version_max : 0));
    }
    buf_done(&b);
    return 0;
}
