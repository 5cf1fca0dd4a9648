/* parts: long values kept in parts, of which those alone are written that changed (parts.c). */
#ifndef OPENILS_DRIVER_PARTS_H
#define OPENILS_DRIVER_PARTS_H

#include "base/slice.h"

struct parts;

/* How parts are written. All give 0, or -1: it failed. */
struct parts_io {
    size_t size; /* bytes of a part */
    int (*put)(void *own, struct slice key, size_t number, struct slice part);
    int (*remove)(void *own, struct slice key, size_t number);
    /* All parts of the key, or of all smaller keys. */
    int (*gone)(void *own, struct slice key, bool below);
};

/* NULL: no memory. */
struct parts *parts_new(const struct parts_io *io, void *own);
void parts_free(struct parts *p);

/* Before the row is written: what is left of *value for it is valid until the next call. 0, or -1:
 * io, or no memory. */
int parts_put(struct parts *p, struct slice key, struct slice *value);
/* With the row, or with those of all smaller keys. */
int parts_remove(struct parts *p, struct slice key, bool below);
/* What was written since the last commit may not be there. */
void parts_forget(struct parts *p);

#endif
