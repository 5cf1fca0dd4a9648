/* What alarms count: how many peers stand in one of refused attempts, as their trace lines say it. */
#include "core/core.h"
#include "world.h"

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

static struct pki certificate(int node, uint32_t serial)
{
    static const char *const name[3] = {"c0.example", "c1.example", "c2.example"};
    uint32_t key = (uint32_t)(10 * node) + serial;
    return (struct pki){.serial = key, .key = key, .issuer = key, .name = {name[node]}};
}

/* --- how many peers stand in the alarm */

/* The number in the last line of this event, 0: there is none. */
static uint64_t last_number(int node, enum trace_event event)
{
    uint64_t n = 0;
    for (size_t k = 0; k < world.node[node].said_n; k++)
        if (world.node[node].said[k].event == event)
            n = world.node[node].said[k].number;
    return n;
}

/* Joins from nodes 1, 2 and 1 again are refused by node 0. */
static void count_refused(enum trace_event event)
{
    static const struct { int node; uint64_t count; } attempt[] = {{1, 1}, {2, 2}, {1, 2}};
    for (size_t k = 0; k < 3; k++) {
        world_hush(&world);
        world_join(&world, attempt[k].node, 0, ROLE_SPOKE);
        world_pass(&world, 11 * TICK_S); /* a join that is held for a while comes through */
        assert_int_equal(last_number(0, event), attempt[k].count);
        world_command(&world, attempt[k].node, (struct command){.type = COMMAND_ROLE,
                                                                .role = ROLE_HUB});
        world_pass(&world, 60 * TICK_S);
    }
}

static void refused_passwords(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct pki c = certificate(i, 1);
        struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
        crypto_hash1(add.stretched, "test password", slice_of(i == 0 ? "secret" : "other"));
        assert_int_equal(world_certificate(&world, i, &c, true), REPLY_OK);
        assert_int_equal(world_command(&world, i, add), REPLY_OK);
        assert_int_equal(world_auth(&world, i, false, true, 0), REPLY_OK);
    }
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    count_refused(EVENT_PASSWORD_ALARM);
}

/* The spokes know the hub's certificate, it knows none of theirs. */
static void refused_certificates(void **state)
{
    (void)state;
    uint8_t der[PKI_DER_MAX];
    for (int i = 0; i < 3; i++) {
        struct pki c = certificate(i, 1), hub = certificate(0, 1);
        assert_int_equal(world_certificate(&world, i, &c, true), REPLY_OK);
        if (i != 0)
            assert_int_equal(world_trust(&world, i, pki_der(&hub, der)), REPLY_OK);
        assert_int_equal(world_auth(&world, i, true, false, 0), REPLY_OK);
    }
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    count_refused(EVENT_CERT_ALARM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refused_passwords, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_certificates, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
