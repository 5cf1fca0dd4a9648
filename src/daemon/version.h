/* version: of this program, as `--version`, the peer info vector and `ils sql` show it. The build
 * gives the number of meson.build. */
#ifndef OPENILS_DAEMON_VERSION_H
#define OPENILS_DAEMON_VERSION_H

#ifndef OPENILS_VERSION
#define OPENILS_VERSION "0.1.0"
#endif

/* No clock is right before: 2026-01-01T00:00:00Z in microseconds, the year of this version. A
 * constant, so that the same source is the same program; moved with the first release of a year. */
#define OPENILS_BUILT (INT64_C(1767225600) * 1000000)

#endif
