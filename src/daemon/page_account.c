/* page_account: who may come to the page, each a row "page:NAME" beside those of the doors, and
 * what is asked of all of them, the row "page:*". An account counts when its row is durable; one
 * that is removed is gone at once, with its sessions. */
#include "daemon/doors.h"
#include "daemon/page_inside.h"
#include "daemon/tokens.h"
#include "driver/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "page:"
#define ALL "*" /* no name of an account */

struct account_change {
    struct page *page;
    struct page_account account;
    enum page_change change;
    page_stored done;
    void *context;
};

bool page_name_good(struct slice name)
{
    return tokens_name_good(name);
}

const char *page_role(enum right right)
{
    return right == RIGHT_CHANGE ? "admin" : "read";
}

const struct page_account *page_account(const struct page *p, struct slice name)
{
    for (size_t i = 0; i < p->account_n; i++)
        if (slice_eq(slice_of(p->account[i].name), name))
            return &p->account[i];
    return NULL;
}

size_t page_admins(const struct page *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->account_n; i++)
        n += p->account[i].right == RIGHT_CHANGE;
    return n;
}

static void insert(struct page *p, const struct page_account *a)
{
    size_t at = 0;
    while (at < p->account_n && strcmp(p->account[at].name, a->name) < 0)
        at++;
    bool there = at < p->account_n && strcmp(p->account[at].name, a->name) == 0;
    if (!there && p->account_n == PAGE_ACCOUNTS_MAX)
        return;
    if (!there) {
        memmove(&p->account[at + 1], &p->account[at],
                (p->account_n - at) * sizeof *p->account);
        p->account_n++;
    }
    p->account[at] = *a;
}

static void take_out(struct page *p, const char *name)
{
    for (size_t i = 0; i < p->account_n; i++) {
        if (strcmp(p->account[i].name, name) != 0)
            continue;
        p->account_n--;
        memmove(&p->account[i], &p->account[i + 1], (p->account_n - i) * sizeof *p->account);
        return;
    }
}

static struct page_account *find(struct page *p, const char *name)
{
    return (struct page_account *)(uintptr_t)page_account(p, slice_of(name));
}

static enum page_second_rule rule_of(const json_t *required)
{
    return json_is_true(required)    ? SECOND_OF_ALL
           : json_is_false(required) ? SECOND_OF_NONE
                                     : SECOND_BY_PLACE;
}

bool page_row(struct page *p, struct slice key, struct slice value)
{
    struct slice prefix = slice_of(KEY);
    struct page_account a = {.made = 0};
    if (key.n <= prefix.n || !slice_eq(slice_make(key.p, prefix.n), prefix))
        return false;
    struct slice name = slice_make(key.p + prefix.n, key.n - prefix.n);
    json_t *row = json_loadb((const char *)value.p, value.n, JSON_REJECT_DUPLICATES, NULL);
    const char *hash = json_string_value(json_object_get(row, "hash"));
    const char *role = json_string_value(json_object_get(row, "role"));
    if (slice_eq(name, slice_of(ALL)))
        p->second = rule_of(json_object_get(row, "second_factor"));
    if (page_name_good(name) && hash != NULL && role != NULL && strlen(hash) < sizeof a.hash &&
        page_factor_read(&a.factor, row)) {
        slice_to_text(name, a.name, sizeof a.name);
        memcpy(a.hash, hash, strlen(hash) + 1);
        a.right = strcmp(role, "admin") == 0 ? RIGHT_CHANGE : RIGHT_READ;
        a.made = json_integer_value(json_object_get(row, "made"));
        insert(p, &a);
    }
    json_decref(row);
    return true;
}

void page_forget_rows(struct page *p)
{
    crypto_wipe(p->account, sizeof p->account);
    p->account_n = 0;
}

static void on_stored(void *context, enum reply reply, struct slice text,
                      const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    struct account_change *c = context;
    struct page_account *before = find(c->page, c->account.name);
    (void)number, (void)verdict;
    if (before != NULL)
        before->changing = false;
    if (reply == REPLY_OK && c->change == PAGE_GONE)
        take_out(c->page, c->account.name);
    else if (reply == REPLY_OK)
        insert(c->page, &c->account);
    if (reply == REPLY_OK && c->change != PAGE_USED)
        page_sessions_end(c->page, c->account.name, 0);
    c->done(c->context, reply, text);
    crypto_wipe(c, sizeof *c);
    free(c);
}

