/* known: a word is a tag of the source and when it asked last. Who asks for the first time stands
 * in `once`, where the next one of the same place pushes him out; who comes back goes into a set
 * of `known`, where he pushes out the one that has been silent for longest. */
#include "driver/known.h"

#include <stddef.h>

#define TIME_BITS 44 /* of a word, in milliseconds */
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define AGAIN_MS  100 /* so seldom is it written that a known one has asked */

static uint64_t word_make(uint64_t hash, uint64_t ms)
{
    return ((hash >> TIME_BITS) | 1) << TIME_BITS | ms;
}

static bool same(uint64_t word, uint64_t hash)
{
    return word >> TIME_BITS == ((hash >> TIME_BITS) | 1);
}

/* Of a batch of another thread it may be a little ahead. */
static uint64_t age_ms(uint64_t word, uint64_t ms)
{
    uint64_t at = word & TIME_MASK;
    return at < ms ? ms - at : 0;
}

bool known_ask(struct known *known, uint64_t hash, tick now)
{
    _Atomic uint64_t *set = known->known[hash % KNOWN_SETS];
    _Atomic uint64_t *once = &known->once[hash / KNOWN_SETS % KNOWN_ONCE];
    uint64_t ms = (uint64_t)(now / TICK_MS) & TIME_MASK, oldest = 0;
    size_t way = 0;
    for (size_t i = 0; i < KNOWN_WAYS; i++) {
        uint64_t word = atomic_load_explicit(&set[i], memory_order_relaxed);
        uint64_t age = word == 0 ? UINT64_MAX : age_ms(word, ms);
        if (same(word, hash)) {
            if (age >= AGAIN_MS)
                atomic_store_explicit(&set[i], word_make(hash, ms), memory_order_relaxed);
            return true;
        }
        if (age > oldest) {
            oldest = age;
            way = i;
        }
    }
    uint64_t first = atomic_load_explicit(once, memory_order_relaxed);
    if (!same(first, hash)) {
        atomic_store_explicit(once, word_make(hash, ms), memory_order_relaxed);
        return false;
    }
    if (age_ms(first, ms) < (uint64_t)(KNOWN_AFTER / TICK_MS))
        return false;
    atomic_store_explicit(&set[way], word_make(hash, ms), memory_order_relaxed);
    return true;
}
