/* Admission: whose streams are taken, and how many. It is never sticky: who is listed no more stays
 * as it was, stale, until it is listed again. Clusters and catalogs count alike, and the alarms of
 * their number clear. One real hub, and members (liar.h) that say what they like. */
#include <stdio.h>

#include "core/core.h"
#include "liar.h"

#define PUPPETS 260

static struct rig core;
static struct liar liar;
/* What say_stream says: the head, and what it lists when it is asked; the head, and gives nothing
 * of that; only the list, as an answer. */
static enum { ALL, HEAD_ALONE, LIST_ALONE } says;
static uint8_t password[32];
static struct {
    uint8_t key[KEY_SIZE], secret[SECRET_SIZE];
} puppet[PUPPETS];

static int setup(void **state)
{
    (void)state;
    says = ALL;
    for (size_t i = 0; i < PUPPETS; i++) {
        uint8_t seed[SEED_SIZE] = {9, (uint8_t)i, (uint8_t)(i >> 8)};
        crypto_keypair(seed, puppet[i].key, puppet[i].secret);
    }
    crypto_hash1(password, "test", slice_of("secret"));
    rig_init(&core, 5, SIZE_MAX);
    rig_hub(&core, "hub", password);
    liar_join(&liar, &core, 1, "198.51.100.1", password);
    assert_true(liar_linked(&liar));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    liar_done(&liar);
    memset(&liar, 0, sizeof liar);
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
    if (type == FRAME_SEGMENT_REQUEST && says != HEAD_ALONE)
        peer_frame(p, FRAME_SEGMENT, buf_slice(p->context));
}

/* Over the link of `by`: the head of a stream of `as`, and what it lists, one segment of n records
 * whose last USN is usn. */
static void say_stream(struct liar *by, const struct liar *as, struct head h, struct buf *segment,
                       size_t n)
{
    struct liar whose = *as;
    struct buf lines = bytes(), head = bytes(), b = bytes();
    h.epoch = h.epoch == 0 ? 1 : h.epoch;
    if (segment->n != 0)
        liar_line(&lines, buf_slice(segment));
    h.lines = segment->n != 0;
    h.bytes = segment->n;
    h.live = n;
    for (uint64_t i = 0; i < n; i++)
        h.sum += liar_mix(h.usn - i);
    liar_head_of(&whose, h, buf_slice(&lines), &head);
    struct msg_head m = {.head = buf_slice(&head)};
    msg_head_put(&b, &m);
    by->peer.frame = serve_one;
    by->peer.context = segment;
    if (says != LIST_ALONE)
        peer_send(&by->peer, &b);
    liar_pump(by);
    if (h.lines != 0 && says != HEAD_ALONE)
        liar_manifest(by, buf_slice(&head), buf_slice(&lines));
    liar_pump(by);
    buf_done(&lines);
    buf_done(&head);
    buf_done(&b);
}

static struct liar the_puppet(size_t i)
{
    struct liar p = liar;
    memcpy(p.peer.key, puppet[i].key, KEY_SIZE);
    memcpy(p.peer.secret, puppet[i].secret, SECRET_SIZE);
    return p;
}

/* Stream 0 of `as`: its role, and a roster of these puppets. */
static void say_self(struct liar *by, const struct liar *as, uint64_t usn, bool hub, size_t from,
                     size_t n)
{
    struct buf segment = bytes();
    struct head h = {.usn = usn};
    liar_field(&segment, usn - n, "role", slice_of(hub ? "1" : "2"));
    for (size_t i = 0; i < n; i++) { /* one USN each */
        buf_put_u8(&segment, RECORD_PUT | ENTRY_ROSTER);
        buf_put_u8(&segment, KEY_SIZE);
        buf_put(&segment, puppet[from + i].key, KEY_SIZE);
    }
    say_stream(by, as, h, &segment, n + 1);
    buf_done(&segment);
}

static void say_plan(struct liar *by, const struct liar *as, uint64_t number, uint64_t usn)
{
    struct buf segment = bytes();
    struct head h = {.number = number, .usn = usn};
    char name[32];
    snprintf(name, sizeof name, "n%llu-%llu", (unsigned long long)number, (unsigned long long)usn);
    liar_field(&segment, usn, name, slice_of("x"));
    say_stream(by, as, h, &segment, 1);
    buf_done(&segment);
}

