/* peer: the other end of a link in the hand of a test: it knows the protocol and, where the test
 * gives it, the password; what it says is up to the test. Written on the link room alone, so that
 * it serves against a core in the same process (rig.h) and against ilsd over a socket. */
#ifndef OPENILS_TEST_CORE_PEER_H
#define OPENILS_TEST_CORE_PEER_H

#include "../test.h"
#include "base/arena.h"
#include "link/binder.h"
#include "link/cpace.h"
#include "link/frame.h"
#include "link/hello.h"
#include "link/msg.h"
#include "link/sealed.h"

#define PEER_TYPES 32

struct peer_end {
    struct mem *mem;
    bool dialler;
    bool manual;      /* answers nothing by itself */
    bool sealed, up;
    bool tls;         /* the bytes travel inside TLS, which has this exporter and these keys */
    uint8_t exporter[HASH_SIZE];
    uint8_t spki_mine[8], spki_theirs[8];
    bool other_role;  /* proves itself in the role of the other end */
    uint8_t invite[8]; /* its id, where the method is METHOD_INVITE */
    uint8_t stretched[32];
    uint8_t key[KEY_SIZE], secret[SECRET_SIZE];
    uint8_t network[NETWORK_ID_SIZE];
    uint64_t boot, serial;
    struct hello hello; /* sent by peer_hello */
    size_t hello_more;  /* bytes behind it that nobody knows yet */
    uint8_t hello_mine[HELLO_MAX], hello_theirs[HELLO_MAX];
    size_t hello_mine_n, hello_theirs_n;
    uint8_t entropy[64];
    struct cpace cpace;
    uint8_t binder[HASH_SIZE];
    struct sealed tx, rx;
    struct buf in, plain; /* not yet understood */
    struct buf out;       /* to be sent, as it travels */
    size_t got[PEER_TYPES];    /* frames by type */
    uint32_t goodbye;          /* code of the last one, 0: none */
    struct msg_goodbye farewell;
    bool garbled;              /* something did not open or was no frame */
    /* every frame after the proof; may be NULL */
    void (*frame)(struct peer_end *p, uint8_t type, struct slice body);
    void *context;
};

/* Identity and entropy come from the seed. */
void peer_init(struct peer_end *p, struct mem *mem, uint64_t seed, const uint8_t stretched[32],
               bool dialler);
void peer_done(struct peer_end *p);

/* The first word of a dialler; an acceptor says its own when the other's has come. */
void peer_hello(struct peer_end *p);
/* One frame, sealed when the link is. */
void peer_frame(struct peer_end *p, uint8_t type, struct slice body);
/* Frames that stand in b, sealed when the link is; b is emptied. */
void peer_send(struct peer_end *p, struct buf *b);
void peer_take(struct peer_end *p, struct slice bytes);

#endif
