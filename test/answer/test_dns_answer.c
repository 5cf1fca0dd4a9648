/* test_dns_answer: what the DNS door answers to what. libknot takes every reply apart; nothing that
 * it cannot read has been answered. */
#include "test.h"

#include "answer/dns_inside.h"
#include "dns_base.h"
#include "stub_plan.h"

#define DNS_TYPE_NAPTR KNOT_RRTYPE_NAPTR

static struct test_mem memory;
static struct arena scratch;
static struct buf out;
static struct routes *routes;
static struct dns_config config;
static struct dns_outcome outcome;
static knot_pkt_t *reply;
static char text[4096];
static struct match stub_match;
static bool udp;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&memory, 0);
    arena_init(&scratch, &memory.mem);
    buf_init(&out, &memory.mem, DNS_REPLY_MAX);
    routes = routes_new(&memory.mem);
    assert_non_null(routes);
    config = (struct dns_config){.serial = 7, .ttl = 30, .ip4 = {127, 0, 0, 1}};
    assert_int_equal(dns_suffix_read(slice_of("ils.internal"), &config), DNS_SUFFIX_OK);
    stub_result(LOOKUP_FOUND);
    stub_target("sip:+8112@10.0.0.5:5080", 1000);
    stub_allocates = stub_beneath = false;
    udp = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    knot_pkt_free(reply);
    reply = NULL;
    routes_free(routes);
    buf_done(&out);
    arena_done(&scratch);
    assert_int_equal(memory.mem.used, 0);
    return 0;
}

/* Rcode with its extended bits of the reply, which must be sound; -1: none. */
static int ask(struct slice request)
{
    buf_reset(&out);
    arena_reset(&scratch);
    knot_pkt_free(reply);
    reply = NULL;
    size_t n = dns_answer((const struct plan *)&memory, routes, &config, &scratch, request, udp,
                          &out, &outcome);
    assert_int_equal(n, out.n);
    if (n == 0)
        return -1;
    reply = reply_read(&out);
    assert_non_null(reply);
    assert_memory_equal(out.p, request.p, 2);
    assert_int_not_equal(knot_wire_get_qr(out.p), 0);
    assert_int_equal(outcome.rcode, knot_wire_get_rcode(out.p));
    return knot_pkt_ext_rcode(reply);
}

static int ask_name(const char *name, unsigned type)
{
    struct question q;
    return ask(question_make(&q, name, type, EDNS_NONE));
}

static const char *record(knot_section_t section, unsigned i)
{
    return reply_record(reply, section, i, text, sizeof text) ? text : "";
}

#define ANSWER(i) record(KNOT_ANSWER, i)

static unsigned count(knot_section_t section)
{
    return knot_pkt_section(reply, section)->count;
}

static bool truncated(void)
{
    return knot_wire_get_tc(out.p) != 0;
}

/* NOERROR and nothing but the SOA, which says how long that holds. */
static bool no_data(int rcode)
{
    return rcode == KNOT_RCODE_NOERROR && count(KNOT_ANSWER) == 0 && count(KNOT_AUTHORITY) == 1 &&
           strncmp(record(KNOT_AUTHORITY, 0), "SOA ", 4) == 0;
}

static bool no_name(int rcode)
{
    return rcode == KNOT_RCODE_NXDOMAIN && no_data(KNOT_RCODE_NOERROR);
}

static bool dialled(const char *what)
{
    return slice_eq(stub_dialled, slice_of(what));
}

/* --- what is asked */

static void test_enum(void **state)
{
    (void)state;
    stub_target("sip:0312@gw.example;transport=tcp", 100);
    assert_int_equal(ask_name("2.1.1.8.ils.internal.", DNS_TYPE_NAPTR), KNOT_RCODE_NOERROR);
    assert_true(dialled("+8112"));
    assert_int_equal(count(KNOT_ANSWER), 2);
    assert_string_equal(ANSWER(0),
                        "NAPTR 100 100 \"u\" \"E2U+sip\" \"!^.*$!sip:+8112@10.0.0.5:5080!\" .");
    assert_string_equal(ANSWER(1), "NAPTR 100 1000 \"u\" \"E2U+sip\" "
                                   "\"!^.*$!sip:0312@gw.example;transport=tcp!\" .");
    assert_int_not_equal(knot_wire_get_aa(out.p), 0);
    assert_int_not_equal(knot_wire_get_rd(out.p), 0);
    assert_int_equal(knot_wire_get_ra(out.p), 0);
    assert_true(outcome.looked_up);
    assert_int_equal(outcome.records, 2);
    assert_int_equal(knot_pkt_rr(knot_pkt_section(reply, KNOT_ANSWER), 0)->ttl, 30);
}

