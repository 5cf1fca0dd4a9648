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
        desk->mem = (struct mem){.resize = runtime_resize, .budget = SIZE_MAX};
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

/* --- SIP */

/* No other host can write in the name of this one. */
static bool from_here(struct slice ip)
{
    return slice_eq(ip, slice_of("::1")) ||
           (ip.n > 4 && slice_eq(slice_make(ip.p, 4), slice_of("127.")));
}

static void on_sip(void *context, struct udp_request *request, struct buf *out)
{
    struct runtime *rt = context;
    struct desk *desk = &rt->desk[request->worker];
    struct sip_source source = {
        .ip = request->ip, .port = request->port, .unverified = !from_here(request->ip)};
    struct sip_outcome outcome;
    unsigned tries = 0;
    size_t n;
    do {
        arena_reset(&desk->scratch);
        n = sip_answer(rt->plan, NULL, &rt->sip_config, &desk->scratch, request->bytes, &source,
                       out, &outcome);
    } while (outcome.looked_up && outcome.result == LOOKUP_BUSY && desk_again(&tries));
    desk_count(&desk->sip.requests, true);
    desk_count(&desk->sip.redirects, n > 0 && outcome.status == 302);
    desk_count(&desk->sip.not_found, n > 0 && outcome.status == 404);
    request->reply_port = outcome.reply_port;
    if (outcome.looked_up && outcome.result == LOOKUP_CUT)
        desk_cut(rt, desk, outcome.dialled);
}

static void *sip_open(struct runtime *rt, const struct door_config *config, struct door_gate *gate,
                      char *error, size_t size)
{
    static const uint8_t none[sizeof rt->sip_config.key];
    struct udp_options options = {.address = config->address,
                                  .port = config->port,
                                  .request_max = SIP_MESSAGE_MAX,
                                  .reply_max = SIP_REPLY_MAX,
                                  .gate = gate,
                                  .answer = on_sip,
                                  .context = rt};
    if (memcmp(rt->sip_config.key, none, sizeof none) == 0) {
        clock_entropy(rt->sip_config.key, sizeof rt->sip_config.key);
        rt->sip_config.server = slice_of("OpenILS/" OPENILS_VERSION);
    }
    return udp_open(rt->workers, &options, error, size);
}

static void sip_close(void *door, void (*closed)(void *context), void *context)
{
    udp_close(door, closed, context);
}

void runtime_sip_totals(const struct runtime *rt, struct sip_totals *ret)
{
    *ret = (struct sip_totals){0};
    for (unsigned i = 0; i < rt->desks; i++) {
        const struct sip_counts *c = &rt->desk[i].sip;
        ret->requests += atomic_load_explicit(&c->requests, memory_order_relaxed);
        ret->redirects += atomic_load_explicit(&c->redirects, memory_order_relaxed);
        ret->not_found += atomic_load_explicit(&c->not_found, memory_order_relaxed);
    }
}

static size_t sip_counts(const struct runtime *rt, struct door_count ret[static DOOR_COUNTS])
{
    struct sip_totals sum;
    runtime_sip_totals(rt, &sum);
    ret[0] = (struct door_count){"requests", sum.requests};
    ret[1] = (struct door_count){"redirects", sum.redirects};
    ret[2] = (struct door_count){"not_found", sum.not_found};
    return 3;
}

const struct door_kind door_sip = {
    .name = "sip",
    .option = "sip-port",
    .open = sip_open,
    .close = sip_close,
    .counts = sip_counts,
};
