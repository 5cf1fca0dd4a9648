/* catalogs: what a hub imports for others who are in no network: catalogs of its own, each a stream
 * (2 and up) with a name and a route string of its own, which are in its head. They are written,
 * signed again and told like the plan; the hub itself learns them as every other cluster does: they
 * are nobody's local entries. Removal is a head that lists nothing (HEAD_FLAG_LEFT), which stays,
 * so that nothing older returns; its number may be used again, above it.
 *
 * A neighbour that shows a newer head of one than this hub has, after a backup was restored: where
 * nothing was written since the start it is taken over; else this one is written again above it,
 * once in a life of the process (a second writer would do the same).
 *
 * Settings: "catalog_N": the description of catalog N. */
#include "core/core.h"

#define PREFIX "catalog_"

bool catalogs_is(const struct stream *s)
{
    return s->own && s->number >= STREAM_CATALOGS;
}

/* It is there, for others to see. */
bool catalogs_stands(const struct stream *s)
{
    return s->number >= STREAM_CATALOGS && stream_held(s) &&
           (s->head.flags & HEAD_FLAG_LEFT) == 0;
}

size_t catalogs_own(const struct ils *ils, struct slice *ret_first)
{
    size_t n = 0;
    if (ils->catalog_n == 0)
        return 0;
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (!catalogs_is(s) || !(catalogs_stands(s) || s->committing))
            continue;
        if (n++ == 0)
            *ret_first = text_slice(s->words->name);
    }
    return n;
}

bool catalogs_busy(const struct ils *ils)
{
    if (ils->catalog_n == 0)
        return false;
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (catalogs_is(s) && s->committing)
            return true;
    }
    return false;
}

struct stream *catalogs_find(const struct ils *ils, struct slice name)
{
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (catalogs_is(s) && catalogs_stands(s) && slice_eq_fold(text_slice(s->words->name), name))
            return s;
    }
    return NULL;
}

/* Another cluster's. */
static struct stream *learned(const struct ils *ils, struct slice name, const struct peer *of)
{
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (!s->own && catalogs_stands(s) && slice_eq_fold(s->head.name, name) &&
            (of == NULL || memcmp(s->key, of->key, KEY_SIZE) == 0))
            return s;
    }
    return NULL;
}

const struct stream *catalogs_called(const struct ils *ils, struct slice name)
{
    const struct stream *own = catalogs_find(ils, name);
    return own != NULL ? own : learned(ils, name, NULL);
}

static bool words_make(struct ils *ils, struct stream *s)
{
    if (s->words == NULL)
        s->words = mem_alloc(ils->mem, sizeof *s->words);
    return s->words != NULL;
}

void catalogs_free(struct ils *ils, struct stream *s)
{
    mem_free(ils->mem, s->words, sizeof *s->words);
}

/* --- settings */

static struct slice setting_key(struct ils *ils, uint64_t number)
{
    struct buf b;
    buf_init(&b, ils->mem, 40);
    buf_put_text(&b, PREFIX);
    buf_put_decimal(&b, number);
    struct slice key = arena_copy(&ils->step, buf_slice(&b));
    buf_done(&b);
    return key;
}

/* Kept until the streams are there: u64 number, u16 length, text. */
bool catalogs_setting(struct ils *ils, struct slice key, struct slice value)
{
    struct slice prefix = slice_of(PREFIX);
    uint64_t number = 0;
    if (key.n <= prefix.n || !slice_eq(slice_make(key.p, prefix.n), prefix))
        return false;
    for (size_t i = prefix.n; i < key.n; i++)
        number = number * 10 + (uint64_t)(key.p[i] - '0');
    if (value.n > DESCRIPTION_MAX)
        return true;
    buf_put_u64(&ils->catalog_rows, number);
    buf_put_u16(&ils->catalog_rows, (uint16_t)value.n);
    buf_put_slice(&ils->catalog_rows, value);
    ils->broken = ils->broken || ils->catalog_rows.failed;
    return true;
}

/* What the head says of it. */
void catalogs_named(struct ils *ils, struct stream *s)
{
    if (!words_make(ils, s)) {
        ils->broken = true;
        return;
    }
    text_set(s->words->name, s->head.name);
    text_set(s->words->route_string, s->head.route_string);
}

void catalogs_start(struct ils *ils)
{
    struct cursor c;
    list_each_safe(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (!catalogs_is(s))
            continue;
        s->admitted = true;
        catalogs_named(ils, s);
        if (!stream_held(s) && !ils->following.is) /* not all there: as if it were not */
            stream_free(ils, s);
    }
    cursor_init(&c, buf_slice(&ils->catalog_rows));
    while (cursor_left(&c) != 0 && !ils->broken) {
        struct stream *s = stream_find(ils, ils->key, cursor_u64(&c));
        struct slice text = cursor_bytes(&c, cursor_u16(&c));
        if (s != NULL && catalogs_is(s))
            text_set(s->words->description, text);
    }
    buf_done(&ils->catalog_rows);
}

