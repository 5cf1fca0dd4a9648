/* probe: the world's side of `ils diagnose`: a name resolved, a port dialled, a TLS handshake made,
 * a hello sent, each waited for at most 3 s. Blocks: it runs in a worker, one call at a time. */
#ifndef OPENILS_DAEMON_PROBE_H
#define OPENILS_DAEMON_PROBE_H

#include <netinet/in.h>

#include "core/ils.h"
#include "driver/tls.h"
#include "link/hello.h"

#define PROBE_ADDRESSES 4
#define PROBE_TEXT      160

enum probe_answer {
    PROBE_SILENCE, /* nothing came within the time */
    PROBE_CLOSED,  /* the other end closed, or sent what is not the protocol */
    PROBE_GOODBYE, /* code: why it refuses */
    PROBE_HEARD,   /* it goes on: what was offered is accepted so far */
    PROBE_PROVED,  /* likewise, and it has proved that it holds the same password */
};

struct probe {
    char host[HOST_TEXT_MAX + 1];
    struct sockaddr_in6 address[PROBE_ADDRESSES]; /* large enough for both families */
    size_t address_n;
    int fd;                          /* -1: none */
    char peer[64];                   /* numeric, of what was reached */
    char error[PROBE_TEXT];          /* of the last step that failed */
    struct tls_session *session;
    bool tls; /* the connection that stands is the session's */
    enum tls_state state;
    bool clear;                      /* the handshake was answered in the clear, by our protocol */
    bool secured;
    struct tls_secured proved;       /* lent by the session */
    uint8_t hello[2][HELLO_MAX];     /* as they travelled: this end's, the other's */
    size_t hello_n[2];
    struct hello theirs;             /* the other's, where it was heard */
    enum code code;                  /* of the goodbye */
    uint32_t retry_after;            /* likewise, seconds */
    uint32_t generation;             /* likewise, the newest held there */
};

void probe_init(struct probe *p, const char *host);
void probe_done(struct probe *p);

/* False: p->error says why. */
bool probe_resolve(struct probe *p);
bool probe_connect(struct probe *p, uint16_t port);
/* Over the connection that stands: a handshake as dialler. */
bool probe_tls(struct probe *p, struct tls_context *context);
/* Whether TLS of our protocol answers at that port of what was reached: a connection of its own. */
bool probe_takes_tls(const struct probe *p, uint16_t port, struct tls_context *context);
/* Over the connection that stands; sealed after probe_tls. */
enum probe_answer probe_hello(struct probe *p, uint8_t method, uint16_t generation);
/* After PROBE_HEARD, where the method has a password: the exchange (PROTOCOL.md, 5). A password
 * that differs counts as a failure at the other end, as in any join. */
enum probe_answer probe_password(struct probe *p, const uint8_t stretched[static 32]);
/* Takes leave of an end that was heard, so that it does not wonder who hung up. */
void probe_leave(struct probe *p);
void probe_hang_up(struct probe *p);

#endif
