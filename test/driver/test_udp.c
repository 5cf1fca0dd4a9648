/* The door of datagrams over real loopback sockets; a crowd of strangers in a network of its own,
 * where all of 11.0.0.0/8 is this host. */
#include "driver/address.h"
#include "driver/door.h"
#include "driver/udp.h"
#include "temp.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/ioctl.h>

#define REQUEST_MAX 100
#define WORKERS     3

struct door {
    uv_loop_t loop;
    struct workers *workers;
    struct udp *udp;
    _Atomic unsigned requests;
    _Atomic size_t largest;
    _Atomic unsigned by[WORKERS_MAX];
    _Atomic uint16_t reply_port; /* 0: to where it came from */
    bool closed, stopped;
};

/* Answers every request with itself, but not "silence". */
static void answer(void *context, struct udp_request *r, struct buf *out)
{
    struct door *d = context;
    d->requests++;
    d->by[r->worker]++;
    if (r->bytes.n > d->largest)
        d->largest = r->bytes.n;
    assert_true(slice_eq(r->ip, slice_of("127.0.0.1")));
    if (d->reply_port != 0)
        r->reply_port = d->reply_port;
    if (!slice_eq(r->bytes, slice_of("silence")))
        buf_put_slice(out, r->bytes);
}

static void closed(void *context)
{
    ((struct door *)context)->closed = true;
}

static void stopped(void *context)
{
    ((struct door *)context)->stopped = true;
}

static struct udp *open_at(struct door *d, const char *address, uint16_t port, char *error,
                           size_t size)
{
    struct udp_options o = {.address = address, .port = port, .request_max = REQUEST_MAX,
                            .reply_max = 1000, .answer = answer, .context = d};
    return udp_open(d->workers, &o, error, size);
}

static void door_open(struct door *d, const char *address)
{
    char error[256] = "";
    memset(d, 0, sizeof *d);
    assert_int_equal(uv_loop_init(&d->loop), 0);
    d->workers = workers_start(&d->loop, WORKERS, NULL, NULL);
    assert_non_null(d->workers);
    d->udp = open_at(d, address, 0, error, sizeof error);
    if (d->udp == NULL)
        print_error("%s\n", error);
    assert_non_null(d->udp);
}

static void door_close(struct door *d)
{
    udp_close(d->udp, closed, d);
    while (!d->closed)
        uv_run(&d->loop, UV_RUN_ONCE);
    workers_stop(d->workers, stopped, d);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    assert_true(d->stopped);
    assert_int_equal(uv_loop_close(&d->loop), 0);
}

static int asker(struct sockaddr_in *ret)
{
    socklen_t n = sizeof *ret;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)ret, sizeof *ret), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &n), 0);
    return fd;
}

static void ask(int fd, uint16_t port, const char *text, size_t n)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(sendto(fd, text, n, 0, (struct sockaddr *)&to, sizeof to), (ssize_t)n);
}

static void test_batches(void **state)
{
    static const char *const addresses[] = {"127.0.0.1", "::", "0.0.0.0"};
    for (size_t a = 0; a < 3; a++) {
        struct door d;
        struct sockaddr_in me, from;
        char text[32], got[64];
        bool seen[150] = {false};
        door_open(&d, addresses[a]);
        int fd = asker(&me);
        for (int i = 0; i < 150; i++)
            ask(fd, udp_port(d.udp), text, (size_t)snprintf(text, sizeof text, "%d", i));
        ask(fd, udp_port(d.udp), "silence", 7);
        for (int i = 0; i < 150; i++) {
            socklen_t size = sizeof from;
            ssize_t n = recvfrom(fd, got, sizeof got - 1, 0, (struct sockaddr *)&from, &size);
            assert_true(n > 0);
            got[n] = '\0';
            seen[strtol(got, NULL, 10)] = true;
            assert_int_equal(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
        }
        for (int i = 0; i < 150; i++)
            assert_true(seen[i]);
        door_close(&d); /* what has come is answered before */
        assert_int_equal(d.requests, 151);
        for (unsigned i = 0; i < WORKERS; i++)
            assert_true(d.by[i] > 0); /* although one asked it all */
        assert_true(recv(fd, got, sizeof got, MSG_DONTWAIT) < 0);
        close(fd);
    }
}

static void test_too_large_is_cut(void **state)
{
    struct door d;
    struct sockaddr_in me;
    char text[500];
    door_open(&d, "127.0.0.1");
    int fd = asker(&me);
    memset(text, 'x', sizeof text);
    ask(fd, udp_port(d.udp), text, sizeof text);
    door_close(&d);
    assert_int_equal(d.largest, REQUEST_MAX + 1);
    close(fd);
}

static void test_other_reply_port(void **state)
{
    struct door d;
    struct sockaddr_in me, other;
    char got[16];
    door_open(&d, "127.0.0.1");
    int fd = asker(&me), there = asker(&other);
    d.reply_port = ntohs(other.sin_port);
    ask(fd, udp_port(d.udp), "hello", 5);
    assert_int_equal(recv(there, got, sizeof got, 0), 5);
    close(fd);
    close(there);
    door_close(&d);
}

static void test_port_in_use(void **state)
{
    struct door d;
    char error[256] = "", pid[32];
    door_open(&d, "127.0.0.1");
    assert_null(open_at(&d, "127.0.0.1", udp_port(d.udp), error, sizeof error));
    snprintf(pid, sizeof pid, "(pid %ld)", (long)getpid());
    assert_non_null(strstr(error, pid));
    assert_null(open_at(&d, "nonsense", 1, error, sizeof error));
    door_close(&d);
}

/* --- a crowd */

#define BATCH 64
#define FULL  (8 * BATCH) /* so many in a row, and it is crowded from the last batch of them on */
#define QUEUE (5 * BATCH) /* that wait, less than any socket holds */

/* A single worker: what it answers is counted here, and each answer lets one more ask, so that the
 * queue stays as long as it is, until it is crowded. */
struct crowd {
    uint16_t port;
    int fd, here;
    uint32_t sent, more; /* strangers so far; who asks yet because one was answered */
    unsigned answered;
    _Atomic unsigned last; /* answers to "last" */
    sem_t begun, go;
};

/* From an address that has not asked before. */
static void stranger(struct crowd *c, const char *text)
{
    uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))] __attribute__((aligned(8))) = {0};
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(0x0b000001u + c->sent++)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(c->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1,
                       .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    *head = (struct cmsghdr){CMSG_LEN(sizeof info), IPPROTO_IP, IP_PKTINFO};
    memcpy(CMSG_DATA(head), &info, sizeof info);
    assert_int_equal(sendmsg(c->fd, &m, 0), (ssize_t)iov.iov_len);
}

