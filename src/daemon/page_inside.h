/* page_inside: what the files of the admin page share. page.c is the door and says who may what,
 * page_account.c keeps accounts, page_session.c sessions, the setup code and the patience with
 * those who guess, page_hash.c stretches passwords beside the loop, page_password.c refuses poor
 * ones, page_factor.c judges codes of a second factor, page_sign.c lets people in,
 * page_call.c carries a command to the control socket's code, page_events.c tells what changes,
 * page_log.c tells the system's log, page_openapi.c describes all of it to programs. */
#ifndef OPENILS_DAEMON_PAGE_INSIDE_H
#define OPENILS_DAEMON_PAGE_INSIDE_H

#include "answer/http.h"
#include "answer/page.h"
#include "base/crypto.h"
#include "base/list.h"
#include "daemon/control_inside.h"
#include "daemon/doors.h"
#include "daemon/page.h"
#include "driver/https.h"
#include "driver/totp.h"

#define PAGE_ACCOUNTS_MAX 32
#define PAGE_SESSIONS_MAX 64
#define PAGE_SESSIONS_EACH 8 /* of one account */
#define PAGE_SOURCES_MAX  256
#define PAGE_NAME_MAX     64
#define PAGE_PASSWORD_MIN 12
#define PAGE_PASSWORD_MAX 512 /* bytes, with the NUL */
#define PAGE_HASH_MAX     128 /* as libsodium writes it */
#define PAGE_SIGN_BODY    8192
#define PAGE_RECOVERIES   8
#define PAGE_KEY_TEXT     (TOTP_KEY * 8 / 5 + 1) /* base32, with the NUL */
#define PAGE_CONTENT_MAX  (UINT64_C(256) << 20) /* bytes of a file for a command */
#ifdef OPENILS_BUG_BRIEF /* a test's: sessions end while it looks */
#define PAGE_IDLE_US      (INT64_C(3) * 1000000)
#define PAGE_WHOLE_US     (INT64_C(6) * 1000000)
#else
#define PAGE_IDLE_US      (INT64_C(30) * 60 * 1000000)
#define PAGE_WHOLE_US     (INT64_C(12) * 3600 * 1000000)
#endif
#ifdef OPENILS_BUG_OLD_PROOF /* a control's: it is old at once */
#define PAGE_PROVED_US    INT64_C(-1)
#else
#define PAGE_PROVED_US    (INT64_C(5) * 60 * 1000000) /* a password counts as just given */
#endif

/* The second factor of an account. */
struct page_factor {
    bool on;
    uint8_t key[TOTP_KEY];
    uint64_t step; /* of the last code that was taken */
    uint8_t recovery[PAGE_RECOVERIES][HASH_SIZE];
    size_t recovery_n;
    /* In memory alone: wrong codes in a row behind the right password, until when no more count;
     * a step whose code was said to be that of another time */
    unsigned wrong;
    tick until;
    uint64_t spoilt;
};

struct page_account {
    char name[PAGE_NAME_MAX + 1];
    char hash[PAGE_HASH_MAX];
    enum right right;
    wall made;
    struct page_factor factor;
    bool changing; /* a row of it is being stored */
};

struct page_session {
    bool live;
    uint8_t id[HASH_SIZE];           /* of what the cookie says */
    uint8_t before[HASH_SIZE];       /* of what it said before, good until */
    tick before_until;
    char csrf[PAGE_SESSION_HEX + 1];
    char name[PAGE_NAME_MAX + 1], ip[46];
    enum right right;
    tick begun, used, proved;
    uint64_t number;                 /* of all that ever were */
    bool offered;                    /* a second factor, not confirmed yet, of this key */
    uint8_t offer[TOTP_KEY];
};

/* Whoever gave a wrong password or code: an address, and until when he waits. */
struct page_source {
    char ip[46];
    unsigned wrong;
    tick last, until;
};

/* Of whom a second factor is required: of all where the page listens elsewhere than on loopback, as
 * long as nobody has said so or otherwise. */
enum page_second_rule { SECOND_BY_PLACE, SECOND_OF_ALL, SECOND_OF_NONE };

struct page_job;
struct page_door;

