/* Invites from end to end between cores; that what `auth ready` says is what comes, for
 * configurations that a seed draws; and all of it with the n-th allocation refused. */
#include "core/core.h"
#include "world.h"

#define CA       1000u
#define OTHER    2000u
#define RANDOM_N 400

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

static struct pki certificate(int node, uint32_t serial, uint32_t issuer)
{
    static const char *const name[3][2] = {{"c0.example", "n0"}, {"c1.example", "n1"},
                                           {"c2.example", "n2"}};
    uint32_t key = (uint32_t)(10 * node) + serial;
    return (struct pki){.serial = key, .key = key, .issuer = issuer != 0 ? issuer : key,
                        .name = {name[node][0], name[node][1]}};
}

static enum reply trust(int node, struct pki c)
{
    uint8_t der[PKI_DER_MAX];
    return world_trust(&world, node, pki_der(&c, der));
}

static struct pki authority(uint32_t key)
{
    return (struct pki){.serial = key, .key = key, .issuer = key, .authority = true,
                        .name = {"authority"}};
}

static void password(int node, const char *text)
{
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of(text));
    world_command(&world, node, add);
}

static void auth(int node, uint8_t method, uint8_t accept)
{
    world_auth(&world, node, method != METHOD_PASSWORD, method != METHOD_TLS, accept);
}

static bool linked(int node)
{
    struct view_cluster c;
    return world.node[node].ils != NULL && view_cluster(world.node[node].ils, 1, &c) && c.linked;
}

static bool any_linked(int node)
{
    struct view_cluster c;
    for (size_t i = 1; view_cluster(world.node[node].ils, i, &c); i++)
        if (c.linked)
            return true;
    return false;
}

/* --- invites */

