/* What happens to TLS links later: another method, renewed certificates, end dates, trust that is
 * taken away; and that what `auth ready` says beforehand is what comes (rows D1 and H). */
#include "core/core.h"
#include "world.h"

#define CA    1000u
#define OTHER 2000u
#define BOTH_TLS (uint8_t)(1u << METHOD_PASSWORD | 1u << METHOD_TLS | 1u << METHOD_TLS_PASSWORD)

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

/* --- what the tests are made of */

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

static enum reply untrust(int node, struct pki c)
{
    char text[2 * FINGERPRINT_SIZE + 1];
    uint8_t der[PKI_DER_MAX];
    struct trust_item item = pki_item(pki_der(&c, der));
    hex_text(text, item.fingerprint, FINGERPRINT_SIZE);
    return world_command(&world, node, (struct command){.type = COMMAND_TRUST_REMOVE,
                                                        .what = slice_of(text)});
}

static void password(int node, const char *text)
{
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of(text));
    assert_int_equal(world_command(&world, node, add), REPLY_OK);
}

static void auth(int node, uint8_t method, uint8_t accept)
{
    assert_int_equal(world_auth(&world, node, method != METHOD_PASSWORD, method != METHOD_TLS,
                                accept), REPLY_OK);
}

/* Node 0 is a hub, node 1 its spoke by `method`; certificates of issuer (0: self-signed and
 * imported), passwords and the authority wherever they may be wanted. */
static void pair(uint8_t method, uint32_t issuer)
{
    for (int i = 0; i < 2; i++) {
        struct pki c = certificate(i, 1, issuer);
        assert_int_equal(world_certificate(&world, i, &c, true), REPLY_OK);
        password(i, "secret");
        if (issuer != 0)
            assert_int_equal(trust(i, authority(issuer)), REPLY_OK);
        else
            assert_int_equal(trust(i, certificate(1 - i, 1, 0)), REPLY_OK);
        auth(i, method, i == 0 ? BOTH_TLS : 0);
    }
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    world_join(&world, 1, 0, ROLE_SPOKE);
    assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
    assert_int_equal(world_plan(&world, 1, "alice@c1.example", true), REPLY_OK);
    world_hush(&world);
}

/* Joined by password, ready to switch. */
static void pair_met(uint32_t issuer)
{
    pair(METHOD_PASSWORD, issuer);
}

static bool linked_by(int node, uint8_t method)
{
    struct view_cluster c;
    return view_cluster(world.node[node].ils, 1, &c) && c.linked && c.met_method == method &&
           c.link_tls == (method != METHOD_PASSWORD);
}

static bool linked(int node)
{
    struct view_cluster c;
    return view_cluster(world.node[node].ils, 1, &c) && c.linked;
}

static bool alarmed(int node, enum alarm alarm)
{
    struct alarm_row row;
    for (size_t i = 0; view_alarm(world.node[node].ils, i, &row); i++)
        if (row.alarm == alarm && row.active)
            return true;
    return false;
}

static bool was_alarmed(int node, enum alarm alarm)
{
    struct alarm_row row;
    for (size_t i = 0; view_alarm(world.node[node].ils, i, &row); i++)
        if (row.alarm == alarm)
            return true;
    return false;
}

static size_t count(int node, enum trace_event event, enum code code)
{
    size_t n = 0;
    for (size_t k = 0; k < world.node[node].said_n; k++)
        n += world.node[node].said[k].event == event && world.node[node].said[k].code == code;
    return n;
}

/* Every link that ended was replaced: at no moment there was none. */
static void assert_no_break(void)
{
    for (int i = 0; i < 2; i++) {
        assert_true(linked(i));
        for (size_t k = 0; k < world.node[i].said_n; k++)
            if (world.node[i].said[k].event == EVENT_LINK_ENDED)
                assert_int_equal(world.node[i].said[k].code, CODE_REPLACED);
    }
}

/* Whether that is what the other end showed last, as the node remembers it. */
static bool showed(int node, struct pki c)
{
    struct view_cluster cluster;
    uint8_t der[PKI_DER_MAX];
    struct trust_item item = pki_item(pki_der(&c, der));
    assert_true(view_cluster(world.node[node].ils, 1, &cluster));
    return slice_eq(cluster.certificate, slice_make(item.fingerprint, FINGERPRINT_SIZE));
}

/* --- another method */

