/* index: one hash table over every PUT and DEL of every held segment. A slot says where the record
 * lies (segment, offset) and carries 23 bits of the key's hash, so that nearly every comparison of
 * keys that is made succeeds. What counts for a key is decided when it is asked, among the few
 * records of that key: nothing has to be kept in step when a segment comes or goes. */
#include "plan/index.h"

#include <assert.h>
#include <string.h>

#include "base/keyhash.h"
#include "base/rand.h"
#include "plan/index_inside.h"
#include "plan/segment_plain.h"

/* The users of URIs are always hashed without case, so that a lookup without case finds every
 * spelling; domains are in lower case already. What is hashed says its own lengths first, so no two
 * keys are hashed alike but those that differ in the bit that makes a letter small: how many of
 * these a catalog may have is bounded (KEY_RECORDS_MAX). */
static inline uint64_t hash_key(const struct plan *p, uint8_t kind, struct slice user,
                                struct slice domain)
{
    const struct index_secret *s = &p->index.secret;
    uint64_t small = kind == ENTRY_URI ? UINT64_C(0x2020202020202020) : 0;
    uint64_t head = kind | (uint64_t)user.n << 8 | (uint64_t)domain.n << 36;
    keyhash_sum sum = keyhash_pair(0, s->head, head, 0);
    sum = keyhash_bytes(sum, s->user, user, small);
    sum = keyhash_bytes(sum, s->domain, domain, 0);
    return keyhash_done(sum, s->last);
}

uint64_t index_hash(const struct plan *p, uint64_t salt, const struct record *key)
{
    return hash_key(p, key->kind, key->user, key->domain) ^ salt;
}

void index_init(struct plan *p)
{
    uint64_t *word = (uint64_t *)(void *)&p->index.secret;
    for (size_t i = 0; i < sizeof p->index.secret / sizeof *word; i++) {
        uint8_t number[2] = {(uint8_t)i, (uint8_t)(i >> 8)};
        word[i] = crypto_siphash(slice_make(number, sizeof number), p->seed);
    }
}

/* --- walking the slots of a key */

struct probe {
    const struct slots *x; /* NULL: there is no more */
    size_t bucket;
    uint64_t hash;
    unsigned fits; /* bits of the bucket's slots that are still to be looked at */
    bool last;     /* this bucket ends the search */
};

/* Which slots of the bucket have the tag, as bits, and perhaps empty ones. Without branches: which
 * do is no news to anybody, and to guess it wrong would cost more than to look at them all. With
 * words of 16 bytes the upper halves of four slots are compared at once. The writer may be at it
 * meanwhile, so that it is a hint: who follows it reads the slot by itself. */
#if defined(__SSE2__) && !SANITIZES_THREADS
typedef uint32_t halves __attribute__((vector_size(16)));
typedef int words __attribute__((vector_size(16)));
typedef short shorts __attribute__((vector_size(16)));

static inline unsigned bucket_fits(const _Atomic uint64_t *bucket, uint64_t hash)
{
    const volatile halves *two = (const volatile halves *)(const volatile void *)bucket;
    uint32_t tag = (uint32_t)(hash << TAG_SHIFT >> TAG_SHIFT);
    halves tags = {tag, tag, tag, tag}, a = two[0], b = two[1], c = two[2], d = two[3];
    halves lower = __builtin_shufflevector(a, b, 1, 3, 5, 7) >> (TAG_SHIFT - 32);
    halves upper = __builtin_shufflevector(c, d, 1, 3, 5, 7) >> (TAG_SHIFT - 32);
    shorts fit = __builtin_ia32_packssdw128((words)(lower == tags), (words)(upper == tags));
    return (uint8_t)__builtin_ia32_pmovmskb128(__builtin_ia32_packsswb128(fit, fit));
}
#else
static inline unsigned bucket_fits(const _Atomic uint64_t *bucket, uint64_t hash)
{
    uint64_t tag = hash << TAG_SHIFT;
    unsigned others = 0;
#pragma GCC unroll 8
    for (size_t i = BUCKET; i-- > 0;) {
        uint64_t differs = atomic_load_explicit(bucket + i, memory_order_acquire) ^ tag;
        others = others + others + (differs > (UINT64_C(1) << TAG_SHIFT) - 1);
    }
    return others ^ ((1u << BUCKET) - 1);
}
#endif

