/* entry: one advertised thing of the dial plan, and the words of the field around it.
 *
 * An entry is (kind, key) with its PSTN failover rule. Keys are canonical: a directory URI is
 * `user@host` with the host in lower case (the user keeps its case; comparison ignores it by
 * default), a number is digits only (enterprise) or `+` and digits (+E.164). */
#ifndef OPENILS_PLAN_ENTRY_H
#define OPENILS_PLAN_ENTRY_H

#include "base/arena.h"
#include "base/slice.h"

#define URI_MAX          254 /* user@host, bytes */
#define HOST_MAX         253 /* RFC 1035 text form */
#define NUMBER_MAX       24  /* digits, without "+": E.164 has 15, private plans more */
#define ROUTE_STRING_MAX 250
#define CLUSTER_ID_MAX   50
#define SOURCE_MAX       64

enum entry_kind {
    ENTRY_URI = 1,        /* directory URI */
    ENTRY_ENTERPRISE = 2, /* enterprise number */
    ENTRY_E164 = 3,       /* +E.164 number */
    ENTRY_PATTERN_ENTERPRISE = 4, /* reserved: patterns are carried, not yet served */
    ENTRY_PATTERN_E164 = 5,       /* reserved */
    ENTRY_FIELD = 8,      /* stream 0: one field of the peer info vector (plan/vector.h) */
    ENTRY_ROSTER = 9,     /* stream 0 of a hub: one peer on its roster */
    ENTRY_ENDED = 10,     /* likewise: one that was forgotten or banned; user: its key */
    ENTRY_INTRODUCED = 11, /* likewise: one that was invited, or a hub for those; user: its key */
};

enum failover_rule {
    FAILOVER_NONE = 0,
    FAILOVER_ITSELF = 1, /* the number as it is */
    FAILOVER_STRIP = 2,  /* strip `strip` digits, prepend `digits` */
    FAILOVER_NUMBER = 3, /* `digits` */
};

struct failover {
    uint8_t rule;  /* enum failover_rule */
    uint8_t strip; /* digits */
    struct slice digits; /* digits with an optional leading "+" */
};

struct entry {
    uint8_t kind;      /* enum entry_kind */
    struct slice key;  /* canonical */
    struct failover failover;
};

/* Why a text is not an entry; ENTRY_OK = 0. Sentences for people live with the caller. */
enum entry_error {
    ENTRY_OK = 0,
    ENTRY_ERROR_EMPTY,
    ENTRY_ERROR_KIND,       /* unknown pattern type */
    ENTRY_ERROR_TOO_LONG,
    ENTRY_ERROR_CHARACTER,  /* a byte that may not stand there */
    ENTRY_ERROR_NO_AT,      /* a directory URI without user@host */
    ENTRY_ERROR_HOST,
    ENTRY_ERROR_NOT_E164,   /* "+" missing, or not "+" and digits */
    ENTRY_ERROR_FAILOVER,   /* PSTN failover rule not understood */
    ENTRY_ERROR_ENCODING,   /* not UTF-8 */
    ENTRY_ERROR_MEMORY,
};

/* Canonical form of a directory URI (with or without "sip:") in the arena. RFC 3261 user part
 * whose escapes are undone where it does not need them ("%61" is "a"); no password, parameters or
 * headers: those would be copied into new requests by callers. */
enum entry_error diruri_parse(struct arena *a, struct slice text, struct slice *ret);

/* Canonical form of a number: blanks, "-", ".", "(" and ")" dropped. e164 demands the "+" and
 * refuses "(0)", which is not dialled from abroad. */
enum entry_error number_parse(struct arena *a, struct slice text, bool e164, struct slice *ret);

/* A route string: dot-separated labels of LDH characters, lower-cased; no "*" (a route pattern
 * may begin with "*."). */
enum entry_error route_string_parse(struct arena *a, struct slice text, struct slice *ret);

/* A cluster id: 1..50 of letters, digits, ".", "-" and "_" . */
bool cluster_id_valid(struct slice text);

/* One row of a catalog file in words: type ("URI", "ENTERPRISE", "E164"; also the longer words
 * "ENTERPRISENUMBER", "+E164", "E164NUMBER"; case does not matter), PSTN failover ("" or "-",
 * "ITSELF", "STRIP n PREPEND digits" as "n:digits", or a number), pattern. */
enum entry_error entry_parse(struct arena *a, struct slice type, struct slice failover,
                             struct slice pattern, struct entry *ret);

/* The words that entry_parse reads back to the same entry. kind: static text; failover: in the
 * arena. */
struct slice entry_kind_text(uint8_t kind);
struct slice entry_failover_text(struct arena *a, const struct failover *f);

/* The number to dial on the PSTN for an entry, in the arena; {NULL, 0} when there is none. */
struct slice entry_failover_number(struct arena *a, const struct entry *e);

#endif
