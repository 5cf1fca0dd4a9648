/* Ends are paired, lines without an address find their attempt, two texts are one rotation, and no
 * memory is lost where it is refused. */
#include "test.h"

#include "doctor.h"

#define FRONT(step, time) "000000" step " |12:00:" time " |AppInfo |"
#define PID(n)            "TCPPid([1, 600, 17, " n "])"
#define AT_S(n, port)     PID(n) ", PeerIP/Port(10.0.0.1:" port "), LocalIP/Port(10.0.0.2:7501)"
#define AT_C(n, port)     PID(n) ", PeerIP/Port(10.0.0.2:7501), LocalIP/Port(10.0.0.1:" port ")"
#define PEER              "00112233445566778899aabbccddeeff"

/* clang-format off */
static const char hub[] =
    FRONT("05.001", "01.000")
    "CertUtil Ils::isCertInLocalStore X509_STORE_get_by_subject failed.\n"
    FRONT("05.002", "01.000")
    "IlsD Ils::VerifyCertificateInfo(): peer certificates are not in certificate store but Root CA "
    "signed certs are uploaded locally\n"
    FRONT("05.003", "01.000")
    "IlsD Ils::ConnectInd " AT_S("3", "40000") " (10.0.0.1:40000)\n"
    FRONT("06.001", "01.001")
    "IlsD Ils::VerifyCertificateInfo(): peer certificates are in certificate store\n"
    FRONT("06.002", "01.001")
    "IlsD Ils::ConnectInd " AT_S("4", "40001") " (10.0.0.1:40001)\n"
    FRONT("07.001", "01.002")
    "IlsD ::ConnectIndInner Server Connection to PeerId(" PEER "), " AT_S("4", "40001")
    " TLSReq(t) established\n"
    FRONT("08.001", "01.003")
    "IlsD ::ConnectIndInner Server Connection to PeerId(" PEER "), " AT_S("3", "40000")
    " TLSReq(t) established\n";
static const char spoke[] =
    FRONT("90.001", "01.100")
    "IlsD ::ConnectIndInner starting to PeerId(" PEER "), " AT_C("1", "40000")
    " TLSReq(t) established\n";
/* clang-format on */

static struct doctor *both(struct mem *mem)
{
    size_t records;
    struct doctor *d = doctor_new(mem);
    if (d == NULL)
        return NULL;
    if (doctor_read(d, slice_of("hub.txt"), slice_make(hub, sizeof hub - 1), &records) == 0 &&
        doctor_read(d, slice_of("spoke.txt"), slice_make(spoke, sizeof spoke - 1), &records) == 0 &&
        doctor_judge(d) == 0)
        return d;
    doctor_free(d);
    return NULL;
}

static void two_at_a_time(void **state)
{
    struct test_mem m;
    size_t n;
    (void)state;
    test_mem_init(&m, 0);
    struct doctor *d = both(&m.mem);
    const struct doctor_attempt *a = doctor_attempts(d, &n);
    assert_int_equal(n, 2);
    assert_int_equal(a[0].row, ROW_C1);
    assert_int_equal(a[0].pairing, PAIRED_ADDRESS);
    assert_int_equal(a[0].c.n, 1);
    assert_int_equal(a[0].s.n, 3);
    assert_int_equal(a[0].stage, STAGE_ESTABLISHED);
    assert_int_equal(a[1].row, ROW_B1);
    assert_int_equal(a[1].pairing, PAIRED_NOT);
    assert_int_equal(a[1].evidence[0].number, 4);
    assert_true(a[1].evidence[0].decides);
    doctor_free(d);
    assert_int_equal(m.mem.used, 0);
}

static void refusals_body(struct mem *mem)
{
    doctor_free(both(mem));
}

static void refusals(void **state)
{
    (void)state;
    test_every_refusal(refusals_body);
}

/* A line cut by a rotation, and the rest of it in the next file, behind its opening line. */
static void rotated(void **state)
{
    static const char opening[] = "2026-11-22 14:37:08 UTC+0000 (UTC) OpenILS trace\n";
    char next[sizeof opening + sizeof hub];
    (void)state;
    for (size_t cut = 1; cut < sizeof hub - 1; cut += 7) {
        struct test_mem m;
        size_t records, n;
        test_mem_init(&m, 0);
        struct doctor *d = doctor_new(&m.mem);
        memcpy(next, opening, sizeof opening - 1);
        memcpy(next + sizeof opening - 1, hub + cut, sizeof hub - 1 - cut);
        doctor_read(d, slice_of("d/SDL001_100_000001.txt"), slice_make(hub, cut), &records);
        doctor_read(d, slice_of("d/SDL001_100_000002.txt"),
                    slice_make(next, sizeof opening - 1 + sizeof hub - 1 - cut), &records);
        assert_int_equal(doctor_judge(d), 0);
        const struct doctor_attempt *a = doctor_attempts(d, &n);
        assert_true(n >= 1);
        for (size_t i = 0; i < n; i++)
            assert_true(a[i].certainty == UNCLEAR || a[i].row == ROW_C1 || a[i].row == ROW_B1);
        doctor_free(d);
        assert_int_equal(m.mem.used, 0);
    }
}

