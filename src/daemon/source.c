/* source: when a source is read, and what becomes of what it gave. The loop starts a thread, the
 * thread reads, sorts and hashes, the loop commits. A source that gives the same as last time costs
 * the core nothing, and what an operator changed meanwhile by hand stays until it gives something
 * else. */
#include "daemon/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/changes.h"
#include "daemon/render.h"
#include "daemon/runtime_inside.h"
#include "driver/clock.h"

#define RUNNING_MAX 4      /* threads at once; the others wait for their turn */
#define TIMEOUT_MS  120000 /* of one reading */
#define RETRY_MS    30000  /* after a failure, where it is not sooner anyway */
#define QUIET_MS    300    /* a file is read when nothing was written for so long */
#define MORE_MAX    20     /* wrong rows that are told beside the first */

/* A file as it was when it was read. */
struct stamp {
    uint64_t device, inode, size;
    int64_t s, ns;
};

struct counts {
    uint64_t entries, kind[3];
};

struct run {
    uv_thread_t thread;
    struct source *source;
    json_t *config;             /* the spec's texts */
    struct source_spec spec;
    bool test, forced; /* forced: somebody asked for it, so it is committed whatever it gave */
    bool shrink;       /* and most of what it gave before may go */
    bool known;                 /* `stamp` is that of what it gave last */
    bool same_file;             /* and the file is still that one */
    struct stamp stamp;
    atomic_bool cancel, finished;
    struct source_result result;
    struct changes changes;
    bool memory;                /* there was some for the changes */
    bool has_hash, same;        /* same: as what it gave last */
    uint8_t hash[HASH_SIZE], former[HASH_SIZE];
    struct list askers;
};

struct asker {
    struct list node;
    bool test, shrink;
    source_done done;
    void *context;
};

struct source {
    struct list node;
    struct sources *all;
    char name[SOURCE_MAX + 1];
    json_t *config;
    uv_timer_t timer;
    uv_fs_event_t watch;
    unsigned handles;
    struct run *run;            /* under way */
    bool due, committing, leaving, gone;
    struct list askers;         /* of the next run */
    struct list told;           /* by the commit under way */
    /* what it gave last and the core took, and what the core is taking */
    bool has_hash, known;
    uint8_t hash[HASH_SIZE], pending_hash[HASH_SIZE];
    struct stamp stamp, pending_stamp;
    struct counts counts, pending_counts;
    /* how it stands */
    bool ran, good, cleared;    /* cleared: an alarm of an earlier life is over, too */
    wall last_run, last_good, last_change;
    uint64_t added, removed;
    char text[SOURCE_TEXT_MAX], next[SOURCE_NEXT_MAX];
    json_t *more;
};

struct sources {
    struct runtime *rt;
    struct list sources; /* by name */
    size_t n, running;
    uv_async_t finished;
    bool started, stopping;
    void (*done)(void *context);
    void *context;
};

static void start_due(struct sources *all);

static struct source *find(const struct sources *all, struct slice name)
{
    list_each(node, &all->sources) {
        struct source *s = list_entry(node, struct source, node);
        if (!s->gone && slice_eq(slice_of(s->name), name))
            return s;
    }
    return NULL;
}

/* --- in its thread */

static struct stamp stamp_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (struct stamp){0};
    return (struct stamp){.device = st.st_dev, .inode = st.st_ino, .size = (uint64_t)st.st_size,
                          .s = st.st_mtim.tv_sec, .ns = st.st_mtim.tv_nsec};
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->s == b->s &&
           a->ns == b->ns;
}

