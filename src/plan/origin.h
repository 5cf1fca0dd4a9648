/* origin: how an origin writes its own streams: changes that wait together become segments, a
 * manifest and a signed head; segments that are small, half dead or dead are written anew or left
 * out. Pure: the caller makes the result durable before anything of it leaves. PROTOCOL.md,
 * "Writing".
 *
 * The result of a commit is a target for one's own catalog (plan.h) plus the bytes to store. */
#ifndef OPENILS_PLAN_ORIGIN_H
#define OPENILS_PLAN_ORIGIN_H

#include "base/arena.h"
#include "plan/plan.h"

#define TAIL_BYTES_MAX 65536
#define TAIL_LINES_MAX 128

/* One wanted change. For DEL only kind and key matter. */
struct change {
    bool put;
    uint8_t kind;
    struct slice user, domain; /* as in struct record */
    struct slice value;
    struct slice source;
};

/* The order of keys: kind, domain, user, byte by byte, a URI's user without case first, so that its
 * spellings are neighbours. <0, 0, >0. Changes that come in this order are committed fastest. */
int change_order(const struct change *a, const struct change *b);

struct new_segment {
    struct line line;
    struct slice bytes; /* in the arena */
};

struct commit {
    struct head head;          /* name, route_string: the caller's slices */
    struct slice head_bytes;   /* signed, in the arena */
    struct slice lines;        /* new manifest, in the arena */
    struct new_segment *segment;
    size_t segment_n;
    struct line *dropped;      /* no longer listed */
    size_t dropped_n;
    uint64_t puts, dels;       /* changes that had an effect */
    const struct change *const *change; /* these, by key; the array is in the arena */
    size_t change_n;
    uint64_t rewritten;        /* bytes of the segments that hold records written before */
};

struct origin; /* a commit that is under way */

/* What is wanted: an array, and more of them that stand here and there, behind it. */
struct changes_of {
    const struct change *change;
    size_t n;
    const struct change *const *more;
    size_t more_n;
};

/* Turns changes into a commit on top of `former` (the served head; lines = 0, usn = 0 for a new
 * stream, whose epoch the caller chose). c is the own catalog; what it serves is not changed, and
 * must stay until origin_done. PUTs that say what is already there (same value and source) and DELs
 * of what is not there have no effect; several changes of one key: the last counts. Records are
 * ordered by (source, kind, domain, user) so that domains are shared. A commit without any
 * effective change still takes one USN (a head that changed). What is rewritten (origin_rewrite.c)
 * is in the same head; it takes a USN more. left: it lists nothing, whatever the changes.
 * The changes stay the caller's until origin_done; all else lives in the arena. NULL: memory. */
struct origin *origin_begin(struct arena *a, const struct catalog *c, const struct head *former,
                            bool left, const struct changes_of *of);
/* What it changes, by key, each key once; when it can be signed. */
const struct change *const *origin_changes(const struct origin *w, size_t *ret_n);
/* Goes on with it for about *budget changes and records, and takes those off it. 1: there is more
 * to do; 0: it can be signed; -1 memory; -2 the manifest would exceed its maximum; -3 a change that
 * no segment can hold (PROTOCOL.md, "Segments"); -4 there would be more than KEY_SPELLINGS_MAX URIs
 * that differ from this one in case only. */
int origin_go_on(struct origin *w, size_t *budget);
/* After -4: the change that brings one too many. */
const struct change *origin_refused(const struct origin *w);
/* Signs it. next: fields of the new head that the caller decides (key, number, epoch, beat,
 * interval, flags, name, route_string); usn, root, lines, bytes, live, sum and peak are computed.
 * 0, or -1 memory. */
int origin_end(struct origin *w, const struct head *next, const uint8_t secret[static SECRET_SIZE],
               struct commit *ret);
/* At any time, once; the arena is the caller's. w may be NULL. */
void origin_done(struct origin *w);

/* All of it at once; next->flags says whether it lists nothing. 0, or the errors above. */
int origin_commit(struct arena *a, const struct catalog *c, const struct head *former,
                  const struct head *next, const struct change *change, size_t n,
                  const uint8_t secret[static SECRET_SIZE], struct commit *ret);

#endif
