/* Segments: what is written is read back, and nothing that is not sound is taken, whatever the
 * bytes. */
#include "test.h"

#include "plan/segment.h"

static struct record uri(const char *user, const char *domain, uint64_t usn)
{
    return (struct record){.put = true,
                           .kind = ENTRY_URI,
                           .usn = usn,
                           .user = slice_of(user),
                           .domain = slice_of(domain)};
}

static struct record number(uint8_t kind, const char *digits, uint64_t usn)
{
    return (struct record){.put = true, .kind = kind, .usn = usn, .user = slice_of(digits)};
}

static bool same(const struct record *a, const struct record *b)
{
    return a->put == b->put && a->kind == b->kind && a->usn == b->usn &&
           slice_eq(a->user, b->user) && slice_eq(a->domain, b->domain) &&
           slice_eq(a->value, b->value) && (!a->put || slice_eq(a->source, b->source));
}

/* A segment with something of everything; records in ret[8]. */
static void write_sample(struct buf *b, struct record ret[static 8])
{
    struct segment_writer w;
    ret[0] = uri("alice", "tokyo.example.com", 100);
    ret[1] = uri("bob", "tokyo.example.com", 101);
    ret[1].value = slice_make("\3\0+81355501234", 13);
    ret[2] = number(ENTRY_ENTERPRISE, "5551234", 102);
    ret[2].source = slice_of("csv");
    ret[2].value = slice_make("\2\3+8135550", 10);
    ret[3] = uri("carol", "osaka.example.com", 103);
    ret[3].source = slice_of("csv");
    ret[4] = uri("dave", "tokyo.example.com", 104);
    ret[4].put = false;
    ret[5] = number(ENTRY_E164, "+81355501234", 7);
    ret[6] = number(ENTRY_FIELD, "fqdn", UINT64_C(1) << 40);
    ret[6].value = slice_of("hub.example.com");
    ret[7] = number(15, "of a later version", UINT64_MAX);
    segment_writer_init(&w, b);
    for (int i = 0; i < 8; i++)
        assert_true(segment_writer_put(&w, &ret[i]));
}

static void test_round_trip(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct record want[8], got, at;
    struct segment_reader r;
    uint32_t records;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, SEGMENT_MAX);
    write_sample(&b, want);
    assert_true(segment_measure(buf_slice(&b), &records));
    assert_int_equal(records, 8);
    segment_reader_init(&r, buf_slice(&b));
    for (int i = 0; i < 8; i++) {
        assert_int_equal(segment_next(&r, &got), 1);
        assert_true(same(&got, &want[i]));
        segment_record_at(buf_slice(&b), got.offset, &at);
        assert_true(slice_eq(at.user, got.user) && slice_eq(at.domain, got.domain));
        assert_true(at.put == got.put && at.kind == got.kind && slice_eq(at.value, got.value));
        assert_int_equal(at.usn, 0);
        struct segment_reader seek;
        segment_reader_init(&seek, buf_slice(&b));
        segment_seek(&seek, got.offset);
        assert_int_equal(segment_next(&seek, &at), 1);
        assert_true(same(&at, &want[i]));
    }
    assert_int_equal(segment_next(&r, &got), 0);
    buf_done(&b);
    assert_int_equal(t.mem.used, 0);
}

static void test_domains_are_shared(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct segment_writer w;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, SEGMENT_MAX);
    segment_writer_init(&w, &b);
    struct record r = uri("a", "one.example", 1);
    assert_true(segment_writer_put(&w, &r));
    size_t first = b.n;
    r = uri("b", "one.example", 2);
    assert_true(segment_writer_put(&w, &r));
    assert_int_equal(b.n - first, 2 + 2 + 1); /* frame, offset of the domain, user */
    for (int i = 0; i < 64; i++) {            /* the dictionary forgets after 64 others */
        char domain[] = "x00.example";
        domain[1] = (char)('0' + i / 10);
        domain[2] = (char)('0' + i % 10);
        r = uri("c", domain, (uint64_t)(3 + i));
        assert_true(segment_writer_put(&w, &r));
    }
    size_t before = b.n;
    r = uri("d", "one.example", 67);
    assert_true(segment_writer_put(&w, &r));
    assert_int_equal(b.n - before, 5 + 2 + 11);
    assert_true(segment_check(buf_slice(&b)));
    buf_done(&b);
}

