/* ask: who asks in a benchmark, the same program at all sides, so that what asking costs is the
 * same for everybody. A door is a port of this host that answers for a key:
 *
 *   sip      INVITE over UDP: 302, or "served here"          redis    GET
 *   dns      TXT over UDP                                    floor    a datagram (floor.c)
 *
 *   ask wait DOOR PORT SINCE KEY...         seconds since SINCE (CLOCK_MONOTONIC; 0: now) until the
 *                                           door has answered every KEY
 *   ask join DOOR PORT KEY... -- HOW        the same from the word that makes it begin to learn:
 *                                           HOW is CONTROL-SOCKET REQUEST, or the port of a master;
 *                                           of ils also until its disk has all
 *   ask change DOOR PORT COUNT WHERE        COUNT changes one by one, made at WHERE (a control
 *                                           socket, a port, floor's socket), until DOOR knows it
 *   ask load PORT SECONDS RATE ROWS WHERE   changes as above while RATE imports a second change
 *                                           ROWS entries each; of the first and last 10 seconds
 *   ask changes SECONDS RATE ROWS WHERE     only those imports
 *
 * Prints lines `name: value`. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 120.0 /* s */
#define TEXT     4096
#define PAUSE    1000000 /* ns between two questions of one who waits */

enum kind { SIP, REDIS, DNS, FLOOR };

struct door {
    enum kind kind;
    uint16_t port;
    int fd;
    unsigned asked;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "ask: %s (%s)\n", what, strerror(errno));
    exit(1);
}

static void rest(long ns)
{
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&t, NULL);
}

static int to_port(int type, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (type == SOCK_STREAM)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fd >= 0 && connect(fd, (void *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

static int to_socket(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (void *)&a, sizeof a) != 0)
        die(path);
    return fd;
}

static void put(int fd, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t done = send(fd, at, n, MSG_NOSIGNAL);
        if (done <= 0)
            die("a peer went away");
        at += done;
        n -= (size_t)done;
    }
}

/* Lines until one holds `word`; that line, without its end. */
static void get_line(int fd, const char *word, char *line)
{
    size_t n = 0;
    for (;;) {
        ssize_t got = recv(fd, line + n, TEXT - 1 - n, 0);
        if (got <= 0)
            die("no answer");
        n += (size_t)got;
        line[n] = '\0';
        for (char *end; (end = strchr(line, '\n')) != NULL;) {
            *end = '\0';
            if (strstr(line, word) != NULL)
                return;
            n -= (size_t)(end + 1 - line);
            memmove(line, end + 1, n + 1);
        }
        n = n < TEXT - 1 ? n : 0; /* a part that is longer is not what is waited for */
    }
}

/* --- one question. ret: what is said of the key; "" where it is not there, or nobody answers */

static size_t dns_question(uint8_t *p, unsigned id, const char *name)
{
    static const uint8_t rest_of_header[10] = {0, 0, 0, 1};
    size_t n = 12;
    p[0] = (uint8_t)(id >> 8);
    p[1] = (uint8_t)id;
    memcpy(p + 2, rest_of_header, sizeof rest_of_header);
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        p[n++] = (uint8_t)label;
        memcpy(p + n, name, label);
        n += label;
        name += label + (name[label] == '.');
    }
    memcpy(p + n, "\0\0\x10\0\1", 5);
    return n + 5;
}

static size_t sip_question(char *p, const struct door *d, const char *key)
{
    char uri[512];
    if (strchr(key, '@') != NULL)
        snprintf(uri, sizeof uri, "%s", key);
    else
        snprintf(uri, sizeof uri, "%s@127.0.0.1:%u", key, d->port);
    return (size_t)snprintf(p, TEXT,
                            "INVITE sip:%s SIP/2.0\r\n"
                            "Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK%08x\r\n"
                            "Max-Forwards: 70\r\nFrom: <sip:caller@a.example.com>;tag=%x\r\n"
                            "To: <sip:%s>\r\nCall-ID: %x-%x\r\nCSeq: 1 INVITE\r\n"
                            "Contact: <sip:caller@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n",
                            uri, d->asked, d->asked, uri, d->asked, (unsigned)getpid());
}

