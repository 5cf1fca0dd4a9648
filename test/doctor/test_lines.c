/* Each line that this product writes of a join is known by the doctor, whole and broken off, with
 * its fields; a field that may have lost its end is not believed. */
#include "test.h"

#include "doctor.h"

static const struct {
    const char *id, *text;
} events[] = {
#define EVENT(name, id, level, text) {id, text},
#include "core/event.def"
#undef EVENT
};

static const struct {
    const char *name, *value;
} fields[] = {
    {"n", "7"},
    {"k", "17"},
    {"ip", "10.0.0.1"},
    {"port", "7501"},
    {"lip", "10.0.0.2"},
    {"lport", "40000"},
    {"host", "hub.example.com"},
    {"hport", "7501"},
    {"peer", "00112233445566778899aabbccddeeff"},
    {"tf", "t"},
    {"true", "true"},
    {"code", "ILS-301"},
    {"verdict", "0123456789abcdef"},
    {"t0", "spoke.example.com"},
    {"t1", "SSL routines"},
    {"t2", "conclude"},
    {"n0", "18"},
    {"n1", "20"},
    {"n2", "236"},
    {"x0", "000005C9"},
};

static size_t fill(char *dst, size_t size, const char *template)
{
    size_t n = 0;
    static const char front[] = "00000001.001 |12:00:00.000 |AppInfo |";
    memcpy(dst, front, sizeof front - 1);
    n = sizeof front - 1;
    for (const char *p = template; *p != '\0'; p++) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;
        const char *value = NULL;
        for (size_t i = 0; end != NULL && i < sizeof fields / sizeof *fields; i++)
            if (strlen(fields[i].name) == (size_t)(end - p - 1) &&
                memcmp(fields[i].name, p + 1, (size_t)(end - p - 1)) == 0)
                value = fields[i].value;
        if (value == NULL) {
            dst[n++] = *p;
            continue;
        }
        memcpy(dst + n, value, strlen(value));
        n += strlen(value);
        p = end;
        assert_true(n + 64 < size);
    }
    return n;
}

/* What the doctor calls the only line of a text; LINE_NONE: it knows none. */
static enum doctor_line read_line(const char *text, size_t n)
{
    struct test_mem m;
    size_t attempts;
    test_mem_init(&m, 0);
    struct doctor *d = doctor_of(&m.mem, text, n);
    const struct doctor_attempt *a = doctor_attempts(d, &attempts);
    assert_true(attempts <= 1);
    enum doctor_line line = attempts == 1 ? a->evidence[0].line : LINE_NONE;
    doctor_free(d);
    assert_int_equal(m.mem.used, 0);
    return line;
}

static void every_line(void **state)
{
    char text[1024];
    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        size_t n = fill(text, sizeof text, events[i].text);
        enum doctor_line line = read_line(text, n);
        bool join = events[i].id[0] == 'T' || strcmp(events[i].id, "V1") == 0 ||
                    strcmp(events[i].id, "L1") == 0;
        if (join)
            assert_string_equal(doctor_line_name(line), events[i].id);
        else
            assert_int_equal(line, LINE_NONE);
    }
}

/* However short: never another line. */
static void broken_lines(void **state)
{
    char text[1024];
    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        size_t n = fill(text, sizeof text, events[i].text);
        for (size_t cut = 38; cut < n; cut++) {
            enum doctor_line line = read_line(text, cut);
            if (line != LINE_NONE)
                assert_string_equal(doctor_line_name(line), events[i].id);
        }
    }
}

static const struct doctor_attempt *only(struct doctor *d)
{
    size_t n;
    const struct doctor_attempt *a = doctor_attempts(d, &n);
    assert_int_equal(n, 1);
    return a;
}

static void numbers_are_whole(void **state)
{
    struct test_mem m;
    static const char text[] =
        "00000001.001 |12:00:00.000 |AppInfo |[1, 600, 17, 5]: HandleSSLError - Certificate "
        "verification failed:(Verification error:18)- self signed certificate for 10.0.0.1:7501";
    const char *number = strstr(text, "18)");
    (void)state;
    test_mem_init(&m, 0);
    struct doctor *d = doctor_of(&m.mem, text, sizeof text - 1);
    assert_int_equal(only(d)->code, CODE_SELF_SIGNED);
    assert_int_equal(only(d)->error, 18);
    assert_int_equal(only(d)->end, SIDE_C);
    assert_int_equal(only(d)->certainty, CERTAIN);
    doctor_free(d);
    for (size_t n = 0; n < 3; n++) { /* "error:", "error:1", "error:18" */
        d = doctor_of(&m.mem, text, (size_t)(number - text) + n);
        assert_int_equal(only(d)->certainty, UNCLEAR);
        assert_true((only(d)->look & DOCTOR_BIT(LINE_T15)) != 0);
        doctor_free(d);
    }
    assert_int_equal(m.mem.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line),
        cmocka_unit_test(broken_lines),
        cmocka_unit_test(numbers_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
