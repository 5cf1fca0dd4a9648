/* test_sip_read: what the strict reader takes and refuses, one slot of a sound request at a time,
 * then whole messages that use every freedom of the grammar at once. */
#include "test.h"

#include "answer/sip.h"
#include "sip_base.h"

struct case_ {
    int slot;
    const char *text;
    uint8_t error;
    uint8_t header;
};

static void check_cases(const struct case_ *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct sip_message m;
        enum sip_error e = sip_read(base_with(c[i].slot, c[i].text, SLOTS, ""), &m);
        if (e != c[i].error || m.error != c[i].error ||
            (e >= SIP_ERROR_MISSING && e <= SIP_ERROR_MALFORMED && m.error_header != c[i].header))
            fail_msg("case %zu: %s -> %u (header %u)", i, c[i].text, e, m.error_header);
    }
}

#define CHECK(cases) check_cases(cases, sizeof cases / sizeof cases[0])

static void test_start_line(void **state)
{
    static const struct case_ cases[] = {
        {START, "INVITE sip:2001@b.example SIP/2.0\r\n", SIP_OK, 0},
        {START, "\r\n\r\nINVITE sip:2001@b.example SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE sip:b.example sip/2.0\r\n", SIP_OK, 0},
        {START, "INVITE sips:2001@b.example:5061;transport=tls SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE sip:[2001:db8::7]:5070 SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE sip:2001@[::ffff:192.0.2.1] SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE sip:a%20b%00c:p%41@b.example SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE sip:u;x=%40:&p@b.example.;lr;a=[::1]/+$ SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE tel:+81-3-1234-5678;ext=9 SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE tel:*21#;phone-context=a.example SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE beep.x://192.0.2.1:3002/a?b=c SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE urn:service:sos SIP/2.0\r\n", SIP_OK, 0},
        {START, "INVITE  sip:2001@b.example SIP/2.0\r\n", SIP_ERROR_START_LINE, 0},
        {START, "INVITE sip:2001@b.example  SIP/2.0\r\n", SIP_ERROR_START_LINE, 0},
        {START, "INVITE sip:2001@b.example SIP/2.0 \r\n", SIP_ERROR_START_LINE, 0},
        {START, "INVITE sip:2001@b.example; lr SIP/2.0\r\n", SIP_ERROR_START_LINE, 0},
        {START, " INVITE sip:2001@b.example SIP/2.0\r\n", SIP_ERROR_START_LINE, 0},
        {START, "INVITE\tsip:2001@b.example SIP/2.0\r\n", SIP_ERROR_START_LINE, 0},
        {START, "INVITE sip:2001@b.example\r\n", SIP_ERROR_START_LINE, 0},
        {START, "INVITE sip:2001@b.example HTTP/1.1\r\n", SIP_ERROR_START_LINE, 0},
        {START, "INVITE sip:2001@b.example SIP/2\r\n", SIP_ERROR_START_LINE, 0},
        {START, "INVITE sip:2001@b.example SIP/2.0.1\r\n", SIP_ERROR_START_LINE, 0},
        {START, "IN<VITE sip:2001@b.example SIP/2.0\r\n", SIP_ERROR_START_LINE, 0},
        {START, "INVITE sip:2001@b.example SIP/7.0\r\n", SIP_ERROR_VERSION, 0},
        {START, "INVITE sip:2001@b.example SIP/2.00\r\n", SIP_ERROR_VERSION, 0},
        {START, "INVITE <sip:2001@b.example> SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:2001@b.example?Route=%3Csip:x%3E SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:@b.example SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip: SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:2001@ SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:20%4@b.example SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:20\"1@b.example SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:a@b@b.example SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u:p;w@b.example SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@b_.example SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@-b.example SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@b..example SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@192.0.2.256 SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@192.0.2 SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@b.example:0 SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@b.example:65536 SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@b.example: SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@b.example;;lr SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@b.example;a= SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@2001:db8::7 SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@[2001:db8:::7] SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@[1:2:3:4:5:6:7] SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@[1:2:3:4:5:6:7:8:9] SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@[::12345] SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@[::1 SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:u@[fe80::1%25eth0] SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE tel:+ SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE tel:+81x SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE 2001 SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE 9sip:a@b SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:\xc3\xa4@b.example SIP/2.0\r\n", SIP_ERROR_URI, 0},
        {START, "INVITE sip:2001@b.example SIP/2.0\n", SIP_ERROR_LINE_END, 0},
    };
    (void)state;
    CHECK(cases);
}

