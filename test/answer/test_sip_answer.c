/* test_sip_answer: what the redirect answers to what: every status, the headers it copies, where
 * the reply goes, and that every reply is itself a message the strict reader takes. */
#include "test.h"

#include "answer/sip.h"
#include "plan/policy.h"
#include "sip_base.h"
#include "stub_plan.h"

static struct test_mem memory;
static struct arena scratch;
static struct buf out;
static struct sip_outcome outcome;
static struct sip_message reply;
static struct sip_config config = {.key = "0123456789abcde"};
static struct sip_source source;
static struct match stub_match;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&memory, 0);
    arena_init(&scratch, &memory.mem);
    buf_init(&out, &memory.mem, SIP_REPLY_MAX);
    source = (struct sip_source){slice_of("192.0.2.1"), 40000};
    stub_result(LOOKUP_FOUND);
    stub_target("sip:2001@10.0.0.5:5080", 1000);
    stub_allocates = false;
    config.route_string = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_done(&out);
    arena_done(&scratch);
    assert_int_equal(memory.mem.used, 0);
    return 0;
}

/* Status of the reply, which must be sound; 0: none. */
static int ask(struct slice request)
{
    buf_reset(&out);
    arena_reset(&scratch);
    size_t n = sip_answer(NULL, NULL, &config, &scratch, request, &source, &out, &outcome);
    assert_int_equal(n, out.n);
    assert_int_equal(n == 0, outcome.status == 0);
    if (n == 0)
        return 0;
    enum sip_error e = sip_read(buf_slice(&out), &reply);
    if (outcome.error == SIP_OK)
        assert_int_equal(e, SIP_OK);
    assert_false(reply.request);
    assert_int_equal(reply.status, outcome.status);
    return reply.status;
}

static int ask_with(int slot, const char *text)
{
    return ask(base_with(slot, text, SLOTS, ""));
}

static bool said(const char *line)
{
    struct slice s = buf_slice(&out);
    size_t n = strlen(line);
    for (size_t i = 0; i + n <= s.n; i++) {
        if (memcmp(s.p + i, line, n) == 0)
            return true;
    }
    return false;
}

#define ASSERT_SAID(line)                                                                          \
    do {                                                                                           \
        if (!said(line))                                                                           \
            fail_msg("\"%s\" is not in:\n%.*s", line, (int)out.n, (const char *)out.p);            \
    } while (0)

static void test_redirect(void **state)
{
    (void)state;
    stub_target("sip:+81312345678@gw.example;transport=tcp", 100);
    stub_target("sip:x@gw2.example", 55);
    assert_int_equal(ask_with(SLOTS, ""), 302);
    ASSERT_SAID("SIP/2.0 302 Moved Temporarily\r\n"
                "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc\r\n"
                "From: \"A\" <sip:1001@a.example>;tag=f1\r\n"
                "To: <sip:2001@b.example>;tag=");
    ASSERT_SAID("\r\nCall-ID: 4711@a.example\r\nCSeq: 7 INVITE\r\n"
                "Contact: <sip:2001@10.0.0.5:5080>;q=1, "
                "<sip:+81312345678@gw.example;transport=tcp>;q=0.1, <sip:x@gw2.example>;q=0.055\r\n"
                "Content-Length: 0\r\n\r\n");
    assert_true(outcome.looked_up);
    assert_int_equal(outcome.targets, 3);
    assert_int_equal(outcome.reply_port, 5061);
    assert_true(slice_eq(outcome.dialled, slice_of("sip:2001@b.example")));
    assert_true(slice_eq(stub_dialled, slice_of("sip:2001@b.example")));
    assert_int_equal(ask_with(START, "INVITE tel:+1 SIP/2.0\r\n"), 302);
    assert_int_equal(ask_with(START, "INVITE sips:a@b SIP/2.0\r\n"), 302);
}

/* The same request, the same tag; another transaction or another key, another tag. */
static void test_tag(void **state)
{
    struct sip_config other = config;
    char first[17] = "", again[17] = "";
    (void)state;
    ask_with(SLOTS, "");
    slice_to_text(reply.to.tag, first, sizeof first);
    assert_int_equal(strlen(first), 16);
    ask_with(SLOTS, "");
    slice_to_text(reply.to.tag, again, sizeof again);
    assert_string_equal(first, again);
    ask_with(VIA, "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabd\r\n");
    slice_to_text(reply.to.tag, again, sizeof again);
    assert_string_not_equal(first, again);
    ask_with(CSEQ, "CSeq: 8 INVITE\r\n");
    slice_to_text(reply.to.tag, again, sizeof again);
    assert_string_not_equal(first, again);
    other.key[0] ^= 1;
    buf_reset(&out);
    sip_answer(NULL, NULL, &other, &scratch, base_with(SLOTS, "", SLOTS, ""), &source, &out,
               &outcome);
    assert_false(said(first));
}

