/* verify: the audit of a store. It reads what the core would read, and judges by the same functions
 * of room plan; a finding says what is wrong with which stream, and what to do about it. */
#include "daemon/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/ils.h"
#include "driver/datadir.h"
#include "plan/plan.h"

#define FINDINGS_MAX 50

struct audited {
    struct audited *next;
    struct head head;
    struct catalog *catalog;
    char name[CLUSTER_ID_MAX + 32]; /* as it is shown */
    bool own, listed;               /* listed: head and list hold */
    uint64_t bad;                   /* segments that are not what they are called */
};

struct audit {
    struct store *store;
    struct mem mem;
    struct plan *plan;
    struct audited *streams;
    uint8_t key[KEY_SIZE], seed[SEED_SIZE];
    bool has_seed;
    char cluster_id[CLUSTER_ID_MAX + 1];
    uint64_t stream_n, segments, entries, rows, bytes, unlisted;
    json_t *findings;
};

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

static void found(struct audit *a, const char *what, const char *next)
{
    if (json_array_size(a->findings) >= FINDINGS_MAX)
        return;
    json_t *json = json_object();
    json_object_set_new(json, "what", json_string(what));
    json_object_set_new(json, "next", json_string(next));
    json_array_append_new(a->findings, json);
}

/* What is damaged comes from a neighbour; one's own plan from a backup, where nobody has it. */
static void found_in(struct audit *a, const struct audited *s, const char *what)
{
    char text[512];
    snprintf(text, sizeof text, "%s: %s", s->name, what);
    found(a, text, s->own ? "ils restore FILE" : "ils sync");
}

/* --- rows */

static bool take_setting(void *context, const struct store_row *row)
{
    struct audit *a = context;
    a->rows++;
    if (slice_eq(row->key, slice_of("seed")) && row->value.n == SEED_SIZE) {
        uint8_t secret[SECRET_SIZE];
        memcpy(a->seed, row->value.p, SEED_SIZE);
        crypto_keypair(a->seed, a->key, secret);
        crypto_wipe(secret, sizeof secret);
        crypto_wipe(a->seed, sizeof a->seed);
        a->has_seed = true;
    } else if (slice_eq(row->key, slice_of("cluster_id"))) {
        slice_to_text(row->value, a->cluster_id, sizeof a->cluster_id);
    }
    return true;
}

static bool take_row(void *context, const struct store_row *row)
{
    struct audit *a = context;
    a->rows++;
    return true;
}

static uint64_t number_at(const uint8_t *p)
{
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | p[i];
    return n;
}

static void name_it(const struct audit *a, struct audited *s)
{
    uint8_t id[PEER_ID_SIZE];
    char who[CLUSTER_ID_MAX + 1];
    slice_to_text(s->head.name, who, sizeof who);
    crypto_peer_id(id, s->head.key);
    s->own = a->has_seed && memcmp(s->head.key, a->key, KEY_SIZE) == 0;
    snprintf(s->name, sizeof s->name, "%s~%02x%02x, stream %" PRIu64, who, id[0], id[1],
             s->head.number);
}

static bool take_stream(void *context, const struct store_row *row)
{
    struct audit *a = context;
    struct slice v = row->value, lines = {NULL, 0};
    uint8_t root[HASH_SIZE];
    size_t n = v.n >= 4 ? (size_t)v.p[2] << 8 | v.p[3] : 0;
    a->rows++;
    if (row->key.n == KEY_SIZE + 8 && number_at(row->key.p + KEY_SIZE) >> 63 != 0)
        return true; /* a former plan, served in place of one that shrank */
    struct audited *s = calloc(1, sizeof *s);
    if (s == NULL)
        return false;
    if (row->key.n != KEY_SIZE + 8 || n == 0 || n > v.n - 4 ||
        head_get(slice_make(v.p + 4, n), &s->head) != 0 ||
        memcmp(s->head.key, row->key.p, KEY_SIZE) != 0 ||
        s->head.number != number_at(row->key.p + KEY_SIZE)) {
        found(a, "the row of a stream cannot be read", "ils restore FILE");
        free(s);
        return true;
    }
    lines = slice_make(v.p + 4 + n, v.n - 4 - n);
    a->stream_n++;
    name_it(a, s);
    s->next = a->streams;
    a->streams = s;
    manifest_root(root, lines);
    if (!head_signed(slice_make(v.p + 4, n)))
        found_in(a, s, "the signature of its head does not hold");
    else if (lines.n != (size_t)s->head.lines * LINE_BYTES ||
             memcmp(root, s->head.root, HASH_SIZE) != 0)
        found_in(a, s, "its list is not the one that was signed");
    else
        s->listed = true;
    s->catalog = catalog_new(a->plan, s->head.key, s->head.number, true);
    if (s->catalog == NULL || (s->listed && catalog_target(s->catalog, lines, 0) != 0))
        return false;
    return true;
}

static struct audited *stream_of(const struct audit *a, struct slice key)
{
    struct audited *s = a->streams;
    if (key.n != KEY_SIZE + 8 + HASH_SIZE)
        return NULL;
    while (s != NULL && (memcmp(s->head.key, key.p, KEY_SIZE) != 0 ||
                         s->head.number != number_at(key.p + KEY_SIZE)))
        s = s->next;
    return s;
}

