/* control_route: routes, and how lookups read what is dialled. A target that is a name is looked up
 * before the route is taken: a slip of the finger is better found now than by a caller. */
#include "daemon/control_inside.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- adding */

struct adding {
    uv_work_t work;
    struct client *client;
    struct command command;
    char host[HOST_TEXT_MAX + 1];
    bool resolved;
};

/* What was typed, once more and with --unresolved; a quote within it is left to who types. */
static void unresolved_next(const struct command *c, char *dst, size_t size)
{
    bool plain = slice_find(c->pattern, '\'') == c->pattern.n &&
                 slice_find(c->target, '\'') == c->target.n &&
                 c->pattern.n <= ROUTE_STRING_MAX && c->target.n <= ROUTE_TARGET_MAX;
    size_t n = (size_t)(plain ? snprintf(dst, size, "ils route add '%.*s' '%.*s' --unresolved",
                                         (int)c->pattern.n, (const char *)c->pattern.p,
                                         (int)c->target.n, (const char *)c->target.p)
                              : snprintf(dst, size, "ils route add PATTERN SIP-URI --unresolved"));
    if (c->priority > 0)
        n += (size_t)snprintf(dst + n, size - n, " --priority %u", (unsigned)c->priority - 1);
    if (c->weight > 0)
        snprintf(dst + n, size - n, " --weight %u", (unsigned)c->weight - 1);
}

/* RFC 3263: a name without a port may have SRV records alone. */
static bool has_srv(const char *host)
{
    static const char *const service[] = {"_sip._udp", "_sip._tcp", "_sips._tcp"};
    struct __res_state state;
    unsigned char answer[4096];
    char name[HOST_TEXT_MAX + 32];
    bool found = false;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0)
        return false;
    state.retrans = 2;
    state.retry = 1;
    for (size_t i = 0; !found && i < sizeof service / sizeof *service; i++) {
        snprintf(name, sizeof name, "%s.%s", service[i], host);
        found = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, sizeof answer) > 0;
    }
    res_nclose(&state);
    return found;
}

static void resolve(uv_work_t *work)
{
    struct adding *a = work->data;
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    a->resolved = getaddrinfo(a->host, NULL, &hints, &found) == 0;
    if (found != NULL)
        freeaddrinfo(found);
    if (!a->resolved)
        a->resolved = has_srv(a->host);
}

/* A route that never decides is durable all the same: what it is for may still be to come. */
static void route_added(struct client *client, enum reply reply, struct slice text)
{
    struct slice pattern;
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    if (!control_text(client, "pattern", true, &pattern))
        return;
    json_t *result = json_object();
    json_object_set_new(result, "warnings",
                        control_route_warnings(runtime_core(client->control->rt), pattern));
    json_object_set_new(result, "text", json_string("OK"));
    control_ok(client, result);
}

static void on_resolved(uv_work_t *work, int status)
{
    struct adding *a = work->data;
    struct client *client = a->client;
    char text[HOST_TEXT_MAX + 160], next[ROUTE_STRING_MAX + ROUTE_TARGET_MAX + 96];
    if (client->closing || status != 0) {
        if (!client->closing)
            control_error(client, "MEMORY", "there is nobody to look the name up", "", "target");
    } else if (!a->resolved) {
        snprintf(text, sizeof text, "%s does not resolve here: it has no address and no SRV record "
                 "for SIP; nothing was changed", a->host);
        unresolved_next(&a->command, next, sizeof next);
        control_error(client, "ROUTE_UNRESOLVED", text, next, a->host);
    } else {
        control_change_then(client, &a->command, true, route_added);
    }
    free(a);
    control_release(client);
}

static bool is_name(struct slice host)
{
    bool letter = false;
    for (size_t i = 0; i < host.n; i++)
        letter = letter || ((host.p[i] | 32) >= 'a' && (host.p[i] | 32) <= 'z');
    return letter && host.p[0] != '[';
}

static bool look_up(struct client *client, const struct command *command, struct slice host)
{
    struct adding *a = calloc(1, sizeof *a);
    if (a == NULL)
        return false;
    *a = (struct adding){.client = client, .command = *command};
    a->work.data = a;
    slice_to_text(host, a->host, sizeof a->host);
    control_hold(client);
    if (uv_queue_work(runtime_loop(client->control->rt), &a->work, resolve, on_resolved) == 0)
        return true;
    control_release(client);
    free(a);
    return false;
}

