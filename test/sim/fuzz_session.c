/* The stateful session fuzzer: a real hub with a password, a good spoke linked to it, and somebody
 * else who sends what the input says on links of his own: as a stranger raw bytes, as an insider
 * (who knows the password and has a key) sealed frames, some of them rightly signed.
 * Laws: no crash; the budget holds; the good link stays; what the good spoke advertised is answered
 * as before; a stranger's bytes store nothing but alarms and make no cluster known.
 *
 * Input: a byte (odd: insider), then operations: a byte, and what it needs; the end of the input
 * ends every operation. See `operate`. */
#include "link/cpace.h"
#include "link/frame.h"
#include "link/msg.h"
#include "link/sealed.h"

#include "core/view.h"
#include "plan/lookup.h"
#include "sim/grow.h"
#include "sim/ops.h"

#define RESET_EVERY 256
#define GOOD_ENTRY  "alice@good.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world *world;
static struct node *hub, *good;
static unsigned runs;
static struct mem mem;

/* The other one's link. */
static struct {
    uint32_t link;
    bool open, insider, sealed, feeding;
    struct sealed tx, rx;
    struct buf got; /* what the hub has sent */
    uint64_t boot;
    uint8_t key[KEY_SIZE], secret[SECRET_SIZE];
} rogue;

static void fail(const char *what)
{
    fprintf(stderr, "session: %s\n", what);
    log_report(&world->log, stderr);
    abort();
}

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return grow(p, new_size);
}

static void see(void *context, struct node *n, const struct ils_action *a)
{
    if (n == hub && a->link == rogue.link && a->type == ILS_DO_SEND)
        buf_put_slice(&rogue.got, a->data);
    if (n == hub && a->link == rogue.link && a->type == ILS_DO_CLOSE)
        rogue.open = false;
    if (a->type == ILS_DO_STORE && rogue.feeding && !rogue.insider)
        for (size_t i = 0; i < a->row_n; i++)
            if (a->row[i].space != ROW_ALARM)
                fail("a stranger's bytes store something");
    if (a->type == ILS_DO_TRACE && a->trace.event == EVENT_LINK_ENDED &&
        (n == good || memcmp(a->trace.peer_id, good->peer_id, PEER_ID_SIZE) == 0))
        fail("the good link ends");
}

static void make_world(void)
{
    if (world != NULL)
        world_free(world);
    world = world_new(7, BUG_NONE);
    hub = world_add(world, "hub", (size_t)8 << 20);
    good = world_add(world, "good", (size_t)8 << 20);
    node_start(hub);
    node_start(good);
    if (!op_setup(hub, "Hub", "hub.example", "secret", true) ||
        !op_setup(good, "Good", "good.example", "secret", false))
        fail("setup");
    op_wait(good, op_plan(good, true, GOOD_ENTRY, NULL), TICK_S);
    op_join(good, hub->host, 0, ROLE_SPOKE);
    world_run(world, 2 * TICK_S);
    world->observer = (struct observer){.action = see};
}

/* --- the hub's side of the other one's link */

static void feed(struct slice bytes)
{
    if (!rogue.open || bytes.n == 0)
        return;
    uint8_t *exact = grow_copy(bytes.p, bytes.n);
    struct ils_event event = {.type = ILS_EV_DATA, .link = rogue.link,
                              .data = slice_make(exact, bytes.n)};
    /* what is due anyhow is not these bytes' doing */
    struct ils_event due = {.type = ILS_EV_DEADLINE};
    node_step(hub, &due);
    rogue.feeding = true;
    node_step(hub, &event);
    rogue.feeding = false;
    free(exact);
}

static void down(void)
{
    if (!rogue.open)
        return;
    rogue.open = false;
    struct ils_event event = {.type = ILS_EV_DOWN, .link = rogue.link, .reason = DOWN_RESET};
    node_step(hub, &event);
}

static void accept_link(void)
{
    static uint32_t links;
    struct ils_event event = {.type = ILS_EV_ACCEPTED};
    down();
    rogue.link = LINK_ACCEPTED | (100000 + ++links);
    rogue.open = true;
    rogue.sealed = false;
    buf_reset(&rogue.got);
    event.link = rogue.link;
    event.local = (struct address){.ip = "10.0.0.1", .port = PORT_PASSWORD_DEFAULT};
    event.peer.port = 1024;
    snprintf(event.peer.ip, sizeof event.peer.ip, "10.%u.%u.7", 100 + links / 250 % 100,
             links % 250);
    node_step(hub, &event);
}

