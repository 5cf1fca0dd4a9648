/* fault_node: what goes wrong with a cluster's machine: its process, its disk, its clocks. */
#include "sim/run.h"

#define YEAR (365 * 24 * 3600 * TICK_S)

static bool stop(struct run *r, struct node *n, bool power)
{
    if (n->ils == NULL)
        return false;
    node_crash(n, power);
    restart_later(r, n);
    return true;
}

bool fault_crash(struct run *r)
{
    return stop(r, any(r), false);
}

bool fault_power(struct run *r)
{
    return stop(r, any(r), true);
}

/* Something is asked of the store, and power goes before it answers. */
bool fault_write(struct run *r)
{
    struct node *n = any_awake(r);
    if (n == NULL)
        return false;
    judge_change(r->judge, n, rand_below(&r->rand, JUDGE_KEYS), true);
    for (uint64_t i = rand_below(&r->rand, 4); i > 0; i--)
        world_next(r->world, r->world->now + TICK_MS);
    return stop(r, n, rand_below(&r->rand, 2) != 0);
}

/* Half of all machines at once. */
bool fault_blackout(struct run *r)
{
    bool power = chance(r, 70);
    for (size_t i = 0; i < r->world->node_n; i++)
        if (rand_below(&r->rand, 2) == 0)
            stop(r, r->world->node[i], power);
    return true;
}

static void crash_job(struct world *w, struct job *job)
{
    struct node *n = w->node[job->number];
    if (n->ils != NULL)
        node_crash(n, false);
    node_start(n);
}

bool fault_restarts(struct run *r)
{
    struct node *n = any(r);
    tick at = r->world->now;
    for (uint64_t i = 3 + rand_below(&r->rand, 12); i > 0; i--) {
        at += draw(r, 0, 3 * TICK_S);
        later(r, at, crash_job, n->index);
    }
    return true;
}

static bool pause_for(struct run *r, struct node *n, tick t)
{
    if (n->paused_until < r->world->now + t)
        n->paused_until = r->world->now + t;
    return n->ils != NULL;
}

bool fault_pause(struct run *r)
{
    struct node *n = any(r);
    return pause_for(r, n, draw(r, 0, 15 * TICK_S));
}

/* As long as minutes or hours, where the storm is that long. */
bool fault_sleep(struct run *r)
{
    struct node *n = any(r);
    return pause_for(r, n, draw(r, 0, r->storm->length / 4));
}

bool fault_suspend(struct run *r)
{
    struct node *n = any_awake(r);
    tick t = a_while(r);
    if (n == NULL)
        return false;
    n->suspended = r->world->now;
    return pause_for(r, n, t);
}

bool fault_slow_cpu(struct run *r)
{
    struct node *n = any(r);
    n->late_max = draw(r, 0, 2 * TICK_S);
    return true;
}

static void memory_job(struct world *w, struct job *job)
{
    w->node[job->number]->deny_per_million = 0;
}

bool fault_memory(struct run *r)
{
    struct node *n = any(r);
    n->deny_per_million = 100 + rand_below(&r->rand, 20000);
    later(r, r->world->now + draw(r, 0, 20 * TICK_S), memory_job, n->index);
    judge_excuse(r->judge, EXCUSE_MEMORY);
    return true;
}

/* It starts again on a machine on which others' plans may soon be too large for it. */
bool fault_small(struct run *r)
{
    struct node *n = any(r);
    if (n->ils == NULL || n->short_of != 0)
        return false;
    n->short_of = n->budget - ((size_t)3 << 20);
    judge_excuse(r->judge, EXCUSE_MEMORY);
    return stop(r, n, false);
}

bool fault_descriptors(struct run *r)
{
    struct node *n = any(r);
    tick until = r->world->now + a_while(r);
    n->refuses_until = n->refuses_until > until ? n->refuses_until : until;
    return true;
}

/* --- disks */

bool fault_disk_error(struct run *r)
{
    struct node *n = any(r);
    n->disk.fail_next = 1 + (unsigned)rand_below(&r->rand, 3);
    return true;
}

bool fault_disk_full(struct run *r)
{
    struct node *n = any(r);
    n->disk.full_until = r->world->now + a_while(r);
    return true;
}

bool fault_disk_slow(struct run *r)
{
    struct node *n = any(r);
    n->disk.latency_max = n->disk.latency_min + draw(r, 0, 500 * TICK_MS);
    return true;
}

bool fault_image(struct run *r)
{
    node_image(any(r));
    return true;
}

/* A backup is put back; what ran until then ends. */
bool fault_restore(struct run *r)
{
    struct node *n = any(r);
    if (n->image_n == 0)
        return false;
    node_crash(n, chance(r, 50));
    disk_restore(&n->disk, &n->image[rand_below(&r->rand, n->image_n)]);
    judge_reborn(r->judge, n, NULL);
    judge_excuse(r->judge, EXCUSE_PASSWORD);
    judge_excuse(r->judge, EXCUSE_CERTIFICATE);
    r->desk[n->index].renewing = false;
    if (n->index >= r->first_n)
        r->desk[n->index].copy = true; /* the disk may be from before it was somebody of its own */
    restart_later(r, n);
    return true;
}

/* A copy of a machine is started beside it. */
bool fault_clone(struct run *r)
{
    struct node *n = any(r);
    struct world *w = r->world;
    char name[NODE_NAME];
    if (r->copies >= r->first_n || r->copies >= 6 || w->node_n == NODES_MAX || n->image_n == 0)
        return false;
    struct image now = disk_image(&n->disk);
    const struct image *from = chance(r, 50) ? &now : &n->image[rand_below(&r->rand, n->image_n)];
    snprintf(name, sizeof name, "copy%zu", ++r->copies);
    struct node *copy = world_add(w, name, n->budget);
    if (chance(r, 50))
        copy->advertise = n->advertise;
    disk_restore(&copy->disk, from);
    image_done(&now);
    r->desk[copy->index] = r->desk[n->index];
    r->desk[copy->index].copy = true;
    r->desk[copy->index].founder = false;
    r->desk[copy->index].command = 0;
    judge_reborn(r->judge, copy, n);
    judge_excuse(r->judge, EXCUSE_PASSWORD);
    judge_excuse(r->judge, EXCUSE_CERTIFICATE);
    node_start(copy);
    return true;
}

/* --- clocks */

bool fault_wall_jump(struct run *r)
{
    struct node *n = any(r);
    n->wall_offset += draw(r, -3600 * TICK_S, 3600 * TICK_S);
    return true;
}

static void jump_job(struct world *w, struct job *job)
{
    struct node *n = w->node[job->number / 2];
    n->wall_offset += job->number % 2 == 0 ? 600 * TICK_S : -600 * TICK_S;
}

static void clock_job(struct world *w, struct job *job)
{
    w->node[job->number]->wall_offset = 0;
}

/* Its battery is empty, or a digit was mistyped. */
bool fault_clock_lost(struct run *r)
{
    struct node *n = any(r);
    bool behind = chance(r, 50);
    tick years = draw(r, 25 * YEAR, 60 * YEAR);
    n->wall_offset = behind ? -years : years;
    judge_clock_lost(r->judge, n);
    later(r, r->world->now + 2 * a_while(r), clock_job, n->index);
    return true;
}

bool fault_strobe(struct run *r)
{
    struct node *n = any(r);
    for (uint64_t i = 0; i < 20; i++)
        later(r, r->world->now + (tick)i * 200 * TICK_MS, jump_job, n->index * 2 + i % 2);
    return true;
}