/* Whether a search for the hash ends in this bucket. */
static inline bool bucket_last(const _Atomic uint64_t *bucket, uint64_t hash)
{
    return (atomic_load_explicit(bucket + passed_at(hash), memory_order_acquire) & PASSED) == 0;
}

static inline void probe_bucket(struct probe *b)
{
    const _Atomic uint64_t *bucket = b->x->slot + b->bucket * BUCKET;
    b->fits = bucket_fits(bucket, b->hash);
    b->last = bucket_last(bucket, b->hash);
}

static inline struct probe probe_start(const struct plan *p, uint64_t hash)
{
    struct probe b = {.x = p->index.slots, .hash = hash};
    if (b.x != NULL) {
        b.bucket = bucket_of(b.x, hash);
        probe_bucket(&b);
    }
    return b;
}

/* The next slot whose tag fits; 0 at the end. */
static inline uint64_t probe_next(struct probe *b)
{
    while (b->x != NULL) {
        while (b->fits != 0) {
            size_t i = (size_t)__builtin_ctz(b->fits);
            uint64_t slot = slot_get(b->x, b->bucket * BUCKET + i);
            b->fits &= b->fits - 1;
            if ((slot ^ b->hash << TAG_SHIFT) >> TAG_SHIFT == 0 && slot_id(slot) != 0)
                return slot;
        }
        if (b->last)
            break;
        b->bucket = bucket_next(b->x, b->bucket);
        probe_bucket(b);
    }
    return 0;
}

static bool has_key(const struct segment *s, uint32_t offset, const struct record *key, bool fold)
{
    struct record r;
    return segment_record_is(segment_bytes(s), offset, key, fold, &r);
}

/* Where the mark of an offset would lie if all records were of one size. */
static inline const struct mark *mark_guess(const struct segment *s, uint32_t offset)
{
    size_t i = (size_t)offset * segment_marks(s) / s->size;
    return segment_first_mark(s) + i;
}

/* The record at an offset with its USN and source: a short walk from the mark before it. */
static void read_whole(const struct segment *s, uint32_t offset, struct record *ret)
{
    const struct mark *last = segment_first_mark(s) + segment_marks(s) - 1;
    const struct mark *mark = mark_guess(s, offset);
    while (mark->at > offset)
        mark--;
    while (mark < last && mark[1].at <= offset)
        mark++;
    struct segment_reader r = {
        .bytes = segment_bytes(s),
        .at = mark->at,
        .usn = (uint64_t)mark->usn_high << 32 | mark->usn_low,
        .has_usn = true,
    };
    if (mark->source != 0) {
        const uint8_t *source = r.bytes.p + mark->source;
        r.source = slice_make(source + 2, source[1]);
    }
    segment_seek(&r, offset);
    int got = segment_next(&r, ret);
    assert(got == 1);
}

/* Of two records of one key, does a count? The rule after the USN decides only about origins that
 * used one twice: every holder must decide alike, in whatever order the segments came. */
static bool outranks(const struct plan *p, const struct found *a, const struct found *b)
{
    if (a->record.usn != b->record.usn)
        return a->record.usn > b->record.usn;
    if (a->record.put != b->record.put)
        return a->record.put;
    int name = memcmp(segment_at(p, a->id)->name, segment_at(p, b->id)->name, HASH_SIZE);
    return name != 0 ? name > 0 : a->offset > b->offset;
}

/* What is seen of a catalog: the segments with the flag, and of segment `part` (flagged or not) the
 * records before `until`. */
struct view {
    const struct catalog *c;
    uint8_t flag;
    uint32_t part, until;
};

static inline bool view_has(const struct view *v, uint64_t slot)
{
    uint32_t id = slot_id(slot);
    const struct segment *s = segment_at(v->c->plan, id);
    if (s->catalog != v->c)
        return false;
    return id == v->part ? slot_offset(slot) < v->until : (s->flags & v->flag) != 0;
}

/* What counts for the key in the view; ret->id = 0 when nothing does. Returns how many records of
 * the catalog share its hash, seen or not: the key's own, and those of its other spellings. Their
 * tags tell; that another key's is the same by chance is as good as never. */
