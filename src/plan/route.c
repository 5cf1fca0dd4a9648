/* route: route patterns and the SIP URIs behind them, sorted by pattern, of one pattern as they are
 * tried. A route string is found by asking for its own name, then for "*." before each of its
 * shorter endings, then for "*": the first answer is the most specific one. Patterns with a "*"
 * further inside are few, and are gone through one by one. */
#include "plan/route.h"
#include "plan/host.h"
#include "plan/route_text.h"

#include <string.h>

struct kept {
    uint8_t *text; /* pattern, then target */
    uint16_t pattern_n, target_n;
    uint16_t place, host_n; /* of target: where the place begins; of this, the host */
    uint16_t port, priority, weight;
    uint8_t transport;
    bool secure, self;
    bool inside; /* the pattern has a "*" behind its first label */
};

struct routes {
    struct mem *mem;
    struct kept *kept;
    size_t n, size;
    size_t inside; /* how many of them */
    struct lookup_rules rules;
    uint8_t *self;
    size_t self_n;
    uint64_t changes;
};

static struct slice kept_pattern(const struct kept *k)
{
    return slice_make(k->text, k->pattern_n);
}

static struct slice kept_target(const struct kept *k)
{
    return slice_make(k->text + k->pattern_n, k->target_n);
}

static struct slice kept_host(const struct kept *k)
{
    return slice_make(k->text + k->pattern_n + k->place, k->host_n);
}

struct routes *routes_new(struct mem *mem)
{
    struct routes *r = mem_alloc(mem, sizeof *r);
    if (r != NULL)
        r->mem = mem;
    return r;
}

static void kept_done(struct routes *r, struct kept *k)
{
    r->inside -= k->inside;
    mem_free(r->mem, k->text, (size_t)k->pattern_n + k->target_n);
}

void routes_free(struct routes *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++)
        kept_done(r, &r->kept[i]);
    mem_free(r->mem, r->kept, r->size * sizeof *r->kept);
    mem_free(r->mem, r->self, r->self_n);
    mem_free(r->mem, r, sizeof *r);
}

struct routes *routes_clone(const struct routes *r, struct mem *mem)
{
    struct routes *copy = routes_new(mem);
    if (copy == NULL)
        return NULL;
    copy->rules = r->rules;
    copy->kept = r->n == 0 ? NULL : mem_alloc(mem, r->n * sizeof *copy->kept);
    copy->size = copy->kept == NULL ? 0 : r->n;
    bool ok = copy->size == r->n && routes_use_self(copy, slice_make(r->self, r->self_n));
    for (size_t i = 0; ok && i < r->n; i++) {
        struct kept k = r->kept[i];
        size_t size = (size_t)k.pattern_n + k.target_n;
        k.text = mem_alloc(mem, size);
        ok = k.text != NULL;
        if (!ok)
            break;
        memcpy(k.text, r->kept[i].text, size);
        copy->kept[copy->n++] = k;
        copy->inside += k.inside;
    }
    if (ok)
        return copy;
    routes_free(copy);
    return NULL;
}

void routes_use_rules(struct routes *r, const struct lookup_rules *rules)
{
    r->changes += memcmp(&r->rules, rules, sizeof *rules) != 0;
    r->rules = *rules;
}

uint64_t routes_changes(const struct routes *r)
{
    return r->changes;
}

const struct lookup_rules *routes_rules(const struct routes *r)
{
    return &r->rules;
}

/* --- oneself */

/* One address of the list, "host:port", is this one. */
static bool address_is(struct slice address, struct slice host, uint16_t port)
{
    size_t colon = address.n;
    uint64_t value;
    while (colon > 0 && address.p[colon - 1] != ':')
        colon--;
    return colon > 0 && slice_eq_fold(slice_make(address.p, colon - 1), host) &&
           slice_to_u64(slice_make(address.p + colon, address.n - colon), 65535, &value) &&
           value == port;
}

bool routes_is_self(const struct routes *r, struct slice host, uint16_t port, bool secure)
{
    struct slice rest = slice_make(r->self, r->self_n);
    port = port != 0 ? port : secure ? 5061 : 5060;
    while (rest.n > 0) {
        size_t n = slice_find(rest, ' ');
        if (address_is(slice_make(rest.p, n), host, port))
            return true;
        n += n < rest.n;
        rest = slice_make(rest.p + n, rest.n - n);
    }
    return false;
}

static bool kept_is_self(const struct routes *r, const struct kept *k)
{
    return routes_is_self(r, kept_host(k), k->port,
                          k->secure || k->transport == TRANSPORT_TLS);
}

