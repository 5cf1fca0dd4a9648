/* rare: see rare.h. */
#include "sim/rare.h"

#include "core/view.h"

enum rare_kind { DIALLED, ACCEPTED, ENDED, SAID, ALARMED, CLEARED, ANSWERED, SHOWS, WRITES, HOLDS };
enum rare_holds { RARE_STALE, RARE_TWO_DRAIN, RARE_NO_HUB, RARE_HALF_DOWN, RARE_TWO_LINKS,
                  RARE_LEAVING };

static const struct {
    enum rare_kind kind;
    int value;
    const char *text, *name;
} rares[] = {
#define RARE(kind, value, text, name) {kind, (int)value, text, name},
#include "sim/rare.def"
#undef RARE
};
#define RARES (sizeof rares / sizeof rares[0])
_Static_assert(RARES <= RARE_MAX, "every rare state has its place");

size_t rare_count(void)
{
    return RARES;
}

const char *rare_name(size_t i)
{
    return rares[i].name;
}

static bool says(const struct trace *t, const char *text)
{
    for (size_t i = 0; text != NULL && i < 3; i++)
        if (slice_eq(t->text[i], slice_of(text)))
            return true;
    return text == NULL;
}

static void reach(bool *reached, enum rare_kind kind, int value, const struct trace *t)
{
    for (size_t i = 0; i < RARES; i++)
        if (rares[i].kind == kind && rares[i].value == value &&
            (t == NULL || says(t, rares[i].text)))
            reached[i] = true;
}

void rare_action(bool reached[static RARE_MAX], const struct ils_action *a)
{
    if (a->type == ILS_DO_VERDICT) {
        reach(reached, a->verdict.dialler ? DIALLED : ACCEPTED, (int)a->verdict.code, NULL);
    } else if (a->type == ILS_DO_ALARM) {
        reach(reached, a->on ? ALARMED : CLEARED, a->alarm.alarm, NULL);
    } else if (a->type == ILS_DO_REPLY) {
        reach(reached, ANSWERED, (int)a->reply, NULL);
    } else if (a->type == ILS_DO_TRACE) {
        if (a->trace.event == EVENT_LINK_ENDED)
            reach(reached, ENDED, (int)a->trace.code, NULL);
        else
            reach(reached, SAID, (int)a->trace.event, &a->trace);
    }
}

static void look_at(bool *reached, const struct node *n)
{
    struct view_cluster c;
    for (size_t i = 1; view_cluster(n->ils, i, &c); i++) {
        reach(reached, SHOWS, (int)c.status, NULL);
        if (c.stale && !c.disconnected)
            reach(reached, HOLDS, RARE_STALE, NULL);
    }
}

void rare_look(bool reached[static RARE_MAX], const struct world *w)
{
    static uint16_t links[NET_NODES * NET_NODES];
    size_t down = 0, hubs = 0, draining = 0;
    net_counts(&w->net, links);
    for (size_t i = 0; i < w->node_n; i++) {
        const struct node *n = w->node[i];
        struct view_self self;
        down += n->ils == NULL;
        if (n->ils == NULL)
            continue;
        view_self(n->ils, &self);
        hubs += self.role == ROLE_HUB;
        draining += self.draining;
        reach(reached, WRITES, (int)self.writing, NULL);
        if (self.leaving)
            reach(reached, HOLDS, RARE_LEAVING, NULL);
        for (size_t k = i + 1; k < w->node_n; k++)
            if (links[i * NET_NODES + k] > 1)
                reach(reached, HOLDS, RARE_TWO_LINKS, NULL);
        look_at(reached, n);
    }
    if (draining > 1)
        reach(reached, HOLDS, RARE_TWO_DRAIN, NULL);
    if (hubs == 0)
        reach(reached, HOLDS, RARE_NO_HUB, NULL);
    if (2 * down > w->node_n)
        reach(reached, HOLDS, RARE_HALF_DOWN, NULL);
}
