/* control_configure: the form *ILS Configuration* as one request. What it would change and whom
 * that would disturb is told in any case; `dry_run` leaves it at that. The core judges and changes
 * all of it as one (core/configure.c); here it is put into words. */
#include "daemon/control_auth.h"
#include "daemon/token.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The arguments, by enum config_field. */
static const char *const field_name[CONFIG_FIELDS] = {
    "role", "host", "port", "exchange", "route_string", "minutes", "use_tls", "use_password",
    "password", "generation", "accept",
};

struct configuring {
    struct command command;
    struct view_configure v;
    struct arena arena;
    json_t *answer;
};

static void configuring_free(void *own)
{
    struct configuring *g = own;
    crypto_wipe(&g->command, sizeof g->command);
    arena_done(&g->arena);
    json_decref(g->answer);
    free(g);
}

/* --- arguments */

static bool flag(struct client *client, struct command *c, enum config_field field, bool *ret)
{
    const json_t *value = json_object_get(client->args, field_name[field]);
    char text[64];
    if (value == NULL)
        return true;
    c->fields |= 1u << field;
    *ret = json_is_true(value);
    if (json_is_boolean(value))
        return true;
    snprintf(text, sizeof text, "'%s' is true or false", field_name[field]);
    control_error(client, "SETTING", text, "ils help configure", field_name[field]);
    return false;
}

static bool number(struct client *client, struct command *c, enum config_field field,
                   uint16_t *ret)
{
    uint64_t n, max = field == CONFIG_MINUTES ? SYNC_MINUTES_MAX : UINT16_MAX;
    if (!control_number(client, field_name[field], max, 0, &n))
        return false;
    if (json_object_get(client->args, field_name[field]) != NULL) {
        c->fields |= 1u << field;
        *ret = (uint16_t)n;
    }
    return true;
}

static bool text(struct client *client, struct command *c, enum config_field field,
                 struct slice *ret)
{
    if (json_object_get(client->args, field_name[field]) != NULL)
        c->fields |= 1u << field;
    return control_text(client, field_name[field], false, ret);
}

static bool take_role(struct client *client, struct command *c)
{
    static const char *const word[] = {"standalone", "hub", "spoke"};
    struct view_self self;
    struct slice role;
    if (!text(client, c, CONFIG_ROLE, &role) || !text(client, c, CONFIG_HOST, &c->host) ||
        !number(client, c, CONFIG_PORT, &c->port))
        return false;
    view_self(runtime_core(client->control->rt), &self);
    bool known = (c->fields & 1u << CONFIG_ROLE) == 0;
    c->role = self.role;
    for (unsigned i = 0; i < 3; i++) {
        if (!slice_eq(role, slice_of(word[i])))
            continue;
        c->role = (enum ils_role)i;
        known = true;
    }
    c->now = control_flag(client, "force", false);
    if (!known)
        control_error(client, "SETTING", "a role is hub, spoke or standalone", "ils help configure",
                      "role");
    else if (token_for_host(c->host))
        control_error(client, "SETTING", "an invite is used by itself, not with other settings",
                      "ils join TOKEN", "host");
    else if (c->host.n > 0 && c->role == ROLE_STANDALONE)
        control_error(client, "SETTING", "a standalone cluster registers with nobody",
                      "ils help configure", "host");
    else
        return true;
    return false;
}

