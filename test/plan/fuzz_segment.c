/* Any bytes are read without harm; records of a sound segment survive being written again. */
#include "fuzz_mem.h"
#include "plan/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct record *a, const struct record *b)
{
    return a->put == b->put && a->kind == b->kind && a->usn == b->usn &&
           slice_eq(a->user, b->user) && slice_eq(a->domain, b->domain) &&
           slice_eq(a->value, b->value) && (!a->put || slice_eq(a->source, b->source));
}

static void compare(struct slice before, struct slice after)
{
    struct segment_reader x, y;
    struct record a, b, at;
    assert(segment_check(after));
    segment_reader_init(&x, before);
    segment_reader_init(&y, after);
    while (segment_next(&x, &a) == 1) {
        assert(segment_next(&y, &b) == 1 && same(&a, &b));
        segment_record_at(before, a.offset, &at);
        assert(slice_eq(at.user, a.user) && slice_eq(at.domain, a.domain));
    }
    assert(segment_next(&y, &b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = fuzz_mem();
    struct segment_reader reader;
    struct segment_writer w;
    struct slice bytes = slice_make(data, size);
    struct record r;
    struct buf b;
    bool written = segment_check(bytes);
    size_t n = 0;

    buf_init(&b, &mem, SEGMENT_MAX);
    segment_writer_init(&w, &b);
    segment_reader_init(&reader, bytes);
    while (segment_next(&reader, &r) == 1) {
        written = written && segment_writer_put(&w, &r);
        n++;
    }
    if (written && n > 0)
        compare(bytes, buf_slice(&b));
    buf_done(&b);
    return 0;
}
