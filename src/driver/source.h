/* source: reads one source of entries, whole: a catalog file, a query, a search. Blocks; meant for
 * a thread of its own. PostgreSQL, MariaDB and LDAP are modules beside ilsd, loaded when first
 * needed, so that nobody has to install their libraries who does not use them. */
#ifndef OPENILS_DRIVER_SOURCE_H
#define OPENILS_DRIVER_SOURCE_H

#include "driver/csv.h"
#include "driver/source_call.h"

#define SOURCE_TEXT_MAX 512
#define SOURCE_NEXT_MAX 256

struct source_result {
    struct csv_rows rows;        /* entries; `line`: of the file, else number of the row */
    bool by_line;                /* a file */
    bool good;                   /* everything was read, and all of it is good */
    char text[SOURCE_TEXT_MAX];  /* not good: why, one line for people */
    char next[SOURCE_NEXT_MAX];  /* ... and what to type or do; may be "" */
    char password[SOURCE_TEXT_MAX];
};

/* Reads the source within timeout_ms; *cancel may be set by anybody at any time. *ret is always
 * filled, is freed with source_result_free and must not be moved in between. */
void source_fetch(const struct source_spec *spec, int timeout_ms, const atomic_bool *cancel,
                  struct source_result *ret);
void source_result_free(struct source_result *result);

/* What is wrong with row or line i of the complaints. */
void source_result_complaint(const struct source_result *result, size_t i, char *dst, size_t size);

/* "file", "sqlite", "postgresql", "mariadb", "ldap"; 0 / "?" for what is none. */
const char *source_kind_text(uint8_t kind);
uint8_t source_kind_parse(const char *text);

/* The readers that are always here. */
void source_sqlite_fetch(struct source_call *call);

#endif
