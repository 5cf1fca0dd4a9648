/* A member that lies about membership: who is gone, who is a copy, how many there are. And whoever
 * has no more than the wire. One real core, and others (liar.h, peer.h) that say what they like. */
#include <stdio.h>

#include "core/core.h"
#include "liar.h"

#define STRANGERS 300

static struct rig core;
static struct liar liar;
static uint8_t password[32];

static int setup(void **state)
{
    (void)state;
    crypto_hash1(password, "test", slice_of("secret"));
    rig_init(&core, 5, SIZE_MAX);
    memset(&liar, 0, sizeof liar);
    return 0;
}

static int setup_hub(void **state)
{
    setup(state);
    rig_hub(&core, "hub", password);
    liar_join(&liar, &core, 1, "198.51.100.1", password);
    assert_true(liar_linked(&liar));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    liar_done(&liar);
    rig_done(&core);
    return 0;
}

static struct buf bytes(void)
{
    struct buf b;
    buf_init(&b, liar.peer.mem, SIZE_MAX);
    return b;
}

static void serve_one(struct peer_end *p, uint8_t type, struct slice body)
{
    (void)body;
    if (type == FRAME_SEGMENT_REQUEST)
        peer_frame(p, FRAME_SEGMENT, buf_slice(p->context));
}

/* A stream of the liar's own: one segment of n records, the last of which has USN h.usn. */
static void say_stream(struct liar *by, struct head h, struct buf *segment, size_t n)
{
    struct buf lines = bytes(), head = bytes();
    h.epoch = h.epoch == 0 ? 1 : h.epoch;
    if (segment->n != 0)
        liar_line(&lines, buf_slice(segment));
    h.lines = segment->n != 0;
    h.bytes = segment->n;
    h.live = n;
    for (uint64_t i = 0; i < n; i++)
        h.sum += liar_mix(h.usn - i);
    by->peer.frame = serve_one;
    by->peer.context = segment;
    liar_head_of(by, h, buf_slice(&lines), &head);
    liar_head(by, h, buf_slice(&lines));
    liar_pump(by);
    if (h.lines != 0)
        liar_manifest(by, buf_slice(&head), buf_slice(&lines));
    liar_pump(by);
    buf_done(&lines);
    buf_done(&head);
}

static void put_value(struct buf *segment, uint8_t kind, struct slice key, struct slice value)
{
    buf_put_u8(segment, (uint8_t)(RECORD_PUT_VALUE | kind));
    buf_put_u8(segment, (uint8_t)(2 + value.n + key.n));
    buf_put_u16(segment, (uint16_t)value.n);
    buf_put_slice(segment, value);
    buf_put_slice(segment, key);
}

static void say_one(struct liar *by, uint64_t number, uint64_t epoch)
{
    struct buf segment = bytes();
    liar_field(&segment, 1, "role", slice_of("2"));
    say_stream(by, (struct head){.number = number, .epoch = epoch, .usn = 1}, &segment, 1);
    buf_done(&segment);
}

/* As a hub: that n strangers are gone, whom nobody knows. */
static void say_ended(size_t n, const char *name)
{
    struct buf segment = bytes(), value = bytes();
    size_t left = n;
    struct head h = {.usn = n + 1};
    buf_put_u8(&value, 1);
    buf_put_u64(&value, 0);
    buf_put_u64(&value, 0);
    buf_put(&value, liar.peer.key, PEER_ID_SIZE);
    buf_put_u8(&value, (uint8_t)slice_of(name).n);
    buf_put_slice(&value, slice_of(name));
    liar_field(&segment, 1, "role", slice_of("1"));
    for (; left != 0; left--) {
        uint8_t key[KEY_SIZE] = {7, (uint8_t)left, (uint8_t)(left >> 8)};
        put_value(&segment, ENTRY_ENDED, slice_make(key, KEY_SIZE), buf_slice(&value));
    }
    say_stream(&liar, h, &segment, n + 1);
    buf_done(&segment);
    buf_done(&value);
}

static bool held(const uint8_t *key, uint64_t number)
{
    const struct stream *s = stream_find(core.ils, key, number);
    return s != NULL && stream_held(s);
}

