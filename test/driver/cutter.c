/* cutter: a thread for each connection, which looks for the word COMMIT in what the client sends.
 */
#include "cutter.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "postgres.h"
#include "test.h"

static char place[108];
static int listener;
static _Atomic int wanted, left;

static int open_socket(const char *path, bool listening)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int r = listening ? bind(fd, (struct sockaddr *)(void *)&a, sizeof a) != 0 || listen(fd, 8) != 0
                      : connect(fd, (struct sockaddr *)(void *)&a, sizeof a) != 0;
    if (r == 0)
        return fd;
    close(fd);
    return -1;
}

static bool pass(int to, const char *bytes, ssize_t n)
{
    for (ssize_t at = 0; at < n;) {
        ssize_t wrote = send(to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
        if (wrote <= 0)
            return false;
        at += wrote;
    }
    return true;
}

/* Whether the connection goes on. */
static bool from_client(int client, int server)
{
    char bytes[65536];
    ssize_t n = read(client, bytes, sizeof bytes);
    if (n <= 0)
        return false;
    bool commits = atomic_load(&left) > 0 && memmem(bytes, (size_t)n, "COMMIT", 7) != NULL;
    if (!commits)
        return pass(server, bytes, n);
    atomic_fetch_sub(&left, 1);
    if (atomic_load(&wanted) == CUT_BEFORE)
        return false;
    pass(server, bytes, n);
    /* Where the server refuses it, no COMMIT comes back. */
    struct pollfd fd = {.fd = server, .events = POLLIN};
    while (atomic_load(&wanted) == CUT_ANSWER && poll(&fd, 1, 200) > 0 &&
           (n = read(server, bytes, sizeof bytes)) > 0 &&
           memmem(bytes, (size_t)n, "COMMIT", 7) == NULL)
        ;
    return false;
}

static void *carry(void *context)
{
    char bytes[65536];
    int client = (int)(intptr_t)context, server = -1;
    char path[160];
    snprintf(path, sizeof path, "%s/.s.PGSQL.5432", postgres_folder());
    server = open_socket(path, false);
    for (bool on = server >= 0; on;) {
        struct pollfd fd[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        if (poll(fd, 2, -1) <= 0)
            break;
        if (fd[0].revents != 0)
            on = from_client(client, server);
        if (on && fd[1].revents != 0) {
            ssize_t n = read(server, bytes, sizeof bytes);
            on = n > 0 && pass(client, bytes, n);
        }
    }
    close(client);
    if (server >= 0)
        close(server);
    return NULL;
}

static void *take(void *context)
{
    for (;;) {
        pthread_t thread;
        int client = accept(listener, NULL, NULL);
        if (client < 0 ||
            pthread_create(&thread, NULL, carry, (void *)(intptr_t)client) != 0)
            return NULL;
        pthread_detach(thread);
    }
}

void cutter_start(const char *dir)
{
    pthread_t thread;
    snprintf(place, sizeof place, "%.80s/.s.PGSQL.5432", dir);
    listener = open_socket(place, true);
    assert_true(listener >= 0);
    assert_int_equal(pthread_create(&thread, NULL, take, NULL), 0);
    pthread_detach(thread);
}

void cutter_cut(enum cut cut, int times)
{
    atomic_store(&wanted, cut);
    atomic_store(&left, times);
}

int cutter_left(void)
{
    return atomic_load(&left);
}