bool routes_use_self(struct routes *r, struct slice list)
{
    uint8_t *self = NULL;
    if (list.n > ROUTE_SELF_MAX)
        return false;
    r->changes += !slice_eq(list, slice_make(r->self, r->self_n));
    if (list.n > 0) {
        self = mem_alloc(r->mem, list.n);
        if (self == NULL)
            return false;
        memcpy(self, list.p, list.n);
    }
    mem_free(r->mem, r->self, r->self_n);
    r->self = self;
    r->self_n = list.n;
    for (size_t i = 0; i < r->n; i++)
        r->kept[i].self = kept_is_self(r, &r->kept[i]);
    return true;
}

/* --- coming and going */

/* The first route whose pattern is not below `pattern`. */
static size_t routes_lower(const struct routes *r, struct slice pattern)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_cmp(kept_pattern(&r->kept[middle]), pattern) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t routes_run(const struct routes *r, size_t first, struct slice pattern)
{
    size_t n = 0;
    while (first + n < r->n && slice_eq(kept_pattern(&r->kept[first + n]), pattern))
        n++;
    return n;
}

static bool routes_grow(struct routes *r)
{
    if (r->n < r->size)
        return true;
    size_t size = r->size == 0 ? 8 : r->size * 2;
    struct kept *kept = mem_resize(r->mem, r->kept, r->size * sizeof *kept, size * sizeof *kept);
    if (kept == NULL)
        return false;
    r->kept = kept;
    r->size = size;
    return true;
}

static bool kept_make(const struct routes *r, struct kept *ret, const struct route *route)
{
    struct slice inner = route->pattern;
    if (inner.p[0] == '*')
        inner = slice_make(inner.p + 1, inner.n - 1);
    *ret = (struct kept){
        .text = mem_alloc(r->mem, route->pattern.n + route->target.n),
        .pattern_n = (uint16_t)route->pattern.n,
        .target_n = (uint16_t)route->target.n,
        .place = (uint16_t)(route->place.p - route->target.p),
        .host_n = (uint16_t)route->host.n,
        .port = route->port,
        .transport = route->transport,
        .secure = route->secure,
        .inside = slice_find(inner, '*') < inner.n,
    };
    if (ret->text == NULL)
        return false;
    memcpy(ret->text, route->pattern.p, route->pattern.n);
    memcpy(ret->text + route->pattern.n, route->target.p, route->target.n);
    ret->self = kept_is_self(r, ret);
    return true;
}

static int kept_cmp(const struct kept *a, const struct kept *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return slice_cmp(kept_target(a), kept_target(b));
}

/* Puts one in; among those of one priority the texts decide, so that a restart changes nothing. */
static void kept_insert(struct routes *r, size_t first, size_t n, struct kept k)
{
    size_t at = first + n;
    while (at > first && kept_cmp(&r->kept[at - 1], &k) > 0)
        at--;
    memmove(&r->kept[at + 1], &r->kept[at], (r->n - at) * sizeof k);
    r->kept[at] = k;
    r->n++;
    r->inside += k.inside;
    r->changes++;
}

enum entry_error routes_put(struct routes *r, struct slice pattern, struct slice target,
                            uint16_t priority, uint16_t weight)
{
    uint8_t pattern_bytes[ROUTE_PATTERN_MAX], target_bytes[ROUTE_TARGET_MAX];
    struct route route;
    struct kept k;
    if (!route_pattern_parse(pattern, pattern_bytes, &pattern))
        return ENTRY_ERROR_HOST;
    if (!route_target_parse(target, target_bytes, &route))
        return ENTRY_ERROR_CHARACTER;
    route.pattern = pattern;
    size_t first = routes_lower(r, pattern), n = routes_run(r, first, pattern), i = first;
    while (i < first + n && !slice_eq(kept_target(&r->kept[i]), route.target))
        i++;
    if (i < first + n) {
        k = r->kept[i];
        r->inside -= k.inside;
        r->n--;
        n--;
        memmove(&r->kept[i], &r->kept[i + 1], (r->n - i) * sizeof k);
    } else {
        if (n == ROUTE_TARGETS_MAX)
            return ENTRY_ERROR_TOO_LONG;
        if (!routes_grow(r) || !kept_make(r, &k, &route))
            return ENTRY_ERROR_MEMORY;
    }
    k.priority = priority;
    k.weight = weight;
    kept_insert(r, first, n, k);
    return ENTRY_OK;
}

uint16_t routes_next_priority(const struct routes *r, struct slice pattern)
{
    uint8_t bytes[ROUTE_PATTERN_MAX];
    if (!route_pattern_parse(pattern, bytes, &pattern))
        return ROUTE_PRIORITY;
    size_t first = routes_lower(r, pattern), n = routes_run(r, first, pattern);
    uint32_t next = n == 0 ? ROUTE_PRIORITY : r->kept[first + n - 1].priority + ROUTE_PRIORITY;
    return next < UINT16_MAX ? (uint16_t)next : UINT16_MAX;
}

