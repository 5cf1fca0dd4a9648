/* fuzz_mem: a mem over malloc, for the fuzz targets of this room. */
#ifndef OPENILS_TEST_PLAN_FUZZ_MEM_H
#define OPENILS_TEST_PLAN_FUZZ_MEM_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static inline void *fuzz_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

static inline struct mem fuzz_mem(void)
{
    return (struct mem){.resize = fuzz_resize, .budget = SIZE_MAX};
}

#endif
