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

void gate_done(struct ils *ils)
{
    list_each_safe(node, &ils->gate.order)
        mem_free(ils->mem, list_entry(node, struct penalty, node), sizeof(struct penalty));
}

/* IPv4: the whole address (/32). IPv6: the text of the first 56 bits is not a prefix of the text,
 * so the first three groups and the upper half of the fourth are taken apart. */
static struct slice prefix_of(const struct address *a, char dst[static PREFIX_MAX])
{
    struct slice ip = slice_of(a->ip);
    if (slice_find(ip, ':') == ip.n)
        return ip;
    size_t n = 0, groups = 0, digits = 0;
    for (size_t i = 0; i < ip.n && groups < 4 && n + 1 < PREFIX_MAX; i++) {
        if (ip.p[i] == ':') {
            if (i + 1 < ip.n && ip.p[i + 1] == ':')
                break; /* "::": the rest of the prefix is zeros */
            groups++;
            digits = 0;
        } else if (groups == 3 && ++digits > 2) {
            break;
        }
        dst[n++] = (char)ip.p[i];
    }
    return slice_make(dst, n);
}

static size_t bucket_of(struct slice prefix)
{
    static const uint8_t key[16] = {0}; /* a crowded bucket costs one source its own time only */
    return (size_t)(crypto_siphash(prefix, key) % PENALTY_BUCKETS);
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

/* Links are in order of arrival, so the first one of a prefix is its oldest. */
static void evict(struct ils *ils)
{
    struct link *victim = NULL;
    size_t most = 0;
    char a[PREFIX_MAX], b[PREFIX_MAX];
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (!half_open(l) || l->counted)
            continue;
        size_t same = 0;
        struct slice prefix = prefix_of(&l->peer, a);
        list_each(other, node) {
            if (other == &ils->links)
                continue;
            struct link *o = list_entry(other, struct link, node);
            if (half_open(o) && slice_eq(prefix, prefix_of(&o->peer, b))) {
                o->counted = true;
                same++;
            }
        }
        if (same >= most) {
            most = same + 1;
            victim = l;
        }
    }
    list_each(node, &ils->links)
        list_entry(node, struct link, node)->counted = false;
    if (victim != NULL)
        link_end(victim, CODE_FULL, false);
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
