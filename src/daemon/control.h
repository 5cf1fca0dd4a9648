/* control: the socket DATA/control.sock through which `ils` asks and changes. The protocol is in
 * docs/control.md. Runs on the runtime's loop. */
#ifndef OPENILS_DAEMON_CONTROL_H
#define OPENILS_DAEMON_CONTROL_H

#include "daemon/runtime.h"

struct control;

/* Listens. On failure prints one error with its remedy on standard error and returns NULL. */
struct control *control_start(struct runtime *rt, const char *data_dir);

/* Closes every connection and removes the socket; what is left is freed by the loop's next turns.
 * Commands under way are forgotten. c may be NULL. */
void control_stop(struct control *c);

#endif
