/* storm: see storm.h. */
#include "sim/storm.h"

#include "sim/grow.h"
#include "sim/judge.h"
#include "sim/ops.h"

#define BUDGET ((size_t)32 << 20)

struct run {
    struct storm *storm;
    struct world *world;
    struct judge *judge;
    struct rand rand;
    tick pause;                /* mean time between two deeds */
    unsigned weight[16];       /* of each deed */
    unsigned weights;
    struct node *filled;       /* whose catalog began large, or NULL */
};

static tick draw(struct run *r, tick low, tick high)
{
    return low + (tick)rand_below(&r->rand, (uint64_t)(high - low) + 1);
}

static struct node *any(struct run *r)
{
    return r->world->node[rand_below(&r->rand, r->world->node_n)];
}

static void deed_change(struct run *r)
{
    struct node *n = any(r);
    if (n->ils == NULL)
        return;
    for (uint64_t i = rand_below(&r->rand, 4); i < 4 && n->ils != NULL; i++) {
        /* one draw a statement: the order in which arguments are computed is the compiler's */
        size_t key = rand_below(&r->rand, JUDGE_KEYS);
        bool put = rand_below(&r->rand, 3) != 0;
        r->storm->changes += judge_change(r->judge, n, key, put);
    }
}

static void burst_job(struct world *w, struct job *job)
{
    struct run *r = job->object;
    struct node *n = w->node[job->number];
    if (n->ils != NULL)
        r->storm->changes += judge_change(r->judge, n, rand_below(&r->rand, JUDGE_KEYS),
                                          (r->storm->changes & 1) != 0);
}

/* So many changes in a row that the tail of the catalog is folded. */
static void deed_burst(struct run *r)
{
    struct node *n = any(r);
    tick at = r->world->now;
    if (r->filled != NULL && rand_below(&r->rand, 2) == 0)
        n = r->filled;
    for (uint64_t i = 200 + rand_below(&r->rand, 400); i > 0; i--) {
        at += (tick)rand_below(&r->rand, 6 * TICK_MS);
        world_at(r->world, at, NULL,
                 (struct job){.run = burst_job, .object = r, .number = n->index});
    }
}

static void deed_cut(struct run *r)
{
    r->storm->faults += net_cut(&r->world->net, any(r), NULL) != 0;
}

static void restart_job(struct world *w, struct job *job)
{
    struct node *n = job->object;
    if (n->ils == NULL)
        node_start(n);
}

static void restart_later(struct run *r, struct node *n)
{
    tick most = rand_below(&r->rand, 4) == 0 ? 60 * TICK_S : 2 * TICK_S;
    world_at(r->world, r->world->now + draw(r, 0, most), NULL,
             (struct job){.run = restart_job, .object = n});
    r->storm->faults++;
}

static void deed_crash(struct run *r)
{
    struct node *n = any(r);
    if (n->ils == NULL)
        return;
    node_crash(n, false);
    restart_later(r, n);
}

static void deed_power(struct run *r)
{
    struct node *n = any(r);
    if (n->ils == NULL)
        return;
    node_crash(n, true);
    restart_later(r, n);
}

/* A crash that hits a write: something is asked of the store, and power goes before it answers. */
static void deed_crash_in_write(struct run *r)
{
    struct node *n = any(r);
    if (n->ils == NULL)
        return;
    judge_change(r->judge, n, rand_below(&r->rand, JUDGE_KEYS), true);
    for (uint64_t i = rand_below(&r->rand, 4); i > 0; i--)
        world_next(r->world, r->world->now + TICK_MS);
    if (n->ils == NULL)
        return;
    node_crash(n, rand_below(&r->rand, 2) != 0);
    restart_later(r, n);
}

static void heal_job(struct world *w, struct job *job)
{
    net_filter(&w->net, job->object, w->node[job->number], false);
}

static void deed_filter(struct run *r)
{
    struct node *a = any(r);
    struct node *b = any(r);
    if (a == b)
        return;
    net_filter(&r->world->net, a, b, true);
    world_at(r->world, r->world->now + draw(r, 0, 30 * TICK_S), NULL,
             (struct job){.run = heal_job, .object = a, .number = b->index});
    r->storm->faults++;
}

static void deed_pause(struct run *r)
{
    struct node *n = any(r);
    n->paused_until = r->world->now + draw(r, 0, 15 * TICK_S);
    r->storm->faults++;
}

