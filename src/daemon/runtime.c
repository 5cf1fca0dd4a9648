/* runtime: how ilsd begins and ends. It begins with the lock of its directory and the rows of its
 * store, and is ready when the core's first batches are durable. It ends in the opposite order: no
 * new links, goodbye on the old ones, the storer drained, the store closed, the lock given back. */
#include "daemon/runtime_inside.h"
#include "daemon/node.h"
#include "daemon/page.h"
#include "daemon/tokens.h"
#include "daemon/version.h"
#include "driver/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECLAIM_MS 5
#define STORE_ERROR_US (10 * TICK_S) /* that a failure is shown after another batch was taken */

/* --- the beginning */

static bool load_row(void *context, const struct store_row *row)
{
    struct ils_event e = runtime_event(ILS_EV_ROW);
    e.row = (struct row){.space = row->space, .key = row->key, .value = row->value};
    runtime_step(context, &e);
    return true;
}

static bool load_source(void *context, const struct store_row *row)
{
    struct runtime *rt = context;
    sources_row(rt->sources, row->key, row->value);
    return true;
}

/* Who follows has no page. */
void runtime_door_row(struct runtime *rt, const struct store_row *row)
{
    struct view_follow v;
    if (row->remove)
        tokens_gone(rt->tokens, row->key);
    else if (!tokens_row(rt->tokens, row->key, row->value) &&
             (view_follow(rt->core, &v) || !page_row(rt->page, row->key, row->value)))
        doors_row(rt->doors, row->key, row->value);
}

static bool load_door(void *context, const struct store_row *row)
{
    runtime_door_row(context, row);
    return true;
}

/* In the order of enum row_space, as the core wants them. Audit and plan log stay on disk. */
static bool load(struct runtime *rt)
{
    static const uint8_t order[] = {ROW_SETTING, ROW_PASSWORD, ROW_PEER,  ROW_ROUTE,   ROW_STREAM,
                                    ROW_SEGMENT, ROW_ALARM,    ROW_TRUST, ROW_REFUSED, ROW_INVITE,
                                    ROW_POLICY};
    if (rt->node != NULL)
        return node_load(rt->node);
    for (size_t i = 0; i < sizeof order; i++) {
        if (store_load(rt->store, order[i], load_row, rt) < 0) {
            fprintf(stderr, "ilsd: %s\n", store_error(rt->store));
            return false;
        }
    }
    if (store_load(rt->store, ROW_SOURCE, load_source, rt) < 0 ||
        store_load(rt->store, ROW_DOOR, load_door, rt) < 0) {
        fprintf(stderr, "ilsd: %s\n", store_error(rt->store));
        return false;
    }
    return true;
}

/* Where others reach this cluster. Who listens at one address only is reached at no other, from
 * whichever he dials; NULL: at the one that the first link shows. */
static const char *reached_at(const struct runtime_options *o)
{
    if (o->advertise != NULL)
        return o->advertise;
    bool every = strcmp(o->address, "::") == 0 || strcmp(o->address, "0.0.0.0") == 0;
    return every ? NULL : o->address;
}

struct ils_event runtime_start_event(const struct runtime *rt)
{
    struct ils_event e = runtime_event(ILS_EV_START);
    const char *reached = reached_at(&rt->options);
    clock_entropy(e.entropy, sizeof e.entropy);
    e.start.tls_port = rt->options.tls_port;
    e.start.password_port = rt->options.password_port;
    if (reached != NULL)
        e.start.advertise = slice_of(reached);
    e.start.version = slice_of("openils " OPENILS_VERSION);
    e.start.built = OPENILS_BUILT;
    e.start.half_open = (uint32_t)(tcp_most(rt->tcp) / 2); /* the rest is for links */
    return e;
}

void runtime_start_core(struct runtime *rt)
{
    struct ils_event e = runtime_start_event(rt);
    rt->trust_changed = true;
    runtime_step(rt, &e);
    runtime_tls_own(rt);
}

static void on_reclaim(uv_timer_t *timer)
{
    runtime_reclaim(timer->data);
}

void runtime_reclaim(struct runtime *rt)
{
    if (rt->workers != NULL && ils_reclaim(rt->core) && !rt->stopping)
        uv_timer_start(&rt->reclaim, on_reclaim, RECLAIM_MS, 0);
}

/* From here on lookups are made beside this thread. */
static void start_workers(struct runtime *rt)
{
    rt->plan = view_plan(rt->core);
    ils_use_readers(rt->core, &rt->readers);
    rt->workers = workers_start(rt->loop, rt->options.workers, rt->plan, &rt->readers);
    assert(rt->workers != NULL && runtime_desks(rt));
    runtime_reclaim(rt);
}