static size_t view_find(const struct view *v, uint64_t hash, const struct record *key,
                        struct found *ret)
{
    const struct plan *p = v->c->plan;
    struct probe b = probe_start(p, hash);
    size_t held = 0;
    ret->id = 0;
    ret->puts = 0;
    for (uint64_t slot; (slot = probe_next(&b)) != 0;) {
        struct found f = {.id = slot_id(slot), .offset = slot_offset(slot)};
        struct segment *s = segment_at(p, f.id);
        if (v->part != 0 && (f.id != v->part || f.offset != v->until))
            s->quiet = QUIET_NO; /* a record comes that has the tag of this one */
        if (s->catalog != v->c)
            continue;
        held++;
        if (!has_key(s, f.offset, key, false) || !view_has(v, slot))
            continue;
        read_whole(s, f.offset, &f.record);
        f.puts = ret->puts + f.record.put;
        if (ret->id == 0 || outranks(p, &f, ret))
            *ret = f;
        ret->puts = f.puts;
    }
    return held;
}

/* --- segments coming and going */

/* What counts for a key is kept by a rewrite: a PUT always, a DEL while an older PUT of its key is
 * listed, so while there is any PUT of it. before and after: what counts without r and with it. */
static void count_kept(struct plan *p, const struct found *before, const struct found *after,
                       const struct record *r, bool add)
{
    bool was = before->puts > 0, is = was || r->put;
    uint32_t less = was ? record_weight(&before->record) : 0;
    uint32_t more = is ? record_weight(&after->record) : 0;
    segment_at(p, before->id)->kept -= add ? less : -less;
    segment_at(p, after->id)->kept += add ? more : -more;
}

/* The record's part of the digest; returns how many records of its key are held. */
static size_t count_record(struct catalog *c, uint32_t id, const struct record *r, uint64_t hash,
                           bool add)
{
    struct view v = {c, SEGMENT_TARGET, id, r->offset};
    struct found before, after = {.id = id, .offset = r->offset, .record = *r};
    size_t held = view_find(&v, hash, r, &before);
    bool counts = before.id == 0 || outranks(c->plan, &after, &before);
    count_kept(c->plan, &before, counts ? &after : &before, r, add);
    if (!counts)
        return held;
    uint64_t live = 0, sum = 0;
    if (r->put) {
        live++;
        sum += mix64(r->usn);
    }
    if (before.id != 0 && before.record.put) {
        live--;
        sum -= mix64(before.record.usn);
    }
    c->live += add ? live : -live;
    c->sum += add ? sum : -sum;
    return held;
}

void index_count(struct plan *p, uint32_t id, bool add)
{
    const struct segment *s = segment_at(p, id);
    struct batch b;
    batch_start(&b, s);
    while (batch_next(&b, p, p->index.slots, s->catalog->salt)) {
        for (size_t i = 0; i < b.n; i++)
            count_record(s->catalog, id, &b.record[i], b.hash[i], add);
    }
}

static size_t find_slot(const struct slots *x, uint64_t hash, uint64_t slot)
{
    for (size_t bucket = bucket_of(x, hash);; bucket = bucket_next(x, bucket)) {
        for (size_t at = bucket * BUCKET; at < (bucket + 1) * BUCKET; at++) {
            if ((slot_get(x, at) & ~PASSED) == slot)
                return at;
        }
        assert((slot_get(x, bucket * BUCKET + passed_at(hash)) & PASSED) != 0);
    }
}

/* What is said about those that passed stays: others may have. */
static void slot_clear(struct slots *x, uint64_t hash, uint64_t slot, size_t *used, size_t *left)
{
    size_t at = find_slot(x, hash, slot);
    slot_set(x, at, slot_get(x, at) & PASSED);
    --*used;
    *left += at / BUCKET != bucket_of(x, hash);
}

/* Takes the segment's records before an offset out. */
static void remove_until(const struct plan *p, struct slots *x, uint32_t id, uint32_t until,
                         size_t *used, size_t *left)
{
    const struct segment *s = segment_at(p, id);
    struct batch b;
    batch_start(&b, s);
    while (batch_next(&b, p, x, s->catalog->salt)) {
        for (size_t i = 0; i < b.n && b.record[i].offset < until; i++)
            slot_clear(x, b.hash[i], slot_make(b.hash[i], id, b.record[i].offset), used, left);
    }
}

void index_remove(struct plan *p, uint32_t id)
{
    struct index *index = &p->index;
    struct next_slots *next = &index->next;
    remove_until(p, index->slots, id, UINT32_MAX, &index->used, &index->left);
    if (id < next->filled)
        remove_until(p, next->slots, id, UINT32_MAX, &next->used, &next->left);
}

