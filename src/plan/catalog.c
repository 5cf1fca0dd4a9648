/* catalog: the served and the wanted set of one stream's segments. A segment is made when a
 * manifest lists it and goes when neither set does; its flags say in which sets it is. */
#include <assert.h>
#include <string.h>

#include "plan/catalog.h"

#include "base/planted.h"
#include "plan/index.h"
#include "plan/walk.h"

/* Replaces what lookups show of it. False: memory. */
static bool say(struct catalog *c, const uint8_t key[static KEY_SIZE], struct slice cluster_id,
                struct slice route_string, bool local)
{
    struct plan *p = c->plan;
    struct said *old = c->said;
    struct said *said = grave_alloc(p->mem, sizeof *said + cluster_id.n + route_string.n);
    if (said == NULL)
        return false;
    memcpy(said->key, key, KEY_SIZE);
    said->local = local;
    said->cluster_id_n = cluster_id.n;
    said->route_string_n = route_string.n;
    if (cluster_id.n > 0)
        memcpy(said->text, cluster_id.p, cluster_id.n);
    if (route_string.n > 0)
        memcpy(said->text + cluster_id.n, route_string.p, route_string.n);
    plan_change_begin(p);
    c->said = said;
    plan_change_end(p);
    graves_add(&p->graves, old != NULL ? &old->grave : NULL);
    return true;
}

struct catalog *catalog_new(struct plan *p, const uint8_t key[static KEY_SIZE], uint64_t number,
                            bool indexed)
{
    struct catalog *c = grave_alloc(p->mem, sizeof *c);
    if (c == NULL)
        return NULL;
    c->plan = p;
    c->roots = mem_alloc(p->mem, sizeof *c->roots);
    struct slice none = {NULL, 0};
    if (c->roots == NULL || !say(c, key, none, none, false)) {
        mem_free(p->mem, c->roots, sizeof *c->roots);
        grave_free(p->mem, &c->grave);
        return NULL;
    }
    roots_init(c->roots, p->mem);
    c->number = number;
    c->serial = p->serial++;
    c->indexed = indexed;
    c->served = c->counted = true;
    if (!indexed) {
        uint8_t text[8];
        memcpy(text, &c->serial, 8);
        c->salt = crypto_siphash(slice_make(text, sizeof text), p->seed);
    }
    list_add(&p->catalogs, &c->node);
    return c;
}

static void manifest_free(struct plan *p, struct manifest *m)
{
    mem_free(p->mem, m->lines, m->n * LINE_BYTES);
    mem_free(p->mem, m->id, m->n * sizeof *m->id);
    *m = (struct manifest){0};
}

/* --- segments by name */

static size_t bucket_of(const struct catalog *c, const uint8_t name[static HASH_SIZE])
{
    uint64_t hash = crypto_siphash(slice_make(name, HASH_SIZE), c->plan->seed);
    return (size_t)hash & (c->bucket_n - 1);
}

/* The segment with this name; with this size, or of any size but held. 0: none. */
static uint32_t name_find(const struct catalog *c, const uint8_t name[static HASH_SIZE],
                          const uint32_t *size)
{
    const struct segment *segment = c->plan->segment;
    uint32_t id = c->bucket_n > 0 ? c->bucket[bucket_of(c, name)] : 0;
    for (; id != 0; id = segment[id].next) {
        bool fits = size != NULL ? segment[id].size == *size : segment[id].bytes != NULL;
        if (fits && memcmp(segment[id].name, name, HASH_SIZE) == 0)
            return id;
    }
    return 0;
}

static void name_add(struct catalog *c, uint32_t id)
{
    struct segment *s = &c->plan->segment[id];
    size_t at = bucket_of(c, s->name);
    s->next = c->bucket[at];
    c->bucket[at] = id;
}

/* Buckets for n names. */
static bool names_reserve(struct catalog *c, size_t n)
{
    struct mem *mem = c->plan->mem;
    size_t size = 16;
    while (size < n)
        size *= 2;
    if (size <= c->bucket_n)
        return true;
    uint32_t *bucket = mem_alloc(mem, size * sizeof *bucket), *old = c->bucket;
    if (bucket == NULL)
        return false;
    size_t old_n = c->bucket_n;
    c->bucket = bucket;
    c->bucket_n = size;
    for (size_t i = 0; i < old_n; i++) {
        for (uint32_t id = old[i], next; id != 0; id = next) {
            next = c->plan->segment[id].next;
            name_add(c, id);
        }
    }
    mem_free(mem, old, old_n * sizeof *old);
    return true;
}