/* The case of a question is the asker's, and comes back as it was. */
static void test_case(void **state)
{
    struct question q;
    (void)state;
    question_make(&q, "x.eXample.com.Uri.ils.inTernal.", DNS_TYPE_NAPTR, EDNS_NONE);
    memcpy(q.wire + 13, "X", 1);
    assert_int_equal(ask(slice_make(q.wire, q.n)), KNOT_RCODE_NOERROR);
    assert_true(dialled("x@example.com"));
    assert_memory_equal(out.p + 12, q.wire + 12, q.n - 12);
}

static void test_names(void **state)
{
    static const struct {
        const char *name, *dialled;
    } cases[] = {
        {"1.0.0.2.enterprise.ils.internal.", "2001"},
        {"alice.example.com.uri.ils.internal.", "alice@example.com"},
        {"al\\.ice.example.com.uri.ils.internal.", "al.ice@example.com"},
        {"a+b.10.0.0.1.uri.ils.internal.", "a+b@10.0.0.1"},
        {"a%20b.example.uri.ils.internal.", "a%20b@example"},
        {"2001.example.com.uri.ils.internal.", "2001@example.com"},
        {"4.3.2.1.0.9.8.7.6.5.4.3.2.1.0.9.8.7.6.5.4.3.2.1.ils.internal.",
         "+123456789012345678901234"},
    };
    static const char *const never[] = {
        "a.ils.internal.",          "www.ils.internal.",        "12.3.ils.internal.",
        "1.a.ils.internal.",        "*.ils.internal.",          "1.ns.ils.internal.",
        "a;b.example.uri.ils.internal.",   "a\\@b.example.uri.ils.internal.",
        "a%2.example.uri.ils.internal.",   "a.exa_mple.uri.ils.internal.",
        "a?b.example.uri.ils.internal.",   "a\\013\\010.example.uri.ils.internal.",
        "a.-example.uri.ils.internal.",    "a\\\"b.example.uri.ils.internal.",
        "12.0.enterprise.ils.internal.",   "10-0-0.ip4.ils.internal.",
        "10-0-0-256.ip4.ils.internal.",    "10-0-0-05.ip4.ils.internal.",
        "10-0-0-5-.ip4.ils.internal.",     "0.10-0-0-5.ip4.ils.internal.",
        "2001.ip6.ils.internal.",          "_sip._foo.example.route.ils.internal.",
        "_foo._tcp.example.route.ils.internal.", "a_b.route.ils.internal.",
        "_sip._tcp.route.ils.internal.",
        "5.4.3.2.1.0.9.8.7.6.5.4.3.2.1.0.9.8.7.6.5.4.3.2.1.ils.internal.",
    };
    static const char *const empty[] = {
        "enterprise.ils.internal.", "uri.ils.internal.",       "route.ils.internal.",
        "ip4.ils.internal.",        "ip6.ils.internal.",       "com.uri.ils.internal.",
        "_tcp.example.com.route.ils.internal.",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ask_name(cases[i].name, DNS_TYPE_NAPTR), KNOT_RCODE_NOERROR);
        assert_true(dialled(cases[i].dialled));
        assert_int_equal(count(KNOT_ANSWER), 1);
    }
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (!no_name(ask_name(never[i], DNS_TYPE_NAPTR)))
            fail_msg("%s is there", never[i]);
        assert_false(outcome.looked_up);
    }
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        if (!no_data(ask_name(empty[i], DNS_TYPE_NAPTR)))
            fail_msg("%s is not empty", empty[i]);
    }
}

