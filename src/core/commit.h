/* commit: a commit of one's own stream, from the wish until it is served. Included by core.h, whose
 * state it is part of, and by nobody else. */
#ifndef OPENILS_CORE_COMMIT_H
#define OPENILS_CORE_COMMIT_H

enum commit_kind { COMMIT_CHANGE, COMMIT_BEAT, COMMIT_ADOPT, COMMIT_CONFIRM, COMMIT_LEFT };

struct keys {
    uint32_t *slot; /* change + 1, 0 = empty; open addressing over the changes */
    size_t mask;
    const uint8_t *secret; /* of the plan */
};

/* May a change be done, and what does it leave out? In steps (waiting.c). */
struct judging {
    const struct catalog *catalog;
    struct arena *arena; /* of what is made */
    uint8_t phase;
    size_t at;
    struct keys keys;
    struct catalog_place place;
    const struct change **removal; /* of a replacement: what it leaves out goes */
    size_t removal_n, removal_size;
    bool failed, over;
};

/* A commit of one's own stream, from the beginning until it is served (commit.c). */
struct own_commit {
    struct list node;
    struct stream *stream;
    struct arena arena;
    struct commit commit;
    enum commit_kind kind;
    struct waiting *waiting; /* until it is given to the disk; NULL: it was, or is done at once */
    struct judging judging;
    struct origin *origin;
    struct inverse *inverse;
    uint64_t former_usn;   /* that it is above */
    bool left;
    uint64_t command;      /* of the operator, 0 = the core's own wish */
    uint64_t logged;       /* its number in the log, 0 = it has none */
    uint64_t removed, changed; /* keys that went; whose value changed */
    bool confirms;         /* `confirm` is so when it is durable */
    struct confirm confirm;
    bool rolls;            /* so is `rollback` */
    struct rollback rollback;
    bool ahead;            /* its target is filled in steps, before it is durable */
    bool near, stored, shown; /* its list is the target; it is durable; it is served */
    size_t filled;         /* segments in the target */
};

#endif