static enum reply end(enum command_type type, const uint8_t *key)
{
    char hex[2 * PEER_ID_SIZE + 1];
    uint8_t id[PEER_ID_SIZE];
    crypto_peer_id(id, key);
    hex_text(hex, id, PEER_ID_SIZE);
    return rig_command(&core, (struct command){.type = type, .cluster = slice_of(hex)});
}

static enum reply write_plan(void)
{
    struct change change = {.put = true, .kind = ENTRY_URI, .user = slice_of("alice"),
                            .domain = slice_of("a.example")};
    return rig_command(&core, (struct command){.type = COMMAND_PLAN, .change = &change,
                                               .change_n = 1, .source = slice_of("test")});
}

/* --- somebody on the way, who has proved nothing */

static void say_goodbye(struct peer_end *p, uint32_t code)
{
    struct buf b;
    buf_init(&b, p->mem, SIZE_MAX);
    msg_goodbye_put(&b, &(struct msg_goodbye){.code = code});
    peer_send(p, &b);
    buf_done(&b);
}

/* Of what the cluster itself is, only who has heard its proof can say anything. */
static void copy_by_a_stranger(void **state)
{
    (void)state;
    static const uint32_t code[] = {CODE_CLONE, CODE_DUPLICATE_ID, CODE_DEFAULT_ID};
    rig_spoke(&core, "spoke", password);
    for (size_t i = 0; i < sizeof code / sizeof code[0]; i++) {
        struct test_mem outside;
        struct peer_end p;
        test_mem_init(&outside, 0);
        peer_init(&p, &outside.mem, 9, password, false);
        rig_pass(&core, 61 * TICK_S);
        uint32_t id = rig_connected(&core, "198.51.100.9");
        say_goodbye(&p, code[i]);
        rig_data(&core, id, p.out.p, p.out.n);
        assert_true(rig_link(&core, id)->closed);
        /* it is shown as what the other end said, but for what has to be shown */
        assert_int_equal(core.verdict.code, code[i] == CODE_CLONE ? CODE_PROTOCOL : code[i]);
        assert_false(core.ils->cloned);
        assert_int_equal(core.ils->refused_as.n, 0);
        assert_int_equal(alarm_last(core.ils, ILSDuplicateClusterID, slice_of("spoke")), 0);
        assert_int_equal(write_plan(), REPLY_OK);
        peer_done(&p);
    }
}

/* --- a hub that fills the table of who is gone */

static void strangers_that_are_gone(void **state)
{
    (void)state;
    struct view_ended e;
    uint8_t id[PEER_ID_SIZE];
    say_ended(STRANGERS, "");
    assert_true(held(liar.peer.key, STREAM_SELF));
    assert_true(view_ended(core.ils, ENDED_AUTHOR - 1, &e));
    assert_false(view_ended(core.ils, ENDED_AUTHOR, &e));
    crypto_peer_id(id, liar.peer.key); /* it named somebody else as the author */
    assert_true(view_ended(core.ils, 0, &e));
    assert_memory_equal(e.author, id, PEER_ID_SIZE);
    assert_int_equal(end(COMMAND_BAN, liar.peer.key), REPLY_OK);
    assert_true(ends_banned(core.ils, liar.peer.key));
    assert_false(view_ended(core.ils, 1, &e)); /* its words are void */
    assert_false(liar_linked(&liar) || held(liar.peer.key, STREAM_SELF));
}

