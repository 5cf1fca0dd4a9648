/* A store that several cores share, under a storm: two that write in turn, three that follow (one
 * by a replica that lags), a hub and another cluster. From a seed: plans and routes change, the
 * writer is killed, releases the lease or loses it without knowing, followers crash while they
 * load, a cluster is forgotten. After each act, by what is seen from outside:
 *
 *     durable     what a neighbour holds of this cluster was committed in the store
 *     once        one USN of an epoch has one content, in the store and at the neighbours
 *     truth       what a follower answers the writer answered, at that time or later than what the
 *                 follower answered before
 *     order       the USN of no origin goes back at a follower
 *     promise     what was acknowledged is there, whoever writes
 *     convergence in calm every follower answers, lists and routes as the writer does
 *
 * test_share [-n RUNS] [-s SEED] [--control | --fence | --late-version]
 *
 * --fence: who lost the lease is told that his batches are stored; --late-version: a follower reads
 * the version of the store after its rows. The controls of follow.c are builds of their own. With
 * any of them a law must be broken, and with none, none. */
#include <stdarg.h>
#include <stdio.h>

#include "base/rand.h"
#include "core/event.h"
#include "plan/head.h"
#include "share.h"

#define FOLLOWERS 3
#define KEYS      16 /* four of each cluster, and of many */
#define ACTS      120
#define HISTORY   512
#define HEADS     4096
#define MANY      400

enum { HUB = 2, OTHER = 3 };

struct follower {
    struct ils *ils, *next; /* next: is being loaded */
    uint8_t space;          /* ... with the rows of this one */
    uint64_t version, next_version;
    struct share *source;
    struct slice read[64];
    size_t read_n, at[KEYS];
    bool reload, loading;
    uint64_t usn[4], epoch[4];
};

struct seen_head {
    uint64_t number, epoch, usn;
    uint8_t root[HASH_SIZE];
    bool committed;
};

static struct test_mem mem;
static struct world world;
static struct share store, replica;
static struct follower follower[FOLLOWERS];
static struct rand rand_;
static uint64_t fence[2];
static int writer, late, late_acts; /* late: has lost the lease and does not know; -1: nobody */
static bool fence_open, late_version, other_gone;
static uint8_t cluster_key[KEY_SIZE];
static char uri[KEYS][32], broken[200];
static bool expected[KEYS], history[KEYS][HISTORY];
static size_t history_n[KEYS];
static struct seen_head head[HEADS];
static size_t head_n, acts_done, moves, reloads;

__attribute__((format(printf, 1, 2))) static void is_broken(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (broken[0] == '\0')
        vsnprintf(broken, sizeof broken, format, args);
    va_end(args);
}

static uint64_t any(uint64_t n)
{
    return rand_below(&rand_, n);
}

/* --- the store */

static void see_head(const struct world_row *r, bool committed)
{
    struct head h;
    if (r->space != ROW_STREAM || r->key_n != KEY_SIZE + 8 || r->value_n < 4 ||
        memcmp(r->key, cluster_key, KEY_SIZE) != 0)
        return;
    size_t n = (size_t)r->value[2] << 8 | r->value[3];
    if (r->value_n < 4 + n || head_get(slice_make(r->value + 4, n), &h) != 0 || h.number > 1 ||
        memcmp(h.key, cluster_key, KEY_SIZE) != 0)
        return;
    for (size_t i = 0; i < head_n; i++) {
        struct seen_head *s = &head[i];
        if (s->number != h.number || s->epoch != h.epoch || s->usn != h.usn)
            continue;
        if (memcmp(s->root, h.root, HASH_SIZE) != 0)
            is_broken("once: USN %d of stream %d has two contents", (int)h.usn, (int)h.number);
        return;
    }
    if (!committed)
        is_broken("durable: a neighbour holds USN %d of stream %d, which is not in the store",
                  (int)h.usn, (int)h.number);
    assert_true(head_n < HEADS);
    head[head_n] = (struct seen_head){h.number, h.epoch, h.usn, {0}, committed};
    memcpy(head[head_n++].root, h.root, HASH_SIZE);
}

