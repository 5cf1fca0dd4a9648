/* liar: see liar.h. */
#include "liar.h"

#include "base/rand.h"

uint64_t liar_mix(uint64_t usn)
{
    return mix64(usn);
}

void liar_pump(struct liar *l)
{
    for (;;) {
        struct rig_link *link = rig_link(l->core, l->id);
        size_t n = l->peer.out.n, came = link->out_n;
        if (n == 0 && came == 0)
            return;
        uint8_t *out = malloc(n + 1), *in = malloc(came + 1);
        if (n != 0)
            memcpy(out, l->peer.out.p, n);
        buf_reset(&l->peer.out);
        if (came != 0)
            memcpy(in, link->out, came);
        link->out_n = 0;
        for (size_t at = 0; at < n; at += 65536) /* as a socket gives it */
            rig_data(l->core, l->id, out + at, n - at < 65536 ? n - at : 65536);
        if (link->closed)
            buf_reset(&l->peer.out);
        peer_take(&l->peer, slice_make(in, came));
        free(out);
        free(in);
    }
}

void liar_marks(struct liar *l, const struct msg_mark *mark, size_t n)
{
    struct buf b;
    struct msg_mark copy[MARKS_PER_FRAME];
    struct msg_marks m = {.mark = copy, .n = n, .last = true};
    if (n != 0)
        memcpy(copy, mark, n * sizeof *mark);
    buf_init(&b, l->peer.mem, SIZE_MAX);
    msg_marks_put(&b, &m);
    peer_send(&l->peer, &b);
    buf_done(&b);
}

static struct test_mem outside; /* the liar's memory is not the core's */

void liar_join(struct liar *l, struct rig *core, uint64_t seed, const char *ip,
               const uint8_t stretched[32])
{
    void (*frame)(struct peer_end *, uint8_t, struct slice) = l->peer.frame;
    if (outside.mem.resize == NULL)
        test_mem_init(&outside, 0);
    l->core = core;
    l->id = rig_accept(core, ip);
    peer_init(&l->peer, &outside.mem, seed, stretched, true);
    l->peer.frame = frame;
    l->peer.context = l;
    peer_hello(&l->peer);
    liar_pump(l);
    if (!l->peer.up)
        return;
    liar_marks(l, NULL, 0);
    liar_pump(l);
}

void liar_done(struct liar *l)
{
    peer_done(&l->peer);
}

bool liar_linked(const struct liar *l)
{
    return l->peer.up && !rig_link(l->core, l->id)->closed;
}

void liar_head_of(struct liar *l, struct head h, struct slice lines, struct buf *ret)
{
    memcpy(h.key, l->peer.key, KEY_SIZE);
    manifest_root(h.root, lines);
    if (h.interval == 0)
        h.interval = 10;
    if (h.name.n == 0)
        h.name = slice_of("liar");
    head_put(ret, &h, l->peer.secret);
}

void liar_head(struct liar *l, struct head h, struct slice lines)
{
    struct buf head, b;
    buf_init(&head, l->peer.mem, SIZE_MAX);
    buf_init(&b, l->peer.mem, SIZE_MAX);
    liar_head_of(l, h, lines, &head);
    struct msg_head m = {.head = buf_slice(&head)};
    msg_head_put(&b, &m);
    peer_send(&l->peer, &b);
    buf_done(&head);
    buf_done(&b);
}

void liar_manifest(struct liar *l, struct slice head, struct slice lines)
{
    struct buf b;
    buf_init(&b, l->peer.mem, SIZE_MAX);
    for (size_t at = 0; at == 0 || at < lines.n; at += (size_t)LINES_PER_FRAME * LINE_SIZE) {
        size_t n = lines.n - at < (size_t)LINES_PER_FRAME * LINE_SIZE
                       ? lines.n - at : (size_t)LINES_PER_FRAME * LINE_SIZE;
        struct msg_manifest m = {.head = head, .first = (uint32_t)(at / LINE_SIZE),
                                 .lines = n == 0 ? lines : slice_make(lines.p + at, n)};
        msg_manifest_put(&b, &m);
    }
    peer_send(&l->peer, &b);
    buf_done(&b);
}

void liar_line(struct buf *lines, struct slice segment)
{
    struct line line = {.size = (uint32_t)segment.n};
    segment_name(line.name, segment);
    manifest_line_put(lines, &line);
}

static void usn_record(struct buf *b, uint64_t usn)
{
    uint8_t n = 1;
    for (uint64_t v = usn; v >= 0x80; v >>= 7)
        n++;
    buf_put_u8(b, RECORD_USN);
    buf_put_u8(b, n);
    buf_put_varint(b, usn);
}

void liar_field(struct buf *segment, uint64_t usn, const char *name, struct slice value)
{
    struct slice key = slice_of(name);
    usn_record(segment, usn);
    buf_put_u8(segment, RECORD_PUT_VALUE | ENTRY_FIELD);
    buf_put_u8(segment, (uint8_t)(2 + value.n + key.n));
    buf_put_u16(segment, (uint16_t)value.n);
    buf_put_slice(segment, value);
    buf_put_slice(segment, key);
}

void liar_roster(struct buf *segment, uint64_t usn, const uint8_t *keys, size_t n)
{
    usn_record(segment, usn);
    for (size_t i = 0; i < n; i++) {
        buf_put_u8(segment, RECORD_PUT | ENTRY_ROSTER);
        buf_put_u8(segment, KEY_SIZE);
        buf_put(segment, keys + i * KEY_SIZE, KEY_SIZE);
    }
}

void liar_padding(struct buf *segment, uint64_t usn, size_t n, uint32_t salt)
{
    uint8_t note[256] = {0};
    memcpy(note, &salt, sizeof salt);
    usn_record(segment, usn);
    while (segment->n + 102 <= n) {
        buf_put_u8(segment, RECORD_NOTE);
        buf_put_u8(segment, 100);
        buf_put(segment, note, 100);
    }
}
