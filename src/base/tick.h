/* tick: time inside the pure rooms, int64 microseconds on a monotonic clock that only the driver
 * reads. wall: microseconds since 1970-01-01T00:00:00Z, for display and certificates only. */
#ifndef OPENILS_BASE_TICK_H
#define OPENILS_BASE_TICK_H

#include <stdint.h>

typedef int64_t tick;
typedef int64_t wall;

#define TICK_NEVER INT64_MAX
#define TICK_MS    INT64_C(1000)
#define TICK_S     INT64_C(1000000)

/* Civil time (UTC) of a wall time; no locale, no time zone data. */
struct civil {
    int year, month, day, hour, minute, second, micro;
};
struct civil civil_of(wall t);

/* "2026-11-22T10:48:12.345Z" (RFC 3339, UTC, milliseconds) into dst[25]; t = 0 gives "". */
void wall_text(char dst[static 25], wall t);

#endif
