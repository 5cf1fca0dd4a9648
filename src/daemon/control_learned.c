/* control_learned: browsing and searching what other clusters announce: a page at a time, each
 * entry with its age and with what is made of it here, by the same judge as a call. */
#include "daemon/browse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE     100
#define PAGE_MAX 1000

struct learned {
    struct browse browse;
    struct arena arena;
    char search[URI_MAX + 2]; /* in lower case */
    size_t search_n;
    char cluster[CLUSTER_ID_MAX + 1 + 2 * PEER_ID_SIZE];
    uint8_t kind; /* 0 = any */
    bool stale;
    uint64_t max, total;
    json_t *rows;
};

/* --- what is asked for */

static bool of_plan(struct browse *b, const struct view_plan *p)
{
    const struct learned *l = b->context;
    char peer[2 * PEER_ID_SIZE + 1];
    if (l->stale && !p->stale)
        return false;
    if (l->cluster[0] == '\0' || slice_eq_fold(p->cluster_id, slice_of(l->cluster)))
        return true;
    browse_peer_id(peer, p);
    return slice_eq_fold(slice_of(peer), slice_of(l->cluster));
}

static bool of_record(struct browse *b, const struct record *r)
{
    const struct learned *l = b->context;
    char key[BROWSE_KEY_MAX];
    if (l->kind != 0 && r->kind != l->kind)
        return false;
    if (l->search_n == 0 || browse_contains(r->user, l->search, l->search_n))
        return true;
    if (r->domain.n == 0)
        return false;
    if (memchr(l->search, '@', l->search_n) == NULL)
        return browse_contains(r->domain, l->search, l->search_n);
    return browse_contains(slice_make(key, browse_key(key, r)), l->search, l->search_n);
}

/* --- what is made of it */

/* As a call to it would be judged: the rule that keeps it from being the winner. */
static enum loser_rule judged(struct learned *l, const struct view_plan *p, const struct record *r,
                              struct slice key, uint32_t *ret_block)
{
    const struct ils *core = runtime_core(l->browse.client->control->rt);
    struct lookup found;
    *ret_block = 0;
    plan_why(view_plan(core), view_routes(core), &l->arena, key, NULL, &found);
    for (size_t i = 0; i < found.match_n; i++) {
        const struct match *m = &found.match[i];
        if (m->kind == r->kind && memcmp(m->key, p->key, KEY_SIZE) == 0) {
            *ret_block = m->rule;
            return (enum loser_rule)m->lost_to;
        }
    }
    struct policy_subject s = {.key = p->key, .number = p->number, .cluster_id = p->cluster_id,
                               .kind = r->kind, .user = r->user, .domain = r->domain};
    if (!record_sound(&l->arena, r))
        return LOSER_ILLEGAL;
    return policy_judge(view_policy(core), &s, ret_block);
}

static bool add_row(struct browse *b, const struct view_plan *p, const struct record *r)
{
    struct learned *l = b->context;
    char key[BROWSE_KEY_MAX], peer[2 * PEER_ID_SIZE + 1], why[160];
    struct failover failover = {.rule = FAILOVER_NONE};
    struct slice kind = entry_kind_text(r->kind);
    uint32_t block;
    size_t n = browse_key(key, r);
    arena_reset(&l->arena);
    enum loser_rule rule = judged(l, p, r, slice_make(key, n), &block);
    if (r->value.n > 0 && !failover_get(r->value, &failover))
        failover = (struct failover){.rule = FAILOVER_NONE};
    browse_peer_id(peer, p);
    json_t *row = json_object();
    json_object_set_new(row, "kind", kind.n > 0 ? render_text(kind) : json_integer(r->kind));
    json_object_set_new(row, "key", render_text(slice_make(key, n)));
    json_object_set_new(row, "failover", render_text(entry_failover_text(&l->arena, &failover)));
    json_object_set_new(row, "cluster", render_text(p->cluster_id));
    json_object_set_new(row, "peer_id", json_string(peer));
    json_object_set_new(row, "route_string", render_text(p->route_string));
    json_object_set_new(row, "usn", control_number_json(r->usn));
    json_object_set_new(row, "stale", json_boolean(p->stale));
    json_object_set_new(row, "age_s", json_integer(p->age_s));
    json_object_set_new(row, "first", json_boolean(rule == LOSER_NONE && p->served));
    json_object_set_new(row, "rule", p->served ? json_string(control_loser_text(why, rule, block))
                                               : json_string("the exchange is off"));
    json_array_append_new(l->rows, row);
    return json_array_size(l->rows) < l->max;
}

/* --- the request */

static void learned_done(struct browse *b, bool whole)
{
    struct learned *l = b->context;
    char after[BROWSE_TEXT_MAX];
    json_t *result = json_object();
    browse_text(after, &b->place);
    json_object_set(result, "entries", l->rows);
    json_object_set_new(result, "after", whole ? json_null() : json_string(after));
    json_object_set_new(result, "looked_at", control_number_json(b->looked_at));
    json_object_set_new(result, "total", control_number_json(l->total));
    control_ok(b->client, result);
}

static void learned_free(struct browse *b)
{
    struct learned *l = b->context;
    json_decref(l->rows);
    arena_done(&l->arena);
    free(l);
}

/* Entries of the plans that are asked for, found or not. */
static uint64_t total_of(struct learned *l)
{
    const struct ils *core = runtime_core(l->browse.client->control->rt);
    struct view_plan p;
    uint64_t n = 0;
    for (size_t i = 0; view_plan_at(core, i, &p); i++)
        n += of_plan(&l->browse, &p) ? p.entries : 0;
    return n;
}

static bool learned_args(struct client *client, struct learned *l)
{
    struct slice cluster, search, kind, after;
    if (!control_text(client, "cluster", false, &cluster) ||
        !control_text(client, "search", false, &search) ||
        !control_text(client, "kind", false, &kind) ||
        !control_text(client, "after", false, &after) ||
        !control_number(client, "max", PAGE_MAX, PAGE, &l->max))
        return false;
    const char *bad = NULL;
    if (kind.n > 0)
        l->kind = entry_kind_parse(kind);
    if (kind.n > 0 && l->kind == 0)
        bad = "kind";
    else if (search.n >= sizeof l->search)
        bad = "search";
    else if (cluster.n >= sizeof l->cluster)
        bad = "cluster";
    else if (after.n > 0 && !browse_parse(&l->browse.place, after))
        bad = "after";
    if (bad != NULL) {
        control_error(client, "SETTING", "that is none: see the help", "ils help learned", bad);
        return false;
    }
    l->max = l->max == 0 ? 1 : l->max;
    l->stale = control_flag(client, "stale", false);
    slice_to_text(cluster, l->cluster, sizeof l->cluster);
    for (size_t i = 0; i < search.n; i++)
        l->search[i] = (char)ascii_lower(search.p[i]);
    l->search_n = search.n;
    return true;
}

void verb_learned(struct client *client)
{
    struct learned *l = calloc(1, sizeof *l);
    if (l == NULL) {
        control_no_memory(client);
        return;
    }
    l->browse = (struct browse){.client = client, .plan = of_plan, .want = of_record,
                                .row = add_row, .done = learned_done, .free = learned_free,
                                .context = l};
    if (!learned_args(client, l)) {
        free(l);
        return;
    }
    arena_init(&l->arena, &client->control->mem);
    l->rows = json_array();
    l->total = total_of(l);
    browse_start(&l->browse);
}
