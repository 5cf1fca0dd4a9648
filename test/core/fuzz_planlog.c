/* fuzz_planlog: a header and a key of the log of the plan, of any content. What is read is what
 * would be written again, byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "core/ils.h"
#include "core/planlog.h"

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
    struct plan_change c;
    struct buf b;
    uint64_t number;
    uint32_t part;
    uint8_t key[PLAN_LOG_KEY];
    if (plan_change_key_get(slice_make(data, size), &number, &part)) {
        plan_change_key(key, number, part);
        if (size != sizeof key || memcmp(key, data, size) != 0)
            abort();
    }
    if (!plan_change_get(slice_make(data, size), &c))
        return 0;
    if (c.who.n > 255 || c.what.n > 1024 || c.source.n > 64 || c.name.n > CLUSTER_ID_MAX ||
        c.route_string.n > ROUTE_STRING_MAX || c.description.n > DESCRIPTION_MAX)
        return 0; /* nothing of that size is written */
    buf_init(&b, &mem, 65536 * 4);
    plan_change_put(&b, &c);
    if (b.failed || b.n != size || memcmp(b.p, data, size) != 0)
        abort();
    buf_done(&b);
    return 0;
}
