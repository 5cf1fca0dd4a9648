/* calls: what the files of this room call of each other. Included by core.h, whose state it is
 * about, and by nobody else. */
#ifndef OPENILS_CORE_CALLS_H
#define OPENILS_CORE_CALLS_H

/* action.c */
struct ils_action *ils_action(struct ils *ils, enum ils_action_type type);
void ils_entropy(struct ils *ils, uint8_t *dst, size_t n);
void ils_mix(struct ils *ils, const uint8_t fresh[static 32]);

/* journal.c: rows collected in the step arena, sent as one batch. */
struct rows {
    struct ils *ils;
    struct row *row;
    size_t n, size;
    bool failed;
};
void rows_init(struct rows *r, struct ils *ils);
void rows_put(struct rows *r, enum row_space space, struct slice key, struct slice value);
void rows_remove(struct rows *r, enum row_space space, struct slice key);
void rows_remove_below(struct rows *r, enum row_space space, struct slice key);
void rows_setting(struct rows *r, const char *name, struct slice value);
void rows_setting_u64(struct rows *r, const char *name, uint64_t value);
void rows_audit(struct rows *r, struct slice who, struct slice what);
void rows_self(struct rows *r);  /* every setting of the cluster itself */
void rows_peer(struct rows *r, struct peer *p);
void rows_password(struct rows *r, const struct password *p);
struct slice stream_key_bytes(struct arena *a, const uint8_t key[static KEY_SIZE], uint64_t number,
                              const uint8_t *name);
/* Sends the rows as one batch; NULL when memory was refused (nothing was sent). */
struct batch *journal_store(struct rows *r, enum batch_kind kind);
/* Of what this step was to store, segments of s go: rows only borrow their bytes. */
void journal_unstore(struct ils *ils, const struct stream *s);
void batch_free(struct ils *ils, struct batch *b);
void journal_row(struct ils *ils, const struct row *row);
void journal_stored(struct ils *ils, const struct ils_event *event);

/* follow.c: another process writes, and this one serves what it is given. */
void follow_begin(struct ils *ils, const struct ils_event *event);
void follow_started(struct ils *ils);
void follow_row(struct ils *ils, const struct row *row);
void follow_whole(struct ils *ils);
bool follow_refuses(struct ils *ils, const struct command *c); /* and has said so */
void follow_tick(struct ils *ils);
tick follow_deadline(const struct ils *ils);

/* start.c */
void journal_start(struct ils *ils, const struct ils_event *event);
void journal_ready(struct ils *ils, bool failed);

/* configure.c: several settings as one change */
void configure_command(struct ils *ils, const struct command *c);

/* command.c */
/* Parts of commands: they change what is in memory, and whoever calls them stores it. */
void join_wish(struct ils *ils, const struct command *c); /* its batch is one of a join */
void auth_use(struct ils *ils, const struct auth *auth);
const struct password *password_slot(const struct ils *ils, uint16_t generation); /* NULL: full */
void password_use(struct ils *ils, uint16_t generation, const uint8_t stretched[static 32]);
void rows_passwords(struct rows *r); /* all that are held */
bool host_plausible(struct slice host);
struct slice decimal_text(struct arena *a, uint64_t n);
void command_stored(struct ils *ils, const struct batch *b, bool failed);
void settings_take(struct settings *to, const struct ils *ils);
void settings_learnt(struct ils *ils);
void command_take(struct ils *ils, const struct command *c);
/* No link any more, and what waits for its turn is told so. */
void command_end(struct ils *ils, enum reply reply, struct slice text);
void command_reply(struct ils *ils, uint64_t command, enum reply reply, struct slice text);
/* waiting.c */
void waiting_add(struct ils *ils, const struct command *c);
void waiting_next(struct ils *ils);
void waiting_free(struct ils *ils, struct waiting *w);
/* Its key, as people write it, in the arena. */
struct slice change_text(struct arena *a, const struct change *c);

void judging_begin(struct judging *j, const struct catalog *catalog, struct arena *arena);
enum reply judging_go_on(const struct ils *ils, struct judging *j, struct waiting *w,
                         size_t *budget, struct slice *ret_text);

/* inverse.c */
enum effect { EFFECT_ADDED, EFFECT_REMOVED, EFFECT_CHANGED, EFFECTS };
struct inverse_part {
    struct inverse_part *next;
    struct slice bytes; /* a segment */
};
/* What takes these changes of c back, or, whole, that all of c goes; what it makes is in the arena.
 * NULL: memory. */
struct inverse *inverse_begin(struct arena *a, const struct catalog *c, bool whole,
                              const struct change *const *change, size_t n);
/* 1: there is more; 0: it is done; -1: memory. */
int inverse_go_on(struct inverse *x, size_t *budget);
void inverse_done(struct inverse *x);
const struct inverse_part *inverse_parts(const struct inverse *x);
uint64_t inverse_count(const struct inverse *x, enum effect effect); /* changes that did so */

/* planlog.c */
enum plan_life planlog_life(const struct own_commit *oc);
void planlog_rows(struct rows *r, struct own_commit *oc, const struct waiting *w);
void planlog_adopted(struct rows *r); /* of the commit that makes others' word one's own */
void planlog_committed(struct ils *ils, const struct own_commit *oc);
bool planlog_waits(const struct ils *ils); /* a change waits to be confirmed */
void planlog_command(struct ils *ils, const struct command *c); /* PLAN_CONFIRM */
bool planlog_setting(struct ils *ils, struct slice key, struct slice value);
size_t admit_catalogs(const struct ils *ils); /* that others import */
uint64_t admit_learned(const struct ils *ils, uint64_t *ret_bytes); /* entries of all others */
uint64_t admit_bytes(const struct ils *ils); /* that their segments may have */

