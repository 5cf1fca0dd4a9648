/* control_preview: what a change of the plan would do, without doing it: which entries come and go,
 * and which dialled strings would then be answered by whom, here and at the other clusters.
 *
 * Here it is the lookup itself that says who answers now. At another cluster one's own entry is one
 * of several: there the smaller cluster id wins, as far as that cluster's operator has not said
 * otherwise, and a cluster that has the entry itself is not touched. */
#include "daemon/control_planlog.h"

#include <stdio.h>
#include <string.h>

#include "plan/policy.h"

#define EXAMPLES    20     /* of what comes, of what goes, of what changes */
#define STRINGS     5      /* of each group of dialled strings */
#define GROUPS_MAX  64
#define LOOKED_MAX  200000 /* keys that are looked up */
#define NAMES_MAX   300    /* bytes */

struct group {
    bool here;
    char was[CLUSTER_ID_MAX + 1], becomes[CLUSTER_ID_MAX + 1]; /* "": nobody */
    char except[NAMES_MAX]; /* clusters where nothing changes, for they have it themselves */
    uint64_t n;
    json_t *strings;
};

struct preview {
    struct view_preview v;
    const struct ils *core;
    char self[CLUSTER_ID_MAX + 1];
    bool alone; /* no other cluster is known */
    struct group group[GROUPS_MAX];
    size_t group_n;
    uint64_t looked, more; /* more: strings of groups beyond the table */
};

/* --- who would answer */

static void count(struct preview *p, struct group g, struct slice dialled)
{
    size_t i = 0;
    if (strcmp(g.was, g.becomes) == 0)
        return;
    while (i < p->group_n &&
           (p->group[i].here != g.here || strcmp(p->group[i].was, g.was) != 0 ||
            strcmp(p->group[i].becomes, g.becomes) != 0 ||
            strcmp(p->group[i].except, g.except) != 0))
        i++;
    if (i == GROUPS_MAX) {
        p->more++;
        return;
    }
    if (i == p->group_n) {
        g.strings = json_array();
        p->group[p->group_n++] = g;
    }
    p->group[i].n++;
    if (json_array_size(p->group[i].strings) < STRINGS)
        json_array_append_new(p->group[i].strings, render_text(dialled));
}

static bool is_own(const struct match *m, const struct change *c)
{
    return m->local && m->kind == c->kind;
}

/* Not served here; of what is not sound, by nobody. */
static bool is_refused(const struct match *m)
{
    return m->lost_to == LOSER_BLOCKED || m->lost_to == LOSER_OUTSIDE ||
           m->lost_to == LOSER_ILLEGAL;
}

/* The others that have the key: their names, and the one that wins among them. */
static void others(const struct lookup *l, const struct change *c, char except[static NAMES_MAX],
                   struct slice *ret_first)
{
    size_t n = 0;
    *ret_first = slice_make(NULL, 0);
    except[0] = '\0';
    for (size_t i = 0; i < l->match_n; i++) {
        const struct match *m = &l->match[i];
        if (m->local || m->kind != c->kind || m->lost_to == LOSER_ILLEGAL)
            continue;
        if (n + m->cluster_id.n + 3 < NAMES_MAX)
            n += (size_t)snprintf(except + n, NAMES_MAX - n, "%s%.*s", n == 0 ? "" : ", ",
                                  (int)m->cluster_id.n, (const char *)m->cluster_id.p);
        if (ret_first->n == 0 || slice_cmp(m->cluster_id, *ret_first) < 0)
            *ret_first = m->cluster_id;
    }
    for (size_t i = 0; ret_first->n == 0 && i < l->match_n; i++)
        if (!l->match[i].local)
            *ret_first = l->match[i].cluster_id; /* of a pattern */
}

static void look(struct preview *p, const struct view_effect *e, const struct lookup *l,
                 struct slice dialled)
{
    const struct change *c = &e->change;
    struct group here = {.here = true}, there = {.here = false};
    struct slice first;
    size_t next = 0;
    bool exact = false;
    others(l, c, there.except, &first);
    while (next < l->match_n && (is_own(&l->match[next], c) || is_refused(&l->match[next])))
        next++;
    if (next < l->match_n)
        slice_to_text(l->match[next].cluster_id, here.was, sizeof here.was);
    snprintf(here.becomes, sizeof here.becomes, "%s", p->self);
    slice_to_text(first, there.was, sizeof there.was);
    for (size_t i = 0; i < l->match_n; i++)
        exact = exact || (!l->match[i].local && l->match[i].kind == c->kind);
    bool wins = !exact || slice_cmp(slice_of(p->self), first) < 0;
    snprintf(there.becomes, sizeof there.becomes, "%s", wins ? p->self : there.was);
    if (e->what == VIEW_REMOVED) {
        struct group swap = here;
        memcpy(here.was, swap.becomes, sizeof here.was);
        memcpy(here.becomes, swap.was, sizeof here.becomes);
        swap = there;
        memcpy(there.was, swap.becomes, sizeof there.was);
        memcpy(there.becomes, swap.was, sizeof there.becomes);
    }
    count(p, here, dialled);
    if (!p->alone)
        count(p, there, dialled);
}