static void deed_disk_fails(struct run *r)
{
    struct node *n = any(r);
    n->disk.fail_next = 1 + (unsigned)rand_below(&r->rand, 3);
    r->storm->faults++;
}

static void deed_slow_path(struct run *r)
{
    struct node *n = any(r);
    tick most = rand_below(&r->rand, 4) == 0 ? 3 * TICK_S : 50 * TICK_MS;
    r->world->net.extra[n->index] = draw(r, 0, most);
}

static void deed_slow_disk(struct run *r)
{
    struct node *n = any(r);
    n->disk.latency_max = n->disk.latency_min + draw(r, 0, 500 * TICK_MS);
}

static void deed_join_again(struct run *r)
{
    struct node *n = any(r);
    if (n->ils != NULL && n->index != 0)
        op_join(n, rand_below(&r->rand, 2) == 0 ? r->world->node[0]->host : r->world->node[0]->ip,
                0, ROLE_SPOKE);
}

static void deed_wall_jump(struct run *r)
{
    struct node *n = any(r);
    n->wall_offset += draw(r, -3600 * TICK_S, 3600 * TICK_S);
    r->storm->faults++;
}

static void (*const deeds[])(struct run *r) = {
    deed_change, deed_cut, deed_crash, deed_power, deed_crash_in_write, deed_filter, deed_pause,
    deed_disk_fails, deed_slow_path, deed_slow_disk, deed_join_again, deed_wall_jump,
    deed_burst,
};
#define DEEDS (sizeof deeds / sizeof deeds[0])

/* Each run has its own mixture: some kinds of fault are left out, some are frequent. */
static void draw_mixture(struct run *r)
{
    struct net *net = &r->world->net;
    for (size_t i = 0; i < DEEDS; i++)
        r->weight[i] = rand_below(&r->rand, 3) == 0 ? 0 : (unsigned)rand_below(&r->rand, 20);
    r->weight[0] = 20 + (unsigned)rand_below(&r->rand, 60);
    r->weight[DEEDS - 1] = (r->weight[DEEDS - 1] + 3) / 5; /* bursts are long */
    for (size_t i = 0; i < DEEDS; i++)
        r->weights += r->weight[i];
    r->pause = draw(r, 20 * TICK_MS, 2 * TICK_S);
    net->latency_max = net->latency_min + draw(r, 0, 40 * TICK_MS);
    net->jitter_max = draw(r, 0, 5 * TICK_MS);
    net->small = (unsigned)rand_below(&r->rand, 6);
    r->world->late_max = draw(r, 0, 3 * TICK_MS);
}

static void deed(struct run *r)
{
    uint64_t at = rand_below(&r->rand, r->weights);
    for (size_t i = 0; i < DEEDS; i++) {
        if (at < r->weight[i]) {
            deeds[i](r);
            return;
        }
        at -= r->weight[i];
    }
}

/* Half of the time one catalog begins large: its first segments are sealed for good, with the
 * judged keys in them, so that what is deleted later still has a PUT far from the tail. */
static void fill(struct run *r)
{
    struct node *n = any(r);
    size_t many = 4000 + rand_below(&r->rand, 16000);
    if (many >= 12000 || r->world->broken[0] != 0)
        return;
    for (size_t key = 0; key < JUDGE_KEYS; key++)
        judge_change(r->judge, n, key, true);
    world_run(r->world, r->world->now + TICK_S);
    if (n->ils != NULL)
        op_fill(n, "many", "fill.example", many);
    r->filled = n;
}

/* Clusters are set up one by one and joined, without faults. */
static void gather(struct run *r)
{
    struct world *w = r->world;
    struct storm *s = r->storm;
    unsigned n = s->clusters != 0 ? s->clusters : 2 + (unsigned)rand_below(&r->rand, 6);
    s->clusters = n < NODES_MAX ? n : NODES_MAX;
    for (unsigned i = 0; i < s->clusters; i++) {
        char name[NODE_NAME];
        snprintf(name, sizeof name, i == 0 ? "hub" : "s%u", i);
        world_add(w, name, BUDGET);
    }
    r->judge = judge_new(w, w->node[0], s->strict);
    for (unsigned i = 0; i < s->clusters && w->broken[0] == 0; i++) {
        struct node *node = w->node[i];
        node_start(node);
        if (!op_setup(node, node->name, node->host, "storm", i == 0))
            world_break(w, "setup: %s does not take its settings", node->name);
        else if (i > 0)
            op_join(node, w->node[0]->host, 0, ROLE_SPOKE);
    }
    fill(r);
}