/* The generation is the preferred one where none is given. */
static bool take_password(struct client *client, struct command *c)
{
    struct slice hex;
    struct view_password p;
    if (!control_text(client, "stretched", false, &hex) ||
        !number(client, c, CONFIG_GENERATION, &c->generation))
        return false;
    if ((c->fields & 1u << CONFIG_GENERATION) != 0 && c->generation == 0) {
        control_error(client, "SETTING", "a password's generation is a number from 1 to 65535",
                      "ils password list", "generation");
        return false;
    }
    if (hex.n == 0 && (c->fields & 1u << CONFIG_GENERATION) != 0) {
        control_error(client, "SETTING", "a generation goes with a password",
                      "ils password prefer N", "generation");
        return false;
    }
    if (hex.n == 0)
        return true;
    for (size_t i = 0; view_password(runtime_core(client->control->rt), i, &p); i++)
        if ((c->fields & 1u << CONFIG_GENERATION) == 0 && p.preferred)
            c->generation = p.generation;
    if ((c->fields & 1u << CONFIG_GENERATION) == 0 && c->generation == 0)
        c->generation = 1;
    c->fields |= 1u << CONFIG_STRETCHED;
    if (hex_parse(c->stretched, sizeof c->stretched, hex))
        return true;
    control_error(client, "SETTING", "the stretched password is 64 hex digits: ils makes them",
                  "ils password add", "password");
    return false;
}

static bool take_auth(struct client *client, struct command *c)
{
    json_t *accept = json_object_get(client->args, "accept");
    if (!flag(client, c, CONFIG_TLS, &c->auth.tls) ||
        !flag(client, c, CONFIG_PASSWORD, &c->auth.password))
        return false;
    if (accept != NULL && !json_is_array(accept)) {
        control_error(client, "SETTING", "what is accepted is an array of methods",
                      "ils help configure", "accept");
        return false;
    }
    c->auth.set_tls = (c->fields & 1u << CONFIG_TLS) != 0;
    c->auth.set_password = (c->fields & 1u << CONFIG_PASSWORD) != 0;
    if (accept != NULL)
        c->fields |= 1u << CONFIG_ACCEPT;
    return control_auth_accept(client, accept, &c->auth);
}

/* --- what would change */

static json_t *role_json(enum ils_role role, bool draining)
{
    return json_string(draining             ? "draining"
                       : role == ROLE_HUB   ? "hub"
                       : role == ROLE_SPOKE ? "spoke" : "standalone");
}

static json_t *accept_json(const struct auth *auth)
{
    json_t *list = json_array();
    uint8_t set = auth_accepts(auth);
    for (uint8_t method = METHOD_PASSWORD; method <= METHOD_TLS_PASSWORD; method++)
        if ((set >> method & 1) != 0)
            json_array_append_new(list, json_string(render_method(method)));
    return list;
}

static json_t *port_json(uint16_t port)
{
    return port != 0 ? json_integer(port) : json_null();
}

static json_t *from_json(const struct ils *core, const struct view_self *self,
                         const struct configuring *g, enum config_field field)
{
    uint8_t stretched[32];
    switch (field) {
    case CONFIG_ROLE: return role_json(self->role, self->draining);
    case CONFIG_HOST: return control_text_or_null(self->hub_host);
    case CONFIG_PORT: return port_json(self->hub_port);
    case CONFIG_EXCHANGE: return json_boolean(self->exchange);
    case CONFIG_ROUTE_STRING: return control_text_or_null(self->route_string);
    case CONFIG_MINUTES: return json_integer(self->minutes);
    case CONFIG_TLS: return json_boolean(self->auth.tls);
    case CONFIG_PASSWORD: return json_boolean(self->auth.password);
    case CONFIG_ACCEPT: return accept_json(&self->auth);
    default: break;
    }
    bool held = view_password_stretched(core, g->command.generation, stretched);
    crypto_wipe(stretched, sizeof stretched);
    return held ? json_string("held") : json_null();
}

static json_t *to_json(const struct configuring *g, enum config_field field)
{
    const struct view_configure *v = &g->v;
    switch (field) {
    case CONFIG_ROLE: return role_json(v->role, false);
    case CONFIG_HOST: return control_text_or_null(v->host);
    case CONFIG_PORT: return port_json(v->port);
    case CONFIG_EXCHANGE: return json_boolean(v->exchange);
    case CONFIG_ROUTE_STRING: return control_text_or_null(v->route_string);
    case CONFIG_MINUTES: return json_integer(v->minutes);
    case CONFIG_TLS: return json_boolean(v->auth.tls);
    case CONFIG_PASSWORD: return json_boolean(v->auth.password);
    case CONFIG_ACCEPT: return accept_json(&v->auth);
    default: return json_string("new");
    }
}

