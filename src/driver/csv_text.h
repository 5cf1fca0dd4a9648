/* csv_text: the bytes of a catalog file become UTF-8, or a complaint that names line and remedy. */
#ifndef OPENILS_DRIVER_CSV_TEXT_H
#define OPENILS_DRIVER_CSV_TEXT_H

#include "driver/csv.h"

/* Notes a complaint (the first CSV_COMPLAINTS_MAX are kept) and gives it, to be filled further;
 * never NULL. text: shown escaped and cut. The sentence is formatted as by printf. */
struct csv_complaint *csv_complain(struct csv_rows *rows, uint32_t line, enum csv_fault fault,
                                   struct slice text, const char *sentence, ...)
    __attribute__((format(printf, 5, 6)));

/* Gives the file's text without its byte order mark: a slice of bytes, or of *ret_block, which the
 * caller frees. False: complained. */
bool csv_text(struct csv_rows *rows, struct slice bytes, const char *encoding,
              struct slice *ret_text, char **ret_block);

/* Bytes of the first line of text, its end included; lines end in LF, CR LF or CR. */
size_t csv_line(struct slice text);

#endif