static char *copy_text(const char *text)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    assert(copy != NULL || text == NULL);
    return copy;
}

static void copy_options(struct runtime *rt, const struct runtime_options *options)
{
    rt->options = *options;
    rt->options.data = copy_text(options->data);
    rt->options.store = copy_text(options->store);
    rt->options.store_key = copy_text(options->store_key);
    rt->options.node = copy_text(options->node);
    rt->options.address = copy_text(options->address != NULL ? options->address : "::");
    rt->options.advertise = copy_text(options->advertise);
    rt->options.sip_address =
        copy_text(options->sip_address != NULL ? options->sip_address : "127.0.0.1");
    rt->options.sips_address =
        copy_text(options->sips_address != NULL ? options->sips_address : "127.0.0.1");
    rt->options.sips_certificate = copy_text(options->sips_certificate);
    rt->options.sips_key = copy_text(options->sips_key);
    rt->options.sips_clients = copy_text(options->sips_clients);
    rt->options.page_passwords = copy_text(options->page_passwords);
    rt->options.dns_address =
        copy_text(options->dns_address != NULL ? options->dns_address : "127.0.0.1");
    rt->options.http_address =
        copy_text(options->http_address != NULL ? options->http_address : "127.0.0.1");
}

static void free_all(struct runtime *rt)
{
    if (rt->sources != NULL)
        sources_free(rt->sources);
    if (rt->doors != NULL)
        doors_free(rt->doors);
    node_free(rt->node);
    ils_free(rt->core);
    store_close(rt->store);
    log_close(rt->log);
    datadir_close(&rt->datadir);
    runtime_desks_free(rt);
    buf_done(&rt->trace_json);
    memory_done(&rt->memory);
    free((void *)(uintptr_t)rt->options.data);
    free((void *)(uintptr_t)rt->options.store);
    free((void *)(uintptr_t)rt->options.store_key);
    free((void *)(uintptr_t)rt->options.node);
    free((void *)(uintptr_t)rt->options.address);
    free((void *)(uintptr_t)rt->options.advertise);
    free((void *)(uintptr_t)rt->options.sip_address);
    free((void *)(uintptr_t)rt->options.sips_address);
    free((void *)(uintptr_t)rt->options.sips_certificate);
    free((void *)(uintptr_t)rt->options.sips_key);
    free((void *)(uintptr_t)rt->options.sips_clients);
    free((void *)(uintptr_t)rt->options.page_passwords);
    free((void *)(uintptr_t)rt->options.dns_address);
    free((void *)(uintptr_t)rt->options.http_address);
    tokens_free(rt->tokens);
    page_free(rt->page);
    free(rt);
}

static struct runtime *new_runtime(uv_loop_t *loop, const struct runtime_options *options)
{
    struct runtime *rt = calloc(1, sizeof *rt);
    assert(rt != NULL);
    rt->loop = loop;
    rt->next_command = 1;
    rt->started = clock_wall();
    rt->mem = (struct mem){
        .resize = memory_resize, .context = &rt->memory, .budget = RUNTIME_MEMORY};
    buf_init(&rt->trace_json, &rt->mem, TRACE_JSON_MAX);
    rt->datadir.lock = -1;
    list_init(&rt->waiters);
    list_init(&rt->outcomes);
    list_init(&rt->listeners);
    list_init(&rt->questions);
    rt->sources = sources_new(rt);
    assert(rt->sources != NULL);
    copy_options(rt, options);
    rt->doors = doors_new(rt);
    rt->tokens = tokens_new(rt);
    rt->page = page_new(rt);
    assert(rt->doors != NULL && rt->tokens != NULL && rt->page != NULL);
    return rt;
}

/* What can fail and leaves nothing on the loop. */
static bool open_files(struct runtime *rt)
{
    char error[STORE_ERROR];
    if (!datadir_open(&rt->datadir, rt->options.data, error, sizeof error) ||
        (rt->store = node_open(rt, &rt->node, error, sizeof error)) == NULL ||
        (rt->log = log_open(rt->options.data, error, sizeof error)) == NULL) {
        fprintf(stderr, "ilsd: %s\n", error);
        return false;
    }
    rt->core = ils_new(&rt->mem);
    if (rt->core == NULL) {
        fputs("ilsd: no memory\n", stderr);
        return false;
    }
    return load(rt);
}