static void answer_crowd(void *context, struct udp_request *r, struct buf *out)
{
    struct crowd *c = context;
    if (slice_eq(r->bytes, slice_of("begin"))) {
        sem_post(&c->begun);
        sem_wait(&c->go);
        return;
    }
    if (slice_eq(r->bytes, slice_of("last"))) {
        c->last++;
        return;
    }
    c->answered++;
    if (c->more > 1)
        stranger(c, "stranger");
    else if (c->more == 1)
        ask(c->here, c->port, "last", 4);
    c->more -= c->more > 0;
}

/* All of the network of an address of the loopback is this host's. */
static bool own_network(void)
{
    struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP}, ip = {.ifr_name = "lo:1"};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0b000001u)};
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(&ip.ifr_addr, &a, sizeof a);
    bool made = ioctl(fd, SIOCSIFFLAGS, &up) == 0 && ioctl(fd, SIOCSIFADDR, &ip) == 0;
    close(fd);
    return made;
}

static void wait_last(const struct crowd *c, unsigned n)
{
    while (c->last < n)
        poll(NULL, 0, 1);
}

/* Behind eight full batches strangers are passed over, but for one in DOOR_ONE_IN; whoever is of
 * this host is not; and when the queue has ended once the next stranger is let in. */
static void test_crowd(void **state)
{
    struct door d = {0};
    struct door_config config = {0};
    struct door_refused refused = {0};
    struct crowd c = {.more = FULL - BATCH};
    struct sockaddr_in me;
    char error[256] = "";
    if (!own_network())
        skip(); /* no right to make a network */
    struct door_gate *gate = door_gate_new(&config);
    assert_int_equal(uv_loop_init(&d.loop), 0);
    d.workers = workers_start(&d.loop, 1, NULL, NULL);
    struct udp_options o = {.address = "127.0.0.1", .request_max = REQUEST_MAX, .reply_max = 1000,
                            .gate = gate, .answer = answer_crowd, .context = &c};
    d.udp = udp_open(d.workers, &o, error, sizeof error);
    assert_non_null(d.udp);
    c.port = udp_port(d.udp);
    sem_init(&c.begun, 0, 0);
    sem_init(&c.go, 0, 0);
    c.here = asker(&me);
    c.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ask(c.here, c.port, "begin", 5);
    sem_wait(&c.begun);
    for (unsigned i = 0; i < QUEUE; i++)
        stranger(&c, "stranger");
    sem_post(&c.go);
    wait_last(&c, 1);
    stranger(&c, "last");
    wait_last(&c, 2);
    door_close(&d);
    door_gate_counts(gate, &refused);
    assert_int_equal(c.answered, FULL - BATCH + QUEUE / DOOR_ONE_IN);
    assert_int_equal(refused.passed_over, QUEUE - 1 - QUEUE / DOOR_ONE_IN);
    door_gate_free(gate);
    sem_destroy(&c.begun);
    sem_destroy(&c.go);
    close(c.here);
    close(c.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_too_large_is_cut),
        cmocka_unit_test(test_other_reply_port),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_crowd), /* the last: this thread is in another network then */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
