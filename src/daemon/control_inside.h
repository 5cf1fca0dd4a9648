/* control_inside: what the files of the control socket share: one client, one request at a time.
 *
 * A verb gets a client whose request is whole and allowed, and ends it exactly once, now or later,
 * with control_ok, control_error or control_reply; until then the client is `busy`. A client that
 * hung up stays allocated while work of it is under way (control_hold, control_release). */
#ifndef OPENILS_DAEMON_CONTROL_INSIDE_H
#define OPENILS_DAEMON_CONTROL_INSIDE_H

#include <jansson.h>
#include <uv.h>

#include "base/list.h"
#include "base/mem.h"
#include "daemon/control.h"
#include "daemon/render.h"

#define CONTROL_LINE_MAX    (1024 * 1024)
#define CONTROL_CONTENT_MAX (UINT64_C(2) << 30)
#define CONTROL_CLIENTS_MAX 512
#define CONTROL_TRACE_KEPT  2048
#define CONTROL_WHAT_MAX    512

enum right { RIGHT_NONE, RIGHT_READ, RIGHT_CHANGE };

/* A catalog file that was imported, by the hash of all that was given; and the USN of its stream
 * then: as long as that stands, the same file changes nothing. */
#define IMPORTS_KEPT 16
struct imported {
    uint8_t hash[HASH_SIZE];
    uint64_t usn;
};

struct control_line {
    char *text, *json;
};

struct control {
    struct runtime *rt;
    uv_pipe_t listener;
    char *path;
    struct list clients;
    size_t client_n;
    bool stopping, listener_closed;
    uv_timer_t confirm;                           /* a change of the plan waits for it ... */
    bool undoing;                                 /* ... and is being taken back */
    unsigned rolling;                             /* rollbacks that clients wait for */
    bool copying;                                 /* the store, to another place */
    bool restoring;                               /* a backup is being judged and put back */
    struct control_line kept[CONTROL_TRACE_KEPT]; /* a ring: the newest trace records */
    uint64_t kept_n;                              /* ever kept */
    struct mem mem;                               /* for lookups and plans of this room */
    struct imported imported[IMPORTS_KEPT];       /* a ring, of the last catalog files */
    size_t imported_n;                            /* ever */
};

struct verb;
struct client;

/* What a verb makes of its command's outcome: it ends the request, or goes on. */
typedef void (*control_then)(struct client *client, enum reply reply, struct slice text);

struct client {
    struct list node;
    struct control *control;
    uv_pipe_t pipe;
    uv_timer_t patience;      /* drops who does not read */
    size_t queue_seen;
    unsigned holds;           /* handles open and work under way; 0 = freed */
    enum right right;
    char who[96];
    char what[CONTROL_WHAT_MAX];
    char *in;
    size_t in_n, in_size;
    json_t *request, *args;   /* args is borrowed from request */
    const struct verb *verb;
    char *content;
    uint64_t content_n, content_want, content_size, skip;
    bool busy, ended, closing, follow, working;
    bool page;                /* it is the page's, for somebody who is logged in there */
    bool wait;                /* join: the verdict ends the request */
    bool in_command;          /* the core has a command of this client */
    bool lends;               /* ... which lends what `own` has: the answer is waited for */
    uint64_t command;
    uint64_t number[REPLY_NUMBERS]; /* of its outcome */
    enum { CLIENT_LINE, CLIENT_CONTENT } taking;
    void (*own_free)(void *own); /* what a verb keeps until its request ends */
    void *own;
    control_then then;
    bool (*again)(struct client *client, const struct verdict *v); /* true: it tries anew */
};

struct verb {
    const char *name;
    enum right right;
    const char *args; /* names allowed, comma after each */
    bool content;
    void (*run)(struct client *client);
};

/* All of them, in the order of the table; one by its name, NULL: there is none. */
const struct verb *control_verbs(size_t *ret_n);
const struct verb *control_verb(const char *name);
/* One more client, at the other end of fd, who may do this; who: for the audit. fd is the
 * control's from now on. False: it was closed. */
bool control_attach(struct control *c, int fd, enum right right, const char *who);

