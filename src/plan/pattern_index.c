/* pattern_index: the trie of patterns follows the segments that are held, as the key index does;
 * both together answer which patterns are served. */
#include "plan/catalog.h"
#include "plan/index.h"

/* --- segments coming and going */

static bool next_pattern(struct segment_reader *reader, struct record *r, struct pattern *ret)
{
    while (segment_next(reader, r) == 1) {
        if (pattern_of_key(r->kind, r->user, ret))
            return true;
    }
    return false;
}

/* Takes the patterns of the records before an offset out. */
static void remove_until(struct plan *p, uint32_t id, uint32_t until)
{
    struct segment_reader reader;
    struct record r;
    struct pattern pattern;
    segment_reader_init(&reader, segment_bytes(&p->segment[id]));
    while (next_pattern(&reader, &r, &pattern) && r.offset < until)
        patterns_remove(&p->patterns, p->mem, &pattern);
}

bool index_patterns_add(struct plan *p, uint32_t id)
{
    struct segment_reader reader;
    struct record r;
    struct pattern pattern;
    segment_reader_init(&reader, segment_bytes(&p->segment[id]));
    while (next_pattern(&reader, &r, &pattern)) {
        if (!patterns_add(&p->patterns, p->mem, &pattern)) {
            remove_until(p, id, r.offset);
            return false;
        }
    }
    return true;
}

void index_patterns_remove(struct plan *p, uint32_t id)
{
    if (p->patterns.records > 0) /* otherwise the plan is on its way out */
        remove_until(p, id, UINT32_MAX);
}

/* --- questions */

struct visit {
    plan_pattern_visit *visit;
    void *context;
};

static bool visit_key(void *context, const struct pattern *p)
{
    const struct visit *v = context;
    uint8_t key[PATTERN_TEXT_MAX];
    size_t n = pattern_print(key, p);
    return v->visit(v->context, p->plus ? ENTRY_PATTERN_E164 : ENTRY_PATTERN_ENTERPRISE,
                    slice_make(key, n));
}

void plan_patterns(const struct plan *p, struct slice number, plan_pattern_visit *visit,
                   void *context, struct patterns_work *work)
{
    struct visit v = {visit, context};
    patterns_match(&p->patterns, number, visit_key, &v, work);
}

struct served {
    const struct plan *p;
    bool found;
};

static bool visit_served(void *context, uint8_t kind, struct slice key)
{
    struct served *s = context;
    struct candidate one;
    s->found = plan_candidates(s->p, kind, key, slice_make(NULL, 0), &one, 1) > 0;
    return !s->found;
}

bool plan_longer(const struct plan *p, struct slice number)
{
    struct served served = {.p = p};
    struct visit v = {visit_served, &served};
    struct patterns_work work;
    patterns_longer(&p->patterns, number, visit_key, &v, &work);
    return served.found || work.cut;
}