static void switched(uint8_t from, uint8_t to, uint32_t issuer, size_t breaks)
{
    setup(NULL);
    pair(from, issuer);
    auth(1, to, 0);
    world_pass(&world, 5 * TICK_S);
    if (breaks == 0)
        assert_no_break();
    size_t before = world.node[1].verdicts;
    for (int i = 0; i < 2; i++)
        assert_true(linked_by(i, to));
    world_pass(&world, 120 * TICK_S);
    assert_int_equal(world.node[1].verdicts, before); /* and that is that */
    assert_true(world_answers(&world, 0, "alice@c1.example"));
    auth(0, to, 0); /* nothing else is accepted: the link stays */
    world_pass(&world, 5 * TICK_S);
    assert_int_equal(world.node[1].verdicts, before);
    assert_true(linked(0) && linked(1));
    teardown(NULL);
}

static void every_switch(void **state)
{
    (void)state;
    static const uint8_t method[] = {METHOD_PASSWORD, METHOD_TLS, METHOD_TLS_PASSWORD};
    for (size_t from = 0; from < 3; from++)
        for (size_t to = 0; to < 3; to++)
            if (from != to) {
                print_message("# from %d to %d\n", method[from], method[to]);
                switched(method[from], method[to], 0, method[to] == METHOD_PASSWORD);
                if (method[from] != METHOD_TLS) /* which needs more than an authority */
                    switched(method[from], method[to], CA, method[to] == METHOD_PASSWORD);
            }
}

/* A switch that is refused leaves the link as it is, and is tried once a minute; at once when the
 * other end says over that link that it would pass now. */
static void refused_switch(void **state)
{
    (void)state;
    pair_met(CA);
    assert_int_equal(untrust(0, authority(CA)), REPLY_OK);
    auth(1, METHOD_TLS, 0);
    size_t before = world.node[1].verdicts;
    world_pass(&world, 300 * TICK_S);
    assert_no_break();
    assert_in_range(world.node[1].verdicts - before, 3, 6);
    assert_true(linked_by(1, METHOD_PASSWORD));
    before = world.node[1].verdicts;
    assert_int_equal(trust(0, authority(CA)), REPLY_OK);
    world_pass(&world, 1 * TICK_S);
    assert_int_equal(world.node[1].verdicts, before + 1);
    assert_true(linked_by(0, METHOD_TLS) && linked_by(1, METHOD_TLS));
    assert_no_break();
}

/* Likewise when the other end announces a certificate that passes here. */
static void switch_after_their_renewal(void **state)
{
    (void)state;
    struct pki own = certificate(0, 3, OTHER), passes = certificate(0, 4, CA);
    pair_met(CA);
    assert_int_equal(world_certificate(&world, 0, &own, true), REPLY_OK);
    auth(1, METHOD_TLS, 0);
    world_pass(&world, 5 * TICK_S);
    assert_true(linked_by(1, METHOD_PASSWORD));
    assert_int_equal(world.node[1].verdict.code, CODE_NO_CHAIN);
    assert_int_equal(world_certificate(&world, 0, &passes, true), REPLY_OK);
    world_pass(&world, 1 * TICK_S);
    assert_true(linked_by(0, METHOD_TLS) && linked_by(1, METHOD_TLS));
    assert_no_break();
}

/* --- renewal */

/* H1, H2, H6: node `who` announces a certificate with another key; it is used when the other end
 * has it, the spoke sets up another link, once. */
static void renewed(int who, uint8_t method, uint32_t issuer)
{
    setup(NULL);
    pair(method, issuer);
    size_t before = world.node[1].verdicts;
    struct pki next = certificate(who, 2, issuer);
    assert_int_equal(world_certificate(&world, who, &next, false), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_no_break();
    assert_true(showed(1 - who, next));
    assert_int_equal(world.node[1].verdicts, before + 1);
    assert_int_equal(world_said(&world, 1 - who, EVENT_CERT_ANNOUNCED), issuer == 0);
    assert_int_equal(was_alarmed(1 - who, ILSCertificateAnnounced), issuer == 0);
    assert_false(alarmed(1 - who, ILSCertificateAnnounced)); /* it is the one in use now */
    struct view_own own;
    assert_false(view_own(world.node[who].ils, 1, &own));
    world_pass(&world, 200 * TICK_S);
    assert_int_equal(world.node[1].verdicts, before + 1);
    for (int i = 0; i < 2; i++) { /* and after restarts */
        world_stop(&world, i);
        world_start(&world, i, &mem.mem);
        world_pass(&world, 5 * TICK_S);
        assert_true(linked_by(i, method));
    }
    assert_false(alarmed(0, ILSTLSAuthenticationFailed));
    assert_false(alarmed(1, ILSTLSAuthenticationFailed));
    teardown(NULL);
}

static void renewal_announced(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        renewed(who, METHOD_TLS, 0);
        renewed(who, METHOD_TLS_PASSWORD, 0);
        renewed(who, METHOD_TLS_PASSWORD, CA);
    }
}

