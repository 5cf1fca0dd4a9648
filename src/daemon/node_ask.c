/* node_ask: what is asked of the store, on the storer's thread and between its batches. An answer
 * is one moment's: the version of the store is read before the rows, so that whatever changes
 * while they are read is given again with the next changes. */
#include "daemon/node_inside.h"
#include "driver/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK (256 * 1024)

/* What who follows goes by; who writes has all but the audit and the log of the plan. */
#define FOLLOWED                                                                                 \
    (STORE_SPACE(STORE_SETTING) | STORE_SPACE(STORE_PEER) | STORE_SPACE(STORE_ROUTE) |           \
     STORE_SPACE(STORE_STREAM) | STORE_SPACE(STORE_SEGMENT) | STORE_SPACE(STORE_POLICY) |        \
     STORE_SPACE(STORE_DOOR))
#define WRITTEN                                                                                  \
    (FOLLOWED | STORE_SPACE(STORE_PASSWORD) | STORE_SPACE(STORE_ALARM) |                         \
     STORE_SPACE(STORE_TRUST) | STORE_SPACE(STORE_REFUSED) | STORE_SPACE(STORE_INVITE) |         \
     STORE_SPACE(STORE_SOURCE))

/* --- rows */

struct node_block {
    struct node_block *next;
    size_t n, size;
    uint8_t bytes[];
};

static uint8_t *room(struct node_rows *r, size_t n)
{
    struct node_block *b = r->block;
    if (b == NULL || b->size - b->n < n) {
        size_t size = n > BLOCK ? n : BLOCK;
        b = malloc(sizeof *b + size);
        if (b == NULL)
            return NULL;
        *b = (struct node_block){.next = r->block, .size = size};
        r->block = b;
    }
    b->n += n;
    return b->bytes + b->n - n;
}

static bool keep(void *context, const struct store_row *row)
{
    struct node_rows *r = context;
    if (r->n == r->size) {
        size_t size = r->size == 0 ? 64 : r->size * 2;
        struct store_row *grown = realloc(r->row, size * sizeof *grown);
        r->failed = r->failed || grown == NULL;
        if (r->failed)
            return false;
        r->row = grown;
        r->size = size;
    }
    uint8_t *p = room(r, row->key.n + row->value.n);
    r->failed = r->failed || p == NULL;
    if (r->failed)
        return false;
    if (row->key.n > 0)
        memcpy(p, row->key.p, row->key.n);
    if (row->value.n > 0)
        memcpy(p + row->key.n, row->value.p, row->value.n);
    r->row[r->n++] = (struct store_row){.space = row->space, .key = slice_make(p, row->key.n),
                                        .value = slice_make(p + row->key.n, row->value.n),
                                        .remove = row->remove};
    return true;
}

/* Keys of the cluster were among them. */
void rows_clear(struct node_rows *r)
{
    while (r->block != NULL) {
        struct node_block *b = r->block;
        r->block = b->next;
        crypto_wipe(b->bytes, b->n);
        free(b);
    }
    free(r->row);
    *r = (struct node_rows){0};
}

const struct store_row *rows_next(struct node_rows *r)
{
    for (; r->space < STORE_SPACES; r->space++, r->at = 0)
        while (r->at < r->n)
            if (r->row[r->at++].space == r->space)
                return &r->row[r->at - 1];
    return NULL;
}

/* --- questions */

static void failed(struct node_ask *a, struct store *store)
{
    snprintf(a->error, sizeof a->error, "%s",
             a->rows.failed ? "there is no memory for what the store holds" : store_error(store));
    a->result = -1;
}

static bool may_take(const struct node_ask *a)
{
    return a->take && (a->lease.mine || a->lease.left_ms <= 0 || a->lease.holder[0] == '\0' ||
                       strcmp(a->lease.holder, a->node->name) == 0);
}

/* Who does not have the lease looks first whether it is to be had. */
static bool lease(struct node_ask *a, struct store *store)
{
    a->began = clock_tick();
    if (a->question != ASK_LEASE && store_lease_read(store, &a->lease) < 0)
        return false;
    if (a->question == ASK_LOAD ? !a->lease.mine : a->question == ASK_FOLLOW && !may_take(a))
        return true;
    a->began = clock_tick();
    const char *holder = a->take ? a->node->name : NULL;
    return store_lease(store, holder, a->node->lease_ms, &a->lease) == 0;
}

static bool load(struct node_ask *a, struct store *store)
{
    unsigned spaces = a->private ? WRITTEN : FOLLOWED;
    a->version = a->lease.version;
    for (uint8_t i = 0; i < STORE_SPACES; i++)
        if ((spaces & STORE_SPACE(i)) != 0 && store_load(store, i, keep, &a->rows) < 0)
            return false;
    return true;
}

static bool read_keys(struct node_ask *a, struct store *store)
{
    uint8_t to[NODE_KEY + 1] = {0};
    for (size_t i = 0; i < a->key_n; i++) {
        memcpy(to, a->key[i], NODE_KEY); /* and a zero: the next key that there can be */
        struct store_range range = {.space = STORE_SEGMENT, .max = 1,
                                    .from = slice_make(a->key[i], NODE_KEY),
                                    .to = slice_make(to, sizeof to)};
        if (store_scan(store, &range, keep, &a->rows) < 0)
            return false;
    }
    return true;
}

void node_work(void *context, struct store *store)
{
    struct node_ask *a = context;
    a->result = 0;
    a->error[0] = '\0';
    if (a->question == ASK_END) {
        store_lease_end(store);
        return;
    }
    if (a->question == ASK_READ) {
        if (!read_keys(a, store) || a->rows.failed)
            failed(a, store);
        return;
    }
    if (a->wait_ms > 0)
        store_wait(store, a->wait_ms);
    bool good = lease(a, store);
    if (good && a->question == ASK_LOAD)
        good = load(a, store);
    if (good && a->question == ASK_FOLLOW) {
        a->result = store_changes(store, FOLLOWED, &a->version, keep, &a->rows);
        good = a->result >= 0;
    }
    if (!good || a->rows.failed)
        failed(a, store);
}
