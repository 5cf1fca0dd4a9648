/* share: see share.h. */
#include "share.h"

void share_clear(struct share *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->cell[i].row.key);
        free(s->cell[i].row.value);
    }
    s->n = 0;
    s->version = 0;
}

static uint8_t *copy_of(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n + 1);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

void share_copy(struct share *to, const struct share *from)
{
    share_clear(to);
    to->n = from->n;
    to->version = from->version;
    for (size_t i = 0; i < from->n; i++) {
        to->cell[i] = from->cell[i];
        to->cell[i].row.key = copy_of(from->cell[i].row.key, from->cell[i].row.key_n);
        to->cell[i].row.value = copy_of(from->cell[i].row.value, from->cell[i].row.value_n);
    }
}

static size_t place(const struct share *s, uint8_t space, struct slice key)
{
    size_t i = 0;
    while (i < s->n && (s->cell[i].row.space != space ||
                        !slice_eq(slice_make(s->cell[i].row.key, s->cell[i].row.key_n), key)))
        i++;
    return i;
}

const struct cell *share_find(const struct share *s, uint8_t space, struct slice key)
{
    size_t i = place(s, space, key);
    return i < s->n && !s->cell[i].gone ? &s->cell[i] : NULL;
}

static void put(struct share *s, uint8_t space, struct slice key, struct slice value, bool gone)
{
    struct cell c = {.row = {.space = space, .key = copy_of(key.p, key.n), .key_n = key.n,
                             .value = copy_of(value.p, value.n), .value_n = value.n},
                     .version = s->version, .gone = gone};
    size_t i = place(s, space, key);
    if (i < s->n) {
        free(s->cell[i].row.key);
        free(s->cell[i].row.value);
        memmove(&s->cell[i], &s->cell[i + 1], (s->n - i - 1) * sizeof s->cell[i]);
        s->n--;
    }
    assert_true(s->n < SHARE_CELLS);
    s->cell[s->n++] = c;
}

static void put_below(struct share *s, const struct row *r)
{
    for (size_t i = 0; i < s->n; i++) {
        struct cell *c = &s->cell[i];
        struct slice key = slice_make(c->row.key, c->row.key_n);
        if (c->row.space == r->space && !c->gone && slice_cmp(key, r->key) < 0) {
            c->gone = true;
            c->version = s->version; /* out of its order, and nobody follows such a space */
        }
    }
}

void share_write(struct share *s, const struct row *row, size_t n)
{
    s->version++;
    for (size_t i = 0; i < n; i++) {
        if (row[i].remove && row[i].below)
            put_below(s, &row[i]);
        else
            put(s, row[i].space, row[i].key,
                row[i].remove ? slice_make(NULL, 0) : row[i].value, row[i].remove);
    }
}

size_t share_changes(const struct share *s, uint8_t space, uint64_t since,
                     const size_t **ret_index)
{
    static size_t index[SHARE_CELLS];
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct cell *c = &s->cell[i];
        if (c->row.space == space && c->version > since && !(since == 0 && c->gone))
            index[n++] = i;
    }
    *ret_index = index;
    return n;
}