/* catalogs.c: imported catalogs of one's own. */
bool catalogs_is(const struct stream *s);
bool catalogs_stands(const struct stream *s); /* anybody's: it has not been removed */
size_t catalogs_own(const struct ils *ils, struct slice *ret_first); /* how many; a name */
bool catalogs_busy(const struct ils *ils); /* a commit of one waits for the disk */
struct stream *catalogs_find(const struct ils *ils, struct slice name);
/* One's own of that name, or one that was learned. NULL: there is none. */
const struct stream *catalogs_called(const struct ils *ils, struct slice name);
void catalogs_free(struct ils *ils, struct stream *s);
bool catalogs_setting(struct ils *ils, struct slice key, struct slice value);
void catalogs_named(struct ils *ils, struct stream *s); /* as its head says */
void catalogs_start(struct ils *ils);
void catalogs_rows(struct rows *r, struct stream *s, enum commit_kind kind);
void catalogs_drop_rows(struct rows *r, const uint8_t former[static KEY_SIZE]);
void catalogs_dropped(struct ils *ils);
enum reply catalogs_judge_words(const struct ils *ils, struct waiting *w, const struct stream *from,
                                struct slice *ret_route, struct slice *ret_text);
enum reply catalogs_judge(struct ils *ils, struct waiting *w, struct stream **ret,
                          enum commit_kind *ret_kind, struct slice *ret_text);
bool catalogs_adopts(struct ils *ils, struct stream *s);

/* self.c */
void self_changed(struct ils *ils);
void self_write(struct ils *ils);
struct change *self_changes(struct ils *ils, size_t *ret_n);
/* Whether the own stream 0, as it is served, says that this is a hub. */
bool self_says_hub(const struct ils *ils);
void peer_read(struct ils *ils, struct peer *p, struct stream *s);
void peer_placed(struct ils *ils, struct peer *p); /* its role may be another */
void peer_dirty(struct ils *ils, struct peer *p);  /* its row is to be stored */
bool peer_pointed_at(const struct ils *ils, const struct peer *p);
void peer_free(struct rows *r, struct peer *p); /* and its row */
void peer_unmet(struct ils *ils, struct peer *p);
void self_applied(struct ils *ils, struct stream *s); /* another's stream 0 is served */
void peer_names(struct ils *ils, struct peer *p);
bool roster_lists(const struct stream *self, const uint8_t key[static KEY_SIZE]);
struct peer *peer_find(const struct ils *ils, const uint8_t key[static KEY_SIZE]);
struct peer *peer_get(struct ils *ils, const uint8_t key[static KEY_SIZE]);
struct peer *peer_named(const struct ils *ils, struct slice name, bool *ret_itself);

/* stream.c */
struct stream *stream_find(const struct ils *ils, const uint8_t key[static KEY_SIZE],
                           uint64_t number);
struct stream *stream_get(struct ils *ils, const uint8_t key[static KEY_SIZE], uint64_t number);
void stream_free(struct ils *ils, struct stream *s);
bool stream_held(const struct stream *s);
void stream_judge_stale(struct ils *ils);
bool stream_lost(const struct stream *s);
bool stream_overdue(const struct ils *ils, const struct stream *s);
struct slice stream_row(struct arena *a, struct slice head, struct slice lines);
void stream_rekey(struct ils *ils, struct stream *s, const uint8_t key[static KEY_SIZE]);
bool stream_head_wanted(struct stream *s); /* is held from now on; false: no memory */
void stream_say_applied(struct ils *ils, const struct stream *s);
uint64_t stream_epoch(struct ils *ils, uint64_t former);
uint64_t stream_first_epoch(const struct ils *ils, uint64_t number);
void stream_next(struct ils *ils, const struct stream *s, struct head *next);
void stream_damaged(struct ils *ils, struct stream *s);
void stream_served(struct ils *ils, struct stream *s);
void stream_failed(const struct ils *ils, struct stream *s, const char *why);
void beats_start(struct ils *ils, struct rows *rows);
void beats_look(struct ils *ils);
void beats_row(struct rows *rows, const struct stream *s);
void beats_again(struct ils *ils);
void stream_tick(struct ils *ils);

/* commit.c */
int stream_commit(struct ils *ils, struct stream *s, const struct change *change, size_t n,
                  enum commit_kind kind);
int stream_commit_waiting(struct ils *ils, struct stream *s, const struct waiting *w,
                          enum commit_kind kind);
int stream_commit_shrunk(struct ils *ils, struct stream *s, const struct waiting *w);
void stream_committed(struct ils *ils, struct own_commit *oc, bool failed);
bool stream_serve(struct ils *ils, struct stream *s, const struct commit *c);
void own_commit_free(struct ils *ils, struct own_commit *oc);
/* Begins what w wants, which is judged and done in steps; w is freed when it has been given to the
 * disk or refused. False: memory. */
bool commit_begin(struct ils *ils, struct stream *s, struct waiting *w, enum commit_kind kind);
void commit_tick(struct ils *ils);    /* goes on with all, as far as the budget of the step goes */
void commit_give_up(struct ils *ils); /* what the disk has not been given: it waits again */
/* Something else fills the catalog's target now: what is under way of s is out of its way. */
void commit_settle(struct ils *ils, struct stream *s);