static const struct stream *stream_of(const uint8_t *key, uint64_t number)
{
    return stream_find(core.ils, key, number);
}

static uint64_t served(const uint8_t *key, uint64_t number)
{
    const struct stream *s = stream_of(key, number);
    return s != NULL && stream_held(s) ? s->head.usn : 0;
}

static bool admitted(const uint8_t *key, uint64_t number)
{
    const struct stream *s = stream_of(key, number);
    return s != NULL && s->admitted;
}

static bool alarmed(enum alarm alarm)
{
    list_each(node, &core.ils->alarms) {
        const struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        if (e->alarm == alarm && e->active)
            return true;
    }
    return false;
}

static enum reply forget(const uint8_t *key)
{
    char hex[2 * PEER_ID_SIZE + 1];
    uint8_t id[PEER_ID_SIZE];
    crypto_peer_id(id, key);
    hex_text(hex, id, PEER_ID_SIZE);
    return rig_command(&core, (struct command){.type = COMMAND_FORGET, .cluster = slice_of(hex)});
}

/* --- never sticky */

static void delisted_stays_as_it_was(void **state)
{
    (void)state;
    struct liar p = the_puppet(0);
    say_self(&liar, &liar, 10, true, 0, 1);
    say_self(&liar, &p, 1, false, 0, 0);
    say_plan(&liar, &p, 1, 1);
    assert_true(served(p.peer.key, 1) == 1 && admitted(p.peer.key, 1));
    say_self(&liar, &liar, 20, true, 0, 0);
    assert_false(admitted(p.peer.key, 0) || admitted(p.peer.key, 1));
    assert_int_equal(served(p.peer.key, 1), 1); /* last known good */
    say_plan(&liar, &p, 1, 2);
    assert_int_equal(served(p.peer.key, 1), 1); /* nothing new is taken */
    struct view_cluster c;
    size_t rows = 0;
    for (size_t i = 1; view_cluster(core.ils, i, &c); i++)
        if (memcmp(c.key, p.peer.key, KEY_SIZE) == 0) {
            rows++;
            assert_true(c.stale);
        }
    assert_int_equal(rows, 1);
    say_self(&liar, &liar, 30, true, 0, 1);
    say_plan(&liar, &p, 1, 2); /* asked for: here it is */
    assert_int_equal(served(p.peer.key, 1), 2);
    assert_true(admitted(p.peer.key, 1));
}

/* The liar lists hub 0, which lists 1; without the first, neither. */
static void a_chain_of_hubs_falls_together(void **state)
{
    (void)state;
    struct liar hub = the_puppet(0), far = the_puppet(1);
    say_self(&liar, &liar, 10, true, 0, 1);
    say_self(&liar, &hub, 10, true, 1, 1);
    say_self(&liar, &far, 1, false, 0, 0);
    say_plan(&liar, &far, 1, 1);
    assert_int_equal(served(far.peer.key, 1), 1);
    say_self(&liar, &hub, 20, false, 1, 1); /* it is a hub no more: its roster counts for nothing */
    assert_true(admitted(hub.peer.key, 0));
    assert_false(admitted(far.peer.key, 1));
    say_self(&liar, &hub, 30, true, 1, 1);
    assert_true(admitted(far.peer.key, 1));
    say_self(&liar, &liar, 20, true, 5, 1);
    assert_false(admitted(hub.peer.key, 0) || admitted(far.peer.key, 1));
}

/* Two that list each other, and nobody else does: they are not admitted by that. */
static void a_circle_admits_nobody(void **state)
{
    (void)state;
    struct liar a = the_puppet(0), b = the_puppet(1);
    say_self(&liar, &liar, 10, true, 0, 1);
    say_self(&liar, &a, 10, true, 1, 1);
    say_self(&liar, &b, 10, true, 0, 1);
    assert_true(admitted(a.peer.key, 0) && admitted(b.peer.key, 0));
    say_self(&liar, &liar, 20, true, 5, 1);
    assert_false(admitted(a.peer.key, 0) || admitted(b.peer.key, 0));
}

