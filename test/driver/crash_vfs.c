/* crash_vfs: the shim, and the images. A sync makes durable what was written to its file before it;
 * what came after the last one is kept, lost, cut in the middle of its last write, or taken sector
 * by sector as chance has it. */
#include "crash_vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

#define SECTOR 512

const char *const crash_fate_name[CRASH_FATES] = {"all kept", "all lost", "torn", "reordered"};

static sqlite3_vfs *real;
static sqlite3_vfs shim;
static struct crash_record *recording;

struct shim_file {
    sqlite3_file base;
    struct crash_record *record;
    int file; /* -1: not one of ours */
    sqlite3_file *real;
};

/* --- recording */

static struct crash_op *record_op(struct crash_record *r, enum crash_op_type type, int file)
{
    if (r->n == r->size) {
        r->size = r->size == 0 ? 1024 : r->size * 2;
        r->op = realloc(r->op, r->size * sizeof *r->op);
        assert(r->op != NULL);
    }
    r->op[r->n] = (struct crash_op){.type = type, .file = file};
    return &r->op[r->n++];
}

static int file_of(const char *name)
{
    size_t n = name != NULL ? strlen(name) : 0;
    if (n >= 4 && strcmp(name + n - 4, "-wal") == 0)
        return CRASH_WAL;
    if (n >= 8 && strcmp(name + n - 8, "-journal") == 0)
        return CRASH_JOURNAL;
    return n >= 7 && strcmp(name + n - 7, "ilsd.db") == 0 ? CRASH_DB : -1;
}

static sqlite3_file *under(sqlite3_file *f)
{
    return ((struct shim_file *)f)->real;
}

static int on_close(sqlite3_file *f)
{
    int code = under(f)->pMethods->xClose(under(f));
    free(under(f));
    return code;
}

static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return under(f)->pMethods->xRead(under(f), p, n, at);
}

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct shim_file *s = (struct shim_file *)f;
    if (s->record != NULL && s->file >= 0) {
        struct crash_op *op = record_op(s->record, CRASH_WRITE, s->file);
        op->offset = at;
        op->n = (size_t)n;
        op->bytes = malloc((size_t)n);
        assert(op->bytes != NULL);
        memcpy(op->bytes, p, (size_t)n);
    }
    return under(f)->pMethods->xWrite(under(f), p, n, at);
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct shim_file *s = (struct shim_file *)f;
    if (s->record != NULL && s->file >= 0)
        record_op(s->record, CRASH_TRUNCATE, s->file)->offset = size;
    return under(f)->pMethods->xTruncate(under(f), size);
}

static int on_sync(sqlite3_file *f, int flags)
{
    struct shim_file *s = (struct shim_file *)f;
    if (s->record != NULL && s->file >= 0 && !s->record->no_sync)
        record_op(s->record, CRASH_SYNC, s->file);
    return SQLITE_OK; /* what a crash leaves is made of the record, never of this disk */
}

static int on_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return under(f)->pMethods->xFileSize(under(f), size);
}

static int on_lock(sqlite3_file *f, int how)
{
    return under(f)->pMethods->xLock(under(f), how);
}

static int on_unlock(sqlite3_file *f, int how)
{
    return under(f)->pMethods->xUnlock(under(f), how);
}

static int on_reserved(sqlite3_file *f, int *ret)
{
    return under(f)->pMethods->xCheckReservedLock(under(f), ret);
}

static int on_control(sqlite3_file *f, int op, void *p)
{
    return under(f)->pMethods->xFileControl(under(f), op, p);
}

static int on_sector(sqlite3_file *f)
{
    return under(f)->pMethods->xSectorSize(under(f));
}

static int on_device(sqlite3_file *f)
{
    return under(f)->pMethods->xDeviceCharacteristics(under(f));
}

static const sqlite3_io_methods methods = {
    1,       on_close,  on_read,   on_write,    on_truncate, on_sync,   on_size,
    on_lock, on_unlock, on_reserved, on_control, on_sector,   on_device,
    NULL,    NULL,      NULL,      NULL,        NULL,        NULL,
};

static int on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    struct shim_file *s = (struct shim_file *)f;
    memset(s, 0, sizeof *s);
    s->real = calloc(1, (size_t)real->szOsFile);
    assert(s->real != NULL);
    s->record = recording;
    s->file = file_of(name);
    int code = real->xOpen(real, name, s->real, flags, ret_flags);
    if (s->real->pMethods != NULL)
        s->base.pMethods = &methods;
    else
        free(s->real);
    return code;
}

static int on_delete(sqlite3_vfs *v, const char *name, int sync)
{
    if (recording != NULL && file_of(name) >= 0)
        record_op(recording, CRASH_DELETE, file_of(name));
    return real->xDelete(real, name, sync);
}

