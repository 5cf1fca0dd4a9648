/* grow: memory of the simulator itself. It may use libc, and ends when the host has none left. */
#ifndef OPENILS_SIM_GROW_H
#define OPENILS_SIM_GROW_H

#include <stdlib.h>
#include <string.h>

/* realloc that never gives NULL for n > 0; new bytes are not zeroed. */
static inline void *grow(void *p, size_t n)
{
    void *fresh = realloc(p, n == 0 ? 1 : n);
    if (fresh == NULL)
        abort();
    return fresh;
}

static inline void *grow_zero(size_t n)
{
    return memset(grow(NULL, n), 0, n);
}

/* A copy of n bytes; NULL for n = 0. */
static inline void *grow_copy(const void *p, size_t n)
{
    return n == 0 ? NULL : memcpy(grow(NULL, n), p, n);
}

#endif