/* Whether the record is of the key, and of none that has another byte anywhere. */
static void ask_each_byte(struct slice bytes, uint32_t offset, uint8_t kind, char *text,
                          size_t user, size_t domain)
{
    struct record key = {.kind = kind,
                         .user = slice_make(text, user),
                         .domain = slice_make(text + user, domain)};
    struct record got;
    assert_true(segment_record_is(bytes, offset, &key, false, &got));
    assert_true(got.put && got.kind == kind && got.usn == 0 && got.offset == offset);
    assert_true(slice_eq(got.user, key.user) && slice_eq(got.domain, key.domain));
    assert_true(got.value.n == 0 && got.source.n == 0);
    for (size_t i = 0; i < user + domain; i++) {
        text[i] ^= 1;
        assert_false(segment_record_is(bytes, offset, &key, false, &got));
        text[i] ^= 1;
    }
    key.user.n--;
    assert_false(segment_record_is(bytes, offset, &key, false, &got));
    key.user.n++;
    key.domain.n += domain > 0 ? SIZE_MAX : 1;
    assert_false(segment_record_is(bytes, offset, &key, false, &got));
}

static void test_record_is_of_key(void **state)
{
    (void)state;
    static const size_t domains[] = {0, 1, 3, 4, 7, 8, 9, 16, 17, 24, 25, 40, 0x7d, 0x7e, 200};
    struct test_mem t;
    struct buf b;
    char text[URI_MAX + 1];
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, SEGMENT_MAX);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('b' + i % 23);
    for (size_t d = 0; d < sizeof domains / sizeof *domains; d++) {
        for (size_t user = 1; user + 1 + domains[d] <= URI_MAX; user += user < 40 ? 1 : 11) {
            struct segment_writer w;
            struct segment_reader r;
            struct record got;
            struct record put = {.put = true, .usn = 9, .user = slice_make(text, user),
                                 .kind = domains[d] > 0 ? ENTRY_URI : ENTRY_FIELD,
                                 .domain = slice_make(text + user, domains[d])};
            buf_reset(&b);
            segment_writer_init(&w, &b);
            assert_true(segment_writer_put(&w, &put));
            segment_reader_init(&r, buf_slice(&b));
            assert_int_equal(segment_next(&r, &got), 1);
            ask_each_byte(buf_slice(&b), got.offset, put.kind, text, user, domains[d]);
        }
    }
    buf_done(&b);
}

static void test_full(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct segment_writer w;
    static uint8_t big[SEGMENT_MAX];
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, SEGMENT_MAX);
    segment_writer_init(&w, &b);
    struct record r = number(ENTRY_FIELD, "k", 1);
    /* USN record 3, frame 4, length of the value 2, key 1 */
    r.value = slice_make(big, SEGMENT_MAX - 10);
    assert_true(segment_writer_put(&w, &r));
    assert_int_equal(b.n, SEGMENT_MAX);
    assert_true(segment_check(buf_slice(&b)));
    r = number(ENTRY_FIELD, "l", 2);
    assert_false(segment_writer_put(&w, &r));
    assert_false(b.failed);
    assert_int_equal(b.n, SEGMENT_MAX);
    buf_reset(&b);
    segment_writer_init(&w, &b);
    r.value = slice_make(big, SEGMENT_MAX - 9);
    assert_false(segment_writer_put(&w, &r));
    assert_int_equal(b.n, 0);
    buf_done(&b);
}

static void test_unwritable(void **state)
{
    (void)state;
    static const uint8_t long_key[URI_MAX + 1];
    struct test_mem t;
    struct buf b;
    struct segment_writer w;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, SEGMENT_MAX);
    segment_writer_init(&w, &b);
    struct record bad[] = {
        uri("", "example.com", 1),
        uri("a", "", 1),
        uri("a", "Example.com", 1),
        uri("a", "exa mple.com", 1),
        uri("a", "example.com", 0),
        number(ENTRY_E164, "", 1),
        number(16, "1", 1),
        number(ENTRY_E164, "+1", 1),
        number(ENTRY_E164, "+1", 1),
        number(ENTRY_E164, "+1", 1),
        number(ENTRY_E164, "+1", 1),
        uri("a", "example.com", 1),
    };
    size_t n = sizeof bad / sizeof bad[0];
    bad[n - 5].user = slice_make(long_key, sizeof long_key);
    bad[n - 4].domain = slice_of("example.com");
    bad[n - 3].source = slice_make("\xff", 1);
    bad[n - 2].put = false;
    bad[n - 2].value = slice_of("x");
    bad[n - 1].value = slice_make(long_key, 255);
    for (size_t i = 0; i + 1 < n; i++)
        assert_false(segment_writer_put(&w, &bad[i]));
    assert_int_equal(b.n, 0);
    assert_true(segment_writer_put(&w, &bad[n - 1]));
    bad[n - 1].usn = 2;
    bad[n - 1].value.n = 256;
    assert_false(segment_writer_put(&w, &bad[n - 1]));
    buf_done(&b);
}

