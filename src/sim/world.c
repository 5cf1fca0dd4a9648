/* world: see world.h. */
#include "sim/world.h"

#include "core/view.h"
#include "sim/grow.h"
#include "sim/rare.h"
#include "sim/render.h"

#include <assert.h>
#include <stdarg.h>

/* What a supervisor waits before it starts a process again; longer, if that ended at once too: one
 * whose disk is full reads all of it again each time, and does nothing else. */
#define RESTART      TICK_S
#define RESTART_MOST (32 * TICK_S)

#define YEAR (365 * 24 * 3600 * TICK_S)

static void *world_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

/* A core's memory: refused at random while its machine is short of it. */
static void *node_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    struct node *n = context;
    if (new_size > old_size && n->deny_per_million != 0 &&
        rand_below(&n->world->rand, 1000000) < n->deny_per_million) {
        n->denied = true;
        return NULL;
    }
    return world_resize(context, p, old_size, new_size);
}

struct world *world_new(uint64_t seed, enum bug bug)
{
    struct world *w = grow_zero(sizeof *w);
    w->seed = seed;
    w->bug = bug;
    w->wall_start = INT64_C(1793620800) * TICK_S; /* 2026-11-02T12:00:00Z */
    w->mem = (struct mem){.resize = world_resize, .budget = SIZE_MAX};
    heap_init(&w->queue, &w->mem);
    rand_seed(&w->rand, mix64(seed + 1));
    net_init(&w->net, w, mix64(seed + 2), bug);
    log_init(&w->log);
    return w;
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < w->node_n; i++) {
        ils_free(w->node[i]->ils);
        assert(w->node[i]->mem.used == 0);
        disk_done(&w->node[i]->disk);
        for (size_t k = 0; k < w->node[i]->image_n; k++)
            image_done(&w->node[i]->image[k]);
        free(w->node[i]);
    }
    struct heap_item item;
    while (heap_take(&w->queue, &item))
        free(item.value);
    heap_done(&w->queue);
    while (w->unused != NULL) {
        struct job *job = w->unused;
        w->unused = job->next;
        free(job);
    }
    net_done(&w->net);
    log_done(&w->log);
    free(w);
}

struct node *world_add(struct world *w, const char *name, size_t budget)
{
    assert(w->node_n < NODES_MAX && strlen(name) < NODE_NAME);
    struct node *n = grow_zero(sizeof *n);
    n->world = w;
    n->index = (unsigned)w->node_n;
    memcpy(n->name, name, strlen(name) + 1);
    snprintf(n->host, sizeof n->host, "%s.example", name);
    snprintf(n->ip, sizeof n->ip, "10.0.0.%u", n->index + 1);
    n->advertise = n->host;
    n->budget = budget;
    n->wake = TICK_NEVER;
    disk_init(&n->disk, mix64(w->seed + 1000 + n->index), w->bug);
    w->node[w->node_n++] = n;
    return n;
}

struct node *world_find(const struct world *w, const char *name)
{
    for (size_t i = 0; i < w->node_n; i++)
        if (strcmp(w->node[i]->name, name) == 0)
            return w->node[i];
    return NULL;
}

struct node *world_resolve(const struct world *w, struct slice host)
{
    for (size_t i = 0; i < w->node_n; i++) {
        struct node *n = w->node[i];
        if (slice_eq(host, slice_of(n->ip)) || slice_eq(host, slice_of(n->host)) ||
            slice_eq(host, slice_of(n->name)))
            return n;
    }
    return NULL;
}

