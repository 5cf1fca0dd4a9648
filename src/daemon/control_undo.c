/* control_undo: taking back what the log of one's own plans and catalogs has. The store has what
 * takes each change back; a worker makes changes of it, and the core commits them like any others:
 * one command for the plan, one for each catalog, which may have to be removed, or made again with
 * all that it had. Between reading and committing the plan may have moved on: then it is read
 * again, and what was done by then is found done. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/control_planlog.h"
#include "driver/clock.h"

#define TRIES      5     /* of a change that the plan moved away under */
#define LEFT_SHOWN 20
#define ROWS_MAX   INT32_MAX
#define STEPS_MAX  (3 * CATALOGS_MAX + 1)

struct store_range control_log_range(uint8_t key[static 2 * PLAN_LOG_KEY], uint64_t from,
                                     uint64_t to)
{
    plan_change_key(key, from, 0);
    plan_change_key(key + PLAN_LOG_KEY, to, 0);
    return (struct store_range){.space = STORE_PLAN_LOG,
                                .from = slice_make(key, PLAN_LOG_KEY),
                                .to = slice_make(key + PLAN_LOG_KEY, to == 0 ? 0 : PLAN_LOG_KEY),
                                .max = ROWS_MAX};
}

const char *control_life(enum plan_life life)
{
    return life == PLAN_LIFE_ADDED ? "added" : "removed";
}

/* --- taking back */

/* What an imported catalog is called. */
struct words {
    char name[CLUSTER_ID_MAX + 1], route_string[ROUTE_STRING_MAX + 1];
    char description[DESCRIPTION_MAX + 1];
};

/* A stream that changes after the one in question are of. */
struct era {
    uint64_t stream;
    enum plan_life life; /* the first that it was made or removed; SAME: it was not */
    struct words words;  /* then */
};

struct part {
    uint64_t number, stream;
    struct slice bytes; /* of a segment; allocated */
};

/* A key that is put back, unless a later change has touched it. */
struct item {
    struct change change;
    uint64_t stream;
    uint64_t number, touched; /* of the change that is taken back; of the later one, 0 = none */
};

/* One command: of the plan or a catalog. */
struct step {
    enum command_type type;
    uint64_t stream;
    struct words words; /* of a catalog that is made or removed */
    size_t from, n;     /* of the changes */
};

struct undo {
    uv_work_t work;
    struct control *control;
    struct client *client;   /* NULL: the daemon's own wish */
    uint64_t number, stream; /* stream: of that change; 0: of all */
    enum plan_life life;     /* what the change did to its catalog, which was called: */
    struct words words;
    bool to, dry_run;        /* to: all changes after `number` */
    bool rolling;            /* some of its steps were made, of a client's wish */
    struct view_planlog log; /* as it was when the rows were asked for */
    uint64_t taking, taken;  /* the change whose parts are being read, 0: none; its stream */
    unsigned tries;
    bool found, memory;
    struct era *era;
    size_t era_n, era_size;
    struct part *part;
    size_t part_n, part_size;
    struct item *item;
    size_t item_n, item_size;
    uint32_t *slot;          /* item + 1 by key; 0 = empty */
    size_t slot_n;
    uint8_t secret[16];      /* of their hash */
    struct change *change;
    size_t left_n;
    struct step step[STEPS_MAX];
    size_t step_n, step_at;
    uint64_t total[REPLY_NUMBERS]; /* of the steps that were made */
    json_t *catalogs;              /* those made and removed */
    struct command command;
    char what[96];
};

static void undo_reset(struct undo *u)
{
    for (size_t i = 0; i < u->part_n; i++)
        free((void *)(uintptr_t)u->part[i].bytes.p);
    free(u->era);
    free(u->part);
    free(u->item);
    free(u->slot);
    free(u->change);
    u->era = NULL;
    u->part = NULL;
    u->item = NULL;
    u->slot = NULL;
    u->change = NULL;
    u->era_n = u->era_size = u->part_n = u->part_size = 0;
    u->item_n = u->item_size = u->slot_n = u->left_n = u->step_n = u->step_at = 0;
    u->found = u->to;
    u->memory = true;
}

