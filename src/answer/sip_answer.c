/* sip_answer: the stateless redirect. One request in, one reply out, nothing remembered: the To tag
 * is a keyed hash of what names the transaction, so a repeated request gets the same reply. */
#include "answer/sip_grammar.h"
#include "base/crypto.h"
#include "plan/policy.h"

#define ALLOW       "Allow: INVITE, ACK, CANCEL, OPTIONS\r\n"
#define ALLOW_BRIEF "Allow:INVITE,ACK,CANCEL,OPTIONS\r\n"

struct door {
    const struct plan *plan;
    const struct routes *routes;
    const struct sip_config *config;
    const struct sip_source *source;
    struct arena *scratch;
    struct sip_message m;
    struct sip_uri contact[LOOKUP_TARGETS_MAX];
    uint16_t q[LOOKUP_TARGETS_MAX];
    size_t contact_n;
    bool loops;          /* a target was left out because it is what was asked for */
    const char *warning; /* NULL: none */
    struct slice about;  /* named behind the warning */
    struct slice route;  /* route string of the learned entry that decided; empty: not to be told */
    bool brief;          /* what need not be said is not said, the rest in compact form */
};

/* --- writing: */

/* s with every fold as one blank. */
static void put_unfolded(struct buf *out, struct slice s)
{
    while (s.n > 0) {
        size_t at = slice_find(s, '\r');
        buf_put(out, s.p, at);
        if (at == s.n)
            return;
        struct lex l = lex_of(slice_make(s.p + at, s.n - at));
        lex_blanks(&l);
        buf_put_u8(out, ' ');
        s = slice_make(l.p, (size_t)(l.end - l.p));
    }
}

static void put_header(struct buf *out, const char *name, struct slice value)
{
    buf_put_text(out, name);
    buf_put_text(out, ": ");
    put_unfolded(out, value);
    buf_put_text(out, "\r\n");
}

static void put_known(struct buf *out, const struct door *d, enum sip_header header)
{
    static const char compact[SIP_HEADER_N] = {
        [SIP_HEADER_VIA] = 'v',     [SIP_HEADER_FROM] = 'f',    [SIP_HEADER_TO] = 't',
        [SIP_HEADER_CALL_ID] = 'i', [SIP_HEADER_CONTACT] = 'm',
    };
    if (d->brief && compact[header] != 0)
        buf_put_u8(out, (uint8_t)compact[header]);
    else
        buf_put_text(out, sip_header_text(header));
    buf_put_text(out, d->brief ? ":" : ": ");
}

static bool same_address(struct slice host, struct slice ip)
{
    if (host.n >= 2 && host.p[0] == '[')
        host = slice_make(host.p + 1, host.n - 2);
    return slice_eq_fold(host, ip);
}

/* The topmost Via as it came, but received and rport say what the socket saw (RFC 3261 18.2.1,
 * RFC 3581 4), whatever the request says of them. */
static void put_top_via(struct buf *out, const struct door *d)
{
    const struct sip_via *via = &d->m.via;
    struct lex l = lex_of(via->params);
    bool received = via->rport || !same_address(via->host, d->source->ip);
    put_known(out, d, SIP_HEADER_VIA);
    put_unfolded(out, slice_trim(slice_make(via->text.p, via->text.n - via->params.n)));
    while (lex_mark(&l, ';')) {
        struct sip_param p;
        if (!lex_param(&l, &p))
            break;
        if (slice_eq_fold(p.name, slice_of("received")) || slice_eq_fold(p.name, slice_of("rport")))
            continue;
        buf_put_u8(out, ';');
        buf_put_slice(out, p.name);
        if (p.has_value) {
            buf_put_u8(out, '=');
            put_unfolded(out, p.value);
        }
    }
    if (received) {
        buf_put_text(out, ";received=");
        buf_put_slice(out, d->source->ip);
    }
    if (via->rport) {
        buf_put_text(out, ";rport=");
        buf_put_decimal(out, d->source->port);
    }
    buf_put_text(out, "\r\n");
}

static void put_via(struct buf *out, const struct door *d, struct slice value)
{
    put_known(out, d, SIP_HEADER_VIA);
    put_unfolded(out, value);
    buf_put_text(out, "\r\n");
}

static void put_vias(struct buf *out, const struct door *d)
{
    put_top_via(out, d);
    if (d->m.via_rest.n > 0)
        put_via(out, d, d->m.via_rest);
    for (size_t i = d->m.first[SIP_HEADER_VIA]; i < d->m.field_n; i++) {
        if (d->m.field[i].header == SIP_HEADER_VIA)
            put_via(out, d, d->m.field[i].value);
    }
}