static void test_apex(void **state)
{
    (void)state;
    assert_int_equal(ask_name("ils.internal.", KNOT_RRTYPE_SOA), KNOT_RCODE_NOERROR);
    assert_string_equal(ANSWER(0), "SOA ns.ils.internal. hostmaster.ils.internal. 7 3600 600 "
                                   "604800 30");
    assert_int_equal(ask_name("ils.internal.", KNOT_RRTYPE_NS), KNOT_RCODE_NOERROR);
    assert_string_equal(ANSWER(0), "NS ns.ils.internal.");
    assert_int_equal(count(KNOT_ANSWER), 1);
    assert_true(no_data(ask_name("ils.internal.", DNS_TYPE_NAPTR)));
    assert_int_equal(ask_name("ns.ils.internal.", KNOT_RRTYPE_A), KNOT_RCODE_NOERROR);
    assert_string_equal(ANSWER(0), "A 127.0.0.1");
    assert_true(no_data(ask_name("ns.ils.internal.", KNOT_RRTYPE_AAAA)));
    assert_string_equal(record(KNOT_AUTHORITY, 0),
                        "SOA ns.ils.internal. hostmaster.ils.internal. 7 3600 600 604800 30");
    config.ip6[15] = 1;
    assert_int_equal(ask_name("ns.ils.internal.", KNOT_RRTYPE_AAAA), KNOT_RCODE_NOERROR);
    assert_string_equal(ANSWER(0), "AAAA ::1");
}

static void test_any(void **state)
{
    (void)state;
    assert_int_equal(ask_name("2.1.1.8.ils.internal.", KNOT_RRTYPE_ANY), KNOT_RCODE_NOERROR);
    assert_int_equal(count(KNOT_ANSWER), 1);
    assert_string_equal(ANSWER(0), "HINFO \"RFC8482\" \"\"");
    assert_int_equal(ask_name("ils.internal.", KNOT_RRTYPE_ANY), KNOT_RCODE_NOERROR);
    assert_int_equal(count(KNOT_ANSWER), 1);
    stub_result(LOOKUP_NO_MATCH);
    assert_true(no_name(ask_name("2.1.1.8.ils.internal.", KNOT_RRTYPE_ANY)));
    stub_answer.longer = true;
    assert_true(no_data(ask_name("2.1.1.8.ils.internal.", KNOT_RRTYPE_ANY)));
    assert_true(no_name(ask_name("www.ils.internal.", KNOT_RRTYPE_ANY)));
}

/* --- what is answered */

static void test_other_types(void **state)
{
    (void)state;
    assert_true(no_data(ask_name("2.1.1.8.ils.internal.", KNOT_RRTYPE_A)));
    assert_true(no_data(ask_name("2.1.1.8.ils.internal.", KNOT_RRTYPE_TXT)));
    assert_int_equal(ask_name("ils.internal.", KNOT_RRTYPE_AXFR), KNOT_RCODE_REFUSED);
    assert_int_equal(ask_name("ils.internal.", KNOT_RRTYPE_IXFR), KNOT_RCODE_REFUSED);
    assert_int_equal(ask_name("ils.internal.", 250), KNOT_RCODE_REFUSED);
    assert_int_equal(count(KNOT_AUTHORITY), 0);
    assert_int_equal(knot_wire_get_aa(out.p), 0);
}

static void test_outside(void **state)
{
    static const char *const outside[] = {".", "internal.", "xils.internal.", "example.com.",
                                          "ils.internal.example.", "version.bind."};
    struct question q;
    (void)state;
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_int_equal(ask_name(outside[i], DNS_TYPE_NAPTR), KNOT_RCODE_REFUSED);
    question_make(&q, "ils.internal.", KNOT_RRTYPE_SOA, EDNS_NONE);
    q.wire[q.n - 1] = KNOT_CLASS_CH;
    assert_int_equal(ask(slice_make(q.wire, q.n)), KNOT_RCODE_REFUSED);
    q.wire[q.n - 1] = KNOT_CLASS_ANY;
    assert_int_equal(ask(slice_make(q.wire, q.n)), KNOT_RCODE_REFUSED);
}

static bool explained(const char *what)
{
    size_t n = strlen(what);
    for (size_t i = 0; i + n <= out.n; i++) {
        if (memcmp(out.p + i, what, n) == 0)
            return true;
    }
    return false;
}

static int ask_why(const char *name)
{
    struct question q;
    return ask(question_make(&q, name, DNS_TYPE_NAPTR, 1232));
}

