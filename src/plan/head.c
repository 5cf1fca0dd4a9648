/* head: encoding, decoding and signature of an origin's statement; the manifest's lines. */
#include "plan/head.h"

#include <string.h>

#include "base/cursor.h"
#include "base/planted.h"

#define HEAD_MIN   (HEAD_MAX - 255 - 255) /* both names empty */
#define ROOT_SHORT 4096             /* bytes of a list that is soon hashed */
#define ROOT_LAST  (16 * LINE_BYTES) /* what a change is likely to change */

static int order_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

int head_order(const struct head *a, const struct head *b)
{
    int order = order_u64(a->epoch, b->epoch);
    if (order == 0 && BUG(BEAT_BEFORE_USN))
        order = order_u64(a->beat, b->beat);
    if (order == 0)
        order = order_u64(a->usn, b->usn);
    if (order == 0)
        order = memcmp(BUG(SMALLER_ROOT) ? b->root : a->root, BUG(SMALLER_ROOT) ? a->root : b->root,
                       HASH_SIZE);
    if (order == 0)
        order = order_u64(a->beat, b->beat);
    return order;
}

static void put_name(struct buf *b, struct slice name)
{
    if (name.n > UINT8_MAX)
        b->failed = true;
    buf_put_u8(b, (uint8_t)name.n);
    buf_put_slice(b, name);
}

void head_put(struct buf *b, const struct head *h, const uint8_t secret[static SECRET_SIZE])
{
    size_t start = b->n;
    buf_put_u8(b, HEAD_VERSION);
    buf_put(b, h->key, KEY_SIZE);
    buf_put_u64(b, h->number);
    buf_put_u64(b, h->epoch);
    buf_put_u64(b, h->usn);
    buf_put_u64(b, h->beat);
    buf_put_u32(b, h->interval);
    buf_put(b, h->root, HASH_SIZE);
    buf_put_u32(b, h->lines);
    buf_put_u64(b, h->bytes);
    buf_put_u64(b, h->live);
    buf_put_u64(b, h->sum);
    buf_put_u64(b, h->peak);
    buf_put_u32(b, h->flags);
    put_name(b, h->name);
    put_name(b, h->route_string);
    if (b->failed)
        return;

    uint8_t hash[HASH_SIZE], signature[SIGNATURE_SIZE];
    crypto_hash1(hash, "head", slice_make(b->p + start, b->n - start));
    crypto_sign(signature, slice_make(hash, HASH_SIZE), secret);
    buf_put(b, signature, SIGNATURE_SIZE);
}

int head_get(struct slice bytes, struct head *ret)
{
    struct cursor c;
    struct head h = {0};

    cursor_init(&c, bytes);
    uint8_t version = cursor_u8(&c);
    cursor_copy(&c, h.key, KEY_SIZE);
    h.number = cursor_u64(&c);
    h.epoch = cursor_u64(&c);
    h.usn = cursor_u64(&c);
    h.beat = cursor_u64(&c);
    h.interval = cursor_u32(&c);
    cursor_copy(&c, h.root, HASH_SIZE);
    h.lines = cursor_u32(&c);
    h.bytes = cursor_u64(&c);
    h.live = cursor_u64(&c);
    h.sum = cursor_u64(&c);
    h.peak = cursor_u64(&c);
    h.flags = cursor_u32(&c);
    h.name = cursor_bytes(&c, cursor_u8(&c));
    h.route_string = cursor_bytes(&c, cursor_u8(&c));
    (void)cursor_bytes(&c, SIGNATURE_SIZE);
    if (!cursor_done(&c) || version != HEAD_VERSION || h.lines > MANIFEST_LINES_MAX ||
        !slice_is_utf8(h.name) || !slice_is_utf8(h.route_string))
        return -1;
    *ret = h;
    return 0;
}

bool head_signed(struct slice bytes)
{
    uint8_t hash[HASH_SIZE];
    if (bytes.n < HEAD_MIN)
        return false;
    size_t n = bytes.n - SIGNATURE_SIZE;
    crypto_hash1(hash, "head", slice_make(bytes.p, n));
    return crypto_verify(bytes.p + n, slice_make(hash, HASH_SIZE), bytes.p + 1);
}

void manifest_root(uint8_t ret[static HASH_SIZE], struct slice lines)
{
    crypto_hash1(ret, "manifest", lines);
}

void roots_init(struct roots *r, struct mem *mem)
{
    *r = (struct roots){.mem = mem};
}

void roots_done(struct roots *r)
{
    mem_free(r->mem, r->begins, r->begins_n);
    roots_init(r, r->mem);
}

/* What is remembered and this list have in common at their beginning. */
static size_t same_bytes(const struct roots *r, struct slice lines)
{
    size_t n = r->begins_n < lines.n ? r->begins_n : lines.n, i = 0;
    if (n == 0 || memcmp(r->begins, lines.p, n) == 0)
        return n;
    while (i + LINE_BYTES <= n && memcmp(r->begins + i, lines.p + i, LINE_BYTES) == 0)
        i += LINE_BYTES;
    return i;
}

/* This list is how lists begin from now on; `same` bytes of it are so already. */
static bool begin_so(struct roots *r, struct slice lines, size_t same)
{
    size_t n = lines.n - ROOT_LAST;
    uint8_t *grown =
        n > r->begins_n ? mem_resize(r->mem, r->begins, r->begins_n, n) : r->begins;
    if (grown == NULL)
        return false;
    r->begins = grown;
    r->begins_n = n > r->begins_n ? n : r->begins_n;
    for (size_t i = 0; i < ROOTS_STATES; i++)
        r->state[i].n = r->state[i].at <= same ? r->state[i].n : 0;
    if (n > same)
        memcpy(r->begins + same, lines.p + same, n - same);
    return true;
}

/* Of how this list begins. NULL: memory. */
static struct root_state *state_for(struct roots *r, struct slice lines)
{
    size_t same = same_bytes(r, lines);
    for (size_t i = 0; i < ROOTS_STATES; i++)
        if (r->state[i].n == lines.n && r->state[i].at <= same)
            return &r->state[i];
    if (!begin_so(r, lines, same))
        return NULL;
    struct root_state *state = &r->state[r->next++ % ROOTS_STATES];
    state->n = lines.n;
    state->at = lines.n - ROOT_LAST;
    crypto_hash_begin(&state->hashing, "manifest", lines.n);
    crypto_hash_more(&state->hashing, slice_make(lines.p, state->at));
    return state;
}

void roots_next(struct roots *r, uint8_t ret[static HASH_SIZE], struct slice lines)
{
    struct root_state *state = lines.n < ROOT_SHORT ? NULL : state_for(r, lines);
    if (state == NULL) {
        manifest_root(ret, lines);
        return;
    }
    struct crypto_hashing hashing = state->hashing;
    crypto_hash_more(&hashing, slice_make(lines.p + state->at, lines.n - state->at));
    crypto_hash_end(&hashing, ret);
}

void manifest_line(struct slice lines, size_t i, struct line *ret)
{
    const uint8_t *p = lines.p + i * LINE_BYTES;
    ret->size = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    memcpy(ret->name, p + 4, HASH_SIZE);
}

void manifest_line_put(struct buf *b, const struct line *line)
{
    buf_put_u32(b, line->size);
    buf_put(b, line->name, HASH_SIZE);
}