void verb_route_add(struct client *client)
{
    struct command command = {.type = COMMAND_ROUTE_ADD};
    uint8_t scratch[ROUTE_TARGET_MAX];
    struct route route;
    uint64_t priority, weight;
    if (!control_text(client, "pattern", true, &command.pattern) ||
        !control_text(client, "target", true, &command.target) ||
        !control_number(client, "priority", UINT16_MAX, UINT16_MAX + 1, &priority) ||
        !control_number(client, "weight", UINT16_MAX, UINT16_MAX + 1, &weight))
        return;
    command.priority = priority <= UINT16_MAX ? (uint32_t)priority + 1 : 0;
    command.weight = weight <= UINT16_MAX ? (uint32_t)weight + 1 : 0;
    bool read = route_target_parse(command.target, scratch, &route);
    if (!read || !is_name(route.host) || control_flag(client, "unresolved", false) ||
        !look_up(client, &command, route.host))
        control_change_then(client, &command, true, route_added);
}

void verb_route_remove(struct client *client)
{
    struct command command = {.type = COMMAND_ROUTE_REMOVE};
    if (control_text(client, "pattern", true, &command.pattern) &&
        control_text(client, "target", false, &command.target))
        control_change(client, &command);
}

/* --- showing */

static json_t *route_json(const struct route *route)
{
    json_t *json = json_object();
    json_object_set_new(json, "pattern", render_text(route->pattern));
    json_object_set_new(json, "target", render_text(route->target));
    json_object_set_new(json, "priority", json_integer(route->priority));
    json_object_set_new(json, "weight", json_integer(route->weight));
    json_object_set_new(json, "self", json_boolean(route->self));
    return json;
}

void verb_route_list(struct client *client)
{
    const struct routes *routes = view_routes(runtime_core(client->control->rt));
    json_t *rows = json_array();
    for (size_t i = 0; i < routes_count(routes); i++) {
        struct route route;
        routes_at(routes, i, &route);
        json_array_append_new(rows, route_json(&route));
    }
    control_ok(client, rows);
}

static bool as_domain(const struct routes *routes, struct slice name)
{
    return routes_rules(routes)->as_domain && slice_find(name, '.') < name.n;
}

static void test_targets(const struct routes *routes, struct slice name, json_t *json)
{
    json_t *targets = json_array(), *patterns = json_array();
    size_t first, n = 0, all[64];
    struct route route;
    bool pstn = slice_eq_fold(name, slice_of("pstn"));
    bool found = routes_find(routes, name, &first, &n);
    for (size_t i = 0; found && i < n; i++) {
        routes_at(routes, first + i, &route);
        json_array_append_new(targets, route_json(&route));
    }
    n = routes_covering(routes, name, all, sizeof all / sizeof *all);
    for (size_t i = 0; i < n; i++) {
        routes_at(routes, all[i], &route);
        json_array_append_new(patterns, render_text(route.pattern));
    }
    const char *result = found                    ? "route"
                         : as_domain(routes, name) && !pstn ? "domain" : "no_route";
    json_object_set_new(json, "result", json_string(result));
    json_object_set_new(json, "targets", targets);
    json_object_set_new(json, "patterns", patterns);
}

/* For what is none no route can be added: to say how would lead nowhere. */
static bool is_route_string(struct client *client, struct slice name)
{
    struct arena arena;
    struct slice canonical;
    arena_init(&arena, &client->control->mem);
    bool is = route_string_parse(&arena, name, &canonical) == ENTRY_OK;
    arena_done(&arena);
    return is;
}

void verb_route_test(struct client *client)
{
    const struct routes *routes = view_routes(runtime_core(client->control->rt));
    struct slice name;
    char next[ROUTE_STRING_MAX + 64] = "";
    if (!control_text(client, "route_string", true, &name))
        return;
    if (!is_route_string(client, name)) {
        control_refused(client, REPLY_ROUTE_STRING, name);
        return;
    }
    json_t *json = json_object();
    json_object_set_new(json, "route_string", render_text(name));
    test_targets(routes, name, json);
    bool good = strcmp(json_string_value(json_object_get(json, "result")), "no_route") != 0;
    if (!good)
        snprintf(next, sizeof next, "ils route add '%.*s' sip:HOST", (int)name.n,
                 (const char *)name.p);
    json_object_set_new(json, "next", next[0] != '\0' ? render_text(slice_of(next)) : json_null());
    control_reply(client, json, good ? 0 : 1);
}