static void test_not_there(void **state)
{
    (void)state;
    stub_result(LOOKUP_NO_MATCH);
    assert_true(no_name(ask_why("2.1.1.8.ils.internal.")));
    assert_true(no_name(ask_why("1.0.0.2.enterprise.ils.internal.")));
    stub_beneath = true;
    assert_true(no_data(ask_why("2.1.1.8.ils.internal.")));
    assert_true(no_data(ask_why("1.0.0.2.enterprise.ils.internal.")));
    assert_true(no_name(ask_why("4.3.2.1.0.9.8.7.6.5.4.3.2.1.0.9.8.7.6.5.4.3.2.1.ils.internal.")));
    assert_true(no_data(ask_why("x.example.com.uri.ils.internal.")));
    stub_answer.longer = true;
    assert_true(no_data(ask_why("4.3.2.1.0.9.8.7.6.5.4.3.2.1.0.9.8.7.6.5.4.3.2.1.ils.internal.")));
    assert_true(explained("a pattern matches longer numbers"));
}

/* A decision without a target is NODATA, and says why to who asks with EDNS. */
static void test_no_target(void **state)
{
    (void)state;
    stub_result(LOOKUP_LOCAL);
    assert_true(no_data(ask_why("2.1.1.8.ils.internal.")));
    assert_true(explained("served here, and no route says where"));
    stub_result(LOOKUP_BLOCKED);
    assert_true(no_data(ask_why("2.1.1.8.ils.internal.")));
    assert_true(explained("blocked"));
    stub_result(LOOKUP_NO_ROUTE);
    stub_match.route_string = slice_of("tokyo.example.com");
    stub_answer.match = &stub_match;
    stub_answer.match_n = 1;
    assert_true(no_data(ask_why("2.1.1.8.ils.internal.")));
    assert_true(explained("no route to tokyo.example.com"));
    assert_true(no_data(ask_name("2.1.1.8.ils.internal.", DNS_TYPE_NAPTR)));
    assert_false(explained("no route"));
    stub_result(LOOKUP_LOCAL);
    stub_target("sip:+8112@10.0.0.9", 1000);
    assert_int_equal(ask_why("2.1.1.8.ils.internal."), KNOT_RCODE_NOERROR);
    assert_int_equal(count(KNOT_ANSWER), 1);
}

/* Nothing of a URI ends the expression, refers to a group, or reaches a caller's request. */
static void test_escapes(void **state)
{
    static const char *const refused[] = {
        "sip:a@h?Route=%3Csip:x%3E", "sip:a@h;method=BYE", "sip:a@h;x=y;Method=BYE;lr",
        "tel:+1",                    "http://h/",          "sip:a\\1@h",
        "sip:a\"@h",                 "sip:a@h\r\nX: y",    "",
    };
    char *longest = (char *)test_malloc(300);
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        stub_result(LOOKUP_FOUND);
        stub_target(refused[i], 1000);
        assert_true(no_data(ask_why("2.1.1.8.ils.internal.")));
        assert_true(explained("no target that a NAPTR record can carry"));
    }
    stub_result(LOOKUP_FOUND);
    stub_target("sip:a!b!!@h;x=!", 1000);
    assert_int_equal(ask_name("2.1.1.8.ils.internal.", DNS_TYPE_NAPTR), KNOT_RCODE_NOERROR);
    assert_string_equal(ANSWER(0),
                        "NAPTR 100 100 \"u\" \"E2U+sip\" \"!^.*$!sip:a%21b%21%21@h;x=%21!\" .");
    /* 255 bytes are a character string, one more is not: "!^.*$!" and "!" are 7 of them. */
    for (int more = 0; more < 2; more++) {
        memset(longest, 'a', 248 + (size_t)more);
        memcpy(longest, "sip:", 4);
        memcpy(longest + 246 + more, "@h", 3);
        stub_result(LOOKUP_FOUND);
        stub_target(longest, 1000);
        assert_int_equal(ask_name("2.1.1.8.ils.internal.", DNS_TYPE_NAPTR), KNOT_RCODE_NOERROR);
        assert_int_equal(count(KNOT_ANSWER), 1 - more);
    }
    test_free(longest);
}

/* --- routes */

