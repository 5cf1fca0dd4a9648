/* render: trace records, alarms, verdicts and replies as the short lines of the simulator's log:
 * ids and values, clusters by name. The sentences for operators are the daemon's. */
#ifndef OPENILS_SIM_RENDER_H
#define OPENILS_SIM_RENDER_H

#include "sim/world.h"

/* Writes one line into dst (NUL-terminated, cut at size - 1). False: the action has no line. */
bool render_action(struct world *w, const struct ils_action *action, char *dst, size_t size);

/* What the log calls a verdict id: 1, 2 ... in order of appearance; 0 = no id. */
size_t render_verdict(struct world *w, const uint8_t id[static VERDICT_ID_SIZE]);

/* The node whose key or peer id it is, or NULL. */
struct node *render_peer(const struct world *w, const uint8_t peer_id[static PEER_ID_SIZE]);

const char *render_event(enum trace_event e);
const char *render_alarm(unsigned alarm);
const char *render_reply(enum reply r);

#endif
