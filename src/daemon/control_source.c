/* control_source: sources of entries through the control socket: set up, looked at, tried, read now
 * and taken away. What a password-file holds is never asked for here. */
#include "daemon/control_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/control_planlog.h"
#include "daemon/source.h"

#define BY_HAND "manual" /* the source of `plan add` */

struct request {
    char name[SOURCE_MAX + 1];
    json_t *config;
    bool entries; /* remove: they go as well */
};

static void request_free(void *own)
{
    struct request *r = own;
    json_decref(r->config);
    free(r);
}

/* The name of the request, with room for what else a verb keeps. NULL: it was ended. */
static struct request *request_of(struct client *client)
{
    struct slice name;
    bool good = true;
    if (!control_text(client, "name", true, &name))
        return NULL;
    for (size_t i = 0; i < name.n; i++)
        good = good && name.p[i] >= ' ' && name.p[i] != 0x7f;
    if (!good || name.n == 0 || name.n > SOURCE_MAX || slice_eq(name, slice_of(BY_HAND))) {
        control_error(client, "SETTING", "the name of a source has 1 to 64 bytes, and is not "
                      "'manual'", "ils source list", "name");
        return NULL;
    }
    struct request *r = calloc(1, sizeof *r);
    if (r == NULL) {
        control_no_memory(client);
        return NULL;
    }
    slice_to_text(name, r->name, sizeof r->name);
    client->own = r;
    client->own_free = request_free;
    return r;
}

static struct sources *sources_of(const struct client *client)
{
    return runtime_sources(client->control->rt);
}

static bool known(struct client *client, const struct request *r)
{
    char text[SOURCE_MAX + 64];
    if (sources_has(sources_of(client), r->name))
        return true;
    snprintf(text, sizeof text, "there is no source '%s'", r->name);
    control_error(client, "SOURCE", text, "ils source list", "name");
    return false;
}

/* --- reading it */

static json_t *outcome_json(const struct source_outcome *o)
{
    json_t *json = json_object();
    json_object_set_new(json, "good", json_boolean(o->good));
    json_object_set_new(json, "entries", control_number_json(o->entries));
    json_object_set_new(json, "uris", control_number_json(o->kind[0]));
    json_object_set_new(json, "numbers", control_number_json(o->kind[1]));
    json_object_set_new(json, "patterns", control_number_json(o->kind[2]));
    json_object_set_new(json, "added", control_number_json(o->added));
    json_object_set_new(json, "removed", control_number_json(o->removed));
    return json;
}

/* A test says what the change would do. */
static void answer(struct client *client, const struct source_outcome *o)
{
    struct command command = {.type = COMMAND_PLAN, .replace = true, .force = true};
    const struct request *r = client->own;
    json_t *json = outcome_json(o);
    if (o->change != NULL) {
        command.source = slice_of(r->name);
        command.change = o->change;
        command.change_n = o->change_n;
        json_t *would = control_preview(client, &command);
        if (would == NULL) { /* the request was ended: it would be refused */
            json_decref(json);
            return;
        }
        json_object_set_new(json, "would", would);
    }
    control_ok(client, json);
}

static void on_outcome(void *context, const struct source_outcome *o)
{
    struct client *client = context;
    const struct request *r = client->own;
    char text[SOURCE_TEXT_MAX + SOURCE_MAX + 64], next[SOURCE_NEXT_MAX + SOURCE_MAX];
    if (client->closing) {
        control_release(client);
        return;
    }
    if (o->good) {
        answer(client, o);
    } else {
        bool added = strcmp(client->verb->name, "source add") == 0;
        if (strcmp(client->verb->name, "source test") == 0)
            snprintf(next, sizeof next, "ils help source add");
        else
            snprintf(next, sizeof next, "ils source test '%s'", r->name);
        snprintf(text, sizeof text, "%s%s", o->text,
                 added ? " (the source is there, and is tried again and again)" : "");
        control_error_more(client, "SOURCE", text,
                           o->next != NULL && o->next[0] != '\0' ? o->next : next, r->name,
                           o->more != NULL ? json_deep_copy(o->more) : NULL);
    }
    control_release(client);
}

static void read_now(struct client *client, const struct request *r, enum source_how how)
{
    control_line(client, "progress", json_pack("{s:s}", "text", "reading the source"));
    control_hold(client);
    if (sources_run(sources_of(client), r->name, how, on_outcome, client))
        return;
    control_no_memory(client);
    control_release(client);
}

