/* liar: a member of the network, proved and up, that says what it likes: heads that are signed but
 * do not hold, lists and segments that do not fit them, floods. On rig.h and peer.h. */
#ifndef OPENILS_TEST_CORE_LIAR_H
#define OPENILS_TEST_CORE_LIAR_H

#include "peer.h"
#include "plan/head.h"
#include "plan/segment.h"
#include "rig.h"

struct liar {
    struct rig *core;
    struct peer_end peer;
    uint32_t id;
};

/* Joins from ip; the link is up and the lists are exchanged. */
void liar_join(struct liar *l, struct rig *core, uint64_t seed, const char *ip,
               const uint8_t stretched[32]);
void liar_done(struct liar *l);
bool liar_linked(const struct liar *l);
/* Delivers what it has to say and hears the answers, until both are silent. */
void liar_pump(struct liar *l);
/* Empty list of marks: what a link opens with. */
void liar_marks(struct liar *l, const struct msg_mark *mark, size_t n);

/* A head of the liar's own; the fields of h but key and root as given, root from lines. */
void liar_head_of(struct liar *l, struct head h, struct slice lines, struct buf *ret);
/* The same, sent without a delta. */
void liar_head(struct liar *l, struct head h, struct slice lines);
/* Answers a manifest request with these lines. */
void liar_manifest(struct liar *l, struct slice head, struct slice lines);

/* Appends the line of a segment to lines. */
void liar_line(struct buf *lines, struct slice segment);
/* A segment of one field of stream 0, or of one roster entry, or of padding only. */
void liar_field(struct buf *segment, uint64_t usn, const char *name, struct slice value);
void liar_roster(struct buf *segment, uint64_t usn, const uint8_t *keys, size_t n);
void liar_padding(struct buf *segment, uint64_t usn, size_t n, uint32_t salt);

/* mix64 of the digest. */
uint64_t liar_mix(uint64_t usn);

#endif
