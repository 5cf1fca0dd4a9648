/* What a core does with a peer that breaks the password exchange on the wire: points that are not
 * valid, its own words sent back, a recording played again, frames out of order or too long, a
 * second try. Every refusal: the verdict, the alarm where one is due, no further frame. */
#include "peer.h"
#include "rig.h"

static struct rig core;
static struct peer_end peer;
static uint8_t key[32], other_key[32];

static int setup(void **state)
{
    (void)state;
    crypto_hash1(key, "test", slice_of("secret"));
    crypto_hash1(other_key, "test", slice_of("other"));
    rig_init(&core, 5, SIZE_MAX);
    rig_hub(&core, "hub", key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_done(&core);
    return 0;
}

/* Carries bytes between the peer and the core until both are silent. */
static void pump(struct peer_end *p, uint32_t id)
{
    struct rig_link *l = rig_link(&core, id);
    while (p->out.n != 0 || l->out_n != 0) {
        uint8_t *bytes = malloc(p->out.n + 1);
        size_t n = p->out.n;
        if (n != 0)
            memcpy(bytes, p->out.p, n);
        buf_reset(&p->out);
        rig_data(&core, id, bytes, n);
        free(bytes);
        l = rig_link(&core, id);
        size_t came = l->out_n;
        l->out_n = 0;
        peer_take(p, slice_make(l->out, came));
    }
}

static void refused(uint32_t id, enum code code)
{
    struct rig_link *l = rig_link(&core, id);
    assert_true(l->closed);
    assert_int_equal(core.verdict.code, code);
    assert_int_equal(peer.goodbye, code);
    assert_int_equal(peer.got[FRAME_GOODBYE], 1);
    uint64_t sent = l->sent;
    size_t verdicts = core.verdicts;
    /* Whatever comes now is not heard. */
    l->closed = false;
    rig_data(&core, id, "\x02\x00\x00\x01x", 5);
    rig_pass(&core, 20 * TICK_S);
    assert_int_equal(rig_link(&core, id)->sent, sent);
    assert_int_equal(core.verdicts, verdicts);
    assert_false(peer.up);
}

static void honest_peer(void **state)
{
    (void)state;
    uint32_t id = rig_accept(&core, "198.51.100.1");
    peer_init(&peer, &core.mem.mem, 1, key, true);
    peer_hello(&peer);
    pump(&peer, id);
    assert_true(peer.up);
    assert_false(peer.garbled);
    peer_frame(&peer, FRAME_KEEPALIVE, slice_make(NULL, 0));
    pump(&peer, id);
    assert_int_equal(core.verdict.code, CODE_JOINED);
    assert_int_equal(core.alarms, 0);
    assert_true(peer.got[FRAME_MARKS] > 0);
    peer_done(&peer);
}

/* Shares that are no element, or the neutral one. */
static const char *const bad_point[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000", /* negative */
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", /* not canonical */
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p: zero again */
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371", /* not a square */
};
#define BAD_POINTS (sizeof bad_point / sizeof bad_point[0])

static void invalid_points_from_a_dialler(void **state)
{
    (void)state;
    for (size_t i = 0; i <= BAD_POINTS; i++) {
        uint8_t point[POINT_SIZE] = {0};
        char ip[] = "198.51.100.10";
        ip[12] = (char)('0' + i);
        if (i < BAD_POINTS)
            assert_true(hex_parse(point, POINT_SIZE, slice_of(bad_point[i])));
        uint32_t id = rig_accept(&core, ip);
        size_t alarms = core.alarms;
        peer_init(&peer, &core.mem.mem, 1, key, true);
        peer.manual = true;
        peer_hello(&peer);
        pump(&peer, id);
        peer_frame(&peer, FRAME_SHARE, slice_make(point, i < BAD_POINTS ? POINT_SIZE : 31));
        pump(&peer, id);
        assert_int_equal(peer.got[FRAME_SHARE], 0);
        assert_int_equal(core.alarms, alarms + 1);
        assert_int_equal(core.alarm, ILSPwdAuthenticationFailed);
        refused(id, CODE_POINT_INVALID);
        peer_done(&peer);
    }
}

/* The core as dialler; the peer answers its hello and then as the test wants. */
static uint32_t dialled(struct rig *spoke)
{
    rig_init(spoke, 9, SIZE_MAX);
    rig_spoke(spoke, "spoke", key);
    uint32_t id = rig_connected(spoke, "203.0.113.1");
    peer_init(&peer, &core.mem.mem, 2, key, false);
    peer.manual = true;
    return id;
}

/* The body of the last frame that the core sent on the link, which must be of this type. */
static struct slice sent_frame(struct rig *r, uint32_t id, uint8_t type)
{
    struct rig_link *l = rig_link(r, id);
    struct slice in = slice_make(l->out, l->out_n), body = {0};
    uint8_t got = 0;
    while (in.n != 0)
        assert_int_equal(frame_take(&in, FRAME_CLEAR_MAX, &got, &body), 0);
    assert_int_equal(got, type);
    l->out_n = 0;
    return body;
}

static void say(struct rig *r, uint32_t id, uint8_t type, struct slice body)
{
    uint8_t bytes[FRAME_HEADER + 256] = {type, 0, (uint8_t)(body.n >> 8), (uint8_t)body.n};
    if (body.n != 0)
        memcpy(bytes + FRAME_HEADER, body.p, body.n);
    rig_data(r, id, bytes, FRAME_HEADER + body.n);
}

static void dialler_refuses(struct rig *spoke, uint32_t id, enum code code)
{
    sent_frame(spoke, id, FRAME_GOODBYE);
    assert_true(rig_link(spoke, id)->closed);
    assert_int_equal(spoke->verdict.code, code);
    peer_done(&peer);
    rig_done(spoke);
}

static void invalid_points_from_an_acceptor(void **state)
{
    (void)state;
    for (size_t i = 0; i < BAD_POINTS; i++) {
        static struct rig spoke;
        uint8_t point[POINT_SIZE];
        uint32_t id = dialled(&spoke);
        hex_parse(point, POINT_SIZE, slice_of(bad_point[i]));
        sent_frame(&spoke, id, FRAME_HELLO);
        peer_hello(&peer);
        rig_data(&spoke, id, peer.out.p, peer.out.n);
        sent_frame(&spoke, id, FRAME_SHARE);
        say(&spoke, id, FRAME_SHARE, slice_make(point, POINT_SIZE));
        dialler_refuses(&spoke, id, CODE_POINT_INVALID);
    }
}

/* Without the password: everything the dialler says is said to it again. */
static void reflection_of_hello_and_share(void **state)
{
    (void)state;
    static struct rig spoke;
    uint32_t id = dialled(&spoke);
    say(&spoke, id, FRAME_HELLO, sent_frame(&spoke, id, FRAME_HELLO));
    say(&spoke, id, FRAME_SHARE, sent_frame(&spoke, id, FRAME_SHARE));
    dialler_refuses(&spoke, id, CODE_POINT_INVALID);
}

static void reflection_of_confirmation(void **state)
{
    (void)state;
    static struct rig spoke;
    uint32_t id = dialled(&spoke);
    uint8_t point[POINT_SIZE], uniform[64] = {7};
    crypto_point_from_hash(point, uniform);
    say(&spoke, id, FRAME_HELLO, sent_frame(&spoke, id, FRAME_HELLO));
    sent_frame(&spoke, id, FRAME_SHARE);
    say(&spoke, id, FRAME_SHARE, slice_make(point, POINT_SIZE));
    say(&spoke, id, FRAME_CONFIRM, sent_frame(&spoke, id, FRAME_CONFIRM));
    dialler_refuses(&spoke, id, CODE_PASSWORD_DIFFERS);
}

/* A core whose dial is led back to itself says so before anything is exchanged. */
static void reflection_to_itself(void **state)
{
    (void)state;
    rig_command(&core, (struct command){.type = COMMAND_JOIN, .host = slice_of("hub.example"),
                                        .role = ROLE_HUB});
    uint32_t out = rig_connected(&core, "203.0.113.1"), in = rig_accept(&core, "203.0.113.2");
    assert_false(rig_carry(&core, out, &core, in, NULL, NULL));
    assert_int_equal(core.verdict.code, CODE_ITSELF);
}

struct tape {
    uint8_t bytes[4096];
    size_t n;
};

static void tap(void *context, bool from_dialler, const uint8_t *p, size_t n)
{
    struct tape *t = context;
    if (!from_dialler)
        return;
    assert_true(t->n + n <= sizeof t->bytes);
    memcpy(t->bytes + t->n, p, n);
    t->n += n;
}

/* What a good dialler said, said again to the same hub: at once, and frame by frame. */
static void replay(void **state)
{
    (void)state;
    static struct rig spoke;
    struct tape t = {.n = 0};
    uint32_t id[2];
    rig_init(&spoke, 9, SIZE_MAX);
    rig_spoke(&spoke, "spoke", key);
    assert_true(rig_join(&spoke, &core, tap, &t, id));
    assert_int_equal(core.verdict.code, CODE_JOINED);
    size_t cut = 3 * FRAME_HEADER + HELLO_SIZE + POINT_SIZE + CPACE_CONFIRM_SIZE;
    for (size_t at_once = 0; at_once < 2; at_once++) {
        uint32_t again = rig_accept(&core, at_once ? "198.51.100.1" : "198.51.100.2");
        if (at_once)
            rig_data(&core, again, t.bytes, t.n);
        for (size_t i = 0; !at_once && i < t.n; i++)
            rig_data(&core, again, t.bytes + i, 1);
        assert_true(rig_link(&core, again)->closed);
        assert_int_equal(core.verdict.code, CODE_PASSWORD_DIFFERS);
        assert_true(rig_link(&core, again)->sent < cut);
    }
    assert_false(rig_link(&core, id[1])->closed); /* the link that stands is not touched */
    rig_done(&spoke);
}

/* In each state of the acceptor, every frame but the one that is due ends the link. */
static void wrong_order(void **state)
{
    (void)state;
    static const uint8_t body[64] = {9};
    unsigned n = 0;
    for (int due = 0; due < 4; due++) /* hello, share, confirmation, proof */
        for (uint8_t type = 0; type < 20; type++, n++) {
            static const uint8_t expected[] = {FRAME_HELLO, FRAME_SHARE, FRAME_CONFIRM,
                                               FRAME_PROOF};
            char ip[] = "10.0.0.000";
            ip[7] = (char)('0' + n / 100);
            ip[8] = (char)('0' + n / 10 % 10);
            ip[9] = (char)('0' + n % 10);
            if (type == expected[due] || type == FRAME_GOODBYE)
                continue;
            uint32_t id = rig_accept(&core, ip);
            peer_init(&peer, &core.mem.mem, 1, key, true);
            if (due > 0) {
                peer_hello(&peer);
                rig_data(&core, id, peer.out.p, peer.out.n);
                buf_reset(&peer.out);
                struct rig_link *l = rig_link(&core, id);
                peer_take(&peer, slice_make(l->out, l->out_n)); /* its share is in out now */
                l->out_n = 0;
            }
            for (int k = 1; k < due; k++) { /* share; confirmation */
                rig_data(&core, id, peer.out.p, peer.out.n);
                buf_reset(&peer.out);
                struct rig_link *l = rig_link(&core, id);
                peer_take(&peer, slice_make(l->out, l->out_n));
                l->out_n = 0;
            }
            buf_reset(&peer.out); /* what would be due is not said */
            if (due == 3)
                peer.tx.counter = 0;
            size_t verdicts = core.verdicts;
            peer_frame(&peer, type, slice_make(body, 49));
            rig_data(&core, id, peer.out.p, peer.out.n);
            struct rig_link *l = rig_link(&core, id);
            peer_take(&peer, slice_make(l->out, l->out_n));
            assert_true(l->closed);
            assert_int_equal(core.verdicts, verdicts + (due > 0));
            assert_int_equal(peer.goodbye, CODE_PROTOCOL);
            assert_false(peer.up);
            peer_done(&peer);
        }
}

static void oversize_in_clear(void **state)
{
    (void)state;
    uint32_t id = rig_accept(&core, "198.51.100.1");
    peer_init(&peer, &core.mem.mem, 1, key, true);
    rig_data(&core, id, "\x01\x00\x01\x01", 4); /* 257 bytes are announced: no waiting for them */
    assert_true(rig_link(&core, id)->closed);
    id = rig_accept(&core, "198.51.100.2");
    uint8_t flood[5000] = {FRAME_HELLO, 0, 1, 0};
    rig_data(&core, id, flood, sizeof flood);
    assert_true(rig_link(&core, id)->closed);
    peer_done(&peer);
}

static void oversize_sealed(void **state)
{
    (void)state;
    static const uint8_t header[4] = {FRAME_HEAD, 0x01, 0x80, 0x01}; /* 98,305 bytes */
    uint32_t id = rig_accept(&core, "198.51.100.1");
    peer_init(&peer, &core.mem.mem, 1, key, true);
    peer_hello(&peer);
    pump(&peer, id);
    assert_true(peer.up);
    struct buf b;
    buf_init(&b, &core.mem.mem, SIZE_MAX);
    buf_put(&b, header, sizeof header);
    peer_send(&peer, &b);
    buf_done(&b);
    pump(&peer, id);
    assert_true(rig_link(&core, id)->closed);
    assert_int_equal(peer.goodbye, CODE_PROTOCOL);
    peer_done(&peer);
}

static void second_try_on_one_connection(void **state)
{
    (void)state;
    uint32_t id = rig_accept(&core, "198.51.100.1");
    peer_init(&peer, &core.mem.mem, 1, other_key, true);
    peer_hello(&peer);
    pump(&peer, id);
    assert_int_equal(peer.got[FRAME_CONFIRM], 0);
    refused(id, CODE_PASSWORD_DIFFERS);
    peer_done(&peer);
    /* Two confirmations in one packet: the first decides. */
    id = rig_accept(&core, "198.51.100.2");
    peer_init(&peer, &core.mem.mem, 3, other_key, true);
    peer_hello(&peer);
    rig_data(&core, id, peer.out.p, peer.out.n);
    buf_reset(&peer.out);
    peer_take(&peer, slice_make(rig_link(&core, id)->out, rig_link(&core, id)->out_n));
    rig_link(&core, id)->out_n = 0;
    rig_data(&core, id, peer.out.p, peer.out.n);
    buf_reset(&peer.out);
    for (int i = 0; i < 8; i++)
        peer_frame(&peer, FRAME_CONFIRM, slice_make(core.verdict.id, 0));
    pump(&peer, id);
    refused(id, CODE_PASSWORD_DIFFERS);
    peer_done(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(honest_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(invalid_points_from_a_dialler, setup, teardown),
        cmocka_unit_test_setup_teardown(invalid_points_from_an_acceptor, setup, teardown),
        cmocka_unit_test_setup_teardown(reflection_of_hello_and_share, setup, teardown),
        cmocka_unit_test_setup_teardown(reflection_of_confirmation, setup, teardown),
        cmocka_unit_test_setup_teardown(reflection_to_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(replay, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_order, setup, teardown),
        cmocka_unit_test_setup_teardown(oversize_in_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(oversize_sealed, setup, teardown),
        cmocka_unit_test_setup_teardown(second_try_on_one_connection, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
