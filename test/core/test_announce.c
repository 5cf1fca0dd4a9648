/* What a cluster that is trusted may make of it: certificates that it announces for others, for an
 * authority, or without end. */
#include "core/core.h"
#include "world.h"

#define BOTH_TLS (uint8_t)(1u << METHOD_TLS | 1u << METHOD_TLS_PASSWORD)

static struct test_mem mem;
static struct world world;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < 3; i++)
        world_start(&world, i, &mem.mem);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

static struct pki certificate(int node, uint32_t key)
{
    static const char *const name[3] = {"c0.example", "c1.example", "c2.example"};
    return (struct pki){.serial = key, .key = key, .issuer = key, .name = {name[node]}};
}

static void trust(int node, struct pki c)
{
    uint8_t der[PKI_DER_MAX];
    assert_int_equal(world_trust(&world, node, pki_der(&c, der)), REPLY_OK);
}

static void equip(int node, struct pki c, uint8_t method, uint8_t accept)
{
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of("secret"));
    assert_int_equal(world_certificate(&world, node, &c, true), REPLY_OK);
    assert_int_equal(world_command(&world, node, add), REPLY_OK);
    assert_int_equal(world_auth(&world, node, true, method != METHOD_TLS, accept), REPLY_OK);
}

/* Node 0 is a hub, node 1 its spoke; each has imported the other's certificate, of key 100 + i. */
static void pair(uint8_t method)
{
    for (int i = 0; i < 2; i++) {
        equip(i, certificate(i, 100 + (uint32_t)i), method, i == 0 ? BOTH_TLS : 0);
        trust(i, certificate(1 - i, 101 - (uint32_t)i));
    }
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    world_join(&world, 1, 0, ROLE_SPOKE);
    assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
    world_hush(&world);
}

static void announce(int node, struct pki c)
{
    assert_int_equal(world_certificate(&world, node, &c, false), REPLY_OK);
}

static bool linked(int node)
{
    struct view_cluster c;
    return view_cluster(world.node[node].ils, 1, &c) && c.linked;
}

static size_t trusted(int node)
{
    struct view_trust t;
    size_t n = 0;
    while (view_trust(world.node[node].ils, n, &t))
        n++;
    return n;
}

static bool trusts(int node, struct pki c)
{
    uint8_t der[PKI_DER_MAX];
    struct slice bytes = pki_der(&c, der);
    struct view_trust t;
    for (size_t i = 0; view_trust(world.node[node].ils, i, &t); i++)
        if (slice_eq(t.der, bytes))
            return true;
    return false;
}

/* Who was imported as one cluster may not vouch for others: an authority that it announces as its
 * next certificate ends nobody's chain. */
static void an_authority(void **state)
{
    (void)state;
    struct view_trust t;
    struct pki next = certificate(1, 200), third = certificate(2, 300);
    next.authority = true;
    third.issuer = next.key;
    pair(METHOD_TLS_PASSWORD);
    announce(1, next);
    world_pass(&world, 10 * TICK_S);
    assert_true(trusts(0, next));
    for (size_t i = 0; view_trust(world.node[0].ils, i, &t); i++)
        assert_false(t.authority);
    equip(2, third, METHOD_TLS_PASSWORD, 0);
    trust(2, certificate(0, 100));
    world_join(&world, 2, 0, ROLE_SPOKE);
    assert_int_equal(world.node[2].verdict.code, CODE_NO_CHAIN);
    assert_true(linked(1));
}

/* However often it announces another one: a few are kept, the oldest goes, and the one that is in
 * use never. */
static void without_end(void **state)
{
    (void)state;
    pair(METHOD_TLS);
    for (uint32_t i = 2; i < 14; i++) {
        struct pki next = certificate(1, 100 * i);
        announce(1, next);
        world_pass(&world, 20 * TICK_S);
        assert_true(trusts(0, next) && linked(0) && linked(1));
        assert_true(trusted(0) <= 1 + ANNOUNCED_KEPT);
    }
    assert_int_equal(trusted(0), 1 + ANNOUNCED_KEPT);
}

/* The announcements of a moment cost one import. A neighbour that is away keeps them from being
 * used. */
static void in_a_moment(void **state)
{
    (void)state;
    pair(METHOD_TLS);
    equip(2, certificate(2, 102), METHOD_TLS, 0);
    trust(2, certificate(0, 100));
    trust(0, certificate(2, 102));
    world_join(&world, 2, 0, ROLE_SPOKE);
    assert_int_equal(world.node[2].verdict.code, CODE_JOINED);
    world_stop(&world, 2);
    world_run(&world);
    size_t before = trusted(1);
    for (uint32_t i = 2; i < 9; i++) {
        announce(0, certificate(0, 100 * i));
        world_pass(&world, TICK_S / 2);
    }
    assert_int_equal(trusted(1), before + 1);
    world_pass(&world, 2 * ANNOUNCED_WAIT_US);
    assert_int_equal(trusted(1), before + 2);
    assert_true(trusts(1, certificate(0, 800)));
    assert_true(linked(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_authority, setup, teardown),
        cmocka_unit_test_setup_teardown(without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(in_a_moment, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
