/* udp: a door of datagrams: each request is answered at once, or not at all. In batches of 64, so
 * that the kernel is asked twice for 64 requests, not 128 times. */
#ifndef OPENILS_DRIVER_UDP_H
#define OPENILS_DRIVER_UDP_H

#include <uv.h>

#include "base/buf.h"
#include "driver/door.h"

struct udp_request {
    struct slice bytes;
    struct slice ip; /* numeric text, IPv6 without brackets, IPv4-mapped as IPv4 */
    uint16_t port;
    uint16_t reply_port; /* in: port; the answer may change it */
};

/* Appends the reply to out; nothing appended = no reply. */
typedef void (*udp_answer)(void *context, struct udp_request *request, struct buf *out);

struct udp;

/* Binds to a numeric address; port 0 = any free one. Datagrams above request_max bytes arrive cut
 * to request_max + 1; replies above reply_max are refused by the buffer. Whom the gate does not let
 * in is not answered (NULL: everybody is). NULL: error says why and names who holds the port. */
struct udp *udp_open(uv_loop_t *loop, const char *address, uint16_t port, size_t request_max,
                     size_t reply_max, struct door_gate *gate, udp_answer answer, void *context,
                     char *error, size_t size);
/* Who asks too fast for the gate is answered by this, and not at all without it. */
void udp_too_fast(struct udp *u, udp_answer answer);
uint16_t udp_port(const struct udp *u);
void udp_close(struct udp *u, void (*closed)(void *context), void *context);

#endif
