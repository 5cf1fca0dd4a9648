/* control_plan: the own dial plan through the control socket. A file is read by a worker, all of it
 * or nothing; its rows become one command of the core. */
#include "daemon/control_inside.h"
#include "daemon/control_planlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/changes.h"
#include "driver/csv.h"
#include "driver/entry_text.h"

#define SOURCE_BY_HAND "manual"
#define CONFIRM_MAX    (7 * 24 * 3600) /* s */
#define VALUE_MAX      64

/* --- import */

struct import {
    uv_work_t work;
    struct client *client;
    char encoding[40], source[SOURCE_MAX + 1];
    uint32_t confirm; /* seconds */
    uint64_t stream;
    struct csv_rows rows;
    bool good, memory, hashed;
    uint8_t hash[HASH_SIZE];
    struct changes changes;
};

static void import_free(void *own)
{
    struct import *job = own;
    csv_rows_free(&job->rows);
    changes_done(&job->changes);
    free(job);
}

/* All that decides what the import would do. */
static void import_hash(struct import *job)
{
    const struct client *client = job->client;
    const struct slice parts[] = {
        slice_make(client->content, (size_t)client->content_n), slice_of(job->encoding),
        slice_of(job->source), slice_make(&job->stream, sizeof job->stream)};
    crypto_hash(job->hash, "import", parts, sizeof parts / sizeof parts[0]);
}

/* The USN of the stream that is imported into; 0: it is not there. */
static uint64_t import_usn(const struct import *job)
{
    const struct ils *core = runtime_core(job->client->control->rt);
    struct view_catalog c;
    struct view_self self;
    view_self(core, &self);
    if (job->stream == STREAM_PLAN)
        return self.usn;
    for (size_t i = 0; view_catalog(core, i, &c); i++)
        if (c.own && c.number == job->stream)
            return c.usn;
    return 0;
}

/* The same file was imported, and nothing has changed its stream since. */
static bool import_is_there(const struct import *job)
{
    const struct control *control = job->client->control;
    uint64_t usn = import_usn(job);
    for (size_t i = 0; i < IMPORTS_KEPT && i < control->imported_n; i++)
        if (control->imported[i].usn == usn && usn != 0 &&
            memcmp(control->imported[i].hash, job->hash, HASH_SIZE) == 0)
            return true;
    return false;
}

/* n entries came; 0: what was there already came again, or for a catalog. */
static void import_answer(struct client *client, const struct entry *entry, size_t n)
{
    json_t *result = control_counts(client->number);
    control_plan_warnings(runtime_core(client->control->rt), entry, n, result);
    json_object_set_new(result, "text", json_string("OK"));
    control_ok(client, result);
}

static void import_then(struct client *client, enum reply reply, struct slice text)
{
    const struct import *job = client->own;
    struct control *control = client->control;
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    if (job->confirm == 0) {
        struct imported *to = &control->imported[control->imported_n++ % IMPORTS_KEPT];
        to->usn = import_usn(job);
        memcpy(to->hash, job->hash, HASH_SIZE);
    }
    import_answer(client, job->rows.entry, job->stream == STREAM_PLAN ? job->rows.n : 0);
    control_confirm_look(control);
}

/* Twice: first what it is, which costs little; then, unless it is there already, what it says. */
static void import_work(uv_work_t *work)
{
    struct import *job = work->data;
    const struct client *client = job->client;
    if (!job->hashed) {
        import_hash(job);
        return;
    }
    job->good = csv_read((const uint8_t *)client->content, (size_t)client->content_n,
                         job->encoding, &job->rows);
    if (!job->good)
        return;
    job->memory = changes_make(&job->changes, job->rows.entry, job->rows.n,
                               slice_of(job->source));
    for (size_t i = 0; job->memory && job->rows.source_n > 0 && i < job->rows.n; i++) {
        if (job->rows.source[i] > 0)
            job->changes.change[i].source = job->rows.source_name[job->rows.source[i] - 1];
    }
    job->memory = job->memory && changes_order(&job->changes);
}

/* Every fault that is kept, for who shows them beside the rows. */
static json_t *import_rows(const struct csv_rows *rows)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rows->complaint_n; i++) {
        const struct csv_complaint *c = &rows->complaint[i];
        json_t *row = json_object();
        json_object_set_new(row, "line", c->line > 0 ? json_integer(c->line) : json_null());
        json_object_set_new(row, "column", control_text_or_null(slice_of(c->column)));
        json_object_set_new(row, "value", control_text_or_null(slice_of(c->text)));
        json_object_set_new(row, "text", render_text(slice_of(c->sentence)));
        json_array_append_new(list, row);
    }
    return list;
}

