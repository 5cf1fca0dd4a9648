/* control_entries: `plan show`: this cluster's own entries, a page at a time, by source, kind or
 * part of their text; gone through in turns of the loop as the others' are (browse.h). */
#include "daemon/browse.h"
#include "daemon/control_planlog.h"

#include <stdlib.h>
#include <string.h>

#define PAGE     100
#define PAGE_MAX 1000000

struct entries {
    struct browse browse;
    struct arena arena;
    char source[SOURCE_MAX + 1], search[URI_MAX + 2]; /* search: in lower case */
    size_t source_n, search_n;
    uint8_t kind; /* 0 = any */
    uint64_t max, total;
    bool counting; /* the page is full: the rest of the source is only counted */
    char after[BROWSE_TEXT_MAX];
    json_t *rows;
};

static bool wanted(struct browse *b, const struct record *r)
{
    struct entries *e = b->context;
    char key[BROWSE_KEY_MAX];
    if ((e->source_n > 0 && !slice_eq(slice_make(e->source, e->source_n), r->source)) ||
        (e->kind != 0 && r->kind != e->kind) || entry_kind_text(r->kind).n == 0)
        return false;
    e->total += e->counting; /* and no more is made of it */
    if (e->counting)
        return false;
    if (e->search_n == 0)
        return true;
    return browse_contains(slice_make(key, browse_key(key, r)), e->search, e->search_n);
}

static bool add_row(struct browse *b, const struct view_plan *p, const struct record *r)
{
    struct entries *e = b->context;
    e->total++;
    json_t *row = control_entry_json(&e->arena, r);
    json_object_set_new(row, "usn", control_number_json(r->usn));
    json_array_append_new(e->rows, row);
    return json_array_size(e->rows) < e->max;
}

/* What a source holds in all is known when all was looked at. */
static bool counts(const struct entries *e)
{
    return e->source_n > 0 && e->search_n == 0 && e->kind == 0;
}

static void entries_done(struct browse *b, bool whole)
{
    struct entries *e = b->context;
    const struct catalog *own = view_own_catalog(runtime_core(b->client->control->rt));
    json_t *result = json_object();
    if (!whole && !e->counting)
        browse_text(e->after, &b->place);
    if (!whole && counts(e)) {
        e->counting = true;
        browse_again(b);
        json_decref(result);
        return;
    }
    uint64_t total = counts(e) ? e->total : own != NULL ? catalog_live(own) : 0;
    json_object_set(result, "entries", e->rows);
    json_object_set_new(result, "total", control_number_json(total));
    json_object_set_new(result, "after", e->after[0] != '\0' ? json_string(e->after)
                                                             : json_null());
    json_object_set_new(result, "looked_at", control_number_json(b->looked_at));
    control_ok(b->client, result);
}

static void entries_free(struct browse *b)
{
    struct entries *e = b->context;
    json_decref(e->rows);
    arena_done(&e->arena);
    free(e);
}

static bool entries_args(struct client *client, struct entries *e)
{
    struct slice source, search, kind, after;
    const char *bad = NULL;
    if (!control_text(client, "source", false, &source) ||
        !control_text(client, "search", false, &search) ||
        !control_text(client, "kind", false, &kind) ||
        !control_text(client, "after", false, &after) ||
        !control_number(client, "max", PAGE_MAX, PAGE, &e->max))
        return false;
    e->kind = kind.n > 0 ? entry_kind_parse(kind) : 0;
    if (source.n > SOURCE_MAX)
        bad = "source";
    else if (search.n >= sizeof e->search)
        bad = "search";
    else if (kind.n > 0 && e->kind == 0)
        bad = "kind";
    else if (after.n > 0 && !browse_parse(&e->browse.place, after))
        bad = "after";
    if (bad != NULL) {
        control_error(client, "SETTING", "that is none: see the help", "ils help plan show", bad);
        return false;
    }
    e->source_n = slice_to_text(source, e->source, sizeof e->source);
    e->search_n = search.n;
    for (size_t i = 0; i < search.n; i++)
        e->search[i] = (char)ascii_lower(search.p[i]);
    return true;
}

void verb_plan_show(struct client *client)
{
    struct entries *e = calloc(1, sizeof *e);
    if (e == NULL) {
        control_no_memory(client);
        return;
    }
    e->browse = (struct browse){.client = client, .own = true, .want = wanted, .row = add_row,
                                .done = entries_done, .free = entries_free, .context = e};
    if (!entries_args(client, e)) {
        free(e);
        return;
    }
    arena_init(&e->arena, &client->control->mem);
    e->rows = json_array();
    e->counting = e->max == 0 && counts(e);
    if (e->max == 0 && !e->counting) { /* how many there are is known */
        entries_done(&e->browse, true);
        entries_free(&e->browse);
        return;
    }
    browse_start(&e->browse);
}
