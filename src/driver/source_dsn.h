/* source_dsn: where a MariaDB is, in words like those of PostgreSQL: host=db port=3306 user=ils
 * dbname=kamailio socket=PATH ssl=on ssl_ca=FILE. A value with blanks stands in '...'. A password
 * is refused. */
#ifndef OPENILS_DRIVER_SOURCE_DSN_H
#define OPENILS_DRIVER_SOURCE_DSN_H

#include <stdbool.h>
#include <stddef.h>

#define DSN_MAX   1024
#define DSN_ERROR 256

enum dsn_word {
    DSN_HOST,
    DSN_PORT,
    DSN_USER,
    DSN_DBNAME,
    DSN_SOCKET,
    DSN_SSL,
    DSN_SSL_CA,
    DSN_WORDS,
};

struct dsn {
    char text[DSN_MAX];
    const char *value[DSN_WORDS]; /* into text, NUL-terminated; NULL: not given */
    unsigned port;                /* 0: not given */
};

/* False: error says what is wrong. *d must not be moved afterwards. */
bool dsn_parse(struct dsn *d, const char *text, char *error, size_t size);

#endif
