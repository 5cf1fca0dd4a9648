/* A core that follows: it is given what node 0 has stored, at the start and as it changes, and
 * answers as node 0 does, with no link and no disk of its own. Node 0 is the hub of 1 and 2. */
#include <stdio.h>

#include "world.h"

#define MANY 3000

/* Who follows, what it was given, and what it did. */
struct follower {
    struct ils *ils;
    struct world_row row[WORLD_ROWS];
    size_t row_n;
    struct world_row read[64]; /* asked for: keys */
    size_t read_n;
    size_t reads, reloads, stores, opens, damaged;
    enum reply reply;
    char text[64];
    bool late; /* segments are given to nobody until their list is there */
};

static struct test_mem mem;
static struct world world;
static struct follower follower;

/* --- one step, and what it wants */

static void step(struct follower *f, struct ils_event e)
{
    struct ils_actions todo;
    e.now = world.now;
    e.wall = world.wall + world.now;
    assert_int_equal(ils_step(f->ils, &e, &todo), 0);
    for (size_t i = 0; i < todo.n; i++) {
        const struct ils_action *a = &todo.action[i];
        f->stores += a->type == ILS_DO_STORE;
        f->opens += a->type == ILS_DO_OPEN || a->type == ILS_DO_SEND ||
                    (a->type == ILS_DO_LISTEN && a->on);
        f->reloads += a->type == ILS_DO_RELOAD;
        f->damaged += a->type == ILS_DO_ALARM && a->on && a->alarm.alarm == ILSStoreDamaged;
        if (a->type == ILS_DO_REPLY) {
            f->reply = a->reply;
            snprintf(f->text, sizeof f->text, "%.*s", (int)a->text.n, (const char *)a->text.p);
        }
        if (a->type != ILS_DO_READ)
            continue;
        assert_true(f->read_n < 64);
        struct world_row *r = &f->read[f->read_n++];
        *r = (struct world_row){.key = malloc(a->data.n), .key_n = a->data.n};
        memcpy(r->key, a->data.p, a->data.n);
        f->reads++;
    }
}

static bool same(const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n)
{
    return a_n == b_n && memcmp(a, b, a_n) == 0;
}

static const struct world_row *find(const struct world_row *row, size_t n,
                                    const struct world_row *key)
{
    for (size_t i = 0; i < n; i++)
        if (row[i].space == key->space && same(row[i].key, row[i].key_n, key->key, key->key_n))
            return &row[i];
    return NULL;
}

static void give(struct follower *f, const struct world_row *r, bool remove)
{
    step(f, (struct ils_event){.type = ILS_EV_ROW,
                               .row = {.space = r->space,
                                       .key = slice_make(r->key, r->key_n),
                                       .value = slice_make(r->value, remove ? 0 : r->value_n),
                                       .remove = remove}});
}

static void forget_rows(struct follower *f)
{
    for (size_t i = 0; i < f->row_n; i++) {
        free(f->row[i].key);
        free(f->row[i].value);
    }
    f->row_n = 0;
}

static void remember_rows(struct follower *f, const struct node *n)
{
    forget_rows(f);
    for (size_t i = 0; i < n->row_n; i++) {
        const struct world_row *r = &n->row[i];
        f->row[i] = *r;
        f->row[i].key = malloc(r->key_n + 1);
        f->row[i].value = malloc(r->value_n + 1);
        memcpy(f->row[i].key, r->key, r->key_n);
        memcpy(f->row[i].value, r->value, r->value_n);
    }
    f->row_n = n->row_n;
}

static void whole(struct follower *f)
{
    const struct node *n = &world.node[0];
    do {
        step(f, (struct ils_event){.type = ILS_EV_WHOLE});
        while (ils_goes_on(f->ils))
            step(f, (struct ils_event){.type = ILS_EV_DEADLINE});
        size_t asked = f->read_n;
        f->read_n = 0;
        for (size_t i = 0; i < asked; i++) {
            f->read[i].space = ROW_SEGMENT;
            const struct world_row *r = find(n->row, n->row_n, &f->read[i]);
            if (r != NULL)
                give(f, r, false);
            free(f->read[i].key);
        }
        if (asked == 0)
            return;
    } while (true);
}