static const char *const route_answer[][3] = {
    {"osaka.example.com.route.ils.internal.", "NAPTR",
     "NAPTR 10 10 \"s\" \"SIP+D2T\" \"\" _sip._tcp.osaka.example.com.route.ils.internal.\n"
     "NAPTR 20 10 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.osaka.example.com.route.ils.internal.\n"
     "NAPTR 30 10 \"s\" \"SIP+D2U\" \"\" _sip._udp.osaka.example.com.route.ils.internal.\n"},
    {"_sip._tcp.osaka.example.com.route.ils.internal.", "SRV",
     "SRV 10 70 5080 10-0-0-5.ip4.ils.internal.\nSRV 10 30 5060 gw.osaka.example.com.\n"},
    {"_sips._tcp.osaka.example.com.route.ils.internal.", "SRV",
     "SRV 20 10 5071 gw.osaka.example.com.\n"
     "SRV 20 10 5061 20010db8000000000000000000000001.ip6.ils.internal.\n"},
    {"_sip._udp.osaka.example.com.route.ils.internal.", "SRV",
     "SRV 30 10 5060 00000000000000000000ffff0a000007.ip6.ils.internal.\n"},
    {"_sip._ws.osaka.example.com.route.ils.internal.", "SRV", ""},
    {"_sip._ws.other.example.route.ils.internal.", "SRV", "SRV 10 10 80 web.example.\n"},
    {"_sips._ws.other.example.route.ils.internal.", "SRV", "SRV 20 10 443 web.example.\n"},
    {"_sip._sctp.other.example.route.ils.internal.", "SRV", "SRV 30 10 5060 web.example.\n"},
    {"_sip._tcp.nobody.example.com.route.ils.internal.", "SRV", ""},
    {"nobody.example.com.route.ils.internal.", "NAPTR", ""},
    {"osaka.example.com.route.ils.internal.", "SRV", ""},
    {"10-0-0-5.ip4.ils.internal.", "A", "A 10.0.0.5\n"},
    {"10-0-0-5.ip4.ils.internal.", "AAAA", ""},
    {"20010db8000000000000000000000001.ip6.ils.internal.", "AAAA", "AAAA 2001:db8::1\n"},
    {"20010db8000000000000000000000001.ip6.ils.internal.", "A", ""},
};

static void put(const char *pattern, const char *target, uint16_t priority, uint16_t weight)
{
    assert_int_equal(routes_put(routes, slice_of(pattern), slice_of(target), priority, weight),
                     ENTRY_OK);
}

static void test_routes(void **state)
{
    (void)state;
    put("*.example.com", "sip:10.9.9.9", 10, 10);
    routes_remove(routes, slice_of("*.example.com"), slice_make(NULL, 0));
    put("osaka.example.com", "sip:10.0.0.5:5080;transport=tcp", 10, 70);
    put("osaka.example.com", "sip:gw.osaka.example.com;transport=tcp", 10, 30);
    put("osaka.example.com", "sips:[2001:db8::1]", 20, 10);
    put("osaka.example.com", "sip:gw.osaka.example.com:5071;transport=tls", 20, 10);
    put("osaka.example.com", "sip:[::ffff:10.0.0.7]", 30, 10);
    put("other.example", "sip:web.example;transport=ws", 10, 10);
    put("other.example", "sip:web.example;transport=wss", 20, 10);
    put("other.example", "sip:web.example;transport=sctp", 30, 10);
    for (size_t i = 0; i < sizeof route_answer / sizeof route_answer[0]; i++) {
        const char *const *c = route_answer[i];
        char all[2048] = "";
        size_t n = 0;
        uint16_t type;
        assert_int_equal(knot_rrtype_from_string(c[1], &type), 0);
        int rcode = ask_name(c[0], type);
        for (unsigned k = 0; k < count(KNOT_ANSWER); k++) {
            n += (size_t)snprintf(all + n, sizeof all - n, "%s\n", ANSWER(k));
        }
        assert_string_equal(all, c[2]);
        assert_true(rcode == KNOT_RCODE_NOERROR && (c[2][0] != '\0' || no_data(rcode)));
    }
    /* Of other addresses there is none. */
    assert_true(no_name(ask_name("10-0-0-6.ip4.ils.internal.", KNOT_RRTYPE_A)));
    assert_true(no_name(ask_name("20010db8000000000000000000000002.ip6.ils.internal.",
                                 KNOT_RRTYPE_AAAA)));
    assert_true(routes_use_self(routes, slice_of("10.0.0.5:5080")));
    assert_int_equal(ask_name(route_answer[1][0], KNOT_RRTYPE_SRV), KNOT_RCODE_NOERROR);
    assert_int_equal(count(KNOT_ANSWER), 1);
}

