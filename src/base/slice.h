/* slice: a pointer and a length into bytes that somebody else owns.
 *
 * Parsers return slices into the buffer they were given; nothing is copied and nothing is
 * NUL-terminated. Whoever must keep the bytes copies them. */
#ifndef OPENILS_BASE_SLICE_H
#define OPENILS_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const uint8_t *p;
    size_t n;
};

/* A slice over a string literal or another NUL-terminated string that outlives the slice. */
struct slice slice_of(const char *text);

static inline struct slice slice_make(const void *p, size_t n)
{
    return (struct slice){(const uint8_t *)p, n};
}

/* Byte-wise equality, and equality without ASCII case. */
bool slice_eq(struct slice a, struct slice b);
bool slice_eq_fold(struct slice a, struct slice b);

/* Total order: bytes first, then length. <0, 0, >0 as memcmp. */
int slice_cmp(struct slice a, struct slice b);
/* The same without ASCII case: 0 where slice_eq_fold. */
int slice_cmp_fold(struct slice a, struct slice b);

/* a without ASCII blanks (space, tab, CR, LF) at both ends. */
struct slice slice_trim(struct slice a);

/* Offset of the first byte c in a, or a.n when there is none. */
size_t slice_find(struct slice a, uint8_t c);

/* Decimal digits only, no sign, at most `max`. False (and *ret_value untouched) otherwise. */
bool slice_to_u64(struct slice a, uint64_t max, uint64_t *ret_value);

/* Copies a into dst as a NUL-terminated string, cut at size - 1 bytes. Returns bytes copied. */
size_t slice_to_text(struct slice a, char *dst, size_t size);

/* True when every byte sequence is well-formed UTF-8 (RFC 3629), no NUL. */
bool slice_is_utf8(struct slice a);

/* Bytes of the character that a begins with where it steers a terminal (C0, DEL, C1) or the
 * direction of writing, instead of being written; 0: it does not. */
size_t slice_steers(struct slice a);

/* ASCII lower case of one byte. */
static inline uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* The same for eight bytes at once. */
static inline uint64_t ascii_lower8(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = w & 0x7f * ones;
    uint64_t from_a = low + (0x80 - 'A') * ones, behind_z = low + (0x7f - 'Z') * ones;
    return w | (((from_a ^ behind_z) & ~w & 0x80 * ones) >> 2);
}

/* Lower-case hex of n bytes into dst (2n + 1 bytes, NUL-terminated). */
void hex_text(char *dst, const uint8_t *bytes, size_t n);

/* Reads exactly 2n hex digits into dst; false (dst undefined) when a is not that. */
bool hex_parse(uint8_t *dst, size_t n, struct slice a);

#endif
