/* runtime_sip: the SIP door: datagrams, which workers answer, and connections, which the loop does,
 * on one port. A rate counts datagrams and connections, not what is asked on one. */
#include "daemon/runtime_inside.h"
#include "daemon/version.h"
#include "driver/clock.h"
#include "driver/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNS_MAX  1024
#define SOURCE_MAX 64
#define IDLE_MS    120000 /* a call controller keeps a connection and asks now and then */

struct sip_door {
    struct sip_desk desk;
    struct udp *udp;
    struct frames *frames;
    unsigned open; /* of the two */
    void (*closed)(void *context);
    void *context;
};

/* routes: the loop's own, or NULL, what workers see. Returns the port for the reply. */
static uint16_t answer(struct sip_desk *door, struct desk *desk, const struct routes *routes,
                       struct slice request, const struct sip_source *source, struct buf *out)
{
    struct runtime *rt = door->rt;
    struct sip_counts *counts = door->secure ? &desk->sips : &desk->sip;
    struct sip_config config = rt->sip_config;
    struct sip_outcome outcome;
    const struct plan *plan = routes == NULL ? workers_plan() : rt->plan;
    unsigned tries = 0;
    size_t n;
    config.route_string = atomic_load_explicit(&door->send_route_string, memory_order_relaxed);
    do {
        arena_reset(&desk->scratch);
        n = sip_answer(plan, routes, &config, &desk->scratch, request, source, out,
                       &outcome);
    } while (outcome.looked_up && outcome.result == LOOKUP_BUSY && desk_again(&tries));
    desk_count(&counts->requests, true);
    desk_count(&counts->redirects, n > 0 && outcome.status == 302);
    desk_count(&counts->not_found, n > 0 && outcome.status == 404);
    if (outcome.looked_up && outcome.result == LOOKUP_CUT)
        desk_cut(rt, desk, outcome.dialled);
    return outcome.reply_port;
}

/* No other host can write in the name of this one. */
static bool from_here(struct slice ip)
{
    return slice_eq(ip, slice_of("::1")) ||
           (ip.n > 4 && slice_eq(slice_make(ip.p, 4), slice_of("127.")));
}

static void on_datagram(void *context, struct udp_request *request, struct buf *out)
{
    struct sip_desk *door = context;
    struct sip_source source = {
        .ip = request->ip, .port = request->port, .unverified = !from_here(request->ip)};
    request->reply_port = answer(door, &door->rt->desk[request->worker], NULL, request->bytes,
                                 &source, out);
}

/* Whoever shook hands is who he says; the reply goes where the request came from. */
void runtime_sip_message(void *context, struct slice request, const struct frames_peer *from,
                         struct buf *out)
{
    struct sip_desk *door = context;
    struct runtime *rt = door->rt;
    struct sip_source source = {.ip = from->ip, .port = from->port};
    if (request.n == 4)
        buf_put_text(out, "\r\n"); /* RFC 5626 3.5.1 */
    else
        answer(door, &rt->desk[rt->desks - 1], view_routes(rt->core), request, &source, out);
}

/* --- life */

static void on_closed(void *context)
{
    struct sip_door *door = context;
    if (--door->open > 0)
        return;
    void (*closed)(void *) = door->closed;
    void *closed_context = door->context;
    free(door);
    if (closed != NULL)
        closed(closed_context);
}

static void sip_close(void *context, void (*closed)(void *context), void *closed_context)
{
    struct sip_door *door = context;
    door->closed = closed;
    door->context = closed_context;
    door->open = (door->udp != NULL ? 1u : 0u) + (door->frames != NULL ? 1u : 0u);
    if (door->udp != NULL)
        udp_close(door->udp, on_closed, door);
    if (door->frames != NULL)
        frames_close(door->frames, on_closed, door);
}

void runtime_sip_prepare(struct runtime *rt)
{
    static const uint8_t none[sizeof rt->sip_config.key];
    if (memcmp(rt->sip_config.key, none, sizeof none) != 0)
        return;
    clock_entropy(rt->sip_config.key, sizeof rt->sip_config.key);
    rt->sip_config.server = slice_of("OpenILS/" OPENILS_VERSION);
}

static void sip_set(void *context, const struct door_config *config)
{
    struct sip_door *door = context;
    door->desk.send_route_string = config->send_route_string;
}

/* Datagrams come last: what workers answer once needs its gate until it is closed. */
static void *sip_open(struct runtime *rt, const struct door_config *config, struct door_gate *gate,
                      char *error, size_t size)
{
    struct sip_door *door = calloc(1, sizeof *door);
    struct frames_options frames = {.address = config->address,
                                    .port = config->port,
                                    .request_max = SIP_MESSAGE_MAX,
                                    .reply_max = SIP_REPLY_MAX,
                                    .conns_max = CONNS_MAX,
                                    .source_max = SOURCE_MAX,
                                    .idle_ms = IDLE_MS,
                                    .gate = gate,
                                    .measure = sip_frame};
    struct udp_options udp = {.address = config->address,
                              .port = config->port,
                              .request_max = SIP_MESSAGE_MAX,
                              .reply_max = SIP_REPLY_MAX,
                              .gate = gate,
                              .answer = on_datagram,
                              .context = &door->desk};
    if (door == NULL) {
        snprintf(error, size, "there is no memory for the door");
        return NULL;
    }
    runtime_sip_prepare(rt);
    door->desk.rt = rt;
    sip_set(door, config);
    door->frames = frames_open(rt->loop, &frames, runtime_sip_message, &door->desk, error, size);
    if (door->frames != NULL)
        door->udp = udp_open(rt->workers, &udp, error, size);
    if (door->udp != NULL)
        return door;
    if (door->frames != NULL)
        sip_close(door, NULL, NULL);
    else
        free(door);
    return NULL;
}

void runtime_sip_totals(const struct runtime *rt, bool secure, struct sip_totals *ret)
{
    *ret = (struct sip_totals){0};
    for (unsigned i = 0; i < rt->desks; i++) {
        const struct sip_counts *c = secure ? &rt->desk[i].sips : &rt->desk[i].sip;
        ret->requests += atomic_load_explicit(&c->requests, memory_order_relaxed);
        ret->redirects += atomic_load_explicit(&c->redirects, memory_order_relaxed);
        ret->not_found += atomic_load_explicit(&c->not_found, memory_order_relaxed);
    }
}

size_t runtime_sip_counts(const struct runtime *rt, bool secure,
                          struct door_count ret[static DOOR_COUNTS])
{
    struct sip_totals sum;
    runtime_sip_totals(rt, secure, &sum);
    ret[0] = (struct door_count){"requests", sum.requests};
    ret[1] = (struct door_count){"redirects", sum.redirects};
    ret[2] = (struct door_count){"not_found", sum.not_found};
    return 3;
}

static size_t sip_counts(const struct runtime *rt, struct door_count ret[static DOOR_COUNTS])
{
    return runtime_sip_counts(rt, false, ret);
}

const struct door_kind door_sip = {
    .name = "sip",
    .option = "sip-port",
    .open = sip_open,
    .close = sip_close,
    .counts = sip_counts,
    .set = sip_set,
    .routes = true,
};
