/* trust: what a batch of the trust store, or of the invites, makes so when it is durable. Shared by
 * trust.c and invite.c: the rest of the core carries it (batch.trust) and never looks inside. */
#ifndef OPENILS_CORE_TRUST_H
#define OPENILS_CORE_TRUST_H

#include "core/core.h"

enum invite_part {
    INVITE_UNTOUCHED,
    INVITE_OPENED,  /* `invite` is on the list from then on */
    INVITE_REMOVED, /* `invite` is off the list already, and put back when the batch fails */
    INVITE_SPENT,   /* the invite `id` is spent for `key`; so already, and not if the batch fails */
    INVITE_WON,     /* the dialler's invite is used up; put back when the batch fails */
};

struct trust_change {
    struct list add;       /* struct trust_entry: in the trust store from then on */
    bool remove;           /* `gone` is out of it */
    uint8_t gone[FINGERPRINT_SIZE];
    size_t known;          /* items of the command that were there already */
    bool knock;            /* who was refused is heard again at once */
    TEXT(reply, 2 * FINGERPRINT_SIZE);
    enum invite_part part;
    struct invite_entry *invite;
    uint8_t id[INVITE_ID_SIZE];
    uint8_t key[KEY_SIZE];
    bool was_spent;
    struct invite won;
};

/* An empty change, or NULL. */
struct trust_change *trust_change_new(struct ils *ils);
/* With the change, that entry goes. */
void trust_replace(struct rows *r, struct trust_change *c, const struct trust_entry *gone);
/* Frees an entry of the list of invites; it may be NULL. */
void invite_entry_free(struct ils *ils, struct invite_entry *e);
/* What is kept of an invite when its batch is durable, or not (invite.c). */
void invite_apply(struct ils *ils, struct trust_change *c, bool failed);

#endif
