/* naive_lookup: the decision as one would make it with pencil and paper: every row of every cluster
 * is looked at, text against text, and what fits is sorted by the rules as they are written down
 * (plan/lookup.h, plan/route.h). Nothing of src/plan is used, not even its words: that is the
 * point. */
#ifndef OPENILS_TEST_PLAN_NAIVE_LOOKUP_H
#define OPENILS_TEST_PLAN_NAIVE_LOOKUP_H

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "naive_pattern.h"

enum naive_rule { /* why one lost */
    BY_NONE, BY_LOCAL, BY_ID, BY_KIND, BY_PREFERRED, BY_CLAIM, BY_BLOCK, BY_OUTSIDE, BY_EXACT,
    BY_SPECIFIC, BY_RULES,
};

enum naive_dial { READ_PHONE, READ_ABCD, READ_URI };

struct naive_row {
    char cluster;     /* a letter: its key and the beginning of its id */
    char kind;        /* U URI, N number, P pattern; + or not is in the text */
    char text[80];
    char failover[24]; /* "", "ITSELF", "n:digits", digits */
};

struct naive_cluster {
    char id[16], route[64];
    bool local;
    char domain[32], prefix[8]; /* all that it may announce, if one is not empty */
};

struct naive_block {
    char cluster; /* 0: any */
    char type;    /* 'a' any, 'u' URI, 'n' enterprise, 'e' E.164 */
    char pattern[40], prefix[8];
};

struct naive_route {
    char pattern[64];
    char scheme[6], host[32], transport[6];
    int port, priority, weight;
};

#define NAIVE_ROWS   1600
#define NAIVE_FITS   600
#define NAIVE_BLOCKS 16
#define NAIVE_ROUTES 64

struct naive_world {
    struct naive_row row[NAIVE_ROWS];
    struct naive_cluster cluster[128]; /* by letter */
    struct naive_block block[NAIVE_BLOCKS];
    struct naive_route route[NAIVE_ROUTES];
    int row_n, block_n, route_n;
    char preferred[16]; /* letters */
    char self[32];      /* "host:port" */
    enum naive_dial dial;
    bool uri_case, as_domain;
};

static inline void naive_text(char *dst, size_t size, const char *text)
{
    size_t n = strlen(text);
    n = n < size ? n : size - 1;
    memcpy(dst, text, n);
    dst[n] = '\0';
}
#define SET(array, text) naive_text(array, sizeof(array), text)

/* --- what was dialled */

struct naive_reading {
    char number[40], user[80], host[80];
    char asked[80], transport[16], scheme[8];
    int port;
};

static inline void naive_number(const char *text, enum naive_dial dial, char *out)
{
    const char *given = text;
    char kept[128];
    int n = 0, digits = 0;
    bool odd = false;
    for (; *text != '\0'; text++) {
        if (strchr(" -.()", *text) != NULL)
            continue;
        bool letter = *text >= 'A' && *text <= 'D' && dial == READ_ABCD;
        if (!isdigit((unsigned char)*text) && *text != '*' && *text != '+' && !letter)
            return;
        odd = odd || *text == '*' || letter || (*text == '+' && n > 0);
        digits += isdigit((unsigned char)*text) != 0;
        kept[n++] = *text;
        if (n > 30)
            return;
    }
    kept[n] = '\0';
    if (!odd && kept[0] == '+' && strstr(given, "(0)") != NULL)
        return; /* not dialled from abroad: it is another number */
    if (odd ? n <= 25 : digits > 0 && digits <= 24)
        naive_text(out, 40, kept);
}