static void test_via(void **state)
{
    enum { BAD = SIP_ERROR_MALFORMED, V = SIP_HEADER_VIA };
    static const struct case_ cases[] = {
        {VIA, "v: SIP/2.0/UDP a.example;branch=1\r\n", SIP_OK, 0},
        {VIA, "VIA : SIP / 2.0\r\n\t/ TCP  a.example : 9 ;\r\n branch = z ;rport\r\n", SIP_OK, 0},
        {VIA, "Via: SIP/2.0/X-1 [2001:db8::1]:9;received=2001:db8::2;branch=z\r\n", SIP_OK, 0},
        {VIA, "Via: SIP/2.0/UDP h;branch=z;ttl=1;maddr=[::1];x=\"a;b\\\"c\"\r\n", SIP_OK, 0},
        {VIA, "Via: SIP/2.0/UDP h;branch=z,SIP/2.0/UDP g , SIP/2.0/UDP f\r\n", SIP_OK, 0},
        {VIA, "Via: SIP/2.0/UDP h;branch=z\r\nv: SIP/2.0/UDP g\r\n", SIP_OK, 0},
        {VIA, "", SIP_ERROR_MISSING, V},
        {VIA, "Via:\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;branch\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;branch=\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;branch=\"z\"\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;branch=z;branch=y\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;branch=z;rport;rport\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;branch=z;;\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;branch=z,\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;branch=z x\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDPh;branch=z\r\n", BAD, V},
        {VIA, "Via: SIP/2.0 h;branch=z\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP ;branch=z\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP 1.2.3;branch=z\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h:;branch=z\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h:70000;branch=z\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;x=\"a;branch=z\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;x=[::g];branch=z\r\n", BAD, V},
        {VIA, "Via: SIP/2.0/UDP h;branch=z\r\nVia: SIP/2.0\r\n", BAD, V},
    };
    (void)state;
    CHECK(cases);
}

static void test_parties(void **state)
{
    enum { BAD = SIP_ERROR_MALFORMED, F = SIP_HEADER_FROM, T = SIP_HEADER_TO };
    static const struct case_ cases[] = {
        {FROM, "f: sip:a@h;tag=1\r\n", SIP_OK, 0},
        {FROM, "From: <sip:a@h;user=phone>;tag=1\r\n", SIP_OK, 0},
        {FROM, "From: caller<sip:a@h>;tag=1\r\n", SIP_OK, 0},
        {FROM, "From: A  B-c. <sip:a@h> ; x ; y=\"z\" ; tag = 1\r\n", SIP_OK, 0},
        {FROM, "From: \"\xe6\x9d\xb1, \\\"<x>\\\\\" <sip:a@h>;tag=1\r\n", SIP_OK, 0},
        {FROM, "From: \"a\r\n b\"\r\n\t<sip:a@h>\r\n ;tag=1\r\n", SIP_OK, 0},
        {FROM, "From: tel:+1234;tag=1\r\n", SIP_OK, 0},
        {FROM, "From: tel:#31;tag=1\r\n", SIP_OK, 0},
        {FROM, "From: <http://h/a?b>;tag=1\r\n", SIP_OK, 0},
        {FROM, "", SIP_ERROR_MISSING, F},
        {FROM, "From: sip:a@h;tag=1\r\nf: sip:a@h;tag=1\r\n", SIP_ERROR_DUPLICATE, F},
        {FROM, "From:\r\n", BAD, F},
        {FROM, "From: <sip:a@h>\r\n", BAD, F},
        {FROM, "From: <sip:a@h>;tag\r\n", BAD, F},
        {FROM, "From: <sip:a@h>;tag=\r\n", BAD, F},
        {FROM, "From: <sip:a@h>;tag=\"1\"\r\n", BAD, F},
        {FROM, "From: <sip:a@h>;tag=1;tag=2\r\n", BAD, F},
        {FROM, "From: <sip:a@h>;tag=a b\r\n", BAD, F},
        {FROM, "From: <sip:a@h>;;tag=1\r\n", BAD, F},
        {FROM, "From: <sip:a@h;tag=1\r\n", BAD, F},
        {FROM, "From: <>;tag=1\r\n", BAD, F},
        {FROM, "From: < sip:a@h >;tag=1\r\n", BAD, F},
        {FROM, "From: B, A <sip:a@h>;tag=1\r\n", BAD, F},
        {FROM, "From: \"A <sip:a@h>;tag=1\r\n", BAD, F},
        {FROM, "From: \"A\" B <sip:a@h>;tag=1\r\n", BAD, F},
        {FROM, "From: \"A\";tag=1\r\n", BAD, F},
        {FROM, "From: \xc3\xa4 <sip:a@h>;tag=1\r\n", BAD, F},
        {FROM, "From: sip:a,b@h;tag=1\r\n", BAD, F},
        {FROM, "From: sip:a@h?x=y;tag=1\r\n", BAD, F},
        {FROM, "From: <sip:a@h?x=y>;tag=1\r\n", BAD, F},
        {FROM, "From: <sip:a@h>;tag=1, <sip:b@h>;tag=2\r\n", BAD, F},
        {TO, "t: <sip:a@h>;tag=2\r\n", SIP_OK, 0},
        {TO, "", SIP_ERROR_MISSING, T},
        {TO, "To: <sip:a@h>\r\nTo: <sip:a@h>\r\n", SIP_ERROR_DUPLICATE, T},
        {TO, "To: <sip:a@h>;tag=\r\n", BAD, T},
        {TO, "To: nobody\r\n", BAD, T},
    };
    (void)state;
    CHECK(cases);
}