/* Method 4: joined by password, switched, then a new key. */
static void renewal_of_the_met(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        setup(NULL);
        pair_met(CA);
        auth(1, METHOD_TLS, 0);
        auth(0, METHOD_TLS, BOTH_TLS);
        world_pass(&world, 5 * TICK_S);
        assert_true(linked_by(0, METHOD_TLS));
        world_hush(&world);
        size_t before = world.node[1].verdicts;
        struct pki next = certificate(who, 2, CA);
        assert_int_equal(world_certificate(&world, who, &next, false), REPLY_OK);
        world_pass(&world, 100 * TICK_S);
        assert_no_break();
        assert_true(showed(1 - who, next));
        assert_true(world_said(&world, 1 - who, EVENT_CERT_MET));
        assert_int_equal(world.node[1].verdicts, before + 1);
        teardown(NULL);
    }
}

/* H5: another authority, both trusted meanwhile. */
static void another_authority(void **state)
{
    (void)state;
    pair(METHOD_TLS_PASSWORD, CA);
    for (int i = 0; i < 2; i++)
        assert_int_equal(trust(i, authority(OTHER)), REPLY_OK);
    for (int i = 0; i < 2; i++) {
        struct pki next = certificate(i, 2, OTHER);
        assert_int_equal(world_certificate(&world, i, &next, false), REPLY_OK);
        world_pass(&world, 10 * TICK_S);
        assert_true(showed(1 - i, next));
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(untrust(i, authority(CA)), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_no_break();
}

/* H1 with the same key. */
static void same_key(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        setup(NULL);
        pair(METHOD_TLS, 0);
        struct pki next = certificate(who, 1, 0);
        next.serial = 99;
        assert_int_equal(world_certificate(&world, who, &next, true), REPLY_OK);
        world_pass(&world, 100 * TICK_S);
        assert_no_break();
        assert_true(linked_by(0, METHOD_TLS) && linked_by(1, METHOD_TLS));
        assert_false(alarmed(1 - who, ILSTLSAuthenticationFailed));
        teardown(NULL);
    }
}

/* H3: a new key that nobody was told of. The link that stands stays; whoever dials is refused, and
 * the remedy is one command. */
static void never_announced(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct verdict v;
        setup(NULL);
        pair(METHOD_TLS, 0);
        struct pki next = certificate(who, 2, 0);
        size_t before = world.node[1].verdicts;
        assert_int_equal(world_certificate(&world, who, &next, true), REPLY_OK);
        world_pass(&world, 30 * TICK_S);
        assert_int_equal(world.node[1].verdicts, before + 1);
        for (int i = 0; i < 2; i++) {
            assert_true(view_verdict(world.node[i].ils, 0, &v));
            assert_int_equal(v.code, CODE_SELF_SIGNED);
            assert_int_equal(v.remedy_at, i == who ? SIDE_THERE : SIDE_HERE);
        }
        assert_true(world_said(&world, 1 - who, EVENT_VERIFY_ERROR));
        assert_true(alarmed(1 - who, ILSTLSAuthenticationFailed));
        world_cut(&world, 0, 1);
        world_pass(&world, 70 * TICK_S);
        assert_false(linked(0) || linked(1));
        struct command c = {.type = COMMAND_TRUST_VERDICT};
        assert_true(view_verdict(world.node[1 - who].ils, 0, &v));
        memcpy(c.verdict_id, v.id, VERDICT_ID_SIZE);
        assert_int_equal(world_command(&world, 1 - who, c), REPLY_OK);
        world_pass(&world, 61 * TICK_S);
        assert_true(linked(0) && linked(1));
        assert_false(alarmed(1 - who, ILSTLSAuthenticationFailed));
        teardown(NULL);
    }
}

/* A renewal waits for a neighbour that is away, says for whom, and goes on when it is back, or when
 * the operator says so, or when the present certificate ends. */
