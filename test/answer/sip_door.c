/* sip_door: the SIP door alone, over UDP, with a plan of its own in memory: for the tests beside
 * Kamailio and sipp that need no daemon, and for measuring.
 *   sip_door [--port N] [--fill N] [--string NAME] [--route PATTERN SIP-URI]... [NUMBER]...
 *     serves the numbers (and N more: 100000000 and up) under the route string; says "ready PORT"
 *   sip_door --measure N [...]
 *     answers N INVITEs in process, one core, and says how many a second */
#include "answer/sip.h"
#include "plan/origin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH    64
#define FILL_MIN 100000000ul

static struct mem memory;
static struct plan *plan;
static struct routes *routes;
static struct arena scratch;
static const struct sip_config config = {.key = "not for the net"};

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

static void die(const char *what)
{
    fprintf(stderr, "sip_door: %s\n", what);
    exit(1);
}

/* One catalog of another cluster, whose entries are these changes. */
static void serve(const struct change *change, size_t n, struct slice route_string)
{
    static const uint8_t seed[SEED_SIZE] = {7};
    uint8_t secret[SECRET_SIZE];
    struct head former = {.number = STREAM_PLAN, .epoch = 1}, next;
    struct commit commit;
    struct arena a;
    arena_init(&a, &memory);
    crypto_keypair(seed, former.key, secret);
    former.name = slice_of("cluster-b");
    former.route_string = route_string;
    next = former;
    struct catalog *c = catalog_new(plan, former.key, STREAM_PLAN, true);
    if (c == NULL || origin_commit(&a, c, &former, &next, change, n, secret, &commit) != 0 ||
        catalog_target(c, commit.lines, commit.head.live) != 0)
        die("no memory for the plan");
    for (size_t i = 0; i < commit.segment_n; i++) {
        if (catalog_add(c, commit.segment[i].bytes) != 0)
            die("a segment was not taken");
    }
    catalog_apply(c);
    catalog_describe(c, former.name, route_string, false);
    arena_done(&a);
}

static void make_plan(char **number, size_t numbers, size_t fill, struct slice route_string)
{
    struct change *change = calloc(numbers + fill + 1, sizeof *change);
    char(*text)[16] = calloc(fill + 1, sizeof *text);
    if (change == NULL || text == NULL)
        die("no memory");
    for (size_t i = 0; i < numbers + fill; i++) {
        if (i >= numbers)
            snprintf(text[i - numbers], sizeof text[0], "%lu", FILL_MIN + (i - numbers));
        change[i] = (struct change){
            .put = true,
            .kind = ENTRY_ENTERPRISE,
            .user = slice_of(i < numbers ? number[i] : text[i - numbers]),
        };
    }
    serve(change, numbers + fill, route_string);
    free(change);
    free(text);
}

static size_t answer(struct slice request, const struct sip_source *source, struct buf *out,
                     struct sip_outcome *outcome)
{
    arena_reset(&scratch);
    return sip_answer(plan, routes, &config, &scratch, request, source, out, outcome);
}

static void serve_udp(uint16_t port)
{
    static uint8_t in[BATCH][SIP_MESSAGE_MAX + 1];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)}, from[BATCH];
    struct iovec iov[BATCH], reply_iov[BATCH];
    struct mmsghdr got[BATCH], reply[BATCH];
    struct buf out[BATCH];
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &n) != 0)
        die("cannot listen");
    printf("ready %u\n", ntohs(at.sin_port));
    fflush(stdout);
    for (size_t i = 0; i < BATCH; i++)
        buf_init(&out[i], &memory, SIP_REPLY_MAX);
    for (;;) {
        for (size_t i = 0; i < BATCH; i++) {
            iov[i] = (struct iovec){in[i], sizeof in[i]};
            got[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                             .msg_namelen = sizeof from[i],
                                             .msg_iov = &iov[i],
                                             .msg_iovlen = 1};
        }
        int got_n = recvmmsg(fd, got, BATCH, MSG_WAITFORONE, NULL);
        unsigned reply_n = 0;
        for (int i = 0; i < got_n; i++) {
            char ip[INET_ADDRSTRLEN];
            struct sip_outcome outcome;
            inet_ntop(AF_INET, &from[i].sin_addr, ip, sizeof ip);
            struct sip_source source = {slice_of(ip), ntohs(from[i].sin_port)};
            buf_reset(&out[i]);
            if (answer(slice_make(in[i], got[i].msg_len), &source, &out[i], &outcome) == 0)
                continue;
            from[i].sin_port = htons(outcome.reply_port);
            reply_iov[reply_n] = (struct iovec){out[i].p, out[i].n};
            reply[reply_n].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                                     .msg_namelen = sizeof from[i],
                                                     .msg_iov = &reply_iov[reply_n],
                                                     .msg_iovlen = 1};
            reply_n++;
        }
        for (unsigned sent = 0; sent < reply_n;) {
            int k = sendmmsg(fd, reply + sent, reply_n - sent, 0);
            sent += k > 0 ? (unsigned)k : 1;
        }
    }
}