static bool by_datagram(struct door *d, const char *key, char *ret)
{
    char text[TEXT], mark[32];
    struct pollfd wait = {.fd = d->fd, .events = POLLIN};
    size_t n = d->kind == SIP   ? sip_question(text, d, key)
               : d->kind == DNS ? dns_question((uint8_t *)text, d->asked & 0xffff, key)
                                : (size_t)snprintf(text, sizeof text, "%s", key);
    if (send(d->fd, text, n, 0) < 0 || poll(&wait, 1, 500) != 1)
        return false;
    ssize_t got = recv(d->fd, text, sizeof text - 1, 0);
    if (got < (d->kind == DNS ? 12 : 1))
        return false;
    text[got] = '\0';
    snprintf(mark, sizeof mark, "branch=z9hG4bK%08x", d->asked);
    if (d->kind == SIP && strstr(text, mark) == NULL)
        return false; /* late: of a question before this one */
    if (d->kind == SIP && strstr(text, "served here") != NULL)
        snprintf(ret, 64, "302"); /* at its origin, which is asked after a restart only */
    else if (d->kind == SIP)
        snprintf(ret, 64, "%.3s", text + strlen("SIP/2.0 "));
    else if (d->kind == DNS)
        snprintf(ret, 64, "%s", text[7] != 0 ? "302" : "404");
    else
        snprintf(ret, 64, "%.63s", text);
    return true;
}

