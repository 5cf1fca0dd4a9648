/* route: route patterns and the SIP URIs behind them, sorted by pattern. A route string is found by
 * asking for its own name, then for "*." before each of its shorter endings, then for "*": the
 * first answer is the most specific one. */
#include "plan/lookup.h"
#include "plan/host.h"

#include <string.h>

#define TARGET_MAX 255 /* bytes of a target */

struct route {
    uint8_t *text; /* pattern, then target */
    size_t pattern_n, target_n;
};

struct routes {
    struct mem *mem;
    struct route *route; /* by pattern; one pattern's in the order they were added */
    size_t n, size;
};

static struct slice route_pattern(const struct route *r)
{
    return slice_make(r->text, r->pattern_n);
}

static struct slice route_target(const struct route *r)
{
    return slice_make(r->text + r->pattern_n, r->target_n);
}

struct routes *routes_new(struct mem *mem)
{
    struct routes *r = mem_alloc(mem, sizeof *r);
    if (r != NULL)
        r->mem = mem;
    return r;
}

static void route_done(struct routes *r, struct route *route)
{
    mem_free(r->mem, route->text, route->pattern_n + route->target_n);
}

void routes_free(struct routes *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++)
        route_done(r, &r->route[i]);
    mem_free(r->mem, r->route, r->size * sizeof *r->route);
    mem_free(r->mem, r, sizeof *r);
}

/* Canonical pattern: *ret is a slice of scratch. */
static bool route_pattern_parse(struct slice text, uint8_t scratch[static 2 + ROUTE_STRING_MAX],
                          struct slice *ret)
{
    struct slice labels = text;
    if (text.n == 0 || text.n > 2 + ROUTE_STRING_MAX)
        return false;
    if (text.p[0] == '*') {
        if (text.n >= 2 && text.p[1] != '.')
            return false;
        labels = text.n >= 2 ? slice_make(text.p + 2, text.n - 2) : slice_make(NULL, 0);
    }
    bool all = text.n == 1 && text.p[0] == '*';
    if (!all && (labels.n > ROUTE_STRING_MAX || !host_is_labels(labels)))
        return false;
    slice_lower(scratch, text);
    *ret = slice_make(scratch, text.n);
    return true;
}

static bool port_valid(struct slice port)
{
    uint64_t value;
    return port.n <= 5 && slice_to_u64(port, 65535, &value) && value != 0;
}

static bool transport_valid(struct slice parameter)
{
    static const char *const transports[] = {"udp", "tcp", "tls", "sctp", "ws", "wss"};
    size_t equals = slice_find(parameter, '=');
    if (equals == parameter.n ||
        !slice_eq(slice_make(parameter.p, equals), slice_of("transport")))
        return false;
    struct slice value = slice_make(parameter.p + equals + 1, parameter.n - equals - 1);
    for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++) {
        if (slice_eq(value, slice_of(transports[i])))
            return true;
    }
    return false;
}

/* host[:port][;transport=...], in lower case already. */
static bool place_valid(struct slice place)
{
    size_t semicolon = slice_find(place, ';');
    if (semicolon < place.n &&
        !transport_valid(slice_make(place.p + semicolon + 1, place.n - semicolon - 1)))
        return false;
    place.n = semicolon;
    if (place.n > 0 && place.p[0] == '[') {
        size_t end = slice_find(place, ']');
        if (end == place.n || !host_is_ipv6(slice_make(place.p, end + 1)))
            return false;
        struct slice rest = slice_make(place.p + end + 1, place.n - end - 1);
        return rest.n == 0 ||
               (rest.p[0] == ':' && port_valid(slice_make(rest.p + 1, rest.n - 1)));
    }
    size_t colon = slice_find(place, ':');
    if (colon < place.n && !port_valid(slice_make(place.p + colon + 1, place.n - colon - 1)))
        return false;
    return host_valid(slice_make(place.p, colon));
}

/* Canonical target: all but the user part in lower case; *ret is a slice of scratch. */
static bool target_parse(struct slice text, uint8_t scratch[static TARGET_MAX], struct slice *ret)
{
    if (text.n < 5 || text.n > TARGET_MAX)
        return false;
    slice_lower(scratch, text);
    size_t scheme = slice_find(slice_make(scratch, text.n), ':') + 1;
    struct slice word = slice_make(scratch, scheme < text.n ? scheme : 0);
    if (!slice_eq(word, slice_of("sip:")) && !slice_eq(word, slice_of("sips:")))
        return false;
    struct slice rest = slice_make(text.p + scheme, text.n - scheme);
    size_t at = slice_find(rest, '@');
    size_t n = 0;
    if (at == 0)
        return false;
    if (at < rest.n) {
        if (user_canonical(scratch + scheme, slice_make(rest.p, at), &n) != ENTRY_OK)
            return false;
        scratch[scheme + n++] = '@';
        rest = slice_make(rest.p + at + 1, rest.n - at - 1);
    }
    slice_lower(scratch + scheme + n, rest);
    *ret = slice_make(scratch, scheme + n + rest.n);
    return place_valid(slice_make(scratch + scheme + n, rest.n));
}