static void test_single_headers(void **state)
{
    enum {
        BAD = SIP_ERROR_MALFORMED,
        I = SIP_HEADER_CALL_ID,
        C = SIP_HEADER_CSEQ,
        M = SIP_HEADER_MAX_FORWARDS,
        L = SIP_HEADER_CONTENT_LENGTH,
    };
    static const struct case_ cases[] = {
        {CALL_ID, "i: (<a>[b]{c}?\"/\\:%~)@x\r\n", SIP_OK, 0},
        {CALL_ID, "", SIP_ERROR_MISSING, I},
        {CALL_ID, "Call-ID: a\r\ni: a\r\n", SIP_ERROR_DUPLICATE, I},
        {CALL_ID, "Call-ID: \r\n", BAD, I},
        {CALL_ID, "Call-ID: a b\r\n", BAD, I},
        {CALL_ID, "Call-ID: a@\r\n", BAD, I},
        {CALL_ID, "Call-ID: @a\r\n", BAD, I},
        {CALL_ID, "Call-ID: a@b@c\r\n", BAD, I},
        {CALL_ID, "Call-ID: a;b\r\n", BAD, I},
        {CSEQ, "cseq: 0009\r\n  INVITE\r\n", SIP_OK, 0},
        {CSEQ, "CSeq: 2147483647 INVITE\r\n", SIP_OK, 0},
        {CSEQ, "", SIP_ERROR_MISSING, C},
        {CSEQ, "CSeq: 7 INVITE\r\nCSeq: 7 INVITE\r\n", SIP_ERROR_DUPLICATE, C},
        {CSEQ, "CSeq: 2147483648 INVITE\r\n", BAD, C},
        {CSEQ, "CSeq: 36893488147419103232 INVITE\r\n", BAD, C},
        {CSEQ, "CSeq: -1 INVITE\r\n", BAD, C},
        {CSEQ, "CSeq: 7\r\n", BAD, C},
        {CSEQ, "CSeq: INVITE\r\n", BAD, C},
        {CSEQ, "CSeq: 7INVITE\r\n", BAD, C},
        {CSEQ, "CSeq: 7 INVITE x\r\n", BAD, C},
        {CSEQ, "CSeq: 7 OPTIONS\r\n", SIP_ERROR_CSEQ_METHOD, C},
        {CSEQ, "CSeq: 7 invite\r\n", SIP_ERROR_CSEQ_METHOD, C},
        {CSEQ, "CSeq: 7 XINVITE\r\n", SIP_ERROR_CSEQ_METHOD, C},
        {MAX_FORWARDS, "Max-Forwards: 0\r\n", SIP_OK, 0},
        {MAX_FORWARDS, "Max-Forwards: 0068\r\n", SIP_OK, 0},
        {MAX_FORWARDS, "Max-Forwards: 255\r\n", SIP_OK, 0},
        {MAX_FORWARDS, "", SIP_ERROR_MISSING, M},
        {MAX_FORWARDS, "Max-Forwards: 1\r\nMax-Forwards: 1\r\n", SIP_ERROR_DUPLICATE, M},
        {MAX_FORWARDS, "Max-Forwards: 256\r\n", BAD, M},
        {MAX_FORWARDS, "Max-Forwards: -1\r\n", BAD, M},
        {MAX_FORWARDS, "Max-Forwards: \r\n", BAD, M},
        {MAX_FORWARDS, "Max-Forwards: 7 0\r\n", BAD, M},
        {LENGTH, "", SIP_OK, 0},
        {LENGTH, "l: 00\r\n", SIP_OK, 0},
        {LENGTH, "Content-Length: 0\r\nl: 0\r\n", SIP_ERROR_DUPLICATE, L},
        {LENGTH, "Content-Length: -9\r\n", BAD, L},
        {LENGTH, "Content-Length: 0x0\r\n", BAD, L},
        {LENGTH, "Content-Length: 99999999999999999999\r\n", BAD, L},
        {LENGTH, "Content-Length: 1\r\n", SIP_ERROR_CONTENT_LENGTH, L},
        {MORE, "Require: a, b\r\n c\r\n", BAD, SIP_HEADER_REQUIRE},
        {MORE, "Require: a,\r\n b\r\n", SIP_OK, 0},
        {MORE, "Require:\r\n", BAD, SIP_HEADER_REQUIRE},
        {MORE, "Expires: 1\r\nExpires: 1\r\n", SIP_ERROR_DUPLICATE, SIP_HEADER_EXPIRES},
        {MORE, "c: a/b\r\nContent-Type: a/b\r\n", SIP_ERROR_DUPLICATE, SIP_HEADER_CONTENT_TYPE},
        {MORE, "Contact: <sip:a@h>\r\nm: *\r\n", SIP_OK, 0},
    };
    (void)state;
    CHECK(cases);
}

