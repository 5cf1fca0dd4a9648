/* core_stream: what the core keeps of each stream, one's own and others': what is served, what is
 * wanted and on its way, what is served in its place, and what a neighbour says of it (stream.c,
 * fetch.c, stored.c, exchange.c, told.c, held.c, duplicates.c, catalogs.c). Part of core.h. */
#ifndef OPENILS_CORE_CORE_STREAM_H
#define OPENILS_CORE_CORE_STREAM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "core/core_text.h"
#include "core/ils.h"
#include "core/limits.h"
#include "plan/walk.h"

struct stream;
struct link;

/* What an imported catalog of one's own is called (catalogs.c). */
struct catalog_words {
    TEXT(name, CLUSTER_ID_MAX);
    TEXT(route_string, ROUTE_STRING_MAX);
    TEXT(description, DESCRIPTION_MAX);
};

/* What is on its way for one stream. */
enum fetch_state { FETCH_NONE, FETCH_MANIFEST, FETCH_SEGMENTS };

/* Where the head that stands for one's own stream is: it is told when it is durable. */
enum withheld_state { WITHHELD_MADE, WITHHELD_STORING, WITHHELD_DURABLE };

/* What is served in place of a plan that shrank by more than half (held.c). */
struct kept {
    struct catalog *catalog;   /* NULL: nothing is held back */
    uint64_t epoch, usn, live; /* of the head that it is of */
    wall since;
    uint64_t batch;            /* the newest with its row; KEPT_UNSTORED: none; 0: it is durable */
    struct buf head_bytes;     /* until then */
    TEXT(subject, ALARM_SUBJECT_MAX); /* of its alarm */
};
#define KEPT_UNSTORED UINT64_MAX

/* How far a plan was looked through for what others have as well, and for what is not sound. */
struct scan {
    bool due;                  /* it has changed since that was begun last */
    struct catalog_place place;
    uint64_t records;          /* seen so far */
    tick next;                 /* not before */
    uint64_t illegal, illegal_now; /* found last; found so far */
    TEXT(example, 96);         /* of those found last, ... */
    TEXT(example_now, 96);     /* ... and so far */
};

/* Two plans that have entries in common (duplicates.c). */
struct pair {
    struct list node;
    struct stream *a, *b;
    uint64_t count, count_now; /* of entries in common; counted so far */
    uint8_t kind, kind_now;    /* of an example; of the first one so far */
    TEXT(example, URI_MAX);
    TEXT(example_now, URI_MAX);
    bool raised;
    TEXT(subject, ALARM_SUBJECT_MAX); /* of its alarm */
};

struct stream {
    struct list node;
    struct stream *next_by_key;
    struct list due;       /* among those of which something is fetched, or is to be again */
    uint8_t key[KEY_SIZE];
    uint64_t number;
    size_t index;          /* of its mark on every link; of nobody else at the same time */
    bool own;
    bool admitted;
    bool listed, walked;   /* while it is computed who is admitted (admit.c) */
    /* what each step looks at, of all streams, is together */
    enum fetch_state fetch;
    struct link *source;
    tick fetch_last;       /* when something last came */
    tick retry;            /* a fetch that was given up is tried again; TICK_NEVER: none was */
    tick refused;          /* until then no newer head is looked into: the last one was refused */
    struct catalog *catalog;
    /* served */
    struct head head;      /* slices into head_bytes */
    struct buf head_bytes; /* n = 0: nothing served yet */
    /* the change that led to it, to be carried with the head where it fits */
    struct buf delta;      /* a frame HEAD with delta, n = 0: none */
    uint8_t delta_base[HASH_SIZE];
    /* wanted */
    struct head wanted;
    struct buf wanted_bytes;
    struct buf wanted_lines;
    struct buf target_lines; /* the target of the catalog while it is being filled */
    struct buf former_lines; /* own: what an adopted catalog replaced, until that is mine */
    uint8_t target_root[HASH_SIZE]; /* only the head with this root may be served from it */
    size_t at;             /* next line to ask for */
    uint32_t asked, manifests; /* requests under way: for segments, for the list */
    uint32_t failures;
    struct list replaced;  /* segments that left the list less than 60 s ago */
    size_t replaced_bytes;
    wall last_usn;
    tick last_head;        /* when the head (or its beat) last came */
    uint64_t seen_epoch, seen_usn; /* of the newest that came, taken or not */
    bool digest_differs, damaged; /* damaged: in the store, until it is served */
    bool over_quota;       /* the newest head was refused whole */
    tick rebuilt;          /* when a digest last differed */
    size_t roster_n;       /* stream 0 of another: how many its roster names, ... */
    struct buf roster;     /* ... and their keys in the list of this root (admit.c): */
    uint8_t roster_root[HASH_SIZE];
    bool written;          /* own: since this start */
    bool written_again;    /* own catalog: above what a neighbour held (catalogs.c) */
    bool committing;       /* own: a commit is under way */
    struct catalog_words *words; /* own catalog: as it is to be called; NULL: not one */
    bool proved_older;     /* own: a neighbour showed a newer head with my own signature */
    bool rolled_back;      /* own: a neighbour holds a newer one; nothing is written any more */
    tick rolled_at;        /* since when, in this life, */
    bool rival;            /* ... and it was written on long after that: somebody else does so */
    uint64_t theirs_epoch, theirs_usn; /* of that one, or what else a new epoch must be above */
    bool theirs_left;      /* that one lists nothing: there is nothing to be had */
    bool hide;             /* own: others are not shown the real one (told.c) */
    struct buf withheld;   /* own: the head that they are shown in place of it, which lists nothing;
                            * n = 0: none was made, or the real one is above it by now */
    struct head withheld_head; /* slices into it */
    uint8_t withheld_state; /* enum withheld_state */
    bool renew;            /* own: a new epoch begins before anything else is written (adopt.c) */
    bool rebuilding;       /* own: an operator wants theirs */
    uint64_t beat_seen;    /* own: others hold this beat of the head; the next is above it */
    struct buf second;     /* a head of the same epoch and USN with another root: two writers */
    tick behind;           /* since when a head is known that is not served; 0 = none */
    wall failed;           /* when something last went wrong with it, and what; 0 = nothing has */
    const char *error;
    struct buf unstored;   /* another's: names of segments that the disk did not take (stored.c) */
    bool head_unstored;    /* likewise */
    uint64_t again;        /* the batch that has them once more; 0: none is under way */
    struct kept kept;
    bool kept_given;       /* following: the row of what is kept is there */
    uint64_t base_peak, base_live; /* where it was served although it had shrunk: from there */
    struct scan scan;
    uint64_t counted;      /* in the vector: what it adds to the sum; 0 = it is not in it */
    uint64_t counted_epoch, counted_usn;
};

/* One neighbour's word on one stream. */
struct mark {
    bool theirs;           /* they have said it, or were sent it */
    bool said;             /* they have said that they hold something of it */
    bool shown;            /* they were told what is held here, in the list or by a head */
    uint64_t epoch, usn, beat;
    uint8_t root[HASH_SIZE];
};

#endif
