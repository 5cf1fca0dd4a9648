/* foresee: the lookup says who may answer now; what goes is taken from that, what comes is added,
 * and the order is the lookup's: exact before pattern, the more specific pattern first. */
#include "plan/foresee.h"

#include <string.h>

#include "plan/catalog.h"
#include "plan/host.h"
#include "plan/pattern.h"

#define MEETING_MAX 64   /* patterns that one pattern is compared with */
#define STEPS_MAX   4000 /* digits tried for one example */

/* --- the keys that change */

static uint32_t *slot_of(const struct foresee *f, uint8_t kind, struct slice user,
                         struct slice domain)
{
    size_t at = key_hash(plan_secret(f->plan), kind, user, domain) & f->mask;
    for (; f->slot[at] != 0; at = (at + 1) & f->mask) {
        const struct foresee_key *k = &f->key[f->slot[at] - 1];
        if (k->kind == kind && slice_eq(k->user, user) && slice_eq(k->domain, domain))
            break;
    }
    return &f->slot[at];
}

/* NULL: it stays as it is. */
static const struct foresee_key *key_of(const struct foresee *f, uint8_t kind, struct slice user,
                                        struct slice domain)
{
    uint32_t i = *slot_of(f, kind, user, domain);
    return i == 0 ? NULL : &f->key[i - 1];
}

bool foresee_init(struct foresee *f, struct mem *mem, const struct plan *plan,
                  const struct routes *routes, const struct policy_subject *catalog,
                  const struct foresee_key *key, size_t n)
{
    struct pattern p;
    size_t size = 16;
    while (size < n * 2)
        size *= 2;
    *f = (struct foresee){.mem = mem, .plan = plan, .routes = routes, .catalog = *catalog,
                          .key = key, .n = n, .mask = size - 1};
    f->slot = mem_alloc(mem, size * sizeof *f->slot);
    if (f->slot == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        *slot_of(f, key[i].kind, key[i].user, key[i].domain) = (uint32_t)i + 1;
        if (!pattern_of_key(key[i].kind, key[i].user, &p))
            continue;
        if (!patterns_add(&f->changing, mem, &p))
            return false;
        if (key[i].put && !patterns_add(&f->coming, mem, &p))
            return false;
    }
    return true;
}

void foresee_done(struct foresee *f)
{
    patterns_done(&f->coming, f->mem);
    patterns_done(&f->changing, f->mem);
    mem_free(f->mem, f->slot, f->slot == NULL ? 0 : (f->mask + 1) * sizeof *f->slot);
}

/* --- who may answer */

struct entrant {
    struct policy_subject subject;
    struct pattern pattern; /* of a kind that is one */
    bool refused;           /* here */
};

struct entrants {
    struct entrant *e; /* room for all matches, and what comes */
    size_t n;
};

static int place_cmp(const struct entrant *a, const struct entrant *b)
{
    bool pa = kind_is_pattern(a->subject.kind), pb = kind_is_pattern(b->subject.kind);
    bool ua = a->subject.kind == ENTRY_URI, ub = b->subject.kind == ENTRY_URI;
    if (ua != ub)
        return ua ? 1 : -1;
    if (pa != pb)
        return pa ? 1 : -1;
    return pa ? pattern_order(&a->pattern, &b->pattern) : 0;
}

static int here_cmp(const struct foresee *f, const struct entrant *a, const struct entrant *b)
{
    enum loser_rule rule;
    int order = place_cmp(a, b);
    if (a->refused != b->refused)
        return a->refused ? 1 : -1;
    return order != 0 ? order : policy_order(plan_policy(f->plan), &a->subject, &b->subject, &rule);
}

static int others_cmp(const struct entrant *a, const struct entrant *b)
{
    enum loser_rule rule;
    struct policy_subject x = a->subject, y = b->subject;
    int order = place_cmp(a, b);
    x.local = y.local = false;
    return order != 0 ? order : policy_order(NULL, &x, &y, &rule);
}

static bool of_catalog(const struct foresee *f, const struct match *m)
{
    return m->stream == f->catalog.number && memcmp(m->key, f->catalog.key, KEY_SIZE) == 0;
}

