/* What a newer version would say to this one, and what becomes of it: PROTOCOL.md 4, "Versions and
 * capabilities". What may be ignored is; the rest is refused with the code that says so. Records of
 * unknown kinds, which are carried, are in test_poison.c. */
#include "core/core.h"
#include "liar.h"

static struct rig core;
static uint8_t key[32];

static int setup(void **state)
{
    (void)state;
    crypto_hash1(key, "test", slice_of("secret"));
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

/* Dials, and goes as far as it comes: CODE_JOINED, or with which word it was sent away. */
static uint32_t meet(struct peer_end *p)
{
    uint32_t id = rig_accept(&core, "198.51.100.7");
    peer_hello(p);
    while (p->out.n != 0) {
        uint8_t bytes[1024];
        size_t n = p->out.n;
        assert_true(n <= sizeof bytes);
        memcpy(bytes, p->out.p, n);
        buf_reset(&p->out);
        rig_data(&core, id, bytes, n);
        struct rig_link *l = rig_link(&core, id);
        n = l->out_n;
        l->out_n = 0;
        peer_take(p, slice_make(l->out, n));
    }
    return p->up ? CODE_JOINED : p->goodbye;
}

static void newcomer(struct peer_end *p)
{
    peer_init(p, &core.mem.mem, 2, key, true);
}

/* More versions, every capability announced, and bytes behind the hello: it is none the worse. All
 * of it is in the binder, so it would not be if this end had dropped any of it. */
static void more_than_is_known(void **state)
{
    (void)state;
    struct peer_end p;
    newcomer(&p);
    p.hello.version_max = 9;
    p.hello.capabilities = UINT32_MAX;
    p.hello_more = 100;
    assert_int_equal(meet(&p), CODE_JOINED);
    struct hello theirs;
    assert_int_equal(hello_get(slice_make(p.hello_theirs, p.hello_theirs_n), &theirs), 0);
    assert_int_equal(theirs.version_min, LINK_VERSION_MIN);
    assert_int_equal(theirs.version_max, LINK_VERSION_MAX);
    assert_int_equal(theirs.required, 0);
    assert_true((theirs.capabilities & CAPABILITY_RESERVED) != 0); /* nobody relies on zeros */
    peer_done(&p);
}

static void refused(uint8_t least, uint8_t most, uint32_t required, enum code code)
{
    struct peer_end p;
    newcomer(&p);
    p.hello.version_min = least;
    p.hello.version_max = most;
    p.hello.required = required;
    p.manual = true; /* whatever it is answered, it goes no further */
    assert_int_equal(meet(&p), code);
    assert_int_equal(core.verdict.code, code);
    assert_int_equal(core.alarm, ILSProtocolVersion);
    if (code == CODE_VERSION) { /* both ends know both versions, and which one is the older */
        assert_int_equal(p.got[FRAME_HELLO], 1);
        assert_int_equal(core.verdict.evidence[0],
                         1 << 16 | LINK_VERSION_MIN << 8 | LINK_VERSION_MAX);
        assert_int_equal(core.verdict.evidence[1], 1 << 16 | least << 8 | most);
        assert_int_equal(core.verdict.remedy_at,
                         most > LINK_VERSION_MAX ? SIDE_HERE : SIDE_THERE);
    } else {
        assert_int_equal(p.got[FRAME_HELLO], 0);
        assert_int_equal(core.verdict.remedy_at, SIDE_HERE); /* it lacks what is required */
    }
    peer_done(&p);
}

static void no_version_shared(void **state)
{
    (void)state;
    refused(LINK_VERSION_MAX + 1, UINT8_MAX, 0, CODE_VERSION);
    refused(0, LINK_VERSION_MIN - 1, 0, CODE_VERSION);
}

static void required_of_nobody(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++)
        refused(1, 1, UINT32_C(1) << bit, CODE_CAPABILITY);
}

/* A field that nobody knows yet, behind the ones that are known. */
static void unknown_field(void **state)
{
    (void)state;
    struct liar l = {0};
    struct buf b;
    liar_join(&l, &core, 3, "198.51.100.8", key);
    buf_init(&b, &core.mem.mem, 1024);
    struct msg_marks none = {.last = true};
    msg_marks_put(&b, &none);
    struct slice body = slice_make(b.p + 4, b.n - 4);
    uint8_t more[64];
    memcpy(more, body.p, body.n);
    memcpy(more + body.n, "\xfa\x01\x03new\xf0\x3f\x01", 9); /* fields 31 and 1022 */
    peer_frame(&l.peer, FRAME_MARKS, slice_make(more, body.n + 9));
    liar_pump(&l);
    assert_true(liar_linked(&l));
    /* The control: the same bytes cut in the middle are no message. */
    peer_frame(&l.peer, FRAME_MARKS, slice_make(more, body.n + 4));
    liar_pump(&l);
    assert_false(liar_linked(&l));
    buf_done(&b);
    liar_done(&l);
}

/* A frame that was not agreed upon by version or capability. */
static void unknown_frame(void **state)
{
    (void)state;
    for (unsigned type = FRAME_READY + 1; type <= UINT8_MAX; type += 30) {
        struct liar l = {0};
        liar_join(&l, &core, 100 + type, "198.51.100.8", key);
        assert_true(liar_linked(&l));
        core.ended = CODE_NONE;
        peer_frame(&l.peer, (uint8_t)type, slice_of("what is this?"));
        liar_pump(&l);
        assert_int_equal(core.ended, CODE_PROTOCOL);
        assert_false(liar_linked(&l));
        liar_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(more_than_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(no_version_shared, setup, teardown),
        cmocka_unit_test_setup_teardown(required_of_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_field, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_frame, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
