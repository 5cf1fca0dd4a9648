/* msg: what is put is got, through hand-written encoding and protobuf-c's decoding; lengths and
 * limits; every refusal of memory. */
#include "test.h"

#include "link/frame.h"
#include "link/msg.h"

static struct test_mem memory;
static struct arena arena;
static struct buf out;

static int setup(void **state)
{
    test_mem_init(&memory, 0);
    arena_init(&arena, &memory.mem);
    buf_init(&out, &memory.mem, SIZE_MAX);
    return 0;
}

static int teardown(void **state)
{
    arena_done(&arena);
    buf_done(&out);
    return memory.mem.used == 0 ? 0 : -1;
}

/* The body of the one frame in `out`, which must be of that type. */
static struct slice body_of(uint8_t type)
{
    struct slice in = buf_slice(&out), body;
    uint8_t got;
    assert_false(out.failed);
    assert_int_equal(frame_take(&in, FRAME_SEALED_MAX, &got, &body), 0);
    assert_int_equal(got, type);
    assert_int_equal(in.n, 0);
    return body;
}

static void fill(uint8_t *p, size_t n, uint8_t with)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(with + i);
}

static void test_proof(void **state)
{
    struct proof p = {.boot = UINT64_MAX, .serial = 0}, q;
    fill(p.key, KEY_SIZE, 1);
    fill(p.network, NETWORK_ID_SIZE, 50);
    fill(p.signature, SIGNATURE_SIZE, 90);
    fill(p.cluster_id, p.cluster_id_n = PROOF_ID_MAX, 160);
    msg_proof_put(&out, &p);
    struct slice body = body_of(FRAME_PROOF);
    assert_int_equal(msg_proof_get(&arena, body, &q), 0);
    assert_memory_equal(p.key, q.key, KEY_SIZE);
    assert_memory_equal(p.network, q.network, NETWORK_ID_SIZE);
    assert_memory_equal(p.signature, q.signature, SIGNATURE_SIZE);
    assert_true(q.boot == UINT64_MAX && q.serial == 0 && q.cluster_id_n == PROOF_ID_MAX);
    assert_memory_equal(p.cluster_id, q.cluster_id, PROOF_ID_MAX);
    size_t without = body.n - PROOF_ID_MAX - 2;
    for (size_t n = 0; n < body.n; n++)
        assert_int_equal(msg_proof_get(&arena, slice_make(body.p, n), &q), n == without ? 0 : -1);
    assert_int_equal(msg_proof_get(&arena, slice_make(body.p, without), &q), 0);
    assert_int_equal(q.cluster_id_n, 0);
    out.p[out.n - PROOF_ID_MAX - 1]++; /* an id of 51 bytes */
    buf_put_u8(&out, 'x');
    body = slice_make(out.p + FRAME_HEADER, out.n - FRAME_HEADER);
    assert_int_equal(msg_proof_get(&arena, body, &q), -1);
    out.p[FRAME_HEADER + 1]--; /* a key of 31 bytes; what follows is no field any more */
    assert_int_equal(msg_proof_get(&arena, body, &q), -1);
}

static void test_goodbye(void **state)
{
    struct msg_goodbye m = {.code = UINT32_MAX, .retry_after = 60}, q;
    msg_goodbye_put(&out, &m);
    assert_int_equal(msg_goodbye_get(&arena, body_of(FRAME_GOODBYE), &q), 0);
    assert_int_equal(q.code, UINT32_MAX);
    assert_int_equal(q.retry_after, 60);
    assert_int_equal(msg_goodbye_get(&arena, slice_make(NULL, 0), &q), 0);
    assert_int_equal(q.code | q.retry_after, 0);
    /* An unknown field is ignored, a body longer than any goodbye is not read. */
    assert_int_equal(msg_goodbye_get(&arena, slice_make("\x08\x05\x5a\x01x", 5), &q), 0);
    assert_int_equal(q.code, 5);
    assert_false(q.has_copy);
    m.has_copy = m.copy_dialler = true;
    m.copy.boot = 7;
    m.copy.serial = 8;
    m.copy.cluster_id_n = PROOF_ID_MAX;
    fill(m.copy_binder, HASH_SIZE, 3);
    fill(m.copy.network, NETWORK_ID_SIZE, 4);
    fill(m.copy.signature, SIGNATURE_SIZE, 5);
    fill(m.copy.cluster_id, PROOF_ID_MAX, 6);
    buf_reset(&out);
    msg_goodbye_put(&out, &m);
    struct slice body = body_of(FRAME_GOODBYE);
    assert_int_equal(msg_goodbye_get(&arena, body, &q), 0);
    assert_true(q.has_copy && q.copy_dialler && q.copy.boot == 7 && q.copy.serial == 8);
    assert_memory_equal(q.copy_binder, m.copy_binder, HASH_SIZE);
    assert_memory_equal(q.copy.signature, m.copy.signature, SIGNATURE_SIZE);
    assert_memory_equal(q.copy.network, m.copy.network, NETWORK_ID_SIZE);
    assert_memory_equal(q.copy.cluster_id, m.copy.cluster_id, PROOF_ID_MAX);
    body.n -= PROOF_ID_MAX + 2;
    assert_int_equal(msg_goodbye_get(&arena, body, &q), 0); /* without a cluster id */
    body.n -= NETWORK_ID_SIZE + 2;
    assert_int_equal(msg_goodbye_get(&arena, body, &q), -1); /* half a proof is none */
    static uint8_t large[1025] = {0x52, 0xfe, 0x07};
    assert_int_equal(msg_goodbye_get(&arena, slice_make(large, 1025), &q), -1);
}

