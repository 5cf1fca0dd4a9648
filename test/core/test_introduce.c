/* Introductions: one invite at one hub, and the whole network knows the newcomer; and what does not
 * let anybody in. Three hubs that have imported each other's certificates, and a fourth cluster. */
#include <stdio.h>

#include "core/core.h"
#include "world.h"

#define N 3 /* hubs; the newcomer is node N */

static struct test_mem mem, mem_of_b;
static struct world world;

static struct pki certificate(int node)
{
    static const char *const name[4] = {"c0.example", "c1.example", "c2.example", "c3.example"};
    uint32_t key = 100 + (uint32_t)node;
    return (struct pki){.serial = key, .key = key, .issuer = key, .name = {name[node]}};
}

static void trust(int node, int other)
{
    uint8_t der[PKI_DER_MAX];
    struct pki c = certificate(other);
    assert_int_equal(world_trust(&world, node, pki_der(&c, der)), REPLY_OK);
}

static const struct trust_entry *trusts(int node, int other)
{
    uint8_t der[PKI_DER_MAX];
    struct pki c = certificate(other);
    struct trust_item item = pki_item(pki_der(&c, der));
    return trust_find(world.node[node].ils, item.fingerprint);
}

static struct peer *peer(int node, int other)
{
    return peer_find(world.node[node].ils, world.node[other].ils->key);
}

static bool linked(int a, int b)
{
    return peer(a, b) != NULL && peer(a, b)->link != NULL;
}

static bool met(int a, int b)
{
    return peer(a, b) != NULL && peer(a, b)->met;
}

static bool alarmed(int node, const char *subject, bool active)
{
    struct alarm_row a;
    for (size_t i = 0; view_alarm(world.node[node].ils, i, &a); i++)
        if (a.alarm == ILSCertificateIntroduced && slice_eq(a.subject, slice_of(subject)))
            return a.active == active;
    return false;
}

/* Alarms that are active of that kind. */
static size_t alarms(int node, enum alarm alarm)
{
    struct alarm_row a;
    size_t n = 0;
    for (size_t i = 0; view_alarm(world.node[node].ils, i, &a); i++)
        n += a.alarm == alarm && a.active;
    return n;
}

static struct invite invite(int node)
{
    struct command c = {.type = COMMAND_INVITE};
    memset(c.invite.id, 40 + node, sizeof c.invite.id);
    memset(c.invite.secret, 77, sizeof c.invite.secret);
    c.invite.expires = world.wall + world.now + 6 * 3600 * TICK_S;
    crypto_hash1(c.invite.hub, "invite hub", slice_make(world.node[node].ils->key, KEY_SIZE));
    assert_int_equal(world_command(&world, node, c), REPLY_OK);
    return c.invite;
}

static enum reply join_by(int node, int hub, struct invite token, enum ils_role role)
{
    char host[] = "n0";
    host[1] = (char)('0' + hub);
    return world_command(&world, node, (struct command){.type = COMMAND_JOIN, .invited = true,
                                                        .host = slice_of(host), .invite = token,
                                                        .role = role});
}

static void introductions(int node, bool on)
{
    struct command c = {.type = COMMAND_INTRODUCTIONS, .raise = on};
    assert_int_equal(world_command(&world, node, c), REPLY_OK);
}

static void start(int node)
{
    struct pki c = certificate(node);
    world_start(&world, node, node == 1 ? &mem_of_b.mem : &mem.mem);
    if (world.node[node].ils->cluster_id.n == 0)
        assert_int_equal(world_certificate(&world, node, &c, true), REPLY_OK);
}

/* Hubs 0 to n - 1 in a row (`whole`: each with each), by imported certificates. */
static void hubs(int n, bool whole)
{
    for (int i = 0; i < n; i++) {
        start(i);
        for (int k = 0; k < n; k++)
            if (i != k && (whole || i - k == 1 || k - i == 1))
                trust(i, k);
        if (i == 0)
            world_command(&world, i, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
        else
            world_join(&world, i, i - 1, ROLE_HUB);
    }
    world_pass(&world, 70 * TICK_S);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            if (i != k)
                assert_int_equal(linked(i, k), whole || i - k == 1 || k - i == 1);
    world_hush(&world);
}

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    test_mem_init(&mem_of_b, 0);
    world_init(&world);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    assert_int_equal(mem_of_b.mem.used, 0);
    return 0;
}