/* --- ending a request */
void control_ok(struct client *client, json_t *result);              /* steals result */
void control_reply(struct client *client, json_t *result, int exit); /* ok, with exit status */
/* where: field, line or file, or NULL; next: what to type, or "". */
void control_error(struct client *client, const char *name, const char *text, const char *next,
                   const char *where);
/* more: an array of further sentences; stolen. */
void control_error_more(struct client *client, const char *name, const char *text,
                        const char *next, const char *where, json_t *more);
/* rows: of a file, what is wrong with each, as objects; stolen. */
void control_error_rows(struct client *client, const char *name, const char *text,
                        const char *next, const char *where, json_t *more, json_t *rows);
void control_no_memory(struct client *client);

/* One line {"key": value}; steals value. False when the client is gone. */
bool control_line(struct client *client, const char *key, json_t *value);
/* One line {"part": text} of a long text answer. */
bool control_part(struct client *client, const char *text, size_t n);

void control_hold(struct client *client);
void control_release(struct client *client);
void control_drop(struct client *client);
void control_end(struct control *c);

/* --- arguments; "" / fallback when absent. Wrong types were refused before the verb ran only
 * where the getter says so: these end the request with an error and return false. */
bool control_text(struct client *client, const char *key, bool must, struct slice *ret);
bool control_number(struct client *client, const char *key, uint64_t max, uint64_t fallback,
                    uint64_t *ret);
bool control_flag(struct client *client, const char *key, bool fallback);

/* --- changes: hands the command to the core; done ends the request. Fills who and what. Secret
 * arguments enter neither. */
void control_change(struct client *client, struct command *command);
/* The same, but `then` hears the outcome. audited = false: a second step of what was audited. */
void control_change_then(struct client *client, struct command *command, bool audited,
                         control_then then);
/* Who and what, for the audit, of a command that is not given by control_change. */
void control_named(struct client *client, struct slice *ret_who, struct slice *ret_what);
/* Ends the request with the sentence and the next step of a reply that is not OK. */
void control_refused(struct client *client, enum reply reply, struct slice text);
/* The same of one argument (NULL: of none). */
void control_refused_at(struct client *client, enum reply reply, struct slice text,
                        const char *field);

/* This cluster's own id; empty before init. */
struct slice control_self(const struct client *client);
/* RFC 3339 or null; hex. New refs. */
json_t *control_time(wall t);
json_t *control_hex(const uint8_t *bytes, size_t n);
json_t *control_number_json(uint64_t v);
json_t *control_address(const struct address *a);
/* The alarm's sentence; of a port in use, with the program that has it now. */
/* address: of the ports to other clusters. */
void control_alarm_text(char *dst, size_t size, const char *address, const struct alarm_row *row);
/* What is typed about an alarm of which no verdict says more. */
void control_alarm_next(char *dst, size_t size, const struct alarm_row *row);
/* "AB:CD:...", and whole days until t (negative: since t; null: t is 0). New refs. */
json_t *control_fingerprint(const uint8_t *fingerprint);
json_t *control_days(wall t);
/* DER as a PEM block; NULL when memory is refused. To be freed. */
char *control_pem(const char *label, struct slice der);
/* One's own certificate, as docs/control.md shows it: CERT. New ref. */
json_t *control_certificate(const struct view_own *own);
/* A self-signed certificate for the name, into *ret, which lends from the other two; they are the
 * caller's to free. False: the request was ended. */
struct x509_bag;
struct x509_report;
bool control_make_certificate(struct client *client, struct slice name,
                              struct own_certificate *ret, struct x509_bag *bag,
                              struct x509_report *report);
/* Whether a hub is linked, or needs not be; what to type where it is not ("": nothing yet), and at
 * which end ("here" or "there"). */
bool control_contact_well(const struct view_contact *c);
const char *control_contact_next(const struct ils *core, const struct view_contact *c,
                                 char next[static 512]);
/* The command that tests the way there; "" where the address or port is not known. */
bool control_left_behind(const struct ils *core, const struct view_cluster *c, struct slice self,
                         char text[static 400], char next[static 256]);
