/* planlog: the form of the rows of ROW_PLAN_LOG, which the core writes and the daemon reads.
 *
 * Every change of a plan or catalog of one's own by an operator has a number. Key: u64 number, u32
 * part. Part 0 is the header; parts 1.. are segments (plan/segment.h) that take the change back:
 * first a DEL of each key that it added, then a PUT of each that it removed, then a PUT of each
 * that it changed, with value and source as they were. USNs in them mean nothing.
 *
 * The header of a change of an imported catalog says what that was called then, and whether the
 * change made it (its parts DEL what it began with) or removed it (its parts PUT all that it had).
 */
#ifndef OPENILS_CORE_PLANLOG_H
#define OPENILS_CORE_PLANLOG_H

#include "base/buf.h"
#include "base/tick.h"
#include "core/limits.h"

#define PLAN_LOG_KEY 12 /* bytes of a key */

/* What a change did to the imported catalog itself. */
enum plan_life { PLAN_LIFE_SAME, PLAN_LIFE_ADDED, PLAN_LIFE_REMOVED };

struct plan_change {
    uint64_t number;               /* from the key */
    wall at;
    uint64_t stream;               /* STREAM_PLAN, or an imported catalog's number */
    uint64_t epoch, usn;           /* of the head that it made */
    uint64_t added, removed, changed;
    uint64_t undoes;               /* the change that it takes back (or up to which); 0 = none */
    bool undoes_to;                /* every change after that one */
    struct slice who, what, source;
    enum plan_life life;           /* of the catalog; of the plan, SAME and without a name */
    struct slice name, route_string, description;
};

void plan_change_key(uint8_t ret[static PLAN_LOG_KEY], uint64_t number, uint32_t part);
/* Both, or false where it is no such key. */
bool plan_change_key_get(struct slice key, uint64_t *ret_number, uint32_t *ret_part);

/* A change of the plan that is to be taken back at `until`, unless it is confirmed. */
struct confirm {
    uint64_t number; /* in the log; 0 = none */
    wall until;
};

/* A rollback of several streams is a batch of each: begun, and not yet done with. */
struct rollback {
    bool is;
    uint64_t to;   /* every change after that one is taken back */
    uint64_t last; /* number of the newest of its own changes */
};

/* What is known here of the log of the plan (planlog.c). */
struct planlog {
    uint64_t last, first;  /* numbers: the newest, and the oldest that is kept; 0: 1 is */
    struct {
        wall at;
        uint64_t number;   /* of the first change of a day */
    } day[PLAN_LOG_DAYS + 2];
    size_t day_n;
    struct confirm confirm;
    struct rollback rollback;
};

/* The header. who, what and source are cut to 255, 1 024 and 64 bytes, the words of a catalog to
 * what they may be. */
void plan_change_put(struct buf *b, const struct plan_change *c);
/* Lends from value; number is not in it. False: it is none. */
bool plan_change_get(struct slice value, struct plan_change *ret);

#endif