/* What differs from what it was given last. */
static void catch_up(struct follower *f)
{
    const struct node *n = &world.node[0];
    for (uint8_t space = 0; space < ROW_SPACES; space++) {
        for (size_t i = 0; i < n->row_n; i++) {
            const struct world_row *r = &n->row[i], *was = find(f->row, f->row_n, r);
            bool news = was == NULL || !same(was->value, was->value_n, r->value, r->value_n);
            if (r->space == space && news && !(f->late && space == ROW_SEGMENT))
                give(f, r, false);
        }
        for (size_t i = 0; i < f->row_n; i++)
            if (f->row[i].space == space && find(n->row, n->row_n, &f->row[i]) == NULL)
                give(f, &f->row[i], true);
    }
    whole(f);
    remember_rows(f, n);
}

static void start(struct follower *f)
{
    const struct node *n = &world.node[0];
    f->ils = ils_new(&mem.mem);
    step(f, (struct ils_event){.type = ILS_EV_FOLLOW, .data = slice_of("a:/data"),
                               .entropy = {1}});
    for (uint8_t space = 0; space < ROW_SPACES; space++)
        for (size_t i = 0; i < n->row_n; i++)
            if (n->row[i].space == space &&
                !(space == ROW_SETTING && same(n->row[i].key, n->row[i].key_n,
                                               (const uint8_t *)"seed", 4)))
                give(f, &n->row[i], false);
    step(f, (struct ils_event){.type = ILS_EV_START});
    whole(f);
    remember_rows(f, n);
}

static bool answers(const struct follower *f, const char *dialled)
{
    struct mem all = {.resize = test_mem_resize, .context = &mem, .budget = SIZE_MAX};
    struct arena a;
    struct lookup l;
    arena_init(&a, &all);
    plan_lookup(view_plan(f->ils), view_routes(f->ils), &a, slice_of(dialled), &l);
    bool found = l.match_n != 0 && l.result != LOOKUP_BLOCKED;
    arena_done(&a);
    return found;
}

