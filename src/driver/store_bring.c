/* store_bring: one store is made to hold what another holds, whatever kinds they are of. What is
 * there is known by hashes of the values, so that only what differs is written. Settings, among
 * them the key of the cluster, come last: what was broken off in the middle is no cluster yet. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/store.h"

#define BATCH_ROWS  1000
#define BATCH_BYTES ((size_t)8 << 20)

/* A row of `to`. */
struct had {
    struct had *next;
    uint8_t value[16];
    bool seen;
    size_t key_n;
    uint8_t key[];
};

struct bringing {
    struct store *from, *to;
    struct store_brought *count;
    bool (*told)(void *context, const struct store_brought *so_far);
    void *context;
    struct had **bucket;
    size_t buckets, hads;
    bool whole;                       /* all rows in one transaction */
    struct store_row *row;            /* to be written; bytes of their own */
    size_t row_n, row_size, row_bytes;
    bool failed, no_memory, given_up;
};

static void hash_of(uint8_t dst[static 16], struct slice bytes)
{
    crypto_generichash(dst, 16, bytes.p, bytes.n, NULL, 0);
}

static struct had **place(struct bringing *b, struct slice key)
{
    uint8_t hash[16];
    size_t at = 0;
    hash_of(hash, key);
    memcpy(&at, hash, sizeof at);
    struct had **h = &b->bucket[at & (b->buckets - 1)];
    while (*h != NULL && ((*h)->key_n != key.n || memcmp((*h)->key, key.p, key.n) != 0))
        h = &(*h)->next;
    return h;
}

static void forget_all(struct bringing *b)
{
    for (size_t i = 0; i < b->buckets; i++)
        for (struct had *h = b->bucket[i], *next; h != NULL; h = next) {
            next = h->next;
            free(h);
        }
    memset(b->bucket, 0, b->buckets * sizeof *b->bucket);
}

static bool take_had(void *context, const struct store_row *row)
{
    struct bringing *b = context;
    struct had *h = malloc(sizeof *h + row->key.n);
    b->no_memory = h == NULL;
    if (h == NULL)
        return false;
    *h = (struct had){.key_n = row->key.n};
    if (row->key.n > 0)
        memcpy(h->key, row->key.p, row->key.n);
    hash_of(h->value, row->value);
    struct had **at = place(b, row->key);
    h->next = *at;
    *at = h;
    return true;
}

/* --- writing */

static void rows_free(struct bringing *b)
{
    for (size_t i = 0; i < b->row_n; i++)
        free((void *)(uintptr_t)b->row[i].key.p);
    b->row_n = b->row_bytes = 0;
}

static bool tell(struct bringing *b)
{
    b->given_up = b->given_up || (b->told != NULL && !b->told(b->context, b->count));
    return !b->given_up;
}

static bool write_rows(struct bringing *b)
{
    b->failed = b->failed || (b->row_n > 0 && store_write(b->to, b->row, b->row_n) < 0);
    rows_free(b);
    return tell(b) && !b->failed;
}

static bool room(struct bringing *b)
{
    if (b->row_n < b->row_size)
        return true;
    size_t size = b->row_size == 0 ? BATCH_ROWS : 2 * b->row_size;
    struct store_row *grown = realloc(b->row, size * sizeof *grown);
    if (grown == NULL)
        return false;
    b->row = grown;
    b->row_size = size;
    return true;
}

static bool add(struct bringing *b, struct store_row row)
{
    size_t n = row.key.n + row.value.n;
    uint8_t *bytes = room(b) ? malloc(n + 1) : NULL;
    b->no_memory = bytes == NULL;
    if (bytes == NULL)
        return false;
    if (row.key.n > 0)
        memcpy(bytes, row.key.p, row.key.n);
    if (row.value.n > 0)
        memcpy(bytes + row.key.n, row.value.p, row.value.n);
    row.value = slice_make(bytes + row.key.n, row.value.n);
    row.key = slice_make(bytes, row.key.n);
    b->row[b->row_n++] = row;
    b->row_bytes += n;
    if (b->whole)
        return b->row_n % BATCH_ROWS != 0 || tell(b);
    return (b->row_n < BATCH_ROWS && b->row_bytes < BATCH_BYTES) || write_rows(b);
}

