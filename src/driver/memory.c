/* memory: three ways to a block, by its size. Tables of 4 MiB and more have large pages of their
 * own. Blocks of the size of a segment share regions of one large page each: units of 1 KiB, a bit
 * for each, the first run that fits. A region becomes a large page when the next one is begun: what
 * is not filled takes no room. All others are the C library's. */
#include "driver/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE  ((size_t)2 << 20)
#define LARGE       (2 * LARGE_PAGE)
#define SHARED_FROM ((size_t)32 << 10) /* less than a full segment, more than most other blocks */
#define SHARED_TO   ((size_t)96 << 10) /* more than one with its marks */
#define UNIT        ((size_t)1024)
#define UNITS       (LARGE_PAGE / UNIT)

#ifndef MADV_COLLAPSE /* Linux 6.1 */
#define MADV_COLLAPSE 25
#endif

/* At the beginning of its large page; the first unit is itself. */
struct memory_region {
    struct memory_region *next, *before;
    size_t free; /* units */
    uint64_t used[UNITS / 64];
};

_Static_assert(sizeof(struct memory_region) <= UNIT, "a region's head is one unit");

/* For a sanitizer each is a block of its own, so that what is read beside it is seen. */
#if defined(__SANITIZE_ADDRESS__)
#define SHARING false
#elif defined(__has_feature)
#define SHARING (!__has_feature(address_sanitizer))
#else
#define SHARING true
#endif

static bool shared(const struct memory *m, size_t n)
{
    return SHARING && m != NULL && n >= SHARED_FROM && n < SHARED_TO;
}

static size_t units_of(size_t n)
{
    return (n + UNIT - 1) / UNIT;
}

static bool is_used(const struct memory_region *r, size_t unit)
{
    return (r->used[unit / 64] >> unit % 64 & 1) != 0;
}

static void mark(struct memory_region *r, size_t unit, size_t n, bool used)
{
    for (size_t end = unit + n; unit < end; unit++) {
        uint64_t bit = UINT64_C(1) << unit % 64;
        r->used[unit / 64] = used ? r->used[unit / 64] | bit : r->used[unit / 64] & ~bit;
    }
    r->free = used ? r->free - n : r->free + n;
}

/* The first of n free units in a row; 0: there are none. */
static size_t find_run(const struct memory_region *r, size_t n)
{
    size_t run = 0;
    if (r->free < n)
        return 0;
    for (size_t unit = 1; unit < UNITS; unit++) {
        run = is_used(r, unit) ? 0 : run + 1;
        if (run == n)
            return unit + 1 - n;
    }
    return 0;
}

/* At once, where the system can: its own search for such places takes minutes. */
static void make_large(struct memory_region *r)
{
    (void)madvise(r, LARGE_PAGE, MADV_HUGEPAGE);
    (void)madvise(r, LARGE_PAGE, MADV_COLLAPSE);
}

static struct memory_region *region_new(struct memory *m)
{
    uint8_t *p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t skip = (LARGE_PAGE - (uintptr_t)p % LARGE_PAGE) % LARGE_PAGE;
    if (skip > 0)
        (void)munmap(p, skip);
    (void)munmap(p + skip + LARGE_PAGE, LARGE - LARGE_PAGE - skip);
    struct memory_region *r = (struct memory_region *)(void *)(p + skip);
    if (m->fresh != NULL)
        make_large(m->fresh);
    m->fresh = r;
    r->free = UNITS;
    mark(r, 0, 1, true);
    r->next = m->first != NULL ? m->first : r;
    r->before = m->first != NULL ? m->first->before : r;
    r->next->before = r->before->next = r;
    m->first = r;
    m->regions++;
    return r;
}

static void region_free(struct memory *m, struct memory_region *r)
{
    if (m->fresh == r)
        m->fresh = NULL;
    if (m->first == r)
        m->first = r->next != r ? r->next : NULL;
    r->next->before = r->before;
    r->before->next = r->next;
    m->regions--;
    (void)munmap(r, LARGE_PAGE);
}

static void *shared_alloc(struct memory *m, size_t n)
{
    struct memory_region *r = m->first;
    size_t unit = 0, units = units_of(n);
    for (size_t i = 0; i < m->regions; i++, r = r->next) {
        unit = find_run(r, units);
        if (unit > 0)
            break;
    }
    if (unit == 0) {
        r = region_new(m);
        unit = 1;
    }
    if (r == NULL)
        return NULL;
    m->first = r;
    mark(r, unit, units, true);
    return (uint8_t *)r + unit * UNIT;
}

/* The last region stays: what comes and goes alone shall not ask for it each time. */
static void shared_free(struct memory *m, void *p, size_t n)
{
    size_t at = (uintptr_t)p % LARGE_PAGE;
    struct memory_region *r = (struct memory_region *)(void *)((uint8_t *)p - at);
    mark(r, at / UNIT, units_of(n), false);
    if (r->free == UNITS - 1 && m->regions > 1)
        region_free(m, r);
}

static void *large_alloc(size_t n)
{
    void *p = aligned_alloc(LARGE_PAGE, (n + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE);
    if (p != NULL)
        (void)madvise(p, n / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
    return p;
}

static void *alloc(struct memory *m, size_t n)
{
    if (shared(m, n))
        return shared_alloc(m, n);
    return n >= LARGE ? large_alloc(n) : malloc(n);
}

static void give_back(struct memory *m, void *p, size_t n)
{
    if (p != NULL && shared(m, n))
        shared_free(m, p, n);
    else
        free(p);
}

void *memory_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    struct memory *m = context;
    if (p != NULL && new_size > 0 && !shared(m, old_size) && !shared(m, new_size))
        return realloc(p, new_size);
    if (p != NULL && shared(m, old_size) && shared(m, new_size) &&
        units_of(old_size) == units_of(new_size))
        return p;
    void *fresh = new_size > 0 ? alloc(m, new_size) : NULL;
    if (new_size > 0 && fresh == NULL)
        return NULL;
    if (p != NULL && fresh != NULL)
        memcpy(fresh, p, old_size < new_size ? old_size : new_size);
    give_back(m, p, old_size);
    return fresh;
}

void memory_done(struct memory *m)
{
    while (m->first != NULL)
        region_free(m, m->first);
}
