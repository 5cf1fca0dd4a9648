/* A clock that is wrong by years: links that stand go on, through their renewal too; nothing ends
 * or is renewed by it; who is new and shows a certificate is told so at both ends; the password
 * alone needs no date. When the clock is right again, all is as before. */
#include "core/core.h"
#include "world.h"

#define YEAR (INT64_C(365) * 24 * 3600 * TICK_S)
#define ALL  (uint8_t)(1u << METHOD_PASSWORD | 1u << METHOD_TLS)

static struct test_mem mem;
static struct world world;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    world.built = world.wall - YEAR;
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

static struct pki certificate(int node)
{
    static const char *const name[3][2] = {{"c0.example", "n0"}, {"c1.example", "n1"},
                                           {"c2.example", "n2"}};
    uint32_t key = (uint32_t)(10 + node);
    return (struct pki){.serial = key, .key = key, .issuer = key,
                        .name = {name[node][0], name[node][1]},
                        .not_before = world.wall - YEAR, .not_after = world.wall + 5 * YEAR};
}

/* Node 0 is a hub, 1 its spoke by certificate; 2 has all that it needs, by whichever method. */
static void prepare(uint8_t method)
{
    uint8_t der[PKI_DER_MAX];
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    memset(add.stretched, 7, sizeof add.stretched);
    for (int i = 0; i < 3; i++) {
        struct pki own = certificate(i);
        assert_int_equal(world_certificate(&world, i, &own, true), REPLY_OK);
        assert_int_equal(world_command(&world, i, add), REPLY_OK);
        for (int k = 0; k < 3; k++) {
            struct pki c = certificate(k);
            if (k != i)
                assert_int_equal(world_trust(&world, i, pki_der(&c, der)), REPLY_OK);
        }
        bool tls = i < 2 || method == METHOD_TLS;
        assert_int_equal(world_auth(&world, i, tls, !tls, i == 0 ? ALL : 0), REPLY_OK);
    }
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    world_join(&world, 1, 0, ROLE_SPOKE);
    assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
    assert_true(world.node[1].verdict.tls);
    world_hush(&world);
}

static bool linked(int node)
{
    struct view_cluster c;
    return view_cluster(world.node[node].ils, 1, &c) && c.linked;
}

static bool alarmed(int node)
{
    struct alarm_row row;
    for (size_t i = 0; view_alarm(world.node[node].ils, i, &row); i++)
        if (row.alarm == ILSClockWrong && row.active)
            return true;
    return false;
}

/* The clock of `node` is off for 30 hours; the end of certificates lies between. */
static void running_links_stay(int node, wall skew)
{
    prepare(METHOD_TLS);
    world.node[node].skew = skew;
    world_pass(&world, 20 * TICK_S);
    assert_true(alarmed(node));
    assert_false(alarmed(1 - node));
    for (int hour = 0; hour < 30; hour++) {
        world_pass(&world, 3600 * TICK_S);
        assert_true(linked(1));
    }
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < world.node[i].said_n; k++)
            if (world.node[i].said[k].event == EVENT_LINK_ENDED)
                assert_int_equal(world.node[i].said[k].code, CODE_REPLACED);
    world.node[node].skew = 0;
    world_pass(&world, 20 * TICK_S);
    assert_false(alarmed(node));
    assert_true(linked(1));
}

static void test_hub_behind(void **state)
{
    (void)state;
    running_links_stay(0, -30 * YEAR);
}

static void test_hub_ahead(void **state)
{
    (void)state;
    running_links_stay(0, 30 * YEAR);
}

static void test_spoke_behind(void **state)
{
    (void)state;
    running_links_stay(1, -30 * YEAR);
}

/* The control: without the date of the build the same clock ends the link. */
static void test_believed(void **state)
{
    (void)state;
    prepare(METHOD_TLS);
    world.node[0].ils->clock.built = 0;
    world.node[0].skew = 30 * YEAR;
    world_pass(&world, 5 * TICK_S);
    assert_false(alarmed(0));
    assert_false(linked(1));
    assert_int_equal(world.node[1].verdict.code, CODE_EXPIRED);
}

/* Ten years ahead are possible: then certificates have ended. */
static void test_ten_years(void **state)
{
    (void)state;
    prepare(METHOD_TLS);
    world.node[0].skew = 10 * YEAR;
    world_pass(&world, 5 * TICK_S);
    assert_false(alarmed(0));
    assert_int_equal(world.node[1].verdict.code, CODE_EXPIRED);
}

