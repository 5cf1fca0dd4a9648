/* storm: see storm.h. */
#include "sim/run.h"

#include "sim/grow.h"

static const struct {
    const char *name;
    unsigned weight;
    bool (*run)(struct run *r);
} kinds[FAULTS] = {
#define FAULT(name, text, weight) {text, weight, fault_##name},
#include "sim/fault.def"
#undef FAULT
};
_Static_assert(FAULTS <= KINDS_MAX, "every kind has its bit");

size_t storm_kinds(void)
{
    return FAULTS;
}

const char *storm_kind(size_t i)
{
    return kinds[i].name;
}

/* --- for the kinds of fault */

tick draw(struct run *r, tick low, tick high)
{
    return high <= low ? low : low + (tick)rand_below(&r->rand, (uint64_t)(high - low) + 1);
}

bool chance(struct run *r, unsigned of_100)
{
    return rand_below(&r->rand, 100) < of_100;
}

struct node *any(struct run *r)
{
    return r->world->node[rand_below(&r->rand, r->world->node_n)];
}

struct node *any_awake(struct run *r)
{
    struct node *n = any(r);
    return node_awake(n) ? n : NULL;
}

tick a_while(struct run *r)
{
    return draw(r, 0, chance(r, 10) ? r->storm->length / 10 : 30 * TICK_S);
}

void later(struct run *r, tick when, void (*run)(struct world *, struct job *), uint64_t number)
{
    world_at(r->world, when, NULL, (struct job){.run = run, .object = r, .number = number,
                                                .fault = true});
}

static void restart_job(struct world *w, struct job *job)
{
    struct node *n = w->node[job->number];
    if (n->ils == NULL)
        node_start(n);
}

void restart_later(struct run *r, struct node *n)
{
    tick most = chance(r, 25) ? 60 * TICK_S : 2 * TICK_S;
    later(r, r->world->now + draw(r, 0, most), restart_job, n->index);
}

double storm_node_hours(const struct storm *s)
{
    double hours = s->clusters * (double)s->stormed / (3600.0 * TICK_S);
    double most = (double)s->changes / 60, faults = (double)s->faults / 6;
    most = faults < most ? faults : most;
    return hours < most ? hours : most;
}

/* --- the storm */

/* Each run has its own mixture: some kinds of fault are left out, some are frequent. */
static void draw_mixture(struct run *r)
{
    struct net *net = &r->world->net;
    uint64_t only = r->storm->only;
    for (size_t i = 0; i < FAULTS; i++) {
        if (kinds[i].weight == 0) { /* nothing is drawn: other runs stay as they are */
            r->weight[i] = (only & UINT64_C(1) << i) != 0 ? 50 : 0;
            r->weights += r->weight[i];
            continue;
        }
        bool out = rand_below(&r->rand, 3) == 0;
        r->weight[i] = kinds[i].weight * (unsigned)rand_below(&r->rand, 20);
        if (only != 0 ? (only & UINT64_C(1) << i) == 0 : out)
            r->weight[i] = 0;
        else if (only != 0)
            r->weight[i]++;
        r->weights += r->weight[i];
    }
    r->load = 40 + (unsigned)rand_below(&r->rand, 55);
    r->pause = draw(r, 20 * TICK_MS, 2 * TICK_S);
    if (r->storm->length > STORM_SHORT) { /* 60 changes and 6 faults an hour, and some more */
        r->pause = draw(r, 55 * TICK_S, 80 * TICK_S) / (tick)r->first_n;
        r->load = 65 + (unsigned)rand_below(&r->rand, 18);
    }
    net->latency_max = net->latency_min + draw(r, 0, 40 * TICK_MS);
    net->jitter_max = draw(r, 0, 5 * TICK_MS);
    net->small = (unsigned)rand_below(&r->rand, 6);
    r->world->late_max = draw(r, 0, 3 * TICK_MS);
}

static void change(struct run *r)
{
    struct node *n = any_awake(r);
    if (n == NULL)
        return;
    for (uint64_t i = rand_below(&r->rand, 4); i < 4 && n->ils != NULL; i++) {
        /* one draw a statement: the order in which arguments are computed is the compiler's */
        size_t key = chance(r, 20) ? KEY_BEACON : rand_below(&r->rand, JUDGE_KEYS);
        bool put = rand_below(&r->rand, 3) != 0;
        r->storm->changes += judge_change(r->judge, n, key, put);
    }
}

static void deed(struct run *r)
{
    if (r->weights == 0 || chance(r, r->load)) {
        change(r);
        return;
    }
    uint64_t at = rand_below(&r->rand, r->weights);
    size_t i = 0;
    for (; at >= r->weight[i]; i++)
        at -= r->weight[i];
    if (!kinds[i].run(r))
        return;
    r->storm->kind[i]++;
    r->storm->faults++;
    world_note(r->world, "fault", "%s", kinds[i].name);
}

static void storm(struct run *r)
{
    struct world *w = r->world;
    tick start = w->now, end = start + r->storm->length;
    uint64_t deeds = 0;
    world_note(w, "world", "storm");
    while (w->broken[0] == 0 && w->now < end && w->now < r->storm->until) {
        world_run(w, w->now + draw(r, 1, 2 * r->pause));
        if (w->broken[0] != 0)
            break;
        deed(r);
        if (deeds++ % 8 == 0)
            rare_look(r->storm->rare, w);
    }
    r->storm->stormed = w->now - start;
}

/* --- the calm */

/* Runs until nothing is unsettled; the time it took, or TICK_NEVER. The bound counts from when the
 * network is one, and nobody is in penalty: who was mistyped before the calm, at a machine that was
 * moved, is not heard for a while. */
