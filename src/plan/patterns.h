/* patterns: the digit trie over the patterns of all catalogs. Inside the room only.
 *
 * It knows which patterns are held, not who serves them: a pattern is counted once for every PUT
 * and DEL of it in a held segment, and whether one of these counts is the key index's to say. So a
 * lookup walks the trie for what fits and asks the index, the most specific first, until it has
 * enough.
 *
 * A node's children are an array of nodes, in the order of their labels: the order in which they
 * are visited is the order of specificity. Nodes refer to each other by number, so that the pool
 * may move. The positions of the dialled number at which a node can be reached are bits of one
 * word, so that every node is visited at most once, whatever the wildcards.
 *
 * Readers (plan/readers.h) walk beside the owner: a node is written before its parent counts it,
 * and an array that one would be taken out of, or put into the middle of, is copied. The former
 * array is used again when all readers have passed; what is missing in it is served by nobody. */
#ifndef OPENILS_PLAN_PATTERNS_H
#define OPENILS_PLAN_PATTERNS_H

#include "base/mem.h"
#include "plan/pattern.h"
#include "plan/readers.h"

#define PATTERN_NODES_MAX  (UINT32_C(1) << 24)
#define PATTERN_CLASSES    13 /* arrays of 1, 2, 4 .. 4096 children: there are 3 069 labels */
#define PATTERN_LEVELS_MAX (PATTERN_MAX + 1)
/* The work of one walk, whatever is announced: nodes that it looks at, and what each call of visit
 * counts for, since that asks the index. Some 1 ms. A large plan needs some hundreds; only patterns
 * made for it need more. */
#define PATTERN_VISITS_MAX 50000
#define PATTERN_ASK_VISITS 50

struct pattern_node {
    uint32_t label; /* element_label */
    /* PUTs and DELs that are held of the pattern that ends here. In the first node of an array
     * given back, the next such array: whoever still reads it asks for a pattern too many. */
    _Atomic uint32_t records;
    _Atomic uint64_t below; /* its children, see below_make */
};

struct pattern_pool {
    struct grave grave;
    uint32_t size;
    struct pattern_node node[]; /* [0] nobody, [1] enterprise, [2] +E.164 */
};

/* Arrays given back, by class, linked: since the last turn; that wait for readers; to be had. */
enum { ARRAYS_FRESH, ARRAYS_WAITING, ARRAYS_FREE, ARRAYS_LISTS };

/* All zero is empty, and takes no memory. */
struct patterns {
    struct pattern_pool *_Atomic pool; /* or NULL */
    uint32_t top; /* nodes that were ever used */
    uint32_t array[ARRAYS_LISTS][PATTERN_CLASSES];
    uint64_t records;
    struct graves *graves; /* NULL: nobody reads beside */
};

void patterns_done(struct patterns *t, struct mem *mem);

/* Counts a record of the pattern. False: memory, and nothing has changed. */
bool patterns_add(struct patterns *t, struct mem *mem, const struct pattern *p);
/* Takes one away that was added; memory goes with the last. */
void patterns_remove(struct patterns *t, struct mem *mem, const struct pattern *p);

/* What a walk cost. */
struct patterns_work {
    uint32_t visits;   /* PATTERN_VISITS_MAX at most, and one question more */
    bool cut;          /* at PATTERN_VISITS_MAX: what comes behind was not asked */
    struct pattern at; /* cut: one of the patterns among which it was */
};

/* Calls visit for every pattern that the number (digits, with or without "+") matches, the most
 * specific first, until it returns false. work is filled; it may be NULL. */
typedef bool patterns_visit(void *context, const struct pattern *p);
void patterns_match(const struct patterns *t, struct slice number, patterns_visit *visit,
                    void *context, struct patterns_work *work);
/* The same for every pattern that a longer number matches which begins with this one; in no
 * particular order. */
void patterns_longer(const struct patterns *t, struct slice number, patterns_visit *visit,
                     void *context, struct patterns_work *work);
/* The same for every pattern that matches a number which p matches too; p itself among them. */
void patterns_overlap(const struct patterns *t, const struct pattern *p, patterns_visit *visit,
                      void *context, struct patterns_work *work);

/* Arrays given back: all readers have passed those that waited. */
void patterns_turn(struct patterns *t);
/* Whether any is given back that is not to be had yet. */
bool patterns_wait(const struct patterns *t);

uint64_t patterns_bytes(const struct patterns *t);

#endif
