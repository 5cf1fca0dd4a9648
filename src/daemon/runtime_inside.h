/* runtime_inside: what the files of the runtime share. runtime.c is its life, runtime_step.c turns
 * events into steps and steps into deeds, runtime_command.c knows who asked for what,
 * runtime_doors.c has the ports, and runtime_tls.c the sessions of links with certificates. */
#ifndef OPENILS_DAEMON_RUNTIME_INSIDE_H
#define OPENILS_DAEMON_RUNTIME_INSIDE_H

#include "answer/sip.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "daemon/doors.h"
#include "daemon/runtime.h"
#include "daemon/source.h"
#include "driver/datadir.h"
#include "driver/log.h"
#include "driver/memory.h"
#include "driver/store.h"
#include "driver/storer.h"
#include "driver/tcp.h"
#include "driver/tls.h"
#include "driver/udp.h"
#include "driver/worker.h"

#define TRACE_JSON_MAX   (64 * 1024)
#define RUNTIME_MEMORY   (UINT64_C(4) << 30) /* bytes that the core may have */
#define RUNTIME_RETRY_MS 5000                /* a port in use is tried again */

/* Who waits for the outcome of a command. */
struct waiter {
    struct list node;
    uint64_t id;
    bool join; /* stays for the verdict */
    runtime_done done;
    void *context;
};

/* An outcome, told when the step that brought it is performed: who hears it may ask for the next
 * step, which takes the memory of this one back. */
struct outcome {
    struct list node;
    uint64_t id;
    enum reply reply;
    uint64_t number[REPLY_NUMBERS];
    bool judged; /* a verdict, else a reply */
    struct verdict verdict;
    struct slice text;
    uint8_t bytes[]; /* of the slices */
};

struct trace_listener {
    struct list node;
    runtime_trace_listener listener;
    void *context;
};

/* The ports for other clusters; also the tags of their listeners. */
enum { DOOR_TLS, DOOR_PASSWORD, DOORS };

struct door {
    struct tcp_listener *listener;
    bool failed[2]; /* [0] in use, [1] any other failure: alarms raised */
    bool cleared;   /* those of an earlier life are cleared */
};

#define RUNTIME_TLS_BUCKETS 1024

struct tls_link;

/* What one worker has of the doors, in cache lines of its own. It alone counts; the loop reads. The
 * last one is the loop's, for what it answers itself. */
struct sip_counts {
    _Atomic uint64_t requests, redirects, not_found;
};
struct dns_counts {
    _Atomic uint64_t requests, answers, not_found, refused, malformed, truncated, slipped;
};
enum desk_cut { CUT_NONE, CUT_NEW, CUT_SEEN };
#define DESK_DIALLED 256
struct desk {
    _Alignas(64) struct arena scratch;
    struct mem mem;
    unsigned slips; /* DNS: of sources that ask too fast */
    _Atomic uint8_t cut;         /* enum desk_cut: what was dialled is for the loop to see */
    char dialled[DESK_DIALLED];
    struct sip_counts sip, sips;
    struct dns_counts dns;
};

/* Of the HTTP door, since the start. */
struct http_counters {
    uint64_t requests, lookups, found, unauthorised, bad, late;
};

struct runtime {
    uv_loop_t *loop;
    struct runtime_options options; /* texts of its own; ports as they are */
    struct datadir datadir;
    struct store *store;
    struct node *node; /* NULL: the store is a file */
    struct storer *storer;
    struct tcp *tcp;
    struct log *log;
    struct memory memory; /* behind mem; the loop's alone */
    struct mem mem;
    struct buf trace_json; /* the record that is written */
    struct ils *core;
    tick now;
    wall started;
    bool stepping, telling, stopping;
    uint64_t batches_out; /* given to the storer, not yet reported */
    uint64_t batches_over; /* likewise, of a core whose place another took: reported first */
    uv_timer_t deadline;
    uv_idle_t goes_on; /* while the core has more to do: once in each turn of the loop */
    unsigned timers; /* handles that libuv still holds */

    uint64_t next_command;
    struct list waiters, outcomes, listeners;

    bool listen_wanted;
    struct door door[DOORS];
    bool store_failing, store_unknown;
    tick store_failed;             /* when it did last */
    char store_error[STORE_ERROR]; /* why; "": it is well */
    uv_timer_t retry; /* of ports in use */

    struct tls_context *tls;    /* NULL: there is no certificate, or none that is usable */
    struct tls_link *tls_link[RUNTIME_TLS_BUCKETS];
    bool own_ends;              /* a certificate ends soon: one's own may be renewed */
    bool trust_changed;         /* the context is to be made anew when the step is performed */
    bool verify_links;          /* and the certificates of all links are to be judged anew */
    struct list questions;      /* of ILS_DO_VERIFY */
    uv_timer_t later;           /* answers them from the loop */

