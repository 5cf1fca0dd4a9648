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
    bool by_hand;          /* an operator removed it: no introduction brings it back */
    bool introduced;       /* by the hub of this key (introduce.c) */
    uint8_t introduced_by[KEY_SIZE];
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
/* Adds one certificate that counts for itself alone, on the core's own account; one that is there
 * already adds nothing. False: refused (too long, full, memory). */
bool trust_add_to(struct rows *r, struct trust_change *c, struct slice der, const struct facts *f,
                  struct slice source);
/* It is on its way to the disk. */
bool trust_pending(const struct ils *ils, const uint8_t fingerprint[static 32]);
/* The words `how`, then "CLUSTER (0123456789abcdef)": the label may change, the id does not. */
void trust_source(struct buf *b, struct ils *ils, const char *how, const struct peer *p);
/* Whether e came `how` by the word of p. */
bool trust_came_by(const struct trust_entry *e, const char *how, const struct peer *p);
/* With the change, that entry goes. */
void trust_replace(struct rows *r, struct trust_change *c, const struct trust_entry *gone);
/* Frees an entry of the list of invites; it may be NULL. */
void invite_entry_free(struct ils *ils, struct invite_entry *e);
/* What is kept of an invite when its batch is durable, or not (invite.c). */
void invite_apply(struct ils *ils, struct trust_change *c, bool failed);

/* introduce.c: an operator removes the certificate: rows of those whose certificate it is, and that
 * they are durable. */
void introduce_removed(struct rows *r, const uint8_t fingerprint[static FINGERPRINT_SIZE]);
void introduce_removal_stored(struct ils *ils, const uint8_t fingerprint[static FINGERPRINT_SIZE]);
/* What was imported by a hub's introduction is in the store. */
void introduce_stored(struct ils *ils, const struct trust_entry *e,
                      const uint8_t hub_key[static KEY_SIZE]);

#endif
