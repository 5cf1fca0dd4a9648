/* A canonical number is read back as itself; none is both an enterprise and an E.164 number. */
#include "fuzz_mem.h"
#include "plan/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = fuzz_mem();
    struct arena a;
    int good = 0;
    arena_init(&a, &mem);
    for (int e164 = 0; e164 < 2; e164++) {
        struct slice number, again;
        if (number_parse(&a, slice_make(data, size), e164, &number) != ENTRY_OK) {
            assert(number.n == 0);
            continue;
        }
        good++;
        assert(number.n > (size_t)e164 && number.n <= NUMBER_MAX + (size_t)e164);
        for (size_t i = 0; i < number.n; i++)
            assert((number.p[i] >= '0' && number.p[i] <= '9') ||
                   (e164 && i == 0 && number.p[i] == '+'));
        assert(number_parse(&a, number, e164, &again) == ENTRY_OK && slice_eq(number, again));
    }
    assert(good <= 1);
    arena_done(&a);
    assert(mem.used == 0);
    return 0;
}
