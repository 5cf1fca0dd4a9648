/* host: byte classes and hosts. One table of classes, because lookups pass through here. */
#include "plan/host.h"

#include <string.h>

enum byte_class { CLASS_USER = 1, CLASS_LABEL = 2 };

#define BOTH (CLASS_USER | CLASS_LABEL)

static const uint8_t classes[256] = {
    ['0' ... '9'] = BOTH, ['A' ... 'Z'] = BOTH, ['a' ... 'z'] = BOTH, ['-'] = BOTH,
    ['_'] = CLASS_USER,   ['.'] = CLASS_USER,   ['!'] = CLASS_USER,   ['~'] = CLASS_USER,
    ['*'] = CLASS_USER,   ['\''] = CLASS_USER,  ['('] = CLASS_USER,   [')'] = CLASS_USER,
    ['&'] = CLASS_USER,   ['='] = CLASS_USER,   ['+'] = CLASS_USER,   ['$'] = CLASS_USER,
    [','] = CLASS_USER,   ['/'] = CLASS_USER,
};

bool user_byte(uint8_t c)
{
    return (classes[c] & CLASS_USER) != 0;
}

int hex_value(uint8_t c)
{
    if (ascii_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool host_is_labels(struct slice host)
{
    size_t begin = 0;
    for (size_t i = 0; i <= host.n; i++) {
        if (i < host.n && host.p[i] != '.') {
            if ((classes[host.p[i]] & CLASS_LABEL) == 0)
                return false;
            continue;
        }
        if (i == begin || i - begin > 63 || host.p[begin] == '-' || host.p[i - 1] == '-')
            return false;
        begin = i + 1;
    }
    return true;
}

/* Four numbers of 0..255 without leading zeros. */
static bool host_is_ipv4(struct slice host)
{
    for (int part = 0; part < 4; part++) {
        size_t n = slice_find(host, '.');
        struct slice digits = slice_make(host.p, n);
        uint64_t value;
        if (n > 3 || !slice_to_u64(digits, 255, &value) || (n > 1 && digits.p[0] == '0'))
            return false;
        if (part == 3)
            return n == host.n;
        if (n == host.n)
            return false;
        host = slice_make(host.p + n + 1, host.n - n - 1);
    }
    return false;
}

bool host_valid(struct slice host)
{
    if (host.n > HOST_MAX || !host_is_labels(host))
        return false;
    for (size_t i = host.n; i > 0 && host.p[i - 1] != '.'; i--) {
        if (!ascii_digit(host.p[i - 1]))
            return true;
    }
    return host_is_ipv4(host);
}

bool host_is_ipv6(struct slice host)
{
    size_t colons = 0;
    if (host.n < 4 || host.n > 47 || host.p[0] != '[' || host.p[host.n - 1] != ']')
        return false;
    for (size_t i = 1; i < host.n - 1; i++) {
        if (host.p[i] == ':')
            colons++;
        else if (host.p[i] != '.' && hex_value(host.p[i]) < 0)
            return false;
    }
    return colons >= 2 && colons <= 7;
}

void slice_lower(uint8_t *dst, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        dst[i] = ascii_lower(s.p[i]);
}

enum entry_error text_error(struct slice text, enum entry_error otherwise)
{
    return slice_is_utf8(text) ? otherwise : ENTRY_ERROR_ENCODING;
}

enum entry_error user_canonical(uint8_t *dst, struct slice user, size_t *ret_n)
{
    static const uint8_t digits[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < user.n; i++) {
        if (user_byte(user.p[i])) {
            dst[n++] = user.p[i];
            continue;
        }
        if (user.p[i] != '%' || user.n - i < 3)
            return ENTRY_ERROR_CHARACTER;
        int high = hex_value(user.p[i + 1]), low = hex_value(user.p[i + 2]);
        if (high < 0 || low < 0)
            return ENTRY_ERROR_CHARACTER;
        uint8_t c = (uint8_t)(high << 4 | low);
        if (c < 0x20 || c == 0x7f)
            return ENTRY_ERROR_CHARACTER;
        if (user_byte(c)) {
            dst[n++] = c;
        } else {
            dst[n++] = '%';
            dst[n++] = digits[high];
            dst[n++] = digits[low];
        }
        i += 2;
    }
    *ret_n = n;
    return ENTRY_OK;
}