/* Whoever left is believed though nobody lists it any more, and its data goes. */
static void a_farewell_needs_no_roster(void **state)
{
    (void)state;
    struct liar p = the_puppet(0);
    struct buf none = bytes();
    say_self(&liar, &liar, 10, true, 0, 1);
    say_self(&liar, &p, 1, false, 0, 0);
    say_plan(&liar, &p, 1, 1);
    say_self(&liar, &liar, 20, true, 5, 1);
    size_t peers = core.ils->peer_n;
    say_stream(&liar, &p, (struct head){.usn = 2, .flags = HEAD_FLAG_LEFT}, &none, 0);
    assert_null(stream_of(p.peer.key, 1));
    assert_int_equal(core.ils->peer_n, peers - 1);
    assert_int_equal(served(p.peer.key, 0), 2);
    say_self(&liar, &liar, 30, true, 0, 1);
    say_plan(&liar, &p, 1, 1); /* a zombie, though it is listed */
    assert_int_equal(served(p.peer.key, 1), 0);
    say_self(&liar, &p, 3, false, 0, 0); /* it is back */
    say_plan(&liar, &p, 1, 3);
    assert_int_equal(served(p.peer.key, 1), 3);
    assert_int_equal(core.ils->peer_n, peers);
    buf_done(&none);
}

/* The lister has not heard of it, or does not care: what it tells of somebody who was forgotten or
 * banned is not taken, unless that somebody has returned in a higher epoch. */
static void what_is_gone_is_not_told_back(void **state)
{
    (void)state;
    struct liar p = the_puppet(0);
    char hex[2 * PEER_ID_SIZE + 1];
    uint8_t id[PEER_ID_SIZE];
    say_self(&liar, &liar, 10, true, 0, 1);
    say_self(&liar, &p, 1, false, 0, 0);
    say_plan(&liar, &p, 1, 1);
    assert_int_equal(served(p.peer.key, 1), 1);
    assert_int_equal(forget(p.peer.key), REPLY_OK);
    assert_null(stream_of(p.peer.key, 1));
    for (uint64_t usn = 1; usn < 4; usn++) {
        say_self(&liar, &p, usn, false, 0, 0);
        say_plan(&liar, &p, 1, usn);
        assert_null(stream_of(p.peer.key, 0));
        assert_null(stream_of(p.peer.key, 1));
    }
    struct buf segment = bytes();
    liar_field(&segment, 5, "role", slice_of("2"));
    struct head h = {.epoch = 77, .usn = 5}; /* of the same counter */
    say_stream(&liar, &p, h, &segment, 1);
    assert_null(stream_of(p.peer.key, 0));
    h.epoch = UINT64_C(1) << 32;
    say_stream(&liar, &p, h, &segment, 1); /* it returns */
    assert_int_equal(served(p.peer.key, 0), 5);
    crypto_peer_id(id, p.peer.key);
    hex_text(hex, id, PEER_ID_SIZE);
    assert_int_equal(rig_command(&core, (struct command){.type = COMMAND_BAN,
                                            .cluster = slice_of(hex)}), REPLY_OK);
    h.epoch = UINT64_C(9) << 32;
    h.usn = 6;
    buf_reset(&segment);
    liar_field(&segment, 6, "role", slice_of("2"));
    say_stream(&liar, &p, h, &segment, 1);
    assert_null(stream_of(p.peer.key, 0));
    buf_done(&segment);
}

/* A copy of it writes elsewhere: the origin is told of what is above that which it has shown, and
 * of nothing else of its own. */
static void an_origin_hears_of_its_copy(void **state)
{
    (void)state;
    struct liar other = {0};
    say_self(&liar, &liar, 1, false, 0, 0);
    say_plan(&liar, &liar, 1, 1);
    liar_join(&other, &core, 2, "198.51.100.2", password);
    say_self(&other, &other, 1, true, 0, 0);
    liar_pump(&liar);
    size_t heads = liar.peer.got[FRAME_HEAD];
    say_plan(&liar, &liar, 1, 2);
    liar_pump(&liar);
    assert_int_equal(liar.peer.got[FRAME_HEAD], heads);
    say_plan(&other, &liar, 1, 3);
    assert_int_equal(served(liar.peer.key, 1), 3);
    liar_pump(&liar);
    assert_int_equal(liar.peer.got[FRAME_HEAD], heads + 1);
    say_plan(&liar, &liar, 1, 2); /* it has not heard */
    assert_int_equal(served(liar.peer.key, 1), 3);
    liar_done(&other);
}

