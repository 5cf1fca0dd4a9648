/* gate: the budget before authentication (PROTOCOL 8, Penalties). A table of half-open links;
 * when it is full, the oldest of the busiest source prefix goes. Sources that failed are held (up
 * to 5 s) or refused; the time doubles from failure to failure. Addresses of peers that have
 * proved themselves before are exempt from penalties, so that nobody can lock a hub out by failing
 * in its name; in the table they have a few places of their own, and no more. */
#include "core/core.h"

#define PREFIX_MAX 40

void gate_init(struct gate *g)
{
    memset(g, 0, sizeof *g);
    list_init(&g->order);
    for (size_t i = 0; i < CROWD_WEIGHTS; i++)
        list_init(&g->by_weight[i]);
    g->open_max = HALF_OPEN_MAX;
#ifdef OPENILS_BUG_HALF_OPEN /* the control of the flood: as many as may come */
    g->open_max = SIZE_MAX;
#endif
}

/* No source has failed. */
void gate_forget(struct ils *ils)
{
    list_each_safe(node, &ils->gate.order)
        mem_free(ils->mem, list_entry(node, struct penalty, node), sizeof(struct penalty));
    memset(ils->gate.bucket, 0, sizeof ils->gate.bucket);
    list_init(&ils->gate.order);
    ils->gate.n = 0;
}

static int hex_digit(uint8_t c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The first four groups of an IPv6 address; "::" stands for as many zeros as are missing. */
static void first_groups(struct slice ip, uint16_t ret[static 4])
{
    uint16_t group[8] = {0}, wide[8] = {0};
    size_t n = 0, gap = 8;
    for (size_t i = 0; i < ip.n && n < 8;) {
        if (ip.p[i] == ':') {
            if (++i < ip.n && ip.p[i] == ':')
                gap = n;
            continue;
        }
        unsigned v = 0;
        while (i < ip.n && hex_digit(ip.p[i]) >= 0)
            v = (v << 4 | (unsigned)hex_digit(ip.p[i++])) & 0xffff;
        group[n++] = (uint16_t)v;
        if (i < ip.n && ip.p[i] != ':') { /* an IPv4 address at the end takes two */
            n += n < 8;
            break;
        }
    }
    for (size_t i = 0; i < n; i++)
        wide[i < gap ? i : 8 - n + i] = group[i];
    memcpy(ret, wide, 4 * sizeof *ret);
}

/* Whom the source counts as: of IPv4 the whole address, of IPv6 its first 56 bits after a colon. */
static struct slice prefix_of(const struct address *a, char dst[static PREFIX_MAX])
{
    struct slice ip = slice_of(a->ip);
    uint16_t group[4];
    if (slice_find(ip, ':') == ip.n)
        return ip;
    first_groups(ip, group);
    dst[0] = ':';
    for (size_t i = 0; i < 7; i++)
        dst[1 + i] = (char)(i % 2 == 0 ? group[i / 2] >> 8 : group[i / 2] & 255);
    return slice_make(dst, 8);
}

static uint64_t hash_of(struct slice prefix)
{
    static const uint8_t key[16] = {0}; /* whoever could crowd a bucket holds many sources anyway */
    return crypto_siphash(prefix, key);
}

static size_t bucket_of(struct slice prefix)
{
    return (size_t)(hash_of(prefix) % PENALTY_BUCKETS);
}

static struct penalty *penalty_find(const struct gate *g, struct slice prefix)
{
    struct penalty *p = g->bucket[bucket_of(prefix)];
    while (p != NULL && !slice_eq(text_slice(p->prefix), prefix))
        p = p->next;
    return p;
}

static void penalty_drop(struct ils *ils, struct penalty *p)
{
    struct penalty **at = &ils->gate.bucket[bucket_of(text_slice(p->prefix))];
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    list_remove(&p->node);
    ils->gate.n--;
    mem_free(ils->mem, p, sizeof *p);
}

static bool exempt(const struct ils *ils, const struct link *l)
{
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (p->met && slice_eq(slice_of(p->met_ip), slice_of(l->peer.ip)))
            return true;
    }
    return false;
}

/* --- the table of half-open links */

/* A source counts by its half-open links. Who was met before has a few that do not count: strangers
 * from ever so many sources cannot push him out. */
static size_t weight(const struct crowd *c)
{
    size_t n = !c->known ? c->n : c->n > HALF_OPEN_KNOWN ? c->n - HALF_OPEN_KNOWN : 0;
    return n < CROWD_WEIGHTS ? n : CROWD_WEIGHTS - 1;
}