    struct doors *doors;
    struct plan_readers readers;
    const struct plan *plan;  /* that workers look up in */
    struct workers *workers;
    struct desk *desk;        /* of every worker, and the loop's */
    unsigned desks;
    uv_timer_t reclaim;       /* something waits for the workers */
    uv_async_t cut;           /* a worker's lookup was cut */
    uv_timer_t cut_again;     /* and may be told of anew */
    struct sip_config sip_config;
    struct http_counters http_counters;
    struct http_door *http; /* that was opened last */
    struct sips_door *sips; /* likewise */
    uint64_t sips_untrue;   /* connections of former ones that came to no TLS */
    struct tokens *tokens;
    struct page *page;
    struct control *control;

    struct sources *sources;

    tick cut_last; /* when it was last said that a lookup did not see all patterns */

    runtime_told put_back, carry_away;
    void *put_back_context, *carry_away_context;

    void (*stopped)(void *context);
    void *stopped_context;
};

/* runtime_step.c */
struct ils_event runtime_event(enum ils_event_type type);
void runtime_step(struct runtime *rt, struct ils_event *event);
void runtime_stored(void *context, uint64_t batch, const char *error);
void runtime_deadline(uv_timer_t *timer);
void runtime_give_up(const struct ils_event *event); /* the core cannot go on */
extern const struct tcp_events runtime_tcp_events;

/* runtime.c */
struct ils_event runtime_start_event(const struct runtime *rt);
void runtime_start_core(struct runtime *rt);
void runtime_door_row(struct runtime *rt, const struct store_row *row); /* of STORE_DOOR */

/* After every step: what workers go by, and what waits for them. */
void runtime_reclaim(struct runtime *rt);

/* runtime_doors.c */
static inline void desk_count(_Atomic uint64_t *count, bool more)
{
    uint64_t n = atomic_load_explicit(count, memory_order_relaxed);
    if (more)
        atomic_store_explicit(count, n + 1, memory_order_relaxed);
}
/* Whether a worker that met changes all the time should ask once more; *tries begins at 0. */
bool desk_again(unsigned *tries);
/* A lookup of this string was cut: the loop is told, now and then. */
void desk_cut(struct runtime *rt, struct desk *desk, struct slice dialled);
void runtime_on_cut(uv_async_t *async);
bool runtime_desks(struct runtime *rt); /* false: no memory */
void runtime_desks_free(struct runtime *rt);

/* runtime_sip.c: both SIP doors. */
struct sip_desk {
    struct runtime *rt;
    bool secure;                    /* the one over TLS */
    _Atomic bool send_route_string; /* workers read it */
};
struct sip_totals {
    uint64_t requests, redirects, not_found;
};
void runtime_sip_totals(const struct runtime *rt, bool secure, struct sip_totals *ret);
size_t runtime_sip_counts(const struct runtime *rt, bool secure,
                          struct door_count ret[static DOOR_COUNTS]);
void runtime_sip_prepare(struct runtime *rt); /* the secret of the tags */
/* A frames_answer; the context is a sip_desk. */
struct frames_peer;
void runtime_sip_message(void *context, struct slice request, const struct frames_peer *from,
                         struct buf *out);

/* runtime_sips.c: another certificate for who connects from now on. */
void runtime_sips_reload(struct runtime *rt);

/* runtime_command.c */
void runtime_outcome(struct runtime *rt, const struct ils_action *a);
void runtime_tell(struct runtime *rt);
void runtime_alarm(struct runtime *rt, enum alarm alarm, const char *subject, bool raise);
void runtime_tell_all(struct runtime *rt, enum reply reply); /* who waits for a command */

/* runtime_tls.c: the sessions of TLS links, and the certificates of the core. What the core does on
 * a link without a session goes to the connection as it is. */
bool runtime_tls_accepted(struct runtime *rt, uint32_t link); /* false: there is no certificate */
void runtime_tls_open(struct runtime *rt, const struct ils_action *a);
void runtime_tls_connected(struct runtime *rt, uint32_t link); /* after the core was told */
bool runtime_tls_data(struct runtime *rt, uint32_t link, struct slice bytes); /* false: not TLS */
void runtime_tls_down(struct runtime *rt, uint32_t link);
void runtime_send(struct runtime *rt, uint32_t link, struct slice bytes);
void runtime_close(struct runtime *rt, uint32_t link);
void runtime_tls_question(struct runtime *rt, const struct ils_action *a);
void runtime_tls_reload(struct runtime *rt); /* between two steps */
void runtime_tls_later(uv_timer_t *timer);
/* Makes a certificate where an older version made none, and the next one where one ends that was
 * made here: with a new key, announced first. */
void runtime_tls_own(struct runtime *rt);
void runtime_tls_ends(struct runtime *rt);
void runtime_tls_end(struct runtime *rt);

/* runtime_doors.c */
void runtime_doors(struct runtime *rt); /* opens and closes what the core wants, outside a step */
void runtime_again(struct runtime *rt); /* ports that could not be had are tried again */
void runtime_retry(uv_timer_t *timer);

#endif
