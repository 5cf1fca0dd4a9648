/* plan: the catalogs, and the table of segments by id that the index's slots refer to. */
#include "plan/plan.h"

#include <assert.h>
#include <string.h>

#include "plan/catalog.h"
#include "plan/index.h"
#include "plan/lookup.h"

struct plan *plan_new(struct mem *mem, const uint8_t seed[static 16], bool fold_case)
{
    struct plan *p = mem_alloc(mem, sizeof *p);
    if (p == NULL)
        return NULL;
    p->mem = p->graves.mem = mem;
    p->patterns.graves = &p->graves;
    atomic_store(&p->graves.generation, 1);
    memcpy(p->seed, seed, sizeof p->seed);
    index_init(p);
    p->fold_case = fold_case;
    p->segment_top = 1;
    list_init(&p->catalogs);
    return p;
}

uint64_t key_hash(const uint8_t secret[static 16], uint8_t kind, struct slice user,
                  struct slice domain)
{
    uint8_t key[16];
    memcpy(key, secret, sizeof key);
    key[0] ^= kind;
    uint64_t h = crypto_siphash(user, key);
    for (size_t i = 0; i < sizeof h; i++)
        key[8 + i] ^= (uint8_t)(h >> 8 * i);
    return crypto_siphash(domain, key);
}

const uint8_t *plan_secret(const struct plan *p)
{
    return p->seed;
}

void plan_free(struct plan *p)
{
    if (p == NULL)
        return;
    struct mem *mem = p->mem;
    plan_use_readers(p, NULL);
    /* The index goes first: nobody will ask it again, so that nothing need be taken out of it. */
    index_done(p);
    patterns_done(&p->patterns, mem);
    list_each_safe(node, &p->catalogs) catalog_free(list_entry(node, struct catalog, node));
    if (p->segments != NULL)
        grave_free(mem, &p->segments->grave);
    mem_free(mem, p, sizeof *p);
}

/* --- rules */

void plan_use_policy(struct plan *p, const struct policy *policy)
{
    p->policy = policy;
}

const struct policy *plan_policy(const struct plan *p)
{
    const struct rules *rules = p->rules;
    return rules != NULL ? rules->policy : p->policy;
}

const struct routes *plan_routes(const struct plan *p)
{
    const struct rules *rules = p->rules;
    return rules != NULL ? rules->routes : NULL;
}

static void rules_done(struct mem *mem, struct grave *g)
{
    struct rules *rules = (struct rules *)(void *)g;
    routes_free(rules->routes);
    policy_free(rules->policy);
}

static void rules_replace(struct plan *p, struct rules *rules)
{
    struct rules *old = p->rules;
    plan_change_begin(p);
    p->rules = rules;
    plan_change_end(p);
    if (old != NULL)
        graves_add(&p->graves, &old->grave);
}

bool plan_use_rules(struct plan *p, const struct routes *routes, const struct policy *policy)
{
    uint64_t routes_now = routes_changes(routes), policy_now = policy_changes(policy);
    if (p->graves.readers == NULL ||
        (p->rules != NULL && p->routes_seen == routes_now && p->policy_seen == policy_now))
        return true;
    struct rules *rules = grave_alloc(p->mem, sizeof *rules);
    if (rules == NULL)
        return false;
    rules->grave.done = rules_done;
    rules->routes = routes_clone(routes, p->mem);
    rules->policy = policy_clone(policy, p->mem);
    if (rules->routes == NULL || rules->policy == NULL) {
        grave_free(p->mem, &rules->grave);
        return false;
    }
    rules_replace(p, rules);
    p->routes_seen = routes_now;
    p->policy_seen = policy_now;
    return true;
}

/* --- readers */

void plan_use_readers(struct plan *p, struct plan_readers *readers)
{
    p->graves.readers = readers;
    if (readers == NULL) {
        rules_replace(p, NULL);
        plan_reclaim(p);
    }
}

void plan_change_begin(struct plan *p)
{
    if (p->changing++ == 0)
        atomic_fetch_add(&p->change, 1);
}

