/* dns_route: the routes as a client of RFC 3263 asks for them: NAPTR says by which transports a
 * route string is reached, SRV where, with the priorities and weights of the routes; a target that
 * is an address gets a name of its own, for SRV records hold only names. */
#include "answer/dns_inside.h"

#include <libknot/descriptor.h>
#include <libknot/dname.h>
#include <string.h>

/* Where a service is when no port is given (RFC 3261 19.1.2, RFC 7118). */
static const uint16_t default_port[DNS_SERVICES] = {
    [DNS_SIP_UDP] = 5060,  [DNS_SIP_TCP] = 5060, [DNS_SIPS_TCP] = 5061,
    [DNS_SIP_SCTP] = 5060, [DNS_SIP_WS] = 80,    [DNS_SIPS_WS] = 443,
};

static enum dns_service service_of(const struct route *r)
{
    switch ((enum transport)r->transport) {
    case TRANSPORT_TCP: return r->secure ? DNS_SIPS_TCP : DNS_SIP_TCP;
    case TRANSPORT_TLS: return DNS_SIPS_TCP;
    case TRANSPORT_SCTP: return DNS_SIP_SCTP;
    case TRANSPORT_WS: return r->secure ? DNS_SIPS_WS : DNS_SIP_WS;
    case TRANSPORT_WSS: return DNS_SIPS_WS;
    case TRANSPORT_NONE:
    case TRANSPORT_UDP:
    case TRANSPORTS: break;
    }
    return r->secure ? DNS_SIPS_TCP : DNS_SIP_UDP;
}

/* --- addresses: */

/* Four numbers between dots: the one spelling that routes let in. */
static bool ip4_parse(struct slice host, uint8_t ret[static 4])
{
    for (size_t i = 0; i < 4; i++) {
        uint64_t value;
        size_t at = slice_find(host, '.');
        if (at > 3 || (at == host.n) != (i == 3) ||
            !slice_to_u64(slice_make(host.p, at), 255, &value))
            return false;
        ret[i] = (uint8_t)value;
        if (i < 3)
            host = slice_make(host.p + at + 1, host.n - at - 1);
    }
    return true;
}

/* Groups of hex digits from the left; false where they do not end. last: an IPv4 address may be
 * behind them. */
static bool groups_parse(struct slice text, bool last, uint8_t ret[static 16], size_t *ret_n)
{
    *ret_n = 0;
    while (text.n > 0) {
        uint8_t group[2];
        uint8_t four[4] = {'0', '0', '0', '0'};
        size_t at = slice_find(text, ':');
        struct slice part = slice_make(text.p, at);
        if (slice_find(part, '.') < part.n) {
            if (!last || at < text.n || *ret_n > 12 || !ip4_parse(part, ret + *ret_n))
                return false;
            *ret_n += 4;
            return true;
        }
        if (part.n == 0 || part.n > 4 || *ret_n > 14)
            return false;
        memcpy(four + 4 - part.n, part.p, part.n);
        if (!hex_parse(group, 2, slice_make(four, 4)))
            return false;
        memcpy(ret + *ret_n, group, 2);
        *ret_n += 2;
        if (at == text.n)
            return true;
        text = slice_make(text.p + at + 1, text.n - at - 1);
        if (text.n == 0)
            return false;
    }
    return true;
}

/* [2001:db8::1], also with an IPv4 address at its end. */
bool dns_ip6_parse(struct slice host, uint8_t ret[static 16])
{
    uint8_t head[16], tail[16];
    size_t head_n, tail_n = 0, at = 0;
    if (host.n < 4 || host.p[0] != '[' || host.p[host.n - 1] != ']')
        return false;
    host = slice_make(host.p + 1, host.n - 2);
    while (at + 1 < host.n && !(host.p[at] == ':' && host.p[at + 1] == ':'))
        at++;
    bool gap = at + 1 < host.n;
    if (!groups_parse(slice_make(host.p, gap ? at : host.n), !gap, head, &head_n) ||
        (gap && !groups_parse(slice_make(host.p + at + 2, host.n - at - 2), true, tail, &tail_n)))
        return false;
    if (gap ? head_n + tail_n > 14 : head_n != 16)
        return false;
    memset(ret, 0, 16);
    memcpy(ret, head, head_n);
    memcpy(ret + 16 - tail_n, tail, tail_n);
    return true;
}

bool dns_is_target(const struct routes *routes, const uint8_t *ip, bool ip6)
{
    for (size_t i = 0; i < routes_count(routes); i++) {
        uint8_t other[16];
        struct route r;
        routes_at(routes, i, &r);
        if (ip6 ? dns_ip6_parse(r.host, other) : ip4_parse(r.host, other)) {
            if (memcmp(ip, other, ip6 ? 16 : 4) == 0)
                return true;
        }
    }
    return false;
}

