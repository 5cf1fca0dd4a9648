/* control_auth: what this cluster offers and accepts, and whether the network is ready for another
 * way: which clusters would stay, which would be cut off, and why. */
#include "daemon/control_auth.h"

#include <stdio.h>
#include <string.h>

void verb_auth_show(struct client *client)
{
    struct view_self self;
    json_t *json = json_object(), *accept = json_array();
    view_self(runtime_core(client->control->rt), &self);
    uint8_t accepted = auth_accepts(&self.auth);
    for (uint8_t method = METHOD_PASSWORD; method <= METHOD_TLS_PASSWORD; method++)
        if (accepted & (1u << method))
            json_array_append_new(accept, json_string(render_method(method)));
    json_object_set_new(json, "tls", json_boolean(self.auth.tls));
    json_object_set_new(json, "password", json_boolean(self.auth.password));
    json_object_set_new(json, "accept", accept);
    control_ok(client, json);
}

/* --- setting it */

/* METHOD_NONE: no such word. */
static uint8_t method_of(const char *word)
{
    uint8_t method = METHOD_PASSWORD;
    while (method <= METHOD_TLS_PASSWORD && strcmp(word, render_method(method)) != 0)
        method++;
    return method <= METHOD_TLS_PASSWORD ? method : METHOD_NONE;
}

/* "+METHOD" and "-METHOD" change the present set; where that only follows from what is offered, it
 * is the one of before and the one of after, so that nobody is cut off by a side effect. */
bool control_auth_accept(struct client *client, json_t *accept, struct auth *auth)
{
    struct view_self self;
    size_t i;
    json_t *value;
    if (accept == NULL)
        return true;
    view_self(runtime_core(client->control->rt), &self);
    uint8_t set = auth_accepts(&self.auth);
    struct auth after = {.tls = auth->set_tls ? auth->tls : self.auth.tls,
                         .password = auth->set_password ? auth->password : self.auth.password,
                         .accept = self.auth.accept};
    set |= auth_accepts(&after);
    json_array_foreach(accept, i, value) {
        const char *word = json_is_string(value) ? json_string_value(value) : "";
        if (word[0] != '+' && word[0] != '-')
            set = 0;
    }
    json_array_foreach(accept, i, value) {
        const char *word = json_is_string(value) ? json_string_value(value) : "";
        uint8_t method = method_of(word[0] == '+' || word[0] == '-' ? word + 1 : word);
        if (method == METHOD_NONE) {
            control_error(client, "SETTING",
                          "what is accepted is any of password, tls and tls+password, "
                          "+ before it adds it to the others, - takes it away",
                          "ils help auth set", "accept");
            return false;
        }
        uint8_t bit = (uint8_t)(1u << method);
        set = (uint8_t)(word[0] == '-' ? set & ~bit : set | bit);
    }
    if (set == 0 && json_array_size(accept) > 0) {
        control_error(client, "SETTING", "nothing would be accepted any more", "ils auth show",
                      "accept");
        return false;
    }
    auth->set_accept = true;
    auth->accept = set;
    return true;
}

void verb_auth_set(struct client *client)
{
    struct command command = {.type = COMMAND_AUTH};
    json_t *tls = json_object_get(client->args, "tls");
    json_t *password = json_object_get(client->args, "password");
    json_t *accept = json_object_get(client->args, "accept");
    if ((tls != NULL && !json_is_boolean(tls)) ||
        (password != NULL && !json_is_boolean(password)) ||
        (accept != NULL && !json_is_array(accept)) ||
        (tls == NULL && password == NULL && accept == NULL)) {
        control_error(client, "SETTING", "auth set takes --tls on|off, --password on|off and "
                      "--accept METHOD..., at least one of them", "ils help auth set", NULL);
        return;
    }
    command.auth.set_tls = tls != NULL;
    command.auth.tls = json_is_true(tls);
    command.auth.set_password = password != NULL;
    command.auth.password = json_is_true(password);
    if (control_auth_accept(client, accept, &command.auth))
        control_change(client, &command);
}

/* --- readiness */

struct outlook {
    const char *outcome; /* "stays", "cut off", "unknown" */
    char why[640], next[512];
    bool there;       /* where next is typed */
    const char *then; /* at the end that is not `there`, when next was typed; "": nothing */
};

static void look(struct outlook *o, const char *outcome, const char *why, const char *next,
                 bool there)
{
    o->outcome = outcome;
    o->then = "";
    snprintf(o->why, sizeof o->why, "%s", why);
    snprintf(o->next, sizeof o->next, "%s", next);
    o->there = there;
}

