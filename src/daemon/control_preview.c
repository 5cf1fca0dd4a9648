/* control_preview: what a change of the plan would do, without doing it: which entries come and go,
 * and which dialled strings would then be answered by whom, here and at the other clusters. Who
 * that is says the plan room (plan/foresee.h); here it is put into groups. */
#include "daemon/control_planlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/foresee.h"

#define EXAMPLES    20     /* of what comes, of what goes, of what changes */
#define STRINGS     5      /* of each group of dialled strings */
#define GROUPS_MAX  64
#define LOOKED_MAX  200000 /* strings that are looked up */
#define PATTERN_ALL 10000  /* strings of a pattern that are all looked up; of more, examples */
#define NAMES_MAX   300    /* bytes */

enum where { AT_HERE, AT_OTHERS, AT_CLUSTER };

struct group {
    enum where where;
    char cluster[CLUSTER_ID_MAX + 1];     /* AT_CLUSTER: which */
    char was[CLUSTER_ID_MAX + 1], becomes[CLUSTER_ID_MAX + 1]; /* "": nobody */
    char except[NAMES_MAX]; /* clusters where nothing changes, for they have it themselves */
    uint64_t n;             /* strings */
    uint64_t patterns;      /* of which only examples are among them */
    uint64_t last;          /* pattern + 1 that was counted */
    json_t *strings;
};

struct preview {
    struct view_preview v;
    const struct ils *core;
    struct foresee f;
    struct foresee_key *key;
    struct arena arena;
    bool alone; /* no other cluster is known */
    struct group group[GROUPS_MAX];
    size_t group_n;
    uint64_t pattern;      /* + 1: whose strings are looked up; 0: none */
    uint64_t looked, more; /* more: strings of groups beyond the table */
    uint64_t examples;     /* patterns of which only examples were looked up */
};

/* --- who would answer */

static struct group *group_of(struct preview *p, const struct group *g)
{
    for (size_t i = 0; i < p->group_n; i++) {
        struct group *have = &p->group[i];
        if (have->where == g->where && strcmp(have->cluster, g->cluster) == 0 &&
            strcmp(have->was, g->was) == 0 && strcmp(have->becomes, g->becomes) == 0 &&
            strcmp(have->except, g->except) == 0)
            return have;
    }
    if (p->group_n == GROUPS_MAX)
        return NULL;
    p->group[p->group_n] = *g;
    p->group[p->group_n].strings = json_array();
    return &p->group[p->group_n++];
}

static void count(struct preview *p, struct group g, struct slice was, struct slice becomes,
                  struct slice dialled)
{
    if (slice_eq(was, becomes))
        return;
    slice_to_text(was, g.was, sizeof g.was);
    slice_to_text(becomes, g.becomes, sizeof g.becomes);
    struct group *have = group_of(p, &g);
    if (have == NULL) {
        p->more++;
        return;
    }
    have->n++;
    if (p->pattern != 0 && have->last != p->pattern) {
        have->last = p->pattern;
        have->patterns++;
    }
    if (json_array_size(have->strings) < STRINGS)
        json_array_append_new(have->strings, render_text(dialled));
}

static void count_others(struct preview *p, const struct foreseen *s, struct slice dialled)
{
    struct group others = {.where = AT_OTHERS};
    size_t n = 0;
    for (size_t i = 0; i < s->own_n; i++) {
        struct group at = {.where = AT_CLUSTER};
        struct slice was = s->own[i].was, becomes = s->own[i].becomes;
        if (slice_eq(was, s->others_was) && slice_eq(becomes, s->others_becomes))
            continue;
        slice_to_text(s->own[i].cluster, at.cluster, sizeof at.cluster);
        if (!slice_eq(was, becomes))
            count(p, at, was, becomes, dialled);
        if (n + strlen(at.cluster) + 3 < NAMES_MAX)
            n += (size_t)snprintf(others.except + n, NAMES_MAX - n, "%s%s", n == 0 ? "" : ", ",
                                  at.cluster);
    }
    count(p, others, s->others_was, s->others_becomes, dialled);
}

