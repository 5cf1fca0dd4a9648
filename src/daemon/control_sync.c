/* control_sync: who has what, from any node: for every origin what this cluster (or another) serves
 * of it, how late and since when; and beside it what each of the others has of this one's plan. */
#include "daemon/control_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "driver/clock.h"

const char *control_cluster_name(char dst[static CONTROL_NAME_MAX], const struct view_cluster *c)
{
    char id[2 * PEER_ID_SIZE + 1];
    hex_text(id, c->peer_id, PEER_ID_SIZE);
    int n = (int)c->cluster_id.n;
    const char *text = (const char *)c->cluster_id.p;
    if (c->duplicate || n == 0)
        snprintf(dst, CONTROL_NAME_MAX, "%.*s~%.8s", n, n > 0 ? text : "", id);
    else
        snprintf(dst, CONTROL_NAME_MAX, "%.*s", n, text);
    return dst;
}

/* By cluster id, by the name under which it is shown, or by peer id. False: nobody. */
static bool find_row(const struct ils *core, struct slice name, size_t *ret)
{
    struct view_cluster c;
    char id[2 * PEER_ID_SIZE + 1], shown[CONTROL_NAME_MAX];
    for (size_t i = 0; view_cluster(core, i, &c); i++) {
        hex_text(id, c.peer_id, PEER_ID_SIZE);
        if (slice_eq_fold(name, c.cluster_id) || slice_eq_fold(name, slice_of(id)) ||
            slice_eq_fold(name, slice_of(control_cluster_name(shown, &c)))) {
            *ret = i;
            return true;
        }
    }
    return false;
}

const char *control_holds_text(const struct view_holds *h)
{
    if (h->newest == 0)
        return "No plan yet";
    if (!h->known)
        return "Not known";
    switch (h->status) {
    case SYNC_UP_TO_DATE: return "Up to date";
    case SYNC_SYNCHRONIZING: return "Synchronizing";
    case SYNC_BEHIND: return "Behind";
    case SYNC_DISCONNECTED: return "Disconnected";
    case SYNC_HELD: return "Held";
    case SYNC_HELD_QUOTA: return "Held (quota)";
    case SYNC_DIGEST_DIFFERS: return "Digest differs";
    }
    return "?";
}

/* What is equal at two clusters can only be said of what both serve. */
static json_t *digest(const struct view_holds *h)
{
    if (!h->known || h->newest == 0 || (!h->digest_equal && h->usn != h->newest))
        return json_null();
    return json_boolean(h->digest_equal);
}

static void put_holds(json_t *json, const struct view_holds *h)
{
    json_object_set_new(json, "known", json_boolean(h->known));
    json_object_set_new(json, "usn", h->known ? control_number_json(h->usn) : json_null());
    json_object_set_new(json, "newest", control_number_json(h->newest));
    json_object_set_new(json, "lag_s", h->known ? json_integer(h->lag_s) : json_null());
    json_object_set_new(json, "digest_equal", digest(h));
    json_object_set_new(json, "status", json_string(control_holds_text(h)));
    json_object_set_new(json, "error", control_text_or_null(h->error));
    json_object_set_new(json, "since", control_time(h->since));
    json_object_set_new(json, "exact", json_boolean(h->exact));
    json_object_set_new(json, "as_of", control_time(h->at));
}

static bool well(const struct view_holds *h)
{
    return !h->known || h->status == SYNC_UP_TO_DATE;
}

/* Of the table of clusters: nothing has come from there for too long, or cannot come. Where an
 * operator wanted that it is no fault. */
static const char *data_status(const struct view_cluster *c)
{
    if (c->stale && !c->disconnected)
        return "Stale";
    return c->status == SYNC_DISCONNECTED ? "Disconnected" : NULL;
}

struct counted {
    json_int_t clusters, behind, unknown;
    char worst[256];
};

/* The first is said: there has been no news, or news is not served yet, for so long. */
static void count_bad(struct counted *n, bool silent, const char *name, const char *of, int64_t s)
{
    n->behind++;
    if (n->worst[0] != '\0')
        return;
    if (silent)
        snprintf(n->worst, sizeof n->worst, "%s has had no news of %s for %" PRId64 " s", name, of,
                 s);
    else
        snprintf(n->worst, sizeof n->worst, "%s is behind with %s by %" PRId64 " s", name, of, s);
}

