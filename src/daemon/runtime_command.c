/* runtime_command: who asked the core for what, and telling him. */
#include "daemon/runtime_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct waiter *waiter_find(const struct runtime *rt, uint64_t id)
{
    list_each(node, &rt->waiters)
    {
        struct waiter *w = list_entry(node, struct waiter, node);
        if (w->id == id)
            return w;
    }
    return NULL;
}

static void waiter_free(struct waiter *w)
{
    list_remove(&w->node);
    free(w);
}

static struct slice copy_into(uint8_t **at, struct slice s)
{
    uint8_t *p = *at;
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    *at += s.n;
    return slice_make(p, s.n);
}

/* Keeps what a REPLY or VERDICT action says until the step is performed. */
void runtime_outcome(struct runtime *rt, const struct ils_action *a)
{
    if (a->command == 0)
        return;
    bool judged = a->type == ILS_DO_VERDICT;
    size_t n = judged ? a->verdict.host.n + a->verdict.peer_name.n + a->verdict.name.n : a->text.n;
    struct outcome *o = calloc(1, sizeof *o + n + 1);
    if (o == NULL)
        abort(); /* somebody would wait for ever */
    uint8_t *at = o->bytes;
    o->id = a->command;
    o->judged = judged;
    if (judged) {
        o->verdict = a->verdict;
        o->verdict.host = copy_into(&at, a->verdict.host);
        o->verdict.peer_name = copy_into(&at, a->verdict.peer_name);
        o->verdict.name = copy_into(&at, a->verdict.name);
    } else {
        o->reply = a->reply == REPLY_STORE && rt->store_unknown ? REPLY_STORE_UNKNOWN : a->reply;
        o->text = copy_into(&at, a->text);
        memcpy(o->number, a->number, sizeof o->number);
    }
    list_add(&rt->outcomes, &o->node);
}

static void tell_one(struct runtime *rt, const struct outcome *o)
{
    struct waiter *w = waiter_find(rt, o->id);
    if (w == NULL)
        return; /* he is gone */
    struct waiter told = *w;
    if (o->judged || !w->join || o->reply != REPLY_OK)
        waiter_free(w);
    told.done(told.context, o->reply, o->text, o->number, o->judged ? &o->verdict : NULL);
}

void runtime_tell(struct runtime *rt)
{
    if (rt->telling)
        return; /* further out somebody does it */
    rt->telling = true;
    while (!list_empty(&rt->outcomes)) {
        struct outcome *o = list_entry(rt->outcomes.next, struct outcome, node);
        list_remove(&o->node);
        tell_one(rt, o);
        free(o);
    }
    rt->telling = false;
}

uint64_t runtime_command(struct runtime *rt, struct command *command, runtime_done done,
                         void *context)
{
    assert(!rt->stepping);
    struct waiter *w = malloc(sizeof *w);
    command->id = rt->next_command++;
    if (w == NULL || rt->stopping) {
        static const uint64_t none[REPLY_NUMBERS];
        free(w);
        done(context, rt->stopping ? REPLY_STOPPED : REPLY_MEMORY, slice_make(NULL, 0), none, NULL);
        return command->id;
    }
    uint64_t id = command->id;
    *w = (struct waiter){
        .id = id, .join = command->type == COMMAND_JOIN, .done = done, .context = context};
    list_add(&rt->waiters, &w->node);
    struct ils_event e = runtime_event(ILS_EV_COMMAND);
    e.command = command;
    if (rt->storer != NULL)
        storer_soon(rt->storer);
    runtime_step(rt, &e);
    return id;
}

void runtime_forget(struct runtime *rt, uint64_t id)
{
    struct waiter *w = waiter_find(rt, id);
    if (w != NULL)
        waiter_free(w);
}

void runtime_tell_all(struct runtime *rt, enum reply reply)
{
    static const uint64_t none[REPLY_NUMBERS];
    while (!list_empty(&rt->waiters)) {
        struct waiter *w = list_entry(rt->waiters.next, struct waiter, node);
        struct waiter told = *w;
        waiter_free(w);
        told.done(told.context, reply, slice_make(NULL, 0), none, NULL);
    }
    list_each_safe(node, &rt->outcomes) free(list_entry(node, struct outcome, node));
    list_init(&rt->outcomes);
}

static void nobody(void *context, enum reply reply, struct slice text,
                   const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
}

void runtime_alarm(struct runtime *rt, enum alarm alarm, const char *subject, bool raise)
{
    struct command c = {.type = COMMAND_ALARM,
                        .alarm = (uint8_t)alarm,
                        .subject = slice_of(subject),
                        .raise = raise};
    runtime_command(rt, &c, nobody, NULL);
}
