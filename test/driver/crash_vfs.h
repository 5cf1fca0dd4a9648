/* crash_vfs: a recording VFS of SQLite. It writes as the real one does, and keeps each write,
 * truncation, sync and deletion, so that every state in which a crash may leave the disk can be
 * made of the record (crash_image). Registered as the default one of this process; the code under
 * test knows nothing of it. One database at a time. */
#ifndef OPENILS_TEST_CRASH_VFS_H
#define OPENILS_TEST_CRASH_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The journal is that of a database which is not in WAL mode yet: of its first page. */
enum { CRASH_DB, CRASH_WAL, CRASH_JOURNAL, CRASH_FILES };

enum crash_op_type { CRASH_WRITE, CRASH_TRUNCATE, CRASH_SYNC, CRASH_DELETE };

struct crash_op {
    enum crash_op_type type;
    int file;
    int64_t offset; /* WRITE; TRUNCATE: the new size */
    size_t n;
    uint8_t *bytes;
};

struct crash_record {
    struct crash_op *op;
    size_t n, size;
    bool no_sync; /* the control: a sync is not one */
};

/* What the disk makes of what was not synced when the power goes. */
enum crash_fate { CRASH_KEPT, CRASH_LOST, CRASH_TORN, CRASH_REORDERED, CRASH_FATES };
extern const char *const crash_fate_name[CRASH_FATES];

void crash_register(void);
/* What is opened from now on is recorded there; NULL: nothing is. */
void crash_record_to(struct crash_record *record);
void crash_record_free(struct crash_record *record);

/* The files as a crash behind the first `until` operations may leave them, into dir (ilsd.db, its
 * log and its journal), over `from` (a directory with what was there before, or NULL). seed: of
 * what is drawn. */
void crash_image(const struct crash_record *record, size_t until, enum crash_fate fate,
                 uint64_t seed, const char *from, const char *dir);

#endif
