/* source_diff: what of a replacement is new. A source of a million entries of which one has changed
 * is not to be committed whole: the loop, which answers calls, would stand still meanwhile. So a
 * worker makes a table of the keys, the loop looks entries up in the plan, some at a time, and what
 * is left is a small change. */
#ifndef OPENILS_DAEMON_SOURCE_DIFF_H
#define OPENILS_DAEMON_SOURCE_DIFF_H

#include "daemon/changes.h"
#include "plan/catalog.h"

struct source_diff {
    const struct changes *whole;
    struct slice source;
    uint32_t *slot; /* of the keys: number of the change + 1, 0 = empty */
    size_t mask;
    uint8_t secret[16]; /* of their hash */
    size_t at;      /* the next change to look up */
    uint64_t kept;  /* keys that the source has in the plan already */
    struct change *change;
    size_t n, size;
    bool failed;    /* memory, or too much is new: the whole is to be committed */
    struct arena arena; /* keys that go */
};

/* By a worker. whole must live as long as *d and not move. */
void diff_init(struct source_diff *d, struct changes *whole, struct slice source);
void diff_done(struct source_diff *d);

/* On the loop: looks up n more. True: all were, or it has failed. */
bool diff_step(struct source_diff *d, const struct catalog *own, size_t n);

/* On the loop, at the end: adds what goes away. False: the whole is to be committed, by which the
 * core judges how much goes. */
bool diff_end(struct source_diff *d, const struct catalog *own);

#endif
