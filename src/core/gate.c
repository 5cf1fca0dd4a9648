/* gate: the budget before authentication (design 4, reliability 2.4). A table of half-open links;
 * when it is full, the oldest of the busiest source prefix goes. Sources that failed are held (up
 * to 5 s) or refused; the time doubles from failure to failure. Addresses of peers that have
 * proved themselves before are exempt from penalties, so that nobody can lock a hub out by failing
 * in its name; they are not exempt from the table. */
#include "core/core.h"

#define PREFIX_MAX 40

void gate_init(struct gate *g)
{
    memset(g, 0, sizeof *g);
    list_init(&g->order);
}

/* No source has failed. */
void gate_forget(struct ils *ils)
{
    list_each_safe(node, &ils->gate.order)
        mem_free(ils->mem, list_entry(node, struct penalty, node), sizeof(struct penalty));
    gate_init(&ils->gate);
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

static bool half_open(const struct link *l)
{
    return !l->dialler && l->state < LINK_UP && l->state != LINK_OPENING;
}

/* One prefix in the table of half-open links. */
struct crowd {
    uint64_t hash;
    struct link *oldest;
    size_t n;
};
#define CROWDS 4096 /* a power of two, twice what can be half open */

/* Links are in order of arrival, so the first one of a prefix is its oldest. */
static void evict(struct ils *ils)
{
    struct crowd *crowd = arena_alloc(&ils->step, CROWDS * sizeof *crowd), *busiest = NULL;
    size_t n = 0;
    char text[PREFIX_MAX];
    if (crowd == NULL)
        return;
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (!half_open(l) || n == CROWDS / 2)
            continue;
        uint64_t hash = hash_of(prefix_of(&l->peer, text));
        struct crowd *c = &crowd[hash % CROWDS];
        while (c->oldest != NULL && c->hash != hash)
            c = c + 1 < crowd + CROWDS ? c + 1 : crowd;
        if (c->oldest == NULL) {
            *c = (struct crowd){.hash = hash, .oldest = l};
            n++;
        }
        c->n++;
    }
    for (size_t i = 0; i < CROWDS; i++) {
        struct crowd *c = &crowd[i];
        if (c->oldest != NULL && (busiest == NULL || c->n > busiest->n ||
                                  (c->n == busiest->n && c->oldest->n < busiest->oldest->n)))
            busiest = c;
    }
    if (busiest != NULL)
        link_end(busiest->oldest, CODE_FULL, false);
}

/* Makes room in the table of half-open links for the one that was just accepted. */
void gate_room(struct ils *ils)
{
    size_t open = 0;
    list_each(node, &ils->links)
        open += half_open(list_entry(node, struct link, node));
    if (open > HALF_OPEN_MAX)
        evict(ils);
}

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
