/* arena: a bump allocator over chunks. Small things share chunks that double from 4 KiB to 64 KiB;
 * what does not fit into those gets a chunk of its own. */
#include "base/arena.h"

#include <string.h>

#define CHUNK_FIRST 4096
#define CHUNK_MOST  65536
#define ALIGNMENT   16

struct arena_chunk {
    struct arena_chunk *next; /* older */
    size_t size;              /* of the whole block, this header included */
    size_t used;              /* header included */
};

#define HEADER (((sizeof(struct arena_chunk)) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1))

void arena_init(struct arena *a, struct mem *mem)
{
    *a = (struct arena){.mem = mem};
}

/* A chunk of its own goes behind the head, so that the head's free room stays in use. */
static struct arena_chunk *chunk_add(struct arena *a, size_t n)
{
    size_t size = CHUNK_FIRST;
    bool own = n > CHUNK_MOST - HEADER;
    if (own) {
        size = n + HEADER;
    } else {
        if (a->head != NULL)
            size = a->head->size >= CHUNK_MOST / 2 ? CHUNK_MOST : a->head->size * 2;
        while (size - HEADER < n)
            size *= 2;
    }

    struct arena_chunk *chunk = mem_alloc(a->mem, size);
    if (chunk == NULL)
        return NULL;
    chunk->size = size;
    chunk->used = HEADER;
    if (own && a->head != NULL) {
        chunk->next = a->head->next;
        a->head->next = chunk;
    } else {
        chunk->next = a->head;
        a->head = chunk;
    }
    return chunk;
}

static size_t padded(size_t n)
{
    return n == 0 ? ALIGNMENT : (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

void *arena_room(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 2) {
        a->failed = true;
        return NULL;
    }
    n = padded(n);

    struct arena_chunk *chunk = a->head;
    if (chunk == NULL || chunk->size - chunk->used < n)
        chunk = chunk_add(a, n);
    if (chunk == NULL) {
        a->failed = true;
        return NULL;
    }
    uint8_t *p = (uint8_t *)chunk + chunk->used;
    chunk->used += n;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p = arena_room(a, n);
    if (p != NULL)
        memset(p, 0, padded(n));
    return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    if (s.n == 0)
        return slice_make(NULL, 0);
    void *p = arena_room(a, s.n);
    if (p == NULL)
        return slice_make(NULL, 0);
    memcpy(p, s.p, s.n);
    return slice_make(p, s.n);
}

/* The largest shared chunk is kept: a lifetime that repeats soon asks for nothing any more. */
void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = NULL;
    for (struct arena_chunk *c = a->head; c != NULL; c = c->next) {
        if (c->size <= CHUNK_MOST && (keep == NULL || c->size > keep->size))
            keep = c;
    }
    for (struct arena_chunk *c = a->head, *next; c != NULL; c = next) {
        next = c->next;
        if (c != keep)
            mem_free(a->mem, c, c->size);
    }
    if (keep != NULL) {
        keep->next = NULL;
        keep->used = HEADER;
    }
    a->head = keep;
    a->failed = false;
}

void arena_done(struct arena *a)
{
    for (struct arena_chunk *c = a->head, *next; c != NULL; c = next) {
        next = c->next;
        mem_free(a->mem, c, c->size);
    }
    a->head = NULL;
    a->failed = false;
}
