/* frame: taking and putting, limits, bytes that come one by one. */
#include "test.h"

#include "link/frame.h"

static void test_take(void **state)
{
    static const uint8_t in[] = {1, 0, 0, 2, 'a', 'b', 6, 0, 0, 0, 200, 0, 1, 0};
    struct slice rest = slice_make(in, sizeof in), body;
    uint8_t type;
    assert_int_equal(frame_take(&rest, 256, &type, &body), 0);
    assert_int_equal(type, FRAME_HELLO);
    assert_ptr_equal(body.p, in + 4);
    assert_int_equal(body.n, 2);
    assert_int_equal(frame_take(&rest, 256, &type, &body), 0);
    assert_int_equal(type, FRAME_KEEPALIVE);
    assert_int_equal(body.n, 0);
    struct slice before = rest;
    assert_int_equal(frame_take(&rest, 256, &type, &body), 1); /* 256 is allowed, not here yet */
    assert_ptr_equal(rest.p, before.p);
    assert_int_equal(frame_take(&rest, 255, &type, &body), -1); /* judged before it comes */
    assert_ptr_equal(rest.p, before.p);
    for (size_t n = 0; n < 6; n++) {
        struct slice cut = slice_make(in, n);
        assert_int_equal(frame_take(&cut, 256, &type, &body), 1);
    }
    rest = slice_make(NULL, 0);
    assert_int_equal(frame_take(&rest, 0, &type, &body), 1);
}

static void test_put(void **state)
{
    static const uint8_t expected[] = {3, 0, 0, 2, 'o', 'k', 12, 0, 1, 0x2c};
    struct test_mem t;
    struct buf b;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, 1000);
    frame_put(&b, FRAME_CONFIRM, slice_of("ok"));
    size_t at = frame_begin(&b, FRAME_SEGMENT);
    assert_int_equal(at, 6);
    memset(buf_extend(&b, 300), 'x', 300);
    frame_end(&b, at);
    assert_false(b.failed);
    assert_int_equal(b.n, 310);
    assert_memory_equal(b.p, expected, sizeof expected);
    buf_done(&b);
}

static void test_put_fails_whole(void **state)
{
    struct test_mem t;
    struct buf b;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, 12);
    frame_put(&b, FRAME_HELLO, slice_of("abc"));
    frame_put(&b, FRAME_HELLO, slice_of("ab"));
    assert_true(b.failed);
    assert_int_equal(b.n, 7);
    buf_done(&b);

    buf_init(&b, &t.mem, SIZE_MAX);
    frame_put(&b, FRAME_HELLO, slice_of("abc"));
    size_t at = frame_begin(&b, FRAME_SEGMENT);
    buf_extend(&b, 1 << 24); /* one byte more than a length can say */
    frame_end(&b, at);
    assert_true(b.failed);
    assert_int_equal(b.n, 7);
    buf_done(&b);
    assert_int_equal(t.mem.used, 0);
}

static void use(struct mem *mem)
{
    struct buf b;
    struct slice body;
    uint8_t type;
    buf_init(&b, mem, 4096);
    for (int i = 0; i < 40; i++)
        frame_put(&b, FRAME_GONE, slice_of("0123456789abcdef"));
    struct slice in = buf_slice(&b); /* whatever is there is whole frames */
    while (in.n > 0) {
        assert_int_equal(frame_take(&in, 16, &type, &body), 0);
        assert_int_equal(body.n, 16);
    }
    buf_done(&b);
}

static void test_refusals(void **state)
{
    test_every_refusal(use);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_put_fails_whole),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
