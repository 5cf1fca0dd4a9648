/* cpace: CPACE-RISTR255-SHA512, initiator-responder mode with explicit key confirmation, as a pure
 * function of its inputs. Follows draft-irtf-cfrg-cpace-21 (its number is pinned in the label of
 * sid); the draft's vectors and invalid points are tests. PROTOCOL.md, "Password".
 *
 * PRS = the stretched password (32 bytes), CI = "ils/1", sid as computed by link/binder.h,
 * ADa = "dialler", ADb = "acceptor". Confirmation tags follow the draft's section on explicit key
 * confirmation: mac_key = SHA-512("CPaceMac" || sid || ISK), tag = HMAC-SHA-512(mac_key,
 * lv_cat(Y, AD)) over the sender's own Y and AD. */
#ifndef OPENILS_LINK_CPACE_H
#define OPENILS_LINK_CPACE_H

#include "base/crypto.h"

#define CPACE_ISK_SIZE     64
#define CPACE_CONFIRM_SIZE 64

enum cpace_role { CPACE_DIALLER, CPACE_ACCEPTOR };

struct cpace {
    enum cpace_role role;
    uint8_t sid[HASH_SIZE];
    uint8_t scalar[SCALAR_SIZE];
    uint8_t share[POINT_SIZE];              /* mine, to be sent */
    uint8_t isk[CPACE_ISK_SIZE];            /* after cpace_finish */
    uint8_t confirm[CPACE_CONFIRM_SIZE];    /* mine, to be sent */
    uint8_t expected[CPACE_CONFIRM_SIZE];   /* what the other end must send */
};

/* Draws the scalar from 64 bytes of entropy and computes my share. */
void cpace_start(struct cpace *c, enum cpace_role role, const uint8_t prs[static 32],
                 const uint8_t sid[static HASH_SIZE], const uint8_t entropy[static 64]);

/* Takes the other end's share: isk, confirm and expected are set, the scalar is wiped. False for an
 * invalid or neutral point, or my own share reflected: the exchange must be aborted then. */
bool cpace_finish(struct cpace *c, const uint8_t share[static POINT_SIZE]);

/* Constant-time comparison with `expected`. */
bool cpace_confirmed(const struct cpace *c, struct slice confirm);

void cpace_wipe(struct cpace *c);

/* The draft's building blocks, exposed for its official vectors: generator_string hashed to a
 * group element, and ISK of the initiator-responder transcript. Slices of any length. */
void cpace_generator(uint8_t ret[static POINT_SIZE], struct slice prs, struct slice ci,
                     struct slice sid);
void cpace_isk_ir(uint8_t ret[static CPACE_ISK_SIZE], struct slice sid, struct slice k,
                  struct slice ya, struct slice ada, struct slice yb, struct slice adb);

#endif
