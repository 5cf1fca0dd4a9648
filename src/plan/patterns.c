/* patterns: the trie of patterns.h. One walk serves all three questions; they differ in what a
 * position is, in how an element moves the positions, and in which nodes answer. */
#include "plan/patterns.h"

#include <assert.h>
#include <string.h>

#include "plan/host.h"

enum { ROOT_ENTERPRISE = 1, ROOT_E164 = 2, ROOTS_END = 3 };

/* --- arrays of nodes */

/* A node's children: number of the first (0: none), how many there are, and the class of their
 * array, which has room for 1 << class: one word, so that readers never see half of a change. */
struct below {
    uint32_t first;
    uint16_t n;
    uint8_t class;
};

static inline uint64_t below_make(struct below b)
{
    return (uint64_t)b.class << 48 | (uint64_t)b.n << 32 | b.first;
}

static inline struct below below_get(const struct pattern_node *node)
{
    uint64_t word = atomic_load_explicit(&node->below, memory_order_acquire);
    return (struct below){(uint32_t)word, (uint16_t)(word >> 32), (uint8_t)(word >> 48)};
}

static inline void below_set(struct pattern_node *node, struct below b)
{
    atomic_store_explicit(&node->below, below_make(b), memory_order_release);
}

/* The owner's: readers keep the pool that they began with. */
static inline struct pattern_node *node_at(const struct patterns *t, uint32_t at)
{
    struct pattern_pool *pool = t->pool;
    return &pool->node[at];
}

static void bury(const struct patterns *t, struct mem *mem, struct pattern_pool *pool)
{
    if (pool != NULL && t->graves != NULL)
        graves_add(t->graves, &pool->grave);
    else if (pool != NULL)
        grave_free(mem, &pool->grave);
}

static bool pool_grow(struct patterns *t, struct mem *mem, uint32_t need)
{
    struct pattern_pool *old = t->pool, *pool;
    uint32_t size = old == NULL ? 64 : old->size;
    while (size < need)
        size += size / 2;
    if (need > PATTERN_NODES_MAX)
        return false;
    pool = grave_alloc(mem, sizeof *pool + size * sizeof pool->node[0]);
    if (pool == NULL)
        return false;
    pool->size = size;
    if (old != NULL)
        memcpy(pool->node, old->node, t->top * sizeof pool->node[0]);
    t->pool = pool;
    bury(t, mem, old);
    return true;
}

/* The link is never 0, so that a reader asks for the pattern that was counted here. */
static void array_push(struct patterns *t, uint32_t *list, uint32_t at)
{
    node_at(t, at)->records = *list + 1;
    *list = at;
}

static uint32_t array_pop(struct patterns *t, uint32_t *list)
{
    uint32_t at = *list;
    if (at != 0)
        *list = node_at(t, at)->records - 1;
    return at;
}

/* Room for 1 << class nodes; 0: memory. */
static uint32_t array_take(struct patterns *t, struct mem *mem, uint8_t class)
{
    uint32_t at = array_pop(t, &t->array[ARRAYS_FREE][class]), n = UINT32_C(1) << class;
    const struct pattern_pool *pool = t->pool;
    if (at != 0)
        return at;
    if (t->top + n > pool->size && !pool_grow(t, mem, t->top + n))
        return 0;
    at = t->top;
    t->top += n;
    return at;
}

static void array_give(struct patterns *t, struct below b)
{
    bool readers = t->graves != NULL && t->graves->readers != NULL;
    array_push(t, &t->array[readers ? ARRAYS_FRESH : ARRAYS_FREE][b.class], b.first);
}

void patterns_turn(struct patterns *t)
{
    for (uint8_t class = 0; class < PATTERN_CLASSES; class++) {
        uint32_t *waiting = &t->array[ARRAYS_WAITING][class];
        uint32_t *free = &t->array[ARRAYS_FREE][class];
        for (uint32_t at; (at = array_pop(t, waiting)) != 0;)
            array_push(t, free, at);
        *waiting = t->array[ARRAYS_FRESH][class];
        t->array[ARRAYS_FRESH][class] = 0;
    }
}

bool patterns_wait(const struct patterns *t)
{
    uint32_t any = 0;
    for (size_t class = 0; class < PATTERN_CLASSES; class++)
        any |= t->array[ARRAYS_FRESH][class] | t->array[ARRAYS_WAITING][class];
    return any != 0;
}

uint64_t patterns_bytes(const struct patterns *t)
{
    const struct pattern_pool *pool = t->pool;
    return pool != NULL ? pool->grave.size : 0;
}