/* --- names: */

static void put_label(struct buf *out, const char *text)
{
    size_t n = strlen(text);
    buf_put_u8(out, (uint8_t)n);
    buf_put(out, text, n);
}

/* The labels of a host or route string. */
static void put_labels(struct buf *out, struct slice host)
{
    while (host.n > 0) {
        size_t at = slice_find(host, '.');
        buf_put_u8(out, (uint8_t)at);
        buf_put(out, host.p, at);
        at += at < host.n;
        host = slice_make(host.p + at, host.n - at);
    }
}

static void put_ip4_label(struct buf *out, const uint8_t ip[static 4])
{
    size_t at = out->n;
    buf_put_u8(out, 0);
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            buf_put_u8(out, '-');
        buf_put_decimal(out, ip[i]);
    }
    if (!out->failed)
        out->p[at] = (uint8_t)(out->n - at - 1);
    put_label(out, "ip4");
}

static void put_ip6_label(struct buf *out, const uint8_t ip[static 16])
{
    char text[33];
    hex_text(text, ip, 16);
    put_label(out, text);
    put_label(out, "ip6");
}

/* The name of a target's host, whole, since SRV and NAPTR know no references. */
static bool put_host(struct buf *out, const struct dns_config *config, struct slice host)
{
    uint8_t ip[16];
    if (ip4_parse(host, ip)) {
        put_ip4_label(out, ip);
    } else if (host.n > 0 && host.p[0] == '[') {
        if (!dns_ip6_parse(host, ip))
            return false;
        put_ip6_label(out, ip);
    } else {
        put_labels(out, host);
        buf_put_u8(out, 0);
        return true;
    }
    buf_put(out, config->suffix, config->suffix_n);
    return true;
}

/* --- records: */

static void put_srv(struct dns_writer *w, const struct dns_config *config, const struct route *r)
{
    struct buf *out = w->out;
    size_t before = out->n;
    size_t at = dns_record(w, DNS_HEADER, KNOT_RRTYPE_SRV, config->ttl);
    buf_put_u16(out, r->priority);
    buf_put_u16(out, r->weight);
    buf_put_u16(out, r->port != 0 ? r->port : default_port[service_of(r)]);
    if (!put_host(out, config, r->host)) {
        if (!out->failed)
            out->n = before;
        return;
    }
    dns_record_end(w, at);
    w->answers++;
}

void dns_put_services(struct dns_writer *w, const struct dns_config *config,
                      const struct routes *routes, const struct dns_node *node)
{
    size_t first, n;
    if (!routes_find(routes, node->text, &first, &n))
        return;
    for (size_t i = first; i < first + n; i++) {
        struct route r;
        routes_at(routes, i, &r);
        if (!r.self && service_of(&r) == node->service)
            put_srv(w, config, &r);
    }
}

/* order: the place of the service among those of the route string. */
static void put_naptr(struct dns_writer *w, const struct dns_config *config,
                      const struct dns_node *node, enum dns_service service, uint16_t order)
{
    const struct dns_service_text *s = &dns_services[service];
    struct buf *out = w->out;
    size_t before = out->n;
    size_t at = dns_record(w, DNS_HEADER, KNOT_RRTYPE_NAPTR, config->ttl);
    buf_put_u16(out, order);
    buf_put_u16(out, 10);
    dns_text(w, "s");
    dns_text(w, s->naptr);
    dns_text(w, "");
    size_t name = out->n;
    put_label(out, s->scheme);
    put_label(out, s->transport);
    put_labels(out, node->text);
    put_label(out, "route");
    buf_put(out, config->suffix, config->suffix_n);
    if (!out->failed && out->n - name > DNS_NAME_MAX) { /* nobody could ask for it */
        out->n = before;
        return;
    }
    dns_record_end(w, at);
    w->answers++;
}

void dns_put_transports(struct dns_writer *w, const struct dns_config *config,
                        const struct routes *routes, const struct dns_node *node)
{
    bool seen[DNS_SERVICES] = {false};
    uint16_t order = 0;
    size_t first, n;
    if (!routes_find(routes, node->text, &first, &n))
        return;
    for (size_t i = first; i < first + n; i++) {
        struct route r;
        routes_at(routes, i, &r);
        enum dns_service service = service_of(&r);
        if (r.self || seen[service])
            continue;
        seen[service] = true;
        order = (uint16_t)(order + 10);
        put_naptr(w, config, node, service, order);
    }
}