static void read_it(void *context)
{
    struct run *run = context;
    const struct csv_rows *rows = &run->result.rows;
    uv_async_t *finished = &run->source->all->finished;
    if (run->spec.kind == SOURCE_FILE) {
        struct stamp now = stamp_of(run->spec.place);
        run->same_file = run->known && !run->test && !run->forced &&
                         same_stamp(&now, &run->stamp);
        run->stamp = now;
    }
    if (!run->same_file)
        source_fetch(&run->spec, TIMEOUT_MS, &run->cancel, &run->result);
    if (run->result.good) {
        run->memory = changes_make(&run->changes, rows->entry, rows->n,
                                   slice_of(run->source->name));
        if (run->memory)
            changes_hash(&run->changes, run->hash);
        run->same = run->memory && run->has_hash && !run->forced && !run->test &&
                    memcmp(run->hash, run->former, HASH_SIZE) == 0;
        run->memory = run->memory && (run->same || changes_order(&run->changes));
    }
    atomic_store(&run->finished, true);
    uv_async_send(finished);
}

static void run_free(struct run *run)
{
    assert(list_empty(&run->askers));
    changes_done(&run->changes);
    source_result_free(&run->result);
    json_decref(run->config);
    free(run);
}

static struct counts count(const struct csv_rows *rows)
{
    struct counts c = {.entries = rows->n};
    for (size_t i = 0; i < rows->n; i++) {
        uint8_t kind = rows->entry[i].kind;
        c.kind[kind == ENTRY_URI ? 0 : kind == ENTRY_ENTERPRISE || kind == ENTRY_E164 ? 1 : 2]++;
    }
    return c;
}

/* What is wrong with the rows beside the first: an array of texts. */
static json_t *further(const struct source_result *result)
{
    json_t *more = json_array();
    char text[SOURCE_TEXT_MAX];
    for (size_t i = 1; i < result->rows.complaint_n && i <= MORE_MAX; i++) {
        source_result_complaint(result, i, text, sizeof text);
        json_array_append_new(more, render_text(slice_of(text)));
    }
    if (result->rows.complaints > MORE_MAX + 1) {
        snprintf(text, sizeof text, "and %llu more",
                 (unsigned long long)(result->rows.complaints - MORE_MAX - 1));
        json_array_append_new(more, json_string(text));
    }
    return more;
}

/* --- telling */

static void move_askers(struct list *to, struct list *from, bool test)
{
    list_each_safe(node, from) {
        if (list_entry(node, struct asker, node)->test != test)
            continue;
        list_remove(node);
        list_add(to, node);
    }
}

static void tell(struct list *askers, const struct source_outcome *outcome)
{
    while (!list_empty(askers)) {
        struct asker *a = list_entry(askers->next, struct asker, node);
        struct asker told = *a;
        list_remove(&a->node);
        free(a);
        told.done(told.context, outcome);
    }
}

static struct source_outcome outcome_of(bool good, const struct counts *c, const char *text,
                                        const char *next, const json_t *more)
{
    struct source_outcome o = {.good = good, .entries = c->entries, .text = text, .next = next,
                               .more = more};
    memcpy(o.kind, c->kind, sizeof o.kind);
    return o;
}

static void tell_test(struct run *run)
{
    struct counts c = count(&run->result.rows);
    json_t *more = further(&run->result);
    struct source_outcome o =
        outcome_of(run->result.good, &c, run->result.text, run->result.next, more);
    if (run->result.good && !run->memory) {
        o.good = false;
        o.text = "there is no memory for this";
    }
    o.change = run->changes.change;
    o.change_n = run->changes.n;
    tell(&run->askers, &o);
    json_decref(more);
}

/* --- how it ended */

static void note_failure(struct source *s, const char *text, const char *next, json_t *more)
{
    s->good = s->known = false;
    snprintf(s->text, sizeof s->text, "%s", text);
    snprintf(s->next, sizeof s->next, "%s", next);
    json_decref(s->more);
    s->more = more;
}

static void note_good(struct source *s, const struct counts *c, const struct stamp *stamp)
{
    s->good = s->known = true;
    s->last_good = s->last_run;
    s->counts = *c;
    s->stamp = *stamp;
    s->text[0] = s->next[0] = '\0';
    json_decref(s->more);
    s->more = NULL;
}