/* RFC 3261 8.2.7: unpredictable for others, the same for every copy of the request. */
static void put_tag(struct buf *out, const struct door *d)
{
    const struct sip_message *m = &d->m;
    uint64_t part[4] = {
        crypto_siphash(m->call_id, d->config->key),
        crypto_siphash(m->from.tag, d->config->key),
        crypto_siphash(m->via.branch, d->config->key),
        m->cseq,
    };
    uint64_t tag = crypto_siphash(slice_make(part, sizeof part), d->config->key);
    uint8_t bytes[8];
    char text[17];
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(tag >> (8 * i));
    hex_text(text, bytes, d->brief ? 4 : sizeof bytes); /* 32 bits are asked for (19.3) */
    buf_put_text(out, ";tag=");
    buf_put_text(out, text);
}

/* From, To, Call-ID and CSeq in the request's own words; of a bad request those that there are. */
static void put_dialog(struct buf *out, const struct door *d)
{
    static const uint8_t headers[] = {SIP_HEADER_FROM, SIP_HEADER_TO, SIP_HEADER_CALL_ID,
                                      SIP_HEADER_CSEQ};
    for (size_t i = 0; i < sizeof headers; i++) {
        uint8_t h = headers[i];
        if (d->m.first[h] == 0)
            continue;
        put_known(out, d, (enum sip_header)h);
        put_unfolded(out, d->m.field[d->m.first[h] - 1].value);
        if (h == SIP_HEADER_TO && (d->m.sound & 1u << h) != 0 && d->m.to.tag.n == 0)
            put_tag(out, d);
        buf_put_text(out, "\r\n");
    }
}

static void put_contacts(struct buf *out, const struct door *d)
{
    for (size_t i = 0; i < d->contact_n; i++) {
        unsigned q = d->q[i] < 1000 ? d->q[i] : 1000;
        if (i == 0)
            put_known(out, d, SIP_HEADER_CONTACT);
        buf_put_text(out, i == 0 ? "<" : d->brief ? ",<" : ", <");
        buf_put_slice(out, d->contact[i].text);
        buf_put_text(out, ">;q=");
        buf_put_decimal(out, q / 1000);
        if (q % 1000 != 0) {
            buf_put_u8(out, '.');
            for (unsigned unit = 100, left = q % 1000; left > 0; left %= unit, unit /= 10)
                buf_put_u8(out, (uint8_t)('0' + left / unit));
        }
    }
    buf_put_text(out, "\r\n");
}

/* Every option is unsupported here: what Require asked for, said back. */
static void put_unsupported(struct buf *out, const struct door *d)
{
    for (size_t i = 0; i < d->m.field_n; i++) {
        if (d->m.field[i].header == SIP_HEADER_REQUIRE)
            put_header(out, "Unsupported", d->m.field[i].value);
    }
}

static void put_warning(struct buf *out, const struct door *d)
{
    struct slice agent = d->config->agent;
    buf_put_text(out, "Warning: 399 ");
    buf_put_slice(out, agent.n > 0 ? agent : slice_of("openils"));
    buf_put_text(out, " \"");
    buf_put_text(out, d->warning);
    buf_put_slice(out, d->about);
    buf_put_text(out, "\"\r\n");
}

/* --- reasons: */

static const char *reason_of(uint16_t status)
{
    switch (status) {
    case 200: return "OK";
    case 302: return "Moved Temporarily";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 416: return "Unsupported URI Scheme";
    case 420: return "Bad Extension";
    case 481: return "Call/Transaction Does Not Exist";
    case 482: return "Loop Detected";
    case 483: return "Too Many Hops";
    case 484: return "Address Incomplete";
    case 503: return "Service Unavailable";
    case 505: return "Version Not Supported";
    default: return "Bad Request";
    }
}

/* Why a request is refused with 400; a header's name follows where the text ends in a blank. */
static const char *const error_text[SIP_ERROR_N] = {
    [SIP_ERROR_START_LINE] = "Malformed Request Line",
    [SIP_ERROR_URI] = "Malformed Request-URI",
    [SIP_ERROR_LINE_END] = "Malformed Line End",
    [SIP_ERROR_CHARACTER] = "Control Character",
    [SIP_ERROR_HEADER_NAME] = "Malformed Header Name",
    [SIP_ERROR_HEADERS] = "Too Many Headers",
    [SIP_ERROR_MISSING] = "Missing ",
    [SIP_ERROR_DUPLICATE] = "Duplicate ",
    [SIP_ERROR_MALFORMED] = "Malformed ",
    [SIP_ERROR_CSEQ_METHOD] = "CSeq Of Another Method",
    [SIP_ERROR_CONTENT_LENGTH] = "Content-Length Beyond The Datagram",
};

