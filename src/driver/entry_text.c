/* entry_text: one sentence an error, for files, sources and commands alike. */
#include "driver/entry_text.h"

#include <stdio.h>

static const char *const texts[ENTRY_ERRORS] = {
    [ENTRY_ERROR_EMPTY] = "a value is missing here",
    [ENTRY_ERROR_KIND] = "unknown type: URI, ENTERPRISE, E164, ENTERPRISEPATTERN and E164PATTERN "
                         "are known",
    [ENTRY_ERROR_TOO_LONG] = "too long: a directory URI has at most 254 bytes, a number 24 digits, "
                             "a pattern 24 digits and wildcards",
    [ENTRY_ERROR_CHARACTER] = "a character that may not stand in such a value",
    [ENTRY_ERROR_NO_AT] = "a directory URI is user@host",
    [ENTRY_ERROR_HOST] = "behind the @ stands a host name of two characters or more, or an IPv4 "
                         "address, and nothing else",
    [ENTRY_ERROR_NOT_E164] = "an E.164 number or pattern is + and digits, country code first, "
                             "without (0)",
    [ENTRY_ERROR_FAILOVER] = "not a PSTN failover for this entry: leave it empty, or ITSELF, a "
                             "number, or digits to strip, a colon and digits to put before "
                             "(1:0312)",
    [ENTRY_ERROR_ENCODING] = "not UTF-8",
    [ENTRY_ERROR_MEMORY] = "there is no memory for this",
    [ENTRY_ERROR_USER_LONG] = "too long: before the @ stand at most 47 characters",
    [ENTRY_ERROR_IS_PATTERN] = "a number with wildcards is a pattern: its type is "
                               "ENTERPRISEPATTERN or E164PATTERN",
    [ENTRY_ERROR_SET] = "a set of digits is [ digits and ranges ], as [1-5] or [^0]",
    [ENTRY_ERROR_REPEAT] = "? and + repeat the digit or wildcard before them, and there is none",
    [ENTRY_ERROR_DASH_DIGITS] = "between two dashes of a route string may not stand digits alone",
    [ENTRY_ERROR_ESCAPE] = "in a SIP URI such a character is escaped: a blank is %20",
    [ENTRY_ERROR_PORT] = "a port is a number from 1 to 65535",
};

const char *entry_error_text(enum entry_error error)
{
    size_t i = (size_t)error;
    return i < ENTRY_ERRORS && texts[i] != NULL ? texts[i] : "not an entry";
}

void entry_error_place(enum entry_error error, struct slice text, size_t at, char *dst,
                       size_t size)
{
    size_t character = 1;
    for (size_t i = 0; i < at && i < text.n; i++)
        character += (text.p[i] & 0xc0) != 0x80;
    if (at < text.n && error != ENTRY_ERROR_ENCODING)
        snprintf(dst, size, "at character %zu: %s", character, entry_error_text(error));
    else
        snprintf(dst, size, "%s", entry_error_text(error));
}
