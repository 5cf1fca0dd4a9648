/* msg: between the wire form of ils.proto and plain structs. Reading is protobuf-c's work, with the
 * arena as its allocator and a cap per message in front, since a small body can unpack into much
 * memory. Writing is by hand: the fields are few and go straight into the caller's buffer. */
#include "link/msg.h"

#include "link/frame.h"
#include "link/ils.pb-c.h"

#include <string.h>

/* Largest body that is unpacked at all: what an encoder writes, and room for later fields. */
#define SMALL_MAX    1024
#define MARKS_MAX    (MARKS_PER_FRAME * 128)
#define HEAD_MAX     (32 * 1024)
#define MANIFEST_MAX (72 * 1024)

/* Reading */

static void *arena_of_protobuf(void *context, size_t n)
{
    return arena_alloc(context, n);
}

static void arena_keeps(void *context, void *p)
{
    (void)context;
    (void)p;
}

static void *unpack(struct arena *a, const ProtobufCMessageDescriptor *what, struct slice body,
                    size_t max)
{
    static const uint8_t nothing[1];
    ProtobufCAllocator allocator = {arena_of_protobuf, arena_keeps, a};
    if (body.n > max)
        return NULL;
    return protobuf_c_message_unpack(what, &allocator, body.n, body.n > 0 ? body.p : nothing);
}

/* Copies a field that has one permitted length. */
static bool fixed_get(const ProtobufCBinaryData *field, uint8_t *dst, size_t n)
{
    if (field->len != n)
        return false;
    memcpy(dst, field->data, n);
    return true;
}

static struct slice bytes_get(const ProtobufCBinaryData *field)
{
    return slice_make(field->len > 0 ? field->data : NULL, field->len);
}

int msg_proof_get(struct arena *a, struct slice body, struct proof *ret)
{
    const Ils__Proof *m = unpack(a, &ils__proof__descriptor, body, SMALL_MAX);
    if (m == NULL || !fixed_get(&m->key, ret->key, KEY_SIZE) ||
        !fixed_get(&m->network, ret->network, NETWORK_ID_SIZE) ||
        !fixed_get(&m->signature, ret->signature, SIGNATURE_SIZE) ||
        m->cluster_id.len > PROOF_ID_MAX)
        return -1;
    ret->cluster_id_n = (uint8_t)m->cluster_id.len;
    if (ret->cluster_id_n != 0)
        memcpy(ret->cluster_id, m->cluster_id.data, ret->cluster_id_n);
    ret->boot = m->boot;
    ret->serial = m->serial;
    return 0;
}

static bool copy_get(const Ils__Goodbye *m, struct msg_goodbye *ret)
{
    memset(&ret->copy, 0, sizeof ret->copy);
    if (!fixed_get(&m->copy_binder, ret->copy_binder, HASH_SIZE) ||
        !fixed_get(&m->copy_network, ret->copy.network, NETWORK_ID_SIZE) ||
        !fixed_get(&m->copy_signature, ret->copy.signature, SIGNATURE_SIZE) ||
        m->copy_cluster_id.len > PROOF_ID_MAX)
        return false;
    ret->copy_dialler = m->copy_dialler;
    ret->copy.boot = m->copy_boot;
    ret->copy.serial = m->copy_serial;
    ret->copy.cluster_id_n = (uint8_t)m->copy_cluster_id.len;
    if (ret->copy.cluster_id_n != 0)
        memcpy(ret->copy.cluster_id, m->copy_cluster_id.data, ret->copy.cluster_id_n);
    return true;
}

int msg_goodbye_get(struct arena *a, struct slice body, struct msg_goodbye *ret)
{
    const Ils__Goodbye *m = unpack(a, &ils__goodbye__descriptor, body, SMALL_MAX);
    if (m == NULL)
        return -1;
    ret->code = m->code;
    ret->retry_after = m->retry_after;
    ret->generation = m->generation;
    ret->has_copy = m->copy_binder.len != 0;
    return !ret->has_copy || copy_get(m, ret) ? 0 : -1;
}

int msg_ready_get(struct arena *a, struct slice body, struct msg_ready *ret)
{
    const Ils__Ready *m = unpack(a, &ils__ready__descriptor, body, SMALL_MAX);
    if (m == NULL || m->n_certificate > READY_CERTIFICATES)
        return -1;
    *ret = (struct msg_ready){.n = m->n_certificate, .accept = m->accept};
    for (size_t i = 0; i < ret->n; i++) {
        const Ils__Certificate *c = m->certificate[i];
        if (!fixed_get(&c->fingerprint, ret->certificate[i].fingerprint, 32))
            return -1;
        ret->certificate[i].tls = c->tls;
        ret->certificate[i].tls_password = c->tls_password;
    }
    return 0;
}