static void a_hub_is_invited(void **state)
{
    (void)state;
    char source[64], id[17];
    hubs(N, true);
    start(N);
    join_by(N, 0, invite(0), ROLE_HUB);
    world_pass(&world, 8 * TICK_S);
    for (int i = 0; i < N; i++)
        assert_true(linked(i, N) && linked(N, i) && trusts(i, N) && trusts(N, i));
    for (int i = 1; i < N; i++) {
        assert_true(world_said(&world, i, EVENT_INTRODUCED));
        assert_false(world_said(&world, i, EVENT_CERT_UNKNOWN)); /* nobody was refused meanwhile */
        assert_false(world_said(&world, i, EVENT_VERIFY_ERROR));
        assert_true(alarmed(i, "c3", false)); /* raised, and over when it proved itself */
        assert_int_equal(alarms(i, ILSTLSAuthenticationFailed), 0);
    }
    assert_int_equal(alarms(N, ILSTLSAuthenticationFailed), 0);
    assert_false(alarmed(N, "c1", true) || alarmed(N, "c1", false)); /* it asked for them */
    assert_false(world_said(&world, 0, EVENT_INTRODUCED));
    hex_text(id, world.node[0].ils->peer_id, 8);
    snprintf(source, sizeof source, "introduced by c0 (%s)", id);
    assert_true(slice_eq(text_slice(trusts(1, N)->source), slice_of(source)));
    assert_false(trusts(1, N)->authority);
}

static void a_spoke_is_invited(void **state)
{
    (void)state;
    hubs(N, true);
    start(N);
    join_by(N, 1, invite(1), ROLE_SPOKE);
    world_pass(&world, 90 * TICK_S);
    for (int i = 0; i < N; i++)
        assert_true(met(i, N) && met(N, i) && trusts(i, N));
    assert_true(linked(N, 1) && !linked(N, 0) && !linked(N, 2));
    assert_int_equal(alarms(N, ILSTLSAuthenticationFailed), 0);
    world_stop(&world, 1); /* which is what the visits were for */
    world_run(&world);
    world_pass(&world, 15 * TICK_S);
    assert_true(linked(N, 0) || linked(N, 2));
}

/* By a hub that meets another one only afterwards: what is told late is waited for, too. */
static void two_in_a_row(void **state)
{
    (void)state;
    int kyoto = N, nara = 2; /* who is told last */
    hubs(1, true);
    for (int i = 1; i <= N; i++)
        start(i);
    join_by(1, 0, invite(0), ROLE_HUB);
    join_by(kyoto, 0, invite(0), ROLE_HUB);
    join_by(nara, 1, invite(1), ROLE_SPOKE);
    assert_false(linked(1, kyoto) || linked(kyoto, 1));
    world_pass(&world, 20 * TICK_S);
    assert_true(linked(1, kyoto) && linked(kyoto, 1));
    assert_true(met(kyoto, nara) && met(nara, kyoto));
    assert_false(world_said(&world, kyoto, EVENT_CERT_UNKNOWN));
    assert_int_equal(alarms(nara, ILSTLSAuthenticationFailed), 0);
}

/* Who was invited is introduced for good: to a hub that comes later, after the hub that invited it
 * was started anew. */
static void who_comes_later(void **state)
{
    (void)state;
    hubs(2, true);
    start(N);
    join_by(N, 0, invite(0), ROLE_SPOKE);
    world_pass(&world, 20 * TICK_S);
    world_stop(&world, 0);
    start(0);
    world_pass(&world, 20 * TICK_S);
    start(2);
    for (int i = 0; i < 2; i++) {
        trust(2, i);
        trust(i, 2);
    }
    world_join(&world, 2, 0, ROLE_HUB);
    world_pass(&world, 90 * TICK_S);
    assert_true(trusts(2, N) && trusts(N, 2) && met(2, N));
    assert_true(world_said(&world, 2, EVENT_INTRODUCED));
    assert_true(world_said(&world, N, EVENT_INTRODUCED));
}

