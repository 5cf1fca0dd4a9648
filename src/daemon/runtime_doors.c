/* runtime_doors: the two ports for other clusters, with certificates and with the password alone,
 * and the SIP door. A port in use stops nobody: the daemon says so, raises the alarm, and tries
 * again every few seconds. */
#include "daemon/runtime_inside.h"
#include "daemon/version.h"
#include "driver/clock.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define ERROR_TEXT 256

void runtime_again(struct runtime *rt)
{
    if (!uv_is_active((uv_handle_t *)&rt->retry))
        uv_timer_start(&rt->retry, runtime_retry, RUNTIME_RETRY_MS, RUNTIME_RETRY_MS);
}

static uint16_t door_port(const struct runtime *rt, size_t which)
{
    return which == DOOR_TLS ? rt->options.tls_port : rt->options.password_port;
}

/* Once the port is had, or not wanted, no alarm of it stays, not even one of an earlier life. */
static void clear_alarms(struct runtime *rt, size_t which)
{
    static const enum alarm alarms[2] = {ILSTCPInUse, ILSTCPListenError};
    struct door *door = &rt->door[which];
    char port[8];
    snprintf(port, sizeof port, "%u", door_port(rt, which));
    bool clear[2] = {!door->cleared || door->failed[0], !door->cleared || door->failed[1]};
    door->cleared = true;
    door->failed[0] = door->failed[1] = false;
    for (size_t i = 0; i < 2; i++)
        if (clear[i])
            runtime_alarm(rt, alarms[i], port, false);
}

static void try_to_listen(struct runtime *rt, size_t which)
{
    struct door *door = &rt->door[which];
    char error[ERROR_TEXT], whole[2 * ERROR_TEXT], port[8];
    int code;
    snprintf(port, sizeof port, "%u", door_port(rt, which));
    door->listener = tcp_listen(rt->tcp, rt->options.address, door_port(rt, which),
                                (unsigned)which, &code, error, sizeof error);
    if (door->listener != NULL) {
        clear_alarms(rt, which);
        return;
    }
    runtime_again(rt);
    size_t kind = code == UV_EADDRINUSE ? 0 : 1;
    if (door->failed[kind])
        return;
    door->failed[kind] = true;
    snprintf(whole, sizeof whole,
             "%s; end that program or start ilsd with another "
             "--%s-port (tried again every %u s)",
             error, which == DOOR_TLS ? "tls" : "password", RUNTIME_RETRY_MS / 1000);
    fprintf(stderr, "ilsd: %s\n", kind == 0 ? whole : error);
    log_system(LOG_CRIT, kind == 0 ? whole : error);
    runtime_alarm(rt, kind == 0 ? ILSTCPInUse : ILSTCPListenError, port, true);
}

/* An alarm that is raised or cleared is a step of its own, after which this runs again: what is
 * done here is done before it. */
static void door_look(struct runtime *rt, size_t which)
{
    struct door *door = &rt->door[which];
    bool wanted = rt->listen_wanted && !rt->stopping && door_port(rt, which) != 0 &&
                  (which != DOOR_TLS || rt->tls != NULL);
    bool failed = door->failed[0] || door->failed[1];
    if (!wanted && door->listener != NULL) {
        tcp_unlisten(door->listener);
        door->listener = NULL;
    }
    if (!wanted && failed && !rt->stopping)
        clear_alarms(rt, which);
    if (wanted && door->listener == NULL && !(failed && uv_is_active((uv_handle_t *)&rt->retry)))
        try_to_listen(rt, which);
}

void runtime_doors(struct runtime *rt)
{
    for (size_t which = 0; which < DOORS; which++)
        door_look(rt, which);
}

void runtime_retry(uv_timer_t *timer)
{
    struct runtime *rt = timer->data;
    uv_timer_stop(timer);
    runtime_doors(rt);
    if (!doors_retry(rt->doors))
        runtime_again(rt);
}

/* --- what workers answer with */

#define BUSY_MAX 1000 /* turns given to others, until an asker is left to repeat his question */

bool desk_again(unsigned *tries)
{
    sched_yield();
    return ++*tries < BUSY_MAX;
}

bool runtime_desks(struct runtime *rt)
{
    unsigned n = workers_count(rt->workers) + 1;
    rt->desk = aligned_alloc(64, n * sizeof *rt->desk);
    for (unsigned i = 0; rt->desk != NULL && i < n; i++) {
        struct desk *desk = &rt->desk[i];
        memset(desk, 0, sizeof *desk);
        desk->mem = (struct mem){.resize = memory_resize, .budget = SIZE_MAX};
        arena_init(&desk->scratch, &desk->mem);
    }
    rt->desks = n;
    return rt->desk != NULL;
}

void runtime_desks_free(struct runtime *rt)
{
    for (unsigned i = 0; rt->desk != NULL && i < rt->desks; i++)
        arena_done(&rt->desk[i].scratch);
    free(rt->desk);
}
