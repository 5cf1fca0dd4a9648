/* The bytes are a DSN. It is refused with a sentence, or its words lie in it and give, put together
 * again, the same. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "driver/source_dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[DSN_WORDS] = {"host",   "port", "user",  "dbname",
                                             "socket", "ssl",  "ssl_ca"};

static void check_again(const struct dsn *d)
{
    char text[2 * DSN_MAX] = "", error[DSN_ERROR];
    struct dsn again;
    size_t n = 0;
    for (size_t i = 0; i < DSN_WORDS; i++) {
        if (d->value[i] == NULL)
            continue;
        assert(d->value[i] > d->text && d->value[i] < d->text + sizeof d->text);
        n += (size_t)snprintf(text + n, sizeof text - n, " %s='%s'", words[i], d->value[i]);
    }
    bool quote = false; /* which cannot be written inside quotes */
    for (size_t i = 0; i < DSN_WORDS; i++)
        quote = quote || (d->value[i] != NULL && strchr(d->value[i], '\'') != NULL);
    if (quote || n >= DSN_MAX)
        return;
    assert(dsn_parse(&again, text, error, sizeof error) && again.port == d->port);
    for (size_t i = 0; i < DSN_WORDS; i++)
        assert((again.value[i] == NULL) == (d->value[i] == NULL) &&
               (d->value[i] == NULL || strcmp(again.value[i], d->value[i]) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[DSN_ERROR] = "";
    struct dsn d;
    char *text = malloc(size + 1);
    assert(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (dsn_parse(&d, text, error, sizeof error))
        check_again(&d);
    else
        assert(error[0] != '\0');
    free(text);
    return 0;
}