static bool changed(const struct configuring *g, enum config_field field)
{
    return (g->v.changes >> field & 1) != 0;
}

static bool auth_changed(const struct configuring *g)
{
    return changed(g, CONFIG_TLS) || changed(g, CONFIG_PASSWORD) || changed(g, CONFIG_ACCEPT);
}

static json_t *changes_json(const struct ils *core, const struct view_self *self,
                            const struct configuring *g)
{
    json_t *rows = json_array();
    for (enum config_field f = 0; f < CONFIG_FIELDS; f++) {
        if (!changed(g, f))
            continue;
        json_t *row = json_object();
        json_object_set_new(row, "field", json_string(field_name[f]));
        json_object_set_new(row, "from", from_json(core, self, g, f));
        json_object_set_new(row, "to", to_json(g, f));
        if (f == CONFIG_STRETCHED)
            json_object_set_new(row, "generation", json_integer(g->command.generation));
        json_array_append_new(rows, row);
    }
    return rows;
}

/* --- whom it disturbs */

__attribute__((format(printf, 3, 4)))
static void effect(json_t *effects, const char *what, const char *format, ...)
{
    char said[200];
    json_t *row = json_object();
    va_list list;
    va_start(list, format);
    vsnprintf(said, sizeof said, format, list);
    va_end(list);
    json_object_set_new(row, "effect", json_string(what));
    json_object_set_new(row, "text", json_string(said));
    json_array_append_new(effects, row);
}

static bool accepts(const struct auth *auth, uint8_t method)
{
    return (auth_accepts(auth) >> method & 1) != 0;
}

/* True: the link ends by the role alone. */
static bool role_effects(const struct configuring *g, const struct view_cluster *c, json_t *effects)
{
    const struct view_configure *v = &g->v;
    size_t before = json_array_size(effects);
    if (v->role == ROLE_STANDALONE)
        effect(effects, "cut", "its link ends: a standalone cluster has none");
    else if (v->leaves)
        effect(effects, "cut", "its link ends: this hub leaves the network of its own");
    else if (v->home == HOME_DRAINS && c->role == ROLE_SPOKE)
        effect(effects, "drained", "it goes to another hub first; its link ends then");
    else if (v->home == HOME_DRAINS && memcmp(c->key, v->chosen, KEY_SIZE) != 0)
        effect(effects, "ends", "its link ends when this hub is a spoke");
    else if (v->home == HOME_JOINS && v->role == ROLE_SPOKE && c->registered)
        effect(effects, "ends", "its link ends when the new registration server has answered");
    return json_array_size(effects) != before;
}

static void auth_effects(const struct configuring *g, const struct view_cluster *c, json_t *effects)
{
    const struct auth *auth = &g->v.auth;
    const char *method = render_method(c->met_method), *next = render_method(auth_offers(auth));
    bool auths = auth_changed(g);
    bool by_password = c->met_method == METHOD_PASSWORD || c->met_method == METHOD_TLS_PASSWORD;
    if (auths && !c->link_dialler && !accepts(auth, c->met_method))
        effect(effects, "cut", "its link by %s ends at once: that is not accepted any more",
               method);
    else if (auths && c->link_dialler && c->met_method != auth_offers(auth) && c->link_tls &&
             auth_offers(auth) == METHOD_PASSWORD)
        effect(effects, "again", "its link ends and is set up again by %s", next);
    else if (auths && c->link_dialler && c->met_method != auth_offers(auth))
        effect(effects, "again", "a link by %s is set up; the present one ends when it stands",
               next);
    if (changed(g, CONFIG_STRETCHED) && by_password && json_array_size(effects) == 0)
        effect(effects, "password", "its next link takes the same password there: its link by %s "
               "stays until then", method);
}