/* ... and what the hubs that repeat it say is not too much for those who hear it. */
static void much_is_said(void **state)
{
    (void)state;
    char text[DESCRIPTION_MAX + 1];
    char fqdn[] = "abcdefghi.abcdefghi.abcdefghi.abcdefghi.abcdefghi.abcdefghi.abcdefghi."
                  "abcdefghi.abcdefghi.abcdefghi.abcdefghi.abcdefghi.abcdefghi.example";
    uint64_t most = 0;
    say_ended(STRANGERS, "0123456789012345678901234567890123456789012345678");
    uint8_t der[8000] = {0x30};
    struct command own = {.type = COMMAND_CERTIFICATE, .now = true};
    own.own.leaf.der = slice_make(der, sizeof der);
    own.own.leaf.not_after = INT64_MAX;
    rig_command(&core, own);
    own.now = false;
    rig_command(&core, own);
    for (int i = 0; i < 260; i++) {
        memset(text, 'a' + i % 26, DESCRIPTION_MAX);
        text[DESCRIPTION_MAX] = '\0';
        fqdn[0] = (char)('a' + i % 26);
        assert_int_equal(rig_command(&core, (struct command){.type = COMMAND_DESCRIBE,
                                            .fqdn = slice_of(fqdn), .route_string = slice_of(fqdn),
                                            .description = slice_of(text)}), REPLY_OK);
        most = core.ils->self->head.bytes > most ? core.ils->self->head.bytes : most;
    }
    printf("# %llu bytes at most\n", (unsigned long long)most);
    assert_true(most <= SELF_BYTES);
}

/* --- numbers that no record can name */

static void beyond_all_epochs(void **state)
{
    (void)state;
    uint8_t key[KEY_SIZE];
    say_one(&liar, STREAM_SELF, UINT64_MAX);
    assert_true(held(liar.peer.key, STREAM_SELF));
    memcpy(key, liar.peer.key, KEY_SIZE);
    rig_down(&core, liar.id);
    liar_done(&liar);
    assert_int_equal(end(COMMAND_FORGET, key), REPLY_OK);
    assert_false(held(key, STREAM_SELF));
    const struct ended *e = ends_find(core.ils, key);
    assert_true(e->epoch < UINT64_C(1) << 63 && e->usn < UINT64_C(1) << 62); /* as others read it */
    memset(&liar, 0, sizeof liar);
    liar_join(&liar, &core, 1, "198.51.100.1", password);
    say_one(&liar, STREAM_SELF, UINT64_MAX);
    assert_false(held(key, STREAM_SELF));
}

/* --- a spoke that has too many streams */

static void streams_without_end(void **state)
{
    (void)state;
    struct liar fresh = {0};
    say_one(&liar, STREAM_SELF, 1);
    for (uint64_t n = 2; n < 1500; n++)
        liar_head(&liar, (struct head){.number = n, .epoch = 1, .usn = 1, .lines = 1, .bytes = 9},
                  slice_of("0123456789012345678901234567890123456789"));
    liar_pump(&liar);
    printf("# %zu streams\n", core.ils->stream_n);
    assert_true(core.ils->stream_n < STREAMS_MAX / 2);
    size_t admitted = 0;
    list_each(node, &core.ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        admitted += s->admitted && s->number >= STREAM_CATALOGS;
    }
    assert_int_equal(admitted, 40); /* the others are to have places, too */
    assert_int_equal(core.alarm, ILSCatalogLimitExceeded);
    assert_int_equal(end(COMMAND_BAN, liar.peer.key), REPLY_OK); /* its catalogs took all places */
    liar_join(&fresh, &core, 2, "198.51.100.2", password);
    assert_true(liar_linked(&fresh));
    say_one(&fresh, STREAM_SELF, 1);
    assert_true(held(fresh.peer.key, STREAM_SELF));
    liar_done(&fresh);
}

/* --- disconnected, and back by leaving */

static void leaving_is_no_way_back(void **state)
{
    (void)state;
    struct buf none = bytes();
    struct liar again = {0};
    say_one(&liar, STREAM_SELF, 1);
    say_stream(&liar, (struct head){.usn = 2, .flags = HEAD_FLAG_LEFT}, &none, 0);
    const struct peer *p = peer_find(core.ils, liar.peer.key);
    assert_true(p != NULL && p->link != NULL); /* it stays linked */
    assert_int_equal(end(COMMAND_DISCONNECT, liar.peer.key), REPLY_OK);
    assert_false(liar_linked(&liar));
    rig_pass(&core, TICK_S);
    liar_join(&again, &core, 1, "198.51.100.1", password);
    assert_false(liar_linked(&again));
    assert_int_equal(again.peer.goodbye, CODE_DISCONNECTED);
    liar_done(&again);
    buf_done(&none);
}

/* --- a hub that keeps a spoke to itself */