#define BYTES(text) {text, sizeof text - 1}

static void test_unsound(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t n;
    } unsound[] = {
        BYTES(""),
        BYTES("\x01"),
        BYTES("\x01\x01"),
        BYTES("\x01\x00"),                          /* no USN */
        BYTES("\x01\x01\x00"),                      /* USN 0 */
        BYTES("\x01\x02\x81\x00"),                  /* longer than needed */
        BYTES("\x01\x02\x01\x01"),                  /* something behind it */
        BYTES("\x01\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), /* 65 bits */
        BYTES("\x04\x00\x01\x01\x01"),              /* USN is not first */
        BYTES("\x01\x01\x01\x04\x81\x00\x00"),      /* length longer than needed */
        BYTES("\x01\x01\x01\x04\x02\x00"),          /* length beyond the end */
        BYTES("\x01\x01\x01\x00\x00"),              /* unknown type */
        BYTES("\x01\x01\x01\x05\x00"),
        BYTES("\x01\x01\x01\x0f\x00"),
        BYTES("\x01\x01\x01\x02\x00"),              /* empty host */
        BYTES("\x01\x01\x01\x02\x01""A"),           /* upper case */
        BYTES("\x01\x01\x01\x02\x01 "),
        BYTES("\x01\x01\x01\x03\x01\xff"),          /* source: not UTF-8 */
        BYTES("\x01\x01\x01\x13\x00"),              /* empty key */
        BYTES("\x01\x01\x01\x23\x01\x00"),          /* value without its length */
        BYTES("\x01\x01\x01\x23\x03\x00\x01""1"),   /* value, no key */
        BYTES("\x01\x01\x01\x23\x03\x00\x02""1"),   /* value beyond the body */
        BYTES("\x01\x01\x01\x11\x01\x00"),          /* no domain offset */
        BYTES("\x01\x01\x01\x02\x01""e\x11\x03\x00\x00""a"), /* offset of a USN record */
        BYTES("\x01\x01\x01\x02\x01""e\x11\x02\x00\x03"),    /* no user */
        BYTES("\x01\x01\x01\x11\x03\x00\x08""a\x02\x01""e"), /* domain comes later */
        BYTES("\x01\x01\x01\x04\x03\x02\x01""e\x11\x03\x00\x05""a"), /* inside another record */
        BYTES("\x01\x01\x01\x02\x01""e\x11\x03\xff\xff""a"),
        BYTES("\x01\x01\x01\x02\x01""e\x21\x04\x00\x03\x02""a"), /* value beyond the body */
        /* two records from the last USN on */
        BYTES("\x01\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x13\x01""1\x13\x01""2"),
    };
    static const struct {
        const char *p;
        size_t n;
    } sound[] = {
        BYTES("\x01\x01\x01"),
        BYTES("\x01\x01\x01\x40\x00\xff\x02xx\x04\x01 "),
        BYTES("\x01\x01\x01\x02\x01""e\x11\x03\x00\x03""a"),
        BYTES("\x01\x01\x01\x1f\x01 \x3e\x01x\x2d\x03\x00\x00y"),
        BYTES("\x01\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x13\x01""1"),
    };
    for (size_t i = 0; i < sizeof unsound / sizeof unsound[0]; i++)
        assert_false(segment_check(slice_make(unsound[i].p, unsound[i].n)));
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++)
        assert_true(segment_check(slice_make(sound[i].p, sound[i].n)));
    static uint8_t note[SEGMENT_MAX + 1] = {0x01, 0x01, 0x01, 0x04, 0xf8, 0xff, 0x03};
    assert_false(segment_check(slice_make(note, sizeof note)));
    assert_true(segment_check(slice_make(note, 7 + 0xfff8)));
}