static inline void naive_unescape(const char *text, char *out)
{
    for (; *text != '\0'; text++) {
        unsigned c;
        if (*text == '%' && sscanf(text + 1, "%2x", &c) == 1 &&
            (isalnum((int)c) || strchr("-_.!~*'()&=+$,/", (int)c) != NULL)) {
            *out++ = (char)c;
            text += 2;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

static inline void naive_read(const char *dialled, enum naive_dial dial, struct naive_reading *r)
{
    char text[200], user[200];
    memset(r, 0, sizeof *r);
    while (*dialled == ' ')
        dialled++;
    SET(text, dialled);
    for (size_t n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
        text[n - 1] = '\0';
    char *rest = text, *at;
    bool tel = strncasecmp(rest, "tel:", 4) == 0;
    SET(r->scheme, strncasecmp(rest, "sips:", 5) == 0 ? "sips:" : "sip:");
    if (tel || strncasecmp(rest, "sip:", 4) == 0 || strncasecmp(rest, "sips:", 5) == 0)
        rest = strchr(rest, ':') + 1;
    at = strchr(rest, '@');
    if (tel || at == NULL) {
        unsigned quad[4];
        char behind[2];
        rest[strcspn(rest, ";?")] = '\0';
        bool host = !tel && rest != text && strspn(rest, "0123456789.") == strlen(rest) &&
                    sscanf(rest, "%u.%u.%u.%u%1s", &quad[0], &quad[1], &quad[2], &quad[3],
                           behind) == 4;
        for (int i = 0; host && i < 4; i++)
            host = quad[i] < 256;
        char again[64];
        if (host)
            snprintf(again, sizeof again, "%u.%u.%u.%u", quad[0], quad[1], quad[2], quad[3]);
        if (!host || strcmp(again, rest) != 0)
            naive_number(rest, dial, r->number);
        return;
    }
    *at++ = '\0';
    rest[strcspn(rest, ";")] = '\0';
    naive_unescape(rest, user);
    bool v6 = *at == '[';
    size_t host = v6 ? strcspn(at, "]") + 1 : strcspn(at, ":;?");
    snprintf(r->asked, sizeof r->asked, "%.*s", (int)host, at);
    at[strcspn(at, "?")] = '\0';
    if (at[host] == ':')
        r->port = (int)strtol(at + host + 1, NULL, 10);
    char *transport = strcasestr(at + host, ";transport=");
    if (transport != NULL)
        sscanf(transport + 11, "%15[a-z]", r->transport);
    bool password = strchr(user, ':') != NULL;
    if (!v6 && !password && *user != '\0' && *r->asked != '\0') {
        SET(r->user, user);
        SET(r->host, r->asked);
        for (char *p = r->host; *p != '\0'; p++)
            *p = (char)tolower((unsigned char)*p);
    }
    if (dial != READ_URI)
        naive_number(v6 ? rest : user, dial, r->number);
}

/* --- who has it */

struct naive_fit {
    const struct naive_row *row;
    const char *number;
    enum naive_rule refused;
    int block;
};

static inline bool plain_number(const char *number)
{
    return *number != '\0' && strspn(number + (*number == '+'), "0123456789") ==
                                  strlen(number + (*number == '+'));
}

static inline bool naive_fits(const struct naive_world *w, const struct naive_reading *r,
                              const struct naive_row *row)
{
    char uri[200];
    snprintf(uri, sizeof uri, "%s@%s", r->user, r->host);
    if (row->kind == 'U')
        return *r->user != '\0' &&
               (w->uri_case ? strcmp(uri, row->text) : strcasecmp(uri, row->text)) == 0;
    if (row->kind == 'N')
        return strcmp(r->number, row->text) == 0;
    return plain_number(r->number) && naive_match(row->text, r->number, false);
}

static inline bool below(const char *domain, const char *host)
{
    size_t n = strlen(domain), m = strlen(host);
    return strcasecmp(domain, host) == 0 ||
           (m > n && host[m - n - 1] == '.' && strcasecmp(host + m - n, domain) == 0);
}

static inline bool naive_covers(const struct naive_cluster *c, const struct naive_fit *f)
{
    if (f->row->kind == 'U')
        return *c->domain != '\0' && below(c->domain, strchr(f->row->text, '@') + 1);
    return *c->prefix != '\0' && strncmp(f->number, c->prefix, strlen(c->prefix)) == 0;
}

static inline bool bounded(const struct naive_cluster *c)
{
    return *c->domain != '\0' || *c->prefix != '\0';
}

static inline bool naive_blocks(const struct naive_block *b, const struct naive_fit *f)
{
    bool uri = f->row->kind == 'U', plus = f->row->text[0] == '+';
    if (b->cluster != 0 && b->cluster != f->row->cluster)
        return false;
    if (b->type != 'a' && b->type != (uri ? 'u' : plus ? 'e' : 'n'))
        return false;
    if (*b->prefix != '\0' && (uri || strncmp(f->number, b->prefix, strlen(b->prefix)) != 0))
        return false;
    if (*b->pattern == '\0')
        return true;
    if (strchr(b->pattern, '@') == NULL)
        return !uri && naive_match(b->pattern, f->number, false);
    if (!uri)
        return false;
    return b->pattern[0] == '*' ? strcasecmp(b->pattern + 1, strchr(f->row->text, '@')) == 0
                                : strcasecmp(b->pattern, f->row->text) == 0;
}

static inline void naive_judge(const struct naive_world *w, struct naive_fit *f)
{
    const struct naive_cluster *c = &w->cluster[(int)f->row->cluster];
    if (c->local)
        return;
    for (int i = 0; i < w->block_n; i++) {
        if (naive_blocks(&w->block[i], f)) {
            f->refused = BY_BLOCK;
            f->block = i + 1;
            return;
        }
    }
    if (bounded(c) && !naive_covers(c, f))
        f->refused = BY_OUTSIDE;
}

/* < 0: a comes first; *why: b lost by this. */
static inline int naive_first(const struct naive_world *w, const struct naive_fit *a,
                              const struct naive_fit *b, enum naive_rule *why)
{
    static const char order[] = "NPU";
    const struct naive_cluster *x = &w->cluster[(int)a->row->cluster];
    const struct naive_cluster *y = &w->cluster[(int)b->row->cluster];
    int kind = (int)(strchr(order, a->row->kind) - strchr(order, b->row->kind));
    *why = b->refused;
    if ((a->refused == BY_NONE) != (b->refused == BY_NONE))
        return a->refused == BY_NONE ? -1 : 1;
    *why = b->row->kind == 'U' ? BY_KIND : a->row->kind == 'N' ? BY_EXACT : BY_SPECIFIC;
    if (kind != 0)
        return kind;
    int specific = a->row->kind == 'P' ? naive_order(a->row->text, b->row->text) : 0;
    if (specific != 0)
        return specific;
    *why = BY_LOCAL;
    if (x->local != y->local)
        return x->local ? -1 : 1;
    *why = BY_PREFERRED;
    int p = (int)strcspn(w->preferred, (char[]){a->row->cluster, 0});
    int q = (int)strcspn(w->preferred, (char[]){b->row->cluster, 0});
    if (p != q)
        return p - q;
    *why = BY_CLAIM;
    bool claims = bounded(x) && naive_covers(x, a), other = bounded(y) && naive_covers(y, b);
    if (claims != other)
        return claims ? -1 : 1;
    *why = BY_ID;
    return strcmp(x->id, y->id);
}

/* --- where it goes */

struct naive_target {
    char uri[160];
    char reason; /* r route, d domain, p PSTN */
    int priority, weight;
    bool self, same;
};

/* Label by label from the right; depth: how many. */
static inline bool naive_route_covers(const char *pattern, const char *name)
{
    char p[64], n[64];
    if (strcmp(pattern, "*") == 0)
        return true;
    SET(p, pattern);
    SET(n, name);
    for (;;) {
        char *pd = strrchr(p, '.'), *nd = strrchr(n, '.');
        const char *pl = pd != NULL ? pd + 1 : p, *nl = nd != NULL ? nd + 1 : n;
        if (strcmp(pl, "*") == 0 && pd == NULL)
            return true;
        if (strcmp(pl, "*") != 0 && strcasecmp(pl, nl) != 0)
            return false;
        if (pd == NULL || nd == NULL)
            return pd == NULL && nd == NULL;
        *pd = *nd = '\0';
    }
}

/* A word that sorts as patterns do: from the right, a for a name, b for one label, c for more. */
static inline void naive_word(const char *pattern, char *out)
{
    char p[64], *dot;
    SET(p, pattern);
    do {
        dot = strrchr(p, '.');
        const char *label = dot != NULL ? dot + 1 : p;
        *out++ = strcmp(label, "*") != 0 ? 'a' : dot != NULL ? 'b' : 'c';
        if (dot != NULL)
            *dot = '\0';
    } while (dot != NULL);
    *out = '\0';
}

/* The pattern that decides; NULL: none. */
static inline const char *naive_route(const struct naive_world *w, const char *name)
{
    const char *best = NULL;
    char best_word[64], word[64];
    for (int i = 0; i < w->route_n; i++) {
        if (!naive_route_covers(w->route[i].pattern, name))
            continue;
        naive_word(w->route[i].pattern, word);
        if (best == NULL || strcmp(word, best_word) < 0) {
            best = w->route[i].pattern;
            SET(best_word, word);
        }
    }
    return best;
}

static inline void naive_target_add(const struct naive_world *w, const struct naive_reading *r,
                                    const struct naive_route *route, const char *user, char reason,
                                    struct naive_target *out, int *n)
{
    struct naive_target *t = &out[(*n)++];
    char port[16] = "", self[64];
    bool tls = strcmp(route->scheme, "sips:") == 0 || strcmp(route->transport, "tls") == 0;
    if (route->port != 0)
        snprintf(port, sizeof port, ":%d", route->port);
    snprintf(t->uri, sizeof t->uri, "%s%s@%s%s%s%s", route->scheme, user, route->host, port,
             *route->transport != '\0' ? ";transport=" : "", route->transport);
    t->reason = reason;
    t->priority = route->priority;
    t->weight = route->weight;
    snprintf(self, sizeof self, "%s:%d", route->host,
             route->port != 0 ? route->port : tls ? 5061 : 5060);
    t->self = strcmp(self, w->self) == 0;
    t->same = *r->asked != '\0' && strcasecmp(r->asked, route->host) == 0 &&
              r->port == route->port && strcmp(r->scheme, route->scheme) == 0 &&
              strcmp(r->transport, route->transport) == 0 &&
              strcmp(user, *r->user != '\0' ? r->user : r->number) == 0;
}

static inline int naive_targets(const struct naive_world *w, const struct naive_reading *r,
                                const struct naive_fit *winner, struct naive_target *out,
                                const char **ret_pattern)
{
    const struct naive_cluster *c = &w->cluster[(int)winner->row->cluster];
    const struct naive_row *row = winner->row;
    char user[80], number[80] = "";
    int n = 0;
    SET(user, row->kind == 'P' ? r->number : row->text);
    user[strcspn(user, "@")] = '\0';
    const char *pattern = strcmp(c->route, "pstn") == 0 ? NULL : naive_route(w, c->route);
    if (pattern != NULL && c->local && strcmp(pattern, "*") == 0)
        pattern = NULL;
    *ret_pattern = pattern;
    for (int i = 0; pattern != NULL && i < w->route_n; i++) {
        if (strcmp(w->route[i].pattern, pattern) == 0)
            naive_target_add(w, r, &w->route[i], user, 'r', out, &n);
    }
    if (pattern == NULL && !c->local && w->as_domain && strcmp(c->route, "pstn") != 0) {
        struct naive_route domain = {.scheme = "sip:", .priority = 10, .weight = 10};
        SET(domain.host, c->route);
        naive_target_add(w, r, &domain, user, 'd', out, &n);
    }
    if (c->local)
        return n;
    char *colon = strchr(row->failover, ':');
    if (strcmp(row->failover, "ITSELF") == 0)
        SET(number, user);
    else if (colon != NULL)
        snprintf(number, sizeof number, "%s%s", colon + 1, user + strtol(row->failover, NULL, 10));
    else
        SET(number, row->failover);
    for (int i = 0; *number != '\0' && i < w->route_n; i++) {
        if (strcmp(w->route[i].pattern, "pstn") == 0)
            naive_target_add(w, r, &w->route[i], number, 'p', out, &n);
    }
    return n;
}

/* --- all of it */

struct naive_answer {
    const char *result;
    const char *pattern; /* the route pattern; NULL: none */
    struct naive_reading reading;
    struct naive_fit fit[NAIVE_FITS];
    enum naive_rule lost[NAIVE_FITS];
    int fit_n;
    struct naive_target target[32], avoided[32];
    int target_n, avoided_n;
    bool longer;
};

static inline void naive_sort(const struct naive_world *w, struct naive_answer *a)
{
    enum naive_rule why;
    for (int i = 1; i < a->fit_n; i++) {
        struct naive_fit f = a->fit[i];
        int k = i;
        for (; k > 0 && naive_first(w, &f, &a->fit[k - 1], &why) < 0; k--)
            a->fit[k] = a->fit[k - 1];
        a->fit[k] = f;
    }
    for (int i = 0; i < a->fit_n; i++) {
        a->lost[i] = a->fit[i].refused;
        if (i > 0 && a->fit[i].refused == BY_NONE)
            naive_first(w, &a->fit[0], &a->fit[i], &a->lost[i]);
    }
}

static inline void naive_lookup(const struct naive_world *w, const char *dialled,
                                struct naive_answer *a)
{
    struct naive_target all[64];
    a->fit_n = a->target_n = a->avoided_n = 0;
    a->longer = false;
    a->pattern = NULL;
    naive_read(dialled, w->dial, &a->reading);
    for (int i = 0; i < w->row_n; i++) {
        if (!naive_fits(w, &a->reading, &w->row[i]))
            continue;
        assert(a->fit_n < NAIVE_FITS);
        a->fit[a->fit_n] = (struct naive_fit){.row = &w->row[i], .number = a->reading.number};
        naive_judge(w, &a->fit[a->fit_n++]);
    }
    naive_sort(w, a);
    a->result = *a->reading.number == '\0' && *a->reading.user == '\0' ? "bad_input" : "no_match";
    if (a->fit_n == 0) {
        for (int i = 0; i < w->row_n && plain_number(a->reading.number); i++)
            a->longer = a->longer || (w->row[i].kind == 'P' &&
                                      naive_match(w->row[i].text, a->reading.number, true));
        return;
    }
    a->result = "blocked";
    if (a->fit[0].refused != BY_NONE)
        return;
    int n = naive_targets(w, &a->reading, &a->fit[0], all, &a->pattern);
    for (int i = 0; i < n; i++) {
        if (all[i].self || all[i].same)
            a->avoided[a->avoided_n++] = all[i];
        else
            a->target[a->target_n++] = all[i];
    }
    a->result = w->cluster[(int)a->fit[0].row->cluster].local ? "local"
                : a->target_n > 0                             ? "found"
                                                              : "no_route";
}

#endif
