/* readers: generations. The owner unlinks, then counts the generation up; a reader that has seen
 * the new number can no longer reach what was unlinked before. Each number is passed on by an
 * atomic of its own (no fences: ThreadSanitizer does not know them). */
#include "plan/readers.h"

#include "base/mem.h"
#include "plan/catalog.h"

void plan_pause(const struct plan *p, struct plan_reader *r)
{
    const _Atomic uint64_t *now = &p->graves.generation;
    uint64_t seen = atomic_load(now);
    atomic_store(&r->seen, seen);
    /* Who was away may have been passed over before the store was seen. If so the owner has
     * counted on, which this load is behind, and what was unlinked is out of reach. */
    (void)atomic_load(now);
}

void plan_leave(struct plan_reader *r)
{
    atomic_store_explicit(&r->seen, 0, memory_order_release);
}

bool plan_settled(const struct plan *p, uint64_t *ret_change)
{
    *ret_change = atomic_load(&p->change);
    return (*ret_change & 1) == 0;
}

void plan_yield(const struct plan *p)
{
    if (p->graves.readers != NULL && p->graves.readers->yield != NULL)
        p->graves.readers->yield();
}

/* Whatever changes is read with acquire, so that this load comes behind it. */
bool plan_unchanged(const struct plan *p, uint64_t change)
{
#ifdef OPENILS_BUG_UNVALIDATED /* a control of the readers: a part of a change is an answer */
    return true;
#endif
    return atomic_load(&p->change) == change;
}

void *grave_alloc(struct mem *mem, size_t n)
{
    struct grave *g = mem_alloc(mem, n);
    if (g != NULL)
        g->size = n;
    return g;
}

void grave_free(struct mem *mem, struct grave *g)
{
    if (g == NULL)
        return;
    if (g->done != NULL)
        g->done(mem, g);
    mem_free(mem, g, g->size);
}

void graves_add(struct graves *v, struct grave *g)
{
    if (g == NULL)
        return;
    if (v->readers == NULL) {
        grave_free(v->mem, g);
        return;
    }
    g->next = v->fresh;
    v->fresh = g;
}

bool graves_passed(const struct graves *v)
{
#ifdef OPENILS_BUG_FREE_AT_ONCE /* a control of the readers: nobody is waited for */
    return true;
#endif
    for (size_t i = 0; v->readers != NULL && i < PLAN_READERS_MAX; i++) {
        uint64_t seen = atomic_load(&v->readers->reader[i].seen);
        if (seen != 0 && seen < v->waits_for)
            return false;
    }
    return true;
}

void graves_turn(struct graves *v)
{
    for (struct grave *g = v->waiting, *next; g != NULL; g = next) {
        next = g->next;
        grave_free(v->mem, g);
    }
    v->waiting = v->fresh;
    v->fresh = NULL;
    v->waits_for = atomic_fetch_add(&v->generation, 1) + 1;
}
