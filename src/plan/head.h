/* head: the origin's signed statement about one stream; manifest: the list that its root names.
 * The only signature in replication. PROTOCOL.md, "Manifest" and "Head".
 *
 * Head bytes (big-endian): u8 version = 1, 32 key, u64 number, u64 epoch, u64 usn, u64 beat,
 * u32 interval (minutes), 32 root, u32 lines, u64 bytes, u64 live, u64 sum, u64 peak, u32 flags,
 * u8 length + cluster or catalog name, u8 length + route string, 64 signature over
 * H("head", everything before it). */
#ifndef OPENILS_PLAN_HEAD_H
#define OPENILS_PLAN_HEAD_H

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "plan/entry.h"

#define HEAD_VERSION       1
#define HEAD_MAX           (1 + 32 + 8 * 4 + 4 + 32 + 4 + 8 * 4 + 4 + 256 + 256 + 64)
#define MANIFEST_LINES_MAX 65536
#define LINE_BYTES         36

#define HEAD_FLAG_LEFT UINT32_C(1) /* the origin left the network: no lines */

enum stream_number { STREAM_SELF = 0, STREAM_PLAN = 1, STREAM_CATALOGS = 2 };

struct head {
    uint8_t key[KEY_SIZE];
    uint64_t number; /* enum stream_number, or above */
    uint64_t epoch, usn, beat;
    uint32_t interval; /* minutes */
    uint8_t root[HASH_SIZE];
    uint32_t lines;
    uint64_t bytes; /* of all segments listed */
    uint64_t live, sum, peak;
    uint32_t flags;
    struct slice name;         /* slice into the decoded bytes, or the caller's */
    struct slice route_string;
};

/* Order of heads of one stream: (epoch, usn, root, beat). <0, 0, >0. */
int head_order(const struct head *a, const struct head *b);

/* Appends the signed bytes of h to b. */
void head_put(struct buf *b, const struct head *h, const uint8_t secret[static SECRET_SIZE]);

/* Decodes without judging the signature. 0, or -1 (length, version, name not UTF-8, lines out of
 * range). */
int head_get(struct slice bytes, struct head *ret);

/* True when bytes end with a signature by the key inside them. bytes: as head_get accepted. */
bool head_signed(struct slice bytes);

/* root = H("manifest", lines), each line u32 size and 32 bytes name. */
void manifest_root(uint8_t ret[static HASH_SIZE], struct slice lines);

/* The roots of lists that follow each other: a change of a long list leaves all of it but its last
 * lines as it was, and that is not hashed again. The length is hashed first: there is a state for
 * each of the few lengths that a list has while its tail is folded all the time. */
#define ROOTS_STATES 8
struct roots {
    struct mem *mem;
    uint8_t *begins; /* how the last list began; NULL: nothing is remembered */
    size_t begins_n;
    struct root_state {
        struct crypto_hashing hashing; /* of the first `at` bytes of `begins`, in a list of n */
        size_t n, at;                  /* n = 0: free */
    } state[ROOTS_STATES];
    size_t next; /* the state that is the next to be another */
};
void roots_init(struct roots *r, struct mem *mem);
void roots_done(struct roots *r);
/* As manifest_root; without memory it only takes longer. */
void roots_next(struct roots *r, uint8_t ret[static HASH_SIZE], struct slice lines);

struct line {
    uint32_t size; /* bytes of the segment */
    uint8_t name[HASH_SIZE];
};
/* Line i of a manifest; i < lines.n / LINE_BYTES. */
void manifest_line(struct slice lines, size_t i, struct line *ret);
void manifest_line_put(struct buf *b, const struct line *line);

#endif
