/* crypto: the published vectors of each primitive, through our own names. The composition of H is
 * checked against values computed apart (Python's hashlib). */
#include "test.h"

#include "base/crypto.h"

static void bytes(uint8_t *dst, size_t n, const char *hex)
{
    assert_true(hex_parse(dst, n, slice_of(hex)));
}

static void assert_hex(const uint8_t *p, size_t n, const char *hex)
{
    char text[600];
    assert_true(2 * n < sizeof text);
    hex_text(text, p, n);
    assert_string_equal(text, hex);
}

static void test_hash(void **state)
{
    uint8_t hash[HASH_SIZE], key[KEY_SIZE], id[PEER_ID_SIZE];
    const struct slice parts[] = {slice_make(NULL, 0), slice_of("abc")};
    crypto_hash(hash, "label", NULL, 0);
    assert_hex(hash, 32, "854a84b1a657e7da4cdfd10a76503aa16efcd1b6ed221be4a4f4f85e30c762e0");
    crypto_hash(hash, "label", parts, 2);
    assert_hex(hash, 32, "d246094e6af0d3def2e0d4a51e325087aeded48e61f067ba6e626d954de353ae");
    for (unsigned i = 0; i < KEY_SIZE; i++)
        key[i] = (uint8_t)i;
    crypto_hash1(hash, "peer", slice_make(key, KEY_SIZE));
    assert_hex(hash, 32, "9b27e44d1547d3d5e99cd4b22054514dd67ccaa11c373aae5ae361f5c57c6141");
    crypto_peer_id(id, key);
    assert_memory_equal(id, hash, PEER_ID_SIZE);
}

/* In pieces, and gone on with twice from the same place. */
static void test_hash_in_pieces(void **state)
{
    uint8_t wanted[HASH_SIZE], hash[HASH_SIZE], text[1000];
    struct crypto_hashing h, other;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7);
    crypto_hash1(wanted, "label", slice_make(text, sizeof text));
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        crypto_hash_begin(&h, "label", sizeof text);
        crypto_hash_more(&h, slice_make(text, cut));
        other = h;
        crypto_hash_more(&other, slice_make("no", 2));
        crypto_hash_end(&other, hash);
        assert_memory_not_equal(hash, wanted, HASH_SIZE);
        crypto_hash_more(&h, slice_make(text + cut, sizeof text - cut));
        crypto_hash_end(&h, hash);
        assert_memory_equal(hash, wanted, HASH_SIZE);
    }
}

