/* crash: a store is never left in a state that lies. A scripted run of an origin's commits is
 * written through a recording VFS; crash_each.c makes every crash of it. What is read then must be
 * the plan of the last commit that was acknowledged before the crash, or of the one under way: each
 * answer of it, by signature, names and digest. */
#include "crash_each.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "driver/store.h"
#include "plan/origin.h"
#include "plan/plan.h"
#include "test.h"

#define KEYS 300

static uint8_t public_key[KEY_SIZE], secret[SECRET_SIZE];
static char key_text[KEYS][8];
static uint8_t filler[1024];
static struct test_mem mem;

/* After each commit: what everything is, and how many operations there were when it was said. */
struct promise {
    uint16_t value[KEYS];
    uint64_t usn;
    size_t begun, said;
};

static struct promise promise[CHANGES_MAX + 1];
static size_t promises;

static struct change change_of(size_t i, uint16_t value)
{
    return (struct change){.put = value != 0, .kind = ENTRY_FIELD, .user = slice_of(key_text[i]),
                           .value = slice_make(filler, value)};
}

static struct slice stream_key(uint8_t key[static KEY_SIZE + 8])
{
    memcpy(key, public_key, KEY_SIZE);
    memset(key + KEY_SIZE, 0, 8);
    key[KEY_SIZE + 7] = STREAM_PLAN;
    return slice_make(key, KEY_SIZE + 8);
}

static struct slice segment_key(struct arena *a, const uint8_t *name)
{
    uint8_t key[KEY_SIZE + 8 + HASH_SIZE];
    stream_key(key);
    memcpy(key + KEY_SIZE + 8, name, HASH_SIZE);
    return arena_copy(a, slice_make(key, sizeof key));
}

/* The rows of a commit, as the core gives them to the store. */
static int store_commit_rows(struct store *s, struct arena *a, const struct commit *c)
{
    struct store_row row[600];
    uint8_t key[KEY_SIZE + 8];
    struct buf b;
    size_t n = 0;
    assert_true(c->segment_n + c->dropped_n < 590);
    for (size_t i = 0; i < c->segment_n; i++)
        row[n++] = (struct store_row){.space = STORE_SEGMENT,
                                      .key = segment_key(a, c->segment[i].line.name),
                                      .value = c->segment[i].bytes};
    buf_init(&b, a->mem, 1 << 20);
    buf_put_u32(&b, (uint32_t)c->head_bytes.n);
    buf_put_slice(&b, c->head_bytes);
    buf_put_slice(&b, c->lines);
    row[n++] = (struct store_row){.space = STORE_STREAM, .key = stream_key(key),
                                  .value = buf_slice(&b)};
    for (size_t i = 0; i < c->dropped_n; i++)
        row[n++] = (struct store_row){.space = STORE_SEGMENT, .remove = true,
                                      .key = segment_key(a, c->dropped[i].name)};
    int result = store_write(s, row, n);
    buf_done(&b);
    return result;
}

void crash_run(struct crash_record *record, const char *dir, size_t changes, bool early)
{
    uint8_t seed[16] = {1};
    char error[STORE_ERROR];
    struct rand r;
    uint8_t key_seed[SEED_SIZE] = {9};
    test_mem_init(&mem, 0);
    crypto_keypair(key_seed, public_key, secret);
    for (size_t i = 0; i < KEYS; i++)
        snprintf(key_text[i], sizeof key_text[i], "k%zu", i);
    struct head head = {.number = STREAM_PLAN, .epoch = 1};
    struct plan *p = plan_new(&mem.mem, seed, true);
    struct catalog *c = catalog_new(p, public_key, STREAM_PLAN, true);
    memcpy(head.key, public_key, KEY_SIZE);
    rand_seed(&r, 1);
    crash_record_to(record);
    struct store *s = store_open(dir, error, sizeof error);
    assert_non_null(s);
    for (size_t k = 1; k <= changes; k++) {
        struct change change[64];
        struct arena a;
        struct commit commit;
        size_t n = k % 17 == 0 ? 64 : 1 + rand_below(&r, 4);
        promise[k] = promise[k - 1];
        promise[k].begun = record->n;
        for (size_t i = 0; i < n; i++) {
            size_t at = rand_below(&r, KEYS);
            promise[k].value[at] =
                rand_below(&r, 4) == 0 ? 0 : (uint16_t)(1 + rand_below(&r, 900));
            change[i] = change_of(at, promise[k].value[at]);
        }
        arena_init(&a, &mem.mem);
        assert_int_equal(origin_commit(&a, c, &head, &head, change, n, secret, &commit), 0);
        promise[k].said = record->n;
        assert_int_equal(store_commit_rows(s, &a, &commit), 0);
        promise[k].said = early ? promise[k].said : record->n;
        assert_int_equal(catalog_target(c, commit.lines, 0), 0);
        for (size_t i = 0; i < commit.segment_n; i++)
            assert_true(catalog_add(c, commit.segment[i].bytes) >= 0);
        catalog_apply(c);
        head = commit.head;
        promise[k].usn = head.usn;
        arena_done(&a);
    }
    promises = changes;
    store_close(s);
    crash_record_to(NULL);
    plan_free(p);
}

