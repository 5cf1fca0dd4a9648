/* tokens: a token is taken into use when its row is durable, and out of use at once, even before
 * its removal is: who takes one back wants it to be gone. If the disk refuses, it is good again. */
#include "daemon/tokens.h"
#include "daemon/render.h"
#include "daemon/runtime.h"
#include "driver/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct token_entry {
    char name[TOKEN_NAME_MAX + 1];
    uint8_t hash[HASH_SIZE];
    wall made;
    bool leaving;
};

struct tokens {
    struct runtime *rt;
    struct token_entry entry[HTTP_TOKENS_MAX]; /* by name */
    size_t n;
    uint64_t changes;
};

struct token_change {
    struct tokens *tokens;
    struct token_entry entry;
    char secret[TOKEN_SECRET_MAX];
    bool remove;
    tokens_done done;
    void *context;
};

struct tokens *tokens_new(struct runtime *rt)
{
    struct tokens *t = calloc(1, sizeof *t);
    if (t != NULL)
        t->rt = rt;
    return t;
}

void tokens_free(struct tokens *t)
{
    free(t);
}

static struct token_entry *find(const struct tokens *t, struct slice name)
{
    for (size_t i = 0; i < t->n; i++)
        if (slice_eq(slice_of(t->entry[i].name), name))
            return (struct token_entry *)(uintptr_t)&t->entry[i];
    return NULL;
}

static void insert(struct tokens *t, const struct token_entry *e)
{
    size_t at = 0;
    struct token_entry *old = find(t, slice_of(e->name));
    t->changes++;
    if (old != NULL || t->n == HTTP_TOKENS_MAX) {
        if (old != NULL)
            *old = *e;
        return;
    }
    while (at < t->n && strcmp(t->entry[at].name, e->name) < 0)
        at++;
    memmove(&t->entry[at + 1], &t->entry[at], (t->n - at) * sizeof *t->entry);
    t->entry[at] = *e;
    t->n++;
}

static void take_out(struct tokens *t, struct token_entry *e)
{
    size_t at = (size_t)(e - t->entry);
    t->n--;
    memmove(&t->entry[at], &t->entry[at + 1], (t->n - at) * sizeof *t->entry);
    t->changes++;
}

bool tokens_row(struct tokens *t, struct slice key, struct slice value)
{
    struct slice prefix = slice_of(TOKEN_KEY);
    struct token_entry e = {.made = 0};
    if (key.n <= prefix.n || !slice_eq(slice_make(key.p, prefix.n), prefix))
        return false;
    struct slice name = slice_make(key.p + prefix.n, key.n - prefix.n);
    json_t *row = json_loadb((const char *)value.p, value.n, JSON_REJECT_DUPLICATES, NULL);
    const char *hash = json_string_value(json_object_get(row, "hash"));
    if (tokens_name_good(name) && hash != NULL && hex_parse(e.hash, HASH_SIZE, slice_of(hash))) {
        slice_to_text(name, e.name, sizeof e.name);
        e.made = json_integer_value(json_object_get(row, "made"));
        insert(t, &e);
    }
    json_decref(row);
    return true;
}

void tokens_gone(struct tokens *t, struct slice key)
{
    struct slice prefix = slice_of(TOKEN_KEY);
    if (key.n <= prefix.n || !slice_eq(slice_make(key.p, prefix.n), prefix))
        return;
    struct token_entry *e = find(t, slice_make(key.p + prefix.n, key.n - prefix.n));
    if (e != NULL)
        take_out(t, e);
}

void tokens_clear(struct tokens *t)
{
    t->n = 0;
    t->changes++;
}

bool tokens_name_good(struct slice name)
{
    static const struct slice marks = {(const uint8_t *)".-_", 3};
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = ascii_lower(name.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && slice_find(marks, c) == marks.n)
            return false;
    }
    return name.n > 0 && name.n <= TOKEN_NAME_MAX;
}

bool tokens_has(const struct tokens *t, struct slice name)
{
    return find(t, name) != NULL;
}

size_t tokens_count(const struct tokens *t)
{
    return t->n;
}

/* --- changes */

static void on_stored(void *context, enum reply reply, struct slice text,
                      const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    struct token_change *c = context;
    struct tokens *t = c->tokens;
    struct token_entry *e = find(t, slice_of(c->entry.name));
    (void)number, (void)verdict;
    if (!c->remove && reply == REPLY_OK) {
        insert(t, &c->entry);
    } else if (c->remove && e != NULL && reply == REPLY_OK) {
        take_out(t, e);
    } else if (c->remove && e != NULL) {
        e->leaving = false;
        t->changes++;
    }
    c->done(c->context, reply, text, c->remove || reply != REPLY_OK ? NULL : c->secret);
    crypto_wipe(c, sizeof *c);
    free(c);
}

static char *row_of(const struct token_entry *e)
{
    char hex[2 * HASH_SIZE + 1];
    hex_text(hex, e->hash, HASH_SIZE);
    json_t *row = json_pack("{s:s, s:I}", "hash", hex, "made", (json_int_t)e->made);
    char *text = row != NULL ? json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(row);
    return text;
}

static void change(struct tokens *t, struct slice name, bool remove, struct slice who,
                   struct slice what, tokens_done done, void *context)
{
    char key[sizeof TOKEN_KEY + TOKEN_NAME_MAX];
    uint8_t secret[32];
    char *row = NULL;
    struct token_change *c = calloc(1, sizeof *c);
    if (c == NULL) {
        done(context, REPLY_MEMORY, slice_make(NULL, 0), NULL);
        return;
    }
    *c = (struct token_change){.tokens = t, .remove = remove, .done = done, .context = context};
    slice_to_text(name, c->entry.name, sizeof c->entry.name);
    snprintf(key, sizeof key, TOKEN_KEY "%s", c->entry.name);
    if (!remove) {
        clock_entropy(secret, sizeof secret);
        memcpy(c->secret, "ils_", 4);
        hex_text(c->secret + 4, secret, sizeof secret);
        crypto_wipe(secret, sizeof secret);
        http_token_hash(c->entry.hash, slice_of(c->secret));
        c->entry.made = clock_wall();
        row = row_of(&c->entry);
        if (row == NULL) {
            free(c);
            done(context, REPLY_MEMORY, slice_make(NULL, 0), NULL);
            return;
        }
    }
    struct command command = {.type = COMMAND_DOOR, .source = slice_of(key), .who = who,
                              .what = what, .value = slice_of(row != NULL ? row : "")};
    runtime_command(t->rt, &command, on_stored, c);
    free(row);
}

void tokens_add(struct tokens *t, struct slice name, struct slice who, struct slice what,
                tokens_done done, void *context)
{
    change(t, name, false, who, what, done, context);
}

void tokens_remove(struct tokens *t, struct slice name, struct slice who, struct slice what,
                   tokens_done done, void *context)
{
    struct token_entry *e = find(t, name);
    if (e != NULL)
        e->leaving = true;
    t->changes++;
    change(t, name, true, who, what, done, context);
}

/* --- what there is */

json_t *tokens_list(const struct tokens *t)
{
    json_t *list = json_array();
    char text[25];
    for (size_t i = 0; i < t->n; i++) {
        wall_text(text, t->entry[i].made);
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", t->entry[i].name, "made",
                                              text));
    }
    return list;
}

void tokens_take(const struct tokens *t, struct http_config *config)
{
    config->token_n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (!t->entry[i].leaving)
            memcpy(config->token[config->token_n++], t->entry[i].hash, HASH_SIZE);
}

uint64_t tokens_changes(const struct tokens *t)
{
    return t->changes;
}
