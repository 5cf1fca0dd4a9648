/* What a member that lies could once do, one test each: stop an origin from writing, fill memory,
 * store and tables, let answers pile up, move a reader's terminal. */
#include <stdio.h>

#include "core/core.h"
#include "liar.h"

static struct rig core;
static struct liar liar;
static uint8_t key[32];

static void start(size_t budget)
{
    crypto_hash1(key, "test", slice_of("secret"));
    rig_init(&core, 5, budget);
    rig_hub(&core, "hub", key);
    liar_join(&liar, &core, 1, "198.51.100.1", key);
    assert_true(liar_linked(&liar));
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

static void add_alice(void)
{
    struct change change = {.put = true, .kind = ENTRY_URI, .user = slice_of("alice"),
                            .domain = slice_of("hub.example")};
    rig_command(&core, (struct command){.type = COMMAND_PLAN, .change = &change, .change_n = 1,
                                        .source = slice_of("test")});
}

/* Serves whatever the core asks for of n segments of padding, as an origin would. */
static uint32_t padding_first;
static void serve_padding(struct peer_end *p, uint8_t type, struct slice body)
{
    if (type != FRAME_SEGMENT_REQUEST)
        return;
    struct arena a;
    struct msg_segment_request m;
    arena_init(&a, p->mem);
    if (msg_segment_request_get(&a, body, &m) == 0) {
        struct buf segment;
        uint8_t name[HASH_SIZE];
        buf_init(&segment, p->mem, SIZE_MAX);
        for (uint32_t i = 0; i < 4096; i++) { /* in order, so this is short */
            buf_reset(&segment);
            liar_padding(&segment, 1, SEGMENT_MAX, padding_first);
            segment_name(name, buf_slice(&segment));
            if (memcmp(name, m.name, HASH_SIZE) == 0)
                break;
            padding_first++;
        }
        peer_frame(p, FRAME_SEGMENT, buf_slice(&segment));
        buf_done(&segment);
    }
    arena_done(&a);
}

/* Announces n segments of padding and serves them; the digest is wrong by `off`. */
static void padding_catalog(uint64_t usn, uint32_t first, uint32_t n, uint64_t off)
{
    struct buf lines = bytes(), segment = bytes(), head = bytes();
    for (uint32_t i = 0; i < n; i++) {
        buf_reset(&segment);
        liar_padding(&segment, 1, SEGMENT_MAX, first + i);
        liar_line(&lines, buf_slice(&segment));
    }
    struct head h = {.number = 1, .epoch = 1, .usn = usn, .lines = n,
                     .bytes = (uint64_t)n * segment.n, .live = off};
    padding_first = first;
    liar.peer.frame = serve_padding;
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_pump(&liar);
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    liar_pump(&liar);
    buf_done(&lines);
    buf_done(&segment);
    buf_done(&head);
}

/* Marks are not signed: one of the hub's own stream, above its own, does not stop its writing. */
static void marks_of_my_own_stream(void **state)
{
    (void)state;
    start(SIZE_MAX);
    add_alice();
    assert_int_equal(core.reply, REPLY_OK);
    struct msg_mark mark = {.number = 1, .epoch = UINT64_MAX, .usn = UINT64_MAX};
    memcpy(mark.key, core.ils->key, KEY_SIZE);
    liar_marks(&liar, &mark, 1);
    liar_pump(&liar);
    rig_down(&core, liar.id);
    rig_pass(&core, 60 * TICK_S);
    struct change change = {.put = true, .kind = ENTRY_URI, .user = slice_of("bob"),
                            .domain = slice_of("hub.example")};
    rig_command(&core, (struct command){.type = COMMAND_PLAN, .change = &change, .change_n = 1,
                                        .source = slice_of("test")});
    rig_pass(&core, 60 * TICK_S);
    assert_int_equal(core.reply, REPLY_OK);
}

/* A neighbour says which of the hub's own plan it has, so many epochs above. */
static void mark_above(struct liar *l, uint64_t epochs)
{
    struct msg_mark mark = {.number = STREAM_PLAN, .usn = 1,
                            .epoch = core.ils->own->head.epoch + (epochs << 32)};
    memcpy(mark.key, core.ils->key, KEY_SIZE);
    liar_marks(l, &mark, 1);
    liar_pump(l);
}

/* While one neighbour is asked for a newer plan of the hub's own, another tells of one above even
 * that: it is asked when the operator has decided about the first. */
static void word_that_came_meanwhile(void **state)
{
    (void)state;
    struct liar other = {0};
    start(SIZE_MAX);
    liar_join(&other, &core, 2, "198.51.100.2", key);
    add_alice();
    uint64_t epoch = core.ils->own->head.epoch;
    mark_above(&liar, 1);
    mark_above(&other, 5);
    assert_int_equal(liar.peer.got[FRAME_MANIFEST_REQUEST], 1);
    assert_int_equal(other.peer.got[FRAME_MANIFEST_REQUEST], 0);
    struct liar mine = liar;
    struct buf head = bytes();
    memcpy(mine.peer.key, core.ils->key, KEY_SIZE);
    memcpy(mine.peer.secret, core.ils->secret, SECRET_SIZE);
    liar_head_of(&mine, (struct head){.number = STREAM_PLAN, .usn = 1,
                                      .epoch = epoch + (UINT64_C(1) << 32)},
                 slice_make(NULL, 0), &head);
    liar_manifest(&liar, buf_slice(&head), slice_make(NULL, 0));
    liar_pump(&liar);
    assert_true(core.ils->own->rolled_back);
    assert_int_equal(rig_command(&core, (struct command){.type = COMMAND_RESTORE}), REPLY_OK);
    liar_pump(&other);
    assert_true(core.ils->own->head.epoch >> 32 == (epoch >> 32) + 2);
    assert_int_equal(other.peer.got[FRAME_MANIFEST_REQUEST], 1);
    assert_int_equal(liar.peer.got[FRAME_MANIFEST_REQUEST], 1);
    buf_done(&head);
    liar_done(&other);
}

/* Sizes in a list, and the count of a head, are not taken at their word. */
static void index_for_what_is_only_announced(void **state)
{
    (void)state;
    start((size_t)256 << 20);
    struct buf lines = bytes(), head = bytes();
    uint8_t line[LINE_BYTES] = {0x03, 0x80, 0, 0, 1}; /* 56 MiB in one segment */
    buf_put(&lines, line, sizeof line);
    struct head h = {.number = 1, .epoch = 1, .usn = 1, .lines = 1, .bytes = 60000,
                     .live = UINT64_C(1) << 32};
    size_t before = core.mem.mem.used;
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    liar_pump(&liar);
    printf("# one head and a list of one line: %zu MiB\n", (core.mem.mem.used - before) >> 20);
    buf_done(&lines);
    buf_done(&head);
    assert_true(core.mem.mem.used - before < (16 << 20));
}

/* A member fills the memory of the hub with padding, up to its quota. */
static void memory_filled_with_padding(void **state)
{
    (void)state;
    start((size_t)64 << 20);
    uint32_t n = 30, step = 30;
    for (uint64_t usn = 1; step > 0 && !core.dead && liar_linked(&liar); usn++) {
        padding_catalog(usn, 0, n, 0);
        const struct stream *s = stream_find(core.ils, liar.peer.key, 1);
        if (s->head.usn != usn) {
            n -= step;
            step /= 2;
        }
        n += step;
    }
    printf("# %u segments: %zu KiB in use%s\n", n, core.mem.mem.used >> 10,
           core.dead ? ", the core gave up" : "");
    assert_false(core.dead);
    struct liar fresh = {0};
    liar_join(&fresh, &core, 77, "198.51.100.77", key);
    bool joined = liar_linked(&fresh);
    printf("# another cluster %s%s\n", joined ? "joins" : "cannot join",
           core.dead ? ", the core gave up" : "");
    liar_done(&fresh);
    assert_false(core.dead);
    assert_true(joined);
}

/* Segments of heads that never come to be served leave the store again. */
static void rows_of_abandoned_heads(void **state)
{
    (void)state;
    start(SIZE_MAX);
    uint64_t before = core.row_bytes;
    size_t rows = core.rows;
    for (uint32_t i = 0; i < 10; i++)
        padding_catalog(i + 1, 1000 * i, 16, 1);
    printf("# 10 heads whose digest is wrong: %zu rows, %llu KiB stored on the way\n",
           core.rows - rows, (unsigned long long)(core.row_bytes - before) >> 10);
    assert_true(core.rows - rows < 40);
}

/* A spoke that calls itself a hub lists puppets: no more of them count than a roster holds. */
static uint8_t puppet_key[300][KEY_SIZE], puppet_secret[300][SECRET_SIZE];
static void serve_one(struct peer_end *p, uint8_t type, struct slice body)
{
    (void)body;
    if (type == FRAME_SEGMENT_REQUEST)
        peer_frame(p, FRAME_SEGMENT, buf_slice(p->context));
}

static void say_stream(struct liar *as, struct buf *segment, uint64_t number, uint64_t live,
                       uint64_t sum)
{
    struct buf lines = bytes(), head = bytes();
    liar_line(&lines, buf_slice(segment));
    struct head h = {.number = number, .epoch = 1, .usn = live, .lines = 1, .bytes = segment->n,
                     .live = live, .sum = sum};
    struct buf b = bytes();
    liar_head_of(as, h, buf_slice(&lines), &head);
    struct msg_head m = {.head = buf_slice(&head)};
    msg_head_put(&b, &m);
    liar.peer.frame = serve_one;
    liar.peer.context = segment;
    peer_send(&liar.peer, &b);
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    liar_pump(&liar);
    buf_done(&lines);
    buf_done(&head);
    buf_done(&b);
}

static void roster_of_puppets(void **state)
{
    (void)state;
    start(SIZE_MAX);
    struct buf segment = bytes();
    struct liar fresh = {0};
    uint64_t sum = liar_mix(1);
    for (uint16_t i = 0; i < 300; i++) {
        uint8_t seed[SEED_SIZE] = {9, (uint8_t)i, (uint8_t)(i >> 8)};
        crypto_keypair(seed, puppet_key[i], puppet_secret[i]);
        sum += liar_mix(i + 2u);
    }
    liar_field(&segment, 1, "role", slice_of("1"));
    for (size_t i = 0; i < 300; i++) {
        buf_put_u8(&segment, RECORD_PUT | ENTRY_ROSTER);
        buf_put_u8(&segment, KEY_SIZE);
        buf_put(&segment, puppet_key[i], KEY_SIZE);
    }
    say_stream(&liar, &segment, 0, 301, sum);
    for (size_t i = 0; i < 300; i++) {
        struct liar puppet = liar;
        memcpy(puppet.peer.key, puppet_key[i], KEY_SIZE);
        memcpy(puppet.peer.secret, puppet_secret[i], SECRET_SIZE);
        buf_reset(&segment);
        liar_field(&segment, 1, "role", slice_of("2"));
        say_stream(&puppet, &segment, 0, 1, liar_mix(1));
    }
    buf_done(&segment);
    printf("# %zu peers, %zu streams after one liar\n", core.ils->peer_n, core.ils->stream_n);
    liar_join(&fresh, &core, 77, "198.51.100.77", key);
    bool joined = liar_linked(&fresh);
    liar_done(&fresh);
    assert_true(joined);
}

/* n questions for the one segment of the liar's own plan, in one piece. */
static void ask_often(int n)
{
    padding_catalog(1, 0, 1, 0);
    struct stream *s = stream_find(core.ils, liar.peer.key, 1);
    assert_true(stream_held(s));
    struct line line;
    manifest_line(catalog_lines(s->catalog), 0, &line);
    struct msg_segment_request m = {.number = 1, .has_name = true};
    memcpy(m.key, liar.peer.key, KEY_SIZE);
    memcpy(m.name, line.name, HASH_SIZE);
    struct buf b = bytes();
    for (int i = 0; i < n; i++)
        msg_segment_request_put(&b, &m);
    core.forget = core.unread = true;
    core.mem.mem.peak = core.mem.mem.used;
    peer_send(&liar.peer, &b);
    buf_done(&b);
    rig_data(&core, liar.id, liar.peer.out.p, liar.peer.out.n);
}

/* Requests without reading: the answers do not pile up; more than 64 at once nobody may ask for. */
static void requests_without_reading(void **state)
{
    (void)state;
    start(SIZE_MAX);
    size_t before = core.mem.mem.used;
    ask_often(850);
    printf("# 850 requests: %zu KiB in the core\n", (core.mem.mem.peak - before) >> 10);
    assert_true(core.mem.mem.peak - before < (2 << 20));
    assert_int_equal(core.ended, CODE_PROTOCOL);
    assert_true(rig_link(&core, liar.id)->closed);
}

/* A member of a herd asks for as much as it may: little of it is on the way at any time, each time
 * there is room more follows, and in the end all of it has come. */
static void questions_wait_for_room(void **state)
{
    (void)state;
    start(SIZE_MAX);
    ask_often(REQUESTS_MAX);
    struct rig_link *l = rig_link(&core, liar.id);
    size_t most = ANSWERED_UNSENT + SEGMENT_MAX + 4096, came = 0, rounds = 0;
    while (l->pending != 0) {
        assert_true(l->pending < most && !l->closed);
        came += l->pending;
        rounds++;
        l->pending = 0;
        rig_step(&core, (struct ils_event){.type = ILS_EV_ROOM, .link = liar.id, .pending = 0});
    }
    printf("# %zu KiB in %zu pieces\n", came >> 10, rounds);
    assert_true(came > REQUESTS_MAX * (SEGMENT_MAX - 4096) && came < 5 << 20);
    assert_true(rounds >= REQUESTS_MAX / 3);
    assert_true(rig_link(&core, liar.id)->closed == false);
}

/* A delta with its segments in another order than its lines: each is stored under its own name. */
static void delta_in_another_order(void **state)
{
    (void)state;
    start(SIZE_MAX);
    struct buf lines = bytes(), head = bytes(), b = bytes();
    struct buf segment[3] = {bytes(), bytes(), bytes()};
    struct msg_line add[2];
    for (uint32_t i = 0; i < 3; i++)
        liar_padding(&segment[i], 1, 500, i);
    padding_first = 0;
    liar.peer.frame = serve_one;
    liar.peer.context = &segment[0];
    liar_line(&lines, buf_slice(&segment[0]));
    struct head h = {.number = 1, .epoch = 1, .usn = 1, .lines = 1, .bytes = segment[0].n};
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    liar_pump(&liar);
    struct msg_head m = {.has_delta = true, .add = add, .add_n = 2, .segment_n = 2};
    manifest_root(m.base, buf_slice(&lines));
    for (uint32_t i = 1; i < 3; i++) {
        liar_line(&lines, buf_slice(&segment[i]));
        add[i - 1].size = (uint32_t)segment[i].n;
        segment_name(add[i - 1].name, buf_slice(&segment[i]));
    }
    struct slice swapped[2] = {buf_slice(&segment[2]), buf_slice(&segment[1])};
    m.segment = swapped;
    buf_reset(&head);
    h.usn = 2;
    h.lines = 3;
    h.bytes += 2 * segment[1].n;
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    m.head = buf_slice(&head);
    msg_head_put(&b, &m);
    peer_send(&liar.peer, &b);
    uint64_t before = core.row_bytes;
    liar_pump(&liar);
    const struct stream *s = stream_find(core.ils, liar.peer.key, 1);
    assert_int_equal(s->head.usn, 2);
    uint64_t stored = core.row_bytes - before, due = 2 * segment[1].n + 4 + head.n + 3 * LINE_BYTES;
    printf("# %llu bytes are stored of %llu\n", (unsigned long long)stored,
           (unsigned long long)due);
    for (int i = 0; i < 3; i++)
        buf_done(&segment[i]);
    buf_done(&lines);
    buf_done(&head);
    buf_done(&b);
    assert_int_equal(stored, due);
}

/* A delta that does not give the signed list comes while an older list is being fetched: the list
 * of the newer head is asked for, and the older one is never served under its name. */
static void delta_that_leads_elsewhere(void **state)
{
    (void)state;
    start(SIZE_MAX);
    struct buf lines = bytes(), head = bytes(), b = bytes(), one = bytes(), two = bytes();
    liar_padding(&one, 1, 500, 0);
    liar_padding(&two, 1, 500, 1);
    liar.peer.frame = serve_one;
    liar.peer.context = &one;
    liar_line(&lines, buf_slice(&one));
    struct head h = {.number = 1, .epoch = 1, .usn = 1, .lines = 1, .bytes = one.n};
    struct msg_head m = {.has_delta = true, .add_n = 1};
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    liar_pump(&liar);
    const struct stream *s = stream_find(core.ils, liar.peer.key, 1);
    assert_int_equal(s->head.usn, 1);
    manifest_root(m.base, buf_slice(&lines));
    liar.peer.frame = NULL; /* the second segment does not come */
    liar_line(&lines, buf_slice(&two));
    h.usn = h.lines = 2;
    h.bytes += two.n;
    buf_reset(&head);
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    liar_head(&liar, h, buf_slice(&lines));
    liar_manifest(&liar, buf_slice(&head), buf_slice(&lines));
    liar_pump(&liar);
    assert_int_equal(s->fetch, FETCH_SEGMENTS);
    struct msg_line wrong = {.size = (uint32_t)two.n, .name = {1}};
    uint8_t swapped[2 * LINE_BYTES]; /* the list that is signed */
    memcpy(swapped, lines.p + LINE_BYTES, LINE_BYTES);
    memcpy(swapped + LINE_BYTES, lines.p, LINE_BYTES);
    h.usn = 3;
    buf_reset(&head);
    liar_head_of(&liar, h, slice_make(swapped, sizeof swapped), &head);
    m.head = buf_slice(&head);
    m.add = &wrong;
    msg_head_put(&b, &m);
    peer_send(&liar.peer, &b);
    liar_pump(&liar);
    assert_int_equal(s->fetch, FETCH_MANIFEST);
    peer_frame(&liar.peer, FRAME_SEGMENT, buf_slice(&two));
    liar_pump(&liar);
    assert_int_equal(s->head.usn, 1);
    liar_manifest(&liar, buf_slice(&head), slice_make(swapped, sizeof swapped));
    liar_pump(&liar);
    assert_int_equal(s->head.usn, 3);
    buf_done(&lines);
    buf_done(&head);
    buf_done(&b);
    buf_done(&one);
    buf_done(&two);
}

/* What a cluster says of itself is shown to people: no byte of it may move their terminal. */
static void control_bytes_in_names(void **state)
{
    (void)state;
    static const char evil[] = "\x1b[2J\r\nall is well";
    start(SIZE_MAX);
    struct buf segment = bytes();
    liar_field(&segment, 1, "cluster_id", slice_of(evil));
    say_stream(&liar, &segment, 0, 1, liar_mix(1));
    buf_done(&segment);
    assert_true(stream_held(stream_find(core.ils, liar.peer.key, 0)));
    struct view_cluster c;
    for (size_t i = 0; view_cluster(core.ils, i, &c); i++)
        for (size_t k = 0; k < c.cluster_id.n; k++)
            assert_true(c.cluster_id.p[k] >= 0x20);
}

/* A goodbye before the proof that speaks of success does not make a join look well. */
static void goodbye_that_says_joined(void **state)
{
    (void)state;
    struct rig spoke;
    struct buf b;
    start(SIZE_MAX);
    rig_init(&spoke, 9, SIZE_MAX);
    rig_spoke(&spoke, "spoke", key);
    uint32_t id = rig_connected(&spoke, "192.0.2.1");
    b = bytes();
    msg_goodbye_put(&b, &(struct msg_goodbye){.code = CODE_JOINED});
    rig_data(&spoke, id, b.p, b.n);
    assert_int_equal(spoke.verdicts, 1);
    assert_int_equal(spoke.verdict.code, CODE_PROTOCOL);
    buf_done(&b);
    rig_done(&spoke);
}

/* Heads that nobody signed. */
static void slots_for_nothing(void **state)
{
    (void)state;
    start(SIZE_MAX);
    size_t before = core.ils->stream_n;
    for (uint64_t i = 0; i < 50; i++) {
        struct buf head = bytes(), b = bytes();
        struct head h = {.number = i % 5 == 0 ? 2 + i : i % 2, .epoch = 1, .usn = 1};
        liar_head_of(&liar, h, slice_make(NULL, 0), &head);
        head.p[head.n - 1] ^= 1;
        struct msg_head m = {.head = buf_slice(&head)};
        msg_head_put(&b, &m);
        peer_send(&liar.peer, &b);
        liar_pump(&liar);
        buf_done(&head);
        buf_done(&b);
    }
    assert_true(liar_linked(&liar));
    assert_int_equal(core.ils->stream_n, before);
}

/* One neighbour claims to hold more of my own catalog, and goes; another one has it as I do. */
static void claim_that_is_not_proved(void **state)
{
    (void)state;
    struct liar other = {0};
    struct stream *own;
    start(SIZE_MAX);
    add_alice();
    own = core.ils->own;
    own->wanted = own->head; /* as after a start */
    liar_join(&other, &core, 2, "198.51.100.2", key);
    struct msg_mark mark = {.number = 1, .epoch = own->head.epoch, .usn = own->head.usn};
    memcpy(mark.key, core.ils->key, KEY_SIZE);
    memcpy(mark.root, own->head.root, HASH_SIZE);
    liar_marks(&other, &mark, 1);
    liar_pump(&other);
    mark.usn++;
    liar_marks(&liar, &mark, 1);
    liar_pump(&liar);
    rig_down(&core, liar.id);
    assert_false(core.dead);
    assert_int_equal(own->fetch, FETCH_NONE);
    liar_done(&other);
}

/* A segment comes, is stored, and given up in the same step: the row has its bytes. */
static void segment_given_up_at_once(void **state)
{
    (void)state;
    start(SIZE_MAX);
    padding_catalog(1, 0, 1, 1); /* the digest is not what the segment says */
    const struct stream *s = stream_find(core.ils, liar.peer.key, 1);
    assert_true(s->digest_differs);
}

/* A change whose segment must be asked for is overtaken by a newer head: what is relayed with the
 * newer head is not the former change. */
static void change_that_is_overtaken(void **state)
{
    (void)state;
    start(SIZE_MAX);
    padding_catalog(1, 0, 1, 0);
    struct stream *s = stream_find(core.ils, liar.peer.key, 1);
    assert_int_equal(s->head.usn, 1);
    struct buf lines = bytes(), head = bytes(), b = bytes(), segment = bytes();
    struct msg_line add;
    liar_padding(&segment, 1, SEGMENT_MAX, 0);
    liar_line(&lines, buf_slice(&segment));
    struct head h = {.number = 1, .epoch = 1, .usn = 2, .lines = 2, .bytes = 2 * segment.n};
    struct msg_head m = {.has_delta = true, .add = &add, .add_n = 1};
    manifest_root(m.base, buf_slice(&lines));
    buf_reset(&segment);
    liar_padding(&segment, 1, SEGMENT_MAX, 1);
    liar_line(&lines, buf_slice(&segment));
    add.size = (uint32_t)segment.n;
    segment_name(add.name, buf_slice(&segment));
    liar_head_of(&liar, h, buf_slice(&lines), &head);
    m.head = buf_slice(&head);
    msg_head_put(&b, &m);
    liar.peer.frame = NULL; /* does not answer */
    peer_send(&liar.peer, &b);
    liar_pump(&liar);
    assert_true(s->delta.n != 0);
    h.usn = 3;
    liar_head(&liar, h, buf_slice(&head)); /* of any other list */
    liar_pump(&liar);
    assert_int_equal(s->wanted.usn, 3);
    assert_int_equal(s->delta.n, 0);
    buf_done(&lines);
    buf_done(&head);
    buf_done(&b);
    buf_done(&segment);
}

static bool alarmed(enum alarm alarm)
{
    struct alarm_row row;
    for (size_t i = 0; view_alarm(core.ils, i, &row); i++)
        if (row.alarm == alarm && row.active)
            return true;
    return false;
}

/* One alarm for each of many addresses: the store keeps no more of them than memory does, and what
 * strangers raise does not push out what they did not. */
static void alarms_of_many_addresses(void **state)
{
    (void)state;
    start(SIZE_MAX);
    size_t before = core.rows;
    rig_command(&core, (struct command){.type = COMMAND_ALARM, .raise = true,
                                        .alarm = ILSTCPInUse, .subject = slice_of("7501")});
    for (uint32_t i = 0; i < 3 * ALARMS_MAX; i++) {
        char ip[] = "203.0.000.000";
        ip[6] = (char)('0' + i / 100 % 10);
        ip[7] = (char)('0' + i / 10 % 10);
        ip[8] = (char)('0' + i % 10);
        rig_command(&core, (struct command){.type = COMMAND_ALARM, .raise = true,
                                            .alarm = i % 2 == 0 ? ILSPwdAuthenticationFailed
                                                                : ILSTLSAuthenticationFailed,
                                            .subject = slice_of(ip)});
    }
    assert_true(alarmed(ILSTCPInUse) && alarmed(ILSTLSAuthenticationFailed));
    assert_true(core.rows - before <= ALARMS_MAX);
}

/* More clusters than can be advertised: the operator hears of it before, and when it is so. */
static void more_clusters_than_fit(void **state)
{
    (void)state;
    start(SIZE_MAX);
    for (uint64_t i = 1; i <= PEERS_MAX; i++) {
        struct liar one = {0};
        assert_int_equal(alarmed(ILSPeerLimitApproachingWarning), core.ils->peer_n >= PEERS_NEAR);
        liar_join(&one, &core, 5000 + i, "203.0.113.9", key);
        assert_int_equal(liar_linked(&one), i < PEERS_MAX);
        liar_done(&one);
    }
    assert_true(alarmed(ILSPeerLimitExceeded));
    assert_int_equal(core.ils->peer_n, PEERS_MAX);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(marks_of_my_own_stream),
        TEST(word_that_came_meanwhile),
        TEST(index_for_what_is_only_announced),
        TEST(memory_filled_with_padding),
        TEST(rows_of_abandoned_heads),
        TEST(roster_of_puppets),
        TEST(requests_without_reading),
        TEST(questions_wait_for_room),
        TEST(delta_in_another_order),
        TEST(delta_that_leads_elsewhere),
        TEST(control_bytes_in_names),
        TEST(goodbye_that_says_joined),
        TEST(slots_for_nothing),
        TEST(claim_that_is_not_proved),
        TEST(segment_given_up_at_once),
        TEST(change_that_is_overtaken),
        TEST(alarms_of_many_addresses),
        TEST(more_clusters_than_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