/* One origin: what `holder` has of it, and what it has of this cluster. */
static json_t *sync_row(const struct ils *core, size_t holder, const char *holder_name, size_t i,
                        const struct view_cluster *c, struct counted *n)
{
    struct view_holds here, theirs;
    char name[CONTROL_NAME_MAX], self[CONTROL_NAME_MAX];
    struct view_cluster own;
    json_t *json = json_object(), *back = json_null();
    control_cluster_name(name, c);
    view_cluster(core, 0, &own);
    view_holds(core, holder, i, &here);
    json_object_set_new(json, "cluster_id", render_text(c->cluster_id));
    json_object_set_new(json, "name", render_text(slice_of(name)));
    json_object_set_new(json, "peer_id", control_hex(c->peer_id, sizeof c->peer_id));
    json_object_set_new(json, "local", json_boolean(c->local));
    json_object_set_new(json, "entries", control_number_json(c->entries));
    json_object_set_new(json, "stale", json_boolean(c->stale));
    put_holds(json, &here);
    const char *data = holder == 0 && well(&here) && !c->local ? data_status(c) : NULL;
    if (data != NULL) {
        json_object_set_new(json, "status", json_string(data));
        json_object_set_new(json, "since", control_time(c->last_contact));
    }
    int64_t silent = c->last_contact != 0 ? (clock_wall() - c->last_contact) / TICK_S : c->signed_s;
    if (!well(&here) || (data != NULL && !c->disconnected))
        count_bad(n, data != NULL, holder_name, name, data != NULL ? silent : here.lag_s);
    n->unknown += !here.known;
    if (!c->local && view_holds(core, i, 0, &theirs)) {
        back = json_object();
        put_holds(back, &theirs);
        if (!well(&theirs))
            count_bad(n, false, name, control_cluster_name(self, &own), theirs.lag_s);
        n->unknown += !theirs.known;
    }
    json_object_set_new(json, "theirs", back);
    n->clusters++;
    return json;
}

void verb_sync(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct slice name;
    struct view_cluster c;
    struct view_self self;
    struct counted n = {0};
    struct control_health health;
    char holder_name[CONTROL_NAME_MAX];
    size_t holder = 0;
    if (!control_text(client, "cluster", false, &name))
        return;
    if (name.n != 0 && !find_row(core, name, &holder)) {
        control_refused(client, REPLY_UNKNOWN_CLUSTER, name);
        return;
    }
    view_cluster(core, holder, &c);
    control_cluster_name(holder_name, &c);
    json_t *json = json_object(), *rows = json_array();
    for (size_t i = 0; view_cluster(core, i, &c); i++)
        json_array_append_new(rows, sync_row(core, holder, holder_name, i, &c, &n));
    view_self(core, &self);
    json_object_set_new(json, "cluster", render_text(slice_of(holder_name)));
    json_object_set_new(json, "local", json_boolean(holder == 0));
    json_object_set_new(json, "health", json_string(n.behind > 0 ? "degraded" : "healthy"));
    json_object_set_new(json, "cause", n.behind > 0 ? render_text(slice_of(n.worst)) : json_null());
    control_health(client->control->rt, &health);
    json_object_set_new(json, "status_cause",
                        health.degraded ? render_text(slice_of(health.cause)) : json_null());
    json_object_set_new(json, "behind", json_integer(n.behind));
    json_object_set_new(json, "unknown", json_integer(n.unknown));
    json_object_set_new(json, "minutes", json_integer(self.minutes));
    json_object_set_new(json, "exchange", json_boolean(self.exchange));
    json_object_set_new(json, "clusters", rows);
    json_object_set_new(json, "catalogs", holder == 0 ? control_catalogs(core) : json_array());
    control_reply(client, json, n.behind > 0 ? 1 : 0);
}

void verb_sync_every(struct client *client)
{
    struct command command = {.type = COMMAND_SYNC_EVERY};
    uint64_t minutes;
    if (!control_number(client, "minutes", SYNC_MINUTES_MAX, 0, &minutes))
        return;
    command.minutes = (uint16_t)minutes;
    control_change(client, &command);
}

void verb_exchange(struct client *client)
{
    struct command command = {.type = COMMAND_EXCHANGE};
    if (!json_is_boolean(json_object_get(client->args, "on"))) {
        control_error(client, "SETTING", "the exchange is on or off", "ils exchange on", "on");
        return;
    }
    command.raise = control_flag(client, "on", true);
    control_change(client, &command);
}
