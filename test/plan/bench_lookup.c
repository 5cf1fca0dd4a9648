/* bench_lookup: lookups a second in process, on one core, over N entries of one learned catalog,
 * beside LMDB with the same keys.
 *   bench_lookup [ENTRIES] [LOOKUPS] [TURNS]
 * Half of the entries are directory URIs, half enterprise numbers; every lookup is of a random one
 * and is checked. In turns: a get of the key from LMDB (one read transaction, the value's first
 * byte is read), the limit (the hash, one slot, the key's bytes beside a pointer to its value: two
 * waits for memory, the second on the first), a get of the canonical key from the index (the first
 * byte of its route string is read), the whole decision with its target, the same for what nobody
 * has, and the decision of a number by the longest match of 100 000 patterns.
 * Times are of this process's processor; the median of the turns counts. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/keyhash.h"
#include "base/rand.h"
#include "driver/memory.h"
#include "plan/index.h"
#include "plan/lookup.h"

#ifdef OPENILS_LMDB
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#define RESET_EVERY 16
#define PATTERNS    100000
#define TURNS_MAX   32

static void fail(const char *what)
{
    fprintf(stderr, "bench_lookup: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t make_key(char *text, size_t size, uint64_t i, bool absent)
{
    int n = i % 2 == 0 ? snprintf(text, size, "user%07u@site%u.example.com",
                                  (unsigned)(i + absent * 20000000u), (unsigned)(i / 2 % 97))
                       : snprintf(text, size, "%u", (unsigned)(80000000u + i + absent * 10000000u));
    return (size_t)n;
}

static void seal(struct catalog *c, struct buf *segment, struct buf *lines, bool add)
{
    struct line line = {.size = (uint32_t)segment->n};
    if (add && catalog_add(c, buf_slice(segment)) != 0)
        fail("catalog_add");
    if (!add) {
        segment_name(line.name, buf_slice(segment));
        manifest_line_put(lines, &line);
    }
    buf_reset(segment);
}

/* Writes all segments; the first pass lists them, the second hands them over. */
static void write_segments(struct catalog *c, struct mem *mem, uint64_t entries, struct buf *lines,
                           bool add)
{
    struct buf segment;
    struct segment_writer w;
    char text[64];
    buf_init(&segment, mem, SEGMENT_MAX);
    segment_writer_init(&w, &segment);
    for (uint64_t i = 0; i < entries; i++) {
        struct entry e = {.kind = i % 2 == 0 ? ENTRY_URI : ENTRY_ENTERPRISE};
        struct record r;
        e.key = slice_make(text, make_key(text, sizeof text, i, false));
        record_of_entry(&r, &e, &segment);
        r.usn = i + 1;
        if (segment_writer_put(&w, &r))
            continue;
        seal(c, &segment, lines, add);
        segment_writer_init(&w, &segment);
        if (!segment_writer_put(&w, &r))
            fail("segment_writer_put");
    }
    seal(c, &segment, lines, add);
    buf_done(&segment);
}

static void fill(struct plan *p, struct mem *mem, uint64_t entries)
{
    static const uint8_t key[KEY_SIZE] = {1};
    struct buf lines;
    struct catalog *c = catalog_new(p, key, STREAM_PLAN, true);
    if (c == NULL || !catalog_describe(c, slice_of("osaka"), slice_of("osaka.example.com"), false))
        fail("memory");
    buf_init(&lines, mem, SIZE_MAX);
    write_segments(c, mem, entries, &lines, false);
    if (catalog_target(c, buf_slice(&lines), entries) != 0)
        fail("catalog_target");
    write_segments(c, mem, entries, &lines, true);
    catalog_apply(c);
    buf_done(&lines);
}

/* --- what is asked for */

struct dialled {
    char text[46];
    uint8_t n;
    uint8_t user; /* bytes before the "@"; as many as all where there is none */
};

enum { GET_LMDB, GET_LIMIT, GET_INDEX, DECIDE, DECIDE_ABSENT, DECIDE_PATTERN, ROUNDS };
static const char *const round_name[ROUNDS] = {"LMDB get", "limit", "index get", "decision",
                                               "decision, absent", "decision by 100000 patterns"};

