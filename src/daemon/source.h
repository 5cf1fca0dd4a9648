/* source: the sources of entries that an operator has set up: a file that is watched, a query or a
 * search that is asked again and again. Each is read in a thread of its own, and what it gives
 * replaces what it gave before by an ordinary change of the plan, when it differs from what it gave
 * last. One that fails, or gives nothing, keeps its entries and raises ILSSourceFailed.
 *
 * How a source is set up is an object of JSON (docs/control.md, "source add"), which is stored as
 * it is. All functions belong to the loop's thread. */
#ifndef OPENILS_DAEMON_SOURCE_H
#define OPENILS_DAEMON_SOURCE_H

#include <jansson.h>

#include "base/slice.h"
#include "driver/source.h"
#include "plan/origin.h"

struct runtime;
struct sources;

#define SOURCES_MAX      64
#define SOURCE_EVERY_MAX (7 * 86400) /* seconds */

/* None yet; sources_row adds what is stored, before sources_start. */
struct sources *sources_new(struct runtime *rt);
void sources_row(struct sources *all, struct slice key, struct slice value);
void sources_start(struct sources *all);

/* Ends what runs, frees *all, then calls done. sources_free: of what never started. */
void sources_free(struct sources *all);
void sources_stop(struct sources *all, void (*done)(void *context), void *context);

/* Whether a source can be set up so. False: text says what is wrong, *ret_where which setting. */
bool source_config_judge(const json_t *config, char *text, size_t size, const char **ret_where);
/* Its texts are lent from config. */
void source_config_spec(const json_t *config, struct source_spec *ret);
int64_t source_config_every(const json_t *config); /* seconds */

bool sources_has(const struct sources *all, const char *name);
size_t sources_count(const struct sources *all);
/* What its row says. To be freed; NULL: memory. */
char *source_config_row(const json_t *config, const uint8_t *hash); /* hash: NULL = none yet */
/* It is stored by now. The config is kept (a new reference); sources_run is to follow. False:
 * memory, or SOURCES_MAX are there. */
bool sources_add(struct sources *all, const char *name, json_t *config);
/* Its removal is on the way to the disk: nothing of it is stored any more unless that fails. */
void sources_leaving(struct sources *all, const char *name, bool leaving);
void sources_remove(struct sources *all, const char *name);

/* Every source with its settings and how it stands, by name. New ref. */
json_t *sources_list(const struct sources *all);

struct source_outcome {
    bool good;
    uint64_t entries;             /* that it gives */
    uint64_t kind[3];             /* of them: directory URIs, numbers, patterns */
    uint64_t added, removed;      /* by this reading; both 0 where nothing changed */
    const char *text, *next;      /* not good: why, and what to do */
    const json_t *more;           /* further rows that are wrong: an array of texts */
    const struct change *change;  /* TEST, good: what it gives, as a change of the plan */
    size_t change_n;
};
typedef void (*source_done)(void *context, const struct source_outcome *outcome);

/* Reads it now. TEST: and changes nothing; FORCE: also where most of its entries go. False: there
 * is no such source. */
enum source_how { SOURCE_TEST, SOURCE_RUN, SOURCE_FORCE };
bool sources_run(struct sources *all, const char *name, enum source_how how, source_done done,
                 void *context);

/* Why the source failed last; false: it did not. */
bool sources_failure(const struct sources *all, struct slice name, const char **ret_text,
                     const char **ret_next);

#endif