static void look(void *context, struct slice dialled)
{
    struct preview *p = context;
    struct group here = {.where = AT_HERE};
    struct foreseen s;
    if (p->looked >= LOOKED_MAX)
        return;
    p->looked++;
    arena_reset(&p->arena);
    foresee_look(&p->f, &p->arena, dialled, &s);
    count(p, here, s.here_was, s.here_becomes, dialled);
    if (!p->alone)
        count_others(p, &s, dialled);
}

/* The strings of a pattern: all, or examples. */
static void look_pattern(struct preview *p, size_t i)
{
    uint64_t most = p->looked + PATTERN_ALL > LOOKED_MAX ? 0 : PATTERN_ALL;
    bool all = foresee_all(&p->f, i, most);
    p->pattern = all ? 0 : i + 1;
    p->examples += !all;
    foresee_strings(&p->f, i, most, look, p);
    p->pattern = 0;
}

static void look_key(struct preview *p, size_t i)
{
    const struct foresee_key *k = &p->key[i];
    char dialled[URI_MAX + 2];
    if (k->kind == ENTRY_PATTERN_ENTERPRISE || k->kind == ENTRY_PATTERN_E164) {
        look_pattern(p, i);
        return;
    }
    size_t n = slice_to_text(k->user, dialled, sizeof dialled);
    if (k->domain.n > 0 && n + 1 + k->domain.n < sizeof dialled) {
        dialled[n++] = '@';
        n += slice_to_text(k->domain, dialled + n, sizeof dialled - n);
    }
    look(p, slice_make(dialled, n));
}

/* False: memory. */
static bool look_all(struct preview *p, struct mem *mem)
{
    struct view_cluster other;
    size_t n = 0;
    const struct policy_subject catalog = {.key = p->v.key, .number = p->v.number,
                                           .cluster_id = p->v.name,
                                           .local = p->v.number == STREAM_PLAN};
    p->alone = !view_cluster(p->core, 1, &other);
    p->key = calloc(p->v.effect_n + 1, sizeof *p->key);
    for (size_t i = 0; p->key != NULL && i < p->v.effect_n; i++) {
        const struct view_effect *e = &p->v.effect[i];
        if (e->what != VIEW_CHANGED) /* who answers stays */
            p->key[n++] = (struct foresee_key){.kind = e->change.kind, .user = e->change.user,
                                               .domain = e->change.domain,
                                               .put = e->what == VIEW_ADDED};
    }
    bool good = p->key != NULL && foresee_init(&p->f, mem, view_plan(p->core),
                                               view_routes(p->core), &catalog, p->key, n);
    arena_init(&p->arena, mem);
    for (size_t i = 0; good && i < n && p->looked < LOOKED_MAX; i++)
        look_key(p, i);
    arena_done(&p->arena);
    if (p->key != NULL)
        foresee_done(&p->f);
    free(p->key);
    return good;
}

/* --- as JSON */

static json_t *name_json(const char *name)
{
    return name[0] == '\0' ? json_null() : json_string(name);
}

static json_t *groups_json(const struct preview *p)
{
    static const char *const where[] = {"here", "others", "cluster"};
    json_t *rows = json_array();
    for (size_t i = 0; i < p->group_n; i++) {
        const struct group *g = &p->group[i];
        json_t *json = json_object();
        json_object_set_new(json, "where", json_string(where[g->where]));
        json_object_set_new(json, "cluster", name_json(g->cluster));
        json_object_set_new(json, "was", name_json(g->was));
        json_object_set_new(json, "becomes", name_json(g->becomes));
        json_object_set_new(json, "except", name_json(g->except));
        json_object_set_new(json, "strings", control_number_json(g->n));
        json_object_set_new(json, "patterns", control_number_json(g->patterns));
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
    memset(&p, 0, sizeof p);
    p.core = runtime_core(client->control->rt);
    enum reply reply = view_preview(p.core, mem, command, &p.v);
    if (reply != REPLY_OK) {
        control_refused(client, reply, p.v.text);
        view_preview_free(&p.v);
        return NULL;
    }
    if (!look_all(&p, mem)) {
        control_no_memory(client);
        view_preview_free(&p.v);
        return NULL;
    }
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
    json_object_set_new(json, "by_example", control_number_json(p.examples));
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
