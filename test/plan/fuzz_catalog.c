/* The input makes eight small segments and then lists, adds, applies (at once, or served and swept
 * in parts), abandons and rebuilds; after every step the digest is what a naive count over the held
 * segments of the target says. */
#include "base/rand.h"
#include "fuzz_mem.h"
#include "plan/plan.h"

#define PIECES  8
#define RECORDS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct piece {
    struct buf bytes;
    struct line line;
    struct record record[RECORDS];
};

static void piece_make(struct piece *p, struct mem *mem, const uint8_t *data)
{
    static const char *const users[] = {"a", "A", "b", "c"};
    struct segment_writer w;
    buf_init(&p->bytes, mem, SEGMENT_MAX);
    segment_writer_init(&w, &p->bytes);
    for (size_t i = 0; i < RECORDS; i++) {
        struct record *r = &p->record[i];
        *r = (struct record){.put = (data[i] & 1) != 0, .kind = ENTRY_URI};
        r->user = slice_of(users[data[i] >> 1 & 3]);
        r->domain = slice_of((data[i] & 8) != 0 ? "x.example" : "y.example");
        if (r->user.p[0] == 'c') {
            r->kind = ENTRY_PATTERN_ENTERPRISE;
            r->user = slice_of((data[i] & 8) != 0 ? "80XX" : "8!");
            r->domain = slice_make(NULL, 0);
        }
        r->usn = 1u + (data[i] >> 4);
        (void)segment_writer_put(&w, r);
    }
    p->line.size = (uint32_t)p->bytes.n;
    segment_name(p->line.name, buf_slice(&p->bytes));
}

static bool same_key(const struct record *a, const struct record *b)
{
    return slice_eq(a->user, b->user) && slice_eq(a->domain, b->domain);
}

static bool held(const struct catalog *c, const struct piece *p, unsigned mask, size_t i)
{
    return (mask >> i & 1) != 0 && catalog_segment(c, p[i].line.name).p != NULL;
}

/* Is there a live PUT of r's key whose USN is r's, seen for the first time at piece i, record k? */
static bool counts(const struct catalog *c, const struct piece *p, unsigned mask, size_t i,
                   size_t k)
{
    const struct record *r = &p[i].record[k];
    for (size_t j = 0; j < PIECES; j++) {
        for (size_t m = 0; held(c, p, mask, j) && m < RECORDS; m++) {
            const struct record *other = &p[j].record[m];
            bool earlier = j < i || (j == i && m < k);
            if (same_key(other, r) &&
                (other->usn > r->usn || (other->usn == r->usn && earlier && other->put)))
                return false;
        }
    }
    return r->put;
}

static void check(const struct plan *plan, const struct catalog *c, const struct piece *p,
                  unsigned mask)
{
    uint64_t live = 0, sum = 0, got_live, got_sum, patterns = 0;
    struct plan_stats stats;
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t k = 0; held(c, p, mask, i) && k < RECORDS; k++) {
            if (counts(c, p, mask, i, k)) {
                live++;
                sum += mix64(p[i].record[k].usn);
            }
        }
    }
    for (size_t i = 0; i < PIECES; i++) {
        bool held = catalog_segment(c, p[i].line.name).p != NULL;
        for (size_t k = 0; k < i; k++)
            held &= memcmp(p[k].line.name, p[i].line.name, HASH_SIZE) != 0;
        for (size_t k = 0; k < RECORDS; k++)
            patterns += held && p[i].record[k].kind == ENTRY_PATTERN_ENTERPRISE;
    }
    plan_stats(plan, &stats);
    assert(stats.patterns == patterns);
    catalog_digest(c, &got_live, &got_sum);
    assert(live == got_live && sum == got_sum);
}

static void run(struct plan *plan, const struct piece *p, const uint8_t *data, size_t size)
{
    static const uint8_t key[KEY_SIZE];
    struct catalog *c = catalog_new(plan, key, STREAM_PLAN, true);
    unsigned served = 0, wanted = 0;
    for (size_t at = 0; at + 1 < size; at += 2) {
        uint8_t lines[PIECES * LINE_BYTES];
        struct line line;
        size_t n = 0, first = 0, budget = data[at + 1] >> 1;
        bool parts = (data[at + 1] & 1) != 0;
        switch (data[at] % 6) {
        case 0:
            wanted = data[at + 1];
            for (size_t i = 0; i < PIECES; i++) {
                if ((wanted >> i & 1) == 0)
                    continue;
                memset(lines + n, 0, 4);
                lines[n + 3] = (uint8_t)p[i].line.size;
                memcpy(lines + n + 4, p[i].line.name, HASH_SIZE);
                n += LINE_BYTES;
            }
            assert(catalog_target(c, slice_make(lines, n), data[at]) == 0);
            break;
        case 1:
            if (!catalog_missing(c, &first, &line)) {
                if (parts)
                    catalog_serve(c);
                else
                    catalog_apply(c);
                served = wanted;
                assert(catalog_live(c) <= PIECES * RECORDS);
            }
            break;
        case 2:
            catalog_abandon(c);
            wanted = served;
            break;
        case 3:
            if (parts)
                (void)catalog_sweep(c, &budget);
            else
                assert(catalog_rebuild(c) == 0);
            break;
        default:
            assert(catalog_add(c, buf_slice(&p[data[at + 1] % PIECES].bytes)) >= 0);
        }
        check(plan, c, p, wanted);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct piece piece[PIECES];
    struct mem mem = fuzz_mem();
    uint8_t seed[16] = {1};
    if (size < PIECES * RECORDS)
        return 0;
    for (size_t i = 0; i < PIECES; i++)
        piece_make(&piece[i], &mem, data + i * RECORDS);
    struct plan *plan = plan_new(&mem, seed, true);
    run(plan, piece, data + PIECES * RECORDS, size - PIECES * RECORDS);
    plan_free(plan);
    for (size_t i = 0; i < PIECES; i++)
        buf_done(&piece[i].bytes);
    assert(mem.used == 0);
    return 0;
}
