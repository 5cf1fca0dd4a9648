/* test_sip_torture: what is answered to the messages of RFC 4475 and RFC 5118, written anew from
 * what those say about each: by section, with the name that the RFC gives it. 0: no reply. Where
 * the verdict is not the one that the RFC suggests, the row says why. */
#include "test.h"

#include <stdio.h>

#include "answer/sip.h"
#include "sip_base.h"
#include "stub_plan.h"

#define LINE "\r\n"

struct row {
    const char *name;
    int status;
    const char *slot[SLOTS]; /* NULL: that of sip_base.h; CSeq: of the request's own method */
};

#define OPTIONS_OF(uri) "OPTIONS " uri " SIP/2.0" LINE
#define INVITE_OF(uri)  "INVITE " uri " SIP/2.0" LINE
#define REGISTER_OF(uri) "REGISTER " uri " SIP/2.0" LINE

static const struct row rows[] = {
    /* RFC 4475, 3.1.1: valid messages */
    {"3.1.1.1 wsinv: folds, blanks, compact names; its To has a tag", 481,
     {[START] = INVITE_OF("sip:vivek@chair.example.com;unknownparam"),
      [VIA] = "Via  : SIP  /   2.0" LINE " /UDP" LINE "    192.0.2.2;branch=390skdjuw" LINE,
      [MAX_FORWARDS] = "MaX-fOrWaRdS: 0068" LINE,
      [TO] = "TO :" LINE " sip:vivek@chair.example.com ;   tag    = 1918181833n" LINE,
      [FROM] = "from   : \"J Rosenberg \\\\\\\"\"       <sip:jd@example.com>" LINE "  ;" LINE
               "  tag = 98asjd8" LINE,
      [CALL_ID] = "Call-ID: wsinv.ndaksdj@192.0.2.1" LINE,
      [CSEQ] = "cseq: 0009" LINE "  INVITE" LINE,
      [LENGTH] = "l: 0" LINE,
      [MORE] = "s :" LINE "NewFangledHeader:   newfangled value" LINE " continued newfangled value"
               LINE "UnknownHeaderWithUnusualValue: ;;,,;;,;" LINE
               "v:  SIP  / 2.0  / TCP     192.0.2.3;branch=z9hG4bK9ikj8  ," LINE
               " SIP  /    2.0   / UDP  192.168.255.111   ; branch=z9hG4bK30239" LINE
               "m:\"Quoted string \\\"\\\"\" <sip:jd@example.com> ; newparam =" LINE
               "      newvalue ;" LINE "  secondparam ; q = 0.33" LINE}},
    {"3.1.1.2 intmeth: unusual characters wherever they may stand, in a method too", 405,
     {[START] = "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&"
                "isn't+it$/crazy,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com "
                "SIP/2.0" LINE,
      [VIA] = "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~" LINE,
      [CALL_ID] = "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{" LINE,
      [MORE] = "extensionHeader-!.%*+_`'~:\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb" LINE}},
    {"3.1.1.3 esc01: an escaped URI as a user", 302,
     {[START] = INVITE_OF("sip:sips%3Auser%40example.com@example.net")}},
    {"3.1.1.4 escnull: escaped nulls", 405,
     {[START] = REGISTER_OF("sip:example.com"),
      [TO] = "To: sip:null-%00-null@example.com" LINE,
      [FROM] = "From: sip:null-%00-null@example.com;tag=839923423" LINE}},
    {"3.1.1.5 esc02: a percent sign that escapes nothing: a method of its own", 405,
     {[START] = "RE%47IST%45R sip:registrar.example.com SIP/2.0" LINE}},
    {"3.1.1.6 lwsdisp: no blank between display name and <", 200,
     {[START] = OPTIONS_OF("sip:user@example.com"),
      [FROM] = "From: caller<sip:caller@example.com>;tag=323" LINE}},
    {"3.1.1.8 dblreq: a second request in the datagram, beyond the length", 405,
     {[START] = REGISTER_OF("sip:example.com"),
      [BODY] = LINE "INVITE sip:joe@example.com SIP/2.0" LINE "t: sip:joe@example.com" LINE LINE}},
    {"3.1.1.9 semiuri: semicolons in a user part", 200,
     {[START] = OPTIONS_OF("sip:user;par=u%40example.net@example.com")}},
    {"3.1.1.10 transports: Vias of known and unknown transports", 200,
     {[START] = OPTIONS_OF("sip:user@example.com"),
      [MORE] = "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKasd" LINE
               "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2" LINE
               "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bK3" LINE}},
    {"3.1.1.11 mpart01: a body of several parts", 405,
     {[START] = "MESSAGE sip:kumiko@example.org SIP/2.0" LINE,
      [MORE] = "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655" LINE,
      [LENGTH] = "Content-Length: 22" LINE, [BODY] = LINE "--7a9cbec02ceef655--" LINE}},
    {"3.1.1.12 unreason: a response with an unusual reason", 0,
     {[START] = "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe" LINE, [CSEQ] = "CSeq: 7 INVITE" LINE}},
    {"3.1.1.13 noreason: a response without one", 0,
     {[START] = "SIP/2.0 100 " LINE, [CSEQ] = "CSeq: 7 INVITE" LINE}},
    /* 3.1.2: invalid messages */
    {"3.1.2.1 badinv01: separators too many in Via: there is nowhere to answer to", 0,
     {[VIA] = "Via: SIP/2.0/UDP 192.0.2.15;;,;,," LINE}},
    {"3.1.2.2 clerr: a length beyond the datagram", 400, {[LENGTH] = "Content-Length: 9999" LINE}},
    {"3.1.2.3 ncl: a negative length", 400, {[LENGTH] = "Content-Length: -999" LINE}},
    {"3.1.2.4 scalar02: CSeq beyond 2^31: the reply could not repeat it", 0,
     {[START] = REGISTER_OF("sip:example.com"),
      [CSEQ] = "CSeq: 36893488147419103232 REGISTER" LINE}},
    {"3.1.2.4 scalar02: Max-Forwards beyond 255", 400,
     {[MAX_FORWARDS] = "Max-Forwards: 300" LINE}},
    {"3.1.2.5 scalarlg: a response with numbers too large", 0,
     {[START] = "SIP/2.0 503 Service Unavailable" LINE, [CSEQ] = "CSeq: 9292394834772304023312 "
      "OPTIONS" LINE}},
    {"3.1.2.6 quotbal: a quote that does not end", 400,
     {[TO] = "To: \"Mr. J. User <sip:j.user@example.com>" LINE}},
    {"3.1.2.7 ltgtruri: a Request-URI in <>", 400, {[START] = INVITE_OF("<sip:user@example.com>")}},
    {"3.1.2.8 lwsruri: a blank in the Request-URI", 400,
     {[START] = INVITE_OF("sip:user@example.com; lr")}},
    {"3.1.2.9 lwsstart: blanks too many", 400,
     {[START] = "INVITE  sip:user@example.com  SIP/2.0" LINE}},
    {"3.1.2.10 trws: a blank behind the request line", 400,
     {[START] = "OPTIONS sip:remote-target@example.com SIP/2.0  " LINE}},
    {"3.1.2.11 escruri: headers in the Request-URI", 400,
     {[START] = INVITE_OF("sip:user@example.com?Route=%3Csip:example.com%3E")}},
    {"3.1.2.12 baddate: a date of another zone, which is not read", 302,
     {[MORE] = "Date: Fri, 01 Jan 2010 16:00:00 EST" LINE}},
    {"3.1.2.13 regbadct: a Contact whose headers belong in <>", 405,
     {[START] = REGISTER_OF("sip:example.com"),
      [MORE] = "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E" LINE}},
    {"3.1.2.14 badaspec: blanks in <>", 400,
     {[START] = OPTIONS_OF("sip:user@example.org"),
      [TO] = "To: \"Watson, Thomas\" < sip:t.watson@example.org >" LINE}},
    {"3.1.2.15 baddn: a comma in a display name without quotes", 400,
     {[START] = OPTIONS_OF("sip:user@example.org"),
      [FROM] = "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43" LINE}},
    {"3.1.2.16 badvers: another version", 505,
     {[START] = "OPTIONS sip:t.watson@example.org SIP/7.0" LINE}},
    {"3.1.2.17 mismatch01: CSeq of another method", 400,
     {[START] = OPTIONS_OF("sip:user@example.com"), [CSEQ] = "CSeq: 8 INVITE" LINE}},
    {"3.1.2.18 mismatch02: likewise, of a method that nobody knows", 400,
     {[START] = "NEWMETHOD sip:user@example.com SIP/2.0" LINE, [CSEQ] = "CSeq: 8 INVITE" LINE}},
    {"3.1.2.19 bigcode: a response of no class", 0,
     {[START] = "SIP/2.0 4294967301 better not break the receiver" LINE,
      [CSEQ] = "CSeq: 7 INVITE" LINE}},
    /* 3.2: transactions */
    {"3.2.1 badbranch: a branch that is the cookie alone; nothing is kept by it here", 200,
     {[START] = OPTIONS_OF("sip:user@example.com"),
      [VIA] = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK" LINE}},
    /* 3.3: what an application may say */
    {"3.3.1 insuf: no From, To and Call-ID", 400, {[FROM] = "", [TO] = "", [CALL_ID] = ""}},
    {"3.3.2 unkscm: a scheme that nobody knows", 416,
     {[START] = OPTIONS_OF("nobodyKnowsThisScheme:totallyopaquecontent")}},
    {"3.3.3 novelsc: a scheme of something else", 416,
     {[START] = OPTIONS_OF("soap.beep://192.0.2.103:3002")}},
    {"3.3.4 unksm2: unknown schemes in From and To", 405,
     {[START] = REGISTER_OF("sip:example.com"), [TO] = "To: isbn:2983792873" LINE,
      [FROM] = "From: <http://www.example.com>;tag=3234233" LINE}},
    {"3.3.5 bext01: Require of what nobody supports", 420,
     {[START] = OPTIONS_OF("sip:user@example.com"),
      [MORE] = "Require: nothingSupportsThis, nothingSupportsThisEither" LINE}},
    {"3.3.6 invut: a body of an unknown type, which is not read", 302,
     {[MORE] = "Content-Type: application/unknownformat" LINE}},
    {"3.3.7 regaut01: an unknown authorization", 405,
     {[START] = REGISTER_OF("sip:example.com"),
      [MORE] = "Authorization: NoOneKnowsThisScheme opaque-data=here" LINE}},
    {"3.3.8 multi01: what may be there once is there twice", 400,
     {[MORE] = "CSeq: 8 INVITE" LINE "Call-ID: another" LINE "To: <sip:x@example.com>" LINE}},
    {"3.3.9 mcl01: two lengths", 400, {[MORE] = "Content-Length: 5" LINE}},
    {"3.3.10 bcast: a response for somebody else", 0,
     {[START] = "SIP/2.0 200 OK" LINE, [CSEQ] = "CSeq: 7 INVITE" LINE,
      [VIA] = "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23" LINE}},
    {"3.3.11 zeromf: OPTIONS with Max-Forwards 0", 200,
     {[START] = OPTIONS_OF("sip:user@example.com"), [MAX_FORWARDS] = "Max-Forwards: 0" LINE}},
    {"3.3.12 to 3.3.14: REGISTER", 405,
     {[START] = REGISTER_OF("sip:example.com"),
      [MORE] = "Contact: sip:+19725552222@gw1.example.net;unknownparam" LINE}},
    {"3.3.15 sdp01: Accept of what nobody knows; a redirect has no body", 302,
     {[MORE] = "Accept: text/nobodyKnowsThis" LINE}},
    {"3.4.1 inv2543: a request of RFC 2543 has no branch", 0,
     {[VIA] = "Via: SIP/2.0/UDP iftgw.example.com" LINE, [MAX_FORWARDS] = ""}},
    /* RFC 5118: IPv6 */
    {"5118 4.1: an IPv6 address", 405, {[START] = REGISTER_OF("sip:[2001:db8::10]")}},
    {"5118 4.2: an IPv6 address without brackets", 400,
     {[START] = REGISTER_OF("sip:2001:db8::10")}},
    {"5118 4.3: a port that may be part of the address: it is", 302,
     {[START] = INVITE_OF("sip:[2001:db8::10:5070]")}},
    {"5118 4.4: a port behind the brackets", 302, {[START] = INVITE_OF("sip:[2001:db8::10]:5070")}},
    {"5118 4.5: received with brackets, against the grammar of RFC 3261", 302,
     {[MORE] = "Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bK3" LINE}},
    {"5118 4.5: received without", 302,
     {[MORE] = "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3" LINE}},
    {"5118 4.6 and 4.8: IPv6 in SDP", 302,
     {[START] = INVITE_OF("sip:user@[2001:db8::10]"),
      [VIA] = "Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111" LINE,
      [MORE] = "Content-Type: application/sdp" LINE, [LENGTH] = "Content-Length: 25" LINE,
      [BODY] = LINE "c=IN IP6 2001:db8::20" LINE "t=0 0"}},
    {"5118 4.7: several addresses in headers", 405,
     {[START] = "BYE sip:user@host.example.net SIP/2.0" LINE,
      [MORE] = "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111" LINE
               "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144" LINE}},
    {"5118 4.9: an IPv4 address mapped into IPv6", 302,
     {[VIA] = "Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19" LINE}},
    {"5118 4.10: three colons", 400,
     {[START] = OPTIONS_OF("sip:user@[2001:db8:::192.0.2.1]")}},
};

static struct slice build(const struct row *row)
{
    static char message[8192], cseq[256];
    const char *start = row->slot[START] != NULL ? row->slot[START] : base_slot[START];
    size_t n = 0;
    snprintf(cseq, sizeof cseq, "CSeq: 7 %.*s\r\n", (int)strcspn(start, " "), start);
    for (int i = 0; i < SLOTS; i++) {
        const char *s = row->slot[i] != NULL ? row->slot[i] : i == CSEQ ? cseq : base_slot[i];
        memcpy(message + n, s, strlen(s));
        n += strlen(s);
    }
    return slice_make(message, n);
}

static struct test_mem memory;
static struct arena scratch;
static struct buf out;

static int ask(struct slice request, bool unverified)
{
    static const struct sip_config config = {.key = "0123456789abcde"};
    struct sip_source source = {slice_of("192.0.2.1"), 5060, unverified};
    struct sip_outcome outcome;
    buf_reset(&out);
    arena_reset(&scratch);
    sip_answer(NULL, NULL, &config, &scratch, request, &source, &out, &outcome);
    return outcome.status;
}

static void verdicts(void **state)
{
    size_t wrong = 0;
    (void)state;
    test_mem_init(&memory, 0);
    arena_init(&scratch, &memory.mem);
    buf_init(&out, &memory.mem, SIP_REPLY_MAX);
    stub_result(LOOKUP_FOUND);
    stub_target("sip:2001@10.0.0.5:5080", 1000);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice request = build(&rows[i]);
        int status = ask(request, false);
        if (status != rows[i].status)
            print_error("%s: %d, wanted %d\n", rows[i].name, status, rows[i].status);
        wrong += status != rows[i].status;
        ask(request, true);
        assert_true(out.n <= request.n);
    }
    assert_int_equal(wrong, 0);
    buf_done(&out);
    arena_done(&scratch);
    assert_int_equal(memory.mem.used, 0);
}

/* 3.1.1.7 longreq: long values, many Vias; all of it comes back. */
static void long_request(void **state)
{
    static char more[6000], to[600];
    size_t n = 0;
    (void)state;
    test_mem_init(&memory, 0);
    arena_init(&scratch, &memory.mem);
    buf_init(&out, &memory.mem, SIP_REPLY_MAX);
    stub_result(LOOKUP_FOUND);
    stub_target("sip:2001@10.0.0.5:5080", 1000);
    for (int i = 0; i < 30; i++)
        n += (size_t)snprintf(more + n, sizeof more - n,
                              "Via: SIP/2.0/TCP sip%d.a-very-long-name-of-a-host.example.com;"
                              "branch=very%0100dlongbranchvalue\r\n", i, i);
    snprintf(to, sizeof to, "To: \"%0200d\" <sip:user@example.com:6000;unknownparam=very%0200dlong>"
             "\r\n", 1, 2);
    struct row row = {"longreq", 302, {[MORE] = more, [TO] = to}};
    assert_int_equal(ask(build(&row), false), 302);
    buf_done(&out);
    arena_done(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(long_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
