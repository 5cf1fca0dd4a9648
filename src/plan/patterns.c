/* patterns: the trie of patterns.h. One walk serves all three questions; they differ in what a
 * position is, in how an element moves the positions, and in which nodes answer. */
#include "plan/patterns.h"

#include <assert.h>
#include <string.h>

#include "plan/host.h"

enum { ROOT_ENTERPRISE = 1, ROOT_E164 = 2, ROOTS_END = 3 };

/* --- arrays of nodes */

static bool pool_grow(struct patterns *t, struct mem *mem, uint32_t need)
{
    uint32_t size = t->size == 0 ? 64 : t->size;
    while (size < need)
        size += size / 2;
    if (need > PATTERN_NODES_MAX)
        return false;
    struct pattern_node *node =
        mem_resize(mem, t->node, t->size * sizeof *node, size * sizeof *node);
    if (node == NULL)
        return false;
    t->node = node;
    t->size = size;
    return true;
}

/* Room for 1 << class nodes; 0: memory. */
static uint32_t array_take(struct patterns *t, struct mem *mem, uint8_t class)
{
    uint32_t at = t->free[class], n = UINT32_C(1) << class;
    if (at != 0) {
        t->free[class] = t->node[at].children;
        return at;
    }
    if (t->top + n > t->size && !pool_grow(t, mem, t->top + n))
        return 0;
    at = t->top;
    t->top += n;
    return at;
}

static void array_give(struct patterns *t, uint32_t at, uint8_t class)
{
    t->node[at].children = t->free[class];
    t->free[class] = at;
}

/* Where the label is among the children of a node, or belongs. */
static uint32_t child_place(const struct patterns *t, uint32_t at, uint32_t label)
{
    const struct pattern_node *parent = &t->node[at];
    uint32_t low = 0, high = parent->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->node[parent->children + middle].label < label)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The child with the label; 0: there is none. */
static uint32_t child_find(const struct patterns *t, uint32_t at, uint32_t label)
{
    uint32_t i = child_place(t, at, label), child = t->node[at].children + i;
    return i < t->node[at].n && t->node[child].label == label ? child : 0;
}

/* A new child, whose label no other has; 0: memory. Its sisters move, no other node does. */
static uint32_t child_add(struct patterns *t, struct mem *mem, uint32_t at, uint32_t label)
{
    uint32_t n = t->node[at].n, i = child_place(t, at, label);
    uint8_t class = t->node[at].class;
    if (n == 0 || n == UINT32_C(1) << class) {
        uint8_t larger = n == 0 ? 0 : (uint8_t)(class + 1);
        uint32_t array = array_take(t, mem, larger);
        if (array == 0)
            return 0;
        struct pattern_node *parent = &t->node[at];
        if (n > 0) {
            memcpy(&t->node[array], &t->node[parent->children], n * sizeof *t->node);
            array_give(t, parent->children, class);
        }
        parent->children = array;
        parent->class = larger;
    }
    struct pattern_node *parent = &t->node[at], *child = &t->node[parent->children + i];
    memmove(child + 1, child, (n - i) * sizeof *child);
    *child = (struct pattern_node){.label = label};
    parent->n++;
    return parent->children + i;
}

static void child_remove(struct patterns *t, uint32_t at, uint32_t child)
{
    struct pattern_node *parent = &t->node[at];
    uint32_t behind = parent->children + parent->n - child - 1;
    memmove(&t->node[child], &t->node[child + 1], behind * sizeof *t->node);
    parent->n--;
    if (parent->n == 0) {
        array_give(t, parent->children, parent->class);
        parent->children = 0;
    }
}

/* --- patterns coming and going */

void patterns_done(struct patterns *t, struct mem *mem)
{
    mem_free(mem, t->node, t->size * sizeof *t->node);
    *t = (struct patterns){0};
}

/* Nodes at the end of the path that lead nowhere go. path[0] is a root. */
static void prune(struct patterns *t, const uint32_t *path, size_t n)
{
    for (; n > 0; n--) {
        const struct pattern_node *node = &t->node[path[n]];
        if (node->n > 0 || node->records > 0)
            return;
        child_remove(t, path[n - 1], path[n]);
    }
}

static bool roots_make(struct patterns *t, struct mem *mem)
{
    if (t->size > 0)
        return true;
    if (!pool_grow(t, mem, ROOTS_END))
        return false;
    memset(t->node, 0, ROOTS_END * sizeof *t->node);
    t->top = ROOTS_END;
    return true;
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
            prune(t, path, i);
            if (t->records == 0)
                patterns_done(t, mem);
            return false;
        }
    }
    t->node[path[p->n]].records++;
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
    assert(t->node[path[p->n]].records > 0);
    t->node[path[p->n]].records--;
    t->records--;
    prune(t, path, p->n);
}

/* --- the walk
 *
 * Positions lie between the digits of the number that is asked for, or between the elements of the
 * pattern: bit i stands before the i-th. A step is one digit taken from both sides. */

struct walk {
    const struct patterns *t;
    struct automaton a; /* of the number or the pattern that is asked for */
    bool longer;        /* nodes below the end answer, not those at the end */
    patterns_visit *visit;
    void *context;
    struct pattern path;
};

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
    const struct pattern_node *node = &w->t->node[child];
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
    if (on && here && node->records > 0)
        on = w->visit(w->context, &w->path);
    w->path.n--;
    return on;
}

static bool walk_below(struct walk *w, uint32_t at, uint32_t positions)
{
    const struct pattern_node *node = &w->t->node[at];
    for (uint32_t i = 0; i < node->n; i++) {
        if (!walk_child(w, node->children + i, positions))
            return false;
    }
    return true;
}

static void walk(struct walk *w, bool plus)
{
    if (w->t->records == 0)
        return;
    w->path.plus = plus;
    walk_below(w, plus ? ROOT_E164 : ROOT_ENTERPRISE, automaton_skip(&w->a, 1));
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
                        patterns_visit *visit, void *context)
{
    struct walk w = {.t = t, .longer = longer, .visit = visit, .context = context};
    bool plus = number.n > 0 && number.p[0] == '+';
    if (plus)
        number = slice_make(number.p + 1, number.n - 1);
    if (walk_of_number(&w, number))
        walk(&w, plus);
}

void patterns_match(const struct patterns *t, struct slice number, patterns_visit *visit,
                    void *context)
{
    walk_number(t, number, false, visit, context);
}

void patterns_longer(const struct patterns *t, struct slice number, patterns_visit *visit,
                     void *context)
{
    walk_number(t, number, true, visit, context);
}

void patterns_overlap(const struct patterns *t, const struct pattern *p, patterns_visit *visit,
                      void *context)
{
    struct walk w = {.t = t, .visit = visit, .context = context};
    automaton_of(&w.a, p);
    walk(&w, p->plus);
}
