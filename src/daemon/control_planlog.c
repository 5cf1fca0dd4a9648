/* control_planlog: the log of one's own plans: what was changed, and taking it back. The store has
 * what takes each change back; a worker makes one change of it, and the core commits that like any
 * other. Between reading and committing the plan may have moved on: then it is read again. */
#include "daemon/control_planlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/planlog.h"
#include "driver/clock.h"
#include "driver/store.h"

#define TRIES      5     /* of a change that the plan moved away under */
#define LEFT_SHOWN 20
#define ROWS_MAX   INT32_MAX

static struct store_range range_of(uint8_t key[static 2 * PLAN_LOG_KEY], uint64_t from, uint64_t to)
{
    plan_change_key(key, from, 0);
    plan_change_key(key + PLAN_LOG_KEY, to, 0);
    return (struct store_range){.space = STORE_PLAN_LOG,
                                .from = slice_make(key, PLAN_LOG_KEY),
                                .to = slice_make(key + PLAN_LOG_KEY, to == 0 ? 0 : PLAN_LOG_KEY),
                                .max = ROWS_MAX};
}

/* --- showing it */

static json_t *change_json(const struct view_planlog *log, const struct plan_change *c)
{
    json_t *json = json_object();
    json_object_set_new(json, "number", control_number_json(c->number));
    json_object_set_new(json, "time", control_time(c->at));
    json_object_set_new(json, "who", render_text(c->who));
    json_object_set_new(json, "what", render_text(c->what));
    json_object_set_new(json, "source", control_text_or_null(c->source));
    json_object_set_new(json, "added", control_number_json(c->added));
    json_object_set_new(json, "removed", control_number_json(c->removed));
    json_object_set_new(json, "changed", control_number_json(c->changed));
    json_object_set_new(json, "undoes",
                        c->undoes == 0 ? json_null() : control_number_json(c->undoes));
    json_object_set_new(json, "undoes_to", json_boolean(c->undoes_to));
    json_object_set_new(json, "stream", control_number_json(c->stream));
    json_object_set_new(json, "usn", control_number_json(c->usn));
    json_object_set_new(json, "confirm_until",
                        log->confirm == c->number ? control_time(log->until) : json_null());
    return json;
}

struct show {
    struct client *client;
    struct view_planlog log;
    json_t *rows, *change;
    struct plan_change head; /* lends from a row, until the last of them was seen */
    uint64_t at, skip, max;
    struct arena arena;
};

static void show_free(void *own)
{
    struct show *s = own;
    json_decref(s->rows);
    json_decref(s->change);
    arena_done(&s->arena);
    free(s);
}

/* Which of the three the record at that place of the change is. */
static const char *effect_word(const struct plan_change *c, uint64_t at)
{
    return at < c->added ? "added" : at < c->added + c->removed ? "removed" : "changed";
}

static void show_segment(struct show *s, struct slice bytes)
{
    struct segment_reader reader;
    struct record r;
    segment_reader_init(&reader, bytes);
    while (segment_next(&reader, &r) == 1) {
        uint64_t at = s->at++;
        if (at < s->skip || at - s->skip >= s->max)
            continue;
        json_t *json = control_entry_json(&s->arena, &r);
        json_object_set_new(json, "what", json_string(effect_word(&s->head, at)));
        if (at < s->head.added) /* what takes it back knows of no source */
            json_object_set_new(json, "source", control_text_or_null(s->head.source));
        json_array_append_new(s->rows, json);
    }
}

static void show_done(struct show *s)
{
    struct client *client = s->client;
    const json_t *asked = json_object_get(client->args, "number");
    char text[24];
    json_t *result = json_object();
    if (asked != NULL && s->change == NULL) {
        json_decref(result);
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(asked));
        control_refused(client, REPLY_LOG_UNKNOWN, slice_of(text));
        return;
    }
    if (asked != NULL) {
        json_object_set(result, "change", s->change);
        json_object_set(result, "keys", s->rows);
        json_object_set_new(result, "total", control_number_json(s->at));
    } else {
        json_object_set(result, "changes", s->rows);
        json_object_set_new(result, "first", control_number_json(s->log.first));
        json_object_set_new(result, "last", control_number_json(s->log.last));
    }
    control_ok(client, result);
}

static void show_row(void *context, const struct row *row, bool done)
{
    struct show *s = context;
    struct client *client = s->client;
    struct plan_change c;
    uint64_t number;
    uint32_t part;
    if (done) {
        if (!client->closing)
            show_done(s);
        control_release(client);
        return;
    }
    if (client->closing || !plan_change_key_get(row->key, &number, &part))
        return;
    if (part != 0) {
        show_segment(s, row->value);
    } else if (plan_change_get(row->value, &c)) {
        c.number = number;
        s->head = c;
        json_t *json = change_json(&s->log, &c);
        if (json_object_get(client->args, "number") != NULL)
            s->change = json;
        else
            json_array_append_new(s->rows, json);
    }
}

