/* piece: segments written by words, and catalogs made of them, for tests. */
#ifndef OPENILS_TEST_PLAN_PIECE_H
#define OPENILS_TEST_PLAN_PIECE_H

#include "test.h"

#include <string.h>

#include "plan/plan.h"

/* One segment written by words: "+user@host", "+number=value" or "-...", with USNs from usn on; any
 * of them with "/source" behind it. */
struct piece {
    uint8_t bytes[4096];
    size_t n;
    struct line line;
};

static inline void piece_make(struct piece *ret, uint64_t usn, const char *const *word, size_t n)
{
    struct test_mem t;
    struct buf b;
    struct segment_writer w;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, sizeof ret->bytes);
    segment_writer_init(&w, &b);
    for (size_t i = 0; i < n; i++) {
        struct slice text = slice_of(word[i] + 1);
        struct record r = {.put = word[i][0] == '+', .kind = ENTRY_ENTERPRISE, .usn = usn++};
        size_t source = slice_find(text, '/');
        if (source < text.n)
            r.source = slice_make(text.p + source + 1, text.n - source - 1);
        text.n = source;
        size_t value = slice_find(text, '='), at = slice_find(text, '@');
        if (value < text.n)
            r.value = slice_make(text.p + value + 1, text.n - value - 1);
        text.n = value;
        r.user = text;
        if (at < text.n) {
            r.kind = ENTRY_URI;
            r.user = slice_make(text.p, at);
            r.domain = slice_make(text.p + at + 1, text.n - at - 1);
        }
        assert_true(segment_writer_put(&w, &r));
    }
    assert_true(b.n <= sizeof ret->bytes);
    memcpy(ret->bytes, b.p, b.n);
    ret->n = b.n;
    ret->line.size = (uint32_t)b.n;
    segment_name(ret->line.name, buf_slice(&b));
    buf_done(&b);
}

#define PIECE(piece, usn, ...)                                                                     \
    do {                                                                                           \
        static const char *const words[] = {__VA_ARGS__};                                          \
        piece_make(piece, usn, words, sizeof words / sizeof words[0]);                             \
    } while (0)

static inline struct slice bytes_of(const struct piece *p)
{
    return slice_make(p->bytes, p->n);
}

static inline size_t lines_make(uint8_t *dst, const struct piece *const *piece, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct line *line = &piece[i]->line;
        for (size_t k = 0; k < 4; k++)
            dst[i * LINE_BYTES + k] = (uint8_t)(line->size >> (24 - 8 * k));
        memcpy(dst + i * LINE_BYTES + 4, line->name, HASH_SIZE);
    }
    return n * LINE_BYTES;
}

static inline int target(struct catalog *c, const struct piece *const *piece, size_t n)
{
    uint8_t lines[16 * LINE_BYTES];
    return catalog_target(c, slice_make(lines, lines_make(lines, piece, n)), 10);
}

static inline void serve(struct catalog *c, const struct piece *const *piece, size_t n)
{
    assert_int_equal(target(c, piece, n), 0);
    for (size_t i = 0; i < n; i++)
        assert_true(catalog_add(c, bytes_of(piece[i])) >= 0);
    catalog_apply(c);
}

static inline struct record key_of(const char *text)
{
    struct slice s = slice_of(text);
    size_t at = slice_find(s, '@');
    if (at == s.n)
        return (struct record){.kind = ENTRY_ENTERPRISE, .user = s};
    return (struct record){.kind = ENTRY_URI,
                           .user = slice_make(s.p, at),
                           .domain = slice_make(s.p + at + 1, s.n - at - 1)};
}

#endif
