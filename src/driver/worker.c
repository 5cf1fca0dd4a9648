/* worker: epoll, and an eventfd through which the loop's thread has its say. */
#include "driver/worker.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS       16
#define STACK        (1024 * 1024)
#define LAST_BATCHES 64 /* of a source that is to be forgotten: it may be asked for ever */

struct worker {
    _Alignas(64) pthread_t thread;
    struct workers *all;
    struct plan_reader *reader; /* or NULL */
    int epoll, bell;
    struct worker_source *leaving; /* under the lock */
    bool over;                     /* likewise */
    bool turning;                  /* likewise: it has not said that it goes by the newest plan */
};

/* That this thread goes by, since it looked last; on the loop's thread NULL. */
static _Thread_local const struct plan *present;

struct workers {
    uv_async_t back; /* sources that are gone */
    pthread_mutex_t lock;
    struct worker_source *gone; /* under the lock */
    const struct plan *_Atomic plan;
    unsigned turning;           /* under the lock: workers that may go by a former one */
    void (*turned)(void *context); /* when there are none, or NULL */
    void *turned_context;
    void (*stopped)(void *context);
    void *stopped_context;
    unsigned n;
    struct worker worker[];
};

/* --- a worker's thread */

/* What has come before it is forgotten is answered: it was sent to a door that was open. */
static bool answer_bell(struct worker *w)
{
    struct workers *all = w->all;
    uint64_t rings;
    (void)!read(w->bell, &rings, sizeof rings);
    pthread_mutex_lock(&all->lock);
    struct worker_source *s = w->leaving;
    bool over = w->over;
    w->leaving = NULL;
    pthread_mutex_unlock(&all->lock);
    for (struct worker_source *next; s != NULL; s = next) {
        next = s->next;
        for (int batch = 0; batch < LAST_BATCHES && s->ready(s); batch++)
            continue;
        epoll_ctl(w->epoll, EPOLL_CTL_DEL, s->fd, NULL);
        pthread_mutex_lock(&all->lock);
        s->next = all->gone;
        all->gone = s;
        pthread_mutex_unlock(&all->lock);
        uv_async_send(&all->back);
    }
    pthread_mutex_lock(&all->lock); /* nothing more is answered before it looks again */
    all->turning -= w->turning;
    w->turning = false;
    uv_async_send(&all->back);
    pthread_mutex_unlock(&all->lock);
    return over;
}

static void *work(void *context)
{
    struct worker *w = context;
    struct epoll_event event[EVENTS];
    for (bool over = false; !over;) {
        bool rung = false;
        if (w->reader != NULL)
            plan_leave(w->reader);
        int n = epoll_wait(w->epoll, event, EVENTS, -1);
        if (w->reader != NULL) {
            present = atomic_load(&w->all->plan);
            plan_pause(present, w->reader);
        }
        for (int i = 0; i < n; i++) {
            struct worker_source *s = event[i].data.ptr;
            rung = rung || s == NULL;
            if (s != NULL)
                s->ready(s);
        }
        if (rung) /* last: what it forgets may be among these events */
            over = answer_bell(w);
    }
    if (w->reader != NULL)
        plan_leave(w->reader);
    return NULL;
}

/* --- the loop's thread */

static void on_back(uv_async_t *handle)
{
    struct workers *w = handle->data;
    pthread_mutex_lock(&w->lock);
    struct worker_source *s = w->gone;
    w->gone = NULL;
    bool turned = w->turning == 0 && w->turned != NULL;
    pthread_mutex_unlock(&w->lock);
    if (turned) {
        void (*turned_call)(void *) = w->turned;
        w->turned = NULL;
        turned_call(w->turned_context);
    }
    for (struct worker_source *next; s != NULL; s = next) {
        next = s->next;
        s->gone(s);
    }
}

static unsigned cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static void ring(struct worker *w)
{
    uint64_t one = 1;
    (void)!write(w->bell, &one, sizeof one);
}

