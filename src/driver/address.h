/* address: socket addresses as text, who holds a port, and why nothing can listen on one. */
#ifndef OPENILS_DRIVER_ADDRESS_H
#define OPENILS_DRIVER_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Numeric text of the address into dst (46 bytes), IPv4-mapped IPv6 as IPv4; its port. */
void address_text(const struct sockaddr *a, char dst[static 46], uint16_t *ret_port);

/* A numeric address and a port; false when the text is none. */
bool address_parse(const char *ip, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_n);

/* "sshd (pid 123)", "process 123" or "another program" into dst: who keeps others from listening on
 * a port of that numeric address. */
void address_port_holder(const char *address, uint16_t port, bool udp, char *dst, size_t size);

/* Why nothing can listen there, as a sentence into error. code: the errno of bind or listen; for
 * what is no numeric address EADDRNOTAVAIL. */
void address_refused(int code, bool udp, const char *address, uint16_t port, char *error,
                     size_t size);

#endif
