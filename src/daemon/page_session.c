/* page_session: who is in, and who guesses. Of a session only a hash of its id is kept. A source
 * that guesses wrong waits longer each time, a minute at most: nobody can lock others out. */
#include "daemon/page_inside.h"
#include "driver/clock.h"

#include <string.h>

#define WRONG_FREE 5 /* wrong ones in a row that cost nothing */
#define WAIT_MAX_S 60
#define FORGET_US  (INT64_C(15) * 60 * 1000000)
#define CODE_WRONG 5 /* wrong codes end the code */
#define BEFORE_US  (INT64_C(5) * 1000000)

static void hash_id(uint8_t ret[static HASH_SIZE], struct slice id)
{
    crypto_hash1(ret, "page session", id);
}

static void random_hex(char ret[static PAGE_SESSION_HEX + 1])
{
    uint8_t bytes[PAGE_SESSION_HEX / 2];
    clock_entropy(bytes, sizeof bytes);
    hex_text(ret, bytes, sizeof bytes);
    crypto_wipe(bytes, sizeof bytes);
}

static bool over(const struct page_session *s, tick now)
{
    return !s->live || now - s->used > PAGE_IDLE_US || now - s->begun > PAGE_WHOLE_US;
}

/* Where a session of the account goes: in the place of its own that was used least lately, where
 * it has as many as it may; so nobody puts out another one by logging in. */
static struct page_session *place(struct page *p, const char *name, tick now)
{
    struct page_session *own = NULL, *last = &p->session[0], *empty = NULL;
    size_t n = 0;
    for (size_t i = 0; i < PAGE_SESSIONS_MAX; i++) {
        struct page_session *s = &p->session[i];
        if (over(s, now)) {
            empty = empty == NULL ? s : empty;
            continue;
        }
        last = s->used < last->used ? s : last;
        if (strcmp(s->name, name) != 0)
            continue;
        own = own == NULL || s->used < own->used ? s : own;
        n++;
    }
    return n >= PAGE_SESSIONS_EACH ? own : empty != NULL ? empty : last;
}

struct page_session *page_session_begin(struct page *p, const struct page_account *account,
                                        const char *ip, char ret_id[static PAGE_SESSION_HEX + 1])
{
    tick now = clock_tick();
    struct page_session *s = place(p, account->name, now);
    page_session_end(p, s);
    *s = (struct page_session){.live = true, .right = account->right, .begun = now, .used = now,
                               .proved = now, .number = ++p->sessions};
    memcpy(s->name, account->name, sizeof s->name);
    memcpy(s->ip, ip, strlen(ip) + 1);
    random_hex(s->csrf);
    random_hex(ret_id);
    hash_id(s->id, slice_of(ret_id));
    p->logins++;
    return s;
}

void page_session_renew(struct page_session *s, char ret_id[static PAGE_SESSION_HEX + 1])
{
    memcpy(s->before, s->id, HASH_SIZE);
    s->before_until = INT64_MAX;
    random_hex(ret_id);
    hash_id(s->id, slice_of(ret_id));
}

/* Every one is compared, in the same time. Once the new id was shown, that of before is good for
 * what is on its way and no more; until then its owner may not have heard of the new one. */
struct page_session *page_session_find(struct page *p, struct slice id)
{
    uint8_t hash[HASH_SIZE];
    struct page_session *found = NULL;
    tick now = clock_tick();
    hash_id(hash, id);
    for (size_t i = 0; i < PAGE_SESSIONS_MAX; i++) {
        struct page_session *s = &p->session[i];
        bool same = crypto_equal(hash, s->id, HASH_SIZE);
        bool before = crypto_equal(hash, s->before, HASH_SIZE);
        found = s->live && (same || (before && now < s->before_until)) ? s : found;
        if (s->live && same && s->before_until == INT64_MAX)
            s->before_until = now + BEFORE_US;
    }
    if (found != NULL && over(found, now)) {
        page_session_end(p, found);
        return NULL;
    }
    return found;
}

bool page_session_lives(const struct page *p, const struct page_session *s, uint64_t number)
{
    (void)p;
    return s->number == number && !over(s, clock_tick());
}

void page_session_end(struct page *p, struct page_session *s)
{
    uint64_t number = s->number;
    crypto_wipe(s, sizeof *s);
    if (number != 0)
        page_calls_end(p, number);
}

void page_sessions_end(struct page *p, const char *name, uint64_t but)
{
    for (size_t i = 0; i < PAGE_SESSIONS_MAX; i++)
        if (p->session[i].live && strcmp(p->session[i].name, name) == 0 &&
            p->session[i].number != but)
            page_session_end(p, &p->session[i]);
}

