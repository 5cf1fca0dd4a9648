/* sealed: records in, the same stream out; everything that was touched on the way is refused. */
#include "test.h"

#include "link/sealed.h"

static const uint8_t binder[HASH_SIZE] = {1};

struct ends {
    struct sealed dialler, acceptor; /* as the dialler has them */
    struct sealed from_dialler;      /* as the acceptor has it */
    struct buf wire, got;
};

static void ends_init(struct ends *e, struct mem *mem)
{
    struct sealed unused;
    sealed_keys(&e->dialler, &e->acceptor, slice_of("isk"), binder);
    sealed_keys(&e->from_dialler, &unused, slice_of("isk"), binder);
    buf_init(&e->wire, mem, SIZE_MAX);
    buf_init(&e->got, mem, SIZE_MAX);
}

static void ends_done(struct ends *e)
{
    buf_done(&e->wire);
    buf_done(&e->got);
}

static void test_stream(void **state)
{
    static uint8_t plain[100000];
    static const size_t size[] = {0, 1, 100, SEALED_PLAIN_MAX, SEALED_PLAIN_MAX + 1, 50000};
    struct test_mem t;
    struct ends e;
    test_mem_init(&t, 0);
    ends_init(&e, &t.mem);
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 7);
    size_t total = 0, records = 0;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        sealed_put(&e.dialler, &e.wire, slice_make(plain + total, size[i]));
        total += size[i];
        records += (size[i] + SEALED_PLAIN_MAX - 1) / SEALED_PLAIN_MAX;
    }
    assert_int_equal(e.wire.n, total + records * (SEALED_HEADER + TAG_SIZE));
    assert_true(e.dialler.counter == records);
    struct slice in = buf_slice(&e.wire);
    while (in.n > 0)
        assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), 0);
    assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), 1);
    assert_true(e.from_dialler.counter == records);
    assert_true(slice_eq(buf_slice(&e.got), slice_make(plain, total)));
    ends_done(&e);
    assert_int_equal(t.mem.used, 0);
}

static void test_cut(void **state)
{
    struct test_mem t;
    struct ends e;
    test_mem_init(&t, 0);
    ends_init(&e, &t.mem);
    sealed_put(&e.dialler, &e.wire, slice_of("twelve bytes"));
    for (size_t n = 0; n < e.wire.n; n++) {
        struct slice in = slice_make(e.wire.p, n);
        assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), 1);
        assert_int_equal(in.n, n);
    }
    struct slice in = buf_slice(&e.wire);
    assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), 0);
    ends_done(&e);
}

static void test_every_bit_counts(void **state)
{
    struct test_mem t;
    struct ends e;
    test_mem_init(&t, 0);
    ends_init(&e, &t.mem);
    buf_put_text(&e.got, "before");
    sealed_put(&e.dialler, &e.wire, slice_of("frame"));
    for (size_t bit = 0; bit < 8 * e.wire.n; bit++) {
        e.wire.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct slice in = buf_slice(&e.wire);
        assert_int_not_equal(sealed_take(&e.from_dialler, &in, &e.got), 0);
        assert_int_equal(in.n, e.wire.n);
        assert_true(slice_eq(buf_slice(&e.got), slice_of("before")));
        assert_true(e.from_dialler.counter == 0);
        e.wire.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    struct slice in = buf_slice(&e.wire);
    assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), 0);
    assert_true(slice_eq(buf_slice(&e.got), slice_of("beforeframe")));
    ends_done(&e);
}

static void test_order_and_direction(void **state)
{
    struct test_mem t;
    struct ends e;
    test_mem_init(&t, 0);
    ends_init(&e, &t.mem);
    sealed_put(&e.dialler, &e.wire, slice_of("one"));
    size_t first = e.wire.n;
    sealed_put(&e.dialler, &e.wire, slice_of("two"));
    struct slice second = slice_make(e.wire.p + first, e.wire.n - first);
    assert_int_equal(sealed_take(&e.from_dialler, &second, &e.got), -1); /* one dropped */
    struct slice in = slice_make(e.wire.p, first);
    assert_int_equal(sealed_take(&e.acceptor, &in, &e.got), -1); /* turned back at its sender */
    in = slice_make(e.wire.p, first);
    assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), 0);
    in = slice_make(e.wire.p, first);
    assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), -1); /* doubled */
    assert_int_equal(sealed_take(&e.from_dialler, &second, &e.got), 0);
    assert_true(slice_eq(buf_slice(&e.got), slice_of("onetwo")));
    ends_done(&e);
}

static void test_lengths(void **state)
{
    static const uint16_t bad[] = {0, 1, 16, 16401, 65535};
    struct test_mem t;
    struct ends e;
    test_mem_init(&t, 0);
    ends_init(&e, &t.mem);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t head[2] = {(uint8_t)(bad[i] >> 8), (uint8_t)bad[i]};
        struct slice in = slice_make(head, 2);
        assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), -1);
    }
    uint8_t most[2] = {16400 >> 8, 16400 & 0xff};
    struct slice in = slice_make(most, 2);
    assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), 1);
    ends_done(&e);
}

static void test_out_refuses(void **state)
{
    struct test_mem t;
    struct ends e;
    test_mem_init(&t, 0);
    ends_init(&e, &t.mem);
    sealed_put(&e.dialler, &e.wire, slice_of("four"));
    e.got.max = 3;
    struct slice in = buf_slice(&e.wire);
    assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), -2);
    assert_int_equal(in.n, e.wire.n);
    e.got.max = 4;
    buf_reset(&e.got);
    assert_int_equal(sealed_take(&e.from_dialler, &in, &e.got), 0);

    e.wire.max = e.wire.n + 20;
    sealed_put(&e.dialler, &e.wire, slice_of("four")); /* 22 bytes: refused whole */
    assert_true(e.wire.failed);
    assert_true(e.dialler.counter == 1);
    ends_done(&e);
}

static void use(struct mem *mem)
{
    struct ends e;
    ends_init(&e, mem);
    for (int i = 0; i < 10; i++)
        sealed_put(&e.dialler, &e.wire, slice_of("0123456789012345678901234567890123456789"));
    struct slice in = buf_slice(&e.wire);
    while (in.n > 0 && sealed_take(&e.from_dialler, &in, &e.got) == 0)
        ;
    assert_int_equal(e.got.n, 40 * e.from_dialler.counter);
    ends_done(&e);
}

static void test_refusals(void **state)
{
    test_every_refusal(use);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),           cmocka_unit_test(test_cut),
        cmocka_unit_test(test_every_bit_counts), cmocka_unit_test(test_order_and_direction),
        cmocka_unit_test(test_lengths),          cmocka_unit_test(test_out_refuses),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
