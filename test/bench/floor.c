/* floor: the least that one change over three hops costs, as a yardstick for what it costs here: a
 * record is appended to a log and synced, signed once, and goes over three mutual TLS links; who
 * takes it checks the signature before it passes it on. Four processes in a row; nothing is
 * parsed, counted or looked up.
 *
 *   floor FOLDER OWN.pem      certificate, then key; trusted by all four. Listens at
 *                             FOLDER/floor.sock: a line is a change, answered when it is on the
 *                             disk; prints the UDP port that tells the last value. Ends with its
 *                             standard input. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOPS   3
#define VALUE  64
#define RECORD 300 /* a value, and as many bytes as a head of ours has */

struct frame {
    uint8_t record[RECORD];
    uint8_t signature[crypto_sign_BYTES];
};

static SSL_CTX *context;
static uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret_key[crypto_sign_SECRETKEYBYTES];

static void die(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void prepare(const char *own)
{
    context = SSL_CTX_new(TLS_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    if (sodium_init() < 0 || SSL_CTX_use_certificate_chain_file(context, own) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, own, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(context, own, NULL) != 1)
        die(own);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    crypto_sign_keypair(public_key, secret_key);
}

/* A TCP connection of this process with itself: both ends. */
static void connected(int ret_fd[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ret_fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&a, n) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (void *)&a, &n) != 0 || connect(ret_fd[0], (void *)&a, n) != 0)
        die("connect");
    ret_fd[1] = accept(listener, NULL, NULL);
    close(listener);
    for (int i = 0; i < 2; i++)
        setsockopt(ret_fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static SSL *shake(int fd, int client)
{
    SSL *s = SSL_new(context);
    if (s == NULL || SSL_set_fd(s, fd) != 1 || (client ? SSL_connect(s) : SSL_accept(s)) != 1)
        die("handshake");
    return s;
}

static void send_frame(SSL *to, const struct frame *f)
{
    if (SSL_write(to, f, sizeof *f) != (int)sizeof *f)
        die("send");
}

/* The next frame; ends the process with its link. */
static void take_frame(SSL *from, struct frame *f)
{
    int n = 0;
    while (n < (int)sizeof *f) {
        int got = SSL_read(from, (char *)f + n, (int)sizeof *f - n);
        if (got <= 0)
            exit(0);
        n += got;
    }
    if (crypto_sign_verify_detached(f->signature, f->record, sizeof f->record, public_key) != 0)
        die("a signature does not hold");
}

static void relay(int from_fd, int to_fd)
{
    struct frame f;
    SSL *from = shake(from_fd, 0), *to = shake(to_fd, 1);
    for (;;) {
        take_frame(from, &f);
        send_frame(to, &f);
    }
}

static void answer(int udp, const struct frame *f)
{
    struct sockaddr_in who;
    socklen_t n = sizeof who;
    char question[512];
    if (recvfrom(udp, question, sizeof question, 0, (void *)&who, &n) >= 0)
        sendto(udp, f->record, strnlen((const char *)f->record, VALUE), 0, (void *)&who, n);
}

static void far_end(int from_fd, int udp)
{
    struct frame f = {.record = "none"};
    SSL *from = shake(from_fd, 0);
    struct pollfd wait[2] = {{.fd = from_fd, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
    while (poll(wait, 2, -1) > 0) {
        if (wait[0].revents != 0)
            take_frame(from, &f); /* one at a time is under way */
        if (wait[1].revents != 0)
            answer(udp, &f);
    }
}

static void origin(int to_fd, int listener, int log)
{
    SSL *to = shake(to_fd, 1);
    for (;;) {
        struct frame f;
        char line[VALUE + 1];
        int fd = accept(listener, NULL, NULL);
        for (;;) {
            ssize_t n = recv(fd, line, sizeof line - 1, 0);
            if (n <= 0)
                break;
            memset(&f, 0, sizeof f);
            memcpy(f.record, line, (size_t)n - 1);
            if (write(log, f.record, sizeof f.record) != (ssize_t)sizeof f.record ||
                fdatasync(log) != 0)
                die("log");
            crypto_sign_detached(f.signature, NULL, f.record, sizeof f.record, secret_key);
            send_frame(to, &f);
            (void)!send(fd, "ok\n", 3, MSG_NOSIGNAL);
        }
        close(fd);
    }
}

static int listen_at(const char *folder)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s/floor.sock", folder);
    unlink(a.sun_path);
    if (bind(fd, (void *)&a, sizeof a) != 0 || listen(fd, 4) != 0)
        die(a.sun_path);
    return fd;
}

static int udp_door(unsigned *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (void *)&a, n) != 0 || getsockname(fd, (void *)&a, &n) != 0)
        die("udp");
    *ret_port = ntohs(a.sin_port);
    return fd;
}

int main(int n, char **v)
{
    int hop[HOPS][2];
    char path[256], byte;
    unsigned port;
    pid_t child[HOPS + 1];
    if (n != 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    prepare(v[2]);
    for (int i = 0; i < HOPS; i++)
        connected(hop[i]);
    snprintf(path, sizeof path, "%s/floor.log", v[1]);
    int log = open(path, O_CREAT | O_TRUNC | O_APPEND | O_WRONLY, 0600);
    int listener = listen_at(v[1]), udp = udp_door(&port);
    if (log < 0)
        die(path);
    for (int i = 0; i <= HOPS; i++) {
        child[i] = fork();
        if (child[i] != 0)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        for (int k = 0; k < HOPS; k++) { /* a link ends with the process that has its end */
            if (k != i)
                close(hop[k][0]);
            if (k != i - 1)
                close(hop[k][1]);
        }
        if (i == 0)
            origin(hop[0][0], listener, log);
        else if (i == HOPS)
            far_end(hop[i - 1][1], udp);
        else
            relay(hop[i - 1][1], hop[i][0]);
        _exit(0);
    }
    printf("%u\n", port);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    for (int i = 0; i <= HOPS; i++)
        kill(child[i], SIGTERM);
    while (wait(NULL) > 0)
        ;
    return 0;
}
