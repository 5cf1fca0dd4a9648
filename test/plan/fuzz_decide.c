/* Whatever is dialled in whichever of a few random networks: the door's decision, that of `why` and
 * the naive program's (naive_lookup.h) are one. The first byte is the network, the rest is dialled:
 * a byte above 0x7f stands for a word that occurs there. The naive program knows the rules, not the
 * grammar: what is no URI or number in its plain form is only decided, not compared. */
#include "random_network.h"

#define NETWORKS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct naive_world written[NETWORKS];
static struct real real[NETWORKS];
static bool made;

static void networks_make(void)
{
    rand_seed(&rng, 6);
    for (size_t i = 0; i < NETWORKS; i++) {
        world_make(i);
        real_init(&real[i]);
        written[i] = w;
    }
    made = true;
}

/* --- the plain forms */

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool skip(const char **p, const char *word)
{
    size_t n = strlen(word);
    if (strncasecmp(*p, word, n) != 0)
        return false;
    *p += n;
    return true;
}

static bool plain_user(const char *p, const char *end)
{
    if (p == end || end - p > 60)
        return false;
    for (; p < end; p++) {
        if (*p == '%') {
            if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]) ||
                !isalnum((int)strtol((char[]){p[1], p[2], 0}, NULL, 16)))
                return false;
            p += 2;
        } else if (strchr(LETTERS DIGITS "-_.+*", *p) == NULL) {
            return false;
        }
    }
    return true;
}

static bool plain_host(const char **p)
{
    const char *start = *p;
    if (skip(p, "[2001:db8::1]"))
        return true;
    while (isalpha((unsigned char)**p)) {
        *p += strspn(*p, LETTERS DIGITS);
        if (**p != '.')
            break;
        ++*p;
    }
    return *p > start && (*p)[-1] != '.' && *p - start < 60;
}

/* user@host, a port, a transport, and nothing else. */
static bool plain_uri(const char *p)
{
    const char *at = strchr(p, '@');
    if (at == NULL || !plain_user(p, at))
        return false;
    p = at + 1;
    if (!plain_host(&p))
        return false;
    if (*p == ':' && (p[1] == '0' || strspn(p + 1, DIGITS) - 1 > 3))
        return false;
    if (*p == ':')
        p += 1 + strspn(p + 1, DIGITS);
    if (!skip(&p, ";transport=tcp"))
        (void)skip(&p, ";x=y");
    return *p == '\0';
}

static bool plain(const char *p)
{
    const char *start = p;
    bool tel = skip(&p, "tel:"), scheme = tel || skip(&p, "sip:") || skip(&p, "sips:");
    if (!tel && strchr(p, '@') != NULL)
        return plain_uri(p);
    if (!isdigit((unsigned char)*p) && *p != '+')
        return false;
    p += strspn(p, DIGITS "+*-.()");
    if (scheme)
        (void)skip(&p, ";x=y");
    return *p == '\0' && p - start < 40;
}

static bool write_dialled(const uint8_t *data, size_t size)
{
    static const char *const word[] = {
        "sip:", "sips:", "tel:", "@", "x.example", "osaka.example", "spam.example", "a.b.example",
        "@x.example", "@osaka.example", "@spam.example", "@a.b.example", "@[2001:db8::1]", ":5060",
        ":5061", ";transport=tcp", ";x=y", "alice", "bob", "carol", "Grace", "ivan.k", "judy-o",
        "rupert_b", "%61lice", "8", "81", "8123", "+81", "+813", "12345678", "+1212555", "2005550"};
    size_t n = 0, words = sizeof word / sizeof *word;
    for (size_t i = 0; i < size; i++) {
        char one[2] = {(char)data[i], '\0'};
        const char *text = data[i] < 0x80 ? one : word[(data[i] - 0x80u) % words];
        if (*text == '\0' || n + strlen(text) >= sizeof dialled)
            return false;
        memcpy(dialled + n, text, strlen(text) + 1);
        n += strlen(text);
    }
    dialled[n] = '\0';
    return true;
}

static void only_decide(const struct real *r, struct arena *a)
{
    struct lookup why, door;
    plan_why(r->plan, r->routes, a, slice_of(dialled), NULL, &why);
    plan_lookup(r->plan, r->routes, a, slice_of(dialled), &door);
    assert(door.result == why.result && door.match_n == (why.match_n > 0));
    assert(door.target_n == why.target_n && door.longer == why.longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static size_t now = NETWORKS;
    struct arena a;
    if (!made)
        networks_make();
    if (size == 0 || !write_dialled(data + 1, size - 1))
        return 0;
    size_t i = data[0] % NETWORKS;
    if (now != i)
        w = written[i];
    now = i;
    size_t used = real[i].mem.used;
    arena_init(&a, &real[i].mem);
    const char *what = NULL;
    if (plain(dialled))
        what = try_one(&real[i], &a);
    else
        only_decide(&real[i], &a);
    if (what != NULL)
        fprintf(stderr, "network %zu, dialled '%s': %s differs (naive: %s)\n", i, dialled, what,
                naive.result);
    assert(what == NULL);
    arena_done(&a);
    assert(real[i].mem.used == used);
    return 0;
}
