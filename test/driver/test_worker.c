/* Workers that go over to another plan while they answer: each answer is that of a whole plan, and
 * the former one is freed, and poisoned, as soon as it is said that nobody goes by it any more. The
 * control is a build in which nobody is waited for: ThreadSanitizer must see it. */
#include "driver/udp.h"
#include "temp.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../plan/world.h"
#include "base/arena.h"
#include "plan/lookup.h"
#include "plan/readers.h"

#define WORKERS 3
#define PLANS   100

struct place {
    uv_loop_t loop;
    struct workers *workers;
    struct udp *udp;
    struct plan_readers readers;
    struct mem mem;
    struct routes *routes;
    struct policy *policy;
    _Atomic bool over;
    _Atomic unsigned asked, wrong;
    bool turned, closed, stopped;
};

static void *poisoning(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    void *q = new_size > 0 ? malloc(new_size) : NULL;
    if (q != NULL && p != NULL)
        memcpy(q, p, old_size < new_size ? old_size : new_size);
    if (p != NULL)
        memset(p, 0xee, old_size);
    free(p);
    return q;
}

static struct plan *plan_of(struct place *d)
{
    static const struct world_row row[] = {{"URI", "", "u@x.example"}, {"URI", "", "v@x.example"}};
    static const uint8_t seed[16] = {3};
    struct plan *p = plan_new(&d->mem, seed, true);
    assert_non_null(p);
    assert_non_null(world_catalog(p, &d->mem, "a", "a.example", true, row, 2));
    plan_use_readers(p, &d->readers);
    assert_true(plan_use_rules(p, d->routes, d->policy));
    return p;
}

static void drop(struct plan *p)
{
    plan_use_readers(p, NULL);
    plan_free(p);
}

static void answer(void *context, struct udp_request *r, struct buf *out)
{
    static const struct mem none = {.resize = poisoning, .budget = SIZE_MAX};
    struct place *d = context;
    const struct plan *p = workers_plan();
    struct mem mem = none;
    struct arena a;
    struct lookup l;
    arena_init(&a, &mem);
    do
        plan_lookup(p, plan_routes(p), &a, slice_of("u@x.example"), &l);
    while (l.result == LOOKUP_BUSY);
    d->wrong += l.match_n != 1;
    arena_done(&a);
    buf_put_slice(out, r->bytes);
}

/* 20 at a time, as fast as they are answered. */
static void *asker(void *context)
{
    struct place *d = context;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(udp_port(d->udp)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 1};
    char got[8];
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (!d->over) {
        for (int i = 0; i < 20; i++)
            sendto(fd, "?", 1, 0, (struct sockaddr *)&to, sizeof to);
        for (int i = 0; i < 20; i++)
            d->asked += recv(fd, got, sizeof got, 0) == 1;
    }
    close(fd);
    return NULL;
}

static void turned(void *context)
{
    ((struct place *)context)->turned = true;
}

static void closed(void *context)
{
    ((struct place *)context)->closed = true;
}

static void stopped(void *context)
{
    ((struct place *)context)->stopped = true;
}

static void test_other_plans(void **state)
{
    static struct place d;
    char error[256] = "";
    pthread_t thread;
    d = (struct place){.mem = {.resize = poisoning, .budget = SIZE_MAX}};
    d.routes = routes_new(&d.mem);
    d.policy = policy_new(&d.mem);
    struct plan *p = plan_of(&d);
    assert_int_equal(uv_loop_init(&d.loop), 0);
    d.workers = workers_start(&d.loop, WORKERS, p, &d.readers);
    assert_non_null(d.workers);
    assert_null(workers_plan()); /* here nobody is a worker */
    struct udp_options o = {.address = "127.0.0.1", .request_max = 100, .reply_max = 100,
                            .answer = answer, .context = &d};
    d.udp = udp_open(d.workers, &o, error, sizeof error);
    assert_non_null(d.udp);
    assert_int_equal(pthread_create(&thread, NULL, asker, &d), 0);
    for (unsigned i = 0; i < PLANS; i++) {
        struct plan *next = plan_of(&d);
        unsigned before = d.asked;
        d.turned = false;
        workers_use(d.workers, next, turned, &d);
        while (!d.turned)
            uv_run(&d.loop, UV_RUN_ONCE);
        drop(p);
        p = next;
        while (d.asked < before + 20)
            uv_run(&d.loop, UV_RUN_NOWAIT);
    }
    d.over = true;
    pthread_join(thread, NULL);
    udp_close(d.udp, closed, &d);
    while (!d.closed)
        uv_run(&d.loop, UV_RUN_ONCE);
    workers_stop(d.workers, stopped, &d);
    uv_run(&d.loop, UV_RUN_DEFAULT);
    assert_true(d.stopped);
    assert_int_equal(uv_loop_close(&d.loop), 0);
    assert_int_equal(d.wrong, 0);
    drop(p);
    routes_free(d.routes);
    policy_free(d.policy);
    assert_int_equal(d.mem.used, 0);
}

#ifdef OPENILS_BUG_TURNED_EARLY
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "halt_on_error=1";
}

static void test_is_seen(void **state)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        alarm(20); /* what is poisoned may be gone round for ever */
        test_other_plans(state);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#endif

int main(void)
{
#ifdef OPENILS_BUG_TURNED_EARLY
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_is_seen)};
#else
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_other_plans)};
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
