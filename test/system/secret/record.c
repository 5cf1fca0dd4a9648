/* record: `record CANDIDATES LINE JOINS OUT` drives two real cores through so many joins over the
 * real bytes and writes what an eavesdropper sees. The hub's password is candidate LINE; every
 * second join is a good one, in the others the dialler has mistyped. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/rig.h"
#include "candidates.h"
#include "capture.h"

#define WRONG 4

struct tap {
    FILE *f;
    uint32_t session;
};

static void tap(void *context, bool from_dialler, const uint8_t *p, size_t n)
{
    struct tap *t = context;
    capture_put(t->f, t->session, from_dialler, p, n);
}

/* True when the join ended as it should. */
static bool join(struct tap *t, const uint8_t *hub_key, const uint8_t *spoke_key)
{
    struct rig hub, spoke;
    uint64_t seed[2];
    uint32_t id[2];
    randombytes_buf(seed, sizeof seed);
    rig_init(&hub, seed[0], SIZE_MAX);
    rig_init(&spoke, seed[1], SIZE_MAX);
    rig_hub(&hub, "hub", hub_key);
    rig_spoke(&spoke, "spoke", spoke_key);
    rig_join(&spoke, &hub, tap, t, id);
    enum code expected = memcmp(hub_key, spoke_key, 32) == 0 ? CODE_JOINED : CODE_PASSWORD_DIFFERS;
    bool good = hub.verdict.code == expected && spoke.verdict.code == expected;
    rig_done(&hub);
    rig_done(&spoke);
    return good;
}

int main(int argc, char **argv)
{
    static struct candidate candidate[CANDIDATES_MAX];
    struct candidate wrong[WRONG];
    if (argc != 5)
        return 64;
    size_t n = candidates_read(argv[1], candidate), line = strtoul(argv[2], NULL, 10);
    struct tap t = {.f = fopen(argv[4], "wb")};
    uint32_t joins = (uint32_t)strtoul(argv[3], NULL, 10), odd = 0;
    if (line >= n || t.f == NULL || sodium_init() < 0)
        return 2;
    for (int i = 0; i < WRONG; i++) {
        snprintf(wrong[i].password, sizeof wrong[i].password, "mistyped password %d", i);
        candidate_stretch(&wrong[i]);
    }
    const uint8_t *key = candidate[line].stretched;
    for (t.session = 0; t.session < joins; t.session++) {
        bool bad = t.session % 2 != 0;
        odd += !join(&t, key, bad ? wrong[t.session / 2 % WRONG].stretched : key);
    }
    if (fclose(t.f) != 0)
        return 2;
    printf("# %u joins recorded, %u ended otherwise than they should\n", joins, odd);
    return odd == 0 ? 0 : 1;
}
