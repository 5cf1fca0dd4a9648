/* dialled: URIs and numbers as they come in. The one place where the policy of dialled strings
 * (enum dial_policy) is applied. */
#include "plan/dialled.h"
#include "plan/host.h"
#include "plan/lookup.h"

#include <string.h>

#define PHONE_MAX (1 + NUMBER_MAX)

static bool scheme_drop(struct slice *text, const char *scheme)
{
    size_t n = strlen(scheme);
    if (text->n < n || !slice_eq_fold(slice_make(text->p, n), slice_make(scheme, n)))
        return false;
    *text = slice_make(text->p + n, text->n - n);
    return true;
}

static struct slice before(struct slice text, uint8_t c)
{
    return slice_make(text.p, slice_find(text, c));
}

static struct slice behind(struct slice text, size_t at)
{
    return at < text.n ? slice_make(text.p + at + 1, text.n - at - 1) : slice_make(NULL, 0);
}

/* A phone number with characters that no entry has: it is one, and matches nothing. */
static void read_keypad(struct arena *a, struct slice text, uint8_t dial, struct slice *ret)
{
    uint8_t keypad[PHONE_MAX], c;
    size_t n = 0, step;
    for (size_t at = 0; at < text.n; at += step) {
        step = phone_char(text, at, &c);
        if (c == ' ' || c == '.' || c == '(' || c == ')')
            continue;
        bool letter = c >= 'A' && c <= 'D' && dial == DIAL_PHONE_ABCD;
        if (n == PHONE_MAX || (!ascii_digit(c) && c != '*' && c != '+' && !letter))
            return;
        keypad[n++] = c;
    }
    bool plus = n > 0 && keypad[0] == '+';
    for (size_t i = plus; i < n; i++) {
        if (!ascii_digit(keypad[i])) {
            *ret = arena_copy(a, slice_make(keypad, n));
            return;
        }
    }
}

static void read_number(struct arena *a, struct slice text, uint8_t dial, struct slice *ret)
{
    if (number_parse(a, text, phone_has_plus(text), ret) == ENTRY_OK)
        return;
    *ret = slice_make(NULL, 0);
    read_keypad(a, text, dial, ret);
}

static void read_parameters(struct slice text, struct reading *ret)
{
    while (text.n > 0) {
        struct slice one = before(text, ';');
        size_t equals = slice_find(one, '=');
        text = behind(text, one.n);
        if (!slice_eq_fold(slice_make(one.p, equals), slice_of("transport")))
            continue;
        struct slice word = behind(one, equals);
        for (uint8_t i = TRANSPORT_NONE + 1; i < TRANSPORTS; i++) {
            if (slice_eq_fold(word, transport_text(i)))
                ret->transport = i;
        }
    }
}

/* host[:port][;parameters]: the host is what is left of `text`. */
static struct slice read_place(struct slice text, struct reading *ret)
{
    uint64_t port;
    text = before(text, '?');
    struct slice place = before(text, ';');
    read_parameters(behind(text, place.n), ret);
    size_t end = place.n > 0 && place.p[0] == '[' ? slice_find(place, ']') + 1
                                                  : slice_find(place, ':');
    ret->asked = slice_make(place.p, end < place.n ? end : place.n);
    if (end < place.n && place.p[end] == ':' && slice_to_u64(behind(place, end), 65535, &port))
        ret->port = (uint16_t)port;
    return place.n > 0 && place.p[0] == '[' ? place : ret->asked;
}

/* sip:10.0.0.5 is a host without a user, and no number with dots in it. */
static bool is_address(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!ascii_digit(text.p[i]) && text.p[i] != '.')
            return false;
    return host_valid(text);
}