/* Reads whatever the bytes are, in an allocation of exactly their size. */
static bool read_all(const uint8_t *p, size_t n)
{
    struct segment_reader r;
    struct record record, at;
    uint8_t *exact = malloc(n + 1);
    memcpy(exact, p, n);
    struct slice bytes = slice_make(exact, n);
    bool sound = segment_check(bytes);
    int step;
    segment_reader_init(&r, bytes);
    while ((step = segment_next(&r, &record)) == 1) {
        if (sound)
            segment_record_at(bytes, record.offset, &at);
    }
    if (sound)
        assert_int_equal(step, 0);
    free(exact);
    return sound;
}

static void test_torture(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct record records[8];
    size_t sound = 0, unsound = 0;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, SEGMENT_MAX);
    write_sample(&b, records);
    for (size_t n = 0; n < b.n; n++)
        read_all(b.p, n);
    for (size_t at = 0; at < b.n; at++) {
        uint8_t was = b.p[at];
        for (unsigned v = 0; v < 256; v++) {
            b.p[at] = (uint8_t)v;
            if (read_all(b.p, b.n))
                sound++;
            else
                unsound++;
        }
        b.p[at] = was;
    }
    assert_true(sound > 1000 && unsound > 1000);
    buf_done(&b);
}

static void test_failover_value(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t n;
        bool ok;
    } values[] = {
        {"", 0, true},
        {"\0\0", 2, true},
        {"\1\0", 2, true},
        {"\2\3", 2, true},
        {"\2\3+81", 5, true},
        {"\3\0" "110", 5, true},
        {"\3\0+110", 6, true},
        {"\1", 1, false},
        {"\4\0", 2, false},
        {"\3\0", 2, false},
        {"\3\0+", 3, false},
        {"\3\1" "1", 3, false},
        {"\1\0" "1", 3, false},
        {"\0\1", 2, false},
        {"\3\0" "1a", 4, false},
        {"\3\0" "1+", 4, false},
        {"\2\31", 2, false},
        {"\3\0" "1234567890123456789012345", 27, false},
    };
    struct test_mem t;
    struct buf b;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, 1000);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct failover f;
        struct slice value = slice_make(values[i].p, values[i].n);
        assert_int_equal(failover_get(value, &f), values[i].ok);
        if (!values[i].ok || value.n == 0)
            continue;
        buf_reset(&b);
        failover_put(&b, &f);
        assert_true(slice_eq(buf_slice(&b), value));
    }
    buf_done(&b);
}

static void test_record_of_entry(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct record r;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, 1000);
    struct entry e = {ENTRY_URI, slice_of("a@b@example.com"), {0}};
    record_of_entry(&r, &e, &b);
    assert_true(r.put && slice_eq(r.user, slice_of("a@b")));
    assert_true(slice_eq(r.domain, slice_of("example.com")) && r.value.n == 0);
    e = (struct entry){ENTRY_E164, slice_of("+8135550"), {FAILOVER_ITSELF, 0, {NULL, 0}}};
    record_of_entry(&r, &e, &b);
    assert_true(slice_eq(r.user, e.key) && r.domain.n == 0);
    assert_true(slice_eq(r.value, slice_make("\1\0", 2)));
    buf_done(&b);
}

static void refusal_body(struct mem *mem)
{
    struct buf b;
    struct segment_writer w;
    buf_init(&b, mem, SEGMENT_MAX);
    segment_writer_init(&w, &b);
    for (uint64_t usn = 1; usn < 50; usn++) {
        struct record r = uri("somebody", "example.com", usn);
        size_t n = b.n;
        if (!segment_writer_put(&w, &r)) {
            assert_true(b.failed);
            assert_int_equal(b.n, n);
            break;
        }
    }
    buf_done(&b);
}

static void test_refusals(void **state)
{
    (void)state;
    test_every_refusal(refusal_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_domains_are_shared),
        cmocka_unit_test(test_record_is_of_key), cmocka_unit_test(test_full),
        cmocka_unit_test(test_unwritable),       cmocka_unit_test(test_unsound),
        cmocka_unit_test(test_torture),          cmocka_unit_test(test_failover_value),
        cmocka_unit_test(test_record_of_entry),  cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
