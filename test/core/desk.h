/* desk: one core between two fingers: its rows, its replies and its traces are kept, its disk
 * answers when the test says so, and its functions may be called as if an event had come. */
#ifndef OPENILS_TEST_CORE_DESK_H
#define OPENILS_TEST_CORE_DESK_H

#include "../test.h"
#include "core/core.h"

#define DESK_ROWS  2048
#define DESK_SAID  4096
#define DESK_BATCH 64

struct desk_row {
    uint8_t space;
    uint8_t *key, *value;
    size_t key_n, value_n;
};

struct desk_said {
    enum trace_event event;
    char text[2][64];
};

struct desk {
    struct mem *mem;
    struct ils *ils;
    tick now;
    wall wall;        /* at now = 0 */
    bool dead;        /* a step failed: the process would end */
    bool full;        /* the disk takes nothing */
    bool held;        /* the disk does not answer yet: desk_disk */
    struct desk_row row[DESK_ROWS];
    size_t row_n;
    uint64_t batch[DESK_BATCH]; /* not yet answered */
    bool failed[DESK_BATCH];
    size_t batch_n;
    size_t stores, puts;        /* batches and rows asked for in all */
    uint64_t commands;
    enum reply reply; /* REPLIES: none yet */
    char text[128];
    uint64_t number[2];
    struct desk_said said[DESK_SAID];
    size_t said_n;
    size_t contexts;  /* TRUST in all */
};

/* Starts a core in mem with the rows that are there. */
void desk_start(struct desk *d, struct mem *mem);
void desk_stop(struct desk *d);  /* keeps the rows */
void desk_clear(struct desk *d); /* and the rows go */

void desk_step(struct desk *d, struct ils_event event);
/* The disk answers all that it was asked, now and from now on. */
void desk_disk(struct desk *d);
/* Later by t, with the deadlines between. */
void desk_pass(struct desk *d, tick t);
enum reply desk_command(struct desk *d, struct command c);

/* Between the two the test calls functions of the core. */
void desk_begin(struct desk *d);
void desk_end(struct desk *d);

/* A cluster "tokyo" with something for a certificate; a hub. */
void desk_hub(struct desk *d);

/* A link of ip on which a certificate of this seed was shown; NULL: memory was refused. */
struct link *desk_link(struct desk *d, const char *ip, unsigned seed);
/* The certificate of that seed; der of n bytes, 3 at least, at most 16384. Eight are there at a
 * time. */
struct trust_item desk_item(unsigned seed, size_t n);

size_t desk_rows(const struct desk *d, enum row_space space);
/* Whether these bytes lie anywhere in the rows of the space. */
bool desk_holds(const struct desk *d, enum row_space space, const void *p, size_t n);
bool desk_said(const struct desk *d, enum trace_event event, const char *t0, const char *t1);

#endif
