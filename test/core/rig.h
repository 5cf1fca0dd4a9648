/* rig: one real core, and links whose other end is bytes in the hand of the test: two cores wired
 * to each other, or a peer that lies (peer.h). Time moves only when a test says so; entropy comes
 * from a seed, so the same rig does the same again. */
#ifndef OPENILS_TEST_CORE_RIG_H
#define OPENILS_TEST_CORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../test.h"
#include "core/ils.h"
#include "core/view.h"

/* One link as the rig sees it; what the core sent on it is kept, or only counted. */
struct rig_link {
    uint32_t id;
    bool closed;
    uint8_t *out;     /* sent and not yet taken */
    size_t out_n, out_size;
    uint64_t sent;    /* in all */
    size_t pending;   /* told to the core as not yet written */
};

struct rig {
    struct test_mem mem;
    struct ils *ils;
    bool dead;        /* a step failed: the process would end */
    bool forget;      /* count what is sent, keep nothing */
    bool unread;      /* what is sent counts as not yet written */
    tick now;
    uint64_t seed;
    uint64_t commands;
    struct rig_link *link;
    size_t link_n, link_size;
    uint32_t accepted;
    uint32_t open_id; /* the last OPEN, 0: none */
    enum reply reply;
    struct verdict verdict; /* the last */
    enum code ended;  /* why the last link that was up ended */
    size_t verdicts, alarms, traces;
    enum alarm alarm; /* the last raised */
    size_t rows;      /* rows stored and not removed since, counted naively */
    uint64_t row_bytes;
};

/* A started core; budget in bytes of everything it may hold. */
void rig_init(struct rig *r, uint64_t seed, size_t budget);
void rig_done(struct rig *r);

/* One event; batches are durable at once, sent bytes are written at once unless `unread`. */
void rig_step(struct rig *r, struct ils_event event);
/* Wakes the core at its deadlines until t has passed. */
void rig_pass(struct rig *r, tick t);
enum reply rig_command(struct rig *r, struct command c);

/* A cluster `id` with this password; a hub, or a spoke that asks to be connected. */
void rig_hub(struct rig *r, const char *id, const uint8_t stretched[32]);
void rig_spoke(struct rig *r, const char *id, const uint8_t stretched[32]);

/* A connection comes in from ip; its id. */
uint32_t rig_accept(struct rig *r, const char *ip);
/* The same on the port of TLS; secured NULL: the handshake is not finished yet. */
uint32_t rig_accept_tls(struct rig *r, const char *ip, const struct secured *secured);
/* The connection that the core asked for stands; its id. */
uint32_t rig_connected(struct rig *r, const char *ip);
void rig_data(struct rig *r, uint32_t id, const void *p, size_t n);
void rig_down(struct rig *r, uint32_t id);
/* NULL: no such link. Closed links stay until rig_clear. */
struct rig_link *rig_link(struct rig *r, uint32_t id);
void rig_clear(struct rig *r);

/* Wires dialler and acceptor and carries bytes until both are silent. tap (may be NULL) sees every
 * chunk: from_dialler, bytes. Returns false when a side closed its link. */
typedef void (*rig_tap)(void *context, bool from_dialler, const uint8_t *p, size_t n);
bool rig_join(struct rig *dialler, struct rig *acceptor, rig_tap tap, void *context,
              uint32_t ret_id[2]);
bool rig_carry(struct rig *dialler, uint32_t dialler_id, struct rig *acceptor,
               uint32_t acceptor_id, rig_tap tap, void *context);

#endif
