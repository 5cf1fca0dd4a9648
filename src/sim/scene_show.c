/* scene_show: see scene_show.h. */
#include "sim/scene_show.h"

#include "core/view.h"
#include "plan/lookup.h"
#include "sim/grow.h"
#include "sim/render.h"

#include <stdarg.h>

static void add(char ret[static SHOW_TEXT], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(char ret[static SHOW_TEXT], const char *format, ...)
{
    size_t n = strlen(ret);
    va_list list;
    va_start(list, format);
    vsnprintf(ret + n, SHOW_TEXT - n, format, list);
    va_end(list);
}

#define TEXT_OF(s) (int)(s).n, (const char *)(s).p

static const char *show_sync(enum sync_status s)
{
    switch (s) {
    case SYNC_UP_TO_DATE: return "up-to-date";
    case SYNC_SYNCHRONIZING: return "synchronizing";
    case SYNC_BEHIND: return "behind";
    case SYNC_DISCONNECTED: return "disconnected";
    case SYNC_HELD: return "held";
    case SYNC_HELD_QUOTA: return "held-quota";
    case SYNC_DIGEST_DIFFERS: return "digest-differs";
    }
    return "?";
}

static const char *role_name(enum ils_role role)
{
    return role == ROLE_HUB ? "hub" : role == ROLE_SPOKE ? "spoke" : "standalone";
}

void show_clusters(struct node *n, char ret[static SHOW_TEXT])
{
    struct view_cluster c;
    ret[0] = 0;
    for (size_t i = 0; view_cluster(n->ils, i, &c); i++) {
        add(ret, "%s%.*s %s usn=%llu entries=%llu %s%s%s%s%s", i == 0 ? "" : "\n",
            TEXT_OF(c.cluster_id), role_name(c.role), (unsigned long long)c.usn,
            (unsigned long long)c.entries, show_sync(c.status), c.local ? " local" : "",
            c.linked ? " linked" : "", c.stale ? " stale" : "", c.met ? " met" : "");
        if (c.status == SYNC_SYNCHRONIZING)
            add(ret, " %llu of %llu", (unsigned long long)c.status_n,
                (unsigned long long)c.status_m);
    }
}

bool show_half(const struct node *n)
{
    struct view_cluster c;
    for (size_t i = 0; view_cluster(n->ils, i, &c); i++)
        if (c.status == SYNC_SYNCHRONIZING && c.status_n > 0 && c.status_n < c.status_m)
            return true;
    return false;
}

static const char *result_name(uint8_t result)
{
    switch ((enum lookup_result)result) {
    case LOOKUP_FOUND: return "found";
    case LOOKUP_NO_MATCH: return "no-match";
    case LOOKUP_NO_ROUTE: return "no-route";
    case LOOKUP_LOCAL: return "local";
    case LOOKUP_BAD_INPUT: return "bad-input";
    case LOOKUP_BLOCKED: return "blocked";
    case LOOKUP_CUT: return "cut";
    case LOOKUP_THERE: return "there";
    case LOOKUP_BUSY: break;
    }
    return "?";
}

static void *show_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return grow(p, new_size);
}

void show_lookup(struct node *n, const char *dialled, char ret[static SHOW_TEXT])
{
    struct mem mem = {.resize = show_resize, .budget = SIZE_MAX};
    struct arena arena;
    struct lookup l;
    arena_init(&arena, &mem);
    plan_why(view_plan(n->ils), view_routes(n->ils), &arena, slice_of(dialled), NULL, &l);
    ret[0] = 0;
    add(ret, "%s %s", dialled, result_name(l.result));
    for (size_t i = 0; i < l.match_n; i++)
        add(ret, " %s%.*s usn=%llu%s", i == 0 ? "" : "loser=", TEXT_OF(l.match[i].cluster_id),
            (unsigned long long)l.match[i].usn, l.match[i].stale ? " stale" : "");
    for (size_t i = 0; i < l.target_n; i++)
        add(ret, " %.*s", TEXT_OF(l.target[i].uri));
    arena_done(&arena);
}

void show_alarms(struct node *n, char ret[static SHOW_TEXT])
{
    struct alarm_row row;
    ret[0] = 0;
    for (size_t i = 0; view_alarm(n->ils, i, &row); i++) {
        char subject[128];
        slice_to_text(row.subject, subject, sizeof subject);
        struct node *about = world_resolve(n->world, row.subject);
        add(ret, "%s%s %s count=%llu %s", i == 0 ? "" : "\n", render_alarm(row.alarm),
            about == NULL ? subject : about->name, (unsigned long long)row.count,
            row.active ? "active" : "cleared");
    }
    if (ret[0] == 0)
        add(ret, "no alarm");
}

void show_status(struct node *n, char ret[static SHOW_TEXT])
{
    struct view_self self;
    struct view_join join;
    view_self(n->ils, &self);
    view_join(n->ils, &join);
    ret[0] = 0;
    add(ret, "%.*s %s boot=%llu usn=%llu entries=%llu serving=%llu", TEXT_OF(self.cluster_id),
        role_name(self.role), (unsigned long long)self.boot, (unsigned long long)self.usn,
        (unsigned long long)self.entries, (unsigned long long)self.serving);
    if (join.wanted)
        add(ret, " hub=%.*s %s", TEXT_OF(self.hub_host), join.up ? "up" : "down");
    if (join.wanted && join.last_code != CODE_NONE)
        add(ret, " last=ILS-%u", (unsigned)join.last_code);
}

void show_verdict(struct node *a, struct node *b, char ret[static SHOW_TEXT])
{
    struct verdict x = {0}, y = {0};
    bool there = view_verdict(a->ils, 0, &x) && view_verdict(b->ils, 0, &y);
    bool one = x.code == y.code && memcmp(x.id, y.id, VERDICT_ID_SIZE) == 0;
    ret[0] = 0;
    add(ret, "ILS-%u", (unsigned)x.code);
    if (a != b)
        add(ret, !there ? " none" : one ? " same" : " differ");
}
