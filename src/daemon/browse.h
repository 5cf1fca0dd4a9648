/* browse: going through what other clusters announce, as it is served here, or through one's own
 * plan, without holding the loop: a few thousand records in each of its turns. The core may change
 * in between; then the walk goes on nearby. */
#ifndef OPENILS_DAEMON_BROWSE_H
#define OPENILS_DAEMON_BROWSE_H

#include "daemon/control_inside.h"
#include "plan/walk.h"

/* Where a walk goes on: after this one of the plans in the order of (key, number). */
struct browse_place {
    bool begun;
    uint8_t key[KEY_SIZE];
    uint64_t number;
    struct catalog_place in;
};

struct browse {
    uv_idle_t turn;
    struct client *client; /* held until it is over */
    struct browse_place place;
    uint64_t looked_at;
    bool enough;
    bool again;
    bool own; /* one's own plan alone */
    /* NULL: every plan. */
    bool (*plan)(struct browse *b, const struct view_plan *p);
    /* Asked first, with less work; NULL: every record. */
    bool (*want)(struct browse *b, const struct record *r);
    /* False: that is enough. */
    bool (*row)(struct browse *b, const struct view_plan *p, const struct record *r);
    /* It is over; whole: nothing is behind the place. Not called when the client is gone. */
    void (*done)(struct browse *b, bool whole);
    void (*free)(struct browse *b);
    void *context;
    const struct view_plan *now; /* the plan that is gone through */
};

/* Begins; b is given to b->free when all is over, whatever happens. */
void browse_start(struct browse *b);
/* In `done`: it goes on from its place instead of being over, and ends with `done` again. */
void browse_again(struct browse *b);

/* The place as a text of letters, digits and dots, and back; false: it is none. */
#define BROWSE_TEXT_MAX 160
void browse_text(char dst[static BROWSE_TEXT_MAX], const struct browse_place *p);
bool browse_parse(struct browse_place *ret, struct slice text);

/* user, "@" and domain; the user alone where there is none. Length, dst ends with NUL. */
bool browse_contains(struct slice text, const char *part, size_t n); /* part: in lower case */
#define BROWSE_KEY_MAX (2 * URI_MAX + 4)
size_t browse_key(char dst[static BROWSE_KEY_MAX], const struct record *r);
/* Of an imported catalog that of the catalog. */
void browse_peer_id(char dst[static 2 * PEER_ID_SIZE + 1], const struct view_plan *p);

#endif
