/* drops: of who asks in a benchmark, how many replies found no room in its own socket: those are
 * not lost by who answers. */
#ifndef OPENILS_BENCH_DROPS_H
#define OPENILS_BENCH_DROPS_H

#include <linux/sock_diag.h>
#include <stdint.h>
#include <sys/socket.h>

static inline unsigned own_drops(int fd)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof memory;
    getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size);
    return memory[SK_MEMINFO_DROPS];
}

#endif
