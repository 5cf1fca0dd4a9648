/* Arbitrary bytes never open; what was sealed opens to itself, however it is cut; one flipped bit
 * and it does not. */
#include "fuzz.h"

#include "link/sealed.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t binder[HASH_SIZE] = {7};
    struct mem mem = fuzz_mem();
    struct sealed there, here, other;
    struct buf wire, plain;
    struct slice in = slice_make(data, size), text = in;

    sealed_keys(&there, &other, slice_of("isk"), binder);
    here = there;
    buf_init(&wire, &mem, SIZE_MAX);
    buf_init(&plain, &mem, SIZE_MAX);
    assert(sealed_take(&here, &in, &plain) != 0 && plain.n == 0 && in.n == size);

    size_t cut = size > 0 ? data[0] % size : 0;
    sealed_put(&there, &wire, slice_make(text.p, cut));
    sealed_put(&there, &wire, slice_make(text.p + cut, text.n - cut));
    if (wire.n > 0) {
        size_t bit = data[size - 1] * 31u % (8 * wire.n);
        struct sealed fresh = here;
        wire.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct slice bad = buf_slice(&wire);
        while (bad.n > 0 && sealed_take(&fresh, &bad, &plain) == 0)
            ;
        assert(bad.n > 0);
        buf_reset(&plain);
        wire.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    in = buf_slice(&wire);
    while (in.n > 0) {
        int ret = sealed_take(&here, &in, &plain);
        assert(ret == 0);
    }
    assert(slice_eq(buf_slice(&plain), text));
    buf_done(&wire);
    buf_done(&plain);
    return 0;
}