/* RFC 8032, 7.1, test 2. */
static void test_ed25519(void **state)
{
    uint8_t seed[SEED_SIZE], public_key[KEY_SIZE], secret[SECRET_SIZE], signature[SIGNATURE_SIZE];
    struct slice message = slice_make("\x72", 1);
    bytes(seed, 32, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    crypto_keypair(seed, public_key, secret);
    assert_hex(public_key, 32, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    crypto_sign(signature, message, secret);
    assert_hex(signature, 64,
               "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
               "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    assert_true(crypto_verify(signature, message, public_key));
    assert_false(crypto_verify(signature, slice_make("\x73", 1), public_key));
    signature[63] ^= 1;
    assert_false(crypto_verify(signature, message, public_key));
    signature[63] ^= 1;
    public_key[0] ^= 1;
    assert_false(crypto_verify(signature, message, public_key));
}

/* RFC 8439, A.5: its nonce is four zero bytes and a counter. */
static void test_aead(void **state)
{
    static const char plain[] =
        "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, "
        "replaced, or obsoleted by other documents at any time. It is inappropriate to use "
        "Internet-Drafts as reference material or to cite them other than as "
        "/\xe2\x80\x9cwork in progress./\xe2\x80\x9d";
    uint8_t key[KEY_SIZE], extra[12], out[sizeof plain - 1 + TAG_SIZE];
    size_t n = sizeof plain - 1;
    uint64_t counter = UINT64_C(0x0807060504030201);
    struct slice ad = slice_make(extra, sizeof extra);
    bytes(key, 32, "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
    bytes(extra, 12, "f33388860000000000004e91");
    assert_int_equal(n, 265);
    crypto_seal(out, slice_make(plain, n), ad, counter, key);
    assert_hex(out, 16, "64a0861575861af460f062c79be643bd");
    assert_hex(out + n, 16, "eead9d67890cbb22392336fea1851f38");
    assert_true(crypto_open(out, slice_make(out, n + TAG_SIZE), ad, counter, key));
    assert_memory_equal(out, plain, n);

    crypto_seal(out, slice_make(out, n), ad, counter, key); /* in place */
    assert_hex(out + n, 16, "eead9d67890cbb22392336fea1851f38");
    uint8_t back[265];
    assert_false(crypto_open(back, slice_make(out, n + TAG_SIZE), ad, counter + 1, key));
    assert_false(crypto_open(back, slice_make(out, n + TAG_SIZE - 1), ad, counter, key));
    assert_false(crypto_open(back, slice_make(out, TAG_SIZE - 1), ad, counter, key));
    extra[0] ^= 1;
    assert_false(crypto_open(back, slice_make(out, n + TAG_SIZE), ad, counter, key));
}

static void test_sha512(void **state)
{
    uint8_t out[64];
    const struct slice parts[] = {slice_of("a"), slice_make(NULL, 0), slice_of("bc")};
    crypto_sha512(out, parts, 3);
    assert_hex(out, 64,
               "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
               "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    /* RFC 4231, test case 2. */
    crypto_hmac_sha512(out, slice_of("Jefe"), slice_of("what do ya want for nothing?"));
    assert_hex(out, 64,
               "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
               "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

/* RFC 9496, A.1 to A.3, and what CPace needs of the group. */
static void test_ristretto255(void **state)
{
    static const char *const invalid[] = {
        "0000000000000000000000000000000000000000000000000000000000000000", /* neutral */
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000000", /* negative */
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371", /* no square */
        "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* y = 0 */
    };
    uint8_t base[POINT_SIZE], scalar[SCALAR_SIZE] = {1}, point[POINT_SIZE], uniform[64];
    bytes(base, 32, "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76");
    assert_true(crypto_point_mul(point, scalar, base));
    assert_memory_equal(point, base, POINT_SIZE);
    scalar[0] = 2;
    assert_true(crypto_point_mul(point, scalar, base));
    assert_hex(point, 32, "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919");
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        uint8_t bad[POINT_SIZE];
        bytes(bad, 32, invalid[i]);
        assert_false(crypto_point_mul(point, scalar, bad));
    }
    scalar[0] = 0;
    assert_false(crypto_point_mul(point, scalar, base));

    struct slice text = slice_of("Ristretto is traditionally a short shot of espresso coffee");
    crypto_sha512(uniform, &text, 1);
    crypto_point_from_hash(point, uniform);
    assert_hex(point, 32, "3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46");

    /* The group's order, little-endian, reduces to 0; with 5 added, to 5. */
    uint8_t entropy[64] = {0}, zero[SCALAR_SIZE] = {0};
    bytes(entropy, 32, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    crypto_scalar(scalar, entropy);
    assert_memory_equal(scalar, zero, SCALAR_SIZE);
    entropy[0] = (uint8_t)(entropy[0] + 5);
    zero[0] = 5;
    crypto_scalar(scalar, entropy);
    assert_memory_equal(scalar, zero, SCALAR_SIZE);
}

/* The vectors of the SipHash paper's reference: keys 00..0f, input 00, 01, 02, ... */
static void test_siphash(void **state)
{
    uint8_t key[16], message[15];
    for (unsigned i = 0; i < 16; i++)
        key[i] = (uint8_t)i;
    for (unsigned i = 0; i < 15; i++)
        message[i] = (uint8_t)i;
    assert_true(crypto_siphash(slice_make(message, 15), key) == UINT64_C(0xa129ca6149be45e5));
    assert_true(crypto_siphash(slice_make(message, 0), key) == UINT64_C(0x726fdb47dd0e0e31));
}

static void test_equal_and_wipe(void **state)
{
    uint8_t a[3] = {1, 2, 3}, b[3] = {1, 2, 3};
    assert_true(crypto_equal(a, b, 3));
    b[2] = 4;
    assert_false(crypto_equal(a, b, 3));
    crypto_wipe(a, 3);
    assert_int_equal(a[0] | a[1] | a[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash), cmocka_unit_test(test_hash_in_pieces),
        cmocka_unit_test(test_ed25519),
        cmocka_unit_test(test_aead),           cmocka_unit_test(test_sha512),
        cmocka_unit_test(test_ristretto255),   cmocka_unit_test(test_siphash),
        cmocka_unit_test(test_equal_and_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
