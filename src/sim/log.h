/* log: what a simulated world says of itself. Every line and every sent byte enters one hash, so
 * that two runs can be compared; the last lines are kept for the report of a broken law, all of
 * them where a scene asks for it. */
#ifndef OPENILS_SIM_LOG_H
#define OPENILS_SIM_LOG_H

#include "base/crypto.h"
#include "base/tick.h"

#include <stdio.h>

#define LOG_LAST 50
#define LOG_LINE 400
#define LOG_HELD 65536

struct log {
    uint8_t hash[HASH_SIZE];
    uint8_t held[LOG_HELD]; /* not yet in the hash */
    size_t held_n;
    char last[LOG_LAST][LOG_LINE];
    uint64_t lines;
    FILE *out;        /* every line as it comes, or NULL */
    bool keep;        /* keep them all: */
    char **all;
    size_t all_n, all_size;
};

void log_init(struct log *l);
void log_done(struct log *l);

/* `time who text`; time in seconds with milliseconds. */
void log_line(struct log *l, tick now, const char *who, const char *text);
void log_bytes(struct log *l, const void *p, size_t n);

/* The hash of everything so far as 64 hex digits and NUL. */
void log_hash(struct log *l, char ret[static 2 * HASH_SIZE + 1]);

/* The last lines, oldest first. */
void log_report(const struct log *l, FILE *out);

#endif
