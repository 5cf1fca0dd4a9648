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

/* What is trusted, was refused or invites, entry by entry. */
static size_t entries(const struct ils *ils)
{
    struct view_trust trust;
    struct view_refused refused;
    struct view_invite invite;
    size_t n = 0, i;
    for (i = 0; view_trust(ils, i, &trust); i++)
        n++;
    for (i = 0; view_refused(ils, i, &refused); i++)
        n += refused.peer.ip[ADDRESS_TEXT_MAX] == '\0';
    for (i = 0; view_invite(ils, i, &invite); i++)
        n++;
    return n;
}

/* A row of trust that the core wrote is one that a core reads. */
static void read_again(const struct row *row)
{
    struct mem mem = {.resize = resize, .budget = 64u << 20};
    struct ils *ils = ils_new(&mem);
    struct ils_actions actions;
    struct ils_event e = {.type = ILS_EV_ROW, .row = *row};
    step(ils, &e, &actions);
    if (entries(ils) != 1)
        abort();
    ils_free(ils);
}

/* Years later: what was kept for a while goes, and the secrets of invites with it. */
static void grow_old(struct ils *ils)
{
    struct ils_actions actions;
    struct ils_event e = {.type = ILS_EV_DEADLINE, .wall = INT64_C(2000000000000000)};
    step(ils, &e, &actions);
    for (size_t i = 0; i < actions.n; i++) {
        const struct ils_action *a = &actions.action[i];
        for (size_t k = 0; a->type == ILS_DO_STORE && k < a->row_n; k++)
            if (a->row[k].space >= ROW_TRUST && !a->row[k].remove)
                read_again(&a->row[k]);
    }
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
    entries(ils);
    grow_old(ils);
    entries(ils);
    ils_free(ils);
    if (mem.used != 0)
        abort();
    return 0;
}
