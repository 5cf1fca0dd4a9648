/* judge_choice: the law of choice. Of those whose entry several clusters have, what a cluster has
 * of its own comes first, then the smaller cluster id; what an operator has blocked there is never
 * the answer. The operators of a storm prefer nobody, and bound nobody. */
#include "sim/judge_inside.h"

#include "plan/lookup.h"
#include "plan/policy.h"

static bool is_blocked(const struct policy *p, const struct match *m)
{
    struct policy_block b;
    for (size_t i = 0; !m->local && policy_block_at(p, i, &b); i++)
        if (b.of_cluster && memcmp(b.key, m->key, KEY_SIZE) == 0)
            return true;
    return false;
}

static bool comes_first(const struct match *a, const struct match *b)
{
    if (a->local != b->local)
        return a->local;
    return slice_cmp(a->cluster_id, b->cluster_id) <= 0;
}

static void judge_answer(struct judge *j, const struct node *n, const char *key,
                         const struct lookup *l)
{
    const struct policy *p = view_policy(n->ils);
    const struct match *first = &l->match[0];
    bool none = l->result == LOOKUP_BLOCKED;
    if (l->match_n != 0 && !none && is_blocked(p, first))
        world_break(j->world, "choice: %s answers %s with an entry of %.*s, whom it blocks",
                    n->name, key, (int)first->cluster_id.n, (const char *)first->cluster_id.p);
    for (size_t i = none ? 0 : 1; i < l->match_n; i++) {
        const struct match *m = &l->match[i];
        if (!is_blocked(p, m) && (none || !comes_first(first, m)))
            world_break(j->world, "choice: %s does not answer %s with the entry of %.*s", n->name,
                        key, (int)m->cluster_id.n, (const char *)m->cluster_id.p);
    }
}

void choice_judged(struct judge *j, const struct node *n)
{
    char key[64];
    struct lookup l;
    for (size_t i = 0; fact_shared(i, j->world->node_n, key, sizeof key); i++) {
        arena_reset(&j->arena);
        plan_why(view_plan(n->ils), view_routes(n->ils), &j->arena, slice_of(key), NULL, &l);
        judge_answer(j, n, key, &l);
    }
}
