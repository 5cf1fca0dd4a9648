/* self_tell: at which addresses the SIP doors answer, for the core: no route leads there. */
#ifndef OPENILS_DAEMON_SELF_TELL_H
#define OPENILS_DAEMON_SELF_TELL_H

#include "daemon/runtime.h"
#include "driver/door.h"

/* A door that listens on any address answers at all those of this host; port 0: nowhere. */
void self_tell(struct runtime *rt, const struct door_config *const *sip, size_t n);

#endif