static tick settle(struct run *r, tick bound, const char *(*unsettled)(struct judge *j))
{
    struct world *w = r->world;
    tick start = w->now, one = start;
    const char *what = NULL;
    while (w->broken[0] == 0 && w->now < one + bound && w->now < r->storm->until) {
        bool typed = operator_turn(r);
        world_run(w, w->now + 250 * TICK_MS);
        if (w->broken[0] != 0)
            return TICK_NEVER;
        what = typed ? "operators are still typing" : unsettled(r->judge);
        if (what == NULL)
            return w->now - start;
        if ((w->now < start + CALM_APART && judge_apart(r->judge)) ||
            (w->now < start + CALM_PENALTY && judge_penalised(r->judge)))
            one = w->now;
    }
    if (w->now < r->storm->until)
        world_break(w, "convergence: not settled after %lld s: %s",
                    (long long)((w->now - start) / TICK_S), what == NULL ? "?" : what);
    return TICK_NEVER;
}

static void heal(struct run *r)
{
    struct world *w = r->world;
    w->calm = true;
    net_heal(&w->net);
    for (size_t i = 0; i < w->node_n; i++) {
        struct node *n = w->node[i];
        n->paused_until = n->silent_until = n->refuses_until = 0;
        n->late_max = 0;
        n->wall_offset = node_clock_lost(n) ? 0 : n->wall_offset;
        n->deny_per_million = 0;
        n->short_of = 0;
        if (n->ils != NULL && n->mem.budget < n->budget)
            node_crash(n, false); /* its machine is given more */
        n->disk.fail_next = 0;
        n->disk.full_until = 0;
        n->disk.latency_max = n->disk.latency_min;
        if (n->ils == NULL)
            node_start(n);
    }
}

static void calm(struct run *r)
{
    struct world *w = r->world;
    world_note(w, "world", "calm");
    heal(r);
    operator_calms(r);
    r->storm->settled = settle(r, CALM_BOUND, judge_unsettled);
    settle(r, CALM_VISITS, judge_unvisited);
    if (w->broken[0] != 0 || r->storm->settled == TICK_NEVER)
        return;
    world_run(w, w->now + CALM_GRACE); /* what operators asked for last may wait for a disk */
    uint64_t dials = judge_dials(r->judge);
    world_run(w, w->now + CALM_QUIET);
    if (judge_dials(r->judge) != dials) {
        world_break(w, "quiet: %llu dials after everything had settled",
                    (unsigned long long)(judge_dials(r->judge) - dials));
        return;
    }
    const char *what = judge_unsettled(r->judge);
    if (what != NULL) { /* it may be a beat that is under way just now */
        world_run(w, w->now + CALM_BEAT);
        what = judge_unsettled(r->judge);
    }
    if (what != NULL && w->broken[0] == 0)
        world_break(w, "convergence: does not stay settled: %s", what);
}

static const char *const method_name[] = {
    [METHOD_PASSWORD] = "password", [METHOD_TLS] = "tls", [METHOD_TLS_PASSWORD] = "tls+password"};

/* The command line that does the same once more, with every line of its trace. */
static void say_again(const struct storm *s, FILE *out)
{
    fprintf(out, "\n  again: %s --seed %llu --clusters %u --hubs %u --minutes %lld",
            s->program != NULL ? s->program : "ilssim", (unsigned long long)s->seed, s->clusters,
            s->hubs, (long long)(s->length / (60 * TICK_S)));
    for (size_t i = 0; i < FAULTS; i++)
        if ((s->only >> i & 1) != 0)
            fprintf(out, " --fault %s", kinds[i].name);
    if (s->planted != NULL)
        fprintf(out, " --bug %s", s->planted);
    fprintf(out, "%s --trace full\n", s->strict ? " --strict" : "");
}

static void report(const struct run *r, FILE *out)
{
    const struct storm *s = r->storm;
    const struct world *w = r->world;
    fprintf(out, "seed %llu: LAW BROKEN at %lld.%06lld: %s\n", (unsigned long long)s->seed,
            (long long)(w->now / TICK_S), (long long)(w->now % TICK_S), w->broken);
    fprintf(out,
            "  clusters %u, hubs %u, by %s%s, storm %lld s, pause %lld ms, load %u, latency %lld"
            " to %lld us, weights", s->clusters, s->hubs, method_name[r->method],
            r->authority ? " with an authority" : "", (long long)(s->length / TICK_S),
            (long long)(r->pause / TICK_MS), r->load, (long long)w->net.latency_min,
            (long long)w->net.latency_max);
    for (size_t i = 0; i < FAULTS; i++)
        if (r->weight[i] != 0)
            fprintf(out, " %s %u", kinds[i].name, r->weight[i]);
    say_again(s, out);
    log_report(&w->log, out);
}

void storm_run(struct storm *s, FILE *out)
{
    struct run *r = grow_zero(sizeof *r);
    struct world *w = world_new(s->seed, s->bug);
    r->storm = s;
    r->world = w;
    w->log.out = s->trace;
    w->rare = s->rare;
    rand_seed(&r->rand, mix64(s->seed + 3));
    topology_draw(r);
    r->judge = judge_new(w, s->strict);
    topology_build(r);
    if (w->broken[0] == 0)
        settle(r, CALM_BOUND, judge_unsettled);
    draw_mixture(r);
    if (w->broken[0] == 0)
        storm(r);
    if (w->broken[0] == 0 && w->now < s->until)
        calm(r);
    s->broken = w->broken[0] != 0;
    if (s->broken)
        report(r, out);
    s->events = w->events;
    s->bytes = w->net.bytes;
    s->zombies = judge_zombies(r->judge);
    log_hash(&w->log, s->hash);
    judge_free(r->judge);
    world_free(w);
    free(r);
}
