/* action: what every file of the core draws from: actions in the step's memory, and entropy
 * out of the pool that the events feed. */
#include "core/core.h"

struct ils_action *ils_action(struct ils *ils, enum ils_action_type type)
{
    if (ils->action_n == ils->action_size) {
        size_t size = ils->action_size == 0 ? 32 : ils->action_size * 2;
        struct ils_action *grown = arena_alloc(&ils->step, size * sizeof *grown);
        if (grown == NULL) {
            static struct ils_action lost; /* written, never read: broken ends the core */
            ils->broken = true;
            return &lost;
        }
        if (ils->action_n != 0)
            memcpy(grown, ils->action, ils->action_n * sizeof *grown);
        ils->action = grown;
        ils->action_size = size;
    }
    struct ils_action *a = &ils->action[ils->action_n++];
    memset(a, 0, sizeof *a);
    a->type = type;
    return a;
}

/* Draws n bytes and moves the pool on, so that what was drawn cannot be computed from what is
 * left. */
void ils_entropy(struct ils *ils, uint8_t *dst, size_t n)
{
    uint8_t block[HASH_SIZE];
    while (n > 0) {
        size_t k = n < sizeof block ? n : sizeof block;
        crypto_hash1(block, "entropy draw", slice_make(ils->pool, sizeof ils->pool));
        crypto_hash1(ils->pool, "entropy ratchet", slice_make(ils->pool, sizeof ils->pool));
        memcpy(dst, block, k);
        dst += k;
        n -= k;
    }
    crypto_wipe(block, sizeof block);
}

void ils_mix(struct ils *ils, const uint8_t fresh[static 32])
{
    struct slice parts[2] = {slice_make(ils->pool, sizeof ils->pool), slice_make(fresh, 32)};
    crypto_hash(ils->pool, "entropy mix", parts, 2);
}
