/* limits: every bound of the core, one line each, with its reason. */
#ifndef OPENILS_CORE_LIMITS_H
#define OPENILS_CORE_LIMITS_H

#include "base/tick.h"

#define HANDSHAKE_US      (10 * TICK_S)  /* deadline before authentication */
#define BRISK_US          (4 * TICK_S)   /* ... of the first two attempts after a loss */
#define BRISK_ATTEMPTS    2
#define KEEPALIVE_US      (3 * TICK_S)   /* where nothing else was sent */
#define DEAD_US           (9 * TICK_S)   /* three keepalives missed */
#define SESSION_US        (24 * 3600 * TICK_S) /* a session's longest life */
#define SESSION_RENEW_US  (23 * 3600 * TICK_S) /* the dialler sets its successor up */
#define BACKOFF_MIN_US    (TICK_S / 4)
#define BACKOFF_MAX_US    (3 * TICK_S)   /* known peers */
#define LIVED_US          BACKOFF_MAX_US /* a link that ends before counts as one that failed */
#define REFUSED_WAIT_US   (60 * TICK_S)  /* after a refusal only */
#define ALTERNATE_AFTER_US TICK_S        /* a hub that restarts is not left at once */
#define ALTERNATE_JITTER_US TICK_S       /* not all spokes of a dead hub in one moment */
#define ALTERNATE_EVERY_US TICK_S        /* one more is tried, until one answers */
#define PLACE_AFTER       4              /* attempts in vain, then other addresses are tried too */
#define HOME_AGAIN_US     (60 * TICK_S)  /* from an alternate, the own hub is tried again */
#define VISIT_JITTER_US   (2 * TICK_S)
#define HEARD_US          (2 * TICK_S)   /* who came to a spoke in vain is told the news */
#define SEEK_EVERY_US     (60 * TICK_S)  /* a hub dials spokes that have not been heard of */
#define VISIT_PAUSE_MAX_US (600 * TICK_S)
#define DRAIN_US          (60 * TICK_S)  /* a hub waits for its spokes to go */
#define SEND_HOLD_US      (2 * DEAD_US)  /* RFC 9687: nothing was taken for so long */
#define FETCH_SILENT_US   (5 * TICK_S)   /* no byte for 5 s: the next neighbour */
#define FETCH_WHOLE_US    (60 * TICK_S)  /* for one answer: a slow way, not a trickle for ever */
#define START_HOLD_US     (10 * TICK_S)  /* no writing before a list has come */
#define ADOPT_SILENT_US   (30 * TICK_S)  /* one's own newer plan was proved, and does not come */
#define RIVAL_US          (10 * TICK_S)  /* what a neighbour had of one's own came before */
#define FETCH_RETRY_US    (5 * TICK_S)   /* after a fetch was given up; doubling to a minute */
#define FETCH_RETRY_MAX_US (60 * TICK_S)
#define FETCH_FAILURES    8
#define STORE_RETRY_US    (5 * TICK_S)   /* a disk that took no commit is tried again */
#define REPLACED_US       (60 * TICK_S)  /* replaced segments are served on */
#define REPLACED_BYTES    (4u << 20)     /* of one stream; beyond it they are asked for anew */
#define HOLDS_LATE_US     (10 * TICK_S)  /* later than that is behind; and no word more often */
#define HOLDS_BYTES       4096           /* of it as a field */
#define BEAT_MINUTES      10             /* interval of signing again */
#define HALF_OPEN_MAX     1024           /* links before their proof */
#define HALF_OPEN_KNOWN   4              /* of them whoever was met before has this many first */
#define PROVED_MAX        16             /* dials whose binders are known */
#define PENALTIES_MAX     65536          /* prefixes of sources that failed */
#define PENALTY_BUCKETS   4096
#define PENALTY_AUTH_US   (5 * TICK_S)   /* doubling */
#define PENALTY_PROTO_US  (10 * TICK_S)
#define PENALTY_MAX_US    (600 * TICK_S)
#define PENALTY_HOLD_US   (5 * TICK_S)   /* held rather than refused */
#define REQUESTS_MAX      64             /* segments asked for at once on one link: 4 MiB */
#define ANSWERED_UNSENT   (64 * 1024)    /* unsent on a link: its other questions wait (3.21) */
#define PENDING_MAX       (8 * 1024 * 1024) /* unsent bytes on a link: it does not read */
#define IN_MAX            (256 * 1024)   /* bytes waiting for the rest of a frame */
#define CHANGE_SOURCES_MAX 65 /* of one change: 64 that a file names, and the one it is given for */
#define SHRINK_LEAST      100            /* entries: if more of a source go than stay, by force */
#define PLAN_LOG_LEAST    100            /* changes of one's own plan that can be taken back, and */
#define PLAN_LOG_DAYS     30             /* ... all of so many days, ... */
#define PLAN_LOG_MOST     100000         /* ... but no more than this */
#define STEP_CHANGES      20000          /* changes and records that a step looks at of a commit */
#define RECORD_BYTES      12             /* of a record in a segment, about: so many are indexed */
#define ADOPTED_USN_GAP   (UINT64_C(1) << 20) /* above what others may hold */
#define UNADMITTED_MAX    (2 * PEERS_MAX) /* streams that wait for a roster to list them: all that
                                          * a hub may tell a newcomer before the rosters are read */
