/* entry: one advertised thing of the dial plan, and the words of the field around it.
 *
 * An entry is (kind, key) with its PSTN failover rule. Keys are canonical: a directory URI is
 * `user@host` with the host in lower case (the user keeps its case; comparison ignores it by
 * default), a number is digits only (enterprise) or `+` and digits (+E.164), a pattern is that with
 * wildcards in their one spelling (plan/pattern.h). What is parsed is new; what others wrote, or an
 * older version, is read as PROTOCOL.md says and judged by entry_judge. */
#ifndef OPENILS_PLAN_ENTRY_H
#define OPENILS_PLAN_ENTRY_H

#include "base/arena.h"
#include "base/slice.h"

#define URI_MAX          254 /* user@host, bytes, as they are after percent encoding */
#define USER_MAX         47  /* characters of a URI's user part; an escape is one */
#define HOST_MAX         253 /* RFC 1035 text form */
#define NUMBER_MAX       24  /* digits, without "+": E.164 has 15, private plans more */
#define PATTERN_MAX      24  /* elements, without "+" */
#define PATTERN_TEXT_MAX (1 + 8 * PATTERN_MAX) /* "[02468]+": no element is longer */
#define ROUTE_STRING_MAX 250
#define CLUSTER_ID_MAX   50
#define SOURCE_MAX       64

enum entry_kind {
    ENTRY_URI = 1,        /* directory URI */
    ENTRY_ENTERPRISE = 2, /* enterprise number */
    ENTRY_E164 = 3,       /* +E.164 number */
    ENTRY_PATTERN_ENTERPRISE = 4,
    ENTRY_PATTERN_E164 = 5,
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
    ENTRY_ERROR_USER_LONG,   /* more than USER_MAX characters before the "@" */
    ENTRY_ERROR_IS_PATTERN,  /* wildcards in what is said to be a number */
    ENTRY_ERROR_SET,         /* "[...]" that is empty, not closed, or holds other than digits */
    ENTRY_ERROR_REPEAT,      /* "?" or "+" with nothing before it to repeat */
    ENTRY_ERROR_DASH_DIGITS, /* a route string with nothing but digits between two dashes */
    ENTRY_ERROR_ESCAPE,      /* a byte that stands in a SIP URI escaped alone (lookup_fault) */
    ENTRY_ERROR_PORT,        /* behind the host (lookup_fault) */
    ENTRY_ERRORS,
};

/* Canonical form of a directory URI (with or without "sip:") in the arena: a user part of at most
 * USER_MAX characters, a host name of two characters or more or an IPv4 address. In the user part
 * escapes are undone where they are not needed ("%61" is "a"), and blanks and `# % ^ ` { } | \ : ?
 * " < > [ ]` are escaped, so that no caller takes part of it for a password or a header. */
enum entry_error diruri_parse(struct arena *a, struct slice text, struct slice *ret);
/* As diruri_parse for what was dialled, or written by an older version: any user part and host that
 * fit into URI_MAX; a password (":") is refused. */
enum entry_error diruri_read(struct arena *a, struct slice text, struct slice *ret);

/* Canonical form of a number: full-width digits are digits; blanks, dashes, ".", "(" and ")" are
 * dropped, full-width ones and those of typographers too. e164 demands the "+" and refuses "(0)",
 * which is not dialled from abroad. */
enum entry_error number_parse(struct arena *a, struct slice text, bool e164, struct slice *ret);

/* Canonical form of a pattern: digits and the wildcards `X`, `[1-5]`, `[^0]`, `!`, and `?` and `+`
 * behind one of these; separators dropped as in numbers ("." decides nothing here). e164 demands a
 * "+" or "\+" at the start, the other kind refuses it. ENTRY_ERROR_TOO_LONG: more than PATTERN_MAX
 * elements. */
enum entry_error pattern_parse(struct arena *a, struct slice text, bool e164, struct slice *ret);

/* A route string: dot-separated labels of LDH characters, lower-cased; no "*" (a route pattern
 * may begin with "*."); between two dashes stands something else than digits alone. At most
 * ROUTE_STRING_MAX bytes. */
enum entry_error route_string_parse(struct arena *a, struct slice text, struct slice *ret);
/* A host name in lower case: as a route string, but for the dashes. */
enum entry_error host_name_parse(struct arena *a, struct slice text, struct slice *ret);

/* A cluster id: 1..50 of letters, digits, ".", "-" and "_" . */
bool cluster_id_valid(struct slice text);

/* One row of a catalog file in words: type ("URI", "ENTERPRISE", "E164", "ENTERPRISEPATTERN",
 * "E164PATTERN", also longer ones such as "+E.164 Number"; case, blanks, ".", "+", "-" and "_" do
 * not matter), PSTN failover ("" or "-", "ITSELF", "STRIP n PREPEND digits" as "n:digits", or a
 * number), pattern. */
enum entry_error entry_parse(struct arena *a, struct slice type, struct slice failover,
                             struct slice pattern, struct entry *ret);
/* As entry_parse; ret_at: the offset of what is wrong in the text that it is wrong in, or the
 * length of that text when no single place is. */
enum entry_error entry_parse_at(struct arena *a, struct slice type, struct slice failover,
                                struct slice pattern, struct entry *ret, size_t *ret_at);

/* enum entry_kind of a type word, 0 when it is none. */
uint8_t entry_kind_parse(struct slice word);

/* Whether an entry that was not parsed here (learned, or written by an older version) keeps today's
 * rules: ENTRY_OK, or the first one that it breaks. */
enum entry_error entry_judge(struct arena *a, const struct entry *e);
/* The same of a directory URI, with less work: true is certain, of most that are in order.
 * failover as failover_get gives it. */
bool entry_uri_plain(struct slice user, struct slice domain, const struct failover *failover);

/* The words that entry_parse reads back to the same entry. kind: static text; failover: in the
 * arena. */
struct slice entry_kind_text(uint8_t kind);
struct slice entry_failover_text(struct arena *a, const struct failover *f);

/* The number to dial on the PSTN for an entry, in the arena; {NULL, 0} when there is none. For a
 * pattern the rule is applied to what was dialled: e->key is then that number. */
struct slice entry_failover_number(struct arena *a, const struct entry *e);

#endif