static void hub(int node)
{
    struct pki c = certificate(node, 1, 0);
    world_certificate(&world, node, &c, true);
    world_command(&world, node, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
}

static void guest(int node)
{
    struct pki c = certificate(node, 1, 0);
    world_certificate(&world, node, &c, true);
}

/* The hub opens one; what its token says. */
static struct invite invite(int node, uint8_t id)
{
    struct command c = {.type = COMMAND_INVITE};
    memset(c.invite.id, id, sizeof c.invite.id);
    memset(c.invite.secret, 77, sizeof c.invite.secret);
    c.invite.expires = world.wall + world.now + 6 * 3600 * TICK_S;
    if (world.node[node].ils != NULL)
        crypto_hash1(c.invite.hub, "invite hub", slice_make(world.node[node].ils->key, KEY_SIZE));
    world_command(&world, node, c);
    return c.invite;
}

static enum reply join(int node, const char *host, struct invite token)
{
    return world_command(&world, node, (struct command){.type = COMMAND_JOIN, .invited = true,
                                                        .host = slice_of(host), .invite = token,
                                                        .role = ROLE_SPOKE});
}

static size_t trusted(int node)
{
    struct view_trust t;
    size_t n = 0;
    while (view_trust(world.node[node].ils, n, &t))
        n++;
    return n;
}

static void invited(void **state)
{
    (void)state;
    struct view_invite v;
    struct view_cluster c;
    struct view_trust t;
    struct verdict verdict;
    hub(0);
    guest(1);
    assert_int_equal(join(1, "n0", invite(0, 1)), REPLY_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(view_cluster(world.node[i].ils, 1, &c));
        assert_true(c.linked && c.link_tls);
        assert_int_equal(c.met_method, METHOD_TLS);
        assert_int_equal(c.met_rule, RULE_IMPORTED);
        assert_int_equal(trusted(i), 1);
        assert_true(view_trust(world.node[i].ils, 0, &t));
        assert_true(slice_eq(t.source, slice_of("invite")));
        struct alarm_row alarm;
        assert_false(view_alarm(world.node[i].ils, 0, &alarm));
        for (size_t k = 0; k < 2; k++) { /* the invite's, then the join's */
            assert_true(view_verdict(world.node[i].ils, k, &verdict));
            assert_int_equal(verdict.code, CODE_JOINED);
        }
        assert_false(world_said(&world, i, EVENT_CONNECT_FAILED));
        assert_false(world_said(&world, i, EVENT_TLS_ERROR));
    }
    assert_true(view_invite(world.node[0].ils, 0, &v));
    assert_true(v.spent);
    assert_true(slice_eq(v.by, slice_of("c1")));
    for (int i = 0; i < 2; i++) { /* it holds over restarts */
        world_stop(&world, i);
        world_start(&world, i, &mem.mem);
        world_pass(&world, 5 * TICK_S);
        assert_true(linked(0) && linked(1));
    }
}

/* The same one may use it again until it ends; nobody else may. */
static void used(void **state)
{
    (void)state;
    hub(0);
    guest(1);
    guest(2);
    struct invite token = invite(0, 1);
    join(1, "n0", token);
    assert_true(linked(1));
    join(1, "n0", token);
    assert_true(linked(1));
    join(2, "n0", token);
    for (int i = 0; i <= 2; i += 2) {
        assert_int_equal(world.node[i].verdict.code, CODE_INVITE_USED);
        assert_int_equal(world.node[i].verdict.remedy_at, i == 0 ? SIDE_HERE : SIDE_THERE);
    }
    assert_false(any_linked(2));
    assert_int_equal(trusted(2), 0);
    assert_int_equal(trusted(0), 1);
    struct view_join v;
    view_join(world.node[2].ils, &v);
    assert_false(v.wanted); /* trying again would not help */
    assert_int_equal(join(2, "n0", invite(0, 2)), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_true(any_linked(2));
}

static void expired(void **state)
{
    (void)state;
    hub(0);
    guest(1);
    struct invite token = invite(0, 1);
    world_pass(&world, 6 * 3600 * TICK_S);
    join(1, "n0", token);
    assert_int_equal(world.node[0].verdict.code, CODE_INVITE_EXPIRED);
    assert_int_equal(world.node[1].verdict.code, CODE_INVITE_EXPIRED);
    assert_false(linked(1));
    assert_int_equal(trusted(0) + trusted(1), 0);
}

static void foreign_and_unknown(void **state)
{
    (void)state;
    hub(0);
    hub(2);
    guest(1);
    join(1, "n2", invite(0, 1));
    assert_int_equal(world.node[1].verdict.code, CODE_INVITE_UNKNOWN);
    assert_int_equal(world.node[2].verdict.code, CODE_INVITE_UNKNOWN);
    struct invite token = invite(2, 1); /* of the same id and secret, by another hub */
    crypto_hash1(token.hub, "invite hub", slice_make(world.node[0].ils->key, KEY_SIZE));
    join(1, "n2", token);
    assert_int_equal(world.node[1].verdict.code, CODE_INVITE_FOREIGN);
    assert_int_equal(world.node[2].verdict.code, CODE_INVITE_FOREIGN);
    assert_int_equal(trusted(1), 0);
    assert_false(linked(1));
    assert_int_equal(join(0, "n2", invite(0, 3)), REPLY_INVITE_ITSELF);
}

/* An invite in vain parts nobody from the hub that was joined before, restarts neither. */
static void joined_already(void **state)
{
    (void)state;
    struct view_join v;
    hub(0);
    hub(2);
    guest(1);
    join(1, "n0", invite(0, 1));
    struct invite token = invite(0, 2);
    for (int i = 0; i < 2; i++) {
        join(1, "n2", token); /* of another hub */
        assert_int_equal(world.node[1].verdict.code, CODE_INVITE_UNKNOWN);
        assert_true(linked(1));
        view_join(world.node[1].ils, &v);
        assert_true(v.wanted && v.up);
        world_stop(&world, 1);
        world_start(&world, 1, &mem.mem);
        world_pass(&world, 5 * TICK_S);
        assert_true(linked(1));
    }
    world_cut(&world, 0, 1);
    world_pass(&world, 70 * TICK_S);
    assert_true(linked(1));
}

/* A wrong secret five times: spent in vain. */
static void guessed(void **state)
{
    (void)state;
    struct view_invite v;
    hub(0);
    guest(1);
    struct invite token = invite(0, 1), wrong = token;
    wrong.secret[0] ^= 1;
    for (int i = 0; i < 5; i++) {
        join(1, "n0", wrong);
        assert_int_equal(world.node[1].verdict.code, CODE_INVITE_UNKNOWN);
        world_pass(&world, 601 * TICK_S); /* the penalty */
        assert_true(view_invite(world.node[0].ils, 0, &v));
        assert_int_equal(v.failures, i + 1);
    }
    assert_true(v.spent);
    join(1, "n0", token);
    assert_int_equal(world.node[1].verdict.code, CODE_INVITE_USED);
    assert_int_equal(trusted(0) + trusted(1), 0);
}

/* Cut at every point: whoever tries again with the same token joins. */
static void cut_anywhere(void **state)
{
    (void)state;
    for (size_t steps = 0; steps < 60; steps++) {
        setup(NULL);
        hub(0);
        guest(1);
        struct invite token = invite(0, 1);
        world_ask(&world, 1, (struct command){.type = COMMAND_JOIN, .invited = true,
                                              .host = slice_of("n0"), .invite = token,
                                              .role = ROLE_SPOKE});
        world_steps(&world, steps);
        world_cut(&world, 0, 1);
        world_run(&world);
        world_pass(&world, 70 * TICK_S);
        if (!linked(1))
            join(1, "n0", token);
        world_pass(&world, 70 * TICK_S);
        assert_true(linked(0) && linked(1));
        teardown(NULL);
    }
}

/* A full disk at either end. */
static void full_disk(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        setup(NULL);
        hub(0);
        guest(1);
        struct invite token = invite(0, 1);
        if (who == 0) {
            world.node[0].full = true;
            join(1, "n0", token);
        } else {
            world_ask(&world, 1, (struct command){.type = COMMAND_JOIN, .invited = true,
                                                  .host = slice_of("n0"), .invite = token,
                                                  .role = ROLE_SPOKE});
            world_steps(&world, 3); /* the wish itself is durable */
            world.node[1].full = true;
            world_run(&world);
        }
        assert_int_equal(trusted(who), 0);
        assert_false(linked(0) || linked(1));
        world.node[who].full = false;
        world_pass(&world, 130 * TICK_S);
        if (!linked(1))
            join(1, "n0", token);
        world_pass(&world, 70 * TICK_S);
        assert_true(linked(0) && linked(1));
        teardown(NULL);
    }
}

/* --- readiness */

static uint64_t draw_state;

static uint32_t draw(uint32_t below)
{
    draw_state = draw_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33) % below;
}