static bool seen(const struct page_session *s, const struct page_session *asks)
{
    return !over(s, clock_tick()) &&
           (asks->right == RIGHT_CHANGE || strcmp(s->name, asks->name) == 0);
}

struct page_session *page_session_seen(struct page *p, const struct page_session *asks,
                                       uint64_t number)
{
    for (size_t i = 0; i < PAGE_SESSIONS_MAX; i++)
        if (p->session[i].number == number && seen(&p->session[i], asks))
            return &p->session[i];
    return NULL;
}

json_t *page_sessions(const struct page *p, const struct page_session *asks)
{
    json_t *list = json_array();
    tick now = clock_tick();
    for (size_t i = 0; i < PAGE_SESSIONS_MAX; i++) {
        const struct page_session *s = &p->session[i];
        if (seen(s, asks))
            json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:I, s:I, s:b}", "number",
                                                  (json_int_t)s->number, "name", s->name, "from",
                                                  s->ip, "seconds",
                                                  (json_int_t)((now - s->begun) / 1000000), "idle",
                                                  (json_int_t)((now - s->used) / 1000000), "own",
                                                  s == asks));
    }
    return list;
}

/* --- who guesses */

static struct page_source *source_find(const struct page *p, const char *ip)
{
    for (size_t i = 0; i < PAGE_SOURCES_MAX; i++)
        if (strcmp(p->source[i].ip, ip) == 0)
            return (struct page_source *)(uintptr_t)&p->source[i];
    return NULL;
}

unsigned page_must_wait(const struct page *p, const char *ip)
{
    const struct page_source *s = source_find(p, ip);
    tick now = clock_tick();
    return s == NULL || s->until <= now ? 0 : (unsigned)((s->until - now) / 1000000 + 1);
}

void page_guessed(struct page *p, const char *ip, bool right)
{
    struct page_source *s = source_find(p, ip);
    tick now = clock_tick();
    p->wrong_logins += !right;
    if (right) {
        if (s != NULL)
            memset(s, 0, sizeof *s);
        return;
    }
    for (size_t i = 0; s == NULL && i < PAGE_SOURCES_MAX; i++)
        s = p->source[i].ip[0] == '\0' ? &p->source[i] : NULL;
    if (s == NULL) {
        s = &p->source[0];
        for (size_t i = 1; i < PAGE_SOURCES_MAX; i++)
            s = p->source[i].last < s->last ? &p->source[i] : s;
    }
    if (strcmp(s->ip, ip) != 0 || now - s->last > FORGET_US)
        memset(s, 0, sizeof *s);
    memcpy(s->ip, ip, strlen(ip) + 1);
    s->last = now;
    s->wrong++;
    if (s->wrong < WRONG_FREE)
        return;
    unsigned shift = s->wrong - WRONG_FREE;
    tick wait = shift < 6 ? (tick)1 << shift : WAIT_MAX_S;
    s->until = now + wait * 1000000;
}

/* --- the setup code */

void page_setup_code(struct page *p, char ret[static PAGE_CODE_TEXT])
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t bytes[PAGE_CODE_MAX];
    char plain[PAGE_CODE_MAX + 1] = "";
    size_t n = 0;
    clock_entropy(bytes, sizeof bytes);
    for (size_t i = 0; i < PAGE_CODE_MAX; i++) {
        plain[i] = digit[bytes[i] & 31];
        if (i > 0 && i % 4 == 0)
            ret[n++] = '-';
        ret[n++] = plain[i];
    }
    ret[n] = '\0';
    crypto_hash1(p->code, "page setup", slice_of(plain));
    crypto_wipe(plain, sizeof plain);
    crypto_wipe(bytes, sizeof bytes);
    p->code_live = true;
    p->code_wrong = 0;
    p->code_until = clock_tick() + (tick)PAGE_CODE_MIN * 60 * 1000000;
}

bool page_code_good(struct page *p, struct slice typed)
{
    char plain[PAGE_CODE_MAX + 1];
    uint8_t hash[HASH_SIZE];
    if (!p->code_live || clock_tick() > p->code_until) {
        page_code_spend(p);
        return false;
    }
    bool good = page_code(typed, PAGE_CODE_MAX, plain);
    if (good) {
        crypto_hash1(hash, "page setup", slice_of(plain));
        good = crypto_equal(hash, p->code, HASH_SIZE);
    }
    if (!good && ++p->code_wrong >= CODE_WRONG)
        page_code_spend(p);
    return good;
}

void page_code_spend(struct page *p)
{
    p->code_live = false;
    crypto_wipe(p->code, sizeof p->code);
}