/* The alarm is as the source is, whoever asked is told, and the next time is set. */
static void settled(struct source *s, struct list *askers, uint64_t added, uint64_t removed)
{
    struct source_outcome o = outcome_of(s->good, &s->counts, s->text, s->next, s->more);
    o.added = added;
    o.removed = removed;
    if (!s->gone && (!s->good || !s->cleared))
        runtime_alarm(s->all->rt, ILSSourceFailed, s->name, !s->good);
    s->cleared = s->good;
    tell(askers, &o);
}

static void nobody(void *context, enum reply reply, struct slice text, const uint64_t number[2],
                   const struct verdict *verdict)
{
    (void)context, (void)reply, (void)text, (void)number, (void)verdict;
}

/* What it gave last is known after a restart as well. */
static void keep(struct source *s)
{
    char *row = s->leaving || s->gone ? NULL : source_config_row(s->config, s->hash);
    struct command c = {.type = COMMAND_SOURCE, .source = slice_of(s->name)};
    if (row == NULL)
        return;
    c.value = slice_of(row);
    runtime_command(s->all->rt, &c, nobody, NULL);
    free(row);
}

static void next_time(struct source *s);
static void release(struct source *s);

static void on_committed(void *context, enum reply reply, struct slice text,
                         const uint64_t number[2], const struct verdict *verdict)
{
    struct source *s = context;
    char sentence[SOURCE_TEXT_MAX], next[SOURCE_NEXT_MAX];
    (void)verdict;
    bool changed = reply == REPLY_OK && number[0] + number[1] > 0;
    if (reply == REPLY_OK) {
        note_good(s, &s->pending_counts, &s->pending_stamp);
        s->has_hash = true;
        memcpy(s->hash, s->pending_hash, HASH_SIZE);
        if (changed) {
            s->last_change = s->last_run;
            s->added = number[0];
            s->removed = number[1];
        }
        keep(s);
    } else {
        render_reply(sentence, sizeof sentence, reply, text);
        render_reply_next(next, sizeof next, reply, text);
        if (reply == REPLY_SHRINKS)
            snprintf(next, sizeof next, "ils source run '%s' --force", s->name);
        note_failure(s, sentence, next, NULL);
        s->gone = s->gone || reply == REPLY_STOPPED; /* no alarm any more */
    }
    settled(s, &s->told, changed ? number[0] : 0, changed ? number[1] : 0);
    s->committing = false;
    next_time(s);
    start_due(s->all);
    release(s);
}

static void commit(struct source *s, struct run *run)
{
    char what[160];
    struct command c = {.type = COMMAND_PLAN, .replace = true, .source = slice_of(s->name)};
    snprintf(what, sizeof what, "source %s: %zu entries", s->name, run->changes.n);
    c.who = slice_of("ilsd");
    c.what = slice_of(what);
    c.change = run->changes.change;
    c.change_n = run->changes.n;
    c.force = run->shrink;
    s->committing = true;
    s->pending_counts = count(&run->result.rows);
    s->pending_stamp = run->stamp;
    memcpy(s->pending_hash, run->hash, HASH_SIZE);
    move_askers(&s->told, &run->askers, false);
    runtime_command(s->all->rt, &c, on_committed, s);
}

static void settle(struct source *s, struct run *run)
{
    s->ran = true;
    s->last_run = clock_wall();
    if (run->same_file) {
        settled(s, &run->askers, 0, 0);
    } else if (!run->result.good) {
        note_failure(s, run->result.text, run->result.next, further(&run->result));
        settled(s, &run->askers, 0, 0);
    } else if (!run->memory) {
        note_failure(s, "there is no memory for this", "ils status", NULL);
        settled(s, &run->askers, 0, 0);
    } else if (run->same) {
        struct counts c = count(&run->result.rows);
        note_good(s, &c, &run->stamp);
        settled(s, &run->askers, 0, 0);
    } else {
        commit(s, run);
        return;
    }
    next_time(s);
}

