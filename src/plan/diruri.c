/* diruri: directory URIs in their one canonical spelling, so that equal URIs are equal bytes.
 *
 * The user part may be typed as a person would ("joe smith#"): what SIP cannot carry is escaped
 * here. What is escaped without need is undone. Both ways lead to the same bytes. */
#include "plan/entry.h"
#include "plan/host.h"

#include <string.h>

/* An input whose every user byte is escaped may be three times its canonical form. */
#define TEXT_MAX (4 + 3 * URI_MAX + 1)

/* A parse under way. strict: as new entries are judged; otherwise as dialled strings are read. */
struct parse {
    struct slice text;
    bool strict;
    size_t at; /* where it stopped */
    size_t characters; /* of the user part */
    uint8_t canonical[3 * TEXT_MAX];
    size_t n;
};

static bool starts_with(struct slice text, const char *word)
{
    size_t n = strlen(word);
    return text.n >= n && slice_eq_fold(slice_make(text.p, n), slice_make(word, n));
}

/* Printable ASCII that an entry may hold, and no SIP URI unescaped. ";" is not among them: it would
 * be a parameter that was pasted along. ":" is, but what was dialled has a password behind it. */
static bool is_escaped(uint8_t c, bool strict)
{
    struct slice escaped = slice_of(" #%^`{}|\\\"<>[]?");
    return (strict && c == ':') || slice_find(escaped, c) < escaped.n;
}

static void put_escaped(struct parse *p, uint8_t c)
{
    static const char digits[] = "0123456789ABCDEF";
    p->canonical[p->n++] = '%';
    p->canonical[p->n++] = (uint8_t)digits[c >> 4];
    p->canonical[p->n++] = (uint8_t)digits[c & 0xf];
}

/* The byte behind the "%" at an offset of the user part; -1: these are no two hex digits. */
static int escape_value(struct slice user, size_t at)
{
    if (user.n - at < 3)
        return -1;
    int high = hex_value(user.p[at + 1]), low = hex_value(user.p[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static enum entry_error parse_user(struct parse *p, struct slice user)
{
    for (size_t i = 0; i < user.n; i++, p->characters++) {
        uint8_t c = user.p[i];
        int escaped = c == '%' ? escape_value(user, i) : -1;
        p->at = (size_t)(user.p - p->text.p) + i;
        if (escaped >= 0) {
            c = (uint8_t)escaped;
            if (c < 0x20 || c == 0x7f)
                return ENTRY_ERROR_CHARACTER;
            i += 2;
        } else if (!user_byte(c) && !is_escaped(c, p->strict)) {
            return ENTRY_ERROR_CHARACTER;
        }
        if (user_byte(c))
            p->canonical[p->n++] = c;
        else
            put_escaped(p, c);
    }
    return p->strict && p->characters > USER_MAX ? ENTRY_ERROR_USER_LONG : ENTRY_OK;
}

static enum entry_error parse_host(struct parse *p, struct slice host)
{
    p->at = (size_t)(host.p - p->text.p);
    if (host.n > 1 && host.p[host.n - 1] == '.')
        host.n--; /* the root's dot */
    if (!host_valid(host) || (p->strict && host.n < 2))
        return host.n > HOST_MAX ? ENTRY_ERROR_TOO_LONG : ENTRY_ERROR_HOST;
    if (p->n + 1 + host.n > URI_MAX) {
        p->at = p->text.n;
        return ENTRY_ERROR_TOO_LONG;
    }
    p->canonical[p->n++] = '@';
    slice_lower(p->canonical + p->n, host);
    p->n += host.n;
    return ENTRY_OK;
}

static enum entry_error parse(struct parse *p, struct arena *a, struct slice *ret)
{
    struct slice rest = p->text;
    *ret = slice_make(NULL, 0);
    if (rest.n == 0)
        return ENTRY_ERROR_EMPTY;
    if (rest.n > TEXT_MAX) {
        p->at = rest.n;
        return ENTRY_ERROR_TOO_LONG;
    }
    if (starts_with(rest, "sip:"))
        rest = slice_make(rest.p + 4, rest.n - 4);
    else if (starts_with(rest, "sips:") || starts_with(rest, "tel:"))
        return text_error(p->text, ENTRY_ERROR_CHARACTER);
    size_t at = slice_find(rest, '@');
    if (at == rest.n || at == 0) {
        p->at = p->text.n;
        return text_error(p->text, ENTRY_ERROR_NO_AT);
    }
    enum entry_error error = parse_user(p, slice_make(rest.p, at));
    if (error == ENTRY_OK)
        error = parse_host(p, slice_make(rest.p + at + 1, rest.n - at - 1));
    if (error != ENTRY_OK)
        return text_error(p->text, error);
    *ret = arena_copy(a, slice_make(p->canonical, p->n));
    return ret->p == NULL ? ENTRY_ERROR_MEMORY : ENTRY_OK;
}

enum entry_error diruri_parse_at(struct arena *a, struct slice text, struct slice *ret, size_t *at)
{
    struct parse p;
    p.text = text;
    p.strict = true;
    p.at = p.characters = p.n = 0;
    enum entry_error error = parse(&p, a, ret);
    *at = p.at;
    return error;
}

enum entry_error diruri_parse(struct arena *a, struct slice text, struct slice *ret)
{
    size_t at;
    return diruri_parse_at(a, text, ret, &at);
}

enum entry_error diruri_read_at(struct arena *a, struct slice text, struct slice *ret, size_t *at)
{
    struct parse p;
    p.text = text;
    p.strict = false;
    p.at = p.characters = p.n = 0;
    enum entry_error error = parse(&p, a, ret);
    *at = p.at;
    return error;
}

enum entry_error diruri_read(struct arena *a, struct slice text, struct slice *ret)
{
    size_t at;
    return diruri_read_at(a, text, ret, &at);
}