static bool stores(struct world *w, int i, const struct ils_action *a, bool *ret_own)
{
    *ret_own = i > 1;
    if (i > 1)
        return true;
    if (fence[i] != store.fence)
        return fence_open;
    share_write(&store, a->row, a->row_n);
    for (size_t k = 0; k < a->row_n; k++) {
        const struct row *r = &a->row[k];
        struct world_row row = {r->space, (uint8_t *)(uintptr_t)r->key.p,
                                (uint8_t *)(uintptr_t)r->value.p, r->key.n, r->value.n};
        if (!r->remove)
            see_head(&row, true);
    }
    return true;
}

/* --- who follows */

static void step(struct follower *f, struct ils *ils, struct ils_event e)
{
    struct ils_actions todo;
    e.now = world.now;
    e.wall = world.wall + world.now;
    assert_int_equal(ils_step(ils, &e, &todo), 0);
    for (size_t i = 0; i < todo.n; i++) {
        const struct ils_action *a = &todo.action[i];
        if (a->type == ILS_DO_STORE || a->type == ILS_DO_OPEN || a->type == ILS_DO_SEND)
            is_broken("truth: who follows stores, or sends");
        f->reload = f->reload || a->type == ILS_DO_RELOAD;
        if (a->type != ILS_DO_READ)
            continue;
        assert_true(f->read_n < 64);
        uint8_t *key = malloc(a->data.n);
        memcpy(key, a->data.p, a->data.n);
        f->read[f->read_n++] = slice_make(key, a->data.n);
    }
}

static void give(struct follower *f, struct ils *ils, const struct cell *c)
{
    const struct world_row *r = &c->row;
    struct ils_event e = {.type = ILS_EV_ROW};
    e.row = (struct row){.space = r->space, .key = slice_make(r->key, r->key_n),
                         .value = slice_make(r->value, r->value_n), .remove = c->gone};
    step(f, ils, e);
}

static void whole(struct follower *f, struct ils *ils)
{
    size_t asked;
    do {
        step(f, ils, (struct ils_event){.type = ILS_EV_WHOLE});
        while (ils_goes_on(ils))
            step(f, ils, (struct ils_event){.type = ILS_EV_DEADLINE});
        asked = f->read_n;
        f->read_n = 0;
        for (size_t i = 0; i < asked; i++) {
            const struct cell *c = share_find(f->source, ROW_SEGMENT, f->read[i]);
            if (c != NULL)
                give(f, ils, c);
            free((void *)(uintptr_t)f->read[i].p);
        }
    } while (asked > 0);
}

static void load_begin(struct follower *f)
{
    ils_free(f->next);
    f->next = ils_new(&mem.mem);
    f->space = 0;
    f->loading = true;
    f->reload = false;
    f->next_version = f->source->version;
    step(f, f->next, (struct ils_event){.type = ILS_EV_FOLLOW, .data = slice_of("a"),
                                        .entropy = {1}});
}

/* The rows of one space, as they are now. */
static void load_on(struct follower *f)
{
    const size_t *index;
    if (f->space < ROW_SPACES) {
        size_t n = share_changes(f->source, f->space++, 0, &index);
        for (size_t i = 0; i < n; i++)
            if (!(f->source->cell[index[i]].row.space == ROW_SETTING &&
                  f->source->cell[index[i]].row.key_n == 4)) /* seed */
                give(f, f->next, &f->source->cell[index[i]]);
        return;
    }
    step(f, f->next, (struct ils_event){.type = ILS_EV_START});
    whole(f, f->next);
    ils_free(f->ils);
    f->ils = f->next;
    f->next = NULL;
    f->loading = false;
    f->version = late_version ? f->source->version : f->next_version;
    reloads++;
}