/* Whether it could come back; as `auth ready` says it, but who dials by what is accepted stays,
 * and of whom the role parts nothing is said. */
static json_t *outlook(const struct configuring *g, const struct readiness *r, size_t i,
                       const struct view_cluster *c, bool parted, const char **ret_outcome)
{
    char why[160] = "";
    json_t *row = control_ready_row(r, i, c, ret_outcome);
    bool stays = c->linked && !c->link_dialler && accepts(&g->v.auth, c->met_method);
    if (!parted && !stays)
        return row;
    if (!parted)
        snprintf(why, sizeof why, "it dials by %s, which is accepted",
                 render_method(c->met_method));
    *ret_outcome = parted ? "" : "stays";
    json_object_set_new(row, "outcome", control_text_or_null(slice_of(*ret_outcome)));
    json_object_set_new(row, "why", control_text_or_null(slice_of(why)));
    json_object_set_new(row, "next", json_null());
    return row;
}

static json_t *cluster_row(const struct configuring *g, const struct readiness *r, size_t i,
                           const struct view_cluster *c, bool parted, json_t *effects,
                           const char **ret_outcome)
{
    char name[CONTROL_NAME_MAX];
    json_t *row = outlook(g, r, i, c, parted, ret_outcome);
    json_object_set_new(row, "name", json_string(control_cluster_name(name, c)));
    json_object_set_new(row, "role", role_json(c->role, c->draining));
    json_object_set_new(row, "method", c->linked ? json_string(render_method(c->met_method))
                                                 : json_null());
    json_object_set(row, "effects", effects);
    return row;
}

static void put_clusters(const struct ils *core, const struct view_self *self,
                         const struct configuring *g, json_t *answer)
{
    struct readiness r = {.core = core, .method = auth_offers(&g->v.auth), .self = *self,
                          .password_new = changed(g, CONFIG_STRETCHED),
                          .generation = g->command.generation};
    struct view_cluster c;
    struct view_password p;
    json_int_t n[3] = {0};
    json_t *rows = json_array();
    bool auths = auth_changed(g) || changed(g, CONFIG_STRETCHED);
    for (size_t i = 0; view_password(core, i, &p); i++)
        r.generation = r.generation == 0 && p.preferred ? p.generation : r.generation;
    r.has_password = view_password(core, 0, &p) || r.password_new;
    for (size_t i = 0; view_cluster(core, i, &c); i++) {
        json_t *effects = json_array();
        const char *outcome;
        bool parted = c.linked && role_effects(g, &c, effects);
        if (c.linked && !parted)
            auth_effects(g, &c, effects);
        if (!c.local && (json_array_size(effects) > 0 ||
                         (auths && control_ready_matters(&r, &c)))) {
            json_array_append_new(rows, cluster_row(g, &r, i, &c, parted, effects, &outcome));
            n[0] += strcmp(outcome, "stays") == 0;
            n[1] += strcmp(outcome, "cut off") == 0;
            n[2] += strcmp(outcome, "unknown") == 0;
        }
        json_decref(effects);
    }
    json_object_set_new(answer, "clusters", rows);
    json_object_set_new(answer, "stay", json_integer(n[0]));
    json_object_set_new(answer, "cut_off", json_integer(n[1]));
    json_object_set_new(answer, "unknown", json_integer(n[2]));
}

