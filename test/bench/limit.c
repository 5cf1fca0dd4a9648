/* limit: what this machine allows for a full sync, as a yardstick: one process sends N records, key
 * and route, over mutual TLS 1.3; the other keeps them in a hash table and in a log that is synced
 * once. No versions, no signatures, no access control, one route for each record.
 *
 *   limit N OWN.pem LOG       certificate, then key, trusted by both
 *
 * The clock of the receiver begins before it connects, and ends when it finds the last key and the
 * log is on the disk. Prints lines `name: value`. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WRITE_AT_ONCE 16384
#define READ_AT_ONCE  (256 * 1024)

static SSL_CTX *context;
static uint64_t *slot, mask; /* tag in the upper half, place / 8 + 1 in the lower */
static uint8_t *arena;       /* records of two lengths, key and route, at places of 8 */
static size_t used;

static void die(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static uint64_t hash(const uint8_t *p, size_t n)
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ n, word;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, p, n);
    h = (h ^ word) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 29;
}

/* Where the key is, or where it would go. */
static uint64_t *find(const uint8_t *key, size_t n, uint64_t h)
{
    uint64_t i = h & mask;
    for (; slot[i] != 0; i = (i + 1) & mask) {
        const uint8_t *record = arena + ((slot[i] & UINT32_MAX) - 1) * 8;
        if (slot[i] >> 32 == h >> 32 && record[0] == n && memcmp(record + 2, key, n) == 0)
            break;
    }
    return &slot[i];
}

static void keep(const uint8_t *record)
{
    size_t n = 2u + record[0] + record[1];
    uint64_t h = hash(record + 2, record[0]), *at = find(record + 2, record[0], h);
    if (*at != 0)
        return;
    memcpy(arena + used, record, n);
    *at = h >> 32 << 32 | (used / 8 + 1);
    used += (n + 7) & ~(size_t)7;
}

static int key_of(char *ret, size_t size, size_t i)
{
    return snprintf(ret, size, "user%07zu@site%03zu.example.com", i, i % 1000);
}

static void prepare(const char *own)
{
    context = SSL_CTX_new(TLS_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    if (SSL_CTX_use_certificate_chain_file(context, own) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, own, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(context, own, NULL) != 1)
        die(own);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static SSL *session(int fd)
{
    SSL *s = SSL_new(context);
    if (s == NULL || SSL_set_fd(s, fd) != 1)
        die("session");
    return s;
}

/* All records, ready to be sent. */
static size_t make(size_t n, uint8_t **ret)
{
    uint8_t *out = malloc(n * 64);
    size_t at = 0;
    if (out == NULL)
        die("memory");
    for (size_t i = 0; i < n; i++) {
        char key[64], route[64];
        int k = key_of(key, sizeof key, i);
        int r = snprintf(route, sizeof route, "site%03zu.route.example", i % 1000);
        out[at++] = (uint8_t)k;
        out[at++] = (uint8_t)r;
        memcpy(out + at, key, (size_t)k);
        memcpy(out + at + k, route, (size_t)r);
        at += (size_t)(k + r);
    }
    *ret = out;
    return at;
}

/* Tells by `ready` that all is made, so that making is not in the time. */
static void send_all(int listener, size_t n, int ready)
{
    uint8_t *out;
    size_t size = make(n, &out);
    double before = cpu();
    (void)!write(ready, "", 1);
    SSL *s = session(accept(listener, NULL, NULL));
    if (SSL_accept(s) != 1)
        die("accept");
    for (size_t at = 0; at < size; at += WRITE_AT_ONCE)
        SSL_write(s, out + at, (int)(size - at < WRITE_AT_ONCE ? size - at : WRITE_AT_ONCE));
    SSL_shutdown(s);
    printf("cpu_a_s: %.3f\n", cpu() - before);
}

static size_t receive(SSL *s, int log)
{
    static uint8_t in[READ_AT_ONCE];
    size_t have = 0, count = 0;
    for (;;) {
        int got = SSL_read(s, in + have, (int)(sizeof in - have));
        if (got <= 0)
            return count;
        if (write(log, in + have, (size_t)got) != got)
            die("log");
        have += (size_t)got;
        size_t at = 0;
        while (have - at >= 2 && have - at >= 2u + in[at] + in[at + 1]) {
            keep(in + at);
            at += 2u + in[at] + in[at + 1];
            count++;
        }
        have -= at;
        memmove(in, in + at, have);
    }
}

static void learn(const struct sockaddr_in *from, size_t n, const char *path)
{
    char key[64];
    int log = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    double begun = now(), before = cpu();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    for (mask = 1; mask < n * 2; mask *= 2)
        ;
    slot = calloc(mask--, sizeof *slot);
    arena = malloc(n * 72);
    if (log < 0 || slot == NULL || arena == NULL ||
        connect(fd, (const void *)from, sizeof *from) != 0)
        die("connect");
    SSL *s = session(fd);
    if (SSL_connect(s) != 1)
        die("connect");
    size_t count = receive(s, log);
    if (fdatasync(log) != 0)
        die("log");
    size_t k = (size_t)key_of(key, sizeof key, n - 1);
    if (count != n || *find((uint8_t *)key, k, hash((uint8_t *)key, k)) == 0)
        die("not all came");
    struct rusage r;
    double took = now() - begun;
    getrusage(RUSAGE_SELF, &r);
    printf("sync_s: %.4f\ncpu_b_s: %.3f\nwire_mb: %.2f\npeak_b_mib: %.1f\nbytes_per_entry: %.1f\n",
           took, cpu() - before, (double)BIO_number_read(SSL_get_rbio(s)) / 1e6,
           (double)r.ru_maxrss / 1024, ((double)used + ((double)mask + 1) * 8) / (double)n);
}

int main(int n, char **v)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t size = sizeof a;
    int ready[2], status = 1;
    char byte;
    if (n != 4)
        return 2;
    size_t count = strtoul(v[1], NULL, 10);
    prepare(v[2]);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (void *)&a, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (void *)&a, &size) != 0 || pipe(ready) != 0)
        die("listen");
    pid_t child = fork();
    if (child == 0) {
        send_all(listener, count, ready[1]);
        return 0;
    }
    (void)!read(ready[0], &byte, 1);
    learn(&a, count, v[3]);
    fflush(stdout);
    waitpid(child, &status, 0);
    unlink(v[3]);
    return status != 0;
}
