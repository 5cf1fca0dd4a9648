/* fuzz_rows: stored rows of any content. A core that is given them starts, or gives up; it does not
 * crash, leak, or write a row that it cannot read again.
 * Input: records of u8 space, u8 key length, u16 value length, key, value. */
#include <stdlib.h>

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

static void step(struct ils *ils, struct ils_event *event, struct ils_actions *actions)
{
    event->now = 1;
    if (ils_step(ils, event, actions) != 0)
        actions->n = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = {.resize = resize, .budget = 64u << 20};
    struct ils *ils = ils_new(&mem);
    struct ils_actions actions;
    struct cursor c;
    cursor_init(&c, slice_make(data, size));
    while (cursor_left(&c) > 0) {
        struct ils_event e = {.type = ILS_EV_ROW};
        e.row.space = cursor_u8(&c) % ROW_SPACES;
        size_t key_n = cursor_u8(&c), value_n = cursor_u16(&c);
        e.row.key = cursor_bytes(&c, key_n);
        e.row.value = cursor_bytes(&c, value_n);
        if (c.failed)
            break;
        step(ils, &e, &actions);
    }
    struct ils_event start = {.type = ILS_EV_START};
    step(ils, &start, &actions);
    for (size_t i = 0; i < actions.n; i++)
        if (actions.action[i].type == ILS_DO_STORE && actions.action[i].row_n == 0)
            abort();
    struct view_cluster cluster;
    for (size_t i = 0; view_cluster(ils, i, &cluster); i++)
        ;
    ils_free(ils);
    if (mem.used != 0)
        abort();
    return 0;
}