/* As Unified CM writes it, for border elements that route by it. */
static void put_route(struct buf *out, const struct door *d)
{
    buf_put_text(out, "X-cisco-dest-route-string: <sip:");
    buf_put_slice(out, d->route);
    buf_put_text(out, ">\r\n");
}

static void put_status_line(struct buf *out, const struct door *d, uint16_t status)
{
    buf_put_text(out, "SIP/2.0 ");
    buf_put_decimal(out, status);
    buf_put_u8(out, ' ');
    if (d->brief) {
        buf_put_text(out, "\r\n");
        return;
    }
    const char *text = status == 400 ? error_text[d->m.error] : NULL;
    buf_put_text(out, text != NULL ? text : reason_of(status));
    if (text != NULL && (d->m.error == SIP_ERROR_MISSING || d->m.error == SIP_ERROR_DUPLICATE ||
                         d->m.error == SIP_ERROR_MALFORMED))
        buf_put_text(out, sip_header_text((enum sip_header)d->m.error_header));
    buf_put_text(out, "\r\n");
}

static void put_reply(struct buf *out, const struct door *d, uint16_t status)
{
    put_status_line(out, d, status);
    put_vias(out, d);
    put_dialog(out, d);
    if (status == 405 || (status == 200 && !d->brief))
        buf_put_text(out, d->brief ? ALLOW_BRIEF : ALLOW);
    if (status == 200 && !d->brief)
        buf_put_text(out, "Accept: application/sdp\r\n");
    if (status == 302)
        put_contacts(out, d);
    if (status == 302 && d->route.n > 0 && !d->brief)
        put_route(out, d);
    if (status == 420)
        put_unsupported(out, d);
    if (d->warning != NULL && !d->brief)
        put_warning(out, d);
    if (d->config->server.n > 0 && !d->brief)
        put_header(out, "Server", d->config->server);
    buf_put_text(out, d->brief ? "\r\n" : "Content-Length: 0\r\n\r\n");
}

/* To whom may be somebody else's name: no more bytes than came. First what need not be said goes,
 * then the last contacts; a redirect without any is 480, so that the caller tries his next way.
 * Returns the status that was put; 0: not even that fits. */
static uint16_t put_within(struct buf *out, struct door *d, uint16_t status, size_t most)
{
    size_t before = out->n;
    put_reply(out, d, status);
    d->brief = true;
    while (!out->failed && out->n - before > most) {
        bool bare = status != 302;
        out->n = before;
        put_reply(out, d, status);
        if (out->n - before <= most)
            break;
        if (bare) {
            out->n = before;
            return 0;
        }
        d->contact_n--;
        status = d->contact_n > 0 ? 302 : 480;
    }
    return out->failed ? 0 : status;
}

/* --- judging: */

/* Takes a target as a contact. The plan lets only plain URIs in; here is the last look: what a
 * caller would copy into its next request (headers, a method) never leaves, and neither does the
 * URI that was asked for (RFC 3261 8.3). */
static void add_contact(struct door *d, struct slice uri, uint16_t q)
{
    struct sip_uri u;
    if (d->contact_n == LOOKUP_TARGETS_MAX || !sip_target_read(uri, &u))
        return;
    if (sip_uri_same(&u, &d->m.uri)) {
        d->loops = true;
        return;
    }
    d->q[d->contact_n] = q;
    d->contact[d->contact_n++] = u;
}

static uint16_t blocked(struct door *d, const struct lookup *look)
{
    uint8_t rule = look->match_n > 0 ? look->match[0].lost_to : LOSER_BLOCKED;
    d->warning = "blocked here: ";
    if (rule == LOSER_OUTSIDE)
        d->warning = "outside of what it may announce: ";
    if (rule == LOSER_ILLEGAL)
        d->warning = "an entry that is not sound: ";
    if (look->match_n > 0)
        d->about = look->match[0].cluster_id;
    return 403;
}