/* Said of learned entries alone, where it is wanted, and first to go where there is no room. */
static void test_route_string(void **state)
{
    static const char line[] = "\r\nX-cisco-dest-route-string: <sip:osaka.example.com>\r\n";
    static const char *const never[] = {"", "a b", "x>\r\nContact: <sip:e@e", "a;b=c", "a?b", "a@b",
                                        "a.example:5060", "-"};
    (void)state;
    stub_match = (struct match){.cluster_id = slice_of("osaka"),
                                .route_string = slice_of("osaka.example.com")};
    stub_answer.match = &stub_match;
    stub_answer.match_n = 1;
    assert_int_equal(ask_with(SLOTS, ""), 302);
    assert_false(said("route-string"));
    config.route_string = true;
    assert_int_equal(ask_with(SLOTS, ""), 302);
    ASSERT_SAID(line);
    source.unverified = true;
    assert_int_equal(ask_with(SLOTS, ""), 302);
    assert_false(said("route-string"));
    assert_true(out.n <= base_with(SLOTS, "", SLOTS, "").n);
    source.unverified = false;
    stub_match.local = true;
    assert_int_equal(ask_with(SLOTS, ""), 302);
    assert_false(said("route-string"));
    stub_match.local = false;
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        stub_match.route_string = slice_of(never[i]);
        assert_int_equal(ask_with(SLOTS, ""), 302);
        assert_false(said("route-string"));
    }
    stub_match.route_string = slice_of("osaka.example.com");
    stub_result(LOOKUP_NO_ROUTE);
    stub_answer.match = &stub_match;
    stub_answer.match_n = 1;
    assert_int_equal(ask_with(SLOTS, ""), 404);
    assert_false(said("route-string:"));
}

static void test_why_not(void **state)
{
    (void)state;
    stub_result(LOOKUP_BLOCKED);
    stub_match = (struct match){.cluster_id = slice_of("osaka"), .lost_to = LOSER_BLOCKED};
    stub_answer.match = &stub_match;
    stub_answer.match_n = 1;
    assert_int_equal(ask_with(SLOTS, ""), 403);
    ASSERT_SAID("SIP/2.0 403 Forbidden\r\n");
    ASSERT_SAID("Warning: 399 openils \"blocked here: osaka\"\r\n");
    stub_match.lost_to = LOSER_OUTSIDE;
    assert_int_equal(ask_with(SLOTS, ""), 403);
    ASSERT_SAID("Warning: 399 openils \"outside of what it may announce: osaka\"\r\n");
    stub_match = (struct match){0};
    stub_result(LOOKUP_NO_MATCH);
    stub_answer.longer = true;
    assert_int_equal(ask_with(SLOTS, ""), 484);
    ASSERT_SAID("SIP/2.0 484 Address Incomplete\r\n");
    stub_result(LOOKUP_NO_ROUTE);
    stub_answer.avoided_n = 1;
    assert_int_equal(ask_with(SLOTS, ""), 482);
    ASSERT_SAID("SIP/2.0 482 Loop Detected\r\n");
}

