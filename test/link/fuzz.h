/* fuzz.h: memory for the fuzz targets of this room, with a budget as a link has it. */
#ifndef OPENILS_TEST_LINK_FUZZ_H
#define OPENILS_TEST_LINK_FUZZ_H

#include "base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void *fuzz_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

static inline struct mem fuzz_mem(void)
{
    return (struct mem){.resize = fuzz_resize, .budget = 1 << 20};
}

#endif
