/* host: the characters of SIP's names and numbers, and what a host looks like. Inside the room
 * only: directory URIs, route strings and route targets share these rules. */
#ifndef OPENILS_PLAN_HOST_H
#define OPENILS_PLAN_HOST_H

#include "base/slice.h"
#include "plan/entry.h"

/* Bytes that stand unescaped in a user part: RFC 3261 without ";" and "?", which callers would take
 * for parameters and headers. */
bool user_byte(uint8_t c);

/* Value of a hex digit, or -1. */
int hex_value(uint8_t c);

static inline bool ascii_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Dot-separated labels, each 1..63 letters, digits and inner "-"; no dot at the end. */
bool host_is_labels(struct slice host);

/* A host name whose last label begins with a letter or holds one (so that it is no address), or an
 * IPv4 address in its one spelling; at most HOST_MAX bytes. */
bool host_valid(struct slice host);

/* "[" hex digits, colons and dots "]". */
bool host_is_ipv6(struct slice host);

/* Copies in lower case. */
void slice_lower(uint8_t *dst, struct slice s);

/* A user part as it is compared: escapes that it does not need are undone, the others have upper
 * case digits. dst: room for user.n bytes; *ret_n <= user.n. */
enum entry_error user_canonical(uint8_t *dst, struct slice user, size_t *ret_n);

/* The character of a number or a pattern at an offset < text.n, as its ASCII twin: full-width forms
 * are narrowed, separators give ' ' ("." gives '.', brackets themselves), everything else beyond
 * ASCII 0. Returns how many bytes it takes. */
size_t phone_char(struct slice text, size_t at, uint8_t *ret);

/* Whether a number as people write it begins with a "+", of whichever width: "(+81) 3 ..." does. */
static inline bool phone_has_plus(struct slice text)
{
    uint8_t c = ' ';
    for (size_t at = 0; at < text.n && (c == ' ' || c == '.' || c == '(' || c == ')');)
        at += phone_char(text, at, &c);
    return c == '+';
}

/* The parsers of entry.h, which also say at which byte they stopped. */
enum entry_error diruri_parse_at(struct arena *a, struct slice text, struct slice *ret, size_t *at);
enum entry_error diruri_read_at(struct arena *a, struct slice text, struct slice *ret, size_t *at);
enum entry_error number_parse_at(struct arena *a, struct slice text, bool e164, struct slice *ret,
                                 size_t *at);
enum entry_error pattern_parse_at(struct arena *a, struct slice text, bool e164,
                                  struct slice *ret, size_t *at);

/* What of a text that holds a byte beyond ASCII is wrong. */
enum entry_error text_error(struct slice text, enum entry_error otherwise);

#endif
