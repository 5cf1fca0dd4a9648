/* judge_inside: what the files of the judge share: judge.c (what clusters answer, at every step),
 * judge_told.c (what they tell), wire.c (what they send) and calm.c (how everything ends). */
#ifndef OPENILS_SIM_JUDGE_INSIDE_H
#define OPENILS_SIM_JUDGE_INSIDE_H

#include "core/view.h"
#include "sim/facts.h"
#include "sim/grow.h"
#include "sim/judge.h"

#define SOULS_MAX 512

/* What the operator knows of one key. */
struct slot {
    bool there;
    uint64_t version;
    uint64_t command;  /* of the change under way, 0 = none */
    bool there_next;
    uint64_t version_next;
};

/* Whoever writes under one key: usually one node, and one node has several in the course of
 * time. */
struct soul {
    uint8_t key[KEY_SIZE];
    uint8_t id[PEER_ID_SIZE];
    unsigned lineage;   /* whose entries its plan has */
    enum fate fate;
    bool ended;         /* its fate was another once: what was served of it may go */
    struct stamp newest; /* that it ever served itself */
    bool off;            /* its exchange is, and what it had told by then: */
    struct stamp shown;
    uint64_t peak;       /* entries, since a shrink was confirmed last; ... */
    uint64_t most;       /* ... and ever */
    bool vague;          /* nobody knows whether it was, since a crash came before the answer, or
                          * what a copy of its disk or an older state of it takes for the peak */
};

/* Who proved itself, and for the link that stood last: from where, with which boot. */
struct met {
    uint8_t id[PEER_ID_SIZE];
    char ip[16];
    uint64_t boot;
    tick at;
};

/* What is known of a node beside its core. */
struct life {
    struct slot slot[JUDGE_KEYS];
    uint32_t soul;         /* who it is; 0: not known yet */
    unsigned lineage;
    struct stamp own;      /* its own plan, as it served it last */
    uint64_t boot;         /* of this incarnation */
    uint64_t boot_used;    /* the highest that others could meet */
    bool dirty;            /* something may have changed */
    bool restarted;        /* not judged since its start */
    bool reborn;           /* its disk is another than the one that it left */
    bool unsure;           /* since then, or since it was forgotten: another epoch may begin */
    bool older;            /* until it writes above `rival`: others may hold a newer plan of it */
    struct stamp rival;    /* the newest that there was when its disk was changed, or that a copy
                            * has written */
    uint32_t banned[SOULS_MAX]; /* by its records, durably: 1 + the soul of the author; 0: not */
    bool adopts;           /* it serves what its neighbours hold of it */
    bool out;              /* it is not to be in the network */
    bool off;              /* its exchange is, durably */
    uint64_t confirm;      /* the command that says that its plan is meant to be that small; 0 */
    bool confirmed;        /* in this step */
    uint64_t release;      /* that serves another's as it is, and whose; 0 */
    uint32_t released;
    uint64_t applied_in;   /* in which step it took heads last, ... */
    uint32_t applied;      /* ... whose the last was, ... */
    bool applied_more;     /* ... and whether it took several */
    bool stood[SOULS_MAX]; /* they were linked when its clock was lost, in ... */
    uint64_t stood_in;     /* ... that incarnation */
    struct met *met;       /* those who proved themselves here */
    size_t met_n;
};

struct held {
    uint64_t incarnation;
    struct stamp at;
    uint64_t looked;       /* in which step it was in the table last */
    tick over;             /* since when it is served although it was ended, by ... */
    uint64_t over_in;      /* ... that incarnation; 0: it is not */
    bool met;
    struct stamp fits;     /* the newest head of its plan that was heard and is no more than the
                            * quota, in ... */
    uint64_t fits_in;      /* ... that incarnation */
    struct stamp kept;     /* which is served in place of the one that shrank; epoch 0: none */
    uint64_t based, base;  /* the peak of a plan that is served although it shrank, and what it had
                            * then, or more since */
    bool vague;            /* it may be: a crash came before the answer */
    bool loose;            /* it, or what it was before it shrank: both may be served */
};

/* What a node answered about the keys of a lineage as one soul's, and when: at that count of
 * changes of its plan, its routes and its policy. As long as these stand, so does the answer. */
