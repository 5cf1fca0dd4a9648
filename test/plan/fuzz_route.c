/* A script of lines "pattern target", "+pattern target" (with a priority and weight that come from
 * its length), "-pattern target" or "?route-string" against the routes: the order, the runs and
 * what is found hold after every line. */
#include "fuzz_mem.h"
#include "plan/lookup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names cut into their labels. */
struct labels {
    struct slice label[300];
    size_t n;
};

static void cut(struct labels *l, struct slice name)
{
    l->n = 0;
    for (size_t begin = 0, i = 0; i <= name.n; i++) {
        if (i < name.n && name.p[i] != '.')
            continue;
        l->label[l->n++] = slice_make(name.p + begin, i - begin);
        begin = i + 1;
    }
}

static bool star(struct slice label)
{
    return slice_eq(label, slice_of("*"));
}

static bool covers(struct slice pattern, struct slice route_string)
{
    static struct labels p, name;
    cut(&p, pattern);
    cut(&name, route_string);
    bool several = star(p.label[0]);
    if (several ? name.n < p.n : name.n != p.n)
        return false;
    for (size_t i = several; i < p.n; i++) {
        struct slice have = name.label[name.n - p.n + i];
        if (!star(p.label[i]) && !slice_eq_fold(p.label[i], have))
            return false;
    }
    return true;
}

/* From the right: a for a name, b for one label, c for several; the smaller word decides. */
static void word(char out[static 300], struct slice pattern)
{
    static struct labels p;
    size_t n = 0;
    cut(&p, pattern);
    for (size_t i = p.n; i > 0; i--)
        out[n++] = !star(p.label[i - 1]) ? 'a' : i > 1 ? 'b' : 'c';
    out[n] = '\0';
}

/* The most specific one that covers, found by looking at all of them. */
static void check_find(const struct routes *r, struct slice route_string)
{
    struct slice best = {NULL, 0}, pattern, target, last = {NULL, 0};
    char best_word[300] = "", its_word[300] = "";
    size_t first, n, all[8], covering = 0;
    if (route_string.n > ROUTE_STRING_MAX) {
        assert(!routes_find(r, route_string, &first, &n));
        return;
    }
    for (size_t i = 0; i < routes_count(r); i++) {
        routes_get(r, i, &pattern, &target);
        assert(route_covers(pattern, route_string) == covers(pattern, route_string));
        if (!covers(pattern, route_string))
            continue;
        covering += !slice_eq(pattern, last);
        last = pattern;
        word(its_word, pattern);
        if (best.n == 0 || strcmp(its_word, best_word) < 0) {
            best = pattern;
            memcpy(best_word, its_word, sizeof best_word);
        }
    }
    size_t told = routes_covering(r, route_string, all, 8);
    assert(told == (covering < 8 ? covering : 8));
    for (size_t i = 0; i + 1 < told; i++) {
        struct slice next;
        routes_get(r, all[i], &pattern, &target);
        routes_get(r, all[i + 1], &next, &target);
        assert(route_order(pattern, next) < 0 && route_order(next, pattern) > 0);
    }
    if (!routes_find(r, route_string, &first, &n)) {
        assert(best.n == 0);
        return;
    }
    assert(n > 0 && n <= ROUTE_TARGETS_MAX && first + n <= routes_count(r) && all[0] == first);
    for (size_t i = first; i < first + n; i++) {
        routes_get(r, i, &pattern, &target);
        assert(slice_eq(pattern, best));
    }
}

static void check_order(const struct routes *r)
{
    struct route former = {0}, route;
    for (size_t i = 0; i < routes_count(r); i++) {
        routes_at(r, i, &route);
        assert(route.pattern.n > 0 && route.target.n > 4);
        int order = slice_cmp(former.pattern, route.pattern);
        assert(order < 0 || (order == 0 && former.priority <= route.priority));
        assert(route.host.n > 0 && route.place.n >= route.host.n);
        former = route;
    }
}

static void check_clone(const struct routes *r, struct mem *mem)
{
    struct routes *copy = routes_clone(r, mem);
    assert(copy != NULL && routes_count(copy) == routes_count(r));
    for (size_t i = 0; i < routes_count(r); i++) {
        struct route a, b;
        routes_at(r, i, &a);
        routes_at(copy, i, &b);
        assert(slice_eq(a.pattern, b.pattern) && slice_eq(a.target, b.target));
        assert(slice_eq(a.host, b.host) && a.port == b.port && a.priority == b.priority);
    }
    routes_free(copy);
}

static void run_line(struct routes *r, struct slice line)
{
    uint8_t sign = line.n > 0 ? line.p[0] : 0;
    bool removes = sign == '-', asks = sign == '?', puts = sign == '+';
    if (removes || asks || puts)
        line = slice_make(line.p + 1, line.n - 1);
    size_t blank = slice_find(line, ' ');
    struct slice pattern = slice_make(line.p, blank);
    size_t skip = blank < line.n ? blank + 1 : blank;
    struct slice target = slice_make(line.p + skip, line.n - skip);
    size_t count = routes_count(r);
    if (asks) {
        check_find(r, line);
    } else if (removes) {
        assert(routes_remove(r, pattern, target) == count - routes_count(r));
    } else if (puts) {
        size_t i;
        uint16_t n = (uint16_t)target.n;
        if (routes_put(r, pattern, target, n % 4, n) == ENTRY_OK) {
            bool there = routes_has(r, pattern, target, &i);
            assert(there && routes_count(r) <= count + 1);
        }
    } else if (routes_add(r, pattern, target) == ENTRY_OK) {
        count = routes_count(r);
        assert(routes_add(r, pattern, target) == ENTRY_OK && routes_count(r) == count);
    }
    check_order(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = fuzz_mem();
    struct routes *r = routes_new(&mem);
    struct slice rest = slice_make(data, size);
    while (rest.n > 0) {
        size_t n = slice_find(rest, '\n');
        run_line(r, slice_make(rest.p, n));
        size_t skip = n < rest.n ? n + 1 : n;
        rest = slice_make(rest.p + skip, rest.n - skip);
    }
    check_clone(r, &mem);
    routes_free(r);
    assert(mem.used == 0);
    return 0;
}