/* A client may go, or be refused, in the middle: what is left is the daemon's to do then. */
static void undo_free(void *own)
{
    struct undo *u = own;
    struct control *control = u->control;
    bool rolling = u->rolling;
    undo_reset(u);
    json_decref(u->catalogs);
    free(u);
    control->rolling -= rolling;
    if (rolling)
        control_confirm_look(control);
}

/* Doubles an array that is full; false: memory. */
static bool grow(void **array, size_t n, size_t *size, size_t each)
{
    if (n < *size)
        return true;
    size_t wanted = *size == 0 ? 64 : *size * 2;
    void *p = realloc(*array, wanted * each);
    if (p == NULL)
        return false;
    *array = p;
    *size = wanted;
    return true;
}

static bool same_key(const struct item *i, uint64_t stream, const struct record *r)
{
    const struct change *c = &i->change;
    return i->stream == stream && c->kind == r->kind && slice_eq(c->user, r->user) &&
           slice_eq(c->domain, r->domain);
}

/* The slot of the key: that which has it, or the empty one where it belongs. */
static uint32_t *slot_of(const struct undo *u, uint64_t stream, const struct record *r)
{
    uint64_t h = key_hash(u->secret, r->kind, r->user, r->domain) + stream;
    size_t at = (size_t)h & (u->slot_n - 1);
    while (u->slot[at] != 0 && !same_key(&u->item[u->slot[at] - 1], stream, r))
        at = (at + 1) & (u->slot_n - 1);
    return &u->slot[at];
}

static bool slots_grow(struct undo *u)
{
    if (u->slot_n > 2 * (u->item_n + 1))
        return true;
    size_t n = u->slot_n == 0 ? 256 : u->slot_n * 2;
    if (u->slot_n == 0)
        clock_entropy(u->secret, sizeof u->secret);
    uint32_t *slot = calloc(n, sizeof *slot);
    if (slot == NULL)
        return false;
    free(u->slot);
    u->slot = slot;
    u->slot_n = n;
    for (size_t i = 0; i < u->item_n; i++) {
        const struct change *c = &u->item[i].change;
        struct record r = {.kind = c->kind, .user = c->user, .domain = c->domain};
        *slot_of(u, u->item[i].stream, &r) = (uint32_t)i + 1;
    }
    return true;
}

/* One key of a change: it is put back as it was before the oldest change that is taken back; a
 * later one that stays keeps it as it is. */
static bool take_record(struct undo *u, const struct part *from, const struct record *r)
{
    uint64_t number = from->number;
    if (!slots_grow(u))
        return false;
    uint32_t *slot = slot_of(u, from->stream, r);
    if (*slot != 0) {
        if (!u->to && number != u->number)
            u->item[*slot - 1].touched = number;
        return true;
    }
    if (!u->to && number != u->number)
        return true;
    if (!grow((void **)&u->item, u->item_n, &u->item_size, sizeof *u->item))
        return false;
    u->item[u->item_n] = (struct item){
        .change = {.put = r->put, .kind = r->kind, .user = r->user, .domain = r->domain,
                   .value = r->value, .source = r->source},
        .stream = from->stream,
        .number = number};
    *slot = (uint32_t)++u->item_n;
    return true;
}

/* By stream; those that later changes keep as they are come last. */
static int by_item(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if ((x->touched == 0) != (y->touched == 0))
        return x->touched == 0 ? -1 : 1;
    if (x->stream != y->stream)
        return x->stream < y->stream ? -1 : 1;
    return change_order(&x->change, &y->change);
}

