/* Poison: a member that is who it says, and whose every word is bad. 1 000 generated frames, heads,
 * lists, segments and records go to a hub, and from it to its spoke, or not. Throughout: what both
 * hold of every other origin stays as it is, byte for byte; honest entries are answered; the link
 * between hub and spoke stands, for nothing that the hub passes on is worth ending it; and what is
 * sound as bytes and makes no sense as an entry is carried, counted and answered by nobody.
 *
 * The control is a hub that passes heads on as they came (-DOPENILS_BUG_RELAY_UNCHECKED).
 * test_core_poison [SEED] */
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "liar.h"

#define ROUNDS  1000
#define RECORDS 24

#ifdef OPENILS_BUG_RELAY_UNCHECKED
#define CONTROL true
#else
#define CONTROL false
#endif

static struct rig hub, spoke;
static struct liar liar;
static uint8_t password[32];
static uint32_t link_id[2];
static struct rand seed;
static uint64_t seeded = 20261122;
static uint64_t usn = 1;
static struct buf segment, lines; /* of what the liar says now */
static struct buf head;
static size_t refused, carried, rejoined;

static uint64_t any(uint64_t n)
{
    return rand_u64(&seed) % n;
}

/* --- what must not change */

struct digest {
    uint8_t root[2][HASH_SIZE];
    uint64_t entries[2], usn[2];
};

static bool digest_of(const struct rig *r, struct digest *ret)
{
    struct view_cluster c;
    memset(ret, 0, sizeof *ret);
    size_t found = 0;
    for (size_t i = 0; view_cluster(r->ils, i, &c); i++) {
        size_t k = slice_eq(c.cluster_id, slice_of("hub")) ? 0
                   : slice_eq(c.cluster_id, slice_of("spoke")) ? 1 : 2;
        if (k == 2)
            continue;
        memcpy(ret->root[k], c.root, HASH_SIZE);
        ret->entries[k] = c.entries;
        ret->usn[k] = c.usn;
        found++;
    }
    return found == 2;
}

static bool answered(const struct rig *r, const char *dialled, const char *by)
{
    struct test_mem t;
    struct arena a;
    struct lookup l;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    plan_lookup(view_plan(r->ils), view_routes(r->ils), &a, slice_of(dialled), &l);
    bool good = l.match_n > 0 && l.match[0].lost_to == LOSER_NONE &&
                slice_eq(l.match[0].cluster_id, slice_of(by));
    arena_done(&a);
    return good;
}

/* --- honest clusters */

static void plan(struct rig *r, const char *user, const char *domain)
{
    struct change change = {.put = true, .kind = ENTRY_URI, .user = slice_of(user),
                            .domain = slice_of(domain)};
    struct command c = {.type = COMMAND_PLAN, .change = &change, .change_n = 1,
                        .source = slice_of("x")};
    assert_int_equal(rig_command(r, c), REPLY_OK);
}

static bool carry(void)
{
    return rig_carry(&spoke, link_id[0], &hub, link_id[1], NULL, NULL);
}

/* Time for both, in steps that let keepalives come. */
static bool pass(int seconds)
{
    bool linked = true;
    for (int i = 0; i < seconds; i++) {
        rig_pass(&hub, TICK_S);
        rig_pass(&spoke, TICK_S);
        linked = carry() && linked;
    }
    return linked;
}

static void join_liar(void)
{
    char ip[32];
    liar_done(&liar);
    memset(&liar, 0, sizeof liar);
    for (int i = 0; i < 20 && !(liar.core != NULL && liar_linked(&liar)); i++) {
        if (liar.core != NULL)
            liar_done(&liar);
        memset(&liar, 0, sizeof liar);
        pass(2);
        snprintf(ip, sizeof ip, "198.51.100.%u", (unsigned)(1 + rejoined % 250));
        liar_join(&liar, &hub, 7, ip, password);
        rejoined++;
    }
    assert_true(liar_linked(&liar));
}