void verb_source_test(struct client *client)
{
    struct request *r = request_of(client);
    if (r != NULL && known(client, r))
        read_now(client, r, SOURCE_TEST);
}

void verb_source_run(struct client *client)
{
    struct request *r = request_of(client);
    if (r != NULL && known(client, r))
        read_now(client, r, control_flag(client, "force", false) ? SOURCE_FORCE : SOURCE_RUN);
}

/* --- setting it up */

static void then_added(struct client *client, enum reply reply, struct slice text)
{
    struct request *r = client->own;
    if (reply != REPLY_OK)
        control_refused(client, reply, text);
    else if (!sources_add(sources_of(client), r->name, r->config))
        control_no_memory(client);
    else
        read_now(client, r, SOURCE_RUN);
}

void verb_source_add(struct client *client)
{
    struct command command = {.type = COMMAND_SOURCE};
    char text[256];
    const char *where = NULL;
    struct request *r = request_of(client);
    if (r == NULL)
        return;
    if (sources_has(sources_of(client), r->name)) {
        char next[SOURCE_MAX + 64];
        snprintf(text, sizeof text, "there is a source '%s' already", r->name);
        snprintf(next, sizeof next, "ils source remove '%s'", r->name);
        control_error(client, "SOURCE", text, next, "name");
        return;
    }
    if (sources_count(sources_of(client)) >= SOURCES_MAX) {
        control_error(client, "SOURCE", "there are 64 sources: no more are possible",
                      "ils source list", NULL);
        return;
    }
    r->config = json_copy(client->args);
    json_object_del(r->config, "name");
    if (!source_config_judge(r->config, text, sizeof text, &where)) {
        control_error(client, "SETTING", text, "ils help source add", where);
        return;
    }
    char *row = source_config_row(r->config, NULL);
    if (row == NULL) {
        control_no_memory(client);
        return;
    }
    command.source = slice_of(r->name);
    command.value = slice_of(row);
    control_change_then(client, &command, true, then_added);
    free(row);
}

/* --- taking it away */

struct tally {
    struct slice name;
    uint64_t n;
};

static bool count_one(void *context, const struct record *record)
{
    struct tally *c = context;
    c->n += slice_eq(record->source, c->name);
    return true;
}

static uint64_t entries_of(const struct client *client, const char *name)
{
    const struct catalog *own = view_own_catalog(runtime_core(client->control->rt));
    struct tally c = {.name = slice_of(name)};
    if (own != NULL)
        catalog_walk(own, count_one, &c);
    return c.n;
}

/* One that was not read well since the start has what the plan has of it. */
void verb_source_list(struct client *client)
{
    json_t *rows = sources_list(sources_of(client)), *row;
    size_t i;
    json_array_foreach(rows, i, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        if (name != NULL && json_is_null(json_object_get(row, "last_good")))
            json_object_set_new(row, "entries", control_number_json(entries_of(client, name)));
    }
    control_ok(client, rows);
}

static void removed(struct client *client)
{
    const struct request *r = client->own;
    json_t *result = json_object();
    json_object_set_new(result, "entries", control_number_json(entries_of(client, r->name)));
    json_object_set_new(result, "text", json_string("OK"));
    control_ok(client, result);
}

static void then_removed(struct client *client, enum reply reply, struct slice text)
{
    struct request *r = client->own;
    sources_leaving(sources_of(client), r->name, false);
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    sources_remove(sources_of(client), r->name);
    removed(client);
}

/* It is one request, and one row of the audit: that of its first change. */
static void take_away(struct client *client, bool audited)
{
    struct command command = {.type = COMMAND_SOURCE};
    command.source = slice_of(((struct request *)client->own)->name);
    control_change_then(client, &command, audited, then_removed);
}

static void then_emptied(struct client *client, enum reply reply, struct slice text)
{
    if (reply == REPLY_OK)
        take_away(client, false);
    else
        then_removed(client, reply, text);
}

/* Its entries first, if they go as well: where that is refused the source stays what it was. */
void verb_source_remove(struct client *client)
{
    struct request *r = request_of(client);
    if (r == NULL || !known(client, r))
        return;
    r->entries = control_flag(client, "entries", false);
    sources_leaving(sources_of(client), r->name, true);
    if (!r->entries || entries_of(client, r->name) == 0) {
        take_away(client, true);
        return;
    }
    struct command command = {.type = COMMAND_PLAN, .replace = true, .force = true};
    command.source = slice_of(r->name);
    control_change_then(client, &command, true, then_emptied);
}
