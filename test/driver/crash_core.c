/* crash_core: the same of the whole core. Commands go in, batches come out and are written by the
 * store as the daemon has it, and what is acknowledged is what an operator would be told: changes
 * of the plan, imports that replace a source, a catalog, a description; and now and then the core
 * is started anew. After a crash a core is loaded with what the store has. It must be as it was at
 * the last change that was acknowledged, or at the one under way: each entry, the description, the
 * catalog and the number of the last change in the log; and it must take another change, with a USN
 * above all that were ever shown. */
#include "crash_each.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "core/view.h"
#include "driver/store.h"
#include "test.h"

#define KEYS    200
#define RESTART 40 /* changes between two starts */
#define DIGITS  8

static struct test_mem mem;
static char key_text[KEYS][8];

/* After each change: what everything is, and how many operations there were when it was said. */
struct promise {
    uint32_t value[KEYS]; /* 0: it is not there */
    uint32_t described;
    uint64_t usn, catalog, log;
    size_t begun, said;
};

static struct promise promise[CHANGES_MAX + 1];
static size_t promises;

/* A batch that the core wants to be durable. */
struct batch {
    struct batch *next;
    uint64_t number;
    struct store_row *row;
    size_t row_n;
    struct arena arena;
};

struct one {
    struct ils *ils;
    struct store *store; /* NULL: everything is durable at once, and nowhere */
    struct batch *first, **last;
    const struct crash_record *record;
    bool early, answered, refused;
    size_t said;
    uint64_t commands, entropy;
    tick now;
};

static struct slice copy(struct arena *a, struct slice s)
{
    return s.n == 0 ? slice_make(NULL, 0) : arena_copy(a, s);
}

static void want(struct one *o, const struct ils_action *action)
{
    struct batch *b = malloc(sizeof *b);
    *b = (struct batch){.number = action->batch, .row_n = action->row_n};
    arena_init(&b->arena, &mem.mem);
    b->row = malloc((action->row_n + 1) * sizeof *b->row);
    for (size_t i = 0; i < action->row_n; i++) {
        const struct row *r = &action->row[i];
        b->row[i] = (struct store_row){.space = r->space, .key = copy(&b->arena, r->key),
                                       .value = copy(&b->arena, r->value), .remove = r->remove,
                                       .below = r->below};
    }
    *o->last = b;
    o->last = &b->next;
}

static void step(struct one *o, struct ils_event *event)
{
    struct ils_actions actions = {0};
    event->now = o->now += TICK_MS;
    event->wall = INT64_C(1800000000) * TICK_S + o->now;
    for (size_t i = 0; i < 4; i++)
        event->entropy[i] = (uint8_t)(++o->entropy >> (8 * i));
    assert_int_equal(ils_step(o->ils, event, &actions), 0);
    for (size_t i = 0; i < actions.n; i++) {
        const struct ils_action *a = &actions.action[i];
        if (a->type == ILS_DO_STORE) {
            want(o, a);
        } else if (a->type == ILS_DO_REPLY && a->command == o->commands) {
            o->answered = true;
            o->refused = a->reply != REPLY_OK;
            o->said = o->record == NULL ? 0 : o->record->n;
        }
    }
}

static void stored(struct one *o, uint64_t number)
{
    step(o, &(struct ils_event){.type = ILS_EV_STORED, .batch = number});
}

static void settle(struct one *o)
{
    while (o->first != NULL || ils_goes_on(o->ils)) {
        struct batch *b = o->first;
        if (b == NULL) {
            step(o, &(struct ils_event){.type = ILS_EV_DEADLINE});
            continue;
        }
        o->first = b->next;
        o->last = o->first == NULL ? &o->first : o->last;
        if (o->early)
            stored(o, b->number);
        if (o->store != NULL)
            assert_int_equal(store_write(o->store, b->row, b->row_n), 0);
        if (!o->early)
            stored(o, b->number);
        arena_done(&b->arena);
        free(b->row);
        free(b);
    }
}

static bool give(void *context, const struct store_row *row)
{
    step(context, &(struct ils_event){
        .type = ILS_EV_ROW, .row = {.space = row->space, .key = row->key, .value = row->value}});
    return true;
}

