/* listen: a listener of libuv on a numeric address, as every TCP door has one. */
#ifndef OPENILS_DRIVER_LISTEN_H
#define OPENILS_DRIVER_LISTEN_H

#include <stdint.h>
#include <uv.h>

/* Binds and listens; port 0: any free one, and *ret_port is which. backlog: connections that
 * wait to be accepted; the system may have a lower limit of its own. 0, or libuv's code: what is no
 * numeric address is UV_EADDRNOTAVAIL. The handle stays the caller's, to be closed either way. */
int listen_tcp(uv_tcp_t *tcp, const char *address, uint16_t port, int backlog,
               uv_connection_cb on_connection, uint16_t *ret_port);

#endif