void dialled_read(struct arena *a, struct slice text, uint8_t dial, struct reading *ret)
{
    *ret = (struct reading){0};
    text = slice_trim(text);
    if (text.n > DIALLED_MAX)
        return;
    bool tel = scheme_drop(&text, "tel:");
    bool sip = !tel && scheme_drop(&text, "sip:");
    ret->secure = !tel && !sip && scheme_drop(&text, "sips:");
    size_t at = slice_find(text, '@');
    if (tel || at == text.n) {
        struct slice number = before(before(text, ';'), '?');
        if ((!sip && !ret->secure) || !is_address(number))
            read_number(a, number, dial, &ret->number);
        return;
    }
    struct slice user = before(slice_make(text.p, at), ';');
    struct slice host = read_place(behind(text, at), ret);

    uint8_t plain[DIALLED_MAX];
    size_t n = user.n + 1 + host.n;
    memcpy(plain, user.p, user.n);
    plain[user.n] = '@';
    if (host.n > 0)
        memcpy(plain + user.n + 1, host.p, host.n);
    if (diruri_read(a, slice_make(plain, n), &ret->uri) == ENTRY_OK) {
        user = before(ret->uri, '@');
        ret->user = user;
        ret->host = behind(ret->uri, user.n);
    }
    if (dial != DIAL_URI)
        read_number(a, user, dial, &ret->number);
}

/* --- what is wrong with it */

/* Where a user or a port is none of a SIP URI: lookups pass over that, as people type what they
 * mean. at: of the "@". */
static enum entry_error sip_fault(struct slice text, size_t at, size_t *ret_at)
{
    struct slice user = before(slice_make(text.p, at), ';'), place = behind(text, at);
    uint64_t port;
    for (size_t i = 0; i < user.n; i++) {
        bool escape = user.p[i] == '%' && user.n - i > 2 && hex_value(user.p[i + 1]) >= 0 &&
                      hex_value(user.p[i + 2]) >= 0;
        *ret_at = i;
        if (!user_byte(user.p[i]) && !escape)
            return ENTRY_ERROR_ESCAPE;
    }
    place = before(before(place, '?'), ';');
    size_t colon = slice_find(place, ':');
    *ret_at = at + 1 + colon + 1;
    bool good = colon == place.n ||
                (slice_to_u64(behind(place, colon), 65535, &port) && port > 0);
    return good ? ENTRY_OK : ENTRY_ERROR_PORT;
}

static enum entry_error number_fault(struct arena *a, struct slice text, bool tel, size_t *ret_at)
{
    struct slice number, digits = before(before(text, ';'), '?');
    enum entry_error error = number_parse_at(a, digits, phone_has_plus(digits), &number, ret_at);
    if (error == ENTRY_ERROR_IS_PATTERN)
        error = ENTRY_ERROR_CHARACTER;
    if (error == ENTRY_ERROR_CHARACTER && !tel && *ret_at == 0) {
        *ret_at = digits.n;
        error = ENTRY_ERROR_NO_AT;
    }
    return error;
}

/* The URI as dialled_read lays it together: its user, "@", its host. */
static enum entry_error uri_fault(struct arena *a, struct slice text, size_t at, size_t *ret_at)
{
    struct reading unused = {0};
    struct slice user = before(slice_make(text.p, at), ';'), uri;
    struct slice host = read_place(behind(text, at), &unused);
    uint8_t plain[DIALLED_MAX];
    memcpy(plain, user.p, user.n);
    plain[user.n] = '@';
    if (host.n > 0)
        memcpy(plain + user.n + 1, host.p, host.n);
    enum entry_error error = diruri_read_at(a, slice_make(plain, user.n + 1 + host.n), &uri,
                                            ret_at);
    if (error == ENTRY_ERROR_NO_AT)
        *ret_at = text.n;
    else if (*ret_at > user.n)
        *ret_at += at - user.n; /* parameters of the user stand between */
    return error;
}

enum entry_error lookup_fault(struct arena *a, struct slice dialled, size_t *ret_at)
{
    struct slice text = slice_trim(dialled);
    enum entry_error error;
    size_t where = 0;
    *ret_at = dialled.n;
    if (text.n == 0 || text.n > DIALLED_MAX)
        return text.n == 0 ? ENTRY_ERROR_EMPTY : ENTRY_ERROR_TOO_LONG;
    bool tel = scheme_drop(&text, "tel:");
    bool sip = !tel && (scheme_drop(&text, "sip:") || scheme_drop(&text, "sips:"));
    size_t at = slice_find(text, '@');
    if (sip && at == text.n && is_address(before(before(text, ';'), '?')))
        return ENTRY_ERROR_NO_AT;
    if (tel || at == text.n)
        error = number_fault(a, text, tel, &where);
    else
        error = uri_fault(a, text, at, &where);
    if (error == ENTRY_OK && sip && at < text.n)
        error = sip_fault(text, at, &where);
    *ret_at = (size_t)(text.p - dialled.p) + where;
    return error;
}
