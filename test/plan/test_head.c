/* Heads and manifests: bytes, signature, order. */
#include "test.h"

#include "plan/head.h"

static uint8_t public_key[KEY_SIZE], secret[SECRET_SIZE];

static struct head sample(void)
{
    struct head h = {
        .number = STREAM_PLAN,
        .epoch = (UINT64_C(1) << 32) + 5,
        .usn = 1000,
        .beat = 3,
        .interval = 10,
        .lines = 2,
        .bytes = 70000,
        .live = 900,
        .sum = UINT64_C(0xfedcba9876543210),
        .peak = 950,
        .flags = 0,
        .name = slice_of("tokyo"),
        .route_string = slice_of("tokyo.example.com"),
    };
    memcpy(h.key, public_key, KEY_SIZE);
    memset(h.root, 0xab, HASH_SIZE);
    return h;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct head h = sample(), got;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, HEAD_MAX);
    head_put(&b, &h, secret);
    assert_false(b.failed);
    assert_int_equal(head_get(buf_slice(&b), &got), 0);
    assert_true(head_signed(buf_slice(&b)));
    assert_int_equal(head_order(&h, &got), 0);
    assert_memory_equal(got.key, h.key, KEY_SIZE);
    assert_int_equal(got.number, h.number);
    assert_int_equal(got.interval, h.interval);
    assert_int_equal(got.lines, h.lines);
    assert_int_equal(got.bytes, h.bytes);
    assert_int_equal(got.live, h.live);
    assert_int_equal(got.sum, h.sum);
    assert_int_equal(got.peak, h.peak);
    assert_int_equal(got.flags, h.flags);
    assert_true(slice_eq(got.name, h.name));
    assert_true(slice_eq(got.route_string, h.route_string));
    buf_done(&b);
}

static void test_longest(void **state)
{
    (void)state;
    static uint8_t text[256];
    struct test_mem t;
    struct buf b;
    struct head h = sample(), got;
    memset(text, 'x', sizeof text);
    h.name = h.route_string = slice_make(text, 255);
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, HEAD_MAX);
    head_put(&b, &h, secret);
    assert_int_equal(b.n, HEAD_MAX);
    assert_int_equal(head_get(buf_slice(&b), &got), 0);
    buf_reset(&b);
    h.name.n = 256;
    head_put(&b, &h, secret);
    assert_true(b.failed);
    buf_done(&b);
}

static void test_every_bit_is_signed(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct head h = sample(), got;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, HEAD_MAX);
    head_put(&b, &h, secret);
    for (size_t n = 0; n < b.n; n++) {
        assert_int_equal(head_get(slice_make(b.p, n), &got), -1);
        assert_false(head_signed(slice_make(b.p, n)));
    }
    for (size_t at = 0; at < b.n; at++) {
        b.p[at] ^= (uint8_t)(1u << at % 8);
        assert_true(head_get(buf_slice(&b), &got) != 0 || !head_signed(buf_slice(&b)));
        b.p[at] ^= (uint8_t)(1u << at % 8);
    }
    assert_true(head_signed(buf_slice(&b)));
    buf_put_u8(&b, 0);
    assert_int_equal(head_get(buf_slice(&b), &got), -1);
    buf_done(&b);
}

static void test_refused(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct head h = sample(), got;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, HEAD_MAX);
    h.lines = MANIFEST_LINES_MAX + 1;
    head_put(&b, &h, secret);
    assert_int_equal(head_get(buf_slice(&b), &got), -1);
    buf_reset(&b);
    h = sample();
    h.name = slice_make("\xff", 1);
    head_put(&b, &h, secret);
    assert_int_equal(head_get(buf_slice(&b), &got), -1);
    buf_reset(&b);
    h = sample();
    head_put(&b, &h, secret);
    b.p[0] = HEAD_VERSION + 1;
    assert_int_equal(head_get(buf_slice(&b), &got), -1);
    buf_done(&b);
}

static void test_order(void **state)
{
    (void)state;
    struct head a = sample(), b = sample();
    assert_int_equal(head_order(&a, &b), 0);
    b.beat++;
    assert_true(head_order(&a, &b) < 0);
    a.root[0]++;
    assert_true(head_order(&a, &b) > 0);
    b.usn++;
    assert_true(head_order(&a, &b) < 0);
    a.epoch++;
    assert_true(head_order(&a, &b) > 0 && head_order(&b, &a) < 0);
}

static void test_manifest(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct line in = {65535, {1, 2, 3}}, out;
    uint8_t one[HASH_SIZE], two[HASH_SIZE];
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, 1000);
    manifest_line_put(&b, &in);
    manifest_root(one, buf_slice(&b));
    in.size = 17;
    manifest_line_put(&b, &in);
    assert_int_equal(b.n, 2 * LINE_BYTES);
    manifest_root(two, buf_slice(&b));
    assert_memory_not_equal(one, two, HASH_SIZE);
    manifest_line(buf_slice(&b), 1, &out);
    assert_int_equal(out.size, 17);
    assert_memory_equal(out.name, in.name, HASH_SIZE);
    manifest_line(buf_slice(&b), 0, &out);
    assert_int_equal(out.size, 65535);
    buf_done(&b);
}

/* Lists of all lengths about the one from which on it is remembered what was hashed, each line of
 * which changes in its turn: the root is the one that is hashed anew. */
static void roots_of(struct mem *mem)
{
    static uint8_t lines[200 * LINE_BYTES];
    uint8_t wanted[HASH_SIZE], root[HASH_SIZE];
    struct roots r;
    roots_init(&r, mem);
    for (size_t n = 0; n <= 200; n += n < 100 ? 33 : 7) {
        for (size_t i = 0; i <= n; i++) {
            size_t less = i % 13 < n ? i % 13 : 0;
            struct slice all = slice_make(lines, (n - less) * LINE_BYTES);
            if (i < n)
                lines[(n - 1 - i) * LINE_BYTES + i % LINE_BYTES]++;
            manifest_root(wanted, all);
            roots_next(&r, root, all);
            assert_memory_equal(root, wanted, HASH_SIZE);
            roots_next(&r, root, all);
            assert_memory_equal(root, wanted, HASH_SIZE);
        }
    }
    roots_done(&r);
}

static void test_roots(void **state)
{
    struct test_mem t;
    (void)state;
    test_mem_init(&t, 0);
    roots_of(&t.mem);
    assert_int_equal(t.mem.used, 0);
    test_every_refusal(roots_of);
}

static void refusal_body(struct mem *mem)
{
    struct buf b;
    struct head h = sample();
    buf_init(&b, mem, HEAD_MAX);
    head_put(&b, &h, secret);
    assert_true(b.failed || head_signed(buf_slice(&b)));
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
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_longest),
        cmocka_unit_test(test_every_bit_is_signed), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_order), cmocka_unit_test(test_manifest), cmocka_unit_test(test_roots),
        cmocka_unit_test(test_refusals),
    };
    uint8_t seed[SEED_SIZE] = {7};
    crypto_keypair(seed, public_key, secret);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
