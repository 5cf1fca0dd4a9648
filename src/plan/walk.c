/* walk: parts of a catalog, one after the other. */
#include "plan/walk.h"

#include <string.h>

#include "base/rand.h"
#include "plan/catalog.h"
#include "plan/index.h"

#define HOLDERS_MAX 256

static uint64_t name_of(const struct segment *s)
{
    uint64_t name;
    memcpy(&name, s->name, sizeof name);
    return name;
}

/* Of a segment in which nothing was found, and to which nothing came since: all counts, and nobody
 * else has it. False: `most` were looked at. */
static bool pass_segment(struct segment *s, struct segment_reader *reader,
                         struct catalog_place *place, size_t most, size_t *seen,
                         bool (*visit)(void *context, const struct record *r), void *context)
{
    struct record r;
    int got = 1;
    place->passed = 0;
    while (*seen < most && (got = segment_next(reader, &r)) == 1) {
        ++*seen;
        place->at = (uint32_t)reader->at;
        place->passed += r.put;
    }
    s->looked |= got != 1;
    return (place->passed == 0 || visit(context, NULL)) && got != 1;
}

/* The records of one segment. False: visit has had enough, or `most` were looked at. */
static bool walk_segment(const struct catalog *c, uint32_t id, struct catalog_place *place,
                         size_t most, size_t *seen,
                         bool (*want)(void *context, const struct record *r),
                         bool (*visit)(void *context, const struct record *r), void *context)
{
    struct segment *s = &c->plan->segment[id];
    struct segment_reader reader;
    struct company with;
    struct record r;
    segment_reader_init(&reader, segment_bytes(s));
    if (place->name == name_of(s)) /* the offset may be anybody's word: no jump to it */
        while (reader.at < place->at && segment_next(&reader, &r) == 1)
            continue;
    place->name = name_of(s);
    if (place->marks && s->quiet == QUIET_YES)
        return pass_segment(s, &reader, place, most, seen, visit, context);
    if (reader.at == 0 && place->marks) {
        s->quiet = QUIET_MAYBE;
        place->quiet = want == NULL ? id : 0;
    }
    while (*seen < most) {
        if (segment_next(&reader, &r) != 1) {
            s->looked |= place->marks;
            if (place->marks && s->quiet == QUIET_MAYBE)
                s->quiet = place->quiet == id ? QUIET_YES : QUIET_NO;
            return true;
        }
        ++*seen;
        place->at = (uint32_t)reader.at;
        if (!r.put || (want != NULL && !want(context, &r)))
            continue;
        bool live = index_counts(c, SEGMENT_SERVED, id, &r, &with);
        place->alone = live && with.alone;
        if (!live || !with.only)
            place->quiet = 0;
        if (live && !visit(context, &r))
            return false;
    }
    return false;
}

size_t catalog_walk_some(const struct catalog *c, struct catalog_place *place, size_t most,
                         bool (*want)(void *context, const struct record *r),
                         bool (*visit)(void *context, const struct record *r), void *context)
{
    size_t seen = 0;
    for (; place->line < c->serving.n; place->line++, place->at = 0) {
        uint32_t id = c->serving.id[place->line];
        if (id != 0 && place->fresh && c->plan->segment[id].looked)
            continue;
        if (id != 0 && place->sources != 0 && (c->plan->segment[id].sources & place->sources) == 0)
            continue;
        if (id != 0 && !walk_segment(c, id, place, most, &seen, want, visit, context))
            return seen;
    }
    place->over = true;
    return seen;
}

uint64_t source_bit(struct slice name)
{
    uint64_t h = name.n;
    for (size_t i = 0; i < name.n; i++)
        h = mix64(h ^ name.p[i]);
    return UINT64_C(1) << (h & 63);
}

size_t plan_holders(const struct plan *p, const struct record *key, const struct catalog **out,
                    size_t max)
{
    struct candidate found[HOLDERS_MAX];
    size_t n = plan_candidates(p, key->kind, key->user, key->domain, found,
                               max < HOLDERS_MAX ? max : HOLDERS_MAX);
    for (size_t i = 0; i < n; i++)
        out[i] = found[i].c;
    return n;
}

static struct slice key_of(struct arena *a, const struct record *r)
{
    if (r->domain.n == 0)
        return r->user;
    uint8_t *key = arena_alloc(a, r->user.n + 1 + r->domain.n);
    if (key == NULL)
        return slice_make(NULL, 0);
    if (r->user.n != 0)
        memcpy(key, r->user.p, r->user.n);
    key[r->user.n] = '@';
    memcpy(key + r->user.n + 1, r->domain.p, r->domain.n);
    return slice_make(key, r->user.n + 1 + r->domain.n);
}

bool record_sound(struct arena *a, const struct record *r)
{
    struct entry e = {.kind = r->kind};
    bool failover = failover_get(r->value, &e.failover);
    if (a->head != NULL && failover && r->kind == ENTRY_URI &&
        entry_uri_plain(r->user, r->domain, &e.failover))
        return true;
    e.key = key_of(a, r);
    if (a->failed)
        return true;
    if (entry_kind_text(r->kind).n == 0 || !failover)
        return false;
    enum entry_error error = entry_judge(a, &e);
    return error == ENTRY_OK || error == ENTRY_ERROR_MEMORY;
}
