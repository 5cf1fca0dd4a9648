/* runtime_dns: the DNS door: datagrams and connections on one port, both answered from the plan of
 * this moment. A source that asks faster than the door's rate gets every second time an empty reply
 * that sends it to TCP, where nobody can speak for another; a rate counts datagrams and
 * connections, not what is asked on one. */
#include "daemon/runtime_inside.h"
#include "answer/dns.h"
#include "driver/address.h"
#include "driver/clock.h"
#include "driver/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TTL        30 /* seconds: how long a cache may be behind the plan */
#define CONNS_MAX  1024
#define SOURCE_MAX 64
#define IDLE_MS    10000 /* RFC 7766 6.2.3 */

enum { RCODE_FORMERR = 1, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5 };

/* Never changed, only replaced. Workers may still be in a former one: it goes with the door. */
struct dns_setup {
    struct dns_config config;
    struct dns_setup *former;
};

struct dns_door {
    struct runtime *rt;
    struct udp *udp;
    struct frames *frames;
    struct dns_setup *_Atomic setup;
    unsigned open;  /* of the two */
    void (*closed)(void *context);
    void *context;
};

static void count(struct dns_counts *c, const struct dns_outcome *o, size_t n)
{
    desk_count(&c->requests, true);
    desk_count(&c->answers, o->records > 0);
    desk_count(&c->not_found, n > 0 && o->rcode == RCODE_NXDOMAIN);
    desk_count(&c->refused, n > 0 && o->rcode == RCODE_REFUSED);
    desk_count(&c->malformed, o->rcode == RCODE_FORMERR || n == 0);
    desk_count(&c->truncated, o->truncated);
}

/* From what of the routes: the loop's own, or what workers see. */
static void answer(struct dns_door *door, struct desk *desk, const struct routes *routes,
                   struct slice request, bool udp, struct buf *out)
{
    struct dns_outcome outcome;
    const struct plan *plan = routes == NULL ? workers_plan() : door->rt->plan;
    unsigned tries = 0;
    size_t n, before = out->n;
    do {
        out->n = before;
        arena_reset(&desk->scratch);
        n = dns_answer(plan, routes, &door->setup->config, &desk->scratch, request, udp,
                       out, &outcome);
    } while (outcome.looked_up && outcome.result == LOOKUP_BUSY && desk_again(&tries));
    count(&desk->dns, &outcome, n);
    if (outcome.looked_up && outcome.result == LOOKUP_CUT)
        desk_cut(door->rt, desk, outcome.dialled);
}

static void on_datagram(void *context, struct udp_request *request, struct buf *out)
{
    struct dns_door *door = context;
    answer(door, &door->rt->desk[request->worker], NULL, request->bytes, true, out);
}

static void on_frame(void *context, struct slice request, const struct frames_peer *from,
                     struct buf *out)
{
    struct dns_door *door = context;
    struct runtime *rt = door->rt;
    answer(door, &rt->desk[rt->desks - 1], view_routes(rt->core), request, false, out);
}

static void on_too_fast(void *context, struct udp_request *request, struct buf *out)
{
    struct dns_door *door = context;
    struct desk *desk = &door->rt->desk[request->worker];
    if (desk->slips++ % 2 == 0)
        desk_count(&desk->dns.slipped, dns_slip(request->bytes, out) > 0);
}

/* --- life */

static void door_free(struct dns_door *door)
{
    for (struct dns_setup *s = door->setup, *former; s != NULL; s = former) {
        former = s->former;
        free(s);
    }
    free(door);
}

static void on_closed(void *context)
{
    struct dns_door *door = context;
    if (--door->open > 0)
        return;
    void (*closed)(void *) = door->closed;
    void *closed_context = door->context;
    door_free(door);
    if (closed != NULL)
        closed(closed_context);
}

static void dns_close(void *context, void (*closed)(void *context), void *closed_context)
{
    struct dns_door *door = context;
    door->closed = closed;
    door->context = closed_context;
    door->open = (door->udp != NULL ? 1u : 0u) + (door->frames != NULL ? 1u : 0u);
    if (door->udp != NULL)
        udp_close(door->udp, on_closed, door);
    if (door->frames != NULL)
        frames_close(door->frames, on_closed, door);
}

/* Where `ns` is: the address that the door listens on, when it is one. */
static void take_address(struct dns_config *c, const char *address)
{
    struct sockaddr_storage a;
    socklen_t n;
    if (!address_parse(address, 0, &a, &n))
        return;
    if (a.ss_family == AF_INET)
        memcpy(c->ip4, &((struct sockaddr_in *)(void *)&a)->sin_addr, sizeof c->ip4);
    else
        memcpy(c->ip6, &((struct sockaddr_in6 *)(void *)&a)->sin6_addr, sizeof c->ip6);
}

