/* browse: other clusters' plans, or one's own, a part in each turn of the loop. */
#include "daemon/browse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_NS     (UINT64_C(2) * 1000 * 1000) /* of the loop that a walk may take */
#define TURN_RECORD 2048                        /* looked at between two looks at the clock */

/* --- places as text */

void browse_text(char dst[static BROWSE_TEXT_MAX], const struct browse_place *p)
{
    char key[2 * KEY_SIZE + 1];
    hex_text(key, p->key, KEY_SIZE);
    snprintf(dst, BROWSE_TEXT_MAX, "%s.%" PRIu64 ".%zu.%" PRIu32 ".%" PRIu64, key, p->number,
             p->in.line, p->in.at, p->in.name);
}

bool browse_parse(struct browse_place *ret, struct slice text)
{
    uint64_t v[4];
    memset(ret, 0, sizeof *ret);
    if (text.n < 2 * KEY_SIZE || text.n >= BROWSE_TEXT_MAX ||
        !hex_parse(ret->key, KEY_SIZE, slice_make(text.p, 2 * KEY_SIZE)))
        return false;
    struct slice rest = slice_make(text.p + 2 * KEY_SIZE, text.n - 2 * KEY_SIZE);
    for (size_t i = 0; i < 4; i++) {
        if (rest.n == 0 || rest.p[0] != '.')
            return false;
        rest = slice_make(rest.p + 1, rest.n - 1);
        size_t n = slice_find(rest, '.');
        if (!slice_to_u64(slice_make(rest.p, n), UINT64_MAX, &v[i]))
            return false;
        rest = slice_make(rest.p + n, rest.n - n);
    }
    if (rest.n != 0 || v[1] > UINT32_MAX || v[2] > UINT16_MAX)
        return false;
    ret->begun = true;
    ret->number = v[0];
    ret->in = (struct catalog_place){.line = (size_t)v[1], .at = (uint32_t)v[2], .name = v[3]};
    return true;
}

size_t browse_key(char dst[static BROWSE_KEY_MAX], const struct record *r)
{
    size_t n = slice_to_text(r->user, dst, URI_MAX + 1);
    if (r->domain.n > 0) {
        dst[n++] = '@';
        n += slice_to_text(r->domain, dst + n, URI_MAX + 1);
    }
    return n;
}

bool browse_contains(struct slice text, const char *part, size_t n)
{
    for (size_t i = 0; i + n <= text.n; i++) {
        size_t k = 0;
        while (k < n && ascii_lower(text.p[i + k]) == (uint8_t)part[k])
            k++;
        if (k == n)
            return true;
    }
    return false;
}

void browse_peer_id(char dst[static 2 * PEER_ID_SIZE + 1], const struct view_plan *p)
{
    uint8_t number[8], hash[HASH_SIZE];
    if (p->number < STREAM_CATALOGS) {
        hex_text(dst, p->peer_id, PEER_ID_SIZE);
        return;
    }
    for (size_t i = 0; i < sizeof number; i++)
        number[i] = (uint8_t)(p->number >> (56 - 8 * i));
    struct slice part[] = {slice_make(p->key, KEY_SIZE), slice_make(number, sizeof number)};
    crypto_hash(hash, "catalog", part, 2);
    hex_text(dst, hash, PEER_ID_SIZE);
}

/* --- walking */

static int plan_cmp(const uint8_t *key, uint64_t number, const struct view_plan *p)
{
    int order = memcmp(key, p->key, KEY_SIZE);
    return order != 0 ? order : (number > p->number) - (number < p->number);
}

static bool plan_at(const struct browse *b, const struct ils *core, size_t i,
                    struct view_plan *ret)
{
    struct view_self self;
    if (!b->own)
        return view_plan_at(core, i, ret);
    view_self(core, &self);
    memset(ret, 0, sizeof *ret);
    memcpy(ret->key, self.key, KEY_SIZE);
    ret->number = STREAM_PLAN;
    ret->catalog = view_own_catalog(core);
    return i == 0 && ret->catalog != NULL;
}

/* The plan that the place is in, or the first one behind it. False: there is none. */
static bool plan_find(struct browse *b, bool behind, struct view_plan *ret)
{
    const struct ils *core = runtime_core(b->client->control->rt);
    struct view_plan p;
    bool found = false;
    for (size_t i = 0; plan_at(b, core, i, &p); i++) {
        int order = b->place.begun ? plan_cmp(b->place.key, b->place.number, &p) : -1;
        if (order > 0 || (order == 0 && behind))
            continue;
        if (b->plan != NULL && !b->plan(b, &p))
            continue;
        if (!found || plan_cmp(p.key, p.number, ret) < 0)
            *ret = p;
        found = true;
    }
    return found;
}

static bool want(void *context, const struct record *r)
{
    struct browse *b = context;
    return b->want == NULL || b->want(b, r);
}

static bool visit(void *context, const struct record *r)
{
    struct browse *b = context;
    b->enough = !b->row(b, b->now, r);
    return !b->enough;
}

static void turn_closed(uv_handle_t *handle)
{
    struct browse *b = handle->data;
    struct client *client = b->client;
    b->free(b);
    control_release(client);
}

static void turn_over(struct browse *b, bool whole)
{
    uv_idle_stop(&b->turn);
    b->again = false;
    if (!b->client->closing)
        b->done(b, whole);
    if (b->again)
        return;
    uv_close((uv_handle_t *)&b->turn, turn_closed);
}

static void on_turn(uv_idle_t *turn)
{
    struct browse *b = turn->data;
    uint64_t until = uv_hrtime() + TURN_NS;
    struct view_plan p;
    bool behind = b->place.in.over, there = true;
    while (!b->client->closing && (there = plan_find(b, behind, &p))) {
        if (!b->place.begun || plan_cmp(b->place.key, b->place.number, &p) != 0) {
            b->place = (struct browse_place){.begun = true, .number = p.number};
            memcpy(b->place.key, p.key, KEY_SIZE);
        }
        b->now = &p;
        do {
            b->looked_at += catalog_walk_some(p.catalog, &b->place.in, TURN_RECORD, want, visit,
                                              b);
            if (b->enough) {
                turn_over(b, false);
                return;
            }
            if (uv_hrtime() >= until && !b->place.in.over)
                return;
        } while (!b->place.in.over);
        behind = true;
    }
    turn_over(b, !there);
}

void browse_again(struct browse *b)
{
    b->again = true;
    b->enough = false;
    uv_idle_start(&b->turn, on_turn);
}

void browse_start(struct browse *b)
{
    uv_idle_init(runtime_loop(b->client->control->rt), &b->turn);
    b->turn.data = b;
    control_hold(b->client);
    uv_idle_start(&b->turn, on_turn);
}