static void newcomer_waits(int wrong)
{
    prepare(METHOD_TLS);
    world.node[wrong].skew = -30 * YEAR;
    world_pass(&world, 20 * TICK_S);
    world_join(&world, 2, 0, ROLE_SPOKE);
    const struct verdict *c = &world.node[2].verdict, *s = &world.node[0].verdict;
    assert_int_equal(c->code, CODE_CLOCK);
    assert_int_equal(s->code, CODE_CLOCK);
    assert_memory_equal(c->id, s->id, VERDICT_ID_SIZE);
    assert_int_equal(c->remedy_at, wrong == 2 ? SIDE_HERE : SIDE_THERE);
    assert_int_equal(s->remedy_at, wrong == 2 ? SIDE_THERE : SIDE_HERE);
    assert_true(linked(1));
    world.node[wrong].skew = 0;
    world_pass(&world, 75 * TICK_S);
    assert_true(linked(2));
    assert_false(alarmed(wrong));
}

static void test_hub_refuses(void **state)
{
    (void)state;
    newcomer_waits(0);
}

static void test_newcomer_refuses(void **state)
{
    (void)state;
    newcomer_waits(2);
}

/* What was proved under a clock that was right counts no more when it is asked again. */
static void test_set_while_it_joins(void **state)
{
    (void)state;
    prepare(METHOD_TLS);
    struct command join = {.type = COMMAND_JOIN, .role = ROLE_SPOKE, .host = slice_of("n0"),
                           .port = 7501};
    world_ask(&world, 2, join);
    for (int i = 0; i < 200 && !world_said(&world, 2, EVENT_CLIENT_ESTABLISHED); i++) {
        world_steps(&world, 1);
        struct list *links = &world.node[0].ils->links;
        list_each(node, links)
            if (list_entry(node, struct link, node)->state == LINK_PROOF)
                world.node[0].skew = -30 * YEAR;
    }
    world_run(&world);
    assert_int_equal(world.node[0].skew, -30 * YEAR);
    assert_int_equal(world.node[2].verdict.code, CODE_CLOCK);
}

static void test_password_needs_no_date(void **state)
{
    (void)state;
    prepare(METHOD_PASSWORD);
    world.node[0].skew = 30 * YEAR;
    world_pass(&world, 20 * TICK_S);
    world_join(&world, 2, 0, ROLE_SPOKE);
    assert_int_equal(world.node[2].verdict.code, CODE_JOINED);
    assert_true(linked(2));
    assert_true(alarmed(0));
}

/* An invite by that clock would be over at once, or never; one that is open stays so. */
static void test_invites(void **state)
{
    (void)state;
    prepare(METHOD_TLS);
    struct command make = {.type = COMMAND_INVITE};
    make.invite.id[0] = make.invite.secret[0] = 1;
    make.invite.expires = world.wall + world.now + 3600 * TICK_S;
    assert_int_equal(world_command(&world, 0, make), REPLY_OK);
    world.node[0].skew = 30 * YEAR;
    world_pass(&world, 20 * TICK_S);
    make.invite.id[0] = 2;
    assert_int_equal(world_command(&world, 0, make), REPLY_CLOCK);
    world.node[0].skew = 0;
    world_pass(&world, 20 * TICK_S);
    const struct list *invites = &world.node[0].ils->invites;
    assert_false(list_empty(invites));
    assert_int_equal(list_entry(invites->next, struct invite_entry, node)->secret[0], 1);
    assert_int_equal(world_command(&world, 0, make), REPLY_OK);
}

/* Wrong from the start: the battery is empty. What a former life raised is over then. */
static void test_wrong_from_the_start(void **state)
{
    (void)state;
    prepare(METHOD_TLS);
    world_stop(&world, 0);
    world.node[0].skew = -50 * YEAR;
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 70 * TICK_S);
    assert_true(alarmed(0));
    assert_false(linked(1));
    assert_int_equal(world.node[1].verdict.code, CODE_CLOCK);
    world_stop(&world, 0);
    world.node[0].skew = 0;
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 70 * TICK_S);
    assert_true(linked(1));
    assert_false(alarmed(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hub_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hub_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spoke_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ten_years, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hub_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newcomer_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set_while_it_joins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_password_needs_no_date, setup, teardown),
        cmocka_unit_test_setup_teardown(test_invites, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_from_the_start, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
