/* page_account: who may come to the page, each a row "page:NAME" beside those of the doors. An
 * account counts when its row is durable; one that is removed is gone at once, with its sessions.
 */
#include "daemon/page_inside.h"
#include "daemon/tokens.h"
#include "driver/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "page:"

struct account_change {
    struct page *page;
    struct page_account account;
    bool remove;
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
    if (page_name_good(name) && hash != NULL && role != NULL && strlen(hash) < sizeof a.hash) {
        slice_to_text(name, a.name, sizeof a.name);
        memcpy(a.hash, hash, strlen(hash) + 1);
        a.right = strcmp(role, "admin") == 0 ? RIGHT_CHANGE : RIGHT_READ;
        a.made = json_integer_value(json_object_get(row, "made"));
        insert(p, &a);
    }
    json_decref(row);
    return true;
}

static void on_stored(void *context, enum reply reply, struct slice text,
                      const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    struct account_change *c = context;
    (void)number, (void)verdict;
    if (reply == REPLY_OK && c->remove)
        take_out(c->page, c->account.name);
    else if (reply == REPLY_OK)
        insert(c->page, &c->account);
    if (reply == REPLY_OK)
        page_sessions_end(c->page, c->account.name, 0);
    c->done(c->context, reply, text);
    crypto_wipe(c, sizeof *c);
    free(c);
}

static char *row_of(const struct page_account *a)
{
    json_t *row = json_pack("{s:s, s:s, s:I}", "hash", a->hash, "role", page_role(a->right),
                            "made", (json_int_t)a->made);
    char *text = row != NULL ? json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(row);
    return text;
}

void page_account_put(struct page *p, const char *name, const char *hash, enum right right,
                      const char *who, page_stored done, void *context)
{
    char key[sizeof KEY + PAGE_NAME_MAX], what[PAGE_NAME_MAX + 48];
    struct account_change *c = calloc(1, sizeof *c);
    char *row = NULL;
    if (c != NULL) {
        *c = (struct account_change){
            .page = p, .remove = hash == NULL, .done = done, .context = context};
        snprintf(c->account.name, sizeof c->account.name, "%s", name);
        snprintf(c->account.hash, sizeof c->account.hash, "%s", hash != NULL ? hash : "");
        c->account.right = right;
        c->account.made = clock_wall();
        row = c->remove ? NULL : row_of(&c->account);
    }
    if (c == NULL || (row == NULL && !c->remove)) {
        free(c);
        done(context, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    snprintf(key, sizeof key, KEY "%s", name);
    if (c->remove)
        snprintf(what, sizeof what, "page user remove name=%s", name);
    else
        snprintf(what, sizeof what, "page user name=%s role=%s", name, page_role(right));
    struct command command = {.type = COMMAND_DOOR, .source = slice_of(key),
                              .who = slice_of(who), .what = slice_of(what),
                              .value = slice_of(row != NULL ? row : "")};
    runtime_command(p->rt, &command, on_stored, c);
    free(row);
}

bool page_has(const struct page *p, struct slice name)
{
    return page_account(p, name) != NULL;
}

void page_remove(struct page *p, struct slice name, struct slice who,
                 void (*done)(void *context, enum reply reply, struct slice text), void *context)
{
    char text[PAGE_NAME_MAX + 1], by[96];
    slice_to_text(name, text, sizeof text);
    slice_to_text(who, by, sizeof by);
    page_account_put(p, text, NULL, RIGHT_NONE, by, done, context);
}

json_t *page_users(const struct page *p)
{
    json_t *list = json_array();
    char made[25];
    for (size_t i = 0; i < p->account_n; i++) {
        json_int_t sessions = 0;
        for (size_t k = 0; k < PAGE_SESSIONS_MAX; k++)
            sessions += p->session[k].live && strcmp(p->session[k].name, p->account[i].name) == 0;
        wall_text(made, p->account[i].made);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "name", p->account[i].name,
                                              "role", page_role(p->account[i].right), "made",
                                              made, "sessions", sessions));
    }
    return list;
}
