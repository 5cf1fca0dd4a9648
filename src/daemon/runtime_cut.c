/* runtime_cut: what is said when others announce so many patterns that a lookup ends before it has
 * seen all that might match: an alarm that names one of them. It is over when no lookup was cut for
 * a while (core/alarm.c). */
#include "daemon/runtime_inside.h"

#define AGAIN_US (10 * TICK_S)

/* Nothing of the lookup is looked at again: raising an alarm is a step, and may change the plan. */
void runtime_cut(struct runtime *rt, struct slice dialled)
{
    char name[CLUSTER_ID_MAX + 1] = "?";
    struct arena arena;
    struct lookup l;
    if (rt->stopping || (rt->cut_last != 0 && rt->now < rt->cut_last + AGAIN_US))
        return;
    rt->cut_last = rt->now;
    arena_init(&arena, &rt->sip_mem);
    plan_why(view_plan(rt->core), view_routes(rt->core), &arena, dialled, NULL, &l);
    if (l.cut_by.n > 0)
        slice_to_text(l.cut_by, name, sizeof name);
    arena_done(&arena);
    if (l.cut)
        runtime_alarm(rt, ILSPatternsExceeded, name, true);
}
