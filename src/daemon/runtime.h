/* runtime: the loop of life of ilsd. Driver events become core events, core actions are performed:
 * bytes to sockets, batches to the storer, records to the trace, replies to whoever asked. One
 * thread (the loop's) calls everything here. */
#ifndef OPENILS_DAEMON_RUNTIME_H
#define OPENILS_DAEMON_RUNTIME_H

#include <uv.h>

#include "core/ils.h"
#include "core/view.h"

struct runtime;

struct runtime_options {
    const char *data;                 /* directory */
    const char *store;                /* DSN of PostgreSQL; NULL = a file in data */
    const char *store_key;            /* file, for a DSN; NULL = store.key in data */
    bool lookup_only;                 /* follows that store, and never writes */
    const char *node;                 /* how this ilsd is called there; NULL = HOST:DATA */
    unsigned lease_s;                 /* 0 = NODE_LEASE_S */
    const char *address;              /* to listen on; "::" = every address, v4 and v6 */
    uint16_t tls_port, password_port; /* 0 = not listened on */
    const char *advertise;            /* NAME or ADDR, with :PORT or without; NULL = none */
    const char *sip_address;          /* NULL = 127.0.0.1 */
    uint16_t sip_port;                /* 0 = no SIP door */
    const char *sips_address;         /* NULL = 127.0.0.1 */
    uint16_t sips_port;               /* 0 = no SIP door over TLS */
    const char *sips_certificate;     /* file with chain, and key; NULL = the cluster's own */
    const char *sips_key;             /* file; NULL = it is with the certificate */
    const char *sips_clients;         /* file: who may come, or who signs for them; NULL = all */
    const char *dns_address;          /* NULL = 127.0.0.1 */
    uint16_t dns_port;                /* 0 = no DNS door */
    const char *http_address;         /* NULL = 127.0.0.1 */
    uint16_t http_port;               /* 0 = no HTTP door */
    const char *page_passwords;       /* file: none of these is taken at the page; NULL = none */
    unsigned workers;                 /* threads that answer; 0 = one for each core */
};

/* Opens the store, loads the core, opens the doors, starts listening. On failure prints one error
 * with its remedy on standard error and returns NULL (*ret_exit is the exit status). */
struct runtime *runtime_start(uv_loop_t *loop, const struct runtime_options *options,
                              int *ret_exit);

/* Says goodbye on every link, waits for the storer, closes all; then calls done. */
void runtime_stop(struct runtime *rt, void (*done)(void *context), void *context);

/* Who asked, and what is told when the core replies (REPLY: verdict = NULL) or a join has its
 * verdict (VERDICT; reply = REPLY_OK). Called exactly once for each runtime_command, except that a
 * JOIN without an error calls twice: REPLY when the wish is durable, then VERDICT. */
typedef void (*runtime_done)(void *context, enum reply reply, struct slice text,
                             const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict);

/* Takes a command (its id is filled in here). done may be called before this returns. The returned
 * id can be given to runtime_forget when the asker is gone. */
uint64_t runtime_command(struct runtime *rt, struct command *command, runtime_done done,
                         void *context);
void runtime_forget(struct runtime *rt, uint64_t id);

/* Begins new trace files (SIGHUP). */
void runtime_reopen(struct runtime *rt);

/* What the runtime stands on, lent until runtime_stop is done: the core (read between two steps
 * only), the options as given with defaults filled in, the loop; and the monotonic time. */
const struct ils *runtime_core(const struct runtime *rt);
const struct runtime_options *runtime_options(const struct runtime *rt);
uv_loop_t *runtime_loop(const struct runtime *rt);
tick runtime_now(const struct runtime *rt);

/* Its part where several share the store (daemon/node.h); NULL: it is alone. */
struct node;
struct node *runtime_node(const struct runtime *rt);

/* Where entries come from by themselves (daemon/source.h). */
struct sources;
struct sources *runtime_sources(const struct runtime *rt);

