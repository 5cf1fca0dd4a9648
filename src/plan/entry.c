/* entry: a catalog row in words, both ways, and the PSTN number that a failover rule means. */
#include "plan/entry.h"
#include "plan/host.h"
#include "plan/pattern.h"

#include <string.h>

static const struct {
    const char *word; /* letters and digits only */
    uint8_t kind;
} kinds[] = {
    /* the first word of a kind is the one that is written */
    {"URI", ENTRY_URI},
    {"DIRECTORYURI", ENTRY_URI},
    {"ENTERPRISE", ENTRY_ENTERPRISE},
    {"ENTERPRISENUMBER", ENTRY_ENTERPRISE},
    {"E164", ENTRY_E164},
    {"E164NUMBER", ENTRY_E164},
    {"ENTERPRISEPATTERN", ENTRY_PATTERN_ENTERPRISE},
    {"ENTERPRISENUMBERPATTERN", ENTRY_PATTERN_ENTERPRISE},
    {"ENTERPRISENUMERICPATTERN", ENTRY_PATTERN_ENTERPRISE},
    {"E164PATTERN", ENTRY_PATTERN_E164},
    {"E164NUMBERPATTERN", ENTRY_PATTERN_E164},
    {"E164NUMERICPATTERN", ENTRY_PATTERN_E164},
};

#define KINDS    (sizeof kinds / sizeof kinds[0])
#define WORD_MAX 24 /* of the longest word */

struct slice entry_kind_text(uint8_t kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].kind == kind)
            return slice_of(kinds[i].word);
    }
    return slice_make(NULL, 0);
}

uint8_t entry_kind_parse(struct slice word)
{
    uint8_t bare[WORD_MAX];
    size_t n = 0;
    for (size_t i = 0; i < word.n; i++) {
        uint8_t c = word.p[i];
        if (c == ' ' || c == '.' || c == '+' || c == '-' || c == '_')
            continue;
        if (n == sizeof bare)
            return 0;
        bare[n++] = c;
    }
    for (size_t i = 0; i < KINDS; i++) {
        if (slice_eq_fold(slice_make(bare, n), slice_of(kinds[i].word)))
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

enum entry_error host_name_parse(struct arena *a, struct slice text, struct slice *ret)
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

/* "abc-123-def": the route patterns of the original refuse it. */
static bool has_dash_digits(struct slice text)
{
    bool after_dash = false, digits = false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '-') {
            digits = digits && ascii_digit(text.p[i]);
            continue;
        }
        if (after_dash && digits && text.p[i - 1] != '-')
            return true;
        after_dash = digits = true;
    }
    return false;
}

enum entry_error route_string_parse(struct arena *a, struct slice text, struct slice *ret)
{
    enum entry_error error = host_name_parse(a, text, ret);
    if (error != ENTRY_OK || !has_dash_digits(text))
        return error;
    *ret = slice_make(NULL, 0);
    return ENTRY_ERROR_DASH_DIGITS;
}

/* Digits with an optional "+" before them, canonical; empty only when may_be_empty. */
static enum entry_error failover_digits(struct arena *a, struct slice text, bool may_be_empty,
                                        struct slice *ret)
{
    text = slice_trim(text);
    *ret = slice_make(NULL, 0);
    if (text.n == 0)
        return may_be_empty ? ENTRY_OK : ENTRY_ERROR_FAILOVER;
    enum entry_error error = number_parse(a, text, phone_has_plus(text), ret);
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

/* The key of a pattern stands for what is dialled: the rule must fit the shortest of these. */
static bool failover_fits(const struct entry *e)
{
    uint8_t number[2 * (1 + NUMBER_MAX)], shortest[1 + NUMBER_MAX];
    struct entry dialled = *e;
    struct pattern p;
    if (e->failover.rule == FAILOVER_NONE)
        return true;
    if (kind_is_pattern(e->kind)) {
        if (!pattern_of_key(e->kind, e->key, &p))
            return false;
        size_t n = pattern_least(&p), plus = p.plus;
        if (n == 0)
            n = 1;
        memset(shortest, '0', sizeof shortest);
        shortest[0] = plus ? '+' : '0';
        dialled.key = slice_make(shortest, plus + n);
    }
    return failover_number(number, &dialled) != 0;
}

static enum entry_error key_parse(struct arena *a, uint8_t kind, struct slice text,
                                  struct slice *ret, size_t *at)
{
    switch (kind) {
    case ENTRY_URI: return diruri_parse_at(a, text, ret, at);
    case ENTRY_ENTERPRISE: return number_parse_at(a, text, false, ret, at);
    case ENTRY_E164: return number_parse_at(a, text, true, ret, at);
    case ENTRY_PATTERN_ENTERPRISE: return pattern_parse_at(a, text, false, ret, at);
    case ENTRY_PATTERN_E164: return pattern_parse_at(a, text, true, ret, at);
    default: return ENTRY_ERROR_KIND;
    }
}

enum entry_error entry_parse_at(struct arena *a, struct slice type, struct slice failover,
                                struct slice pattern, struct entry *ret, size_t *ret_at)
{
    struct slice trimmed = slice_trim(pattern);
    *ret = (struct entry){.kind = entry_kind_parse(type)};
    *ret_at = type.n;
    if (ret->kind == 0)
        return text_error(type, ENTRY_ERROR_KIND);
    enum entry_error error = key_parse(a, ret->kind, trimmed, &ret->key, ret_at);
    if (error != ENTRY_OK) {
        *ret_at = *ret_at < trimmed.n ? *ret_at + (size_t)(trimmed.p - pattern.p) : pattern.n;
        return error;
    }
    *ret_at = failover.n;
    error = failover_parse(a, failover, &ret->failover);
    return error == ENTRY_OK && !failover_fits(ret) ? ENTRY_ERROR_FAILOVER : error;
}

enum entry_error entry_parse(struct arena *a, struct slice type, struct slice failover,
                             struct slice pattern, struct entry *ret)
{
    size_t at;
    return entry_parse_at(a, type, failover, pattern, ret, &at);
}

/* A key that today's parser would spell otherwise breaks a rule, if only that of the spelling. */
enum entry_error entry_judge(struct arena *a, const struct entry *e)
{
    struct slice again;
    size_t at;
    enum entry_error error = key_parse(a, e->kind, e->key, &again, &at);
    if (error != ENTRY_OK)
        return error;
    if (!slice_eq(again, e->key))
        return ENTRY_ERROR_CHARACTER;
    return failover_fits(e) ? ENTRY_OK : ENTRY_ERROR_FAILOVER;
}

bool entry_uri_plain(struct slice user, struct slice domain, const struct failover *failover)
{
    if (user.n == 0 || user.n > USER_MAX || domain.n < 2 || user.n + 1 + domain.n > URI_MAX)
        return false;
    for (size_t i = 0; i < user.n; i++) {
        if (!user_byte(user.p[i]))
            return false;
    }
    for (size_t i = 0; i < domain.n; i++) {
        if (ascii_lower(domain.p[i]) != domain.p[i])
            return false;
    }
    return host_valid(domain) &&
           (failover->rule == FAILOVER_NONE ||
            (failover->rule == FAILOVER_NUMBER && number_is_plain(failover->digits)));
}
