/* heap: deadlines and the simulator's events, smallest first. */
#include "base/heap.h"

#define SIZE_FIRST 16

void heap_init(struct heap *h, struct mem *mem)
{
    *h = (struct heap){.mem = mem};
}

void heap_done(struct heap *h)
{
    mem_free(h->mem, h->item, h->size * sizeof *h->item);
    h->item = NULL;
    h->n = h->size = 0;
}

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

bool heap_put(struct heap *h, int64_t key, uint64_t order, void *value)
{
    if (h->n == h->size) {
        size_t size = h->size == 0 ? SIZE_FIRST : h->size * 2;
        if (size > SIZE_MAX / sizeof *h->item)
            return false;
        struct heap_item *item =
            mem_resize(h->mem, h->item, h->size * sizeof *h->item, size * sizeof *h->item);
        if (item == NULL)
            return false;
        h->item = item;
        h->size = size;
    }
    struct heap_item put = {key, order, value};
    size_t at = h->n++;
    while (at > 0 && before(&put, &h->item[(at - 1) / 2])) {
        h->item[at] = h->item[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    h->item[at] = put;
    return true;
}

bool heap_take(struct heap *h, struct heap_item *ret_item)
{
    if (h->n == 0)
        return false;
    *ret_item = h->item[0];
    struct heap_item last = h->item[--h->n];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && before(&h->item[child + 1], &h->item[child]))
            child++;
        if (!before(&h->item[child], &last))
            break;
        h->item[at] = h->item[child];
        at = child;
    }
    h->item[at] = last;
    return true;
}

const struct heap_item *heap_first(const struct heap *h)
{
    return h->n == 0 ? NULL : &h->item[0];
}
