/* ils: the one verb. Every event goes to the file that knows it; at the end of the step what the
 * event changed is told: neighbours, own streams, the disk. */
#include "core/core.h"
#include "plan/readers.h"

struct ils *ils_new(struct mem *mem)
{
    struct ils *ils = mem_alloc(mem, sizeof *ils);
    if (ils == NULL)
        return NULL;
    ils->mem = mem;
    arena_init(&ils->step, mem);
    list_init(&ils->peers);
    list_init(&ils->hubs);
    list_init(&ils->links);
    list_init(&ils->busy);
    list_init(&ils->strangers);
    list_init(&ils->streams);
    list_init(&ils->due);
    list_init(&ils->batches);
    list_init(&ils->waiting);
    list_init(&ils->commits);
    list_init(&ils->alarms);
    list_init(&ils->trust);
    list_init(&ils->refused);
    list_init(&ils->invites);
    list_init(&ils->ended);
    list_init(&ils->pairs);
    gate_init(&ils->gate);
    ils->auth.tls = true;
    ils->level = TRACE_DETAILED;
    ils->next_batch = 1;
    ils->next_link = 1;
    ils->next_n = 1;
    ils->next_beat = ils->rows_next = ils->alarm_next = TICK_NEVER;
    ils->mesh.let_go = ils->repeat_next = TICK_NEVER;
    own_init(ils);
    buf_init(&ils->orphans, mem, SIZE_MAX);
    buf_init(&ils->catalog_rows, mem, SIZE_MAX);
    buf_init(&ils->withheld_rows, mem, SIZE_MAX);
    ils->routes = routes_new(mem);
    ils->policy = policy_new(mem);
    if (ils->routes == NULL || ils->policy == NULL) {
        ils_free(ils);
        return NULL;
    }
    return ils;
}

void ils_free(struct ils *ils)
{
    if (ils == NULL)
        return;
    struct mem *mem = ils->mem;
    ils->started = false; /* what goes now is told nobody */
    list_each_safe(node, &ils->links)
        link_free(list_entry(node, struct link, node));
    list_each_safe(node, &ils->commits)
        own_commit_free(ils, list_entry(node, struct own_commit, node));
    list_each_safe(node, &ils->batches)
        batch_free(ils, list_entry(node, struct batch, node));
    list_each_safe(node, &ils->waiting)
        waiting_free(ils, list_entry(node, struct waiting, node));
    duplicates_free(ils);
    list_each_safe(node, &ils->streams)
        stream_free(ils, list_entry(node, struct stream, node));
    list_each_safe(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        own_peer_free(p);
        mem_free(mem, p, sizeof *p);
    }
    ends_free(ils);
    identity_free(ils);
    introduce_free(ils);
    trust_free(ils);
    invite_free(ils);
    own_free(ils);
    list_each_safe(node, &ils->alarms)
        mem_free(mem, list_entry(node, struct alarm_entry, node), sizeof(struct alarm_entry));
    gate_forget(ils);
    buf_done(&ils->orphans);
    buf_done(&ils->catalog_rows);
    buf_done(&ils->withheld_rows); /* a start that was not finished */
    routes_free(ils->routes);
    plan_free(ils->plan);
    policy_free(ils->policy);
    arena_done(&ils->step);
    crypto_wipe(ils, sizeof *ils);
    mem_free(mem, ils, sizeof *ils);
}

static void dispatch(struct ils *ils, const struct ils_event *event)
{
    switch (event->type) {
    case ILS_EV_ROW:
        if (ils->following.is)
            follow_row(ils, &event->row);
        else
            journal_row(ils, &event->row);
        break;
    case ILS_EV_START: journal_start(ils, event); break;
    case ILS_EV_FOLLOW: follow_begin(ils, event); break;
    case ILS_EV_WHOLE: follow_whole(ils); break;
    case ILS_EV_ACCEPTED: link_accepted(ils, event); break;
    case ILS_EV_CONNECTED: link_connected(ils, event); break;
    case ILS_EV_SECURED: link_secured(ils, event); break;
    case ILS_EV_CERTIFICATE: link_certificate(ils, event); break;
    case ILS_EV_VERIFIED: own_verified(ils, event); break;
    case ILS_EV_DATA: link_data(ils, event); break;
    case ILS_EV_ROOM: link_room(ils, event); break;
    case ILS_EV_DOWN: link_down(ils, event); break;
    case ILS_EV_STORED: journal_stored(ils, event); break;
    case ILS_EV_COMMAND: command_take(ils, event->command); break;
    case ILS_EV_DEADLINE: break;
    }
}