void world_note(struct world *w, const char *who, const char *format, ...)
{
    char text[LOG_LINE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    log_line(&w->log, w->now, who, text);
}

void world_break(struct world *w, const char *format, ...)
{
    if (w->broken[0] != 0)
        return;
    va_list list;
    va_start(list, format);
    vsnprintf(w->broken, sizeof w->broken, format, list);
    va_end(list);
    log_line(&w->log, w->now, "law", w->broken);
}

/* --- the queue */

void world_at(struct world *w, tick when, struct node *node, struct job job)
{
    struct job *kept = w->unused;
    if (kept == NULL)
        kept = grow(NULL, sizeof *kept);
    else
        w->unused = kept->next;
    *kept = job;
    kept->node = node;
    kept->incarnation = node == NULL ? 0 : node->incarnation;
    if (!heap_put(&w->queue, when < w->now ? w->now : when, w->order++, kept))
        abort();
}

bool world_next(struct world *w, tick until)
{
    const struct heap_item *first = heap_first(&w->queue);
    if (first == NULL || first->key > until)
        return false;
    struct heap_item item;
    heap_take(&w->queue, &item);
    struct job *job = item.value;
    w->now = item.key;
    struct node *n = job->node;
    if (job->fault && w->calm)
        ;
    else if (n != NULL && n->incarnation == job->incarnation && n->ils != NULL &&
             n->paused_until > w->now)
        world_at(w, node_goes_on(n), n, *job);
    else if (n == NULL || (n->incarnation == job->incarnation && n->ils != NULL))
        job->run(w, job);
    job->next = w->unused;
    w->unused = job;
    return true;
}

void world_run(struct world *w, tick until)
{
    while (w->broken[0] == 0 && world_next(w, until))
        ;
    if (w->broken[0] == 0 && w->now < until)
        w->now = until;
}

/* --- nodes */

static void stored_job(struct world *w, struct job *job)
{
    struct ils_event event = {.type = ILS_EV_STORED};
    if (disk_finish(&job->node->disk, w->now, &event.batch, &event.failed))
        node_step(job->node, &event);
}

static void perform(struct node *n, const struct ils_action *a)
{
    struct world *w = n->world;
    char line[LOG_LINE];
    switch (a->type) {
    case ILS_DO_LISTEN:
        n->listening = a->on;
        break;
    case ILS_DO_OPEN:
        net_open(&w->net, n, a);
        break;
    case ILS_DO_SEND:
        net_send(&w->net, n, a->link, a->data);
        break;
    case ILS_DO_CLOSE:
        net_close(&w->net, n, a->link);
        break;
    case ILS_DO_STORE:
        world_at(w, disk_store(&n->disk, w->now, a->batch, a->row, a->row_n), n,
                 (struct job){.run = stored_job});
        break;
    case ILS_DO_REPLY:
        n->replied[n->replied_n % NODE_REPLIES].command = a->command;
        n->replied[n->replied_n++ % NODE_REPLIES].reply = a->reply;
        break;
    case ILS_DO_TRUST:
        net_trust(&w->net, n);
        break;
    case ILS_DO_VERIFY:
        net_verify(&w->net, n, a->question, a->data);
        break;
    case ILS_DO_PUBLISH:
    case ILS_DO_TRACE:
    case ILS_DO_ALARM:
    case ILS_DO_VERDICT:
    case ILS_DO_READ:
    case ILS_DO_RELOAD:
        break;
    }
    if (render_action(w, a, line, sizeof line))
        log_line(&w->log, w->now, n->name, line);
    if (w->rare != NULL)
        rare_action(w->rare, a);
    if (w->observer.action != NULL)
        w->observer.action(w->observer.context, n, a);
}

static void wake_job(struct world *w, struct job *job);

/* Sees to it that the queue wakes the core when it wants to be woken. */
static void wake_later(struct node *n)
{
    struct world *w = n->world;
    tick wanted = ils_deadline(n->ils), late = w->late_max + n->late_max;
    if (wanted >= TICK_NEVER - n->behind || (wanted += n->behind) >= n->wake)
        return;
    if (wanted < w->now)
        wanted = w->now;
    if (late > 0)
        wanted += (tick)rand_below(&w->rand, (uint64_t)late);
    if (wanted >= n->wake)
        return;
    n->wake = wanted;
    world_at(w, wanted, n, (struct job){.run = wake_job, .number = (uint64_t)wanted});
}

static void wake_job(struct world *w, struct job *job)
{
    struct node *n = job->node;
    if (n->wake != (tick)job->number)
        return; /* another one was put in its place */
    n->wake = TICK_NEVER;
    if (ils_deadline(n->ils) > w->now - n->behind) {
        wake_later(n);
        return;
    }
    struct ils_event event = {.type = ILS_EV_DEADLINE};
    node_step(n, &event);
}

static void learn_key(struct node *n)
{
    struct view_self self;
    view_self(n->ils, &self);
    memcpy(n->key, self.key, KEY_SIZE);
    memcpy(n->peer_id, self.peer_id, PEER_ID_SIZE);
    n->has_key = true;
}

static void restart_job(struct world *w, struct job *job)
{
    struct node *n = job->object;
    if (n->ils == NULL && w->now >= n->gave_up + n->patience)
        node_start(n);
}

/* The core cannot go on: its process ends and comes back, as a supervisor would see to it. It may
 * say so when its store fails at the start, and when memory runs out. */
static void give_up(struct node *n, const struct ils_event *event)
{
    world_note(n->world, n->name, "gives up");
    if (!(event->type == ILS_EV_STORED && event->failed) && !n->denied &&
        n->mem.peak < n->mem.budget / 2)
        world_break(n->world, "%s: the core gave up with %zu of %zu bytes used", n->name,
                    n->mem.peak, n->mem.budget);
    node_crash(n, false);
    bool again = n->world->now < n->gave_up + n->patience + RESTART;
    n->patience = !again ? RESTART : n->patience < RESTART_MOST ? 2 * n->patience : RESTART_MOST;
    n->gave_up = n->world->now;
    world_at(n->world, n->gave_up + n->patience, NULL,
             (struct job){.run = restart_job, .object = n});
}

static void watch_spin(struct node *n)
{
    if (n->spin_at != n->world->now)
        n->spin = 0;
    n->spin_at = n->world->now;
    if (++n->spin > SPIN_MAX)
        world_break(n->world, "%s: %u steps at one moment: the core spins", n->name, n->spin);
}

void node_step(struct node *n, struct ils_event *event)
{
    struct world *w = n->world;
    struct ils_actions todo = {0};
    assert(n->ils != NULL);
    if (n->suspended != 0)
        n->behind += w->now - n->suspended;
    n->suspended = 0;
    event->now = w->now - n->behind;
    event->wall = w->wall_start + w->now + n->wall_offset;
    if (event->type == ILS_EV_START || event->type == ILS_EV_ACCEPTED ||
        event->type == ILS_EV_CONNECTED)
        for (size_t i = 0; i < sizeof event->entropy; i++)
            event->entropy[i] = (uint8_t)rand_u64(&w->rand);
    w->events++;
    if (event->type == ILS_EV_DEADLINE)
        watch_spin(n);
    if (ils_step(n->ils, event, &todo) != 0) {
        give_up(n, event);
        return;
    }
    if (event->type == ILS_EV_START)
        learn_key(n);
    for (size_t i = 0; i < todo.n; i++)
        perform(n, &todo.action[i]);
    if (event->type != ILS_EV_ROW)
        wake_later(n);
    if (n->mem.used > n->mem.budget)
        world_break(w, "%s: %zu bytes in use, the budget is %zu", n->name, n->mem.used,
                    n->mem.budget);
    if (w->observer.stepped != NULL)
        w->observer.stepped(w->observer.context, n, event);
}

bool node_clock_lost(const struct node *n)
{
    return n->wall_offset < -YEAR || n->wall_offset > 19 * YEAR;
}

void node_start(struct node *n)
{
    assert(n->ils == NULL);
    n->incarnation++;
    n->wake = TICK_NEVER;
    n->listening = false;
    n->accepted = 0;
    n->behind = n->suspended = 0;
    n->denied = n->short_of != 0;
    n->mem = (struct mem){.resize = node_resize, .context = n,
                          .budget = n->budget - n->short_of};
    n->ils = ils_new(&n->mem);
    if (n->ils == NULL && !n->denied)
        world_break(n->world, "%s: no core within %zu bytes", n->name, n->budget);
    if (n->ils == NULL) {
        world_at(n->world, n->world->now + TICK_S, NULL,
                 (struct job){.run = restart_job, .object = n});
        return;
    }
    net_back(&n->world->net, n);
    for (size_t i = 0; i < n->disk.n && n->ils != NULL; i++) {
        struct ils_event event = {.type = ILS_EV_ROW, .row = *disk_row(&n->disk, i)};
        node_step(n, &event);
    }
    if (n->ils == NULL)
        return;
    struct ils_event event = {.type = ILS_EV_START};
    event.start.tls_port = PORT_TLS_DEFAULT;
    event.start.password_port = PORT_PASSWORD_DEFAULT;
    event.start.advertise = slice_of(n->advertise);
    event.start.version = slice_of("0.1.0");
    event.start.built = n->world->wall_start - YEAR;
    node_step(n, &event);
}

void node_crash(struct node *n, bool power)
{
    struct world *w = n->world;
    if (n->ils == NULL)
        return;
    ils_free(n->ils);
    n->ils = NULL;
    if (n->mem.used != 0)
        world_break(w, "%s: the freed core leaves %zu bytes", n->name, n->mem.used);
    n->listening = false;
    n->paused_until = 0;
    disk_crash(&n->disk, w->now);
    net_gone(&w->net, n, power);
    if (w->observer.crashed != NULL)
        w->observer.crashed(w->observer.context, n);
}

void node_image(struct node *n)
{
    if (n->image_n == NODE_IMAGES) {
        image_done(&n->image[0]);
        memmove(n->image, n->image + 1, --n->image_n * sizeof *n->image);
    }
    n->image[n->image_n++] = disk_image(&n->disk);
}

void node_move(struct node *n)
{
    net_lost(&n->world->net, n);
    snprintf(n->ip, sizeof n->ip, "10.0.%u.%u", ++n->moved % 256, n->index + 1);
}

uint64_t node_command(struct node *n, struct command *command)
{
    command->id = ++n->command;
    struct ils_event event = {.type = ILS_EV_COMMAND, .command = command};
    uint64_t id = command->id;
    node_step(n, &event);
    return id;
}
