/* ops: what operators and faults do in the simulated world, for scenes and storms alike. */
#ifndef OPENILS_SIM_OPS_H
#define OPENILS_SIM_OPS_H

#include "sim/world.h"

/* Each gives the node (which must be up) one command and returns its id. Texts are NUL-terminated
 * and needed during the call only. */
/* own NULL: without a certificate. */
uint64_t op_init(struct node *n, const char *id, const char *fqdn, const char *route,
                 const struct own_certificate *own);
uint64_t op_auth_password(struct node *n);
uint64_t op_accept(struct node *n, uint8_t accept);
/* The stretched value is a hash of the label. */
uint64_t op_password(struct node *n, uint16_t generation, const char *label);
uint64_t op_password_prefer(struct node *n, uint16_t generation);
uint64_t op_password_drop(struct node *n, uint16_t generation);
uint64_t op_role(struct node *n, enum ils_role role);
uint64_t op_join(struct node *n, const char *host, uint16_t port, enum ils_role role);
uint64_t op_disconnect(struct node *n, const char *cluster);
uint64_t op_connect(struct node *n, const char *cluster);
uint64_t op_leave(struct node *n);
uint64_t op_forget(struct node *n, const char *cluster);
uint64_t op_ban(struct node *n, const char *cluster);
uint64_t op_rebuild(struct node *n);
uint64_t op_restore(struct node *n);
uint64_t op_exchange(struct node *n, bool on);
uint64_t op_release(struct node *n, const char *cluster);
uint64_t op_confirm(struct node *n);
uint64_t op_block(struct node *n, const char *cluster); /* all that it announces */
uint64_t op_unblock(struct node *n, uint32_t rule);
uint64_t op_sync_every(struct node *n, uint16_t minutes);
/* Several settings as one change; the fields that it has are used. */
uint64_t op_configure(struct node *n, const struct command *settings);
uint64_t op_network_adopt(struct node *n);
/* Empty texts stay as they are. */
uint64_t op_describe(struct node *n, const char *id, const char *fqdn, const char *description,
                     const char *route);
/* own NULL: as it is. */
uint64_t op_identity_new(struct node *n, const char *id, const char *fqdn,
                         const struct own_certificate *own);
uint64_t op_certificate(struct node *n, const struct own_certificate *own, bool now);
uint64_t op_certificate_now(struct node *n); /* the announced one */
uint64_t op_trust(struct node *n, const struct trust_item *item, size_t items);
uint64_t op_auth(struct node *n, bool tls, bool password);
uint64_t op_route(struct node *n, const char *pattern, const char *target);

/* One entry of the dial plan: `user@host`, `+digits` or `digits`. failover: the number calls fall
 * back to, NULL = none. */
uint64_t op_plan(struct node *n, bool put, const char *key, const char *failover);
/* Entries prefix0@domain ... in one command; put false: they go. */
/* One of every `step` of them. */
uint64_t op_empty(struct node *n, const char *prefix, const char *domain, size_t count,
                  size_t step);
uint64_t op_fill(struct node *n, const char *prefix, const char *domain, size_t count);

/* Runs the world until the node has answered that command, at most so long. REPLIES: no answer. */
enum reply op_wait(struct node *n, uint64_t command, tick most);

/* init, password links, one password, and the hub's role where asked; each step answered OK. A
 * spoke stays standalone until it joins. */
bool op_setup(struct node *n, const char *id, const char *route, const char *label, bool hub);

#endif
