/* control_backup: the store as a whole: a backup while ilsd runs, one put back, the audit. A copy
 * is made by the storer between its transactions; what is in it is judged by a worker (verify.c). A
 * backup that is put back is copied and judged first; then ilsd lets its core go, keeps the present
 * store beside the other and comes to life again on that one (runtime_put_back). */
#include "daemon/carry.h"
#include "daemon/control_inside.h"
#include "daemon/verify.h"
#include "driver/clock.h"
#include "driver/datadir.h"
#include "driver/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum task { TASK_BACKUP, TASK_VERIFY, TASK_RESTORE };

struct keeping {
    uv_work_t work;
    struct client *client;
    enum task task;
    char file[DATADIR_PATH_MAX]; /* as it was given */
    char copy[DATADIR_PATH_MAX]; /* what is made and judged */
    char peer_id[2 * PEER_ID_SIZE + 1]; /* of this cluster */
    char who[96];
    bool initialised, done;
    const struct runtime_options *shared; /* the store is in a database; NULL: in a file */
    json_t *report;
    char error[2 * DATADIR_PATH_MAX + STORE_ERROR];
    const char *next;
};

static void refuse(struct client *client, const char *text, const char *next, const char *where)
{
    control_error(client, "BACKUP", text, next, where);
}

/* With what a crash may have left beside it: the journal of another file would be played into the
 * next one of this name. */
static void drop(const char *file)
{
    static const char *const beside[] = {"-journal", "-wal", "-shm", ""};
    char path[DATADIR_PATH_MAX + 16];
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        snprintf(path, sizeof path, "%s%s", file, beside[i]);
        unlink(path);
    }
}

static void keeping_end(struct keeping *k)
{
    struct client *client = k->client;
    if (!k->done && k->copy[0] != '\0')
        drop(k->copy);
    if (k->task == TASK_RESTORE)
        client->control->restoring = false;
    json_decref(k->report);
    free(k);
    control_release(client);
}

/* --- on a worker */

