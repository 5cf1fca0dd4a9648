/* policy: rules as the store keeps them, and the judge over them. Few rules, asked often: a rule is
 * decoded once, its texts lie in a copy of its row. */
#include "plan/policy.h"

#include <string.h>

#include "base/cursor.h"
#include "base/planted.h"
#include "plan/pattern.h"

#define BOUND_ROW_MAX (1 + CLUSTER_ID_MAX + POLICY_CLAIMS_MAX * (2 + URI_MAX))
#define ORDER_ROW_MAX (POLICY_ORDER_MAX * (KEY_SIZE + 1 + 8 + 1 + CLUSTER_ID_MAX))
#define ROW_MAX       (BOUND_ROW_MAX > ORDER_ROW_MAX ? BOUND_ROW_MAX : ORDER_ROW_MAX)

#define OF_CATALOG 255

_Static_assert(CLUSTER_ID_MAX < OF_CATALOG, "no name is so long");

enum rule_kind { RULE_BLOCK = 1, RULE_BOUND = 2, RULE_ORDER = 3 };

struct block {
    struct policy_block rule;
    struct pattern wild; /* n = 0: the rule's pattern has no wildcards */
    uint8_t *row;
    size_t row_n;
};

struct bound {
    struct policy_bound rule;
    uint8_t *row;
    size_t row_n;
};

struct policy {
    struct mem *mem;
    struct block *block; /* by number */
    struct bound *bound;
    size_t block_n, block_size, bound_n, bound_size;
    struct policy_preferred *order;
    uint8_t *order_row;
    size_t order_n, order_row_n;
    uint32_t last;
    uint64_t changes;
};

struct policy *policy_new(struct mem *mem)
{
    struct policy *p = mem_alloc(mem, sizeof *p);
    if (p != NULL)
        p->mem = mem;
    return p;
}

static void order_drop(struct policy *p)
{
    mem_free(p->mem, p->order, p->order_n * sizeof *p->order);
    mem_free(p->mem, p->order_row, p->order_row_n);
    p->order = NULL;
    p->order_row = NULL;
    p->order_n = p->order_row_n = 0;
}

void policy_free(struct policy *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->block_n; i++)
        mem_free(p->mem, p->block[i].row, p->block[i].row_n);
    for (size_t i = 0; i < p->bound_n; i++)
        mem_free(p->mem, p->bound[i].row, p->bound[i].row_n);
    mem_free(p->mem, p->block, p->block_size * sizeof *p->block);
    mem_free(p->mem, p->bound, p->bound_size * sizeof *p->bound);
    order_drop(p);
    mem_free(p->mem, p, sizeof *p);
}

/* --- rows written */

static void put_text(struct buf *b, struct slice text)
{
    buf_put_u8(b, (uint8_t)text.n);
    buf_put_slice(b, text);
}

void policy_block_key(struct buf *b, uint32_t n)
{
    buf_put_u8(b, RULE_BLOCK);
    buf_put_u32(b, n);
}

void policy_block_put(struct buf *b, const struct policy_block *rule)
{
    buf_put_u8(b, rule->type);
    buf_put_u8(b, rule->of_cluster);
    if (rule->of_cluster)
        buf_put(b, rule->key, KEY_SIZE);
    put_text(b, rule->cluster);
    put_text(b, rule->pattern);
    put_text(b, rule->prefix);
    put_text(b, rule->description);
}

void policy_bound_key(struct buf *b, const uint8_t key[static KEY_SIZE])
{
    buf_put_u8(b, RULE_BOUND);
    buf_put(b, key, KEY_SIZE);
}

void policy_bound_put(struct buf *b, struct slice cluster, const struct slice *domain,
                      size_t domain_n, const struct slice *prefix, size_t prefix_n)
{
    put_text(b, cluster);
    for (size_t i = 0; i < domain_n; i++) {
        buf_put_u8(b, CLAIM_DOMAIN);
        put_text(b, domain[i]);
    }
    for (size_t i = 0; i < prefix_n; i++) {
        buf_put_u8(b, CLAIM_PREFIX);
        put_text(b, prefix[i]);
    }
}

