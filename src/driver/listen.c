/* listen: what every TCP listener does before its first connection. */
#include "driver/listen.h"
#include "driver/address.h"

int listen_tcp(uv_tcp_t *tcp, const char *address, uint16_t port, int backlog,
               uv_connection_cb on_connection, uint16_t *ret_port)
{
    struct sockaddr_storage a;
    socklen_t n;
    char text[46];
    if (!address_parse(address, port, &a, &n))
        return UV_EADDRNOTAVAIL;
    int code = uv_tcp_bind(tcp, (const struct sockaddr *)&a, 0);
    if (code == 0)
        code = uv_listen((uv_stream_t *)tcp, backlog, on_connection);
    int size = sizeof a;
    if (code == 0)
        code = uv_tcp_getsockname(tcp, (struct sockaddr *)&a, &size);
    if (code == 0)
        address_text((const struct sockaddr *)&a, text, ret_port);
    return code;
}
