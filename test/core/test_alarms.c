/* What alarms count: how many peers stand in one of refused attempts, as their trace lines say it,
 * and how often the end of a certificate is told. */
#include "core/core.h"
#include "world.h"

#define DAY (24 * 3600 * TICK_S)

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

/* --- the end of a certificate */

static bool expiring(uint64_t *ret_count)
{
    struct alarm_row row;
    *ret_count = 0;
    for (size_t i = 0; view_alarm(world.node[0].ils, i, &row); i++)
        if (row.alarm == ILSCertificateExpiring) {
            *ret_count = row.count;
            return row.active;
        }
    return false;
}

/* A certificate that lives `life` is alarmed of `before` its end and not earlier, in the last week
 * daily, and no more when another one is there. */
static void ends(wall life, wall before)
{
    uint64_t n, first;
    setup(NULL);
    world_stop(&world, 1);
    world_stop(&world, 2);
    struct pki c = certificate(0, 1), next = certificate(0, 2);
    c.not_after = world.wall + world.now + before + DAY;
    c.not_before = c.not_after - life;
    assert_int_equal(world_certificate(&world, 0, &c, true), REPLY_OK);
    wall left = c.not_after - (world.wall + world.now);
    world_pass(&world, left - before - 10 * TICK_S);
    assert_false(expiring(&n));
    assert_int_equal(n, 0);
    world_pass(&world, 20 * TICK_S);
    assert_true(expiring(&n));
    assert_int_equal(n, 1);
    world_pass(&world, before > 8 * DAY ? before - 7 * DAY : TICK_S);
    expiring(&first);
    assert_in_range(first, 1, 2); /* not again before the last week, which has begun */
    world_pass(&world, 5 * DAY);
    assert_true(expiring(&n));
    assert_in_range(n - first, 5, 6);
    assert_int_equal(world_certificate(&world, 0, &next, true), REPLY_OK);
    world_pass(&world, TICK_S);
    assert_false(expiring(&n));
    teardown(NULL);
}

static void a_certificate_ends(void **state)
{
    (void)state;
    ends(3650 * DAY, 30 * DAY);
    ends(90 * DAY, 30 * DAY);
    ends(45 * DAY, 15 * DAY);
    ends(18 * DAY, 6 * DAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refused_passwords, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_certificates, setup, teardown),
        cmocka_unit_test(a_certificate_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