static bool take_segment(void *context, const struct store_row *row)
{
    struct audit *a = context;
    struct audited *s = stream_of(a, row->key);
    uint8_t name[HASH_SIZE];
    a->rows++;
    a->segments++;
    a->bytes += row->value.n;
    segment_name(name, row->value);
    if (s == NULL) {
        a->unlisted++;
        return true;
    }
    if (memcmp(name, row->key.p + KEY_SIZE + 8, HASH_SIZE) != 0) {
        s->bad++;
        return true;
    }
    int r = s->listed ? catalog_add_named(s->catalog, name, row->value) : 1;
    s->bad += r < -1;
    a->unlisted += r == 1;
    return r != -1;
}

/* --- the verdict on each */

static void judge(struct audit *a, struct audited *s)
{
    char text[256];
    struct line line;
    uint64_t missing = 0, live, sum;
    for (size_t at = 0; s->listed && catalog_missing(s->catalog, &at, &line); at++)
        missing++;
    if (s->bad > 0 || missing > 0) {
        snprintf(text, sizeof text,
                 "of %" PRIu32 " segments %" PRIu64 " are damaged and %" PRIu64 " not there",
                 s->head.lines, s->bad, missing > s->bad ? missing - s->bad : 0);
        found_in(a, s, text);
        return;
    }
    if (!s->listed)
        return;
    catalog_digest(s->catalog, &live, &sum);
    if (live != s->head.live || sum != s->head.sum)
        found_in(a, s, "its entries are not those that were signed");
    else if (s->head.number != STREAM_SELF)
        a->entries += live;
}

static bool take_all(struct audit *a)
{
    static const uint8_t plain[] = {STORE_PASSWORD, STORE_PEER,   STORE_ROUTE,    STORE_ALARM,
                                    STORE_AUDIT,    STORE_TRUST,  STORE_REFUSED,  STORE_INVITE,
                                    STORE_PLAN_LOG, STORE_SOURCE, STORE_POLICY,
                                    STORE_DOOR};
    bool good = store_load(a->store, STORE_SETTING, take_setting, a) == 0 &&
                store_load(a->store, STORE_STREAM, take_stream, a) == 0 &&
                store_load(a->store, STORE_SEGMENT, take_segment, a) == 0;
    for (size_t i = 0; good && i < sizeof plain; i++)
        good = store_load(a->store, plain[i], take_row, a) == 0;
    return good;
}

static json_t *report(struct audit *a)
{
    uint8_t id[PEER_ID_SIZE];
    char hex[2 * PEER_ID_SIZE + 1] = "";
    json_t *json = json_object();
    crypto_peer_id(id, a->key);
    for (size_t i = 0; i < PEER_ID_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    json_object_set_new(json, "cluster_id",
                        a->cluster_id[0] != '\0' ? json_string(a->cluster_id) : json_null());
    json_object_set_new(json, "peer_id", a->has_seed ? json_string(hex) : json_null());
    json_object_set_new(json, "streams", json_integer((json_int_t)a->stream_n));
    json_object_set_new(json, "segments", json_integer((json_int_t)a->segments));
    json_object_set_new(json, "entries", json_integer((json_int_t)a->entries));
    json_object_set_new(json, "rows", json_integer((json_int_t)a->rows));
    json_object_set_new(json, "bytes", json_integer((json_int_t)a->bytes));
    json_object_set_new(json, "unlisted", json_integer((json_int_t)a->unlisted));
    json_object_set_new(json, "sound", json_boolean(json_array_size(a->findings) == 0));
    json_object_set_new(json, "findings", a->findings);
    return json;
}

json_t *verify_store(struct store *s)
{
    uint8_t seed[16] = {0};
    struct audit a = {.store = s, .mem = {.resize = resize, .budget = SIZE_MAX}};
    a.findings = json_array();
    a.plan = plan_new(&a.mem, seed, true);
    if (store_check(s) < 0)
        found(&a, store_error(s), "ils restore FILE");
    else if (a.plan == NULL || !take_all(&a))
        found(&a, store_error(s)[0] != '\0' ? store_error(s) : "no memory to look at all of it",
              "ils restore FILE");
    for (struct audited *i = a.streams; i != NULL; i = i->next)
        judge(&a, i);
    if (!a.has_seed && a.stream_n > 0)
        found(&a, "the key of the cluster is not there", "ils restore FILE");
    json_t *json = report(&a);
    plan_free(a.plan);
    for (struct audited *i = a.streams, *next; i != NULL; i = next) {
        next = i->next;
        free(i);
    }
    return json;
}

/* A directory is locked as ilsd would: nobody may use it meanwhile. */
static json_t *verify_directory(const char *path, char *error, size_t size)
{
    char file[DATADIR_PATH_MAX];
    struct datadir d;
    struct stat st;
    json_t *json = NULL;
    if (!datadir_file(path, STORE_FILE, file, sizeof file) || stat(file, &st) != 0) {
        snprintf(error, size, "no store in %s; give the directory of an ilsd, or a backup", path);
        return NULL;
    }
    if (!datadir_open(&d, path, error, size))
        return NULL;
    struct store *s = store_open(path, error, size);
    if (s != NULL)
        json = verify_store(s);
    store_close(s);
    datadir_close(&d);
    return json;
}

json_t *verify_path(const char *path, char *error, size_t size)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        snprintf(error, size, "%s is not there; give a data directory or a backup", path);
        return NULL;
    }
    if (S_ISDIR(st.st_mode))
        return verify_directory(path, error, size);
    struct store *s = store_open_copy(path, error, size);
    json_t *json = s != NULL ? verify_store(s) : NULL;
    store_close(s);
    return json;
}
