/* parts: the row of a stream holds a list that is long and of which a change touches the end: it is
 * kept in parts, and only those that differ from what is there are written. A value of more than
 * two parts is its first part and its rest, in one row of its table, and the full parts between
 * them, in a table of their own; so a change of the head and of the end of the list is one row.
 *
 * What is there is known from what was written and committed; what is not known, or was rolled
 * back, is written anew as a whole. */
#include "driver/parts.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS   256
#define KNOWN_MAX ((size_t)32 << 20) /* bytes; beyond it all is forgotten */

struct known {
    struct known *next;
    size_t key_n, n;
    uint8_t bytes[]; /* key, value */
};

struct parts {
    const struct parts_io *io;
    void *own;
    struct known *bucket[BUCKETS];
    size_t known;   /* bytes */
    uint8_t *whole; /* what is left of a value */
    size_t size;
};

struct parts *parts_new(const struct parts_io *io, void *own)
{
    struct parts *p = calloc(1, sizeof *p);
    if (p != NULL) {
        p->io = io;
        p->own = own;
    }
    return p;
}

void parts_free(struct parts *p)
{
    if (p == NULL)
        return;
    parts_forget(p);
    free(p->whole);
    free(p);
}

static size_t full_parts(const struct parts *p, size_t n)
{
    return n > 2 * p->io->size ? (n - p->io->size) / p->io->size : 0;
}

static struct known **place(struct parts *p, struct slice key)
{
    unsigned h = 0;
    for (size_t i = 0; i < key.n; i++)
        h = h * 31 + key.p[i];
    struct known **at = &p->bucket[h % BUCKETS];
    while (*at != NULL && ((*at)->key_n != key.n || memcmp((*at)->bytes, key.p, key.n) != 0))
        at = &(*at)->next;
    return at;
}

static void forget(struct parts *p, struct known **at)
{
    struct known *k = *at;
    if (k == NULL)
        return;
    *at = k->next;
    p->known -= sizeof *k + k->key_n + k->n;
    free(k);
}

void parts_forget(struct parts *p)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (p->bucket[i] != NULL)
            forget(p, &p->bucket[i]);
}

/* Without memory it is not known, which is not wrong. */
static void remember(struct parts *p, struct slice key, struct slice value)
{
    size_t size = sizeof(struct known) + key.n + value.n;
    if (p->known + size > KNOWN_MAX)
        parts_forget(p);
    struct known **at = place(p, key), *k = malloc(size);
    forget(p, at);
    if (k == NULL)
        return;
    *k = (struct known){.key_n = key.n, .n = value.n};
    memcpy(k->bytes, key.p, key.n);
    if (value.n > 0)
        memcpy(k->bytes + key.n, value.p, value.n);
    p->known += size;
    at = place(p, key);
    k->next = *at;
    *at = k;
}

static bool room(struct parts *p, size_t n)
{
    if (n <= p->size)
        return true;
    uint8_t *grown = realloc(p->whole, n);
    if (grown == NULL)
        return false;
    p->whole = grown;
    p->size = n;
    return true;
}

int parts_put(struct parts *p, struct slice key, struct slice *value)
{
    const struct parts_io *io = p->io;
    const size_t size = io->size;
    const struct known *k = *place(p, key);
    struct slice v = *value;
    const uint8_t *old = k != NULL ? k->bytes + k->key_n : NULL;
    size_t n = full_parts(p, v.n), old_n = k != NULL ? full_parts(p, k->n) : 0;
    if (k == NULL && io->gone(p->own, key, false) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct slice part = slice_make(v.p + (i + 1) * size, size);
        if (i < old_n && memcmp(old + (i + 1) * size, part.p, size) == 0)
            continue;
        if (io->put(p->own, key, i, part) < 0)
            return -1;
    }
    for (size_t i = n; i < old_n; i++)
        if (io->remove(p->own, key, i) < 0)
            return -1;
    remember(p, key, v);
    if (n == 0)
        return 0;
    size_t rest = v.n - (n + 1) * size;
    if (!room(p, size + rest))
        return -1;
    memcpy(p->whole, v.p, size);
    memcpy(p->whole + size, v.p + (n + 1) * size, rest);
    *value = slice_make(p->whole, size + rest);
    return 0;
}

int parts_remove(struct parts *p, struct slice key, bool below)
{
    if (below)
        parts_forget(p);
    else
        forget(p, place(p, key));
    return p->io->gone(p->own, key, below);
}