static void pump_home(struct liar *home, uint64_t seed)
{
    home->core = &core;
    home->id = rig_connected(&core, "198.51.100.9");
    peer_init(&home->peer, liar.peer.mem, seed, password, false);
    liar_pump(home);
}

/* Stream 0 of a hub with one other hub, alt.example, on its roster; and that one's. */
static void say_hubs(struct liar *home)
{
    struct liar alt = *home;
    struct buf b = bytes(), segment = bytes(), theirs = bytes(), head = bytes(), lines = bytes();
    uint8_t seed[SEED_SIZE] = {42};
    crypto_keypair(seed, alt.peer.key, alt.peer.secret);
    liar_field(&segment, 1, "role", slice_of("1"));
    buf_put_u8(&segment, RECORD_PUT | ENTRY_ROSTER);
    buf_put_u8(&segment, KEY_SIZE);
    buf_put(&segment, alt.peer.key, KEY_SIZE);
    say_stream(home, (struct head){.usn = 2}, &segment, 2);
    liar_field(&theirs, 1, "role", slice_of("1"));
    liar_field(&theirs, 2, "host", slice_of("alt.example"));
    liar_line(&lines, buf_slice(&theirs));
    struct head h = {.epoch = 1, .usn = 2, .lines = 1, .bytes = theirs.n, .live = 2,
                     .sum = liar_mix(1) + liar_mix(2)};
    liar_head_of(&alt, h, buf_slice(&lines), &head);
    msg_head_put(&b, &(struct msg_head){.head = buf_slice(&head)});
    home->peer.context = &theirs;
    peer_send(&home->peer, &b);
    liar_pump(home);
    liar_manifest(home, buf_slice(&head), buf_slice(&lines));
    liar_pump(home);
    buf_done(&b);
    buf_done(&segment);
    buf_done(&theirs);
    buf_done(&head);
    buf_done(&lines);
}

static struct link *opening(const char *host)
{
    list_each(node, &core.ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (l->state == LINK_OPENING && slice_eq(text_slice(l->host), slice_of(host)))
            return l;
    }
    return NULL;
}

/* It says whenever it is dialled that another link has replaced this one: the spoke asks it first,
 * and then somebody else. */
static void replaced_by_nothing(void **state)
{
    (void)state;
    struct liar home = {0}, again = {0};
    rig_down(&core, liar.id);
    rig_done(&core);
    rig_init(&core, 6, SIZE_MAX);
    rig_spoke(&core, "spoke", password);
    rig_pass(&core, TICK_S);
    pump_home(&home, 9);
    assert_true(home.peer.up);
    liar_marks(&home, NULL, 0);
    liar_pump(&home);
    say_hubs(&home);
    assert_int_equal(core.ils->peer_n, 2);
    say_goodbye(&home.peer, CODE_REPLACED);
    liar_pump(&home);
    assert_false(liar_linked(&home));
    tick lost = core.now;
    bool asked = false;
    while (core.now - lost < 20 * TICK_S && !asked) {
        const struct link *l = opening("hub.example");
        const struct link *alt = opening("alt.example");
        asked = alt != NULL && !alt->visit;
        if (l != NULL && !asked) {
            core.open_id = l->id;
            uint32_t id = rig_connected(&core, "198.51.100.9");
            peer_init(&again.peer, liar.peer.mem, 9, password, false);
            say_goodbye(&again.peer, CODE_REPLACED); /* in clear: anybody on the wire can */
            rig_data(&core, id, again.peer.out.p, again.peer.out.n);
            peer_done(&again.peer);
        }
        rig_pass(&core, TICK_S / 4);
    }
    assert_true(asked);
    liar_done(&home);
}

