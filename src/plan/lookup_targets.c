/* lookup_targets: from the winner to the URIs where the call may go, in their order, and without
 * those that would only bring it back. */
#include "plan/lookup_inside.h"
#include "plan/host.h"
#include "plan/pattern.h"

#include <string.h>

struct slice lookup_result_text(uint8_t result)
{
    static const char *const text[] = {
        [LOOKUP_FOUND] = "found",         [LOOKUP_NO_MATCH] = "no_match",
        [LOOKUP_NO_ROUTE] = "no_route",   [LOOKUP_LOCAL] = "local",
        [LOOKUP_BAD_INPUT] = "bad_input", [LOOKUP_BLOCKED] = "blocked",
        [LOOKUP_THERE] = "there",         [LOOKUP_CUT] = "cut",
        [LOOKUP_BUSY] = "busy",
    };
    return slice_of(result < sizeof text / sizeof *text ? text[result] : "bad_input");
}

struct slice target_reason_text(uint8_t reason)
{
    return slice_of(reason == TARGET_ROUTE ? "route" : reason == TARGET_PSTN ? "pstn" : "domain");
}

/* What a target is made from. */
struct making {
    struct lookup *ret;
    struct arena *a;
    const struct routes *r;
    const struct reading *reading;
    struct slice user;
    uint8_t reason;
};

/* --- the order among targets of one priority: by weight, as RFC 2782 has it, but with a number
 * that comes from what was dialled: a call that is asked for again goes the same way. */

static uint64_t spread(struct slice text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ ascii_lower(text.p[i])) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

static void swap_to_front(struct route *route, size_t i)
{
    struct route chosen = route[i];
    memmove(&route[1], &route[0], i * sizeof *route);
    route[0] = chosen;
}

static void order_by_weight(struct route *route, size_t n, uint64_t seed)
{
    for (; n > 1; route++, n--) {
        uint64_t all = 0, so_far = 0;
        size_t i = 0;
        for (size_t k = 0; k < n; k++)
            all += route[k].weight;
        if (all == 0)
            return;
        uint64_t at = seed % all;
        while (i + 1 < n && (so_far += route[i].weight) <= at)
            i++;
        swap_to_front(route, i);
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        seed ^= seed >> 29;
    }
}

static void order(struct route *route, size_t n, struct slice canonical)
{
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && route[i + run].priority == route[i].priority; run++)
            ;
        if (run > 1)
            order_by_weight(&route[i], run, spread(canonical));
    }
}

/* --- one target */

/* scheme, user, "@", place: the route's target with our user in place of its own. */
static bool target_make(struct arena *a, struct slice user, const struct route *route,
                        struct target *ret)
{
    struct slice scheme = slice_of(route->secure ? "sips:" : "sip:"), place = route->place;
    size_t at = scheme.n + user.n + 1;
    uint8_t *uri = arena_alloc(a, at + place.n);
    if (uri == NULL)
        return false;
    memcpy(uri, scheme.p, scheme.n);
    memcpy(uri + scheme.n, user.p, user.n);
    uri[at - 1] = '@';
    memcpy(uri + at, place.p, place.n);
    *ret = (struct target){
        .uri = slice_make(uri, at + place.n),
        .secure = route->secure,
        .user = slice_make(uri + scheme.n, user.n),
        .host = slice_make(uri + at, route->host.n),
        .port = route->port,
        .transport = route->transport,
        .priority = route->priority,
        .weight = route->weight,
    };
    return true;
}

/* RFC 3261 8.3: nobody is redirected to what was asked for. */
static bool is_same(const struct target *t, const struct reading *asked)
{
    struct slice user = asked->user.n > 0 ? asked->user : asked->number;
    return asked->asked.n > 0 && slice_eq_fold(t->host, asked->asked) && t->port == asked->port &&
           t->secure == asked->secure && t->transport == asked->transport &&
           slice_eq(t->user, user);
}

static void avoid(struct making *m, const struct target *t)
{
    struct lookup *l = m->ret;
    if (l->avoided == NULL)
        l->avoided = arena_alloc(m->a, 2 * LOOKUP_TARGETS_MAX * sizeof *l->avoided);
    if (l->avoided != NULL && l->avoided_n < 2 * LOOKUP_TARGETS_MAX)
        l->avoided[l->avoided_n++] = *t;
}

