/* fuzz_follow: rows of any content for a core that follows, also after START and in any order. It
 * does not crash or leak, stores nothing, has no link, and what it serves can be looked up.
 * Input: records of u8 what, u8 key length, u16 value length, key, value. what: bit 7: the row is
 * gone; the rest a space, or beyond them START, WHOLE, or another name of who writes. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "core/ils.h"
#include "core/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

static bool step(struct ils *ils, struct ils_event *event)
{
    struct ils_actions actions;
    static tick now;
    event->now = ++now;
    if (ils_step(ils, event, &actions) != 0)
        return false;
    for (size_t i = 0; i < actions.n; i++) {
        const struct ils_action *a = &actions.action[i];
        bool link = a->type == ILS_DO_OPEN || a->type == ILS_DO_SEND || a->type == ILS_DO_VERIFY ||
                    (a->type == ILS_DO_LISTEN && a->on);
        if (link || a->type == ILS_DO_STORE || (a->type == ILS_DO_READ && a->data.n != 72))
            abort();
    }
    return true;
}

/* One record of the input is one event. */
static bool one(struct ils *ils, struct cursor *c, bool *started)
{
    struct ils_event e = {.type = ILS_EV_ROW};
    uint8_t what = cursor_u8(c);
    size_t key_n = cursor_u8(c), value_n = cursor_u16(c);
    e.row.remove = (what & 0x80) != 0 && *started;
    e.row.key = cursor_bytes(c, key_n);
    e.row.value = cursor_bytes(c, value_n);
    if (c->failed)
        return false;
    what = (what & 0x7f) % (ROW_SPACES + 3);
    e.row.space = what % ROW_SPACES;
    if (what == ROW_SPACES && *started)
        return true;
    if (what >= ROW_SPACES)
        e = (struct ils_event){.type = what == ROW_SPACES       ? ILS_EV_START
                                       : what == ROW_SPACES + 1 ? ILS_EV_WHOLE
                                                                : ILS_EV_FOLLOW,
                               .data = e.row.key};
    *started = *started || what == ROW_SPACES;
    return step(ils, &e);
}

static void look_up(struct ils *ils, struct mem *mem)
{
    static const char *const dialled[] = {"first@b.example", "own@a.example", "7123", "+81312345"};
    struct view_cluster cluster;
    struct arena a;
    struct lookup l;
    if (view_plan(ils) == NULL)
        return;
    arena_init(&a, mem);
    for (size_t i = 0; i < sizeof dialled / sizeof dialled[0]; i++)
        plan_lookup(view_plan(ils), view_routes(ils), &a, slice_of(dialled[i]), &l);
    for (size_t i = 0; view_cluster(ils, i, &cluster); i++)
        ;
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = {.resize = resize, .budget = 64u << 20};
    struct ils *ils = ils_new(&mem);
    struct ils_event follow = {.type = ILS_EV_FOLLOW}, on = {.type = ILS_EV_DEADLINE};
    struct cursor c;
    bool started = false;
    cursor_init(&c, slice_make(data, size));
    bool good = step(ils, &follow);
    while (good && cursor_left(&c) > 0) {
        good = one(ils, &c, &started);
        for (int i = 0; good && started && ils_goes_on(ils) && i < 100; i++)
            good = step(ils, &on);
    }
    if (good && started)
        look_up(ils, &mem);
    ils_free(ils);
    if (mem.used != 0)
        abort();
    return 0;
}