struct answered {
    uint64_t incarnation; /* 0: never */
    uint64_t change, routes, policy;
    unsigned lineage;
    unsigned asked; /* how often since it was read */
    struct fact fact[JUDGE_KEYS];
};

struct judge {
    struct world *world;
    bool strict;
    struct soul soul[SOULS_MAX]; /* [0] is nobody */
    size_t soul_n;
    struct life life[NODES_MAX];
    struct held *held[NODES_MAX]; /* [holder][soul] */
    struct answered *answered[NODES_MAX]; /* [node][soul] */
    struct ledger ledger;
    uint64_t version, acknowledged, dials, zombies;
    uint64_t backs;        /* heads that went back */
    uint64_t heads;        /* that were seen under way */
    uint64_t nothing;      /* root of a head that lists nothing */
    uint32_t excused;      /* bits of enum excuse */
    tick penalised;        /* until when somebody is in penalty, as was said to it */
    struct mem mem;
    struct arena arena;
    char text[256];
    struct stamp last[NODES_MAX]; /* of each node's own plan (calm.c) */
};

/* judge.c */
uint32_t soul_of(const struct judge *j, const uint8_t key[static KEY_SIZE]); /* 0: nobody's */
uint32_t soul_by_id(const struct judge *j, const uint8_t id[static PEER_ID_SIZE]);
/* The node that is that soul now; NULL: none, or two. */
struct node *soul_node(const struct judge *j, uint32_t soul);
void judge_holds(struct judge *j, const struct node *n); /* held[] of n is there */
/* n is not all that there is of its own: a copy is about, or others hold newer of it. */
bool soul_rivalled(const struct judge *j, const struct node *n);
/* What n answers about a lineage's keys as that one's; what it points to is overwritten when it is
 * asked for again. anew: whether or not anything can have changed. */
const struct fact *soul_facts(struct judge *j, const struct node *n, uint32_t soul,
                              unsigned lineage, bool anew);
/* The first of that one's keys that n has an entry of; JUDGE_KEYS: it serves none. */
size_t soul_served(struct judge *j, const struct node *n, uint32_t soul);

/* judge_told.c */
void judge_action(void *context, struct node *n, const struct ils_action *a);

/* judge_policy.c */
void policy_joined(struct judge *j, const struct node *n, const struct verdict *v);
void met_copied(struct life *life, const struct life *original); /* its disk knows them too */
void policy_drained(struct judge *j, const struct node *n);
void policy_own(struct judge *j, const struct node *n, const struct view_self *self);
/* moved: the head is another than before. */
void policy_held(struct judge *j, const struct node *n, uint32_t of, const struct view_row *c,
                 bool moved);

/* judge_member.c */
void judge_admission(struct judge *j, const struct node *n, uint32_t of,
                     const struct view_row *c);
void admission_applied(struct judge *j, const struct node *n, const struct trace *t);
/* Whether somebody who was forgotten cannot write that it returns, for its disk was put back or it
 * has a copy: whoever is linked with it may return in its place, in another epoch. */
bool ends_may_renew(const struct judge *j, const struct node *n);
bool ends_over(const struct judge *j, const struct node *n, uint32_t of, uint64_t epoch);
void judge_ends(struct judge *j, const struct node *n, bool standalone);

/* judge_shrink.c */
/* The own plan is served at that stamp, by a ledger row that is new. */
void shrink_own(struct judge *j, const struct node *n, const struct stamp *at, uint64_t facts);
/* It answers so, at that stamp of another's plan, which was entered as s. True: the plan shrank,
 * and was judged. */
bool shrink_held(struct judge *j, const struct node *n, uint32_t of, const struct served *s,
                 const struct fact *fact);
void shrink_restarted(struct judge *j, struct life *life, const struct node *n);
void shrink_loosen(struct judge *j, const struct node *n); /* what it held is not known now */
void shrink_reply(struct judge *j, const struct node *n, const struct ils_action *a);

/* judge_choice.c */
void choice_judged(struct judge *j, const struct node *n);

/* wire.c: see net.h, watched */
void wire_watched(void *context, struct node *from, struct node *to, struct watch **watch,
                  struct watch *back, struct slice bytes, bool read);

#endif