/* Records of the segments that no set lists. */
static uint64_t records_unlisted(const struct catalog *c)
{
    const struct segment *segment = c->plan->segment;
    uint64_t n = 0;
    for (size_t i = 0; i < c->bucket_n; i++) {
        for (uint32_t id = c->bucket[i]; id != 0; id = segment[id].next)
            n += segment[id].flags == 0 ? segment[id].records : 0;
    }
    return n;
}

/* Takes an unlisted segment out of everything but the index. */
static void segment_drop(struct catalog *c, uint32_t id)
{
    struct plan *p = c->plan;
    if (p->segment[id].patterns)
        index_patterns_remove(p, id);
    plan_segment_retire(p, id);
    c->segments--;
}

/* Drops every segment that no set lists. When that is most of the index, what stays is put in
 * anew; otherwise what goes is taken out. */
static void sweep(struct catalog *c)
{
    struct plan *p = c->plan;
    uint64_t leaving = records_unlisted(c);
    bool refilled = leaving > p->index.used / 2 && index_refill(p, c);
    for (size_t i = 0; i < c->bucket_n; i++) {
        uint32_t *link = &c->bucket[i];
        for (uint32_t id; (id = *link) != 0;) {
            struct segment *s = &p->segment[id];
            if (s->flags != 0) {
                link = &s->next;
                continue;
            }
            *link = s->next;
            if (s->records > 0 && !refilled && p->index.slots != NULL)
                index_remove(p, id);
            segment_drop(c, id);
        }
    }
    c->records -= leaving;
    c->swept = c->bucket_n;
    c->loose = false;
    plan_reclaim(p);
}

static void sweep_loose(struct catalog *c)
{
    if (c->loose)
        sweep(c);
    else
        plan_reclaim(c->plan);
}

bool catalog_sweep(struct catalog *c, size_t *budget)
{
    struct plan *p = c->plan;
    for (; c->loose && c->swept < c->bucket_n; c->swept++) {
        uint32_t *link = &c->bucket[c->swept];
        for (uint32_t id; (id = *link) != 0;) {
            struct segment *s = &p->segment[id];
            if (s->flags != 0) {
                link = &s->next;
                continue;
            }
            if (*budget == 0) {
                plan_reclaim(p);
                return false;
            }
            *link = s->next;
            *budget -= s->records < *budget ? s->records : *budget;
            c->records -= s->records;
            if (s->records > 0 && p->index.slots != NULL)
                index_remove(p, id);
            segment_drop(c, id);
        }
    }
    c->loose = false;
    plan_reclaim(p);
    return true;
}

void catalog_free(struct catalog *c)
{
    if (c == NULL)
        return;
    struct plan *p = c->plan;
    plan_change_begin(p);
    for (size_t i = 0; i < c->bucket_n; i++) {
        for (uint32_t id = c->bucket[i]; id != 0; id = p->segment[id].next)
            p->segment[id].flags = 0;
    }
    plan_change_end(p);
    sweep(c);
    if (c->targeting)
        manifest_free(p, &c->target);
    manifest_free(p, &c->serving);
    mem_free(p->mem, c->bucket, c->bucket_n * sizeof *c->bucket);
    roots_done(c->roots);
    mem_free(p->mem, c->roots, sizeof *c->roots);
    list_remove(&c->node);
    graves_add(&p->graves, &c->said->grave);
    graves_add(&p->graves, &c->grave);
}

/* --- what is said of it */

bool catalog_rekey(struct catalog *c, const uint8_t key[static KEY_SIZE])
{
    return say(c, key, catalog_cluster_id(c), catalog_route_string(c), catalog_local(c));
}

const uint8_t *catalog_key(const struct catalog *c)
{
    const struct said *said = c->said;
    return said->key;
}

uint64_t catalog_number(const struct catalog *c)
{
    return c->number;
}

bool catalog_describe(struct catalog *c, struct slice cluster_id, struct slice route_string,
                      bool local)
{
    if (local == catalog_local(c) && slice_eq(cluster_id, catalog_cluster_id(c)) &&
        slice_eq(route_string, catalog_route_string(c)))
        return true;
    return say(c, catalog_key(c), cluster_id, route_string, local);
}

