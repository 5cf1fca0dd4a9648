/* token: the invite's bytes, and the letters that people paste. The letters are those of RFC 4648,
 * which has none that is mistaken for a digit; what is lost or mistyped on the way is told by the
 * checksum, not by the hub. */
#include "daemon/token.h"

#include <string.h>

#include "base/crypto.h"
#include "base/cursor.h"

#define PREFIX     5 /* "ILS1-" */
#define LIKE_MIN   32
#define LABEL_MAX  63 /* of a host name (RFC 1035) */
#define GROUP      8
#define CHECKSUM   4
#define VERSION    1
#define HEAD       (1 + INVITE_ID_SIZE + INVITE_SECRET_SIZE + HASH_SIZE + 8 + 1)
#define BYTES_MAX  (HEAD + TOKEN_ADDRESSES * TOKEN_ADDRESS + CHECKSUM)

#define LETTERS    ((BYTES_MAX * 8 + 4) / 5)

_Static_assert(PREFIX + LETTERS * (GROUP + 1) / GROUP + 2 <= TOKEN_TEXT_MAX, "text");

/* "ILS", one digit, "-". The digit, or -1. */
static int prefix_version(struct slice text)
{
    static const char word[] = "ils";
    if (text.n < PREFIX || text.p[4] != '-' || text.p[3] < '0' || text.p[3] > '9')
        return -1;
    for (size_t i = 0; i < 3; i++)
        if (ascii_lower(text.p[i]) != word[i])
            return -1;
    return text.p[3] - '0';
}

static size_t first_label(struct slice text)
{
    size_t dot = slice_find(text, '.'), colon = slice_find(text, ':');
    return dot < colon ? dot : colon;
}

bool token_like(struct slice text)
{
    text = slice_trim(text);
    return prefix_version(text) >= 0 && first_label(text) >= LIKE_MIN;
}

bool token_for_host(struct slice text)
{
    text = slice_trim(text);
    return token_like(text) || first_label(text) > LABEL_MAX;
}

/* --- writing */

struct bytes {
    uint8_t p[BYTES_MAX];
    size_t n;
};

static void put(struct bytes *b, const void *p, size_t n)
{
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void put_number(struct bytes *b, uint64_t v, unsigned size)
{
    while (size-- > 0)
        b->p[b->n++] = (uint8_t)(v >> (8 * size));
}

static void checksum(uint8_t ret[static HASH_SIZE], const uint8_t *p, size_t n)
{
    crypto_hash1(ret, "invite token", slice_make(p, n));
}

static void letters(char *dst, const struct bytes *b)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned held = 0, bits = 0;
    size_t written = 0;
    for (size_t i = 0; i < b->n || bits > 0;) {
        if (bits < 5 && i < b->n) {
            held = (held & 0xffu) << 8 | b->p[i++];
            bits += 8;
        } else if (bits < 5) {
            held <<= 5 - bits;
            bits = 5;
        }
        while (bits >= 5) {
            bits -= 5;
            if (written > 0 && written % GROUP == 0)
                *dst++ = '-';
            *dst++ = alphabet[held >> bits & 31];
            written++;
        }
    }
    *dst = '\0';
}

void token_text(char dst[static TOKEN_TEXT_MAX], const struct token *token)
{
    struct bytes b = {.n = 0};
    uint8_t sum[HASH_SIZE];
    put_number(&b, VERSION, 1);
    put(&b, token->invite.id, INVITE_ID_SIZE);
    put(&b, token->invite.secret, INVITE_SECRET_SIZE);
    put(&b, token->invite.hub, HASH_SIZE);
    put_number(&b, (uint64_t)(token->invite.expires / TICK_S), 8);
    put_number(&b, token->address_n, 1);
    for (size_t i = 0; i < token->address_n; i++) {
        size_t n = strlen(token->address[i]);
        put_number(&b, n, 1);
        put(&b, token->address[i], n);
    }
    checksum(sum, b.p, b.n);
    put(&b, sum, CHECKSUM);
    memcpy(dst, "ILS1-", PREFIX);
    letters(dst + PREFIX, &b);
    crypto_wipe(&b, sizeof b);
}