/* Runs until nothing is unsettled; the time it took, or TICK_NEVER. */
static tick settle(struct run *r, tick bound)
{
    struct world *w = r->world;
    tick start = w->now;
    const char *what = NULL;
    while (w->broken[0] == 0 && w->now < start + bound && w->now < r->storm->until) {
        world_run(w, w->now + 250 * TICK_MS);
        if (w->broken[0] != 0)
            return TICK_NEVER;
        what = judge_unsettled(r->judge);
        if (what == NULL)
            return w->now - start;
    }
    if (w->now < r->storm->until)
        world_break(w, "convergence: not settled after %lld s: %s", (long long)(bound / TICK_S),
                    what == NULL ? "?" : what);
    return TICK_NEVER;
}

static void calm(struct run *r)
{
    struct world *w = r->world;
    world_note(w, "world", "calm");
    net_heal(&w->net);
    for (size_t i = 0; i < w->node_n; i++) {
        struct node *n = w->node[i];
        n->paused_until = 0;
        n->disk.fail_next = 0;
        n->disk.latency_max = n->disk.latency_min;
        if (n->ils == NULL)
            node_start(n);
    }
    r->storm->settled = settle(r, CALM_BOUND);
    if (w->broken[0] != 0 || r->storm->settled == TICK_NEVER)
        return;
    world_run(w, w->now + CALM_GRACE); /* what operators asked for last may wait for a disk */
    uint64_t dials = judge_dials(r->judge);
    world_run(w, w->now + CALM_QUIET);
    const char *what = judge_unsettled(r->judge);
    if (judge_dials(r->judge) != dials)
        world_break(w, "quiet: %llu dials after everything had settled",
                    (unsigned long long)(judge_dials(r->judge) - dials));
    else if (what != NULL)
        world_break(w, "convergence: does not stay settled: %s", what);
}

static void storm(struct run *r)
{
    struct world *w = r->world;
    tick end = w->now + r->storm->length;
    world_note(w, "world", "storm");
    while (w->broken[0] == 0 && w->now < end && w->now < r->storm->until) {
        world_run(w, w->now + draw(r, 1, 2 * r->pause));
        if (w->broken[0] == 0)
            deed(r);
    }
}

static void report(const struct run *r, FILE *out)
{
    const struct storm *s = r->storm;
    const struct world *w = r->world;
    fprintf(out, "seed %llu: LAW BROKEN at %lld.%06lld: %s\n", (unsigned long long)s->seed,
            (long long)(w->now / TICK_S), (long long)(w->now % TICK_S), w->broken);
    fprintf(out, "  clusters %u, storm %lld s, pause %lld ms, latency %lld to %lld us, weights",
            s->clusters, (long long)(s->length / TICK_S), (long long)(r->pause / TICK_MS),
            (long long)w->net.latency_min, (long long)w->net.latency_max);
    for (size_t i = 0; i < DEEDS; i++)
        fprintf(out, " %u", r->weight[i]);
    fprintf(out, "\n  again: ilssim --seed %llu --clusters %u --minutes %lld --trace full\n",
            (unsigned long long)s->seed, s->clusters, (long long)(s->length / (60 * TICK_S)));
    log_report(&w->log, out);
}

void storm_run(struct storm *s, FILE *out)
{
    struct run r = {.storm = s};
    struct world *w = world_new(s->seed, s->bug);
    r.world = w;
    w->log.out = s->trace;
    rand_seed(&r.rand, mix64(s->seed + 3));
    gather(&r);
    if (w->broken[0] == 0)
        settle(&r, CALM_BOUND);
    draw_mixture(&r);
    if (w->broken[0] == 0)
        storm(&r);
    if (w->broken[0] == 0 && w->now < s->until)
        calm(&r);
    s->broken = w->broken[0] != 0;
    if (s->broken)
        report(&r, out);
    s->events = w->events;
    s->bytes = w->net.bytes;
    log_hash(&w->log, s->hash);
    judge_free(r.judge);
    world_free(w);
}