static void switched_off(void **state)
{
    (void)state;
    struct view_self self;
    hubs(N, true);
    introductions(1, false);
    start(N);
    join_by(N, 0, invite(0), ROLE_HUB);
    world_pass(&world, 70 * TICK_S);
    assert_false(trusts(1, N) || linked(1, N));
    assert_true(trusts(2, N) && linked(2, N));
    assert_false(world_said(&world, 1, EVENT_INTRODUCED));
    world_stop(&world, 1);
    start(1);
    world_pass(&world, 70 * TICK_S);
    view_self(world.node[1].ils, &self);
    assert_false(self.introductions);
    assert_false(trusts(1, N));
    introductions(1, true);
    world_pass(&world, 70 * TICK_S);
    assert_true(trusts(1, N) && linked(1, N));
    world.node[1].full = true;
    struct command off = {.type = COMMAND_INTRODUCTIONS};
    assert_int_equal(world_command(&world, 1, off), REPLY_STORE);
    world.node[1].full = false;
    view_self(world.node[1].ils, &self);
    assert_true(self.introductions);
}

/* Node 1 imports nothing until `believes` says so, and then it does: the control. */
static void waits_for(void (*wrong)(void), void (*right)(void))
{
    hubs(N, true);
    introductions(1, false);
    start(N);
    join_by(N, 0, invite(0), ROLE_HUB);
    world_pass(&world, 10 * TICK_S);
    wrong();
    introductions(1, true);
    world_pass(&world, 10 * TICK_S);
    assert_false(trusts(1, N));
    right();
    introduce_again(world.node[1].ils);
    world_pass(&world, 10 * TICK_S);
    assert_true(trusts(1, N));
}

static void other_print(void)
{
    peer(0, N)->announced[0].fingerprint[31] ^= 1;
    self_changed(world.node[0].ils);
    world_pass(&world, 5 * TICK_S); /* something happens there, and it is written */
}

static void another_fingerprint(void **state)
{
    (void)state;
    waits_for(other_print, other_print);
}

static void is_spoke(void)
{
    peer(1, 0)->role = ROLE_SPOKE;
}

static void is_hub(void)
{
    peer(1, 0)->role = ROLE_HUB;
}

static void by_a_spoke(void **state)
{
    (void)state;
    waits_for(is_spoke, is_hub);
}

static void is_unmet(void)
{
    peer(1, 0)->met = false;
}

static void is_met(void)
{
    peer(1, 0)->met = true;
}

static void by_a_hub_never_met(void **state)
{
    (void)state;
    waits_for(is_unmet, is_met);
}

static void is_expired(void)
{
    peer(1, N)->announced[0].facts.error = CERTIFICATE_EXPIRED;
}

static void is_valid(void)
{
    peer(1, N)->announced[0].facts.error = CERTIFICATE_SELF_SIGNED;
}

static void one_that_is_not_good(void **state)
{
    (void)state;
    waits_for(is_expired, is_valid);
}

/* The same with what is wrong by nature: the third of a row has never met the first. */
static void in_a_row(void **state)
{
    (void)state;
    hubs(N, false);
    start(N);
    join_by(N, 0, invite(0), ROLE_HUB);
    world_pass(&world, 70 * TICK_S);
    assert_true(trusts(1, N) && linked(1, N));
    assert_non_null(peer(2, N));
    assert_true(peer(2, N)->announced[0].judged);
    assert_false(trusts(2, N) || met(2, N));
    trust(0, 2);
    trust(2, 0);
    world_pass(&world, 70 * TICK_S);
    assert_true(linked(2, 0) && trusts(2, N) && linked(2, N));
}

/* The hubs are given to those who were invited, and to nobody else. */
static void not_for_every_spoke(void **state)
{
    (void)state;
    hubs(2, true);
    start(N);
    join_by(N, 0, invite(0), ROLE_SPOKE);
    start(2);
    trust(2, 0);
    trust(0, 2);
    world_join(&world, 2, 0, ROLE_SPOKE);
    world_pass(&world, 90 * TICK_S);
    assert_true(trusts(N, 1) && met(N, 1));
    assert_true(linked(2, 0));
    assert_false(trusts(2, 1) || trusts(1, 2) || trusts(2, N) || trusts(0, 2) == NULL);
}

static void remove_by_hand(int node, int other)
{
    char hex[2 * FINGERPRINT_SIZE + 1];
    const struct trust_entry *e = trusts(node, other);
    assert_non_null(e);
    hex_text(hex, e->fingerprint, FINGERPRINT_SIZE);
    struct command c = {.type = COMMAND_TRUST_REMOVE, .what = slice_of(hex)};
    assert_int_equal(world_command(&world, node, c), REPLY_OK);
}