/* Whoever could be written to in another's name gets no more than he sent. */
static void test_never_longer(void **state)
{
    static char padding[1200];
    size_t seen_302 = 0, unsaid = 0, whole = 0;
    (void)state;
    for (size_t targets = 0; targets <= 9; targets++) {
        stub_result(targets == 0 ? LOOKUP_NO_MATCH : LOOKUP_FOUND);
        for (size_t i = 0; i < targets; i++)
            stub_target("sip:2001@gateway-of-this-site.example.com:5080", (uint16_t)(1000 - i));
        for (size_t n = 0; n < sizeof padding - 8; n += 7) {
            memset(padding, 'x', sizeof padding);
            memcpy(padding, "X: ", 3);
            memcpy(padding + 3 + n, "\r\n", 3);
            struct slice request = base_with(SLOTS, "", MORE, padding);
            source.unverified = false;
            int full = ask(request);
            whole = out.n;
            source.unverified = true;
            int status = ask(request);
            assert_true(out.n <= request.n);
            assert_int_equal(status == 0, outcome.too_long);
            if (whole <= request.n)
                assert_true(status == full && out.n == whole);
            seen_302 += status == 302 && outcome.targets < targets;
            unsaid += status == 0;
        }
    }
    assert_true(seen_302 > 0 && unsaid == 0);
    stub_result(LOOKUP_FOUND);
    stub_target("sip:2001@a-gateway-of-this-site.with-a-name-that-is-very-long.but-still-a-name."
                "of-a-domain-that-is-no-shorter.example.com", 1000);
    assert_int_equal(ask_with(SLOTS, ""), 480);
    assert_true(ask(slice_of("INVITE sip:1@h SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z;rport\r\nf:<sip:h>"
                             ";tag=1\r\nt:<sip:h>\r\ni:1\r\nCSeq:1 INVITE\r\nMax-Forwards:0"
                             "\r\n\r\n")) == 0 &&
                outcome.too_long);
}

static void test_not_found(void **state)
{
    (void)state;
    stub_result(LOOKUP_NO_MATCH);
    assert_int_equal(ask_with(SLOTS, ""), 404);
    assert_false(said("Warning"));
    stub_result(LOOKUP_BAD_INPUT);
    assert_int_equal(ask_with(SLOTS, ""), 404);
    stub_result(LOOKUP_NO_ROUTE);
    assert_int_equal(ask_with(SLOTS, ""), 404);
    ASSERT_SAID("Warning: 399 openils \"no route to \"\r\n");
    stub_match.route_string = slice_of("tokyo.example.com");
    stub_answer.match = &stub_match;
    stub_answer.match_n = 1;
    assert_int_equal(ask_with(SLOTS, ""), 404);
    ASSERT_SAID("Warning: 399 openils \"no route to tokyo.example.com\"\r\n");
    assert_int_equal(outcome.result, LOOKUP_NO_ROUTE);
    stub_result(LOOKUP_CUT); /* not known is not "not found" */
    assert_int_equal(ask_with(SLOTS, ""), 503);
}

static void test_local(void **state)
{
    (void)state;
    stub_result(LOOKUP_LOCAL);
    assert_int_equal(ask_with(SLOTS, ""), 404);
    ASSERT_SAID("Warning: 399 openils \"served here, and no route says where\"\r\n");
    stub_target("sip:2001@10.0.0.9", 1000);
    assert_int_equal(ask_with(SLOTS, ""), 302);
    ASSERT_SAID("Contact: <sip:2001@10.0.0.9>;q=1\r\n");
}

/* RFC 3261 8.3: never to the Request-URI; and nothing that a caller would copy into a request. */
static void test_no_such_contact(void **state)
{
    static const char *const refused[] = {
        "sip:2001@B.example",          "sip:%32001@b.example;x=y",
        "sip:a@h?Route=%3Csip:x%3E",   "sip:a@h;method=BYE",
        "sip:a@h;x=y;Method=BYE;lr",   "tel:+1",
        "http://h/",                   "sip:a@h>;q=1,<sip:b@h",
        "sip:a@h\r\nX: y",             "",
    };
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        stub_result(LOOKUP_FOUND);
        stub_target(refused[i], 1000);
        assert_int_equal(ask_with(SLOTS, ""), i < 2 ? 482 : 404);
        if (i < 2)
            ASSERT_SAID("Warning: 399 openils \"every target leads back here\"\r\n");
        else
            ASSERT_SAID("Warning: 399 openils \"no target that may be told\"\r\n");
        stub_target("sip:2001@b.example;transport=tcp", 900);
        assert_int_equal(ask_with(SLOTS, ""), 302);
        ASSERT_SAID("Contact: <sip:2001@b.example;transport=tcp>;q=0.9\r\n");
    }
}

static int ask_method(const char *start, const char *cseq, int slot, const char *text)
{
    return ask(base_with3(START, start, CSEQ, cseq, slot, text));
}

#define OPTIONS "OPTIONS sip:b.example SIP/2.0\r\n", "CSeq: 7 OPTIONS\r\n"

