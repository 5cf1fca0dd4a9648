/* page_read: the headers and targets of the admin page (page.h). */
#include "answer/page.h"
#include "answer/http.h"

#include <string.h>

bool page_origin_good(struct slice host, struct slice origin, struct slice site)
{
    struct slice scheme = slice_of("https://");
    if (site.p != NULL && !slice_eq(site, slice_of("same-origin")) &&
        !slice_eq(site, slice_of("none")))
        return false;
    if (origin.p == NULL)
        return true;
    return origin.n > scheme.n && host.n > 0 &&
           slice_eq(slice_make(origin.p, scheme.n), scheme) &&
           slice_eq_fold(slice_make(origin.p + scheme.n, origin.n - scheme.n), host);
}

/* The piece before the mark, without blanks; *rest begins behind it. */
static struct slice piece(struct slice *rest, uint8_t mark)
{
    if (rest->n == 0) /* not sent at all, maybe */
        return *rest;
    size_t at = slice_find(*rest, mark);
    struct slice s = slice_make(rest->p, at);
    at += at < rest->n;
    *rest = slice_make(rest->p + at, rest->n - at);
    return slice_trim(s);
}

bool page_cookie(struct slice cookie, struct slice *ret)
{
    uint8_t id[PAGE_SESSION_HEX / 2];
    bool found = false;
    while (cookie.n > 0) {
        struct slice value = piece(&cookie, ';');
        struct slice name = piece(&value, '=');
        if (!slice_eq(name, slice_of(PAGE_COOKIE)))
            continue;
        if (found || !hex_parse(id, sizeof id, value))
            return false;
        found = true;
        *ret = value;
    }
    return found;
}

void page_target(struct slice target, struct slice *ret_path, struct slice *ret_query)
{
    size_t at = slice_find(target, '?');
    size_t behind = at < target.n ? at + 1 : at;
    *ret_path = slice_make(target.p, at);
    *ret_query = slice_make(target.p + behind, target.n - behind);
}

bool page_command(struct slice path, char ret[static PAGE_COMMAND_MAX])
{
    struct slice api = slice_of(PAGE_API);
    bool letter = false;
    if (path.n <= api.n || path.n - api.n >= PAGE_COMMAND_MAX ||
        !slice_eq(slice_make(path.p, api.n), api))
        return false;
    for (size_t i = api.n; i < path.n; i++) {
        uint8_t c = path.p[i];
        if (c == '/' ? !letter : c != '-' && (c < 'a' || c > 'z'))
            return false;
        letter = c != '/';
        ret[i - api.n] = c == '/' ? ' ' : (char)c;
    }
    ret[path.n - api.n] = '\0';
    return letter;
}

bool page_query_next(struct arena *a, struct slice *query, struct slice *ret_name,
                     struct slice *ret_value, bool *ret_bad)
{
    *ret_bad = false;
    if (query->n == 0)
        return false;
    size_t at = slice_find(*query, '&');
    struct slice pair = slice_make(query->p, at);
    size_t eq = slice_find(pair, '=');
    at += at < query->n;
    *query = slice_make(query->p + at, query->n - at);
    *ret_name = slice_make(pair.p, eq);
    *ret_bad = eq == 0 || eq == pair.n || !slice_is_utf8(*ret_name) ||
               !http_decode(a, slice_make(pair.p + eq + 1, pair.n - eq - 1), ret_value) ||
               !slice_is_utf8(*ret_value);
    return !*ret_bad;
}

bool page_type_is(struct slice type, const char *wanted)
{
    return slice_eq_fold(piece(&type, ';'), slice_of(wanted));
}

bool page_code(struct slice typed, size_t whole, char *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < typed.n; i++) {
        uint8_t c = ascii_lower(typed.p[i]);
        if (c == '-' || c == ' ')
            continue;
        if (n == whole || !((c >= 'a' && c <= 'z') || (c >= '2' && c <= '7')))
            return false;
        ret[n++] = (char)(c >= 'a' ? c - 'a' + 'A' : c);
    }
    ret[n] = '\0';
    return n == whole;
}

bool page_digits(struct slice typed, uint32_t *ret)
{
    size_t n = 0;
    *ret = 0;
    for (size_t i = 0; i < typed.n; i++) {
        if (typed.p[i] == ' ')
            continue;
        if (n == 6 || typed.p[i] < '0' || typed.p[i] > '9')
            return false;
        *ret = *ret * 10 + (uint32_t)(typed.p[i] - '0');
        n++;
    }
    return n == 6;
}

/* "q=0", "q=0.000": not at all. */
static bool refused(struct slice parameters)
{
    while (parameters.n > 0) {
        struct slice value = piece(&parameters, ';');
        struct slice name = piece(&value, '=');
        if (!slice_eq_fold(name, slice_of("q")))
            continue;
        for (size_t i = 0; i < value.n; i++)
            if (value.p[i] != '0' && value.p[i] != '.')
                return false;
        return true;
    }
    return false;
}

bool page_gzip(struct slice encodings)
{
    bool any = false, gzip = false, ruled = false;
    while (encodings.n > 0) {
        struct slice one = piece(&encodings, ',');
        struct slice name = piece(&one, ';');
        bool is_gzip = slice_eq_fold(name, slice_of("gzip"));
        bool no = refused(one);
        ruled = ruled || (is_gzip && no);
        gzip = gzip || (is_gzip && !no);
        any = any || (slice_eq(name, slice_of("*")) && !no);
    }
    return gzip || (any && !ruled);
}

bool page_match(struct slice match, struct slice tag)
{
    while (match.n > 0) {
        struct slice one = piece(&match, ',');
        if (one.n > 2 && one.p[0] == 'W' && one.p[1] == '/')
            one = slice_make(one.p + 2, one.n - 2);
        if (slice_eq(one, tag) || slice_eq(one, slice_of("*")))
            return true;
    }
    return false;
}
