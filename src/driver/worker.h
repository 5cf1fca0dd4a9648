/* worker: threads that answer datagrams, one per core, beside the loop's. Each waits for its own
 * sockets, takes a batch of whichever has something, and is between two lookups when the batch is
 * answered (plan/readers.h). They share no memory that is written while they answer. */
#ifndef OPENILS_DRIVER_WORKER_H
#define OPENILS_DRIVER_WORKER_H

#include <uv.h>

#include "plan/readers.h"

#define WORKERS_MAX 63

struct workers;

/* What one of them waits for. It belongs to whoever watches it, and stays in place until gone. */
struct worker_source {
    int fd;
    /* A worker's thread: there is something to read. True: and maybe more. */
    bool (*ready)(struct worker_source *s);
    /* The loop's: the worker does not know it any more. */
    void (*gone)(struct worker_source *s);
    struct worker_source *next; /* the workers' */
};

/* n threads (0: one for each core that this process may use; at most WORKERS_MAX). plan and
 * readers: what they look up in, NULL where that is nothing; the readers outlive them, and the plan
 * must have been told of the readers. NULL: no memory, or no thread. */
struct workers *workers_start(uv_loop_t *loop, unsigned n, const struct plan *plan,
                              struct plan_readers *readers);
unsigned workers_count(const struct workers *w);

/* On a worker's thread: what it looks up in, until it waits again. */
const struct plan *workers_plan(void);
/* They look up in this plan from now on, which must have been told of the readers. done is called
 * from the loop when none of them goes by the former one any more; not again before. */
void workers_use(struct workers *w, const struct plan *plan, void (*done)(void *context),
                 void *context);

/* Worker i (below workers_count) waits for it from now on. False: the system refuses. */
bool workers_watch(struct workers *w, unsigned i, struct worker_source *s);
/* Worker i takes what is there already, and forgets it; `gone` is called from the loop. */
void workers_unwatch(struct workers *w, unsigned i, struct worker_source *s);

/* Ends the threads; nothing may be watched. stopped is called from the loop; w is gone then. */
void workers_stop(struct workers *w, void (*stopped)(void *context), void *context);

#endif