bool index_add(struct plan *p, uint32_t id)
{
    const struct segment *s = segment_at(p, id);
    struct catalog *c = s->catalog;
    struct index *index = &p->index;
    uint64_t live = c->live, sum = c->sum;
    struct batch b;
    batch_start(&b, s);
    while (batch_next(&b, p, index->slots, c->salt)) {
        for (size_t i = 0; i < b.n; i++) {
            if (count_record(c, id, &b.record[i], b.hash[i], true) >= KEY_RECORDS_MAX) {
                remove_until(p, index->slots, id, b.record[i].offset, &index->used, &index->left);
                c->live = live;
                c->sum = sum;
                c->counted = false;
                return false;
            }
            slots_place(index->slots, b.hash[i], id, b.record[i].offset);
            index->used++;
        }
    }
    if (id < index->next.filled)
        index->next.used += index_fill(p, index->next.slots, id);
    return true;
}

/* --- questions */

bool index_find(const struct catalog *c, uint8_t flag, const struct record *key,
                struct found *ret)
{
    struct view v = {c, flag, 0, 0};
    ret->held = view_find(&v, index_hash(c->plan, c->salt, key), key, ret);
    return ret->id != 0;
}

/* All of that segment is older than the record: nothing of it outranks that. */
static inline bool is_older(const struct segment *s, const struct record *r)
{
    return s->newest < r->usn && s->newest != UINT32_MAX;
}

static bool counts(const struct catalog *c, uint8_t flag, uint64_t hash, uint32_t id,
                   const struct record *r, struct company *ret)
{
    const struct plan *p = c->plan;
    struct probe b = probe_start(p, hash);
    struct company with = {true, true};
    for (uint64_t slot; (slot = probe_next(&b)) != 0;) {
        struct found f = {.id = slot_id(slot), .offset = slot_offset(slot)};
        const struct segment *s = segment_at(p, f.id);
        if (f.id == id && f.offset == r->offset)
            continue;
        with.only = false;
        with.alone = with.alone && s->catalog == c;
        if (s->catalog != c || (s->flags & flag) == 0 || is_older(s, r) ||
            !has_key(s, f.offset, r, false))
            continue;
        struct found mine = {.id = id, .offset = r->offset, .record = *r};
        read_whole(s, f.offset, &f.record);
        if (outranks(p, &f, &mine))
            return false;
    }
    if (ret != NULL)
        *ret = with;
    return true;
}

bool index_counts(const struct catalog *c, uint8_t flag, uint32_t id, const struct record *r,
                  struct company *ret)
{
    return counts(c, flag, index_hash(c->plan, c->salt, r), id, r, ret);
}

bool index_put_stays(const struct catalog *c, const struct record *key)
{
    const struct plan *p = c->plan;
    struct view v = {c, SEGMENT_SERVED, 0, 0};
    struct probe b = probe_start(p, index_hash(p, c->salt, key));
    for (uint64_t slot; (slot = probe_next(&b)) != 0;) {
        const struct segment *s = segment_at(p, slot_id(slot));
        struct record r;
        if (!view_has(&v, slot) || (s->flags & SEGMENT_LEAVING) != 0)
            continue;
        if (segment_record_is(segment_bytes(s), slot_offset(slot), key, false, &r) && r.put)
            return true;
    }
    return false;
}

/* One that a rewrite may leave out, now or when others have left: a PUT that does not count, and
 * in the second turn a DEL. */
static bool may_go(const struct catalog *c, uint64_t hash, uint32_t id, const struct record *r,
                   bool dels)
{
    return r->put ? !dels && !counts(c, SEGMENT_SERVED, hash, id, r, NULL) : dels;
}

size_t index_leave(const struct catalog *c, const struct record *key, size_t max)
{
    const struct plan *p = c->plan;
    struct view v = {c, SEGMENT_SERVED, 0, 0};
    uint64_t hash = index_hash(p, c->salt, key);
    size_t n = 0;
    for (unsigned turn = 0; turn < 2; turn++) {
        struct probe b = probe_start(p, hash);
        for (uint64_t slot; n < max && (slot = probe_next(&b)) != 0;) {
            struct segment *s = segment_at(p, slot_id(slot));
            struct record r;
            if (!view_has(&v, slot) || (s->flags & SEGMENT_LEAVING) != 0 ||
                !has_key(s, slot_offset(slot), key, key->kind == ENTRY_URI))
                continue;
            read_whole(s, slot_offset(slot), &r);
            if (!may_go(c, hash, slot_id(slot), &r, turn == 1))
                continue;
            s->flags |= SEGMENT_LEAVING;
            n++;
        }
    }
    return n;
}