/* Where the label is among the children of a node, or belongs. */
static uint32_t child_place(const struct patterns *t, struct below b, uint32_t label)
{
    uint32_t low = 0, high = b.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (node_at(t, b.first + middle)->label < label)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The child with the label; 0: there is none. */
static uint32_t child_find(const struct patterns *t, uint32_t at, uint32_t label)
{
    struct below b = below_get(node_at(t, at));
    uint32_t i = child_place(t, b, label);
    return i < b.n && node_at(t, b.first + i)->label == label ? b.first + i : 0;
}

static void nodes_copy(struct patterns *t, uint32_t to, uint32_t from, uint32_t n)
{
    if (n > 0)
        memcpy(node_at(t, to), node_at(t, from), n * sizeof(struct pattern_node));
}

/* A new child, whose label no other has; 0: memory. Behind the last there may be room; otherwise
 * all sisters move. */
static uint32_t child_add(struct patterns *t, struct mem *mem, uint32_t at, uint32_t label)
{
    struct below old = below_get(node_at(t, at)), b = old;
    uint32_t i = child_place(t, b, label);
    bool full = b.n == 0 || b.n == UINT32_C(1) << b.class;
    if (full || i < b.n) {
        b.class = b.n == 0 ? 0 : (uint8_t)(b.class + full);
        b.first = array_take(t, mem, b.class);
        if (b.first == 0)
            return 0;
        nodes_copy(t, b.first, old.first, i);
        nodes_copy(t, b.first + i + 1, old.first + i, b.n - i);
    }
    *node_at(t, b.first + i) = (struct pattern_node){.label = label};
    b.n++;
    below_set(node_at(t, at), b);
    if (old.n > 0 && old.first != b.first)
        array_give(t, old);
    return b.first + i;
}

/* Where memory is refused the child stays, and answers nothing. */
static void child_remove(struct patterns *t, struct mem *mem, uint32_t at, uint32_t child)
{
    struct below old = below_get(node_at(t, at)), b = old;
    uint32_t i = child - old.first;
    if (old.n == 1) {
        b = (struct below){0};
    } else {
        b.first = array_take(t, mem, b.class);
        if (b.first == 0)
            return;
        nodes_copy(t, b.first, old.first, i);
        nodes_copy(t, b.first + i, old.first + i + 1, old.n - i - 1);
        b.n--;
    }
    below_set(node_at(t, at), b);
    array_give(t, old);
}

/* --- patterns coming and going */

void patterns_done(struct patterns *t, struct mem *mem)
{
    struct pattern_pool *pool = t->pool;
    t->pool = NULL;
    t->top = 0;
    t->records = 0;
    memset(t->array, 0, sizeof t->array);
    bury(t, mem, pool);
}

/* Nodes at the end of the path that lead nowhere go. path[0] is a root. */
static void prune(struct patterns *t, struct mem *mem, const uint32_t *path, size_t n)
{
    for (; n > 0; n--) {
        const struct pattern_node *node = node_at(t, path[n]);
        if (below_get(node).n > 0 || node->records > 0)
            return;
        child_remove(t, mem, path[n - 1], path[n]);
    }
}

static bool roots_make(struct patterns *t, struct mem *mem)
{
    if (t->pool != NULL)
        return true;
    t->top = ROOTS_END;
    return pool_grow(t, mem, ROOTS_END);
}

bool patterns_add(struct patterns *t, struct mem *mem, const struct pattern *p)
{
    uint32_t path[PATTERN_LEVELS_MAX] = {p->plus ? ROOT_E164 : ROOT_ENTERPRISE};
    if (!roots_make(t, mem))
        return false;
    for (size_t i = 0; i < p->n; i++) {
        uint32_t label = element_label(&p->element[i]);
        path[i + 1] = child_find(t, path[i], label);
        if (path[i + 1] == 0)
            path[i + 1] = child_add(t, mem, path[i], label);
        if (path[i + 1] == 0) {
            prune(t, mem, path, i);
            if (t->records == 0)
                patterns_done(t, mem);
            return false;
        }
    }
    node_at(t, path[p->n])->records++;
    t->records++;
    return true;
}

void patterns_remove(struct patterns *t, struct mem *mem, const struct pattern *p)
{
    uint32_t path[PATTERN_LEVELS_MAX] = {p->plus ? ROOT_E164 : ROOT_ENTERPRISE};
    if (t->records == 1) {
        patterns_done(t, mem);
        return;
    }
    for (size_t i = 0; i < p->n; i++) {
        path[i + 1] = child_find(t, path[i], element_label(&p->element[i]));
        assert(path[i + 1] != 0);
    }
    assert(node_at(t, path[p->n])->records > 0);
    node_at(t, path[p->n])->records--;
    t->records--;
    prune(t, mem, path, p->n);
}

/* --- the walk
 *
 * Positions lie between the digits of the number that is asked for, or between the elements of the
 * pattern: bit i stands before the i-th. A step is one digit taken from both sides. */

struct walk {
    const struct pattern_pool *pool;
    struct automaton a; /* of the number or the pattern that is asked for */
    bool longer;        /* nodes below the end answer, not those at the end */
    patterns_visit *visit;
    void *context;
    struct pattern path;
    struct patterns_work work;
};

/* The walk is over its bound. The node is not looked at: some pattern at or below it is named. */
static bool cut(struct walk *w, uint32_t child)
{
    const struct pattern_node *node = &w->pool->node[child];
    struct pattern *at = &w->work.at;
    w->work.cut = true;
    *at = w->path;
    at->element[at->n++] = element_of_label(node->label);
    for (struct below b = below_get(node); node->records == 0 && b.n > 0 && at->n < PATTERN_MAX;
         b = below_get(node)) {
        node = &w->pool->node[b.first];
        at->element[at->n++] = element_of_label(node->label);
    }
    return false;
}

/* The positions behind one element of the trie. */
static uint32_t walk_element(const struct walk *w, uint32_t positions, const struct element *e)
{
    uint32_t taking = 0;
    for (unsigned d = e->digits; d != 0; d &= d - 1)
        taking |= w->a.at[__builtin_ctz(d)];
    uint32_t reached = automaton_step(&w->a, positions, taking);
    if (e->repeat == REPEAT_ONCE)
        return reached;
    for (uint32_t more = reached; more != 0;) {
        more = automaton_step(&w->a, more, taking) & ~reached;
        reached |= more;
    }
    return e->repeat == REPEAT_ANY ? reached | positions : reached;
}

static bool walk_below(struct walk *w, uint32_t at, uint32_t positions);

static bool walk_child(struct walk *w, uint32_t child, uint32_t positions)
{
    const struct pattern_node *node = &w->pool->node[child];
    if (w->work.visits >= PATTERN_VISITS_MAX)
        return cut(w, child);
    w->work.visits++;
    struct element e = element_of_label(node->label);
    uint32_t reached = walk_element(w, positions, &e);
    bool over = w->longer && (positions & w->a.end) != 0; /* a longer number is on its way */
    bool here = (reached & w->a.end) != 0;
    if (w->longer)
        here = over || (here && e.repeat != REPEAT_ONCE);
    if (reached == 0 && !over)
        return true;
    w->path.element[w->path.n++] = e;
    bool on = walk_below(w, child, over ? reached | w->a.end : reached);
    /* What is longer is more specific, and has been visited. */
    if (on && here && node->records > 0) {
        w->work.cut = w->work.visits >= PATTERN_VISITS_MAX;
        if (w->work.cut)
            w->work.at = w->path;
        else
            w->work.visits += PATTERN_ASK_VISITS;
        on = !w->work.cut && w->visit(w->context, &w->path);
    }
    w->path.n--;
    return on;
}

static bool walk_below(struct walk *w, uint32_t at, uint32_t positions)
{
    struct below b = below_get(&w->pool->node[at]);
    for (uint32_t i = 0; i < b.n; i++) {
        if (!walk_child(w, b.first + i, positions))
            return false;
    }
    return true;
}

static void walk(struct walk *w, bool plus, struct patterns_work *ret)
{
    w->path.plus = plus;
    if (w->pool != NULL)
        walk_below(w, plus ? ROOT_E164 : ROOT_ENTERPRISE, automaton_skip(&w->a, 1));
    if (ret != NULL)
        *ret = w->work;
}

static bool walk_of_number(struct walk *w, struct slice digits)
{
    if (digits.n > NUMBER_MAX)
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        if (!ascii_digit(digits.p[i]))
            return false;
        w->a.at[digits.p[i] - '0'] |= UINT32_C(1) << i;
    }
    w->a.end = UINT32_C(1) << digits.n;
    return true;
}

static void walk_number(const struct patterns *t, struct slice number, bool longer,
                        patterns_visit *visit, void *context, struct patterns_work *ret)
{
    struct walk w = {.pool = t->pool, .longer = longer, .visit = visit, .context = context};
    if (ret != NULL)
        *ret = w.work;
    bool plus = number.n > 0 && number.p[0] == '+';
    if (plus)
        number = slice_make(number.p + 1, number.n - 1);
    if (walk_of_number(&w, number))
        walk(&w, plus, ret);
}

void patterns_match(const struct patterns *t, struct slice number, patterns_visit *visit,
                    void *context, struct patterns_work *work)
{
    walk_number(t, number, false, visit, context, work);
}

void patterns_longer(const struct patterns *t, struct slice number, patterns_visit *visit,
                     void *context, struct patterns_work *work)
{
    walk_number(t, number, true, visit, context, work);
}

void patterns_overlap(const struct patterns *t, const struct pattern *p, patterns_visit *visit,
                      void *context, struct patterns_work *work)
{
    struct walk w = {.pool = t->pool, .visit = visit, .context = context};
    automaton_of(&w.a, p);
    walk(&w, p->plus, work);
}