struct slice catalog_cluster_id(const struct catalog *c)
{
    const struct said *said = c->said;
    return slice_make(said->text, said->cluster_id_n);
}

struct slice catalog_route_string(const struct catalog *c)
{
    const struct said *said = c->said;
    return slice_make(said->text + said->cluster_id_n, said->route_string_n);
}

/* One word each: nobody sees half of it, and the bracket is for what else changes with it. */
static void word_set(struct catalog *c, _Atomic bool *word, bool value)
{
    if (*word == value)
        return;
    plan_change_begin(c->plan);
    *word = value;
    plan_change_end(c->plan);
}

void catalog_set_stale(struct catalog *c, bool stale)
{
    word_set(c, &c->stale, stale);
}

void catalog_set_served(struct catalog *c, bool served)
{
    for (size_t i = 0; c->served != served && i < c->serving.n; i++)
        c->plan->segment[c->serving.id[i]].looked = false;
    word_set(c, &c->served, served);
}

bool catalog_local(const struct catalog *c)
{
    const struct said *said = c->said;
    return said->local;
}

bool catalog_is_local(const struct catalog *c)
{
    return catalog_local(c);
}

bool catalog_stale(const struct catalog *c)
{
    return c->stale;
}

/* --- filling */

static const struct manifest *target_of(const struct catalog *c)
{
    return c->targeting ? &c->target : &c->serving;
}

/* From line `from` on, as below: of the lines before it both sets have the same. */
static void flags_clear(struct plan *p, const struct manifest *m, size_t from, uint8_t flag)
{
    for (size_t i = from; i < m->n; i++) {
        if (m->id[i] != 0)
            p->segment[m->id[i]].flags &= (uint8_t)~flag;
    }
}

static void flags_set(struct plan *p, const struct manifest *m, size_t from, uint8_t flag)
{
    for (size_t i = from; i < m->n; i++) {
        if (m->id[i] != 0)
            p->segment[m->id[i]].flags |= flag;
    }
}

/* Is there a segment among these that no set lists any more? */
static bool any_unlisted(const struct plan *p, const struct manifest *m, size_t from)
{
    for (size_t i = from; i < m->n; i++) {
        if (m->id[i] != 0 && p->segment[m->id[i]].flags == 0)
            return true;
    }
    return false;
}

/* Lines at the beginning that m has too. Of a change these are nearly all: a list grows at its end,
 * and what is the same is not gone through again. */
static size_t same_lines(const struct manifest *m, struct slice lines)
{
    size_t n = lines.n / LINE_BYTES < m->n ? lines.n / LINE_BYTES : m->n, i = 0;
    while (i < n && memcmp(m->lines + i * LINE_BYTES, lines.p + i * LINE_BYTES, LINE_BYTES) == 0)
        i++;
    return i;
}

static size_t same_segments(const struct manifest *a, const struct manifest *b)
{
    size_t n = a->n < b->n ? a->n : b->n, i = 0;
    while (i < n && a->id[i] == b->id[i])
        i++;
    return i;
}

/* The segment of a line, made when it is new; 0: memory. */
static uint32_t segment_of_line(struct catalog *c, const struct line *line)
{
    uint32_t id = name_find(c, line->name, &line->size);
    if (id != 0)
        return id;
    id = plan_segment_new(c);
    if (id == 0)
        return 0;
    struct segment *s = &c->plan->segment[id];
    s->size = line->size;
    memcpy(s->name, line->name, HASH_SIZE);
    name_add(c, id);
    c->segments++;
    return id;
}

/* Segments for the lines of m from `same` on, each flagged SEGMENT_LISTED. One that is listed
 * before has its id there: it is in the former target, and not behind `same` there. */
static bool list_rest(struct catalog *c, const struct manifest *former, struct manifest *m,
                      size_t same)
{
    struct plan *p = c->plan;
    bool ok = true;
    flags_set(p, former, same, SEGMENT_FORMER);
    for (size_t i = same; ok && i < m->n; i++) {
        struct line line;
        manifest_line(slice_make(m->lines, m->n * LINE_BYTES), i, &line);
        uint32_t id = segment_of_line(c, &line);
        uint8_t flags = id != 0 ? p->segment[id].flags : SEGMENT_LISTED;
        ok = id != 0;
        if ((flags & SEGMENT_LISTED) == 0 &&
            (flags & (SEGMENT_TARGET | SEGMENT_FORMER)) != SEGMENT_TARGET) {
            m->id[i] = id;
            p->segment[id].flags |= SEGMENT_LISTED;
        }
    }
    flags_clear(p, former, same, SEGMENT_FORMER);
    return ok;
}