static void test_methods(void **state)
{
    (void)state;
    assert_int_equal(ask_method(OPTIONS, SLOTS, ""), 200);
    ASSERT_SAID("Allow: INVITE, ACK, CANCEL, OPTIONS\r\nAccept: application/sdp\r\n");
    assert_false(outcome.looked_up);
    assert_int_equal(ask_method(OPTIONS, MAX_FORWARDS, "Max-Forwards: 0\r\n"), 200);
    assert_int_equal(ask_method(OPTIONS, TO, "To: <sip:b>;tag=9\r\n"), 481);
    assert_int_equal(ask_method("ACK sip:b.example SIP/2.0\r\n", "CSeq: 7 ACK\r\n", SLOTS, ""), 0);
    assert_int_equal(ask_method("ACK sip:b.example SIP/2.0\r\n", "CSeq: 7 BYE\r\n", SLOTS, ""), 0);
    assert_int_equal(
        ask_method("CANCEL sip:b.example SIP/2.0\r\n", "CSeq: 7 CANCEL\r\n", SLOTS, ""), 481);
    assert_int_equal(ask_method("BYE sip:b SIP/2.0\r\n", "CSeq: 7 BYE\r\n", SLOTS, ""), 405);
    ASSERT_SAID("Allow: INVITE, ACK, CANCEL, OPTIONS\r\n");
    assert_int_equal(ask_method("x!%*_+`'~. sip:b SIP/2.0\r\n", "CSeq: 7 x!%*_+`'~.\r\n", SLOTS,
                                ""),
                     405);
    assert_int_equal(ask_with(START, "INVITE soap.beep://192.0.2.1 SIP/2.0\r\n"), 416);
    assert_int_equal(ask_with(TO, "To: <sip:b>;tag=9\r\n"), 481);
    ASSERT_SAID("To: <sip:b>;tag=9\r\n");
    assert_int_equal(ask_with(MAX_FORWARDS, "Max-Forwards: 0\r\n"), 483);
    assert_int_equal(ask_with(START, "INVITE sip:b SIP/7.0\r\n"), 505);
    assert_int_equal(ask_with(START, "SIP/2.0 200 OK\r\n"), 0);
    assert_int_equal(ask(slice_of("\r\n\r\n")), 0);
    assert_int_equal(outcome.error, SIP_ERROR_EMPTY);
    assert_int_equal(ask_with(MORE, "Require: 100rel,\r\n x\r\nX: y\r\nRequire: z\r\n"), 420);
    ASSERT_SAID("Unsupported: 100rel, x\r\nUnsupported: z\r\n");
}

static void test_bad_requests(void **state)
{
    static const struct {
        int slot;
        const char *text, *reason;
    } cases[] = {
        {START, "INVITE  sip:b SIP/2.0\r\n", "Malformed Request Line"},
        {START, "INVITE <sip:b> SIP/2.0\r\n", "Malformed Request-URI"},
        {CALL_ID, "", "Missing Call-ID"},
        {TO, "", "Missing To"},
        {MAX_FORWARDS, "", "Missing Max-Forwards"},
        {MAX_FORWARDS, "Max-Forwards: x\r\n", "Malformed Max-Forwards"},
        {FROM, "From: \"x <sip:a@b>;tag=1\r\n", "Malformed From"},
        {TO, "To: <sip:b>\r\nt: <sip:b>\r\n", "Duplicate To"},
        {VIA, "Via: SIP/2.0/UDP h;branch=z,\r\n", "Malformed Via"},
        {CSEQ, "CSeq: 7 BYE\r\n", "CSeq Of Another Method"},
        {LENGTH, "Content-Length: 1\r\n", "Content-Length Beyond The Datagram"},
        {MORE, "X: \x01\r\n", "Control Character"},
        {MORE, "X\r\n", "Malformed Header Name"},
        {MORE, "X: a\n", "Malformed Line End"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ask_with(cases[i].slot, cases[i].text), 400);
        assert_true(slice_eq(reply.reason, slice_of(cases[i].reason)));
    }
    /* Without a sound topmost Via or CSeq nobody could tell what the reply belongs to. */
    assert_int_equal(ask_with(VIA, ""), 0);
    assert_int_equal(ask_with(VIA, "Via: SIP/2.0/UDP 192.0.2.1;;,;,,\r\n"), 0);
    assert_int_equal(ask_with(CSEQ, "CSeq: 4294967296 INVITE\r\n"), 0);
    assert_int_equal(ask_with(MORE, "X: \xff\r\n"), 0);
    assert_int_equal(ask(slice_of("INVITE")), 0);
}

