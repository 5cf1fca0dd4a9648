/* temp: a directory of a test's own, gone with all that is in it when the test is over. */
#ifndef OPENILS_TEST_TEMP_H
#define OPENILS_TEST_TEMP_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

struct temp {
    char path[64];
};

static inline void temp_make(struct temp *t)
{
    const char *top = getenv("TMPDIR");
    bool fits = top != NULL && strlen(top) < 32;
    snprintf(t->path, sizeof t->path, "%s/openils-test-XXXXXX", fits ? top : "/tmp");
    assert_non_null(mkdtemp(t->path));
}

static inline int temp_remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
    (void)s, (void)type, (void)f;
    return remove(path);
}

static inline void temp_done(struct temp *t)
{
    nftw(t->path, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *temp_file(const struct temp *t, const char *name, char dst[static 160])
{
    snprintf(dst, 160, "%s/%.90s", t->path, name);
    return dst;
}

#endif
