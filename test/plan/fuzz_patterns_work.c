/* Patterns made to be expensive: some bytes say of what kind, and up to 40 000 of them come. A walk
 * does no more than its bound; what it finds is what matches, the most specific first and none left
 * out between; where it was not cut, all of it. */
#include "base/rand.h"
#include "fuzz_mem.h"
#include "plan/patterns.h"

#define HELD_MAX 40000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct mem mem;
    struct patterns trie;
    struct pattern held[HELD_MAX];
    size_t n;
    uint8_t number[NUMBER_MAX];
    size_t digits;
    struct pattern last;
    size_t seen;
};

static bool matches(const struct world *w, const struct pattern *p)
{
    struct automaton a;
    automaton_of(&a, p);
    uint32_t at = automaton_skip(&a, 1);
    for (size_t i = 0; i < w->digits; i++)
        at = automaton_step(&a, at, a.at[w->number[i] - '0']);
    return (at & a.end) != 0;
}

static bool see(void *context, const struct pattern *p)
{
    struct world *w = context;
    assert(matches(w, p));
    assert(w->seen == 0 || pattern_order(&w->last, p) < 0);
    w->last = *p;
    w->seen++;
    return true;
}

static bool see_any(void *context, const struct pattern *p)
{
    return true;
}

/* Elements of one kind: sets with a digit of the number, or any; of fixed or variable length. */
static void make(struct world *w, const uint8_t kind[static 4])
{
    struct rand r;
    rand_seed(&r, (uint64_t)kind[0] << 8 | kind[1]);
    size_t wanted = (size_t)(kind[2] & 15) * 512 + 1, levels = 1 + kind[3] % 12;
    for (size_t i = 0; i < wanted && w->n < HELD_MAX; i++) {
        struct pattern *p = &w->held[w->n];
        *p = (struct pattern){.n = (uint8_t)levels};
        for (size_t k = 0; k < levels; k++) {
            uint16_t digits = (uint16_t)(1 + rand_below(&r, DIGITS_ALL));
            if ((kind[2] & 16) != 0 && k < w->digits)
                digits |= (uint16_t)(1u << (w->number[k] - '0'));
            uint8_t repeat = (kind[2] & 32) != 0 ? (uint8_t)rand_below(&r, 3) : REPEAT_ONCE;
            if ((kind[2] & 64) != 0 && k < 2)
                digits = DIGITS_ALL;
            p->element[k] = (struct element){digits, repeat};
        }
        assert(patterns_add(&w->trie, &w->mem, p));
        w->n++;
    }
}

static void check(struct world *w)
{
    struct patterns_work work;
    size_t all = 0, before = 0;
    w->seen = 0;
    patterns_match(&w->trie, slice_make(w->number, w->digits), see, w, &work);
    assert(work.visits <= PATTERN_VISITS_MAX + PATTERN_ASK_VISITS);
    for (size_t i = 0; i < w->n; i++) {
        if (!matches(w, &w->held[i]))
            continue;
        all++;
        before += w->seen > 0 && pattern_order(&w->held[i], &w->last) <= 0;
    }
    /* The same pattern may be held twice, and is seen once. */
    assert(before >= w->seen && (all > 0) >= (w->seen > 0));
    assert(work.cut || before == all);
    if (work.cut)
        assert(work.at.n > 0 && work.at.n <= PATTERN_MAX);
    patterns_longer(&w->trie, slice_make(w->number, w->digits), see_any, w, &work);
    assert(work.visits <= PATTERN_VISITS_MAX + PATTERN_ASK_VISITS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct world *w = &world;
    w->mem = fuzz_mem();
    w->trie = (struct patterns){.top = 0};
    w->n = w->digits = 0;
    if (size < 1)
        return 0;
    size_t digits = data[0] % (NUMBER_MAX + 1);
    data++;
    size--;
    while (w->digits < digits && size > 0) {
        w->number[w->digits++] = (uint8_t)('0' + *data++ % 10);
        size--;
    }
    for (; size >= 4; data += 4, size -= 4)
        make(w, data);
    check(w);
    patterns_done(&w->trie, &w->mem);
    assert(w->mem.used == 0);
    return 0;
}