static struct bench {
    struct memory memory; /* as ilsd has it */
    struct mem mem;
    struct plan *plan, *patterns;
    struct routes *routes;
    struct dialled *dialled[ROUNDS];
    uint64_t entries, lookups;
    double ns[ROUNDS][TURNS_MAX];
    uint64_t secret[4 + KEYHASH_WORDS(sizeof(struct dialled))];
    uint64_t *slot; /* of the limit: 24 bits of the hash, then where the key lies */
    size_t slots;
    uint8_t *keys;  /* u8 length, key, one behind the other */
#ifdef OPENILS_LMDB
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
#endif
} b;

/* Area, exchange and a range, half of them with wildcards of variable length behind. */
static size_t make_pattern(char *text, size_t size, uint64_t i, bool number)
{
    static const char *const tails[] = {"XXXX", "[1-5]XX", "[^0]!", "!", "2[0-4]XX"};
    static const unsigned most[] = {10000, 100, 100, 1000, 100};
    int n = snprintf(text, size, "+%u%06u", (unsigned)(1 + i % 7),
                     (unsigned)(i * 7919 % 1000000));
    if (!number)
        return (size_t)n + (size_t)snprintf(text + n, size - (size_t)n, "%s", tails[i % 5]);
    unsigned value = (unsigned)(i * 31 % most[i % 5]);
    switch (i % 5) {
    case 0: return (size_t)n + (size_t)snprintf(text + n, size - (size_t)n, "%04u", value);
    case 1: return (size_t)n + (size_t)snprintf(text + n, size - (size_t)n, "3%02u", value);
    case 2: return (size_t)n + (size_t)snprintf(text + n, size - (size_t)n, "4%02u", value);
    case 3: return (size_t)n + (size_t)snprintf(text + n, size - (size_t)n, "%03u", value);
    default: return (size_t)n + (size_t)snprintf(text + n, size - (size_t)n, "22%02u", value);
    }
}

static void ask_make(void)
{
    struct rand random;
    for (int round = GET_INDEX; round < ROUNDS; round++) {
        b.dialled[round] = malloc(b.lookups * sizeof **b.dialled);
        if (b.dialled[round] == NULL)
            fail("memory");
        rand_seed(&random, 42);
        for (uint64_t i = 0; i < b.lookups; i++) {
            struct dialled *d = &b.dialled[round][i];
            d->n = (uint8_t)(round == DECIDE_PATTERN
                                 ? make_pattern(d->text, sizeof d->text,
                                                rand_below(&random, PATTERNS), true)
                                 : make_key(d->text, sizeof d->text,
                                            rand_below(&random, b.entries),
                                            round == DECIDE_ABSENT));
            d->user = (uint8_t)slice_find(slice_make(d->text, d->n), '@');
        }
    }
    b.dialled[GET_LMDB] = b.dialled[GET_LIMIT] = b.dialled[GET_INDEX];
}

/* --- LMDB */

#ifdef OPENILS_LMDB
static void must(int code)
{
    if (code != 0)
        fail(mdb_strerror(code));
}

/* In memory as ours: the file lies in /dev/shm, and is gone when this program is. */
static void lmdb_fill(void)
{
    char path[64], text[64];
    static const char route[] = "ils.osaka.example.com."; /* 22 bytes */
    snprintf(path, sizeof path, "/dev/shm/bench_lookup.%ld", (long)getpid());
    must(mdb_env_create(&b.env));
    must(mdb_env_set_mapsize(b.env, (size_t)4 << 30));
    must(mdb_env_open(b.env, path, MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOLOCK, 0600));
    unlink(path);
    must(mdb_txn_begin(b.env, NULL, 0, &b.txn));
    must(mdb_dbi_open(b.txn, NULL, 0, &b.dbi));
    for (uint64_t i = 0; i < b.entries; i++) {
        MDB_val key = {make_key(text, sizeof text, i, false), text};
        MDB_val value = {22, (void *)(uintptr_t)route};
        must(mdb_put(b.txn, b.dbi, &key, &value, 0));
    }
    must(mdb_txn_commit(b.txn));
    must(mdb_txn_begin(b.env, NULL, MDB_RDONLY, &b.txn));
}