static void renewal_waits(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct view_own own;
        struct view_cluster c;
        setup(NULL);
        pair(METHOD_TLS, 0);
        world_stop(&world, 1);
        world_run(&world);
        struct pki next = certificate(0, 2, 0);
        assert_int_equal(world_certificate(&world, 0, &next, false), REPLY_OK);
        world_pass(&world, 60 * TICK_S);
        assert_true(view_own(world.node[0].ils, 1, &own));
        assert_int_equal(own.waiting, 1);
        assert_true(view_own_waiting(world.node[0].ils, 0, &c));
        assert_true(slice_eq(c.cluster_id, slice_of("c1")));
        assert_false(view_own_waiting(world.node[0].ils, 1, &c));
        world_stop(&world, 0); /* it goes on waiting after a restart */
        world_start(&world, 0, &mem.mem);
        assert_true(view_own(world.node[0].ils, 1, &own));
        assert_int_equal(own.waiting, 1);
        if (how == 1) {
            assert_int_equal(world_command(&world, 0, (struct command){
                                               .type = COMMAND_CERTIFICATE_NOW}), REPLY_OK);
            assert_false(view_own(world.node[0].ils, 1, &own));
        }
        if (how == 2) {
            struct command gone = {.type = COMMAND_DISCONNECT, .cluster = slice_of("c1")};
            assert_int_equal(world_command(&world, 0, gone), REPLY_OK);
            world_pass(&world, TICK_S);
            assert_false(view_own(world.node[0].ils, 1, &own));
        }
        world_start(&world, 1, &mem.mem);
        world_pass(&world, 10 * TICK_S);
        assert_int_equal(linked(1), how == 0);
        assert_int_equal(showed(1, next), how == 0);
        teardown(NULL);
    }
}

/* The present certificate ends while the next one still waits. */
static void renewal_in_the_end(void **state)
{
    (void)state;
    struct view_own own;
    struct pki brief = certificate(0, 3, CA), next = certificate(0, 2, CA);
    pair(METHOD_TLS_PASSWORD, CA);
    brief.not_after = world.wall + world.now + 1000 * TICK_S;
    assert_int_equal(world_certificate(&world, 0, &brief, true), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_true(linked(1));
    assert_true(alarmed(0, ILSCertificateExpiring) && alarmed(1, ILSCertificateExpiring));
    world_stop(&world, 1);
    assert_int_equal(world_certificate(&world, 0, &next, false), REPLY_OK);
    world_pass(&world, 900 * TICK_S);
    assert_true(view_own(world.node[0].ils, 1, &own));
    world_pass(&world, 100 * TICK_S);
    assert_false(view_own(world.node[0].ils, 1, &own));
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 10 * TICK_S);
    assert_true(linked(0) && linked(1));
    assert_true(showed(1, next));
    assert_false(alarmed(0, ILSCertificateExpiring) || alarmed(1, ILSCertificateExpiring));
}

/* A next one that is not valid yet waits for its day. */
static void renewal_waits_for_its_day(void **state)
{
    (void)state;
    struct view_own own;
    struct pki next = certificate(1, 2, CA);
    pair(METHOD_TLS_PASSWORD, CA);
    next.not_before = world.wall + world.now + 1000 * TICK_S;
    assert_int_equal(world_certificate(&world, 1, &next, false), REPLY_OK);
    world_pass(&world, 900 * TICK_S);
    assert_true(view_own(world.node[1].ils, 1, &own));
    world_pass(&world, 200 * TICK_S);
    assert_false(view_own(world.node[1].ils, 1, &own));
    assert_true(showed(0, next));
    assert_no_break();
}

/* A disk that takes nothing is not asked again and again; nothing is used that is not durable. */
static void renewal_on_a_full_disk(void **state)
{
    (void)state;
    struct view_own own;
    struct pki next = certificate(1, 2, 0);
    pair(METHOD_TLS, 0);
    world.node[1].full = true;
    assert_int_equal(world_certificate(&world, 1, &next, false), REPLY_STORE);
    assert_false(view_own(world.node[1].ils, 1, &own));
    world.node[1].full = false;
    world_cut(&world, 0, 1);
    world_stop(&world, 0);
    assert_int_equal(world_certificate(&world, 1, &next, false), REPLY_OK);
    world_start(&world, 0, &mem.mem);
    world.node[1].full = true;
    world_pass(&world, 20 * TICK_S);
    assert_true(view_own(world.node[1].ils, 1, &own));
    world.node[1].full = false;
    world_pass(&world, 20 * TICK_S);
    assert_false(view_own(world.node[1].ils, 1, &own));
    assert_true(showed(0, next));
    assert_true(linked(0) && linked(1));
}

