/* control_store: where the store is, and a copy of it to another kind of store while ilsd serves. A
 * file is first copied beside itself by the storer, a database is read as it was at one moment; so
 * nothing that is written waits. What changed meanwhile is brought by copying again, which is
 * quick, and by the last time, after which ilsd ends. */
#include "daemon/carry.h"
#include "daemon/control_inside.h"
#include "driver/datadir.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOLD_MS 1000

/* Of the copy under way, for whoever asks. */
static _Atomic uint64_t rows_so_far;

struct copying {
    uv_work_t work;
    uv_timer_t told;
    struct client *client;
    const struct runtime_options *options;
    char target[DATADIR_PATH_MAX], key[DATADIR_PATH_MAX];
    char part[DATADIR_PATH_MAX]; /* the copy of a file; "": the store is in a database */
    bool last, good;
    struct store_brought brought;
    json_t *report;
    char error[STORE_ERROR];
};

static void on_ended(uv_handle_t *handle)
{
    free(handle->data);
}

static void copying_end(struct copying *c)
{
    struct client *client = c->client;
    if (c->part[0] != '\0')
        unlink(c->part);
    client->control->copying = false;
    json_decref(c->report);
    uv_close((uv_handle_t *)&c->told, on_ended);
    control_release(client);
}

/* How far it is, to who has waited for a second. */
static void tell(uv_timer_t *timer)
{
    struct copying *c = timer->data;
    char text[64];
    snprintf(text, sizeof text, "copying and checking: %llu rows so far",
             (unsigned long long)atomic_load(&rows_so_far));
    if (!c->client->closing)
        control_line(c->client, "progress", json_pack("{s:s}", "text", text));
}

static bool on_told(void *context, const struct store_brought *so_far)
{
    atomic_store(&rows_so_far, so_far->rows);
    return true;
}

static struct store *open_from(struct copying *c)
{
    char key[DATADIR_PATH_MAX];
    if (c->part[0] != '\0')
        return store_open_copy(c->part, c->error, sizeof c->error);
    struct carry_place own = carry_own(c->options, key, sizeof key);
    struct store *s = store_open_dsn(own.where, own.key, c->error, sizeof c->error);
    if (s == NULL || store_snapshot(s) == 0)
        return s;
    snprintf(c->error, sizeof c->error, "%s", store_error(s));
    store_close(s);
    return NULL;
}

static void work(uv_work_t *work)
{
    struct copying *c = work->data;
    struct carry_place to = {.where = c->target, .key = c->key};
    struct store *from = open_from(c);
    c->good = from != NULL && carry_to(from, &to, false, c->options, on_told, c, &c->brought,
                                       &c->report, c->error, sizeof c->error);
    store_close(from);
}

static void worked(uv_work_t *work, int status)
{
    struct copying *c = work->data;
    struct client *client = c->client;
    struct runtime *rt = client->control->rt;
    if (!c->good && !client->closing) {
        control_error(client, "STORE", c->error[0] != '\0' ? c->error : "no memory",
                      "ils help store copy", NULL);
    } else if (c->good && !client->closing) {
        json_object_set_new(c->report, "rows_written", control_number_json(c->brought.put));
        json_object_set_new(c->report, "rows_removed", control_number_json(c->brought.removed));
        json_object_set_new(c->report, "last", json_boolean(c->last));
        control_ok(client, json_incref(c->report));
    }
    if (c->good && c->last)
        runtime_carry_away(rt, c->target, c->key);
    copying_end(c);
}

static void queue(struct copying *c)
{
    c->work.data = c;
    if (uv_queue_work(runtime_loop(c->client->control->rt), &c->work, work, worked) != 0)
        worked(&c->work, -1);
}

static void on_copied(void *context, const char *error)
{
    struct copying *c = context;
    if (error == NULL) {
        queue(c);
        return;
    }
    if (!c->client->closing)
        control_error(c->client, "STORE", error, "ils help store copy", NULL);
    copying_end(c);
}

/* Opening one's own file a second time would let its lock go. */
static bool is_own(const struct runtime_options *o, const char *target)
{
    char own[DATADIR_PATH_MAX];
    struct stat a, b;
    return o->store == NULL && datadir_file(o->data, STORE_FILE, own, sizeof own) &&
           stat(own, &a) == 0 && stat(target, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static const char *wrong_with(const struct copying *c)
{
    if (carry_shared(c->target))
        return NULL;
    if (c->target[0] != '/')
        return "the target is postgresql://USER@HOST/DATABASE, or a whole path, from / on";
    return is_own(c->options, c->target) ? "this is the store itself" : NULL;
}

void verb_store_copy(struct client *client)
{
    struct slice target, key = {NULL, 0};
    struct runtime *rt = client->control->rt;
    const struct runtime_options *o = runtime_options(rt);
    if (!control_text(client, "target", true, &target) ||
        !control_text(client, "key", false, &key))
        return;
    if (client->control->copying) {
        control_error(client, "STORE", "another copy is under way: this one was not begun",
                      "ils store", NULL);
        return;
    }
    struct copying *c = calloc(1, sizeof *c);
    if (c == NULL) {
        control_no_memory(client);
        return;
    }
    c->client = client;
    c->options = o;
    c->last = control_flag(client, "last", false);
    slice_to_text(target, c->target, sizeof c->target);
    slice_to_text(key, c->key, sizeof c->key);
    if (c->key[0] == '\0')
        datadir_file(o->data, STORE_KEY_FILE, c->key, sizeof c->key);
    const char *wrong = wrong_with(c);
    if (wrong != NULL) {
        control_error(client, "STORE", wrong, "ils help store copy", c->target);
        free(c);
        return;
    }
    client->control->copying = true;
    atomic_store(&rows_so_far, 0);
    control_hold(client);
    uv_timer_init(runtime_loop(rt), &c->told);
    c->told.data = c;
    uv_timer_start(&c->told, tell, TOLD_MS, TOLD_MS / 2);
    if (o->store != NULL) {
        queue(c);
        return;
    }
    datadir_file(o->data, "copy.part", c->part, sizeof c->part);
    unlink(c->part); /* of a copy that a crash ended */
    runtime_copy(rt, c->part, on_copied, c);
}

void verb_store(struct client *client)
{
    struct runtime_stats stats;
    struct runtime *rt = client->control->rt;
    const struct runtime_options *o = runtime_options(rt);
    json_t *json = json_object();
    runtime_stats(rt, &stats);
    json_object_set_new(json, "kind", json_string(o->store != NULL ? "postgresql" : "sqlite"));
    json_object_set_new(json, "where", json_string(runtime_store_name(rt)));
    json_object_set_new(json, "bytes", control_number_json(stats.store_bytes));
    json_object_set_new(json, "pending", control_number_json(stats.store_pending));
    json_object_set_new(json, "copying", json_boolean(client->control->copying));
    json_object_set_new(json, "copied_rows", control_number_json(atomic_load(&rows_so_far)));
    control_ok(client, json);
}
