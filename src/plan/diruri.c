/* diruri: directory URIs in their one canonical spelling, so that equal URIs are equal bytes. */
#include "plan/entry.h"
#include "plan/host.h"

#include <string.h>

/* An input whose every user byte is escaped may be three times its canonical form. */
#define TEXT_MAX (4 + 3 * URI_MAX + 1)

static struct slice scheme_drop(struct slice text)
{
    if (text.n >= 4 && slice_eq_fold(slice_make(text.p, 4), slice_of("sip:")))
        return slice_make(text.p + 4, text.n - 4);
    return text;
}

enum entry_error diruri_parse(struct arena *a, struct slice text, struct slice *ret)
{
    *ret = slice_make(NULL, 0);
    if (text.n == 0)
        return ENTRY_ERROR_EMPTY;
    if (text.n > TEXT_MAX)
        return ENTRY_ERROR_TOO_LONG;
    struct slice rest = scheme_drop(text);
    size_t at = slice_find(rest, '@');
    if (at == rest.n || at == 0)
        return text_error(text, ENTRY_ERROR_NO_AT);

    uint8_t canonical[TEXT_MAX];
    size_t n;
    enum entry_error error = user_canonical(canonical, slice_make(rest.p, at), &n);
    if (error != ENTRY_OK)
        return text_error(text, error);
    struct slice host = slice_make(rest.p + at + 1, rest.n - at - 1);
    if (host.n > 1 && host.p[host.n - 1] == '.')
        host.n--; /* the root's dot */
    if (!host_valid(host))
        return text_error(text, host.n > HOST_MAX ? ENTRY_ERROR_TOO_LONG : ENTRY_ERROR_HOST);
    if (n + 1 + host.n > URI_MAX)
        return ENTRY_ERROR_TOO_LONG;
    canonical[n] = '@';
    slice_lower(canonical + n + 1, host);
    *ret = arena_copy(a, slice_make(canonical, n + 1 + host.n));
    return ret->p == NULL ? ENTRY_ERROR_MEMORY : ENTRY_OK;
}
