/* binder: every part counts, and no part can be moved into its neighbour; proofs are bound to role,
 * binder and every field. */
#include "test.h"

#include "link/binder.h"

static void test_every_part_counts(void **state)
{
    struct binder_parts parts = {0};
    struct slice *part[] = {&parts.hello_c, &parts.hello_s, &parts.exporter,
                            &parts.spki_c,  &parts.spki_s,  &parts.isk};
    uint8_t seen[8][HASH_SIZE];
    size_t n = 0;
    link_binder(seen[n++], &parts);
    for (size_t i = 0; i < 6; i++) {
        *part[i] = slice_of("x");
        link_binder(seen[n++], &parts);
        *part[i] = slice_make(NULL, 0);
    }
    parts.hello_c = slice_of("xx");
    link_binder(seen[n++], &parts);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(seen[i], seen[k], HASH_SIZE);
    }
}

static void test_sid(void **state)
{
    uint8_t a[HASH_SIZE], b[HASH_SIZE];
    link_sid(a, slice_of("hello c"), slice_of("hello s"), slice_make(NULL, 0));
    link_sid(b, slice_of("hello s"), slice_of("hello c"), slice_make(NULL, 0));
    assert_memory_not_equal(a, b, HASH_SIZE);
    link_sid(b, slice_of("hello c"), slice_of("hello s"), slice_of("e"));
    assert_memory_not_equal(a, b, HASH_SIZE);
}

static void test_proof(void **state)
{
    static const uint8_t seed[SEED_SIZE] = {1};
    uint8_t binder[HASH_SIZE] = {2}, secret[SECRET_SIZE];
    struct proof p = {.network = {3}, .boot = 4, .serial = UINT64_MAX,
                      .cluster_id_n = 5, .cluster_id = "tokyo"};
    crypto_keypair(seed, p.key, secret);
    proof_sign(&p, false, binder, secret);
    assert_true(proof_verify(&p, false, binder));
    assert_false(proof_verify(&p, true, binder)); /* reflected */
    binder[31] ^= 1;
    assert_false(proof_verify(&p, false, binder)); /* another link */
    binder[31] ^= 1;

    uint8_t *field[] = {p.key, p.network, (uint8_t *)&p.boot, (uint8_t *)&p.serial, p.cluster_id,
                        &p.cluster_id_n, p.signature};
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        *field[i] ^= 1;
        assert_false(proof_verify(&p, false, binder));
        *field[i] ^= 1;
    }
    assert_true(proof_verify(&p, false, binder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_part_counts),
        cmocka_unit_test(test_sid),
        cmocka_unit_test(test_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
