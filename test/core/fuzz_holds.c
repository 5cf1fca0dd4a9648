/* fuzz_holds: what another cluster says that it holds, of any content. What is taken is what would
 * be written again, byte for byte; what is not is not known. */
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = {.resize = resize, .budget = 1u << 20};
    static struct holds h;
    struct buf b;
    if (!holds_get(&h, slice_make(data, size))) {
        if (h.known)
            abort();
        return 0;
    }
    if (!h.known || h.at < 0 || h.n > HOLDS_EXCEPTIONS)
        abort();
    for (size_t i = 0; i < h.n; i++)
        if (h.exception[i].since < 0 || h.exception[i].since > h.at ||
            h.exception[i].status == SYNC_UP_TO_DATE)
            abort();
    buf_init(&b, &mem, HOLDS_BYTES);
    holds_put(&b, &h);
    if (b.failed || b.n != size || memcmp(b.p, data, size) != 0)
        abort();
    buf_done(&b);
    return 0;
}