/* The first fault is the error; the others follow in `more`. */
static void import_complain(struct client *client, const struct import *job)
{
    char text[400], where[64] = "", next[160] = "ils help plan import";
    const struct csv_rows *rows = &job->rows;
    json_t *more = json_array();
    if (rows->complaint_n == 0) {
        json_decref(more);
        control_no_memory(client);
        return;
    }
    const struct csv_complaint *first = &rows->complaint[0];
    for (size_t i = 1; i < rows->complaint_n && i < 20; i++) {
        csv_complaint_text(&rows->complaint[i], text, sizeof text);
        json_array_append_new(more, render_text(slice_of(text)));
    }
    if (rows->complaints > 20) {
        snprintf(text, sizeof text, "and %" PRIu64 " more", rows->complaints - 20);
        json_array_append_new(more, json_string(text));
    }
    csv_complaint_text(first, text, sizeof text);
    if (first->line > 0)
        snprintf(where, sizeof where, "line %u%s%s", (unsigned)first->line,
                 first->column[0] != '\0' ? ", column " : "", first->column);
    const char *encoding = strstr(first->sentence, "--encoding ");
    if (encoding != NULL)
        snprintf(next, sizeof next, "ils plan import FILE --source '%s' %.40s", job->source,
                 encoding);
    control_error_rows(client, "CSV", text, next, where[0] != '\0' ? where : NULL, more,
                       import_rows(rows));
}

/* The line of the row with this key, which the core did not take; 0: not found. */
uint32_t control_plan_line(const struct client *client, struct slice key)
{
    const struct import *job = client->own;
    for (size_t i = 0; job != NULL && i < job->rows.n; i++)
        if (slice_eq(job->rows.entry[i].key, key))
            return job->rows.line[i];
    return 0;
}

/* Millions of changes are not copied: the client lives until the core has answered. */
static void import_lend(struct client *client, struct command *command)
{
    command->lent = client->lends = true;
    control_hold(client);
    control_change_then(client, command, true, import_then);
}

static bool import_queue(struct import *job);

static void import_done(uv_work_t *work, int status)
{
    struct import *job = work->data;
    struct client *client = job->client;
    if (client->closing) {
        control_release(client);
        return;
    }
    control_hold(client);
    control_release(client);
    bool first = !job->hashed;
    job->hashed = true;
    if (first && job->confirm == 0 && !control_flag(client, "dry_run", false) &&
        import_is_there(job)) {
        memset(client->number, 0, sizeof client->number);
        import_answer(client, NULL, 0);
    } else if (first) {
        if (!import_queue(job))
            control_no_memory(client);
    } else if (!job->good) {
        import_complain(client, job);
    } else if (!job->memory) {
        control_no_memory(client);
    } else {
        struct command command = {.type = COMMAND_PLAN, .replace = true};
        command.source = slice_of(job->source);
        command.sourced = job->rows.source_n > 0;
        command.change = job->changes.change;
        command.change_n = job->changes.n;
        command.stream = job->stream;
        command.confirm = job->confirm;
        command.force = control_flag(client, "force", false);
        if (control_flag(client, "dry_run", false))
            control_dry_run(client, &command);
        else
            import_lend(client, &command);
    }
    control_release(client);
}

static bool import_queue(struct import *job)
{
    control_hold(job->client);
    if (uv_queue_work(runtime_loop(job->client->control->rt), &job->work, import_work,
                      import_done) == 0)
        return true;
    control_release(job->client);
    return false;
}

void verb_plan_import(struct client *client)
{
    struct slice source;
    if (control_text(client, "source", true, &source))
        control_import(client, source, STREAM_PLAN);
}

void control_import(struct client *client, struct slice source, uint64_t stream)
{
    struct slice encoding;
    uint64_t confirm;
    if (!control_number(client, "confirm", CONFIRM_MAX, 0, &confirm) ||
        !control_text(client, "encoding", false, &encoding))
        return;
    if (source.n == 0 || source.n > SOURCE_MAX || slice_find(source, 0) < source.n) {
        control_error(client, "SETTING", "the name of a source has 1 to 64 bytes",
                      "ils help plan import", "source");
        return;
    }
    struct import *job = calloc(1, sizeof *job);
    if (job == NULL) {
        control_no_memory(client);
        return;
    }
    job->client = client;
    job->work.data = job;
    job->confirm = (uint32_t)confirm;
    job->stream = stream;
    slice_to_text(source, job->source, sizeof job->source);
    slice_to_text(encoding, job->encoding, sizeof job->encoding);
    changes_init(&job->changes);
    client->own = job;
    client->own_free = import_free;
    control_line(client, "progress", json_pack("{s:s}", "text", "reading the file"));
    if (!import_queue(job))
        control_no_memory(client);
}