/* A manifest with a segment for every line; those behind the first `same`, which the former target
 * has too, are flagged SEGMENT_LISTED. False: memory, and nothing has changed. */
static bool manifest_make(struct catalog *c, struct slice lines, const struct manifest *former,
                          size_t same, struct manifest *ret)
{
    struct plan *p = c->plan;
    struct manifest m = {.n = lines.n / LINE_BYTES,
                         .held = same < former->held ? same : former->held};
    *ret = m;
    if (m.n == 0)
        return true;
    m.lines = mem_alloc(p->mem, m.n * LINE_BYTES);
    m.id = mem_alloc(p->mem, m.n * sizeof *m.id);
    bool ok = m.lines != NULL && m.id != NULL && names_reserve(c, c->segments + m.n - same);
    if (ok) {
        memcpy(m.lines, lines.p, m.n * LINE_BYTES);
        if (same > 0)
            memcpy(m.id, former->id, same * sizeof *m.id);
        ok = list_rest(c, former, &m, same);
    }
    if (!ok) {
        if (m.id != NULL)
            flags_clear(p, &m, same, SEGMENT_LISTED);
        sweep(c);
        manifest_free(p, &m);
        return false;
    }
    *ret = m;
    return true;
}

static void count_all(struct catalog *c, const struct manifest *m)
{
    struct plan *p = c->plan;
    flags_clear(p, m, 0, SEGMENT_TARGET);
    c->live = c->sum = 0;
    for (size_t i = 0; i < c->bucket_n; i++) {
        for (uint32_t id = c->bucket[i]; id != 0; id = p->segment[id].next)
            p->segment[id].kept = 0;
    }
    c->counted = true;
    for (size_t i = 0; i < m->n; i++) {
        uint32_t id = m->id[i];
        if (id == 0)
            continue;
        if (p->segment[id].records > 0)
            index_count(p, id, true);
        p->segment[id].flags |= SEGMENT_TARGET;
    }
}

/* The digest follows segment by segment, unless counting the new target anew is less work. */
static void target_change(struct catalog *c, const struct manifest *old,
                          const struct manifest *new, size_t same)
{
    struct plan *p = c->plan;
    uint64_t changing = 0, counting = 0;
    for (size_t i = same; i < old->n; i++) {
        const struct segment *s = &p->segment[old->id[i]];
        changing += (s->flags & SEGMENT_LISTED) == 0 ? s->records : 0;
    }
    for (size_t i = same; i < new->n; i++) {
        const struct segment *s = &p->segment[new->id[i]];
        changing += (s->flags & SEGMENT_TARGET) == 0 ? s->records : 0;
    }
    for (size_t i = 0; i < new->n && counting <= changing; i++)
        counting += p->segment[new->id[i]].records;
    if (counting <= changing || !c->counted) {
        flags_clear(p, old, 0, SEGMENT_TARGET);
        count_all(c, new);
        return;
    }
    for (size_t i = same; i < old->n; i++) {
        struct segment *s = &p->segment[old->id[i]];
        if (old->id[i] == 0 || (s->flags & SEGMENT_LISTED) != 0)
            continue;
        s->flags &= (uint8_t)~SEGMENT_TARGET;
        if (s->records > 0)
            index_count(p, old->id[i], false);
    }
    for (size_t i = same; i < new->n; i++) {
        struct segment *s = &p->segment[new->id[i]];
        if (new->id[i] == 0 || (s->flags & SEGMENT_TARGET) != 0)
            continue;
        if (s->records > 0)
            index_count(p, new->id[i], true);
        s->flags |= SEGMENT_TARGET;
    }
}