static char *row_of(const struct page_account *a)
{
    json_t *row = json_pack("{s:s, s:s, s:I}", "hash", a->hash, "role", page_role(a->right),
                            "made", (json_int_t)a->made);
    page_factor_write(&a->factor, row);
    char *text = row != NULL ? json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(row);
    return text;
}

bool page_account_put(struct page *p, const struct page_account *a, enum page_change change,
                      const char *who, const char *what, page_stored done, void *context)
{
    char key[sizeof KEY + PAGE_NAME_MAX];
    struct page_account *before = find(p, a->name);
    if (before != NULL && before->changing)
        return false;
    struct account_change *c = calloc(1, sizeof *c);
    char *row = c != NULL && change != PAGE_GONE ? row_of(a) : NULL;
    if (c == NULL || (row == NULL && change != PAGE_GONE)) {
        free(c);
        done(context, REPLY_MEMORY, slice_make(NULL, 0));
        return true;
    }
    *c = (struct account_change){.page = p, .account = *a, .change = change, .done = done,
                                 .context = context};
    c->account.changing = false;
    if (before != NULL)
        before->changing = true;
    snprintf(key, sizeof key, KEY "%s", a->name);
    struct command command = {.type = COMMAND_DOOR, .source = slice_of(key),
                              .who = slice_of(who), .what = slice_of(what),
                              .value = slice_of(row != NULL ? row : "")};
    runtime_command(p->rt, &command, on_stored, c);
    if (row != NULL)
        crypto_wipe(row, strlen(row));
    free(row);
    return true;
}

bool page_has(const struct page *p, struct slice name)
{
    return page_account(p, name) != NULL;
}

bool page_remove(struct page *p, struct slice name, bool factor, struct slice who,
                 page_stored done, void *context)
{
    char what[PAGE_NAME_MAX + 48], by[96];
    struct page_account a = *page_account(p, name);
    slice_to_text(who, by, sizeof by);
    snprintf(what, sizeof what, factor ? "page user second factor removed name=%s"
                                       : "page user remove name=%s", a.name);
    memset(&a.factor, 0, sizeof a.factor);
    return page_account_put(p, &a, factor ? PAGE_PUT : PAGE_GONE, by, what, done, context);
}

/* --- what is asked of all accounts */

struct requirement {
    struct page *page;
    bool required;
    page_stored done;
    void *context;
};

/* Whoever is in without one may do nothing any more but get one, and follows nothing. */
static void on_required(void *context, enum reply reply, struct slice text,
                        const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    struct requirement *r = context;
    struct page *p = r->page;
    (void)number, (void)verdict;
    if (reply == REPLY_OK)
        p->second = r->required ? SECOND_OF_ALL : SECOND_OF_NONE;
    for (size_t i = 0; i < PAGE_SESSIONS_MAX; i++)
        if (p->session[i].live && page_must_enrol(p, p->session[i].name))
            page_calls_end(p, p->session[i].number);
    r->done(r->context, reply, text);
    free(r);
}

void page_require(struct page *p, bool required, struct slice who, struct slice what,
                  page_stored done, void *context)
{
    struct requirement *r = calloc(1, sizeof *r);
    if (r == NULL) {
        done(context, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    *r = (struct requirement){p, required, done, context};
    struct command command = {.type = COMMAND_DOOR, .source = slice_of(KEY ALL), .who = who,
                              .what = what,
                              .value = slice_of(required ? "{\"second_factor\":true}"
                                                         : "{\"second_factor\":false}")};
    runtime_command(p->rt, &command, on_required, r);
}

bool page_required(const struct page *p)
{
    const struct door_setting *door = doors_setting(runtime_doors_of(p->rt), DOOR_PAGE);
    return p->second == SECOND_OF_ALL ||
           (p->second == SECOND_BY_PLACE && !door_is_loopback(door->config.address));
}

/* --- shown */

json_t *page_users(const struct page *p)
{
    json_t *list = json_array();
    char made[25];
    for (size_t i = 0; i < p->account_n; i++) {
        json_int_t sessions = 0;
        for (size_t k = 0; k < PAGE_SESSIONS_MAX; k++)
            sessions += p->session[k].live && strcmp(p->session[k].name, p->account[i].name) == 0;
        wall_text(made, p->account[i].made);
        const struct page_account *a = &p->account[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:b, s:I}", "name", a->name,
                                              "role", page_role(a->right), "made", made,
                                              "sessions", sessions, "second_factor",
                                              a->factor.on, "recovery_left",
                                              (json_int_t)a->factor.recovery_n));
    }
    return list;
}
