/* policy: the rules of what is made of learned data. A command becomes one row; when that is
 * durable the rule counts (plan/policy.h), and before it does not: nothing has to be undone.
 *
 * Here is also how many learned entries there may be: setting "learned_max". */
#include "core/core.h"

#include "plan/policy.h"

/* A row that is on its way to the disk. */
struct policy_change {
    struct buf key, value; /* value.n = 0: the rule goes */
    bool release;          /* no rule: what is held back of the cluster with the key is served */
};

#define POLICY_ROW_MAX 65536

void policy_row(struct ils *ils, const struct row *row)
{
    if (row->remove) /* following */
        policy_remove(ils->policy, row->key);
    else if (policy_put(ils->policy, row->key, row->value) == -1)
        ils->broken = true; /* a block that is not in force must not go unnoticed */
    if (policy_block_last(ils->policy) > ils->block_n)
        ils->block_n = policy_block_last(ils->policy);
}

void policy_change_free(struct ils *ils, struct policy_change *c)
{
    if (c == NULL)
        return;
    buf_done(&c->key);
    buf_done(&c->value);
    mem_free(ils->mem, c, sizeof *c);
}

static struct policy_change *change_new(struct ils *ils)
{
    struct policy_change *change = mem_alloc(ils->mem, sizeof *change);
    if (change == NULL)
        return NULL;
    buf_init(&change->key, ils->mem, POLICY_ROW_MAX);
    buf_init(&change->value, ils->mem, POLICY_ROW_MAX);
    return change;
}