int catalog_target(struct catalog *c, struct slice lines, uint64_t expect)
{
    struct plan *p = c->plan;
    struct manifest m;
    assert(lines.n % LINE_BYTES == 0 && lines.n / LINE_BYTES <= MANIFEST_LINES_MAX);
    const struct manifest *former = target_of(c);
    size_t same = same_lines(former, lines);
    if (!manifest_make(c, lines, former, same, &m))
        return -1;
    target_change(c, former, &m, same);
    flags_clear(p, &m, same, SEGMENT_LISTED);
    c->loose = c->loose || any_unlisted(p, former, same);
    if (c->targeting)
        manifest_free(p, &c->target);
    c->target = m;
    c->targeting = true;
    sweep_loose(c);

    uint64_t missing = 0;
    for (size_t i = m.held; i < m.n; i++) {
        const struct segment *s = &p->segment[m.id[i]];
        missing += s->bytes == NULL ? s->size : 0;
    }
    uint64_t more = expect > c->records ? expect - c->records : 0;
    c->coming = more < missing / 4 ? more : missing / 4;
    more = 0;
    list_each(node, &p->catalogs)
        more += list_entry(node, struct catalog, node)->coming;
    index_expect(p, p->index.used + more);
    return 0;
}

bool catalog_missing(const struct catalog *c, size_t *at, struct line *ret)
{
    const struct manifest *m = target_of(c);
    for (size_t i = *at > m->held ? *at : m->held; i < m->n; i++) {
        if (m->id[i] == 0 || c->plan->segment[m->id[i]].bytes != NULL)
            continue;
        *at = i;
        manifest_line(slice_make(m->lines, m->n * LINE_BYTES), i, ret);
        return true;
    }
    *at = m->n;
    return false;
}

/* See plan_beneath: noted before it is served. */
static void note_length(struct plan *p, const struct record *r)
{
    int class = r->kind == ENTRY_E164 || r->kind == ENTRY_ENTERPRISE ? number_class(r->user) : -1;
    if (class < 0 || r->user.n > UINT8_MAX)
        return;
    _Atomic uint8_t *longest = &p->longest[r->kind == ENTRY_E164][class];
    if (atomic_load_explicit(longest, memory_order_relaxed) < r->user.n)
        atomic_store_explicit(longest, (uint8_t)r->user.n, memory_order_relaxed);
}

static void marks_make(struct segment *s)
{
    struct mark *mark = segment_first_mark(s);
    struct slice bytes = segment_bytes(s);
    struct segment_reader reader;
    struct record r;
    const uint8_t *last = NULL;
    segment_reader_init(&reader, bytes);
    s->weight = 0;
    s->sources = 0;
    s->newest = 0;
    for (uint32_t i = 0; segment_next(&reader, &r) == 1; i++) {
        s->weight += record_weight(&r);
        s->newest = r.usn >= UINT32_MAX     ? UINT32_MAX
                    : r.usn > s->newest ? (uint32_t)r.usn
                                        : s->newest;
        if (i == 0 || r.source.p != last)
            s->sources |= source_bit(r.source);
        last = r.source.p;
        s->patterns |= s->catalog->indexed && kind_is_pattern(r.kind);
        if (s->catalog->indexed)
            note_length(s->catalog->plan, &r);
        if (i % MARK_EVERY != 0)
            continue;
        size_t source = r.source.n > 0 ? (size_t)(r.source.p - bytes.p) - 2 : 0;
        mark[i / MARK_EVERY] = (struct mark){
            .usn_high = (uint32_t)(r.usn >> 32),
            .usn_low = (uint32_t)r.usn,
            .at = (uint16_t)r.offset,
            .source = (uint16_t)source,
        };
    }
}

int catalog_add_named(struct catalog *c, const uint8_t name[static HASH_SIZE], struct slice bytes)
{
    struct plan *p = c->plan;
    uint32_t size = (uint32_t)bytes.n;
    uint32_t id = bytes.n <= SEGMENT_MAX ? name_find(c, name, &size) : 0;
    if (id == 0)
        return 1;
    struct segment *s = &p->segment[id];
    if (s->bytes != NULL || (s->flags & SEGMENT_TARGET) == 0)
        return 1;
    uint32_t records;
    if (!segment_measure(bytes, &records))
        return -2;
    if (!index_reserve(p, records))
        return -1;
    s->records = records;
    struct mark *block = mem_alloc(p->mem, segment_block_size(s));
    if (block == NULL) {
        s->records = 0;
        return -1;
    }
    s->bytes = (uint8_t *)(block + segment_marks(s));
    memcpy(s->bytes, bytes.p, bytes.n);
    marks_make(s);
    bool patterns = !s->patterns || index_patterns_add(p, id);
    if (!patterns || !index_add(p, id)) { /* memory; or a key is too often there */
        if (patterns && s->patterns)
            index_patterns_remove(p, id);
        mem_free(p->mem, block, segment_block_size(s)); /* never served: no reader is in it */
        s->bytes = NULL;
        s->records = 0;
        s->patterns = false;
        return patterns ? -3 : -1;
    }
    c->records += records;
    c->coming -= records < c->coming ? records : c->coming;
    return 0;
}