/* A request as sipp's and Kamailio's are: two Vias, an SDP body. */
static int request_text(char *dst, size_t size, unsigned long number)
{
    static const char sdp[] = "v=0\r\no=u 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                              "t=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
    return snprintf(dst, size,
                    "INVITE sip:%lu@127.0.0.1:5060 SIP/2.0\r\n"
                    "Record-Route: <sip:127.0.0.1;lr=on>\r\n"
                    "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1234.5678abcd.0\r\n"
                    "Via: SIP/2.0/UDP 127.0.0.1:5066;branch=z9hG4bK-4711-%lu-0\r\n"
                    "From: sipp <sip:1001@127.0.0.1:5066>;tag=4711SIPpTag00%lu\r\n"
                    "To: <sip:%lu@127.0.0.1:5060>\r\n"
                    "Call-ID: %lu-4711@127.0.0.1\r\n"
                    "CSeq: 1 INVITE\r\n"
                    "Contact: <sip:1001@127.0.0.1:5066>\r\n"
                    "Max-Forwards: 69\r\n"
                    "Content-Type: application/sdp\r\n"
                    "Content-Length: %zu\r\n\r\n%s",
                    number, number, number, number, number, sizeof sdp - 1, sdp);
}

static void measure(unsigned long runs, unsigned long fill)
{
    enum { KINDS = 4096 };
    static char text[KINDS][1024];
    static int size[KINDS];
    struct sip_source source = {slice_of("127.0.0.1"), 5066};
    struct sip_outcome outcome;
    struct sip_message m;
    struct buf out;
    struct timespec t0, t1, t2;
    size_t found = 0, bytes = 0, sound = 0;
    buf_init(&out, &memory, SIP_REPLY_MAX);
    for (size_t i = 0; i < KINDS; i++)
        size[i] = request_text(text[i], sizeof text[i], FILL_MIN + i * 7919 % (fill + 1));
    clock_gettime(CLOCK_MONOTONIC, &t0);
    for (unsigned long i = 0; i < runs; i++)
        sound += sip_read(slice_make(text[i % KINDS], (size_t)size[i % KINDS]), &m) == SIP_OK;
    clock_gettime(CLOCK_MONOTONIC, &t1);
    for (unsigned long i = 0; i < runs; i++) {
        buf_reset(&out);
        bytes += answer(slice_make(text[i % KINDS], (size_t)size[i % KINDS]), &source, &out,
                        &outcome);
        found += outcome.status == 302;
    }
    clock_gettime(CLOCK_MONOTONIC, &t2);
    double read = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
    double all = (double)(t2.tv_sec - t1.tv_sec) + (double)(t2.tv_nsec - t1.tv_nsec) / 1e9;
    printf("read %.0f /s (%zu sound), answered %.0f /s (%zu redirects), request %d bytes, "
           "reply %zu bytes\n",
           (double)runs / read, sound, (double)runs / all, found, size[0], bytes / runs);
    buf_done(&out);
}

int main(int argc, char **argv)
{
    unsigned long port = 0, fill = 0, runs = 0;
    struct slice route_string = slice_of("b.example");
    char **number = calloc((size_t)argc, sizeof *number);
    size_t numbers = 0;
    uint8_t seed[16] = {1};
    memory = (struct mem){.resize = resize, .budget = SIZE_MAX};
    arena_init(&scratch, &memory);
    routes = routes_new(&memory);
    plan = plan_new(&memory, seed, true);
    if (number == NULL || routes == NULL || plan == NULL)
        die("no memory");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
            port = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--fill") == 0 && i + 1 < argc)
            fill = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--measure") == 0 && i + 1 < argc)
            runs = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--string") == 0 && i + 1 < argc)
            route_string = slice_of(argv[++i]);
        else if (strcmp(argv[i], "--route") == 0 && i + 2 < argc) {
            if (routes_add(routes, slice_of(argv[i + 1]), slice_of(argv[i + 2])) != ENTRY_OK)
                die("a route is not sound");
            i += 2;
        } else {
            number[numbers++] = argv[i];
        }
    }
    make_plan(number, numbers, fill, route_string);
    if (runs > 0)
        measure(runs, fill > 0 ? fill - 1 : 0);
    else
        serve_udp((uint16_t)port);
    free(number);
    plan_free(plan);
    routes_free(routes);
    arena_done(&scratch);
    return 0;
}