/* stored.c: rows of others' plans; what the disk refuses of them is stored again. */
void stored_segment(struct ils *ils, struct stream *s, const uint8_t *name);
/* Its head, with the rows r that go with it; of its former list what is held no more is removed. */
void stored_head(struct rows *r, struct stream *s, struct slice former);
/* Segments of a former list that `lines` does not have were fetched in vain. */
void stored_forget(struct ils *ils, struct stream *s, struct slice former, struct slice lines);
void stored_answered(struct ils *ils, const struct batch *b, bool failed);

/* exchange.c */
void exchange_open(struct link *l);
void exchange_frame(struct link *l, uint8_t type, struct slice body);
void exchange_flush(struct ils *ils);
/* There is room: what waits for it is answered. */
void exchange_answer(struct link *l);

/* mark.c */
struct mark *mark_find(const struct link *l, const struct stream *s);
struct mark *mark_get(struct link *l, const struct stream *s);
void mark_set(struct mark *m, const struct head *h);
int mark_order(const struct mark *m, const struct head *h);
/* It may be this end's word that the mark stands for: no more than what is served here. */
bool mark_ours(const struct stream *s, const struct mark *m);
/* They say an older head than they did: that is what they hold now. */
void mark_lower(const struct stream *s, struct mark *m, const struct head *h);
/* A neighbour, but not that one, that shows what s wants, or a newer head; NULL: nobody does. */
struct link *mark_source(const struct ils *ils, const struct stream *s, const struct link *not);
/* Above what is wanted already; or that one was announced by nobody who can still be asked: its
 * origin came back from a backup that is older, and has forgotten it. */
bool mark_above_wanted(const struct ils *ils, const struct stream *s, const struct head *h);
/* Who shows the greatest head of s above the one that is held; NULL: nobody shows one. */
struct link *mark_most(const struct ils *ils, const struct stream *s);

/* admit.c */
bool admit_spoke(const struct link *l); /* by its own word */
bool admit_may(struct ils *ils, const struct stream *s);
bool admit_quota(const struct ils *ils, const struct stream *s, const struct head *h);
void admit_again(struct ils *ils); /* computed anew */
bool admit_room(struct ils *ils, const struct stream *s);
bool admit_more(struct ils *ils);
void admit_counted(struct ils *ils); /* how many clusters and catalogs there are: the alarms */

/* adopt.c */
void adopt_start(struct ils *ils);
bool adopt_holds(const struct ils *ils, const struct stream *s);
tick adopt_deadline(const struct ils *ils);
void adopt_list_came(struct ils *ils);
void adopt_heard(struct link *l, struct stream *s, const struct mark *m);
/* This is no copy any more: what neighbours said meanwhile of its own streams counts. */
void adopt_heard_again(struct ils *ils);
bool adopt_overdue(const struct ils *ils); /* what was proved of the plan does not come */
/* Rolled back, and all who are linked have the plan that is here: nothing is left to be taken. */
bool adopt_kept(const struct ils *ils);
void adopt_came(struct ils *ils); /* something of it did */
bool adopt_believes(struct link *l, struct stream *s, struct slice bytes, const struct head *h);
void adopt_applied(struct ils *ils, struct stream *s);
void adopt_tick(struct ils *ils);
bool adopt_setting(struct ils *ils, struct slice key, struct slice value);
void adopt_stored_as(struct ils *ils, struct stream *s); /* at the start: what a setting said */
/* Of the list that an adopted catalog took the place of: it goes from the store with the commit. */
void adopt_replaces(struct stream *s, struct slice lines);
void adopt_rows(struct rows *r, struct stream *s);       /* of the commit that begins an epoch */
void adopt_committed(struct ils *ils, struct stream *s); /* it is durable */
void adopt_anew(struct ils *ils); /* all own streams in a new epoch */
void adopt_failed(struct ils *ils, enum reply reply);    /* whoever waits is told */
void adopt_settings(struct rows *r);

/* replaced.c */
void replaced_keep(struct ils *ils, struct stream *s, struct slice former, struct slice lines);
struct slice replaced_find(const struct stream *s, const uint8_t name[static HASH_SIZE]);
void replaced_tick(struct ils *ils);
void replaced_free(struct ils *ils, struct stream *s);

/* fetch.c */
/* delta.c: */
struct msg_head;
bool lines_plausible(const struct stream *s);
bool delta_base(struct ils *ils, const struct stream *s, const struct msg_head *m,
                struct slice *ret);
bool delta_lines(struct stream *s, const struct msg_head *m, struct slice former);

void fetch_own(struct stream *s, struct link *l);
void fetch_forget(struct ils *ils, struct stream *s); /* frees it */
void fetch_drop(struct ils *ils, struct stream *s);  /* nothing is wanted of it */
void fetch_admitted(struct ils *ils, struct stream *s, bool admitted); /* it is now, or not */
void fetch_listed(struct link *l); /* their list has come */
void fetch_from(struct ils *ils, struct stream *s, struct link *l);
void fetch_head(struct link *l, struct slice body);
void fetch_manifest(struct link *l, struct slice body);
void fetch_segment(struct link *l, struct slice body);
void fetch_gone(struct link *l, struct slice body);
void fetch_link_gone(struct link *l);
void fetch_tick(struct ils *ils);
/* Whether what is held of its target is what its wanted head has signed. */
bool fetch_digest_agrees(struct stream *s, tick now);
tick fetch_deadline(const struct stream *s);