static void test_ip6(void **state)
{
    static const struct {
        const char *text, *hex;
    } cases[] = {
        {"[::]", "00000000000000000000000000000000"},
        {"[::1]", "00000000000000000000000000000001"},
        {"[1::]", "00010000000000000000000000000000"},
        {"[1:2:3:4:5:6:7:8]", "00010002000300040005000600070008"},
        {"[fe80::a:b]", "fe8000000000000000000000000a000b"},
        {"[::1.2.3.4]", "00000000000000000000000001020304"},
        {"[1:2:3:4:5:6:1.2.3.4]", "00010002000300040005000601020304"},
        {"[1:2:3:4:5:6:7::]", "00010002000300040005000600070000"},
        {"[]", NULL}, {"[:]", NULL}, {"[1]", NULL}, {"[1:2:3:4:5:6:7:8:9]", NULL},
        {"[1:2:3:4::5:6:7:8]", NULL}, {"[::1::2]", NULL}, {"[:::]", NULL}, {"[12345::]", NULL},
        {"[g::]", NULL}, {"[1:2:3:4:5:6:7:]", NULL}, {"[:1:2:3:4:5:6:7]", NULL},
        {"[1.2.3.4::]", NULL}, {"[::1.2.3]", NULL}, {"[::1.2.3.256]", NULL}, {"::1", NULL},
        {"[1:2:3:4:5:6:7:1.2.3.4]", NULL}, {"[::1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t ip[16];
        char hex[33];
        bool is = dns_ip6_parse(slice_of(cases[i].text), ip);
        if (is != (cases[i].hex != NULL))
            fail_msg("%s", cases[i].text);
        if (is) {
            hex_text(hex, ip, 16);
            assert_string_equal(hex, cases[i].hex);
        }
    }
}

/* --- EDNS and sizes */

static void many_targets(void)
{
    static const char target[] = "sip:+8112@a-host-with-a-long-name-so-that-it-fills-the-message."
                                 "site-of-the-test.example.com:5080;transport=tcp";
    stub_result(LOOKUP_FOUND);
    for (size_t i = 0; i < LOOKUP_TARGETS_MAX; i++)
        stub_target(target, (uint16_t)(1000 - 10 * i));
}

static void test_truncation(void **state)
{
    struct question q;
    const char *name = "2.1.1.8.ils.internal.";
    (void)state;
    many_targets();
    assert_int_equal(ask_name(name, DNS_TYPE_NAPTR), KNOT_RCODE_NOERROR);
    assert_true(truncated());
    assert_true(outcome.truncated);
    assert_int_equal(count(KNOT_ANSWER), 0);
    assert_true(out.n <= 512);
    for (int payload = 0; payload < 2000; payload++) {
        ask(question_make(&q, name, DNS_TYPE_NAPTR, payload));
        size_t limit = payload < 512 ? 512 : payload > 1232 ? 1232 : (size_t)payload;
        assert_true(out.n <= limit);
        assert_int_equal(count(KNOT_ANSWER), truncated() ? 0 : LOOKUP_TARGETS_MAX);
        assert_int_equal(count(KNOT_ADDITIONAL), 1);
    }
    udp = false;
    assert_int_equal(ask_name(name, DNS_TYPE_NAPTR), KNOT_RCODE_NOERROR);
    assert_false(truncated());
    assert_int_equal(count(KNOT_ANSWER), LOOKUP_TARGETS_MAX);
}

static void test_edns(void **state)
{
    struct question q;
    (void)state;
    question_make(&q, "2.1.1.8.ils.internal.", DNS_TYPE_NAPTR, 4096);
    size_t opt = q.n - 11;
    assert_int_equal(ask(slice_make(q.wire, q.n)), KNOT_RCODE_NOERROR);
    assert_non_null(reply->opt_rr);
    assert_int_equal(knot_edns_get_payload(reply->opt_rr), 1232);
    assert_false(knot_edns_do(reply->opt_rr));
    q.wire[opt + 7] = 0x80;
    assert_int_equal(ask(slice_make(q.wire, q.n)), KNOT_RCODE_NOERROR);
    assert_true(knot_edns_do(reply->opt_rr));
    q.wire[opt + 6] = 1;
    assert_int_equal(ask(slice_make(q.wire, q.n)), KNOT_RCODE_BADVERS);
    assert_int_equal(knot_edns_get_version(reply->opt_rr), 0);
    assert_int_equal(count(KNOT_ANSWER), 0);
    q.wire[opt + 6] = 0;
    /* Options are passed over: a cookie. */
    static const uint8_t cookie[] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    memcpy(q.wire + q.n, cookie, sizeof cookie);
    q.wire[opt + 10] = sizeof cookie;
    assert_int_equal(ask(slice_make(q.wire, q.n + sizeof cookie)), KNOT_RCODE_NOERROR);
    q.wire[q.n + 3] = 9;
    assert_int_equal(ask(slice_make(q.wire, q.n + sizeof cookie)), KNOT_RCODE_FORMERR);
    q.wire[opt + 10] = 3;
    assert_int_equal(ask(slice_make(q.wire, q.n + 3)), KNOT_RCODE_FORMERR);
    /* Twice, and of another name than the root. */
    q.wire[opt + 10] = 0;
    memcpy(q.wire + q.n, q.wire + opt, 11);
    q.wire[11] = 2;
    assert_int_equal(ask(slice_make(q.wire, q.n + 11)), KNOT_RCODE_FORMERR);
    memmove(q.wire + opt + 2, q.wire + opt, 11);
    q.wire[opt] = 1;
    q.wire[opt + 1] = 'a';
    q.wire[11] = 1;
    assert_int_equal(ask(slice_make(q.wire, q.n + 2)), KNOT_RCODE_FORMERR);
}

/* --- what is no question */

static void test_bad_requests(void **state)
{
    struct question q;
    (void)state;
    question_make(&q, "2.1.1.8.ils.internal.", DNS_TYPE_NAPTR, EDNS_NONE);
    for (size_t n = 0; n < q.n; n++)
        assert_int_equal(ask(slice_make(q.wire, n)), n < 12 ? -1 : KNOT_RCODE_FORMERR);
    q.wire[q.n] = 0;
    assert_int_equal(ask(slice_make(q.wire, q.n + 1)), KNOT_RCODE_FORMERR);
    for (int at = 4; at < 12; at += 2) { /* each count one more than it should be */
        q.wire[at + 1]++;
        assert_int_equal(ask(slice_make(q.wire, q.n)), KNOT_RCODE_FORMERR);
        q.wire[at + 1]--;
    }
    q.wire[5] = 0;
    assert_int_equal(ask(slice_make(q.wire, 12)), KNOT_RCODE_FORMERR);
    q.wire[5] = 1;
    q.wire[2] |= 0x80;
    assert_int_equal(ask(slice_make(q.wire, q.n)), -1);
    for (uint8_t opcode = 1; opcode < 16; opcode++) {
        q.wire[2] = (uint8_t)(opcode << 3 | 1);
        assert_int_equal(ask(slice_make(q.wire, q.n)), KNOT_RCODE_NOTIMPL);
        assert_int_equal(knot_wire_get_opcode(out.p), opcode);
        assert_int_equal(out.n, 12);
    }
    q.wire[2] = 1;
    q.wire[12] = 0xc0; /* a name that refers to itself, forward, or into the header */
    for (int to = 0; to < 30; to++) {
        q.wire[13] = (uint8_t)to;
        assert_int_equal(ask(slice_make(q.wire, q.n)), KNOT_RCODE_FORMERR);
    }
}

static void test_no_plan(void **state)
{
    struct question q;
    (void)state;
    buf_reset(&out);
    assert_true(dns_answer(NULL, NULL, &config, &scratch,
                           question_make(&q, "2.1.1.8.ils.internal.", DNS_TYPE_NAPTR, 1232), true,
                           &out, &outcome) > 0);
    assert_int_equal(outcome.rcode, KNOT_RCODE_SERVFAIL);
    assert_true(explained("the plan is not loaded yet"));
}

static void test_slip(void **state)
{
    struct question q;
    (void)state;
    for (int edns = EDNS_NONE; edns < 513; edns += 513) {
        struct slice request = question_make(&q, "2.1.1.8.ils.internal.", DNS_TYPE_NAPTR, edns);
        buf_reset(&out);
        assert_int_equal(dns_slip(request, &out), request.n);
        assert_true(truncated());
        reply = reply_read(&out);
        assert_non_null(reply);
        knot_pkt_free(reply);
        reply = NULL;
    }
    buf_reset(&out);
    assert_int_equal(dns_slip(slice_make(q.wire, q.n - 1), &out), 0);
    assert_int_equal(out.n, 0);
}

static void test_suffix(void **state)
{
    static const struct {
        const char *text;
        enum dns_suffix_error error;
    } cases[] = {
        {"e164.arpa", DNS_SUFFIX_OK},     {"E164.Example.COM.", DNS_SUFFIX_OK},
        {"x", DNS_SUFFIX_OK},             {"", DNS_SUFFIX_EMPTY},
        {".", DNS_SUFFIX_EMPTY},          {"a..b", DNS_SUFFIX_LABEL},
        {".a", DNS_SUFFIX_LABEL},         {"a_b.c", DNS_SUFFIX_LABEL},
        {"-a.b", DNS_SUFFIX_LABEL},       {"a b", DNS_SUFFIX_LABEL},
        {"a.b..", DNS_SUFFIX_LABEL},      {"a\\.b", DNS_SUFFIX_LABEL},
        {"1.8.e164.arpa", DNS_SUFFIX_DIGIT}, {"5", DNS_SUFFIX_DIGIT}, {"12.example", DNS_SUFFIX_OK},
    };
    char longest[256];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(dns_suffix_read(slice_of(cases[i].text), &config), cases[i].error);
    for (size_t n = 1; n < sizeof longest; n++) {
        for (size_t i = 0; i < n; i++)
            longest[i] = i % 40 == 39 && i + 1 < n ? '.' : 'a';
        bool fits = n + 2 <= DNS_SUFFIX_MAX;
        assert_int_equal(dns_suffix_read(slice_make(longest, n), &config),
                         fits ? DNS_SUFFIX_OK : DNS_SUFFIX_LONG);
        assert_true(!fits || config.suffix_n == n + 2);
    }
    assert_int_equal(dns_suffix_read(slice_of("e164.ARPA."), &config), DNS_SUFFIX_OK);
    assert_int_equal(ask_name("2.1.1.8.e164.arpa.", DNS_TYPE_NAPTR), KNOT_RCODE_NOERROR);
    assert_int_equal(count(KNOT_ANSWER), 1);
}

/* One question with every allocation refused in turn: an answer, SERVFAIL or silence. */
static void ask_in(struct mem *mem)
{
    static const char *const names[] = {"2.1.1.8.ils.internal.",
                                        "x.example.com.uri.ils.internal."};
    for (size_t i = 0; i < 2; i++) {
        struct question q;
        struct arena a;
        struct buf b;
        arena_init(&a, mem);
        buf_init(&b, mem, DNS_REPLY_MAX);
        stub_allocates = true;
        size_t n = dns_answer((const struct plan *)&memory, NULL, &config, &a,
                              question_make(&q, names[i], DNS_TYPE_NAPTR, 1232), true, &b,
                              &outcome);
        assert_int_equal(n, b.n);
        if (n > 0) {
            knot_pkt_t *p = reply_read(&b);
            assert_non_null(p);
            assert_true(outcome.rcode == KNOT_RCODE_SERVFAIL || outcome.records == 1);
            knot_pkt_free(p);
        }
        buf_done(&b);
        arena_done(&a);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    test_every_refusal(ask_in);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_enum),      TEST(test_case),      TEST(test_names),       TEST(test_apex),
        TEST(test_any),       TEST(test_other_types), TEST(test_outside),   TEST(test_not_there),
        TEST(test_no_target), TEST(test_escapes),   TEST(test_routes),      TEST(test_ip6),
        TEST(test_truncation), TEST(test_edns),     TEST(test_bad_requests), TEST(test_no_plan),
        TEST(test_slip),      TEST(test_suffix),    TEST(test_refusals),
    };
    return cmocka_run_group_tests_name("dns answer", tests, NULL, NULL);
}