static void parts(struct slice value, uint8_t kind, struct slice *ret_user,
                  struct slice *ret_domain)
{
    size_t at = kind == ENTRY_URI ? slice_find(value, '@') : value.n;
    *ret_user = slice_make(value.p, at);
    *ret_domain = at == value.n ? slice_make(NULL, 0)
                                : slice_make(value.p + at + 1, value.n - at - 1);
}

static void entrant_of_match(struct entrant *e, const struct match *m)
{
    *e = (struct entrant){.subject = {.key = m->key, .number = m->stream, .local = m->local,
                                      .cluster_id = m->cluster_id, .kind = m->kind},
                          .refused = m->lost_to == LOSER_BLOCKED || m->lost_to == LOSER_OUTSIDE};
    parts(m->value, m->kind, &e->subject.user, &e->subject.domain);
    pattern_of_key(m->kind, m->value, &e->pattern);
}

/* The key of the catalog that comes; of a pattern, number is what was dialled. */
static void entrant_comes(const struct foresee *f, struct entrants *then,
                          const struct foresee_key *k, struct slice number)
{
    struct entrant *e = &then->e[then->n];
    uint32_t rule;
    if (k == NULL || !k->put)
        return;
    *e = (struct entrant){.subject = f->catalog};
    e->subject.kind = k->kind;
    e->subject.user = number.n > 0 ? number : k->user;
    e->subject.domain = k->domain;
    e->refused = policy_judge(plan_policy(f->plan), &e->subject, &rule) != LOSER_NONE;
    pattern_of_key(k->kind, k->user, &e->pattern);
    then->n++;
}

static bool first_pattern(void *context, const struct pattern *p)
{
    *(struct pattern *)context = *p;
    return false;
}

/* What comes of the catalog that fits. */
static void take_coming(const struct foresee *f, const struct lookup *l, struct entrants *then)
{
    struct slice none = {NULL, 0}, number = l->number, user, domain;
    uint8_t text[PATTERN_TEXT_MAX];
    struct pattern p = {.n = 0};
    if (l->uri.n > 0) {
        parts(l->uri, ENTRY_URI, &user, &domain);
        entrant_comes(f, then, key_of(f, ENTRY_URI, user, domain), none);
    }
    if (number.n == 0)
        return;
    bool plus = number.p[0] == '+';
    entrant_comes(f, then, key_of(f, plus ? ENTRY_E164 : ENTRY_ENTERPRISE, number, none), none);
    patterns_match(&f->coming, number, first_pattern, &p, NULL);
    if (p.n > 0)
        entrant_comes(f, then, key_of(f, plus ? ENTRY_PATTERN_E164 : ENTRY_PATTERN_ENTERPRISE,
                                      slice_make(text, pattern_print(text, &p)), none), number);
}

static struct slice name_of(const struct entrant *e)
{
    return e == NULL ? slice_make(NULL, 0) : e->subject.cluster_id;
}

static const struct entrant *here_first(const struct foresee *f, const struct entrants *all)
{
    const struct entrant *first = NULL;
    for (size_t i = 0; i < all->n; i++)
        if (!all->e[i].refused && (first == NULL || here_cmp(f, &all->e[i], first) < 0))
            first = &all->e[i];
    return first;
}

static const struct entrant *others_first(const struct entrants *all)
{
    const struct entrant *first = NULL;
    for (size_t i = 0; i < all->n; i++)
        if (first == NULL || others_cmp(&all->e[i], first) < 0)
            first = &all->e[i];
    return first;
}

/* Who answers at the cluster with that key: itself, where it has what comes first. */
static struct slice at_cluster(const struct entrants *all, const struct entrant *first,
                               const uint8_t *key)
{
    for (size_t i = 0; first != NULL && i < all->n; i++)
        if (all->e[i].subject.number == STREAM_PLAN && place_cmp(&all->e[i], first) == 0 &&
            memcmp(all->e[i].subject.key, key, KEY_SIZE) == 0)
            return all->e[i].subject.cluster_id;
    return name_of(first);
}