/* link.c */
struct link *link_new(struct ils *ils, bool dialler, uint32_t id);
void link_free(struct link *l);
void link_wake(struct link *l); /* this step and the next look at it */
void link_accepted(struct ils *ils, const struct ils_event *event);
void link_connected(struct ils *ils, const struct ils_event *event);
void link_data(struct ils *ils, const struct ils_event *event);
void link_down(struct ils *ils, const struct ils_event *event);
void link_room(struct ils *ils, const struct ils_event *event);
void link_send(struct link *l, uint8_t type, struct slice body);
void link_flush(struct link *l);
void link_change_state(struct link *l, enum link_state state);
void link_end(struct link *l, enum code code, bool tell);
void link_met(struct link *l);
void link_up(struct link *l);
void link_announce(struct link *l); /* T1 and T2, once */
void link_secured(struct ils *ils, const struct ils_event *event);
void link_certificate(struct ils *ils, const struct ils_event *event);
void link_tick(struct ils *ils);
tick link_deadline(const struct link *l);

/* refusal.c */
void handshake_refuse(struct link *l, enum code code);
void handshake_failed(struct link *l, enum code code, bool told, uint32_t retry_after);
void handshake_tls_failed(struct link *l, const struct tls_error *e, bool alert);
void handshake_proof(const struct link *l, struct proof *ret); /* of this end, for this link */
enum code handshake_code(uint32_t number); /* of a goodbye: success is none */
enum code handshake_said(uint32_t number); /* of a READY: CODE_JOINED, or a refusal */
enum code goodbye_code(enum code code); /* as the other end is told */

/* handshake.c */
bool zeros(const uint8_t *p, size_t n); /* whether all bytes are zero, in constant time */
void handshake_hello_send(struct link *l);
void handshake_frame(struct link *l, uint8_t type, struct slice body);
void handshake_joined(struct link *l);
/* This cluster, which was in no network, is in one now: links on which neither end told one end,
 * and come back with it. */
void handshake_network_came(struct ils *ils);
void handshake_secured(struct link *l, const struct secured *s);
void handshake_invite_stored(struct link *l, bool failed);
const struct password *password_find(const struct ils *ils, uint16_t generation);
uint16_t password_newest(const struct ils *ils); /* 0 = none is held */
bool method_has_password(uint8_t method);
const struct password *password_preferred(const struct ils *ils);
uint8_t method_offered(const struct ils *ils);
bool method_accepted(const struct ils *ils, uint8_t method);

/* cert.c: the verdict on certificates. Pure questions, and the one place that says the answer. */
void facts_of(struct facts *f, const struct certificate *c);
void words_of(struct words *w, struct slice error, const struct slice record[static 3],
              const uint32_t number[static 3]);
bool facts_name(const struct facts *f, struct slice name);
/* What is wrong with the certificate in itself; CODE_NONE: nothing. */
enum code cert_error(const struct facts *f);
/* The verdict procedure for `method`; host: as dialled, empty on the dialled end. CODE_NONE with
 * *ret_rule set: passes; CODE_NONE with RULE_NONE: it depends on the proof (method 4). */
enum code cert_judge(const struct ils *ils, const struct facts *f, uint8_t method,
                     struct slice host, enum cert_rule *ret_rule);
/* After the proof, where it depended on it. */
enum code cert_met(const struct ils *ils, const struct facts *f, const struct peer *p);
/* As if the peer had proved itself with it: of a live link, or of what it announced. */
enum code cert_of_peer(const struct ils *ils, const struct facts *f, const struct peer *p,
                       uint8_t method, struct slice host, enum cert_rule *ret_rule);
void cert_say(struct link *l, enum code code); /* T12 to T32, and the alarm of a refusal */
void cert_say_words(struct link *l);           /* T30, T31 */

/* trust.c: the trust store, and the certificates that were refused. */
void trust_row(struct ils *ils, const struct row *row);
void refused_row(struct ils *ils, const struct row *row);
struct trust_entry *trust_find(const struct ils *ils, const uint8_t fingerprint[static 32]);
/* TRUST_ADD, TRUST_REMOVE, TRUST_VERDICT: answered when durable. */
void trust_command(struct ils *ils, const struct command *c);
/* Imports one certificate on the core's own account; rows are added to r, which is stored by the
 * caller as BATCH_TRUST or BATCH_INVITE with *ret_change as its `trust`. True with *ret_change
 * NULL: it is there already. False: refused (too long, full, memory). */
bool trust_add(struct rows *r, struct slice der, const struct facts *f, struct slice source,
               struct trust_change **ret_change);
void trust_stored(struct ils *ils, struct batch *b, bool failed); /* applies or drops b->trust */
void trust_change_free(struct ils *ils, struct trust_change *c);
/* Keeps what link l was refused with, at most REFUSED_MAX, for 30 days; bounded per address. */
void trust_refused(struct link *l, enum code code);
void trust_tick(struct ils *ils);
tick trust_deadline(const struct ils *ils); /* rows of refused certificates wait to be written */
void trust_free(struct ils *ils);

/* invite.c */
void invite_row(struct ils *ils, const struct row *row);
void invite_command(struct ils *ils, const struct command *c); /* INVITE, INVITE_REMOVE */
/* The acceptor's hello named this invite: CODE_NONE and the password of the exchange (32 bytes), or
 * why not. */