/* --- one entry by hand */

static void added_one(struct client *client, enum reply reply, struct slice text)
{
    struct slice kind, key;
    struct entry e;
    struct arena arena;
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    json_t *result = control_counts(client->number);
    arena_init(&arena, &client->control->mem);
    control_text(client, "kind", true, &kind);
    control_text(client, "key", true, &key);
    bool read = entry_parse(&arena, kind, slice_make(NULL, 0), key, &e) == ENTRY_OK;
    control_plan_warnings(runtime_core(client->control->rt), &e, read, result);
    arena_done(&arena);
    json_object_set_new(result, "text", json_string("OK"));
    control_ok(client, result);
    control_confirm_look(client->control);
}

static void plan_one(struct client *client, bool put)
{
    struct slice kind, key, failover;
    struct entry e;
    struct change change;
    struct arena arena;
    struct buf scratch;
    if (!control_text(client, "kind", true, &kind) || !control_text(client, "key", true, &key) ||
        !control_text(client, "failover", false, &failover))
        return;
    arena_init(&arena, &client->control->mem);
    buf_init(&scratch, &client->control->mem, VALUE_MAX + 256);
    size_t at;
    enum entry_error error = entry_parse_at(&arena, kind, failover, key, &e, &at);
    if (!put && error == ENTRY_ERROR_USER_LONG)
        error = diruri_read(&arena, key, &e.key); /* one of an older version */
    if (error == ENTRY_OK && change_of_entry(&change, &e, &scratch, &arena)) {
        struct command command = {.type = COMMAND_PLAN, .change = &change, .change_n = 1};
        command.source = slice_of(SOURCE_BY_HAND);
        change.source = command.source;
        change.put = put;
        if (control_flag(client, "dry_run", false))
            control_dry_run(client, &command);
        else
            control_change_then(client, &command, true, put ? added_one : NULL);
    } else if (error == ENTRY_OK) {
        control_no_memory(client);
    } else {
        char text[200];
        bool of_kind = error == ENTRY_ERROR_KIND, of_failover = error == ENTRY_ERROR_FAILOVER;
        entry_error_place(error, of_kind ? kind : of_failover ? failover : key, at, text,
                          sizeof text);
        control_error(client, "ENTRY", text, put ? "ils help plan add" : "ils help plan remove",
                      of_kind ? "kind" : of_failover ? "failover" : "key");
    }
    buf_done(&scratch);
    arena_done(&arena);
}

void verb_plan_add(struct client *client)
{
    plan_one(client, true);
}

void verb_plan_remove(struct client *client)
{
    plan_one(client, false);
}

/* --- one record in words */

struct words {
    struct slice kind, failover;
    char key[URI_MAX + 2];
    size_t key_n;
};

/* The record in the words of a catalog file; false when it is of a kind that has none. */
static bool record_words(struct arena *arena, const struct record *r, struct words *ret)
{
    struct failover failover = {.rule = FAILOVER_NONE};
    ret->kind = entry_kind_text(r->kind);
    if (ret->kind.n == 0 || (r->value.n > 0 && !failover_get(r->value, &failover)))
        return false;
    arena_reset(arena);
    ret->failover = entry_failover_text(arena, &failover);
    ret->key_n = slice_to_text(r->user, ret->key, sizeof ret->key);
    if (r->domain.n > 0 && ret->key_n + 1 + r->domain.n < sizeof ret->key) {
        ret->key[ret->key_n++] = '@';
        ret->key_n += slice_to_text(r->domain, ret->key + ret->key_n,
                                    sizeof ret->key - ret->key_n);
    }
    return true;
}

json_t *control_entry_json(struct arena *arena, const struct record *r)
{
    struct words words;
    json_t *json = json_object();
    bool known = record_words(arena, r, &words);
    json_object_set_new(json, "kind", known ? render_text(words.kind) : json_null());
    json_object_set_new(json, "key", known ? render_text(slice_make(words.key, words.key_n))
                                           : render_text(r->user));
    json_object_set_new(json, "failover", known ? render_text(words.failover) : json_null());
    json_object_set_new(json, "source", render_text(r->source));
    return json;
}
