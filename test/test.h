/* test.h: what every unit test needs: cmocka, and the allocation seam that refuses on demand. */
#ifndef OPENILS_TEST_H
#define OPENILS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

/* A mem over malloc that refuses the n-th request that grows (1-based; 0 = never) and counts. */
struct test_mem {
    struct mem mem;
    size_t requests;
    size_t refuse_at;
};

static inline void *test_mem_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    struct test_mem *t = context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    t->requests++;
    if (t->refuse_at != 0 && t->requests == t->refuse_at)
        return NULL;
    return realloc(p, new_size);
}

static inline void test_mem_init(struct test_mem *t, size_t refuse_at)
{
    *t = (struct test_mem){.refuse_at = refuse_at};
    t->mem.resize = test_mem_resize;
    t->mem.context = t;
    t->mem.budget = SIZE_MAX;
}

/* Runs body(mem) with the n-th request refused for n = 1, 2, ... until a run needed fewer than n.
 * body must cope, give everything back and return; it may check nothing but its own invariants. */
static inline void test_every_refusal(void (*body)(struct mem *mem))
{
    struct test_mem t;
    size_t n = 0;
    do {
        n++;
        test_mem_init(&t, n);
        body(&t.mem);
        assert_int_equal(t.mem.used, 0);
    } while (t.requests >= n);
    assert_true(n > 1);
}

#endif