/* The next clear frame that the hub sent. */
static bool take_frame(uint8_t wanted, struct buf *body)
{
    struct slice in = buf_slice(&rogue.got), frame;
    uint8_t type;
    if (frame_take(&in, FRAME_CLEAR_MAX, &type, &frame) != 0 || type != wanted)
        return false;
    buf_reset(body);
    buf_put_slice(body, frame);
    buf_drop(&rogue.got, rogue.got.n - in.n);
    return true;
}

static void send_clear(uint8_t type, struct slice body)
{
    struct buf b;
    buf_init(&b, &mem, 1024);
    frame_put(&b, type, body);
    feed(buf_slice(&b));
    buf_done(&b);
}

static void send_sealed(struct slice plain)
{
    struct buf b;
    buf_init(&b, &mem, 1 << 20);
    sealed_put(&rogue.tx, &b, plain);
    feed(buf_slice(&b));
    buf_done(&b);
}

static void hello_body(struct buf *b)
{
    struct hello h = {.version_min = 1, .version_max = 1, .capabilities = CAPABILITY_RESERVED,
                      .method = METHOD_PASSWORD, .generation = 1};
    memset(h.random, (int)(rogue.boot & 0x7f) + 1, sizeof h.random);
    memcpy(h.random, &rogue.link, sizeof rogue.link);
    hello_put(b, &h);
}

/* The whole handshake with the right password. */
static void become_insider(void)
{
    struct buf mine, theirs, body;
    struct cpace c;
    uint8_t sid[HASH_SIZE], prs[HASH_SIZE], entropy[64], binder[HASH_SIZE];
    struct proof p = {.boot = ++rogue.boot, .serial = 1};
    accept_link();
    buf_init(&mine, &mem, HELLO_MAX);
    buf_init(&theirs, &mem, HELLO_MAX);
    buf_init(&body, &mem, 1024);
    hello_body(&mine);
    send_clear(FRAME_HELLO, buf_slice(&mine));
    if (take_frame(FRAME_HELLO, &theirs)) {
        link_sid(sid, buf_slice(&mine), buf_slice(&theirs), slice_make(NULL, 0));
        crypto_hash1(prs, "sim password", slice_of("secret"));
        memset(entropy, 1, sizeof entropy);
        memcpy(entropy, &rogue.boot, sizeof rogue.boot);
        cpace_start(&c, CPACE_DIALLER, prs, sid, entropy);
        send_clear(FRAME_SHARE, slice_make(c.share, POINT_SIZE));
        if (!take_frame(FRAME_SHARE, &body) || !cpace_finish(&c, body.p))
            fail("the hub's share");
        send_clear(FRAME_CONFIRM, slice_make(c.confirm, CPACE_CONFIRM_SIZE));
        if (!take_frame(FRAME_CONFIRM, &body) || !cpace_confirmed(&c, buf_slice(&body)))
            fail("the hub's confirmation");
        struct slice isk = slice_make(c.isk, CPACE_ISK_SIZE);
        struct binder_parts parts = {.hello_c = buf_slice(&mine), .hello_s = buf_slice(&theirs),
                                     .isk = isk};
        link_binder(binder, &parts);
        sealed_keys(&rogue.tx, &rogue.rx, isk, binder);
        memcpy(p.key, rogue.key, KEY_SIZE);
        memcpy(p.cluster_id, "rogue", p.cluster_id_n = 5);
        proof_sign(&p, true, binder, rogue.secret);
        buf_reset(&body);
        msg_proof_put(&body, &p);
        send_sealed(buf_slice(&body));
        rogue.sealed = rogue.open;
    }
    buf_done(&mine);
    buf_done(&theirs);
    buf_done(&body);
}

/* --- what the input says */

