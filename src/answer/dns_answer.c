/* dns_answer: judges one question and makes its records up: the plan is asked as every door asks
 * it, and its targets become NAPTR records. What a client would do next is in the records; why
 * there are none is told in words to who asks with EDNS (RFC 8914). */
#include "answer/dns_inside.h"
#include "answer/sip.h"
#include "plan/index.h"

#include <libknot/consts.h>
#include <libknot/descriptor.h>
#include <libknot/dname.h>
#include <string.h>

#define TEXT_MAX    255 /* bytes of a character string */
#define ORDER       100 /* RFC 6116: one order, and preferences within it */
#define EDE_OTHER   0
#define EDE_READY   14
#define EDE_BLOCKED 15
#define TYPE_META_FIRST 128 /* of what is no record (RFC 6895), ANY apart */
#define TYPE_META_LAST  254

struct door {
    const struct plan *plan;
    const struct routes *routes;
    const struct dns_config *config;
    struct arena *scratch;
    struct dns_request m;
    struct dns_node node;
    struct dns_writer w;
};

static bool asked(const struct door *d, uint16_t type)
{
    return d->m.type == type || d->m.type == KNOT_RRTYPE_ANY;
}

static void why(struct door *d, int16_t code, const char *text)
{
    d->w.ede = code;
    d->w.ede_text = text;
}

/* --- records: */

/* "user@host" of a SIP URI as the replacement of a regular expression between two "!": what is
 * special there is escaped as RFC 3261 has it, so that the URI means the same. False: too long for
 * a character string. */
static bool put_regexp(struct buf *out, struct slice uri)
{
    size_t at = out->n;
    buf_put_u8(out, 0);
    buf_put_text(out, "!^.*$!");
    for (size_t i = 0; i < uri.n; i++) {
        size_t plain = i;
        while (i < uri.n && uri.p[i] != '!' && uri.p[i] != '\\')
            i++;
        buf_put(out, uri.p + plain, i - plain);
        if (i < uri.n)
            buf_put_text(out, uri.p[i] == '!' ? "%21" : "%5C");
    }
    buf_put_u8(out, '!');
    if (out->failed || out->n - at - 1 > TEXT_MAX)
        return false;
    out->p[at] = (uint8_t)(out->n - at - 1);
    return true;
}

/* The plan lets only plain URIs in; here is the last look. */
static void put_target(struct door *d, const struct target *target)
{
    struct sip_uri u;
    struct buf *out = d->w.out;
    size_t before = out->n;
    if (!sip_target_read(target->uri, &u))
        return;
    size_t at = dns_record(&d->w, DNS_HEADER, KNOT_RRTYPE_NAPTR, d->config->ttl);
    buf_put_u16(out, ORDER);
    buf_put_u16(out, (uint16_t)(1100 - (target->q < 1000 ? target->q : 1000)));
    dns_text(&d->w, "u");
    dns_text(&d->w, "E2U+sip");
    if (!put_regexp(out, target->uri)) {
        if (!out->failed)
            out->n = before;
        return;
    }
    dns_pointer(&d->w, 0);
    dns_record_end(&d->w, at);
    d->w.answers++;
}

/* RFC 8482: one record that says so, in place of all. */
static void put_hinfo(struct door *d)
{
    size_t at = dns_record(&d->w, DNS_HEADER, KNOT_RRTYPE_HINFO, d->config->ttl);
    dns_text(&d->w, "RFC8482");
    dns_text(&d->w, "");
    dns_record_end(&d->w, at);
    d->w.answers++;
}

static void put_soa(struct door *d)
{
    const struct dns_config *c = d->config;
    struct buf *out = d->w.out;
    size_t at = dns_record(&d->w, d->w.zone, KNOT_RRTYPE_SOA, c->ttl);
    dns_text(&d->w, "ns");
    dns_pointer(&d->w, d->w.zone);
    dns_text(&d->w, "hostmaster");
    dns_pointer(&d->w, d->w.zone);
    buf_put_u32(out, c->serial);
    buf_put_u32(out, 3600);   /* refresh, retry and expire are for secondaries: there are none */
    buf_put_u32(out, 600);
    buf_put_u32(out, 604800);
    buf_put_u32(out, c->ttl); /* of "not there" (RFC 2308) */
    dns_record_end(&d->w, at);
}

