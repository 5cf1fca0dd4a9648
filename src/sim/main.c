/* ilssim: the simulator's command line. */
#include "sim/scene.h"
#include "sim/storm.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STATUS_OK = 0, STATUS_BROKEN = 1, STATUS_USAGE = 64 };

static const struct {
    const char *name, *what;
} bugs[] = {
    {"none", "no planted bug"},
#define WORLD_BUG(name, text, what) {text, what},
#include "sim/bug.def"
#undef WORLD_BUG
};

/* Bugs that are planted in the rooms: ilssim-planted alone has them. */
#ifdef OPENILS_PLANTED
static const char *const planted[][2] = {
    {"none", ""},
#define PLANTED(name, text, what) {text, what},
#include "base/planted.def"
#undef PLANTED
};

static bool planted_named(const char *name)
{
    for (size_t i = 1; i < PLANTED_BUGS; i++)
        if (strcmp(planted[i][0], name) == 0)
            planted_bug = (enum planted)i;
    return planted_bug != PLANTED_NONE;
}

static void planted_list(void)
{
    for (size_t i = 1; i < PLANTED_BUGS; i++)
        fprintf(stderr, "  %-20s %s\n", planted[i][0], planted[i][1]);
}
#else
static bool planted_named(const char *name)
{
    return false;
}

static void planted_list(void)
{
}
#endif

static int usage(void)
{
    fprintf(stderr,
            "usage: ilssim --scene FILE... [--rewrite] [--trace full]\n"
            "       ilssim [--seed N|fresh] [--seeds COUNT] [--clusters N] [--hubs N]\n"
            "              [--largest N] [--minutes N] [--bug NAME] [--fault NAME]...\n"
            "              [--until SECONDS] [--trace full] [--strict] [--stats] [--keep-going]\n"
            "kinds of fault:");
    for (size_t i = 0; i < storm_kinds(); i++)
        fprintf(stderr, "%s%s", i % 6 == 0 ? "\n  " : " ", storm_kind(i));
    fprintf(stderr, "\nplanted bugs:\n");
    for (size_t i = 1; i < sizeof bugs / sizeof bugs[0]; i++)
        fprintf(stderr, "  %-20s %s\n", bugs[i].name, bugs[i].what);
    planted_list();
    return STATUS_USAGE;
}

struct options {
    struct storm storm;
    uint64_t seeds;
    bool scene, rewrite, full, stats;
    bool on; /* also after a law is broken */
    char **file;
    int file_n;
};

static bool bug_named(const char *name, enum bug *ret)
{
    for (size_t i = 0; i < sizeof bugs / sizeof bugs[0]; i++)
        if (strcmp(bugs[i].name, name) == 0) {
            *ret = (enum bug)i;
            return true;
        }
    return false;
}

static bool fault_named(const char *name, uint64_t *only)
{
    for (size_t i = 0; i < storm_kinds(); i++)
        if (strcmp(storm_kind(i), name) == 0) {
            *only |= UINT64_C(1) << i;
            return true;
        }
    return false;
}

/* A seed that nobody has run yet: the results name it, and it can be run again. */
static uint64_t fresh(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* An option with a value; false: unknown, or no good value. */
static bool valued(struct options *o, const char *name, const char *value)
{
    uint64_t n;
    if (value == NULL)
        return false;
    if (strcmp(name, "--bug") == 0) {
        o->storm.planted = value;
        return bug_named(value, &o->storm.bug) || planted_named(value);
    }
    if (strcmp(name, "--fault") == 0)
        return fault_named(value, &o->storm.only);
    if (strcmp(name, "--trace") == 0) {
        o->full = strcmp(value, "full") == 0;
        return o->full;
    }
    if (strcmp(name, "--seed") == 0 && strcmp(value, "fresh") == 0)
        n = fresh();
    else if (!slice_to_u64(slice_of(value), UINT64_MAX, &n))
        return false;
    if (strcmp(name, "--seed") == 0)
        o->storm.seed = n;
    else if (strcmp(name, "--seeds") == 0)
        o->seeds = n;
    else if (strcmp(name, "--clusters") == 0 && n >= 1 && n <= CLUSTERS_MAX)
        o->storm.clusters = (unsigned)n;
    else if (strcmp(name, "--hubs") == 0 && n >= 1 && n <= CLUSTERS_MAX)
        o->storm.hubs = (unsigned)n;
    else if (strcmp(name, "--largest") == 0 && n >= 1 && n <= CLUSTERS_MAX)
        o->storm.largest = (unsigned)n;
    else if (strcmp(name, "--minutes") == 0 && n > 0 && n < 1000000)
        o->storm.length = (tick)n * 60 * TICK_S;
    else if (strcmp(name, "--until") == 0 && n < 1000000000)
        o->storm.until = (tick)n * TICK_S;
    else
        return false;
    return true;
}

static bool parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--scene") == 0) {
            o->scene = true;
        } else if (strcmp(argv[i], "--rewrite") == 0) {
            o->rewrite = true;
        } else if (strcmp(argv[i], "--strict") == 0) {
            o->storm.strict = true;
        } else if (strcmp(argv[i], "--stats") == 0) {
            o->stats = true;
        } else if (strcmp(argv[i], "--keep-going") == 0) {
            o->on = true;
        } else if (argv[i][0] != '-' && o->scene) {
            argv[o->file_n++] = argv[i]; /* files move to the front */
        } else if (valued(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            i++;
        } else {
            return false;
        }
    }
    o->file = argv;
    return o->scene == (o->file_n > 0);
}

