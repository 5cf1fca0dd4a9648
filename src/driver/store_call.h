/* store_call: what a kind of store gives to store.c. PostgreSQL is a module, loaded where such a
 * store is configured; it knows this header and store.h alone, and uses no symbol of ilsd. */
#ifndef OPENILS_DRIVER_STORE_CALL_H
#define OPENILS_DRIVER_STORE_CALL_H

#include "driver/store.h"

/* As the functions of store.h that are called so. */
struct store_calls {
    void (*close)(struct store *s);
    const char *(*name)(const struct store *s);
    int (*load)(struct store *s, uint8_t space, store_visit visit, void *context);
    int (*scan)(struct store *s, const struct store_range *range, store_visit visit, void *context);
    int (*begin)(struct store *s);
    int (*apply)(struct store *s, const struct store_row *row, size_t n);
    int (*commit)(struct store *s);
    void (*rollback)(struct store *s);
    bool (*away)(const struct store *s);
    const char *(*trouble)(const struct store *s);
    void (*hurry)(struct store *s);
    int (*check)(struct store *s);
    uint64_t (*bytes)(const struct store *s);
    int (*lease)(struct store *s, const char *holder, unsigned ms, struct store_lease *ret);
    int (*lease_read)(struct store *s, struct store_lease *ret);
    int (*lease_end)(struct store *s);
    int (*moved)(struct store *s, const char *where);
    int (*changes)(struct store *s, unsigned spaces, uint64_t *version, store_visit visit,
                   void *context);
    int (*wait)(struct store *s, unsigned ms);
    int (*snapshot)(struct store *s);
    void (*soon)(struct store *s); /* NULL: nothing can be done ahead */
    void (*idle)(struct store *s);
};

/* What every store begins with. */
struct store {
    const struct store_calls *calls;
    char error[STORE_ERROR];
};

#define STORE_MODULE_VERSION 4
#define STORE_MODULE_SYMBOL  "openils_store"

struct store_module {
    int version; /* STORE_MODULE_VERSION */
    /* key_file: NULL = none; follow: to read only. */
    struct store *(*open)(const char *dsn, const char *key_file, bool follow, char *error,
                          size_t size);
};

#endif