static void look_all(struct preview *p, struct mem *mem)
{
    struct arena arena;
    struct lookup l;
    struct view_cluster other;
    arena_init(&arena, mem);
    p->alone = !view_cluster(p->core, 1, &other);
    for (size_t i = 0; i < p->v.effect_n && p->looked < LOOKED_MAX; i++) {
        const struct view_effect *e = &p->v.effect[i];
        const struct change *c = &e->change;
        char dialled[URI_MAX + 2];
        bool plain = c->kind == ENTRY_URI || c->kind == ENTRY_ENTERPRISE || c->kind == ENTRY_E164;
        if (e->what == VIEW_CHANGED || !plain)
            continue; /* who answers stays; a pattern is no string */
        arena_reset(&arena);
        size_t n = slice_to_text(c->user, dialled, sizeof dialled);
        if (c->domain.n > 0 && n + 1 + c->domain.n < sizeof dialled) {
            dialled[n++] = '@';
            n += slice_to_text(c->domain, dialled + n, sizeof dialled - n);
        }
        plan_lookup(view_plan(p->core), view_routes(p->core), &arena, slice_make(dialled, n), &l);
        look(p, e, &l, slice_make(dialled, n));
        p->looked++;
    }
    arena_done(&arena);
}

/* --- as JSON */

static json_t *name_json(const char *name)
{
    return name[0] == '\0' ? json_null() : json_string(name);
}

static json_t *groups_json(const struct preview *p)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < p->group_n; i++) {
        const struct group *g = &p->group[i];
        json_t *json = json_object();
        json_object_set_new(json, "where", json_string(g->here ? "here" : "others"));
        json_object_set_new(json, "was", name_json(g->was));
        json_object_set_new(json, "becomes", name_json(g->becomes));
        json_object_set_new(json, "except", name_json(g->here ? "" : g->except));
        json_object_set_new(json, "strings", control_number_json(g->n));
        json_object_set_new(json, "examples", g->strings);
        json_array_append_new(rows, json);
    }
    return rows;
}

static json_t *examples_json(const struct preview *p, struct mem *mem)
{
    static const char *const word[] = {"added", "removed", "changed"};
    size_t n[VIEW_EFFECTS] = {0};
    json_t *rows = json_array();
    struct arena arena;
    arena_init(&arena, mem);
    for (size_t i = 0; i < p->v.effect_n; i++) {
        const struct view_effect *e = &p->v.effect[i];
        const struct change *c = &e->change;
        struct record r = {.put = true, .kind = c->kind, .user = c->user, .domain = c->domain,
                           .value = c->value, .source = c->source};
        struct record was = r;
        was.value = e->was_value;
        was.source = e->was_source;
        if (n[e->what]++ >= EXAMPLES)
            continue;
        json_t *json = control_entry_json(&arena, e->what == VIEW_REMOVED ? &was : &r);
        json_object_set_new(json, "what", json_string(word[e->what]));
        if (e->what == VIEW_CHANGED)
            json_object_set_new(json, "was", control_entry_json(&arena, &was));
        json_array_append_new(rows, json);
    }
    arena_done(&arena);
    return rows;
}

json_t *control_preview(struct client *client, const struct command *command)
{
    static struct preview p;
    struct mem *mem = &client->control->mem;
    struct view_self self;
    memset(&p, 0, sizeof p);
    p.core = runtime_core(client->control->rt);
    enum reply reply = view_preview(p.core, mem, command, &p.v);
    if (reply != REPLY_OK) {
        control_refused(client, reply, p.v.text);
        view_preview_free(&p.v);
        return NULL;
    }
    view_self(p.core, &self);
    slice_to_text(self.cluster_id, p.self, sizeof p.self);
    look_all(&p, mem);
    json_t *json = json_object();
    json_object_set_new(json, "dry_run", json_true());
    json_object_set_new(json, "added", control_number_json(p.v.n[VIEW_ADDED]));
    json_object_set_new(json, "removed", control_number_json(p.v.n[VIEW_REMOVED]));
    json_object_set_new(json, "changed", control_number_json(p.v.n[VIEW_CHANGED]));
    json_object_set_new(json, "unchanged", control_number_json(p.v.unchanged));
    json_object_set_new(json, "shrinks", p.v.shrinks ? render_text(p.v.text) : json_null());
    json_object_set_new(json, "entries", examples_json(&p, mem));
    json_object_set_new(json, "targets", groups_json(&p));
    json_object_set_new(json, "looked_up", control_number_json(p.looked));
    json_object_set_new(json, "not_listed", control_number_json(p.more));
    view_preview_free(&p.v);
    return json;
}

/* Ends the request with what the command would do. */
void control_dry_run(struct client *client, const struct command *command)
{
    json_t *result = control_preview(client, command);
    if (result != NULL)
        control_ok(client, result);
}
