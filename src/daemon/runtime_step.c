/* runtime_step: one event, one step, its actions performed. Drivers call back from the loop only,
 * so a step never begins inside another; outcomes are told, and doors opened and closed, when the
 * step is performed, for the actions live in memory that the next step takes back.
 *
 * What is sent goes first, for somebody waits for it at every hop; then what is done here, in its
 * order; the trace of it all comes last. */
#include "daemon/runtime_inside.h"
#include "daemon/node.h"
#include "daemon/render.h"
#include "driver/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* The driver knows nothing of the core: the two count alike. */
_Static_assert((int)STORE_SPACES == (int)ROW_SPACES && (int)STORE_SEGMENT == (int)ROW_SEGMENT &&
                   (int)STORE_AUDIT == (int)ROW_AUDIT && (int)STORE_STREAM == (int)ROW_STREAM &&
                   (int)STORE_TRUST == (int)ROW_TRUST && (int)STORE_INVITE == (int)ROW_INVITE &&
                   (int)STORE_POLICY == (int)ROW_POLICY && (int)STORE_DOOR == (int)ROW_DOOR,
               "rows");
_Static_assert(TCP_ACCEPTED == LINK_ACCEPTED, "links");

#define TRACE_TEXT 1400

static void trace(struct runtime *rt, const struct ils_action *a, wall now)
{
    char text[TRACE_TEXT], line[LOG_LINE_MAX], at[25];
    struct buf *b = &rt->trace_json;
    render_trace(text, sizeof text, &a->trace);
    wall_text(at, now);
    buf_reset(b);
    render_trace_json(b, &a->trace, text, at);
    buf_put_u8(b, '\0');
    const char *json = b->failed ? NULL : (const char *)b->p;
    log_write(rt->log, now, text, json, line);
    list_each_safe(node, &rt->listeners)
    {
        struct trace_listener *l = list_entry(node, struct trace_listener, node);
        l->listener(l->context, line, json != NULL ? json : "{}");
    }
}

static void alarm_to_system(const struct ils_action *a)
{
    char text[512], whole[640];
    render_alarm_text(text, sizeof text, &a->alarm);
    snprintf(whole, sizeof whole, "%s %s: %s", render_alarm_name(a->alarm.alarm),
             a->on ? "raised" : "cleared", text);
    const char *severity = render_alarm_severity(a->alarm.alarm);
    int priority = strcmp(severity, "critical") == 0 ? LOG_CRIT
                   : strcmp(severity, "error") == 0  ? LOG_ERR
                                                     : LOG_WARNING;
    log_system(a->on ? priority : LOG_NOTICE, whole);
}

static void store(struct runtime *rt, const struct ils_action *a)
{
    struct store_row *row = calloc(a->row_n + 1, sizeof *row);
    if (row == NULL)
        abort(); /* a promise that could neither be kept nor broken: start anew */
    for (size_t i = 0; i < a->row_n; i++)
        row[i] =
            (struct store_row){a->row[i].space, a->row[i].key, a->row[i].value, a->row[i].remove,
                               a->row[i].below};
    rt->batches_out++;
    storer_write(rt->storer, a->batch, row, a->row_n);
    free(row);
}

static void perform(struct runtime *rt, const struct ils_action *a, wall now)
{
    switch (a->type) {
    case ILS_DO_LISTEN: rt->listen_wanted = a->on; break;
    case ILS_DO_OPEN:
        if (rt->tcp == NULL)
            break;
        if (a->tls)
            runtime_tls_open(rt, a);
        tcp_open(rt->tcp, a->link, a->host, a->port);
        break;
    case ILS_DO_TRUST: rt->trust_changed = true; break;
    case ILS_DO_VERIFY: runtime_tls_question(rt, a); break;
    case ILS_DO_SEND: runtime_send(rt, a->link, a->data); break;
    case ILS_DO_CLOSE: runtime_close(rt, a->link); break;
    case ILS_DO_STORE: store(rt, a); break;
    case ILS_DO_READ: node_read(rt->node, a->data); break;
    case ILS_DO_RELOAD: node_reload(rt->node); break;
    case ILS_DO_PUBLISH: break; /* the doors read the core's plan between two steps */
    case ILS_DO_TRACE: trace(rt, a, now); break;
    case ILS_DO_ALARM:
        alarm_to_system(a);
        if (a->alarm.alarm == ILSCertificateExpiring && a->on)
            runtime_tls_ends(rt);
        break;
    case ILS_DO_VERDICT:
    case ILS_DO_REPLY: runtime_outcome(rt, a); break;
    }
}