static void test_framing(void **state)
{
    static const struct case_ cases[] = {
        {MORE, "X-1!%*_+`'~. \t:\r\ns:\r\nSubject: \r\n", SIP_OK, 0},
        {MORE, "X: a\r\n\tb\r\n  c\r\n", SIP_OK, 0},
        {MORE, "X: \xe6\x9d\xb1\xe4\xba\xac\r\n", SIP_OK, 0},
        {MORE, "X: a\nY: b\r\n", SIP_ERROR_LINE_END, 0},
        {MORE, "X: a\rb\r\n", SIP_ERROR_LINE_END, 0},
        {MORE, "X: a\r\r\n", SIP_ERROR_LINE_END, 0},
        {MORE, "X: a\x01\r\n", SIP_ERROR_CHARACTER, 0},
        {MORE, "X: a\x7f\r\n", SIP_ERROR_CHARACTER, 0},
        {MORE, "X: \"\\\x07\"\r\n", SIP_ERROR_CHARACTER, 0},
        {MORE, "X: \xc0\xaf\r\n", SIP_ERROR_ENCODING, 0},
        {MORE, "X: \xff\r\n", SIP_ERROR_ENCODING, 0},
        {MORE, "X: \xed\xa0\x80\r\n", SIP_ERROR_ENCODING, 0},
        {MORE, ": a\r\n", SIP_ERROR_HEADER_NAME, 0},
        {MORE, "X a\r\n", SIP_ERROR_HEADER_NAME, 0},
        {MORE, "X(: a\r\n", SIP_ERROR_HEADER_NAME, 0},
        {MORE, "X\r\n : a\r\n", SIP_ERROR_HEADER_NAME, 0},
        {START, "INVITE sip:2001@b.example SIP/2.0\r\n X: a\r\n", SIP_ERROR_HEADER_NAME, 0},
        {BODY, "", SIP_ERROR_LINE_END, 0},
        {BODY, "\r", SIP_ERROR_LINE_END, 0},
        {BODY, "X", SIP_ERROR_HEADER_NAME, 0},
        {BODY, "X: a", SIP_ERROR_LINE_END, 0},
        {BODY, "X: a\r\n", SIP_ERROR_LINE_END, 0},
        {BODY, "\r\n\x01\xff\n", SIP_OK, 0},
    };
    struct sip_message m;
    static uint8_t nul[] = "INVITE sip:a@b SIP/2.0\r\nX: \0\r\n\r\n";
    static uint8_t big[SIP_MESSAGE_MAX + 1];
    (void)state;
    CHECK(cases);
    assert_int_equal(sip_read(slice_make(nul, sizeof nul - 1), &m), SIP_ERROR_CHARACTER);
    assert_int_equal(sip_read(slice_make(NULL, 0), &m), SIP_ERROR_EMPTY);
    assert_int_equal(sip_read(slice_of("\r\n\r\n"), &m), SIP_ERROR_EMPTY);
    assert_int_equal(sip_read(slice_of("\r"), &m), SIP_ERROR_LINE_END);
    assert_int_equal(sip_read(slice_of("hello"), &m), SIP_ERROR_LINE_END);
    assert_int_equal(sip_read(slice_of("hello\r\n\r\n"), &m), SIP_ERROR_START_LINE);
    assert_int_equal(sip_read(slice_make(big, sizeof big), &m), SIP_ERROR_SIZE);
}

