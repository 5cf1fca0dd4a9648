/* cpace: vectors and invalid points of draft-irtf-cfrg-cpace-21, B.3 (ristretto255, SHA-512), and
 * the exchange as this project uses it. */
#include "test.h"

#include "link/cpace.h"

static struct slice bytes(uint8_t dst[static 64], size_t n, const char *hex)
{
    assert_true(hex_parse(dst, n, slice_of(hex)));
    return slice_make(dst, n);
}

static void assert_hex(const uint8_t *p, size_t n, const char *hex)
{
    char text[129];
    assert_true(n <= 64);
    hex_text(text, p, n);
    assert_string_equal(text, hex);
}

#define SID "7e4b4791d6a8ef019b936c79fb7f2c57"
#define G   "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56"
#define YA  "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157"
#define YB  "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258"
#define K   "80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f"
#define ISK                                                                                        \
    "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd"                             \
    "2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447"

static void test_draft_generator(void **state)
{
    uint8_t g[POINT_SIZE], sid[64];
    cpace_generator(g, slice_of("Password"),
                    slice_of("\x0b"
                             "A_initiator\x0b"
                             "B_responder"),
                    bytes(sid, 16, SID));
    assert_hex(g, 32, G);
}

static void test_draft_shares_and_key(void **state)
{
    uint8_t g[64], scalar[64], ya[64], yb[64], point[POINT_SIZE], sid[64], k[64], isk[64];
    bytes(g, 32, G);
    bytes(scalar, 32, "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08");
    assert_true(crypto_point_mul(point, scalar, g));
    assert_hex(point, 32, YA);
    bytes(yb, 32, YB);
    assert_true(crypto_point_mul(point, scalar, yb));
    assert_hex(point, 32, K);
    bytes(scalar, 32, "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d");
    assert_true(crypto_point_mul(point, scalar, g));
    assert_hex(point, 32, YB);
    bytes(ya, 32, YA);
    assert_true(crypto_point_mul(point, scalar, ya));
    assert_hex(point, 32, K);

    cpace_isk_ir(isk, bytes(sid, 16, SID), bytes(k, 32, K), slice_make(ya, 32), slice_of("ADa"),
                 slice_make(yb, 32), slice_of("ADb"));
    assert_hex(isk, 64, ISK);
}

static void test_draft_points(void **state)
{
    uint8_t scalar[64], x[64], point[POINT_SIZE];
    bytes(scalar, 32, "7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05");
    bytes(x, 32, "2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c");
    assert_true(crypto_point_mul(point, scalar, x));
    assert_hex(point, 32, "7c13645fe790a468f62c39beb7388e541d8405d1ade69d1778c5fe3e7f6b600e");
    bytes(x, 32, "2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c");
    assert_false(crypto_point_mul(point, scalar, x));
    memset(x, 0, 32);
    assert_false(crypto_point_mul(point, scalar, x));
}

static void test_long_inputs(void **state)
{
    /* Lengths of two LEB128 bytes, and a PRS that leaves no room for padding: values computed with
     * the independent script. */
    static uint8_t a[200], b[300];
    uint8_t g[POINT_SIZE], isk[64];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    struct slice la = slice_make(a, sizeof a), lb = slice_make(b, sizeof b);
    cpace_generator(g, la, lb, slice_make(NULL, 0));
    assert_hex(g, 32, "cac6bf7da4b570110806fdeafe952c97cce6bb54afaade34f86ef4eec32c314c");
    cpace_generator(g, slice_make(a, 107), lb, slice_make(NULL, 0)); /* one byte of room */
    assert_hex(g, 32, "fc210b1e2fa095113796b00795de30ce7cad74975169f3f45fbec7ad7d450750");
    cpace_isk_ir(isk, la, lb, la, lb, la, lb);
    assert_hex(isk, 64,
               "e15f1f78b391dc91d6ca0533299e3927336b55ad335d1e7fc829450873345489"
               "b11a0d650ae5110e72beb621343978e8c85329124ec6ae723334fe098bfc15dc");
}

static const uint8_t prs[32] = {1, 2, 3}, other_prs[32] = {1, 2, 4};
static const uint8_t sid[HASH_SIZE] = {5};
static const uint8_t entropy_c[64] = {6, 7}, entropy_s[64] = {8, 9};