void policy_order_key(struct buf *b)
{
    buf_put_u8(b, RULE_ORDER);
}

/* A catalog's number stands before its name, behind a length that no name has. */
void policy_order_put(struct buf *b, const struct policy_preferred *rule, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_put(b, rule[i].key, KEY_SIZE);
        if (rule[i].number != 0) {
            buf_put_u8(b, OF_CATALOG);
            buf_put_u64(b, rule[i].number);
        }
        put_text(b, rule[i].cluster);
    }
}

/* --- rows read: what is read here was written above, or is refused */

static struct slice get_text(struct cursor *c)
{
    size_t n = cursor_u8(c);
    return cursor_bytes(c, n);
}

static bool block_get(struct slice key, struct slice value, struct policy_block *ret)
{
    struct cursor k, c;
    cursor_init(&k, key);
    cursor_init(&c, value);
    *ret = (struct policy_block){0};
    uint8_t kind = cursor_u8(&k);
    ret->n = cursor_u32(&k);
    ret->type = cursor_u8(&c);
    uint8_t of_cluster = cursor_u8(&c);
    ret->of_cluster = of_cluster == 1;
    if (ret->of_cluster)
        cursor_copy(&c, ret->key, KEY_SIZE);
    ret->cluster = get_text(&c);
    ret->pattern = get_text(&c);
    ret->prefix = get_text(&c);
    ret->description = get_text(&c);
    bool says = ret->type != POLICY_ANY || ret->of_cluster || ret->pattern.n + ret->prefix.n > 0;
    return kind == RULE_BLOCK && cursor_done(&k) && cursor_done(&c) && ret->n != 0 &&
           ret->type < POLICY_TYPES && of_cluster <= 1 && says &&
           ret->cluster.n <= CLUSTER_ID_MAX && ret->description.n <= POLICY_TEXT_MAX;
}

bool policy_claim_next(struct slice *claims, enum policy_claim *ret_kind, struct slice *ret_text)
{
    struct cursor c;
    cursor_init(&c, *claims);
    uint8_t kind = cursor_u8(&c);
    *ret_text = get_text(&c);
    size_t left = cursor_left(&c), used = claims->n - left;
    if ((kind != CLAIM_DOMAIN && kind != CLAIM_PREFIX) || ret_text->n == 0)
        return false;
    *ret_kind = (enum policy_claim)kind;
    *claims = slice_make(claims->p + used, left);
    return true;
}

static bool bound_get(struct slice key, struct slice value, struct policy_bound *ret)
{
    struct cursor k, c;
    enum policy_claim kind;
    struct slice text;
    cursor_init(&k, key);
    cursor_init(&c, value);
    *ret = (struct policy_bound){0};
    bool right = cursor_u8(&k) == RULE_BOUND;
    cursor_copy(&k, ret->key, KEY_SIZE);
    ret->cluster = get_text(&c);
    ret->claims = cursor_bytes(&c, cursor_left(&c));
    if (!right || !cursor_done(&k) || !cursor_done(&c) || ret->cluster.n > CLUSTER_ID_MAX)
        return false;
    struct slice rest = ret->claims;
    size_t n = 0;
    while (policy_claim_next(&rest, &kind, &text))
        n++;
    return rest.n == 0 && n > 0 && n <= POLICY_CLAIMS_MAX;
}

/* ret NULL: only counts. */
static bool order_get(struct slice value, struct policy_preferred *ret, size_t *ret_n)
{
    struct cursor c;
    size_t n = 0;
    cursor_init(&c, value);
    while (cursor_left(&c) > 0 && n < POLICY_ORDER_MAX) {
        struct policy_preferred one = {.number = 0};
        cursor_copy(&c, one.key, KEY_SIZE);
        size_t length = cursor_u8(&c);
        if (length == OF_CATALOG) {
            one.number = cursor_u64(&c);
            length = cursor_u8(&c);
            if (one.number == 0)
                return false;
        }
        one.cluster = cursor_bytes(&c, length);
        if (one.cluster.n > CLUSTER_ID_MAX)
            return false;
        if (ret != NULL)
            ret[n] = one;
        n++;
    }
    *ret_n = n;
    return cursor_done(&c) && n > 0;
}

