/* The C code against vectors.txt, which script/vectors-link.py computed without any of it: the same
 * inputs must give exactly the same bytes, hello to sealed record. */
#include "test.h"

#include "base/buf.h"
#include "link/binder.h"
#include "link/cpace.h"
#include "link/frame.h"
#include "link/hello.h"
#include "link/msg.h"
#include "link/sealed.h"

#include <stdio.h>

#define VECTORS_MOST 64
#define BYTES_MOST   512

static const char *path;
static struct {
    char name[40];
    uint8_t bytes[BYTES_MOST];
    size_t n;
    int seen;
} vector[VECTORS_MOST];
static size_t vector_n;

static int read_vectors(void **state)
{
    char line[2 * BYTES_MOST + 100], hex[2 * BYTES_MOST + 1];
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return -1;
    while (fgets(line, sizeof line, f) != NULL) {
        if (line[0] == '#')
            continue;
        assert_true(vector_n < VECTORS_MOST);
        assert_int_equal(sscanf(line, "%39s = %1024s", vector[vector_n].name, hex), 2);
        vector[vector_n].n = strlen(hex) / 2;
        assert_true(hex_parse(vector[vector_n].bytes, vector[vector_n].n, slice_of(hex)));
        vector_n++;
    }
    fclose(f);
    return vector_n > 0 ? 0 : -1;
}

static struct slice the(const char *name)
{
    for (size_t i = 0; i < vector_n; i++) {
        if (strcmp(vector[i].name, name) == 0) {
            vector[i].seen = 1;
            return slice_make(vector[i].bytes, vector[i].n);
        }
    }
    fail_msg("no vector %s", name);
    return slice_make(NULL, 0);
}

static void assert_vector(const char *name, const void *p, size_t n)
{
    struct slice expected = the(name);
    if (!slice_eq(expected, slice_make(p, n)))
        print_error("vector %s\n", name);
    assert_int_equal(n, expected.n);
    assert_memory_equal(p, expected.p, n);
}

static void copy(void *dst, const char *name, size_t n)
{
    assert_int_equal(the(name).n, n);
    memcpy(dst, the(name).p, n);
}

/* One buffer for all; every put starts from nothing. */
static struct test_mem memory;
static struct buf out;

static void assert_out(const char *name)
{
    assert_false(out.failed);
    assert_vector(name, out.p, out.n);
    buf_reset(&out);
}

static void test_hash(void **state)
{
    uint8_t hash[HASH_SIZE], id[PEER_ID_SIZE];
    const struct slice parts[] = {slice_of(""), slice_of("abc")};
    crypto_hash(hash, "label", NULL, 0);
    assert_vector("hash_no_part", hash, HASH_SIZE);
    crypto_hash(hash, "label", parts, 2);
    assert_vector("hash_two_parts", hash, HASH_SIZE);
    crypto_peer_id(id, the("proof_key").p);
    assert_vector("peer_id", id, PEER_ID_SIZE);
}

static void test_hello(void **state)
{
    struct hello h = {1, 1, CAPABILITY_RESERVED, 0, METHOD_PASSWORD, 1, {0}};
    for (unsigned i = 0; i < HELLO_RANDOM; i++)
        h.random[i] = (uint8_t)i;
    hello_put(&out, &h);
    assert_out("hello_c");
    frame_put(&out, FRAME_HELLO, the("hello_c"));
    assert_out("frame_hello_c");
    for (unsigned i = 0; i < HELLO_RANDOM; i++)
        h.random[i] = (uint8_t)(0x80 + i);
    hello_put(&out, &h);
    assert_out("hello_s");
}

static void test_password(void **state)
{
    uint8_t sid[HASH_SIZE], g[POINT_SIZE], k[POINT_SIZE];
    struct cpace c, s;
    link_sid(sid, the("hello_c"), the("hello_s"), slice_make(NULL, 0));
    assert_vector("sid", sid, HASH_SIZE);
    cpace_generator(g, the("prs"), slice_of("ils/1"), slice_make(sid, HASH_SIZE));
    assert_vector("g", g, POINT_SIZE);
    cpace_start(&c, CPACE_DIALLER, the("prs").p, sid, the("entropy_c").p);
    cpace_start(&s, CPACE_ACCEPTOR, the("prs").p, sid, the("entropy_s").p);
    assert_vector("scalar_c", c.scalar, SCALAR_SIZE);
    assert_vector("scalar_s", s.scalar, SCALAR_SIZE);
    assert_vector("ya", c.share, POINT_SIZE);
    assert_vector("yb", s.share, POINT_SIZE);
    assert_true(crypto_point_mul(k, c.scalar, s.share));
    assert_vector("k", k, POINT_SIZE);
    assert_true(cpace_finish(&c, s.share));
    assert_true(cpace_finish(&s, c.share));
    assert_vector("isk", c.isk, CPACE_ISK_SIZE);
    assert_vector("isk", s.isk, CPACE_ISK_SIZE);
    assert_vector("ta", c.confirm, CPACE_CONFIRM_SIZE);
    assert_vector("tb", s.confirm, CPACE_CONFIRM_SIZE);
    assert_true(cpace_confirmed(&s, the("ta")));
    assert_true(cpace_confirmed(&c, the("tb")));
    frame_put(&out, FRAME_SHARE, slice_make(c.share, POINT_SIZE));
    assert_out("frame_share_ya");
    frame_put(&out, FRAME_CONFIRM, slice_make(c.confirm, CPACE_CONFIRM_SIZE));
    assert_out("frame_confirm_ta");
}

