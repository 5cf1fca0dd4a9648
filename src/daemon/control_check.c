/* control_check: what is odd about this cluster's plan and routes (plan/check.h), in words and with
 * the command that mends it; `route add` asks for the route that it adds. A large plan is looked at
 * in turns of the loop: whoever may read may ask, and nobody else waits for it. */
#include "daemon/browse.h"

#include <stdio.h>
#include <stdlib.h>

#include "driver/entry_text.h"
#include "plan/check.h"

#define FINDINGS_MAX 100   /* shown */
#define COUNTED_MAX  10000 /* then it is enough */

struct checking {
    struct browse browse;
    struct arena arena;
    json_t *rows;
    uint64_t n;
};

static const char *what_word(uint8_t what)
{
    switch (what) {
    case FINDING_RULE: return "rule";
    case FINDING_UNREACHABLE:
    case FINDING_COVERED: return "unreachable";
    case FINDING_OVERLAP: return "overlap";
    case FINDING_TAKEN: return "taken";
    case FINDING_SHADOWED: return "shadowed";
    default: return "route_string";
    }
}

static const char *what_text(const struct finding *f)
{
    switch (f->what) {
    case FINDING_UNREACHABLE:
        return "never decides: every number of it is the other pattern's, which is more specific";
    case FINDING_COVERED:
        return "never decides: each of its numbers is advertised itself, or is that of another "
               "pattern, which is more specific";
    case FINDING_OVERLAP:
        return "some of its numbers are the other pattern's, which is more specific";
    case FINDING_TAKEN:
        return "some of its numbers are those of another cluster, whose pattern is more specific";
    case FINDING_SHADOWED:
        return "never decides: each route string that it covers has a more specific route";
    default: return entry_error_text(f->error);
    }
}

static json_t *finding_json(const struct finding *f, const char *next)
{
    json_t *json = json_object();
    bool entry = f->kind != 0;
    json_object_set_new(json, "what", json_string(what_word(f->what)));
    json_object_set_new(json, "kind", entry ? render_text(entry_kind_text(f->kind)) : json_null());
    json_object_set_new(json, "key", render_text(f->key));
    json_object_set_new(json, "other", control_text_or_null(f->other));
    json_object_set_new(json, "cluster_id", control_text_or_null(f->cluster_id));
    json_object_set_new(json, "route_string", control_text_or_null(f->route_string));
    json_object_set_new(json, "text", json_string(what_text(f)));
    json_object_set_new(json, "next", next[0] != '\0' ? render_text(slice_of(next)) : json_null());
    return json;
}

static bool plain(struct slice word)
{
    return slice_find(word, '\'') == word.n;
}

static void route_remove_text(char *dst, size_t size, const struct finding *f)
{
    snprintf(dst, size, "ils route remove '%.*s'", (int)f->key.n, (const char *)f->key.p);
}

static bool take(void *context, const struct finding *f)
{
    struct checking *x = context;
    char next[600] = "";
    struct slice kind = entry_kind_text(f->kind);
    if (x->n++ >= FINDINGS_MAX)
        return x->n < COUNTED_MAX;
    if (f->kind != 0 && plain(f->key) && f->what != FINDING_TAKEN)
        snprintf(next, sizeof next, "ils plan remove %.*s '%.*s'", (int)kind.n,
                 (const char *)kind.p, (int)f->key.n, (const char *)f->key.p);
    else if (f->what == FINDING_SHADOWED && plain(f->key))
        route_remove_text(next, sizeof next, f);
    json_array_append_new(x->rows, finding_json(f, next));
    return true;
}

static bool take_any(void *context, const struct finding *f)
{
    (void)f;
    *(bool *)context = true;
    return false;
}

/* Few are odd: only of those it is asked whether they are still there. */
static bool check_odd(struct browse *b, const struct record *r)
{
    struct checking *x = b->context;
    const struct ils *core = runtime_core(b->client->control->rt);
    bool odd = false;
    if (x->n < COUNTED_MAX)
        plan_check_record(view_plan(core), &x->arena, r, take_any, &odd);
    return odd;
}

