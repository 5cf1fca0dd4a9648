/* source: which sources there are, when each is read, and who waits for that. What a reading is and
 * becomes: source_run.c. */
#include "daemon/source_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/render.h"
#include "driver/clock.h"

#define RUNNING_MAX 4      /* threads at once; the others wait for their turn */
#define RETRY_MS    30000  /* after a failure, where it is not sooner anyway */
#define QUIET_MS    300    /* a file is read when nothing was written for so long */

static struct source *find(const struct sources *all, struct slice name)
{
    list_each(node, &all->sources) {
        struct source *s = list_entry(node, struct source, node);
        if (!s->gone && slice_eq(slice_of(s->name), name))
            return s;
    }
    return NULL;
}

/* --- when */

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
        source_finish(s);
    source_start_due(all);
    if (!all->stopping)
        source_compare_some(all);
}

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
    int error = uv_thread_create(&run->thread, source_read, run);
    if (error == 0)
        return;
    s->run = NULL;
    s->all->running--;
    snprintf(run->result.text, sizeof run->result.text, "no thread: %s", uv_strerror(error));
    if (run->test)
        source_tell_test(run);
    else
        source_settle(s, run);
    source_run_free(run);
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
    source_move_askers(&run->askers, &s->askers, run->test);
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

void source_start_due(struct sources *all)
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
    source_start_due(s->all);
}

void source_next_time(struct source *s)
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

void source_release(struct source *s)
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
    source_release(s);
}

static void leave(struct source *s)
{
    static const struct counts none;
    struct source_outcome o = source_outcome_of(false, &none, "the source was removed", "", NULL);
    s->gone = true;
    source_tell(&s->askers, &o);
    if (s->run != NULL)
        atomic_store(&s->run->cancel, true);
    if (s->diff != NULL) {
        source_tell(&s->told, &o);
        source_run_free(s->diff);
        s->diff = NULL;
        s->committing = false;
    }
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
    source_start_due(all);
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
    source_start_due(all);
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