/* The neighbour's disk takes nothing for a while: it imports the announced one later. */
static void import_on_a_full_disk(void **state)
{
    (void)state;
    struct pki next = certificate(1, 2, 0);
    pair(METHOD_TLS, 0);
    world.node[0].full = true;
    assert_int_equal(world_certificate(&world, 1, &next, false), REPLY_OK);
    world_pass(&world, 20 * TICK_S);
    assert_false(showed(0, next));
    world.node[0].full = false;
    world_pass(&world, 60 * TICK_S);
    assert_true(showed(0, next));
    assert_no_break();
}

/* Whom nobody imported is not believed when it announces something. */
static void only_the_imported_announce(void **state)
{
    (void)state;
    struct view_trust t;
    struct pki next = certificate(1, 2, 0);
    pair(METHOD_TLS_PASSWORD, CA);
    assert_int_equal(world_certificate(&world, 1, &next, false), REPLY_OK);
    world_pass(&world, 60 * TICK_S);
    assert_false(world_said(&world, 0, EVENT_CERT_ANNOUNCED));
    assert_true(view_trust(world.node[0].ils, 0, &t)); /* the authority, and nothing else */
    assert_false(view_trust(world.node[0].ils, 1, &t));
    assert_false(showed(0, next));
}

static size_t trusted(int node)
{
    struct view_trust t;
    size_t n = 0;
    while (view_trust(world.node[node].ils, n, &t))
        n++;
    return n;
}

/* What an operator takes out again is not put back because it is still announced. */
static void announced_and_removed(void **state)
{
    (void)state;
    struct pki c = certificate(2, 1, 0), next = certificate(0, 2, 0);
    pair(METHOD_TLS, 0);
    assert_int_equal(world_certificate(&world, 2, &c, true), REPLY_OK);
    assert_int_equal(trust(0, c), REPLY_OK);
    assert_int_equal(trust(2, certificate(0, 1, 0)), REPLY_OK);
    world_join(&world, 2, 0, ROLE_SPOKE);
    assert_int_equal(world.node[2].verdict.code, CODE_JOINED);
    world_stop(&world, 2); /* whom the renewal waits for */
    world_run(&world);
    assert_int_equal(world_certificate(&world, 0, &next, false), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_int_equal(trusted(1), 2);
    assert_int_equal(untrust(1, next), REPLY_OK);
    world_pass(&world, 60 * TICK_S);
    assert_int_equal(trusted(1), 1);
    assert_true(linked(1));
}

/* --- end dates */

/* H4: in that second the link ends, at both ends, and lookups go on. */
static void ends_in_that_second(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++)
        for (uint32_t issuer = 0; issuer <= CA; issuer += CA) {
            struct pki brief = certificate(who, 1, issuer);
            setup(NULL);
            brief.serial = 99;
            pair(METHOD_TLS_PASSWORD, issuer);
            brief.not_after = world.wall + world.now + 1000 * TICK_S;
            assert_int_equal(world_certificate(&world, who, &brief, true), REPLY_OK);
            world_pass(&world, 999 * TICK_S);
            assert_true(linked(0) && linked(1));
            world_hush(&world);
            world_pass(&world, 1 * TICK_S);
            assert_false(linked(0) || linked(1));
            for (int i = 0; i < 2; i++)
                assert_int_equal(count(i, EVENT_LINK_ENDED, CODE_EXPIRED), 1);
            assert_int_equal(world.node[1 - who].said[0].event, EVENT_VERIFY_ERROR);
            assert_int_equal(world.node[1 - who].said[0].number, 10);
            assert_memory_equal(world.node[0].said[world.node[0].said_n - 1].verdict_id,
                                world.node[1].said[world.node[1].said_n - 1].verdict_id,
                                VERDICT_ID_SIZE);
            assert_true(alarmed(1 - who, ILSTLSAuthenticationFailed));
            assert_false(alarmed(who, ILSTLSAuthenticationFailed));
            assert_true(world_answers(&world, 0, "alice@c1.example"));
            world_pass(&world, 120 * TICK_S);
            assert_int_equal(world.node[1].verdict.code, CODE_EXPIRED);
            assert_true(world_answers(&world, 0, "alice@c1.example"));
            brief.serial = 100; /* the remedy */
            brief.not_after = 0;
            assert_int_equal(world_certificate(&world, who, &brief, true), REPLY_OK);
            world_pass(&world, 61 * TICK_S);
            assert_true(linked(0) && linked(1));
            assert_false(alarmed(1 - who, ILSTLSAuthenticationFailed));
            teardown(NULL);
        }
}

