/* bare_tls: the server side of a mutual TLS 1.3 handshake and nothing else, as a yardstick for what
 * a hub spends on a reconnect. Forks a client that connects N times; prints the CPU seconds of the
 * server for each handshake.
 *
 *   bare_tls N SERVER.pem CLIENT.pem      (each: certificate, then key; both trusted) */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static SSL_CTX *context(const char *own, const char *trusted, const SSL_METHOD *method)
{
    SSL_CTX *c = SSL_CTX_new(method);
    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(c, 0);
    if (SSL_CTX_use_certificate_chain_file(c, own) != 1 ||
        SSL_CTX_use_PrivateKey_file(c, own, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(c, trusted, NULL) != 1)
        die(own);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return c;
}

/* One handshake, one byte from the client, so that its certificate has been judged. */
static void serve(SSL_CTX *c, int listener)
{
    char byte;
    int fd = accept(listener, NULL, NULL);
    SSL *s = SSL_new(c);
    SSL_set_fd(s, fd);
    if (fd < 0 || SSL_accept(s) != 1 || SSL_read(s, &byte, 1) != 1)
        die("serve");
    SSL_free(s);
    close(fd);
}

static void dial(SSL_CTX *c, const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL *s = SSL_new(c);
    SSL_set_fd(s, fd);
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0 || SSL_connect(s) != 1 ||
        SSL_write(s, "x", 1) != 1)
        die("dial");
    char byte;
    (void)!read(fd, &byte, 1); /* until the server has closed */
    SSL_free(s);
    close(fd);
}

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    int n = (int)strtol(argv[1], NULL, 10), listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    if (bind(listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &size) != 0)
        die("listen");
    pid_t client = fork();
    if (client == 0) {
        SSL_CTX *c = context(argv[3], argv[2], TLS_client_method());
        for (int i = 0; i < n; i++)
            dial(c, &a);
        _exit(0);
    }
    SSL_CTX *c = context(argv[2], argv[3], TLS_server_method());
    serve(c, listener); /* what is made once */
    double before = cpu();
    for (int i = 1; i < n; i++)
        serve(c, listener);
    printf("%.9f\n", (cpu() - before) / (n - 1));
    int status = 0;
    waitpid(client, &status, 0);
    return status == 0 ? 0 : 1;
}
