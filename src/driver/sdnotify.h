/* sdnotify: word to the service manager, where there is one ($NOTIFY_SOCKET). */
#ifndef OPENILS_DRIVER_SDNOTIFY_H
#define OPENILS_DRIVER_SDNOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..."; false when nobody listens. */
bool sdnotify(const char *state);

/* Microseconds within which the manager wants WATCHDOG=1 again and again; 0 = it does not. */
uint64_t sdnotify_watchdog(void);

#endif
