/* verify: is what a store holds what it says it is? Every stream's head by its signature, its list
 * by the root, every segment by its name, what they mean by the digest; and every row can be read.
 * For a data directory that nobody uses, a backup, or a copy of the store that is in use. */
#ifndef OPENILS_DAEMON_VERIFY_H
#define OPENILS_DAEMON_VERIFY_H

#include <jansson.h>

#include "driver/store.h"

/* What was found: {"cluster_id", "peer_id" (hex; null: nobody's yet), "streams", "segments",
 * "entries", "rows", "bytes" (of segments), "unlisted" (segments of a fetch that was not finished),
 * "sound", "findings": [{"what", "next"}]}. New ref. */
json_t *verify_store(struct store *s);

/* The same of a file that is a copy, a data directory's (nobody may use it), or a directory. NULL:
 * it cannot be looked at at all; error says why and what to do. */
json_t *verify_path(const char *path, char *error, size_t size);

#endif
