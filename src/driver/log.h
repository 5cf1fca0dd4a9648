/* log: the trace on disk, in the form that readers of the original's traces know (SDL*.txt), beside
 * it the same records as JSON lines; and alarms to the journal or syslog. */
#ifndef OPENILS_DRIVER_LOG_H
#define OPENILS_DRIVER_LOG_H

#include "base/tick.h"
#include <stddef.h>
#include <stdint.h>

#define LOG_FILE_MAX  (2 * 1024 * 1024) /* bytes, then the next file begins */
#define LOG_FILES_MAX 250               /* then the oldest goes */
#define LOG_LINE_MAX  2048

struct log;

/* Makes DIR/trace/ils/sdl and DIR/trace/ils/json and goes on behind the files that are there. NULL:
 * error names directory and cause. */
struct log *log_open(const char *dir, char *error, size_t size);
void log_close(struct log *l);

/* Other limits than the above; before the first record. */
void log_limits(struct log *l, size_t file_max, unsigned files_max);

/* The next record begins a new sequence number; further records share it and count up. */
void log_step(struct log *l);

/* Writes one record: text without line ends, and its JSON object as text (NULL: none). The line as
 * written, without line end, is put into ret_line. A disk that fails loses records, never the
 * daemon: log_lost counts them. */
void log_write(struct log *l, wall now, const char *text, const char *json,
               char ret_line[static LOG_LINE_MAX]);
uint64_t log_lost(const struct log *l);

/* Begins new files: after somebody moved the present ones away. */
void log_reopen(struct log *l);

/* One line to the journal (standard error is connected to it), else to syslog. priority as in
 * syslog(3): LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE ... */
void log_system(int priority, const char *text);

#endif