static void removed_by_hand(void **state)
{
    (void)state;
    hubs(N, true);
    start(N);
    join_by(N, 0, invite(0), ROLE_HUB);
    world_pass(&world, 20 * TICK_S);
    remove_by_hand(1, N);
    assert_null(trusts(1, N));
    world_pass(&world, 20 * TICK_S);
    assert_false(trusts(1, N) || linked(1, N));
    world_stop(&world, 1);
    start(1);
    world_pass(&world, 70 * TICK_S);
    assert_false(trusts(1, N) || linked(1, N));
    assert_true(trusts(2, N) && linked(2, N)); /* it is still introduced */
    trust(1, N); /* by hand, too: from now on it may be introduced again */
    world_pass(&world, 70 * TICK_S);
    assert_true(linked(1, N));
    struct buf *refused = &world.node[1].ils->introducing.not_again;
    assert_int_equal(refused->n, 0);
    world_stop(&world, 1);
    start(1);
    assert_int_equal(world.node[1].ils->introducing.not_again.n, 0);
}

/* A removal that the disk refuses is none. */
static void removed_in_vain(void **state)
{
    (void)state;
    char hex[2 * FINGERPRINT_SIZE + 1];
    hubs(N, true);
    start(N);
    join_by(N, 0, invite(0), ROLE_HUB);
    world_pass(&world, 20 * TICK_S);
    hex_text(hex, trusts(1, N)->fingerprint, FINGERPRINT_SIZE);
    world.node[1].full = true;
    world_command(&world, 1, (struct command){.type = COMMAND_TRUST_REMOVE,
                                              .what = slice_of(hex)});
    assert_int_equal(world.node[1].reply, REPLY_STORE);
    world.node[1].full = false;
    assert_true(trusts(1, N) && world.node[1].ils->introducing.not_again.n == 0);
}

/* What the inviting hub does not believe any more it does not introduce either. */
static void no_longer_believed(void **state)
{
    (void)state;
    struct record key = {.kind = ENTRY_INTRODUCED}, r;
    hubs(2, true);
    introductions(1, false);
    start(N);
    join_by(N, 0, invite(0), ROLE_HUB);
    world_pass(&world, 20 * TICK_S);
    key.user = slice_make(world.node[N].ils->key, KEY_SIZE);
    assert_true(catalog_find(world.node[0].ils->self->catalog, &key, &r));
    assert_int_equal(r.value.p[0], 3);
    remove_by_hand(0, N);
    world_pass(&world, 20 * TICK_S);
    assert_false(catalog_find(world.node[0].ils->self->catalog, &key, &r));
    introductions(1, true);
    world_pass(&world, 70 * TICK_S);
    assert_null(trusts(1, N));
}

/* The disk of a hub takes nothing for a while: the import is tried again. */
static void a_full_disk(void **state)
{
    (void)state;
    hubs(N, true);
    world.node[1].full = true;
    start(N);
    join_by(N, 0, invite(0), ROLE_HUB);
    world_pass(&world, 20 * TICK_S);
    assert_null(trusts(1, N));
    assert_false(world_said(&world, 1, EVENT_INTRODUCED));
    assert_false(alarmed(1, "c3", true));
    world.node[1].full = false;
    world_pass(&world, 40 * TICK_S);
    assert_true(trusts(1, N) && linked(1, N));
    assert_true(world_said(&world, 1, EVENT_INTRODUCED));
}

/* One hub fills no trust store: when it has its share, the oldest that nobody uses goes. */
static void its_share(void **state)
{
    (void)state;
    char source[64], id[17];
    size_t n = 0;
    hubs(N, true);
    hex_text(id, world.node[0].ils->peer_id, 8);
    snprintf(source, sizeof source, "introduced by c0 (%s)", id);
    for (unsigned i = 0; i < INTRODUCED_KEPT; i++) {
        uint8_t der[PKI_DER_MAX];
        struct pki c = {.serial = 9000 + i, .key = 9000 + i, .issuer = 9000 + i, .name = {"x.y"}};
        struct trust_item item = pki_item(pki_der(&c, der));
        struct command add = {.type = COMMAND_TRUST_ADD, .trust = &item, .trust_n = 1,
                              .source = slice_of(source)};
        assert_int_equal(world_command(&world, 1, add), REPLY_OK);
        world.wall += TICK_S;
    }
    start(N);
    join_by(N, 0, invite(0), ROLE_HUB);
    world_pass(&world, 20 * TICK_S);
    assert_true(trusts(1, N) && linked(1, N));
    list_each(node, &world.node[1].ils->trust)
        n += slice_eq(text_slice(list_entry(node, struct trust_entry, node)->source),
                      slice_of(source));
    assert_int_equal(n, INTRODUCED_KEPT);
}