/* A core with what the store has, as the daemon loads it. False: a row cannot be read. */
static bool start(struct one *o, struct store *from)
{
    static const uint8_t order[] = {ROW_SETTING, ROW_PASSWORD, ROW_PEER,  ROW_ROUTE,   ROW_STREAM,
                                    ROW_SEGMENT, ROW_ALARM,    ROW_TRUST, ROW_REFUSED, ROW_INVITE,
                                    ROW_POLICY};
    o->ils = ils_new(&mem.mem);
    assert_non_null(o->ils);
    for (size_t i = 0; i < sizeof order; i++)
        if (store_load(from, order[i], give, o) < 0)
            return false;
    struct ils_event e = {.type = ILS_EV_START};
    e.start.version = slice_of("test");
    step(o, &e);
    settle(o);
    o->now += 12 * TICK_S; /* longer than a neighbour's list is waited for */
    step(o, &(struct ils_event){.type = ILS_EV_DEADLINE});
    settle(o);
    return true;
}

static void command(struct one *o, struct command c)
{
    c.id = ++o->commands;
    c.who = slice_of("root");
    c.what = slice_of("a change");
    o->answered = o->refused = false;
    step(o, &(struct ils_event){.type = ILS_EV_COMMAND, .command = &c});
    settle(o);
    assert_true(o->answered);
}

/* --- the run */

static const char *const source[] = {"manual", "file"};

static struct change change_of(size_t i, uint32_t value, uint8_t bytes[static DIGITS + 2])
{
    char digits[DIGITS + 1];
    snprintf(digits, sizeof digits, "%08u", (unsigned)value % 100000000);
    bytes[0] = FAILOVER_NUMBER;
    bytes[1] = 0;
    memcpy(bytes + 2, digits, DIGITS);
    return (struct change){.put = value != 0, .kind = ENTRY_URI, .user = slice_of(key_text[i]),
                           .domain = slice_of("one.example"),
                           .value = slice_make(bytes, value == 0 ? 0 : DIGITS + 2)};
}

/* One key, or all that `file` has: those are even, so that no key has two sources. */
static void change_plan(struct one *o, struct rand *r, struct promise *p, size_t k)
{
    static struct change change[KEYS];
    static uint8_t value[KEYS][DIGITS + 2];
    bool replace = k % 9 == 4;
    size_t n = 0;
    for (size_t i = 0; i < KEYS; i++) {
        bool mine = replace ? i % 2 == 0 : i % 2 == 1;
        if (!mine || rand_below(r, replace ? 3 : KEYS / 4) != 0) {
            p->value[i] = mine && replace ? 0 : p->value[i];
            continue;
        }
        uint32_t next = !replace && p->value[i] != 0 && rand_below(r, 3) == 0
                            ? 0 : (uint32_t)(1 + k * 1000 + i);
        if (next == 0 && p->value[i] == 0)
            continue;
        p->value[i] = next;
        change[n] = change_of(i, next, value[n]);
        change[n++].source = slice_of(source[replace]);
    }
    command(o, (struct command){.type = COMMAND_PLAN, .source = slice_of(source[replace]),
                                .change = change, .change_n = n, .replace = replace,
                                .force = true});
}

static void change_catalog(struct one *o, struct promise *p, size_t k)
{
    static char user[KEYS][8];
    struct change change[KEYS];
    size_t n = 1 + k % 50;
    uint64_t number;
    view_own_catalog_named(o->ils, slice_of("Old"), &number);
    for (size_t i = 0; i < n; i++) {
        snprintf(user[i], sizeof user[i], "c%zu", i);
        change[i] = (struct change){.put = true, .kind = ENTRY_URI, .user = slice_of(user[i]),
                                    .domain = slice_of("old.example"), .source = slice_of("Old")};
    }
    p->catalog = n;
    command(o, (struct command){.type = COMMAND_PLAN, .source = slice_of("Old"), .change = change,
                                .change_n = n, .replace = true, .force = true,
                                .stream = number});
}

static void describe(struct one *o, uint32_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%u", (unsigned)n);
    command(o, (struct command){.type = COMMAND_DESCRIBE, .description = slice_of(text)});
}