static void test_marks(void **state)
{
    static struct msg_mark mark[MARKS_PER_FRAME + 1];
    struct msg_marks m = {mark, MARKS_PER_FRAME, false}, q;
    for (size_t i = 0; i <= MARKS_PER_FRAME; i++) {
        fill(mark[i].key, KEY_SIZE, (uint8_t)i);
        fill(mark[i].root, HASH_SIZE, (uint8_t)(i + 9));
        mark[i].number = i == 7 ? UINT64_MAX : i;
        mark[i].epoch = UINT64_MAX - i;
        mark[i].usn = UINT64_MAX;
        mark[i].beat = i == 7 ? UINT64_MAX : 0;
    }
    msg_marks_put(&out, &m);
    assert_int_equal(msg_marks_get(&arena, body_of(FRAME_MARKS), &q), 0);
    assert_int_equal(q.n, MARKS_PER_FRAME);
    assert_false(q.last);
    for (size_t i = 0; i < q.n; i++)
        assert_memory_equal(&q.mark[i], &mark[i], sizeof *mark);

    buf_reset(&out);
    m = (struct msg_marks){NULL, 0, true};
    msg_marks_put(&out, &m);
    assert_int_equal(msg_marks_get(&arena, body_of(FRAME_MARKS), &q), 0);
    assert_true(q.last && q.n == 0);

    buf_reset(&out);
    m = (struct msg_marks){mark, MARKS_PER_FRAME + 1, false};
    msg_marks_put(&out, &m);
    assert_true(out.failed);
    assert_int_equal(out.n, 0);
    static uint8_t many[2 * (MARKS_PER_FRAME + 1)]; /* empty marks: too short, and too many */
    for (size_t i = 0; i < sizeof many; i += 2)
        many[i] = 0x0a;
    assert_int_equal(msg_marks_get(&arena, slice_make(many, 2), &q), -1);
    assert_int_equal(msg_marks_get(&arena, slice_make(many, sizeof many), &q), -1);
}

static uint32_t drop[DELTA_LINES_MAX + 1];
static struct msg_line add[DELTA_LINES_MAX + 1];
static struct slice segment[DELTA_LINES_MAX + 1];

static struct msg_head delta(size_t n)
{
    static const uint8_t some[16] = {1, 2, 3};
    for (size_t i = 0; i < n; i++) {
        drop[i] = (uint32_t)(i * i * 1000);
        add[i].size = (uint32_t)i;
        fill(add[i].name, HASH_SIZE, (uint8_t)i);
        segment[i] = slice_make(some, i % 17);
    }
    return (struct msg_head){.head = slice_of("head"),
                             .has_delta = true,
                             .base = {9},
                             .drop = drop,
                             .drop_n = n,
                             .add = add,
                             .add_n = n,
                             .segment = segment,
                             .segment_n = n};
}

static void test_head(void **state)
{
    struct msg_head m = delta(DELTA_LINES_MAX), q;
    msg_head_put(&out, &m);
    assert_int_equal(msg_head_get(&arena, body_of(FRAME_HEAD), &q), 0);
    assert_true(slice_eq(q.head, m.head));
    assert_true(q.has_delta);
    assert_memory_equal(q.base, m.base, HASH_SIZE);
    assert_int_equal(q.drop_n, m.drop_n);
    assert_memory_equal(q.drop, m.drop, m.drop_n * sizeof *m.drop);
    assert_int_equal(q.add_n, m.add_n);
    assert_int_equal(q.segment_n, m.segment_n);
    for (size_t i = 0; i < q.add_n; i++) {
        assert_memory_equal(&q.add[i], &m.add[i], sizeof *m.add);
        assert_true(slice_eq(q.segment[i], m.segment[i]));
    }
    buf_reset(&out);
    m.segment_n = 0; /* lines without their bytes */
    msg_head_put(&out, &m);
    assert_int_equal(msg_head_get(&arena, body_of(FRAME_HEAD), &q), 0);
    assert_int_equal(q.segment_n, 0);
    assert_int_equal(q.add_n, DELTA_LINES_MAX);

    buf_reset(&out);
    m.has_delta = false;
    msg_head_put(&out, &m);
    assert_int_equal(msg_head_get(&arena, body_of(FRAME_HEAD), &q), 0);
    assert_false(q.has_delta);
    assert_int_equal(q.drop_n + q.add_n + q.segment_n, 0);
}