/* The first route whose pattern is not below `pattern`. */
static size_t routes_lower(const struct routes *r, struct slice pattern)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_cmp(route_pattern(&r->route[middle]), pattern) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t routes_run(const struct routes *r, size_t first, struct slice pattern)
{
    size_t n = 0;
    while (first + n < r->n && slice_eq(route_pattern(&r->route[first + n]), pattern))
        n++;
    return n;
}

static bool routes_grow(struct routes *r)
{
    if (r->n < r->size)
        return true;
    size_t size = r->size == 0 ? 8 : r->size * 2;
    struct route *route =
        mem_resize(r->mem, r->route, r->size * sizeof *route, size * sizeof *route);
    if (route == NULL)
        return false;
    r->route = route;
    r->size = size;
    return true;
}

enum entry_error routes_add(struct routes *r, struct slice pattern, struct slice target)
{
    uint8_t pattern_bytes[2 + ROUTE_STRING_MAX], target_bytes[TARGET_MAX];
    if (!route_pattern_parse(pattern, pattern_bytes, &pattern))
        return ENTRY_ERROR_HOST;
    if (!target_parse(target, target_bytes, &target))
        return ENTRY_ERROR_CHARACTER;
    size_t first = routes_lower(r, pattern);
    size_t n = routes_run(r, first, pattern);
    for (size_t i = first; i < first + n; i++) {
        if (slice_eq(route_target(&r->route[i]), target))
            return ENTRY_OK;
    }
    if (n == ROUTE_TARGETS_MAX)
        return ENTRY_ERROR_TOO_LONG;
    if (!routes_grow(r))
        return ENTRY_ERROR_MEMORY;
    struct route route = {mem_alloc(r->mem, pattern.n + target.n), pattern.n, target.n};
    if (route.text == NULL)
        return ENTRY_ERROR_MEMORY;
    memcpy(route.text, pattern.p, pattern.n);
    memcpy(route.text + pattern.n, target.p, target.n);
    size_t at = first + n;
    memmove(&r->route[at + 1], &r->route[at], (r->n - at) * sizeof route);
    r->route[at] = route;
    r->n++;
    return ENTRY_OK;
}

size_t routes_remove(struct routes *r, struct slice pattern, struct slice target)
{
    uint8_t pattern_bytes[2 + ROUTE_STRING_MAX], target_bytes[TARGET_MAX];
    bool all = target.n == 0;
    if (!route_pattern_parse(pattern, pattern_bytes, &pattern) ||
        (!all && !target_parse(target, target_bytes, &target)))
        return 0;
    size_t first = routes_lower(r, pattern);
    size_t end = first + routes_run(r, first, pattern);
    size_t kept = first;
    for (size_t i = first; i < end; i++) {
        if (all || slice_eq(route_target(&r->route[i]), target))
            route_done(r, &r->route[i]);
        else
            r->route[kept++] = r->route[i];
    }
    if (kept < end) {
        memmove(&r->route[kept], &r->route[end], (r->n - end) * sizeof *r->route);
        r->n -= end - kept;
    }
    return end - kept;
}

size_t routes_count(const struct routes *r)
{
    return r->n;
}

void routes_get(const struct routes *r, size_t i, struct slice *ret_pattern,
                struct slice *ret_target)
{
    *ret_pattern = route_pattern(&r->route[i]);
    *ret_target = route_target(&r->route[i]);
}

static bool routes_exact(const struct routes *r, struct slice pattern, size_t *ret_first,
                         size_t *ret_n)
{
    *ret_first = routes_lower(r, pattern);
    *ret_n = routes_run(r, *ret_first, pattern);
    return *ret_n != 0;
}

bool routes_find(const struct routes *r, struct slice route_string, size_t *ret_first,
                 size_t *ret_n)
{
    uint8_t text[1 + ROUTE_STRING_MAX];
    if (route_string.n > ROUTE_STRING_MAX)
        return false;
    slice_lower(text + 1, route_string);
    if (routes_exact(r, slice_make(text + 1, route_string.n), ret_first, ret_n))
        return true;
    for (size_t i = 1; i < route_string.n + 1; i++) {
        if (text[i] != '.')
            continue;
        text[i - 1] = '*';
        if (routes_exact(r, slice_make(text + i - 1, route_string.n + 2 - i), ret_first, ret_n))
            return true;
    }
    text[0] = '*';
    return routes_exact(r, slice_make(text, 1), ret_first, ret_n);
}