int msg_marks_get(struct arena *a, struct slice body, struct msg_marks *ret)
{
    const Ils__Marks *m = unpack(a, &ils__marks__descriptor, body, MARKS_MAX);
    if (m == NULL || m->n_mark > MARKS_PER_FRAME)
        return -1;
    *ret = (struct msg_marks){.n = m->n_mark, .last = m->last};
    if (ret->n == 0)
        return 0;
    ret->mark = arena_alloc(a, ret->n * sizeof *ret->mark);
    if (ret->mark == NULL)
        return -1;
    for (size_t i = 0; i < ret->n; i++) {
        struct msg_mark *mark = &ret->mark[i];
        if (!fixed_get(&m->mark[i]->key, mark->key, KEY_SIZE) ||
            !fixed_get(&m->mark[i]->root, mark->root, HASH_SIZE))
            return -1;
        mark->number = m->mark[i]->number;
        mark->epoch = m->mark[i]->epoch;
        mark->usn = m->mark[i]->usn;
        mark->beat = m->mark[i]->beat;
    }
    return 0;
}

static int lines_get(struct arena *a, const Ils__Head *m, struct msg_head *ret)
{
    ret->drop_n = m->n_drop;
    ret->drop = m->drop; /* protobuf-c's array already lies in the arena */
    for (size_t i = 1; i < m->n_drop; i++) {
        if (m->drop[i] <= m->drop[i - 1])
            return -1;
    }
    ret->add_n = m->n_add;
    ret->add = m->n_add > 0 ? arena_alloc(a, m->n_add * sizeof *ret->add) : NULL;
    for (size_t i = 0; i < m->n_add; i++) {
        if (ret->add == NULL || !fixed_get(&m->add[i]->name, ret->add[i].name, HASH_SIZE))
            return -1;
        ret->add[i].size = m->add[i]->size;
    }
    return 0;
}

static int segments_get(struct arena *a, const Ils__Head *m, struct msg_head *ret)
{
    size_t total = 0;
    ret->segment_n = m->n_segment;
    if (m->n_segment == 0)
        return 0;
    ret->segment = arena_alloc(a, m->n_segment * sizeof *ret->segment);
    for (size_t i = 0; i < m->n_segment; i++) {
        total += m->segment[i].len;
        if (ret->segment == NULL || total > DELTA_BYTES_MAX)
            return -1;
        ret->segment[i] = bytes_get(&m->segment[i]);
    }
    return 0;
}

int msg_head_get(struct arena *a, struct slice body, struct msg_head *ret)
{
    const Ils__Head *m = unpack(a, &ils__head__descriptor, body, HEAD_MAX);
    if (m == NULL)
        return -1;
    *ret = (struct msg_head){.head = bytes_get(&m->head)};
    if (m->base_root.len == 0)
        return m->n_drop == 0 && m->n_add == 0 && m->n_segment == 0 ? 0 : -1;
    ret->has_delta = true;
    if (m->n_drop > DELTA_LINES_MAX || m->n_add > DELTA_LINES_MAX ||
        (m->n_segment != 0 && m->n_segment != m->n_add) ||
        !fixed_get(&m->base_root, ret->base, HASH_SIZE) || lines_get(a, m, ret) != 0)
        return -1;
    return segments_get(a, m, ret);
}

int msg_manifest_request_get(struct arena *a, struct slice body, struct msg_manifest_request *ret)
{
    const Ils__ManifestRequest *m = unpack(a, &ils__manifest_request__descriptor, body, SMALL_MAX);
    if (m == NULL || !fixed_get(&m->key, ret->key, KEY_SIZE))
        return -1;
    ret->number = m->number;
    ret->first = m->first;
    return 0;
}

int msg_manifest_get(struct arena *a, struct slice body, struct msg_manifest *ret)
{
    const Ils__Manifest *m = unpack(a, &ils__manifest__descriptor, body, MANIFEST_MAX);
    if (m == NULL || m->lines.len % LINE_SIZE != 0 || m->lines.len > LINES_PER_FRAME * LINE_SIZE)
        return -1;
    *ret = (struct msg_manifest){bytes_get(&m->head), m->first, bytes_get(&m->lines)};
    return 0;
}