/* Two hubs have told of it, and the one goes: it waits with the other for a roster, for nobody
 * tells it twice. */
static void waits_with_whoever_told_it(void **state)
{
    (void)state;
    struct liar one = {0}, p = the_puppet(0);
    say_self(&liar, &liar, 10, true, 5, 0);
    liar_join(&one, &core, 2, "198.51.100.2", password);
    say_self(&one, &one, 1, true, 0, 0);
    say_self(&liar, &p, 1, false, 0, 0);
    say_self(&one, &p, 1, false, 0, 0);
    assert_false(admitted(p.peer.key, 0));
    rig_down(&core, one.id);
    liar_done(&one);
    assert_non_null(stream_of(p.peer.key, 0));
    say_self(&liar, &liar, 15, true, 0, 1);
    assert_true(admitted(p.peer.key, 0));
    assert_true(stream_of(p.peer.key, 0)->fetch == FETCH_MANIFEST); /* asked for, not told */
    rig_down(&core, liar.id);
    assert_null(stream_of(p.peer.key, 0)->source);
}

static void keep(struct liar *l)
{
    rig_pass(&core, 2 * TICK_S);
    peer_frame(&l->peer, FRAME_KEEPALIVE, slice_make(NULL, 0));
    liar_pump(l);
}

/* The link over which the newer head came is gone, or its other end has dropped what it showed:
 * what the origin itself has, which came back from a backup and showed it before, is asked for. */
static void what_nobody_has_any_more_is_let_go(bool gone)
{
    struct liar one = {0};
    say_self(&liar, &liar, 1, false, 0, 0);
    liar_join(&one, &core, 2, "198.51.100.2", password);
    say_self(&one, &one, 1, true, 0, 0);
    says = HEAD_ALONE;
    say_plan(&one, &liar, 1, 9);
    say_plan(&liar, &liar, 1, 3);
    assert_int_equal(served(liar.peer.key, 1), 0);
    if (gone) {
        struct buf b = bytes();
        struct msg_segment_request m = {.number = 1};
        memcpy(m.key, liar.peer.key, KEY_SIZE);
        for (size_t i = 0; i <= FETCH_FAILURES; i++)
            msg_gone_put(&b, &m);
        peer_send(&one.peer, &b);
        liar_pump(&one);
        buf_done(&b);
    } else {
        rig_down(&core, one.id);
    }
    size_t asked = liar.peer.got[FRAME_MANIFEST_REQUEST];
    for (size_t i = 0; i < 40 && liar.peer.got[FRAME_MANIFEST_REQUEST] == asked; i++) {
        keep(&liar);
        if (gone)
            keep(&one);
    }
    says = ALL;
    assert_int_equal(liar.peer.got[FRAME_MANIFEST_REQUEST], asked + 1);
    say_plan(&liar, &liar, 1, 3);
    assert_int_equal(served(liar.peer.key, 1), 3);
    liar_done(&one);
}

static void let_go_with_the_link(void **state)
{
    (void)state;
    what_nobody_has_any_more_is_let_go(false);
}

static void let_go_with_the_word(void **state)
{
    (void)state;
    what_nobody_has_any_more_is_let_go(true);
}

/* Two have told of it; who told last is asked, but has an older list: it is the other's turn. */
static void who_has_not_what_it_told_of(void **state)
{
    (void)state;
    struct liar one = {0}, two = {0};
    say_self(&liar, &liar, 1, false, 0, 0);
    liar_join(&one, &core, 2, "198.51.100.2", password);
    liar_join(&two, &core, 3, "198.51.100.3", password);
    say_self(&one, &one, 1, true, 0, 0);
    say_self(&two, &two, 1, true, 0, 0);
    says = HEAD_ALONE;
    say_plan(&one, &liar, 1, 9);
    say_plan(&two, &liar, 1, 9);
    size_t asked[2] = {one.peer.got[FRAME_MANIFEST_REQUEST], two.peer.got[FRAME_MANIFEST_REQUEST]};
    says = LIST_ALONE;
    say_plan(&two, &liar, 1, 3);
    says = ALL;
    liar_pump(&one);
    assert_int_equal(two.peer.got[FRAME_MANIFEST_REQUEST], asked[1]);
    assert_int_equal(one.peer.got[FRAME_MANIFEST_REQUEST], asked[0] + 1);
    say_plan(&one, &liar, 1, 9);
    assert_int_equal(served(liar.peer.key, 1), 9);
    liar_done(&one);
    liar_done(&two);
}

