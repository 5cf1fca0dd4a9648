/* page_sign: in and out: the first account by the setup code, a session by name and password, the
 * password once more before what is delicate, and accounts. Each is one request that waits for
 * Argon2id and, where something is stored, for the disk. */
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
    char ip[46], who[96];
    struct page_session *session; /* that asked */
    uint64_t number;              /* of it */
};

static void finish(struct sign *sign)
{
    struct page_door *door = sign->door;
    crypto_wipe(sign, sizeof *sign);
    free(sign);
    page_release(door);
}

static void on_hashed(void *context, bool good, const char *text);

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

json_t *page_session_json(const struct page_session *s)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "name", s->name, "role", page_role(s->right), "csrf",
                     s->csrf, "proved", page_recent(s));
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
    tell_log(sign, true, "logged in");
    page_reply_cookie(sign->x, page_session_json(s), id);
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
    page_reply_cookie(sign->x, page_session_json(sign->session), id);
    crypto_wipe(id, sizeof id);
    finish(sign);
}

static void hash(struct sign *sign, struct slice password)
{
    if (!page_hash(sign->door->page, PAGE_HASH, password, NULL, on_hashed, sign))
        refuse(sign, 503, "BUSY", "too many want to log in: try again in a moment", "");
}

/* Guesses that were on their way together when the waiting began are not told whether they were
 * right. */
static void on_verified(void *context, bool good, const char *text)
{
    struct sign *sign = context;
    struct page *p = sign->door->page;
    unsigned seconds = page_must_wait(p, sign->ip);
    bool is_in = sign->what != PAGE_LOGIN;
    (void)text;
    if (seconds > 0) {
        wait(sign, seconds);
        return;
    }
    page_guessed(p, sign->ip, good);
    if (!good) {
        tell_log(sign, false, is_in ? "gave a wrong password again"
                                    : "was refused: name or password is wrong");
        refuse(sign, is_in ? 403 : 401, "LOGIN", "name or password is wrong", "");
    } else if (!is_in) {
        let_in(sign);
    } else if (!session_lives(sign)) {
        refuse(sign, 401, "SESSION", "the session has ended: log in", "");
    } else if (sign->what == PAGE_PASSWORD) {
        hash(sign, slice_of(sign->fresh));
    } else {
        prove(sign);
    }
}

static void verify(struct sign *sign, struct slice password)
{
    struct page *p = sign->door->page;
    const struct page_account *a = page_account(p, slice_of(sign->name));
    bool possible = password.n < PAGE_PASSWORD_MAX;
    if (!possible) /* as long a wait, and as wrong */
        password.n = 0;
    if (!page_hash(p, PAGE_VERIFY, password, possible && a != NULL ? a->hash : "", on_verified,
                   sign))
        refuse(sign, 503, "BUSY", "too many want to log in: try again in a moment", "");
}

/* --- accounts */

static void on_stored(void *context, enum reply reply, struct slice text)
{
    struct sign *sign = context;
    char sentence[256];
    if (reply != REPLY_OK) {
        render_reply(sentence, sizeof sentence, reply, text);
        refuse(sign, 503, "STORE", sentence, "ils status");
    } else if (sign->what == PAGE_SETUP) {
        page_code_spend(sign->door->page);
        tell_log(sign, true, "was made an account by the setup code");
        let_in(sign);
    } else if (sign->what == PAGE_PASSWORD) {
        tell_log(sign, true, "has a new password");
        let_in(sign);
    } else {
        tell_log(sign, true, sign->what == PAGE_USER ? "has an account" : "has no account more");
        if (sign->x != NULL)
            page_reply(sign->x, 200, page_users(sign->door->page));
        finish(sign);
    }
}

static void on_hashed(void *context, bool good, const char *text)
{
    struct sign *sign = context;
    if (!good)
        refuse(sign, 503, "MEMORY", "there are not 64 MiB of memory for the password", "");
    else if (sign->what != PAGE_SETUP && !session_lives(sign)) /* removed meanwhile, maybe */
        refuse(sign, 401, "SESSION", "the session has ended: log in", "");
    else
        page_account_put(sign->door->page, sign->name, text, sign->right, sign->who, on_stored,
                         sign);
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
    if (a == NULL)
        refuse(sign, 404, "USER", "there is no account of that name", "");
    else if (a->right == RIGHT_CHANGE && page_admins(p) == 1)
        refuse(sign, 409, "LAST_ADMIN", "it is the last account that may change anything", "");
    else
        page_account_put(p, sign->name, NULL, RIGHT_NONE, sign->who, on_stored, sign);
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
    if (sign->what == PAGE_PROOF || sign->what == PAGE_PASSWORD)
        name = slice_of(sign->session->name);
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
    } else if (role.n > 0 && sign->right == RIGHT_CHANGE && !slice_eq(role, slice_of("admin"))) {
        refuse(sign, 400, "ROLE", "a role is read or admin", "");
    } else {
        make_account(sign, password);
    }
}

void page_sign(struct page_door *door, struct https_exchange *x, const struct https_asked *asked,
               enum page_sign what, struct page_session *s)
{
    static const char *const keys[] = {"name,password", "code,name,password", "password",
                                       "password,new", "name,password,role", "name"};
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
