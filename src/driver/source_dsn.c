/* source_dsn: words with values, one after the other; a word that is not known is an error and not
 * passed over. */
#include "driver/source_dsn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

static const char *const words[DSN_WORDS] = {"host",   "port", "user",  "dbname",
                                             "socket", "ssl",  "ssl_ca"};

static bool fails(char *error, size_t size, const char *why, const char *word)
{
    snprintf(error, size, "%s '%.60s'; it is host=NAME port=3306 user=NAME dbname=NAME, or "
             "socket=PATH, and ssl=on or ssl_ca=FILE", why, word);
    return false;
}

/* Cuts the value out, which is quoted or ends at a blank; what follows it, or NULL. */
static char *cut_value(char *p, const char **ret)
{
    bool quoted = *p == '\'';
    p += quoted;
    *ret = p;
    p += strcspn(p, quoted ? "'" : BLANKS);
    if (quoted && *p != '\'')
        return NULL;
    if (*p != '\0')
        *p++ = '\0';
    return p;
}

static bool take_port(struct dsn *d, char *error, size_t size)
{
    const char *text = d->value[DSN_PORT];
    size_t digits = text != NULL ? strspn(text, "0123456789") : 0;
    unsigned long port = digits > 0 && digits < 6 ? strtoul(text, NULL, 10) : 0;
    if (text != NULL && (text[digits] != '\0' || port == 0 || port > 65535))
        return fails(error, size, "no port is", text);
    d->port = (unsigned)port;
    return true;
}

bool dsn_parse(struct dsn *d, const char *text, char *error, size_t size)
{
    *d = (struct dsn){.port = 0};
    if (strlen(text) >= sizeof d->text)
        return fails(error, size, "it is too long", "");
    memcpy(d->text, text, strlen(text) + 1);
    for (char *p = d->text + strspn(d->text, BLANKS); *p != '\0'; p += strspn(p, BLANKS)) {
        char *name = p;
        size_t i = 0;
        p += strcspn(p, "=" BLANKS);
        if (*p != '=')
            return fails(error, size, "there is no = behind", name);
        *p++ = '\0';
        while (i < DSN_WORDS && strcmp(name, words[i]) != 0)
            i++;
        if (i == DSN_WORDS)
            return fails(error, size, "there is no", name);
        p = cut_value(p, &d->value[i]);
        if (p == NULL)
            return fails(error, size, "a quote is not closed behind", name);
    }
    return take_port(d, error, size);
}
