/* page_factor: the second factor of an account: codes of an authenticator (driver/totp), and eight
 * recovery codes for the day on which it is lost. Each is good once; what was taken is stored
 * before anybody is let in by it. Codes are judged after the password alone, and whoever knows that
 * and guesses at six digits waits, by account; a recovery code cannot be guessed and does not. */
#include "daemon/page_inside.h"
#include "daemon/runtime_inside.h"
#include "driver/clock.h"

#include <stdio.h>
#include <string.h>

#define WRONG_FREE  5
#define WAIT_S      TOTP_SECONDS /* twice as long each time, but 15 minutes at most */
#define WAIT_MAX_S  900

static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* --- codes that are judged */

static bool recovered(struct page_factor *f, struct slice typed)
{
    char plain[PAGE_RECOVERY_MAX + 1];
    uint8_t hash[HASH_SIZE];
    size_t found = PAGE_RECOVERIES;
    if (!page_code(typed, PAGE_RECOVERY_MAX, plain))
        return false;
    crypto_hash1(hash, "page recovery", slice_of(plain));
    for (size_t i = 0; i < f->recovery_n; i++)
        found = crypto_equal(hash, f->recovery[i], HASH_SIZE) ? i : found;
    crypto_wipe(plain, sizeof plain);
    if (found == PAGE_RECOVERIES)
        return false;
    f->recovery_n--;
    memcpy(f->recovery[found], f->recovery[f->recovery_n], HASH_SIZE);
    return true;
}

/* Of whoever has the password: the fifth wrong code in a row and those behind it cost time. */
static void count_wrong(struct page_factor *f, tick now)
{
    f->wrong++;
    if (f->wrong < WRONG_FREE)
        return;
    unsigned shift = f->wrong - WRONG_FREE;
    tick wait = shift < 5 ? (tick)WAIT_S << shift : WAIT_MAX_S;
    f->until = now + wait * 1000000;
}

/* A code lives for its own half minute. That of the next to it is told apart, since it is late or
 * the clocks differ; and as that tells a guesser something, it is not taken later on either. */
static enum page_second beside(struct page_factor *f, uint32_t code, tick now)
{
    uint64_t step = totp_beside(f->key, code, clock_wall());
    count_wrong(f, now);
    if (step <= f->step || step == f->spoilt)
        return SECOND_WRONG;
    f->spoilt = step;
    return SECOND_BESIDE;
}

enum page_second page_factor_judge(struct page_account *a, struct slice typed)
{
    struct page_factor *f = &a->factor;
    tick now = clock_tick();
    uint32_t code;
    if (!f->on)
        return SECOND_NONE;
    if (typed.n == 0)
        return SECOND_WANTED;
    bool digits = page_digits(typed, &code);
    if (digits && f->until > now)
        return SECOND_WAIT;
    uint64_t step = digits ? totp_find(f->key, code, clock_wall(), f->step) : 0;
    if (digits && (step == 0 || step == f->spoilt))
        return beside(f, code, now);
    if (!digits && !recovered(f, typed)) {
        count_wrong(f, now);
        return SECOND_WRONG;
    }
    f->wrong = 0;
    if (!digits)
        return SECOND_RECOVERED;
    f->step = step;
    return SECOND_GOOD;
}

/* --- a new one */

static void base32(char ret[static PAGE_KEY_TEXT], const uint8_t key[static TOTP_KEY])
{
    size_t n = 0;
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < TOTP_KEY; i++) {
        bits = bits << 8 | key[i];
        for (have += 8; have >= 5; have -= 5)
            ret[n++] = digit[bits >> (have - 5) & 31];
    }
    ret[n] = '\0';
}

