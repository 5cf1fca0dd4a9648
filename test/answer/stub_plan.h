/* stub_plan: a plan_lookup whose answer the test sets, so that every result can be had without a
 * plan. It stands in the test's own object, so the linker does not take the real one. */
#ifndef OPENILS_TEST_STUB_PLAN_H
#define OPENILS_TEST_STUB_PLAN_H

#include "plan/index.h"
#include "plan/lookup.h"

static struct lookup stub_answer;
static struct slice stub_dialled; /* what was asked last */
static bool stub_allocates;       /* takes from the arena, as the real one does */

void plan_lookup(const struct plan *p, const struct routes *r, struct arena *a,
                 struct slice dialled, struct lookup *ret)
{
    (void)p;
    (void)r;
    stub_dialled = dialled;
    *ret = stub_answer;
    ret->dialed = dialled;
    if (stub_allocates && arena_alloc(a, 100) == NULL)
        *ret = (struct lookup){.result = LOOKUP_NO_MATCH, .dialed = dialled};
}

void plan_lookup_usn(const struct plan *p, const struct routes *r, struct arena *a,
                     struct slice dialled, struct lookup *ret)
{
    plan_lookup(p, r, a, dialled, ret);
}

static bool stub_beneath;

bool plan_beneath(const struct plan *p, struct slice number)
{
    (void)p;
    (void)number;
    return stub_beneath;
}

static inline void stub_result(uint8_t result)
{
    stub_answer = (struct lookup){.result = result};
}

static inline void stub_target(const char *uri, uint16_t q)
{
    stub_answer.target[stub_answer.target_n++] = (struct target){.uri = slice_of(uri), .q = q};
}

#endif