static bool told(const json_t *rows, struct slice name)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
        if (slice_eq_fold(slice_of(json_string_value(json_object_get(row, "route_string"))), name))
            return true;
    return false;
}

/* Whether a route covers it, and leads elsewhere than back here: a door may have come to where the
 * route leads after it was added. */
static bool leads(const struct routes *routes, struct slice name)
{
    struct route route;
    size_t first, n = 0;
    bool elsewhere = false;
    if (!routes_find(routes, name, &first, &n))
        return false;
    for (size_t i = 0; i < n && !elsewhere; i++) {
        routes_at(routes, first + i, &route);
        elsewhere = !route.self;
    }
    return elsewhere;
}

/* One more, unless a route covers it or it has been told. */
static void tell_missing(const struct routes *routes, struct slice name, struct slice cluster_id,
                         uint64_t entries, json_t *rows)
{
    char next[ROUTE_STRING_MAX + 64] = "";
    size_t first, n;
    if (entries == 0 || leads(routes, name) || told(rows, name) ||
        (as_domain(routes, name) && !routes_find(routes, name, &first, &n)))
        return;
    if (slice_find(name, '\'') == name.n && name.n <= ROUTE_STRING_MAX)
        snprintf(next, sizeof next, "ils route add '%.*s' sip:HOST", (int)name.n,
                 (const char *)name.p);
    json_t *row = json_object();
    json_object_set_new(row, "route_string", render_text(name));
    json_object_set_new(row, "cluster_id", render_text(cluster_id));
    json_object_set_new(row, "entries", control_number_json(entries));
    json_object_set_new(row, "next", render_text(slice_of(next)));
    json_array_append_new(rows, row);
}

/* Of what others announce, and of catalogs that this hub itself imported: both are routed alike. */
json_t *control_routes_missing(const struct ils *core)
{
    const struct routes *routes = view_routes(core);
    struct view_plan p;
    struct view_catalog own;
    json_t *rows = json_array();
    for (size_t i = 0; view_plan_at(core, i, &p); i++)
        if (!catalog_is_local(p.catalog) && p.served)
            tell_missing(routes, p.route_string, p.cluster_id, p.entries, rows);
    for (size_t i = 0; view_catalog(core, i, &own); i++)
        if (own.own)
            tell_missing(routes, own.route_string, own.name, own.entries, rows);
    return rows;
}

/* --- how it is dialled */

static const char *const dial_word[DIAL_POLICIES] = {"phone", "phone-abcd", "uri"};

void verb_lookup_show(struct client *client)
{
    const struct lookup_rules *rules =
        routes_rules(view_routes(runtime_core(client->control->rt)));
    json_t *json = json_object();
    json_object_set_new(json, "dial_strings", json_string(dial_word[rules->dial]));
    json_object_set_new(json, "uri_case", json_boolean(rules->uri_case));
    json_object_set_new(json, "domains", json_boolean(rules->as_domain));
    control_ok(client, json);
}

void verb_lookup_set(struct client *client)
{
    const struct lookup_rules *rules =
        routes_rules(view_routes(runtime_core(client->control->rt)));
    struct command command = {.type = COMMAND_LOOKUP, .lookup = *rules};
    struct slice word;
    uint8_t i = 0;
    if (!control_text(client, "dial_strings", false, &word))
        return;
    while (word.n > 0 && i < DIAL_POLICIES && !slice_eq_fold(word, slice_of(dial_word[i])))
        i++;
    if (i == DIAL_POLICIES) {
        control_error(client, "SETTING", "dialled strings are read as phone, phone-abcd or uri",
                      "ils help lookup set", "dial_strings");
        return;
    }
    if (word.n > 0)
        command.lookup.dial = i;
    command.lookup.uri_case = control_flag(client, "uri_case", rules->uri_case);
    command.lookup.as_domain = control_flag(client, "domains", rules->as_domain);
    control_change(client, &command);
}