/* The newest verdict of that certificate under which it can be imported. */
static bool refused_as(const struct ils *core, struct slice fingerprint, uint8_t *ret_id)
{
    struct view_refused r;
    for (size_t i = 0; fingerprint.n == FINGERPRINT_SIZE && view_refused(core, i, &r); i++) {
        if (memcmp(r.fingerprint, fingerprint.p, FINGERPRINT_SIZE) != 0)
            continue;
        memcpy(ret_id, r.verdict_id, VERDICT_ID_SIZE);
        return true;
    }
    return false;
}

/* Why one end would refuse the other's certificate, in the words of a real refusal. */
static void look_refused(const struct readiness *r, const struct view_cluster *c,
                         const struct view_ready *ready, bool there, struct outlook *o)
{
    struct verdict v = {.code = there ? ready->there : ready->here, .method = r->method,
                        .tls = true, .peer_name = c->cluster_id, .refused_here = !there,
                        .name = there ? r->self.fqdn : c->certificate_name};
    char cause[512];
    bool by_verdict, presenter;
    if (v.name.n == 0)
        v.name = c->fqdn;
    bool has_id = !there && refused_as(r->core, ready->fingerprint, v.id);
    v.host = c->fqdn;
    render_cause(cause, sizeof cause, &v);
    look(o, "cut off", "", "", there);
    render_remedy(o->next, sizeof o->next, &v, r->self.cluster_id);
    by_verdict = strstr(o->next, "--verdict") != NULL;
    presenter = strncmp(o->next, "ils cert", 8) == 0;
    snprintf(o->why, sizeof o->why, "%s: %s", there ? "refused there" : "refused here", cause);
    if (presenter) {
        o->there = !there;
    } else if (by_verdict && !has_id) {
        /* Never tried: the certificate is carried by hand from the end that shows it. */
        o->there = !there;
        snprintf(o->next, sizeof o->next, "ils trust bundle export");
        o->then = "ils trust bundle import FILE";
        snprintf(o->why + strlen(o->why), sizeof o->why - strlen(o->why),
                 "; imported %s with ils trust bundle import, it would pass",
                 there ? "there" : "here");
    }
}

/* One of the two has not judged the other. */
static void look_unknown(const struct view_cluster *c, bool judged_here, struct outlook *o)
{
    char text[160], at[25];
    wall_text(at, c->last_contact);
    snprintf(text, sizeof text, at[0] != '\0' ? "not heard of since %s" : "never heard of", at);
    if (c->linked)
        look(o, "unknown",
             judged_here
                 ? "it has not said yet what it would make of this cluster's certificate"
                 : "it has not shown its certificate yet: it has none, or is of an older version",
             "ils auth ready", false);
    else if (!judged_here)
        look(o, "unknown", text, "ils clusters", false);
    else if (c->met)
        look(o, "unknown", "the two have met by another way, or with other certificates: what it "
             "would make of this cluster's shows when they meet so", "ils hubs", false);
    else
        look(o, "unknown", "the two have never met: what it would make of this cluster's "
             "certificate is not known; imported there with ils trust bundle import, it would pass",
             "ils trust bundle export", false);
}

/* By the password alone: nothing is said of it beforehand. A hub says what it accepts. */
static void look_password(const struct readiness *r, const struct view_cluster *c,
                          const struct view_ready *ready, struct outlook *o)
{
    char next[64];
    snprintf(next, sizeof next, "ils password add --generation %u --stdin",
             (unsigned)r->generation);
    if (!r->has_password)
        look(o, "cut off", "no password is held here", "ils password add --stdin", false);
    else if (c->role == ROLE_HUB && c->linked && !ready->accepts)
        look(o, "cut off", "it does not accept that when it is dialled",
             "ils auth set --accept +password", true);
    else if (c->met && c->met_method == METHOD_PASSWORD && !r->password_new)
        look(o, "stays", "the two have met by the password", "", false);
    else
        look(o, "unknown", "whether it holds the same password shows when they meet", next, true);
}

static void look_at(const struct readiness *r, size_t i, const struct view_cluster *c,
                    const struct view_ready *ready, bool known, struct outlook *o)
{
    char text[160];
    if (c->disconnected) {
        snprintf(text, sizeof text, "ils connect %.*s", (int)c->cluster_id.n,
                 (const char *)c->cluster_id.p);
        look(o, "unknown", "an operator disconnected it", text, false);
    } else if (r->method == METHOD_PASSWORD) {
        look_password(r, c, ready, o);
    } else if (r->method == METHOD_TLS_PASSWORD && !r->has_password) {
        look(o, "cut off", "no password is held here", "ils password add --stdin", false);
    } else if (known && ready->known_here && ready->here != CODE_JOINED) {
        look_refused(r, c, ready, false, o);
    } else if (known && ready->known_there && ready->there != CODE_JOINED) {
        look_refused(r, c, ready, true, o);
    } else if (!known || !ready->known_here || !ready->known_there) {
        look_unknown(c, known && ready->known_here, o);
    } else if (!ready->accepts && c->role == ROLE_HUB) {
        snprintf(text, sizeof text, "ils auth set --accept +%s", render_method(r->method));
        look(o, "cut off", "it does not accept that when it is dialled", text, true);
    } else {
        snprintf(text, sizeof text, "accepted by %s", render_rule(ready->rule));
        look(o, "stays", text, "", false);
    }
}

