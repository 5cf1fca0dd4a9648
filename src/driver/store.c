/* store: which kind of store it is. SQLite is built in; PostgreSQL is a module, for it brings
 * twenty packages with it, and stays loaded. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "driver/store_call.h"

#define MODULE "openils_store_postgresql.so"

/* NULL: said. */
static const struct store_module *module_of(char *error, size_t size)
{
    void *handle = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *why = dlerror();
        if (why != NULL && strncmp(why, MODULE, strlen(MODULE)) == 0)
            snprintf(error, size, "this ilsd was built without PostgreSQL; type sudo apt install "
                     "libpq-dev, and build and install OpenILS again");
        else
            snprintf(error, size, "a store in PostgreSQL needs the package libpq5 (%s); type sudo "
                     "apt install libpq5", why != NULL ? why : "it does not load");
        return NULL;
    }
    const struct store_module *module = dlsym(handle, STORE_MODULE_SYMBOL);
    if (module != NULL && module->version == STORE_MODULE_VERSION)
        return module;
    snprintf(error, size, "%s is of another version than ilsd; install both from one release "
             "(script/install)", MODULE);
    return NULL;
}

struct store *store_open_dsn(const char *dsn, const char *key_file, char *error, size_t size)
{
    const struct store_module *module = module_of(error, size);
    return module != NULL ? module->open(dsn, key_file, false, error, size) : NULL;
}

struct store *store_open_follow(const char *dsn, char *error, size_t size)
{
    const struct store_module *module = module_of(error, size);
    return module != NULL ? module->open(dsn, NULL, true, error, size) : NULL;
}

void store_close(struct store *s)
{
    if (s != NULL)
        s->calls->close(s);
}

const char *store_name(const struct store *s)
{
    return s->calls->name(s);
}

int store_load(struct store *s, uint8_t space, store_visit visit, void *context)
{
    return s->calls->load(s, space, visit, context);
}

int store_scan(struct store *s, const struct store_range *range, store_visit visit, void *context)
{
    return s->calls->scan(s, range, visit, context);
}

int store_scan_newest(struct store *s, uint8_t space, size_t max, store_visit visit, void *context)
{
    struct store_range range = {.space = space, .newest = true, .max = max};
    return s->calls->scan(s, &range, visit, context);
}

int store_begin(struct store *s)
{
    return s->calls->begin(s);
}

void store_soon(struct store *s)
{
    if (s->calls->soon != NULL)
        s->calls->soon(s);
}

void store_idle(struct store *s)
{
    if (s->calls->idle != NULL)
        s->calls->idle(s);
}

int store_apply(struct store *s, const struct store_row *row, size_t n)
{
    return s->calls->apply(s, row, n);
}

int store_commit(struct store *s)
{
    return s->calls->commit(s);
}

void store_rollback(struct store *s)
{
    s->calls->rollback(s);
}

int store_write(struct store *s, const struct store_row *row, size_t n)
{
    if (store_begin(s) == 0 && store_apply(s, row, n) == 0 && store_commit(s) == 0)
        return 0;
    store_rollback(s);
    return -1;
}

bool store_away(const struct store *s)
{
    return s->calls->away(s);
}

const char *store_trouble(const struct store *s)
{
    return s->calls->trouble(s);
}

void store_hurry(struct store *s)
{
    s->calls->hurry(s);
}

int store_check(struct store *s)
{
    return s->calls->check(s);
}

uint64_t store_bytes(const struct store *s)
{
    return s->calls->bytes(s);
}

int store_lease(struct store *s, const char *holder, unsigned ms, struct store_lease *ret)
{
    return s->calls->lease(s, holder, ms, ret);
}

int store_lease_read(struct store *s, struct store_lease *ret)
{
    return s->calls->lease_read(s, ret);
}

int store_lease_end(struct store *s)
{
    return s->calls->lease_end(s);
}

int store_moved(struct store *s, const char *where)
{
    return s->calls->moved(s, where);
}

int store_changes(struct store *s, unsigned spaces, uint64_t *version, store_visit visit,
                  void *context)
{
    return s->calls->changes(s, spaces, version, visit, context);
}

int store_wait(struct store *s, unsigned ms)
{
    return s->calls->wait(s, ms);
}

int store_snapshot(struct store *s)
{
    return s->calls->snapshot(s);
}

const char *store_error(const struct store *s)
{
    return s->error;
}
