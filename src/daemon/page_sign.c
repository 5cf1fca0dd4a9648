/* page_sign: in and out: the first account by the setup code, a session by name, password and
 * second factor, the same once more before what is delicate, and accounts. Each is one request that
 * waits for Argon2id and, where something is stored, for the disk. */
#include "daemon/page_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/clock.h"

struct sign {
    struct page_waiter waiter;
    struct page_door *door;
    struct https_exchange *x; /* NULL: it is gone */
    enum page_sign what;
    char name[PAGE_NAME_MAX + 1];
    enum right right;
    char fresh[PAGE_PASSWORD_MAX]; /* a new password, while the present one is verified */
    char code[64];                 /* of the second factor, likewise */
    char hash[PAGE_HASH_MAX];      /* that the present one is verified by */
    bool hashed_anew;
    json_t *recovery;              /* codes that are shown once, or NULL */
    char ip[46], who[96];
    struct page_session *session; /* that asked */
    uint64_t number;              /* of it */
};

static void finish(struct sign *sign)
{
    struct page_door *door = sign->door;
    json_decref(sign->recovery);
    crypto_wipe(sign, sizeof *sign);
    free(sign);
    page_release(door);
}

static void on_hashed(void *context, enum page_outcome outcome, const char *text);

static void refuse(struct sign *sign, uint16_t status, const char *name, const char *text,
                   const char *next)
{
    if (sign->x != NULL)
        page_refuse(sign->door, sign->x, status, name, text, next);
    finish(sign);
}

static void on_gone(struct page_waiter *waiter)
{
    struct sign *sign = list_entry(waiter, struct sign, waiter);
    sign->x = NULL;
}

static void tell_log(const struct sign *sign, bool good, const char *what)
{
    page_log(good, sign->name, what, sign->ip);
}

json_t *page_session_json(const struct page *p, const struct page_session *s)
{
    const struct page_account *a = page_account(p, slice_of(s->name));
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:I, s:b}", "name", s->name, "role",
                     page_role(s->right), "csrf", s->csrf, "proved", page_recent(s),
                     "second_factor", a != NULL && a->factor.on, "recovery_left",
                     (json_int_t)(a != NULL ? a->factor.recovery_n : 0), "enrol",
                     page_must_enrol(p, s->name));
}

static bool session_lives(const struct sign *sign)
{
    return sign->session != NULL &&
           page_session_lives(sign->door->page, sign->session, sign->number);
}

/* A session for the account, which has just shown its password, in the place of the one that the
 * browser had. */
static void let_in(struct sign *sign)
{
    struct page *p = sign->door->page;
    char id[PAGE_SESSION_HEX + 1];
    const struct page_account *a = page_account(p, slice_of(sign->name));
    if (a == NULL || sign->x == NULL) {
        refuse(sign, 401, "LOGIN", "name or password is wrong", "");
        return;
    }
    if (session_lives(sign))
        page_session_end(p, sign->session);
    struct page_session *s = page_session_begin(p, a, sign->ip, id);
    json_t *body = page_session_json(p, s);
    if (sign->recovery != NULL)
        json_object_set(body, "recovery_codes", sign->recovery);
    tell_log(sign, true, "logged in");
    page_reply_cookie(sign->x, body, id);
    crypto_wipe(id, sizeof id);
    finish(sign);
}

/* --- name and password */

static void wait(struct sign *sign, unsigned seconds)
{
    char text[96];
    snprintf(text, sizeof text, "too many wrong ones came from there: wait %u s", seconds);
    page_log_refusal(sign->door->page, "WAIT", sign->name, "", sign->ip);
    refuse(sign, 429, "WAIT", text, "");
}

/* He who is in: his session goes on by another id, and counts as just proved. */
static void prove(struct sign *sign)
{
    char id[PAGE_SESSION_HEX + 1];
    if (sign->x == NULL) {
        finish(sign);
        return;
    }
    page_session_renew(sign->session, id);
    sign->session->proved = clock_tick();
    page_reply_cookie(sign->x, page_session_json(sign->door->page, sign->session), id);
    crypto_wipe(id, sizeof id);
    finish(sign);
}