json_t *page_factor_offer(struct page *p, struct page_session *s)
{
    char key[PAGE_KEY_TEXT], issuer[CLUSTER_ID_MAX + 16] = "OpenILS";
    struct view_self self;
    clock_entropy(s->offer, sizeof s->offer);
    s->offered = true;
    base32(key, s->offer);
    view_self(p->rt->core, &self);
    if (self.cluster_id.n > 0)
        snprintf(issuer, sizeof issuer, "OpenILS%%20%.*s", (int)self.cluster_id.n,
                 (const char *)self.cluster_id.p);
    json_t *offer = json_pack("{s:s, s:o}", "key", key, "uri",
                              json_sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s", issuer,
                                           s->name, key, issuer));
    crypto_wipe(key, sizeof key);
    return offer;
}

/* "ABCD-EFGH-IJKL-MNOP-QRST-UVWX": 120 bits. */
static json_t *new_recovery(uint8_t ret_hash[static HASH_SIZE])
{
    uint8_t bytes[PAGE_RECOVERY_MAX];
    char plain[PAGE_RECOVERY_MAX + 1], text[PAGE_RECOVERY_MAX * 5 / 4 + 1];
    size_t n = 0;
    clock_entropy(bytes, sizeof bytes);
    for (size_t i = 0; i < PAGE_RECOVERY_MAX; i++) {
        plain[i] = digit[bytes[i] & 31];
        if (i > 0 && i % 4 == 0)
            text[n++] = '-';
        text[n++] = plain[i];
    }
    plain[PAGE_RECOVERY_MAX] = text[n] = '\0';
    crypto_hash1(ret_hash, "page recovery", slice_of(plain));
    json_t *shown = json_string(text);
    crypto_wipe(plain, sizeof plain);
    crypto_wipe(text, sizeof text);
    crypto_wipe(bytes, sizeof bytes);
    return shown;
}

json_t *page_factor_take(struct page_session *s, struct slice typed, struct page_factor *ret)
{
    uint32_t code;
    if (!s->offered || !page_digits(typed, &code))
        return NULL;
    uint64_t step = totp_find(s->offer, code, clock_wall(), 0);
    if (step == 0)
        return NULL;
    json_t *shown = json_array();
    *ret = (struct page_factor){.on = true, .step = step, .recovery_n = PAGE_RECOVERIES};
    memcpy(ret->key, s->offer, sizeof ret->key);
    for (size_t i = 0; i < PAGE_RECOVERIES; i++)
        json_array_append_new(shown, new_recovery(ret->recovery[i]));
    crypto_wipe(s->offer, sizeof s->offer);
    s->offered = false;
    return shown;
}

bool page_must_enrol(const struct page *p, const char *name)
{
    const struct page_account *a = page_account(p, slice_of(name));
    return a != NULL && !a->factor.on && page_required(p);
}

/* --- rows */

void page_factor_write(const struct page_factor *f, json_t *row)
{
    char hex[2 * HASH_SIZE + 1];
    if (!f->on)
        return;
    json_t *recovery = json_array();
    for (size_t i = 0; i < f->recovery_n; i++) {
        hex_text(hex, f->recovery[i], HASH_SIZE);
        json_array_append_new(recovery, json_string(hex));
    }
    hex_text(hex, f->key, TOTP_KEY);
    json_object_set_new(row, "factor", json_pack("{s:s, s:I, s:o}", "key", hex, "step",
                                                 (json_int_t)f->step, "recovery", recovery));
    crypto_wipe(hex, sizeof hex);
}

bool page_factor_read(struct page_factor *ret, const json_t *row)
{
    const json_t *factor = json_object_get(row, "factor");
    const json_t *recovery = json_object_get(factor, "recovery");
    const char *key = json_string_value(json_object_get(factor, "key"));
    *ret = (struct page_factor){.on = factor != NULL};
    if (!ret->on)
        return true;
    ret->step = (uint64_t)json_integer_value(json_object_get(factor, "step"));
    if (key == NULL || !hex_parse(ret->key, TOTP_KEY, slice_of(key)))
        return false;
    for (size_t i = 0; i < json_array_size(recovery) && i < PAGE_RECOVERIES; i++) {
        const char *hash = json_string_value(json_array_get(recovery, i));
        if (hash != NULL && hex_parse(ret->recovery[ret->recovery_n], HASH_SIZE, slice_of(hash)))
            ret->recovery_n++;
    }
    return true;
}
