/* known: which sources have asked before, in memory that is fixed: for a door to which more come
 * than it can answer. A source is known when it has asked twice, a fifth of a second apart at
 * least; who asks but once, as the made-up senders of a flood do, takes no place from those that
 * are known.
 *
 * Words are atomic: any thread may ask, without a lock. */
#ifndef OPENILS_DRIVER_KNOWN_H
#define OPENILS_DRIVER_KNOWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/tick.h"

#define KNOWN_WAYS  4
#define KNOWN_SETS  4096   /* 16 384 sources that are known, 128 KiB */
#define KNOWN_ONCE  262144 /* that have asked once, 2 MiB in a flood */
#define KNOWN_AFTER (200 * TICK_MS)

/* All zero: knows nobody. */
struct known {
    _Atomic uint64_t once[KNOWN_ONCE];
    _Atomic uint64_t known[KNOWN_SETS][KNOWN_WAYS];
};

/* Whether the source of that hash (keyed, of 64 bits) is known, now that it asked once more. */
bool known_ask(struct known *known, uint64_t hash, tick now);

#endif
