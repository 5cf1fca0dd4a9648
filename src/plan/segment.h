/* segment: immutable records, the unit that is hashed, sent, kept and indexed. The bytes that the
 * origin seals are the bytes that travel, that a hub relays, that the store keeps and that the
 * index points into. PROTOCOL.md, "Segments".
 *
 * A record is u8 type, varint length, `length` bytes. A segment is at most 64 KiB of whole records:
 *
 *   0x01 USN     varint: the USN of the next PUT or DEL; each one after it counts one up.
 *                The first record of every segment.
 *   0x02 DOMAIN  the host part of directory URIs that follow (lower case, 1..253 bytes).
 *   0x03 SOURCE  where the origin took what follows from (0..64 bytes of UTF-8); "" at the start.
 *   0x04 NOTE    nothing: padding and marks of later versions.
 *   0x10..0x1f PUT of entry kind (type & 0x0f), 0x20..0x2f the same with a value,
 *   0x30..0x3f DEL of entry kind (type & 0x0f).
 *
 * Body of PUT and DEL: for a directory URI u16 offset of its DOMAIN record in this segment, then
 * (with a value) u8 length of the value and the value, then the user part. For every other kind
 * (with a value) u16 length of the value and the value, then the key. DEL has no value.
 * Value of URI and number entries: u8 failover rule, u8 strip, digits.
 * Record types 0x40 and above, and kinds that are not known, are carried, named and served by
 * nobody; unknown types below 0x40 make the segment illegal (not relayed). */
#ifndef OPENILS_PLAN_SEGMENT_H
#define OPENILS_PLAN_SEGMENT_H

#include "base/buf.h"
#include "base/crypto.h"
#include "plan/entry.h"

#define SEGMENT_MAX 65535 /* bytes, so that an offset fits into 16 bits */

enum record_type {
    RECORD_USN = 0x01,
    RECORD_DOMAIN = 0x02,
    RECORD_SOURCE = 0x03,
    RECORD_NOTE = 0x04,
    RECORD_PUT = 0x10,
    RECORD_PUT_VALUE = 0x20,
    RECORD_DEL = 0x30,
    RECORD_EXTENSION = 0x40,
};

/* One PUT or DEL as it lies in a segment. For a URI the key is (user, domain). */
struct record {
    bool put;
    uint8_t kind;         /* enum entry_kind, or a later one */
    uint64_t usn;
    struct slice user;    /* URI: user part; otherwise the key */
    struct slice domain;  /* URI: host; otherwise empty */
    struct slice value;   /* {NULL, 0} when none */
    struct slice source;
    uint32_t offset;      /* of the record in its segment */
};

/* Walks the records of a segment: */
struct segment_reader {
    struct slice bytes;
    size_t at;
    uint64_t usn;
    bool has_usn;
    struct slice source;
};

/* name = H("segment", bytes). */
void segment_name(uint8_t ret[static HASH_SIZE], struct slice bytes);

/* Framing and every known record are sound: offsets, lengths, hosts, kinds, USN first, USNs do not
 * wrap. What segment_check accepts, the readers below read without failing. */
bool segment_check(struct slice bytes);
/* As segment_check, and counts the PUTs and DELs. */
bool segment_measure(struct slice bytes, uint32_t *ret_records);

void segment_reader_init(struct segment_reader *r, struct slice bytes);
/* 1: *ret is the next PUT or DEL; 0: the end; -1: not sound. Unknown kinds and extensions are
 * passed over (an extension consumes no USN; a PUT or DEL of an unknown kind is returned). */
int segment_next(struct segment_reader *r, struct record *ret);

/* Moves a reader of a sound segment forward to the record at offset, so that segment_next gives it;
 * looks at types and lengths only. */
void segment_seek(struct segment_reader *r, uint32_t offset);

/* The PUT or DEL at an offset that segment_next gave, without its usn and source (both 0/empty).
 * For the index: no walk, no allocation. */
void segment_record_at(struct slice bytes, uint32_t offset, struct record *ret);

/* Whether that record is of the key (kind, user, domain), the user in any case if fold; if so *ret
 * is what segment_record_at gives, else undefined. */
bool segment_record_is(struct slice bytes, uint32_t offset, const struct record *key, bool fold,
                       struct record *ret);

/* Writes records into one segment after another. */
struct segment_writer {
    struct buf *out;     /* bytes of the segment being written, from its start */
    uint64_t next_usn;   /* what a reader would give the next record */
    bool open;
    struct slice source;
    uint32_t domain[64]; /* offsets of recent DOMAIN records */
    uint32_t domain_n;
};

void segment_writer_init(struct segment_writer *w, struct buf *out);
/* Appends. False: the segment is full (nothing was written; seal it, reset the buf, init again) or
 * out->failed. r->offset is ignored. */
bool segment_writer_put(struct segment_writer *w, const struct record *r);

/* Value bytes of a failover rule, and back. False: not a value. */
void failover_put(struct buf *b, const struct failover *f);
bool failover_get(struct slice value, struct failover *ret);

/* entry -> record: a URI's key is split at the last "@"; a failover rule is appended to
 * value_scratch, where the value stays valid until the scratch changes. */
void record_of_entry(struct record *ret, const struct entry *e, struct buf *value_scratch);

#endif