struct runtime *runtime_start(uv_loop_t *loop, const struct runtime_options *options, int *ret_exit)
{
    struct runtime *rt = new_runtime(loop, options);
    if (!open_files(rt)) {
        free_all(rt);
        *ret_exit = 1;
        return NULL;
    }
    rt->tcp = tcp_new(loop, &runtime_tcp_events, rt);
    rt->storer = storer_start(loop, rt->store, runtime_stored, rt);
    assert(rt->tcp != NULL && rt->storer != NULL);
    uv_timer_init(loop, &rt->deadline);
    uv_timer_init(loop, &rt->retry);
    uv_timer_init(loop, &rt->later);
    uv_timer_init(loop, &rt->reclaim);
    uv_timer_init(loop, &rt->cut_again);
    uv_async_init(loop, &rt->cut, runtime_on_cut);
    uv_idle_init(loop, &rt->goes_on);
    rt->deadline.data = rt->retry.data = rt->later.data = rt->reclaim.data = rt;
    rt->cut_again.data = rt->cut.data = rt->goes_on.data = rt;
    rt->timers = 7;
    runtime_start_core(rt);
    /* Ready is who has kept what it said first: the boot number. */
    while (rt->batches_out > 0)
        uv_run(rt->loop, UV_RUN_ONCE);
    start_workers(rt);
    doors_start(rt->doors);
    if (rt->node == NULL || node_part(rt->node) == NODE_WRITES)
        sources_start(rt->sources);
    if (rt->node != NULL)
        node_start(rt->node);
    return rt;
}

/* --- the end, one thing after the other */

static void end_files(void *context)
{
    struct runtime *rt = context;
    void (*stopped)(void *) = rt->stopped;
    void *stopped_context = rt->stopped_context;
    free_all(rt);
    stopped(stopped_context);
}

static void end_storer(void *context)
{
    struct runtime *rt = context;
    storer_stop(rt->storer, end_files, rt);
}

static void end_node(struct runtime *rt)
{
    if (rt->node != NULL)
        node_stop(rt->node, end_storer, rt);
    else
        end_storer(rt);
}

static void end_timer(uv_handle_t *handle)
{
    struct runtime *rt = handle->data;
    if (--rt->timers == 0)
        end_node(rt);
}

static void end_timers(void *context)
{
    struct runtime *rt = context;
    rt->tcp = NULL;
    runtime_tls_end(rt);
    uv_close((uv_handle_t *)&rt->deadline, end_timer);
    uv_close((uv_handle_t *)&rt->retry, end_timer);
    uv_close((uv_handle_t *)&rt->later, end_timer);
    uv_close((uv_handle_t *)&rt->reclaim, end_timer);
    uv_close((uv_handle_t *)&rt->cut_again, end_timer);
    uv_close((uv_handle_t *)&rt->cut, end_timer);
    uv_close((uv_handle_t *)&rt->goes_on, end_timer);
}

static void end_workers(void *context)
{
    struct runtime *rt = context;
    rt->workers = NULL;
    ils_use_readers(rt->core, NULL);
    tcp_stop(rt->tcp, end_timers, rt);
}

static void end_doors(void *context)
{
    struct runtime *rt = context;
    rt->doors = NULL;
    workers_stop(rt->workers, end_workers, rt);
}

static void end_sources(void *context)
{
    struct runtime *rt = context;
    rt->sources = NULL;
    doors_stop(rt->doors, end_doors, rt);
}

void runtime_stop(struct runtime *rt, void (*done)(void *context), void *context)
{
    struct command goodbye = {.type = COMMAND_STOP};
    struct ils_event event = {.type = ILS_EV_COMMAND, .command = &goodbye};
    runtime_step(rt, &event);
    rt->stopping = true;
    rt->stopped = done;
    rt->stopped_context = context;
    uv_timer_stop(&rt->deadline);
    uv_timer_stop(&rt->retry);
    uv_timer_stop(&rt->later);
    uv_timer_stop(&rt->reclaim);
    uv_timer_stop(&rt->cut_again);
    uv_idle_stop(&rt->goes_on);
    runtime_doors(rt); /* closes */
    runtime_tell_all(rt, REPLY_STOPPED);
    sources_stop(rt->sources, end_sources, rt);
}

/* --- asking */

const struct ils *runtime_core(const struct runtime *rt)
{
    return rt->core;
}

const struct runtime_options *runtime_options(const struct runtime *rt)
{
    return &rt->options;
}

uv_loop_t *runtime_loop(const struct runtime *rt)
{
    return rt->loop;
}

struct sources *runtime_sources(const struct runtime *rt)
{
    return rt->sources;
}

struct node *runtime_node(const struct runtime *rt)
{
    return rt->node;
}

struct page *runtime_page(const struct runtime *rt)
{
    return rt->page;
}

