/* Lines of patterns, "-" before those that go again, and of numbers behind "=": a canonical pattern
 * is read back as itself; after every line the trie says what a naive matcher says, in the order of
 * the documents. */
#include "fuzz_mem.h"
#include "naive_pattern.h"
#include "plan/patterns.h"

#define HELD 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct mem mem;
    struct patterns trie;
    struct {
        char text[PATTERN_TEXT_MAX + 1];
        size_t records;
    } held[HELD];
    const char *number;
    char last[PATTERN_TEXT_MAX + 1];
    bool longer;
    size_t seen;
};

static bool see(void *context, const struct pattern *p)
{
    struct world *w = context;
    char text[PATTERN_TEXT_MAX + 1];
    text[pattern_print((uint8_t *)text, p)] = '\0';
    assert(naive_match(text, w->number, w->longer));
    assert(w->longer || w->seen == 0 || naive_order(w->last, text) < 0);
    memcpy(w->last, text, sizeof text);
    w->seen++;
    return true;
}

static void ask(struct world *w, const char *number)
{
    w->number = number;
    for (int longer = 0; longer < 2; longer++) {
        size_t expected = 0;
        w->longer = longer != 0;
        w->seen = 0;
        (longer ? patterns_longer : patterns_match)(&w->trie, slice_of(number), see, w, NULL);
        for (size_t i = 0; i < HELD; i++)
            expected += w->held[i].records > 0 && naive_match(w->held[i].text, number, longer);
        assert(w->seen == expected);
    }
}

/* A pattern comes or goes; a place is free for it, or it is let be. */
static void change(struct world *w, const struct pattern *p, bool put)
{
    char text[PATTERN_TEXT_MAX + 1];
    size_t at = HELD;
    text[pattern_print((uint8_t *)text, p)] = '\0';
    for (size_t i = HELD; i-- > 0;) {
        if (w->held[i].records > 0 && strcmp(w->held[i].text, text) == 0) {
            at = i;
            break;
        }
        at = w->held[i].records == 0 ? i : at;
    }
    if (at == HELD)
        return;
    if (put) {
        memcpy(w->held[at].text, text, sizeof text);
        w->held[at].records++;
        assert(patterns_add(&w->trie, &w->mem, p));
    } else if (w->held[at].records > 0) {
        w->held[at].records--;
        patterns_remove(&w->trie, &w->mem, p);
    }
}

static void take_line(struct world *w, struct slice line)
{
    char number[1 + NUMBER_MAX + 1] = "";
    struct pattern p, again;
    size_t at;
    if (line.n > 0 && line.p[0] == '=' && line.n < sizeof number) {
        for (size_t i = 1; i < line.n; i++) {
            bool digit = line.p[i] >= '0' && line.p[i] <= '9';
            number[i - 1] = (char)(digit || (i == 1 && line.p[i] == '+') ? line.p[i] : '1');
        }
        ask(w, number);
        return;
    }
    bool put = line.n == 0 || line.p[0] != '-';
    line = put ? line : slice_make(line.p + 1, line.n - 1);
    bool plus = slice_find(line, '+') == 0 || (line.n > 1 && line.p[1] == '+');
    if (pattern_read(line, plus, &p, &at) != ENTRY_OK) {
        assert(at <= line.n);
        return;
    }
    uint8_t text[PATTERN_TEXT_MAX];
    struct slice key = slice_make(text, pattern_print(text, &p));
    assert(pattern_of_key(plus ? ENTRY_PATTERN_E164 : ENTRY_PATTERN_ENTERPRISE, key, &again));
    assert(again.n == p.n && again.plus == p.plus);
    if (p.n <= 8) /* the naive one tries every way */
        change(w, &p, put);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct slice rest = slice_make(data, size);
    world = (struct world){.mem = fuzz_mem()};
    while (rest.n > 0) {
        size_t n = slice_find(rest, '\n');
        take_line(&world, slice_make(rest.p, n));
        size_t skip = n < rest.n ? n + 1 : n;
        rest = slice_make(rest.p + skip, rest.n - skip);
    }
    for (size_t i = 0; i < HELD; i++) {
        for (; world.held[i].records > 0; world.held[i].records--) {
            struct pattern p;
            size_t at;
            enum entry_error error = pattern_read(slice_of(world.held[i].text),
                                                  world.held[i].text[0] == '+', &p, &at);
            assert(error == ENTRY_OK);
            patterns_remove(&world.trie, &world.mem, &p);
        }
    }
    assert(world.mem.used == 0 && world.trie.records == 0);
    return 0;
}
