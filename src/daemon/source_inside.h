/* source_inside: what the two halves of sources share: source.c, which knows when one is read and
 * who asks, and source_run.c, which reads it and has the plan changed. */
#ifndef OPENILS_DAEMON_SOURCE_INSIDE_H
#define OPENILS_DAEMON_SOURCE_INSIDE_H

#include "daemon/changes.h"
#include "daemon/runtime_inside.h"
#include "daemon/source_diff.h"

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
    struct source_diff diff;    /* where it is not the first time */
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
    struct run *diff;           /* read, and compared with the plan, some entries at a time */
    bool delta, whole;          /* only what is new is committed; next time all is */
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

/* source_run.c */
void source_read(void *context); /* a run, in its thread */
void source_run_free(struct run *run);
void source_finish(struct source *s); /* its thread is over */
bool source_settle(struct source *s, struct run *run); /* true: the run is kept, to be compared */
void source_compare_some(struct sources *all);
void source_tell(struct list *askers, const struct source_outcome *outcome);
void source_tell_test(struct run *run);
void source_move_askers(struct list *to, struct list *from, bool test);
struct source_outcome source_outcome_of(bool good, const struct counts *c, const char *text,
                                        const char *next, const json_t *more);

/* source.c */
void source_start_due(struct sources *all);
void source_next_time(struct source *s);
void source_release(struct source *s); /* frees it where it is gone and nothing of it is left */

#endif