static void codes(void **state)
{
    (void)state;
    assert_int_equal(doctor_error_code(18), CODE_SELF_SIGNED);
    assert_int_equal(doctor_error_code(20), CODE_NO_CHAIN);
    assert_int_equal(doctor_error_code(10), CODE_EXPIRED);
    assert_int_equal(doctor_error_code(26), CODE_PURPOSE);
    assert_int_equal(doctor_error_code(1), CODE_CHAIN_INVALID);
    assert_string_equal(doctor_line_at(LINE_T30, SIDE_C), "T31");
    assert_string_equal(doctor_line_at(LINE_T30, SIDE_S), "T30");
    assert_string_equal(doctor_row_name(ROW_B2), "B2");
    assert_int_equal(doctor_row_method(ROW_D1), 4);
}

static struct doctor *read_one(struct mem *mem, const char *text)
{
    return doctor_of(mem, text, strlen(text));
}

/* Codes without a row: what the verdict line says is said, and where the remedy is typed. */
static void told(void **state)
{
    static const struct {
        const char *text;
        enum code code;
        enum doctor_side remedy_at;
        enum doctor_outcome outcome;
    } row[] = {
#define V1(code, port)                                                                             \
    FRONT("09.002", "01.000")                                                                      \
    "IlsD Verdict ILS-" code " id=0123456789abcdef peerId(00000000000000000000000000000000) "      \
    "ipAddr(10.0.0.2) ipPort(" port ")\n"
        {V1("412", "7501"), CODE_PROOF, SIDE_S, OUTCOME_REFUSED},
        {V1("421", "7501"), CODE_OTHER_CLUSTER, SIDE_C, OUTCOME_REFUSED},
        {V1("209", "7501"), CODE_INVITE_FOREIGN, SIDE_S, OUTCOME_REFUSED},
        {V1("415", "40000"), CODE_REPLACED, SIDE_UNKNOWN, OUTCOME_TEST},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct test_mem m;
        size_t n;
        test_mem_init(&m, 0);
        struct doctor *d = read_one(&m.mem, row[i].text);
        const struct doctor_attempt *a = doctor_attempts(d, &n);
        assert_int_equal(n, 1);
        assert_int_equal(a->code, row[i].code);
        assert_int_equal(a->certainty, CERTAIN);
        assert_int_equal(a->outcome, row[i].outcome);
        assert_int_equal(a->remedy_at, row[i].remedy_at);
        doctor_free(d);
        assert_int_equal(m.mem.used, 0);
    }
}

/* Without a verdict line: the invite's own line, and the number that this product writes where a
 * dialler failed. Another number there is the original's, and says nothing. */
static void invites(void **state)
{
    static const char at_s[] =
        FRONT("03.002", "01.000") "IlsD Ils::ConnectInd " AT_S("3", "40000") " (10.0.0.1:40000)\n"
        FRONT("04.001", "01.001") "IlsD invite 0123456789abcdef: used\n";
    static const char failed[] =
        FRONT("04.001", "01.000") "IlsD ERROR(000000CF): Connection to peerId(" PEER ") "
        "ipAddr(10.0.0.2) ipPort(7501) TLSReq(t) failed, ConnReason(1)\n";
    char other[sizeof failed];
    const struct {
        const char *text;
        enum doctor_row row;
        enum code code;
        enum doctor_certainty certainty;
    } row[] = {{at_s, ROW_B7, CODE_JOINED, LIKELY},
               {failed, ROW_B7, CODE_INVITE_USED, LIKELY},
               {other, ROW_NONE, CODE_NONE, UNCLEAR}};
    (void)state;
    memcpy(other, failed, sizeof other);
    memcpy(strstr(other, "000000CF"), "000005C9", 8);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct test_mem m;
        size_t n;
        test_mem_init(&m, 0);
        struct doctor *d = read_one(&m.mem, row[i].text);
        const struct doctor_attempt *a = doctor_attempts(d, &n);
        assert_int_equal(n, 1);
        assert_int_equal(a->row, row[i].row);
        assert_int_equal(a->code, row[i].code);
        assert_int_equal(a->certainty, row[i].certainty);
        doctor_free(d);
        assert_int_equal(m.mem.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_at_a_time),
        cmocka_unit_test(refusals),
        cmocka_unit_test(rotated),
        cmocka_unit_test(codes),
        cmocka_unit_test(told),
        cmocka_unit_test(invites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