static void hash(struct sign *sign, struct slice password)
{
    if (!page_hash(sign->door->page, PAGE_HASH, password, NULL, on_hashed, sign))
        refuse(sign, 503, "BUSY", "too many want to log in: try again in a moment", "");
}

/* He is who he says. */
static void verified(struct sign *sign)
{
    page_guessed(sign->door->page, sign->ip, true);
    if (sign->what == PAGE_LOGIN)
        let_in(sign);
    else if (!session_lives(sign))
        refuse(sign, 401, "SESSION", "the session has ended: log in", "");
    else if (sign->what == PAGE_PASSWORD)
        hash(sign, slice_of(sign->fresh));
    else
        prove(sign);
}

static void refuse_store(struct sign *sign, enum reply reply, struct slice text)
{
    char sentence[256];
    render_reply(sentence, sizeof sentence, reply, text);
    refuse(sign, 503, "STORE", sentence, "ils status");
}

static void on_used(void *context, enum reply reply, struct slice text)
{
    if (reply == REPLY_OK)
        verified(context);
    else
        refuse_store(context, reply, text);
}

static void put(struct sign *sign, const struct page_account *a, enum page_change change,
                const char *who, const char *what, page_stored done)
{
    if (!page_account_put(sign->door->page, a, change, who, what, done, sign))
        refuse(sign, 503, "BUSY", "that account is being changed: try again in a moment", "");
}

/* Its password was right. What is used up of the second factor is stored first, and a hash by the
 * work of today in the place of a weaker one; a recovery code is in the audit. */
static void second(struct sign *sign, struct page_account *a)
{
    uint16_t status = sign->what == PAGE_LOGIN ? 401 : 403;
    char what[PAGE_NAME_MAX + 48];
    enum page_second said = page_factor_judge(a, slice_of(sign->code));
    snprintf(what, sizeof what, "page user recovery code used name=%s", a->name);
    switch (said) {
    case SECOND_NONE:
        if (sign->hashed_anew)
            put(sign, a, PAGE_USED, "", "", on_used);
        else
            verified(sign);
        break;
    case SECOND_GOOD: put(sign, a, PAGE_USED, "", "", on_used); break;
    case SECOND_RECOVERED:
        tell_log(sign, true, "used a recovery code");
        page_who(sign->who, sign->name, sign->ip);
        put(sign, a, PAGE_USED, sign->who, what, on_used);
        break;
    case SECOND_WANTED:
        refuse(sign, status, "SECOND_FACTOR", "a code of the second factor is wanted as well", "");
        break;
    case SECOND_WAIT:
        page_log_refusal(sign->door->page, "WAIT", sign->name, "", sign->ip);
        refuse(sign, 429, "WAIT", "too many wrong codes came for that account: wait up to 15 "
               "minutes, or use a recovery code", "");
        break;
    case SECOND_BESIDE:
        page_guessed(sign->door->page, sign->ip, false);
        tell_log(sign, false, "gave the right password and a code of another half minute");
        refuse(sign, status, "SECOND_FACTOR", "the code is that of the half minute before or after:"
               " type the one that is shown now; if it was, the clocks differ", "date -u");
        break;
    case SECOND_WRONG:
        page_guessed(sign->door->page, sign->ip, false);
        tell_log(sign, false, "gave the right password and a wrong code");
        refuse(sign, status, "SECOND_FACTOR", "the code is wrong, over, or was used before", "");
        break;
    }
}

/* Guesses that were on their way together when the waiting began are not told whether they were
 * right. Only who has shown all of it is right. */
