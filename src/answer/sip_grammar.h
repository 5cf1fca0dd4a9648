/* sip_grammar: the words of RFC 3261 section 25 that the reader is built from: character classes,
 * a lexer over one header value, URIs. Inside the room only. */
#ifndef OPENILS_ANSWER_SIP_GRAMMAR_H
#define OPENILS_ANSWER_SIP_GRAMMAR_H

#include "answer/sip.h"

/* Classes of bytes. */
enum {
    C_PLAIN = 1,   /* may stand in a header line: text, HT, bytes of UTF-8 */
    C_TOKEN = 2,
    C_WORD = 4,    /* of a Call-ID */
    C_USER = 8,    /* user part of a URI, escapes apart; also of a password but for C_NO_PASS */
    C_NO_PASS = 16,
    C_PARAM = 32,  /* URI parameter, escapes apart */
    C_URIC = 64,   /* any other URI, escapes apart */
    C_ALNUM = 128,
};

extern const uint8_t sip_class[256];

static inline bool sip_is(uint8_t c, unsigned mask)
{
    return (sip_class[c] & mask) != 0;
}

static inline bool sip_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool sip_is_alpha(uint8_t c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

/* A reader over one value. Its functions return empty slices or false where the grammar does not
 * hold; nothing is read beyond end. */
struct lex {
    const uint8_t *p, *end;
};

static inline struct lex lex_of(struct slice s)
{
    return (struct lex){s.p, s.n > 0 ? s.p + s.n : s.p}; /* an empty slice may lie at NULL */
}

static inline bool lex_end(const struct lex *l)
{
    return l->p == l->end;
}

/* Passes over blanks and folds. The framing has made sure that CR LF stand only in folds. */
static inline void lex_blanks(struct lex *l)
{
    while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\r' || *l->p == '\n'))
        l->p++;
}

/* Takes c when it comes next. */
static inline bool lex_byte(struct lex *l, uint8_t c)
{
    if (l->p < l->end && *l->p == c) {
        l->p++;
        return true;
    }
    return false;
}

/* Takes c and the blanks around it; takes nothing when c does not come. */
bool lex_mark(struct lex *l, uint8_t c);

/* The longest run of bytes of a class. */
struct slice lex_run(struct lex *l, unsigned mask);

/* A quoted string with its quotes; empty when there is none or it does not end. */
struct slice lex_quoted(struct lex *l);

/* A host: name, IPv4 address, or IPv6 address in brackets. */
struct slice lex_host(struct lex *l);

/* 1..65535. */
bool lex_port(struct lex *l, uint16_t *ret);

/* The next generic parameter behind a ";" already taken: name, and value when there is one. */
struct sip_param {
    struct slice name, value;
    bool has_value;
};
bool lex_param(struct lex *l, struct sip_param *ret);

/* True for an IPv4 address in dotted form, and for an IPv6 address without brackets. */
bool sip_is_ipv4(struct slice s);
bool sip_is_ipv6(struct slice s);

#endif