static int run_scenes(const struct options *o)
{
    int bad = 0;
    printf("1..%d\n", o->file_n);
    for (int i = 0; i < o->file_n; i++) {
        const char *slash = strrchr(o->file[i], '/');
        const char *name = slash == NULL ? o->file[i] : slash + 1;
        bool good = scene_run(o->file[i], o->rewrite, o->full, stderr);
        printf("%s %d - scene %s\n", good ? "ok" : "not ok", i + 1, name);
        bad += good ? 0 : 1;
    }
    return bad == 0 ? STATUS_OK : STATUS_BROKEN;
}

/* CPU seconds, only for the figures that are shown: nothing in a run depends on it. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What all runs came to. */
struct total {
    uint64_t runs, events, broken, changes, faults, zombies, kind[KINDS_MAX], rare[RARE_MAX];
    double node_hours;
};

static void total_add(struct total *t, const struct storm *s)
{
    t->runs++;
    t->events += s->events;
    t->broken += s->broken ? 1 : 0;
    t->changes += s->changes;
    t->faults += s->faults;
    t->zombies += s->zombies;
    t->node_hours += storm_node_hours(s);
    for (size_t i = 0; i < rare_count(); i++)
        t->rare[i] += s->rare[i];
    for (size_t i = 0; i < storm_kinds(); i++)
        t->kind[i] += s->kind[i];
}

static void total_show(const struct total *t)
{
    printf("faults:");
    for (size_t i = 0; i < storm_kinds(); i++)
        printf("%s %s %llu", i % 6 == 0 ? "\n " : ",", storm_kind(i),
               (unsigned long long)t->kind[i]);
    printf("\nrare states, by runs:\n");
    size_t reached = 0;
    for (size_t i = 0; i < rare_count(); i++) {
        printf("  %8llu %s\n", (unsigned long long)t->rare[i], rare_name(i));
        reached += t->rare[i] != 0;
    }
    printf("%llu runs, %.0f node-hours, %llu events, %llu changes, %llu faults, %llu zombies, "
           "%zu of %zu rare states, %llu laws broken\n",
           (unsigned long long)t->runs, t->node_hours, (unsigned long long)t->events,
           (unsigned long long)t->changes, (unsigned long long)t->faults,
           (unsigned long long)t->zombies, reached, rare_count(),
           (unsigned long long)t->broken);
}

static void run_show(const struct storm *s)
{
    printf("seed %llu: %u clusters, %u hubs, %lld s, %llu events, %llu changes, %llu faults, "
           "settled in %.1f s, hash %s %s\n",
           (unsigned long long)s->seed, s->clusters, s->hubs, (long long)(s->length / TICK_S),
           (unsigned long long)s->events, (unsigned long long)s->changes,
           (unsigned long long)s->faults,
           s->settled == TICK_NEVER ? -1.0 : (double)s->settled / (double)TICK_S, s->hash,
           s->broken ? "BROKEN" : "ok");
    fflush(stdout);
}

static int run_storms(const struct options *o)
{
    struct total total = {0};
    double start = seconds();
    for (uint64_t i = 0; i < o->seeds; i++) {
        struct storm s = o->storm;
        s.seed = o->storm.seed + i;
        s.trace = o->full ? stdout : NULL;
        storm_run(&s, stdout);
        total_add(&total, &s);
        run_show(&s);
        if (s.broken && !o->on)
            break;
    }
    double took = seconds() - start;
    fprintf(stderr, "%.0f events per second of a core\n",
            took > 0 ? (double)total.events / took : 0);
    if (o->stats)
        total_show(&total);
    return total.broken == 0 ? STATUS_OK : STATUS_BROKEN;
}

int main(int argc, char **argv)
{
    struct options o = {.seeds = 1};
    o.storm.seed = 1;
    o.storm.length = 10 * 60 * TICK_S;
    o.storm.until = TICK_NEVER;
    o.storm.program = argv[0];
    if (!parse(&o, argc, argv))
        return usage();
    return o.scene ? run_scenes(&o) : run_storms(&o);
}