static int setup(void **state)
{
    crypto_hash1(password, "test", slice_of("secret"));
    rand_seed(&seed, seeded);
    rig_init(&hub, 5, SIZE_MAX);
    rig_init(&spoke, 6, SIZE_MAX);
    rig_hub(&hub, "hub", password);
    rig_spoke(&spoke, "spoke", password);
    assert_true(rig_join(&spoke, &hub, NULL, NULL, link_id));
    plan(&hub, "alice", "hub.example");
    plan(&spoke, "bob", "spoke.example");
    assert_true(carry());
    memset(&liar, 0, sizeof liar);
    liar_join(&liar, &hub, 7, "198.51.100.1", password);
    assert_true(liar_linked(&liar));
    buf_init(&segment, liar.peer.mem, SIZE_MAX);
    buf_init(&lines, liar.peer.mem, SIZE_MAX);
    buf_init(&head, liar.peer.mem, SIZE_MAX);
    assert_true(carry());
    return 0;
}

static int teardown(void **state)
{
    buf_done(&segment);
    buf_done(&lines);
    buf_done(&head);
    liar_done(&liar);
    rig_done(&hub);
    rig_done(&spoke);
    return 0;
}

/* --- bad words */

static void random_bytes(struct buf *b, size_t n)
{
    while (n-- > 0)
        buf_put_u8(b, (uint8_t)any(256));
}

/* One record of a kind and with bytes that are anything; its key is like no other's. */
static void bad_record(uint64_t n)
{
    uint8_t kind = (uint8_t)(2 + any(14)), value = (uint8_t)any(6);
    if (any(8) == 0) { /* of a later version: carried as it is, and without a USN */
        buf_put_u8(&segment, (uint8_t)(RECORD_EXTENSION + any(0xc0)));
        buf_put_u8(&segment, 3);
        random_bytes(&segment, 3);
    }
    buf_put_u8(&segment, (uint8_t)((value != 0 ? RECORD_PUT_VALUE : RECORD_PUT) | kind));
    buf_put_u8(&segment, (uint8_t)((value != 0 ? 2 + value : 0) + 9));
    if (value != 0) {
        buf_put_u16(&segment, value);
        random_bytes(&segment, value);
    }
    buf_put_u64(&segment, usn + n);
    buf_put_u8(&segment, (uint8_t)any(256));
}

static void begin_segment(void)
{
    struct buf number;
    buf_reset(&segment);
    buf_reset(&lines);
    buf_reset(&head);
    buf_init(&number, liar.peer.mem, 16);
    buf_put_varint(&number, usn);
    buf_put_u8(&segment, RECORD_USN);
    buf_put_u8(&segment, (uint8_t)number.n);
    buf_put_slice(&segment, buf_slice(&number));
    buf_done(&number);
}

static void serve(struct peer_end *p, uint8_t type, struct slice body)
{
    (void)body;
    if (type == FRAME_SEGMENT_REQUEST)
        peer_frame(p, FRAME_SEGMENT, buf_slice(&segment));
}

/* The liar's own plan is this one segment of n records; `wrong`: what the head says is not so. */
static void say_plan(size_t n, unsigned wrong)
{
    struct head h = {.number = STREAM_PLAN, .epoch = 1, .usn = usn + n, .live = n, .lines = 1,
                     .bytes = segment.n, .peak = n};
    for (uint64_t i = 0; i < n; i++)
        h.sum += liar_mix(usn + i);
    usn += n + 1;
    liar_line(&lines, buf_slice(&segment));
    switch (wrong) {
    case 1: h.live++; break;
    case 2: h.sum++; break;
    case 3: h.bytes++; break;
    case 4: h.lines = 2; break;
    case 5: h.number = 2 + any(3); break;
    case 6: h.flags = 1 + (uint32_t)any(255) * 2; break;
    default: break;
    }
    liar.peer.frame = serve;
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_pump(&liar);
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    liar_pump(&liar);
}

static void bad_records(void)
{
    begin_segment();
    for (uint64_t i = 0; i < RECORDS; i++)
        bad_record(i);
    say_plan(RECORDS, 0);
    carried++;
}

/* The name is that of the bytes; the bytes are no segment, or not the one of which the head
 * speaks. */
static void bad_segment(void)
{
    begin_segment();
    for (uint64_t i = 0; i < RECORDS; i++)
        bad_record(i);
    for (uint64_t i = 1 + any(4); i > 0; i--)
        segment.p[any(segment.n)] ^= (uint8_t)(1u << any(8));
    if (any(4) == 0)
        segment.n = (size_t)any(segment.n) + 1;
    say_plan(RECORDS, any(2) == 0 ? 0 : (unsigned)any(7));
}

static void wrong_head(void)
{
    begin_segment();
    for (uint64_t i = 0; i < 3; i++)
        bad_record(i);
    say_plan(3, 1 + (unsigned)any(6));
}