static json_t *code_json(bool known, enum code code)
{
    char text[16];
    if (!known || code == CODE_NONE)
        return json_null();
    render_code(text, sizeof text, code);
    return json_string(text);
}

json_t *control_ready_row(const struct readiness *r, size_t i, const struct view_cluster *c,
                          const char **ret_outcome)
{
    struct view_ready ready = {0};
    struct outlook o = {0};
    bool known = view_ready(r->core, i, r->method, &ready);
    json_t *json = json_object();
    look_at(r, i, c, &ready, known, &o);
    known = known && r->method != METHOD_PASSWORD; /* which certificates say nothing of */
    json_object_set_new(json, "cluster_id", render_text(c->cluster_id));
    json_object_set_new(json, "fqdn", render_text(c->fqdn));
    json_object_set_new(json, "peer_id", control_hex(c->peer_id, sizeof c->peer_id));
    json_object_set_new(json, "outcome", json_string(o.outcome));
    json_object_set_new(json, "why", render_text(slice_of(o.why)));
    json_object_set_new(json, "code_here", code_json(known && ready.known_here, ready.here));
    json_object_set_new(json, "code_there", code_json(known && ready.known_there, ready.there));
    json_object_set_new(json, "rule", known && ready.rule != RULE_NONE
                                          ? json_string(render_rule(ready.rule)) : json_null());
    json_object_set_new(json, "linked", json_boolean(c->linked));
    json_object_set_new(json, "next", o.next[0] != '\0' ? render_text(slice_of(o.next))
                                                        : json_null());
    json_object_set_new(json, "next_at", json_string(o.there ? "there" : "here"));
    json_object_set_new(json, "then", o.then[0] != '\0' ? json_string(o.then) : json_null());
    json_object_set_new(json, "then_at", o.then[0] != '\0'
                                             ? json_string(o.there ? "here" : "there")
                                             : json_null());
    *ret_outcome = o.outcome;
    return json;
}

/* A hub links with every other cluster, if need be: spokes come to it when theirs dies. A spoke
 * links with hubs. */
bool control_ready_matters(const struct readiness *r, const struct view_cluster *c)
{
    return !c->local && (c->role == ROLE_HUB || c->linked || c->met ||
                         (r->self.role == ROLE_HUB && c->role == ROLE_SPOKE));
}

void verb_auth_ready(struct client *client)
{
    struct readiness r = {.core = runtime_core(client->control->rt)};
    struct view_cluster c;
    struct view_password p;
    struct slice word;
    char method[16];
    json_int_t stay = 0, cut_off = 0, unknown = 0;
    if (!control_text(client, "method", false, &word))
        return;
    slice_to_text(word.n > 0 ? word : slice_of("tls"), method, sizeof method);
    r.method = method_of(method);
    if (r.method != METHOD_TLS && r.method != METHOD_TLS_PASSWORD) {
        control_error(client, "SETTING", "what one may be ready for is tls or tls+password",
                      "ils auth ready tls", "method");
        return;
    }
    view_self(r.core, &r.self);
    r.has_password = view_password(r.core, 0, &p);
    json_t *json = json_object(), *rows = json_array();
    for (size_t i = 0; view_cluster(r.core, i, &c); i++) {
        const char *outcome;
        if (!control_ready_matters(&r, &c))
            continue;
        json_array_append_new(rows, control_ready_row(&r, i, &c, &outcome));
        stay += strcmp(outcome, "stays") == 0;
        cut_off += strcmp(outcome, "cut off") == 0;
        unknown += strcmp(outcome, "unknown") == 0;
    }
    json_object_set_new(json, "method", json_string(render_method(r.method)));
    json_object_set_new(json, "ready", json_boolean(cut_off + unknown == 0));
    json_object_set_new(json, "stay", json_integer(stay));
    json_object_set_new(json, "cut_off", json_integer(cut_off));
    json_object_set_new(json, "unknown", json_integer(unknown));
    json_object_set_new(json, "clusters", rows);
    control_reply(client, json, cut_off + unknown == 0 ? 0 : 1);
}