/* --- taking in and out */

/* Room for one more in an array of things of `each` bytes. */
static bool room(struct mem *mem, void **array, size_t *size, size_t n, size_t each, size_t most)
{
    if (n < *size)
        return true;
    size_t wanted = *size == 0 ? 8 : *size * 2 < most ? *size * 2 : most;
    void *grown = n < most ? mem_resize(mem, *array, *size * each, wanted * each) : NULL;
    if (grown == NULL)
        return false;
    *array = grown;
    *size = wanted;
    return true;
}

static uint8_t *copy_row(struct mem *mem, struct slice value)
{
    uint8_t *row = mem_alloc(mem, value.n);
    if (row != NULL)
        memcpy(row, value.p, value.n);
    return row;
}

static size_t block_find(const struct policy *p, uint32_t n)
{
    size_t i = 0;
    while (i < p->block_n && p->block[i].rule.n < n)
        i++;
    return i;
}

/* A pattern with wildcards as elements; ret->n = 0: it has none. */
static void wild_read(struct slice text, struct pattern *ret)
{
    size_t at;
    bool plus = text.n > 0 && text.p[0] == '+', wild = false;
    for (size_t i = plus; i < text.n; i++)
        wild = wild || text.p[i] < '0' || text.p[i] > '9';
    if (!wild || slice_find(text, '@') < text.n || pattern_read(text, plus, ret, &at) != ENTRY_OK)
        ret->n = 0;
}

static int put_block(struct policy *p, struct slice key, struct slice value)
{
    struct block fresh = {.row_n = value.n};
    void *array = p->block;
    if (!block_get(key, value, &fresh.rule))
        return -2;
    size_t i = block_find(p, fresh.rule.n);
    bool there = i < p->block_n && p->block[i].rule.n == fresh.rule.n;
    bool fits = there || room(p->mem, &array, &p->block_size, p->block_n, sizeof fresh,
                              POLICY_BLOCKS_MAX);
    p->block = array;
    fresh.row = fits ? copy_row(p->mem, value) : NULL;
    if (fresh.row == NULL)
        return -1;
    block_get(key, slice_make(fresh.row, fresh.row_n), &fresh.rule);
    wild_read(fresh.rule.pattern, &fresh.wild);
    if (there)
        mem_free(p->mem, p->block[i].row, p->block[i].row_n);
    else
        memmove(&p->block[i + 1], &p->block[i], (p->block_n - i) * sizeof fresh);
    p->block[i] = fresh;
    p->block_n += !there;
    p->last = fresh.rule.n > p->last ? fresh.rule.n : p->last;
    return 0;
}

static size_t bound_find(const struct policy *p, const uint8_t key[static KEY_SIZE])
{
    size_t i = 0;
    while (i < p->bound_n && memcmp(p->bound[i].rule.key, key, KEY_SIZE) != 0)
        i++;
    return i;
}

static int put_bound(struct policy *p, struct slice key, struct slice value)
{
    struct bound fresh = {.row_n = value.n};
    void *array = p->bound;
    if (!bound_get(key, value, &fresh.rule))
        return -2;
    size_t i = bound_find(p, fresh.rule.key);
    bool there = i < p->bound_n;
    bool fits = there || room(p->mem, &array, &p->bound_size, p->bound_n, sizeof fresh,
                              POLICY_BOUNDS_MAX);
    p->bound = array;
    fresh.row = fits ? copy_row(p->mem, value) : NULL;
    if (fresh.row == NULL)
        return -1;
    bound_get(key, slice_make(fresh.row, fresh.row_n), &fresh.rule);
    if (there)
        mem_free(p->mem, p->bound[i].row, p->bound[i].row_n);
    p->bound[i] = fresh;
    p->bound_n += !there;
    return 0;
}

static int put_order(struct policy *p, struct slice value)
{
    size_t n = 0;
    if (!order_get(value, NULL, &n))
        return -2;
    struct policy_preferred *order = mem_alloc(p->mem, n * sizeof *order);
    uint8_t *row = copy_row(p->mem, value);
    if (order == NULL || row == NULL) {
        mem_free(p->mem, order, n * sizeof *order);
        mem_free(p->mem, row, value.n);
        return -1;
    }
    order_get(slice_make(row, value.n), order, &n);
    order_drop(p);
    p->order = order;
    p->order_n = n;
    p->order_row = row;
    p->order_row_n = value.n;
    return 0;
}