static enum reply command(struct follower *f, struct command c)
{
    c.id = 1;
    step(f, (struct ils_event){.type = ILS_EV_COMMAND, .command = &c});
    return f->reply;
}

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    follower = (struct follower){.reply = REPLY_OK};
    for (int i = 0; i < 3; i++)
        world_start(&world, i, &mem.mem);
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_spoke(&world, 2, 0, "secret");
    assert_int_equal(world_plan(&world, 0, "own@a.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 1, "first@b.example", true), REPLY_OK);
    start(&follower);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(follower.stores, 0);
    assert_int_equal(follower.opens, 0);
    ils_free(follower.ils);
    forget_rows(&follower);
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

/* Node i's plan of users k to n - 1, beside what was typed. */
static enum reply import(int i, size_t k, size_t n)
{
    static struct change change[MANY];
    static char user[MANY][16];
    for (size_t j = k; j < n; j++) {
        snprintf(user[j], sizeof user[j], "user%zu", j);
        change[j] = (struct change){.put = true, .kind = ENTRY_URI, .user = slice_of(user[j]),
                                    .domain = slice_of("b.example")};
    }
    return world_command(&world, i,
                         (struct command){.type = COMMAND_PLAN, .change = change + k,
                                          .change_n = n - k, .source = slice_of("hr"),
                                          .replace = true, .force = true});
}

/* --- what is served */

static void at_the_start(void **state)
{
    (void)state;
    struct view_self mine, theirs;
    view_self(follower.ils, &mine);
    view_self(world.node[0].ils, &theirs);
    assert_true(answers(&follower, "own@a.example"));
    assert_true(answers(&follower, "first@b.example"));
    assert_false(answers(&follower, "nobody@b.example"));
    assert_memory_equal(mine.key, theirs.key, KEY_SIZE);
    assert_true(slice_eq(mine.cluster_id, theirs.cluster_id));
    assert_int_equal(mine.usn, theirs.usn);
    assert_int_equal(follower.reads, 0);
}

static void as_it_changes(void **state)
{
    (void)state;
    assert_int_equal(world_plan(&world, 0, "more@a.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 1, "first@b.example", false), REPLY_OK);
    assert_int_equal(import(2, 0, MANY), REPLY_OK);
    assert_false(answers(&follower, "more@a.example")); /* nobody has said so yet */
    catch_up(&follower);
    assert_true(answers(&follower, "more@a.example"));
    assert_false(answers(&follower, "first@b.example"));
    assert_true(answers(&follower, "user2999@b.example"));
    assert_int_equal(follower.reloads, 0);
}

/* A cluster that was not known at the start. */
static void somebody_new(void **state)
{
    (void)state;
    world_start(&world, 3, &mem.mem);
    world_spoke(&world, 3, 0, "secret");
    assert_int_equal(world_plan(&world, 3, "new@d.example", true), REPLY_OK);
    catch_up(&follower);
    assert_true(answers(&follower, "new@d.example"));
    struct view_cluster c;
    bool known = false;
    for (size_t i = 0; view_cluster(follower.ils, i, &c); i++)
        known = known || slice_eq(c.cluster_id, slice_of("c3"));
    assert_true(known);
}

/* The list first, and its segments much later: what was served before is, until all is there. */
static void no_gap(void **state)
{
    (void)state;
    const struct node *n = &world.node[0];
    struct view_follow v;
    assert_int_equal(import(1, 0, MANY), REPLY_OK);
    catch_up(&follower);
    assert_int_equal(import(1, 0, MANY / 2 + 1), REPLY_OK);
    for (size_t i = 0; i < n->row_n; i++)
        if (n->row[i].space == ROW_STREAM)
            give(&follower, &n->row[i], false);
    step(&follower, (struct ils_event){.type = ILS_EV_WHOLE});
    assert_true(follower.read_n > 0);
    assert_true(view_follow(follower.ils, &v));
    assert_int_equal(v.missing, follower.read_n);
    assert_true(answers(&follower, "user2999@b.example"));
    for (size_t i = 0; i < follower.read_n; i++)
        free(follower.read[i].key);
    follower.read_n = 0;
    catch_up(&follower);
    assert_false(answers(&follower, "user2999@b.example"));
    assert_true(answers(&follower, "user7@b.example"));
    assert_true(view_follow(follower.ils, &v));
    assert_int_equal(v.missing, 0);
}

/* Segments that were stored before their list, and given to nobody, are asked for by name. */
static void asked_for(void **state)
{
    (void)state;
    follower.late = true;
    assert_int_equal(import(1, 0, MANY), REPLY_OK);
    catch_up(&follower);
    assert_true(follower.reads > 0);
    assert_true(answers(&follower, "user2999@b.example"));
}

/* What is not there is not asked for again and again, and comes with the next list. */
static void not_there(void **state)
{
    (void)state;
    struct node *n = &world.node[0];
    follower.late = true;
    assert_int_equal(import(1, 0, MANY), REPLY_OK);
    for (size_t i = 0; i < n->row_n; i++)
        if (n->row[i].space == ROW_SEGMENT)
            n->row[i].space = 99;
    catch_up(&follower);
    size_t asked = follower.reads;
    assert_true(asked > 0);
    assert_false(answers(&follower, "user7@b.example"));
    assert_true(answers(&follower, "first@b.example"));
    whole(&follower);
    assert_int_equal(follower.reads, asked);
    for (size_t i = 0; i < n->row_n; i++)
        if (n->row[i].space == 99)
            n->row[i].space = ROW_SEGMENT;
    assert_int_equal(world_plan(&world, 1, "second@b.example", true), REPLY_OK);
    catch_up(&follower);
    assert_true(answers(&follower, "user7@b.example"));
    assert_true(answers(&follower, "second@b.example"));
}

/* A flipped bit in a list, or in a segment: what was served before is. */
static void damaged(void **state)
{
    (void)state;
    struct node *n = &world.node[0];
    size_t list = 0, segment = 0;
    assert_int_equal(world_plan(&world, 1, "second@b.example", true), REPLY_OK);
    for (size_t i = 0; i < n->row_n; i++) {
        const struct world_row *was = find(follower.row, follower.row_n, &n->row[i]);
        bool news = was == NULL || !same(was->value, was->value_n, n->row[i].value,
                                         n->row[i].value_n);
        list = news && n->row[i].space == ROW_STREAM ? i : list;
        segment = news && n->row[i].space == ROW_SEGMENT ? i : segment;
    }
    assert_true(list != 0 && segment != 0);
    n->row[list].value[n->row[list].value_n - 1] ^= 1;
    catch_up(&follower);
    assert_true(follower.damaged > 0);
    assert_true(answers(&follower, "first@b.example"));
    assert_false(answers(&follower, "second@b.example"));
    n->row[list].value[n->row[list].value_n - 1] ^= 1;
    n->row[segment].value[n->row[segment].value_n - 1] ^= 1;
    catch_up(&follower);
    assert_true(answers(&follower, "first@b.example"));
    assert_false(answers(&follower, "second@b.example"));
    n->row[segment].value[n->row[segment].value_n - 1] ^= 1;
    catch_up(&follower);
    assert_true(answers(&follower, "second@b.example"));
}

/* --- what else answers go by */

static void routes_and_rules(void **state)
{
    (void)state;
    struct command route = {.type = COMMAND_ROUTE_ADD, .pattern = slice_of("b.example.com"),
                            .target = slice_of("sip:10.0.0.9")};
    assert_int_equal(world_command(&world, 0, route), REPLY_OK);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_BLOCK_ADD,
                                                               .pattern =
                                                                   slice_of("first@b.example")}),
                     REPLY_OK);
    catch_up(&follower);
    assert_int_equal(routes_count(view_routes(follower.ils)), 1);
    assert_false(answers(&follower, "first@b.example"));
    route.type = COMMAND_ROUTE_REMOVE;
    assert_int_equal(world_command(&world, 0, route), REPLY_OK);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_BLOCK_REMOVE,
                                                               .number = 1}), REPLY_OK);
    catch_up(&follower);
    assert_int_equal(routes_count(view_routes(follower.ils)), 0);
    assert_true(answers(&follower, "first@b.example"));
}

