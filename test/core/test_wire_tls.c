/* What a core does with a peer that breaks the protocol inside TLS: another exporter, another key
 * in the certificate, a proof in the wrong role, a recording played again, its own words sent back,
 * frames before their time; and that nothing but a goodbye leaves before the certificate passed. */
#include "peer.h"
#include "pki.h"
#include "rig.h"

static struct rig core;
static struct peer_end peer;
static struct buf recorded; /* what the peer has sent */
static uint8_t key[32];
static struct {
    struct secured s;
    struct pki_memory theirs, mine;
    uint8_t der[2][PKI_DER_MAX];
} tls;
static struct test_mem outside;

static struct pki certificate(uint32_t serial)
{
    return (struct pki){.serial = serial, .key = serial, .issuer = serial,
                        .name = {serial == 1 ? "hub.example" : "peer.example"}};
}

static void command(struct command c)
{
    assert_int_equal(rig_command(&core, c), REPLY_OK);
}

static int setup(void **state)
{
    (void)state;
    struct command c = {.type = COMMAND_CERTIFICATE, .now = true};
    struct pki mine = certificate(1), theirs = certificate(2);
    struct trust_item item = pki_item(pki_der(&theirs, tls.der[1]));
    crypto_hash1(key, "test", slice_of("secret"));
    rig_init(&core, 5, SIZE_MAX);
    rig_hub(&core, "hub", key);
    pki_facts(pki_der(&mine, tls.der[0]), &c.own.leaf, &tls.mine);
    c.own.key = slice_of("a key");
    command(c);
    command((struct command){.type = COMMAND_TRUST_ADD, .trust = &item, .trust_n = 1});
    c = (struct command){.type = COMMAND_AUTH};
    c.auth = (struct auth){.tls = true, .set_tls = true, .set_password = true, .set_accept = true,
                           .accept = 1u << METHOD_TLS | 1u << METHOD_TLS_PASSWORD};
    command(c);
    test_mem_init(&outside, 0);
    buf_init(&recorded, &outside.mem, SIZE_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    peer_done(&peer);
    buf_done(&recorded);
    rig_done(&core);
    return 0;
}

/* A session of TLS, the n-th, between the core and the holder of certificate `serial`. */
static const struct secured *session(uint8_t n, uint32_t serial)
{
    struct pki mine = certificate(1), theirs = certificate(serial);
    struct certificate own;
    memset(&tls.s, 0, sizeof tls.s);
    pki_facts(pki_der(&mine, tls.der[0]), &own, &tls.mine);
    pki_verify(core.ils, pki_der(&theirs, tls.der[1]), INT64_C(1700000000000000), &tls.s.peer,
               &tls.theirs);
    tls.s.spki_mine = own.spki;
    memset(tls.s.exporter, n, sizeof tls.s.exporter);
    memset(tls.s.client_random, n + 100, sizeof tls.s.client_random);
    memset(peer.exporter, n, sizeof peer.exporter);
    memcpy(peer.spki_mine, tls.theirs.spki, sizeof peer.spki_mine);
    memcpy(peer.spki_theirs, tls.mine.spki, sizeof peer.spki_theirs);
    peer.tls = true;
    return &tls.s;
}

static void pump(uint32_t id)
{
    struct rig_link *l = rig_link(&core, id);
    while (peer.out.n != 0 || l->out_n != 0) {
        size_t n = peer.out.n, came;
        uint8_t *bytes = malloc(n + 1);
        if (n != 0)
            memcpy(bytes, peer.out.p, n);
        buf_put(&recorded, bytes, n);
        buf_reset(&peer.out);
        rig_data(&core, id, bytes, n);
        free(bytes);
        l = rig_link(&core, id);
        came = l->out_n;
        l->out_n = 0;
        peer_take(&peer, slice_make(l->out, came));
    }
}

static void begin(uint8_t method)
{
    peer_init(&peer, &outside.mem, 1, key, true);
    peer.hello.method = method;
    peer.hello.generation = method == METHOD_TLS ? 0 : 1;
}

/* Says its hello over the n-th session, and what follows. */
static uint32_t converse(uint8_t n)
{
    uint32_t id = rig_accept_tls(&core, "198.51.100.1", session(n, 2));
    return id;
}

static void go(uint32_t id)
{
    peer_hello(&peer);
    pump(id);
}

static void refused(uint32_t id, enum code code)
{
    struct view_cluster c;
    struct rig_link *l = rig_link(&core, id);
    assert_int_equal(core.verdict.code, code);
    assert_true(l->closed);
    assert_int_equal(peer.goodbye, code);
    assert_int_equal(peer.got[FRAME_GOODBYE], 1);
    assert_false(peer.up);
    assert_false(view_cluster(core.ils, 1, &c));
}

static const uint8_t methods[] = {METHOD_TLS, METHOD_TLS_PASSWORD};

static void each_method(void (*body)(uint8_t method))
{
    for (size_t i = 0; i < 2; i++) {
        setup(NULL);
        begin(methods[i]);
        body(methods[i]);
        teardown(NULL);
    }
}

static void honest(uint8_t method)
{
    uint32_t id = converse(1);
    go(id);
    assert_true(peer.up);
    peer_frame(&peer, FRAME_KEEPALIVE, slice_make(NULL, 0));
    pump(id);
    assert_int_equal(core.verdict.code, CODE_JOINED);
    assert_int_equal(core.verdict.rule, RULE_IMPORTED);
    assert_int_equal(core.verdict.method, method);
    assert_int_equal(core.verdict.id[0], 101); /* of the client's random */
    assert_int_equal(core.alarms, 0);
    assert_true(peer.got[FRAME_MARKS] > 0);
}

static void honest_peer(void **state)
{
    (void)state;
    each_method(honest);
}

static void exporter(uint8_t method)
{
    uint32_t id = converse(1);
    peer.exporter[0] ^= 1;
    go(id);
    refused(id, method == METHOD_TLS ? CODE_PROOF : CODE_PASSWORD_DIFFERS);
}

static void other_exporter(void **state)
{
    (void)state;
    each_method(exporter);
}

static void key_mine(uint8_t method)
{
    uint32_t id = converse(1);
    peer.spki_mine[7] ^= 1;
    go(id);
    refused(id, CODE_PROOF);
}

static void key_theirs(uint8_t method)
{
    uint32_t id = converse(1);
    peer.spki_theirs[7] ^= 1;
    go(id);
    refused(id, CODE_PROOF);
}

static void other_keys(void **state)
{
    (void)state;
    each_method(key_mine);
    each_method(key_theirs);
}

static void role(uint8_t method)
{
    uint32_t id = converse(1);
    peer.other_role = true;
    go(id);
    refused(id, CODE_PROOF);
}

static void other_role(void **state)
{
    (void)state;
    each_method(role);
}

/* All that a good conversation said, once more: over another session of TLS, and even over one with
 * the same exporter, since the core's own random is another. */
static void replay(uint8_t method)
{
    uint32_t id = converse(1);
    go(id);
    assert_true(peer.up);
    rig_down(&core, id);
    for (uint8_t n = 1; n <= 2; n++) {
        struct buf heard;
        uint8_t type;
        struct slice body;
        id = rig_accept_tls(&core, "198.51.100.2", session(n, 2));
        rig_data(&core, id, recorded.p, recorded.n);
        struct rig_link *l = rig_link(&core, id);
        assert_true(l->closed);
        assert_int_equal(core.verdict.code,
                         method == METHOD_TLS ? CODE_PROOF : CODE_PASSWORD_DIFFERS);
        buf_init(&heard, &outside.mem, SIZE_MAX);
        buf_put(&heard, l->out, l->out_n);
        struct slice in = buf_slice(&heard);
        while (frame_take(&in, FRAME_SEALED_MAX, &type, &body) == 0)
            assert_true(type == FRAME_HELLO || type == FRAME_SHARE || type == FRAME_GOODBYE);
        buf_done(&heard);
        rig_pass(&core, 1300 * TICK_S); /* the penalty is over */
    }
}

static void played_again(void **state)
{
    (void)state;
    each_method(replay);
}

/* Whatever the core says comes back to it. */
static void reflect(uint8_t method)
{
    uint32_t id = converse(1);
    struct rig_link *l = rig_link(&core, id);
    peer.manual = true;
    peer_hello(&peer);
    for (int i = 0; i < 10 && !l->closed; i++) {
        uint8_t copy[4096];
        size_t n = peer.out.n;
        if (n == 0) {
            n = l->out_n;
            memcpy(copy, l->out, n);
            l->out_n = 0;
        } else {
            memcpy(copy, peer.out.p, n);
            buf_reset(&peer.out);
        }
        rig_data(&core, id, copy, n);
        l = rig_link(&core, id);
    }
    assert_true(l->closed);
    assert_int_not_equal(core.verdict.code, CODE_JOINED);
}

static void sent_back(void **state)
{
    (void)state;
    each_method(reflect);
}

/* Frames of later states, and data before TLS stands. */
static void out_of_turn(uint8_t method)
{
    static const uint8_t type[] = {FRAME_MARKS, FRAME_READY, FRAME_SEGMENT, FRAME_KEEPALIVE,
                                   FRAME_PROOF, FRAME_CONFIRM, FRAME_SHARE};
    for (size_t i = 0; i < sizeof type; i++)
        for (int after_hello = 0; after_hello < 2; after_hello++) {
            uint32_t id = rig_accept_tls(&core, "198.51.100.3", NULL);
            struct rig_link *l = rig_link(&core, id);
            peer_frame(&peer, type[i], slice_of("12345678901234567890123456789012"));
            rig_data(&core, id, peer.out.p, peer.out.n); /* before its time: not heard */
            buf_reset(&peer.out);
            assert_false(l->closed);
            rig_step(&core, (struct ils_event){.type = ILS_EV_SECURED, .link = id,
                                               .secured = session((uint8_t)(10 + i), 2)});
            peer.manual = true;
            if (after_hello) {
                peer_hello(&peer);
                rig_data(&core, id, peer.out.p, peer.out.n);
                buf_reset(&peer.out);
            }
            peer_frame(&peer, type[i], slice_of("12345678901234567890123456789012"));
            rig_data(&core, id, peer.out.p, peer.out.n);
            buf_reset(&peer.out);
            l = rig_link(&core, id);
            if (l->closed)
                assert_int_not_equal(core.verdict.code, CODE_JOINED);
            else /* a share where one is due */
                assert_true(type[i] == FRAME_SHARE && after_hello && method != METHOD_TLS);
            rig_down(&core, id);
            rig_pass(&core, 1300 * TICK_S);
        }
}

static void before_their_time(void **state)
{
    (void)state;
    each_method(out_of_turn);
}

/* A method that belongs to another port, or another protocol. */
static void other_methods(void **state)
{
    (void)state;
    static const uint8_t method[] = {METHOD_NONE, METHOD_PASSWORD, METHOD_INVITE, 5, 255};
    for (size_t i = 0; i < sizeof method; i++) {
        setup(NULL);
        begin(METHOD_TLS);
        uint32_t id = converse(1);
        peer.hello.method = method[i];
        go(id);
        assert_true(rig_link(&core, id)->closed);
        assert_true(core.verdict.code == CODE_PROTOCOL || core.verdict.code == CODE_METHOD_DIFFERS);
        assert_false(peer.up);
        teardown(NULL);
    }
    begin(METHOD_TLS);
    setup(NULL);
}

/* To whom did not pass nothing is said but goodbye, whichever end refused. */
static void nothing_but_goodbye(void **state)
{
    (void)state;
    uint8_t type;
    struct slice body;
    begin(METHOD_TLS);
    uint32_t id = rig_accept_tls(&core, "198.51.100.1", session(1, 3)); /* nobody imported it */
    assert_int_equal(rig_link(&core, id)->sent, 0);
    go(id);
    refused(id, CODE_SELF_SIGNED);
    assert_int_equal(peer.got[FRAME_HELLO], 0);
    /* dialled */
    command((struct command){.type = COMMAND_JOIN, .host = slice_of("hub.example"),
                             .role = ROLE_HUB});
    id = rig_connected(&core, "192.0.2.1");
    assert_int_equal(rig_link(&core, id)->sent, 0);
    rig_step(&core, (struct ils_event){.type = ILS_EV_SECURED, .link = id,
                                       .secured = session(2, 3)});
    struct rig_link *l = rig_link(&core, id);
    struct slice in = slice_make(l->out, l->out_n);
    assert_true(l->closed);
    assert_int_equal(core.verdict.code, CODE_SELF_SIGNED);
    assert_int_equal(frame_take(&in, FRAME_CLEAR_MAX, &type, &body), 0);
    assert_int_equal(type, FRAME_GOODBYE);
    assert_int_equal(in.n, 0);
}

/* The conversation about an invite is no link, whatever follows the proofs. */
static void invite_is_no_link(void **state)
{
    (void)state;
    struct command c = {.type = COMMAND_INVITE};
    uint8_t parts[INVITE_ID_SIZE + INVITE_SECRET_SIZE];
    memset(&c.invite, 9, sizeof c.invite);
    c.invite.expires = INT64_MAX / 2;
    command(c);
    memset(parts, 9, sizeof parts);
    struct slice part[2] = {slice_make(parts, INVITE_ID_SIZE),
                            slice_make(parts + INVITE_ID_SIZE, INVITE_SECRET_SIZE)};
    crypto_hash(key, "invite", part, 2);
    begin(METHOD_INVITE);
    memset(peer.invite, 9, sizeof peer.invite);
    struct secured s = *session(1, 3);
    s.invite = true;
    uint32_t id = rig_accept_tls(&core, "198.51.100.1", &s);
    go(id);
    assert_true(peer.up); /* the control: the core has proved itself, too */
    struct buf b;
    struct msg_marks m = {.last = true};
    buf_init(&b, &outside.mem, SIZE_MAX);
    msg_marks_put(&b, &m);
    peer_send(&peer, &b);
    buf_done(&b);
    pump(id);
    assert_true(rig_link(&core, id)->closed);
    assert_int_equal(core.verdict.code, CODE_PROTOCOL);
    assert_int_equal(peer.got[FRAME_MARKS], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_peer),
        cmocka_unit_test(other_exporter),
        cmocka_unit_test(other_keys),
        cmocka_unit_test(other_role),
        cmocka_unit_test(played_again),
        cmocka_unit_test(sent_back),
        cmocka_unit_test(before_their_time),
        cmocka_unit_test_teardown(other_methods, teardown),
        cmocka_unit_test_setup_teardown(nothing_but_goodbye, setup, teardown),
        cmocka_unit_test_setup_teardown(invite_is_no_link, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