static bool bring_row(void *context, const struct store_row *row)
{
    struct bringing *b = context;
    uint8_t value[16];
    struct had *h = *place(b, row->key);
    b->count->rows++;
    b->count->bytes += row->key.n + row->value.n;
    hash_of(value, row->value);
    if (h != NULL)
        h->seen = true;
    if (h != NULL && memcmp(h->value, value, sizeof value) == 0)
        return true;
    b->count->put++;
    return add(b, *row);
}

static bool remove_rest(struct bringing *b, uint8_t space)
{
    bool good = true;
    for (size_t i = 0; good && i < b->buckets; i++)
        for (struct had *h = b->bucket[i]; good && h != NULL; h = h->next) {
            if (h->seen)
                continue;
            b->count->removed++;
            good = add(b, (struct store_row){.space = space, .key = slice_make(h->key, h->key_n),
                                             .remove = true});
        }
    return good;
}

static bool bring_space(struct bringing *b, uint8_t space)
{
    bool good = store_load(b->to, space, take_had, b) == 0 && !b->no_memory &&
                store_load(b->from, space, bring_row, b) == 0 && !b->failed && !b->given_up &&
                !b->no_memory && remove_rest(b, space) && (b->whole || write_rows(b));
    forget_all(b);
    return good;
}

/* --- whose it is */

struct whose {
    uint8_t seed[64];
    size_t n;
    bool named; /* init was typed: it is a cluster */
};

static bool take_seed(void *context, const struct store_row *row)
{
    struct whose *w = context;
    w->named = w->named || slice_eq(row->key, slice_of("cluster_id"));
    if (!slice_eq(row->key, slice_of("seed")) || row->value.n > sizeof w->seed)
        return true;
    memcpy(w->seed, row->value.p, row->value.n);
    w->n = row->value.n;
    return true;
}

/* An empty one is anybody's, and that of an ilsd which is no cluster yet. */
static bool same_cluster(struct bringing *b, bool *ret_read)
{
    struct whose ours = {.n = 0}, theirs = {.n = 0};
    *ret_read = store_load(b->from, STORE_SETTING, take_seed, &ours) == 0 &&
                store_load(b->to, STORE_SETTING, take_seed, &theirs) == 0;
    bool same = theirs.n == 0 || !theirs.named ||
                (theirs.n == ours.n && memcmp(theirs.seed, ours.seed, ours.n) == 0);
    sodium_memzero(&ours, sizeof ours);
    sodium_memzero(&theirs, sizeof theirs);
    return same;
}

static void explain(const struct bringing *b, char *error, size_t size)
{
    if (b->no_memory)
        snprintf(error, size, "no memory to copy the store");
    else if (b->given_up)
        snprintf(error, size, "the copy was given up");
    else
        snprintf(error, size, "%s", store_error(store_error(b->to)[0] != '\0' ? b->to : b->from));
}

static void bringing_free(struct bringing *b)
{
    if (b == NULL)
        return;
    rows_free(b);
    free(b->row);
    free(b->bucket);
    free(b);
}

int store_bring(struct store *from, struct store *to, bool whole, struct store_brought *ret,
                bool (*told)(void *context, const struct store_brought *so_far), void *context,
                char *error, size_t size)
{
    struct bringing *b = calloc(1, sizeof *b);
    bool good = b != NULL, read = false;
    *ret = (struct store_brought){.rows = 0};
    if (good) {
        b->from = from;
        b->to = to;
        b->whole = whole;
        b->count = ret;
        b->told = told;
        b->context = context;
        b->buckets = 1 << 14;
        b->bucket = calloc(b->buckets, sizeof *b->bucket);
        good = b->bucket != NULL;
    }
    if (!good) {
        snprintf(error, size, "no memory to copy the store");
    } else if (!same_cluster(b, &read)) {
        snprintf(error, size, "%s is the store of another cluster: it stays as it is; give an "
                 "empty one", store_name(to));
        good = false;
    } else {
        good = read;
        for (uint8_t space = STORE_SPACES; good && space-- > 0;)
            good = bring_space(b, space); /* STORE_SETTING is the first of them */
        good = good && write_rows(b);
        if (!good)
            explain(b, error, size);
    }
    bringing_free(b);
    return good ? 0 : -1;
}