/* Of a commit of s. */
void catalogs_rows(struct rows *r, struct stream *s, enum commit_kind kind)
{
    struct slice key = setting_key(r->ils, s->number);
    r->failed = r->failed || key.n == 0;
    if (kind == COMMIT_LEFT || s->words->description.n == 0)
        rows_remove(r, ROW_SETTING, key);
    else
        rows_put(r, ROW_SETTING, key, text_slice(s->words->description));
}

/* With a new identity they stay the former one's: whoever copied this cluster has none. */
void catalogs_drop_rows(struct rows *r, const uint8_t former[static KEY_SIZE])
{
    struct arena *a = &r->ils->step;
    list_each(node, &r->ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        struct slice lines = catalog_lines(s->catalog);
        struct line line;
        if (s->number < STREAM_CATALOGS || memcmp(s->key, former, KEY_SIZE) != 0)
            continue;
        for (size_t i = 0; i < lines.n / LINE_BYTES; i++) {
            manifest_line(lines, i, &line);
            rows_remove(r, ROW_SEGMENT, stream_key_bytes(a, former, s->number, line.name));
        }
        rows_remove(r, ROW_STREAM, stream_key_bytes(a, former, s->number, NULL));
        rows_remove(r, ROW_SETTING, setting_key(r->ils, s->number));
        rows_remove(r, ROW_SETTING, told_key(r->ils, s->number));
    }
}

void catalogs_dropped(struct ils *ils)
{
    list_each_safe(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (catalogs_is(s))
            fetch_forget(ils, s);
    }
}

/* --- adding, removing, taking over */

/* Nobody's name: neither a cluster's nor a catalog's, but that of the one that is taken over. */
static bool name_taken(const struct ils *ils, struct slice name, const struct stream *from)
{
    bool itself = false;
    if (catalogs_find(ils, name) != NULL || peer_named(ils, name, &itself) != NULL || itself)
        return true;
    const struct stream *other = learned(ils, name, NULL);
    return other != NULL && other != from && from == NULL;
}

static bool number_free(const struct ils *ils, uint64_t number)
{
    const struct stream *s = stream_find(ils, ils->key, number);
    return s == NULL || (!catalogs_stands(s) && !s->committing);
}

/* What is brought back gets its former number, if that is free. */
static uint64_t free_number(const struct ils *ils, const struct waiting *w)
{
    uint64_t number = w->meant && w->number >= STREAM_CATALOGS ? w->number : STREAM_CATALOGS;
    if (!number_free(ils, number))
        number = STREAM_CATALOGS;
    while (!number_free(ils, number))
        number++;
    return number;
}

/* Whether a catalog may be called as w says. The slices live with w. */
enum reply catalogs_judge_words(const struct ils *ils, struct waiting *w, const struct stream *from,
                                struct slice *ret_route, struct slice *ret_text)
{
    *ret_text = w->name;
    if (ils->role != ROLE_HUB)
        return REPLY_CATALOG_HUB;
    if (ils->mesh.draining)
        return REPLY_DRAINING;
    if (!cluster_id_valid(w->name))
        return REPLY_CATALOG_NAME;
    if (name_taken(ils, w->name, from))
        return REPLY_CATALOG_TAKEN;
    *ret_text = from != NULL ? from->head.route_string : w->route_string;
    if (route_string_parse(&w->arena, *ret_text, ret_route) != ENTRY_OK)
        return REPLY_ROUTE_STRING;
    *ret_text = w->description;
    return w->description.n > DESCRIPTION_MAX || !slice_is_utf8(w->description)
               ? REPLY_TEXT_TOO_LONG
               : REPLY_OK;
}

static enum reply judge_new(struct ils *ils, struct waiting *w, const struct stream *from,
                            struct slice *ret_route, struct slice *ret_text)
{
    struct slice first;
    enum reply reply = catalogs_judge_words(ils, w, from, ret_route, ret_text);
    if (reply != REPLY_OK)
        return reply;
    if (catalogs_own(ils, &first) >= CATALOGS_MAX)
        return REPLY_CATALOGS_MANY;
    return admit_more(ils) ? REPLY_OK : REPLY_CATALOGS_FULL;
}

struct copying {
    struct waiting *w;
    size_t n;
    bool failed;
};

static bool copy_one(void *context, const struct record *r)
{
    struct copying *c = context;
    if (c->n < c->w->change_n)
        c->w->change[c->n++] = (struct change){.put = true, .kind = r->kind, .user = r->user,
                                               .domain = r->domain, .value = r->value,
                                               .source = r->source};
    return true;
}