/* The remedy comes while an attempt is under way that cannot know of it: it is not waited for the
 * minute that follows that attempt's refusal. */
static void remedy_meanwhile(void **state)
{
    (void)state;
    for (size_t steps = 0; steps < 40; steps++) {
        struct pki brief = certificate(1, 1, 0);
        setup(NULL);
        brief.serial = 99;
        pair(METHOD_TLS, 0);
        brief.not_after = world.wall + world.now + 100 * TICK_S;
        assert_int_equal(world_certificate(&world, 1, &brief, true), REPLY_OK);
        world_pass(&world, 110 * TICK_S);
        assert_false(linked(0) || linked(1));
        world_ask(&world, 1, (struct command){.type = COMMAND_JOIN, .host = slice_of("n0"),
                                              .role = ROLE_SPOKE});
        world_steps(&world, steps);
        brief.serial = 100;
        brief.not_after = 0;
        assert_int_equal(world_certificate(&world, 1, &brief, true), REPLY_OK);
        world_pass(&world, 1 * TICK_S);
        assert_true(linked(0) && linked(1));
        teardown(NULL);
    }
}

/* --- trust that is taken away */

/* A live link is judged anew: imported no more, revoked, no root any more. */
static void taken_away(int verifier, int how, enum code code)
{
    uint8_t der[PKI_DER_MAX];
    struct verdict v;
    uint32_t issuer = how == 0 ? 0 : CA;
    setup(NULL);
    pair(METHOD_TLS_PASSWORD, issuer);
    struct pki theirs = certificate(1 - verifier, 1, issuer);
    uint8_t id[VERDICT_ID_SIZE];
    assert_true(view_verdict(world.node[0].ils, 0, &v));
    memcpy(id, v.id, sizeof id);
    world_hush(&world);
    if (how == 0)
        assert_int_equal(untrust(verifier, theirs), REPLY_OK);
    else if (how == 1)
        assert_int_equal(world_trust(&world, verifier, pki_crl(CA, theirs.serial, der)), REPLY_OK);
    else
        assert_int_equal(untrust(verifier, authority(CA)), REPLY_OK);
    assert_false(linked(0) || linked(1));
    for (int i = 0; i < 2; i++)
        assert_int_equal(count(i, EVENT_LINK_ENDED, code), 1);
    assert_true(alarmed(verifier, ILSTLSAuthenticationFailed));
    assert_false(alarmed(1 - verifier, ILSTLSAuthenticationFailed));
    assert_true(world_said(&world, verifier, EVENT_VERIFY_ERROR));
    assert_false(world_said(&world, 1 - verifier, EVENT_VERIFY_ERROR));
    if (how != 1) { /* the remedy: what was refused is kept under the id of the link */
        struct command c = {.type = COMMAND_TRUST_VERDICT};
        memcpy(c.verdict_id, id, VERDICT_ID_SIZE);
        assert_int_equal(world_command(&world, verifier, c), REPLY_OK);
        world_pass(&world, 61 * TICK_S);
        assert_true(linked(0) && linked(1));
    }
    teardown(NULL);
}

static void trust_is_taken_away(void **state)
{
    (void)state;
    for (int verifier = 0; verifier < 2; verifier++) {
        taken_away(verifier, 0, CODE_SELF_SIGNED);
        taken_away(verifier, 1, CODE_REVOKED);
        taken_away(verifier, 2, CODE_NO_CHAIN);
    }
}

/* Another rule holds it: it stays, and is shown by that rule. */
static void another_rule(void **state)
{
    (void)state;
    struct view_cluster c;
    pair(METHOD_TLS_PASSWORD, CA);
    assert_int_equal(trust(0, certificate(1, 1, CA)), REPLY_OK);
    assert_true(view_cluster(world.node[0].ils, 1, &c));
    assert_int_equal(c.met_rule, RULE_IMPORTED);
    assert_int_equal(untrust(0, certificate(1, 1, CA)), REPLY_OK);
    assert_true(view_cluster(world.node[0].ils, 1, &c));
    assert_int_equal(c.met_rule, RULE_ROOT);
    assert_no_break();
}

