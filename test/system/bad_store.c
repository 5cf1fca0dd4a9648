/* bad_store: a disk that fails, as a library before libc's (LD_PRELOAD). The first byte of the file
 * $ILS_BAD_STORE says how what is written to ilsd.db and its log ends: '-' well; 'f' the disk is
 * full; 'r' it is read-only; 'e' an error of the medium, each time; 'h' every second time. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static const volatile char *mode;
static atomic_uint calls;

__attribute__((constructor)) static void find(void)
{
    const char *path = getenv("ILS_BAD_STORE");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        mode = page;
    if (fd >= 0)
        close(fd);
}

/* Whether this call fails; errno is set then. */
static bool fails(int fd)
{
    char link[64], path[512];
    char how = mode != NULL ? *mode : '-';
    if (how == '-')
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = 0;
    if (strstr(path, "ilsd.db") == NULL || (how == 'h' && atomic_fetch_add(&calls, 1) % 2 == 0))
        return false;
    errno = how == 'f' ? ENOSPC : how == 'r' ? EROFS : EIO;
    return true;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    return fails(fd) ? -1 : REAL(pwrite64)(fd, bytes, n, at);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    return fails(fd) ? -1 : REAL(write)(fd, bytes, n);
}

int fdatasync(int fd)
{
    return fails(fd) ? -1 : REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    return fails(fd) ? -1 : REAL(fsync)(fd);
}

int ftruncate64(int fd, off64_t size)
{
    return fails(fd) ? -1 : REAL(ftruncate64)(fd, size);
}
