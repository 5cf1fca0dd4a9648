/* mem: accounting between the pure rooms and whoever gives them memory. Every byte is counted here,
 * so that a budget holds whatever the allocator behind it would allow. */
#include "base/mem.h"

#include <assert.h>
#include <string.h>

void *mem_alloc(struct mem *m, size_t n)
{
    return mem_resize(m, NULL, 0, n);
}

void *mem_resize(struct mem *m, void *p, size_t old_size, size_t new_size)
{
    assert((p == NULL) == (old_size == 0));
    assert(m->used >= old_size);

    if (new_size == 0) {
        mem_free(m, p, old_size);
        return NULL;
    }
    size_t others = m->used - old_size;
    if (new_size > old_size && (others > m->budget || new_size > m->budget - others))
        return NULL;
    uint8_t *fresh = m->resize(m->context, p, old_size, new_size);
    if (fresh == NULL)
        return NULL;
    if (new_size > old_size)
        memset(fresh + old_size, 0, new_size - old_size);
    m->used = others + new_size;
    if (m->used > m->peak)
        m->peak = m->used;
    return fresh;
}

void mem_free(struct mem *m, void *p, size_t n)
{
    if (p == NULL)
        return;
    assert(m->used >= n);
    m->resize(m->context, p, n, 0);
    m->used -= n;
}
