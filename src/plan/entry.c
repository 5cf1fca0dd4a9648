/* entry: a catalog row in words, both ways, and the PSTN number that a failover rule means. */
#include "plan/entry.h"
#include "plan/host.h"

#include <string.h>

static const struct {
    const char *word;
    uint8_t kind;
} kinds[] = {
    /* the first word of a kind is the one that is written */
    {"URI", ENTRY_URI},
    {"ENTERPRISE", ENTRY_ENTERPRISE},
    {"ENTERPRISENUMBER", ENTRY_ENTERPRISE},
    {"E164", ENTRY_E164},
    {"+E164", ENTRY_E164},
    {"E164NUMBER", ENTRY_E164},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

struct slice entry_kind_text(uint8_t kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].kind == kind)
            return slice_of(kinds[i].word);
    }
    return slice_make(NULL, 0);
}

static uint8_t kind_parse(struct slice word)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (slice_eq_fold(word, slice_of(kinds[i].word)))
            return kinds[i].kind;
    }
    return 0;
}

bool cluster_id_valid(struct slice text)
{
    if (text.n == 0 || text.n > CLUSTER_ID_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = ascii_lower(text.p[i]);
        if (!ascii_digit(c) && !(c >= 'a' && c <= 'z') && c != '.' && c != '-' && c != '_')
            return false;
    }
    return true;
}

enum entry_error route_string_parse(struct arena *a, struct slice text, struct slice *ret)
{
    *ret = slice_make(NULL, 0);
    if (text.n == 0)
        return ENTRY_ERROR_EMPTY;
    if (text.n > ROUTE_STRING_MAX)
        return ENTRY_ERROR_TOO_LONG;
    if (!host_is_labels(text))
        return text_error(text, ENTRY_ERROR_HOST);
    uint8_t lower[ROUTE_STRING_MAX];
    slice_lower(lower, text);
    *ret = arena_copy(a, slice_make(lower, text.n));
    return ret->p == NULL ? ENTRY_ERROR_MEMORY : ENTRY_OK;
}

/* Digits with an optional "+" before them, canonical; empty only when may_be_empty. */
static enum entry_error failover_digits(struct arena *a, struct slice text, bool may_be_empty,
                                        struct slice *ret)
{
    text = slice_trim(text);
    *ret = slice_make(NULL, 0);
    if (text.n == 0)
        return may_be_empty ? ENTRY_OK : ENTRY_ERROR_FAILOVER;
    enum entry_error error = number_parse(a, text, text.p[0] == '+', ret);
    if (error == ENTRY_OK || error == ENTRY_ERROR_MEMORY || error == ENTRY_ERROR_ENCODING)
        return error;
    return ENTRY_ERROR_FAILOVER;
}

static enum entry_error failover_parse(struct arena *a, struct slice text, struct failover *ret)
{
    *ret = (struct failover){0};
    text = slice_trim(text);
    if (text.n == 0 || slice_eq(text, slice_of("-")))
        return ENTRY_OK;
    if (slice_eq_fold(text, slice_of("ITSELF"))) {
        ret->rule = FAILOVER_ITSELF;
        return ENTRY_OK;
    }
    size_t colon = slice_find(text, ':');
    if (colon == text.n) {
        ret->rule = FAILOVER_NUMBER;
        return failover_digits(a, text, false, &ret->digits);
    }
    uint64_t strip;
    if (!slice_to_u64(slice_make(text.p, colon), NUMBER_MAX, &strip))
        return text_error(text, ENTRY_ERROR_FAILOVER);
    ret->rule = FAILOVER_STRIP;
    ret->strip = (uint8_t)strip;
    return failover_digits(a, slice_make(text.p + colon + 1, text.n - colon - 1), true,
                           &ret->digits);
}

/* 1..NUMBER_MAX digits behind an optional "+". Learned data is judged before it is dialled. */
static bool number_is_plain(struct slice s)
{
    size_t plus = s.n > 0 && s.p[0] == '+' ? 1 : 0;
    if (s.n <= plus || s.n - plus > NUMBER_MAX)
        return false;
    for (size_t i = plus; i < s.n; i++) {
        if (!ascii_digit(s.p[i]))
            return false;
    }
    return true;
}

/* Writes the number into dst (1 + 2 * NUMBER_MAX bytes) and gives its length; 0: there is none. */
static size_t failover_number(uint8_t *dst, const struct entry *e)
{
    const struct failover *f = &e->failover;
    struct slice number = e->key;
    size_t n = 0;
    if (f->rule == FAILOVER_NUMBER) {
        number = f->digits;
    } else if (f->rule != FAILOVER_ITSELF && f->rule != FAILOVER_STRIP) {
        return 0;
    } else if (e->kind == ENTRY_URI) {
        number.n = slice_find(number, '@');
    }
    if (!number_is_plain(number))
        return 0;
    if (f->rule == FAILOVER_STRIP) {
        size_t drop = (number.p[0] == '+' ? 1u : 0u) + (size_t)f->strip;
        if (drop > number.n || (f->digits.n > 0 && !number_is_plain(f->digits)))
            return 0;
        number = slice_make(number.p + drop, number.n - drop);
        if (f->digits.n > 0)
            memcpy(dst, f->digits.p, f->digits.n);
        n = f->digits.n;
    }
    if (number.n > 0)
        memcpy(dst + n, number.p, number.n);
    n += number.n;
    return number_is_plain(slice_make(dst, n)) ? n : 0;
}

struct slice entry_failover_number(struct arena *a, const struct entry *e)
{
    uint8_t number[2 * (1 + NUMBER_MAX)];
    return arena_copy(a, slice_make(number, failover_number(number, e)));
}

struct slice entry_failover_text(struct arena *a, const struct failover *f)
{
    uint8_t text[4 + 1 + NUMBER_MAX];
    size_t n = 0;
    switch (f->rule) {
    case FAILOVER_ITSELF:
        return slice_of("ITSELF");
    case FAILOVER_STRIP:
        if (f->strip >= 100)
            text[n++] = (uint8_t)('0' + f->strip / 100);
        if (f->strip >= 10)
            text[n++] = (uint8_t)('0' + f->strip / 10 % 10);
        text[n++] = (uint8_t)('0' + f->strip % 10);
        text[n++] = ':';
        break;
    case FAILOVER_NUMBER: break;
    default: return slice_make(NULL, 0);
    }
    if (f->digits.n > 1 + NUMBER_MAX)
        return slice_make(NULL, 0);
    if (f->digits.n > 0)
        memcpy(text + n, f->digits.p, f->digits.n);
    return arena_copy(a, slice_make(text, n + f->digits.n));
}

enum entry_error entry_parse(struct arena *a, struct slice type, struct slice failover,
                             struct slice pattern, struct entry *ret)
{
    *ret = (struct entry){.kind = kind_parse(slice_trim(type))};
    pattern = slice_trim(pattern);
    enum entry_error error;
    switch (ret->kind) {
    case ENTRY_URI: error = diruri_parse(a, pattern, &ret->key); break;
    case ENTRY_ENTERPRISE: error = number_parse(a, pattern, false, &ret->key); break;
    case ENTRY_E164: error = number_parse(a, pattern, true, &ret->key); break;
    default: return text_error(type, ENTRY_ERROR_KIND);
    }
    if (error == ENTRY_OK)
        error = failover_parse(a, failover, &ret->failover);
    if (error != ENTRY_OK || ret->failover.rule == FAILOVER_NONE)
        return error;
    uint8_t number[2 * (1 + NUMBER_MAX)];
    return failover_number(number, ret) == 0 ? ENTRY_ERROR_FAILOVER : ENTRY_OK;
}
