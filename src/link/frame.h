/* frame: how messages lie on a link. In clear during the hello and the password exchange on 7502;
 * afterwards inside the sealed stream (7502) or TLS (7501). PROTOCOL.md, "Frames".
 *
 * A frame is u8 type, u24 length (big-endian), then `length` bytes. */
#ifndef OPENILS_LINK_FRAME_H
#define OPENILS_LINK_FRAME_H

#include "base/buf.h"

#define FRAME_HEADER 4

enum frame_type {
    FRAME_HELLO = 1,   /* clear; link/hello.h */
    FRAME_SHARE = 2,   /* clear; CPace Ya or Yb, 32 bytes */
    FRAME_CONFIRM = 3, /* clear; CPace Ta or Tb, 64 bytes */
    FRAME_GOODBYE = 4, /* clear before authentication, sealed after; link/msg.h */
    FRAME_PROOF = 5,
    FRAME_KEEPALIVE = 6, /* empty */
    FRAME_MARKS = 7,
    FRAME_HEAD = 8,
    FRAME_MANIFEST_REQUEST = 9,
    FRAME_MANIFEST = 10,
    FRAME_SEGMENT_REQUEST = 11,
    FRAME_SEGMENT = 12, /* the raw bytes of one segment: the hash is the name */
    FRAME_GONE = 13,
    FRAME_READY = 14, /* what this end would say of the other's announced certificates */
};

/* Largest body by phase: before authentication, and after it. */
#define FRAME_CLEAR_MAX  256
#define FRAME_SEALED_MAX (96 * 1024)

/* Takes one frame off the front of *in. 0: *ret_type and *ret_body (a slice into *in) are set and
 * *in is advanced. 1: more bytes are needed. -1: the body would exceed max (the link must end).
 * An unknown type is returned as it is; the reader decides. */
int frame_take(struct slice *in, size_t max, uint8_t *ret_type, struct slice *ret_body);

/* Appends one frame. body.n < 2^24; b->failed tells. */
void frame_put(struct buf *b, uint8_t type, struct slice body);

/* Reserves a header; frame_end fills in the length of what was put since. For bodies written in
 * place: size_t at = frame_begin(b, type); ...; frame_end(b, at); */
size_t frame_begin(struct buf *b, uint8_t type);
void frame_end(struct buf *b, size_t at);

#endif