static void on_verified(void *context, enum page_outcome outcome, const char *text)
{
    struct sign *sign = context;
    struct page *p = sign->door->page;
    unsigned seconds = page_must_wait(p, sign->ip);
    bool is_in = sign->what != PAGE_LOGIN;
    struct page_account *a =
        (struct page_account *)(uintptr_t)page_account(p, slice_of(sign->name));
    if (seconds > 0) {
        wait(sign, seconds);
    } else if (outcome != PAGE_YES || a == NULL) {
        page_guessed(p, sign->ip, false);
        tell_log(sign, false, is_in ? "gave a wrong password again"
                                    : "was refused: name or password is wrong");
        refuse(sign, is_in ? 403 : 401, "LOGIN", "name or password is wrong", "");
    } else {
        sign->hashed_anew = text[0] != '\0' && !a->changing && strcmp(a->hash, sign->hash) == 0;
        if (sign->hashed_anew)
            snprintf(a->hash, sizeof a->hash, "%s", text);
        second(sign, a);
    }
}

static void verify(struct sign *sign, struct slice password)
{
    struct page *p = sign->door->page;
    const struct page_account *a = page_account(p, slice_of(sign->name));
    bool possible = password.n < PAGE_PASSWORD_MAX;
    if (!possible) /* as long a wait, and as wrong */
        password.n = 0;
    snprintf(sign->hash, sizeof sign->hash, "%s", possible && a != NULL ? a->hash : "");
    if (!page_hash(p, PAGE_VERIFY, password, sign->hash, on_verified, sign))
        refuse(sign, 503, "BUSY", "too many want to log in: try again in a moment", "");
}

/* --- accounts */

static void on_stored(void *context, enum reply reply, struct slice text)
{
    struct sign *sign = context;
    if (reply != REPLY_OK) {
        refuse_store(sign, reply, text);
    } else if (sign->what == PAGE_SETUP) {
        page_code_spend(sign->door->page);
        tell_log(sign, true, "was made an account by the setup code");
        let_in(sign);
    } else if (sign->what == PAGE_PASSWORD) {
        tell_log(sign, true, "has a new password");
        let_in(sign);
    } else if (sign->what == PAGE_FACTOR || sign->what == PAGE_FACTOR_REMOVE) {
        tell_log(sign, true, sign->what == PAGE_FACTOR ? "has a new second factor"
                                                       : "has no second factor more");
        let_in(sign);
    } else {
        tell_log(sign, true, sign->what == PAGE_USER ? "has an account" : "has no account more");
        if (sign->x != NULL)
            page_reply(sign->x, 200, page_users(sign->door->page));
        finish(sign);
    }
}

static void refuse_hash(struct sign *sign, enum page_outcome outcome)
{
    if (outcome == PAGE_LISTED)
        refuse(sign, 400, "PASSWORD", "the password is in the list of those that nobody may take",
               "");
    else if (outcome == PAGE_UNREAD)
        refuse(sign, 503, "LIST", "the list of passwords that nobody may take cannot be read",
               "man ilsd");
    else
        refuse(sign, 503, "MEMORY", "there are not 64 MiB of memory for the password", "");
}

static void on_hashed(void *context, enum page_outcome outcome, const char *text)
{
    struct sign *sign = context;
    struct page_account a = {.made = clock_wall(), .right = sign->right};
    const struct page_account *before = page_account(sign->door->page, slice_of(sign->name));
    char what[PAGE_NAME_MAX + 48];
    if (outcome != PAGE_YES) {
        refuse_hash(sign, outcome);
        return;
    }
    if (sign->what != PAGE_SETUP && !session_lives(sign)) { /* removed meanwhile, maybe */
        refuse(sign, 401, "SESSION", "the session has ended: log in", "");
        return;
    }
    if (before != NULL && sign->what != PAGE_SETUP) /* the code at the console is the way back */
        a.factor = before->factor;
    snprintf(a.name, sizeof a.name, "%s", sign->name);
    snprintf(a.hash, sizeof a.hash, "%s", text);
    snprintf(what, sizeof what, "page user name=%s role=%s", a.name, page_role(a.right));
    put(sign, &a, PAGE_PUT, sign->who, what, on_stored);
}

