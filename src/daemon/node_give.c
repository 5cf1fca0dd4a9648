/* node_give: rows on their way into a core, a few milliseconds of them in each turn of the loop.
 * What changed is given to the core that follows. All rows are given to a new core, which takes the
 * place of the present one when it has everything: until then, and while workers may still go by
 * it, the former one is there, and lookups see either the one or the other. */
#include "daemon/node_inside.h"
#include "daemon/page.h"
#include "daemon/tokens.h"
#include "driver/clock.h"

#include <assert.h>
#include <string.h>

#define TURN_US    (4 * TICK_MS)
#define ROUNDS_MAX 64 /* of reading what a new core lacks */

/* --- one core in the place of another */

/* A step of a core that nobody sees yet. What it lacks is noted. */
static void step_next(struct node *node, struct ils_event *event)
{
    struct ils_actions todo;
    event->now = node->rt->now = runtime_now(node->rt);
    event->wall = clock_wall();
    if (ils_step(node->next, event, &todo) < 0)
        runtime_give_up(event);
    for (size_t i = 0; i < todo.n; i++)
        if (todo.action[i].type == ILS_DO_READ)
            node_read(node, todo.action[i].data);
}

static void on_turned(void *context)
{
    struct node *node = context;
    ils_use_readers(node->former, NULL);
    ils_free(node->former);
    node->former = NULL;
    if (node->rt->workers != NULL)
        node_go_on(node);
}

/* Tokens and accounts, and of who writes the sources. */
static void take_rows(struct node *node, bool writes)
{
    struct runtime *rt = node->rt;
    tokens_clear(rt->tokens);
    page_forget_rows(rt->page);
    node->loaded.space = 0;
    node->loaded.at = 0;
    for (const struct store_row *r; (r = rows_next(&node->loaded)) != NULL;) {
        if (r->space == STORE_DOOR)
            runtime_door_row(rt, r);
        if (r->space == STORE_SOURCE && writes)
            sources_row(rt->sources, r->key, r->value);
    }
    if (!doors_retry(rt->doors))
        runtime_again(rt);
    rows_clear(&node->loaded);
}

/* Batches of the former one are not the new one's. */
static void swap(struct node *node)
{
    struct runtime *rt = node->rt;
    bool writes = node->next_is == NEXT_WRITES;
    assert(node->former == NULL);
    runtime_tell_all(rt, REPLY_FOLLOWS);
    node->former = rt->core;
    rt->core = node->next;
    node->next = NULL;
    node->next_is = NEXT_NONE;
    rt->batches_over += rt->batches_out;
    rt->batches_out = 0;
    rt->store_failing = false;
    rt->listen_wanted = false;
    memset(rt->door[DOOR_TLS].failed, 0, sizeof rt->door[DOOR_TLS].failed);
    memset(rt->door[DOOR_PASSWORD].failed, 0, sizeof rt->door[DOOR_PASSWORD].failed);
    take_rows(node, writes);
    if (writes)
        runtime_start_core(rt);
    else
        runtime_tls_reload(rt);
    rt->plan = view_plan(rt->core);
    ils_use_readers(rt->core, &rt->readers);
    workers_use(rt->workers, rt->plan, on_turned, node);
    doors_tell_self(rt->doors);
    if (writes)
        node_writes(node);
    runtime_reclaim(rt);
}

/* --- giving */

static void begin_next(struct node *node, enum node_next next)
{
    struct ils_event e = runtime_event(ILS_EV_FOLLOW);
    node->next = ils_new(&node->rt->mem);
    if (node->next == NULL)
        runtime_give_up(&e);
    node->next_is = next;
    node->next_started = false;
    node->next_missing = SIZE_MAX;
    node->next_rounds = 0;
    if (next == NEXT_WRITES)
        return;
    e.data = slice_of(node->lease.holder);
    clock_entropy(e.entropy, sizeof e.entropy);
    step_next(node, &e);
}

void node_give_up(struct node *node)
{
    uv_idle_stop(&node->give);
    node->giving = false;
    ils_free(node->next);
    node->next = NULL;
    node->next_is = NEXT_NONE;
    node->read_n = 0;
    rows_clear(&node->ask.rows);
    rows_clear(&node->loaded);
}

static void give_one(struct node *node, const struct store_row *r)
{
    struct ils_event e = runtime_event(ILS_EV_ROW);
    bool ours = r->space == STORE_SOURCE || r->space == STORE_DOOR;
    e.row = (struct row){.space = r->space, .key = r->key, .value = r->value,
                         .remove = r->remove};
    if (node->next != NULL && !ours)
        step_next(node, &e);
    else if (node->next == NULL && r->space == STORE_DOOR)
        runtime_door_row(node->rt, r);
    else if (!ours)
        runtime_step(node->rt, &e);
}

/* A core that follows is whole when it lacks nothing, or what it lacks is not to be had. */
static bool next_is_whole(struct node *node)
{
    struct view_follow v;
    struct ils_event whole = runtime_event(ILS_EV_WHOLE);
    if (node->next_is == NEXT_WRITES)
        return true;
    if (!node->next_started) {
        struct ils_event start = runtime_start_event(node->rt);
        step_next(node, &start);
    }
    node->next_started = true;
    step_next(node, &whole);
    while (ils_goes_on(node->next)) {
        struct ils_event on = runtime_event(ILS_EV_DEADLINE);
        step_next(node, &on);
    }
    bool follows = view_follow(node->next, &v);
    assert(follows);
    bool less = v.missing < node->next_missing;
    node->next_missing = v.missing;
    return v.missing == 0 || !less || node->read_n == 0 || ++node->next_rounds == ROUNDS_MAX;
}

static void given(struct node *node)
{
    uv_idle_stop(&node->give);
    if (node->next != NULL && node->loaded.n == 0) {
        node->loaded = node->ask.rows; /* for what is not the core's */
        node->ask.rows = (struct node_rows){0};
    }
    rows_clear(&node->ask.rows);
    if (node->next == NULL) {
        struct ils_event whole = runtime_event(ILS_EV_WHOLE);
        runtime_step(node->rt, &whole);
    } else if (node->next_is == NEXT_WRITES && node_late(node)) {
        node_give_up(node);
        node_reload(node);
    } else if (next_is_whole(node)) {
        node->giving = false;
        node->read_n = 0;
        swap(node);
        return; /* on_turned goes on */
    }
    node->giving = false;
    node_go_on(node);
}

static void on_give(uv_idle_t *idle)
{
    struct node *node = idle->data;
    tick began = clock_tick();
    while (clock_tick() - began < TURN_US) {
        const struct store_row *r = rows_next(&node->ask.rows);
        if (r == NULL) {
            given(node);
            return;
        }
        give_one(node, r);
    }
}

/* With a core that is to take the place: into that one. */
void node_give(struct node *node, enum node_next next)
{
    node->giving = true;
    if (next != NEXT_NONE)
        begin_next(node, next);
    uv_idle_start(&node->give, on_give);
}
