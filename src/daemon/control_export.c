/* control_export: plans as files. Without more it is what import reads, of one's own plan, with the
 * source of each entry. `--format cucm` is the form that the original imports, and `--all` gives
 * everybody's, one file for each route string: there one file is one catalog. */
#include "daemon/control_inside.h"

#include <stdio.h>
#include <string.h>

#define PART_MAX 32768

struct export {
    struct client *client;
    const struct plan *plan;
    struct slice source; /* of that one only; empty: of all */
    bool original;       /* the form of the original ... */
    bool enterprise;     /* ... with enterprise numbers, which it has no published words for */
    struct arena arena;
    struct buf part;
    const struct catalog *catalog; /* whose entries are written */
    struct slice route_string;     /* of the file that is written */
    uint64_t n, left_out, left_enterprise;
    bool stopped;
};

/* A field of CSV: quoted where it must be. */
static void put_field(struct buf *b, struct slice s)
{
    bool quote = slice_find(s, ',') < s.n || slice_find(s, '"') < s.n;
    if (quote)
        buf_put_u8(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            buf_put_u8(b, '"');
        buf_put_u8(b, s.p[i]);
    }
    if (quote)
        buf_put_u8(b, '"');
}

static bool flush(struct export *x)
{
    struct slice part = buf_slice(&x->part);
    if (part.n > 0 && !control_part(x->client, (const char *)part.p, part.n))
        x->stopped = true;
    buf_reset(&x->part);
    return !x->stopped;
}

/* The record as an entry, in the arena; false when it is of a kind that has no words. */
static bool entry_of(struct export *x, const struct record *r, struct entry *ret)
{
    *ret = (struct entry){.kind = r->kind, .key = r->user};
    if (entry_kind_text(r->kind).n == 0 || !failover_get(r->value, &ret->failover))
        return false;
    if (r->domain.n == 0)
        return true;
    uint8_t *key = arena_alloc(&x->arena, r->user.n + 1 + r->domain.n);
    if (key == NULL)
        return false;
    memcpy(key, r->user.p, r->user.n);
    key[r->user.n] = '@';
    memcpy(key + r->user.n + 1, r->domain.p, r->domain.n);
    ret->key = slice_make(key, r->user.n + 1 + r->domain.n);
    return true;
}

/* --- our own form */

static void put_own(struct export *x, const struct entry *e, struct slice source)
{
    put_field(&x->part, entry_kind_text(e->kind));
    buf_put_u8(&x->part, ',');
    put_field(&x->part, e->key);
    buf_put_u8(&x->part, ',');
    put_field(&x->part, entry_failover_text(&x->arena, &e->failover));
    if (x->source.n == 0) {
        buf_put_u8(&x->part, ',');
        put_field(&x->part, source);
    }
    buf_put_u8(&x->part, '\n');
}

/* --- the original's: URIs, +E.164 numbers and patterns. Its manuals say that its catalogs have no
 * enterprise numbers: they are written where somebody asks for them. */

static bool is_enterprise(const struct entry *e)
{
    return e->kind == ENTRY_ENTERPRISE || e->kind == ENTRY_PATTERN_ENTERPRISE;
}

/* Escapes that the original reads are those of ASCII. */
static bool original_has(const struct export *x, const struct entry *e)
{
    if (e->kind == ENTRY_E164 || e->kind == ENTRY_PATTERN_E164)
        return true;
    if (is_enterprise(e))
        return x->enterprise;
    for (size_t i = 0; i + 1 < e->key.n; i++) {
        if (e->key.p[i] == '%' && e->key.p[i + 1] > '7')
            return false;
    }
    return e->kind == ENTRY_URI;
}

/* What is dialled on the PSTN; of a pattern the rule, which needs a dialled number. */
static void put_original(struct export *x, const struct entry *e)
{
    static const char *const words[] = {
        [ENTRY_URI] = "URI", [ENTRY_E164] = "E164Number", [ENTRY_PATTERN_E164] = "E164Pattern",
        [ENTRY_ENTERPRISE] = "EnterpriseNumber",
        [ENTRY_PATTERN_ENTERPRISE] = "EnterprisePattern",
    };
    bool pattern = e->kind == ENTRY_PATTERN_E164 || e->kind == ENTRY_PATTERN_ENTERPRISE;
    buf_put_text(&x->part, words[e->kind]);
    buf_put_u8(&x->part, ',');
    put_field(&x->part, pattern ? entry_failover_text(&x->arena, &e->failover)
                                : entry_failover_number(&x->arena, e));
    buf_put_u8(&x->part, ',');
    put_field(&x->part, e->key);
    buf_put_u8(&x->part, '\n');
}

