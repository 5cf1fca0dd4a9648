/* http_metrics: what there is to count, as Prometheus reads it. A family is one HELP, one TYPE and
 * its samples together; the names are part of the contract (docs/http.md). */
#include "daemon/control_inside.h"
#include "daemon/doors.h"
#include "daemon/http_pages.h"
#include "daemon/node.h"
#include "daemon/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_put_text(out, "# HELP openils_");
    buf_put_text(out, name);
    buf_put_u8(out, ' ');
    buf_put_text(out, help);
    buf_put_text(out, "\n# TYPE openils_");
    buf_put_text(out, name);
    buf_put_u8(out, ' ');
    buf_put_text(out, type);
    buf_put_u8(out, '\n');
}

/* Of a label's value: backslash, quote and line feed. */
static void put_escaped(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' || s.p[i] == '"')
            buf_put_u8(out, '\\');
        if (s.p[i] == '\n')
            buf_put_text(out, "\\n");
        else
            buf_put_u8(out, s.p[i]);
    }
}

static void label(struct buf *out, const char *before, const char *name, struct slice value)
{
    buf_put_text(out, before);
    buf_put_text(out, name);
    buf_put_text(out, "=\"");
    put_escaped(out, value);
    buf_put_u8(out, '"');
}

static void value(struct buf *out, uint64_t n)
{
    buf_put_u8(out, ' ');
    buf_put_decimal(out, n);
    buf_put_u8(out, '\n');
}

static void name_of(struct buf *out, const char *name)
{
    buf_put_text(out, "openils_");
    buf_put_text(out, name);
}

static void one(struct buf *out, const char *name, const char *type, const char *help, uint64_t n)
{
    family(out, name, type, help);
    name_of(out, name);
    value(out, n);
}

/* --- the daemon, the store, the plan */

static void put_daemon(struct runtime *rt, struct buf *out)
{
    struct runtime_stats s;
    struct control_health h;
    struct view_gate g;
    runtime_stats(rt, &s);
    control_health(rt, &h);
    view_gate(runtime_core(rt), &g);
    family(out, "build_info", "gauge", "The version of ilsd.");
    name_of(out, "build_info");
    label(out, "{", "version", slice_of(OPENILS_VERSION));
    buf_put_text(out, "} 1\n");
    one(out, "healthy", "gauge", "1 where ils status says healthy, 0 where it names a cause.",
        !h.degraded);
    one(out, "start_time_seconds", "gauge", "When ilsd began, since 1970.",
        (uint64_t)(s.started / 1000000));
    one(out, "memory_bytes", "gauge", "Memory of the core in use.", s.memory_used);
    one(out, "memory_peak_bytes", "gauge", "The most that it was.", s.memory_peak);
    one(out, "links", "gauge", "Connections with other clusters, open, opening or closing.",
        s.links);
    one(out, "half_open_links", "gauge", "Of them, those that have proved nothing yet.",
        g.half_open);
    one(out, "half_open_evicted_total", "counter", "Half-open links that had to make room.",
        g.evicted);
    one(out, "store_batches_total", "counter", "Batches that became durable.", s.store_batches);
    one(out, "store_failed_total", "counter", "Batches that the disk refused.", s.store_failed);
    one(out, "store_pending_batches", "gauge", "Batches that the disk has not confirmed yet.",
        s.store_pending);
    one(out, "store_bytes", "gauge", "Size of the database.", s.store_bytes);
}

/* Where several ilsd share a store. */
static void put_node(struct runtime *rt, struct buf *out)
{
    struct node_view n;
    struct view_follow f = {.missing = 0};
    node_view(runtime_node(rt), &n);
    view_follow(runtime_core(rt), &f);
    if (n.part == NODE_ALONE)
        return;
    one(out, "store_writes", "gauge", "1 where this ilsd has the lease of the store.",
        n.part == NODE_WRITES);
    one(out, "store_fence", "gauge", "How often the lease was taken, by whomever.", n.fence);
    one(out, "store_lease_since_seconds", "gauge", "When it was taken last, since 1970.",
        (uint64_t)(n.since / 1000000));
    one(out, "store_version", "gauge", "Up to which the store is known here.", n.version);
    one(out, "store_answers", "gauge", "1 unless the store is away.", n.away == 0);
    one(out, "store_away_since_seconds", "gauge", "Since when it is, since 1970; 0: it is not.",
        (uint64_t)(n.away / 1000000));
    one(out, "store_missing_segments", "gauge", "Listed in the store, and not in it.", f.missing);
}

static void put_plan(struct runtime *rt, struct buf *out)
{
    const struct ils *core = runtime_core(rt);
    struct plan_stats p;
    struct view_self self;
    struct view_duplicate duplicate;
    struct view_held held;
    size_t duplicates = 0, helds = 0;
    plan_stats(view_plan(core), &p);
    view_self(core, &self);
    while (view_duplicate(core, duplicates, &duplicate))
        duplicates++;
    while (view_held(core, helds, &held))
        helds++;
    one(out, "plan_entries", "gauge", "Entries that are served, of all clusters.", p.entries);
    one(out, "plan_own_entries", "gauge", "Of them, those of this cluster.", self.entries);
    one(out, "plan_own_usn", "gauge", "USN of this cluster's plan.", self.usn);
    one(out, "plan_catalogs", "gauge", "Catalogs that are served.", p.catalogs);
    one(out, "plan_patterns", "gauge", "Patterns that are held.", p.patterns);
    one(out, "plan_segment_bytes", "gauge", "Bytes of the segments.", p.segment_bytes);
    one(out, "plan_index_bytes", "gauge", "Bytes of the index over them.",
        p.index_bytes + p.pattern_bytes);
    one(out, "plan_duplicates", "gauge", "Pairs of clusters that announce the same.", duplicates);
    one(out, "plan_held", "gauge", "Plans that are held back.", helds);
}

