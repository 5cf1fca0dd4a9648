/* page_sign: in and out: the first account by the setup code, a session by name and password, the
 * password once more before what is delicate, and accounts. Each is one request that waits for
 * Argon2id and, where something is stored, for the disk. */
#include "daemon/page_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "driver/clock.h"
#include "driver/log.h"

struct sign {
    struct page_waiter waiter;
    struct page_door *door;
    struct https_exchange *x; /* NULL: it is gone */
    enum page_sign what;
    char name[PAGE_NAME_MAX + 1];
    enum right right;
    char ip[46], who[96];
    struct page_session *session; /* that asked */
    uint64_t number;              /* of it */
};

static void finish(struct sign *sign)
{
    struct page_door *door = sign->door;
    free(sign);
    page_release(door);
}

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
    char text[256];
    snprintf(text, sizeof text, "page: %s %s, from %s", sign->name[0] != '\0' ? sign->name : "?",
             what, sign->ip);
    log_system(good ? LOG_NOTICE : LOG_WARNING, text);
}

json_t *page_session_json(const struct page_session *s)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "name", s->name, "role", page_role(s->right), "csrf",
                     s->csrf, "proved", page_recent(s));
}

/* A session for the account, which has just shown its password. */
static void let_in(struct sign *sign)
{
    struct page *p = sign->door->page;
    char id[PAGE_SESSION_HEX + 1];
    const struct page_account *a = page_account(p, slice_of(sign->name));
    if (a == NULL || sign->x == NULL) {
        refuse(sign, 401, "LOGIN", "name or password is wrong", "");
        return;
    }
    struct page_session *s = page_session_begin(p, a, id);
    tell_log(sign, true, "logged in");
    page_reply_cookie(sign->x, page_session_json(s), id);
    crypto_wipe(id, sizeof id);
    finish(sign);
}

/* --- name and password */

static void on_verified(void *context, bool good, const char *text)
{
    struct sign *sign = context;
    struct page *p = sign->door->page;
    (void)text;
    page_guessed(p, sign->ip, good);
    if (!good) {
        tell_log(sign, false, sign->what == PAGE_PROOF ? "gave a wrong password again"
                                                       : "was refused: name or password is wrong");
        refuse(sign, sign->what == PAGE_PROOF ? 403 : 401, "LOGIN", "name or password is wrong",
               "");
        return;
    }
    if (sign->what == PAGE_LOGIN) {
        let_in(sign);
        return;
    }
    if (!page_session_lives(p, sign->session, sign->number)) {
        refuse(sign, 401, "SESSION", "the session has ended: log in", "");
        return;
    }
    sign->session->proved = clock_tick();
    if (sign->x != NULL)
        page_reply(sign->x, 200, page_session_json(sign->session));
    finish(sign);
}

static void verify(struct sign *sign, struct slice password)
{
    struct page *p = sign->door->page;
    const struct page_account *a = page_account(p, slice_of(sign->name));
    if (!page_hash(p, PAGE_VERIFY, password, a != NULL ? a->hash : "", on_verified, sign))
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
    else
        page_account_put(sign->door->page, sign->name, text, sign->right, sign->who, on_stored,
                         sign);
}

/* What is wrong with a new password; NULL: nothing. */
static const char *password_flaw(struct slice password, const char *name)
{
    static const char *const poor[] = {"password", "12345", "qwert", "openils", "changeme"};
    if (password.n < PAGE_PASSWORD_MIN)
        return "the password has fewer than 12 characters";
    if (password.n >= PAGE_PASSWORD_MAX)
        return "the password has more than 511 bytes";
    for (size_t i = 0; i < sizeof poor / sizeof *poor; i++) {
        size_t n = strlen(poor[i]);
        if (slice_eq_fold(slice_make(password.p, n), slice_of(poor[i])) && password.n < n + 8)
            return "the password is one of those that are guessed first";
    }
    bool same = true;
    for (size_t i = 1; i < password.n; i++)
        same = same && password.p[i] == password.p[0];
    return same || slice_eq_fold(password, slice_of(name))
               ? "the password is one of those that are guessed first" : NULL;
}

static void make_account(struct sign *sign, struct slice password)
{
    struct page *p = sign->door->page;
    const char *wrong = password_flaw(password, sign->name);
    const struct page_account *a = page_account(p, slice_of(sign->name));
    bool last = a != NULL && a->right == RIGHT_CHANGE && page_admins(p) == 1;
    if (wrong != NULL)
        refuse(sign, 400, "PASSWORD", wrong, "");
    else if (a == NULL && p->account_n == PAGE_ACCOUNTS_MAX)
        refuse(sign, 409, "USERS", "there are 32 accounts: no more are possible", "");
    else if (last && sign->right != RIGHT_CHANGE)
        refuse(sign, 409, "LAST_ADMIN", "it is the last account that may change anything", "");
    else if (!page_hash(p, PAGE_HASH, password, NULL, on_hashed, sign))
        refuse(sign, 503, "BUSY", "too many want to log in: try again in a moment", "");
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
        const char *at = strstr(keys, key);
        if (at == NULL || !json_is_string(value) || strlen(key) < 4)
            return false;
    }
    return json_is_object(body);
}

static void start(struct sign *sign, const json_t *body)
{
    struct page *p = sign->door->page;
    struct slice name = text_of(body, "name"), password = text_of(body, "password");
    struct slice role = text_of(body, "role");
    if (sign->what == PAGE_PROOF)
        name = slice_of(sign->session->name);
    const struct page_account *known = page_account(p, name);
    sign->right = slice_eq(role, slice_of("read")) ? RIGHT_READ : RIGHT_CHANGE;
    if (sign->what == PAGE_USER && role.n == 0)
        sign->right = known != NULL ? known->right : RIGHT_READ;
    bool named = page_name_good(name);
    if (named)
        slice_to_text(name, sign->name, sizeof sign->name);
    unsigned wait = page_must_wait(p, sign->ip);
    char text[96];
    if (wait > 0 && sign->what <= PAGE_PROOF) {
        snprintf(text, sizeof text, "too many wrong ones came from there: wait %u s", wait);
        refuse(sign, 429, "WAIT", text, "");
    } else if (sign->what == PAGE_SETUP && !page_code_good(p, text_of(body, "code"))) {
        page_guessed(p, sign->ip, false);
        tell_log(sign, false, "gave a setup code that is not good");
        refuse(sign, 403, "CODE", "the setup code is not good, or is over",
               "ils page setup");
    } else if (sign->what == PAGE_LOGIN || sign->what == PAGE_PROOF) {
        verify(sign, password);
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
                                       "name,password,role", "name"};
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