enum entry_error routes_add(struct routes *r, struct slice pattern, struct slice target)
{
    size_t i;
    if (routes_has(r, pattern, target, &i))
        return ENTRY_OK;
    return routes_put(r, pattern, target, routes_next_priority(r, pattern), ROUTE_WEIGHT);
}

size_t routes_remove(struct routes *r, struct slice pattern, struct slice target)
{
    uint8_t pattern_bytes[ROUTE_PATTERN_MAX], target_bytes[ROUTE_TARGET_MAX];
    struct route route = {0};
    bool all = target.n == 0;
    if (!route_pattern_parse(pattern, pattern_bytes, &pattern) ||
        (!all && !route_target_parse(target, target_bytes, &route)))
        return 0;
    size_t first = routes_lower(r, pattern);
    size_t end = first + routes_run(r, first, pattern);
    size_t kept = first;
    for (size_t i = first; i < end; i++) {
        if (all || slice_eq(kept_target(&r->kept[i]), route.target))
            kept_done(r, &r->kept[i]);
        else
            r->kept[kept++] = r->kept[i];
    }
    if (kept < end) {
        memmove(&r->kept[kept], &r->kept[end], (r->n - end) * sizeof *r->kept);
        r->n -= end - kept;
        r->changes++;
    }
    return end - kept;
}

/* --- reading */

size_t routes_count(const struct routes *r)
{
    return r->n;
}

void routes_at(const struct routes *r, size_t i, struct route *ret)
{
    const struct kept *k = &r->kept[i];
    struct slice target = kept_target(k);
    *ret = (struct route){
        .pattern = kept_pattern(k),
        .target = target,
        .secure = k->secure,
        .place = slice_make(target.p + k->place, target.n - k->place),
        .host = kept_host(k),
        .port = k->port,
        .transport = k->transport,
        .priority = k->priority,
        .weight = k->weight,
        .self = k->self,
    };
}

void routes_get(const struct routes *r, size_t i, struct slice *ret_pattern,
                struct slice *ret_target)
{
    *ret_pattern = kept_pattern(&r->kept[i]);
    *ret_target = kept_target(&r->kept[i]);
}

bool routes_has(const struct routes *r, struct slice pattern, struct slice target, size_t *ret_i)
{
    uint8_t pattern_bytes[ROUTE_PATTERN_MAX], target_bytes[ROUTE_TARGET_MAX];
    struct route route;
    if (!route_pattern_parse(pattern, pattern_bytes, &pattern) ||
        !route_target_parse(target, target_bytes, &route))
        return false;
    size_t first = routes_lower(r, pattern), n = routes_run(r, first, pattern);
    for (*ret_i = first; *ret_i < first + n; ++*ret_i) {
        if (slice_eq(kept_target(&r->kept[*ret_i]), route.target))
            return true;
    }
    return false;
}

static bool routes_exact(const struct routes *r, struct slice pattern, size_t *ret_first,
                         size_t *ret_n)
{
    *ret_first = routes_lower(r, pattern);
    *ret_n = routes_run(r, *ret_first, pattern);
    return *ret_n != 0;
}

/* Among the patterns whose "*", if any, is the first label. */
static bool find_plain(const struct routes *r, struct slice route_string, size_t *ret_first,
                       size_t *ret_n)
{
    uint8_t text[1 + ROUTE_STRING_MAX];
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

bool routes_find(const struct routes *r, struct slice route_string, size_t *ret_first,
                 size_t *ret_n)
{
    if (route_string.n > ROUTE_STRING_MAX)
        return false;
    bool found = find_plain(r, route_string, ret_first, ret_n);
    for (size_t i = 0; r->inside > 0 && i < r->n; i++) {
        struct slice pattern = kept_pattern(&r->kept[i]);
        if (!r->kept[i].inside || !route_covers(pattern, route_string) ||
            (found && route_order(pattern, kept_pattern(&r->kept[*ret_first])) >= 0))
            continue;
        found = true;
        *ret_first = i;
        *ret_n = routes_run(r, i, pattern);
    }
    return found;
}

size_t routes_covering(const struct routes *r, struct slice route_string, size_t *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n && route_string.n <= ROUTE_STRING_MAX; i++) {
        struct slice pattern = kept_pattern(&r->kept[i]);
        bool again = i > 0 && slice_eq(kept_pattern(&r->kept[i - 1]), pattern);
        if (again || !route_covers(pattern, route_string))
            continue;
        size_t at = n;
        while (at > 0 && route_order(pattern, kept_pattern(&r->kept[out[at - 1]])) < 0)
            at--;
        if (at == max)
            continue;
        n += n < max;
        memmove(&out[at + 1], &out[at], (n - 1 - at) * sizeof *out);
        out[at] = i;
    }
    return n;
}