enum code invite_judge(const struct ils *ils, const uint8_t id[static INVITE_ID_SIZE],
                       uint8_t ret_prs[static 32]);
/* The password of the exchange: H("invite", id, secret). */
void invite_prs(uint8_t ret[static 32], const struct invite *invite);
void invite_failed(struct ils *ils, const uint8_t id[static INVITE_ID_SIZE]);
/* Acceptor: the other end proved itself. The invite is spent for its key and its certificate
 * imported, in one batch; then handshake_invite_stored. CODE_NONE, or why not (used by another). */
enum code invite_spend(struct link *l);
void invite_stored(struct ils *ils, struct batch *b, bool failed);
/* Dialler: the hub proved itself as the token says. Imports its certificate; when that is durable,
 * the ordinary join begins (dial_now). */
void invite_won(struct link *l);
void invite_tick(struct ils *ils); /* the expired are forgotten a day later */
void invite_free(struct ils *ils);

/* own.c: one's own certificate, announcing the next, and what each end would say of the other's. */
void own_setting(struct ils *ils, struct slice key, struct slice value);
void own_command(struct ils *ils, const struct command *c); /* CERTIFICATE, CERTIFICATE_NOW */
/* Of INIT, which stores it with the rest. */
void own_init_with(struct rows *r, const struct own_certificate *own);
void own_stored(struct ils *ils, struct batch *b, bool failed);
void own_change_free(struct ils *ils, struct own_change *c);
/* Of IDENTITY_NEW: its rows are those of another batch, which calls own_stored. NULL: memory. */
struct own_change *own_renewal(struct ils *ils, const struct own_certificate *own);
void own_renewal_rows(struct rows *r, struct own_change *change);
/* What stream 0 says of it: the certificate, and its chain where there is room. */
struct slice own_told(struct ils *ils, size_t which);
void own_announced(struct peer *p, size_t which, struct slice ders); /* from stream 0 */
void own_verified(struct ils *ils, const struct ils_event *event);
void own_ready_frame(struct link *l, struct slice body);
void own_tick(struct ils *ils); /* asks, tells, switches, alarms of end dates */
tick own_deadline(const struct ils *ils);
bool own_ends_soon(const struct ils *ils, wall not_before, wall not_after);
void own_init(struct ils *ils);
void own_peer_init(struct ils *ils, struct peer *p);
void own_peer_free(struct peer *p);
void own_free(struct ils *ils);
/* A neighbour that does not have the next certificate yet. */
bool own_waits_for(const struct ils *ils, const struct peer *p);
/* ready.c: what this end would say of the certificates that others announced, and telling them. */
void ready_read(struct ils *ils, const struct peer *p); /* its stream 0 may announce others */
void ready_ask(struct ils *ils);    /* VERIFY of what was announced and not judged yet */
void ready_import(struct ils *ils); /* what those announce whose present one was imported */
void ready_tell(struct ils *ils);   /* READY on each link where it changed */
void ready_again(struct ils *ils);  /* trust has changed: all is judged anew */
uint32_t ready_code(const struct ils *ils, const struct announced *a, const struct peer *p,
                    uint8_t method, enum cert_rule *ret_rule);

/* The two have met by that method as both are now, and need not be linked for it. */
bool ready_met(const struct ils *ils, const struct peer *p, uint8_t method);

/* gate.c */
void gate_init(struct gate *g);
void gate_forget(struct ils *ils);
/* l is half open from now on; another may have to go for it. */
void gate_enter(struct link *l);
void gate_leave(struct link *l);
tick gate_until(const struct ils *ils, const struct link *l);
void gate_failed(struct ils *ils, const struct link *l, tick base);
void gate_passed(struct ils *ils, const struct link *l);

/* dial.c */
void dial_now(struct ils *ils);
void dial_tick(struct ils *ils);
void dial_over(struct ils *ils, struct link *l, enum code code);
void dial_up(struct ils *ils, struct link *l);
tick dial_deadline(const struct ils *ils);
void dial_peer(struct ils *ils, struct peer *p);
bool dial_is_hub(const struct ils *ils, const struct peer *p);
void dial_want(struct ils *ils, bool wanted);
void dial_leave(struct ils *ils);
void dial_back(struct ils *ils);

/* alarm.c */
size_t alarm_raise(struct ils *ils, enum alarm alarm, struct slice subject);
wall alarm_last(const struct ils *ils, enum alarm alarm, struct slice subject);
void alarm_clear(struct ils *ils, enum alarm alarm, struct slice subject);
void alarm_clear_all(struct ils *ils, enum alarm alarm); /* whatever its subject */
void alarm_row(struct ils *ils, const struct row *row);
void alarm_tick(struct ils *ils); /* those that are over by time, at alarm_next */

/* date.c: the wall clock, and whether it can be right */
bool date_can_be(const struct ils *ils, wall now);
void date_look(struct ils *ils, wall now);
void date_start(struct ils *ils, wall built);
void date_tick(struct ils *ils);
tick date_deadline(const struct ils *ils);
bool date_bars(struct link *l); /* over TLS nobody new is taken */

/* say.c */
struct trace *say(struct ils *ils, enum trace_event event);
struct trace *say_link(struct link *l, enum trace_event event);
void say_verdict_live(struct link *l, enum code code, bool here);
void say_verdict_undialled(struct ils *ils, uint64_t command, enum code code);
void say_verdict(struct link *l, enum code code, bool told, uint32_t retry_after);