static void catch_up(struct follower *f)
{
    const size_t *index;
    if (f->loading || f->ils == NULL || f->reload) {
        if (!f->loading)
            load_begin(f);
        load_on(f);
        return;
    }
    for (uint8_t space = 0; space < ROW_SPACES; space++) {
        size_t n = share_changes(f->source, space, f->version, &index);
        for (size_t i = 0; i < n; i++)
            give(f, f->ils, &f->source->cell[index[i]]);
    }
    f->version = f->source->version;
    whole(f, f->ils);
}

static void crash(struct follower *f)
{
    ils_free(f->ils);
    ils_free(f->next);
    f->ils = f->next = NULL;
    f->loading = false;
}

/* --- what is answered */

static bool answers(const struct ils *ils, const char *dialled)
{
    struct test_mem t;
    struct arena a;
    struct lookup l;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    plan_lookup(view_plan(ils), view_routes(ils), &a, slice_of(dialled), &l);
    bool found = l.match_n != 0 && l.result != LOOKUP_BLOCKED;
    arena_done(&a);
    return found;
}

static void remember(void)
{
    for (size_t k = 0; k < KEYS; k++) {
        bool now = answers(world.node[writer].ils, uri[k]);
        if (history_n[k] > 0 && history[k][history_n[k] - 1] == now)
            continue;
        assert_true(history_n[k] < HISTORY);
        history[k][history_n[k]++] = now;
    }
}

static void judge_usn(struct follower *f, size_t who)
{
    struct view_cluster c;
    for (size_t i = 0; view_cluster(f->ils, i, &c); i++) {
        size_t k = c.cluster_id.n == 2 ? (size_t)(c.cluster_id.p[1] - '0') : 4;
        if (k > 3 || c.usn == 0)
            continue;
        if (c.epoch < f->epoch[k] || (c.epoch == f->epoch[k] && c.usn < f->usn[k]))
            is_broken("order: follower %d goes back from USN %d to %d of c%d", (int)who,
                      (int)f->usn[k], (int)c.usn, (int)k);
        f->epoch[k] = c.epoch;
        f->usn[k] = c.usn;
    }
}

static void judge_neighbours(void)
{
    for (int i = HUB; i <= OTHER; i++)
        for (size_t k = 0; k < world.node[i].row_n; k++)
            see_head(&world.node[i].row[k], false);
}

static void judge(void)
{
    judge_neighbours();
    remember();
    for (size_t i = 0; i < FOLLOWERS; i++) {
        struct follower *f = &follower[i];
        for (size_t k = 0; k < KEYS && f->ils != NULL; k++) {
            bool now = answers(f->ils, uri[k]);
            while (f->at[k] < history_n[k] && history[k][f->at[k]] != now)
                f->at[k]++;
            if (f->at[k] == history_n[k])
                is_broken("truth: follower %d answers %s %s, as the writer never did", (int)i,
                          uri[k], now ? "found" : "not found");
        }
        if (f->ils != NULL)
            judge_usn(f, i);
    }
}

/* --- who writes */

static void load_rows(int i)
{
    struct node *n = &world.node[i];
    for (size_t k = 0; k < n->row_n; k++) {
        free(n->row[k].key);
        free(n->row[k].value);
    }
    n->row_n = 0;
    for (size_t k = 0; k < store.n; k++) {
        const struct world_row *r = &store.cell[k].row;
        if (store.cell[k].gone)
            continue;
        struct world_row *to = &n->row[n->row_n++];
        *to = *r;
        to->key = malloc(r->key_n + 1);
        to->value = malloc(r->value_n + 1);
        memcpy(to->key, r->key, r->key_n);
        memcpy(to->value, r->value, r->value_n);
    }
}

static void takes(int i)
{
    fence[i] = ++store.fence;
    load_rows(i);
    world_stop(&world, i);
    world_start(&world, i, &mem.mem);
    writer = i;
    moves++;
}

/* Who knows that the lease is gone stores nothing more; then he is loaded anew, as others are. */
static void gives_way(int i)
{
    struct ils_actions todo;
    struct ils_event e = {.type = ILS_EV_FOLLOW, .data = slice_of("b"), .now = world.now,
                          .wall = world.wall + world.now};
    assert_int_equal(ils_step(world.node[i].ils, &e, &todo), 0);
    for (size_t k = 0; k < todo.n; k++)
        if (todo.action[k].type == ILS_DO_STORE)
            is_broken("durable: who lost the lease stores");
    world_stop(&world, i);
    late = late == i ? -1 : late;
}

