/* store_wal: what SQLite writes into its log, in fewer pieces. A commit of a few rows is six or
 * seven pages, each written as 24 bytes and 4 KiB, one behind the other: a third of the time until
 * it is synced. Here they are gathered, and written when SQLite asks for anything else of the log:
 * the order of what is written, and what has been written when a sync begins, stay as they were. A
 * write that fails is said by whatever comes next, at the latest by that sync. */
#include "driver/store_inside.h"

#include <string.h>

#define GATHER 65536 /* bytes: all but a large commit */

struct log_file {
    sqlite3_file file; /* what SQLite sees; it must be first */
    uint8_t *bytes;    /* gathered */
    size_t n;
    sqlite3_int64 at;  /* of the first of them in the file */
    sqlite3_file *real; /* behind this */
};

static struct log_file *log_of(sqlite3_file *f)
{
    return (struct log_file *)(void *)f;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return log_of(f)->real;
}

static int flush(sqlite3_file *f)
{
    struct log_file *l = log_of(f);
    size_t n = l->n;
    l->n = 0;
    return n == 0 ? SQLITE_OK : l->real->pMethods->xWrite(l->real, l->bytes, (int)n, l->at);
}

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct log_file *l = log_of(f);
    size_t size = (size_t)n;
    if (l->n > 0 && (at != l->at + (sqlite3_int64)l->n || size > GATHER - l->n)) {
        int code = flush(f);
        if (code != SQLITE_OK)
            return code;
    }
    if (size > GATHER)
        return l->real->pMethods->xWrite(l->real, p, n, at);
    if (l->n == 0)
        l->at = at;
    memcpy(l->bytes + l->n, p, size);
    l->n += size;
    return SQLITE_OK;
}

static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    int code = flush(f);
    return code != SQLITE_OK ? code : real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int code = flush(f);
    return code != SQLITE_OK ? code : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int on_sync(sqlite3_file *f, int flags)
{
    int code = flush(f);
    return code != SQLITE_OK ? code : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int on_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    int code = flush(f);
    return code != SQLITE_OK ? code : real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int on_close(sqlite3_file *f)
{
    int code = flush(f), closed = real_of(f)->pMethods->xClose(real_of(f));
    sqlite3_free(log_of(f)->bytes);
    return code != SQLITE_OK ? code : closed;
}

static int on_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int on_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int on_reserved(sqlite3_file *f, int *ret)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int on_control(sqlite3_file *f, int op, void *p)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, p);
}

static int on_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int on_device(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_device,
};

/* Files that are no log are the system's own, as if this were not there. */
static int on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    sqlite3_vfs *real = v->pAppData;
    struct log_file *l = log_of(f);
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return real->xOpen(real, name, f, flags, ret_flags);
    memset(l, 0, sizeof *l);
    l->bytes = sqlite3_malloc(GATHER);
    l->real = (sqlite3_file *)(void *)(l + 1);
    if (l->bytes == NULL)
        return SQLITE_NOMEM;
    int code = real->xOpen(real, name, l->real, flags, ret_flags);
    if (code != SQLITE_OK)
        sqlite3_free(l->bytes);
    else
        l->file.pMethods = &methods;
    return code;
}

const char *store_wal_vfs(void)
{
    static sqlite3_vfs gather;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (gather.zName == NULL && real != NULL) {
        gather = *real;
        gather.pNext = NULL;
        gather.zName = "openils";
        gather.pAppData = real;
        gather.szOsFile = real->szOsFile + (int)sizeof(struct log_file);
        gather.xOpen = on_open;
        if (sqlite3_vfs_register(&gather, 0) != SQLITE_OK)
            return NULL;
    }
    return gather.zName;
}