static uint64_t lmdb_round(void)
{
    uint64_t found = 0;
    for (uint64_t i = 0; i < b.lookups; i++) {
        MDB_val key = {b.dialled[GET_LMDB][i].n, b.dialled[GET_LMDB][i].text}, value;
        found += mdb_get(b.txn, b.dbi, &key, &value) == 0 && *(const char *)value.mv_data == 'i';
    }
    return found;
}
#endif

/* --- the limit */

static uint64_t limit_hash(const void *key, size_t n)
{
    keyhash_sum sum = keyhash_pair(0, b.secret, n, 0);
    sum = keyhash_bytes(sum, b.secret + 4, slice_make(key, n), UINT64_C(0x2020202020202020));
    return keyhash_done(sum, b.secret + 2);
}

/* As full as the index, whose slots are as large. */
static void limit_fill(void)
{
    struct rand random;
    size_t at = 1;
    rand_seed(&random, 7);
    for (size_t i = 0; i < sizeof b.secret / sizeof *b.secret; i++)
        b.secret[i] = rand_u64(&random);
    b.slots = b.entries * 5 / 3 + 16;
    b.slot = calloc(b.slots, sizeof *b.slot);
    b.keys = malloc(b.entries * sizeof b.dialled[0][0].text);
    if (b.slot == NULL || b.keys == NULL)
        fail("memory");
    for (uint64_t i = 0; i < b.entries; i++) {
        uint8_t *key = b.keys + at;
        key[0] = (uint8_t)make_key((char *)key + 1, sizeof b.dialled[0][0].text, i, false);
        uint64_t hash = limit_hash(key + 1, key[0]);
        size_t slot = (size_t)((hash >> 32) * b.slots >> 32);
        while (b.slot[slot] != 0)
            slot = slot + 1 == b.slots ? 0 : slot + 1;
        b.slot[slot] = hash << 40 | at;
        at += 1u + key[0];
    }
}

static uint64_t limit_round(void)
{
    uint64_t found = 0;
    for (uint64_t i = 0; i < b.lookups; i++) {
        const struct dialled *d = &b.dialled[GET_LIMIT][i];
        uint64_t hash = limit_hash(d->text, d->n), slot;
        for (size_t at = (size_t)((hash >> 32) * b.slots >> 32); (slot = b.slot[at]) != 0;) {
            const uint8_t *key = b.keys + (slot & UINT64_C(0xffffffffff));
            at = at + 1 == b.slots ? 0 : at + 1;
            if (slot >> 40 == (hash & 0xffffff) && key[0] == d->n &&
                memcmp(key + 1, d->text, d->n) == 0) {
                found++;
                break;
            }
        }
    }
    return found;
}

/* --- ours */

static uint64_t index_round(void)
{
    uint64_t found = 0;
    for (uint64_t i = 0; i < b.lookups; i++) {
        const struct dialled *d = &b.dialled[GET_INDEX][i];
        struct candidate c;
        struct slice domain = slice_make(NULL, 0);
        if (d->user < d->n)
            domain = slice_make(d->text + d->user + 1, d->n - d->user - 1u);
        found += plan_candidates(b.plan, d->user < d->n ? ENTRY_URI : ENTRY_ENTERPRISE,
                                 slice_make(d->text, d->user), domain, &c, 1) == 1 &&
                 catalog_route_string(c.c).p[0] == 'o';
    }
    return found;
}

static uint64_t decide_round(int round)
{
    struct arena a;
    uint64_t found = 0;
    arena_init(&a, &b.mem);
    for (uint64_t i = 0; i < b.lookups; i++) {
        struct lookup l;
        if (i % RESET_EVERY == 0)
            arena_reset(&a);
        plan_lookup(round == DECIDE_PATTERN ? b.patterns : b.plan, b.routes, &a,
                    slice_make(b.dialled[round][i].text, b.dialled[round][i].n), &l);
        found += l.result == LOOKUP_FOUND && l.target_n == 1;
    }
    arena_done(&a);
    return found;
}

