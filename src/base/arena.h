/* arena: memory that belongs to a lifetime (one step, one link), freed all at once. */
#ifndef OPENILS_BASE_ARENA_H
#define OPENILS_BASE_ARENA_H

#include "base/mem.h"
#include "base/slice.h"

struct arena_chunk;

struct arena {
    struct mem *mem;
    struct arena_chunk *head;
    bool failed; /* sticky: one allocation since the last reset was refused */
};

void arena_init(struct arena *a, struct mem *mem);

/* n zeroed bytes aligned to 16, or NULL (and a->failed). Valid until reset or done. */
void *arena_alloc(struct arena *a, size_t n);

/* The same with whatever bytes are there. */
void *arena_room(struct arena *a, size_t n);

/* A copy of s in the arena; {NULL, 0} when refused or empty. */
struct slice arena_copy(struct arena *a, struct slice s);

/* Forgets everything handed out, keeps one chunk, clears `failed`. */
void arena_reset(struct arena *a);

/* Gives everything back. */
void arena_done(struct arena *a);

#endif