/* mesh.c: whom this cluster wants to be linked to. A hub: every other hub. A spoke: one hub, its
 * registration server before the alternates; and it visits each alternate once. */
void mesh_tick(struct ils *ils);
tick mesh_deadline(const struct ils *ils);
/* An attempt to reach a peer, or a link with it, is over. */
void mesh_over(struct link *l, enum code code);
void mesh_up(struct link *l);         /* a link is up */
bool mesh_wanted(const struct ils *ils, const struct peer *p); /* a link with it should stand */
bool mesh_alternate(const struct ils *ils, const struct peer *p); /* of a spoke */
/* It is dialled no more: whether it is reached is nobody's concern. */
void mesh_unmissed(struct ils *ils, const struct peer *p);
bool mesh_visited(const struct ils *ils, const struct peer *p); /* met as both ends are now */
bool mesh_knows(const struct ils *ils, const struct peer *p);     /* a member, met or vouched for */
bool mesh_home_gone(const struct ils *ils); /* who was registered with is no hub any more */
struct slice mesh_place(const struct peer *p, uint32_t attempts, enum code last,
                        struct slice usual);
bool mesh_elsewhere(const struct ils *ils); /* a spoke that is served by somebody */
bool mesh_is_hub(const struct peer *p);  /* it is a hub that may be registered with */
void mesh_moved(struct ils *ils, struct peer *p); /* it is elsewhere: what failed may not there */
void mesh_now(struct ils *ils);       /* everything is tried at once: settings have changed */
struct link *dial(struct ils *ils, struct slice host, uint16_t port, uint8_t method); /* dial.c */
bool dial_equipped(const struct ils *ils, uint8_t method);
void dial_renews(struct ils *ils, struct peer *p); /* a successor is being set up */
bool dial_refusal(enum code code);    /* trying again within seconds changes nothing */
/* The link with p, which this end dialled, wants a successor; and when it will. */
bool dial_renewal_due(const struct ils *ils, const struct peer *p);
tick dial_renewal_at(const struct ils *ils, const struct peer *p);
void dial_register(struct ils *ils, const struct peer *p); /* p is the registration server now */

/* role.c: COMMAND_ROLE; and the role of JOIN. */
void role_command(struct ils *ils, const struct command *c);
/* A hub that is to be a spoke: of whom (host empty: of any), NULL: no such hub is linked; whether
 * it may; and that it begins, where it may. */
struct peer *role_chosen_hub(const struct ils *ils, const struct command *c);
enum reply role_judge_spoke(const struct ils *ils, const struct command *c, struct slice *ret_text);
void role_drain(struct ils *ils, const struct command *c);
void role_become_hub(struct ils *ils);
void role_become_standalone(struct ils *ils);
void role_no_home(struct ils *ils);   /* it registers with nobody: other hubs are dialled as such */
void role_wish_over(struct ils *ils); /* whoever waits for it to be a spoke is told */
void role_undone(struct ils *ils, bool draining); /* the disk did not take it */
void role_tick(struct ils *ils);      /* a hub that drains */
tick role_deadline(const struct ils *ils);
bool role_setting(struct ils *ils, struct slice key, struct slice value);
void listen_as_role(struct ils *ils); /* command.c */
void end_links(struct ils *ils, enum code code);
struct batch *store_and_reply(struct rows *rows, const struct command *c, bool join);
void command_refuse(struct ils *ils, const struct command *c, enum reply reply, struct slice text);

/* identity.c: two that say that they are one. Of a proof: CODE_DUPLICATE_ID, CODE_CLONE,
 * CODE_DEFAULT_ID, CODE_ITSELF, CODE_PROTOCOL (no cluster id) or CODE_NONE. Raises no alarm and
 * changes nothing. */
enum code identity_judge(const struct link *l, const struct proof *p);
void identity_refused(struct link *l, enum code code); /* by or to this end: the alarm, and whether
                                                        * this cluster stops writing */
void identity_asked(struct ils *ils);
void identity_up(struct link *l);     /* a link stands: what was said of it before is over */
void identity_heads(struct ils *ils, struct stream *s, struct slice bytes, const struct head *h);
                                      /* a signed head with the epoch and USN of the one that is
                                       * held, and another root: two writers */
/* Its stream 0 was read: the same cluster id as another's? Met by relay, both stay. */
void identity_named(struct ils *ils, struct peer *p);
/* Another cluster that stands and has that id; NULL: none. */
const struct peer *identity_holder(const struct ils *ils, struct slice id,
                                   const uint8_t key[static KEY_SIZE]);
bool identity_twice(const struct ils *ils, struct slice id); /* two that are known have it */
bool identity_lasts(const struct ils *ils, struct slice id); /* ... or two write: the alarm stays */
/* Of a verdict 501, 502 or 503: its evidence, and the key that was refused here, or NULL. */
void identity_evidence(const struct link *l, struct verdict *v, const uint8_t **ret_key);
void identity_former(struct ils *ils, const struct peer *p); /* it says what it was before */
/* 502: the proof that shows the copy, for whoever is told; and whether what came is one. */
void identity_copy(const struct link *l, struct msg_goodbye *m);
void identity_proves(const struct link *l); /* this end's proof is on its way */
bool identity_proved(const struct link *l, const struct msg_goodbye *m);
/* Who was told that another copy of it is running does not go where that is not known. */
bool identity_may_dial(const struct ils *ils, const struct peer *p);