void crash_register(void)
{
    real = sqlite3_vfs_find(NULL);
    shim = *real;
    shim.zName = "crash";
    shim.pNext = NULL;
    shim.szOsFile = (int)sizeof(struct shim_file);
    shim.xOpen = on_open;
    shim.xDelete = on_delete;
    sqlite3_vfs_register(&shim, 1);
}

void crash_record_to(struct crash_record *record)
{
    recording = record;
}

void crash_record_free(struct crash_record *record)
{
    for (size_t i = 0; i < record->n; i++)
        free(record->op[i].bytes);
    free(record->op);
    *record = (struct crash_record){0};
}

/* --- images */

struct image {
    uint8_t *p;
    size_t n;
    bool there;
};

static void grow(struct image *m, size_t n)
{
    if (n <= m->n)
        return;
    m->p = realloc(m->p, n);
    assert(m->p != NULL);
    memset(m->p + m->n, 0, n - m->n);
    m->n = n;
}

static void apply_part(struct image *m, const struct crash_op *op, size_t from, size_t to)
{
    m->there = true;
    grow(m, (size_t)op->offset + to);
    if (to > from)
        memcpy(m->p + op->offset + from, op->bytes + from, to - from);
}

static void apply(struct image *m, const struct crash_op *op)
{
    switch (op->type) {
    case CRASH_WRITE: apply_part(m, op, 0, op->n); break;
    case CRASH_TRUNCATE:
        grow(m, (size_t)op->offset);
        m->n = (size_t)op->offset;
        break;
    case CRASH_DELETE:
        m->n = 0;
        m->there = false;
        break;
    case CRASH_SYNC: break;
    }
}

/* Each sector is there or not, as chance has it. */
static void apply_some(struct image *m, const struct crash_op *op, struct rand *r)
{
    if (op->type != CRASH_WRITE) {
        if (rand_below(r, 2) == 0)
            apply(m, op);
        return;
    }
    for (size_t at = 0; at < op->n; at += SECTOR) {
        size_t end = at + SECTOR < op->n ? at + SECTOR : op->n;
        if (rand_below(r, 2) == 0)
            apply_part(m, op, at, end);
    }
}

static void read_image(const char *dir, const char *name, struct image *m)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return;
    fseek(f, 0, SEEK_END);
    grow(m, (size_t)ftell(f));
    rewind(f);
    size_t got = fread(m->p, 1, m->n, f);
    assert(got == m->n);
    m->there = true;
    fclose(f);
}

static void write_image(const char *dir, const char *name, const struct image *m)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    remove(path);
    if (!m->there)
        return;
    FILE *f = fopen(path, "wb");
    assert(f != NULL);
    size_t put = m->n > 0 ? fwrite(m->p, 1, m->n, f) : 0;
    assert(put == m->n);
    fclose(f);
}

/* Behind the last sync of the directory: SQLite makes it with the first sync of a file that it has
 * made, and what was deleted before that stays deleted. */
static size_t directory_synced(const struct crash_record *record, size_t until)
{
    bool known[CRASH_FILES] = {false};
    size_t synced = 0;
    for (size_t i = 0; i < until; i++) {
        const struct crash_op *op = &record->op[i];
        if (op->type == CRASH_SYNC && !known[op->file])
            synced = i;
        if (op->type == CRASH_SYNC || op->type == CRASH_DELETE)
            known[op->file] = op->type == CRASH_SYNC;
    }
    return synced;
}

void crash_image(const struct crash_record *record, size_t until, enum crash_fate fate,
                 uint64_t seed, const char *from, const char *dir)
{
    static const char *const name[CRASH_FILES] = {"ilsd.db", "ilsd.db-wal",
                                                   "ilsd.db-journal"};
    size_t directory = directory_synced(record, until);
    struct rand r;
    rand_seed(&r, seed);
    for (int file = 0; file < CRASH_FILES; file++) {
        struct image m = {0};
        size_t synced = 0, last = 0;
        if (from != NULL)
            read_image(from, name[file], &m);
        for (size_t i = 0; i < until; i++) {
            if (record->op[i].file != file)
                continue;
            if (record->op[i].type == CRASH_SYNC ||
                (record->op[i].type == CRASH_DELETE && i < directory))
                synced = i + 1;
            last = i;
        }
        for (size_t i = 0; i < until; i++) {
            const struct crash_op *op = &record->op[i];
            if (op->file != file)
                continue;
            if (i < synced || fate == CRASH_KEPT)
                apply(&m, op);
            else if (fate == CRASH_TORN && i == last && op->type == CRASH_WRITE)
                apply_part(&m, op, 0, rand_below(&r, op->n + 1));
            else if (fate == CRASH_TORN)
                apply(&m, op);
            else if (fate == CRASH_REORDERED)
                apply_some(&m, op, &r);
        }
        write_image(dir, name[file], &m);
        free(m.p);
    }
}