/* --- the walk */

/* Learned entries that are not served here are not passed on by hand either. */
static bool is_refused(const struct export *x, const struct record *r)
{
    struct policy_subject subject = {
        .key = catalog_key(x->catalog),
        .number = catalog_number(x->catalog),
        .cluster_id = catalog_cluster_id(x->catalog),
        .local = catalog_is_local(x->catalog),
        .kind = r->kind,
        .user = r->user,
        .domain = r->domain,
    };
    uint32_t rule;
    return policy_judge(plan_policy(x->plan), &subject, &rule) != LOSER_NONE;
}

static bool put_record(void *context, const struct record *r)
{
    struct export *x = context;
    struct entry e;
    if (x->source.n > 0 && !slice_eq(x->source, r->source))
        return true;
    arena_reset(&x->arena);
    if (!entry_of(x, r, &e) || is_refused(x, r) ||
        (x->original && (!original_has(x, &e) || entry_judge(&x->arena, &e) != ENTRY_OK))) {
        x->left_out++;
        x->left_enterprise += is_enterprise(&e) && !x->enterprise;
        return true;
    }
    if (x->original)
        put_original(x, &e);
    else
        put_own(x, &e, r->source);
    x->n++;
    return x->part.n < PART_MAX || flush(x);
}

static void put_header(struct export *x)
{
    buf_put_text(&x->part, x->original       ? "PatternType,PSTNFailover,Pattern\n"
                           : x->source.n > 0 ? "type,key,failover\n"
                                             : "type,key,failover,source\n");
}

static bool put_catalog(void *context, const struct catalog *c)
{
    struct export *x = context;
    if (slice_eq(catalog_route_string(c), x->route_string)) {
        x->catalog = c;
        catalog_walk(c, put_record, x);
    }
    return !x->stopped;
}

struct next {
    struct slice after, found; /* the smallest route string behind `after`, or of all */
    bool any, first;
};

static bool next_route_string(void *context, const struct catalog *c)
{
    struct next *n = context;
    struct slice name = catalog_route_string(c);
    if (catalog_live(c) > 0 && (n->first || slice_cmp(name, n->after) > 0) &&
        (!n->any || slice_cmp(name, n->found) < 0)) {
        n->found = name;
        n->any = true;
    }
    return true;
}

/* A line {"file": {...}} before the parts of each. */
static void export_all(struct export *x)
{
    struct next next = {.first = true};
    for (plan_each(x->plan, next_route_string, &next); next.any && !x->stopped;
         plan_each(x->plan, next_route_string, &next)) {
        x->route_string = next.found;
        control_line(x->client, "file",
                     json_pack("{s:o}", "route_string", render_text(next.found)));
        put_header(x);
        plan_each(x->plan, put_catalog, x);
        flush(x);
        next = (struct next){.after = next.found};
    }
}

void verb_plan_export(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct export x = {.client = client, .plan = view_plan(core)};
    struct slice format;
    x.catalog = view_own_catalog(core);
    if (!control_text(client, "source", false, &x.source) ||
        !control_text(client, "format", false, &format))
        return;
    x.original = slice_eq(format, slice_of("cucm"));
    if (!x.original && format.n > 0 && !slice_eq(format, slice_of("ils"))) {
        control_error(client, "SETTING", "the format is ils or cucm",
                      "ils plan export --format cucm", "format");
        return;
    }
    x.enterprise = x.original && control_flag(client, "enterprise", false);
    arena_init(&x.arena, &client->control->mem);
    buf_init(&x.part, &client->control->mem, 2 * PART_MAX);
    control_hold(client);
    if (control_flag(client, "all", false)) {
        export_all(&x);
    } else {
        put_header(&x);
        if (x.catalog != NULL)
            catalog_walk(x.catalog, put_record, &x);
        flush(&x);
    }
    json_t *result = json_object();
    json_object_set_new(result, "exported", control_number_json(x.n));
    json_object_set_new(result, "left_out", control_number_json(x.left_out));
    json_object_set_new(result, "left_out_enterprise",
                        control_number_json(x.original ? x.left_enterprise : 0));
    arena_done(&x.arena);
    buf_done(&x.part);
    control_ok(client, result);
    control_release(client);
}