static void make_account(struct sign *sign, struct slice password)
{
    struct page *p = sign->door->page;
    const char *wrong = page_password_flaw(p, password, sign->name);
    const struct page_account *a = page_account(p, slice_of(sign->name));
    bool last = a != NULL && a->right == RIGHT_CHANGE && page_admins(p) == 1;
    if (wrong != NULL)
        refuse(sign, 400, "PASSWORD", wrong, "");
    else if (a == NULL && p->account_n == PAGE_ACCOUNTS_MAX)
        refuse(sign, 409, "USERS", "there are 32 accounts: no more are possible", "");
    else if (last && sign->right != RIGHT_CHANGE)
        refuse(sign, 409, "LAST_ADMIN", "it is the last account that may change anything", "");
    else
        hash(sign, password);
}

/* Whoever is in gives himself another password by the one he has; his sessions end, but for one
 * that begins. */
static void change_password(struct sign *sign, struct slice password, struct slice fresh)
{
    const char *wrong = page_password_flaw(sign->door->page, fresh, sign->name);
    sign->right = sign->session->right;
    if (wrong != NULL) {
        refuse(sign, 400, "PASSWORD", wrong, "");
        return;
    }
    slice_to_text(fresh, sign->fresh, sizeof sign->fresh);
    verify(sign, password);
}

static void remove_account(struct sign *sign)
{
    struct page *p = sign->door->page;
    const struct page_account *a = page_account(p, slice_of(sign->name));
    char what[PAGE_NAME_MAX + 48];
    snprintf(what, sizeof what, "page user remove name=%s", sign->name);
    if (a == NULL)
        refuse(sign, 404, "USER", "there is no account of that name", "");
    else if (a->right == RIGHT_CHANGE && page_admins(p) == 1)
        refuse(sign, 409, "LAST_ADMIN", "it is the last account that may change anything", "");
    else
        put(sign, a, PAGE_GONE, sign->who, what, on_stored);
}

/* Of whoever is in, who has shown within five minutes who he is. Without a code another key is
 * offered; the first code of that makes it his second factor, in the place of the one he had. */
static void set_factor(struct sign *sign, struct slice code)
{
    struct page_account a = *page_account(sign->door->page, slice_of(sign->name));
    char what[PAGE_NAME_MAX + 48];
    snprintf(what, sizeof what, "page user second factor name=%s", a.name);
    if (code.n == 0) {
        page_reply(sign->x, 200, page_factor_offer(sign->door->page, sign->session));
        finish(sign);
        return;
    }
    sign->recovery = page_factor_take(sign->session, code, &a.factor);
    if (sign->recovery == NULL)
        refuse(sign, 400, "SECOND_FACTOR", "that is no code of the offered key at this host's time",
               "date -u");
    else
        put(sign, &a, PAGE_PUT, sign->who, what, on_stored);
    crypto_wipe(&a, sizeof a);
}

static void remove_factor(struct sign *sign)
{
    struct page_account a = *page_account(sign->door->page, slice_of(sign->name));
    char what[PAGE_NAME_MAX + 48];
    snprintf(what, sizeof what, "page user second factor removed name=%s", a.name);
    memset(&a.factor, 0, sizeof a.factor);
    if (page_required(sign->door->page))
        refuse(sign, 409, "REQUIRED", "every account must have a second factor here",
               "ils page set --second-factor optional");
    else
        put(sign, &a, PAGE_PUT, sign->who, what, on_stored);
    crypto_wipe(&a, sizeof a);
}

/* --- a request */

static struct slice text_of(const json_t *body, const char *key)
{
    const json_t *value = json_object_get(body, key);
    return json_is_string(value) ? slice_make(json_string_value(value), json_string_length(value))
                                 : slice_make(NULL, 0);
}

