/* control_planlog: the log of one's own plans and catalogs: what was changed, by whom, and what is
 * on trial. control_undo.c takes changes back. */
#include "daemon/control_planlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/planlog.h"
#include "driver/clock.h"
#include "driver/store.h"

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
    json_object_set_new(json, "catalog", control_text_or_null(c->name));
    bool same = c->life == PLAN_LIFE_SAME;
    json_object_set_new(json, "catalog_was",
                        same ? json_null() : json_string(control_life(c->life)));
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
    struct store_range range = number != 0 ? control_log_range(key, number, number + 1)
                                           : control_log_range(key, 0, before);
    if (number == 0) {
        range.newest = range.heads = true;
        range.max = (size_t)max;
    }
    control_hold(client);
    runtime_rows(client->control->rt, &range, show_row, s);
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

/* Looks at least once a minute: the clock of the wall may be set. A rollback of several streams
 * that was cut short goes on, unless somebody has changed the plan since. */
void control_confirm_look(struct control *c)
{
    struct view_planlog log;
    if (c->stopping || c->undoing)
        return;
    view_planlog(runtime_core(c->rt), &log);
    if (log.rolling && log.rolling_last == log.last && c->rolling == 0) {
        c->undoing = true;
        control_undo(c, NULL, log.rolling_to, true, false);
        return;
    }
    if (log.confirm == 0)
        return;
    int64_t left = (log.until - clock_wall()) / 1000 + 1;
    if (left <= 0) {
        c->undoing = true;
        control_undo(c, NULL, log.confirm, false, false);
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

/* --- what waits, for status */

json_t *control_confirm_json(const struct ils *core)
{
    struct view_planlog log;
    view_planlog(core, &log);
    if (log.confirm == 0)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "number", control_number_json(log.confirm));
    json_object_set_new(json, "until", control_time(log.until));
    return json;
}

json_t *control_rollback_json(const struct ils *core)
{
    struct view_planlog log;
    view_planlog(core, &log);
    if (!log.rolling)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "to", control_number_json(log.rolling_to));
    json_object_set_new(json, "goes_on", json_boolean(log.rolling_last == log.last));
    return json;
}
