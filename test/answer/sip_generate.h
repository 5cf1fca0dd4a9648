/* sip_generate: seeded requests for the differential test: out of the freedoms of the grammar, and
 * with bytes, lines and borderline pieces put wrong. */
#ifndef OPENILS_TEST_SIP_GENERATE_H
#define OPENILS_TEST_SIP_GENERATE_H

#include "base/buf.h"
#include "base/rand.h"

/* One request that obeys RFC 3261. */
void generate_sound(struct rand *r, struct buf *out);

/* A sound one with 1..3 changes, most of which break it. */
void generate_mutant(struct rand *r, struct buf *out);

#endif
