/* crash_each: what a program gives that makes every crash of a run; see crash_each.c. */
#ifndef OPENILS_TEST_CRASH_EACH_H
#define OPENILS_TEST_CRASH_EACH_H

#include "crash_vfs.h"

#define CHANGES_MAX 5000

/* The run: so many changes, in the store of that directory; early: acknowledged before they are
 * written. */
void crash_run(struct crash_record *record, const char *dir, size_t changes, bool early);

/* Why the directory is not what it must be after a crash behind `until` operations; NULL: it is. */
const char *crash_judge(const char *dir, size_t until);

#endif