#define CATALOGS_MAX      32             /* that one hub imports */
#define CATALOGS_ORIGIN   40             /* of one origin: more than it may make, a fifth of all */
#define CATALOGS_WAITING  64             /* catalogs that their own origins announce, likewise */
#define PEERS_NEAR        180            /* an alarm at 90 % of 200 */
#define ENDED_MAX         256            /* who was forgotten or banned: a third of stream 0 */
#define ENDED_KNOWN       32             /* of them not for strangers, by another hub's word, ... */
#define ENDED_OWN         8              /* ... and not for anybody's but the own operator's word */
#define ENDED_AUTHOR      64             /* records of ends that one other hub may have made */
#define LEAVE_US          (2 * TICK_S)   /* a goodbye has this long to be told */
#ifdef OPENILS_PEERS_MAX
#define ROSTER_MAX        OPENILS_PEERS_MAX /* of ilssim-scaling */
#define STREAMS_MAX       (2 * OPENILS_PEERS_MAX + 24)
#else
#define ROSTER_MAX        64             /* clusters that one hub vouches for */
#define STREAMS_MAX       1024
#endif
#define LEARNED_MAX       1000000        /* learned objects, unless it is set */
#define LEARNED_MOST      10000000       /* likewise: more cannot be set */
#define LEARNED_BYTES     (256u << 20)   /* of others' segments, or a quarter of memory */
#define SELF_BYTES        (2 * 65536)    /* what a cluster says of itself, roster and all, and as \
                                          * much of a tail that is not folded yet */
#define REBUILD_US        (60 * TICK_S)  /* a wrong digest costs one rebuilt index in this time */
#define ALARMS_MAX        256
#define ALARM_ATTEMPTS_MAX 40            /* of each alarm that strangers raise: five of them */
#define ALARM_SUBJECT_MAX 64
#define ALARM_QUIET_US    (60 * TICK_S)  /* a repeat is told at most once a minute */
#define ALARM_OVER_US     (15 * 60 * TICK_S) /* an attempt that is not repeated is over */
#define VERDICTS_KEPT     64
#define CLOCK_AHEAD_US    (20 * 365 * 24 * 3600 * TICK_S) /* of the build */
#define CLOCK_LOOK_US     (10 * TICK_S)  /* a wrong clock may have been set right */
#define TRUST_MAX         1024           /* certificates and CRLs in the trust store */
#define TRUST_BYTES       (8u << 20)     /* of all of them */
#define ANNOUNCED_KEPT    4              /* of them because one peer announced them, and ... */
#define ANNOUNCED_WAIT_US (5 * TICK_S)   /* ... no two of them in less than this */
#define INTRODUCED_MAX    200            /* that one hub may introduce (PEERS_MAX) ... */
#define INTRODUCED_KEPT   128            /* ... of them in the trust store by its word, and ... */
#define INTRODUCED_ONCE   16             /* ... that are imported at once, as often as ANNOUNCED */
#define INTRODUCED_HOST_US TICK_S        /* who is introduced is dialled after this: it imports */
#define INTRODUCED_GUEST_US (3 * TICK_S) /* ... and dials after this: the others come first */
#define INTRODUCED_HOLD_US (10 * TICK_S) /* ... at the latest, whether it was imported or not */
#define REFUSED_MAX       64             /* refused certificates that are kept ... */
#define PEER_ROW_US       (10 * TICK_S)  /* a peer costs one row in this time at most */
#define REFUSED_IDS       16             /* clusters refused for their id are remembered */
#define REFUSED_PER_ADDRESS 8            /* ... of them from one address */
#define REFUSED_KEPT_US   (30 * 24 * 3600 * TICK_S) /* ... and how long */
#define REFUSED_WRITE_US  (2 * TICK_S)   /* strangers cause one batch in this time at most */
#define REFUSED_VERDICTS  8              /* verdict ids under which one may be imported */
#define INVITES_MAX       64
#define INVITE_FAILURES   5              /* then it is spent */
#define INVITE_KEPT_US    (24 * 3600 * TICK_S) /* after its end, so that "expired" can be said */
#define EXPIRING_US       (30 * 24 * 3600 * TICK_S) /* or a third of the life, if that is less */
#define EXPIRING_DAILY_US (7 * 24 * 3600 * TICK_S)

#endif