/* Node 1 is refused memory at any moment of it: it lives, or ends sanely, and everything is given
 * back; what the trust store holds in memory is what the disk holds. */
static void memory_is_refused(void **state)
{
    (void)state;
    for (size_t n = 1; n < 400; n += 7) {
        setup(NULL);
        hubs(2, true);
        start(N);
        struct invite token = invite(0);
        mem_of_b.refuse_at = mem_of_b.requests + n;
        join_by(N, 0, token, ROLE_HUB);
        world_pass(&world, 20 * TICK_S);
        mem_of_b.refuse_at = 0;
        if (!world.node[1].dead)
            world_pass(&world, 70 * TICK_S);
        world_stop(&world, 1);
        start(1);
        world_pass(&world, 70 * TICK_S);
        assert_true(trusts(1, N) && linked(1, N));
        teardown(NULL);
    }
    setup(NULL);
}

/* A hub that has proved itself by the password alone makes nobody's certificate trusted. */
static void by_the_password_alone(void **state)
{
    (void)state;
    const uint8_t all = 1 << METHOD_PASSWORD | 1 << METHOD_TLS | 1 << METHOD_TLS_PASSWORD;
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of("secret"));
    for (int i = 0; i < 2; i++) {
        start(i);
        assert_int_equal(world_command(&world, i, add), REPLY_OK);
        assert_int_equal(world_auth(&world, i, false, true, all), REPLY_OK);
    }
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    world_join(&world, 1, 0, ROLE_HUB);
    assert_true(linked(0, 1));
    start(3);
    assert_int_equal(join_by(3, 1, invite(1), ROLE_SPOKE), REPLY_OK);
    world_pass(&world, 20 * TICK_S);
    assert_true(linked(1, 3));
    assert_non_null(trusts(1, 3));
    assert_non_null(peer(0, 3));
    assert_null(trusts(0, 3));
    assert_int_equal(alarms(0, ILSCertificateIntroduced), 0);
}

/* The hub that invited somebody says so to the others in its own time, and may not have said
 * anything yet: he does not go to a hub in the first moments, in which he would be refused. */
static void not_at_once(void **state)
{
    (void)state;
    hubs(2, true);
    start(N);
    join_by(N, 0, invite(0), ROLE_SPOKE);
    world_pass(&world, 20 * TICK_S);
    assert_true(met(N, 1));
    start(2); /* whom nobody introduces, so that nothing else holds him */
    for (int i = 0; i < 2; i++) {
        trust(i, 2);
        trust(2, i);
    }
    assert_int_equal(world_join(&world, 2, 0, ROLE_HUB), REPLY_OK);
    for (int i = 0; i < 28; i++) {
        struct peer *p = peer(N, 2);
        assert_true(p == NULL || p->contact.since == 0 || introduce_holds(world.node[N].ils, p));
        world_pass(&world, TICK_S / 10);
    }
    assert_true(peer(N, 2)->contact.since != 0);
    world_pass(&world, 3 * TICK_S);
    assert_false(introduce_holds(world.node[N].ils, peer(N, 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_hub_is_invited, setup, teardown),
        cmocka_unit_test_setup_teardown(a_spoke_is_invited, setup, teardown),
        cmocka_unit_test_setup_teardown(not_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(two_in_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(who_comes_later, setup, teardown),
        cmocka_unit_test_setup_teardown(switched_off, setup, teardown),
        cmocka_unit_test_setup_teardown(another_fingerprint, setup, teardown),
        cmocka_unit_test_setup_teardown(by_a_spoke, setup, teardown),
        cmocka_unit_test_setup_teardown(by_a_hub_never_met, setup, teardown),
        cmocka_unit_test_setup_teardown(by_the_password_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_not_good, setup, teardown),
        cmocka_unit_test_setup_teardown(in_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(not_for_every_spoke, setup, teardown),
        cmocka_unit_test_setup_teardown(removed_by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(removed_in_vain, setup, teardown),
        cmocka_unit_test_setup_teardown(no_longer_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(its_share, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
