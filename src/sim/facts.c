/* facts: see facts.h. */
#include "sim/facts.h"

#include "core/view.h"
#include "plan/lookup.h"
#include "sim/grow.h"

#define SHARED_FROM (JUDGE_KEYS - 4)
#define SHARED_BY   3 /* a lookup answers with 16 clusters at most, former selves included */

int stamp_order(const struct stamp *a, const struct stamp *b)
{
    if (a->epoch != b->epoch)
        return a->epoch < b->epoch ? -1 : 1;
    if (a->usn != b->usn)
        return a->usn < b->usn ? -1 : 1;
    return a->root < b->root ? -1 : a->root > b->root;
}

static uint64_t root_of(const uint8_t root[static HASH_SIZE])
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v = v << 8 | root[i];
    return v;
}

struct stamp stamp_of(uint64_t epoch, uint64_t usn, const uint8_t root[static HASH_SIZE])
{
    return (struct stamp){epoch, usn, root_of(root)};
}

uint64_t stamp_nothing(void)
{
    uint8_t root[HASH_SIZE];
    manifest_root(root, slice_make(NULL, 0));
    return root_of(root);
}

void fact_key(unsigned lineage, size_t key, char *dst, size_t size)
{
    if (key >= SHARED_FROM)
        snprintf(dst, size, "pool%zu@pool%u.example", key, lineage / SHARED_BY);
    else if (key % 3 == 0)
        snprintf(dst, size, "u%zu@n%u.example", key, lineage);
    else if (key % 3 == 1)
        snprintf(dst, size, "+81%02u%03zu", lineage, key);
    else
        snprintf(dst, size, "8%02u%03zu", lineage, key);
}

bool fact_shared(size_t n, size_t clusters, char *dst, size_t size)
{
    size_t keys = JUDGE_KEYS - SHARED_FROM, lineage = n / keys * SHARED_BY;
    if (lineage >= clusters)
        return false;
    fact_key((unsigned)lineage, SHARED_FROM + n % keys, dst, size);
    return true;
}

/* What fact_key says, written once for all. */
static struct slice key_text(unsigned lineage, size_t key)
{
    static char text[NODES_MAX][JUDGE_KEYS][32];
    char *t = text[lineage][key];
    if (t[0] == 0)
        fact_key(lineage, key, t, sizeof text[0][0]);
    return slice_of(t);
}

static uint64_t version_of(const struct failover *f)
{
    uint64_t v = 0;
    slice_to_u64(f->digits, UINT64_MAX / 2, &v);
    return v;
}

void facts_read(const struct node *n, struct arena *a, unsigned lineage,
                const uint8_t origin[static KEY_SIZE], struct fact fact[static JUDGE_KEYS])
{
    memset(fact, 0, JUDGE_KEYS * sizeof *fact);
    for (size_t i = 0; i < JUDGE_KEYS; i++) {
        struct lookup l;
        arena_reset(a);
        plan_why(view_plan(n->ils), view_routes(n->ils), a, key_text(lineage, i), NULL, &l);
        for (size_t k = 0; k < l.match_n; k++)
            if (memcmp(l.match[k].key, origin, KEY_SIZE) == 0)
                fact[i] = (struct fact){true, version_of(&l.match[k].failover), l.match[k].usn};
    }
}

size_t facts_first(const struct fact fact[static JUDGE_KEYS])
{
    size_t i = 0;
    while (i < JUDGE_KEYS && !fact[i].there)
        i++;
    return i;
}

uint64_t facts_hash(const struct fact *fact)
{
    uint64_t h = 1;
    for (size_t i = 0; i < JUDGE_KEYS; i++)
        if (fact[i].there)
            h = mix64(h ^ mix64(fact[i].version * 64 + i)) + mix64(fact[i].usn);
    return h;
}

static size_t place_of(const struct ledger *l, uint32_t soul, const struct stamp *at)
{
    return (size_t)mix64(mix64(at->epoch ^ soul) + at->usn) & (l->size - 1);
}

const struct served *ledger_find(const struct ledger *l, uint32_t soul, const struct stamp *at,
                                 const struct served **ret_other)
{
    const struct served *found = NULL;
    *ret_other = NULL;
    if (l->size == 0)
        return NULL;
    for (size_t i = place_of(l, soul, at); l->row[i].soul != 0; i = (i + 1) & (l->size - 1)) {
        const struct served *s = &l->row[i];
        if (s->soul != soul || s->at.epoch != at->epoch || s->at.usn != at->usn)
            continue;
        if (s->at.root == at->root)
            found = s;
        else
            *ret_other = s;
    }
    return found;
}

static void ledger_grow(struct ledger *l)
{
    struct ledger old = *l;
    l->size = old.size == 0 ? 1024 : old.size * 2;
    l->row = grow_zero(l->size * sizeof *l->row);
    l->n = 0;
    for (size_t i = 0; i < old.size; i++)
        if (old.row[i].soul != 0)
            ledger_put(l, &old.row[i]);
    free(old.row);
}

void ledger_put(struct ledger *l, const struct served *s)
{
    if (2 * l->n >= l->size)
        ledger_grow(l);
    size_t i = place_of(l, s->soul, &s->at);
    while (l->row[i].soul != 0)
        i = (i + 1) & (l->size - 1);
    l->row[i] = *s;
    l->n++;
}

void ledger_done(struct ledger *l)
{
    free(l->row);
    *l = (struct ledger){0};
}
