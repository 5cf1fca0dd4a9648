/* One short trace in every dress in which a trace arrives: the finding is the same. */
#include "test.h"

#include "doctor.h"

#define T10                                                                                        \
    "00155891.005 |17:25:26.197 |AppInfo |IlsD IlsHandler: wait_SdlDataInd EncrUtil::decryptData " \
    "failed. DeviceName=, TCPPid = [1.600.13.7], IPAddr=10.106.104.201, Port=40592, "              \
    "Controller=[1,20,1]"
#define T11                                                                                        \
    "00155891.006 |17:25:26.197 |AppInfo |IlsD wait_SdlDataInd sending "                           \
    "ILSPwdAuthenticationFailed "                                                                  \
    "alarm with IPAddress= 10.106.104.201; mAlarmedConnections count= 1"

static void is_a2(const char *text, size_t n, size_t lines)
{
    struct test_mem m;
    size_t attempts;
    test_mem_init(&m, 0);
    struct doctor *d = doctor_of(&m.mem, text, n);
    const struct doctor_attempt *a = doctor_attempts(d, &attempts);
    assert_int_equal(attempts, 1);
    assert_int_equal(a->row, ROW_A2);
    assert_int_equal(a->code, CODE_PASSWORD_DIFFERS);
    assert_int_equal(a->end, SIDE_S);
    assert_int_equal(a->remedy_at, SIDE_C);
    assert_int_equal(a->method, 1);
    assert_int_equal(a->evidence_n, lines);
    assert_int_equal(a->s.peer_port, 40592);
    assert_true(slice_eq(a->s.peer_ip, slice_of("10.106.104.201")));
    doctor_free(d);
    assert_int_equal(m.mem.used, 0);
}

static void dresses(void **state)
{
    static const char *const dress[] = {
        T10 "\n" T11 "\n",
        T10 "\r\n" T11 "\r\n",
        T10 "\r" T11,
        "\357\273\277" T10 "\n" T11,
        "> " T10 "\n> " T11,
        ">> > " T10 "\n\t\t" T11,
        "```\n" T10 "\n```\n\n```\n" T11 "\n```",
        T10 " " T11,
        "\342\200\234" T10 "\342\200\235\n" T11,
        "SDL001_100_000012.txt:17:" T10 "\nSDL001_100_000012.txt:18:" T11,
        "<p>" T10 "</p><p>" T11 "</p>",
        T10 "<br/>" T11,
        "00155890.001 |17:25:26.000 |SdlSig |SdlDataInd\n|wait |Ils(1,600,20,1)\n|x |y\n" T10
        "\n00155891.000 |17:25:26.197 |AppInfo |IlsD something else\nover two lines\n" T11,
    };
    (void)state;
    for (size_t i = 0; i < sizeof dress / sizeof *dress; i++)
        is_a2(dress[i], strlen(dress[i]), 2);
}

/* Cut hard at every column, with and without a mark. */
static void wraps(void **state)
{
    static const char whole[] = T10 "\n" T11 "\n";
    char text[4 * sizeof whole];
    (void)state;
    for (size_t width = 30; width < 120; width++) {
        size_t n = 0, column = 0;
        for (const char *p = whole; *p != '\0'; p++) {
            text[n++] = *p;
            column = *p == '\n' ? 0 : column + 1;
            if (column == width && p[1] != '\n') {
                text[n++] = '\n';
                if (width % 2 == 0) {
                    text[n++] = '>';
                    text[n++] = ' ';
                }
                column = 0;
            }
        }
        is_a2(text, n, 2);
    }
}

static void wide(void **state)
{
    static const char whole[] = T10 "\r\n" T11;
    char text[2 * sizeof whole + 2];
    (void)state;
    for (int big = 0; big < 2; big++) {
        size_t n = 0;
        text[n++] = big ? '\376' : '\377';
        text[n++] = big ? '\377' : '\376';
        for (const char *p = whole; *p != '\0'; p++) {
            text[n++] = big ? '\0' : *p;
            text[n++] = big ? *p : '\0';
        }
        is_a2(text, n, 2);
    }
}

/* Entities of HTML, and blanks of all kinds. */
static void odd_characters(void **state)
{
    static const char text[] =
        "00155891.005&nbsp;&#124;17:25:26.197&#x7c;AppInfo&#32;|IlsD\302\240IlsHandler: "
        "wait\\_SdlDataInd EncrUtil:: decryptData failed . DeviceName=, TCPPid = "
        "&#91;1.600.13.7&#93;, IPAddr=10.106.104.201, Port=\342\200\21340592, "
        "Controller=[1,20,1]\n";
    (void)state;
    is_a2(text, sizeof text - 1, 1);
}

/* Words part two quotations; the same lines without words are one attempt. */
static void words_part(void **state)
{
    struct test_mem m;
    size_t n;
    static const char apart[] = T10 "\nAnd on the next day:\n" T10;
    test_mem_init(&m, 0);
    struct doctor *d = doctor_of(&m.mem, apart, sizeof apart - 1);
    doctor_attempts(d, &n);
    assert_int_equal(n, 1); /* one and the same line, quoted twice */
    doctor_free(d);
    static const char no_trace[] = "Dear support,\nit does not join.\n";
    d = doctor_of(&m.mem, no_trace, sizeof no_trace - 1);
    doctor_attempts(d, &n);
    assert_int_equal(n, 0);
    doctor_free(d);
    (void)state;
    assert_int_equal(m.mem.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dresses),        cmocka_unit_test(wraps),      cmocka_unit_test(wide),
        cmocka_unit_test(odd_characters), cmocka_unit_test(words_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