static void drawn_certificate(int node)
{
    static const uint32_t issuer[] = {0, CA, CA, CA, OTHER};
    struct pki c = certificate(node, 1, issuer[draw(5)]);
    if (draw(8) == 0)
        c.defects = 1u << draw(3);
    if (draw(8) == 0)
        c.not_after = world.wall - TICK_S;
    if (draw(8) == 0)
        c.not_before = world.wall + 3600 * TICK_S;
    if (draw(6) == 0)
        c.name[0] = "elsewhere.example";
    if (draw(6) == 0)
        c.name[1] = NULL;
    assert_int_equal(world_certificate(&world, node, &c, true), REPLY_OK);
    if (draw(3) == 0)
        assert_int_equal(trust(1 - node, c), REPLY_OK);
    if (draw(8) == 0) {
        uint8_t der[PKI_DER_MAX];
        world_trust(&world, 1 - node, pki_crl(c.issuer, c.serial, der));
    }
    if (draw(3) != 0) {
        struct pki root = authority(CA);
        root.defects = draw(8) == 0 ? PKI_NO_CA : 0;
        assert_int_equal(trust(1 - node, root), REPLY_OK);
    }
}

/* Joined by password; node 1 switches; the outcome is the one that both ends foretold. */
static void foretold(uint64_t seed)
{
    static const uint8_t methods[] = {METHOD_TLS, METHOD_TLS_PASSWORD};
    struct view_ready here[2];
    struct view_cluster c;
    struct verdict v;
    setup(NULL);
    draw_state = seed;
    for (int i = 0; i < 2; i++) {
        drawn_certificate(i);
        password(i, "secret");
        auth(i, METHOD_PASSWORD, 0);
    }
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    world_join(&world, 1, 0, ROLE_SPOKE);
    assert_true(linked(0) && linked(1));
    uint8_t method = methods[draw(2)];
    uint8_t accept = (uint8_t)(1u << METHOD_PASSWORD | (draw(4) != 0 ? 1u << METHOD_TLS : 0) |
                               (draw(4) != 0 ? 1u << METHOD_TLS_PASSWORD : 0));
    auth(0, METHOD_PASSWORD, accept);
    for (int i = 0; i < 2; i++) {
        assert_true(view_ready(world.node[i].ils, 1, method, &here[i]));
        assert_true(here[i].known_here && here[i].known_there && here[i].linked);
    }
    for (int i = 0; i < 2; i++) /* each end knows what the other says */
        assert_int_equal(here[i].there, goodbye_code(here[1 - i].here));
    assert_int_equal(here[1].accepts, accept >> method & 1);
    auth(1, method, 0);
    world_pass(&world, 5 * TICK_S);
    assert_true(view_cluster(world.node[1].ils, 1, &c));
    assert_true(c.linked);
    bool stays = here[0].here == CODE_JOINED && here[1].here == CODE_JOINED && here[1].accepts;
    if (c.link_tls != stays)
        fail_msg("seed %d: foretold %d, came %d; hub says %d, spoke says %d, method %d accept %x",
                 (int)seed, stays, c.link_tls, (int)here[0].here, (int)here[1].here, method,
                 accept);
    if (stays) {
        assert_int_equal(c.met_method, method);
        assert_int_equal(c.met_rule, here[1].rule);
        assert_true(view_cluster(world.node[0].ils, 1, &c));
        assert_int_equal(c.met_rule, here[0].rule);
    } else if (here[1].here != CODE_JOINED) { /* the dialling end says it first */
        assert_true(view_verdict(world.node[1].ils, 0, &v));
        assert_int_equal(v.code, here[1].here);
    } else if (here[1].accepts) {
        assert_true(view_verdict(world.node[0].ils, 0, &v));
        assert_int_equal(v.code, here[0].here);
    }
    teardown(NULL);
}

