/* heap: a binary min-heap of (key, order, value); ties go to the smaller order, so that equal
 * times leave in the order they were put. */
#ifndef OPENILS_BASE_HEAP_H
#define OPENILS_BASE_HEAP_H

#include "base/mem.h"
#include <stdbool.h>
#include <stdint.h>

struct heap_item {
    int64_t key;
    uint64_t order;
    void *value;
};

struct heap {
    struct mem *mem;
    struct heap_item *item;
    size_t n, size;
};

void heap_init(struct heap *h, struct mem *mem);
void heap_done(struct heap *h);
/* False when memory is refused; nothing changes then. */
bool heap_put(struct heap *h, int64_t key, uint64_t order, void *value);
/* False when empty. */
bool heap_take(struct heap *h, struct heap_item *ret_item);
/* The smallest item, or NULL. Valid until the next call. */
const struct heap_item *heap_first(const struct heap *h);

#endif
