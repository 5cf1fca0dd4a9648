/* A canonical directory URI is read back as itself, and holds nothing but user@host. */
#include "fuzz_mem.h"
#include "plan/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = fuzz_mem();
    struct arena a;
    struct slice uri, again;
    arena_init(&a, &mem);
    if (diruri_parse(&a, slice_make(data, size), &uri) == ENTRY_OK) {
        size_t at = slice_find(uri, '@');
        assert(uri.n > 2 && uri.n <= URI_MAX && at > 0 && at < uri.n - 1);
        assert(diruri_parse(&a, uri, &again) == ENTRY_OK && slice_eq(uri, again));
        for (size_t i = 0; i < uri.n; i++) {
            assert(uri.p[i] > ' ' && uri.p[i] < 0x7f && (uri.p[i] != '@' || i == at));
            assert(strchr("<>\";?:", uri.p[i]) == NULL);
            assert(i <= at || ascii_lower(uri.p[i]) == uri.p[i]);
        }
        assert(diruri_read(&a, uri, &again) == ENTRY_OK && slice_eq(uri, again));
    } else {
        assert(uri.n == 0);
    }
    if (diruri_read(&a, slice_make(data, size), &uri) == ENTRY_OK)
        assert(diruri_read(&a, uri, &again) == ENTRY_OK && slice_eq(uri, again));
    arena_done(&a);
    assert(mem.used == 0);
    return 0;
}
