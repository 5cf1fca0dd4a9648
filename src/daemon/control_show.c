/* control_show: the requests that only read: the views of the core as JSON. Keys are part of the
 * contract (docs/contract.md): they are added, never renamed. */
#include "daemon/control_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/source.h"
#include "daemon/version.h"
#include "driver/address.h"
#include "driver/entry_text.h"
#include "driver/store.h"

struct slice control_self(const struct client *client)
{
    struct view_self self;
    view_self(runtime_core(client->control->rt), &self);
    return self.cluster_id;
}

json_t *control_time(wall t)
{
    char text[25];
    if (t == 0)
        return json_null();
    wall_text(text, t);
    return json_string(text);
}

json_t *control_hex(const uint8_t *bytes, size_t n)
{
    char text[2 * 32 + 1];
    hex_text(text, bytes, n);
    return json_string(text);
}

json_t *control_number_json(uint64_t v)
{
    return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

json_t *control_address(const struct address *a)
{
    char text[ADDRESS_TEXT_MAX + 16];
    if (a->ip[0] == '\0')
        return json_null();
    snprintf(text, sizeof text, strchr(a->ip, ':') != NULL ? "[%s]:%u" : "%s:%u", a->ip,
             (unsigned)a->port);
    return json_string(text);
}

const char *control_sync_text(char *dst, size_t size, const struct view_cluster *c)
{
    switch (c->status) {
    case SYNC_UP_TO_DATE:
        if (!c->stale || c->disconnected)
            return c->alone ? "Not joined" : "Up to date";
        snprintf(dst, size, "Stale (%" PRId64 " min)", c->signed_s / 60);
        return dst;
    case SYNC_SYNCHRONIZING:
        snprintf(dst, size, "Synchronizing (%" PRIu64 " of %" PRIu64 ")", c->status_n, c->status_m);
        return dst;
    case SYNC_BEHIND:
        snprintf(dst, size, "Behind (%" PRIu64 ")", c->status_n);
        return dst;
    case SYNC_DISCONNECTED:
        return "Disconnected";
    case SYNC_HELD:
        return "Held";
    case SYNC_HELD_QUOTA:
        return "Held (quota)";
    case SYNC_DIGEST_DIFFERS:
        return "Digest differs";
    }
    return "?";
}

void verb_version(struct client *client)
{
    json_t *json = json_object();
    json_object_set_new(json, "version", json_string(OPENILS_VERSION));
    json_object_set_new(json, "you", json_string(client->who));
    json_object_set_new(json, "may_change", json_boolean(client->right == RIGHT_CHANGE));
    control_ok(client, json);
}

/* --- clusters, peers */

static json_t *cluster_json(const struct view_cluster *c)
{
    static const uint8_t none[PEER_ID_SIZE];
    char text[64], name[CONTROL_NAME_MAX];
    bool has_hub = memcmp(c->hub, none, sizeof none) != 0;
    json_t *json = json_object();
    json_object_set_new(json, "cluster_id", render_text(c->cluster_id));
    json_object_set_new(json, "name", render_text(slice_of(control_cluster_name(name, c))));
    json_object_set_new(json, "draining", json_boolean(c->draining));
    json_object_set_new(json, "hub",
                        has_hub ? control_hex(c->hub, sizeof c->hub) : json_null());
    json_object_set_new(json, "last_contact_time", control_time(c->local ? 0 : c->last_contact));
    json_object_set_new(json, "role", json_string(render_role(c->role, c->local)));
    json_object_set_new(json, "advertised_route_string", render_text(c->route_string));
    json_object_set_new(json, "last_usn_data_received", control_time(c->local ? 0 : c->last_usn));
    json_object_set_new(json, "usn_data_synchronization_status",
                        json_string(control_sync_text(text, sizeof text, c)));
    json_object_set_new(json, "action",
                        json_string(c->disconnected ? "Connect" : "Disconnect"));
    json_object_set_new(json, "local", json_boolean(c->local));
    json_object_set_new(json, "peer_id", control_hex(c->peer_id, sizeof c->peer_id));
    json_object_set_new(json, "fqdn", render_text(c->fqdn));
    json_object_set_new(json, "description", render_text(c->description));
    json_object_set_new(json, "version", render_text(c->version));
    json_object_set_new(json, "address", control_text_or_null(c->address));
    json_object_set_new(json, "usn", control_number_json(c->usn));
    json_object_set_new(json, "entries", control_number_json(c->entries));
    json_object_set_new(json, "epoch", control_number_json(c->epoch));
    json_object_set_new(json, "root", control_hex(c->root, sizeof c->root));
    json_object_set_new(json, "linked", json_boolean(c->linked));
    json_object_set_new(json, "met", json_boolean(c->met));
    json_object_set_new(json, "disconnected", json_boolean(c->disconnected));
    json_object_set_new(json, "stale", json_boolean(c->stale));
    json_object_set_new(json, "link_method", c->linked ? json_string(render_method(c->met_method))
                                                       : json_null());
    json_object_set_new(json, "certificate_name", control_text_or_null(c->certificate_name));
    json_object_set_new(json, "certificate_fingerprint",
                        c->certificate.n == FINGERPRINT_SIZE
                            ? control_fingerprint(c->certificate.p) : json_null());
    json_object_set_new(json, "certificate_ends", control_time(c->certificate_ends));
    return json;
}

/* A row of the same form. */
static json_t *catalog_json(const struct view_catalog *c)
{
    struct view_cluster row = {.cluster_id = c->name, .route_string = c->route_string,
                               .description = c->description, .last_usn = c->own ? 0 : c->last_usn,
                               .usn = c->usn, .entries = c->entries, .epoch = c->epoch,
                               .status = c->status, .stale = c->stale};
    memcpy(row.peer_id, c->peer_id, sizeof row.peer_id);
    memcpy(row.root, c->root, sizeof row.root);
    json_t *json = cluster_json(&row);
    json_object_set_new(json, "role", json_string("Imported catalog"));
    json_object_set_new(json, "action", json_string(""));
    json_object_set_new(json, "imported_by", render_text(c->origin));
    return json;
}

/* The other hubs, whose rosters say whom they know: where each cluster is in the picture of a
 * network. */
struct hubs {
    struct {
        uint8_t key[KEY_SIZE];
        char name[CONTROL_NAME_MAX];
    } hub[PEERS_MAX];
    size_t n;
};

static void hubs_find(const struct ils *core, struct hubs *ret)
{
    struct view_cluster c;
    ret->n = 0;
    for (size_t i = 1; ret->n < PEERS_MAX && view_cluster(core, i, &c); i++) {
        if (c.role != ROLE_HUB)
            continue;
        memcpy(ret->hub[ret->n].key, c.key, KEY_SIZE);
        control_cluster_name(ret->hub[ret->n++].name, &c);
    }
}

static json_t *listed_by(const struct ils *core, const struct hubs *hubs,
                         const struct view_cluster *c)
{
    json_t *names = json_array();
    for (size_t i = 0; i < hubs->n; i++)
        if (view_lists(core, hubs->hub[i].key, c->key))
            json_array_append_new(names, json_string(hubs->hub[i].name));
    return names;
}

void verb_clusters(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct view_cluster c;
    struct view_catalog catalog;
    struct hubs hubs;
    json_t *rows = json_array();
    hubs_find(core, &hubs);
    for (size_t i = 0; view_cluster(core, i, &c); i++) {
        json_t *json = cluster_json(&c);
        json_object_set_new(json, "listed_by", listed_by(core, &hubs, &c));
        json_array_append_new(rows, json);
    }
    for (size_t i = 0; view_catalog(core, i, &catalog); i++)
        json_array_append_new(rows, catalog_json(&catalog));
    control_ok(client, rows);
}

/* How its certificate, or what else it showed, passed when it was last met. New ref. */
static json_t *peer_rule(const struct view_cluster *c)
{
    char text[128];
    if (c->met_method == METHOD_NONE)
        return json_null();
    snprintf(text, sizeof text, "accepted by %s", render_rule(c->met_rule));
    return json_string(text);
}

void verb_peers(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct view_cluster c;
    json_t *rows = json_array();
    for (size_t i = 0; view_cluster(core, i, &c); i++) {
        if (c.local)
            continue;
        json_t *json = cluster_json(&c);
        json_object_set_new(json, "key", control_hex(c.key, sizeof c.key));
        json_object_set_new(json, "method", json_string(render_method(c.met_method)));
        json_object_set_new(json, "rule", peer_rule(&c));
        json_object_set_new(json, "met_first", control_time(c.met_first));
        json_object_set_new(json, "met_last", control_time(c.met_last));
        json_object_set_new(json, "link_peer",
                            c.linked ? control_address(&c.link_peer) : json_null());
        json_object_set_new(json, "link_dialled_here",
                            c.linked ? json_boolean(c.link_dialler) : json_null());
        json_object_set_new(json, "link_since",
                            c.linked ? control_time(c.link_since) : json_null());
        json_array_append_new(rows, json);
    }
    control_ok(client, rows);
}

/* --- authentication, passwords, alarms, verdicts */

void verb_password_list(struct client *client)
{
    struct view_password p;
    json_t *rows = json_array();
    for (size_t i = 0; view_password(runtime_core(client->control->rt), i, &p); i++) {
        json_t *json = json_object();
        json_object_set_new(json, "generation", json_integer(p.generation));
        json_object_set_new(json, "preferred", json_boolean(p.preferred));
        json_array_append_new(rows, json);
    }
    control_ok(client, rows);
}

void control_alarm_text(char *dst, size_t size, const char *address, const struct alarm_row *row)
{
    char port[8], holder[64];
    render_alarm_text(dst, size, row);
    if (row->alarm != ILSTCPInUse || !row->active)
        return;
    slice_to_text(row->subject, port, sizeof port);
    address_port_holder(address, (uint16_t)strtoul(port, NULL, 10), false, holder, sizeof holder);
    snprintf(dst, size, "TCP port %s is in use by %s", port, holder);
}

void control_alarm_next(char *dst, size_t size, const struct alarm_row *row)
{
    struct slice s = row->subject;
    if (row->alarm == ILSTCPInUse || row->alarm == ILSTCPListenError)
        snprintf(dst, size, "ss -ltnp 'sport = :%.*s'", (int)s.n, (const char *)s.p);
    else if (row->alarm == ILSSourceFailed)
        snprintf(dst, size, "ils source test '%.*s'", (int)s.n, (const char *)s.p);
    else if (row->alarm == ILSClockWrong)
        snprintf(dst, size, "timedatectl set-ntp true");
    else /* of what there is too much, the table shows what is not needed any more */
        snprintf(dst, size, "%s", row->alarm == ILSPeerLimitExceeded ? "ils clusters"
                                                                     : "ils alarms");
}

/* How many entries two clusters have in common, and one of them. */
static void alarm_duplicate(json_t *json, const struct ils *core, struct slice subject)
{
    struct view_duplicate d;
    for (size_t i = 0; view_duplicate(core, i, &d); i++) {
        if (!slice_eq(d.subject, subject))
            continue;
        json_object_set_new(json, "entries", control_number_json(d.count));
        json_object_set_new(json, "example", render_text(d.example));
        return;
    }
}

static json_t *alarm_json(const struct client *client, const struct alarm_row *row)
{
    char text[1024];
    const char *cause, *next;
    json_t *json = render_alarm_json(row);
    control_alarm_text(text, sizeof text, runtime_options(client->control->rt)->address, row);
    if (row->alarm == ILSSourceFailed && row->active &&
        sources_failure(runtime_sources(client->control->rt), row->subject, &cause, &next))
        snprintf(text, sizeof text, "the source %.*s failed, and its entries stay as they were: %s",
                 (int)row->subject.n, (const char *)row->subject.p, cause);
    json_object_set_new(json, "text", render_text(slice_of(text)));
    if (row->alarm == ILSDuplicateURI && row->active)
        alarm_duplicate(json, runtime_core(client->control->rt), row->subject);
    return json;
}

void verb_alarms(struct client *client)
{
    struct alarm_row row;
    json_t *rows = json_array();
    for (size_t i = 0; view_alarm(runtime_core(client->control->rt), i, &row); i++)
        json_array_append_new(rows, alarm_json(client, &row));
    control_ok(client, rows);
}

void verb_verdicts(struct client *client)
{
    struct verdict v;
    json_t *rows = json_array();
    for (size_t i = 0; view_verdict(runtime_core(client->control->rt), i, &v); i++)
        json_array_append_new(rows, render_verdict_json(&v, control_self(client)));
    control_ok(client, rows);
}

/* --- audit */

#define AUDIT_MAX      100000
#define AUDIT_KEY_SIZE 12

static uint64_t big_endian(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

struct auditing {
    struct client *client;
    json_t *rows;
    uint64_t max;
    char search[200];
};

static bool audit_wanted(const struct auditing *a, struct slice who, struct slice what)
{
    char text[1024];
    if (a->search[0] == '\0')
        return true;
    snprintf(text, sizeof text, "%.*s %.*s", (int)who.n, (const char *)who.p, (int)what.n,
             (const char *)what.p);
    return strcasestr(text, a->search) != NULL;
}

static void audit_done(struct auditing *a)
{
    struct client *client = a->client;
    if (client->closing)
        json_decref(a->rows);
    else
        control_ok(client, a->rows);
    free(a);
    control_release(client);
}

static void audit_row(void *context, const struct row *row, bool done)
{
    struct auditing *a = context;
    if (done) {
        audit_done(a);
        return;
    }
    if (row->key.n < 8 || row->value.n < 1 || row->value.n < 1u + row->value.p[0])
        return;
    size_t n = row->value.p[0];
    struct slice who = slice_make(row->value.p + 1, n);
    struct slice what = slice_make(row->value.p + 1 + n, row->value.n - 1 - n);
    if (json_array_size(a->rows) >= a->max || !audit_wanted(a, who, what))
        return;
    json_t *json = json_object();
    json_object_set_new(json, "time", control_time((wall)big_endian(row->key.p)));
    json_object_set_new(json, "who", render_text(who));
    json_object_set_new(json, "what", render_text(what));
    json_object_set_new(json, "id", control_hex(row->key.p, row->key.n));
    json_array_append_new(a->rows, json);
}

/* The newest first. A search goes through AUDIT_MAX of them at most. */
void verb_audit(struct client *client)
{
    struct store_range range = {.space = STORE_AUDIT, .newest = true};
    struct slice search, before;
    uint64_t max;
    uint8_t key[AUDIT_KEY_SIZE];
    if (!control_number(client, "max", AUDIT_MAX, 100, &max) ||
        !control_text(client, "search", false, &search) ||
        !control_text(client, "before", false, &before))
        return;
    struct auditing *a = calloc(1, sizeof *a);
    if (a == NULL) {
        control_no_memory(client);
        return;
    }
    if (before.n > 0 && !hex_parse(key, sizeof key, before)) {
        control_error(client, "SETTING", "that is no id of a row of the audit", "ils audit",
                      "before");
        free(a);
        return;
    }
    if (before.n > 0)
        range.to = slice_make(key, sizeof key);
    slice_to_text(search, a->search, sizeof a->search);
    range.max = (size_t)(search.n > 0 ? AUDIT_MAX : max);
    a->client = client;
    a->max = max;
    a->rows = json_array();
    control_hold(client);
    runtime_rows(client->control->rt, &range, audit_row, a);
}

/* --- lookup */

/* Seconds since the origin of a match last signed its plan, as far as heard here; -1: one's own. */
static int64_t match_age(const struct ils *core, const struct match *m)
{
    struct view_plan p;
    for (size_t i = 0; view_plan_at(core, i, &p); i++)
        if (memcmp(p.key, m->key, KEY_SIZE) == 0)
            return p.age_s;
    return -1;
}

static json_t *match_json(const struct ils *core, const struct match *m)
{
    json_t *json = json_object();
    json_object_set_new(json, "kind", render_text(entry_kind_text(m->kind)));
    json_object_set_new(json, "value", render_text(m->value));
    json_object_set_new(json, "cluster_id", render_text(m->cluster_id));
    json_object_set_new(json, "route_string", render_text(m->route_string));
    json_object_set_new(json, "usn", control_number_json(m->usn));
    json_object_set_new(json, "local", json_boolean(m->local));
    json_object_set_new(json, "stale", json_boolean(m->stale));
    json_object_set_new(json, "age_s", m->local ? json_null()
                                                : json_integer(match_age(core, m)));
    return json;
}

/* What is wrong with what was dialled, and where; false: nothing, or it was found all the same. */
static bool why_fault(const struct lookup *l, struct arena *a, char *dst, size_t size)
{
    size_t at;
    enum entry_error error = ENTRY_OK;
    if (l->result == LOOKUP_BAD_INPUT || (l->result == LOOKUP_NO_MATCH && l->number.n == 0))
        error = lookup_fault(a, l->dialed, &at);
    if (error != ENTRY_OK)
        entry_error_place(error, l->dialed, at, dst, size);
    return error != ENTRY_OK;
}

static const char *why_text(const struct lookup *l, bool fault)
{
    switch (l->result) {
    case LOOKUP_FOUND:
        if (l->target[0].reason == TARGET_DOMAIN)
            return "no route covers the match's route string, so it is the domain to call";
        return "the match's route string is covered by a route, or it has a PSTN failover";
    case LOOKUP_NO_MATCH:
        return l->longer ? "no cluster advertises it; with more digits it would match a pattern"
               : fault   ? "no cluster advertises it, and it is no sound SIP URI"
                         : "no cluster advertises it";
    case LOOKUP_NO_ROUTE:
        return l->avoided_n > 0
                   ? "every target would bring the call back here"
                   : "no route pattern covers the match's route string: ils route add PATTERN "
                     "SIP-URI";
    case LOOKUP_LOCAL:
        return "it is this cluster's own entry";
    case LOOKUP_BLOCKED:
        return "it is advertised, but a rule of this cluster's keeps it from being served";
    case LOOKUP_CUT:
        return "there are too many patterns to ask them all for this number";
    case LOOKUP_THERE:
        return "that cluster would find this entry; where it sends the call is its routes' matter";
    default:
        return "it is neither a number nor a directory URI";
    }
}

static json_t *target_json(const struct target *t)
{
    json_t *one = json_object();
    json_object_set_new(one, "uri", render_text(t->uri));
    json_object_set_new(one, "q", json_real(t->q / 1000.0));
    json_object_set_new(one, "reason", render_text(target_reason_text(t->reason)));
    json_object_set_new(one, "route_pattern", control_text_or_null(t->route_pattern));
    json_object_set_new(one, "host", render_text(t->host));
    json_object_set_new(one, "port", t->port != 0 ? json_integer(t->port) : json_null());
    json_object_set_new(one, "transport", control_text_or_null(transport_text(t->transport)));
    json_object_set_new(one, "priority", json_integer(t->priority));
    json_object_set_new(one, "weight", json_integer(t->weight));
    return one;
}

/* Whether the routes here decide: those of another cluster, as which it is asked, are unknown. */
static bool is_routed_here(const struct ils *core, const struct lookup *l)
{
    struct view_self self;
    if (l->match_n == 0 || l->match[0].lost_to != LOSER_NONE || l->result == LOOKUP_THERE)
        return false;
    view_self(core, &self);
    return l->result != LOOKUP_LOCAL || memcmp(self.key, l->match[0].key, KEY_SIZE) == 0;
}

/* What would be targets, and the patterns that lost to the one that decided. */
static void why_targets(json_t *why, const struct ils *core, const struct lookup *l)
{
    json_t *avoided = json_array(), *patterns = json_array();
    const struct routes *routes = view_routes(core);
    size_t first[16], n = 0;
    for (size_t i = 0; i < l->avoided_n; i++) {
        json_t *one = target_json(&l->avoided[i]);
        json_object_set_new(one, "rule", json_string(
            l->avoided[i].avoided == AVOID_SELF ? "it is this cluster's own address"
                                                : "it is what was dialled"));
        json_array_append_new(avoided, one);
    }
    if (is_routed_here(core, l))
        n = routes_covering(routes, l->match[0].route_string, first, 16);
    for (size_t i = 0; i < n; i++) {
        struct slice pattern, target;
        routes_get(routes, first[i], &pattern, &target);
        if (!l->match[0].local || !slice_eq(pattern, slice_of("*"))) /* it is for others' calls */
            json_array_append_new(patterns, render_text(pattern));
    }
    json_object_set_new(why, "avoided", avoided);
    json_object_set_new(why, "route_patterns", patterns);
    json_object_set_new(why, "failover", control_text_or_null(l->failover));
    json_object_set_new(why, "failover_routed", json_boolean(l->failover_routed));
}

static void why_next(json_t *why, const struct lookup *l)
{
    char next[ROUTE_STRING_MAX + 64] = "";
    struct slice name = l->match_n > 0 ? l->match[0].route_string : slice_make(NULL, 0);
    if (l->result == LOOKUP_NO_ROUTE && l->avoided_n == 0 && slice_find(name, '\'') == name.n)
        snprintf(next, sizeof next, "ils route add '%.*s' sip:HOST",
                 (int)name.n, (const char *)name.p);
    else if (l->result == LOOKUP_NO_ROUTE)
        snprintf(next, sizeof next, "ils route list");
    else if (l->result == LOOKUP_BLOCKED)
        snprintf(next, sizeof next, "ils block list");
    else if (l->failover.n > 0 && !l->failover_routed)
        snprintf(next, sizeof next, "ils route add pstn sip:GATEWAY");
    json_object_set_new(why, "next", next[0] != '\0' ? render_text(slice_of(next)) : json_null());
}

static json_t *lookup_why(const struct ils *core, const struct lookup *l, struct arena *a)
{
    json_t *why = json_object(), *losers = json_array();
    char rule[160], fault[160] = "", text[300];
    bool odd = why_fault(l, a, fault, sizeof fault);
    for (size_t i = l->result == LOOKUP_BLOCKED ? 0 : 1; i < l->match_n; i++) {
        const struct match *m = &l->match[i];
        json_t *json = match_json(core, m);
        control_loser_text(rule, (enum loser_rule)m->lost_to, m->rule);
        json_object_set_new(json, "rule", json_string(rule));
        json_array_append_new(losers, json);
    }
    json_object_set_new(why, "cut", json_boolean(l->cut));
    json_object_set_new(why, "cut_by", control_text_or_null(l->cut_by));
    snprintf(text, sizeof text, "%s%s%s", why_text(l, odd), odd ? ": " : "", fault);
    json_object_set_new(why, "text", json_string(text));
    json_object_set_new(why, "canonical", control_text_or_null(l->canonical));
    json_object_set_new(why, "number", control_text_or_null(l->number));
    json_object_set_new(why, "uri", control_text_or_null(l->uri));
    json_object_set_new(why, "losers", losers);
    json_object_set_new(why, "more_losers", json_boolean(l->more));
    why_targets(why, core, l);
    why_next(why, l);
    return why;
}

json_t *control_lookup_json(const struct ils *core, const struct lookup *l, struct arena *a)
{
    json_t *json = json_object(), *targets = json_array();
    bool won = l->match_n > 0 && l->result != LOOKUP_BLOCKED;
    for (size_t i = 0; i < l->target_n; i++)
        json_array_append_new(targets, target_json(&l->target[i]));
    json_object_set_new(json, "dialed", render_text(l->dialed));
    json_object_set_new(json, "result", render_text(lookup_result_text(l->result)));
    json_object_set_new(json, "longer", json_boolean(l->longer));
    json_object_set_new(json, "match", won ? match_json(core, &l->match[0]) : json_null());
    json_object_set_new(json, "targets", targets);
    json_object_set_new(json, "why", lookup_why(core, l, a));
    return json;
}

/* A cluster by its id, or by its peer id in hex. */
bool control_cluster_key(const struct ils *core, struct slice name, uint8_t ret[static KEY_SIZE])
{
    struct view_plan p;
    char id[2 * PEER_ID_SIZE + 1];
    for (size_t i = 0; view_plan_at(core, i, &p); i++) {
        hex_text(id, p.peer_id, PEER_ID_SIZE);
        if (p.number != STREAM_PLAN ||
            (!slice_eq_fold(name, p.cluster_id) && !slice_eq_fold(name, slice_of(id))))
            continue;
        memcpy(ret, p.key, KEY_SIZE);
        return true;
    }
    return false;
}

void verb_lookup(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct slice dialled, from;
    struct arena arena;
    struct lookup l;
    uint8_t key[KEY_SIZE];
    if (!control_text(client, "dialled", true, &dialled) ||
        !control_text(client, "from", false, &from))
        return;
    struct view_self self;
    view_self(core, &self);
    bool other = from.n > 0 && !slice_eq_fold(from, self.cluster_id);
    if (other && !control_cluster_key(core, from, key)) {
        char text[160];
        snprintf(text, sizeof text, "no cluster '%.*s' is known here",
                 (int)(from.n < 80 ? from.n : 80), (const char *)from.p);
        control_error(client, "UNKNOWN_CLUSTER", text, "ils clusters", "from");
        return;
    }
    memset(&l, 0, sizeof l);
    arena_init(&arena, &client->control->mem);
    plan_why(view_plan(core), view_routes(core), &arena, dialled, other ? key : NULL, &l);
    json_t *json = control_lookup_json(core, &l, &arena);
    json_object_set_new(json, "from", control_text_or_null(from));
    bool good = l.result == LOOKUP_FOUND || l.result == LOOKUP_LOCAL || l.result == LOOKUP_THERE;
    arena_done(&arena);
    control_hold(client);
    if (l.cut)
        runtime_cut(client->control->rt, dialled);
    control_reply(client, json, good ? 0 : 1);
    control_release(client);
}

/* --- counters */

void verb_stats(struct client *client)
{
    struct runtime_stats s;
    struct plan_stats p;
    struct view_gate g;
    json_t *json = json_object();
    view_gate(runtime_core(client->control->rt), &g);
    runtime_stats(client->control->rt, &s);
    plan_stats(view_plan(runtime_core(client->control->rt)), &p);
    json_object_set_new(json, "started", control_time(s.started));
    json_object_set_new(json, "links", control_number_json(s.links));
    json_object_set_new(json, "half_open", control_number_json(g.half_open));
    json_object_set_new(json, "half_open_most", control_number_json(g.most));
    json_object_set_new(json, "half_open_evicted", control_number_json(g.evicted));
    json_object_set_new(json, "store_batches", control_number_json(s.store_batches));
    json_object_set_new(json, "store_failed", control_number_json(s.store_failed));
    json_object_set_new(json, "store_pending", control_number_json(s.store_pending));
    json_object_set_new(json, "store_bytes", control_number_json(s.store_bytes));
    json_object_set_new(json, "sip_requests", control_number_json(s.sip_requests));
    json_object_set_new(json, "sip_redirects", control_number_json(s.sip_redirects));
    json_object_set_new(json, "sip_not_found", control_number_json(s.sip_not_found));
    json_object_set_new(json, "memory_used", control_number_json(s.memory_used));
    json_object_set_new(json, "memory_peak", control_number_json(s.memory_peak));
    json_object_set_new(json, "entries", control_number_json(p.entries));
    json_object_set_new(json, "catalogs", control_number_json(p.catalogs));
    json_object_set_new(json, "segments", control_number_json(p.segments));
    json_object_set_new(json, "segment_bytes", control_number_json(p.segment_bytes));
    json_object_set_new(json, "index_bytes", control_number_json(p.index_bytes));
    json_object_set_new(json, "patterns", control_number_json(p.patterns));
    json_object_set_new(json, "pattern_bytes", control_number_json(p.pattern_bytes));
    control_ok(client, json);
}
