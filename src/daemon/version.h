/* version: of this program, as `--version`, the peer info vector and `ils sql` show it. The build
 * gives the number of meson.build. */
#ifndef OPENILS_DAEMON_VERSION_H
#define OPENILS_DAEMON_VERSION_H

#ifndef OPENILS_VERSION
#define OPENILS_VERSION "0.1.0"
#endif

#endif