/* --- how many */

/* A newcomer hears of everybody before it has read a roster: as many as there may be wait for it,
 * and no more. */
static void all_that_there_may_be_wait(void **state)
{
    (void)state;
    size_t many = PEERS_MAX, streams = core.ils->stream_n;
    say_self(&liar, &liar, 1, true, 0, 0);
    for (size_t i = 0; i <= many; i++) {
        struct liar p = the_puppet(i);
        say_self(&liar, &p, 1, false, 0, 0);
        say_plan(&liar, &p, 1, 1);
    }
    assert_int_equal(core.ils->stream_n, streams + 2 * many + 1); /* and the liar's own */
    assert_false(admitted(puppet[many - 1].key, 0));
    say_self(&liar, &liar, 100, true, many - ROSTER_MAX, ROSTER_MAX);
    assert_true(admitted(puppet[many - 1].key, 0) && admitted(puppet[many - 1].key, 1));
}

/* One proves itself, sees who answered, and goes: by its own word, or as when the way is cut. */
static void prove_and_go(uint64_t seed, const char *ip, bool aloud)
{
    struct peer_end p;
    struct liar one = {.core = &core, .id = rig_accept(&core, ip)};
    peer_init(&p, liar.peer.mem, seed, password, true);
    one.peer = p;
    peer_hello(&one.peer);
    liar_pump(&one);
    assert_true(one.peer.up);
    if (aloud) {
        struct msg_goodbye m = {.code = CODE_OTHER_CLUSTER};
        struct buf b = bytes();
        msg_goodbye_put(&b, &m);
        peer_send(&one.peer, &b);
        buf_done(&b);
        liar_pump(&one);
    } else {
        rig_down(&core, one.id);
    }
    liar_done(&one);
}

/* Whoever proved itself and was then not linked takes no place: it is no cluster of this network
 * yet. Who has been linked keeps its own. */
static void who_only_proved_itself_takes_no_place(void **state)
{
    (void)state;
    size_t peers = core.ils->peer_n, rows = core.rows;
    char ip[32];
    for (unsigned i = 0; i <= PEERS_MAX; i++) {
        snprintf(ip, sizeof ip, "203.0.%u.%u", i / 200, 1 + i % 200);
        prove_and_go(7000 + i, ip, i % 2 == 0);
    }
    rig_pass(&core, TICK_S);
    assert_int_equal(core.ils->peer_n, peers);
    assert_false(alarmed(ILSPeerLimitExceeded));
    rig_pass(&core, 60 * TICK_S);
    assert_int_equal(core.rows, rows);
    prove_and_go(1, "198.51.100.1", true); /* the liar, linked before, with its own key */
    rig_pass(&core, TICK_S);
    assert_int_equal(core.ils->peer_n, peers);
}

static void roster_lists_the_linked_first(void **state)
{
    (void)state;
    struct liar one = {0}, last = {0};
    for (uint64_t i = 1; i <= 80; i++) {
        liar_join(&one, &core, 5000 + i, "203.0.113.9", password);
        rig_down(&core, one.id);
        liar_done(&one);
        memset(&one, 0, sizeof one);
    }
    liar_join(&last, &core, 6000, "203.0.113.9", password);
    rig_pass(&core, TICK_S);
    size_t listed = 0;
    list_each(node, &core.ils->peers)
        listed += roster_lists(core.ils->self, list_entry(node, struct peer, node)->key);
    assert_int_equal(listed, ROSTER_MAX);
    assert_true(roster_lists(core.ils->self, last.peer.key));
    assert_true(roster_lists(core.ils->self, liar.peer.key));
    liar_done(&last);
}