int msg_segment_request_get(struct arena *a, struct slice body, struct msg_segment_request *ret)
{
    const Ils__SegmentRequest *m = unpack(a, &ils__segment_request__descriptor, body, SMALL_MAX);
    if (m == NULL || !fixed_get(&m->key, ret->key, KEY_SIZE) ||
        !fixed_get(&m->name, ret->name, HASH_SIZE))
        return -1;
    ret->number = m->number;
    ret->has_name = true;
    return 0;
}

int msg_gone_get(struct arena *a, struct slice body, struct msg_segment_request *ret)
{
    const Ils__Gone *m = unpack(a, &ils__gone__descriptor, body, SMALL_MAX);
    if (m == NULL || !fixed_get(&m->key, ret->key, KEY_SIZE))
        return -1;
    ret->number = m->number;
    ret->has_name = m->name.len != 0;
    memset(ret->name, 0, HASH_SIZE);
    return !ret->has_name || fixed_get(&m->name, ret->name, HASH_SIZE) ? 0 : -1;
}

/* Writing: fields in ascending order, zeros and empty bytes left out, as proto3 has it. */

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

static void tag_put(struct buf *b, unsigned field, enum wire wire)
{
    buf_put_u8(b, (uint8_t)(field << 3 | (unsigned)wire));
}

static void varint_put(struct buf *b, unsigned field, uint64_t v)
{
    if (v == 0)
        return;
    tag_put(b, field, WIRE_VARINT);
    buf_put_varint(b, v);
}

static void fixed64_put(struct buf *b, unsigned field, uint64_t v)
{
    if (v == 0)
        return;
    tag_put(b, field, WIRE_FIXED64);
    for (unsigned i = 0; i < 8; i++)
        buf_put_u8(b, (uint8_t)(v >> (8 * i)));
}

/* Elements of a repeated field are written even when empty: their place counts. */
static void element_put(struct buf *b, unsigned field, struct slice s)
{
    tag_put(b, field, WIRE_BYTES);
    buf_put_varint(b, s.n);
    buf_put_slice(b, s);
}

static void bytes_put(struct buf *b, unsigned field, const void *p, size_t n)
{
    if (n > 0)
        element_put(b, field, slice_make(p, n));
}

/* A message inside a message, under 128 bytes: its length is one byte, filled in at the end. */
static size_t inner_begin(struct buf *b, unsigned field)
{
    tag_put(b, field, WIRE_BYTES);
    buf_put_u8(b, 0);
    return b->n;
}

static void inner_end(struct buf *b, size_t at)
{
    if (!b->failed)
        b->p[at - 1] = (uint8_t)(b->n - at);
}

void msg_proof_put(struct buf *b, const struct proof *m)
{
    size_t at = frame_begin(b, FRAME_PROOF);
    bytes_put(b, 1, m->key, KEY_SIZE);
    bytes_put(b, 2, m->network, NETWORK_ID_SIZE);
    fixed64_put(b, 3, m->boot);
    fixed64_put(b, 4, m->serial);
    bytes_put(b, 5, m->signature, SIGNATURE_SIZE);
    bytes_put(b, 6, m->cluster_id, m->cluster_id_n);
    frame_end(b, at);
}

void msg_goodbye_put(struct buf *b, const struct msg_goodbye *m)
{
    size_t at = frame_begin(b, FRAME_GOODBYE);
    varint_put(b, 1, m->code);
    varint_put(b, 2, m->retry_after);
    if (m->has_copy) {
        bytes_put(b, 3, m->copy_binder, HASH_SIZE);
        varint_put(b, 4, m->copy_dialler);
        fixed64_put(b, 5, m->copy.boot);
        fixed64_put(b, 6, m->copy.serial);
        bytes_put(b, 7, m->copy.signature, SIGNATURE_SIZE);
        bytes_put(b, 8, m->copy.network, NETWORK_ID_SIZE);
        bytes_put(b, 9, m->copy.cluster_id, m->copy.cluster_id_n);
    }
    varint_put(b, 10, m->generation);
    frame_end(b, at);
}

