/* number: telephone numbers as people write them, brought to digits. */
#include "plan/entry.h"
#include "plan/host.h"

static bool number_separator(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '-' || c == '.' || c == '(' || c == ')';
}

/* "+81 (0)3 ...": the zero in brackets is not dialled from abroad; a number that kept it would be
 * another one. */
static bool number_has_trunk_zero(struct slice text)
{
    for (size_t i = 0; i + 2 < text.n; i++) {
        if (text.p[i] == '(' && text.p[i + 1] == '0' && text.p[i + 2] == ')')
            return true;
    }
    return false;
}

enum entry_error number_parse(struct arena *a, struct slice text, bool e164, struct slice *ret)
{
    enum entry_error wrong = e164 ? ENTRY_ERROR_NOT_E164 : ENTRY_ERROR_CHARACTER;
    uint8_t canonical[1 + NUMBER_MAX];
    size_t n = 0;
    *ret = slice_make(NULL, 0);
    if (text.n == 0)
        return ENTRY_ERROR_EMPTY;
    if (e164 && number_has_trunk_zero(text))
        return text_error(text, wrong);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (number_separator(c))
            continue;
        if (!ascii_digit(c) && !(e164 && n == 0 && c == '+'))
            return text_error(text, wrong);
        if (e164 && n == 0 && c != '+')
            return text_error(text, wrong);
        if (n == (e164 ? 1 + NUMBER_MAX : NUMBER_MAX))
            return text_error(text, ENTRY_ERROR_TOO_LONG);
        canonical[n++] = c;
    }
    if (n == 0)
        return ENTRY_ERROR_EMPTY;
    if (e164 && n == 1)
        return wrong;
    *ret = arena_copy(a, slice_make(canonical, n));
    return ret->p == NULL ? ENTRY_ERROR_MEMORY : ENTRY_OK;
}