/* --- what is read after the crash */

struct reading {
    struct catalog *c;
    struct head head;
    bool has, wrong;
};

static bool read_stream(void *context, const struct store_row *row)
{
    struct reading *g = context;
    size_t n = row->value.n < 4 ? SIZE_MAX : (size_t)row->value.p[2] << 8 | row->value.p[3];
    g->has = true;
    g->wrong = row->value.n < 4 || row->value.n > 1 << 20 || n == 0 || n > row->value.n - 4 ||
               (row->value.n - 4 - n) % LINE_BYTES != 0;
    if (g->wrong)
        return false;
    struct slice head = slice_make(row->value.p + 4, n);
    struct slice lines = slice_make(row->value.p + 4 + n, row->value.n - 4 - n);
    uint8_t root[HASH_SIZE];
    g->wrong = head_get(head, &g->head) != 0 || !head_signed(head);
    manifest_root(root, lines);
    g->wrong = g->wrong || memcmp(root, g->head.root, HASH_SIZE) != 0;
    return !g->wrong && catalog_target(g->c, lines, 0) == 0;
}

static bool read_segment(void *context, const struct store_row *row)
{
    struct reading *g = context;
    g->wrong = catalog_add(g->c, row->value) < 0 || g->wrong;
    return true;
}

/* Why the directory is not what it must be after a crash behind `until`; NULL: it is. */
const char *crash_judge(const char *dir, size_t until)
{
    char error[STORE_ERROR];
    uint8_t seed[16] = {1};
    struct line line;
    size_t at = 0, k = 0, last = 0;
    struct store *s = store_open(dir, error, sizeof error);
    if (s == NULL)
        return "the store does not open";
    struct plan *p = plan_new(&mem.mem, seed, true);
    struct reading g = {.c = catalog_new(p, public_key, STREAM_PLAN, true)};
    const char *wrong = store_load(s, STORE_STREAM, read_stream, &g) != 0 ||
                                store_load(s, STORE_SEGMENT, read_segment, &g) != 0
                            ? "a row cannot be read" : NULL;
    store_close(s);
    while (last < promises && promise[last + 1].said <= until)
        last++;
    while (k < promises && (g.has ? promise[k].usn != g.head.usn || k == 0 : false))
        k++;
    uint64_t live, sum;
    if (wrong == NULL && (g.wrong || catalog_missing(g.c, &at, &line)))
        wrong = "what is stored does not hold";
    if (wrong == NULL && k < last)
        wrong = "an acknowledged change is lost";
    if (wrong == NULL && k > 0 && promise[k].begun > until)
        wrong = "a change from the future";
    if (wrong == NULL && g.has) {
        catalog_digest(g.c, &live, &sum);
        wrong = live != g.head.live || sum != g.head.sum ? "digest" : NULL;
        catalog_apply(g.c);
    }
    for (size_t i = 0; i < KEYS && wrong == NULL; i++) {
        struct change want = change_of(i, promise[k].value[i]);
        struct record key = {.kind = ENTRY_FIELD, .user = want.user}, got;
        bool there = catalog_find(g.c, &key, &got);
        if (there != want.put || (there && !slice_eq(got.value, want.value)))
            wrong = "a wrong answer";
    }
    plan_free(p);
    return wrong;
}