/* Newest first; of one change, its keys. */
void verb_plan_log(struct client *client)
{
    uint64_t number, before, max, skip;
    uint8_t key[2 * PLAN_LOG_KEY];
    if (!control_number(client, "number", INT64_MAX - 1, 0, &number) ||
        !control_number(client, "before", INT64_MAX - 1, 0, &before) ||
        !control_number(client, "max", 100000, number == 0 ? 20 : 100, &max) ||
        !control_number(client, "skip", INT64_MAX, 0, &skip))
        return;
    struct show *s = calloc(1, sizeof *s);
    if (s == NULL) {
        control_no_memory(client);
        return;
    }
    *s = (struct show){.client = client, .rows = json_array(), .skip = skip, .max = max};
    view_planlog(runtime_core(client->control->rt), &s->log);
    arena_init(&s->arena, &client->control->mem);
    client->own = s;
    client->own_free = show_free;
    struct store_range range = number != 0 ? range_of(key, number, number + 1)
                                           : range_of(key, 0, before);
    if (number == 0) {
        range.newest = range.heads = true;
        range.max = (size_t)max;
    }
    control_hold(client);
    runtime_rows(client->control->rt, &range, show_row, s);
}

/* --- taking back */

struct part {
    uint64_t number;
    struct slice bytes; /* of a segment; allocated */
};

/* A key that is put back, unless a later change has touched it. */
struct item {
    struct change change;
    uint64_t number, touched; /* of the change that is taken back; of the later one, 0 = none */
};

struct undo {
    uv_work_t work;
    struct control *control;
    struct client *client;   /* NULL: the daemon's own wish */
    uint64_t number, stream;
    bool to, dry_run;        /* to: all changes after `number` */
    struct view_planlog log; /* as it was when the rows were asked for */
    uint64_t taking;         /* the change whose parts are being read; 0: none of this stream */
    unsigned tries;
    bool found, memory;
    struct part *part;
    size_t part_n, part_size;
    struct item *item;
    size_t item_n, item_size;
    uint32_t *slot;          /* item + 1 by key; 0 = empty */
    size_t slot_n;
    struct change *change;
    size_t change_n, left_n;
    struct command command;
    char what[96];
};

static void undo_reset(struct undo *u)
{
    for (size_t i = 0; i < u->part_n; i++)
        free((void *)(uintptr_t)u->part[i].bytes.p);
    free(u->part);
    free(u->item);
    free(u->slot);
    free(u->change);
    u->part = NULL;
    u->item = NULL;
    u->slot = NULL;
    u->change = NULL;
    u->part_n = u->part_size = u->item_n = u->item_size = u->slot_n = 0;
    u->change_n = u->left_n = 0;
    u->found = u->to;
    u->memory = true;
}

