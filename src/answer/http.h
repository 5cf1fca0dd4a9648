/* http: the HTTP door as a pure function: one request, taken apart by the server, in; status and
 * body out. docs/http.md says what is answered to what, docs/openapi.json says it to programs.
 *
 * Lookups are answered here. What tells of more than the plan (why, metrics, health) is the
 * daemon's to write: http_answer judges who asks and how, and gives back what is wanted. */
#ifndef OPENILS_ANSWER_HTTP_H
#define OPENILS_ANSWER_HTTP_H

#include "base/buf.h"
#include "base/crypto.h"
#include "plan/lookup.h"

#define HTTP_DIALED_MAX 4096   /* bytes of one dialled string */
#define HTTP_BATCH_MAX  1000   /* strings in one batch */
#define HTTP_BODY_MAX   262144 /* bytes of a request's body */
#define HTTP_REPLY_MAX  (16u << 20)
#define HTTP_NAMES_MAX  4
#define HTTP_TOKENS_MAX 64

struct http_request {
    struct slice method;
    struct slice target;        /* as it came: path, and "?" and query where there is one */
    struct slice host;          /* header Host; empty: there is none */
    struct slice authorization; /* header Authorization; empty: there is none */
    struct slice body;
};

struct http_config {
    bool tokens_wanted;   /* nothing but health is told without one */
    size_t token_n;
    uint8_t token[HTTP_TOKENS_MAX][HASH_SIZE];
    /* Names of this host, besides its addresses and "localhost": another Host is a page of somebody
     * else that has its name point here. Who shows a token is no such page. */
    size_t name_n;
    struct slice name[HTTP_NAMES_MAX];
};

enum http_page {
    HTTP_ERROR,   /* the body says what is wrong */
    HTTP_LOOKUP,
    HTTP_BATCH,
    HTTP_OPENAPI,
    HTTP_WHY,     /* the caller's: dialed, from */
    HTTP_METRICS, /* the caller's */
    HTTP_HEALTH,  /* the caller's; the cause only where `known` */
    HTTP_PAGES
};

struct http_outcome {
    uint16_t status;     /* 0: the page is the caller's to write */
    uint8_t page;        /* enum http_page */
    const char *type;    /* of the body; static */
    const char *allow;   /* methods, with 405; NULL: no such header */
    bool challenge;      /* 401: say that a token is wanted */
    bool known;          /* who asks may be told everything */
    struct slice dialed; /* in scratch or the request */
    struct slice from;
    uint64_t lookups;    /* that were made */
    uint8_t result;      /* enum lookup_result of a single one */
};

/* H("http token", text): what is kept of a token. */
void http_token_hash(uint8_t ret[static HASH_SIZE], struct slice text);

/* Appends the body to out. scratch is reset by the caller, between requests; a batch resets it
 * between its lookups. Refused memory gives 503. */
void http_answer(const struct plan *plan, const struct routes *routes,
                 const struct http_config *config, struct arena *scratch,
                 const struct http_request *request, struct buf *out, struct http_outcome *ret);

/* An error as the body of a reply: {"error": {"name", "text", "where", "next", "more"}}. where and
 * next may be NULL. */
void http_error(struct buf *out, struct http_outcome *ret, uint16_t status, const char *name,
                const char *text, const char *where, const char *next);

/* s in quotes, escaped. */
void http_put_text(struct buf *out, struct slice s);

/* The decision as an object: the same keys and values as `ils lookup --json`, but `why`. */
void http_put_lookup(struct buf *out, const struct lookup *l);

/* --- what the parts share, and the fuzz targets read */

/* Of a URI's query, into the arena (RFC 3986): a "+" stands for itself; it is what numbers begin
 * with. False: a bad escape, or no memory. */
bool http_decode(struct arena *a, struct slice s, struct slice *ret);
/* Whether the header Host names this host: a numeric address, "localhost", or one of n names; with
 * any port. */
bool http_host_good(const struct slice *name, size_t n, struct slice host);

struct http_query {
    struct slice dialed, from; /* p = NULL: not given */
    bool text;                 /* format=text */
    const char *wrong;         /* NULL: it is well; else what is wrong with `where` */
    struct slice where;
};
/* Takes "dialed=%2B81&from=osaka" apart. A "+" is a plus. Values are decoded into the arena. */
void http_query_read(struct arena *a, struct slice query, bool from_allowed,
                     struct http_query *ret);

/* A batch: a JSON array of strings, one after the other. Total: any bytes. */
struct http_batch {
    const uint8_t *p, *end;
    size_t n;          /* strings given so far */
    bool ended;        /* behind the array, and nothing follows */
    const char *wrong; /* NULL: it is well so far */
};
void http_batch_begin(struct http_batch *b, struct slice body);
/* The next string, decoded into the arena; false: the end, or b->wrong. */
bool http_batch_next(struct http_batch *b, struct arena *a, struct slice *ret);

extern const uint8_t http_openapi[];
extern const size_t http_openapi_n;

#endif
