/* frame: type and length in front of every message, in both phases of a link. */
#include "link/frame.h"

#define BODY_LIMIT ((size_t)1 << 24)

int frame_take(struct slice *in, size_t max, uint8_t *ret_type, struct slice *ret_body)
{
    if (in->n < FRAME_HEADER)
        return 1;
    size_t n = (size_t)in->p[1] << 16 | (size_t)in->p[2] << 8 | in->p[3];
    if (n > max)
        return -1;
    if (in->n - FRAME_HEADER < n)
        return 1;
    *ret_type = in->p[0];
    *ret_body = slice_make(in->p + FRAME_HEADER, n);
    in->p += FRAME_HEADER + n;
    in->n -= FRAME_HEADER + n;
    return 0;
}

void frame_put(struct buf *b, uint8_t type, struct slice body)
{
    size_t at = frame_begin(b, type);
    buf_put_slice(b, body);
    frame_end(b, at);
}

size_t frame_begin(struct buf *b, uint8_t type)
{
    size_t at = b->n;
    buf_put_u32(b, (uint32_t)type << 24);
    return at;
}

/* A frame that did not fit is taken back whole: what precedes it stays a sequence of frames. */
void frame_end(struct buf *b, size_t at)
{
    if (!b->failed && b->n - at - FRAME_HEADER >= BODY_LIMIT)
        b->failed = true;
    if (b->failed) {
        b->n = at;
        return;
    }
    size_t n = b->n - at - FRAME_HEADER;
    b->p[at + 1] = (uint8_t)(n >> 16);
    b->p[at + 2] = (uint8_t)(n >> 8);
    b->p[at + 3] = (uint8_t)n;
}
