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
    arena_init(&arena, &rt->desk[rt->desks - 1].mem);
    plan_why(view_plan(rt->core), view_routes(rt->core), &arena, dialled, NULL, &l);
    if (l.cut_by.n > 0)
        slice_to_text(l.cut_by, name, sizeof name);
    arena_done(&arena);
    if (l.cut)
        runtime_alarm(rt, ILSPatternsExceeded, name, true);
}

/* --- from workers: a word that is filled by one of them, and emptied by the loop */

void desk_cut(struct runtime *rt, struct desk *desk, struct slice dialled)
{
    if (atomic_load_explicit(&desk->cut, memory_order_acquire) != CUT_NONE ||
        dialled.n >= sizeof desk->dialled)
        return;
    slice_to_text(dialled, desk->dialled, sizeof desk->dialled);
    atomic_store_explicit(&desk->cut, CUT_NEW, memory_order_release);
    uv_async_send(&rt->cut);
}

static void on_again(uv_timer_t *timer)
{
    struct runtime *rt = timer->data;
    for (unsigned i = 0; i < rt->desks; i++) {
        uint8_t seen = CUT_SEEN;
        atomic_compare_exchange_strong(&rt->desk[i].cut, &seen, CUT_NONE);
    }
}

void runtime_on_cut(uv_async_t *async)
{
    struct runtime *rt = async->data;
    for (unsigned i = 0; i < rt->desks; i++) {
        struct desk *desk = &rt->desk[i];
        if (atomic_load_explicit(&desk->cut, memory_order_acquire) != CUT_NEW)
            continue;
        rt->now = runtime_now(rt);
        runtime_cut(rt, slice_of(desk->dialled));
        atomic_store_explicit(&desk->cut, CUT_SEEN, memory_order_relaxed);
        uv_timer_start(&rt->cut_again, on_again, AGAIN_US / TICK_MS, 0);
    }
}
