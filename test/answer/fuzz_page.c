/* fuzz_page: the headers and targets of the admin page, any bytes. The first byte says what the
 * rest is. Laws: a session is 64 hex digits that stand in the cookie; a command holds letters,
 * dashes and single blanks, and its path is found again; values of a query are UTF-8; only an
 * Origin that is https and the host is good. */
#include "answer/page.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

static void cookie(struct slice s)
{
    uint8_t id[PAGE_SESSION_HEX / 2];
    struct slice found;
    if (!page_cookie(s, &found))
        return;
    assert(found.n == PAGE_SESSION_HEX && found.p > s.p && found.p + found.n <= s.p + s.n);
    assert(hex_parse(id, sizeof id, found));
}

static void command(struct slice s)
{
    char name[PAGE_COMMAND_MAX], path[PAGE_COMMAND_MAX + sizeof PAGE_API];
    struct slice where, query;
    page_target(s, &where, &query);
    assert(where.n + query.n <= s.n && where.n + query.n + 1 >= s.n);
    if (!page_command(where, name))
        return;
    size_t n = strlen(name);
    memcpy(path, PAGE_API, sizeof PAGE_API - 1);
    for (size_t i = 0; i <= n; i++) {
        assert(name[i] == '-' || name[i] == ' ' || (name[i] >= 'a' && name[i] <= 'z') || i == n);
        assert(name[i] != ' ' || (i > 0 && i + 1 < n && name[i + 1] != ' '));
        path[sizeof PAGE_API - 1 + i] = name[i] == ' ' ? '/' : name[i];
    }
    assert(slice_eq(where, slice_of(path)));
}

static void query(struct mem *mem, struct slice s)
{
    struct slice name, value, rest = s;
    struct arena a;
    bool bad;
    arena_init(&a, mem);
    while (page_query_next(&a, &rest, &name, &value, &bad))
        assert(!bad && name.n > 0 && slice_is_utf8(name) && slice_is_utf8(value));
    arena_done(&a);
}

static void origin(struct slice s)
{
    size_t at = slice_find(s, '\n');
    struct slice host = slice_make(s.p, at), from = slice_make(s.p + at, s.n - at);
    if (from.n > 0)
        from = slice_make(from.p + 1, from.n - 1);
    if (page_origin_good(host, from, slice_make(NULL, 0)))
        assert(from.p == NULL || (from.n == host.n + 8 && memcmp(from.p, "https://", 8) == 0));
    assert(!page_origin_good(host, from, slice_of("cross-site")));
}

static void code(struct slice s)
{
    char plain[PAGE_CODE_MAX + 1], again[PAGE_CODE_MAX + 1];
    uint32_t number;
    assert(!page_digits(s, &number) || number < 1000000);
    if (!page_code(s, PAGE_CODE_MAX, plain))
        return;
    assert(strlen(plain) == PAGE_CODE_MAX);
    assert(page_code(slice_of(plain), PAGE_CODE_MAX, again) && strcmp(plain, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    if (size == 0)
        return 0;
    uint8_t *copy = malloc(size); /* so that a read beyond it is seen */
    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    struct slice s = slice_make(copy + 1, size - 1);
    switch (copy[0] % 6) {
    case 0: cookie(s); break;
    case 1: command(s); break;
    case 2: query(&mem, s); break;
    case 3: origin(s); break;
    case 4: code(s); break;
    default:
        (void)page_match(s, slice_of("\"t\"")), (void)page_type_is(s, "text/csv");
        (void)page_gzip(s);
    }
    free(copy);
    assert(mem.used == 0);
    return 0;
}