static void set_up(struct one *o)
{
    command(o, (struct command){.type = COMMAND_INIT, .cluster_id = slice_of("one"),
                                .fqdn = slice_of("one.example"), .description = slice_of("0"),
                                .route_string = slice_of("one.example")});
    command(o, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    command(o, (struct command){.type = COMMAND_CATALOG_ADD, .cluster_id = slice_of("Old"),
                                .route_string = slice_of("old.example")});
    assert_false(o->refused);
}

static void note(struct promise *p, const struct ils *ils)
{
    struct view_planlog log;
    struct view_self self;
    view_planlog(ils, &log);
    view_self(ils, &self);
    p->usn = self.usn;
    p->log = log.last;
}

static void one_change(struct one *o, struct rand *r, struct promise *p, size_t k)
{
    if (k % 11 == 5)
        describe(o, p->described = (uint32_t)k);
    else if (k % 11 == 8)
        change_catalog(o, p, k);
    else
        change_plan(o, r, p, k);
    assert_false(o->refused);
    note(p, o->ils);
}

static struct store *open_store(const char *dir)
{
    char error[STORE_ERROR];
    return store_open(dir, error, sizeof error);
}

void crash_run(struct crash_record *record, const char *dir, size_t changes, bool early)
{
    struct one o = {.record = record};
    struct rand r;
    o.last = &o.first;
    test_mem_init(&mem, 0);
    rand_seed(&r, 1);
    for (size_t i = 0; i < KEYS; i++)
        snprintf(key_text[i], sizeof key_text[i], "k%zu", i);
    crash_record_to(record);
    for (size_t k = 0; k <= changes; k++) {
        if (k % RESTART == 0) {
            ils_free(o.ils);
            store_close(o.store);
            o.early = false;
            assert_non_null(o.store = open_store(dir));
            assert_true(start(&o, o.store));
        }
        if (k == 0)
            set_up(&o);
        promise[k] = promise[k == 0 ? 0 : k - 1];
        promise[k].begun = record->n;
        o.early = early && k != 0;
        if (k == 0)
            note(&promise[k], o.ils);
        else
            one_change(&o, &r, &promise[k], k);
        promise[k].said = k == 0 ? record->n : o.said;
    }
    promises = changes;
    ils_free(o.ils);
    store_close(o.store);
    crash_record_to(NULL);
}

/* --- what is read after the crash */

struct found {
    uint32_t value[KEYS];
    bool odd;
};

static bool find(void *context, const struct record *r)
{
    struct found *f = context;
    uint64_t i, value;
    bool good = r->kind == ENTRY_URI && r->user.n > 1 &&
                slice_to_u64(slice_make(r->user.p + 1, r->user.n - 1), KEYS - 1, &i) &&
                r->value.n == DIGITS + 2 &&
                slice_to_u64(slice_make(r->value.p + 2, DIGITS), UINT32_MAX, &value);
    if (good)
        f->value[i] = (uint32_t)value;
    f->odd = f->odd || !good;
    return true;
}

/* Is it as after change k? */
static bool is(const struct ils *ils, const struct promise *p)
{
    struct found f = {.odd = false};
    struct promise now;
    struct view_self self;
    uint64_t described = UINT64_MAX, number;
    const struct catalog *old = view_own_catalog_named(ils, slice_of("Old"), &number);
    catalog_walk(view_own_catalog(ils), find, &f);
    view_self(ils, &self);
    note(&now, ils);
    return !f.odd && memcmp(f.value, p->value, sizeof f.value) == 0 && old != NULL &&
           catalog_live(old) == p->catalog && now.log == p->log &&
           slice_to_u64(self.description, UINT32_MAX, &described) && described == p->described &&
           now.usn >= p->usn;
}

/* Another change is taken, above all that was ever shown. */
static bool goes_on(struct one *o, const struct promise *p)
{
    struct view_self self;
    uint8_t value[DIGITS + 2];
    struct change change = change_of(1, 77777777, value);
    change.source = slice_of(source[0]);
    command(o, (struct command){.type = COMMAND_PLAN, .source = slice_of(source[0]),
                                .change = &change, .change_n = 1});
    view_self(o->ils, &self);
    return !o->refused && self.usn > p->usn;
}

static const char *judge_core(struct one *o, size_t last, size_t until)
{
    bool next = last < promises && promise[last + 1].begun <= until;
    size_t k = is(o->ils, &promise[last]) ? last : last + 1;
    if (k > last && (!next || !is(o->ils, &promise[k])))
        return "an acknowledged change is lost, or half of one is there";
    if (view_held(o->ils, 0, &(struct view_held){.number = 0}))
        return "a plan is not served as it came";
    return goes_on(o, &promise[k]) ? NULL : "it does not go on";
}

const char *crash_judge(const char *dir, size_t until)
{
    struct one o = {.entropy = until};
    size_t last = 0;
    o.last = &o.first;
    struct store *s = open_store(dir);
    if (s == NULL)
        return "the store does not open";
    while (last < promises && promise[last + 1].said <= until)
        last++;
    const char *wrong = start(&o, s) ? NULL : "a row cannot be read";
    store_close(s);
    if (wrong == NULL && until >= promise[0].said) /* before that it is being set up */
        wrong = judge_core(&o, last, until);
    ils_free(o.ils);
    return wrong;
}