int policy_put(struct policy *p, struct slice key, struct slice value)
{
    if (key.n == 0 || value.n == 0 || value.n > ROW_MAX)
        return -2;
    p->changes++;
    switch (key.p[0]) {
    case RULE_BLOCK: return put_block(p, key, value);
    case RULE_BOUND: return put_bound(p, key, value);
    case RULE_ORDER: return key.n == 1 ? put_order(p, value) : -2;
    default: return -2;
    }
}

void policy_remove(struct policy *p, struct slice key)
{
    struct cursor c;
    uint8_t of[KEY_SIZE];
    cursor_init(&c, key);
    uint8_t kind = cursor_u8(&c);
    p->changes++;
    if (kind == RULE_BLOCK) {
        uint32_t n = cursor_u32(&c);
        size_t i = block_find(p, n);
        if (!cursor_done(&c) || i == p->block_n || p->block[i].rule.n != n)
            return;
        mem_free(p->mem, p->block[i].row, p->block[i].row_n);
        p->block_n--;
        memmove(&p->block[i], &p->block[i + 1], (p->block_n - i) * sizeof p->block[i]);
    } else if (kind == RULE_BOUND) {
        cursor_copy(&c, of, KEY_SIZE);
        size_t i = cursor_done(&c) ? bound_find(p, of) : p->bound_n;
        if (i == p->bound_n)
            return;
        mem_free(p->mem, p->bound[i].row, p->bound[i].row_n);
        p->bound_n--;
        memmove(&p->bound[i], &p->bound[i + 1], (p->bound_n - i) * sizeof p->bound[i]);
    } else if (kind == RULE_ORDER && cursor_done(&c)) {
        order_drop(p);
    }
}

uint64_t policy_changes(const struct policy *p)
{
    return p->changes;
}

static bool put_all(struct policy *to, const struct policy *from, struct buf *key)
{
    bool ok = true;
    for (size_t i = 0; ok && i < from->block_n; i++) {
        buf_reset(key);
        policy_block_key(key, from->block[i].rule.n);
        ok = !key->failed && policy_put(to, buf_slice(key), slice_make(from->block[i].row,
                                                                       from->block[i].row_n)) == 0;
    }
    for (size_t i = 0; ok && i < from->bound_n; i++) {
        buf_reset(key);
        policy_bound_key(key, from->bound[i].rule.key);
        ok = !key->failed && policy_put(to, buf_slice(key), slice_make(from->bound[i].row,
                                                                       from->bound[i].row_n)) == 0;
    }
    if (!ok || from->order_n == 0)
        return ok;
    return put_order(to, slice_make(from->order_row, from->order_row_n)) == 0;
}

struct policy *policy_clone(const struct policy *p, struct mem *mem)
{
    struct policy *copy = policy_new(mem);
    struct buf key;
    if (copy == NULL)
        return NULL;
    buf_init(&key, mem, SIZE_MAX);
    bool ok = put_all(copy, p, &key);
    buf_done(&key);
    copy->last = p->last;
    if (ok)
        return copy;
    policy_free(copy);
    return NULL;
}

/* --- reading */

bool policy_block_at(const struct policy *p, size_t i, struct policy_block *ret)
{
    if (i >= p->block_n)
        return false;
    *ret = p->block[i].rule;
    return true;
}

bool policy_bound_at(const struct policy *p, size_t i, struct policy_bound *ret)
{
    if (i >= p->bound_n)
        return false;
    *ret = p->bound[i].rule;
    return true;
}

bool policy_preferred_at(const struct policy *p, size_t i, struct policy_preferred *ret)
{
    if (i >= p->order_n)
        return false;
    *ret = p->order[i];
    return true;
}

uint32_t policy_block_last(const struct policy *p)
{
    return p->last;
}

/* --- what is typed */