/* Catalogs come and are told like plans; each takes a place. */
static void catalogs_count(void **state)
{
    (void)state;
    struct buf none = bytes();
    struct liar other = {0};
    liar_join(&other, &core, 2, "198.51.100.2", password);
    size_t heads = other.peer.got[FRAME_HEAD];
    say_self(&liar, &liar, 1, true, 0, 0);
    say_plan(&liar, &liar, 2, 1);
    assert_int_equal(served(liar.peer.key, 2), 1);
    liar_pump(&other);
    assert_true(other.peer.got[FRAME_HEAD] > heads);
    for (uint64_t n = 3; n < STREAM_CATALOGS + CATALOGS_ORIGIN; n++)
        say_plan(&liar, &liar, n, 1);
    assert_false(alarmed(ILSCatalogLimitExceeded));
    say_plan(&liar, &liar, 400, 1); /* the others are to have places, too */
    assert_int_equal(served(liar.peer.key, 400), 0);
    assert_true(alarmed(ILSCatalogLimitExceeded));
    say_self(&liar, &liar, 6, true, 0, 5);
    for (size_t i = 0; i < 5; i++) {
        struct liar p = the_puppet(i);
        say_self(&liar, &p, 1, false, 0, 0);
    }
    assert_int_equal(core.ils->peer_n, 7);
    for (size_t n = CATALOGS_ORIGIN; core.ils->peer_n + n < PEERS_MAX; n++) {
        struct liar p = the_puppet(n / CATALOGS_ORIGIN);
        assert_int_equal(alarmed(ILSPeerLimitApproachingWarning),
                         core.ils->peer_n + n >= PEERS_NEAR);
        say_plan(&liar, &p, STREAM_CATALOGS + n % CATALOGS_ORIGIN, 1);
        assert_int_equal(served(p.peer.key, STREAM_CATALOGS + n % CATALOGS_ORIGIN), 1);
    }
    assert_false(alarmed(ILSPeerLimitExceeded));
    struct liar last = the_puppet(0);
    say_plan(&liar, &last, 501, 1);
    assert_int_equal(served(last.peer.key, 501), 0);
    assert_true(alarmed(ILSPeerLimitExceeded));
    struct liar gone = the_puppet(1);
    for (uint64_t i = 0; i < 2; i++) /* two go: the first makes room for the one that waits */
        say_stream(&liar, &gone, (struct head){.number = STREAM_CATALOGS + i, .usn = 100,
                                               .flags = HEAD_FLAG_LEFT}, &none, 0);
    assert_false(alarmed(ILSPeerLimitExceeded));
    assert_true(alarmed(ILSPeerLimitApproachingWarning));
    say_stream(&liar, &liar, (struct head){.usn = 100, .flags = HEAD_FLAG_LEFT}, &none, 0);
    assert_null(stream_of(liar.peer.key, 2));
    assert_false(alarmed(ILSPeerLimitExceeded) || alarmed(ILSPeerLimitApproachingWarning));
    assert_false(alarmed(ILSCatalogLimitExceeded));
    liar_done(&other);
    buf_done(&none);
}