static void on_idle(uv_idle_t *idle)
{
    struct ils_event e = runtime_event(ILS_EV_DEADLINE);
    runtime_step(idle->data, &e);
}

/* libuv counts milliseconds and may be early by a part of one: on_deadline looks again. What the
 * core goes on with takes turns with everything else, without waiting for a millisecond. */
static void arm(struct runtime *rt)
{
    tick at = ils_deadline(rt->core);
    bool goes_on = ils_goes_on(rt->core) && !rt->stopping;
    if (goes_on)
        uv_idle_start(&rt->goes_on, on_idle);
    else
        uv_idle_stop(&rt->goes_on);
    if (at == TICK_NEVER || rt->stopping || goes_on) {
        uv_timer_stop(&rt->deadline);
        return;
    }
    tick left = at - rt->now;
    uint64_t ms = left > 0 ? (uint64_t)((left + TICK_MS - 1) / TICK_MS) : 0;
    uv_timer_start(&rt->deadline, runtime_deadline, ms > 0 ? ms : 1, 0);
}

struct ils_event runtime_event(enum ils_event_type type)
{
    return (struct ils_event){.type = type};
}

/* The core cannot go on. What is on disk is whole. */
void runtime_give_up(const struct ils_event *event)
{
    char text[160];
    if (event->type == ILS_EV_STORED && event->failed)
        snprintf(text, sizeof text, "the store does not take what every start must keep; ending");
    else
        snprintf(text, sizeof text,
                 "the memory budget of %" PRIu64 " MiB is exhausted; what is on disk is whole, "
                 "start again",
                 RUNTIME_MEMORY >> 20);
    fprintf(stderr, "ilsd: %s\n", text);
    log_system(LOG_CRIT, text);
    _exit(1);
}

/* When an action's turn comes. A link is not sent on after it was closed, nor before it stands. */
static unsigned turn_of(enum ils_action_type type)
{
    return type == ILS_DO_SEND ? 0 : type == ILS_DO_TRACE ? 2 : 1;
}

static void perform_all(struct runtime *rt, const struct ils_actions *todo, wall now)
{
    bool traced = false;
    for (unsigned turn = 0; turn <= 2; turn++) {
        for (size_t i = 0; i < todo->n; i++) {
            const struct ils_action *a = &todo->action[i];
            if (turn_of(a->type) != turn)
                continue;
            if (turn == 2 && !traced)
                log_step(rt->log);
            traced = turn == 2;
            perform(rt, a, now);
        }
    }
}

void runtime_step(struct runtime *rt, struct ils_event *event)
{
    struct ils_actions todo;
    if (rt->node != NULL && !rt->stepping)
        node_watch(rt->node);
    tick now = clock_tick();
    rt->now = now > rt->now ? now : rt->now;
    event->now = rt->now;
    event->wall = clock_wall();
    rt->stepping = true;
    if (ils_step(rt->core, event, &todo) < 0)
        runtime_give_up(event);
    runtime_reclaim(rt);
    perform_all(rt, &todo, event->wall);
    rt->stepping = false;
    if (event->type == ILS_EV_ROW)
        return;
    arm(rt);
    if (rt->trust_changed)
        runtime_tls_reload(rt);
    runtime_doors(rt);
    runtime_tell(rt);
}

