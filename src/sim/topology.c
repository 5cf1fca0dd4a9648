/* topology: how many clusters, how many of them hubs, who registers with whom, and by which method
 * they are linked: drawn from the seed, then set up one by one and joined, without faults. */
#include "sim/run.h"

#include "core/view.h"

#define BUDGET ((size_t)32 << 20)

/* Mostly few: many of them cost as much as many runs. */
static unsigned draw_clusters(struct run *r)
{
    unsigned n = (unsigned)rand_below(&r->rand, 100);
    if (n < 60)
        return 1 + (unsigned)rand_below(&r->rand, 8);
    if (n < 90)
        return 6 + (unsigned)rand_below(&r->rand, 15);
    return 20 + (unsigned)rand_below(&r->rand, 45);
}

static void draw_method(struct run *r)
{
    static const enum method methods[] = {METHOD_PASSWORD, METHOD_TLS, METHOD_TLS_PASSWORD};
    r->method = methods[rand_below(&r->rand, 3)];
    bool authority = rand_below(&r->rand, 2) != 0;
    r->authority = r->method == METHOD_TLS_PASSWORD && authority;
    r->generation = 1;
}

void topology_draw(struct run *r)
{
    struct storm *s = r->storm;
    unsigned clusters = draw_clusters(r);
    unsigned hubs = 1 + (unsigned)rand_below(&r->rand, 12);
    bool several = rand_below(&r->rand, 2) == 0; /* drawn in any case: a run can be repeated */
    if (s->clusters == 0)
        s->clusters = s->largest != 0 && clusters > s->largest ? s->largest : clusters;
    if (s->hubs == 0)
        s->hubs = s->clusters > 4 || several ? hubs : 1;
    if (s->hubs > (s->clusters + 1) / 2)
        s->hubs = (s->clusters + 1) / 2;
    draw_method(r);
    r->first_n = s->clusters;
    for (unsigned i = 0; i < s->clusters; i++) {
        char name[NODE_NAME];
        struct desk *d = &r->desk[i];
        snprintf(name, sizeof name, "%c%u", i < s->hubs ? 'h' : 's', i);
        struct node *n = world_add(r->world, name, BUDGET);
        bool by_name = rand_below(&r->rand, 4) != 0;
        n->advertise = by_name ? n->host : "";
        d->role = i < s->hubs ? ROLE_HUB : ROLE_SPOKE;
        d->founder = i == 0;
        d->home = i == 0 ? 0 : (unsigned)rand_below(&r->rand, i < s->hubs ? i : s->hubs);
        operator_names(r, n);
    }
}

/* Half of the time one catalog begins large: its first segments are sealed for good, with the
 * judged keys in them, so that what is deleted later still has a PUT far from the tail. */
static void fill(struct run *r)
{
    struct node *n = any(r);
    size_t many = 4000 + rand_below(&r->rand, 16000);
    bool hours = r->storm->length > STORM_SHORT; /* every start reads it again: in few such runs */
    if (many >= (hours ? 6000 : 12000) || r->world->broken[0] != 0)
        return;
    for (size_t key = 0; key < JUDGE_KEYS && n->ils != NULL; key++)
        judge_change(r->judge, n, key, true);
    world_run(r->world, r->world->now + TICK_S);
    if (n->ils != NULL)
        op_fill(n, "many", "fill.example", many);
    r->filled = n;
}

/* Hubs have joined before those come that register with them. */
static bool hubs_stand(const struct run *r)
{
    for (unsigned i = 0; i < r->storm->hubs; i++) {
        struct view_self self;
        view_self(r->world->node[i]->ils, &self);
        if (self.role != ROLE_HUB)
            return false;
    }
    return true;
}

void topology_build(struct run *r)
{
    struct world *w = r->world;
    unsigned at = 0;
    for (; at < r->storm->hubs && w->broken[0] == 0; at++)
        node_start(w->node[at]);
    for (int i = 0; i < 200 && w->broken[0] == 0 && !hubs_stand(r); i++) {
        operator_turn(r);
        world_run(w, w->now + 100 * TICK_MS);
    }
    for (; at < r->storm->clusters && w->broken[0] == 0; at++)
        node_start(w->node[at]);
    for (int i = 0; i < 20 && w->broken[0] == 0; i++) {
        operator_turn(r);
        world_run(w, w->now + 50 * TICK_MS);
    }
    fill(r);
}