/* --- alarms */

static void put_alarms(struct runtime *rt, struct buf *out)
{
    struct alarm_row row;
    uint64_t active[ALARMS] = {0}, raised[ALARMS] = {0};
    for (size_t i = 0; view_alarm(runtime_core(rt), i, &row); i++) {
        if (row.alarm >= ALARMS)
            continue;
        active[row.alarm] += row.active;
        raised[row.alarm] += row.count;
    }
    family(out, "alarms_active", "gauge", "Alarms that stand, by name.");
    for (uint8_t i = 0; i < ALARMS; i++) {
        name_of(out, "alarms_active");
        label(out, "{", "name", slice_of(render_alarm_name(i)));
        label(out, ",", "severity", slice_of(render_alarm_severity(i)));
        buf_put_u8(out, '}');
        value(out, active[i]);
    }
    family(out, "alarms_raised", "gauge", "How often each was raised, as far as it is kept.");
    for (uint8_t i = 0; i < ALARMS; i++) {
        name_of(out, "alarms_raised");
        label(out, "{", "name", slice_of(render_alarm_name(i)));
        buf_put_u8(out, '}');
        value(out, raised[i]);
    }
}

/* --- clusters */

enum { OF_LINKED, OF_STALE, OF_UP_TO_DATE, OF_ENTRIES, OF_USN, OF_CONTACT, OF_N };

static void put_cluster(struct buf *out, const char *name, int which, const struct view_cluster *c)
{
    char text[CONTROL_NAME_MAX];
    const uint64_t n[OF_N] = {
        [OF_LINKED] = c->linked,
        [OF_STALE] = c->stale,
        [OF_UP_TO_DATE] = c->status == SYNC_UP_TO_DATE,
        [OF_ENTRIES] = c->entries,
        [OF_USN] = c->usn,
        [OF_CONTACT] = (uint64_t)(c->last_contact / 1000000),
    };
    name_of(out, name);
    label(out, "{", "cluster", slice_of(control_cluster_name(text, c)));
    buf_put_u8(out, '}');
    value(out, n[which]);
}

static void put_clusters(struct runtime *rt, struct buf *out)
{
    static const struct {
        const char *name, *help;
    } families[OF_N] = {
        [OF_LINKED] = {"cluster_linked", "1 where there is a link of one's own."},
        [OF_STALE] = {"cluster_stale", "1 where its data is not as young as it should be."},
        [OF_UP_TO_DATE] = {"cluster_up_to_date", "1 where all that is known of it is served."},
        [OF_ENTRIES] = {"cluster_entries", "Entries of its plan that are served here."},
        [OF_USN] = {"cluster_usn", "USN of its plan as it is served here."},
        [OF_CONTACT] = {"cluster_last_contact_seconds", "When it was last heard on a link."},
    };
    const struct ils *core = runtime_core(rt);
    struct view_cluster c;
    uint64_t known = 0;
    for (size_t i = 0; view_cluster(core, i, &c); i++)
        known += !c.local;
    one(out, "clusters", "gauge", "Other clusters that are known.", known);
    for (int which = 0; known > 0 && which < OF_N; which++) {
        family(out, families[which].name, "gauge", families[which].help);
        for (size_t i = 0; view_cluster(core, i, &c); i++)
            if (!c.local)
                put_cluster(out, families[which].name, which, &c);
    }
}

/* --- doors */

static void put_door(struct buf *out, const json_t *door, bool outcomes)
{
    struct slice name = slice_of(json_string_value(json_object_get(door, "door")));
    const json_t *counts = json_object_get(door, "counts");
    const char *key;
    json_t *n;
    json_object_foreach((json_t *)(uintptr_t)counts, key, n) {
        bool request = strcmp(key, "requests") == 0;
        if (request == outcomes)
            continue;
        name_of(out, outcomes ? "door_outcomes_total" : "door_requests_total");
        label(out, "{", "door", name);
        if (outcomes)
            label(out, ",", "outcome", slice_of(key));
        buf_put_u8(out, '}');
        value(out, (uint64_t)json_integer_value(n));
    }
}

static void put_doors(struct runtime *rt, struct buf *out)
{
    json_t *list = doors_list(runtime_doors_of(rt)), *door;
    size_t i;
    family(out, "door_open", "gauge", "1 where questions are answered.");
    json_array_foreach(list, i, door) {
        name_of(out, "door_open");
        label(out, "{", "door", slice_of(json_string_value(json_object_get(door, "door"))));
        buf_put_u8(out, '}');
        value(out, json_is_true(json_object_get(door, "open")));
    }
    family(out, "door_requests_total", "counter", "Requests that came.");
    json_array_foreach(list, i, door)
        put_door(out, door, false);
    family(out, "door_outcomes_total", "counter", "What they came to; see ils door list.");
    json_array_foreach(list, i, door)
        put_door(out, door, true);
    json_decref(list);
}

void http_metrics(struct runtime *rt, struct buf *out)
{
    put_daemon(rt, out);
    put_node(rt, out);
    put_plan(rt, out);
    put_alarms(rt, out);
    put_clusters(rt, out);
    put_doors(rt, out);
}
