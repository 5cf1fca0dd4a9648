/* page: what a browser or a program sends to the admin page, read and judged as pure functions:
 * whether it comes from a page of this host, whose session it shows, which command it names. What
 * is said twice, or is not well formed, is nothing. */
#ifndef OPENILS_ANSWER_PAGE_H
#define OPENILS_ANSWER_PAGE_H

#include "base/arena.h"
#include "base/slice.h"

#define PAGE_COOKIE      "__Host-ils"
#define PAGE_SESSION_HEX 64 /* hex digits of a session's id, and of its CSRF token */
#define PAGE_COMMAND_MAX 64 /* bytes, with the NUL */
#define PAGE_CODE_MAX    12 /* characters of a setup code, without its dashes */
#define PAGE_RECOVERY_MAX 24 /* likewise of a recovery code */
#define PAGE_API         "/api/v1/"

/* Whether no page of another place asks. origin and site are the headers Origin and Sec-Fetch-Site
 * (p = NULL: not sent; programs send neither): the first must be "https://" and the host, the
 * second "same-origin", or "none" for what was typed by hand. */
bool page_origin_good(struct slice host, struct slice origin, struct slice site);

/* The session id out of the header Cookie; false: none is shown, or two, or it is none. */
bool page_cookie(struct slice cookie, struct slice *ret);

/* The target's path, and its query without the "?" (n = 0: none). */
void page_target(struct slice target, struct slice *ret_path, struct slice *ret_query);

/* "/api/v1/plan/confirm-shrink" is "plan confirm-shrink". False: it is no command's path. */
bool page_command(struct slice path, char ret[static PAGE_COMMAND_MAX]);

/* Takes the next "name=value" off the query; the value is decoded into the arena, and UTF-8. False:
 * there is none, or *ret_bad: it is not well formed. */
bool page_query_next(struct arena *a, struct slice *query, struct slice *ret_name,
                     struct slice *ret_value, bool *ret_bad);

/* Whether the media type is this one; parameters are passed over. */
bool page_type_is(struct slice type, const char *wanted);

/* A code of n characters as it was typed, in any case and with any dashes and blanks, as it was
 * made; ret has n + 1. False: it is none. */
bool page_code(struct slice typed, size_t n, char *ret);
/* The six digits of an authenticator, with any blanks. False: it is something else. */
bool page_digits(struct slice typed, uint32_t *ret);

/* Whether Accept-Encoding has gzip, or everything, and does not rule it out (q=0). */
bool page_gzip(struct slice encodings);
/* Whether one of the entity tags of If-None-Match is this one. */
bool page_match(struct slice match, struct slice tag);

#endif