void plan_change_end(struct plan *p)
{
    assert(p->changing > 0);
    if (--p->changing == 0)
        atomic_fetch_add(&p->change, 1);
}

/* --- segments by id */

static bool segments_grow(struct plan *p)
{
    struct segments *old = p->segments, *more;
    size_t n = old != NULL ? old->size : 0, size = n == 0 ? 64 : n * 2;
    if (size > SEGMENT_IDS_MAX)
        return false;
    more = grave_alloc(p->mem, sizeof *more + size * sizeof more->segment[0]);
    if (more == NULL)
        return false;
    more->size = size;
    if (n > 0)
        memcpy(more->segment, old->segment, n * sizeof more->segment[0]);
    p->segments = more;
    p->segment = more->segment;
    graves_add(&p->graves, old != NULL ? &old->grave : NULL);
    return true;
}

uint32_t plan_segment_new(struct catalog *c)
{
    struct plan *p = c->plan;
    uint32_t id = p->segment_free;
    if (id != 0) {
        p->segment_free = p->segment[id].next;
    } else {
        if ((p->segments == NULL || p->segment_top >= p->segments->size) && !segments_grow(p))
            return 0;
        id = p->segment_top++;
    }
    p->segment[id] = (struct segment){.catalog = c};
    return id;
}

static void segments_free(struct plan *p, uint32_t id)
{
    for (uint32_t next; id != 0; id = next) {
        struct segment *s = &p->segment[id];
        next = s->next;
        if (s->bytes != NULL)
            mem_free(p->mem, segment_first_mark(s), segment_block_size(s));
        *s = (struct segment){.next = p->segment_free};
        p->segment_free = id;
    }
}

void plan_segment_retire(struct plan *p, uint32_t id)
{
    struct segment *s = &p->segment[id];
    s->next = p->gone.fresh;
    s->flags = SEGMENT_GONE;
    p->gone.fresh = id;
    if (p->graves.readers == NULL) {
        segments_free(p, id);
        p->gone.fresh = 0;
    }
}

static bool waiting(const struct plan *p)
{
    return p->graves.fresh != NULL || p->graves.waiting != NULL || p->gone.fresh != 0 ||
           p->gone.waiting != 0 || patterns_wait(&p->patterns);
}

/* Twice at most: what waits now, and what was retired since. */
bool plan_reclaim(struct plan *p)
{
    for (int turn = 0; turn < 2 && waiting(p) && graves_passed(&p->graves); turn++) {
        segments_free(p, p->gone.waiting);
        p->gone.waiting = p->gone.fresh;
        p->gone.fresh = 0;
        patterns_turn(&p->patterns);
        graves_turn(&p->graves);
    }
    return waiting(p);
}

/* --- all of it */

void plan_each(const struct plan *p, bool (*visit)(void *context, const struct catalog *c),
               void *context)
{
    list_each(node, &p->catalogs)
    {
        const struct catalog *c = list_entry(node, struct catalog, node);
        if (c->indexed && c->served && !visit(context, c))
            return;
    }
}

void plan_stats(const struct plan *p, struct plan_stats *ret)
{
    *ret = (struct plan_stats){.index_bytes = index_bytes(p) +
                                              (p->segments != NULL ? p->segments->grave.size : 0),
                                .pattern_bytes = patterns_bytes(&p->patterns),
                                .patterns = p->patterns.records};
    list_each(node, &p->catalogs)
    {
        const struct catalog *c = list_entry(node, struct catalog, node);
        ret->catalogs++;
        if (c->served)
            ret->entries += c->serving_live;
        ret->index_bytes += c->bucket_n * sizeof *c->bucket;
    }
    for (uint32_t id = 1; id < p->segment_top; id++) {
        const struct segment *s = &p->segment[id];
        if ((s->flags & SEGMENT_GONE) != 0 || s->bytes == NULL)
            continue;
        ret->segments++;
        ret->segment_bytes += s->size;
        ret->index_bytes += segment_marks(s) * sizeof(struct mark);
    }
}
