/* routing: the routes and the rules of lookups as rows and commands. An added route is served at
 * once and taken back when it does not become durable; a removal waits for the disk.
 *
 * A route is a row: key pattern, 0, target, both canonical; value u16 priority, u16 weight. Rows of
 * the first versions have "1" there: such a route stands behind the ones before it. */
#include "core/core.h"

/* --- rows */

static struct slice route_key(struct ils *ils, const struct route *route)
{
    size_t n = route->pattern.n + 1 + route->target.n;
    uint8_t *p = arena_alloc(&ils->step, n);
    if (p == NULL)
        return slice_make(NULL, 0);
    memcpy(p, route->pattern.p, route->pattern.n);
    p[route->pattern.n] = 0;
    memcpy(p + route->pattern.n + 1, route->target.p, route->target.n);
    return slice_make(p, n);
}

void routing_row(struct ils *ils, const struct row *row)
{
    size_t at = slice_find(row->key, 0);
    if (at == row->key.n)
        return;
    struct slice pattern = slice_make(row->key.p, at), v = row->value;
    struct slice target = slice_make(row->key.p + at + 1, row->key.n - at - 1);
    if (row->remove) /* following */
        routes_remove(ils->routes, pattern, target);
    else if (v.n == 4)
        routes_put(ils->routes, pattern, target, (uint16_t)(v.p[0] << 8 | v.p[1]),
                   (uint16_t)(v.p[2] << 8 | v.p[3]));
    else
        routes_add(ils->routes, pattern, target);
}

/* --- rules */

bool routing_setting(struct ils *ils, struct slice key, struct slice value)
{
    if (!slice_eq(key, slice_of("lookup")) || value.n != 8)
        return false;
    const uint8_t *v = value.p + 5;
    struct lookup_rules rules = {.dial = v[0] < DIAL_POLICIES ? v[0] : DIAL_PHONE,
                                 .uri_case = v[1] == 1, .as_domain = v[2] == 1};
    routes_use_rules(ils->routes, &rules);
    return true;
}

void routing_rows(struct rows *r)
{
    const struct lookup_rules *rules = routes_rules(r->ils->routes);
    rows_setting_u64(r, "lookup", (uint64_t)rules->dial << 16 | (uint64_t)rules->uri_case << 8 |
                                      rules->as_domain);
}

static void rules_change(struct ils *ils, const struct command *c)
{
    struct rows rows;
    routes_use_rules(ils->routes, &c->lookup);
    rows_init(&rows, ils);
    rows_self(&rows);
    ils_action(ils, ILS_DO_PUBLISH);
    store_and_reply(&rows, c, false);
}

/* --- routes */

static void batch_of_route(struct batch *b, const struct command *c, bool add)
{
    if (b == NULL)
        return;
    b->route = true;
    b->route_add = add;
    text_set(b->pattern, c->pattern);
    text_set(b->target, c->target);
}

static bool route_there(const struct ils *ils, const struct batch *b, size_t *ret_at)
{
    return routes_has(ils->routes, text_slice(b->pattern), text_slice(b->target), ret_at);
}

/* As it was before b; those behind it fail as well, and what they found was b's doing. */
static void route_undone(struct ils *ils, const struct batch *b)
{
    struct slice pattern = text_slice(b->pattern), target = text_slice(b->target);
    size_t at, of;
    list_each(node, &ils->batches) {
        struct batch *behind = list_entry(node, struct batch, node);
        if (!behind->route || !behind->route_add || !route_there(ils, b, &of) ||
            !route_there(ils, behind, &at) || at != of)
            continue;
        behind->route_was = b->route_was;
        behind->priority = b->priority;
        behind->weight = b->weight;
    }
    if (b->route_was)
        routes_put(ils->routes, pattern, target, b->priority, b->weight);
    else
        routes_remove(ils->routes, pattern, target);
}

/* What was added since then is on its way to the disk, and stays. */
static void route_removed(struct ils *ils, const struct batch *b)
{
    size_t at;
    routes_remove(ils->routes, text_slice(b->pattern), text_slice(b->target));
    list_each(node, &ils->batches) {
        struct batch *behind = list_entry(node, struct batch, node);
        if (!behind->route || !behind->route_add || route_there(ils, behind, &at))
            continue;
        behind->route_was = false;
        if (routes_put(ils->routes, text_slice(behind->pattern), text_slice(behind->target),
                       behind->to_priority, behind->to_weight) != ENTRY_OK)
            ils->broken = true; /* durable, and not in memory: only a restart helps */
    }
}

/* What a batch of a route that failed, or a removal that did not, leaves. */
void routing_stored(struct ils *ils, const struct batch *b, bool failed)
{
    if (!b->route || b->route_add != failed)
        return; /* an addition that stays, or a removal that does not happen */
    if (failed)
        route_undone(ils, b);
    else
        route_removed(ils, b);
    ils_action(ils, ILS_DO_PUBLISH);
}

