/* cursor: a bounds-checked reader over a slice with a sticky error. Every read after the first
 * failure gives zeros; the reader checks `failed` once, at the end. Integers are big-endian. */
#ifndef OPENILS_BASE_CURSOR_H
#define OPENILS_BASE_CURSOR_H

#include "base/slice.h"

struct cursor {
    const uint8_t *p;
    const uint8_t *end;
    bool failed;
};

void cursor_init(struct cursor *c, struct slice s);
size_t cursor_left(const struct cursor *c);

uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);

/* LEB128 in its shortest form only; a longer spelling or more than 64 bits fails. */
uint64_t cursor_varint(struct cursor *c);

/* The next n bytes as a slice into the input; {NULL, 0} when there are fewer. */
struct slice cursor_bytes(struct cursor *c, size_t n);

/* Copies n bytes to dst; zeros when there are fewer. */
void cursor_copy(struct cursor *c, void *dst, size_t n);

/* True when nothing failed and nothing is left. */
bool cursor_done(const struct cursor *c);

#endif
