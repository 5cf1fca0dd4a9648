/* A script of lines "pattern target", "-pattern target" or "?route-string" against the routes: the
 * order, the runs and what is found hold after every line. */
#include "fuzz_mem.h"
#include "plan/lookup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool covers(struct slice pattern, struct slice route_string)
{
    if (pattern.n == 1 && pattern.p[0] == '*')
        return true;
    if (pattern.p[0] != '*')
        return slice_eq_fold(pattern, route_string);
    struct slice end = slice_make(pattern.p + 1, pattern.n - 1);
    return route_string.n >= end.n &&
           slice_eq_fold(end, slice_make(route_string.p + route_string.n - end.n, end.n));
}

/* The longest pattern that covers, found by looking at all of them. */
static void check_find(const struct routes *r, struct slice route_string)
{
    struct slice best = {NULL, 0}, pattern, target;
    size_t first, n;
    for (size_t i = 0; i < routes_count(r); i++) {
        routes_get(r, i, &pattern, &target);
        bool exact = pattern.p[0] != '*';
        if (covers(pattern, route_string) && (best.n == 0 || exact || pattern.n > best.n) &&
            !(best.n > 0 && best.p[0] != '*'))
            best = pattern;
    }
    if (!routes_find(r, route_string, &first, &n)) {
        assert(best.n == 0 || route_string.n > ROUTE_STRING_MAX);
        return;
    }
    assert(n > 0 && n <= ROUTE_TARGETS_MAX && first + n <= routes_count(r));
    for (size_t i = first; i < first + n; i++) {
        routes_get(r, i, &pattern, &target);
        assert(slice_eq(pattern, best));
    }
}

static void check_order(const struct routes *r)
{
    struct slice former = {NULL, 0}, pattern, target;
    for (size_t i = 0; i < routes_count(r); i++) {
        routes_get(r, i, &pattern, &target);
        assert(pattern.n > 0 && target.n > 4 && slice_cmp(former, pattern) <= 0);
        former = pattern;
    }
}

static void run_line(struct routes *r, struct slice line)
{
    bool removes = line.n > 0 && line.p[0] == '-', asks = line.n > 0 && line.p[0] == '?';
    if (removes || asks)
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
    routes_free(r);
    assert(mem.used == 0);
    return 0;
}