void msg_marks_put(struct buf *b, const struct msg_marks *m)
{
    size_t at = frame_begin(b, FRAME_MARKS);
    if (m->n > MARKS_PER_FRAME)
        b->failed = true;
    for (size_t i = 0; i < m->n && !b->failed; i++) {
        const struct msg_mark *mark = &m->mark[i];
        size_t inner = inner_begin(b, 1);
        bytes_put(b, 1, mark->key, KEY_SIZE);
        varint_put(b, 2, mark->number);
        fixed64_put(b, 3, mark->epoch);
        varint_put(b, 4, mark->usn);
        varint_put(b, 5, mark->beat);
        bytes_put(b, 6, mark->root, HASH_SIZE);
        inner_end(b, inner);
    }
    varint_put(b, 2, m->last);
    frame_end(b, at);
}

static void drop_put(struct buf *b, const struct msg_head *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->drop_n; i++) {
        n++;
        for (uint32_t v = m->drop[i]; v >= 0x80; v >>= 7)
            n++;
    }
    if (n == 0)
        return;
    tag_put(b, 3, WIRE_BYTES);
    buf_put_varint(b, n);
    for (size_t i = 0; i < m->drop_n; i++)
        buf_put_varint(b, m->drop[i]);
}

static bool delta_fits(const struct msg_head *m)
{
    size_t bytes = 0;
    for (size_t i = 0; i < m->segment_n && bytes <= DELTA_BYTES_MAX; i++)
        bytes += m->segment[i].n;
    return m->drop_n <= DELTA_LINES_MAX && m->add_n <= DELTA_LINES_MAX &&
           (m->segment_n == 0 || m->segment_n == m->add_n) && bytes <= DELTA_BYTES_MAX;
}

void msg_head_put(struct buf *b, const struct msg_head *m)
{
    size_t at = frame_begin(b, FRAME_HEAD);
    bytes_put(b, 1, m->head.p, m->head.n);
    if (m->has_delta && !delta_fits(m))
        b->failed = true;
    if (m->has_delta && !b->failed) {
        bytes_put(b, 2, m->base, HASH_SIZE);
        drop_put(b, m);
        for (size_t i = 0; i < m->add_n; i++) {
            size_t inner = inner_begin(b, 4);
            varint_put(b, 1, m->add[i].size);
            bytes_put(b, 2, m->add[i].name, HASH_SIZE);
            inner_end(b, inner);
        }
        for (size_t i = 0; i < m->segment_n; i++)
            element_put(b, 5, m->segment[i]);
    }
    frame_end(b, at);
}

void msg_manifest_request_put(struct buf *b, const struct msg_manifest_request *m)
{
    size_t at = frame_begin(b, FRAME_MANIFEST_REQUEST);
    bytes_put(b, 1, m->key, KEY_SIZE);
    varint_put(b, 2, m->number);
    varint_put(b, 3, m->first);
    frame_end(b, at);
}

void msg_manifest_put(struct buf *b, const struct msg_manifest *m)
{
    size_t at = frame_begin(b, FRAME_MANIFEST);
    if (m->lines.n % LINE_SIZE != 0 || m->lines.n > LINES_PER_FRAME * LINE_SIZE)
        b->failed = true;
    bytes_put(b, 1, m->head.p, m->head.n);
    varint_put(b, 2, m->first);
    bytes_put(b, 3, m->lines.p, m->lines.n);
    frame_end(b, at);
}

static void name_put(struct buf *b, uint8_t type, const struct msg_segment_request *m, bool named)
{
    size_t at = frame_begin(b, type);
    bytes_put(b, 1, m->key, KEY_SIZE);
    varint_put(b, 2, m->number);
    bytes_put(b, 3, m->name, named ? HASH_SIZE : 0);
    frame_end(b, at);
}

void msg_segment_request_put(struct buf *b, const struct msg_segment_request *m)
{
    name_put(b, FRAME_SEGMENT_REQUEST, m, true);
}

void msg_gone_put(struct buf *b, const struct msg_segment_request *m)
{
    name_put(b, FRAME_GONE, m, m->has_name);
}

void msg_ready_put(struct buf *b, const struct msg_ready *m)
{
    size_t at = frame_begin(b, FRAME_READY);
    for (size_t i = 0; i < m->n; i++) {
        size_t inner = inner_begin(b, 1);
        bytes_put(b, 1, m->certificate[i].fingerprint, 32);
        varint_put(b, 2, m->certificate[i].tls);
        varint_put(b, 3, m->certificate[i].tls_password);
        inner_end(b, inner);
    }
    varint_put(b, 2, m->accept);
    frame_end(b, at);
}