/* Everything that is in it, as changes that lend from it. */
static bool copy_of(struct waiting *w, const struct stream *from)
{
    struct copying c = {.w = w};
    w->change_n = (size_t)catalog_live(from->catalog);
    w->change = arena_alloc(&w->arena, (w->change_n + 1) * sizeof *w->change);
    if (w->change == NULL)
        return false;
    catalog_walk(from->catalog, copy_one, &c);
    w->change_n = c.n;
    return true;
}

static enum reply begin(struct ils *ils, struct waiting *w, const struct stream *from,
                        struct stream **ret, struct slice *ret_text)
{
    struct slice route;
    enum reply reply = judge_new(ils, w, from, &route, ret_text);
    if (reply != REPLY_OK)
        return reply;
    if (from != NULL && !copy_of(w, from))
        return REPLY_MEMORY;
    struct stream *s = stream_get(ils, ils->key, free_number(ils, w));
    if (s == NULL || !words_make(ils, s)) {
        if (s != NULL && !stream_held(s))
            fetch_forget(ils, s);
        return REPLY_MEMORY;
    }
    s->admitted = true;
    text_set(s->words->name, w->name);
    text_set(s->words->route_string, route);
    text_set(s->words->description, w->description);
    *ret = s;
    return REPLY_OK;
}

/* Which stream w is about, and what is to be done with it; a new one where one is added. */
enum reply catalogs_judge(struct ils *ils, struct waiting *w, struct stream **ret,
                          enum commit_kind *ret_kind, struct slice *ret_text)
{
    bool itself = false;
    *ret_kind = COMMIT_CHANGE;
    *ret_text = w->name;
    if (w->type == COMMAND_CATALOG_ADD)
        return begin(ils, w, NULL, ret, ret_text);
    if (w->type == COMMAND_CATALOG_REMOVE) {
        *ret_kind = COMMIT_LEFT;
        *ret = catalogs_find(ils, w->name);
        return *ret == NULL ? REPLY_CATALOG_UNKNOWN : REPLY_OK;
    }
    const struct peer *of = peer_named(ils, w->cluster, &itself);
    if (of == NULL) {
        *ret_text = w->cluster;
        return itself ? REPLY_ITSELF : REPLY_UNKNOWN_CLUSTER;
    }
    const struct stream *from = learned(ils, w->name, of);
    if (from == NULL)
        return REPLY_CATALOG_UNKNOWN;
    w->name = arena_copy(&w->arena, from->head.name);
    return begin(ils, w, from, ret, ret_text);
}

/* --- after a restored backup */

/* A head of it that is above mine came. True: it is taken over. */
bool catalogs_adopts(struct ils *ils, struct stream *s)
{
    if (!s->written) {
        s->proved_older = !s->theirs_left;
        s->renew = !s->proved_older;
        return s->proved_older;
    }
    if (s->written_again)
        stream_failed(ils, s, "another writer");
    s->renew = !s->written_again;
    s->written_again = true;
    return false;
}

/* --- for whoever shows it */

bool view_catalog(const struct ils *ils, size_t i, struct view_catalog *ret)
{
    memset(ret, 0, sizeof *ret);
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        uint8_t number[8], hash[HASH_SIZE];
        if (!catalogs_stands(s) || (s->own && s->words == NULL) || i-- != 0)
            continue;
        for (int k = 0; k < 8; k++)
            number[k] = (uint8_t)(s->number >> (56 - 8 * k));
        struct slice parts[] = {slice_make(s->key, KEY_SIZE), slice_make(number, sizeof number)};
        crypto_hash(hash, "catalog", parts, 2);
        memcpy(ret->peer_id, hash, PEER_ID_SIZE);
        const struct peer *p = s->own ? NULL : peer_find(ils, s->key);
        ret->own = s->own;
        ret->number = s->number;
        ret->name = s->head.name;
        ret->route_string = s->head.route_string;
        ret->description = s->own ? text_slice(s->words->description) : slice_make(NULL, 0);
        ret->origin = s->own ? text_slice(ils->cluster_id)
                      : p != NULL ? text_slice(p->cluster_id) : slice_make(NULL, 0);
        ret->entries = catalog_live(s->catalog);
        ret->usn = s->head.usn;
        ret->epoch = s->head.epoch;
        memcpy(ret->root, s->head.root, HASH_SIZE);
        ret->stale = !s->own && (!s->admitted || stream_overdue(ils, s));
        ret->status = s->own ? SYNC_UP_TO_DATE : holds_status(ils, s);
        ret->last_usn = s->last_usn;
        return true;
    }
    return false;
}

/* The catalog of one's own with that name; NULL: there is none. */
const struct catalog *view_own_catalog_named(const struct ils *ils, struct slice name,
                                             uint64_t *ret_number)
{
    const struct stream *s = catalogs_find(ils, name);
    *ret_number = s == NULL ? 0 : s->number;
    return s == NULL ? NULL : s->catalog;
}
