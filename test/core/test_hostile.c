/* A member of the network that has the password and lies. Whatever it says, the core lives, stays
 * within its memory, serves nothing wrong, and the links of others stand. */
#include <stdio.h>
#include <time.h>

#include "core/core.h"
#include "liar.h"

static struct rig core;
static struct liar liar, other;
static uint8_t key[32];

static void start(size_t budget)
{
    crypto_hash1(key, "test", slice_of("secret"));
    rig_init(&core, 5, budget);
    rig_hub(&core, "hub", key);
    memset(&liar, 0, sizeof liar);
    memset(&other, 0, sizeof other);
    liar_join(&other, &core, 100, "198.51.100.100", key);
    liar_join(&liar, &core, 1, "198.51.100.1", key);
    assert_true(liar_linked(&other));
    assert_true(liar_linked(&liar));
}

static int setup(void **state)
{
    (void)state;
    start(SIZE_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    liar_done(&liar);
    liar_done(&other);
    rig_done(&core);
    return 0;
}

/* The hub can still be written to, an honest cluster can still join, and the other link stands. */
static void all_is_well(void)
{
    static struct liar fresh;
    struct change change = {.put = true, .kind = ENTRY_URI, .user = slice_of("alice"),
                            .domain = slice_of("hub.example")};
    assert_false(core.dead);
    assert_true(liar_linked(&other));
    rig_command(&core, (struct command){.type = COMMAND_PLAN, .change = &change, .change_n = 1,
                                        .source = slice_of("test")});
    assert_int_equal(core.reply, REPLY_OK);
    memset(&fresh, 0, sizeof fresh);
    liar_join(&fresh, &core, 77, "198.51.100.77", key);
    assert_true(liar_linked(&fresh));
    liar_done(&fresh);
}

static struct buf bytes(void)
{
    struct buf b;
    buf_init(&b, liar.peer.mem, SIZE_MAX);
    return b;
}

/* --- heads */

static void head_with_a_broken_signature(void **state)
{
    (void)state;
    struct buf head = bytes(), b = bytes();
    liar_head_of(&liar, (struct head){.number = 1, .epoch = 1, .usn = 1}, slice_make(NULL, 0),
                 &head);
    head.p[head.n - 1] ^= 1;
    struct msg_head m = {.head = buf_slice(&head)};
    msg_head_put(&b, &m);
    peer_send(&liar.peer, &b);
    liar_pump(&liar);
    buf_done(&head);
    buf_done(&b);
    all_is_well();
}

/* A spoke that says what others say is not listened to, and fills no table. */
static void heads_of_keys_of_others(void **state)
{
    (void)state;
    size_t streams = core.ils->stream_n, peers = core.ils->peer_n;
    struct liar puppet = liar;
    struct buf field = bytes(), lines = bytes();
    liar_field(&field, 1, "role", slice_of("2")); /* says of itself that it is a spoke */
    liar_line(&lines, buf_slice(&field));
    struct head h = {.number = 0, .epoch = 1, .usn = 1, .lines = 1, .bytes = field.n, .live = 1,
                     .sum = liar_mix(1)};
    struct buf head = bytes();
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    peer_frame(&liar.peer, FRAME_SEGMENT, buf_slice(&field));
    liar_pump(&liar);
    assert_true(liar_linked(&liar));
    for (uint64_t i = 0; i < 2000; i++) {
        uint8_t seed[SEED_SIZE] = {1, (uint8_t)i, (uint8_t)(i >> 8)};
        struct buf theirs = bytes(), b = bytes();
        crypto_keypair(seed, puppet.peer.key, puppet.peer.secret);
        liar_head_of(&puppet, (struct head){.number = i % 3, .epoch = 1, .usn = 1},
                     slice_make(NULL, 0), &theirs);
        struct msg_head m = {.head = buf_slice(&theirs)};
        msg_head_put(&b, &m);
        peer_send(&liar.peer, &b);
        buf_done(&theirs);
        buf_done(&b);
    }
    liar_pump(&liar);
    assert_int_equal(core.ils->stream_n, streams + 1);
    assert_int_equal(core.ils->peer_n, peers);
    buf_done(&field);
    buf_done(&lines);
    buf_done(&head);
    all_is_well();
}

static void heads_with_the_largest_numbers(void **state)
{
    (void)state;
    struct buf lines = bytes();
    uint8_t name[LINE_BYTES] = {0, 0, 0xff, 0xff, 1};
    buf_put(&lines, name, sizeof name);
    struct head h = {.number = 1, .epoch = UINT64_MAX, .usn = UINT64_MAX, .beat = UINT64_MAX,
                     .interval = UINT32_MAX, .lines = 1, .bytes = UINT64_MAX, .live = UINT64_MAX,
                     .sum = UINT64_MAX, .peak = UINT64_MAX, .flags = UINT32_MAX};
    struct buf head = bytes();
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    liar_pump(&liar);
    rig_pass(&core, 8 * TICK_S);
    h.number = UINT64_MAX;
    liar_head(&liar, h, buf_slice(&lines));
    liar_pump(&liar);
    buf_done(&lines);
    buf_done(&head);
    peer_frame(&other.peer, FRAME_KEEPALIVE, slice_make(NULL, 0));
    liar_pump(&other);
    all_is_well();
}

/* --- lists and segments that do not fit the head */

static void manifests_that_do_not_fit(void **state)
{
    (void)state;
    struct buf lines = bytes(), longer = bytes(), segment = bytes();
    liar_padding(&segment, 1, 1000, 1);
    liar_line(&lines, buf_slice(&segment));
    for (int i = 0; i < 5000; i++)
        buf_put_slice(&longer, buf_slice(&lines));
    for (int kind = 0; kind < 3; kind++) {
        struct head h = {.number = 1, .epoch = 1, .usn = 1u + (unsigned)kind, .lines = 1,
                         .bytes = 1000};
        struct buf head = bytes();
        if (kind == 1)
            h.lines = 65536; /* fewer come than were announced */
        liar_head_of(&liar, h, buf_slice(kind == 2 ? &longer : &lines), &head);
        liar_head(&liar, h, buf_slice(kind == 2 ? &longer : &lines));
        liar_manifest(&liar, buf_slice(&head), buf_slice(kind == 0 ? &longer : &lines));
        liar_pump(&liar);
        for (int i = 0; i < 40; i++) {
            liar_manifest(&liar, buf_slice(&head), slice_make(NULL, 0));
            liar_pump(&liar);
        }
        buf_done(&head);
    }
    const struct stream *s = stream_find(core.ils, liar.peer.key, 1);
    assert_true(s == NULL || !stream_held(s));
    buf_done(&lines);
    buf_done(&longer);
    buf_done(&segment);
    all_is_well();
}

/* Another segment than was asked for ends this link and no other. */
static void segments_that_do_not_fit(void **state)
{
    (void)state;
    struct buf lines = bytes(), segment = bytes(), head = bytes();
    liar_padding(&segment, 1, 1000, 1);
    liar_line(&lines, buf_slice(&segment));
    struct head h = {.number = 1, .epoch = 1, .usn = 1, .lines = 1, .bytes = segment.n};
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    segment.p[5] ^= 1;
    peer_frame(&liar.peer, FRAME_SEGMENT, buf_slice(&segment));
    liar_pump(&liar);
    assert_false(liar_linked(&liar));
    assert_int_equal(liar.peer.goodbye, CODE_PROTOCOL);
    buf_done(&lines);
    buf_done(&segment);
    buf_done(&head);
    all_is_well();
}

/* Named as it hashes, but no segment: refused, never served. */
static void unsound_segment(void **state)
{
    (void)state;
    struct buf lines = bytes(), head = bytes();
    struct slice segment = slice_of("this is no segment at all");
    liar_line(&lines, segment);
    struct head h = {.number = 1, .epoch = 1, .usn = 1, .lines = 1, .bytes = segment.n};
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    peer_frame(&liar.peer, FRAME_SEGMENT, segment);
    liar_pump(&liar);
    assert_false(stream_held(stream_find(core.ils, liar.peer.key, 1)));
    buf_done(&lines);
    buf_done(&head);
    all_is_well();
}

/* Heads to be refused, one right after the other: one is looked into at once, the newest later. */
static void unsound_without_end(void **state)
{
    (void)state;
    struct slice rubbish = slice_of("this is no segment at all");
    struct buf lines = bytes(), head = bytes();
    const size_t *got = liar.peer.got;
    size_t lists = got[FRAME_MANIFEST_REQUEST], segments = got[FRAME_SEGMENT_REQUEST];
    liar_line(&lines, rubbish);
    for (unsigned i = 1; i <= 50; i++) {
        struct head h = {.number = 1, .epoch = 1, .usn = i, .lines = 1, .bytes = rubbish.n};
        buf_reset(&head);
        liar_head_of(&liar, h, buf_slice(&lines), &head);
        liar_head(&liar, h, buf_slice(&lines));
        liar_pump(&liar);
        if (got[FRAME_MANIFEST_REQUEST] == lists + i)
            liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
        liar_pump(&liar);
        if (got[FRAME_SEGMENT_REQUEST] == segments + i)
            peer_frame(&liar.peer, FRAME_SEGMENT, rubbish);
        liar_pump(&liar);
    }
    assert_int_equal(got[FRAME_SEGMENT_REQUEST], segments + 1);
    rig_pass(&core, 6 * TICK_S);
    liar_pump(&liar);
    assert_int_equal(got[FRAME_MANIFEST_REQUEST], lists + 2);
    buf_done(&lines);
    buf_done(&head);
    all_is_well();
}

static void digest_that_does_not_hold(void **state)
{
    (void)state;
    struct buf lines = bytes(), segment = bytes(), head = bytes();
    liar_field(&segment, 1, "cluster_id", slice_of("hub"));
    liar_line(&lines, buf_slice(&segment));
    struct head h = {.number = 0, .epoch = 1, .usn = 1, .lines = 1, .bytes = segment.n, .live = 2};
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    peer_frame(&liar.peer, FRAME_SEGMENT, buf_slice(&segment));
    liar_pump(&liar);
    const struct stream *s = stream_find(core.ils, liar.peer.key, 0);
    assert_false(stream_held(s));
    assert_true(s->digest_differs);
    buf_done(&lines);
    buf_done(&segment);
    buf_done(&head);
    all_is_well();
}

/* --- storms */

static void storm_of_gone(void **state)
{
    (void)state;
    struct buf lines = bytes(), segment = bytes(), head = bytes(), b = bytes();
    for (uint32_t i = 0; i < 100; i++) {
        buf_reset(&segment);
        liar_padding(&segment, 1, 1000, i);
        liar_line(&lines, buf_slice(&segment));
    }
    struct head h = {.number = 1, .epoch = 1, .usn = 1, .lines = 100, .bytes = 100000};
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    struct msg_segment_request gone = {.number = 1};
    memcpy(gone.key, liar.peer.key, KEY_SIZE);
    liar_pump(&liar);
    uint64_t before = rig_link(&core, liar.id)->sent;
    for (int i = 0; i < 10000; i++) {
        gone.has_name = i % 2 == 0;
        msg_gone_put(&b, &gone);
    }
    peer_send(&liar.peer, &b);
    liar_pump(&liar);
    assert_true(rig_link(&core, liar.id)->sent - before < 65536);
    buf_done(&lines);
    buf_done(&segment);
    buf_done(&head);
    buf_done(&b);
    all_is_well();
}

/* 100,000 marks of streams that nobody knows: nothing is kept of them. */
static void storm_of_marks(void **state)
{
    (void)state;
    static struct msg_mark mark[MARKS_PER_FRAME];
    size_t before = core.mem.mem.used, streams = core.ils->stream_n;
    for (uint32_t i = 0; i < 200; i++) {
        for (uint32_t k = 0; k < MARKS_PER_FRAME; k++) {
            memcpy(mark[k].key, &i, 4);
            memcpy(mark[k].key + 4, &k, 4);
            mark[k].epoch = mark[k].usn = UINT64_MAX;
        }
        liar_marks(&liar, mark, MARKS_PER_FRAME);
        liar_pump(&liar);
    }
    assert_int_equal(core.ils->stream_n, streams);
    assert_true(core.mem.mem.used < before + (1 << 20));
    all_is_well();
}

static void every_type_with_rubbish(void **state)
{
    (void)state;
    uint8_t rubbish[300];
    for (unsigned type = 0; type < 256; type++) {
        struct liar one = {0};
        char ip[] = "203.0.113.000";
        ip[10] = (char)('0' + type / 100);
        ip[11] = (char)('0' + type / 10 % 10);
        ip[12] = (char)('0' + type % 10);
        liar_join(&one, &core, 1000 + type % 50, ip, key);
        assert_true(liar_linked(&one));
        memset(rubbish, (int)type, sizeof rubbish);
        peer_frame(&one.peer, (uint8_t)type, slice_make(rubbish, sizeof rubbish));
        liar_pump(&one);
        rig_down(&core, one.id);
        liar_done(&one);
    }
    all_is_well();
}

/* Goodbye with any code is only a goodbye. */
static void goodbye_with_any_code(void **state)
{
    (void)state;
    static const uint32_t code[] = {0, 1, 99, 100, 415, 502, 999, 65535, UINT32_MAX};
    for (size_t i = 0; i < sizeof code / sizeof code[0]; i++) {
        struct liar one = {0};
        struct buf b = bytes();
        liar_join(&one, &core, 2000, "203.0.113.1", key);
        msg_goodbye_put(&b, &(struct msg_goodbye){.code = code[i], .retry_after = UINT32_MAX});
        peer_send(&one.peer, &b);
        liar_pump(&one);
        assert_false(liar_linked(&one));
        liar_done(&one);
        buf_done(&b);
    }
    all_is_well();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(head_with_a_broken_signature),
        TEST(heads_of_keys_of_others),
        TEST(heads_with_the_largest_numbers),
        TEST(manifests_that_do_not_fit),
        TEST(segments_that_do_not_fit),
        TEST(unsound_segment),
        TEST(unsound_without_end),
        TEST(digest_that_does_not_hold),
        TEST(storm_of_gone),
        TEST(storm_of_marks),
        TEST(every_type_with_rubbish),
        TEST(goodbye_with_any_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