struct control *runtime_control(const struct runtime *rt)
{
    return rt->control;
}

void runtime_use_control(struct runtime *rt, struct control *control)
{
    rt->control = control;
}

struct doors *runtime_doors_of(const struct runtime *rt)
{
    return rt->doors;
}

struct tokens *runtime_tokens(const struct runtime *rt)
{
    return rt->tokens;
}

tick runtime_now(const struct runtime *rt)
{
    tick now = clock_tick();
    return now > rt->now ? now : rt->now;
}

void runtime_reopen(struct runtime *rt)
{
    log_reopen(rt->log);
    runtime_sips_reload(rt);
}

void runtime_trace_listen(struct runtime *rt, runtime_trace_listener listener, void *context)
{
    struct trace_listener *l = malloc(sizeof *l);
    assert(l != NULL);
    *l = (struct trace_listener){.listener = listener, .context = context};
    list_add(&rt->listeners, &l->node);
}

void runtime_trace_unlisten(struct runtime *rt, runtime_trace_listener listener, void *context)
{
    list_each_safe(node, &rt->listeners)
    {
        struct trace_listener *l = list_entry(node, struct trace_listener, node);
        if (l->listener != listener || l->context != context)
            continue;
        list_remove(&l->node);
        free(l);
    }
}

struct asked {
    runtime_audit_visit visit;
    void *context;
};

static bool asked_row(void *context, const struct store_row *row)
{
    struct asked *a = context;
    if (row == NULL) {
        a->visit(a->context, NULL, true);
        free(a);
        return false;
    }
    struct row r = {.space = row->space, .key = row->key, .value = row->value};
    a->visit(a->context, &r, false);
    return true;
}

void runtime_rows(struct runtime *rt, const struct store_range *range, runtime_audit_visit visit,
                  void *context)
{
    struct asked *a = malloc(sizeof *a);
    if (a == NULL || rt->stopping) {
        free(a);
        visit(context, NULL, true);
        return;
    }
    *a = (struct asked){visit, context};
    storer_range(rt->storer, range, asked_row, a);
}

void runtime_copy(struct runtime *rt, const char *file,
                  void (*done)(void *context, const char *error), void *context)
{
    if (rt->stopping)
        done(context, "ilsd ends");
    else
        storer_copy(rt->storer, file, done, context);
}

const char *runtime_store_error(const struct runtime *rt)
{
    bool over = !rt->store_failing && clock_tick() - rt->store_failed > STORE_ERROR_US;
    return over ? "" : rt->store_error;
}

const char *runtime_store_name(const struct runtime *rt)
{
    return store_name(rt->store);
}

void runtime_on_put_back(struct runtime *rt, runtime_told told, void *context)
{
    rt->put_back = told;
    rt->put_back_context = context;
}

void runtime_put_back(struct runtime *rt, const char *file, const char *kept)
{
    if (rt->put_back != NULL && !rt->stopping)
        rt->put_back(rt->put_back_context, file, kept);
}

void runtime_on_carry_away(struct runtime *rt, runtime_told told, void *context)
{
    rt->carry_away = told;
    rt->carry_away_context = context;
}

void runtime_carry_away(struct runtime *rt, const char *to, const char *key)
{
    if (rt->carry_away != NULL && !rt->stopping)
        rt->carry_away(rt->carry_away_context, to, key);
}

void runtime_stats(const struct runtime *rt, struct runtime_stats *ret)
{
    struct storer_stats s;
    struct sip_totals sip, sips;
    storer_stats(rt->storer, &s);
    runtime_sip_totals(rt, false, &sip);
    runtime_sip_totals(rt, true, &sips);
    *ret = (struct runtime_stats){
        .started = rt->started,
        .store_batches = s.batches,
        .store_failed = s.failed,
        .store_pending = rt->batches_out,
        .store_bytes = store_bytes(rt->store),
        .sip_requests = sip.requests + sips.requests,
        .sip_redirects = sip.redirects + sips.redirects,
        .sip_not_found = sip.not_found + sips.not_found,
        .memory_used = rt->mem.used,
        .memory_peak = rt->mem.peak,
        .links = rt->tcp != NULL ? tcp_count(rt->tcp) : 0,
        .listening = rt->door[DOOR_TLS].listener != NULL ||
                     rt->door[DOOR_PASSWORD].listener != NULL,
        .listening_tls = rt->door[DOOR_TLS].listener != NULL,
        .listening_password = rt->door[DOOR_PASSWORD].listener != NULL,
        .sip_open = rt->doors != NULL && doors_is_open(rt->doors, DOOR_SIP),
    };
}