void foresee_look(const struct foresee *f, struct arena *a, struct slice dialled,
                  struct foreseen *ret)
{
    struct lookup l;
    struct entrants now = {.n = 0}, then = {.n = 0};
    *ret = (struct foreseen){.own_n = 0};
    plan_why(f->plan, f->routes, a, dialled, NULL, &l);
    now.e = arena_alloc(a, (l.match_n + 1) * sizeof *now.e);
    then.e = arena_alloc(a, (l.match_n + 3) * sizeof *then.e);
    ret->own = arena_alloc(a, (2 * l.match_n + 3) * sizeof *ret->own);
    if (now.e == NULL || then.e == NULL || ret->own == NULL)
        return;
    for (size_t i = 0; i < l.match_n; i++) {
        if (l.match[i].lost_to == LOSER_ILLEGAL)
            continue; /* answered by nobody, anywhere */
        struct entrant *e = &now.e[now.n++];
        entrant_of_match(e, &l.match[i]);
        if (!of_catalog(f, &l.match[i]) ||
            key_of(f, e->subject.kind, e->subject.user, e->subject.domain) == NULL)
            then.e[then.n++] = *e;
    }
    take_coming(f, &l, &then);
    const struct entrant *was = others_first(&now), *becomes = others_first(&then);
    ret->here_was = name_of(here_first(f, &now));
    ret->here_becomes = name_of(here_first(f, &then));
    ret->others_was = name_of(was);
    ret->others_becomes = name_of(becomes);
    for (size_t i = 0; i < now.n; i++) {
        const struct policy_subject *s = &now.e[i].subject;
        if (s->number != STREAM_PLAN || s->local || place_cmp(&now.e[i], was) != 0)
            continue;
        ret->own[ret->own_n].cluster = s->cluster_id;
        ret->own[ret->own_n].was = s->cluster_id;
        ret->own[ret->own_n++].becomes = at_cluster(&then, becomes, s->key);
    }
    for (size_t i = 0; i < then.n && becomes != NULL; i++) { /* what hid it is gone */
        const struct policy_subject *s = &then.e[i].subject;
        bool known = was != NULL && place_cmp(becomes, was) == 0;
        if (known || s->number != STREAM_PLAN || s->local ||
            place_cmp(&then.e[i], becomes) != 0)
            continue;
        ret->own[ret->own_n].cluster = s->cluster_id;
        ret->own[ret->own_n].was = at_cluster(&now, was, s->key);
        ret->own[ret->own_n++].becomes = s->cluster_id;
    }
}

/* --- strings of a pattern */

struct strings {
    const struct foresee *f;
    struct pattern p;
    uint8_t text[1 + NUMBER_MAX]; /* with "+" where it is one */
    size_t plus;
    void (*visit)(void *context, struct slice dialled);
    void *context;
    /* the patterns that p meets */
    struct pattern *meets;
    size_t meets_n;
    /* the search for one example */
    size_t steps;
};

/* Whether this string is counted with p, and with nothing else that changes. */
static bool is_of(const struct strings *s, struct slice number)
{
    struct pattern first = {.n = 0};
    if (key_of(s->f, s->plus != 0 ? ENTRY_E164 : ENTRY_ENTERPRISE, number, slice_make(NULL, 0)) !=
        NULL)
        return false;
    patterns_match(&s->f->changing, number, first_pattern, &first, NULL);
    return pattern_order(&first, &s->p) == 0;
}

static void give(struct strings *s, size_t digits)
{
    struct slice number = slice_make(s->text, s->plus + digits);
    if (is_of(s, number))
        s->visit(s->context, number);
}

static void all_from(struct strings *s, size_t at)
{
    if (at == s->p.n) {
        give(s, at);
        return;
    }
    for (unsigned d = s->p.element[at].digits; d != 0; d &= d - 1) {
        s->text[s->plus + at] = (uint8_t)('0' + __builtin_ctz(d));
        all_from(s, at + 1);
    }
}

/* How many strings it matches; UINT64_MAX: without end, or nearly so. */
static uint64_t strings_of(const struct pattern *p)
{
    uint64_t n = 1;
    for (size_t i = 0; i < p->n; i++) {
        if (p->element[i].repeat != REPEAT_ONCE || n > UINT32_MAX)
            return UINT64_MAX;
        uint64_t digits = 0;
        for (unsigned d = p->element[i].digits; d != 0; d &= d - 1)
            digits++;
        n *= digits;
    }
    return n;
}