static void test_header_count(void **state)
{
    static const char line[] = "X: y\r\n";
    char more[64 * sizeof line];
    size_t n = 0;
    struct sip_message m;
    (void)state;
    for (int i = 0; i < SIP_HEADERS_MAX - 7; i++, n += sizeof line - 1)
        memcpy(more + n, line, sizeof line);
    assert_int_equal(sip_read(base_with(MORE, more, SLOTS, ""), &m), SIP_OK);
    assert_int_equal(m.field_n, SIP_HEADERS_MAX);
    memcpy(more + n, line, sizeof line);
    assert_int_equal(sip_read(base_with(MORE, more, SLOTS, ""), &m), SIP_ERROR_HEADERS);
}

static void assert_slice(struct slice s, const char *text)
{
    if (!slice_eq(s, slice_of(text)))
        fail_msg("\"%.*s\" is not \"%s\"", (int)s.n, (const char *)s.p, text);
}

/* Every freedom at once: folds, blanks, compact names, escapes, unknown headers, two Vias in one
 * line and a third below, a body that is longer than its length says. */
static void test_tortuous(void **state)
{
    static const char text[] =
        "INVITE sip:%61lice;day=tue:pw@[2001:DB8::9]:5070;lr;transport=udp SIP/2.0\r\n"
        "TO :\r\n sip:alice@[2001:db8::9] ;   tag    = 88sja8x\r\n"
        "f: \"J \\\"R\\\" \\\\\"   <sip:j@a.example>\r\n\t;\r\n tag=98asjd8\r\n"
        "MaX-fOrWaRdS: 0068\r\n"
        "i: 0ha0isndaksdj@[192.0.2.3]\r\n"
        "cseq: 0009\r\n  INVITE\r\n"
        "v:  SIP  / 2.0  / UDP     [2001:db8::1] : 5062   ;\r\n"
        "  rport ; branch  =   z9hG4bK9ikj8  ,\r\n"
        " SIP  /    2.0   / TCP  192.0.2.255   ; branch=\r\n z9hG4bK30239\r\n"
        "s :\r\n"
        "NewFangled:   value\r\n    more;;,,%% \xc3\xa9\r\n"
        "Via: SIP/2.0/UDP 192.0.2.2;branch=390skdjuw\r\n"
        "l: 4\r\n\r\nbodyrest";
    struct sip_message m;
    (void)state;
    assert_int_equal(sip_read(slice_make(text, sizeof text - 1), &m), SIP_OK);
    assert_true(m.request);
    assert_int_equal(m.method, SIP_METHOD_INVITE);
    assert_slice(m.uri.user, "%61lice;day=tue");
    assert_slice(m.uri.password, "pw");
    assert_slice(m.uri.host, "[2001:DB8::9]");
    assert_int_equal(m.uri.port, 5070);
    assert_slice(m.uri.params, "lr;transport=udp");
    assert_slice(m.to.uri.user, "alice");
    assert_slice(m.to.tag, "88sja8x");
    assert_slice(m.from.uri.text, "sip:j@a.example");
    assert_slice(m.from.tag, "98asjd8");
    assert_slice(m.call_id, "0ha0isndaksdj@[192.0.2.3]");
    assert_int_equal(m.cseq, 9);
    assert_int_equal(m.max_forwards, 68);
    assert_slice(m.via.host, "[2001:db8::1]");
    assert_int_equal(m.via.port, 5062);
    assert_slice(m.via.branch, "z9hG4bK9ikj8");
    assert_true(m.via.rport);
    assert_int_equal(m.field_n, 10);
    assert_slice(m.body, "body");
}