/* renew.c: another key, or another network. */
enum reply renew_judge_id(const struct ils *ils, struct slice id); /* of one that is asked for */
void identity_command(struct ils *ils, const struct command *c); /* IDENTITY_NEW */
void identity_stored(struct ils *ils, struct batch *b, bool failed);
void identity_tick(struct ils *ils);
void identity_free(struct ils *ils);
enum reply command_names(struct ils *ils, const struct command *c, struct slice *ret_fqdn,
                         struct slice *ret_route, struct slice *ret_text); /* command.c */
void identity_network(struct ils *ils, const struct command *c); /* NETWORK_ADOPT */

/* leave.c: this cluster leaves its network. Called by ends.c, whose face is that of both. */
void leave_command(struct ils *ils, const struct command *c);
void leave_stored(struct ils *ils, struct batch *b, bool failed);
void leave_tick(struct ils *ils);
tick leave_deadline(const struct ils *ils);

/* ends.c: leaving, forgetting, banning (PROTOCOL 13). */
struct ended {
    struct list node;
    uint8_t key[KEY_SIZE], id[PEER_ID_SIZE];
    uint32_t turn;              /* odd: banned; each ban and each end of one makes it higher */
    bool banned;
    uint64_t epoch, usn;        /* nothing up to this returns */
    uint8_t author[PEER_ID_SIZE];
    TEXT(name, CLUSTER_ID_MAX); /* its cluster id, as the author knew it */
    tick repeated;              /* from then on by a spoke whose hub does not say it */
    tick anew, anew_wait;       /* it does not return: when and after what time it is told anew */
};
void ends_rows_of_stream(struct rows *r, const struct stream *s); /* its rows go */
void ends_remove_row(struct rows *r, const struct ended *e);
void ends_command(struct ils *ils, const struct command *c); /* LEAVE, FORGET, BAN, UNBAN */
void ends_stored(struct ils *ils, struct batch *b, bool failed);
bool author_banned(const struct ils *ils, const uint8_t author[static PEER_ID_SIZE]); /* author.c */
bool author_judge(const struct ils *ils, const struct peer *teller, struct ended *e);
bool ends_setting(struct ils *ils, struct slice key, struct slice value);
void ends_rows(struct rows *r);
void ends_tick(struct ils *ils);
tick ends_deadline(const struct ils *ils);
/* Of an admitted stream 0: its records of ends, which a hub repeats, and so does a spoke whose hub
 * does not. */
void ends_read(struct ils *ils, const struct stream *self);
void ends_again(struct ils *ils); /* of all of them: whose word counts may have changed */
size_t ends_changes(struct ils *ils, struct change *change, size_t max); /* for one's own */
bool ends_allow(const struct ils *ils, const struct head *h); /* it may be taken */
/* Who was forgotten and has not returned, or is banned; NULL: neither. */
const struct ended *ends_of(const struct ils *ils, const uint8_t key[static KEY_SIZE]);
struct ended *ends_find(const struct ils *ils, const uint8_t key[static KEY_SIZE]);
bool ends_banned(const struct ils *ils, const uint8_t key[static KEY_SIZE]);
bool ends_make_room(struct ils *ils); /* of those who left the first one's stream goes */
/* Of a hub, a spoke that would be left without any if it went: NULL, nobody would. */
const struct peer *ends_stranded(const struct ils *ils);
void ends_free(struct ils *ils);
bool peer_left(const struct ils *ils, const struct peer *p); /* its stream 0 says so */

struct slice ends_joined(struct ils *ils, struct slice a, struct slice b, struct slice c);
struct slice ends_typed(struct ils *ils, const struct command *c); /* as it is typed at a hub */

/* drop.c: FORGET at a spoke. */
void drop_command(struct ils *ils, const struct command *c);
void drop_stored(struct ils *ils, const struct batch *b, bool failed);
/* Where that cluster is to be forgotten; at which hub. */
enum forget_where drop_where(const struct ils *ils, const uint8_t key[static KEY_SIZE],
                             const struct peer **ret_hub);
/* Another hub that lists it, and it was heard of lately; NULL: none. */
const struct peer *drop_listed_at(const struct ils *ils, const uint8_t key[static KEY_SIZE]);

/* told.c: what of a stream others are shown. One's own plan is withheld while the exchange is off,
 * and both streams when this cluster leaves: then a head that lists nothing stands for it. */
struct slice told_bytes(const struct stream *s);       /* empty: nothing is shown now */
const struct head *told_head(const struct stream *s);
bool told_real(const struct stream *s);                /* it is the one that is served */
const struct head *told_newest(const struct stream *s); /* ever signed, told or not */
bool told_setting(struct ils *ils, struct slice key, struct slice value);
void told_rows(struct rows *r);
void told_command(struct ils *ils, const struct command *c); /* EXCHANGE, SYNC_EVERY */
void told_start(struct ils *ils);
struct slice told_key(struct ils *ils, uint64_t number); /* of the setting of what is withheld */
void told_stored(struct ils *ils, struct batch *b, bool failed);
void told_beat(struct ils *ils, struct stream *s);
void told_tick(struct ils *ils);      /* makes and drops what is withheld */
uint32_t told_minutes(const struct ils *ils); /* from beat to beat */
void told_served(struct ils *ils);
bool told_serves(const struct ils *ils, const struct stream *s); /* to lookups here */
/* Makes the withheld head of s, signed; a row for it is added to r. 0, or -1. */
int told_withhold(struct rows *r, struct stream *s, uint32_t flags);
void told_show(struct ils *ils, struct stream *s); /* the real one again, with a higher USN */