/* Stores the change with the audit; takes it over. */
static void change_store(struct ils *ils, const struct command *c, struct policy_change *change)
{
    struct rows rows;
    struct batch *b = NULL;
    rows_init(&rows, ils);
    if (change != NULL && !change->key.failed && !change->value.failed) {
        struct slice key = arena_copy(&ils->step, buf_slice(&change->key));
        struct slice value = arena_copy(&ils->step, buf_slice(&change->value));
        if (change->value.n == 0)
            rows_remove(&rows, ROW_POLICY, key);
        else
            rows_put(&rows, ROW_POLICY, key, value);
        rows.failed = rows.failed || ils->step.failed;
        rows_audit(&rows, c->who, c->what);
        b = journal_store(&rows, BATCH_POLICY);
    }
    if (b == NULL) {
        policy_change_free(ils, change);
        command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    b->command = c->id;
    b->policy = change;
}

void policy_stored(struct ils *ils, struct batch *b, bool failed)
{
    struct policy_change *change = b->policy;
    if (change->release) {
        if (!failed)
            held_release(ils, change->key.p);
        command_reply(ils, b->command, failed ? REPLY_STORE : REPLY_OK, slice_make(NULL, 0));
        return;
    }
    if (!failed && change->value.n == 0)
        policy_remove(ils->policy, buf_slice(&change->key));
    else if (!failed && policy_put(ils->policy, buf_slice(&change->key),
                                   buf_slice(&change->value)) != 0)
        ils->broken = true; /* durable but not in memory: only a restart helps */
    if (!failed)
        ils_action(ils, ILS_DO_PUBLISH);
    command_reply(ils, b->command, failed ? REPLY_STORE : REPLY_OK, slice_make(NULL, 0));
}

/* An entry of s under its key; of the own plan as the own one. */
struct policy_subject policy_of(const struct stream *s, uint8_t kind, struct slice key)
{
    size_t at = key.n;
    for (size_t i = key.n; kind == ENTRY_URI && at == key.n && i > 0; i--)
        at = key.p[i - 1] == '@' ? i - 1 : at;
    struct slice none = {NULL, 0};
    return (struct policy_subject){
        .key = s->key,
        .number = s->number,
        .cluster_id = catalog_cluster_id(s->catalog),
        .local = s->own && s->number < STREAM_CATALOGS,
        .kind = kind,
        .user = slice_make(key.p, at),
        .domain = at == key.n ? none : slice_make(key.p + at + 1, key.n - at - 1),
    };
}

/* The cluster id of the origin, or the name of its catalog. */
struct slice policy_name(const struct ils *ils, const struct stream *s)
{
    const struct peer *p = peer_find(ils, s->key);
    if (s->own && s->number < STREAM_CATALOGS)
        return text_slice(ils->cluster_id);
    if (s->number < STREAM_CATALOGS && p != NULL && p->cluster_id.n != 0)
        return text_slice(p->cluster_id);
    return catalog_cluster_id(s->catalog);
}

static struct slice number_text(struct ils *ils, uint64_t n)
{
    struct buf b;
    buf_init(&b, ils->mem, 24);
    buf_put_decimal(&b, n);
    struct slice text = arena_copy(&ils->step, buf_slice(&b));
    buf_done(&b);
    return text;
}

/* The cluster with that id; NULL: the command was refused. */
static struct peer *of_name(struct ils *ils, const struct command *c, struct slice name)
{
    bool itself = false;
    struct peer *p = peer_named(ils, name, &itself);
    if (p == NULL)
        command_refuse(ils, c, itself ? REPLY_ITSELF : REPLY_UNKNOWN_CLUSTER, name);
    return p;
}

static size_t count_blocks(const struct ils *ils)
{
    struct policy_block block;
    size_t n = 0;
    while (policy_block_at(ils->policy, n, &block))
        n++;
    return n;
}

static size_t count_bounds(const struct ils *ils, const uint8_t *but)
{
    struct policy_bound bound;
    size_t n = 0;
    for (size_t i = 0; policy_bound_at(ils->policy, i, &bound); i++)
        n += memcmp(bound.key, but, KEY_SIZE) != 0;
    return n;
}

/* --- blocks */

/* What is typed becomes the rule; REPLY_OK, or what is wrong with what. */
static enum reply judge_block(struct ils *ils, const struct command *c, struct policy_block *ret,
                              struct slice *ret_text)
{
    struct arena *a = &ils->step;
    *ret = (struct policy_block){.type = c->level, .description = c->description};
    *ret_text = c->pattern;
    if (c->pattern.n > 0 && policy_pattern_parse(a, c->pattern, &ret->pattern) != ENTRY_OK)
        return REPLY_BLOCK_PATTERN;
    *ret_text = c->prefix;
    if (c->prefix.n > 0 && policy_prefix_parse(a, c->prefix, &ret->prefix) != ENTRY_OK)
        return REPLY_PREFIX;
    *ret_text = c->description;
    if (c->description.n > POLICY_TEXT_MAX || !slice_is_utf8(c->description))
        return REPLY_TEXT_TOO_LONG;
    if (c->level >= POLICY_TYPES || (c->level == POLICY_ANY && c->cluster.n == 0 &&
                                     ret->pattern.n == 0 && ret->prefix.n == 0))
        return REPLY_BLOCK_EMPTY;
    *ret_text = number_text(ils, POLICY_BLOCKS_MAX);
    return count_blocks(ils) >= POLICY_BLOCKS_MAX ? REPLY_BLOCKS_FULL : REPLY_OK;
}

static void block_add(struct ils *ils, const struct command *c)
{
    struct policy_block rule;
    struct slice text;
    enum reply reply = judge_block(ils, c, &rule, &text);
    if (reply != REPLY_OK) {
        command_refuse(ils, c, reply, text);
        return;
    }
    if (c->cluster.n > 0) {
        const struct peer *p = of_name(ils, c, c->cluster);
        if (p == NULL)
            return;
        rule.of_cluster = true;
        memcpy(rule.key, p->key, KEY_SIZE);
        rule.cluster = text_slice(p->cluster_id);
    }
    struct policy_change *change = change_new(ils);
    if (change != NULL) {
        policy_block_key(&change->key, ++ils->block_n);
        policy_block_put(&change->value, &rule);
    }
    change_store(ils, c, change);
}

static void block_remove(struct ils *ils, const struct command *c)
{
    struct policy_block block = {0};
    for (size_t i = 0; policy_block_at(ils->policy, i, &block) && block.n != c->number; i++)
        block.n = 0;
    if (block.n == 0 || block.n != c->number) {
        command_refuse(ils, c, REPLY_BLOCK_UNKNOWN, number_text(ils, c->number));
        return;
    }
    struct policy_change *change = change_new(ils);
    if (change != NULL)
        policy_block_key(&change->key, block.n);
    change_store(ils, c, change);
}

/* --- what a cluster may announce */

static bool parse_all(struct ils *ils, const struct slice *text, size_t n,
                      enum entry_error (*parse)(struct arena *, struct slice, struct slice *),
                      struct slice *ret, struct slice *ret_bad)
{
    for (size_t i = 0; i < n; i++) {
        *ret_bad = text[i];
        if (parse(&ils->step, text[i], &ret[i]) != ENTRY_OK)
            return false;
    }
    return true;
}

static void accept_all(struct ils *ils, const struct command *c, const struct peer *p)
{
    struct policy_bound bound;
    size_t i = 0;
    while (policy_bound_at(ils->policy, i, &bound) && memcmp(bound.key, p->key, KEY_SIZE) != 0)
        i++;
    if (!policy_bound_at(ils->policy, i, &bound)) {
        command_refuse(ils, c, REPLY_NOT_BOUNDED, c->cluster);
        return;
    }
    struct policy_change *change = change_new(ils);
    if (change != NULL)
        policy_bound_key(&change->key, p->key);
    change_store(ils, c, change);
}

static void accept_some(struct ils *ils, const struct command *c)
{
    struct slice domain[POLICY_CLAIMS_MAX], prefix[POLICY_CLAIMS_MAX], bad = {NULL, 0};
    const struct peer *p = of_name(ils, c, c->cluster);
    if (p == NULL)
        return;
    if (c->domain_n + c->prefix_n == 0) {
        accept_all(ils, c, p);
        return;
    }
    if (c->domain_n + c->prefix_n > POLICY_CLAIMS_MAX ||
        count_bounds(ils, p->key) >= POLICY_BOUNDS_MAX) {
        bool many = c->domain_n + c->prefix_n > POLICY_CLAIMS_MAX;
        command_refuse(ils, c, REPLY_BLOCKS_FULL,
                       number_text(ils, many ? POLICY_CLAIMS_MAX : POLICY_BOUNDS_MAX));
        return;
    }
    if (!parse_all(ils, c->domain, c->domain_n, policy_domain_parse, domain, &bad)) {
        command_refuse(ils, c, REPLY_DOMAIN, bad);
        return;
    }
    if (!parse_all(ils, c->prefixes, c->prefix_n, policy_prefix_parse, prefix, &bad)) {
        command_refuse(ils, c, REPLY_PREFIX, bad);
        return;
    }
    struct policy_change *change = change_new(ils);
    if (change != NULL) {
        policy_bound_key(&change->key, p->key);
        policy_bound_put(&change->value, text_slice(p->cluster_id), domain, c->domain_n, prefix,
                         c->prefix_n);
    }
    change_store(ils, c, change);
}

/* --- of duplicates, whose comes first */

/* A cluster, or a catalog that one imports; false: the command was refused. */
static bool prefer_one(struct ils *ils, const struct command *c, struct slice name,
                       struct policy_preferred *ret)
{
    bool itself = false;
    const struct peer *p = peer_named(ils, name, &itself);
    const struct stream *s = p == NULL && !itself ? catalogs_called(ils, name) : NULL;
    *ret = (struct policy_preferred){.number = 0};
    if (p == NULL && s == NULL) {
        command_refuse(ils, c, itself ? REPLY_ITSELF : REPLY_UNKNOWN_CLUSTER, name);
        return false;
    }
    memcpy(ret->key, p != NULL ? p->key : s->key, KEY_SIZE);
    ret->number = p != NULL ? 0 : s->number;
    ret->cluster = p != NULL ? text_slice(p->cluster_id) : s->head.name;
    return true;
}

static void prefer(struct ils *ils, const struct command *c)
{
    size_t most = c->cluster_n < POLICY_ORDER_MAX ? c->cluster_n : POLICY_ORDER_MAX;
    struct policy_preferred *order = arena_alloc(&ils->step, (most + 1) * sizeof *order);
    struct policy_change *change = NULL;
    for (size_t i = 0; order != NULL && i < most; i++) {
        if (!prefer_one(ils, c, c->clusters[i], &order[i]))
            return;
        for (size_t k = 0; k < i; k++) {
            if (memcmp(order[k].key, order[i].key, KEY_SIZE) == 0 &&
                order[k].number == order[i].number) {
                command_refuse(ils, c, REPLY_TWICE, c->clusters[i]);
                return;
            }
        }
    }
    if (c->cluster_n > most) {
        command_refuse(ils, c, REPLY_BLOCKS_FULL, number_text(ils, POLICY_ORDER_MAX));
        return;
    }
    if (order != NULL)
        change = change_new(ils);
    if (change != NULL) {
        policy_order_key(&change->key);
        policy_order_put(&change->value, order, most);
    }
    change_store(ils, c, change);
}

/* --- what is held back is served here nevertheless */

static void release(struct ils *ils, const struct command *c)
{
    struct rows rows;
    const struct peer *p = of_name(ils, c, c->cluster);
    if (p == NULL)
        return;
    rows_init(&rows, ils);
    if (!held_release_rows(&rows, p->key)) {
        command_refuse(ils, c, REPLY_NOT_HELD, c->cluster);
        return;
    }
    struct policy_change *change = change_new(ils);
    struct batch *b = NULL;
    if (change != NULL) {
        buf_put(&change->key, p->key, KEY_SIZE);
        change->release = true;
        rows.failed = rows.failed || change->key.failed;
        rows_audit(&rows, c->who, c->what);
        b = journal_store(&rows, BATCH_POLICY);
    }
    if (b == NULL) {
        policy_change_free(ils, change);
        command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    b->command = c->id;
    b->policy = change;
}

/* --- how many there may be */

uint64_t policy_learned_max(const struct ils *ils)
{
    return ils->durable.learned_max != 0 ? ils->durable.learned_max : LEARNED_MAX;
}

bool policy_setting(struct ils *ils, struct slice key, struct slice value)
{
    uint64_t n = 0;
    for (size_t i = 0; i < value.n && i < 8; i++)
        n = n << 8 | value.p[i];
    if (!slice_eq(key, slice_of("learned_max")))
        return false;
    ils->learned_max = n <= LEARNED_MOST ? n : LEARNED_MOST;
    return true;
}

void policy_rows(struct rows *r)
{
    rows_setting_u64(r, "learned_max", r->ils->learned_max);
}

static void learned_max(struct ils *ils, const struct command *c)
{
    struct rows rows;
    if (c->number < 1 || c->number > LEARNED_MOST) {
        command_refuse(ils, c, REPLY_LIMIT, number_text(ils, c->number));
        return;
    }
    ils->learned_max = c->number;
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, false);
}

void policy_command(struct ils *ils, const struct command *c)
{
    switch (c->type) {
    case COMMAND_BLOCK_ADD: block_add(ils, c); break;
    case COMMAND_BLOCK_REMOVE: block_remove(ils, c); break;
    case COMMAND_ACCEPT: accept_some(ils, c); break;
    case COMMAND_PREFER: prefer(ils, c); break;
    case COMMAND_LEARNED_MAX: learned_max(ils, c); break;
    case COMMAND_RELEASE: release(ils, c); break;
    case COMMAND_CONFIRM: held_confirm(ils, c); break;
    default: break;
    }
}