static void start(struct cpace *c, struct cpace *s, const uint8_t *prs_s)
{
    cpace_start(c, CPACE_DIALLER, prs, sid, entropy_c);
    cpace_start(s, CPACE_ACCEPTOR, prs_s, sid, entropy_s);
}

static void test_exchange(void **state)
{
    static const uint8_t zeros[SCALAR_SIZE];
    struct cpace c, s;
    start(&c, &s, prs);
    assert_true(cpace_finish(&s, c.share));
    assert_true(cpace_finish(&c, s.share));
    assert_memory_equal(c.isk, s.isk, CPACE_ISK_SIZE);
    assert_memory_equal(c.scalar, zeros, SCALAR_SIZE);
    assert_memory_not_equal(c.confirm, s.confirm, CPACE_CONFIRM_SIZE);
    assert_true(cpace_confirmed(&s, slice_make(c.confirm, CPACE_CONFIRM_SIZE)));
    assert_true(cpace_confirmed(&c, slice_make(s.confirm, CPACE_CONFIRM_SIZE)));
    /* One's own tag, a short one, an altered one. */
    assert_false(cpace_confirmed(&c, slice_make(c.confirm, CPACE_CONFIRM_SIZE)));
    assert_false(cpace_confirmed(&c, slice_make(s.confirm, CPACE_CONFIRM_SIZE - 1)));
    assert_false(cpace_confirmed(&c, slice_make(NULL, 0)));
    s.confirm[63] ^= 0x80;
    assert_false(cpace_confirmed(&c, slice_make(s.confirm, CPACE_CONFIRM_SIZE)));
    cpace_wipe(&c);
    for (size_t i = 0; i < sizeof c; i++)
        assert_int_equal(((const uint8_t *)&c)[i], 0);
}

static void test_wrong_password(void **state)
{
    struct cpace c, s;
    start(&c, &s, other_prs);
    assert_true(cpace_finish(&s, c.share));
    assert_true(cpace_finish(&c, s.share));
    assert_memory_not_equal(c.isk, s.isk, CPACE_ISK_SIZE);
    assert_false(cpace_confirmed(&s, slice_make(c.confirm, CPACE_CONFIRM_SIZE)));
    assert_false(cpace_confirmed(&c, slice_make(s.confirm, CPACE_CONFIRM_SIZE)));
}

static void test_other_sid(void **state)
{
    static const uint8_t other[HASH_SIZE] = {6};
    struct cpace c, s;
    cpace_start(&c, CPACE_DIALLER, prs, sid, entropy_c);
    cpace_start(&s, CPACE_ACCEPTOR, prs, other, entropy_s);
    assert_true(cpace_finish(&s, c.share));
    assert_false(cpace_confirmed(&s, slice_make(c.confirm, CPACE_CONFIRM_SIZE)));
}

static void test_bad_shares(void **state)
{
    static const uint8_t zeros[CPACE_ISK_SIZE];
    static const char *const bad[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    struct cpace c, s;
    uint8_t share[64];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        start(&c, &s, prs);
        bytes(share, 32, bad[i]);
        assert_false(cpace_finish(&c, share));
        assert_false(cpace_finish(&s, share));
        assert_memory_equal(c.isk, zeros, CPACE_ISK_SIZE);
        assert_memory_equal(c.scalar, zeros, SCALAR_SIZE);
        assert_false(cpace_finish(&c, s.share)); /* no second try with the wiped scalar */
    }
    start(&c, &s, prs);
    memcpy(share, c.share, POINT_SIZE);
    assert_false(cpace_finish(&c, share));
    /* Entropy that reduces to the scalar 0. */
    memset(share, 0, sizeof share);
    cpace_start(&c, CPACE_DIALLER, prs, sid, share);
    assert_memory_equal(c.share, zeros, POINT_SIZE);
    assert_false(cpace_finish(&c, s.share));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draft_generator), cmocka_unit_test(test_draft_shares_and_key),
        cmocka_unit_test(test_draft_points),    cmocka_unit_test(test_long_inputs),
        cmocka_unit_test(test_exchange),        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_other_sid),       cmocka_unit_test(test_bad_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