/* --- one user in many spellings */

#define SPELLINGS (2 * KEY_RECORDS_MAX) /* of a catalog there are never so many records */

/* Of each spelling the slot of the record that counts, by a hash that knows case; 0: none. */
struct spellings {
    uint64_t slot[SPELLINGS];
};

static size_t spelling_place(const struct plan *p, const struct record *r)
{
    const struct index_secret *s = &p->index.secret;
    return (size_t)keyhash_done(keyhash_bytes(0, s->user, r->user, 0), s->last) % SPELLINGS;
}

static struct found found_in(const struct plan *p, uint64_t slot)
{
    struct found f = {.id = slot_id(slot), .offset = slot_offset(slot)};
    read_whole(segment_at(p, f.id), f.offset, &f.record);
    return f;
}

/* Each record is compared with those of its own spelling only: many of them cost no more each than
 * a few do. */
static void spellings_fill(const struct catalog *c, uint64_t hash, const struct record *key,
                           struct spellings *ret)
{
    const struct plan *p = c->plan;
    struct view v = {c, SEGMENT_SERVED, 0, 0};
    struct probe b = probe_start(p, hash);
    size_t n = 0;
    memset(ret, 0, sizeof *ret);
    for (uint64_t slot; n < SPELLINGS / 2 && (slot = probe_next(&b)) != 0;) {
        const struct segment *s = segment_at(p, slot_id(slot));
        if (!view_has(&v, slot) || !has_key(s, slot_offset(slot), key, true))
            continue;
        struct found f = found_in(p, slot), other;
        size_t at = spelling_place(p, &f.record);
        while (ret->slot[at] != 0 &&
               !has_key(segment_at(p, slot_id(ret->slot[at])), slot_offset(ret->slot[at]),
                        &f.record, false))
            at = (at + 1) % SPELLINGS;
        n += ret->slot[at] == 0;
        if (ret->slot[at] != 0)
            other = found_in(p, ret->slot[at]);
        if (ret->slot[at] == 0 || outranks(p, &f, &other))
            ret->slot[at] = slot;
    }
}

size_t index_spellings(const struct catalog *c, const struct record *key)
{
    struct spellings all;
    size_t live = 0;
    spellings_fill(c, index_hash(c->plan, c->salt, key), key, &all);
    for (size_t i = 0; i < SPELLINGS; i++)
        live += all.slot[i] != 0 && found_in(c->plan, all.slot[i]).record.put;
    return live;
}

/* The spelling that came last, of those that are there. */
__attribute__((noinline)) static bool spelled_last(const struct catalog *c, uint64_t hash,
                                                   const struct record *key, struct found *ret)
{
    struct spellings all;
    bool any = false;
    spellings_fill(c, hash, key, &all);
    for (size_t i = 0; i < SPELLINGS; i++) {
        if (all.slot[i] == 0)
            continue;
        struct found f = found_in(c->plan, all.slot[i]);
        if (!f.record.put || (any && !outranks(c->plan, &f, ret)))
            continue;
        *ret = f;
        any = true;
    }
    return any;
}

/* Whether readers may look at what the segment says. */
static inline bool segment_served(const struct segment *s)
{
    return (s->flags & SEGMENT_SERVED) != 0 && s->catalog->indexed && s->catalog->served;
}

/* The catalog that was made first of those that serve a record of the key and are not older than
 * `serial`; NULL: none. */
static const struct catalog *next_catalog(const struct plan *p, uint64_t hash,
                                          const struct record *key, bool fold, uint64_t serial)
{
    struct probe b = probe_start(p, hash);
    const struct catalog *next = NULL;
    for (uint64_t slot; (slot = probe_next(&b)) != 0;) {
        const struct segment *s = segment_at(p, slot_id(slot));
        const struct catalog *c = s->catalog;
        if (segment_served(s) && c->serial >= serial &&
            (next == NULL || c->serial < next->serial) &&
            has_key(s, slot_offset(slot), key, fold))
            next = c;
    }
    return next;
}