/* Signals are the loop's. */
static bool worker_start(struct worker *w)
{
    struct epoll_event event = {.events = EPOLLIN};
    pthread_attr_t attr;
    sigset_t all, before;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool good = w->epoll >= 0 && w->bell >= 0 &&
                epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->bell, &event) == 0;
    if (good) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK);
        good = pthread_create(&w->thread, &attr, work, w) == 0;
        pthread_attr_destroy(&attr);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (good)
        return true;
    if (w->epoll >= 0)
        close(w->epoll);
    if (w->bell >= 0)
        close(w->bell);
    return false;
}

static void yield(void)
{
    sched_yield();
}

struct workers *workers_start(uv_loop_t *loop, unsigned n, const struct plan *plan,
                              struct plan_readers *readers)
{
    struct workers *w;
    n = n == 0 ? cores() : n > WORKERS_MAX ? WORKERS_MAX : n;
    w = aligned_alloc(64, sizeof *w + n * sizeof w->worker[0]);
    if (w == NULL)
        return NULL;
    *w = (struct workers){.back.data = w};
    atomic_init(&w->plan, plan);
    pthread_mutex_init(&w->lock, NULL);
    if (readers != NULL)
        readers->yield = yield;
    for (; w->n < n; w->n++) {
        struct worker *one = &w->worker[w->n];
        *one = (struct worker){.all = w, .epoll = -1, .bell = -1,
                               .reader = plan != NULL ? &readers->reader[w->n] : NULL};
        if (!worker_start(one))
            break; /* fewer will do */
    }
    if (w->n > 0 && uv_async_init(loop, &w->back, on_back) == 0) {
        w->back.data = w;
        return w;
    }
    assert(w->n == 0);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}

unsigned workers_count(const struct workers *w)
{
    return w->n;
}

const struct plan *workers_plan(void)
{
    return present;
}

void workers_use(struct workers *w, const struct plan *plan, void (*done)(void *context),
                 void *context)
{
    assert(w->turned == NULL);
    atomic_store(&w->plan, plan);
    w->turned = done;
    w->turned_context = context;
    pthread_mutex_lock(&w->lock);
    for (unsigned i = 0; i < w->n; i++)
        w->worker[i].turning = true;
    w->turning = w->n;
#ifdef OPENILS_BUG_TURNED_EARLY /* a control: nobody is waited for */
    w->turning = 0;
    for (unsigned i = 0; i < w->n; i++)
        w->worker[i].turning = false;
    uv_async_send(&w->back);
#endif
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->n; i++)
        ring(&w->worker[i]);
}

bool workers_watch(struct workers *w, unsigned i, struct worker_source *s)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    assert(i < w->n);
    return epoll_ctl(w->worker[i].epoll, EPOLL_CTL_ADD, s->fd, &event) == 0;
}

void workers_unwatch(struct workers *w, unsigned i, struct worker_source *s)
{
    assert(i < w->n);
    pthread_mutex_lock(&w->lock);
    s->next = w->worker[i].leaving;
    w->worker[i].leaving = s;
    pthread_mutex_unlock(&w->lock);
    ring(&w->worker[i]);
}

static void ended(uv_handle_t *handle)
{
    struct workers *w = handle->data;
    void (*stopped)(void *) = w->stopped;
    void *context = w->stopped_context;
    pthread_mutex_destroy(&w->lock);
    free(w);
    stopped(context);
}

void workers_stop(struct workers *w, void (*stopped)(void *context), void *context)
{
    w->stopped = stopped;
    w->stopped_context = context;
    for (unsigned i = 0; i < w->n; i++) {
        struct worker *one = &w->worker[i];
        pthread_mutex_lock(&w->lock);
        one->over = true;
        pthread_mutex_unlock(&w->lock);
        ring(one);
        pthread_join(one->thread, NULL);
        close(one->epoll);
        close(one->bell);
    }
    uv_close((uv_handle_t *)&w->back, ended);
}
