/* address: text of socket addresses, the search through /proc for the process behind a port, and
 * what is said where nothing can listen. */
#include "driver/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void address_text(const struct sockaddr *a, char dst[static 46], uint16_t *ret_port)
{
    dst[0] = '\0';
    *ret_port = 0;
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)a;
        inet_ntop(AF_INET, &v4->sin_addr, dst, 46);
        *ret_port = ntohs(v4->sin_port);
    } else if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)a;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
            inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], dst, 46);
        else
            inet_ntop(AF_INET6, &v6->sin6_addr, dst, 46);
        *ret_port = ntohs(v6->sin6_port);
    }
}

bool address_parse(const char *ip, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_n)
{
    memset(ret, 0, sizeof *ret);
    struct sockaddr_in *v4 = (void *)ret;
    if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *ret_n = sizeof *v4;
        return true;
    }
    struct sockaddr_in6 *v6 = (void *)ret;
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *ret_n = sizeof *v6;
        return true;
    }
    return false;
}

/* An address as one of IPv6; false: it is that of every interface. */
static bool as_v6(const uint32_t *word, bool v4, uint8_t ret[static 16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(ret, mapped, sizeof mapped);
    memcpy(v4 ? ret + 12 : ret, word, v4 ? 4 : 16);
    return (word[0] | (v4 ? 0 : word[1] | word[2] | word[3])) != 0;
}

/* Whether who listens at `held`, in the digits of /proc, keeps others from this address: other
 * programs, such as another ilsd, may hold the same port of other addresses. */
static bool is_in_the_way(const char *held, const struct sockaddr_storage *at)
{
    uint8_t theirs[16], ours[16];
    uint32_t word[4] = {0};
    bool v4 = at->ss_family == AF_INET;
    for (size_t i = 0; i < 4 && strlen(held) >= 8 * (i + 1); i++)
        sscanf(held + 8 * i, "%8x", &word[i]);
    bool one = as_v6(word, strlen(held) == 8, theirs);
    memcpy(word, v4 ? (const void *)&((const struct sockaddr_in *)at)->sin_addr
                    : (const void *)&((const struct sockaddr_in6 *)at)->sin6_addr, v4 ? 4 : 16);
    return !as_v6(word, v4, ours) || !one || memcmp(theirs, ours, sizeof ours) == 0;
}

/* The inode of a socket that listens on (TCP) or is bound to (UDP) the port; 0 = none. */
static unsigned long inode_of_port(const char *table, const struct sockaddr_storage *address,
                                   uint16_t port, unsigned state)
{
    FILE *f = fopen(table, "re");
    if (f == NULL)
        return 0;
    char text[512], held[40];
    unsigned long found = 0;
    while (found == 0 && fgets(text, sizeof text, f) != NULL) {
        unsigned local = 0, at = 0;
        unsigned long inode = 0;
        if (sscanf(text,
                   " %*[0-9]: %39[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu",
                   held, &local, &at, &inode) == 4 &&
            local == port && at == state && is_in_the_way(held, address))
            found = inode;
    }
    fclose(f);
    return found;
}

/* Does the process have the socket among its open files? */
static bool process_holds(const char *pid, const char *wanted)
{
    char path[64], to[64];
    snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
    DIR *fds = opendir(path);
    if (fds == NULL)
        return false;
    bool found = false;
    for (struct dirent *e; !found && (e = readdir(fds)) != NULL;) {
        ssize_t n = readlinkat(dirfd(fds), e->d_name, to, sizeof to - 1);
        if (n > 0) {
            to[n] = '\0';
            found = strcmp(to, wanted) == 0;
        }
    }
    closedir(fds);
    return found;
}

static void name_process(const char *pid, char *dst, size_t size)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%.16s/comm", pid);
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        if (fgets(name, sizeof name, f) != NULL)
            name[strcspn(name, "\n")] = '\0';
        fclose(f);
    }
    if (name[0] != '\0')
        snprintf(dst, size, "%s (pid %.16s)", name, pid);
    else
        snprintf(dst, size, "process %.16s", pid);
}

void address_port_holder(const char *address, uint16_t port, bool udp, char *dst, size_t size)
{
    struct sockaddr_storage at;
    socklen_t n;
    snprintf(dst, size, "another program");
    if (!address_parse(address, port, &at, &n))
        return;
    unsigned state = udp ? 0x07 : 0x0a;
    unsigned long inode = inode_of_port(udp ? "/proc/net/udp" : "/proc/net/tcp", &at, port, state);
    if (inode == 0)
        inode = inode_of_port(udp ? "/proc/net/udp6" : "/proc/net/tcp6", &at, port, state);
    if (inode == 0)
        return;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return;
    for (struct dirent *e; (e = readdir(proc)) != NULL;)
        if (isdigit((unsigned char)e->d_name[0]) && process_holds(e->d_name, wanted)) {
            name_process(e->d_name, dst, size);
            break;
        }
    closedir(proc);
}

void address_refused(int code, bool udp, const char *address, uint16_t port, char *error,
                     size_t size)
{
    const char *protocol = udp ? "UDP" : "TCP";
    char holder[64];
    if (code == EADDRINUSE) {
        address_port_holder(address, port, udp, holder, sizeof holder);
        snprintf(error, size, "%s port %u is in use by %s", protocol, port, holder);
    } else if (code == EACCES)
        snprintf(error, size, "%s port %u may not be used: ports below 1024 are for root", protocol,
                 port);
    else if (code == EADDRNOTAVAIL)
        snprintf(error, size, "%s is no address of this host", address);
    else
        snprintf(error, size, "cannot listen on %s %s port %u: %s", address, protocol, port,
                 strerror(code));
}
