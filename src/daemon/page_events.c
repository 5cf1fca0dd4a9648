/* page_events: what changes is told to the open pages (server-sent events). One watch asks for the
 * tables once a second for all of them, and only what differs is sent. A stream ends with its
 * session. */
#include "daemon/page_inside.h"

#include <stdlib.h>
#include <string.h>

#define EACH_MS     1000
#define STREAMS_MAX 32
#define STREAMS_EACH 16 /* of one account */
#define QUIET_MAX   15 /* turns; then a word, so that the other end is known to live */
#define BEHIND_MAX  (4 * 1024 * 1024) /* bytes that somebody does not take */

/* In the order of page_door.topic. */
static const char *const topics[] = {"status", "clusters", "alarms", "hubs", "verdicts"};
static const char question[] = "{\"command\":\"status\"}\n{\"command\":\"clusters\"}\n"
                               "{\"command\":\"alarms\"}\n{\"command\":\"hubs\"}\n"
                               "{\"command\":\"verdicts\"}\n";
#define TOPICS (sizeof topics / sizeof *topics)

struct stream {
    struct list node;
    struct page_waiter waiter;
    struct page_door *door;
    struct https_exchange *x;
    struct page_session *session;
    uint64_t number;
};

static void stream_end(struct stream *stream)
{
    struct page_door *door = stream->door;
    list_remove(&stream->node);
    free(stream);
    if (list_empty(&door->streams) && !door->closing) {
        uv_timer_stop(&door->timer);
        if (door->watch != NULL)
            page_call_end(door->watch);
        door->watch = NULL;
        door->answers = 0;
    }
}

static void on_gone(struct page_waiter *waiter)
{
    stream_end(list_entry(waiter, struct stream, waiter));
}

static void on_room(struct page_waiter *waiter)
{
    (void)waiter;
}

static void tell(const struct stream *stream, size_t topic, struct slice line)
{
    https_put(stream->x, slice_of("event: "));
    https_put(stream->x, slice_of(topics[topic]));
    https_put(stream->x, slice_of("\ndata: "));
    https_put(stream->x, line);
    https_put(stream->x, slice_of("\n\n"));
}

/* An answer to one of the questions; they come in their order. */
static void on_line(void *context, struct slice line)
{
    struct page_door *door = context;
    if (line.p == NULL) {
        door->watch = NULL;
        door->answers = 0;
        return;
    }
    if (door->answers == 0)
        return;
    size_t topic = TOPICS - door->answers--;
    char **text = &door->topic[topic].text;
    if (*text != NULL && slice_eq(slice_of(*text), line))
        return;
    free(*text);
    *text = strndup((const char *)line.p, line.n);
    door->quiet = 0;
    list_each(node, &door->streams) tell(list_entry(node, struct stream, node), topic, line);
}

static void on_turn(uv_timer_t *timer)
{
    struct page_door *door = timer->data;
    bool word = ++door->quiet >= QUIET_MAX;
    list_each_safe(node, &door->streams)
    {
        struct stream *stream = list_entry(node, struct stream, node);
        struct https_exchange *x = stream->x;
        if (!page_session_lives(door->page, stream->session, stream->number) ||
            page_must_enrol(door->page, stream->session->name) ||
            https_waiting(x) > BEHIND_MAX) {
            stream_end(stream);
            https_end(x);
        } else if (word) {
            https_put(x, slice_of(": \n\n"));
        }
    }
    door->quiet = word ? 0 : door->quiet;
    if (list_empty(&door->streams) || door->answers > 0)
        return;
    if (door->watch == NULL)
        door->watch = page_watch(door, on_line);
    if (door->watch != NULL && page_watch_ask(door->watch, question))
        door->answers = TOPICS;
}

void page_events(struct page_door *door, struct https_exchange *x, struct page_session *s)
{
    struct https_reply reply = {.status = 200, .header_n = 2};
    struct stream *stream = NULL;
    size_t n = 0, own = 0;
    list_each(node, &door->streams)
    {
        n++;
        own += strcmp(list_entry(node, struct stream, node)->session->name, s->name) == 0;
    }
    if (n < STREAMS_MAX && own < STREAMS_EACH)
        stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        page_refuse(door, x, 503, "BUSY", "there are 32 open pages, or 16 of this account: close "
                    "one", "");
        return;
    }
    *stream = (struct stream){.waiter = {on_gone, on_room}, .door = door, .x = x, .session = s,
                              .number = s->number};
    reply.header[0] = (struct https_header){"Content-Type", "text/event-stream"};
    reply.header[1] = (struct https_header){"Cache-Control", "no-store"};
    https_keep(x, &stream->waiter);
    https_begin(x, &reply);
    https_put(x, slice_of("retry: 2000\n\n"));
    for (size_t i = 0; i < TOPICS; i++)
        if (door->topic[i].text != NULL)
            tell(stream, i, slice_of(door->topic[i].text));
    bool first = list_empty(&door->streams);
    list_add(&door->streams, &stream->node);
    if (first)
        uv_timer_start(&door->timer, on_turn, 0, EACH_MS);
}

void page_events_stop(struct page_door *door)
{
    uv_timer_stop(&door->timer);
    for (size_t i = 0; i < TOPICS; i++) {
        free(door->topic[i].text);
        door->topic[i].text = NULL;
    }
}