/* It says goodbye whenever it is linked: it is asked less and less often. */
static void goodbye_for_ever(void **state)
{
    (void)state;
    struct liar home = {0};
    size_t dialled = 0;
    rig_down(&core, liar.id);
    rig_done(&core);
    rig_init(&core, 6, SIZE_MAX);
    rig_spoke(&core, "spoke", password);
    for (tick end = core.now + 60 * TICK_S; core.now < end; rig_pass(&core, TICK_S / 20)) {
        if (core.open_id == 0)
            continue;
        dialled++;
        pump_home(&home, 9);
        assert_true(home.peer.up);
        liar_marks(&home, NULL, 0);
        liar_pump(&home);
        say_goodbye(&home.peer, CODE_GOING_DOWN);
        liar_pump(&home);
        assert_false(liar_linked(&home));
        liar_done(&home);
        memset(&home.peer, 0, sizeof home.peer);
    }
    printf("# dialled %zu times in a minute\n", dialled);
    assert_true(dialled > 10 && dialled < 45);
}

/* --- a hub that says that this cluster is a copy */

/* The hub has heard the proof of the spoke, and says 502 in place of its own. The proof that it
 * shows is made here, with the key of the spoke, as by a copy; with serial_more -1 it is the one
 * that the spoke itself gave the time before. */
static void say_copy(uint64_t boot, int64_t serial_more, bool dialler, bool same_link, bool shown)
{
    static uint8_t former_binder[HASH_SIZE];
    static uint64_t former_serial;
    struct liar home = {.core = &core};
    rig_pass(&core, 61 * TICK_S);
    home.id = rig_connected(&core, "198.51.100.9");
    peer_init(&home.peer, liar.peer.mem, 9, password, false);
    const struct link *l = NULL;
    list_each(node, &core.ils->links)
        if (list_entry(node, struct link, node)->id == home.id)
            l = list_entry(node, struct link, node);
    assert_non_null(l);
    while (l->state != LINK_PROOF) {
        struct rig_link *link = rig_link(&core, home.id);
        peer_take(&home.peer, slice_make(link->out, link->out_n));
        link->out_n = 0;
        assert_true(home.peer.out.n != 0);
        rig_data(&core, home.id, home.peer.out.p, home.peer.out.n);
        buf_reset(&home.peer.out);
    }
    struct msg_goodbye m = {.code = CODE_CLONE, .has_copy = shown, .copy_dialler = dialler};
    if (same_link)
        memcpy(m.copy_binder, l->binder, HASH_SIZE);
    memcpy(m.copy.key, core.ils->key, KEY_SIZE);
    m.copy.boot = boot;
    m.copy.serial = core.ils->serial + (uint64_t)serial_more;
    if (serial_more < 0) {
        m.copy.serial = former_serial;
        memcpy(m.copy_binder, former_binder, HASH_SIZE);
    }
    former_serial = l->serial;
    memcpy(former_binder, l->binder, HASH_SIZE);
    proof_sign(&m.copy, dialler, m.copy_binder, core.ils->secret);
    struct buf b;
    buf_init(&b, home.peer.mem, SIZE_MAX);
    msg_goodbye_put(&b, &m);
    peer_send(&home.peer, &b);
    buf_done(&b);
    rig_data(&core, home.id, home.peer.out.p, home.peer.out.n);
    assert_true(rig_link(&core, home.id)->closed);
    liar_done(&home);
}

static void not_stopped(void)
{
    assert_int_equal(core.verdict.code, CODE_PROTOCOL);
    assert_false(core.ils->cloned);
    assert_int_equal(alarm_last(core.ils, ILSDuplicateClusterID, slice_of("spoke")), 0);
    assert_int_equal(write_plan(), REPLY_OK);
}

static void copy_that_is_not_shown(void **state)
{
    (void)state;
    rig_down(&core, liar.id);
    rig_done(&core);
    rig_init(&core, 6, SIZE_MAX);
    rig_spoke(&core, "spoke", password);
    uint64_t boot = core.ils->boot;
    say_copy(boot + 1, 0, true, false, false); /* nothing is shown */
    not_stopped();
    say_copy(boot, -1, true, false, true); /* a dial of its own, of before */
    not_stopped();
    say_copy(boot, 0, true, true, true); /* this one */
    not_stopped();
    say_copy(boot, 5, false, false, true); /* it was dialled: that has no serial */
    not_stopped();
    say_copy(boot - 1, 5, true, false, true); /* an earlier boot */
    not_stopped();
    say_copy(boot + 1, 0, true, false, true);
    assert_int_equal(core.verdict.code, CODE_CLONE);
    assert_true(core.ils->cloned);
    assert_int_equal(write_plan(), REPLY_CLONED);
}