static void weigh(struct gate *g, struct crowd *c)
{
    size_t w = weight(c);
    list_remove(&c->node);
    list_add(&g->by_weight[w], &c->node);
    if (w > g->heaviest)
        g->heaviest = w;
}

static struct crowd *crowd_get(struct link *l)
{
    struct ils *ils = l->ils;
    char text[PREFIX_MAX];
    uint64_t hash = hash_of(prefix_of(&l->peer, text));
    struct crowd **bucket = &ils->gate.crowd[hash % CROWD_BUCKETS], *c = *bucket;
    while (c != NULL && c->hash != hash)
        c = c->next;
    if (c != NULL)
        return c;
    c = mem_alloc(ils->mem, sizeof *c);
    if (c == NULL)
        return NULL;
    c->hash = hash;
    c->known = exempt(ils, l);
    c->next = *bucket;
    *bucket = c;
    list_init(&c->node);
    list_init(&c->links);
    return c;
}

static void crowd_drop(struct ils *ils, struct crowd *c)
{
    struct crowd **at = &ils->gate.crowd[c->hash % CROWD_BUCKETS];
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    list_remove(&c->node);
    mem_free(ils->mem, c, sizeof *c);
}

/* The oldest of the busiest source; of equally busy ones, who has been so for longest. */
static void evict(struct ils *ils)
{
    struct gate *g = &ils->gate;
    while (g->heaviest > 0 && list_empty(&g->by_weight[g->heaviest]))
        g->heaviest--;
    const struct crowd *c = list_entry(g->by_weight[g->heaviest].next, struct crowd, node);
    g->evicted++;
    link_end(list_entry(c->links.next, struct link, in_crowd), CODE_FULL, false);
}

void gate_enter(struct link *l)
{
    struct ils *ils = l->ils;
    struct gate *g = &ils->gate;
    struct crowd *c = crowd_get(l);
    if (c == NULL) {
        link_end(l, CODE_FULL, false);
        return;
    }
    l->crowd = c;
    list_add(&c->links, &l->in_crowd);
    c->n++;
    g->open++;
    weigh(g, c);
    if (g->open > g->open_max)
        evict(ils);
}

void gate_leave(struct link *l)
{
    struct crowd *c = l->crowd;
    if (c == NULL)
        return;
    l->crowd = NULL;
    list_remove(&l->in_crowd);
    l->ils->gate.open--;
    c->n--;
    if (c->n == 0)
        crowd_drop(l->ils, c);
    else
        weigh(&l->ils->gate, c);
}

/* --- penalties */

/* Until when the source of l is in penalty; now when it is not. */
tick gate_until(const struct ils *ils, const struct link *l)
{
    char text[PREFIX_MAX];
    const struct penalty *p = penalty_find(&ils->gate, prefix_of(&l->peer, text));
    return p == NULL || p->until <= ils->now || exempt(ils, l) ? ils->now : p->until;
}

/* Counts a failure of the source; the n-th costs base * 2^(n-1), 600 s at most. */
void gate_failed(struct ils *ils, const struct link *l, tick base)
{
    struct gate *g = &ils->gate;
    char text[PREFIX_MAX];
    struct slice prefix = prefix_of(&l->peer, text);
    struct penalty *p = penalty_find(g, prefix);
    if (p == NULL) {
        if (g->n == PENALTIES_MAX)
            penalty_drop(ils, list_entry(g->order.next, struct penalty, node));
        p = mem_alloc(ils->mem, sizeof *p);
        if (p == NULL)
            return;
        text_set(p->prefix, prefix);
        size_t bucket = bucket_of(prefix);
        p->next = g->bucket[bucket];
        g->bucket[bucket] = p;
        g->n++;
        list_init(&p->node);
    }
    if (p->failures != 0 && ils->now - p->last > 2 * PENALTY_MAX_US)
        p->failures = 0;
    list_remove(&p->node);
    list_add(&g->order, &p->node);
    p->failures++;
    p->last = ils->now;
    tick cost = base;
    for (uint32_t i = 1; i < p->failures && cost < PENALTY_MAX_US; i++)
        cost *= 2;
    p->until = ils->now + (cost < PENALTY_MAX_US ? cost : PENALTY_MAX_US);
}

void gate_passed(struct ils *ils, const struct link *l)
{
    char text[PREFIX_MAX];
    struct penalty *p = penalty_find(&ils->gate, prefix_of(&l->peer, text));
    if (p != NULL)
        penalty_drop(ils, p);
}