int catalog_add(struct catalog *c, struct slice bytes)
{
    uint8_t name[HASH_SIZE];
    segment_name(name, bytes);
    return catalog_add_named(c, name, bytes);
}

void catalog_digest(const struct catalog *c, uint64_t *ret_live, uint64_t *ret_sum)
{
    *ret_live = c->live;
    *ret_sum = c->sum;
}

int catalog_rebuild(struct catalog *c)
{
    if (!index_refill(c->plan, NULL))
        return -1;
    count_all(c, target_of(c));
    return 0;
}

void catalog_apply(struct catalog *c)
{
    if (c->targeting) {
        catalog_serve(c);
        sweep_loose(c);
    }
}

void catalog_serve(struct catalog *c)
{
    struct plan *p = c->plan;
    size_t at = 0;
    struct line line;
    assert(!catalog_missing(c, &at, &line));
    if (!c->targeting)
        return;
    size_t same = same_segments(&c->serving, &c->target);
    plan_change_begin(p);
#ifndef OPENILS_BUG_FORGET_DEL /* the control of the beacon: what is listed no more stays */
    if (!BUG(WITHDRAWAL_FORGOTTEN))
        flags_clear(p, &c->serving, same, SEGMENT_SERVED);
#endif
    flags_set(p, &c->target, same, SEGMENT_SERVED);
    plan_change_end(p);
    c->loose = c->loose || any_unlisted(p, &c->serving, same);
    c->target.held = c->target.n;
    manifest_free(p, &c->serving);
    c->serving = c->target;
    c->target = (struct manifest){0};
    c->targeting = false;
    c->coming = 0;
    c->serving_live = c->live;
    c->serving_sum = c->sum;
    c->swept = 0;
}

void catalog_abandon(struct catalog *c)
{
    struct plan *p = c->plan;
    if (!c->targeting)
        return;
    flags_clear(p, &c->target, 0, SEGMENT_TARGET);
    flags_set(p, &c->serving, 0, SEGMENT_TARGET);
    manifest_free(p, &c->target);
    c->targeting = c->counted = false;
    c->coming = 0;
    c->live = c->serving_live;
    c->sum = c->serving_sum;
    sweep(c);
}

/* --- reading */

struct slice catalog_segment(const struct catalog *c, const uint8_t name[static HASH_SIZE])
{
    uint32_t id = name_find(c, name, NULL);
    return id != 0 ? segment_bytes(&c->plan->segment[id]) : slice_make(NULL, 0);
}

struct slice catalog_lines(const struct catalog *c)
{
    return slice_make(c->serving.lines, c->serving.n * LINE_BYTES);
}

void catalog_root(const struct catalog *c, uint8_t ret[static HASH_SIZE], struct slice lines)
{
    roots_next(c->roots, ret, lines);
}

uint64_t catalog_live(const struct catalog *c)
{
    return c->serving_live;
}

void catalog_walk(const struct catalog *c, bool (*visit)(void *context, const struct record *r),
                  void *context)
{
    for (size_t i = 0; i < c->serving.n; i++) {
        uint32_t id = c->serving.id[i];
        struct segment_reader reader;
        struct record r;
        if (id == 0)
            continue;
        segment_reader_init(&reader, segment_bytes(&c->plan->segment[id]));
        while (segment_next(&reader, &r) == 1) {
            if (r.put && index_counts(c, SEGMENT_SERVED, id, &r, NULL) &&
                !visit(context, &r))
                return;
        }
    }
}

bool catalog_find(const struct catalog *c, const struct record *key, struct record *ret)
{
    struct found found;
    if (!index_find(c, SEGMENT_SERVED, key, &found) || !found.record.put)
        return false;
    *ret = found.record;
    return true;
}
