/* datadir: the directory of one cluster's state, and the lock that keeps a second ilsd out. */
#ifndef OPENILS_DRIVER_DATADIR_H
#define OPENILS_DRIVER_DATADIR_H

#include <stdbool.h>
#include <stddef.h>

#define DATADIR_PATH_MAX 4096
#define DATADIR_ERROR    1024 /* room for a sentence that names a file and a remedy */

struct datadir {
    char path[DATADIR_PATH_MAX];
    int lock; /* file descriptor of PATH/lock, which holds the pid of the owner */
};

/* Makes the directory where it is missing (0750) and takes the lock. False: error says what is
 * wrong, with which file, and what to do about it. */
bool datadir_open(struct datadir *d, const char *path, char *error, size_t size);
void datadir_close(struct datadir *d);

/* The pid of the process that holds the lock of the directory, 0 when nobody does. */
long datadir_owner(const char *path);

/* PATH/name into dst; false when it is too long. */
bool datadir_file(const char *path, const char *name, char *dst, size_t size);

#endif