static void put_ns(struct door *d)
{
    size_t at = dns_record(&d->w, d->w.zone, KNOT_RRTYPE_NS, d->config->ttl);
    dns_text(&d->w, "ns");
    dns_pointer(&d->w, d->w.zone);
    dns_record_end(&d->w, at);
    d->w.answers++;
}

static void put_address(struct door *d, const uint8_t *ip, size_t n)
{
    uint16_t type = n == 4 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA;
    if (!asked(d, type))
        return;
    size_t at = dns_record(&d->w, DNS_HEADER, type, d->config->ttl);
    buf_put(d->w.out, ip, n);
    dns_record_end(&d->w, at);
    d->w.answers++;
}

/* --- judging: */

/* Why nobody is told where to go. */
static void say_why(struct door *d, const struct lookup *look)
{
    switch ((enum lookup_result)look->result) {
    case LOOKUP_FOUND: why(d, EDE_OTHER, "no target that a NAPTR record can carry"); break;
    case LOOKUP_LOCAL: why(d, EDE_OTHER, "served here, and no route says where"); break;
    case LOOKUP_BLOCKED: why(d, EDE_BLOCKED, "blocked"); break;
    case LOOKUP_NO_ROUTE:
        why(d, EDE_OTHER, look->avoided_n > 0 ? "every target would come back here: " :
                                                "no route to ");
        if (look->match_n > 0)
            d->w.ede_about = look->match[0].route_string;
        break;
    case LOOKUP_NO_MATCH:
        if (look->longer)
            why(d, EDE_OTHER, "a pattern matches longer numbers");
        break;
    case LOOKUP_BAD_INPUT:
    case LOOKUP_THERE:
    case LOOKUP_CUT:
    case LOOKUP_BUSY: break;
    }
}

/* Whether a name is there, without records of its own, because of what is or may be below it. */
static bool may_hold_more(const struct door *d, const struct lookup *look)
{
    if (look->result != LOOKUP_NO_MATCH && look->result != LOOKUP_BAD_INPUT)
        return true;
    return d->node.uri || look->longer ||
           (d->node.digits < NUMBER_MAX && plan_beneath(d->plan, d->node.text));
}

static uint16_t judge_dialled(struct door *d, struct dns_outcome *ret)
{
    struct lookup look;
    plan_lookup(d->plan, d->routes, d->scratch, d->node.text, &look);
    ret->looked_up = true;
    ret->result = look.result;
    ret->dialled = d->node.text;
    if (d->scratch->failed || look.result == LOOKUP_BUSY || look.result == LOOKUP_CUT)
        return KNOT_RCODE_SERVFAIL;
    for (size_t i = 0; i < look.target_n && asked(d, KNOT_RRTYPE_NAPTR); i++)
        put_target(d, &look.target[i]);
    if (asked(d, KNOT_RRTYPE_NAPTR) && d->w.answers == 0)
        say_why(d, &look);
    return may_hold_more(d, &look) ? KNOT_RCODE_NOERROR : KNOT_RCODE_NXDOMAIN;
}

static uint16_t judge_server(struct door *d)
{
    static const uint8_t none[16];
    if (memcmp(d->config->ip4, none, 4) != 0)
        put_address(d, d->config->ip4, 4);
    if (memcmp(d->config->ip6, none, 16) != 0)
        put_address(d, d->config->ip6, 16);
    return KNOT_RCODE_NOERROR;
}

static uint16_t judge_apex(struct door *d)
{
    if (asked(d, KNOT_RRTYPE_SOA)) {
        put_soa(d);
        d->w.answers++;
    }
    if (asked(d, KNOT_RRTYPE_NS))
        put_ns(d);
    return KNOT_RCODE_NOERROR;
}

/* What is asked of the routes alone. */
static uint16_t judge_routes(struct door *d)
{
    const struct routes *routes = d->routes != NULL ? d->routes : plan_routes(d->plan);
    bool ip6 = d->node.kind == DNS_NODE_IP6;
    if (routes == NULL)
        return KNOT_RCODE_SERVFAIL;
    if (d->node.kind == DNS_NODE_ROUTE) {
        if (asked(d, KNOT_RRTYPE_NAPTR))
            dns_put_transports(&d->w, d->config, routes, &d->node);
    } else if (d->node.kind == DNS_NODE_SERVICE) {
        if (asked(d, KNOT_RRTYPE_SRV))
            dns_put_services(&d->w, d->config, routes, &d->node);
    } else if (dns_is_target(routes, d->node.ip, ip6)) {
        put_address(d, d->node.ip, ip6 ? 16 : 4);
    } else {
        return KNOT_RCODE_NXDOMAIN;
    }
    return KNOT_RCODE_NOERROR;
}