void runtime_deadline(uv_timer_t *timer)
{
    struct runtime *rt = timer->data;
    struct ils_event e = runtime_event(ILS_EV_DEADLINE);
    tick now = clock_tick();
    if (now < ils_deadline(rt->core)) {
        rt->now = now > rt->now ? now : rt->now;
        arm(rt);
    } else
        runtime_step(rt, &e);
}

void runtime_stored(void *context, uint64_t batch, const char *error)
{
    struct runtime *rt = context;
    struct ils_event e = runtime_event(ILS_EV_STORED);
    if (rt->batches_over > 0) {
        rt->batches_over--;
        return;
    }
    if (rt->node != NULL)
        node_stored(rt->node, error != NULL);
    e.batch = batch;
    e.failed = error != NULL;
    rt->batches_out--;
    if (error != NULL && !rt->store_failing) {
        fprintf(stderr, "ilsd: %s\n", error);
        log_system(LOG_CRIT, error);
    }
    if (error != NULL && !rt->store_failing)
        snprintf(rt->store_error, sizeof rt->store_error, "%s", error);
    if (error != NULL)
        rt->store_failed = clock_tick();
    rt->store_failing = error != NULL;
    rt->store_unknown = error != NULL && strncmp(error, STORE_UNKNOWN, strlen(STORE_UNKNOWN)) == 0;
    runtime_step(rt, &e);
    rt->store_unknown = false;
}

/* --- links */

static struct address address_of(const struct tcp_address *a)
{
    struct address ret = {.port = a->port};
    snprintf(ret.ip, sizeof ret.ip, "%s", a->ip);
    return ret;
}

static void stood(struct runtime *rt, enum ils_event_type type, uint32_t link, bool tls,
                  const struct tcp_address *peer, const struct tcp_address *local)
{
    struct ils_event e = runtime_event(type);
    e.link = link;
    e.tls = tls;
    e.peer = address_of(peer);
    e.local = address_of(local);
    clock_entropy(e.entropy, sizeof e.entropy);
    runtime_step(rt, &e);
}

static void on_accepted(void *context, uint32_t link, unsigned tag,
                        const struct tcp_address *peer, const struct tcp_address *local)
{
    struct runtime *rt = context;
    if (tag == DOOR_TLS && !runtime_tls_accepted(rt, link))
        tcp_close(rt->tcp, link);
    else
        stood(rt, ILS_EV_ACCEPTED, link, tag == DOOR_TLS, peer, local);
}

static void on_connected(void *context, uint32_t link, const struct tcp_address *peer,
                         const struct tcp_address *local)
{
    stood(context, ILS_EV_CONNECTED, link, false, peer, local);
    runtime_tls_connected(context, link);
}

static void on_data(void *context, uint32_t link, struct slice bytes)
{
    struct ils_event e = runtime_event(ILS_EV_DATA);
    if (runtime_tls_data(context, link, bytes))
        return;
    e.link = link;
    e.data = bytes;
    runtime_step(context, &e);
}

static void on_room(void *context, uint32_t link, size_t pending)
{
    struct ils_event e = runtime_event(ILS_EV_ROOM);
    e.link = link;
    e.pending = pending;
    runtime_step(context, &e);
}

static void on_down(void *context, uint32_t link, enum tcp_reason reason)
{
    static const enum down_reason meaning[] = {
        [TCP_CLOSED] = DOWN_CLOSED,           [TCP_RESET] = DOWN_RESET,
        [TCP_REFUSED] = DOWN_REFUSED,         [TCP_TIMEOUT] = DOWN_TIMEOUT,
        [TCP_UNREACHABLE] = DOWN_UNREACHABLE, [TCP_UNRESOLVED] = DOWN_UNRESOLVED,
    };
    struct ils_event e = runtime_event(ILS_EV_DOWN);
    runtime_tls_down(context, link);
    e.link = link;
    e.reason = meaning[reason];
    runtime_step(context, &e);
}

const struct tcp_events runtime_tcp_events = {
    .accepted = on_accepted,
    .connected = on_connected,
    .data = on_data,
    .room = on_room,
    .down = on_down,
};
