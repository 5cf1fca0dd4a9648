/* entry_text: why a text is no entry, in words for people. */
#ifndef OPENILS_DRIVER_ENTRY_TEXT_H
#define OPENILS_DRIVER_ENTRY_TEXT_H

#include "plan/entry.h"

/* A static sentence without a full stop; for ENTRY_OK and unknown values "not an entry". */
const char *entry_error_text(enum entry_error error);

/* The same with the place, "at character 5: ...", where at (entry_parse_at) is one in text. */
void entry_error_place(enum entry_error error, struct slice text, size_t at, char *dst,
                       size_t size);

#endif