enum entry_error policy_prefix_parse(struct arena *a, struct slice text, struct slice *ret)
{
    text = slice_trim(text);
    if (text.n == 1 && text.p[0] == '+') { /* every +E.164 number */
        *ret = arena_copy(a, text);
        return a->failed ? ENTRY_ERROR_MEMORY : ENTRY_OK;
    }
    return number_parse(a, text, text.n > 0 && text.p[0] == '+', ret);
}

enum entry_error policy_domain_parse(struct arena *a, struct slice text, struct slice *ret)
{
    text = slice_trim(text);
    if (text.n > 0 && text.p[0] == '@')
        text = slice_make(text.p + 1, text.n - 1);
    if (text.n == 0)
        return ENTRY_ERROR_EMPTY;
    return host_name_parse(a, text, ret) == ENTRY_OK ? ENTRY_OK : ENTRY_ERROR_HOST;
}

enum entry_error policy_pattern_parse(struct arena *a, struct slice text, struct slice *ret)
{
    struct slice host;
    text = slice_trim(text);
    if (text.n == 0)
        return ENTRY_ERROR_EMPTY;
    if (text.n > 2 && text.p[0] == '*' && text.p[1] == '@') {
        enum entry_error e = policy_domain_parse(a, slice_make(text.p + 2, text.n - 2), &host);
        uint8_t *all = e == ENTRY_OK ? arena_alloc(a, 2 + host.n) : NULL;
        if (all == NULL)
            return e != ENTRY_OK ? e : ENTRY_ERROR_MEMORY;
        memcpy(all, "*@", 2);
        memcpy(all + 2, host.p, host.n);
        *ret = slice_make(all, 2 + host.n);
        return ENTRY_OK;
    }
    if (slice_find(text, '@') < text.n)
        return diruri_parse(a, text, ret);
    bool plus = text.p[0] == '+' || text.p[0] == '\\';
    if (number_parse(a, text, plus, ret) == ENTRY_OK)
        return ENTRY_OK;
    return pattern_parse(a, text, plus, ret);
}

/* --- the judge */

/* The pattern takes the digits: every way through it at once, a bit for each place in it. */
static bool wild_takes(const struct pattern *p, struct slice number)
{
    bool plus = number.n > 0 && number.p[0] == '+';
    uint32_t at = 1;
    if (plus != p->plus)
        return false;
    for (size_t k = plus; k <= number.n; k++) {
        uint32_t next = 0;
        for (size_t i = 0; i < p->n; i++)
            if ((at >> i & 1) != 0 && p->element[i].repeat == REPEAT_ANY)
                at |= UINT32_C(2) << i;
        if (k == number.n)
            break;
        unsigned digit = (unsigned)(number.p[k] - '0');
        for (size_t i = 0; i < p->n; i++) {
            const struct element *e = &p->element[i];
            if ((at >> i & 1) == 0 || digit > 9 || (e->digits >> digit & 1) == 0)
                continue;
            next |= UINT32_C(2) << i;
            if (e->repeat != REPEAT_ONCE)
                next |= UINT32_C(1) << i;
        }
        at = next;
    }
    return (at >> p->n & 1) != 0;
}

static bool begins(struct slice text, struct slice with)
{
    return text.n >= with.n && (with.n == 0 || memcmp(text.p, with.p, with.n) == 0);
}

static bool type_fits(uint8_t type, uint8_t kind)
{
    switch (type) {
    case POLICY_ANY: return true;
    case POLICY_URI: return kind == ENTRY_URI;
    case POLICY_ENTERPRISE: return kind == ENTRY_ENTERPRISE || kind == ENTRY_PATTERN_ENTERPRISE;
    default: return kind == ENTRY_E164 || kind == ENTRY_PATTERN_E164;
    }
}

static bool pattern_fits(const struct block *b, const struct policy_subject *s)
{
    struct slice pattern = b->rule.pattern;
    size_t at = slice_find(pattern, '@');
    if (at == pattern.n)
        return s->kind != ENTRY_URI &&
               (slice_eq(pattern, s->user) || (b->wild.n != 0 && wild_takes(&b->wild, s->user)));
    struct slice user = slice_make(pattern.p, at);
    struct slice host = slice_make(pattern.p + at + 1, pattern.n - at - 1);
    return slice_eq_fold(host, s->domain) &&
           (slice_eq(user, slice_of("*")) || slice_eq_fold(user, s->user));
}