/* Somebody else's head: with the liar's signature, with none, or spoilt. */
static void stolen_head(void)
{
    struct head h = {.number = any(3), .epoch = UINT64_MAX - any(3), .usn = UINT64_MAX - 1,
                     .lines = 0, .interval = 10, .name = slice_of("hub")};
    struct buf b;
    struct view_self self;
    view_self(any(2) == 0 ? hub.ils : spoke.ils, &self);
    buf_reset(&head);
    buf_init(&b, liar.peer.mem, SIZE_MAX);
    memcpy(h.key, self.key, KEY_SIZE);
    manifest_root(h.root, slice_make(NULL, 0));
    head_put(&head, &h, liar.peer.secret);
    if (any(2) == 0)
        head.p[any(head.n)] ^= 1;
    struct msg_head m = {.head = buf_slice(&head)};
    msg_head_put(&b, &m);
    peer_send(&liar.peer, &b);
    buf_done(&b);
    liar_pump(&liar);
}

/* A frame of any type, its body anything; or a HEAD whose message is nearly one. */
static void bad_frame(void)
{
    struct buf b;
    buf_init(&b, liar.peer.mem, SIZE_MAX);
    if (any(2) == 0) {
        random_bytes(&b, any(600));
        peer_frame(&liar.peer, any(2) == 0 ? FRAME_HEAD : (uint8_t)any(32), buf_slice(&b));
    } else {
        struct buf spoilt;
        struct head h = {.number = STREAM_PLAN, .epoch = 1, .usn = usn++};
        buf_init(&spoilt, liar.peer.mem, SIZE_MAX);
        buf_reset(&head);
        liar_head_of(&liar, h, slice_make(NULL, 0), &head);
        struct msg_head m = {.head = buf_slice(&head)};
        msg_head_put(&b, &m);
        buf_put_slice(&spoilt, slice_make(b.p + FRAME_HEADER, b.n - FRAME_HEADER));
        spoilt.p[any(spoilt.n)] ^= (uint8_t)(1u << any(8));
        peer_frame(&liar.peer, FRAME_HEAD, buf_slice(&spoilt));
        buf_done(&spoilt);
    }
    buf_done(&b);
    liar_pump(&liar);
}

static void say_something_bad(void)
{
    switch (any(5)) {
    case 0: bad_records(); break;
    case 1: bad_segment(); break;
    case 2: wrong_head(); break;
    case 3: stolen_head(); break;
    default: bad_frame(); break;
    }
}

/* --- the laws */

static bool lawful(const struct digest before[2], size_t round)
{
    struct digest now[2];
    bool linked = carry();
    bool whole = !hub.dead && !spoke.dead;
    bool same = whole && digest_of(&hub, &now[0]) && digest_of(&spoke, &now[1]) &&
                memcmp(now, before, sizeof now) == 0;
    bool answers = whole && answered(&hub, "bob@spoke.example", "spoke") &&
                   answered(&spoke, "alice@hub.example", "hub");
    if (!linked || !same || !answers)
        print_error("round %zu: linked %d, digests %d, answers %d\n", round, linked, same, answers);
    return linked && same && answers;
}

static void poison(void **state)
{
    struct digest before[2];
    struct view_held h;
    assert_true(carry());
    assert_true(digest_of(&hub, &before[0]) && digest_of(&spoke, &before[1]));
    for (size_t round = 0; round < ROUNDS; round++) {
        say_something_bad();
        if (!lawful(before, round)) {
            assert_true(CONTROL);
            return;
        }
        if (!liar_linked(&liar)) {
            refused++;
            join_liar();
        }
        if (round % 50 == 0)
            assert_true(pass(6));
    }
    assert_false(CONTROL);
    /* What was sound as bytes went on, and is named at both. */
    bad_records();
    assert_true(lawful(before, ROUNDS));
    assert_true(pass(1));
    assert_true(view_held(hub.ils, 0, &h) && h.why == HELD_ILLEGAL && h.illegal > 0);
    assert_true(view_held(spoke.ils, 0, &h) && h.why == HELD_ILLEGAL && h.illegal > 0);
    print_message("# %zu times refused, %zu catalogs of bad records carried\n", refused, carried);
    assert_true(refused > 50 && carried > 100);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seeded = strtoull(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(poison, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