/* Where questions are answered (daemon/doors.h). */
struct doors;
struct doors *runtime_doors_of(const struct runtime *rt);
/* Who may ask at the HTTP door (daemon/tokens.h). */
struct tokens;
struct tokens *runtime_tokens(const struct runtime *rt);
/* The admin page (daemon/page.h), and the control socket's code, which it asks; NULL: none yet, or
 * no more. */
struct page;
struct page *runtime_page(const struct runtime *rt);
struct control;
struct control *runtime_control(const struct runtime *rt);
void runtime_use_control(struct runtime *rt, struct control *control);

/* Makes a self-signed certificate for the fqdn, with the advertised name or address in it as well.
 * As x509_make; the bag is the caller's to free. */
struct x509_bag;
int runtime_certificate(const struct runtime *rt, const char *fqdn, struct slice key, int days,
                        struct x509_bag *ret, char *error, size_t size);
#define RUNTIME_DAYS 1826 /* five years */
/* The host of `advertise`, without a port; false: there is none. */
bool runtime_advertised(const struct runtime *rt, char host[static HOST_TEXT_MAX + 1]);

/* What sessions of TLS are made from now; NULL: there is no certificate. Take a reference to keep
 * it. */
struct tls_context;
struct tls_context *runtime_tls_context(const struct runtime *rt);

/* A lookup of this string was cut: the alarm for it. */
void runtime_cut(struct runtime *rt, struct slice dialled);

/* Every trace record that passes the level, as it is written: subscribers for `trace --follow`.
 * line is the SDL text form, json the JSON record, both without newline. */
typedef void (*runtime_trace_listener)(void *context, const char *line, const char *json);
void runtime_trace_listen(struct runtime *rt, runtime_trace_listener listener, void *context);
void runtime_trace_unlisten(struct runtime *rt, runtime_trace_listener listener, void *context);

/* Rows of the store (driver/store.h), behind what was given to it so far. The callback may be
 * called later, on the loop's thread. done = true on the last call, with row = NULL. */
typedef void (*runtime_audit_visit)(void *context, const struct row *row, bool done);
struct store_range;
void runtime_rows(struct runtime *rt, const struct store_range *range, runtime_audit_visit visit,
                  void *context);

/* Where the store is (store_name). */
const char *runtime_store_name(const struct runtime *rt);
/* Why it did not take a batch of late; "": it takes them. */
const char *runtime_store_error(const struct runtime *rt);

/* Copies the store into a new file (storer_copy); done may be called at once. */
void runtime_copy(struct runtime *rt, const char *file,
                  void (*done)(void *context, const char *error), void *context);

/* Another store is to take the place of the present one, which is kept under the name `kept`: says
 * so to whoever began this runtime, who ends it from the loop and begins another. */
typedef void (*runtime_told)(void *context, const char *file, const char *kept);
void runtime_put_back(struct runtime *rt, const char *file, const char *kept);
void runtime_on_put_back(struct runtime *rt, runtime_told told, void *context);

/* Likewise: all of the store goes to another place (daemon/carry.h), and this ilsd ends. */
void runtime_carry_away(struct runtime *rt, const char *to, const char *key);
void runtime_on_carry_away(struct runtime *rt, runtime_told told, void *context);

/* Counters for `status` and `support`. */
struct runtime_stats {
    wall started;
    uint64_t store_batches, store_failed;
    uint64_t store_pending; /* batches that the disk has not confirmed yet */
    uint64_t store_bytes; /* of the database file */
    uint64_t sip_requests, sip_redirects, sip_not_found;
    uint64_t memory_used, memory_peak;
    size_t links;
    bool listening; /* for other clusters, on one port at least */
    bool listening_tls, listening_password, sip_open; /* these ports are had */
};
void runtime_stats(const struct runtime *rt, struct runtime_stats *ret);

#endif
