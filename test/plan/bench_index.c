/* bench_index: what the plan costs at N entries (1 000 000 by default): sealing them, taking them
 * in, finding them. Prints `metric: value`; not a test. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rand.h"
#include "plan/index.h"
#include "plan/origin.h"
#include "fuzz_mem.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct change *make_changes(size_t n)
{
    struct change *change = calloc(n, sizeof *change);
    char *text = malloc(n * 48);
    for (size_t i = 0; i < n; i++) {
        char *user = text + i * 48, *domain = user + 16;
        int user_n = snprintf(user, 16, "user%07zu", i);
        int domain_n = snprintf(domain, 32, "site%03zu.example.com", i / 1000);
        change[i] = (struct change){
            .put = true,
            .kind = ENTRY_URI,
            .user = slice_make(user, (size_t)user_n),
            .domain = slice_make(domain, (size_t)domain_n),
            .source = slice_of("csv"),
        };
    }
    return change;
}

/* Random keys, written down beforehand one behind the other, as a socket would bring them. */
static void bench_find(const struct plan *p, const struct change *change, size_t n)
{
    struct rand r;
    size_t found = 0, finds = 2000000;
    struct candidate out[4];
    char *text = malloc(finds * 48);
    rand_seed(&r, 1);
    for (size_t i = 0; i < finds; i++) {
        const struct change *c = &change[rand_below(&r, n)];
        memcpy(text + i * 48, c->user.p, 48);
    }
    double start = now();
    for (size_t i = 0; i < finds; i++) {
        const char *user = text + i * 48, *domain = user + 16;
        found += plan_candidates(p, ENTRY_URI, slice_of(user), slice_of(domain), out, 4);
    }
    double took = now() - start;
    printf("finds_per_second: %.0f\n", (double)finds / took);
    printf("found: %zu of %zu\n", found, finds);
    free(text);
}

static void bench_changes(struct catalog *c, const struct commit *first,
                          const uint8_t *secret, const struct change *change)
{
    struct mem mem = fuzz_mem();
    struct head former = first->head;
    double start = now();
    for (size_t i = 0; i < 1000; i++) {
        struct arena a;
        struct commit commit;
        struct change one = change[i * 7];
        one.value = slice_make("\1\0", 2);
        arena_init(&a, &mem);
        if (origin_commit(&a, c, &former, &former, &one, 1, secret, &commit) != 0)
            abort();
        catalog_target(c, commit.lines, commit.head.live);
        for (size_t k = 0; k < commit.segment_n; k++)
            catalog_add_named(c, commit.segment[k].line.name, commit.segment[k].bytes);
        catalog_apply(c);
        former = commit.head;
        arena_done(&a);
    }
    printf("one_change_us: %.1f\n", (now() - start) * 1000);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    struct mem mem = fuzz_mem();
    uint8_t seed[SEED_SIZE] = {1}, key[KEY_SIZE], secret[SECRET_SIZE];
    if (n == 0 || sodium_init() < 0)
        return 1;
    crypto_keypair(seed, key, secret);
    struct change *change = make_changes(n);
    struct plan *p = plan_new(&mem, seed, true);
    struct catalog *c = catalog_new(p, key, STREAM_PLAN, true);
    struct head former = {0}, next = {.epoch = 1};
    struct arena a;
    struct commit commit;
    memcpy(next.key, key, KEY_SIZE);
    arena_init(&a, &mem);

    double start = now();
    if (origin_commit(&a, c, &former, &next, change, n, secret, &commit) != 0)
        return 1;
    printf("seal_seconds: %.3f\n", now() - start);

    uint64_t live, sum;
    struct plan_stats stats;
    start = now();
    if (catalog_target(c, commit.lines, commit.head.live) != 0)
        return 1;
    for (size_t i = 0; i < commit.segment_n; i++) {
        if (catalog_add(c, commit.segment[i].bytes) != 0)
            return 1;
    }
    catalog_apply(c);
    printf("add_seconds: %.3f\n", now() - start);
    catalog_digest(c, &live, &sum);
    printf("digest_agrees: %d\n", live == commit.head.live && sum == commit.head.sum);
    plan_stats(p, &stats);
    printf("segment_bytes_per_entry: %.2f\n", (double)stats.segment_bytes / (double)n);
    printf("index_bytes_per_entry: %.2f\n", (double)stats.index_bytes / (double)n);
    printf("heap_bytes_per_entry: %.2f\n",
           (double)(stats.segment_bytes + stats.index_bytes) / (double)n);
    bench_find(p, change, n);
    bench_changes(c, &commit, secret, change);

    start = now();
    catalog_free(c);
    printf("free_seconds: %.3f\n", now() - start);
    arena_done(&a);
    plan_free(p);
    free((void *)(uintptr_t)change[0].user.p);
    free(change);
    return 0;
}
