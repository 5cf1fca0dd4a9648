/* csv: reads a catalog file into entries, and says of every row that is none what is wrong with it.
 *
 * The first row names the columns, in any order and case: `PatternType,PSTNFailover,Pattern`, or
 * `type,key` with or without `failover` and `source`; the spellings may be mixed. Values are those
 * of entry_parse. Rows whose fields are all empty are passed over. Whether a file with errors is
 * taken in part is the caller's decision; the product takes all or nothing. */
#ifndef OPENILS_DRIVER_CSV_H
#define OPENILS_DRIVER_CSV_H

#include "base/arena.h"
#include "plan/entry.h"

#define CSV_COMPLAINTS_MAX 100 /* kept; all are counted */
#define CSV_ROWS_MAX       UINT32_C(10000000)
#define CSV_SOURCES_MAX    64 /* named in one file */

enum csv_fault {
    CSV_FAULT_EMPTY,         /* no header and no row */
    CSV_FAULT_HEADER,        /* column names missing, unknown or repeated */
    CSV_FAULT_ENCODING,      /* bytes that are not of the encoding */
    CSV_FAULT_ENCODING_NAME, /* the encoding asked for is not known here */
    CSV_FAULT_NUL,
    CSV_FAULT_QUOTES,
    CSV_FAULT_COLUMNS,       /* fewer or more fields than the header names */
    CSV_FAULT_ENTRY,         /* `entry` says why */
    CSV_FAULT_DUPLICATE,     /* `first_line` has the same key (URIs: without case) */
    CSV_FAULT_ROWS,          /* more than CSV_ROWS_MAX */
    CSV_FAULT_SOURCE,        /* too long a name, or more than CSV_SOURCES_MAX of them */
    CSV_FAULT_MEMORY,
};

struct csv_complaint {
    uint32_t line;        /* on which the row begins, 1-based; 0: the file as a whole */
    uint32_t first_line;  /* CSV_FAULT_DUPLICATE */
    enum csv_fault fault;
    enum entry_error entry;
    char column[16];      /* as the header spells it; "" when it is no single column */
    char text[64];        /* the offending text: printable, at most 60 bytes */
    char sentence[200];   /* what is wrong and, where one can say, what to do */
};

struct csv_rows {
    struct entry *entry; /* in the order of the file */
    uint32_t *line;      /* of each entry */
    uint8_t *source;     /* of each entry: 0, or 1 + the number of its name */
    struct slice source_name[CSV_SOURCES_MAX]; /* of the column `source` */
    size_t source_n;     /* 0: there is no such column, or it is empty throughout */
    size_t n;
    struct csv_complaint *complaint; /* in the order of the file */
    size_t complaint_n;
    uint64_t complaints;             /* all, kept or not */

    struct mem mem; /* from here on: csv_read's and csv_rows_free's */
    struct arena arena;
    size_t size;
};

/* Reads n bytes. encoding: a name that iconv(3) knows, or NULL or "" for UTF-8 (a byte order mark
 * is passed over). *ret is always filled and is freed with csv_rows_free, also after false; it must
 * not be moved in between. True: no complaint. */
bool csv_read(const uint8_t *bytes, size_t n, const char *encoding, struct csv_rows *ret);
void csv_rows_free(struct csv_rows *rows);

/* The complaint as one line for people, "line 7, column Pattern: "x": ...", cut at size - 1. */
void csv_complaint_text(const struct csv_complaint *complaint, char *dst, size_t size);

#endif
