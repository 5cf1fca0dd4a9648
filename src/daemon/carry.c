/* carry: what is copied is judged where it lies then, by the audit (verify.c), and the audit of
 * what it was copied from must say the same. */
#include "daemon/carry.h"
#include "daemon/node.h"
#include "daemon/verify.h"
#include "driver/datadir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEASE_MS 60000 /* of the place that is copied to; each batch prolongs it */

bool carry_shared(const char *where)
{
    return strncmp(where, "postgresql://", 13) == 0 || strncmp(where, "postgres://", 11) == 0;
}

struct carry_place carry_own(const struct runtime_options *options, char *key, size_t size)
{
    if (options->store_key != NULL)
        snprintf(key, size, "%s", options->store_key);
    else
        datadir_file(options->data, STORE_KEY_FILE, key, size);
    return (struct carry_place){.where = options->store, .key = key};
}

/* Of a place that is copied to: another one, so that nobody copies to himself. */
static void copier(const struct runtime_options *options, char dst[static STORE_HOLDER])
{
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(dst, STORE_HOLDER, "%.40s:%.60s (copies)", host, options->data);
}

/* To be written: nobody else does. moved: where to, if the store had moved away. */
static struct store *open_to(const struct carry_place *to, const char *holder,
                             char moved[static STORE_HOLDER], char *error, size_t size)
{
    struct store_lease lease = {.moved = false};
    struct store *s = carry_shared(to->where) ? store_open_dsn(to->where, to->key, error, size)
                                              : store_open_file(to->where, error, size);
    if (s == NULL)
        return NULL;
    int r = store_lease(s, holder, LEASE_MS, &lease);
    snprintf(moved, STORE_HOLDER, "%s", lease.moved ? lease.holder : "");
    if (r == 0 && lease.moved && store_moved(s, NULL) == 0)
        r = store_lease(s, holder, LEASE_MS, &lease);
    if (r < 0)
        snprintf(error, size, "%s", store_error(s));
    else if (!lease.mine)
        snprintf(error, size, "the store %s is written by %s; end that one first", store_name(s),
                 lease.holder);
    else
        return s;
    store_close(s);
    return NULL;
}

static long long number(const json_t *report, const char *key)
{
    return (long long)json_integer_value(json_object_get(report, key));
}

/* The same roots, digests and rows: both sound, and as much of each. */
static bool agree(const json_t *a, const json_t *b)
{
    static const char *const counts[] = {"streams", "segments", "entries", "rows", "bytes"};
    bool same = json_is_true(json_object_get(a, "sound")) &&
                json_is_true(json_object_get(b, "sound")) &&
                json_equal(json_object_get(a, "peer_id"), json_object_get(b, "peer_id"));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        same = same && number(a, counts[i]) == number(b, counts[i]);
    return same;
}

static bool judge(struct store *from, struct store *to, json_t **ret_report, char *error,
                  size_t size)
{
    json_t *a = verify_store(from), *b = verify_store(to);
    bool good = agree(a, b);
    const json_t *finding = json_array_get(json_object_get(a, "findings"), 0);
    if (!good && finding != NULL)
        snprintf(error, size, "the store itself is not sound (%s); type ils verify",
                 json_string_value(json_object_get(finding, "what")));
    else if (!good)
        snprintf(error, size, "%s is not what it was copied from; copy again", store_name(to));
    json_decref(a);
    if (good)
        *ret_report = b;
    else
        json_decref(b);
    return good;
}

bool carry_to(struct store *from, const struct carry_place *place, bool last,
              const struct runtime_options *options, carry_told told, void *context,
              struct store_brought *ret, json_t **ret_report, char *error, size_t size)
{
    char holder[STORE_HOLDER], moved[STORE_HOLDER];
    copier(options, holder);
    struct store *to = open_to(place, holder, moved, error, size);
    if (to == NULL)
        return false;
    bool good = store_bring(from, to, false, ret, told, context, error, size) == 0 &&
                judge(from, to, ret_report, error, size);
    if (good && !carry_shared(place->where) && store_plain(to) < 0) {
        snprintf(error, size, "%s", store_error(to));
        good = false;
    }
    if (moved[0] == '\0' || (good && last) || store_moved(to, moved) < 0)
        store_lease_end(to);
    store_close(to);
    return good;
}

bool carry_to_file(const struct runtime_options *options, const char *file, char *error,
                   size_t size)
{
    char key[DATADIR_PATH_MAX];
    struct store_brought brought;
    struct carry_place own = carry_own(options, key, sizeof key);
    struct store *to = NULL, *from = store_open_dsn(own.where, own.key, error, size);
    bool good = false;
    if (from != NULL && store_snapshot(from) < 0)
        snprintf(error, size, "%s", store_error(from));
    else if (from != NULL && (to = store_open_file(file, error, size)) != NULL)
        good = store_bring(from, to, false, &brought, NULL, NULL, error, size) == 0;
    if (good && store_plain(to) < 0) {
        snprintf(error, size, "%s", store_error(to));
        good = false;
    }
    store_close(to);
    store_close(from);
    return good;
}

/* --- when ilsd has let its store go: in its name, so that whoever starts it after a crash in here
 * does not wait for a lease */

static struct store *open_own(const struct runtime_options *options, char *error, size_t size)
{
    char key[DATADIR_PATH_MAX], holder[STORE_HOLDER], moved[STORE_HOLDER];
    struct carry_place own = carry_own(options, key, sizeof key);
    if (own.where == NULL)
        return store_open(options->data, error, size);
    if (!node_name(options, holder, error, size))
        return NULL;
    return open_to(&own, holder, moved, error, size);
}

/* For those who still look for it here. */
static void name_place(const struct carry_place *place, char dst[static STORE_HOLDER])
{
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    if (carry_shared(place->where))
        snprintf(dst, STORE_HOLDER, "%.*s", (int)strcspn(place->where, "?"), place->where);
    else
        snprintf(dst, STORE_HOLDER, "%.40s:%.80s", host, place->where);
}

bool carry_away(const struct runtime_options *options, const struct carry_place *to, char *error,
                size_t size)
{
    struct store_brought brought;
    json_t *report = NULL;
    struct store *own = open_own(options, error, size);
    bool good = own != NULL &&
                carry_to(own, to, true, options, NULL, NULL, &brought, &report, error, size);
    json_decref(report);
    if (good) {
        char where[STORE_HOLDER];
        name_place(to, where);
        good = store_moved(own, where) == 0;
        snprintf(error, size, "%s", store_error(own));
    } else if (own != NULL) {
        store_lease_end(own);
    }
    store_close(own);
    return good;
}

/* What was there is kept in a file first. */
bool carry_back(const struct runtime_options *options, const char *file, const char *kept,
                char *error, size_t size)
{
    struct store_brought brought;
    struct store *own = NULL, *from = NULL;
    bool good = carry_to_file(options, kept, error, size) &&
                (own = open_own(options, error, size)) != NULL &&
                (from = store_open_copy(file, error, size)) != NULL &&
                store_bring(from, own, true, &brought, NULL, NULL, error, size) == 0;
    store_close(from);
    if (own != NULL)
        store_lease_end(own);
    store_close(own);
    return good;
}
