/* page: the admin page: a door of HTTPS that is closed until it is set up (`ils page setup`). It
 * serves files, and the API under /api/v1/ by which the control socket's commands can be given
 * (docs/api.md). Here is what the rest of ilsd knows of it.
 *
 * Accounts are rows of the store, sessions live in memory. All functions belong to the loop. */
#ifndef OPENILS_DAEMON_PAGE_H
#define OPENILS_DAEMON_PAGE_H

#include <jansson.h>

#include "core/ils.h"

#define PAGE_PORT       7543
#define PAGE_CODE_TEXT  16 /* "ABCD-EFGH-IJKL" and the NUL */
#define PAGE_CODE_MIN   15 /* minutes that it is good for */

struct runtime;
struct page;

struct page *page_new(struct runtime *rt); /* NULL: no memory */
void page_free(struct page *p);
/* One stored row; false: it is none of an account. */
bool page_row(struct page *p, struct slice key, struct slice value);
/* They are to be given anew. */
void page_forget_rows(struct page *p);

/* A new one-time code; the one before is good no more. */
void page_setup_code(struct page *p, char ret[static PAGE_CODE_TEXT]);
/* Accounts: name, role, when they were made, sessions, second factor. New ref. */
json_t *page_users(const struct page *p);
bool page_has(const struct page *p, struct slice name);
/* An account that is there goes, with its sessions, also the last one; or its second factor alone.
 * False: another change of it is under way, and done is not called. */
bool page_remove(struct page *p, struct slice name, bool factor, struct slice who,
                 void (*done)(void *context, enum reply reply, struct slice text), void *context);
/* Whether every account must have a second factor. */
void page_require(struct page *p, bool required, struct slice who, struct slice what,
                  void (*done)(void *context, enum reply reply, struct slice text), void *context);
bool page_required(const struct page *p);
/* The fingerprint of the certificate that the page shows, as text; "" while it is closed. */
const char *page_fingerprint(const struct page *p);
/* The cluster has another certificate. */
void page_reload(struct runtime *rt);

#endif