/* policy.c: rules of what is made of learned data, and the limit of how much there may be. */
void policy_row(struct ils *ils, const struct row *row);
void policy_command(struct ils *ils, const struct command *c);
void policy_stored(struct ils *ils, struct batch *b, bool failed);
void policy_change_free(struct ils *ils, struct policy_change *c);
bool policy_setting(struct ils *ils, struct slice key, struct slice value);
/* routing.c: routes, and how lookups read what is dialled. */
void routing_command(struct ils *ils, const struct command *c);
void routing_stored(struct ils *ils, const struct batch *b, bool failed);
void routing_row(struct ils *ils, const struct row *row);
bool routing_setting(struct ils *ils, struct slice key, struct slice value);
void routing_rows(struct rows *r);
void policy_rows(struct rows *r); /* settings */
uint64_t policy_learned_max(const struct ils *ils);
struct policy_subject policy_of(const struct stream *s, uint8_t kind, struct slice key);
struct slice policy_name(const struct ils *ils, const struct stream *s);

/* held.c: the former plan of a cluster is served on where it shrank by more than half. */
bool held_shrunk(const struct stream *s, const struct head *h); /* against what is served */
const struct catalog *held_catalog(const struct stream *s);     /* that lookups see */
bool held_apply(struct rows *r, struct stream *s);
void held_storing(struct stream *s, struct batch *b);  /* the head of s, and what is kept */
void held_stored(struct ils *ils, const struct batch *b);
void held_applied(struct stream *s);
void held_serve(struct ils *ils, struct stream *s);
void held_set_stale(struct stream *s, bool stale);
void held_drop(struct ils *ils, struct stream *s);
bool held_needs(const struct stream *s, const uint8_t name[static HASH_SIZE]);
void held_rows_again(struct rows *r, const struct stream *s); /* with the head of s */
void held_rows_gone(struct rows *r, const struct stream *s);
bool held_row(struct ils *ils, const uint8_t key[static KEY_SIZE], uint64_t number,
              struct slice head, struct slice lines);
int held_segment(struct stream *s, struct slice bytes);
bool held_instead(struct stream *s);
bool held_is_kept(uint64_t number); /* of a stream's row: it is of what is kept of it */
bool held_follow(struct ils *ils, const struct row *row, uint64_t number);
void held_follow_gone(struct ils *ils, struct stream *s);
void held_start(struct rows *r, struct stream *s);
void held_release(struct ils *ils, const uint8_t key[static KEY_SIZE]);
bool held_release_rows(struct rows *r, const uint8_t key[static KEY_SIZE]);
void held_confirm(struct ils *ils, const struct command *c);
void held_tick(struct ils *ils);
void held_quota(struct ils *ils, struct stream *s, bool over); /* its newest head */

/* duplicates.c: what two clusters announce, and records that make no sense. */
void duplicates_changed(struct ils *ils, struct stream *s); /* what it serves */
void duplicates_gone(struct ils *ils, struct stream *s);
void duplicates_tick(struct ils *ils);
tick duplicates_deadline(const struct ils *ils);
void duplicates_free(struct ils *ils);

/* adopt.c */
void adopt_command(struct ils *ils, const struct command *c); /* REBUILD, RESTORE */

/* introduce.c: who was invited is made known to the other hubs, and they to it (PROTOCOL 13). */
size_t introduce_changes(struct ils *ils, struct change *change, size_t max);
void introduce_read(struct ils *ils, const struct stream *self); /* of an admitted hub */
void introduce_tick(struct ils *ils); /* imports what was introduced and is announced by now */
bool introduce_setting(struct ils *ils, struct slice key, struct slice value);
void introduce_rows(struct rows *r);
void introduce_command(struct ils *ils, const struct command *c); /* INTRODUCTIONS */
void introduce_again(struct ils *ils); /* what is believed, met or told has changed */
tick introduce_deadline(const struct ils *ils);
/* p is about to be imported here, or there: to dial it now would only be refused. */
bool introduce_holds(const struct ils *ils, const struct peer *p);
void introduce_free(struct ils *ils);

/* holds.c: who has what. */
void holds_put(struct buf *b, const struct holds *h); /* h->known is not looked at */
bool holds_get(struct holds *h, struct slice value);  /* false: it is not sound, h is not known */
void holds_heard(struct ils *ils, struct stream *s);  /* of a head that is not served yet */
void holds_served(struct ils *ils, struct stream *s); /* its head is another now */
void holds_dropped(struct ils *ils, struct stream *s); /* nothing newer is waited for any more */
void holds_gone(struct ils *ils, struct stream *s);   /* it is about to be freed */
struct slice holds_told(struct ils *ils); /* the field of stream 0; lives for the step */
void holds_read(struct peer *p, struct slice value); /* of another's; total */
void holds_tick(struct ils *ils);
tick holds_deadline(const struct ils *ils);
/* view.c, for view_holds.c */
const struct peer *view_peer_at(const struct ils *ils, size_t i);
bool view_reachable(const struct ils *ils, const struct peer *p);
enum sync_status holds_status(const struct ils *ils, const struct stream *s);

#endif