static enum reply error_reply(enum entry_error e)
{
    return e == ENTRY_ERROR_MEMORY     ? REPLY_MEMORY
           : e == ENTRY_ERROR_HOST     ? REPLY_ROUTE_PATTERN
           : e == ENTRY_ERROR_TOO_LONG ? REPLY_ROUTE_FULL
                                       : REPLY_ROUTE_TARGET;
}

static void restore(struct ils *ils, const struct command *c, const struct route *was, bool there)
{
    if (there)
        routes_put(ils->routes, c->pattern, c->target, was->priority, was->weight);
    else
        routes_remove(ils->routes, c->pattern, c->target);
}

static void route_add(struct ils *ils, const struct command *c)
{
    struct route was = {.priority = 0}, now;
    struct rows rows;
    size_t i;
    bool there = routes_has(ils->routes, c->pattern, c->target, &i);
    if (there)
        routes_at(ils->routes, i, &was);
    uint16_t priority = there ? was.priority : routes_next_priority(ils->routes, c->pattern);
    uint16_t weight = there ? was.weight : ROUTE_WEIGHT;
    priority = c->priority != 0 ? (uint16_t)(c->priority - 1) : priority;
    weight = c->weight != 0 ? (uint16_t)(c->weight - 1) : weight;
    enum entry_error e = routes_put(ils->routes, c->pattern, c->target, priority, weight);
    if (e != ENTRY_OK) {
        bool pattern = e == ENTRY_ERROR_HOST || e == ENTRY_ERROR_TOO_LONG;
        command_refuse(ils, c, error_reply(e), pattern ? c->pattern : c->target);
        return;
    }
    if (!routes_has(ils->routes, c->pattern, c->target, &i))
        return;
    routes_at(ils->routes, i, &now);
    if (now.self) {
        command_refuse(ils, c, REPLY_ROUTE_SELF, c->target);
        restore(ils, c, &was, there);
        return;
    }
    uint8_t value[4] = {(uint8_t)(priority >> 8), (uint8_t)priority, (uint8_t)(weight >> 8),
                        (uint8_t)weight};
    rows_init(&rows, ils);
    rows_put(&rows, ROW_ROUTE, route_key(ils, &now), slice_make(value, sizeof value));
    ils_action(ils, ILS_DO_PUBLISH);
    struct batch *b = store_and_reply(&rows, c, false);
    if (b == NULL) {
        restore(ils, c, &was, there);
        return;
    }
    batch_of_route(b, c, true);
    b->route_was = there;
    b->priority = was.priority;
    b->weight = was.weight;
    b->to_priority = priority;
    b->to_weight = weight;
}

/* What was to go: the pattern, and its target where one was named. */
static struct slice route_named(struct ils *ils, const struct command *c)
{
    size_t n = c->pattern.n + 1 + c->target.n;
    uint8_t *text = c->target.n == 0 ? NULL : arena_alloc(&ils->step, n);
    if (text == NULL)
        return c->pattern;
    memcpy(text, c->pattern.p, c->pattern.n);
    text[c->pattern.n] = ' ';
    memcpy(text + c->pattern.n + 1, c->target.p, c->target.n);
    return slice_make(text, n);
}

static void route_remove(struct ils *ils, const struct command *c)
{
    struct rows rows;
    struct route route;
    size_t one = 0;
    bool all = c->target.n == 0;
    bool there = all || routes_has(ils->routes, c->pattern, c->target, &one);
    rows_init(&rows, ils);
    for (size_t i = one; there && i < (all ? routes_count(ils->routes) : one + 1); i++) {
        routes_at(ils->routes, i, &route);
        if (slice_eq_fold(route.pattern, c->pattern))
            rows_remove(&rows, ROW_ROUTE, route_key(ils, &route));
    }
    if (rows.n == 0) {
        command_refuse(ils, c, REPLY_ROUTE_UNKNOWN, route_named(ils, c));
        return;
    }
    batch_of_route(store_and_reply(&rows, c, false), c, false);
}

void routing_command(struct ils *ils, const struct command *c)
{
    switch (c->type) {
    case COMMAND_ROUTE_ADD: route_add(ils, c); break;
    case COMMAND_ROUTE_REMOVE: route_remove(ils, c); break;
    case COMMAND_LOOKUP: rules_change(ils, c); break;
    case COMMAND_SELF:
        if (routes_use_self(ils->routes, c->value))
            ils_action(ils, ILS_DO_PUBLISH);
        command_reply(ils, c->id, REPLY_OK, slice_make(NULL, 0));
        break;
    default: break;
    }
}
