/* hello: the first message of each end, in clear on 7502, inside TLS on 7501. It names no name, id
 * or address: those follow the proof. Every byte of it enters the binder. PROTOCOL.md, "Hello".
 *
 * Bytes: "ILS" 0x00, u8 version_min, u8 version_max, u32 capabilities, u32 required, u8 method,
 * u16 generation, 32 random bytes; 49 in all. Bytes after them (to 256) are for later versions:
 * carried into the binder, otherwise ignored. */
#ifndef OPENILS_LINK_HELLO_H
#define OPENILS_LINK_HELLO_H

#include "base/buf.h"

#define HELLO_SIZE   49
#define HELLO_MAX    256
#define HELLO_RANDOM 32

#define LINK_VERSION_MIN 1
#define LINK_VERSION_MAX 1

/* Capabilities: optional bits announce, required bits must be understood. One optional bit is
 * reserved and always set (so that nobody comes to rely on unknown bits being zero). */
#define CAPABILITY_RESERVED UINT32_C(0x80000000)
#define CAPABILITIES_KNOWN  UINT32_C(0x00000000)
/* Of the dialler alone: it comes to meet, and takes its leave when both have proved themselves. */
#define CAPABILITY_VISIT    UINT32_C(0x00000001)

enum method {
    METHOD_NONE = 0,
    METHOD_PASSWORD = 1,     /* 7502 */
    METHOD_TLS = 2,          /* 7501 */
    METHOD_TLS_PASSWORD = 3, /* 7501, then the password exchange inside */
    METHOD_INVITE = 4,       /* 7501 under ALPN ils-invite/1: the 8 bytes after the hello name it */
};

struct hello {
    uint8_t version_min, version_max;
    uint32_t capabilities;
    uint32_t required;
    uint8_t method;      /* enum method; others are decoded as they are */
    uint16_t generation; /* of the password offered; 0 = none */
    uint8_t random[HELLO_RANDOM];
};

/* Writes the body (without frame header) of a hello. */
void hello_put(struct buf *b, const struct hello *h);

/* 0, or -1 when the body is no hello (magic, length). Ranges are not judged here. */
int hello_get(struct slice body, struct hello *ret);

/* The version both ends use (the highest shared), or 0 when they share none. */
uint8_t hello_version(const struct hello *a, const struct hello *b);

/* The versions that an end speaks in one number: 1, lowest, highest, a byte each. 0: not known. */
uint64_t hello_versions(const struct hello *h);

#endif
