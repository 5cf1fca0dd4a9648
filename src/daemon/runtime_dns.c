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

struct dns_door {
    struct runtime *rt;
    struct udp *udp;
    struct frames *frames;
    struct dns_config config;
    struct arena scratch;
    struct mem mem;
    unsigned open;  /* of the two */
    unsigned slips;
    void (*closed)(void *context);
    void *context;
};

static void count(struct runtime *rt, const struct dns_outcome *o, size_t n)
{
    struct dns_counts *c = &rt->dns_counts;
    c->requests++;
    c->answers += o->records > 0;
    c->not_found += n > 0 && o->rcode == RCODE_NXDOMAIN;
    c->refused += n > 0 && o->rcode == RCODE_REFUSED;
    c->malformed += o->rcode == RCODE_FORMERR || n == 0;
    c->truncated += o->truncated;
}

static void answer(struct dns_door *door, struct slice request, bool udp, struct buf *out)
{
    struct dns_outcome outcome;
    const struct ils *core = door->rt->core;
    arena_reset(&door->scratch);
    size_t n = dns_answer(view_plan(core), view_routes(core), &door->config, &door->scratch,
                          request, udp, out, &outcome);
    count(door->rt, &outcome, n);
    if (outcome.looked_up && outcome.result == LOOKUP_CUT)
        runtime_cut(door->rt, outcome.dialled);
}

static void on_datagram(void *context, struct udp_request *request, struct buf *out)
{
    answer(context, request->bytes, true, out);
}

static void on_frame(void *context, struct slice request, struct slice ip, struct buf *out)
{
    answer(context, request, false, out);
}

static void on_too_fast(void *context, struct udp_request *request, struct buf *out)
{
    struct dns_door *door = context;
    if (door->slips++ % 2 == 0 && dns_slip(request->bytes, out) > 0)
        door->rt->dns_counts.slipped++;
}

/* --- life */

static void on_closed(void *context)
{
    struct dns_door *door = context;
    if (--door->open > 0)
        return;
    void (*closed)(void *) = door->closed;
    void *closed_context = door->context;
    arena_done(&door->scratch);
    free(door);
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

static void dns_set(void *context, const struct door_config *config)
{
    struct dns_door *door = context;
    const char *suffix = config->suffix[0] != '\0' ? config->suffix : DNS_SUFFIX_DEFAULT;
    dns_suffix_read(slice_of(suffix), &door->config);
}

static struct dns_door *door_new(struct runtime *rt, const struct door_config *config)
{
    struct dns_door *door = calloc(1, sizeof *door);
    if (door == NULL)
        return NULL;
    door->rt = rt;
    door->mem = (struct mem){.resize = runtime_resize, .budget = SIZE_MAX};
    arena_init(&door->scratch, &door->mem);
    door->config.serial = (uint32_t)(rt->started / 1000000);
    door->config.ttl = TTL;
    take_address(&door->config, config->address);
    dns_set(door, config);
    return door;
}

static void *dns_open(struct runtime *rt, const struct door_config *config, struct door_gate *gate,
                      char *error, size_t size)
{
    struct frames_options frames = {config->address, config->port, DNS_REQUEST_MAX, DNS_REPLY_MAX,
                                    CONNS_MAX,       SOURCE_MAX,   IDLE_MS,         gate};
    struct dns_door *door = door_new(rt, config);
    if (door == NULL) {
        snprintf(error, size, "there is no memory for the door");
        return NULL;
    }
    door->udp = udp_open(rt->loop, config->address, config->port, DNS_REQUEST_MAX, DNS_UDP_MAX,
                         gate, on_datagram, door, error, size);
    if (door->udp != NULL) {
        udp_too_fast(door->udp, on_too_fast);
        door->frames = frames_open(rt->loop, &frames, on_frame, door, error, size);
    }
    if (door->frames != NULL)
        return door;
    if (door->udp != NULL) {
        dns_close(door, NULL, NULL);
    } else {
        arena_done(&door->scratch);
        free(door);
    }
    return NULL;
}

static size_t dns_counts(const struct runtime *rt, struct door_count ret[static DOOR_COUNTS])
{
    const struct dns_counts *c = &rt->dns_counts;
    ret[0] = (struct door_count){"requests", c->requests};
    ret[1] = (struct door_count){"answers", c->answers};
    ret[2] = (struct door_count){"not_found", c->not_found};
    ret[3] = (struct door_count){"refused", c->refused};
    ret[4] = (struct door_count){"malformed", c->malformed};
    ret[5] = (struct door_count){"truncated", c->truncated};
    ret[6] = (struct door_count){"slipped", c->slipped};
    return 7;
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