static void change(int i, size_t first)
{
    size_t k = first + any(4);
    bool put = any(2) == 0;
    enum reply r = world_plan(&world, i, uri[k], put);
    if (r == REPLY_OK)
        expected[k] = put;
}

static void lease_moves(void)
{
    int from = writer, to = 1 - writer;
    if (late >= 0)
        gives_way(late);
    switch (any(4)) {
    case 0: /* released */
        gives_way(from);
        takes(to);
        break;
    case 1: /* killed */
        world_stop(&world, from);
        takes(to);
        break;
    case 2: /* killed, and started again */
        takes(from);
        break;
    default: /* lost, and not known yet: he changes his plan first */
        store.fence++;
        late = from;
        late_acts = (int)any(6);
        change(from, 0);
        judge_neighbours();
        takes(to);
    }
}

/* --- what happens */

static void import_many(void)
{
    static struct change c[MANY];
    static char user[MANY][24];
    size_t from = any(40), n = MANY - any(40);
    for (size_t j = from; j < n; j++) {
        snprintf(user[j], sizeof user[j], "m%zu", j);
        c[j] = (struct change){.put = true, .kind = ENTRY_URI, .user = slice_of(user[j]),
                               .domain = slice_of("c3.example")};
    }
    enum reply r = world_command(&world, OTHER,
                                 (struct command){.type = COMMAND_PLAN, .change = c + from,
                                                  .change_n = n - from, .source = slice_of("m"),
                                                  .replace = true, .force = true});
    for (size_t k = 12; k < KEYS && r == REPLY_OK; k++) {
        size_t j = strtoul(uri[k] + 1, NULL, 10);
        expected[k] = j >= from && j < n;
    }
}

static void route(void)
{
    char pattern[] = "r0.example.com";
    pattern[1] = (char)('0' + any(4));
    world_command(&world, writer,
                  (struct command){.type = any(2) == 0 ? COMMAND_ROUTE_ADD : COMMAND_ROUTE_REMOVE,
                                   .pattern = slice_of(pattern),
                                   .target = slice_of("sip:10.0.0.9")});
}

static void other_goes(void)
{
    if (other_gone)
        return;
    other_gone = true;
    world_stop(&world, OTHER);
    world_run(&world);
    world_command(&world, HUB, (struct command){.type = COMMAND_FORGET,
                                                .cluster = slice_of("c3")});
    world_pass(&world, 5 * TICK_S);
    for (size_t k = 8; k < KEYS; k++)
        expected[k] = false;
}

static void act(void)
{
    uint64_t what = any(100);
    struct follower *f = &follower[any(FOLLOWERS)];
    if (late >= 0 && late_acts-- == 0)
        gives_way(late);
    if (what < 20)
        change(writer, 0);
    else if (what < 26)
        change(late >= 0 ? late : writer, 0);
    else if (what < 34)
        change(HUB, 4);
    else if (what < 42 && !other_gone)
        change(OTHER, 8);
    else if (what < 46 && !other_gone)
        import_many();
    else if (what < 52)
        route();
    else if (what < 56)
        lease_moves();
    else if (what < 58)
        world_pass(&world, (tick)any(120) * TICK_S);
    else if (what < 60)
        world_cut(&world, writer, HUB);
    else if (what < 66)
        share_copy(&replica, &store);
    else if (what < 69)
        crash(f);
    else if (what == 69 && any(4) == 0)
        other_goes();
    else
        catch_up(f);
    world_run(&world);
}

/* --- calm */

