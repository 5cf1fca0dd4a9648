/* readers: who looks up beside the thread that owns the plan, and what is kept for them.
 *
 * The owner alone writes. Other threads look up (plan_lookup and below it) without a lock: what
 * they follow is atomic or never written again. Three rules hold it together.
 *
 * 1. What is taken out is not freed but retired, until every reader has been between two lookups
 *    (QSBR). A reader says so with plan_pause(), once a batch; who has nothing to do leaves.
 * 2. What is served changes at many places at once. The owner brackets that (plan_change_begin,
 *    plan_change_end); a lookup that saw a part of it is done again.
 * 3. What is added is seen by nobody until it is served.
 *
 * Nothing here waits: a lookup that met changes all the time says so (LOOKUP_BUSY), and what the
 * readers have not left yet stays retired until the owner asks again (plan_reclaim). */
#ifndef OPENILS_PLAN_READERS_H
#define OPENILS_PLAN_READERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_READERS_MAX 64

struct plan;

/* One thread's word, alone in its cache line: the generation that it has seen; 0: it reads
 * nothing. */
struct plan_reader {
    _Alignas(64) _Atomic uint64_t seen;
};

/* All zero: nobody reads. It belongs to the driver, and outlives the threads. */
struct plan_readers {
    struct plan_reader reader[PLAN_READERS_MAX];
    void (*yield)(void); /* lets other threads run, the owner's among them; or NULL */
};

/* --- a reader's thread, with a place of its own among the readers */

/* Before the first lookup, and again between two batches: what earlier lookups gave is gone. */
void plan_pause(const struct plan *p, struct plan_reader *r);
/* Before it waits for work: nobody waits for it then. What lookups gave is gone. */
void plan_leave(struct plan_reader *r);

/* Whether what is served stands still, and which change was the last; and whether it is still the
 * last: what was found in between is the answer of one moment. A lookup asks by itself. */
bool plan_settled(const struct plan *p, uint64_t *ret_change);
bool plan_unchanged(const struct plan *p, uint64_t change);
/* A change is under way, and its owner may wait for the processor that this thread has. */
void plan_yield(const struct plan *p);

/* --- the owner's thread */

/* From now on these read beside the owner; NULL: nobody does any more (all have left), and nothing
 * is retired but freed at once. */
void plan_use_readers(struct plan *p, struct plan_readers *readers);

/* Frees what all readers have passed. True: something is still waiting for one; ask again. */
bool plan_reclaim(struct plan *p);

/* What is served changes between the two; they nest, and are kept short: lookups wait. */
void plan_change_begin(struct plan *p);
void plan_change_end(struct plan *p);

/* --- inside the room: what may be retired begins with this */

struct mem;
struct grave {
    struct grave *next;
    size_t size; /* bytes, this included */
    void (*done)(struct mem *mem, struct grave *g); /* or NULL: nothing hangs on it */
};

struct graves {
    struct mem *mem;
    struct plan_readers *readers;
    _Atomic uint64_t generation;
    uint64_t waits_for;           /* the generation that frees what waits */
    struct grave *fresh, *waiting;
};

/* n bytes, zeroed, whose beginning is a grave; NULL: memory. */
void *grave_alloc(struct mem *mem, size_t n);
/* g may be NULL. */
void grave_free(struct mem *mem, struct grave *g);
/* Retires it; at once when nobody reads. g may be NULL. */
void graves_add(struct graves *v, struct grave *g);
/* Whether all readers have seen the generation that waits. */
bool graves_passed(const struct graves *v);
/* Frees what waits, and lets what is fresh wait from now on. */
void graves_turn(struct graves *v);

#endif