static bool check_entry(struct browse *b, const struct view_plan *p, const struct record *r)
{
    struct checking *x = b->context;
    (void)p;
    plan_check_record(view_plan(runtime_core(b->client->control->rt)), &x->arena, r, take, x);
    return true;
}

static void check_done(struct browse *b, bool whole)
{
    struct checking *x = b->context;
    const struct ils *core = runtime_core(b->client->control->rt);
    (void)whole;
    if (x->n < COUNTED_MAX)
        plan_check_rest(view_plan(core), view_routes(core), &x->arena, take, x);
    json_t *json = json_object();
    json_object_set(json, "findings", x->rows);
    json_object_set_new(json, "total", control_number_json(x->n));
    control_reply(b->client, json, x->n == 0 ? 0 : 1);
}

static void check_free(struct browse *b)
{
    struct checking *x = b->context;
    json_decref(x->rows);
    arena_done(&x->arena);
    free(x);
}

void verb_plan_check(struct client *client)
{
    struct checking *x = calloc(1, sizeof *x);
    if (x == NULL) {
        control_no_memory(client);
        return;
    }
    x->browse = (struct browse){.client = client, .own = true, .want = check_odd,
                                .row = check_entry, .done = check_done,
                                .free = check_free, .context = x};
    arena_init(&x->arena, &client->control->mem);
    x->rows = json_array();
    browse_start(&x->browse);
}

/* --- of a route that has just been added */

struct adding_check {
    json_t *rows;
    struct slice pattern; /* as it was typed */
};

/* Who has just typed a route that never decides wants to see why; one that no longer does because
 * of it can go. */
static bool take_of_route(void *context, const struct finding *f)
{
    struct adding_check *x = context;
    char next[600] = "";
    if (!slice_eq_fold(f->key, x->pattern))
        route_remove_text(next, sizeof next, f);
    else if (plain(f->route_string))
        snprintf(next, sizeof next, "ils route test '%.*s'", (int)f->route_string.n,
                 (const char *)f->route_string.p);
    json_array_append_new(x->rows, finding_json(f, next));
    return true;
}

json_t *control_route_warnings(const struct ils *core, struct slice pattern)
{
    struct adding_check x = {.rows = json_array(), .pattern = pattern};
    plan_check_route(view_plan(core), view_routes(core), pattern, take_of_route, &x);
    return x.rows;
}

/* --- of patterns that have just been added */

#define WARNINGS_MAX 20
#define WARNING_VISITS 20000 /* of states: more than 1 000 patterns, some 10 ms of the loop */

static bool same_text(const json_t *row, const char *key, struct slice text)
{
    return slice_eq(slice_of(json_string_value(json_object_get(row, key))), text);
}

/* Of two that were added together each tells the same. */
static bool take_of_pattern(void *context, const struct finding *f)
{
    json_t *rows = context, *row;
    size_t i;
    json_array_foreach(rows, i, row)
        if (same_text(row, "key", f->key) && same_text(row, "what", slice_of(what_word(f->what))) &&
            (f->other.n == 0 || same_text(row, "other", f->other)))
            return true;
    if (json_array_size(rows) < WARNINGS_MAX)
        json_array_append_new(rows, finding_json(f, "ils plan check"));
    return json_array_size(rows) < WARNINGS_MAX;
}

void control_plan_warnings(const struct ils *core, const struct entry *entry, size_t n,
                           json_t *result)
{
    json_t *rows = json_array();
    uint32_t visits = 0;
    size_t i = 0;
    for (; i < n && visits < WARNING_VISITS && json_array_size(rows) < WARNINGS_MAX; i++)
        if (entry[i].kind == ENTRY_PATTERN_E164 || entry[i].kind == ENTRY_PATTERN_ENTERPRISE)
            visits += plan_check_pattern(view_plan(core), entry[i].kind, entry[i].key,
                                         take_of_pattern, rows);
    json_object_set_new(result, "warnings", rows);
    json_object_set_new(result, "warnings_whole", json_boolean(i == n));
}
