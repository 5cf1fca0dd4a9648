/* datadir: a lock taken with flock, so that it ends with its process, however that ends. The pid in
 * the file is for people: it is believed only while the lock is held. */
#include "driver/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool datadir_file(const char *path, const char *name, char *dst, size_t size)
{
    int n = snprintf(dst, size, "%s/%s", path, name);
    return n > 0 && (size_t)n < size;
}

/* Makes one directory after the other; a missing parent is made as well. */
static int make_all(const char *path)
{
    char part[DATADIR_PATH_MAX];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part)
        return ENAMETOOLONG;
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0750) != 0 && errno != EEXIST)
            return errno;
        part[i] = kept;
    }
    struct stat s;
    if (stat(path, &s) != 0)
        return errno;
    return S_ISDIR(s.st_mode) ? 0 : ENOTDIR;
}

static long read_pid(int fd)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    return strtol(text, NULL, 10);
}

static bool fail(struct datadir *d, int saved, const char *what, char *error, size_t size)
{
    const char *remedy = "give another directory with --data";
    if (saved == EACCES || saved == EPERM)
        remedy = "run ilsd as the owner of this directory, or give another one with --data";
    else if (saved == EROFS)
        remedy = "mount it writable, or give another directory with --data";
    else if (saved == ENOSPC || saved == EDQUOT)
        remedy = "make room on this file system and start again";
    snprintf(error, size, "%s %s: %s; %s", what, d->path, strerror(saved), remedy);
    if (d->lock >= 0)
        close(d->lock);
    d->lock = -1;
    return false;
}

bool datadir_open(struct datadir *d, const char *path, char *error, size_t size)
{
    char file[DATADIR_PATH_MAX];
    d->lock = -1;
    int n = snprintf(d->path, sizeof d->path, "%s", path);
    if (n <= 0 || (size_t)n >= sizeof d->path || !datadir_file(path, "lock", file, sizeof file))
        return fail(d, ENAMETOOLONG, "cannot use the data directory", error, size);
    int wrong = make_all(path);
    if (wrong != 0)
        return fail(d, wrong, "cannot make the data directory", error, size);
    d->lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (d->lock < 0)
        return fail(d, errno, "cannot write into the data directory", error, size);
    if (flock(d->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fail(d, errno, "cannot lock the data directory", error, size);
        long pid = read_pid(d->lock);
        snprintf(
            error, size,
            "the data directory %s is in use by another ilsd (pid %ld, lock file %s); end that "
            "one first (kill %ld), or give another directory with --data",
            path, pid, file, pid);
        close(d->lock);
        d->lock = -1;
        return false;
    }
    char text[32];
    n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(d->lock, 0) != 0 || pwrite(d->lock, text, (size_t)n, 0) != n)
        return fail(d, errno, "cannot write into the data directory", error, size);
    return true;
}

void datadir_close(struct datadir *d)
{
    if (d->lock < 0)
        return;
    /* An empty file, not a missing one: unlinking would let two starters lock two files. */
    if (ftruncate(d->lock, 0) != 0)
        errno = 0;
    close(d->lock);
    d->lock = -1;
}

long datadir_owner(const char *path)
{
    char file[DATADIR_PATH_MAX];
    if (!datadir_file(path, "lock", file, sizeof file))
        return 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    long pid = 0;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0)
        pid = read_pid(fd);
    close(fd);
    return pid;
}
