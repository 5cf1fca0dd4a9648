/* control_node: which part this ilsd plays where several share a store, and whether it is well in
 * it; and what of the core is only counted. */
#include "daemon/control_inside.h"
#include "daemon/control_planlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/node.h"
#include "driver/clock.h"

/* --- counted */

/* Linked by the password alone, although this cluster is ready for more. */
json_int_t control_on_password(const struct ils *core)
{
    struct view_self self;
    struct view_cluster c;
    json_int_t n = 0;
    view_self(core, &self);
    unsigned more = 1u << METHOD_TLS | 1u << METHOD_TLS_PASSWORD;
    if (!self.auth.tls && (auth_accepts(&self.auth) & more) == 0)
        return 0;
    for (size_t i = 0; view_cluster(core, i, &c); i++)
        n += !c.local && c.linked && !c.link_tls;
    return n;
}

void control_counted(const struct ils *core, json_t *json)
{
    struct alarm_row row;
    struct view_cluster c;
    struct plan_stats p;
    json_int_t alarms = 0, clusters = 0, linked = 0;
    for (size_t i = 0; view_alarm(core, i, &row); i++)
        alarms += row.active;
    for (size_t i = 0; view_cluster(core, i, &c); i++) {
        clusters += !c.local;
        linked += !c.local && c.linked;
    }
    struct view_duplicate duplicate;
    struct view_held held;
    json_int_t duplicates = 0, helds = 0;
    while (view_duplicate(core, (size_t)duplicates, &duplicate))
        duplicates++;
    while (view_held(core, (size_t)helds, &held))
        helds++;
    json_object_set_new(json, "duplicates", json_integer(duplicates));
    json_object_set_new(json, "held", json_integer(helds));
    plan_stats(view_plan(core), &p);
    json_object_set_new(json, "alarms_active", json_integer(alarms));
    json_object_set_new(json, "clusters", json_integer(clusters));
    json_object_set_new(json, "clusters_linked", json_integer(linked));
    json_object_set_new(json, "entries", control_number_json(p.entries));
    json_object_set_new(json, "confirm", control_confirm_json(core));
    json_object_set_new(json, "rollback", control_rollback_json(core));
}

/* --- its part */

static const char *ago(char dst[static 32], wall since)
{
    int64_t s = (clock_wall() - since) / 1000000;
    if (s < 120)
        snprintf(dst, 32, "%" PRId64 " s", s > 0 ? s : 0);
    else
        snprintf(dst, 32, "%" PRId64 " min", s / 60);
    return dst;
}

/* As much of text as there is room for, in whole words. */
static void put_words(char *dst, size_t size, const char *text)
{
    static const char more[] = " …";
    size_t n = strlen(text);
    if (n >= size)
        for (n = size - sizeof more; n > 0 && text[n] != ' '; n--)
            ;
    snprintf(dst, size, "%.*s%s", (int)n, text, text[n] != '\0' ? more : "");
}

/* Of who follows; false: it writes, and what else there is says how it is. */
bool control_node_health(const struct runtime *rt, bool *ret_degraded, char text[static 512],
                         char next[static 512])
{
    struct node_view n;
    struct view_follow f;
    char since[32], error[400];
    node_view(runtime_node(rt), &n);
    if (!view_follow(runtime_core(rt), &f))
        return false;
    *ret_degraded = true;
    text[0] = next[0] = '\0';
    if (n.away != 0) {
        put_words(error, sizeof error, n.error);
        snprintf(text, 512, "the store has not answered for %s: what was read until then is "
                 "answered (%s)", ago(since, n.away), error);
        snprintf(next, 512, "psql '%.200s' -c 'SELECT 1'", n.store);
    } else if (n.moved) {
        snprintf(text, 512, "what this store held has moved to %s: nothing is written here",
                 n.writer);
        snprintf(next, 512, "systemctl stop ilsd");
    } else if (n.writer[0] == '\0') {
        snprintf(text, 512, n.taking ? "this ilsd is about to write: what is stored is being "
                 "loaded" : "no ilsd has the lease of the store: nothing is written, and no "
                 "cluster is linked");
        snprintf(next, 512, "%s", n.taking ? "" : "systemctl start ilsd");
    } else if (f.missing > 0) {
        snprintf(text, 512, "%zu segments that are listed in the store are not in it", f.missing);
        snprintf(next, 512, "ils verify");
    } else {
        *ret_degraded = false;
    }
    return true;
}

json_t *control_node_json(const struct runtime *rt)
{
    struct node_view n;
    node_view(runtime_node(rt), &n);
    if (n.part == NODE_ALONE)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "part", json_string(node_part_name(n.part)));
    json_object_set_new(json, "name", json_string(n.name));
    json_object_set_new(json, "store", json_string(n.store));
    json_object_set_new(json, "writer", control_text_or_null(slice_of(n.writer)));
    json_object_set_new(json, "since", n.since != 0 ? control_time(n.since) : json_null());
    json_object_set_new(json, "fence", control_number_json(n.fence));
    json_object_set_new(json, "version", control_number_json(n.version));
    json_object_set_new(json, "away_since", n.away != 0 ? control_time(n.away) : json_null());
    json_object_set_new(json, "error", control_text_or_null(slice_of(n.away != 0 ? n.error : "")));
    return json;
}

/* Links end, and whoever stands by takes the lease. */
void verb_store_release(struct client *client)
{
    struct node_view n;
    char text[200];
    if (node_release(runtime_node(client->control->rt))) {
        control_ok(client, json_pack("{s:s}", "text", "OK"));
        return;
    }
    node_view(runtime_node(client->control->rt), &n);
    if (n.part == NODE_ALONE)
        control_error(client, "STORE", "the store is a file, which no other ilsd shares",
                      "ils status", NULL);
    else {
        snprintf(text, sizeof text, "this ilsd does not have the lease: %s has it",
                 n.writer[0] != '\0' ? n.writer : "nobody");
        control_error(client, "STORE", text, "ils status", NULL);
    }
}
