/* Input: 32 bytes of a share, then entropy. A wild share is refused, or gives a key and tags of
 * which neither confirms the other; two honest ends with that entropy always agree. */
#include "fuzz.h"

#include "link/cpace.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t prs[32] = {1}, sid[HASH_SIZE] = {2}, zeros[64];
    uint8_t input[32 + 64] = {0}, other[64];
    struct cpace c, s;

    memcpy(input, data, size < sizeof input ? size : sizeof input);
    memcpy(other, input + 32, 64);
    other[0] ^= 1;
    cpace_start(&c, CPACE_DIALLER, prs, sid, input + 32);
    cpace_start(&s, CPACE_ACCEPTOR, prs, sid, other);
    struct cpace probe = c;
    bool taken = cpace_finish(&probe, input);
    assert(memcmp(probe.scalar, zeros, SCALAR_SIZE) == 0);
    assert(taken == (memcmp(probe.isk, zeros, CPACE_ISK_SIZE) != 0));
    assert(!taken || !cpace_confirmed(&probe, slice_make(probe.confirm, CPACE_CONFIRM_SIZE)));

    bool usable = memcmp(c.share, zeros, 32) != 0 && memcmp(s.share, zeros, 32) != 0;
    bool done = cpace_finish(&c, s.share) && cpace_finish(&s, c.share);
    assert(done == usable);
    if (done) {
        assert(memcmp(c.isk, s.isk, CPACE_ISK_SIZE) == 0);
        assert(cpace_confirmed(&c, slice_make(s.confirm, CPACE_CONFIRM_SIZE)));
        assert(cpace_confirmed(&s, slice_make(c.confirm, CPACE_CONFIRM_SIZE)));
    }
    return 0;
}