static bool sync_directory(const char *file)
{
    char dir[DATADIR_PATH_MAX];
    const char *slash = strrchr(file, '/');
    snprintf(dir, sizeof dir, "%.*s", slash > file ? (int)(slash - file) : 1, file);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

/* Byte for byte, durable. */
static bool copy_file(struct keeping *k)
{
    static const size_t room = 1 << 20;
    char *bytes = malloc(room);
    int from = open(k->file, O_RDONLY | O_CLOEXEC), to = -1;
    ssize_t n = bytes != NULL && from >= 0 ? 1 : -1;
    struct stat st;
    if (n > 0 && (fstat(from, &st) != 0 || !S_ISREG(st.st_mode))) {
        errno = EINVAL;
        n = -1;
    }
    if (n < 0) {
        snprintf(k->error, sizeof k->error, "cannot read %s (%s); give a file that ilsd may read",
                 k->file, strerror(errno));
    } else {
        drop(k->copy);
        to = open(k->copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    while (to >= 0 && (n = read(from, bytes, room)) > 0)
        if (write(to, bytes, (size_t)n) != n) {
            n = -1;
            break;
        }
    bool good = to >= 0 && n == 0 && fsync(to) == 0;
    if (!good && k->error[0] == '\0')
        snprintf(k->error, sizeof k->error, "cannot write %s (%s); make room there", k->copy,
                 strerror(errno));
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    free(bytes);
    return good;
}

/* The restore stands in the log of what was done, in the store that is put back. */
static void put_audit(struct keeping *k)
{
    uint8_t key[12] = {0}, value[1 + 96 + 256];
    char what[256];
    uint64_t now = (uint64_t)clock_wall();
    struct store *s = store_open_file(k->copy, k->error, sizeof k->error);
    if (s == NULL)
        return;
    snprintf(what, sizeof what, "restore %s", strrchr(k->file, '/') + 1);
    for (int i = 7; i >= 0; i--, now >>= 8)
        key[i] = (uint8_t)now;
    value[0] = (uint8_t)strlen(k->who);
    memcpy(value + 1, k->who, value[0]);
    memcpy(value + 1 + value[0], what, strlen(what));
    struct store_row row = {.space = STORE_AUDIT, .key = slice_make(key, sizeof key),
                            .value = slice_make(value, 1 + value[0] + strlen(what))};
    if (store_write(s, &row, 1) != 0)
        snprintf(k->error, sizeof k->error, "%s", store_error(s));
    store_close(s);
}

static const char *text_in(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text != NULL ? text : "";
}

static void judge_restore(struct keeping *k)
{
    const json_t *finding = json_array_get(json_object_get(k->report, "findings"), 0);
    const char *theirs = text_in(k->report, "peer_id");
    if (finding != NULL) {
        snprintf(k->error, sizeof k->error, "%s is not whole (%s): nothing was changed; give an "
                 "older backup", k->file, text_in(finding, "what"));
        k->next = "ils verify FILE";
    } else if (theirs[0] == '\0') {
        snprintf(k->error, sizeof k->error, "there is no cluster in %s: nothing was changed",
                 k->file);
        k->next = "ils verify FILE";
    } else if (k->initialised && strcmp(theirs, k->peer_id) != 0) {
        snprintf(k->error, sizeof k->error,
                 "%s is of another cluster (%s, peer id %s): nothing was changed; to have that one "
                 "here, start ilsd with an empty directory and restore there", k->file,
                 text_in(k->report, "cluster_id"), theirs);
        k->next = "ilsd --data DIR";
    } else {
        put_audit(k);
    }
}

/* The file is judged as the copy of it in the data directory, of which nobody has heard. */
static void name_file(struct keeping *k)
{
    char why[sizeof k->error];
    size_t n = strlen(k->copy);
    if (k->task != TASK_RESTORE || strncmp(k->error, k->copy, n) != 0)
        return;
    snprintf(why, sizeof why, "%s", k->error + n);
    snprintf(k->error, sizeof k->error, "%.400s%.500s; nothing was changed", k->file, why);
    k->next = "ils verify FILE";
}

static void work(uv_work_t *work)
{
    struct keeping *k = work->data;
    if (k->task == TASK_RESTORE && !copy_file(k))
        return;
    if (k->task != TASK_RESTORE && k->shared != NULL &&
        !carry_to_file(k->shared, k->copy, k->error, sizeof k->error))
        return;
    k->report = verify_path(k->copy, k->error, sizeof k->error);
    if (k->report == NULL) {
        name_file(k);
        return;
    }
    if (k->task == TASK_RESTORE)
        judge_restore(k);
    if (k->task == TASK_BACKUP && json_is_true(json_object_get(k->report, "sound"))) {
        k->done = link(k->copy, k->file) == 0 && unlink(k->copy) == 0 && sync_directory(k->file);
        if (!k->done)
            snprintf(k->error, sizeof k->error, "cannot make %s (%s); give another name", k->file,
                     strerror(errno));
    }
}

/* --- on the loop */

static void put_back(struct keeping *k)
{
    char when[32], kept[DATADIR_PATH_MAX];
    time_t now = time(NULL);
    struct tm tm;
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    const char *data = runtime_options(k->client->control->rt)->data;
    if (snprintf(kept, sizeof kept, "%s/" STORE_FILE ".before-%s", data, when) >=
        (int)sizeof kept) {
        refuse(k->client, "the path of the data directory is too long", "", NULL);
        return;
    }
    json_object_set_new(k->report, "file", json_string(k->file));
    json_object_set_new(k->report, "kept", json_string(kept));
    k->done = true;
    struct runtime *rt = k->client->control->rt;
    control_ok(k->client, json_incref(k->report));
    runtime_put_back(rt, k->copy, kept);
}

static void worked(uv_work_t *work, int status)
{
    struct keeping *k = work->data;
    struct client *client = k->client;
    bool sound = k->report != NULL && json_is_true(json_object_get(k->report, "sound"));
    if (client->closing) {
        keeping_end(k);
        return;
    }
    if (k->error[0] != '\0' || k->report == NULL) {
        refuse(client, k->error[0] != '\0' ? k->error : "no memory", k->next, k->file);
    } else if (k->task == TASK_RESTORE) {
        put_back(k);
    } else {
        if (k->task == TASK_BACKUP)
            json_object_set_new(k->report, "file", sound ? json_string(k->file) : json_null());
        control_reply(client, json_incref(k->report), sound ? 0 : 1);
    }
    keeping_end(k);
}

static void queue(struct keeping *k)
{
    k->work.data = k;
    if (uv_queue_work(runtime_loop(k->client->control->rt), &k->work, work, worked) != 0)
        worked(&k->work, -1);
}

static void copied(void *context, const char *error)
{
    struct keeping *k = context;
    if (error != NULL && !k->client->closing)
        refuse(k->client, error, k->next, k->file[0] != '\0' ? k->file : NULL);
    if (error != NULL || k->client->closing)
        keeping_end(k);
    else
        queue(k);
}

/* A file is copied by the storer, a database beside it. */
static void copy_store(struct keeping *k)
{
    struct runtime *rt = k->client->control->rt;
    if (k->shared == NULL) {
        runtime_copy(rt, k->copy, copied, k);
        return;
    }
    drop(k->copy);
    queue(k);
}

static struct keeping *keeping_new(struct client *client, enum task task, struct slice file)
{
    struct view_self self;
    struct keeping *k = calloc(1, sizeof *k);
    if (k == NULL) {
        control_no_memory(client);
        return NULL;
    }
    view_self(runtime_core(client->control->rt), &self);
    k->client = client;
    k->task = task;
    k->initialised = self.initialised;
    k->next = "";
    const struct runtime_options *options = runtime_options(client->control->rt);
    k->shared = options->store != NULL ? options : NULL;
    slice_to_text(file, k->file, sizeof k->file);
    memcpy(k->who, client->who, sizeof k->who);
    for (size_t i = 0; i < PEER_ID_SIZE; i++)
        snprintf(k->peer_id + 2 * i, 3, "%02x", self.peer_id[i]);
    control_hold(client);
    return k;
}

static bool path_given(struct client *client, struct slice *ret)
{
    if (!control_text(client, "file", true, ret))
        return false;
    if (ret->n > 1 && ret->p[0] == '/' && ret->n < DATADIR_PATH_MAX - 16 &&
        slice_find(*ret, 0) == ret->n)
        return true;
    refuse(client, "'file' is a whole path, from / on", "ils help backup", "file");
    return false;
}

void verb_backup(struct client *client)
{
    struct slice file;
    struct stat st;
    if (!path_given(client, &file))
        return;
    struct keeping *k = keeping_new(client, TASK_BACKUP, file);
    if (k == NULL)
        return;
    snprintf(k->copy, sizeof k->copy, "%.*s.part", (int)(sizeof k->copy - 8), k->file);
    if (lstat(k->file, &st) == 0) {
        refuse(client, "this file is there already: a backup is never written over another",
               "ils backup FILE", k->file);
        k->copy[0] = '\0';
        keeping_end(k);
        return;
    }
    copy_store(k);
}

void verb_verify(struct client *client)
{
    struct keeping *k = keeping_new(client, TASK_VERIFY, slice_make(NULL, 0));
    if (k == NULL)
        return;
    datadir_file(runtime_options(client->control->rt)->data, "verify.part", k->copy,
                 sizeof k->copy);
    drop(k->copy); /* of a verify that a crash ended */
    copy_store(k);
}

/* Without a file: the word on a store that was put back by hand (control_member.c). */
void verb_restore(struct client *client)
{
    struct command command = {.type = COMMAND_RESTORE};
    struct slice file;
    if (json_object_get(client->args, "file") == NULL) {
        control_change(client, &command);
        return;
    }
    if (!path_given(client, &file))
        return;
    if (client->control->restoring) {
        refuse(client, "another restore is under way: this one was not begun", "ils status", NULL);
        return;
    }
    struct keeping *k = keeping_new(client, TASK_RESTORE, file);
    if (k == NULL)
        return;
    client->control->restoring = true;
    datadir_file(runtime_options(client->control->rt)->data, STORE_FILE ".new", k->copy,
                 sizeof k->copy);
    queue(k);
}