static void calm(void)
{
    if (late >= 0)
        gives_way(late);
    world_pass(&world, 600 * TICK_S);
    share_copy(&replica, &store);
    remember();
    struct ils *w = world.node[writer].ils;
    for (size_t i = 0; i < FOLLOWERS; i++) {
        struct follower *f = &follower[i];
        for (int rounds = 0; rounds < 3 * ROW_SPACES; rounds++)
            catch_up(f);
        for (size_t k = 0; k < KEYS; k++)
            if (answers(f->ils, uri[k]) != answers(w, uri[k]))
                is_broken("convergence: %s at follower %d", uri[k], (int)i);
        if (routes_count(view_routes(f->ils)) != routes_count(view_routes(w)))
            is_broken("convergence: %zu routes at follower %d, and %zu at the writer",
                      routes_count(view_routes(f->ils)), (int)i, routes_count(view_routes(w)));
    }
    for (size_t k = 0; k < KEYS; k++)
        if (answers(w, uri[k]) != expected[k])
            is_broken("promise: %s was acknowledged as %s", uri[k], expected[k] ? "put" : "gone");
    for (size_t k = 0; k < 4; k++)
        if (answers(world.node[HUB].ils, uri[k]) != expected[k])
            is_broken("convergence: %s at the hub", uri[k]);
    judge();
}

/* --- a run */

static void begin(uint64_t seed)
{
    struct view_self self;
    test_mem_init(&mem, 0);
    world_init(&world);
    rand_seed(&rand_, seed);
    world.seed = seed;
    world.stores = stores;
    store.fence = fence[0] = 1;
    writer = 0;
    late = -1;
    other_gone = false;
    broken[0] = '\0';
    head_n = 0;
    memset(expected, 0, sizeof expected);
    memset(history_n, 0, sizeof history_n);
    for (size_t k = 0; k < KEYS; k++)
        snprintf(uri[k], sizeof uri[k], k < 12 ? "u%zu@c%zu.example" : "m%zu@c3.example",
                 k < 12 ? k % 4 : (k - 12) * 35 + 5, k < 4 ? (size_t)0 : k / 4 + 1);
    for (int i = 0; i <= OTHER; i++)
        if (i != 1)
            world_start(&world, i, &mem.mem);
    world_hub(&world, HUB, "secret");
    world_spoke(&world, OTHER, HUB, "secret");
    world_spoke(&world, 0, HUB, "secret");
    view_self(world.node[0].ils, &self);
    memcpy(cluster_key, self.key, KEY_SIZE);
    for (size_t k = 0; k < store.n; k++)
        see_head(&store.cell[k].row, true);
    share_copy(&replica, &store);
    for (size_t i = 0; i < FOLLOWERS; i++)
        follower[i] = (struct follower){.source = i == 1 ? &replica : &store};
    remember();
}

static void end(void)
{
    for (size_t i = 0; i < FOLLOWERS; i++)
        crash(&follower[i]);
    world_done(&world);
    share_clear(&store);
    share_clear(&replica);
    assert_int_equal(mem.mem.used, 0);
}

static bool run(uint64_t seed)
{
    begin(seed);
    for (size_t i = 0; i < ACTS && broken[0] == '\0'; i++) {
        act();
        judge();
        acts_done++;
    }
    if (broken[0] == '\0')
        calm();
    end();
    return broken[0] == '\0';
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, runs = 20;
    bool control = false, good = true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            runs = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--fence") == 0)
            control = fence_open = true;
        else if (strcmp(argv[i], "--late-version") == 0)
            control = late_version = true;
        else if (strcmp(argv[i], "--control") == 0)
            control = true;
    }
    uint64_t first = seed;
    for (; good && seed < first + runs; seed++)
        good = run(seed);
    if (!good)
        printf("# seed %llu: %s\n", (unsigned long long)seed - 1, broken);
    printf("# %llu runs from seed %llu on, %zu acts, %zu times the lease moved, %zu loads: %s\n",
           (unsigned long long)(seed - first), (unsigned long long)first, acts_done, moves, reloads,
           good ? "0 laws broken" : "a law is broken");
    printf("%sok 1 - %s\n1..1\n", good == control ? "not " : "",
           control ? "a law finds what is wrong here" : "no law is broken");
    return good == control;
}