static void undo_work(uv_work_t *work)
{
    struct undo *u = work->data;
    for (size_t i = 0; i < u->part_n && u->memory; i++) {
        struct segment_reader reader;
        struct record r;
        segment_reader_init(&reader, u->part[i].bytes);
        while (u->memory && segment_next(&reader, &r) == 1)
            u->memory = take_record(u, &u->part[i], &r);
    }
    u->change = u->memory ? calloc(u->item_n + 1, sizeof *u->change) : NULL;
    u->memory = u->change != NULL;
    if (u->memory && u->item_n > 1)
        qsort(u->item, u->item_n, sizeof *u->item, by_item);
    for (size_t i = 0; i < u->item_n && u->memory; i++) {
        u->change[i] = u->item[i].change;
        u->left_n += u->item[i].touched != 0;
    }
}

/* --- what is to be done */

/* The own catalog with that number. False: there is none. */
static bool catalog_now(const struct undo *u, uint64_t stream, struct words *ret)
{
    const struct ils *core = runtime_core(u->control->rt);
    struct view_catalog c;
    for (size_t i = 0; view_catalog(core, i, &c); i++) {
        if (!c.own || c.number != stream)
            continue;
        slice_to_text(c.name, ret->name, sizeof ret->name);
        slice_to_text(c.route_string, ret->route_string, sizeof ret->route_string);
        slice_to_text(c.description, ret->description, sizeof ret->description);
        return true;
    }
    return false;
}

static void add_step(struct undo *u, enum command_type type, uint64_t stream,
                     const struct words *words)
{
    struct step *s = &u->step[u->step_n];
    if (u->step_n == STEPS_MAX)
        return; /* cannot be: there are no more catalogs */
    u->step_n++;
    *s = (struct step){.type = type, .stream = stream};
    if (words != NULL)
        s->words = *words;
    while (s->from < u->item_n && u->item[s->from].stream < stream &&
           u->item[s->from].touched == 0)
        s->from++;
    while (type != COMMAND_CATALOG_REMOVE && s->from + s->n < u->item_n &&
           u->item[s->from + s->n].stream == stream && u->item[s->from + s->n].touched == 0)
        s->n++;
}

/* What brings one stream back to where it was: of these steps those of one type, for removals come
 * before what is made, and both before what is changed. */
static void era_steps(struct undo *u, const struct era *e, enum command_type type)
{
    struct words now;
    bool is = catalog_now(u, e->stream, &now), was = e->life == PLAN_LIFE_REMOVED;
    if (e->life == PLAN_LIFE_SAME)
        was = is;
    bool same = was && is;
    if (same && e->life != PLAN_LIFE_SAME)
        same = strcmp(now.name, e->words.name) == 0 &&
               strcmp(now.route_string, e->words.route_string) == 0;
    if (type == COMMAND_CATALOG_REMOVE && is && !same)
        add_step(u, type, e->stream, &now);
    else if (type == COMMAND_CATALOG_ADD && was && !same)
        add_step(u, type, e->stream, &e->words);
    else if (type == COMMAND_PLAN && same)
        add_step(u, type, e->stream, NULL);
}

static enum reply steps_to(struct undo *u)
{
    static const enum command_type order[] = {COMMAND_CATALOG_REMOVE, COMMAND_CATALOG_ADD,
                                              COMMAND_PLAN};
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++)
        for (size_t i = 0; i < u->era_n; i++)
            if (u->era[i].stream >= STREAM_CATALOGS)
                era_steps(u, &u->era[i], order[k]);
    add_step(u, COMMAND_PLAN, STREAM_PLAN, NULL);
    if (u->step_n > 1 && u->step[u->step_n - 1].n == 0 && u->log.confirm == 0)
        u->step_n--;
    return REPLY_OK;
}

static enum reply steps_one(struct undo *u)
{
    struct words now;
    bool later = false;
    for (size_t i = 0; i < u->era_n; i++)
        later = later || u->era[i].stream == u->stream;
    bool there = u->stream < STREAM_CATALOGS || catalog_now(u, u->stream, &now);
    if (there && u->stream >= STREAM_CATALOGS && u->words.name[0] != '\0')
        there = strcmp(now.name, u->words.name) == 0;
    if (u->life == PLAN_LIFE_REMOVED) {
        add_step(u, COMMAND_CATALOG_ADD, u->stream, &u->words);
        return REPLY_OK;
    }
    if (!there)
        return REPLY_LOG_CATALOG;
    if (u->life == PLAN_LIFE_ADDED && later)
        return REPLY_LOG_LATER;
    add_step(u, u->life == PLAN_LIFE_ADDED ? COMMAND_CATALOG_REMOVE : COMMAND_PLAN, u->stream,
             &u->words);
    return REPLY_OK;
}

