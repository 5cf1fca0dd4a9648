/* msg: the messages of src/link/ils.proto as plain structs. What decoding gives (slices and
 * arrays) lies in the arena and holds no pointer into the body; protobuf-c works under the arena's
 * budget. Encoding appends one whole frame (header included). Every decoder is total: 0, or -1 for
 * a body that is not that message, breaks a length given in the .proto, exceeds a limit below, or
 * for which the arena has no memory (a->failed tells that case). */
#ifndef OPENILS_LINK_MSG_H
#define OPENILS_LINK_MSG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "link/binder.h"

#define MARKS_PER_FRAME   512   /* marks in one frame */
#define LINES_PER_FRAME   1800  /* manifest lines in one frame: 64800 bytes */
#define DELTA_LINES_MAX   256   /* lines dropped, and lines added, that a head may carry */
#define DELTA_BYTES_MAX   4096  /* bytes of segments that a head may carry */
#define LINE_SIZE         36

struct msg_goodbye {
    uint32_t code;
    uint32_t retry_after; /* seconds */
    uint32_t generation;  /* 204: of the newest password that is held; 0 = nothing said */
    bool has_copy;        /* 502: who has the receiver's key proved itself like this: */
    bool copy_dialler;    /* in that role, ... */
    uint8_t copy_binder[HASH_SIZE]; /* ... on a link with that binder */
    struct proof copy;    /* its key is the receiver's, and does not travel */
};

struct msg_mark {
    uint8_t key[KEY_SIZE];
    uint64_t number, epoch, usn, beat;
    uint8_t root[HASH_SIZE];
};

struct msg_marks {
    struct msg_mark *mark; /* in the arena when decoded */
    size_t n;
    bool last;
};

struct msg_line {
    uint32_t size;
    uint8_t name[HASH_SIZE];
};

struct msg_head {
    struct slice head;
    bool has_delta;
    uint8_t base[HASH_SIZE];
    uint32_t *drop; /* ascending, none twice */
    size_t drop_n;
    struct msg_line *add;
    size_t add_n;
    struct slice *segment; /* segment_n = add_n, or 0 when the bytes are not carried */
    size_t segment_n;
};

struct msg_manifest_request {
    uint8_t key[KEY_SIZE];
    uint64_t number;
    uint32_t first;
};

struct msg_manifest {
    struct slice head;
    uint32_t first;
    struct slice lines; /* a multiple of LINE_SIZE */
};

/* Also used for GONE, where has_name is false when the manifest is meant. */
struct msg_segment_request {
    uint8_t key[KEY_SIZE];
    uint64_t number;
    bool has_name;
    uint8_t name[HASH_SIZE];
};

#define READY_CERTIFICATES 2

struct msg_ready {
    struct {
        uint8_t fingerprint[32];
        uint32_t tls, tls_password;
    } certificate[READY_CERTIFICATES];
    size_t n;
    uint32_t accept;
};

int msg_proof_get(struct arena *a, struct slice body, struct proof *ret);
int msg_goodbye_get(struct arena *a, struct slice body, struct msg_goodbye *ret);
int msg_marks_get(struct arena *a, struct slice body, struct msg_marks *ret);
int msg_head_get(struct arena *a, struct slice body, struct msg_head *ret);
int msg_manifest_request_get(struct arena *a, struct slice body, struct msg_manifest_request *ret);
int msg_manifest_get(struct arena *a, struct slice body, struct msg_manifest *ret);
int msg_segment_request_get(struct arena *a, struct slice body, struct msg_segment_request *ret);
int msg_gone_get(struct arena *a, struct slice body, struct msg_segment_request *ret);
int msg_ready_get(struct arena *a, struct slice body, struct msg_ready *ret);

/* b->failed tells; nothing half-written is left in b then. */
void msg_proof_put(struct buf *b, const struct proof *m);
void msg_goodbye_put(struct buf *b, const struct msg_goodbye *m);
void msg_marks_put(struct buf *b, const struct msg_marks *m);
void msg_head_put(struct buf *b, const struct msg_head *m);
void msg_manifest_request_put(struct buf *b, const struct msg_manifest_request *m);
void msg_manifest_put(struct buf *b, const struct msg_manifest *m);
void msg_segment_request_put(struct buf *b, const struct msg_segment_request *m);
void msg_gone_put(struct buf *b, const struct msg_segment_request *m);
void msg_ready_put(struct buf *b, const struct msg_ready *m);

#endif
