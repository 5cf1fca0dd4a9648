/* The C code gives exactly the bytes of script/vectors-plan.py, which shares no code with it.
 * Its one argument: vectors.txt. */
#include "test.h"

#include <stdio.h>

#include "base/rand.h"
#include "plan/plan.h"

static struct vector {
    char name[40];
    uint8_t bytes[600];
    size_t n;
} vectors[40];
static size_t vectors_n;

static void load(const char *path)
{
    static char line[2000];
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        struct vector *v = &vectors[vectors_n];
        char hex[1400];
        if (line[0] == '#' || sscanf(line, "%39s %1399s", v->name, hex) != 2)
            continue;
        v->n = strlen(hex) / 2;
        if (v->n <= sizeof v->bytes && hex_parse(v->bytes, v->n, slice_of(hex)) &&
            vectors_n + 1 < sizeof vectors / sizeof vectors[0])
            vectors_n++;
    }
    if (f != NULL)
        fclose(f);
}

static struct slice vector(const char *name)
{
    for (size_t i = 0; i < vectors_n; i++) {
        if (strcmp(vectors[i].name, name) == 0)
            return slice_make(vectors[i].bytes, vectors[i].n);
    }
    fail_msg("no vector %s", name);
    return slice_make(NULL, 0);
}

static void check(const char *name, const void *p, size_t n)
{
    struct slice want = vector(name);
    if (!slice_eq(want, slice_make(p, n)))
        fail_msg("%s differs", name);
}

static uint64_t number(const char *name)
{
    struct slice v = vector(name);
    uint64_t n = 0;
    assert_int_equal(v.n, 8);
    for (size_t i = 0; i < 8; i++)
        n = n << 8 | v.p[i];
    return n;
}

static void test_keys(void **state)
{
    (void)state;
    uint8_t key[KEY_SIZE], secret[SECRET_SIZE], id[PEER_ID_SIZE];
    crypto_keypair(vector("seed").p, key, secret);
    check("key", key, sizeof key);
    crypto_peer_id(id, key);
    check("peer_id", id, sizeof id);
}

static void test_mix64(void **state)
{
    (void)state;
    assert_true(mix64(0) == number("mix64_0"));
    assert_true(mix64(1) == number("mix64_1"));
    assert_true(mix64(2) == number("mix64_2"));
    assert_true(mix64(1000) == number("mix64_1000"));
    assert_true(mix64(UINT64_C(1) << 32) == number("mix64_4294967296"));
    assert_true(mix64(UINT64_MAX) == number("mix64_18446744073709551615"));
}

static void put(struct segment_writer *w, uint64_t usn, struct entry e, const char *source,
                bool is_put)
{
    struct buf scratch;
    struct record r;
    buf_init(&scratch, w->out->mem, 100);
    record_of_entry(&r, &e, &scratch);
    r.usn = usn;
    r.source = slice_of(source);
    r.put = is_put;
    assert_true(segment_writer_put(w, &r));
    buf_done(&scratch);
}

#define NO_FAILOVER {FAILOVER_NONE, 0, {NULL, 0}}

static void write_both(struct buf *a, struct buf *b)
{
    struct segment_writer w;
    struct slice alice = slice_of("alice@tokyo.example.com");
    struct slice bob = slice_of("bob@tokyo.example.com");
    struct slice carol = slice_of("carol@osaka.example.com");
    segment_writer_init(&w, a);
    put(&w, 1000, (struct entry){ENTRY_URI, alice, NO_FAILOVER}, "", true);
    struct failover f = {FAILOVER_NUMBER, 0, slice_of("+81355501234")};
    put(&w, 1001, (struct entry){ENTRY_URI, bob, f}, "csv", true);
    put(&w, 1002, (struct entry){ENTRY_URI, carol, NO_FAILOVER}, "csv", true);
    f = (struct failover){FAILOVER_STRIP, 3, slice_of("+8135550")};
    put(&w, 1003, (struct entry){ENTRY_ENTERPRISE, slice_of("5551234"), f}, "csv", true);
    f = (struct failover){FAILOVER_ITSELF, 0, {NULL, 0}};
    put(&w, 2000, (struct entry){ENTRY_E164, slice_of("+81355509999"), f}, "csv", true);
    segment_writer_init(&w, b);
    put(&w, 2001, (struct entry){ENTRY_URI, carol, NO_FAILOVER}, "", false);
    put(&w, 2002, (struct entry){ENTRY_URI, alice, f}, "", true);
}

