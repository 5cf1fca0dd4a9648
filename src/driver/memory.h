/* memory: where the core's memory comes from: the allocator of the C library, but for what is asked
 * at random places, which lies in large pages. With pages of 4 KiB half of the time of a lookup
 * would go into finding the page. What the system does not give is done without. */
#ifndef OPENILS_DRIVER_MEMORY_H
#define OPENILS_DRIVER_MEMORY_H

#include <stddef.h>

struct memory_region;

/* All zero: none yet. One thread alone uses it. */
struct memory {
    struct memory_region *first; /* where the last block was found; a ring */
    struct memory_region *fresh; /* begun last; or NULL */
    size_t regions;
};

/* For struct mem. context: a struct memory, or NULL, where large pages are not worth the room.
 * Sizes in bytes; what was allocated with one context is resized and freed with the same. NULL:
 * refused by the system. */
void *memory_resize(void *context, void *p, size_t old_size, size_t new_size);

/* Gives back what is left; no block is in use any more. m may not be NULL. */
void memory_done(struct memory *m);

#endif