static void test_via(void **state)
{
    (void)state;
    source.ip = slice_of("192.0.2.9");
    assert_int_equal(ask_with(VIA, "v: SIP/2.0/UDP a.example ;rport;received=1.1.1.1;branch=z;"
                                   "\r\n"
                                   " x=\"a\r\n  b\" , SIP/2.0/TCP\r\n h\r\nX: y\r\n"
                                   "Via: SIP/2.0/UDP i\r\n"),
                     302);
    ASSERT_SAID("Via: SIP/2.0/UDP a.example;branch=z;x=\"a b\";received=192.0.2.9;rport=40000\r\n"
                "Via: SIP/2.0/TCP h\r\nVia: SIP/2.0/UDP i\r\nFrom");
    assert_int_equal(outcome.reply_port, 40000);
    assert_int_equal(ask_with(VIA, "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z;received=9.9.9.9\r\n"),
                     302);
    ASSERT_SAID("Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z;received=192.0.2.9\r\nFrom");
    assert_int_equal(outcome.reply_port, 5061);
    source.ip = slice_of("2001:db8::1");
    assert_int_equal(ask_with(VIA, "Via: SIP/2.0/UDP [2001:DB8::1];branch=z\r\n"), 302);
    ASSERT_SAID("Via: SIP/2.0/UDP [2001:DB8::1];branch=z\r\nFrom");
    assert_int_equal(outcome.reply_port, 5060);
    assert_int_equal(ask_with(VIA, "Via: SIP/2.0/UDP [2001:db8::2];branch=z;rport=7\r\n"), 302);
    ASSERT_SAID("Via: SIP/2.0/UDP [2001:db8::2];branch=z;received=2001:db8::1;rport=40000\r\n");
}

static void test_folds(void **state)
{
    (void)state;
    assert_int_equal(ask_with(FROM, "f :\r\n \"a\r\n\t\r\n b\"\r\n  <sip:a@h>;tag=1\r\n"), 302);
    ASSERT_SAID("From: \"a b\" <sip:a@h>;tag=1\r\n");
}

static void test_server(void **state)
{
    struct sip_config named = config;
    (void)state;
    named.server = slice_of("OpenILS");
    named.agent = slice_of("a.example");
    stub_result(LOOKUP_NO_ROUTE);
    sip_answer(NULL, NULL, &named, &scratch, base_with(SLOTS, "", SLOTS, ""), &source, &out,
               &outcome);
    ASSERT_SAID("Warning: 399 a.example \"no route to \"\r\nServer: OpenILS\r\nContent-Length");
}

static void test_no_memory(void **state)
{
    (void)state;
    stub_allocates = true;
    memory.refuse_at = memory.requests + 1;
    assert_int_equal(ask_with(SLOTS, ""), 503);
    buf_done(&out);
    buf_init(&out, &memory.mem, 200);
    buf_put_text(&out, "before");
    assert_int_equal(0, sip_answer(NULL, NULL, &config, &scratch, base_with(SLOTS, "", SLOTS, ""),
                                   &source, &out, &outcome));
    assert_int_equal(outcome.status, 0);
    assert_int_equal(out.n, 6);
}

/* One question with every allocation refused in turn: an answer, 503 or silence. */
static void ask_in(struct mem *mem)
{
    struct arena a;
    struct buf b;
    struct sip_message m;
    arena_init(&a, mem);
    buf_init(&b, mem, SIP_REPLY_MAX);
    stub_allocates = true;
    size_t n = sip_answer(NULL, NULL, &config, &a, base_with(SLOTS, "", SLOTS, ""), &source, &b,
                          &outcome);
    assert_int_equal(n, b.n);
    if (n > 0) {
        assert_int_equal(sip_read(buf_slice(&b), &m), SIP_OK);
        assert_true(m.status == 302 || m.status == 503);
    }
    buf_done(&b);
    arena_done(&a);
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
        TEST(test_redirect),     TEST(test_tag),    TEST(test_not_found), TEST(test_local),
        TEST(test_why_not),      TEST(test_never_longer), TEST(test_route_string),
        TEST(test_no_such_contact), TEST(test_methods), TEST(test_bad_requests), TEST(test_via),
        TEST(test_folds),        TEST(test_server), TEST(test_no_memory), TEST(test_refusals),
    };
    return cmocka_run_group_tests_name("sip answer", tests, NULL, NULL);
}