/* Several records of the key are served, in one catalog or in many: of each what counts. Two
 * spellings of one user in one catalog: the exact one, then the later one. */
__attribute__((noinline)) static size_t candidates_of_many(const struct plan *p, uint64_t hash,
                                                           const struct record *key, bool fold,
                                                           struct candidate *out, size_t max)
{
    const struct catalog *c;
    size_t n = 0;
    for (uint64_t serial = 0;
         n < max && (c = next_catalog(p, hash, key, fold, serial)) != NULL;
         serial = c->serial + 1) {
        struct view v = {c, SEGMENT_SERVED, 0, 0};
        struct found f;
        view_find(&v, hash, key, &f);
#ifdef OPENILS_BUG_FORGET_DEL /* the control of the beacon: a withdrawal hides nothing */
        f.record.put = f.id != 0;
#endif
        if ((f.id != 0 && f.record.put) || (fold && spelled_last(c, hash, key, &f)))
            out[n++] = (struct candidate){c, f.id, f.record};
    }
    return n;
}

/* As plan_candidates; whatever slots and records there are. */
__attribute__((noinline)) static size_t candidates_any(const struct plan *p, uint8_t kind,
                                                       struct slice user, struct slice domain,
                                                       struct candidate *out, size_t max)
{
    if (user.n > URI_MAX || domain.n > URI_MAX) /* no key is, nor is the secret of the hash */
        return 0;
    struct record key = {.kind = kind, .user = user, .domain = domain};
    uint64_t hash = hash_key(p, kind, user, domain);
    struct probe b = probe_start(p, hash);
    bool fold = p->fold_case && kind == ENTRY_URI, one = false;
    for (uint64_t slot; (slot = probe_next(&b)) != 0;) {
        struct record r, *into = one ? &r : &out[0].r;
        const struct segment *s = segment_at(p, slot_id(slot));
        if (!segment_served(s) ||
            !segment_record_is(segment_bytes(s), slot_offset(slot), &key, fold, into))
            continue;
        if (one)
            return candidates_of_many(p, hash, &key, fold, out, max);
        one = true;
        out[0].c = s->catalog;
        out[0].id = slot_id(slot);
    }
    return one && out[0].r.put;
}

/* Nearly every key has one record, a plain one, in the bucket that its hash names: that one counts,
 * and nothing else of it need be known. All others, and what is not sure, go the long way. A get is
 * two waits for memory, of the slot and of the record, and a processor begins those of the next get
 * meanwhile, as far as it has room for instructions under way: so there are few here, and those of
 * URIs and of numbers are apart. */
__attribute__((always_inline)) static inline size_t
candidates(const struct plan *p, uint8_t kind, struct slice user, struct slice domain,
           struct candidate *out, size_t max)
{
    const struct slots *x = p->index.slots;
    if (x == NULL || user.n > PLAIN_MAX || domain.n > PLAIN_MAX)
        return candidates_any(p, kind, user, domain, out, max);
    uint64_t hash = hash_key(p, kind, user, domain);
    const _Atomic uint64_t *bucket = x->slot + bucket_of(x, hash) * BUCKET;
    unsigned fits = bucket_fits(bucket, hash);
    if (!bucket_last(bucket, hash) || (fits & (fits - 1)) != 0)
        return candidates_any(p, kind, user, domain, out, max);
    if (fits == 0)
        return 0;
    uint64_t slot = atomic_load_explicit(bucket + __builtin_ctz(fits), memory_order_acquire);
    const struct segment *s = segment_at(p, slot_id(slot));
    if (slot_id(slot) == 0 || !segment_served(s) ||
        !segment_plain_is(s->bytes, slot_offset(slot), kind, user, domain, &out[0].r))
        return candidates_any(p, kind, user, domain, out, max);
    out[0].c = s->catalog;
    out[0].id = slot_id(slot);
    return 1;
}

size_t plan_candidates(const struct plan *p, uint8_t kind, struct slice user, struct slice domain,
                       struct candidate *out, size_t max)
{
    if (kind == ENTRY_URI)
        return candidates(p, ENTRY_URI, user, domain, out, max);
    return domain.n > 0 ? 0 : candidates(p, kind, user, slice_make(NULL, 0), out, max);
}

uint64_t candidate_usn(const struct plan *p, const struct candidate *found)
{
    struct record r;
    read_whole(segment_at(p, found->id), found->r.offset, &r);
    return r.usn;
}