struct page {
    struct runtime *rt;
    struct page_account account[PAGE_ACCOUNTS_MAX]; /* by name */
    size_t account_n;
    enum page_second_rule second;
    struct page_session session[PAGE_SESSIONS_MAX];
    uint64_t sessions; /* ever */
    struct page_source source[PAGE_SOURCES_MAX];
    bool code_live;
    uint8_t code[HASH_SIZE];
    tick code_until;
    unsigned code_wrong;
    struct list jobs;
    size_t job_n;
    bool job_runs; /* the first of them */
    struct list doors;
    char fingerprint[96];
    uint64_t requests, refused, logins, wrong_logins;
    const char *refusal;    /* the name of the last one */
    tick logged;            /* the last line about a refusal */
    uint64_t unlogged;      /* refusals since */
};

/* One listener; while a change of address is under way there are two. */
struct page_door {
    struct list node;
    struct page *page;
    struct https *https;
    struct list calls, streams;
    unsigned pending;  /* what still has a pointer to this: closed, it waits for them */
    bool closing, http_closed, timer_closed;
    uv_timer_t timer;  /* of the streams */
    struct page_call *watch;
    struct {
        char *text;
    } topic[5];
    unsigned answers;  /* that the watch still gives of this turn */
    unsigned quiet;    /* turns without a word to the streams */
    void (*closed)(void *context);
    void *context;
};

/* page.c */
void page_reply(struct https_exchange *x, uint16_t status, json_t *body); /* steals body */
void page_refuse(struct page_door *door, struct https_exchange *x, uint16_t status,
                 const char *name, const char *text, const char *next);
void page_reply_text(struct https_exchange *x, uint16_t status, const char *type,
                     struct slice text);
/* With a session's cookie: id = "" ends it. */
void page_reply_cookie(struct https_exchange *x, json_t *body, const char *id);
void page_release(struct page_door *door); /* one pending less */
/* Numeric text of who asks. */
void page_ip(const struct sockaddr *from, char ret[static 46]);
/* "ann (page, 192.0.2.1)", for the audit. */
void page_who(char dst[static 96], const char *name, const char *ip);
struct page_session *page_session_of(struct page *p, const struct https_asked *asked);
bool page_recent(const struct page_session *s);

/* page_account.c */
bool page_name_good(struct slice name);
const struct page_account *page_account(const struct page *p, struct slice name);
typedef void (*page_stored)(void *context, enum reply reply, struct slice text);
/* What becomes of an account; but where a code of it was USED, its sessions end. */
enum page_change { PAGE_PUT, PAGE_GONE, PAGE_USED };
/* who and what are for the audit; who = "": there is none. False: another change of it is under
 * way, and done is not called. */
bool page_account_put(struct page *p, const struct page_account *a, enum page_change change,
                      const char *who, const char *what, page_stored done, void *context);
size_t page_admins(const struct page *p);
const char *page_role(enum right right); /* static */

/* page_session.c */
struct page_session *page_session_begin(struct page *p, const struct page_account *account,
                                        const char *ip, char ret_id[static PAGE_SESSION_HEX + 1]);
/* The same session by another id; that of before is good for what is under way. */
void page_session_renew(struct page_session *s, char ret_id[static PAGE_SESSION_HEX + 1]);
struct page_session *page_session_find(struct page *p, struct slice id);
bool page_session_lives(const struct page *p, const struct page_session *s, uint64_t number);
void page_session_end(struct page *p, struct page_session *s);
/* What the session sees of all there are: an admin every one, others those of their account. */
json_t *page_sessions(const struct page *p, const struct page_session *asks); /* new ref */
/* One of those, by its number; NULL: there is none. */
struct page_session *page_session_seen(struct page *p, const struct page_session *asks,
                                       uint64_t number);
/* All of an account, but this one (0: all). */
void page_sessions_end(struct page *p, const char *name, uint64_t but);
/* Seconds that the source must wait before another guess; 0: none. */
unsigned page_must_wait(const struct page *p, const char *ip);
void page_guessed(struct page *p, const char *ip, bool right);
bool page_code_good(struct page *p, struct slice typed); /* looks; the code stays */
void page_code_spend(struct page *p);