static void target_add(struct making *m, const struct route *route, struct slice pattern,
                       uint16_t q)
{
    struct target t;
    struct lookup *l = m->ret;
    if (!target_make(m->a, m->user, route, &t))
        return;
    t.q = q;
    t.reason = m->reason;
    t.route_pattern = pattern;
    t.avoided = route->self                ? AVOID_SELF
                : is_same(&t, m->reading) ? AVOID_SAME
                                          : AVOID_NONE;
    if (t.avoided != AVOID_NONE)
        avoid(m, &t);
    else if (l->target_n < LOOKUP_TARGETS_MAX)
        l->target[l->target_n++] = t;
}

/* --- all of them */

/* The pattern of the gateway is its alone: no cluster reaches it by calling its route string so. */
static bool find(const struct routes *r, struct slice route_string, uint8_t reason, bool local,
                 size_t *ret_first, size_t *ret_n)
{
    struct slice pattern, target, pstn = slice_of("pstn");
    bool gateway = reason == TARGET_PSTN;
    if (!gateway && slice_eq_fold(route_string, pstn))
        return false;
    if (!routes_find(r, route_string, ret_first, ret_n))
        return false;
    routes_get(r, *ret_first, &pattern, &target);
    /* "*" says where other clusters' calls go: one's own would come back from there, and a PSTN
     * number is for the gateway alone. */
    return gateway ? slice_eq(pattern, pstn) : !local || !slice_eq(pattern, slice_of("*"));
}

static void add_routes(struct making *m, size_t first, size_t n)
{
    static const struct {
        uint16_t first, step;
    } q[] = {[TARGET_ROUTE] = {1000, 100}, [TARGET_PSTN] = {100, 10}};
    struct route route[ROUTE_TARGETS_MAX];
    struct slice pattern = {NULL, 0};
    for (size_t i = 0; i < n; i++)
        routes_at(m->r, first + i, &route[i]);
    if (n > 1)
        order(route, n, m->ret->canonical);
    if (m->reason == TARGET_ROUTE)
        pattern = arena_copy(m->a, route[0].pattern);
    for (size_t i = 0; i < n; i++)
        target_add(m, &route[i], pattern, (uint16_t)(q[m->reason].first - i * q[m->reason].step));
}

static void add_domain(struct making *m, struct slice route_string)
{
    if (!host_valid(route_string) || slice_eq_fold(route_string, slice_of("pstn")))
        return;
    struct route route = {.place = route_string, .host = route_string,
                          .priority = ROUTE_PRIORITY, .weight = ROUTE_WEIGHT};
    route.self = routes_is_self(m->r, route_string, 0, false);
    target_add(m, &route, slice_make(NULL, 0), 1000);
}

static void add_pstn(struct making *m, const struct match *winner, struct slice key)
{
    struct entry entry = {winner->kind, key, winner->failover};
    struct slice number = entry_failover_number(m->a, &entry);
    size_t first, n;
    m->ret->failover = number;
    if (number.n == 0 || !find(m->r, slice_of("pstn"), TARGET_PSTN, false, &first, &n))
        return;
    m->ret->failover_routed = true;
    m->user = number;
    m->reason = TARGET_PSTN;
    add_routes(m, first, n);
}

void lookup_targets(struct lookup *ret, struct arena *a, const struct routes *r,
                    const struct reading *reading)
{
    const struct match *winner = &ret->match[0];
    /* What a pattern stands for is what was dialled. */
    struct slice key = kind_is_pattern(winner->kind) ? ret->canonical : winner->value;
    struct making m = {ret, a, r, reading, slice_make(key.p, slice_find(key, '@')), TARGET_ROUTE};
    size_t first, n;
    if (find(r, winner->route_string, TARGET_ROUTE, winner->local, &first, &n)) {
        add_routes(&m, first, n);
    } else if (!winner->local && routes_rules(r)->as_domain) {
        m.reason = TARGET_DOMAIN;
        add_domain(&m, winner->route_string);
    }
    if (winner->local) {
        ret->result = LOOKUP_LOCAL;
        return;
    }
    add_pstn(&m, winner, key);
    ret->result = ret->target_n > 0 ? LOOKUP_FOUND : LOOKUP_NO_ROUTE;
}