static void test_segments(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf a, b;
    uint8_t name[HASH_SIZE];
    test_mem_init(&t, 0);
    buf_init(&a, &t.mem, SEGMENT_MAX);
    buf_init(&b, &t.mem, SEGMENT_MAX);
    write_both(&a, &b);
    check("segment_a", a.p, a.n);
    check("segment_b", b.p, b.n);
    segment_name(name, buf_slice(&a));
    check("segment_name_a", name, HASH_SIZE);
    segment_name(name, buf_slice(&b));
    check("segment_name_b", name, HASH_SIZE);
    assert_true(segment_check(vector("segment_a")) && segment_check(vector("segment_b")));
    buf_done(&a);
    buf_done(&b);
}

static void test_manifest_and_digest(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf lines;
    static const char *const name[] = {"segment_a", "segment_b"};
    uint8_t root[HASH_SIZE];
    uint64_t live, sum;
    test_mem_init(&t, 0);
    buf_init(&lines, &t.mem, 2 * LINE_BYTES);
    for (size_t i = 0; i < 2; i++) {
        struct line line = {.size = (uint32_t)vector(name[i]).n};
        segment_name(line.name, vector(name[i]));
        manifest_line_put(&lines, &line);
    }
    check("lines", lines.p, lines.n);
    manifest_root(root, buf_slice(&lines));
    check("root", root, HASH_SIZE);

    struct plan *p = plan_new(&t.mem, vector("seed").p, true);
    struct catalog *c = catalog_new(p, vector("key").p, STREAM_PLAN, true);
    assert_int_equal(catalog_target(c, buf_slice(&lines), 4), 0);
    assert_int_equal(catalog_add(c, vector("segment_b")), 0);
    assert_int_equal(catalog_add(c, vector("segment_a")), 0);
    catalog_digest(c, &live, &sum);
    assert_true(live == number("live") && sum == number("sum"));
    plan_free(p);
    buf_done(&lines);
    assert_int_equal(t.mem.used, 0);
}

static void test_head(void **state)
{
    (void)state;
    struct test_mem t;
    struct buf b;
    struct head h, got;
    uint8_t key[KEY_SIZE], secret[SECRET_SIZE];
    crypto_keypair(vector("seed").p, key, secret);
    h = (struct head){
        .number = STREAM_PLAN,
        .epoch = (UINT64_C(1) << 32) + 0x89abcdef,
        .usn = 2002,
        .beat = 3,
        .interval = 10,
        .lines = 2,
        .bytes = vector("segment_a").n + vector("segment_b").n,
        .live = number("live"),
        .sum = number("sum"),
        .peak = 5,
        .name = slice_of("tokyo"),
        .route_string = slice_of("tokyo.example.com"),
    };
    memcpy(h.key, key, KEY_SIZE);
    memcpy(h.root, vector("root").p, HASH_SIZE);
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, HEAD_MAX);
    head_put(&b, &h, secret);
    check("head", b.p, b.n);
    check("signature", b.p + b.n - SIGNATURE_SIZE, SIGNATURE_SIZE);
    assert_int_equal(head_get(vector("head"), &got), 0);
    assert_true(head_signed(vector("head")) && head_order(&h, &got) == 0);
    uint8_t hash[HASH_SIZE];
    crypto_hash1(hash, "head", slice_make(b.p, b.n - SIGNATURE_SIZE));
    check("head_hash", hash, HASH_SIZE);
    buf_done(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_mix64),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_manifest_and_digest),
        cmocka_unit_test(test_head),
    };
    load(argc > 1 ? argv[1] : "vectors.txt");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