static void test_response(void **state)
{
    static const char head[] = "SIP/2.0 200 \xe2\x9c\x93 = 2**3\r\n";
    static const char *const bad[] = {"SIP/2.0 099 x\r\n", "SIP/2.0 700 x\r\n", "SIP/2.0 20 x\r\n",
                                      "SIP/2.0 4294967301 x\r\n", "SIP/2.0 200\r\n",
                                      "SIP/3.0 200 x\r\n"};
    struct sip_message m;
    (void)state;
    assert_int_equal(sip_read(base_with(START, head, MAX_FORWARDS, ""), &m), SIP_OK);
    assert_false(m.request);
    assert_int_equal(m.status, 200);
    assert_int_equal(m.method, SIP_METHOD_INVITE);
    assert_slice(m.method_text, "INVITE");
    assert_int_equal(sip_read(base_with(START, "SIP/2.0 100 \r\n", SLOTS, ""), &m), SIP_OK);
    assert_int_equal(m.reason.n, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sip_read(base_with(START, bad[i], SLOTS, ""), &m), SIP_ERROR_START_LINE);
        assert_false(m.request);
    }
}

static void test_uri_same(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"sip:alice@b.example", "sip:%61lice@B.EXAMPLE;x=y", true},
        {"sip:b.example;transport=TCP", "sip:b.example;lr;Transport=tcp", true},
        {"sip:alice@b.example", "sip:Alice@b.example", false},
        {"sip:alice@b.example", "sips:alice@b.example", false},
        {"sip:alice@b.example", "sip:alice@b.example:5060", false},
        {"sip:alice@b.example", "sip:alice@b.example;transport=tcp", false},
        {"sip:alice@b.example", "sip:alic@b.example", false},
        {"sip:alice@b.example", "sip:alice:p@b.example", false},
        {"tel:+1", "tel:+1", true},
        {"urn:a:b", "urn:a:b", true},
        {"urn:a:b", "urn:a:c", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sip_uri a, b;
        assert_true(sip_uri_read(slice_of(cases[i].a), &a));
        assert_true(sip_uri_read(slice_of(cases[i].b), &b));
        assert_int_equal(sip_uri_same(&a, &b), cases[i].same);
        assert_int_equal(sip_uri_same(&b, &a), cases[i].same);
    }
    struct sip_uri u;
    assert_true(sip_uri_read(slice_of("sip:a@h?to=b&x="), &u));
    assert_slice(u.headers, "to=b&x=");
    assert_false(sip_uri_read(slice_of("sip:a@h?"), &u));
    assert_false(sip_uri_read(slice_of("sip:a@h?=b"), &u));
}

/* No cut of a sound message is sound, but for cuts of a body without a length. */
static void test_every_cut(void **state)
{
    struct slice whole = base_with(LENGTH, "Content-Length: 3\r\n", BODY, "\r\nabc");
    struct sip_message m;
    (void)state;
    assert_int_equal(sip_read(whole, &m), SIP_OK);
    for (size_t n = 0; n < whole.n; n++) {
        uint8_t *exact = malloc(n + 1);
        memcpy(exact, whole.p, n);
        assert_int_not_equal(sip_read(slice_make(exact, n), &m), SIP_OK);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_line),     cmocka_unit_test(test_via),
        cmocka_unit_test(test_parties),        cmocka_unit_test(test_single_headers),
        cmocka_unit_test(test_framing),        cmocka_unit_test(test_header_count),
        cmocka_unit_test(test_tortuous),       cmocka_unit_test(test_response),
        cmocka_unit_test(test_uri_same),       cmocka_unit_test(test_every_cut),
    };
    return cmocka_run_group_tests_name("sip read", tests, NULL, NULL);
}