static void the_exchange(void **state)
{
    (void)state;
    struct command c = {.type = COMMAND_EXCHANGE, .raise = false};
    assert_int_equal(world_command(&world, 0, c), REPLY_OK);
    catch_up(&follower);
    assert_false(answers(&follower, "first@b.example"));
    assert_true(answers(&follower, "own@a.example"));
    c.raise = true;
    assert_int_equal(world_command(&world, 0, c), REPLY_OK);
    catch_up(&follower);
    assert_true(answers(&follower, "first@b.example"));
}

/* A plan that shrank is held back by who writes, and so it is here; released there, here too. */
static void held(void **state)
{
    (void)state;
    assert_int_equal(import(1, 0, 1000), REPLY_OK);
    catch_up(&follower);
    assert_int_equal(import(1, 0, 10), REPLY_OK);
    assert_true(world_answers(&world, 0, "user999@b.example"));
    catch_up(&follower);
    assert_true(answers(&follower, "user999@b.example"));
    follower.late = true;
    assert_int_equal(import(1, 0, 12), REPLY_OK); /* another head, and the same is kept */
    catch_up(&follower);
    assert_true(answers(&follower, "user999@b.example"));
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_RELEASE,
                                                               .cluster = slice_of("c1")}),
                     REPLY_OK);
    catch_up(&follower);
    assert_false(world_answers(&world, 0, "user999@b.example"));
    assert_false(answers(&follower, "user999@b.example"));
    assert_true(answers(&follower, "user11@b.example"));
    assert_int_equal(follower.reloads, 0);
}

/* One that was started while it was held, and one that never saw what is kept. */
static void held_before(void **state)
{
    (void)state;
    assert_int_equal(import(1, 0, 1000), REPLY_OK);
    assert_int_equal(import(1, 0, 10), REPLY_OK);
    catch_up(&follower);
    assert_int_equal(follower.reloads, 1);
    ils_free(follower.ils);
    start(&follower);
    assert_true(answers(&follower, "user999@b.example"));
}

static void somebody_goes(void **state)
{
    (void)state;
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_BAN,
                                                               .cluster = slice_of("c1")}),
                     REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    catch_up(&follower);
    assert_int_equal(follower.reloads, 1);
    ils_free(follower.ils);
    start(&follower);
    assert_false(answers(&follower, "first@b.example"));
    assert_true(answers(&follower, "own@a.example"));
}

