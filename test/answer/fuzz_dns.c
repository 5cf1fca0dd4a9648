/* fuzz_dns: a question, and a target that somebody advertised: the first byte says how many bytes
 * of the input are the target. Laws: libknot reads every reply to its last byte; it is no longer
 * than what the asker takes; what a NAPTR record says is one expression of three "!", and its
 * replacement a URI that a caller may be sent to; the same question gets the same reply; an empty
 * reply is never longer than the question; a reply is never answered. */
#include "answer/dns.h"
#include "answer/sip.h"
#include "dns_base.h"
#include "stub_plan.h"

#include <assert.h>
#include <stdlib.h>

static struct routes *routes;

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

/* data: order, preference, and three character strings */
static void check_naptr(struct slice data)
{
    struct sip_uri uri;
    size_t at = 4;
    if (data.p[5] == 's') { /* to the services of a route string */
        assert(data.p[6] > 6 && data.p[7 + data.p[6]] == 0);
        at = 8 + data.p[6];
        assert(knot_dname_wire_check(data.p + at, data.p + data.n, NULL) == (int)(data.n - at));
        return;
    }
    for (int i = 0; i < 2; i++)
        at += 1 + (size_t)data.p[at];
    struct slice expression = slice_make(data.p + at + 1, data.p[at]);
    assert(at + 1 + expression.n + 1 == data.n && data.p[data.n - 1] == 0);
    assert(expression.n > 7 && memcmp(expression.p, "!^.*$!", 6) == 0);
    struct slice replacement = slice_make(expression.p + 6, expression.n - 7);
    assert(expression.p[expression.n - 1] == '!');
    assert(slice_find(replacement, '!') == replacement.n);
    assert(slice_find(replacement, '\\') == replacement.n);
    assert(sip_target_read(replacement, &uri));
}

static void check_reply(const struct buf *out, const struct dns_outcome *outcome)
{
    knot_pkt_t *p = reply_read(out);
    assert(p != NULL && knot_wire_get_qr(out->p) != 0);
    assert(knot_wire_get_rcode(out->p) == outcome->rcode);
    const knot_pktsection_t *answer = knot_pkt_section(p, KNOT_ANSWER);
    assert(answer->count == outcome->records);
    for (uint16_t i = 0; i < answer->count; i++) {
        const knot_rrset_t *rr = knot_pkt_rr(answer, i);
        if (rr->type == KNOT_RRTYPE_NAPTR)
            check_naptr(slice_make(rr->rrs.rdata->data, rr->rrs.rdata->len));
    }
    knot_pkt_free(p);
}

static size_t answer(const struct dns_config *config, struct arena *scratch, struct slice request,
                     bool udp, struct buf *out, struct dns_outcome *outcome)
{
    buf_reset(out);
    arena_reset(scratch);
    size_t n = dns_answer((const struct plan *)scratch, routes, config, scratch, request, udp, out,
                          outcome);
    assert(n == out->n && !out->failed);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dns_config config = {.ttl = 30, .ip4 = {127, 0, 0, 1}};
    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    struct dns_outcome outcome, again;
    struct dns_request m;
    struct arena scratch;
    struct buf out, twice;
    if (size == 0 || (size_t)data[0] + 1 > size)
        return 0;
    assert(dns_suffix_read(slice_of("ils.internal"), &config) == DNS_SUFFIX_OK);
    struct slice request = slice_make(data + 1 + data[0], size - 1 - data[0]);
    arena_init(&scratch, &mem);
    buf_init(&out, &mem, DNS_REPLY_MAX);
    buf_init(&twice, &mem, DNS_REPLY_MAX);
    stub_result((data[0] & 7) < 6 ? (uint8_t)(data[0] & 7) : LOOKUP_FOUND);
    stub_target("sip:2001@10.0.0.5:5080", 1000);
    stub_answer.target[stub_answer.target_n++] =
        (struct target){.uri = slice_make(data + 1, data[0]), .q = 900};
    routes = routes_new(&mem);
    routes_add(routes, slice_of("*"), slice_of("sip:[2001:db8::1]:5070;transport=tcp"));
    routes_add(routes, slice_of("*.com"), slice_of("sips:10.0.0.5"));
    routes_add(routes, slice_of("*.com"), slice_of("sip:gw.example;transport=wss"));
    dns_read(request, &m);
    for (int udp = 0; udp < 2; udp++) {
        size_t n = answer(&config, &scratch, request, udp, &out, &outcome);
        assert((n == 0) == (m.error == DNS_ERROR_SHORT || m.error == DNS_ERROR_REPLY));
        if (n == 0)
            continue;
        assert(n <= (udp ? (m.payload < DNS_UDP_MAX ? m.payload : DNS_UDP_MAX) : DNS_REPLY_MAX));
        check_reply(&out, &outcome);
        assert(answer(&config, &scratch, request, udp, &twice, &again) == n);
        assert(memcmp(out.p, twice.p, n) == 0);
        assert(answer(&config, &scratch, buf_slice(&out), udp, &twice, &again) == 0);
    }
    buf_reset(&out);
    size_t slip = dns_slip(request, &out);
    assert(slip == out.n && slip <= request.n);
    buf_done(&out);
    buf_done(&twice);
    routes_free(routes);
    arena_done(&scratch);
    return 0;
}
