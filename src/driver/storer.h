/* storer: the thread that owns the store. The loop hands it batches and never waits for a disk.
 *
 * Everything here is called on the loop's thread, and calls back there. Batches that wait together
 * are committed together (one fsync), and each is reported by itself, in the order given. */
#ifndef OPENILS_DRIVER_STORER_H
#define OPENILS_DRIVER_STORER_H

#include <uv.h>

#include "driver/store.h"

struct storer;

/* error is NULL when the batch is durable; else nothing of it was kept, and this is why. */
typedef void (*storer_done)(void *context, uint64_t batch, const char *error);

/* Takes the store over until storer_stop is done. NULL without memory or thread. */
struct storer *storer_start(uv_loop_t *loop, struct store *store, storer_done done, void *context);

/* A batch is being made: the thread wakes up meanwhile, and goes to sleep again if none comes. */
void storer_soon(struct storer *s);

/* Copies the rows and makes them durable in one transaction. A failed batch fails all that were
 * given before its failure was reported: they were made in the belief that it stood. Without memory
 * the batch is reported as failed. */
void storer_write(struct storer *s, uint64_t batch, const struct store_row *row, size_t n);

/* Visits the newest rows of a space, as store_scan_newest, behind the batches given so far. The
 * last call has row = NULL. visit = false skips the rest, the last call excepted. */
void storer_scan(struct storer *s, uint8_t space, size_t max, store_visit visit, void *context);

/* The same for a range; from and to are copied. */
void storer_range(struct storer *s, const struct store_range *range, store_visit visit,
                  void *context);

/* Copies the store into a new file (store_copy_start), behind the batches given so far and between
 * those given later. done: error is NULL when the file is whole and durable. One at a time: another
 * one fails. Without memory done is called at once. */
typedef void (*storer_copied)(void *context, const char *error);
void storer_copy(struct storer *s, const char *file, storer_copied done, void *context);

/* Calls work on the storer's thread, behind what was given so far, then done on the loop's. */
typedef void (*storer_work)(void *context, struct store *store);
void storer_call(struct storer *s, storer_work work, void (*done)(void *context), void *context);
/* The same before whatever waits. */
void storer_call_first(struct storer *s, storer_work work, void (*done)(void *context),
                       void *context);

/* Takes nothing more, works off what was given, reports it, ends the thread, then calls stopped.
 * The store is the caller's again. */
void storer_stop(struct storer *s, void (*stopped)(void *context), void *context);

struct storer_stats {
    uint64_t batches, failed, commits;
};
void storer_stats(const struct storer *s, struct storer_stats *ret);

#endif