/* Positions in p, in the pattern that it is to match as well, in those that it must not match. */
struct state {
    uint32_t in, also, not_in[MEETING_MAX];
};

struct search {
    struct automaton in, also, not_in[MEETING_MAX];
    size_t not_n;
};

static bool search_from(struct strings *s, const struct search *x, const struct state *at, size_t n)
{
    bool good = (at->in & x->in.end) != 0 && (at->also & x->also.end) != 0 && n > 0;
    for (size_t i = 0; i < x->not_n && good; i++)
        good = (at->not_in[i] & x->not_in[i].end) == 0;
    if (good) {
        give(s, n);
        return true;
    }
    for (int d = 0; d < 10 && n < NUMBER_MAX && s->steps < STEPS_MAX; d++) {
        struct state next = {.in = automaton_step(&x->in, at->in, x->in.at[d]),
                             .also = automaton_step(&x->also, at->also, x->also.at[d])};
        if (next.in == 0 || next.also == 0)
            continue;
        s->steps++;
        for (size_t i = 0; i < x->not_n; i++)
            next.not_in[i] = automaton_step(&x->not_in[i], at->not_in[i], x->not_in[i].at[d]);
        s->text[s->plus + n] = (uint8_t)('0' + d);
        if (search_from(s, x, &next, n + 1))
            return true;
    }
    return false;
}

/* A string that p and `also` match and nothing that is more specific than `also`; also NULL: that p
 * alone matches. */
static void example(struct strings *s, const struct pattern *also)
{
    struct search x = {.not_n = 0};
    struct state at;
    automaton_of(&x.in, &s->p);
    automaton_of(&x.also, also == NULL ? &s->p : also);
    at.in = automaton_skip(&x.in, 1);
    at.also = automaton_skip(&x.also, 1);
    for (size_t i = 0; i < s->meets_n; i++) {
        const struct pattern *m = &s->meets[i];
        if (pattern_order(m, &s->p) == 0 || (also != NULL && pattern_order(m, also) >= 0))
            continue;
        automaton_of(&x.not_in[x.not_n], m);
        at.not_in[x.not_n] = automaton_skip(&x.not_in[x.not_n], 1);
        x.not_n++;
    }
    s->steps = 0;
    search_from(s, &x, &at, 0);
}

static bool meet(void *context, const struct pattern *p)
{
    struct strings *s = context;
    for (size_t i = 0; i < s->meets_n; i++)
        if (pattern_order(&s->meets[i], p) == 0)
            return true;
    if (s->meets_n < MEETING_MAX)
        s->meets[s->meets_n++] = *p;
    return s->meets_n < MEETING_MAX;
}

bool foresee_all(const struct foresee *f, size_t i, uint64_t most)
{
    struct pattern p;
    return pattern_of_key(f->key[i].kind, f->key[i].user, &p) && strings_of(&p) <= most;
}

void foresee_strings(const struct foresee *f, size_t i, uint64_t most,
                     void (*visit)(void *context, struct slice dialled), void *context)
{
    struct strings s = {.f = f, .visit = visit, .context = context};
    if (!pattern_of_key(f->key[i].kind, f->key[i].user, &s.p))
        return;
    s.plus = s.p.plus;
    s.text[0] = '+';
    if (strings_of(&s.p) <= most) {
        all_from(&s, 0);
        return;
    }
    s.meets = mem_alloc(f->mem, MEETING_MAX * sizeof *s.meets);
    if (s.meets == NULL)
        return;
    patterns_overlap(&f->changing, &s.p, meet, &s, NULL);
    patterns_overlap(&f->plan->patterns, &s.p, meet, &s, NULL);
    example(&s, NULL);
    for (size_t k = 0; k < s.meets_n; k++)
        if (pattern_order(&s.meets[k], &s.p) > 0)
            example(&s, &s.meets[k]);
    mem_free(f->mem, s.meets, MEETING_MAX * sizeof *s.meets);
}