static void turn(int t)
{
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        uint64_t found = round == DECIDE_ABSENT ? b.lookups : 0;
        if (round == GET_INDEX)
            found = index_round();
        else if (round == GET_LIMIT)
            found = limit_round();
        else if (round != GET_LMDB)
            found = round == DECIDE_ABSENT ? b.lookups - decide_round(round) : decide_round(round);
#ifdef OPENILS_LMDB
        if (round == GET_LMDB)
            found = lmdb_round();
#else
        if (round == GET_LMDB)
            continue;
#endif
        if (found != b.lookups)
            fail(round_name[round]);
        b.ns[round][t] = (now() - start) / (double)b.lookups * 1e9;
    }
}

static int by_value(const void *x, const void *y)
{
    return (*(const double *)x > *(const double *)y) - (*(const double *)x < *(const double *)y);
}

static void report(int turns)
{
    double lmdb = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double *ns = b.ns[round];
        qsort(ns, (size_t)turns, sizeof *ns, by_value);
        double median = ns[turns / 2];
        if (median == 0)
            continue; /* without LMDB */
        lmdb = round == GET_LMDB ? median : lmdb;
        printf("%-28s %9.0f a second, %6.0f ns (%.0f .. %.0f)", round_name[round], 1e9 / median,
               median, ns[0], ns[turns - 1]);
        printf(lmdb > 0 && round != GET_LMDB ? ", %.2f x LMDB\n" : "\n", lmdb / median);
    }
}

static void fill_patterns(void)
{
    static const uint8_t key[KEY_SIZE] = {2};
    struct buf lines;
    struct catalog *c = catalog_new(b.patterns, key, STREAM_PLAN, true);
    if (c == NULL || !catalog_describe(c, slice_of("osaka"), slice_of("osaka.example.com"), false))
        fail("memory");
    buf_init(&lines, &b.mem, SIZE_MAX);
    for (int pass = 0; pass < 2; pass++) {
        struct buf segment;
        struct segment_writer w;
        buf_init(&segment, &b.mem, SEGMENT_MAX);
        segment_writer_init(&w, &segment);
        for (uint64_t i = 0; i < PATTERNS; i++) {
            char text[64];
            struct entry e = {.kind = ENTRY_PATTERN_E164};
            struct record r;
            e.key = slice_make(text, make_pattern(text, sizeof text, i, false));
            record_of_entry(&r, &e, &segment);
            r.usn = i + 1;
            if (segment_writer_put(&w, &r))
                continue;
            seal(c, &segment, &lines, pass == 1);
            segment_writer_init(&w, &segment);
            if (!segment_writer_put(&w, &r))
                fail("segment_writer_put");
        }
        seal(c, &segment, &lines, pass == 1);
        buf_done(&segment);
        if (pass == 0 && catalog_target(c, buf_slice(&lines), PATTERNS) != 0)
            fail("catalog_target");
    }
    catalog_apply(c);
    buf_done(&lines);
}

int main(int argc, char **argv)
{
    static const uint8_t seed[16] = {1, 2, 3};
    int turns = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 5;
    b.entries = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    b.lookups = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    b.mem = (struct mem){
        .resize = memory_resize, .context = &b.memory, .budget = SIZE_MAX};
    b.plan = plan_new(&b.mem, seed, true);
    b.patterns = plan_new(&b.mem, seed, true);
    b.routes = routes_new(&b.mem);
    if (b.plan == NULL || b.patterns == NULL || b.routes == NULL || b.entries == 0 ||
        b.entries > 10000000 || turns < 1 || turns > TURNS_MAX)
        fail("memory, or entries not in 1..10000000, or turns not in 1..32");
    if (routes_add(b.routes, slice_of("*.example.com"), slice_of("sip:10.0.0.5")) != ENTRY_OK)
        fail("memory");
    fill(b.plan, &b.mem, b.entries);
    fill_patterns();
#ifdef OPENILS_LMDB
    lmdb_fill();
#endif
    ask_make();
    limit_fill();
    for (int t = 0; t < turns; t++)
        turn(t);
    report(turns);
    plan_free(b.plan);
    plan_free(b.patterns);
    routes_free(b.routes);
    return 0;
}