static void copies_that_are_shown(void **state)
{
    (void)state;
    static const struct {
        int64_t serial;
        bool dialler, same_link;
    } shown[] = {{1, true, false}, {0, true, false}, {0, false, true}};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        rig_done(&core);
        rig_init(&core, 6, SIZE_MAX);
        rig_spoke(&core, "spoke", password);
        say_copy(core.ils->boot, shown[i].serial, shown[i].dialler, shown[i].same_link, true);
        assert_int_equal(core.verdict.code, CODE_CLONE);
        assert_true(core.ils->cloned);
    }
}

/* --- a member that comes and goes */

static void visits_without_end(void **state)
{
    (void)state;
    struct peer *p = peer_find(core.ils, liar.peer.key);
    rig_down(&core, liar.id);
    liar_done(&liar);
    rig_pass(&core, TICK_S);
    size_t rows = core.rows;
    for (int i = 0; i < 50; i++) {
        memset(&liar, 0, sizeof liar);
        liar_join(&liar, &core, 1, "198.51.100.1", password);
        assert_true(liar_linked(&liar));
        rig_down(&core, liar.id);
        liar_done(&liar);
    }
    printf("# %zu rows\n", core.rows - rows);
    assert_true(core.rows - rows < 10);
    assert_true(p->dirty);
    memset(&liar, 0, sizeof liar);
    rig_pass(&core, 11 * TICK_S);
    liar_join(&liar, &core, 2, "198.51.100.2", password); /* something happens */
    assert_true(core.rows > rows && !p->dirty);
}

/* --- somebody of whom nothing was heard */

static void forgotten_unheard(void **state)
{
    (void)state;
    uint8_t key[KEY_SIZE];
    memcpy(key, liar.peer.key, KEY_SIZE);
    rig_down(&core, liar.id);
    liar_done(&liar);
    assert_int_equal(end(COMMAND_FORGET, key), REPLY_OK);
    memset(&liar, 0, sizeof liar);
    liar_join(&liar, &core, 1, "198.51.100.1", password);
    say_one(&liar, STREAM_SELF, (UINT64_C(1) << 32) + 7); /* as others hold it */
    assert_false(held(key, STREAM_SELF));
    say_one(&liar, STREAM_SELF, (UINT64_C(2) << 32) + 7); /* it lives */
    assert_true(held(key, STREAM_SELF));
}

/* It does not return, and is told anew again and again, but ever more seldom: each time everybody
 * takes over a new epoch. */
static void forgotten_and_deaf(void **state)
{
    (void)state;
    uint8_t key[KEY_SIZE];
    memcpy(key, liar.peer.key, KEY_SIZE);
    rig_down(&core, liar.id);
    liar_done(&liar);
    assert_int_equal(end(COMMAND_FORGET, key), REPLY_OK);
    memset(&liar, 0, sizeof liar);
    liar_join(&liar, &core, 1, "198.51.100.1", password);
    tick until = core.now + 20 * 60 * TICK_S; /* so after 10 s, and 1, 2, 4 and 8 minutes more */
    uint64_t first = core.ils->self->head.epoch >> 32;
    while (core.now < until) {
        rig_pass(&core, 2 * TICK_S);
        peer_frame(&liar.peer, FRAME_KEEPALIVE, slice_make(NULL, 0));
        liar_pump(&liar);
    }
    assert_true(liar_linked(&liar));
    assert_int_equal((core.ils->self->head.epoch >> 32) - first, 5);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_hub, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(copy_by_a_stranger, setup, teardown),
        TEST(strangers_that_are_gone),
        TEST(much_is_said),
        TEST(beyond_all_epochs),
        TEST(streams_without_end),
        TEST(leaving_is_no_way_back),
        TEST(replaced_by_nothing),
        TEST(goodbye_for_ever),
        TEST(copy_that_is_not_shown),
        TEST(copies_that_are_shown),
        TEST(visits_without_end),
        TEST(forgotten_unheard),
        TEST(forgotten_and_deaf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
