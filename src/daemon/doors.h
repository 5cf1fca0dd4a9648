/* doors: where questions are answered (SIP, also over TLS, DNS, HTTP; the admin page), and how each
 * is set up: by ilsd's own options until an operator sets it with `ils door set`, from then on by
 * what is stored.
 *
 * A kind of door knows how to open and close; here is when. A change opens the new socket before
 * it is stored and closes the old one after: what fails changes nothing. All functions belong to
 * the loop's thread. */
#ifndef OPENILS_DAEMON_DOORS_H
#define OPENILS_DAEMON_DOORS_H

#include <jansson.h>

#include "core/ils.h"
#include "driver/door.h"

struct runtime;
struct doors;

enum door_name { DOOR_SIP, DOOR_SIPS, DOOR_DNS, DOOR_HTTP, DOOR_PAGE, DOOR_NAMES };

/* How a door is set up; what was not said is as it is by default: for programs of this host alone
 * without a limit, else for private networks with DOORS_RATE. */
struct door_setting {
    struct door_config config;
    bool allow_set, rate_set;
    bool stored; /* an operator said so; else the options of ilsd did */
};
#define DOORS_RATE 10000

#define DOOR_COUNTS 8
struct door_count {
    const char *name; /* static: "requests" */
    uint64_t n;
};

struct door_kind {
    const char *name;   /* "sip" */
    const char *option; /* "sip-port": what sets it up at a start */
    /* Listens as the config says, and lets in whom the gate does; it outlives the door, and
     * changes its rules by itself. NULL: error names the port and who holds it. */
    void *(*open)(struct runtime *rt, const struct door_config *config, struct door_gate *gate,
                  char *error, size_t size);
    /* closed is called later, from the loop. */
    void (*close)(void *door, void (*closed)(void *context), void *context);
    /* What was counted since the start of ilsd; fills ret, gives how many. */
    size_t (*counts)(const struct runtime *rt, struct door_count ret[static DOOR_COUNTS]);
    /* An open door takes over what is no matter of the gate; NULL: there is nothing. */
    void (*set)(void *door, const struct door_config *config);
    /* What is wrong with a config, as a sentence; NULL: nothing. The function may be missing. */
    const char *(*judge)(const struct door_config *config);
    const char *suffix; /* by default; NULL: a door without one */
    bool routes;        /* it may be told to send route strings */
    uint32_t rate;      /* by default, where not on loopback; 0: DOORS_RATE */
};
extern const struct door_kind door_sip; /* runtime_doors.c */
extern const struct door_kind door_sips; /* runtime_sips.c */
extern const struct door_kind door_dns; /* runtime_dns.c; only with libknot */
extern const struct door_kind door_http; /* runtime_http.c */
extern const struct door_kind door_page; /* page.c */

struct doors *doors_new(struct runtime *rt);
/* One stored row, before doors_start. */
void doors_row(struct doors *doors, struct slice key, struct slice value);
void doors_start(struct doors *doors);
/* The core is another one: what it has to know of the doors. */
void doors_tell_self(struct doors *doors);
/* Until a row opens it again. */
void doors_close(struct doors *doors, enum door_name name);
void doors_free(struct doors *doors); /* of what never started */
/* Closes all, frees *doors, then calls done. */
void doors_stop(struct doors *doors, void (*done)(void *context), void *context);
/* Tries again to open what could not be. True: all is as it is wanted. */
bool doors_retry(struct doors *doors);

/* NULL-terminated names are "sip", "sips", "dns", "http", "page"; false: there is no such door. */
bool doors_find(const char *name, enum door_name *ret);
bool doors_has(const struct doors *doors, enum door_name name); /* this ilsd was built with it */
const struct door_setting *doors_setting(const struct doors *doors, enum door_name name);
/* How a kind of door is made; it must be one that this ilsd has. */
const struct door_kind *doors_kind(enum door_name name);
bool doors_is_open(const struct doors *doors, enum door_name name);
/* The first door that is wanted and could not be opened: why, and what to type. False: none. */
bool doors_failed(const struct doors *doors, char *text, size_t size, char *next, size_t next_size);

/* What a change came to: REPLY_OK, or the core's refusal; error is not NULL where it did not come
 * to that: a sentence. Called once, maybe before doors_set returns. */
typedef void (*doors_done)(void *context, const char *error, enum reply reply, struct slice text);
/* who and what are copied. */
void doors_set(struct doors *doors, enum door_name name, const struct door_setting *setting,
               struct slice who, struct slice what, doors_done done, void *context);

/* Every door: how it is set up, whether it is open, what was counted. New ref. */
json_t *doors_list(const struct doors *doors);

#endif