/* What is not shown or served any more; null where the exchange is not turned off. */
static json_t *withholds(const struct ils *core, const struct view_self *self,
                         const struct configuring *g)
{
    struct view_catalog catalog;
    struct view_limit limit;
    json_int_t own = 0;
    uint64_t learned = 0;
    if (!changed(g, CONFIG_EXCHANGE) || g->v.exchange)
        return json_null();
    for (size_t i = 0; view_catalog(core, i, &catalog); i++)
        own += catalog.own;
    for (size_t i = 0; view_limit(core, i, &limit); i++)
        learned = strcmp(limit.name, "learned") == 0 ? limit.used : learned;
    json_t *json = json_object();
    json_object_set_new(json, "entries", control_number_json(self->entries));
    json_object_set_new(json, "catalogs", json_integer(own));
    json_object_set_new(json, "learned", control_number_json(learned));
    json_object_set_new(json, "text",
                        json_string("the others are shown no plan of this cluster any more, and "
                                    "what it has learned from them is not served here"));
    return json;
}

static void put_home(const struct configuring *g, json_t *answer)
{
    const struct view_configure *v = &g->v;
    char place[HOST_TEXT_MAX + 16];
    uint16_t usual = auth_offers(&v->auth) == METHOD_PASSWORD ? PORT_PASSWORD_DEFAULT
                                                          : PORT_TLS_DEFAULT;
    bool six = slice_find(v->host, ':') < v->host.n;
    snprintf(place, sizeof place, "%s%.*s%s:%u", six ? "[" : "", (int)v->host.n,
             (const char *)v->host.p, six ? "]" : "", (unsigned)(v->port != 0 ? v->port : usual));
    json_object_set_new(answer, "registers", v->home == HOME_JOINS ? json_string(place)
                                                                   : json_null());
    json_object_set_new(answer, "draining", json_boolean(v->home == HOME_DRAINS));
}

static json_t *told(const struct ils *core, const struct configuring *g, bool dry_run)
{
    struct view_self self;
    json_t *answer = json_object();
    view_self(core, &self);
    json_object_set_new(answer, "dry_run", json_boolean(dry_run));
    json_object_set_new(answer, "changes", changes_json(core, &self, g));
    json_object_set_new(answer, "offered", json_string(render_method(auth_offers(&g->v.auth))));
    json_object_set_new(answer, "accept", accept_json(&g->v.auth));
    put_home(g, answer);
    put_clusters(core, &self, g, answer);
    json_object_set_new(answer, "withholds", withholds(core, &self, g));
    json_object_set_new(answer, "text",
                        json_string(g->v.changes == 0 ? "nothing is changed by it"
                                    : dry_run         ? "nothing was changed" : "OK"));
    return answer;
}

/* --- the request */

static void configured(struct client *client, enum reply reply, struct slice text)
{
    struct configuring *g = client->own;
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    control_ok(client, json_incref(g->answer));
}

/* A form has fields that nobody filled in. */
static bool take_all(struct client *client, struct command *c)
{
    for (size_t i = 0; i < CONFIG_FIELDS; i++)
        if (json_is_null(json_object_get(client->args, field_name[i])))
            json_object_del(client->args, field_name[i]);
    return take_role(client, c) && flag(client, c, CONFIG_EXCHANGE, &c->raise) &&
           text(client, c, CONFIG_ROUTE_STRING, &c->route_string) &&
           number(client, c, CONFIG_MINUTES, &c->minutes) && take_auth(client, c) &&
           take_password(client, c);
}

void verb_configure(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct configuring *g = calloc(1, sizeof *g);
    bool dry_run = control_flag(client, "dry_run", false);
    if (g == NULL) {
        control_no_memory(client);
        return;
    }
    arena_init(&g->arena, &client->control->mem);
    client->own = g;
    client->own_free = configuring_free;
    g->command.type = COMMAND_CONFIGURE;
    if (!take_all(client, &g->command))
        return;
    enum reply reply = view_configure(core, &g->arena, &g->command, &g->v);
    if (reply != REPLY_OK) {
        control_refused_at(client, reply, g->v.text, field_name[g->v.wrong]);
        return;
    }
    g->answer = told(core, g, dry_run);
    if (dry_run || g->v.changes == 0)
        control_ok(client, json_incref(g->answer));
    else
        control_change_then(client, &g->command, true, configured);
}