static void test_binder(void **state)
{
    uint8_t b[HASH_SIZE];
    struct binder_parts parts = {
        .hello_c = the("hello_c"), .hello_s = the("hello_s"), .isk = the("isk")};
    link_binder(b, &parts);
    assert_vector("binder", b, HASH_SIZE);
    parts.isk = slice_make(NULL, 0);
    parts.exporter = slice_of("exporter");
    parts.spki_c = slice_of("spki c");
    parts.spki_s = slice_of("spki s");
    link_binder(b, &parts);
    assert_vector("binder_tls", b, HASH_SIZE);
}

static void test_proof(void **state)
{
    struct proof p = {.boot = 3, .serial = 9, .cluster_id_n = 5, .cluster_id = "tokyo"};
    uint8_t secret[SECRET_SIZE], hash[HASH_SIZE];
    static const uint8_t number[16] = {[7] = 3, [15] = 9};
    crypto_keypair(the("proof_seed").p, p.key, secret);
    assert_vector("proof_key", p.key, KEY_SIZE);
    copy(p.network, "proof_network", NETWORK_ID_SIZE);
    const struct slice parts[] = {
        slice_of("dialler"),         the("binder"),
        slice_make(p.key, KEY_SIZE), slice_make(p.network, NETWORK_ID_SIZE),
        slice_make(number, 8),       slice_make(number + 8, 8),
        slice_make(p.cluster_id, p.cluster_id_n)};
    crypto_hash(hash, "proof", parts, 7);
    assert_vector("proof_hash", hash, HASH_SIZE);
    proof_sign(&p, true, the("binder").p, secret);
    assert_vector("proof_signature", p.signature, SIGNATURE_SIZE);
    assert_true(proof_verify(&p, true, the("binder").p));
    msg_proof_put(&out, &p);
    assert_out("frame_proof");
}

static void test_messages(void **state)
{
    uint8_t root[HASH_SIZE], lines[2 * LINE_SIZE] = {[3] = 1, [LINE_SIZE + 3] = 2};
    struct msg_line add[2] = {{.size = 1}, {.size = 2}};
    struct slice segment[2] = {slice_of("a"), slice_of("bb")};
    uint32_t drop[] = {0, 5, 300};
    struct slice head = slice_of("a signed head");
    crypto_hash1(root, "manifest", slice_of("example"));
    for (int i = 0; i < 2; i++) {
        crypto_hash1(add[i].name, "segment", segment[i]);
        memcpy(lines + i * LINE_SIZE + 4, add[i].name, HASH_SIZE);
    }

    struct msg_goodbye goodbye = {.code = 201, .retry_after = 60};
    msg_goodbye_put(&out, &goodbye);
    assert_out("frame_goodbye");
    frame_put(&out, FRAME_KEEPALIVE, slice_make(NULL, 0));
    assert_out("frame_keepalive");

    struct msg_mark mark = {.number = 1, .epoch = 0x0000000112345678, .usn = 1000, .beat = 7};
    copy(mark.key, "proof_key", KEY_SIZE);
    memcpy(mark.root, root, HASH_SIZE);
    struct msg_marks marks = {&mark, 1, true};
    msg_marks_put(&out, &marks);
    assert_out("frame_marks");

    struct msg_head bare = {.head = head};
    msg_head_put(&out, &bare);
    assert_out("frame_head");
    struct msg_head delta = {.head = head,
                             .has_delta = true,
                             .drop = drop,
                             .drop_n = 3,
                             .add = add,
                             .add_n = 2,
                             .segment = segment,
                             .segment_n = 2};
    memcpy(delta.base, root, HASH_SIZE);
    msg_head_put(&out, &delta);
    assert_out("frame_head_delta");

    struct msg_manifest_request request = {.number = 1, .first = 1800};
    copy(request.key, "proof_key", KEY_SIZE);
    msg_manifest_request_put(&out, &request);
    assert_out("frame_manifest_request");
    struct msg_manifest manifest = {head, 1800, slice_make(lines, sizeof lines)};
    msg_manifest_put(&out, &manifest);
    assert_out("frame_manifest");

    struct msg_segment_request wanted = {.number = 1, .has_name = true};
    copy(wanted.key, "proof_key", KEY_SIZE);
    memcpy(wanted.name, add[0].name, HASH_SIZE);
    msg_segment_request_put(&out, &wanted);
    assert_out("frame_segment_request");
    frame_put(&out, FRAME_SEGMENT, segment[1]);
    assert_out("frame_segment");
    msg_gone_put(&out, &wanted);
    assert_out("frame_gone");
}

static void test_sealed(void **state)
{
    struct sealed dialler, acceptor;
    sealed_keys(&dialler, &acceptor, the("isk"), the("binder").p);
    assert_vector("sealed_key_dialler", dialler.key, KEY_SIZE);
    assert_vector("sealed_key_acceptor", acceptor.key, KEY_SIZE);
    sealed_put(&dialler, &out, the("frame_proof"));
    assert_out("sealed_record_0");
    sealed_put(&dialler, &out, the("frame_keepalive"));
    assert_out("sealed_record_1");
}

static void test_all_seen(void **state)
{
    for (size_t i = 0; i < vector_n; i++) {
        if (!vector[i].seen)
            fail_msg("vector %s is compared with nothing", vector[i].name);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),     cmocka_unit_test(test_hello),
        cmocka_unit_test(test_password), cmocka_unit_test(test_binder),
        cmocka_unit_test(test_proof),    cmocka_unit_test(test_messages),
        cmocka_unit_test(test_sealed),   cmocka_unit_test(test_all_seen),
    };
    path = argc > 1 ? argv[1] : "vectors.txt";
    test_mem_init(&memory, 0);
    buf_init(&out, &memory.mem, SIZE_MAX);
    int failed = cmocka_run_group_tests(tests, read_vectors, NULL);
    buf_done(&out);
    return failed;
}