/* Four hubs that list 64 each. */
static void clusters_by_relay_count(void **state)
{
    (void)state;
    for (size_t hub = 0; hub < 4; hub++) {
        struct liar as = hub == 0 ? liar : the_puppet(255 + hub);
        if (hub == 0)
            say_self(&liar, &as, 100, true, 0, 61);
        else
            say_self(&liar, &as, 100, true, 64 * hub, 60);
        for (size_t i = 0; i < (hub == 0 ? 58 : 60); i++) {
            struct liar p = the_puppet(64 * hub + i);
            say_self(&liar, &p, 1, false, 0, 0);
        }
        if (hub == 0) { /* the other hubs are on its roster as well */
            struct buf segment = bytes();
            liar_field(&segment, 200, "role", slice_of("1"));
            for (size_t i = 0; i < 61; i++) {
                buf_put_u8(&segment, RECORD_PUT | ENTRY_ROSTER);
                buf_put_u8(&segment, KEY_SIZE);
                buf_put(&segment, puppet[i < 58 ? i : 255 + i - 57].key, KEY_SIZE);
            }
            say_stream(&liar, &liar, (struct head){.usn = 261}, &segment, 62);
            buf_done(&segment);
        }
    }
    printf("# %zu clusters, %zu streams\n", core.ils->peer_n, core.ils->stream_n);
    assert_int_equal(core.ils->peer_n, PEERS_MAX);
    assert_true(alarmed(ILSPeerLimitApproachingWarning) && alarmed(ILSPeerLimitExceeded));
    struct liar fresh = {0};
    liar_join(&fresh, &core, 77, "198.51.100.77", password);
    assert_false(liar_linked(&fresh));
    liar_done(&fresh);
    memset(&fresh, 0, sizeof fresh);
    size_t waited = 0;
    list_each(node, &core.ils->streams)
        waited += !list_entry(node, struct stream, node)->admitted;
    for (size_t i = 0; i < waited + 30; i++) { /* the places go to who waited for one */
        assert_int_equal(core.ils->peer_n, i <= waited ? PEERS_MAX : PEERS_MAX - (i - waited));
        assert_int_equal(forget(puppet[i < 58 ? i : i + 6].key), REPLY_OK);
    }
    assert_false(alarmed(ILSPeerLimitExceeded) || alarmed(ILSPeerLimitApproachingWarning));
    assert_true(core.ils->peer_n < PEERS_NEAR);
    liar_join(&fresh, &core, 78, "198.51.100.77", password);
    assert_true(liar_linked(&fresh));
    liar_done(&fresh);
}

/* One certificate that made many keys: an operator frees their places. */
static void forgotten_keys_free_their_places(void **state)
{
    (void)state;
    struct liar one = {0};
    static uint8_t made[PEERS_MAX][KEY_SIZE];
    for (uint64_t i = 1; i < PEERS_MAX; i++) {
        liar_join(&one, &core, 5000 + i, "203.0.113.9", password);
        assert_true(liar_linked(&one));
        memcpy(made[i], one.peer.key, KEY_SIZE);
        rig_down(&core, one.id);
        liar_done(&one);
        memset(&one, 0, sizeof one);
    }
    liar_join(&one, &core, 9000, "203.0.113.9", password);
    assert_false(liar_linked(&one));
    liar_done(&one);
    memset(&one, 0, sizeof one);
    assert_true(alarmed(ILSPeerLimitExceeded));
    for (uint64_t i = 1; i < PEERS_MAX; i++)
        assert_int_equal(forget(made[i]), REPLY_OK);
    assert_int_equal(core.ils->peer_n, 1);
    assert_false(alarmed(ILSPeerLimitExceeded) || alarmed(ILSPeerLimitApproachingWarning));
    liar_join(&one, &core, 9000, "203.0.113.9", password);
    assert_true(liar_linked(&one));
    liar_done(&one);
}

/* There is an end to what is remembered; it is said, and what is remembered stays. */
static void as_many_as_are_remembered(void **state)
{
    (void)state;
    struct liar one = {0};
    for (uint64_t i = 0; i <= ENDED_MAX; i++) {
        liar_join(&one, &core, 5000 + i, "203.0.113.9", password);
        uint8_t key[KEY_SIZE];
        memcpy(key, one.peer.key, KEY_SIZE);
        rig_down(&core, one.id);
        liar_done(&one);
        memset(&one, 0, sizeof one);
        assert_int_equal(forget(key), i < ENDED_MAX ? REPLY_OK : REPLY_ENDED_FULL);
    }
    assert_true(core.ils->self->head.bytes <= SELF_BYTES);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(delisted_stays_as_it_was),
        TEST(a_chain_of_hubs_falls_together),
        TEST(a_circle_admits_nobody),
        TEST(a_farewell_needs_no_roster),
        TEST(what_is_gone_is_not_told_back),
        TEST(an_origin_hears_of_its_copy),
        TEST(waits_with_whoever_told_it),
        TEST(let_go_with_the_link),
        TEST(let_go_with_the_word),
        TEST(who_has_not_what_it_told_of),
        TEST(all_that_there_may_be_wait),
        TEST(who_only_proved_itself_takes_no_place),
        TEST(roster_lists_the_linked_first),
        TEST(catalogs_count),
        TEST(clusters_by_relay_count),
        TEST(forgotten_keys_free_their_places),
        TEST(as_many_as_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