static uint8_t byte(struct slice *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static struct slice some(struct slice *in)
{
    size_t n = byte(in);
    n = n > 250 ? n * 16 : n;
    n = n < in->n ? n : in->n;
    struct slice s = slice_make(in->p, n);
    in->p += n;
    in->n -= n;
    return s;
}

static void send_any(struct slice plain)
{
    if (rogue.sealed)
        send_sealed(plain);
    else
        feed(plain);
}

static void send_frame(uint8_t type, struct slice body)
{
    struct buf b;
    buf_init(&b, &mem, 1 << 16);
    frame_put(&b, type, body);
    send_any(buf_slice(&b));
    buf_done(&b);
}

/* The digest that an honest origin would give of the segment. */
static void digest(struct slice segment, struct head *h)
{
    struct segment_reader reader;
    struct record r;
    if (!segment_check(segment))
        return;
    segment_reader_init(&reader, segment);
    while (segment_next(&reader, &r) == 1)
        if (r.put) {
            h->live++;
            h->sum += mix64(r.usn);
        }
}

/* A head of the insider's own, rightly signed, over one segment of the input's bytes; then what the
 * hub asks for. what: 1 the head, 2 the manifest, 4 the segment. */
static void send_catalog(uint8_t what, struct slice *in)
{
    struct buf lines, head, frame;
    struct head h = {.number = byte(in) % 4, .epoch = (uint64_t)(byte(in) & 3) << 32,
                     .usn = byte(in), .beat = byte(in) & 3, .interval = byte(in),
                     .live = byte(in), .flags = byte(in) == 1, .peak = 10};
    h.name = slice_of("Rogue");
    h.route_string = slice_of("rogue.example");
    struct slice segment = some(in);
    if (h.live == 0)
        digest(segment, &h);
    struct line line = {.size = (uint32_t)segment.n};
    segment_name(line.name, segment);
    buf_init(&lines, &mem, 4096);
    buf_init(&head, &mem, HEAD_MAX);
    buf_init(&frame, &mem, 1 << 16);
    manifest_line_put(&lines, &line);
    memcpy(h.key, rogue.key, KEY_SIZE);
    manifest_root(h.root, buf_slice(&lines));
    h.lines = 1;
    h.bytes = segment.n;
    head_put(&head, &h, rogue.secret);
    struct msg_head m = {.head = buf_slice(&head)};
    struct msg_manifest list = {.head = buf_slice(&head), .lines = buf_slice(&lines)};
    if (what & 1)
        msg_head_put(&frame, &m);
    if (what & 2)
        msg_manifest_put(&frame, &list);
    if (what & 4)
        frame_put(&frame, FRAME_SEGMENT, segment);
    send_any(buf_slice(&frame));
    buf_done(&lines);
    buf_done(&head);
    buf_done(&frame);
}

static void operate(struct slice *in)
{
    uint8_t op = byte(in);
    struct buf b;
    switch (op >> 4) {
    case 0x0: /* a frame: type, length, body */
    case 0x1:
    case 0x2:
        send_frame(op & 0x0f, some(in));
        break;
    case 0x3: /* an honest hello */
        buf_init(&b, &mem, HELLO_MAX);
        hello_body(&b);
        send_frame(FRAME_HELLO, buf_slice(&b));
        buf_done(&b);
        break;
    case 0x4: /* time */
        world_run(world, world->now + (tick)byte(in) * 20 * TICK_MS);
        break;
    case 0x5:
        down();
        break;
    case 0x6:
    case 0x7:
        send_catalog(op & 7, in);
        break;
    case 0x8: /* broken sealing */
        feed(some(in));
        break;
    case 0x9: { /* a slow or quick reader */
        struct ils_event event = {.type = ILS_EV_ROOM, .link = rogue.link,
                                  .pending = (size_t)byte(in) << 16};
        if (rogue.open)
            node_step(hub, &event);
        break;
    }
    default:
        send_any(some(in));
        break;
    }
}

static void judge(size_t clusters_before)
{
    struct arena arena;
    struct lookup l;
    struct view_cluster c;
    size_t clusters = 0;
    arena_init(&arena, &mem);
    plan_lookup_usn(view_plan(hub->ils), view_routes(hub->ils), &arena, slice_of(GOOD_ENTRY), &l);
    bool there = false;
    for (size_t i = 0; i < l.match_n; i++)
        there |= memcmp(l.match[i].key, good->key, KEY_SIZE) == 0 && l.match[i].usn == 1;
    arena_done(&arena);
    if (!there)
        fail("the good spoke's entry is gone or changed");
    while (view_cluster(hub->ils, clusters, &c))
        clusters++;
    if (clusters > clusters_before + (rogue.insider ? 1 : 0))
        fail("a cluster became known");
    if (net_count(&world->net, hub, good) != 1)
        fail("the good link is gone");
    if (world->broken[0] != 0)
        fail(world->broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    if (size == 0)
        return 0;
    if (mem.resize == NULL) {
        uint8_t seed[SEED_SIZE] = {42};
        mem = (struct mem){.resize = resize, .budget = SIZE_MAX};
        buf_init(&rogue.got, &mem, SIZE_MAX / 2);
        crypto_keypair(seed, rogue.key, rogue.secret);
    }
    if (runs++ % RESET_EVERY == 0)
        make_world();
    struct view_cluster c;
    size_t clusters = 0;
    while (view_cluster(hub->ils, clusters, &c))
        clusters++;
    rogue.insider = byte(&in) & 1;
    if (rogue.insider)
        become_insider();
    else
        accept_link();
    while (in.n > 0 && rogue.open)
        operate(&in);
    world_run(world, world->now + 10 * TICK_MS);
    judge(clusters);
    down();
    world_run(world, world->now + 10 * TICK_MS);
    buf_reset(&rogue.got);
    return 0;
}