const char *control_ago(char dst[static 32], int64_t s); /* "65 s", "12 min", "3 h" */
void control_diagnose_next(char *dst, size_t size, struct slice host, unsigned port);
/* Text, or null where there is none. New ref. */
json_t *control_text_or_null(struct slice s);
const char *control_sync_text(char *dst, size_t size, const struct view_cluster *c);

/* The id of a cluster; "id~peer" where another has the same one. Into dst, given back. */
#define CONTROL_NAME_MAX (CLUSTER_ID_MAX + 10)
const char *control_cluster_name(char dst[static CONTROL_NAME_MAX], const struct view_cluster *c);
/* As `ils status` says it: the root cause and what is typed. */
struct control_health {
    bool degraded;
    bool follows; /* what it answers is good all the same */
    char cause[512], next[512];
};
void control_health(const struct runtime *rt, struct control_health *ret);
/* Of who follows what another ilsd stores (control_node.c); false: this one writes. */
bool control_node_health(const struct runtime *rt, bool *ret_degraded, char text[static 512],
                         char next[static 512]);
json_t *control_node_json(const struct runtime *rt); /* New ref; null: the store is a file. */
void control_counted(const struct ils *core, json_t *json);
json_int_t control_on_password(const struct ils *core);
/* Whether other clusters can link themselves with this one. New ref. */
json_t *control_listening(const struct runtime_stats *stats);
/* A decision as `ils lookup --json` has it. New ref. */
json_t *control_lookup_json(const struct ils *core, const struct lookup *l, struct arena *a);
/* The key of the cluster of that id, or peer id in hex, whose plan is held; false: none is. */
bool control_cluster_key(const struct ils *core, struct slice name, uint8_t ret[static KEY_SIZE]);
const char *control_holds_text(const struct view_holds *h); /* static */
const char *control_writing(enum view_writing writing);     /* static: "yes", "clone" ... */

/* --- the verbs, by file */
void verb_init(struct client *client);
void verb_describe(struct client *client);
void verb_join(struct client *client);
void verb_disconnect(struct client *client);
void verb_connect(struct client *client);
void verb_auth_set(struct client *client);
void verb_password_add(struct client *client);
void verb_password_prefer(struct client *client);
void verb_password_drop(struct client *client);
void verb_route_add(struct client *client);
void verb_route_remove(struct client *client);
void verb_trace_level(struct client *client);

void verb_role(struct client *client);
void verb_leave(struct client *client);
void verb_forget(struct client *client);
void verb_ban(struct client *client);
void verb_unban(struct client *client);
void verb_ended(struct client *client);
void verb_identity(struct client *client);
void verb_identity_new(struct client *client);
void verb_network(struct client *client);
void verb_network_adopt(struct client *client);
void verb_rebuild(struct client *client);
void verb_hubs(struct client *client);

void verb_backup(struct client *client);
void verb_restore(struct client *client);
void verb_verify(struct client *client);
void verb_store(struct client *client);
void verb_store_copy(struct client *client);

void verb_cert_show(struct client *client);
void verb_cert_csr(struct client *client);
void verb_cert_install(struct client *client);
void verb_cert_renew(struct client *client);
void verb_cert_now(struct client *client);

void verb_trust_list(struct client *client);
void verb_trust_show(struct client *client);
void verb_trust_import(struct client *client);
void verb_trust_remove(struct client *client);
void verb_trust_bundle_export(struct client *client);
void verb_trust_bundle_import(struct client *client);
void verb_introductions(struct client *client);
void verb_introductions_set(struct client *client);

void verb_invite(struct client *client);
void verb_invite_list(struct client *client);
void verb_invite_remove(struct client *client);
void control_join_token(struct client *client, struct slice text, enum ils_role role);

void verb_auth_ready(struct client *client);
void verb_configure(struct client *client);
void verb_diagnose(struct client *client);
void verb_diagnose_trace(struct client *client);
void verb_verdict(struct client *client);

