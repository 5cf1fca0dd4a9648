/* bench_pattern: longest matches a second in process, on one core, over N patterns.
 *   bench_pattern [PATTERNS] [LOOKUPS]
 * The patterns are those of a large plan: area, exchange and a range each, half of them with
 * wildcards of variable length behind. Every lookup is of a number that at least one pattern
 * matches; the answers' sum is printed so that two runs can be compared. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rand.h"
#include "fuzz_mem.h"
#include "plan/patterns.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct pattern pattern_make(uint64_t i)
{
    static const char *const tails[] = {"XXXX", "[1-5]XX", "[^0]!", "!", "2[0-4]XX"};
    char text[64];
    struct pattern p;
    size_t at;
    int n = snprintf(text, sizeof text, "+%u%06u%s", (unsigned)(1 + i % 7),
                     (unsigned)(i * 7919 % 1000000), tails[i % 5]);
    if (pattern_read(slice_make(text, (size_t)n), true, &p, &at) != ENTRY_OK)
        abort();
    return p;
}

static bool first(void *context, const struct pattern *p)
{
    *(uint64_t *)context += p->n;
    return false;
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    uint64_t lookups = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000;
    struct mem mem = fuzz_mem();
    struct patterns t = {0};
    struct rand r;
    double start = now();
    for (uint64_t i = 0; i < n; i++) {
        struct pattern p = pattern_make(i);
        if (!patterns_add(&t, &mem, &p))
            return 1;
    }
    printf("filled: %.0f ns a pattern, %.1f bytes a pattern, %llu patterns\n",
           (now() - start) / (double)n * 1e9, (double)patterns_bytes(&t) / (double)n,
           (unsigned long long)n);
    rand_seed(&r, 42);
    uint64_t sum = 0;
    start = now();
    for (uint64_t i = 0; i < lookups; i++) {
        char number[32];
        uint64_t k = rand_below(&r, n);
        int length = snprintf(number, sizeof number, "+%u%06u2%03u", (unsigned)(1 + k % 7),
                              (unsigned)(k * 7919 % 1000000), (unsigned)(i % 1000));
        patterns_match(&t, slice_make(number, (size_t)length), first, &sum, NULL);
    }
    double seconds = now() - start;
    printf("longest match: %.0f a second, %.0f ns each, sum %llu\n", (double)lookups / seconds,
           seconds / (double)lookups * 1e9, (unsigned long long)sum);
    patterns_done(&t, &mem);
    return 0;
}