static bool block_fits(const struct block *block, const struct policy_subject *s)
{
    const struct policy_block *b = &block->rule;
    if (!type_fits(b->type, s->kind) ||
        (b->of_cluster && memcmp(b->key, s->key, KEY_SIZE) != 0))
        return false;
    if (b->prefix.n > 0 && (s->kind == ENTRY_URI || !begins(s->user, b->prefix)))
        return false;
    return b->pattern.n == 0 || pattern_fits(block, s);
}

/* The domain itself, and what is below it. */
static bool domain_covers(struct slice claim, struct slice host)
{
    if (host.n <= claim.n)
        return slice_eq_fold(claim, host);
    size_t more = host.n - claim.n;
    return host.p[more - 1] == '.' &&
           slice_eq_fold(claim, slice_make(host.p + more, claim.n));
}

static bool bound_covers(const struct policy_bound *b, const struct policy_subject *s)
{
    struct slice rest = b->claims, text;
    enum policy_claim kind;
    while (policy_claim_next(&rest, &kind, &text)) {
        bool uri = s->kind == ENTRY_URI;
        if (kind == CLAIM_DOMAIN ? uri && domain_covers(text, s->domain)
                                 : !uri && begins(s->user, text))
            return true;
    }
    return false;
}

static const struct policy_bound *bound_of(const struct policy *p, const uint8_t *key)
{
    size_t i = p == NULL || p->bound_n == 0 ? 0 : bound_find(p, key);
    return p == NULL || i == p->bound_n ? NULL : &p->bound[i].rule;
}

enum loser_rule policy_judge(const struct policy *p, const struct policy_subject *s,
                             uint32_t *ret_rule)
{
    *ret_rule = 0;
    if (p == NULL || s->local)
        return LOSER_NONE;
    for (size_t i = 0; i < p->block_n; i++) {
        if (block_fits(&p->block[i], s) && !(BUG(BLOCK_IGNORED) && p->block[i].rule.of_cluster)) {
            *ret_rule = p->block[i].rule.n;
            return LOSER_BLOCKED;
        }
    }
    const struct policy_bound *b = bound_of(p, s->key);
    return b == NULL || bound_covers(b, s) ? LOSER_NONE : LOSER_OUTSIDE;
}

/* A catalog that is named itself has its own place, any other stream its cluster's. */
static size_t place_of(const struct policy *p, const struct policy_subject *s)
{
    size_t n = p == NULL ? 0 : p->order_n, place = n;
    for (size_t i = 0; i < n; i++) {
        const struct policy_preferred *one = &p->order[i];
        if (memcmp(one->key, s->key, KEY_SIZE) != 0)
            continue;
        if (one->number == s->number)
            return i;
        place = one->number == 0 ? i : place;
    }
    return place;
}

static bool claims(const struct policy *p, const struct policy_subject *s)
{
    const struct policy_bound *b = bound_of(p, s->key);
    return b != NULL && bound_covers(b, s);
}

int policy_order(const struct policy *p, const struct policy_subject *a,
                 const struct policy_subject *b, enum loser_rule *ret_rule)
{
    *ret_rule = LOSER_NOT_LOCAL;
    if (a->local != b->local)
        return a->local ? -1 : 1;
    *ret_rule = LOSER_PREFERRED;
    size_t x = place_of(p, a), y = place_of(p, b);
    if (x != y)
        return x < y ? -1 : 1;
    *ret_rule = LOSER_CLAIM;
    bool covers = claims(p, a), other = claims(p, b);
    if (covers != other)
        return covers ? -1 : 1;
    *ret_rule = LOSER_CLUSTER_ID;
    int id = BUG(GREATER_ID) ? slice_cmp(b->cluster_id, a->cluster_id)
                             : slice_cmp(a->cluster_id, b->cluster_id);
    if (id == 0)
        id = memcmp(a->key, b->key, KEY_SIZE);
    return id != 0 ? id : (a->number > b->number) - (a->number < b->number);
}