void verb_version(struct client *client);
void verb_status(struct client *client);
void verb_clusters(struct client *client);
void verb_peers(struct client *client);
void verb_auth_show(struct client *client);
void verb_password_list(struct client *client);
void verb_alarms(struct client *client);
void verb_verdicts(struct client *client);
void verb_audit(struct client *client);
void verb_route_list(struct client *client);
void verb_lookup(struct client *client);
json_t *control_lookup_json(const struct ils *core, const struct lookup *l, struct arena *a);
void verb_lookup_show(struct client *client);
void verb_lookup_set(struct client *client);
void verb_route_test(struct client *client);
/* Learned route strings that no route covers, each with the command that adds one. */
json_t *control_routes_missing(const struct ils *core);
/* Of a route pattern that has just been added, as `plan check` has its findings: whether it never
 * decides, and which others no longer do because of it. */
json_t *control_route_warnings(const struct ils *core, struct slice pattern);
/* Puts `warnings` and `warnings_whole` into the answer to who added entries: which patterns of
 * them, or because of them, do not decide what they seem to. Bounded, also where millions came. */
void control_plan_warnings(const struct ils *core, const struct entry *entry, size_t n,
                           json_t *result);
void verb_stats(struct client *client);

void verb_sync(struct client *client);
void verb_sync_every(struct client *client);
void verb_exchange(struct client *client);
void verb_store_release(struct client *client);

void verb_trace_follow(struct client *client);
void verb_trace_last(struct client *client);
/* What is kept of the attempt that has this verdict, as `trace last` gives it; new ref. ret_text
 * (or NULL): the same as the lines of a file, to be freed. *ret_whole: from its beginning on. */
json_t *control_trace_of(const struct control *c, const uint8_t id[static VERDICT_ID_SIZE],
                         char **ret_text, bool *ret_whole);
void control_trace_start(struct control *c);
void control_trace_stop(struct control *c);

void verb_plan_import(struct client *client);
uint32_t control_plan_line(const struct client *client, struct slice key);
void verb_plan_show(struct client *client);
void verb_plan_check(struct client *client);
void verb_plan_export(struct client *client);
void verb_plan_add(struct client *client);
void verb_plan_remove(struct client *client);
void verb_catalog_list(struct client *client);
void verb_catalog_add(struct client *client);
void verb_catalog_import(struct client *client);
void verb_catalog_remove(struct client *client);
void verb_catalog_adopt(struct client *client);
json_t *control_catalogs(const struct ils *core); /* imported catalogs, one's own and others' */

void verb_plan_log(struct client *client);
void verb_plan_rollback(struct client *client);
void verb_plan_confirm(struct client *client);

void verb_source_add(struct client *client);
void verb_source_list(struct client *client);
void verb_source_test(struct client *client);
void verb_source_run(struct client *client);
void verb_source_remove(struct client *client);

void verb_page_setup(struct client *client);
void verb_page_show(struct client *client);
void verb_page_remove(struct client *client);
void verb_page_set(struct client *client);
void verb_door_list(struct client *client);
void verb_door_set(struct client *client);
void verb_token_add(struct client *client);
void verb_token_list(struct client *client);
void verb_token_remove(struct client *client);

void verb_sql(struct client *client);

/* "any", "uri" ...; static. Why an entry lost or is not served, into dst, given back. */
const char *control_block_type(uint8_t type);
const char *control_loser_text(char dst[static 160], enum loser_rule rule, uint32_t block);
/* What it means that something is held back, and what is typed. */
void control_held_text(const struct view_held *h, char text[static 400], char next[static 400]);
void verb_block_add(struct client *client);
void verb_block_remove(struct client *client);
void verb_block_list(struct client *client);
void verb_accept(struct client *client);
void verb_accept_list(struct client *client);
void verb_duplicates(struct client *client);
void verb_duplicates_prefer(struct client *client);
void verb_held(struct client *client);
void verb_learned(struct client *client);
void verb_held_release(struct client *client);
void verb_plan_confirm_shrink(struct client *client);
void verb_limits(struct client *client);
bool control_limit_near(const struct ils *core, char text[static 160], char next[static 64]);
void verb_limits_set(struct client *client);

#endif