/* --- reading */

static int letter(uint8_t c)
{
    c = ascii_lower(c);
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* False: another letter, too many of them, or bits left over. */
static bool from_letters(struct slice text, struct bytes *b)
{
    unsigned held = 0, bits = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '-')
            continue;
        int v = letter(c);
        if (v < 0)
            return false;
        held = (held & 0x7fu) << 5 | (unsigned)v;
        bits += 5;
        if (bits < 8)
            continue;
        bits -= 8;
        if (b->n == sizeof b->p)
            return false;
        b->p[b->n++] = (uint8_t)(held >> bits);
    }
    return bits < 5 && (held & ((1u << bits) - 1)) == 0;
}

bool token_address(struct slice text, char host[static HOST_TEXT_MAX + 1], uint16_t *ret_port)
{
    size_t colon = text.n;
    uint64_t port;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] <= ' ' || text.p[i] > '~')
            return false;
        if (text.p[i] == ':')
            colon = i;
    }
    if (colon == text.n ||
        !slice_to_u64(slice_make(text.p + colon + 1, text.n - colon - 1), UINT16_MAX, &port) ||
        port == 0)
        return false;
    struct slice name = slice_make(text.p, colon);
    bool brackets = name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
    if (brackets)
        name = slice_make(name.p + 1, name.n - 2);
    if (name.n == 0 || name.n > HOST_TEXT_MAX || slice_find(name, '[') < name.n ||
        (slice_find(name, ':') < name.n) != brackets)
        return false;
    slice_to_text(name, host, HOST_TEXT_MAX + 1);
    *ret_port = (uint16_t)port;
    return true;
}

static bool from_bytes(const struct bytes *b, struct token *ret)
{
    char host[HOST_TEXT_MAX + 1];
    uint16_t port;
    struct cursor c;
    cursor_init(&c, slice_make(b->p + 1, b->n - 1 - CHECKSUM));
    cursor_copy(&c, ret->invite.id, INVITE_ID_SIZE);
    cursor_copy(&c, ret->invite.secret, INVITE_SECRET_SIZE);
    cursor_copy(&c, ret->invite.hub, HASH_SIZE);
    uint64_t seconds = cursor_u64(&c);
    ret->address_n = cursor_u8(&c);
    if (c.failed || ret->address_n == 0 || ret->address_n > TOKEN_ADDRESSES ||
        seconds > (uint64_t)(INT64_MAX / TICK_S))
        return false;
    ret->invite.expires = (wall)seconds * TICK_S;
    for (size_t i = 0; i < ret->address_n; i++) {
        struct slice address = cursor_bytes(&c, cursor_u8(&c));
        if (c.failed || address.n >= TOKEN_ADDRESS || !token_address(address, host, &port))
            return false;
        slice_to_text(address, ret->address[i], TOKEN_ADDRESS);
    }
    return cursor_done(&c);
}

enum token_error token_read(struct slice text, struct token *ret)
{
    struct bytes b = {.n = 0};
    uint8_t sum[HASH_SIZE];
    text = slice_trim(text);
    memset(ret, 0, sizeof *ret);
    int version = prefix_version(text);
    if (version < 0)
        return TOKEN_MANGLED;
    if (version != VERSION)
        return TOKEN_VERSION;
    enum token_error error = TOKEN_MANGLED;
    if (from_letters(slice_make(text.p + PREFIX, text.n - PREFIX), &b) && b.n >= HEAD + CHECKSUM) {
        checksum(sum, b.p, b.n - CHECKSUM);
        if (memcmp(sum, b.p + b.n - CHECKSUM, CHECKSUM) != 0)
            error = TOKEN_MANGLED;
        else if (b.p[0] != VERSION)
            error = TOKEN_VERSION;
        else if (from_bytes(&b, ret))
            error = TOKEN_OK;
    }
    crypto_wipe(&b, sizeof b);
    if (error != TOKEN_OK)
        crypto_wipe(ret, sizeof *ret);
    return error;
}