static enum reply undo_steps(struct undo *u)
{
    u->step_n = u->step_at = 0;
    enum reply reply = u->to ? steps_to(u) : steps_one(u);
    if (reply != REPLY_OK && u->client == NULL) { /* nothing of it is left to take back */
        u->step_n = 0;
        add_step(u, COMMAND_PLAN, STREAM_PLAN, NULL);
        u->step[0].n = 0;
        return REPLY_OK;
    }
    return reply;
}

/* --- its end */

static void undo_read(struct undo *u);

static json_t *left_json(const struct undo *u)
{
    json_t *left = json_array();
    struct arena arena;
    arena_init(&arena, &u->control->mem);
    for (size_t i = 0; i < u->item_n && json_array_size(left) < LEFT_SHOWN; i++) {
        const struct change *c = &u->item[i].change;
        if (u->item[i].touched == 0)
            continue;
        struct record r = {.put = c->put, .kind = c->kind, .user = c->user, .domain = c->domain,
                           .value = c->value, .source = c->source};
        json_t *json = control_entry_json(&arena, &r);
        json_object_set_new(json, "change", control_number_json(u->item[i].touched));
        json_array_append_new(left, json);
    }
    arena_done(&arena);
    return left;
}

static bool again(struct undo *u, enum reply reply)
{
    if (reply != REPLY_LOG_MOVED || ++u->tries >= TRIES)
        return false;
    undo_read(u);
    return true;
}

static void undo_told(struct undo *u, json_t *result)
{
    json_object_set_new(result, "left", left_json(u));
    json_object_set_new(result, "left_total", control_number_json(u->left_n));
    json_object_set(result, "catalogs", u->catalogs);
    control_ok(u->client, result);
}

static void undo_over(struct undo *u)
{
    if (u->client == NULL) {
        struct control *control = u->control;
        undo_free(u);
        control_confirm_over(control, true);
        return;
    }
    json_t *result = control_counts(u->total);
    json_object_set_new(result, "text", json_string("OK"));
    undo_told(u, result);
}

static void undo_step(struct undo *u);

/* That a step was made, or will be, where it makes or removes a catalog. */
static void note_catalog(struct undo *u, const struct step *s)
{
    if (s->type == COMMAND_PLAN)
        return;
    enum plan_life life = s->type == COMMAND_CATALOG_ADD ? PLAN_LIFE_ADDED : PLAN_LIFE_REMOVED;
    json_array_append_new(u->catalogs, json_pack("{s:s, s:s}", "name", s->words.name, "what",
                                                 control_life(life)));
}

static void step_made(struct undo *u, const uint64_t number[REPLY_NUMBERS])
{
    for (size_t i = 0; i < 3; i++)
        u->total[i] += number[i];
    if (number[3] != 0)
        u->total[3] = u->log.last = number[3];
    note_catalog(u, &u->step[u->step_at]);
    if (++u->step_at < u->step_n)
        undo_step(u);
    else
        undo_over(u);
}

static void undo_then(struct client *client, enum reply reply, struct slice text)
{
    if (again(client->own, reply))
        return;
    if (reply != REPLY_OK)
        control_refused(client, reply, text);
    else
        step_made(client->own, client->number);
}

static void undo_alone(void *context, enum reply reply, struct slice text,
                       const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    struct undo *u = context;
    struct control *control = u->control;
    if (again(u, reply))
        return;
    if (reply == REPLY_OK) {
        step_made(u, number);
        return;
    }
    undo_free(u);
    control_confirm_over(control, false);
}

