/* tokens: who may ask at the HTTP door from elsewhere: names, each with the hash of a secret that
 * was shown once. Stored beside the doors, under "token:NAME". All belong to the loop's thread. */
#ifndef OPENILS_DAEMON_TOKENS_H
#define OPENILS_DAEMON_TOKENS_H

#include <jansson.h>

#include "answer/http.h"
#include "core/ils.h"

#define TOKEN_NAME_MAX   64 /* bytes */
#define TOKEN_SECRET_MAX 72 /* "ils_", 64 hex digits, NUL */
#define TOKEN_KEY        "token:"

struct runtime;
struct tokens;

struct tokens *tokens_new(struct runtime *rt);
void tokens_free(struct tokens *t);
/* One stored row; false: it is none of a token. */
bool tokens_row(struct tokens *t, struct slice key, struct slice value);

/* Whoever removed it did so elsewhere; all of them, before they are given anew. */
void tokens_gone(struct tokens *t, struct slice key);
void tokens_clear(struct tokens *t);

/* 1 to 64 letters, digits, ".", "-" and "_". */
bool tokens_name_good(struct slice name);
bool tokens_has(const struct tokens *t, struct slice name);
size_t tokens_count(const struct tokens *t);

/* What a change came to; secret: of ADD, where it is REPLY_OK, valid during the call; or NULL. */
typedef void (*tokens_done)(void *context, enum reply reply, struct slice text,
                            const char *secret);
/* Names are good, and there (remove) or not (add); fewer than HTTP_TOKENS_MAX are there (add). */
void tokens_add(struct tokens *t, struct slice name, struct slice who, struct slice what,
                tokens_done done, void *context);
void tokens_remove(struct tokens *t, struct slice name, struct slice who, struct slice what,
                   tokens_done done, void *context);

/* Every token: name, when it was made. New ref. */
json_t *tokens_list(const struct tokens *t);
/* Their hashes into config; changes: a number that differs when they do. */
void tokens_take(const struct tokens *t, struct http_config *config);
uint64_t tokens_changes(const struct tokens *t);

#endif