static void undo_free(void *own)
{
    undo_reset(own);
    free(own);
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

static uint64_t hash_bytes(uint64_t h, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * UINT64_C(0x100000001b3);
    return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

static bool same_key(const struct change *c, const struct record *r)
{
    return c->kind == r->kind && slice_eq(c->user, r->user) && slice_eq(c->domain, r->domain);
}

/* The slot of the key: that which has it, or the empty one where it belongs. */
static uint32_t *slot_of(const struct undo *u, const struct record *r)
{
    uint64_t h = hash_bytes(hash_bytes(UINT64_C(0xcbf29ce484222325) ^ r->kind, r->domain), r->user);
    size_t at = (size_t)(h ^ h >> 29) & (u->slot_n - 1);
    while (u->slot[at] != 0 && !same_key(&u->item[u->slot[at] - 1].change, r))
        at = (at + 1) & (u->slot_n - 1);
    return &u->slot[at];
}

static bool slots_grow(struct undo *u)
{
    if (u->slot_n > 2 * (u->item_n + 1))
        return true;
    size_t n = u->slot_n == 0 ? 256 : u->slot_n * 2;
    uint32_t *slot = calloc(n, sizeof *slot);
    if (slot == NULL)
        return false;
    free(u->slot);
    u->slot = slot;
    u->slot_n = n;
    for (size_t i = 0; i < u->item_n; i++) {
        const struct change *c = &u->item[i].change;
        struct record r = {.kind = c->kind, .user = c->user, .domain = c->domain};
        *slot_of(u, &r) = (uint32_t)i + 1;
    }
    return true;
}

/* One key of the change `number`: it is put back as it was before the oldest change that is taken
 * back; a later one that stays keeps it as it is. */
static bool take_record(struct undo *u, uint64_t number, const struct record *r)
{
    if (!slots_grow(u))
        return false;
    uint32_t *slot = slot_of(u, r);
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
        .number = number};
    *slot = (uint32_t)++u->item_n;
    return true;
}

static int by_change(const void *a, const void *b)
{
    return change_order(a, b);
}

static void undo_work(uv_work_t *work)
{
    struct undo *u = work->data;
    for (size_t i = 0; i < u->part_n && u->memory; i++) {
        struct segment_reader reader;
        struct record r;
        segment_reader_init(&reader, u->part[i].bytes);
        while (u->memory && segment_next(&reader, &r) == 1)
            u->memory = take_record(u, u->part[i].number, &r);
    }
    u->change = u->memory ? calloc(u->item_n + 1, sizeof *u->change) : NULL;
    u->memory = u->change != NULL;
    for (size_t i = 0; i < u->item_n && u->memory; i++) {
        if (u->item[i].touched == 0)
            u->change[u->change_n++] = u->item[i].change;
        else
            u->left_n++;
    }
    if (u->memory)
        qsort(u->change, u->change_n, sizeof *u->change, by_change);
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

static void undo_told(struct client *client, const uint64_t number[REPLY_NUMBERS])
{
    struct undo *u = client->own;
    json_t *result = control_counts(number);
    json_object_set_new(result, "left", left_json(u));
    json_object_set_new(result, "left_total", control_number_json(u->left_n));
    json_object_set_new(result, "text", json_string("OK"));
    control_ok(client, result);
}

static void undo_then(struct client *client, enum reply reply, struct slice text)
{
    if (again(client->own, reply))
        return;
    if (reply != REPLY_OK)
        control_refused(client, reply, text);
    else
        undo_told(client, client->number);
}

static void undo_alone(void *context, enum reply reply, struct slice text,
                       const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    struct undo *u = context;
    struct control *control = u->control;
    if (again(u, reply))
        return;
    undo_free(u);
    control_confirm_over(control, reply == REPLY_OK);
}

static void undo_commit(struct undo *u)
{
    u->command = (struct command){.type = COMMAND_PLAN, .change = u->change,
                                  .change_n = u->change_n, .undoes = u->number,
                                  .undoes_to = u->to, .last = u->log.last,
                                  .stream = u->stream};
    if (u->client == NULL) {
        snprintf(u->what, sizeof u->what, "plan rollback number=%" PRIu64 ": not confirmed",
                 u->number);
        u->command.who = slice_of("ilsd");
        u->command.what = slice_of(u->what);
        runtime_command(u->control->rt, &u->command, undo_alone, u);
    } else if (u->dry_run) {
        json_t *result = control_preview(u->client, &u->command);
        if (result == NULL)
            return;
        json_object_set_new(result, "left", left_json(u));
        json_object_set_new(result, "left_total", control_number_json(u->left_n));
        control_ok(u->client, result);
    } else if (u->change_n == 0 && u->log.confirm == 0) {
        static const uint64_t nothing[REPLY_NUMBERS];
        undo_told(u->client, nothing);
    } else {
        control_change_then(u->client, &u->command, true, undo_then);
    }
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

/* The header of each change says of which stream it is; its parts follow it. */
static void undo_take(struct undo *u, const struct row *row)
{
    struct plan_change c;
    uint64_t number;
    uint32_t part;
    if (!plan_change_key_get(row->key, &number, &part))
        return;
    if (part == 0) {
        bool good = plan_change_get(row->value, &c);
        u->found = u->found || (good && number == u->number);
        if (!u->to && number == u->number)
            u->stream = c.stream;
        u->taking = good && c.stream == u->stream ? number : 0;
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
    u->part[u->part_n++] = (struct part){number, slice_make(bytes, row->value.n)};
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
    struct store_range range = range_of(key, u->to ? u->number + 1 : u->number, 0);
    if (u->client != NULL)
        control_hold(u->client);
    runtime_rows(u->control->rt, &range, undo_row, u);
}

void control_undo(struct control *control, struct client *client, uint64_t number, bool to,
                  uint64_t stream, bool dry_run)
{
    struct undo *u = calloc(1, sizeof *u);
    if (u == NULL && client != NULL)
        control_no_memory(client);
    else if (u == NULL)
        control_confirm_over(control, false);
    if (u == NULL)
        return;
    *u = (struct undo){.control = control, .client = client, .number = number, .to = to,
                       .stream = stream, .dry_run = dry_run};
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
    control_undo(client->control, client, which, number == none, STREAM_PLAN,
                 control_flag(client, "dry_run", false));
}

/* --- what is not confirmed */

void verb_plan_confirm(struct client *client)
{
    struct command command = {.type = COMMAND_PLAN_CONFIRM};
    control_change(client, &command);
}

static void on_confirm(uv_timer_t *timer)
{
    control_confirm_look(timer->data);
}

/* Looks at least once a minute: the clock of the wall may be set. */
void control_confirm_look(struct control *c)
{
    struct view_planlog log;
    if (c->stopping || c->undoing)
        return;
    view_planlog(runtime_core(c->rt), &log);
    if (log.confirm == 0)
        return;
    int64_t left = (log.until - clock_wall()) / 1000 + 1;
    if (left <= 0) {
        c->undoing = true;
        control_undo(c, NULL, log.confirm, false, 0, false);
        return;
    }
    uv_timer_start(&c->confirm, on_confirm, (uint64_t)(left < 60000 ? left : 60000), 0);
}

void control_confirm_over(struct control *c, bool good)
{
    c->undoing = false;
    if (c->stopping)
        control_end(c);
    else if (!good)
        uv_timer_start(&c->confirm, on_confirm, 5000, 0);
    else
        control_confirm_look(c);
}