static bool by_redis(struct door *d, const char *key, char *ret)
{
    char text[TEXT];
    int n = snprintf(text, sizeof text, "*2\r\n$3\r\nGET\r\n$%zu\r\n%s\r\n", strlen(key), key);
    if (send(d->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        return false;
    ssize_t got = 0;
    do {
        ssize_t more = recv(d->fd, text + got, sizeof text - 1 - (size_t)got, 0);
        if (more <= 0)
            return false;
        got += more;
        text[got] = '\0';
    } while (text[got - 1] != '\n' || (text[0] == '$' && text[1] != '-' &&
                                       strchr(text, '\n') == text + got - 1));
    char *value = strchr(text, '\n') + 1;
    if (text[0] == '$' && text[1] != '-')
        snprintf(ret, 64, "%.*s", (int)strcspn(value, "\r"), value);
    return true;
}

static bool answers(struct door *d, const char *key, const char *wanted)
{
    char said[64] = "";
    if (d->fd < 0)
        d->fd = to_port(d->kind == REDIS ? SOCK_STREAM : SOCK_DGRAM, d->port);
    d->asked++;
    bool good = d->fd >= 0 &&
                (d->kind == REDIS ? by_redis(d, key, said) : by_datagram(d, key, said));
    if (!good && d->fd >= 0) {
        close(d->fd);
        d->fd = -1;
    }
    return good && (wanted != NULL ? strcmp(said, wanted) == 0 : said[0] != '\0');
}

static double until_answered(struct door *d, const char *key, const char *wanted, long pause)
{
    double end = now() + PATIENCE;
    while (!answers(d, key, wanted)) {
        if (now() > end)
            die("the answer does not come");
        if (pause > 0)
            rest(pause);
    }
    return now();
}

static struct door door(const char *kind, const char *port)
{
    static const char *const names[] = {"sip", "redis", "dns", "floor"};
    struct door d = {.port = (uint16_t)strtoul(port, NULL, 10), .fd = -1};
    while (d.kind < 4 && strcmp(names[d.kind], kind) != 0)
        d.kind++;
    if (d.kind == 4)
        die("there is no such door");
    return d;
}

/* --- until it has learned */

static double wait_all(struct door *d, char *const *key)
{
    double at = now();
    for (; *key != NULL && strcmp(*key, "--") != 0; key++)
        at = until_answered(d, *key, d->kind == REDIS ? NULL : "302", PAUSE);
    return at;
}

static void wait_durable(const char *socket)
{
    char line[TEXT];
    int fd = to_socket(socket);
    do {
        put(fd, "{\"command\":\"stats\",\"args\":{}}\n", 30);
        get_line(fd, "\"ok\"", line);
    } while (strstr(line, "\"store_pending\":0,") == NULL &&
             strstr(line, "\"store_pending\": 0,") == NULL && (rest(PAUSE), true));
    close(fd);
}

static void run_join(struct door *d, char *const *key)
{
    char *const *how = key;
    char line[TEXT];
    while (strcmp(*how++, "--") != 0)
        ;
    int fd = d->kind == REDIS ? to_port(SOCK_STREAM, d->port) : to_socket(how[0]);
    double begun = now();
    if (d->kind == REDIS)
        snprintf(line, sizeof line, "REPLICAOF 127.0.0.1 %s\r\n", how[0]);
    else
        snprintf(line, sizeof line, "%s\n", how[1]);
    put(fd, line, strlen(line));
    double answered = wait_all(d, key);
    printf("answered_s: %.4f\n", answered - begun);
    if (d->kind == REDIS)
        return;
    wait_durable(how[0]);
    printf("durable_s: %.4f\n", now() - begun);
    get_line(fd, "\"ok\"", line);
    if (strstr(line, "ILS-100") == NULL)
        die(line);
}

/* --- changes */

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void percentiles(const char *prefix, double *lag, size_t n)
{
    if (n == 0)
        return;
    qsort(lag, n, sizeof *lag, order);
    printf("%sp50_ms: %.4f\n%sp99_ms: %.4f\n%smax_ms: %.4f\n%scount: %zu\n", prefix,
           lag[n / 2] * 1e3, prefix, lag[n * 99 / 100] * 1e3, prefix, lag[n - 1] * 1e3, prefix, n);
}

/* One change, from the word that makes it until the door knows it. */
static double change(struct door *d, int where, unsigned i)
{
    char key[64], wanted[64], line[TEXT];
    snprintf(key, sizeof key, "7%04u", i / 2 % 50);
    snprintf(wanted, sizeof wanted, d->kind == SIP ? (i % 2 == 0 ? "302" : "404") : "value%u", i);
    if (d->kind == SIP && i % 2 == 0)
        snprintf(line, sizeof line,
                 "{\"command\":\"plan add\",\"args\":{\"kind\":\"ENTERPRISE\",\"key\":\"%s\","
                 "\"failover\":\"-\"}}\n",
                 key);
    else if (d->kind == SIP)
        snprintf(line, sizeof line,
                 "{\"command\":\"plan remove\",\"args\":{\"kind\":\"ENTERPRISE\","
                 "\"key\":\"%s\"}}\n",
                 key);
    else if (d->kind == REDIS)
        snprintf(line, sizeof line, "SET %s %s\r\n", key, wanted);
    else
        snprintf(line, sizeof line, "%s\n", wanted);
    double begun = now();
    put(where, line, strlen(line));
    get_line(where, d->kind == SIP ? "\"ok\"" : d->kind == REDIS ? "+OK" : "ok", line);
    if (d->kind == SIP && strstr(line, "\"ok\":true") == NULL &&
        strstr(line, "\"ok\": true") == NULL)
        die(line);
    return until_answered(d, key, wanted, 0) - begun;
}

static int place(const struct door *d, const char *where)
{
    int fd = d->kind == REDIS ? to_port(SOCK_STREAM, (uint16_t)strtoul(where, NULL, 10))
                              : to_socket(where);
    if (fd < 0)
        die(where);
    return fd;
}

static void run_change(struct door *d, size_t count, const char *where)
{
    double *lag = calloc(count, sizeof *lag);
    int fd = place(d, where);
    if (lag == NULL)
        die("memory");
    for (unsigned i = 0; i < 20; i++)
        change(d, fd, i);
    for (unsigned i = 0; i < count; i++)
        lag[i] = change(d, fd, 20 + i);
    percentiles("", lag, count);
    free(lag);
}

/* Every row gets another failover number in each import; one that is refused ends it. */
static void loader(int fd, double seconds, double rate, unsigned rows)
{
    size_t size = 64 + 40 * (size_t)rows;
    char *text = malloc(size), line[TEXT];
    double begun = now();
    unsigned turn = 0;
    if (text == NULL)
        die("memory");
    for (; turn < seconds * rate; turn++) {
        size_t n = (size_t)snprintf(text, size, "type,key,failover\n");
        for (unsigned i = 0; i < rows; i++)
            n += (size_t)snprintf(text + n, size - n, "ENTERPRISE,8%05u,%u\n", i,
                                  turn % 900 + 100);
        int head = snprintf(line, sizeof line,
                            "{\"command\":\"plan import\",\"args\":{\"source\":\"load\"},"
                            "\"bytes\":%zu}\n",
                            n);
        put(fd, line, (size_t)head);
        put(fd, text, n);
        get_line(fd, "\"ok\"", line);
        if (strstr(line, "\"ok\":true") == NULL && strstr(line, "\"ok\": true") == NULL)
            die(line);
        double left = begun + (turn + 1) / rate - now();
        if (left > 0)
            rest((long)(left * 1e9));
    }
    printf("changes_per_s: %.0f\n", turn * (double)rows / (now() - begun));
    free(text);
}

static void run_load(struct door *d, double seconds, double rate, unsigned rows, const char *where)
{
    size_t room = (size_t)seconds * 200 + 16, early_n = 0, late_n = 0;
    double *early = calloc(room, sizeof *early), *late = calloc(room, sizeof *late);
    int fd = place(d, where), load = place(d, where);
    if (early == NULL || late == NULL)
        die("memory");
    double begun = now();
    pid_t child = fork();
    if (child == 0) {
        loader(load, seconds, rate, rows);
        fflush(stdout);
        _exit(0);
    }
    double part = seconds / 2 < 10 ? seconds / 2 : 10;
    for (unsigned i = 0; now() - begun < seconds; i++) {
        double at = now() - begun, lag = change(d, fd, i);
        if (at < part && early_n < room)
            early[early_n++] = lag;
        else if (at >= seconds - part && late_n < room)
            late[late_n++] = lag;
        rest(10000000);
    }
    int status = 1;
    waitpid(child, &status, 0);
    if (status != 0)
        die("the load ended early");
    percentiles("first.", early, early_n);
    percentiles("last.", late, late_n);
    free(early);
    free(late);
}

int main(int n, char **v)
{
    const char *verb = n > 1 ? v[1] : "";
    struct door d = {.fd = -1};
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(verb, "wait") == 0 && n > 5) {
        d = door(v[2], v[3]);
        double since = strtod(v[4], NULL);
        since = since > 0 ? since : now();
        printf("answered_s: %.4f\n", wait_all(&d, v + 5) - since);
    } else if (strcmp(verb, "join") == 0 && n > 5) {
        d = door(v[2], v[3]);
        run_join(&d, v + 4);
    } else if (strcmp(verb, "change") == 0 && n == 6) {
        d = door(v[2], v[3]);
        run_change(&d, strtoul(v[4], NULL, 10), v[5]);
    } else if (strcmp(verb, "load") == 0 && n == 7) {
        d = door("sip", v[2]);
        run_load(&d, strtod(v[3], NULL), strtod(v[4], NULL), (unsigned)strtoul(v[5], NULL, 10),
                 v[6]);
    } else if (strcmp(verb, "changes") == 0 && n == 6) {
        loader(to_socket(v[5]), strtod(v[2], NULL), strtod(v[3], NULL),
               (unsigned)strtoul(v[4], NULL, 10));
    } else {
        fprintf(stderr, "usage: see the first lines of ask.c\n");
        return 2;
    }
    return 0;
}