static bool setup_replace(struct dns_door *door, const struct door_config *config)
{
    const char *suffix = config->suffix[0] != '\0' ? config->suffix : DNS_SUFFIX_DEFAULT;
    struct dns_setup *setup = calloc(1, sizeof *setup);
    if (setup == NULL)
        return false;
    setup->former = door->setup;
    if (setup->former != NULL) {
        setup->config = setup->former->config;
    } else {
        setup->config.serial = (uint32_t)(door->rt->started / 1000000);
        setup->config.ttl = TTL;
        take_address(&setup->config, config->address);
    }
    dns_suffix_read(slice_of(suffix), &setup->config);
    door->setup = setup;
    return true;
}

static void dns_set(void *context, const struct door_config *config)
{
    setup_replace(context, config);
}

static struct dns_door *door_new(struct runtime *rt, const struct door_config *config)
{
    struct dns_door *door = calloc(1, sizeof *door);
    if (door == NULL)
        return NULL;
    door->rt = rt;
    if (setup_replace(door, config))
        return door;
    free(door);
    return NULL;
}

/* Datagrams come last: what workers answer once needs its gate until it is closed. */
static void *dns_open(struct runtime *rt, const struct door_config *config, struct door_gate *gate,
                      char *error, size_t size)
{
    struct frames_options frames = {.address = config->address,
                                    .port = config->port,
                                    .request_max = DNS_REQUEST_MAX,
                                    .reply_max = DNS_REPLY_MAX,
                                    .conns_max = CONNS_MAX,
                                    .source_max = SOURCE_MAX,
                                    .idle_ms = IDLE_MS,
                                    .gate = gate};
    struct udp_options udp = {.address = config->address,
                              .port = config->port,
                              .request_max = DNS_REQUEST_MAX,
                              .reply_max = DNS_UDP_MAX,
                              .gate = gate,
                              .answer = on_datagram,
                              .too_fast = on_too_fast};
    struct dns_door *door = door_new(rt, config);
    if (door == NULL) {
        snprintf(error, size, "there is no memory for the door");
        return NULL;
    }
    udp.context = door;
    door->frames = frames_open(rt->loop, &frames, on_frame, door, error, size);
    if (door->frames != NULL)
        door->udp = udp_open(rt->workers, &udp, error, size);
    if (door->udp != NULL)
        return door;
    if (door->frames != NULL)
        dns_close(door, NULL, NULL);
    else
        door_free(door);
    return NULL;
}

static size_t dns_counts(const struct runtime *rt, struct door_count ret[static DOOR_COUNTS])
{
    static const char *const name[] = {"requests", "answers", "not_found", "refused",
                                       "malformed", "truncated", "slipped"};
    const size_t n = sizeof name / sizeof name[0];
    for (size_t k = 0; k < n; k++)
        ret[k] = (struct door_count){name[k], 0};
    for (unsigned i = 0; i < rt->desks; i++) {
        const struct dns_counts *c = &rt->desk[i].dns;
        const _Atomic uint64_t *of[] = {&c->requests,  &c->answers,   &c->not_found, &c->refused,
                                        &c->malformed, &c->truncated, &c->slipped};
        for (size_t k = 0; k < n; k++)
            ret[k].n += atomic_load_explicit(of[k], memory_order_relaxed);
    }
    return n;
}

static const char *dns_judge(const struct door_config *config)
{
    static const char *const text[] = {
        [DNS_SUFFIX_OK] = NULL,
        [DNS_SUFFIX_EMPTY] = "a suffix has at least one label: it cannot be the root",
        [DNS_SUFFIX_LABEL] = "a suffix is a host name such as ils.internal: labels of letters, "
                             "digits and inner dashes, 63 at most",
        [DNS_SUFFIX_LONG] = "a suffix has at most 148 characters, so that numbers fit before it",
        [DNS_SUFFIX_DIGIT] = "a suffix cannot begin with a label of one digit: give the suffix of "
                             "the whole tree, such as e164.arpa",
    };
    struct dns_config c;
    if (config->suffix[0] == '\0')
        return NULL;
    return text[dns_suffix_read(slice_of(config->suffix), &c)];
}

const struct door_kind door_dns = {
    .name = "dns",
    .option = "dns-port",
    .open = dns_open,
    .close = dns_close,
    .counts = dns_counts,
    .set = dns_set,
    .judge = dns_judge,
    .suffix = DNS_SUFFIX_DEFAULT,
};
