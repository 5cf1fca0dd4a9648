/* pattern: numbers with wildcards, as lists of elements. Inside the room only; entry.h has the
 * parser.
 *
 * An element is a set of digits and how often one of them stands there. `X` is the set of all, `!`
 * one or more of all, `[^0]` all but 0. Two patterns that are spelt differently and consist of
 * the same elements are the same pattern. */
#ifndef OPENILS_PLAN_PATTERN_H
#define OPENILS_PLAN_PATTERN_H

#include "plan/entry.h"

#define DIGITS_ALL 0x3ffu

enum repeat {
    REPEAT_ONCE = 0,
    REPEAT_SOME = 1, /* once or more: "+" behind it, "!" for all digits */
    REPEAT_ANY = 2,  /* not at all, once or more: "?" behind it */
};

struct element {
    uint16_t digits; /* bit d: digit d may stand there; never 0 */
    uint8_t repeat;  /* enum repeat */
};

struct pattern {
    bool plus; /* begins with "+": +E.164 */
    uint8_t n;
    struct element element[PATTERN_MAX];
};

/* Any spelling that pattern_parse takes. at: where it stopped. */
enum entry_error pattern_read(struct slice text, bool e164, struct pattern *ret, size_t *at);

/* Exactly the canonical spelling: a key of kind ENTRY_PATTERN_ENTERPRISE or ENTRY_PATTERN_E164. */
bool pattern_of_key(uint8_t kind, struct slice key, struct pattern *ret);

/* The canonical spelling; returns its length. */
size_t pattern_print(uint8_t dst[static PATTERN_TEXT_MAX], const struct pattern *p);

/* The order of elements, the more specific first: fixed length before variable, smaller sets before
 * larger ones, "once or more" before "not at all", then the set that has the smaller digits. Labels
 * of different elements differ. */
uint32_t element_label(const struct element *e);
struct element element_of_label(uint32_t label);

/* What is matched, digit by digit, as sets of positions: bit i stands before the i-th element of a
 * pattern, or the i-th digit of a number. */
struct automaton {
    uint32_t at[10]; /* positions at which the digit may be taken */
    uint32_t stay;   /* of these, where the same element may be taken again */
    uint32_t skip;   /* positions whose element need not be taken */
    uint32_t end;    /* the position behind all */
};

void automaton_of(struct automaton *ret, const struct pattern *p);
/* With those that are reached without a digit. */
uint32_t automaton_skip(const struct automaton *a, uint32_t positions);
/* Behind one digit that may be taken at `taking`. */
uint32_t automaton_step(const struct automaton *a, uint32_t positions, uint32_t taking);

/* Whether every number that `narrow` matches is one that `wide` matches. False also where that
 * would take too long to tell, which no pattern of a real plan does. */
bool pattern_covers(const struct pattern *wide, const struct pattern *narrow);
/* The same of several together, of at most COVER_MAX; false also where it would take too long. */
#define COVER_MAX 16
bool pattern_covered(const struct pattern *narrow, const struct pattern *wide, size_t n);
/* The order of PROTOCOL.md, "Patterns": < 0 when a is the more specific; 0: the same elements. */
int pattern_order(const struct pattern *a, const struct pattern *b);

/* The fewest digits that a pattern takes. */
size_t pattern_least(const struct pattern *p);

static inline bool kind_is_pattern(uint8_t kind)
{
    return kind == ENTRY_PATTERN_ENTERPRISE || kind == ENTRY_PATTERN_E164;
}

#endif