/* Peers whose row changed in this step are stored together; who comes and goes all the time costs
 * no row each time. */
static void store_peers(struct ils *ils)
{
    struct rows rows;
    if (ils->now < ils->rows_next && !ils->stopped)
        return;
    ils->rows_next = TICK_NEVER;
    rows_init(&rows, ils);
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        if (!p->dirty)
            continue;
        if (ils->now < p->row_next && !ils->stopped) {
            ils->rows_next = p->row_next < ils->rows_next ? p->row_next : ils->rows_next;
            continue;
        }
        rows_peer(&rows, p);
        p->dirty = false;
        p->row_next = ils->now + PEER_ROW_US;
    }
    if (rows.n != 0)
        journal_store(&rows, BATCH_PLAIN);
}

void ils_use_readers(struct ils *ils, struct plan_readers *readers)
{
    plan_use_readers(ils->plan, readers);
    ils_reclaim(ils);
}

/* A rule that could not be copied for want of memory is copied the next time. */
bool ils_reclaim(struct ils *ils)
{
    if (ils->plan == NULL)
        return false;
    bool copied = plan_use_rules(ils->plan, ils->routes, ils->policy);
    return plan_reclaim(ils->plan) || !copied;
}

/* What an event moved goes on to whom it concerns. */
static void tick_all(struct ils *ils)
{
    date_tick(ils);
    trust_tick(ils);
    invite_tick(ils);
    own_tick(ils);
    told_tick(ils);
    ends_tick(ils);
    introduce_tick(ils);
    beats_look(ils);
    holds_tick(ils);
    stream_tick(ils);
    held_tick(ils);
    duplicates_tick(ils);
    alarm_tick(ils);
    fetch_tick(ils);
    identity_asked(ils);
    self_write(ils);
    identity_tick(ils);
    waiting_next(ils);
    role_tick(ils);
    dial_tick(ils);
    mesh_tick(ils);
    exchange_flush(ils);
    store_peers(ils);
}

int ils_step(struct ils *ils, const struct ils_event *event, struct ils_actions *ret_do)
{
    assert(event->now >= ils->now);
    ils->now = event->now;
    date_look(ils, event->wall);
    arena_reset(&ils->step);
    ils->action = NULL;
    ils->action_n = ils->action_size = 0;
    ils->budget = STEP_CHANGES;
    list_each_safe(node, &ils->busy) {
        struct link *l = list_entry(node, struct link, busy);
        buf_reset(&l->wire);
        if (l->state == LINK_CLOSED)
            link_free(l);
        else if (!list_empty(&l->stranger))
            list_remove(&l->busy);
    }
    dispatch(ils, event);
    if (ils->started && event->type != ILS_EV_ROW) {
        link_tick(ils);
        if (ils->following.is)
            follow_tick(ils);
        else
            tick_all(ils);
        list_each(node, &ils->busy)
            link_flush(list_entry(node, struct link, busy));
    }
    ret_do->action = ils->action;
    ret_do->n = ils->action_n;
    return ils->broken ? -1 : 0;
}

tick ils_deadline(const struct ils *ils)
{
    if (!ils->started)
        return TICK_NEVER;
    if (ils_goes_on(ils))
        return ils->now;
    if (ils->following.is)
        return follow_deadline(ils);
    tick first = ils->ready ? ils->next_beat : TICK_NEVER;
    tick dial = dial_deadline(ils), hold = adopt_deadline(ils), own = own_deadline(ils);
    first = own < first ? own : first;
    const tick of[] = {trust_deadline(ils), mesh_deadline(ils), role_deadline(ils),
                       ends_deadline(ils), holds_deadline(ils), introduce_deadline(ils),
                       duplicates_deadline(ils), date_deadline(ils), ils->rows_next,
                       ils->alarm_next};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        first = of[i] < first ? of[i] : first;
    first = dial < first ? dial : first;
    first = hold < first ? hold : first;
    list_each(node, &ils->busy) {
        tick t = link_deadline(list_entry(node, struct link, busy));
        first = t < first ? t : first;
    }
    if (!list_empty(&ils->strangers)) {
        tick t = link_deadline(list_entry(ils->strangers.next, struct link, stranger));
        first = t < first ? t : first;
    }
    if (ils->self_dirty && ils->self_after > ils->now)
        first = ils->self_after < first ? ils->self_after : first;
    list_each(node, &ils->due) {
        tick t = fetch_deadline(list_entry(node, struct stream, due));
        first = t < first ? t : first;
    }
    return first > ils->now ? first : ils->now;
}
