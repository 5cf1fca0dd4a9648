/* clock: what the pure rooms may not ask themselves: the time, and randomness. */
#ifndef OPENILS_DRIVER_CLOCK_H
#define OPENILS_DRIVER_CLOCK_H

#include "base/tick.h"
#include <stddef.h>

/* Microseconds of the monotonic clock; never decreases within one process. */
tick clock_tick(void);

/* Microseconds since 1970 UTC; may jump. */
wall clock_wall(void);

/* n bytes of the kernel's randomness. Ends the process when there is none: nothing could go on. */
void clock_entropy(void *dst, size_t n);

#endif
