/* bench_lookup: lookups a second in process, on one core, over N entries of one learned catalog.
 *   bench_lookup [ENTRIES] [LOOKUPS]
 * Half of the entries are directory URIs, half enterprise numbers; every lookup is of a random one
 * and is checked; a round without hits follows. Prints one line of figures a round. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rand.h"
#include "fuzz_mem.h"
#include "plan/lookup.h"

#define RESET_EVERY 16

static void fail(const char *what)
{
    fprintf(stderr, "bench_lookup: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
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

static void run(struct plan *p, struct routes *r, struct mem *mem, uint64_t entries,
                uint64_t lookups, bool absent)
{
    struct dialled {
        char text[47];
        uint8_t n;
    } *dialled = malloc(lookups * sizeof *dialled);
    struct rand random;
    struct arena a;
    if (dialled == NULL)
        fail("memory");
    rand_seed(&random, 42);
    for (uint64_t i = 0; i < lookups; i++)
        dialled[i].n = (uint8_t)make_key(dialled[i].text, sizeof dialled[i].text,
                                         rand_below(&random, entries), absent);
    arena_init(&a, mem);
    uint64_t found = 0;
    double start = now();
    for (uint64_t i = 0; i < lookups; i++) {
        struct lookup l;
        if (i % RESET_EVERY == 0)
            arena_reset(&a);
        plan_lookup(p, r, &a, slice_make(dialled[i].text, dialled[i].n), &l);
        found += l.result == LOOKUP_FOUND && l.target_n == 1;
    }
    double seconds = now() - start;
    if (found != (absent ? 0 : lookups))
        fail("wrong answers");
    printf("%s: %.0f lookups/s, %.0f ns each, %llu entries\n", absent ? "absent" : "found",
           (double)lookups / seconds, seconds / (double)lookups * 1e9,
           (unsigned long long)entries);
    arena_done(&a);
    free(dialled);
}

int main(int argc, char **argv)
{
    static const uint8_t seed[16] = {1, 2, 3};
    uint64_t entries = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint64_t lookups = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000;
    struct mem mem = fuzz_mem();
    struct plan *p = plan_new(&mem, seed, true);
    struct routes *r = routes_new(&mem);
    if (p == NULL || r == NULL || entries == 0 || entries > 10000000)
        fail("memory, or entries not in 1..10000000");
    if (routes_add(r, slice_of("*.example.com"), slice_of("sip:10.0.0.5")) != ENTRY_OK)
        fail("memory");
    double start = now();
    fill(p, &mem, entries);
    struct plan_stats stats;
    plan_stats(p, &stats);
    printf("filled in %.2f s: %llu segments, %.1f + %.1f bytes an entry (segments + index)\n",
           now() - start, (unsigned long long)stats.segments,
           (double)stats.segment_bytes / (double)entries,
           (double)stats.index_bytes / (double)entries);
    run(p, r, &mem, entries, lookups, false);
    run(p, r, &mem, entries, lookups, true);
    plan_free(p);
    routes_free(r);
    return 0;
}