static void refused(struct msg_head m)
{
    buf_reset(&out);
    frame_put(&out, FRAME_KEEPALIVE, slice_make(NULL, 0));
    msg_head_put(&out, &m);
    assert_true(out.failed);
    assert_int_equal(out.n, FRAME_HEADER); /* what was there before stays, nothing else */
}

static void test_head_limits(void **state)
{
    static uint8_t large[DELTA_BYTES_MAX + 1];
    struct msg_head m = delta(2), q;
    m.drop_n = DELTA_LINES_MAX + 1;
    refused(m);
    m = delta(2);
    m.segment_n = 1;
    refused(m);
    m = delta(1);
    segment[0] = slice_make(large, sizeof large);
    refused(m);
    segment[0].n--;
    buf_reset(&out);
    msg_head_put(&out, &m);
    assert_int_equal(msg_head_get(&arena, body_of(FRAME_HEAD), &q), 0);

    /* Bodies by hand: drops that do not ascend, a delta without base, a short base, two segments
     * for one line. */
    struct slice bad[] = {
        slice_make("\x1a\x01\x05", 3),
        slice_make("\x2a\x00", 2),
        slice_make("\x12\x01x", 3),
        slice_make("\x12\x20"
                   "01234567890123456789012345678901\x1a\x02\x05\x05",
                   38),
        slice_make("\x12\x20"
                   "01234567890123456789012345678901\x1a\x02\x05\x04",
                   38),
        slice_make("\x12\x20"
                   "01234567890123456789012345678901\x2a\x00",
                   36),
        slice_make("\x12\x20"
                   "01234567890123456789012345678901\x22\x00",
                   36),
        slice_make("\xff", 1),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(msg_head_get(&arena, bad[i], &q), -1);
    assert_int_equal(msg_head_get(&arena, slice_make(bad[3].p, 34), &q), 0); /* base alone */
}

static void test_manifest(void **state)
{
    static uint8_t lines[(LINES_PER_FRAME + 1) * LINE_SIZE];
    fill(lines, sizeof lines, 3);
    struct msg_manifest m = {slice_of("head"), 7, slice_make(lines, LINES_PER_FRAME * LINE_SIZE)};
    struct msg_manifest q;
    msg_manifest_put(&out, &m);
    assert_int_equal(msg_manifest_get(&arena, body_of(FRAME_MANIFEST), &q), 0);
    assert_true(slice_eq(q.head, m.head));
    assert_true(slice_eq(q.lines, m.lines));
    assert_int_equal(q.first, 7);
    m.lines.n += LINE_SIZE;
    buf_reset(&out);
    msg_manifest_put(&out, &m);
    assert_true(out.failed);
    m.lines.n = 35;
    buf_reset(&out);
    msg_manifest_put(&out, &m);
    assert_true(out.failed);
    assert_int_equal(msg_manifest_get(&arena, slice_make("\x1a\x01x", 3), &q), -1);

    struct msg_manifest_request r = {.number = 5, .first = 1800}, s;
    fill(r.key, KEY_SIZE, 4);
    buf_reset(&out);
    msg_manifest_request_put(&out, &r);
    assert_int_equal(msg_manifest_request_get(&arena, body_of(FRAME_MANIFEST_REQUEST), &s), 0);
    assert_memory_equal(r.key, s.key, KEY_SIZE);
    assert_true(s.number == 5 && s.first == 1800);
    assert_int_equal(msg_manifest_request_get(&arena, slice_make("\x10\x05", 2), &s), -1);
}

static void test_segment_request(void **state)
{
    struct msg_segment_request m = {.number = 5, .has_name = true}, q;
    fill(m.key, KEY_SIZE, 4);
    fill(m.name, HASH_SIZE, 5);
    msg_segment_request_put(&out, &m);
    struct slice body = body_of(FRAME_SEGMENT_REQUEST);
    assert_int_equal(msg_segment_request_get(&arena, body, &q), 0);
    assert_true(q.has_name && q.number == 5);
    assert_memory_equal(m.key, q.key, KEY_SIZE);
    assert_memory_equal(m.name, q.name, HASH_SIZE);

    buf_reset(&out);
    m.has_name = false;
    msg_gone_put(&out, &m);
    body = body_of(FRAME_GONE);
    assert_int_equal(msg_gone_get(&arena, body, &q), 0);
    assert_false(q.has_name);
    assert_int_equal(msg_segment_request_get(&arena, body, &q), -1); /* a name is a must there */
    buf_put(&out, "\x1a\x01x", 3);
    assert_int_equal(msg_gone_get(&arena, slice_make(body.p, body.n + 3), &q), -1);
}

static void test_ready(void **state)
{
    struct msg_ready m = {.n = READY_CERTIFICATES, .accept = 14}, q;
    for (size_t i = 0; i < m.n; i++) {
        fill(m.certificate[i].fingerprint, 32, (uint8_t)(i * 40));
        m.certificate[i].tls = 307;
        m.certificate[i].tls_password = (uint32_t)i * UINT32_MAX;
    }
    msg_ready_put(&out, &m);
    struct slice body = body_of(FRAME_READY);
    assert_int_equal(msg_ready_get(&arena, body, &q), 0);
    assert_true(q.n == m.n && q.accept == 14);
    for (size_t i = 0; i < m.n; i++) {
        assert_memory_equal(q.certificate[i].fingerprint, m.certificate[i].fingerprint, 32);
        assert_int_equal(q.certificate[i].tls, 307);
        assert_int_equal(q.certificate[i].tls_password, m.certificate[i].tls_password);
    }
    body.p++; /* not the first certificate's field any more */
    body.n--;
    assert_int_equal(msg_ready_get(&arena, body, &q), -1);

    buf_reset(&out);
    m = (struct msg_ready){.accept = UINT32_MAX};
    msg_ready_put(&out, &m);
    assert_int_equal(msg_ready_get(&arena, body_of(FRAME_READY), &q), 0);
    assert_true(q.n == 0 && q.accept == UINT32_MAX);
    assert_int_equal(msg_ready_get(&arena, slice_make(NULL, 0), &q), 0);
    assert_true(q.n == 0 && q.accept == 0);
    /* A fingerprint that is missing, or short; one certificate too many. */
    assert_int_equal(msg_ready_get(&arena, slice_make("\x0a\x02\x10\x05", 4), &q), -1);
    assert_int_equal(msg_ready_get(&arena, slice_make("\x0a\x03\x0a\x01x", 5), &q), -1);
    uint8_t many[(READY_CERTIFICATES + 1) * 36] = {0};
    for (size_t i = 0; i <= READY_CERTIFICATES; i++)
        memcpy(many + i * 36, "\x0a\x22\x0a\x20", 4);
    assert_int_equal(msg_ready_get(&arena, slice_make(many, sizeof many - 36), &q), 0);
    assert_int_equal(msg_ready_get(&arena, slice_make(many, sizeof many), &q), -1);
    static uint8_t large[1025] = {0x52, 0xfe, 0x07};
    assert_int_equal(msg_ready_get(&arena, slice_make(large, 1025), &q), -1);
}

/* Decoding what a run with enough memory encoded, then encoding, under every refusal. */
static void use(struct mem *mem)
{
    static const uint8_t body[] = "\x12\x20"
                                  "01234567890123456789012345678901\x22\x22\x12\x20"
                                  "01234567890123456789012345678901\x2a\x01x";
    struct arena a;
    struct buf b;
    struct msg_head m;
    arena_init(&a, mem);
    buf_init(&b, mem, SIZE_MAX);
    int ret = msg_head_get(&a, slice_make(body, sizeof body - 1), &m);
    assert_int_equal(ret, a.failed ? -1 : 0);
    if (ret == 0) {
        msg_head_put(&b, &m);
        assert_true(b.failed ? b.n == 0 : b.n == FRAME_HEADER + sizeof body - 1);
        assert_true(b.failed || memcmp(b.p + FRAME_HEADER, body, sizeof body - 1) == 0);
    }
    arena_done(&a);
    buf_done(&b);
}

static void test_refusals(void **state)
{
    test_every_refusal(use);
}

static void test_budget(void **state)
{
    /* A body of many empty elements unpacks into far more than itself: the budget holds. */
    static uint8_t body[32 * 1024];
    struct msg_head q;
    for (size_t i = 0; i < sizeof body; i += 2)
        body[i] = 0x22;
    memory.mem.budget = 64 * 1024;
    assert_int_equal(msg_head_get(&arena, slice_make(body, sizeof body), &q), -1);
    assert_true(arena.failed);
    assert_true(memory.mem.peak <= 64 * 1024);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_proof),
        CASE(test_goodbye),
        CASE(test_marks),
        CASE(test_head),
        CASE(test_head_limits),
        CASE(test_manifest),
        CASE(test_segment_request),
        CASE(test_ready),
        CASE(test_budget),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