static void step_command(struct undo *u)
{
    const struct step *s = &u->step[u->step_at];
    u->command = (struct command){.type = s->type, .change = u->change + s->from,
                                  .change_n = s->n, .undoes = u->number,
                                  .undoes_to = u->to, .last = u->log.last,
                                  .undoes_more = u->step_at + 1 < u->step_n,
                                  .stream = s->stream,
                                  .cluster_id = slice_of(s->words.name),
                                  .route_string = slice_of(s->words.route_string),
                                  .description = slice_of(s->words.description)};
}

static void undo_step(struct undo *u)
{
    step_command(u);
    if (u->client != NULL) {
        u->control->rolling += !u->rolling;
        u->rolling = true;
        control_change_then(u->client, &u->command, true, undo_then);
        return;
    }
    snprintf(u->what, sizeof u->what, "plan rollback %s=%" PRIu64 ": %s",
             u->to ? "to" : "number", u->number, u->to ? "it was cut short" : "not confirmed");
    u->command.who = slice_of("ilsd");
    u->command.what = slice_of(u->what);
    runtime_command(u->control->rt, &u->command, undo_alone, u);
}

/* Adds what another step would do. */
static void merge(json_t *all, json_t *one)
{
    static const char *const counts[] = {"added", "removed", "changed", "unchanged", "looked_up",
                                         "by_example", "not_listed"};
    static const char *const arrays[] = {"entries", "targets"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        json_object_set_new(all, counts[i],
                            json_integer(json_integer_value(json_object_get(all, counts[i])) +
                                         json_integer_value(json_object_get(one, counts[i]))));
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        json_array_extend(json_object_get(all, arrays[i]), json_object_get(one, arrays[i]));
    json_decref(one);
}

static void undo_preview(struct undo *u)
{
    json_t *all = NULL;
    for (; u->step_at < u->step_n; u->step_at++) {
        step_command(u);
        json_t *one = control_preview(u->client, &u->command);
        if (one == NULL) {
            json_decref(all);
            return;
        }
        note_catalog(u, &u->step[u->step_at]);
        if (all == NULL)
            all = one;
        else
            merge(all, one);
    }
    undo_told(u, all);
}

static void undo_commit(struct undo *u)
{
    enum reply reply = undo_steps(u);
    if (reply != REPLY_OK)
        control_refused(u->client, reply, slice_of(u->words.name));
    else if (u->client != NULL && u->dry_run)
        undo_preview(u);
    else if (u->client != NULL && u->step_n == 1 && u->step[0].type == COMMAND_PLAN &&
             u->step[0].n == 0 && u->log.confirm == 0)
        undo_over(u);
    else
        undo_step(u);
}

static void undo_gone(struct undo *u)
{
    char text[24];
    if (u->client == NULL) {
        struct control *control = u->control;
        undo_free(u);
        control_confirm_over(control, false);
        return;
    }
    snprintf(text, sizeof text, "%" PRIu64, u->number);
    if (!u->memory)
        control_no_memory(u->client);
    else
        control_refused(u->client, REPLY_LOG_UNKNOWN, slice_of(text));
}

static void undo_done(uv_work_t *work, int status)
{
    struct undo *u = work->data;
    struct client *client = u->client;
    if (client != NULL && client->closing) {
        control_release(client);
        return;
    }
    if (u->memory && u->found)
        undo_commit(u);
    else
        undo_gone(u);
    if (client != NULL)
        control_release(client);
}

/* --- reading it */

static void words_take(struct words *w, const struct plan_change *c)
{
    slice_to_text(c->name, w->name, sizeof w->name);
    slice_to_text(c->route_string, w->route_string, sizeof w->route_string);
    slice_to_text(c->description, w->description, sizeof w->description);
}

/* A change after the one in question. */
static void take_later(struct undo *u, const struct plan_change *c)
{
    size_t i = 0;
    while (i < u->era_n && u->era[i].stream != c->stream)
        i++;
    if (i == u->era_n) {
        if (!grow((void **)&u->era, u->era_n, &u->era_size, sizeof *u->era)) {
            u->memory = false;
            return;
        }
        u->era[u->era_n++] = (struct era){.stream = c->stream};
    }
    if (u->era[i].life != PLAN_LIFE_SAME || c->life == PLAN_LIFE_SAME)
        return;
    u->era[i].life = c->life;
    words_take(&u->era[i].words, c);
}

/* The header says of which stream a change is. Of what was done to a catalog after its number was
 * given anew nothing is asked where the former one is brought back. */
static void take_header(struct undo *u, uint64_t number, const struct plan_change *c)
{
    if (number == u->number && !u->to) {
        u->found = true;
        u->stream = c->stream;
        u->life = c->life;
        words_take(&u->words, c);
    } else if (number > u->number) {
        take_later(u, c);
    }
    bool wanted = u->to || number == u->number ||
                  (c->stream == u->stream && u->life == PLAN_LIFE_SAME);
    u->taking = wanted ? number : 0;
    u->taken = c->stream;
}

/* The header of each change comes before its parts. */
static void undo_take(struct undo *u, const struct row *row)
{
    struct plan_change c;
    uint64_t number;
    uint32_t part;
    if (!plan_change_key_get(row->key, &number, &part))
        return;
    if (part == 0) {
        u->taking = 0;
        if (plan_change_get(row->value, &c))
            take_header(u, number, &c);
        return;
    }
    if (u->taking != number)
        return;
    uint8_t *bytes = malloc(row->value.n + 1);
    if (bytes == NULL || !grow((void **)&u->part, u->part_n, &u->part_size, sizeof *u->part)) {
        free(bytes);
        u->memory = false;
        return;
    }
    memcpy(bytes, row->value.p, row->value.n);
    u->part[u->part_n++] = (struct part){number, u->taken, slice_make(bytes, row->value.n)};
}

static void undo_row(void *context, const struct row *row, bool done)
{
    struct undo *u = context;
    if (!done) {
        if (u->memory)
            undo_take(u, row);
        return;
    }
    u->work.data = u;
    if (uv_queue_work(runtime_loop(u->control->rt), &u->work, undo_work, undo_done) == 0)
        return;
    u->memory = false;
    undo_done(&u->work, 0);
}

static void undo_read(struct undo *u)
{
    uint8_t key[2 * PLAN_LOG_KEY];
    undo_reset(u);
    view_planlog(runtime_core(u->control->rt), &u->log);
    struct store_range range = control_log_range(key, u->to ? u->number + 1 : u->number, 0);
    if (u->client != NULL)
        control_hold(u->client);
    runtime_rows(u->control->rt, &range, undo_row, u);
}

void control_undo(struct control *control, struct client *client, uint64_t number, bool to,
                  bool dry_run)
{
    struct undo *u = calloc(1, sizeof *u);
    if (u == NULL && client != NULL)
        control_no_memory(client);
    else if (u == NULL)
        control_confirm_over(control, false);
    if (u == NULL)
        return;
    *u = (struct undo){.control = control, .client = client, .number = number, .to = to,
                       .dry_run = dry_run, .catalogs = json_array()};
    if (client != NULL) {
        client->own = u;
        client->own_free = undo_free;
    }
    undo_read(u);
}

void verb_plan_rollback(struct client *client)
{
    struct view_planlog log;
    uint64_t number, to, none = UINT64_MAX;
    char text[24];
    if (!control_number(client, "number", INT64_MAX - 1, none, &number) ||
        !control_number(client, "to", INT64_MAX - 1, none, &to))
        return;
    if ((number == none) == (to == none)) {
        control_error(client, "SETTING", "either one change is taken back, or all after one",
                      "ils help plan rollback", "number");
        return;
    }
    view_planlog(runtime_core(client->control->rt), &log);
    uint64_t which = number != none ? number : to;
    bool kept = number != none ? number >= log.first && number <= log.last
                               : to + 1 >= log.first && to <= log.last;
    if (!kept) {
        snprintf(text, sizeof text, "%" PRIu64, which);
        control_refused(client, REPLY_LOG_UNKNOWN, slice_of(text));
        return;
    }
    control_undo(client->control, client, which, number == none,
                 control_flag(client, "dry_run", false));
}