static void finish(struct source *s)
{
    static const struct counts none;
    struct run *run = s->run;
    uv_thread_join(&run->thread);
    s->run = NULL;
    s->all->running--;
    if (s->gone || s->all->stopping) {
        struct source_outcome o = outcome_of(false, &none, "the source was removed", "", NULL);
        tell(&run->askers, &o);
    } else if (run->test) {
        tell_test(run);
    } else {
        settle(s, run);
    }
    run_free(run);
    release(s);
}

static struct source *next_finished(const struct sources *all)
{
    list_each(node, &all->sources) {
        struct source *s = list_entry(node, struct source, node);
        if (s->run != NULL && atomic_load(&s->run->finished))
            return s;
    }
    return NULL;
}

static void on_finished(uv_async_t *async)
{
    struct sources *all = async->data;
    struct source *s;
    while ((s = next_finished(all)) != NULL) /* what is done with one may end another */
        finish(s);
    start_due(all);
}

/* --- when */

static bool has_test(const struct source *s)
{
    list_each(node, &s->askers)
        if (list_entry(node, struct asker, node)->test)
            return true;
    return false;
}

/* A thread, or without one a failure. */
static void start_thread(struct source *s, struct run *run)
{
    s->run = run;
    s->all->running++;
    int error = uv_thread_create(&run->thread, read_it, run);
    if (error == 0)
        return;
    s->run = NULL;
    s->all->running--;
    snprintf(run->result.text, sizeof run->result.text, "no thread: %s", uv_strerror(error));
    if (run->test)
        tell_test(run);
    else
        settle(s, run);
    run_free(run);
}

static void start(struct source *s)
{
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL)
        abort(); /* whoever waits for it would wait for ever */
    list_init(&run->askers);
    changes_init(&run->changes);
    run->source = s;
    run->test = !s->due;
    s->due = false;
    move_askers(&run->askers, &s->askers, run->test);
    run->forced = !run->test && !list_empty(&run->askers);
    list_each(node, &run->askers)
        run->shrink = run->shrink || list_entry(node, struct asker, node)->shrink;
    run->config = json_incref(s->config);
    source_config_spec(run->config, &run->spec);
    run->known = s->known && s->good;
    run->stamp = s->stamp;
    run->has_hash = s->has_hash;
    memcpy(run->former, s->hash, HASH_SIZE);
    start_thread(s, run);
}

static struct source *next_due(const struct sources *all)
{
    if (all->running >= RUNNING_MAX || all->stopping)
        return NULL;
    list_each(node, &all->sources) {
        struct source *s = list_entry(node, struct source, node);
        if ((s->due || has_test(s)) && s->run == NULL && !s->committing && !s->gone)
            return s;
    }
    return NULL;
}

static void start_due(struct sources *all)
{
    struct source *s;
    while ((s = next_due(all)) != NULL)
        start(s);
}

static void on_timer(uv_timer_t *timer);

static void on_watch(uv_fs_event_t *watch, const char *filename, int events, int status)
{
    struct source *s = watch->data;
    const char *path = json_string_value(json_object_get(s->config, "place"));
    const char *base = path != NULL ? strrchr(path, '/') : NULL;
    (void)events;
    if (status < 0)
        uv_fs_event_stop(watch); /* the timer watches anew */
    else if (filename == NULL || (base != NULL && strcmp(base + 1, filename) == 0))
        uv_timer_start(&s->timer, on_timer, QUIET_MS, 0);
}

/* The directory is watched, since a file that is renamed into its place is another one. */
static void watch_file(struct source *s)
{
    struct source_spec spec;
    source_config_spec(s->config, &spec);
    if (spec.kind != SOURCE_FILE)
        return;
    char *directory = strdup(spec.place);
    char *slash = directory != NULL ? strrchr(directory, '/') : NULL;
    if (slash != NULL) {
        slash[slash == directory] = '\0';
        uv_fs_event_stop(&s->watch);
        uv_fs_event_start(&s->watch, on_watch, directory, 0);
    }
    free(directory);
}

