/* mem: the one seam through which the pure rooms get memory.
 *
 * Whoever owns a core (daemon, simulator, test) hands it a `struct mem`: a re-allocator, its
 * context and a budget in bytes. Nothing below the purity line calls malloc. A refusal (budget
 * or allocator) is NULL and must be survived; the tests refuse the n-th request for every n. */
#ifndef OPENILS_BASE_MEM_H
#define OPENILS_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

struct mem {
    /* As realloc, with the old size given: (NULL, 0, n) allocates, (p, n, 0) frees. */
    void *(*resize)(void *context, void *p, size_t old_size, size_t new_size);
    void *context;
    size_t used;   /* bytes handed out now */
    size_t peak;   /* the most ever handed out */
    size_t budget; /* never exceeded; SIZE_MAX = no limit */
};

/* n zeroed bytes, or NULL. n = 0 gives NULL. The caller frees with the same n. */
void *mem_alloc(struct mem *m, size_t n);

/* Grows or shrinks; new bytes are zeroed. NULL leaves the old block as it was. */
void *mem_resize(struct mem *m, void *p, size_t old_size, size_t new_size);

/* p may be NULL. */
void mem_free(struct mem *m, void *p, size_t n);

#endif