/* A name that the rule of names asks for is asked for by every verdict of the dialling end. */
static void names_of_live_links(void **state)
{
    (void)state;
    struct pki c = {.serial = 5, .key = 5, .issuer = CA, .name = {"elsewhere.example"}};
    pair(METHOD_TLS_PASSWORD, CA);
    assert_int_equal(trust(1, c), REPLY_OK);
    assert_int_equal(world_certificate(&world, 0, &c, true), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_no_break();
    struct view_cluster cluster;
    assert_true(view_cluster(world.node[1].ils, 1, &cluster));
    assert_int_equal(cluster.met_rule, RULE_IMPORTED);
    assert_int_equal(untrust(1, c), REPLY_OK);
    assert_int_equal(count(1, EVENT_LINK_ENDED, CODE_NAME), 1);
    assert_int_equal(count(0, EVENT_LINK_ENDED, CODE_NAME), 1);
}

/* Trust that goes while somebody is joining by it. */
static void taken_away_meanwhile(void **state)
{
    (void)state;
    for (int verifier = 0; verifier < 2; verifier++)
        for (size_t steps = 0; steps < 40; steps++) {
            setup(NULL);
            pair(METHOD_TLS_PASSWORD, 0);
            world_cut(&world, 0, 1);
            world_run(&world);
            char text[2 * FINGERPRINT_SIZE + 1];
            uint8_t der[PKI_DER_MAX];
            struct pki theirs = certificate(1 - verifier, 1, 0);
            struct trust_item item = pki_item(pki_der(&theirs, der));
            hex_text(text, item.fingerprint, FINGERPRINT_SIZE);
            world_ask(&world, 1, (struct command){.type = COMMAND_JOIN, .host = slice_of("n0"),
                                                  .role = ROLE_SPOKE});
            world_steps(&world, steps);
            world_ask(&world, verifier, (struct command){.type = COMMAND_TRUST_REMOVE,
                                                         .what = slice_of(text)});
            world_run(&world);
            world_pass(&world, 1 * TICK_S);
            assert_false(linked(verifier));
            teardown(NULL);
        }
}

/* --- an alarm about somebody who went away is over some day */
static void alarm_of_a_stranger(void **state)
{
    (void)state;
    struct pki c = certificate(2, 1, 0);
    pair(METHOD_TLS, 0);
    assert_int_equal(world_certificate(&world, 2, &c, true), REPLY_OK);
    c = certificate(0, 1, 0);
    assert_int_equal(trust(2, c), REPLY_OK);
    world_join(&world, 2, 0, ROLE_SPOKE);
    assert_true(alarmed(0, ILSTLSAuthenticationFailed));
    world_pass(&world, 3600 * TICK_S);
    assert_true(alarmed(0, ILSTLSAuthenticationFailed)); /* it still tries */
    world_stop(&world, 2);
    world_pass(&world, 1200 * TICK_S);
    assert_false(alarmed(0, ILSTLSAuthenticationFailed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_switch),
        cmocka_unit_test_setup_teardown(refused_switch, setup, teardown),
        cmocka_unit_test_setup_teardown(switch_after_their_renewal, setup, teardown),
        cmocka_unit_test(renewal_announced),
        cmocka_unit_test(renewal_of_the_met),
        cmocka_unit_test_setup_teardown(another_authority, setup, teardown),
        cmocka_unit_test(same_key),
        cmocka_unit_test(never_announced),
        cmocka_unit_test(renewal_waits),
        cmocka_unit_test_setup_teardown(renewal_in_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(renewal_waits_for_its_day, setup, teardown),
        cmocka_unit_test_setup_teardown(renewal_on_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(import_on_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_imported_announce, setup, teardown),
        cmocka_unit_test_setup_teardown(announced_and_removed, setup, teardown),
        cmocka_unit_test(ends_in_that_second),
        cmocka_unit_test(remedy_meanwhile),
        cmocka_unit_test(trust_is_taken_away),
        cmocka_unit_test_setup_teardown(another_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(names_of_live_links, setup, teardown),
        cmocka_unit_test(taken_away_meanwhile),
        cmocka_unit_test_setup_teardown(alarm_of_a_stranger, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