static void what_is_foretold_comes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_N; seed++)
        foretold(seed);
}

/* --- memory */

static bool both(void)
{
    return world.node[0].ils != NULL && world.node[1].ils != NULL;
}

/* Only node 1's allocations may be refused after the setup, or only node 0's: the other's memory is
 * its own. */
static struct test_mem sound;

static void mixed(struct mem *m, int which)
{
    test_mem_init(&sound, 0);
    world_init(&world);
    for (int i = 0; i < 2; i++) {
        struct mem *of = i == which ? m : &sound.mem;
        struct ils *probe = ils_new(of);
        if (probe == NULL)
            return;
        ils_free(probe);
        world_start(&world, i, of);
    }
}

static void done(void)
{
    world_done(&world);
    assert_int_equal(sound.mem.used, 0);
}

static void story(int which, struct mem *m, int what)
{
    mixed(m, which);
    if (both()) {
        hub(0);
        guest(1);
        if (what == 0) {
            join(1, "n0", invite(0, 1));
        } else {
            trust(0, certificate(1, 1, 0));
            trust(1, certificate(0, 1, 0));
            password(0, "secret");
            password(1, "secret");
            auth(0, METHOD_TLS_PASSWORD, 0);
            auth(1, METHOD_TLS_PASSWORD, 0);
            world_join(&world, 1, 0, ROLE_SPOKE);
        }
        world_pass(&world, TICK_S);
        if (what == 2) {
            struct pki next = certificate(which, 2, 0);
            world_certificate(&world, which, &next, false);
            world_pass(&world, 10 * TICK_S);
            trust(which, certificate(1 - which, 5, 0));
        }
    }
    done();
}

static int refused_which, refused_what;

static void refused(struct mem *m)
{
    story(refused_which, m, refused_what);
}

static void every_refusal(void **state)
{
    (void)state;
    for (refused_what = 0; refused_what < 3; refused_what++)
        for (refused_which = 0; refused_which < 2; refused_which++)
            test_every_refusal(refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(invited, setup, teardown),
        cmocka_unit_test_setup_teardown(used, setup, teardown),
        cmocka_unit_test_setup_teardown(expired, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_and_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(joined_already, setup, teardown),
        cmocka_unit_test_setup_teardown(guessed, setup, teardown),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(what_is_foretold_comes),
        cmocka_unit_test(every_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