/* Only what is known is there, and all of it is text. */
static bool body_good(const json_t *body, const char *keys)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)body, key, value) {
        struct slice rest = slice_of(keys);
        bool known = false;
        while (rest.n > 0) {
            size_t at = slice_find(rest, ',');
            known = known || slice_eq(slice_make(rest.p, at), slice_of(key));
            at += at < rest.n;
            rest = slice_make(rest.p + at, rest.n - at);
        }
        if (!known || !json_is_string(value))
            return false;
    }
    return json_is_object(body);
}

static void start(struct sign *sign, const json_t *body)
{
    struct page *p = sign->door->page;
    struct slice name = text_of(body, "name"), password = text_of(body, "password");
    struct slice role = text_of(body, "role");
    bool own = sign->what == PAGE_PROOF || sign->what == PAGE_PASSWORD ||
               sign->what == PAGE_FACTOR || sign->what == PAGE_FACTOR_REMOVE;
    if (own)
        name = slice_of(sign->session->name);
    if (sign->what != PAGE_SETUP)
        slice_to_text(text_of(body, "code"), sign->code, sizeof sign->code);
    const struct page_account *known = page_account(p, name);
    sign->right = slice_eq(role, slice_of("read")) ? RIGHT_READ : RIGHT_CHANGE;
    if (sign->what == PAGE_USER && role.n == 0)
        sign->right = known != NULL ? known->right : RIGHT_READ;
    bool named = page_name_good(name);
    if (named)
        slice_to_text(name, sign->name, sizeof sign->name);
    unsigned seconds = page_must_wait(p, sign->ip);
    if (seconds > 0 && sign->what <= PAGE_PASSWORD) {
        wait(sign, seconds);
    } else if (sign->what == PAGE_SETUP && !page_code_good(p, text_of(body, "code"))) {
        page_guessed(p, sign->ip, false);
        tell_log(sign, false, "gave a setup code that is not good");
        refuse(sign, 403, "CODE", "the setup code is not good, or is over",
               "ils page setup");
    } else if (sign->what == PAGE_LOGIN || sign->what == PAGE_PROOF) {
        verify(sign, password);
    } else if (sign->what == PAGE_PASSWORD) {
        change_password(sign, password, text_of(body, "new"));
    } else if (!named) {
        refuse(sign, 400, "NAME", "a name is 1 to 64 letters, digits, '.', '-' or '_'", "");
    } else if (sign->what == PAGE_USER_REMOVE) {
        remove_account(sign);
    } else if (sign->what == PAGE_FACTOR) {
        set_factor(sign, slice_of(sign->code));
    } else if (sign->what == PAGE_FACTOR_REMOVE) {
        remove_factor(sign);
    } else if (role.n > 0 && sign->right == RIGHT_CHANGE && !slice_eq(role, slice_of("admin"))) {
        refuse(sign, 400, "ROLE", "a role is read or admin", "");
    } else {
        make_account(sign, password);
    }
}

void page_sign(struct page_door *door, struct https_exchange *x, const struct https_asked *asked,
               enum page_sign what, struct page_session *s)
{
    static const char *const keys[] = {"name,password,code", "code,name,password",
                                       "password,code", "password,new,code",
                                       "name,password,role", "name", "code", ""};
    struct sign *sign = calloc(1, sizeof *sign);
    json_t *body = json_loadb((const char *)asked->body.p, asked->body.n, JSON_REJECT_DUPLICATES,
                              NULL);
    if (sign == NULL || !body_good(body, keys[what])) {
        page_refuse(door, x, sign == NULL ? 503 : 400, "REQUEST",
                    "the request is not understood (docs/api.md)", "");
        free(sign);
        json_decref(body);
        return;
    }
    *sign = (struct sign){.waiter = {on_gone, NULL}, .door = door, .x = x, .what = what,
                          .session = s, .number = s != NULL ? s->number : 0};
    page_ip(asked->from, sign->ip);
    page_who(sign->who, s != NULL ? s->name : "setup code", sign->ip);
    door->pending++;
    https_keep(x, &sign->waiter);
    start(sign, body);
    json_decref(body);
}
