/* cpace: the password exchange. Two ends that hold the same stretched password derive the same
 * point of ristretto255 from it and do Diffie-Hellman on that; a wrong guess costs one whole
 * exchange with an end that knows. Hash inputs are streamed: nothing is assembled or allocated. */
#include "link/cpace.h"

#include <string.h>

#define BLOCK_SIZE  128 /* of SHA-512: the draft's s_in_bytes */
#define LENGTH_MOST 10  /* LEB128 of 64 bits */

/* prepend_len(s) as two slices: the length in LEB128, kept in `length`, and s itself. */
struct prefixed {
    uint8_t length[LENGTH_MOST];
    size_t length_n;
};

static void prefix(struct prefixed *p, struct slice s, struct slice part[static 2])
{
    size_t n = s.n;
    p->length_n = 0;
    while (n >= 0x80) {
        p->length[p->length_n++] = (uint8_t)(n | 0x80);
        n >>= 7;
    }
    p->length[p->length_n++] = (uint8_t)n;
    part[0] = slice_make(p->length, p->length_n);
    part[1] = s;
}

/* SHA-512(lv_cat(fields)), at most 8 of them. */
static void hash_lv_cat(uint8_t ret[static 64], const struct slice *field, size_t n)
{
    struct prefixed prefixed[8];
    struct slice part[16];
    for (size_t i = 0; i < n; i++)
        prefix(&prefixed[i], field[i], &part[2 * i]);
    crypto_sha512(ret, part, 2 * n);
}

void cpace_generator(uint8_t ret[static POINT_SIZE], struct slice prs, struct slice ci,
                     struct slice sid)
{
    static const uint8_t zeros[BLOCK_SIZE];
    struct slice dsi = slice_of("CPaceRistretto255");
    struct prefixed prefixed;
    struct slice part[2];
    uint8_t uniform[64];

    /* DSI, PRS and padding fill the first block: its hashing tells nothing of the length of PRS. */
    prefix(&prefixed, dsi, part);
    size_t filled = prefixed.length_n + dsi.n + 1;
    prefix(&prefixed, prs, part);
    filled += prefixed.length_n;
    size_t room = filled < BLOCK_SIZE ? BLOCK_SIZE - filled : 0;
    struct slice padding = slice_make(zeros, prs.n < room ? room - prs.n : 0);

    const struct slice field[] = {dsi, prs, padding, ci, sid};
    hash_lv_cat(uniform, field, 5);
    crypto_point_from_hash(ret, uniform);
    crypto_wipe(uniform, sizeof uniform);
}

void cpace_isk_ir(uint8_t ret[static CPACE_ISK_SIZE], struct slice sid, struct slice k,
                  struct slice ya, struct slice ada, struct slice yb, struct slice adb)
{
    const struct slice field[] = {slice_of("CPaceRistretto255_ISK"), sid, k, ya, ada, yb, adb};
    hash_lv_cat(ret, field, 7);
}

void cpace_start(struct cpace *c, enum cpace_role role, const uint8_t prs[static 32],
                 const uint8_t sid[static HASH_SIZE], const uint8_t entropy[static 64])
{
    uint8_t generator[POINT_SIZE];

    memset(c, 0, sizeof *c);
    c->role = role;
    memcpy(c->sid, sid, HASH_SIZE);
    crypto_scalar(c->scalar, entropy);
    cpace_generator(generator, slice_make(prs, 32), slice_of("ils/1"), slice_make(sid, HASH_SIZE));
    /* Entropy that reduces to 0 gives the neutral share, which either end refuses. */
    if (!crypto_point_mul(c->share, c->scalar, generator))
        memset(c->share, 0, POINT_SIZE);
    crypto_wipe(generator, sizeof generator);
}

/* HMAC(mac_key, lv_cat(share, role's name)). */
static void confirm_tag(uint8_t ret[static CPACE_CONFIRM_SIZE], const uint8_t key[static 64],
                        const uint8_t share[static POINT_SIZE], struct slice name)
{
    uint8_t message[1 + POINT_SIZE + 1 + 16];
    message[0] = POINT_SIZE;
    memcpy(message + 1, share, POINT_SIZE);
    message[1 + POINT_SIZE] = (uint8_t)name.n;
    memcpy(message + 2 + POINT_SIZE, name.p, name.n);
    crypto_hmac_sha512(ret, slice_make(key, 64), slice_make(message, 2 + POINT_SIZE + name.n));
}

bool cpace_finish(struct cpace *c, const uint8_t share[static POINT_SIZE])
{
    uint8_t k[POINT_SIZE], mac_key[64];
    bool reflected = crypto_equal(c->share, share, POINT_SIZE);
    bool valid = crypto_point_mul(k, c->scalar, share);

    crypto_wipe(c->scalar, sizeof c->scalar);
    if (reflected || !valid) {
        crypto_wipe(k, sizeof k);
        return false;
    }
    bool dialler = c->role == CPACE_DIALLER;
    struct slice ya = slice_make(dialler ? c->share : share, POINT_SIZE);
    struct slice yb = slice_make(dialler ? share : c->share, POINT_SIZE);
    struct slice ada = slice_of("dialler"), adb = slice_of("acceptor");

    cpace_isk_ir(c->isk, slice_make(c->sid, HASH_SIZE), slice_make(k, POINT_SIZE), ya, ada, yb,
                 adb);
    const struct slice part[] = {slice_of("CPaceMac"), slice_make(c->sid, HASH_SIZE),
                                 slice_make(c->isk, CPACE_ISK_SIZE)};
    crypto_sha512(mac_key, part, 3);
    confirm_tag(c->confirm, mac_key, c->share, dialler ? ada : adb);
    confirm_tag(c->expected, mac_key, share, dialler ? adb : ada);
    crypto_wipe(k, sizeof k);
    crypto_wipe(mac_key, sizeof mac_key);
    return true;
}

bool cpace_confirmed(const struct cpace *c, struct slice confirm)
{
    return confirm.n == CPACE_CONFIRM_SIZE &&
           crypto_equal(confirm.p, c->expected, CPACE_CONFIRM_SIZE);
}

void cpace_wipe(struct cpace *c)
{
    crypto_wipe(c, sizeof *c);
}