/* page_hash.c: Argon2id beside the loop, one at a time: each takes 64 MiB. */
enum page_work { PAGE_VERIFY, PAGE_HASH, PAGE_STRETCH };
#define PAGE_JOBS_MAX 8
/* NO: a wrong password (VERIFY), or no memory. Of HASH: it is in the list, or that is not read. */
enum page_outcome { PAGE_NO, PAGE_YES, PAGE_LISTED, PAGE_UNREAD };
/* text: the hash of PAGE_HASH, or of VERIFY where the present one was made with less work; 64 hex
 * digits of PAGE_STRETCH; else "". */
typedef void (*page_hashed)(void *context, enum page_outcome outcome, const char *text);
/* password is copied; hash: of VERIFY, "" is nobody's. False: too many wait, done is not called. */
bool page_hash(struct page *p, enum page_work work, struct slice password, const char *hash,
               page_hashed done, void *context);

/* page_password.c: what is wrong with a new password of the account; NULL: nothing. Static. */
const char *page_password_flaw(const struct page *p, struct slice password, const char *name);

/* page_factor.c */
enum page_second { SECOND_NONE, SECOND_GOOD, SECOND_RECOVERED, SECOND_WANTED, SECOND_WRONG,
                   SECOND_BESIDE, SECOND_WAIT };
/* What was typed beside a password that was right (n = 0: nothing). What is good is used up in the
 * account, which is to be stored (GOOD, RECOVERED). */
enum page_second page_factor_judge(struct page_account *a, struct slice typed);
/* Another key for whoever has the session, as text and as URI. New ref. */
json_t *page_factor_offer(struct page *p, struct page_session *s);
/* The offered one, by a code of it, and its recovery codes as text (new ref). NULL: a wrong one. */
json_t *page_factor_take(struct page_session *s, struct slice typed, struct page_factor *ret);
/* Nothing else may be done before there is a second factor. */
bool page_must_enrol(const struct page *p, const char *name);
/* As part of an account's row. False: it is there and cannot be read. */
void page_factor_write(const struct page_factor *f, json_t *row);
bool page_factor_read(struct page_factor *ret, const json_t *row);

/* page_sign.c */
enum page_sign { PAGE_LOGIN, PAGE_SETUP, PAGE_PROOF, PAGE_PASSWORD, PAGE_USER,
                 PAGE_USER_REMOVE, PAGE_FACTOR, PAGE_FACTOR_REMOVE };
void page_sign(struct page_door *door, struct https_exchange *x, const struct https_asked *asked,
               enum page_sign what, struct page_session *s);
json_t *page_session_json(const struct page *p, const struct page_session *s); /* new ref */

/* page_log.c */
void page_log(bool good, const char *name, const char *what, const char *ip);
void page_log_refusal(struct page *p, const char *error, const char *name, const char *command,
                      const char *ip);

/* page_call.c */
struct page_call;
/* A command, for a session; args is stolen, content is copied. */
void page_call(struct page_door *door, struct https_exchange *x, const struct https_asked *asked,
               const char *command, const struct page_session *s);
bool page_stretches(const char *command); /* it takes a password, which is stretched first */
/* One more client of the control socket's code, without an exchange: gives lines. */
typedef void (*page_line)(void *context, struct slice line); /* p = NULL: it has ended */
struct page_call *page_watch(struct page_door *door, page_line line);
bool page_watch_ask(struct page_call *call, const char *text);
void page_call_end(struct page_call *call);
void page_calls_end(struct page *p, uint64_t session); /* streams of a session that has ended */
struct page_call *page_call_at(struct list *node); /* of page_door.calls */

/* page_events.c */
void page_events(struct page_door *door, struct https_exchange *x, struct page_session *s);
void page_events_stop(struct page_door *door);

/* page_openapi.c */
enum page_type { PAGE_TEXT, PAGE_NUMBER, PAGE_FLAG, PAGE_LIST };
enum page_type page_arg_type(const char *verb, const char *arg, size_t n);
json_t *page_openapi(void); /* new ref */

/* What is remembered of an exchange: who hears that it is gone. */
struct page_waiter {
    void (*gone)(struct page_waiter *w);
    void (*room)(struct page_waiter *w); /* or NULL */
};

#endif
