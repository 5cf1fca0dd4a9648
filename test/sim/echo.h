/* echo: a core that is none, in the place of the real one. It listens, dials when told to join,
 * sends ECHO_BYTES of a pattern and wants them back; a COMMAND_DESCRIBE becomes one row. With it
 * the world is tested alone. */
#ifndef OPENILS_TEST_ECHO_H
#define OPENILS_TEST_ECHO_H

#include "core/ils.h"

#define ECHO_BYTES 300000

struct echo {
    uint32_t accepted, connected, stored, failed, rows, deadlines;
    uint32_t down[8];       /* by enum down_reason */
    size_t got, echoed;     /* bytes back at the dialler, bytes at the acceptor */
    size_t reads, largest;
    size_t pending;         /* as ROOM said last */
    bool wrong;             /* a byte was not the one expected */
};

extern struct echo echo;

#endif