/* Matched, but nowhere to go: the caller's operator wants to know why. */
static uint16_t no_contact(struct door *d, const struct lookup *look)
{
    if (look->result == LOOKUP_BLOCKED)
        return blocked(d, look);
    if (look->result == LOOKUP_NO_MATCH && look->longer)
        return 484;
    if (look->avoided_n > 0 || d->loops) {
        d->warning = "every target leads back here";
        return 482;
    }
    if (look->result == LOOKUP_FOUND)
        d->warning = "no target that may be told";
    if (look->result == LOOKUP_LOCAL)
        d->warning = "served here, and no route says where";
    if (look->result == LOOKUP_NO_ROUTE) {
        d->warning = "no route to ";
        if (look->match_n > 0)
            d->about = look->match[0].route_string;
    }
    return 404;
}

/* A route string that is a host, and nothing behind it. */
static bool tellable(struct slice route)
{
    struct lex l = lex_of(route);
    return lex_host(&l).n > 0 && lex_end(&l);
}

static void take_route(struct door *d, const struct lookup *look)
{
    const struct match *m = look->match;
    if (d->config->route_string && look->match_n > 0 && m->lost_to == LOSER_NONE && !m->local &&
        tellable(m->route_string))
        d->route = m->route_string;
}

static uint16_t judge_invite(struct door *d, struct sip_outcome *ret)
{
    struct lookup look;
    plan_lookup(d->plan, d->routes, d->scratch, d->m.uri.text, &look);
    ret->looked_up = true;
    ret->result = look.result;
    ret->dialled = d->m.uri.text;
    for (size_t i = 0; i < look.target_n; i++)
        add_contact(d, look.target[i].uri, look.target[i].q);
    take_route(d, &look);
    if (look.result == LOOKUP_BUSY)
        return 0;
    if (d->scratch->failed)
        return 503;
    if (look.result == LOOKUP_CUT)
        return 503; /* not known here: somebody else may be asked */
    return d->contact_n > 0 ? 302 : no_contact(d, &look);
}

/* RFC 3261 8.2 in its order: method, Request-URI, extensions, then what was asked for. */
static uint16_t judge(struct door *d, struct sip_outcome *ret)
{
    const struct sip_message *m = &d->m;
    if (m->error == SIP_ERROR_VERSION)
        return 505;
    if (m->error != SIP_OK)
        return 400;
    if (m->method == SIP_METHOD_CANCEL)
        return 481; /* there is never a transaction to cancel */
    if (m->method == SIP_METHOD_OTHER)
        return 405;
    if (m->uri.scheme == SIP_SCHEME_OTHER)
        return 416;
    if (m->to.tag.n > 0)
        return 481; /* nor a dialog */
    if (m->first[SIP_HEADER_REQUIRE] != 0)
        return 420;
    if (m->method == SIP_METHOD_OPTIONS)
        return 200;
    if (m->max_forwards == 0)
        return 483;
    return judge_invite(d, ret);
}

static bool answerable(const struct sip_message *m)
{
    uint32_t needed = 1u << SIP_HEADER_VIA | 1u << SIP_HEADER_CSEQ;
    return m->request && m->method != SIP_METHOD_ACK && (m->sound & needed) == needed;
}

size_t sip_answer(const struct plan *plan, const struct routes *routes,
                  const struct sip_config *config, struct arena *scratch, struct slice request,
                  const struct sip_source *source, struct buf *out, struct sip_outcome *ret)
{
    struct door d;
    size_t before = out->n;
    *ret = (struct sip_outcome){0};
    sip_read(request, &d.m);
    ret->error = d.m.error;
    ret->error_header = d.m.error_header;
    ret->method = d.m.method;
    if (!answerable(&d.m))
        return 0;
    d.plan = plan;
    d.routes = routes;
    d.config = config;
    d.source = source;
    d.scratch = scratch;
    d.contact_n = 0;
    d.loops = d.brief = false;
    d.warning = NULL;
    d.about = d.route = (struct slice){0};
    ret->reply_port = d.m.via.port != 0 ? d.m.via.port : 5060;
    if (d.m.via.rport)
        ret->reply_port = source->port;
    uint16_t status = judge(&d, ret);
    if (status == 0)
        return 0;
    status = put_within(out, &d, status, source->unverified ? request.n : SIZE_MAX);
    if (status == 0) {
        ret->too_long = !out->failed;
        out->n = before;
        return 0;
    }
    ret->targets = status == 302 ? d.contact_n : 0;
    ret->status = status;
    return out->n - before;
}
