/* guess: what an attacker can ask of a recording about one candidate. */
#ifndef OPENILS_TEST_SECRET_GUESS_H
#define OPENILS_TEST_SECRET_GUESS_H

#include <sodium.h>

#include "base/crypto.h"
#include "candidates.h"
#include "capture.h"

/* Every run of WINDOW bytes that was seen, to be asked whether a value is among them. */
#define WINDOW 8
struct table {
    uint64_t *window;
    uint8_t *bits;
    size_t n, size;
};
void table_add(struct table *t, const uint8_t *p, size_t n);
void table_close(struct table *t);
void table_free(struct table *t);
/* Any WINDOW bytes of the value, forwards or backwards. */
bool table_has(const struct table *t, const uint8_t *p, size_t n);

/* The parts of one recorded join. */
struct session {
    bool whole; /* as far as the dialler's confirmation */
    struct slice hello[2], share[2], confirm[2], sealed[2]; /* dialler's, acceptor's */
    uint8_t sid[HASH_SIZE];
};
void session_read(struct session *s, const struct stream_bytes bytes[2]);

/* The relation that betrays the candidate, or NULL. *tried counts questions. */
const char *guess_alone(const struct candidate *c, const struct table *t, size_t *tried);
const char *guess_hashes(const struct candidate *c, const struct session *s,
                         const struct table *t, size_t *tried);
const char *guess_exchange(const struct candidate *c, const struct session *s, size_t *tried);

#endif
