/* source_run: one reading of a source. A thread reads, sorts and hashes; the loop compares what
 * came with the plan, some entries at a time, and commits what is new. A source that gives the same
 * as last time costs the core nothing, and what an operator changed meanwhile by hand stays until
 * it gives something else. */
#include "daemon/source_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/render.h"
#include "driver/clock.h"

#define TIMEOUT_MS  120000 /* of one reading */
#define LOOK_UP     2000   /* entries that are looked up at a time, about a millisecond */
#define MORE_MAX    20     /* wrong rows that are told beside the first */

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

void source_read(void *context)
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
        if (run->memory && run->has_hash && !run->same && !run->forced && !run->test)
            diff_init(&run->diff, &run->changes, slice_of(run->source->name));
    }
    atomic_store(&run->finished, true);
    uv_async_send(finished);
}

void source_run_free(struct run *run)
{
    assert(list_empty(&run->askers));
    diff_done(&run->diff);
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

void source_move_askers(struct list *to, struct list *from, bool test)
{
    list_each_safe(node, from) {
        if (list_entry(node, struct asker, node)->test != test)
            continue;
        list_remove(node);
        list_add(to, node);
    }
}

void source_tell(struct list *askers, const struct source_outcome *outcome)
{
    while (!list_empty(askers)) {
        struct asker *a = list_entry(askers->next, struct asker, node);
        struct asker told = *a;
        list_remove(&a->node);
        free(a);
        told.done(told.context, outcome);
    }
}

struct source_outcome source_outcome_of(bool good, const struct counts *c, const char *text,
                                        const char *next, const json_t *more)
{
    struct source_outcome o = {.good = good, .entries = c->entries, .text = text, .next = next,
                               .more = more};
    memcpy(o.kind, c->kind, sizeof o.kind);
    return o;
}

void source_tell_test(struct run *run)
{
    struct counts c = count(&run->result.rows);
    json_t *more = further(&run->result);
    struct source_outcome o =
        source_outcome_of(run->result.good, &c, run->result.text, run->result.next, more);
    if (run->result.good && !run->memory) {
        o.good = false;
        o.text = "there is no memory for this";
    }
    o.change = run->changes.change;
    o.change_n = run->changes.n;
    source_tell(&run->askers, &o);
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
    struct source_outcome o = source_outcome_of(s->good, &s->counts, s->text, s->next, s->more);
    o.added = added;
    o.removed = removed;
    if (!s->gone && (!s->good || !s->cleared))
        runtime_alarm(s->all->rt, ILSSourceFailed, s->name, !s->good);
    s->cleared = s->good;
    source_tell(askers, &o);
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

/* The plan is as the source wants it. */
static void note_committed(struct source *s, uint64_t added, uint64_t removed)
{
    note_good(s, &s->pending_counts, &s->pending_stamp);
    s->has_hash = true;
    memcpy(s->hash, s->pending_hash, HASH_SIZE);
    if (added + removed > 0) {
        s->last_change = s->last_run;
        s->added = added;
        s->removed = removed;
    }
    keep(s);
}

static void note_refused(struct source *s, enum reply reply, struct slice text)
{
    char sentence[SOURCE_TEXT_MAX], next[SOURCE_NEXT_MAX];
    render_reply(sentence, sizeof sentence, reply, text);
    render_reply_next(next, sizeof next, reply, text);
    if (reply == REPLY_SHRINKS)
        snprintf(next, sizeof next, "ils source run '%s' --force", s->name);
    note_failure(s, sentence, next, NULL);
    s->gone = s->gone || reply == REPLY_STOPPED; /* no alarm any more */
}

static void commit_ended(struct source *s, uint64_t added, uint64_t removed)
{
    settled(s, &s->told, added, removed);
    s->committing = false;
    source_next_time(s);
    source_start_due(s->all);
    source_release(s);
}

static void on_committed(void *context, enum reply reply, struct slice text,
                         const uint64_t number[2], const struct verdict *verdict)
{
    struct source *s = context;
    bool good = reply == REPLY_OK;
    (void)verdict;
    if (!good && s->delta && reply != REPLY_STOPPED) { /* the plan has moved meanwhile */
        s->whole = s->due = true;
        s->committing = false;
        source_move_askers(&s->askers, &s->told, false);
        source_start_due(s->all);
        source_release(s);
        return;
    }
    if (good)
        note_committed(s, number[0], number[1]);
    else
        note_refused(s, reply, text);
    commit_ended(s, good ? number[0] : 0, good ? number[1] : 0);
}

/* delta: what the diff has found, else all of it. */
static void commit(struct source *s, struct run *run, bool delta)
{
    char what[160];
    struct command c = {.type = COMMAND_PLAN, .source = slice_of(s->name)};
    snprintf(what, sizeof what, "source %s: %zu entries", s->name, run->changes.n);
    c.who = slice_of("ilsd");
    c.what = slice_of(what);
    c.replace = !delta;
    c.change = delta ? run->diff.change : run->changes.change;
    c.change_n = delta ? run->diff.n : run->changes.n;
    c.force = run->shrink;
    s->delta = delta;
    s->whole = false;
    if (delta && c.change_n == 0) {
        note_committed(s, 0, 0);
        commit_ended(s, 0, 0);
    } else {
        runtime_command(s->all->rt, &c, on_committed, s);
    }
}

/* Whether the run is kept: it is compared first. */
static bool begin_commit(struct source *s, struct run *run)
{
    s->committing = true;
    s->pending_counts = count(&run->result.rows);
    s->pending_stamp = run->stamp;
    memcpy(s->pending_hash, run->hash, HASH_SIZE);
    source_move_askers(&s->told, &run->askers, false);
    if (run->diff.whole == NULL || s->whole) {
        commit(s, run, false);
        return false;
    }
    s->diff = run;
    uv_async_send(&s->all->finished);
    return true;
}

/* Some of one comparison; the loop does other things before it does more. */
void source_compare_some(struct sources *all)
{
    const struct catalog *own = view_own_catalog(all->rt->core);
    list_each(node, &all->sources) {
        struct source *s = list_entry(node, struct source, node);
        struct run *run = s->diff;
        if (run == NULL)
            continue;
        uv_async_send(&all->finished);
        if (own != NULL && !diff_step(&run->diff, own, LOOK_UP))
            return;
        s->diff = NULL;
        commit(s, run, own != NULL && diff_end(&run->diff, own));
        source_run_free(run);
        return;
    }
}

/* Whether the run is kept. */
bool source_settle(struct source *s, struct run *run)
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
        return begin_commit(s, run);
    }
    source_next_time(s);
    return false;
}

void source_finish(struct source *s)
{
    static const struct counts none;
    struct run *run = s->run;
    uv_thread_join(&run->thread);
    s->run = NULL;
    s->all->running--;
    if (s->gone || s->all->stopping) {
        struct source_outcome o =
            source_outcome_of(false, &none, "the source was removed", "", NULL);
        source_tell(&run->askers, &o);
    } else if (run->test) {
        source_tell_test(run);
    } else if (source_settle(s, run)) {
        return;
    }
    source_run_free(run);
    source_release(s);
}