/* --- who it is not */

static void nothing_is_changed_here(void **state)
{
    (void)state;
    struct change change = {.put = true, .kind = ENTRY_URI, .user = slice_of("x"),
                            .domain = slice_of("a.example")};
    struct command c = {.type = COMMAND_PLAN, .change = &change, .change_n = 1};
    assert_int_equal(command(&follower, c), REPLY_FOLLOWS);
    assert_string_equal(follower.text, "a:/data");
    c = (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB};
    assert_int_equal(command(&follower, c), REPLY_FOLLOWS);
    step(&follower, (struct ils_event){.type = ILS_EV_FOLLOW, .data = slice_of("b:/data")});
    assert_int_equal(command(&follower, c), REPLY_FOLLOWS);
    assert_string_equal(follower.text, "b:/data");
    c = (struct command){.type = COMMAND_ALARM, .alarm = ILSDBLException, .raise = true,
                         .subject = slice_of("reading")};
    assert_int_equal(command(&follower, c), REPLY_OK);
    for (int i = 0; i < 100; i++) { /* for hours */
        world.now += 60 * TICK_S;
        step(&follower, (struct ils_event){.type = ILS_EV_DEADLINE});
    }
    assert_true(answers(&follower, "first@b.example"));
}

/* Who wrote until now: its links end, what was on its way is answered, and it answers on. */
static void who_wrote(void **state)
{
    (void)state;
    struct node *n = &world.node[0];
    struct ils_actions todo;
    size_t stores = 0;
    struct ils_event e = {.type = ILS_EV_FOLLOW, .data = slice_of("b:/data"), .now = world.now,
                          .wall = world.wall + world.now};
    assert_int_equal(ils_step(n->ils, &e, &todo), 0);
    for (size_t i = 0; i < todo.n; i++)
        stores += todo.action[i].type == ILS_DO_STORE;
    assert_int_equal(stores, 0);
    struct view_self self;
    view_self(n->ils, &self);
    assert_int_equal(self.serving, 0);
    size_t rows = n->row_n;
    world_pass(&world, 60 * TICK_S);
    assert_int_equal(n->row_n, rows);
    assert_int_equal(world_plan(&world, 0, "late@a.example", true), REPLY_FOLLOWS);
    assert_true(world_answers(&world, 0, "first@b.example"));
    assert_true(world_answers(&world, 0, "own@a.example"));
}

/* Who has just begun to write, and whose first rows the store refuses, follows with what it has. */
static void cannot_begin(void **state)
{
    (void)state;
    const struct node *n = &world.node[0];
    struct ils_actions todo;
    struct ils_event e = {.type = ILS_EV_START, .now = world.now, .wall = world.wall};
    uint64_t batch = 0;
    ils_free(follower.ils);
    follower.ils = ils_new(&mem.mem);
    for (uint8_t space = 0; space < ROW_SPACES; space++)
        for (size_t i = 0; i < n->row_n; i++)
            if (n->row[i].space == space)
                give(&follower, &n->row[i], false);
    assert_int_equal(ils_step(follower.ils, &e, &todo), 0);
    for (size_t i = 0; i < todo.n; i++)
        batch = todo.action[i].type == ILS_DO_STORE && batch == 0 ? todo.action[i].batch : batch;
    assert_true(batch != 0);
    step(&follower, (struct ils_event){.type = ILS_EV_FOLLOW, .data = slice_of("b:/data")});
    step(&follower, (struct ils_event){.type = ILS_EV_STORED, .batch = batch, .failed = true});
    assert_true(answers(&follower, "first@b.example"));
    assert_true(answers(&follower, "own@a.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown(as_it_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(somebody_new, setup, teardown),
        cmocka_unit_test_setup_teardown(no_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(routes_and_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(the_exchange, setup, teardown),
        cmocka_unit_test_setup_teardown(held, setup, teardown),
        cmocka_unit_test_setup_teardown(held_before, setup, teardown),
        cmocka_unit_test_setup_teardown(somebody_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_changed_here, setup, teardown),
        cmocka_unit_test_setup_teardown(who_wrote, setup, teardown),
        cmocka_unit_test_setup_teardown(cannot_begin, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