static void on_timer(uv_timer_t *timer)
{
    struct source *s = timer->data;
    watch_file(s);
    s->due = true;
    start_due(s->all);
}

static void next_time(struct source *s)
{
    uint64_t every = (uint64_t)source_config_every(s->config) * 1000;
    if (s->gone || s->all->stopping)
        return;
    if (!s->good && every > RETRY_MS)
        every = RETRY_MS;
    if (!uv_is_active((uv_handle_t *)&s->timer)) /* else somebody has written the file */
        uv_timer_start(&s->timer, on_timer, every, 0);
}

/* --- coming and going */

static void source_free(struct source *s)
{
    list_remove(&s->node);
    s->all->n--;
    json_decref(s->config);
    json_decref(s->more);
    free(s);
}

void sources_free(struct sources *all)
{
    list_each_safe(node, &all->sources)
        source_free(list_entry(node, struct source, node));
    free(all);
}

static void on_async_closed(uv_handle_t *handle)
{
    struct sources *all = handle->data;
    void (*done)(void *) = all->done;
    void *context = all->context;
    sources_free(all);
    done(context);
}

static void release(struct source *s)
{
    struct sources *all = s->all;
    if (s->gone && s->handles == 0 && s->run == NULL && !s->committing)
        source_free(s);
    if (all->stopping && list_empty(&all->sources) && !uv_is_closing((void *)&all->finished))
        uv_close((uv_handle_t *)&all->finished, on_async_closed);
}

static void on_closed(uv_handle_t *handle)
{
    struct source *s = handle->data;
    s->handles--;
    release(s);
}

static void leave(struct source *s)
{
    static const struct counts none;
    struct source_outcome o = outcome_of(false, &none, "the source was removed", "", NULL);
    s->gone = true;
    tell(&s->askers, &o);
    if (s->run != NULL)
        atomic_store(&s->run->cancel, true);
    uv_close((uv_handle_t *)&s->timer, on_closed);
    uv_close((uv_handle_t *)&s->watch, on_closed);
}

static void open_handles(struct source *s)
{
    uv_timer_init(s->all->rt->loop, &s->timer);
    uv_fs_event_init(s->all->rt->loop, &s->watch);
    s->timer.data = s->watch.data = s;
    s->handles = 2;
    watch_file(s);
    s->due = true;
}

static struct source *source_new(struct sources *all, struct slice name, json_t *config)
{
    struct source *s = all->n < SOURCES_MAX ? calloc(1, sizeof *s) : NULL;
    struct list *before = all->sources.next;
    if (s == NULL)
        return NULL;
    s->all = all;
    slice_to_text(name, s->name, sizeof s->name);
    s->config = json_incref(config);
    list_init(&s->askers);
    list_init(&s->told);
    while (before != &all->sources &&
           strcmp(list_entry(before, struct source, node)->name, s->name) < 0)
        before = before->next;
    list_add(before, &s->node);
    all->n++;
    return s;
}

struct sources *sources_new(struct runtime *rt)
{
    struct sources *all = calloc(1, sizeof *all);
    if (all == NULL)
        return NULL;
    all->rt = rt;
    list_init(&all->sources);
    return all;
}

void sources_row(struct sources *all, struct slice key, struct slice value)
{
    json_t *row = json_loadb((const char *)value.p, value.n, JSON_REJECT_DUPLICATES, NULL);
    json_t *config = json_object_get(row, "config");
    const char *hash = json_string_value(json_object_get(row, "hash"));
    struct source *s = json_is_object(config) ? source_new(all, key, config) : NULL;
    if (s != NULL && hash != NULL)
        s->has_hash = hex_parse(s->hash, HASH_SIZE, slice_of(hash));
    json_decref(row);
}

void sources_start(struct sources *all)
{
    uv_async_init(all->rt->loop, &all->finished, on_finished);
    all->finished.data = all;
    all->started = true;
    list_each(node, &all->sources)
        open_handles(list_entry(node, struct source, node));
    start_due(all);
}