static uint16_t judge_node(struct door *d, struct dns_outcome *ret)
{
    switch ((enum dns_node_kind)d->node.kind) {
    case DNS_NODE_NONE: return KNOT_RCODE_NXDOMAIN;
    case DNS_NODE_EMPTY: return KNOT_RCODE_NOERROR;
    case DNS_NODE_APEX: return judge_apex(d);
    case DNS_NODE_SERVER: return judge_server(d);
    case DNS_NODE_DIALLED: return judge_dialled(d, ret);
    case DNS_NODE_ROUTE:
    case DNS_NODE_SERVICE:
    case DNS_NODE_IP4:
    case DNS_NODE_IP6: return judge_routes(d);
    }
    return KNOT_RCODE_NXDOMAIN;
}

/* A question of the zone. One answer for ANY; SOA beside every "not there". */
static uint16_t judge_zone(struct door *d, struct dns_outcome *ret)
{
    size_t before = d->m.name_n - d->config->suffix_n;
    size_t section = d->w.out->n;
    d->w.zone = (uint16_t)(DNS_HEADER + before);
    dns_node_read(d->scratch, d->m.name, before, &d->node);
    uint16_t rcode = d->scratch->failed ? KNOT_RCODE_SERVFAIL : judge_node(d, ret);
    if (rcode == KNOT_RCODE_SERVFAIL || d->w.out->failed)
        return KNOT_RCODE_SERVFAIL;
    if (d->m.type == KNOT_RRTYPE_ANY && d->w.answers > 0) {
        d->w.out->n = section;
        d->w.answers = 0;
        put_hinfo(d);
    }
    if (d->w.answers == 0) {
        put_soa(d);
        d->w.authorities++;
    }
    return rcode;
}

static uint16_t judge(struct door *d, struct dns_outcome *ret, bool *ret_authoritative)
{
    const struct dns_request *m = &d->m;
    if (m->error == DNS_ERROR_OPCODE)
        return KNOT_RCODE_NOTIMPL;
    if (m->error == DNS_ERROR_VERSION)
        return KNOT_RCODE_BADVERS;
    if (m->error != DNS_OK)
        return KNOT_RCODE_FORMERR;
    if (m->class != KNOT_CLASS_IN ||
        knot_dname_in_bailiwick(m->name, d->config->suffix) < 0 ||
        (m->type >= TYPE_META_FIRST && m->type <= TYPE_META_LAST))
        return KNOT_RCODE_REFUSED;
    if (d->plan == NULL) {
        why(d, EDE_READY, "the plan is not loaded yet");
        return KNOT_RCODE_SERVFAIL;
    }
    uint16_t rcode = judge_zone(d, ret);
    *ret_authoritative = rcode != KNOT_RCODE_SERVFAIL;
    return rcode;
}

size_t dns_answer(const struct plan *plan, const struct routes *routes,
                  const struct dns_config *config, struct arena *scratch, struct slice request,
                  bool udp, struct buf *out, struct dns_outcome *ret)
{
    struct door d;
    bool authoritative = false, whole;
    size_t before = out->n;
    *ret = (struct dns_outcome){0};
    ret->error = (uint8_t)dns_read(request, &d.m);
    if (d.m.error == DNS_ERROR_SHORT || d.m.error == DNS_ERROR_REPLY)
        return 0;
    size_t limit = d.m.payload < DNS_UDP_MAX ? d.m.payload : DNS_UDP_MAX;
    d.plan = plan;
    d.routes = routes;
    d.config = config;
    d.scratch = scratch;
    dns_begin(&d.w, out, &d.m, udp ? limit : DNS_REPLY_MAX);
    d.w.rcode = judge(&d, ret, &authoritative);
    if (d.w.rcode == KNOT_RCODE_SERVFAIL && !out->failed) {
        out->n = d.w.section;
        d.w.answers = d.w.authorities = 0;
    }
    size_t n = dns_end(&d.w, authoritative, &whole);
    if (n == 0) {
        out->n = before;
        return 0;
    }
    ret->rcode = (uint8_t)(d.w.rcode & 0xf);
    ret->records = d.w.answers;
    ret->truncated = !whole;
    return n;
}