void sources_stop(struct sources *all, void (*done)(void *context), void *context)
{
    if (!all->started) {
        sources_free(all);
        done(context);
        return;
    }
    all->stopping = true;
    all->done = done;
    all->context = context;
    list_each_safe(node, &all->sources) {
        struct source *s = list_entry(node, struct source, node);
        if (!uv_is_closing((uv_handle_t *)&s->timer))
            leave(s);
    }
    if (list_empty(&all->sources))
        uv_close((uv_handle_t *)&all->finished, on_async_closed);
}

/* --- asking */

bool sources_has(const struct sources *all, const char *name)
{
    return find(all, slice_of(name)) != NULL;
}

size_t sources_count(const struct sources *all)
{
    return all->n;
}

bool sources_add(struct sources *all, const char *name, json_t *config)
{
    struct source *s = source_new(all, slice_of(name), config);
    if (s == NULL)
        return false;
    open_handles(s);
    return true; /* whoever has it added asks for its first reading */
}

void sources_leaving(struct sources *all, const char *name, bool leaving)
{
    struct source *s = find(all, slice_of(name));
    if (s != NULL)
        s->leaving = leaving;
}

void sources_remove(struct sources *all, const char *name)
{
    struct source *s = find(all, slice_of(name));
    if (s == NULL)
        return;
    runtime_alarm(all->rt, ILSSourceFailed, name, false);
    leave(s);
}

bool sources_run(struct sources *all, const char *name, enum source_how how, source_done done,
                 void *context)
{
    struct source *s = find(all, slice_of(name));
    struct asker *a = s != NULL ? malloc(sizeof *a) : NULL;
    if (a == NULL)
        return false;
    bool test = how == SOURCE_TEST;
    *a = (struct asker){.test = test, .done = done, .context = context};
    a->shrink = how == SOURCE_FORCE;
    list_add(&s->askers, &a->node);
    s->due = s->due || !test;
    start_due(all);
    return true;
}

bool sources_failure(const struct sources *all, struct slice name, const char **ret_text,
                     const char **ret_next)
{
    const struct source *s = find(all, name);
    if (s == NULL || !s->ran || s->good)
        return false;
    *ret_text = s->text;
    *ret_next = s->next;
    return true;
}

static json_t *time_json(wall t)
{
    char text[25];
    if (t == 0)
        return json_null();
    wall_text(text, t);
    return json_string(text);
}

static json_t *source_json(const struct source *s)
{
    json_t *json = json_deep_copy(s->config);
    const char *state = s->run != NULL || s->committing ? "running"
                        : !s->ran ? "waiting" : s->good ? "good" : "failed";
    json_object_set_new(json, "name", render_text(slice_of(s->name)));
    json_object_set_new(json, "every", json_integer((json_int_t)source_config_every(s->config)));
    json_object_set_new(json, "state", json_string(state));
    json_object_set_new(json, "entries", json_integer((json_int_t)s->counts.entries));
    json_object_set_new(json, "last_run", time_json(s->last_run));
    json_object_set_new(json, "last_good", time_json(s->last_good));
    json_object_set_new(json, "last_change", time_json(s->last_change));
    json_object_set_new(json, "added", json_integer((json_int_t)s->added));
    json_object_set_new(json, "removed", json_integer((json_int_t)s->removed));
    json_object_set_new(json, "error", s->text[0] != '\0' ? render_text(slice_of(s->text))
                                                          : json_null());
    json_object_set_new(json, "next", s->next[0] != '\0' ? render_text(slice_of(s->next))
                                                         : json_null());
    json_object_set_new(json, "more", s->more != NULL ? json_deep_copy(s->more) : json_array());
    return json;
}

json_t *sources_list(const struct sources *all)
{
    json_t *rows = json_array();
    list_each(node, &all->sources) {
        const struct source *s = list_entry(node, struct source, node);
        if (!s->gone)
            json_array_append_new(rows, source_json(s));
    }
    return rows;
}
