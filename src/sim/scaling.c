/* ilssim-scaling: what it costs that a network grows: messages and bytes of a join and of a change,
 * counted where they are sent, beside the least that any way of telling everybody would need.
 *
 *   ilssim-scaling CLUSTERS HUBS [SEED]
 *
 * All links are by TLS with one authority and a password, where the world sees the frames; bytes
 * are those of the link protocol (TLS and TCP add theirs). Every cluster has ENTRIES entries. The
 * rooms are compiled with other limits than the product's (meson.build). Fields are divided by
 * tabs:
 *
 *   clusters  hubs  deed  messages  bytes  least messages  least bytes
 *   clusters  hubs  deed  kind of message  messages  bytes
 *
 * Clusters are those that are there when it is over. Keepalives are counted by themselves. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/view.h"
#include "link/frame.h"
#include "link/msg.h"
#include "sim/ops.h"
#include "sim/pki.h"

#define ENTRIES   10
#define BUDGET    ((size_t)256 << 20)
#define QUIET     (70 * TICK_S)   /* nothing but keepalives for so long: it is over */
#define PATIENCE  (3600 * TICK_S)
#define CHANGES   5
#define AUTHORITY 1u
#define TYPES     16

/* What has been seen of a stream. */
struct size {
    uint64_t whole;  /* its head and all that it lists, once */
    uint64_t told;   /* the smallest frame that told the newest head with what changed */
    uint64_t usn;
};

struct scale {
    struct world *world;
    uint64_t frames[TYPES], bytes[TYPES];
    tick last;       /* a frame that is no keepalive was sent */
    struct size size[NODES_MAX][2];
    struct mem mem;
    struct arena arena;
    unsigned hubs;
};

static void *plain_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

static void seen_head(struct scale *s, struct slice body)
{
    struct msg_head m;
    struct head h;
    arena_reset(&s->arena);
    if (msg_head_get(&s->arena, body, &m) != 0 || head_get(m.head, &h) != 0 || h.number > 1)
        return;
    for (size_t i = 0; i < s->world->node_n; i++) {
        const struct node *n = s->world->node[i];
        struct size *size = &s->size[i][h.number];
        if (!n->has_key || memcmp(n->key, h.key, KEY_SIZE) != 0 || h.usn < size->usn)
            continue;
        if (h.usn > size->usn || FRAME_HEADER + body.n < size->told)
            size->told = body.n > m.head.n + 64 ? FRAME_HEADER + body.n : size->told;
        if (h.usn > size->usn)
            size->told = FRAME_HEADER + body.n;
        size->usn = h.usn;
        size->whole = FRAME_HEADER + m.head.n + h.bytes;
    }
}

static void watched(void *context, struct node *from, struct node *to, struct watch **watch,
                    struct watch *back, struct slice bytes, bool read)
{
    struct scale *s = context;
    struct slice body;
    uint8_t type;
    if (bytes.p == NULL || read)
        return;
    while (frame_take(&bytes, FRAME_SEALED_MAX, &type, &body) == 0) {
        s->frames[type % TYPES]++;
        s->bytes[type % TYPES] += FRAME_HEADER + body.n;
        if (type != FRAME_KEEPALIVE)
            s->last = s->world->now;
        if (type == FRAME_HEAD)
            seen_head(s, body);
    }
}

static void settle(struct scale *s)
{
    struct world *w = s->world;
    tick start = w->now;
    s->last = w->now;
    while (w->now < s->last + QUIET && w->now < start + PATIENCE)
        world_run(w, w->now + TICK_S);
    if (w->now >= start + PATIENCE) {
        fprintf(stderr, "it does not come to rest\n");
        exit(1);
    }
}

static void asked(struct node *n, uint64_t command)
{
    enum reply reply = op_wait(n, command, 60 * TICK_S);
    if (reply == REPLY_OK)
        return;
    fprintf(stderr, "%s does not take a command: %d\n", n->name, (int)reply);
    exit(1);
}

static struct slice certificate(uint32_t serial, const char *name, uint8_t *der)
{
    struct pki c = {.serial = serial, .key = serial, .name = name, .issuer = AUTHORITY,
                    .authority = serial == AUTHORITY, .not_after = INT64_MAX / 2};
    return pki_der(&c, der);
}

/* A cluster with its certificate and entries, not yet in the network. */
static struct node *cluster(struct scale *s, bool hub)
{
    char name[NODE_NAME];
    uint8_t der[PKI_DER_MAX], root[PKI_DER_MAX];
    struct pki_memory memory;
    unsigned index = (unsigned)s->world->node_n;
    snprintf(name, sizeof name, "%s%u", hub ? "hub" : "spoke", index);
    struct node *n = world_add(s->world, name, BUDGET);
    n->advertise = n->host;
    node_start(n);
    struct own_certificate own = {.key = slice_of("a key")};
    pki_facts(certificate(AUTHORITY + 1 + index, n->host, der), &own.leaf, &memory);
    asked(n, op_init(n, name, n->host, n->host, &own));
    struct trust_item item = pki_item(certificate(AUTHORITY, "authority", root));
    asked(n, op_trust(n, &item, 1));
    asked(n, op_password(n, 1, "scaling"));
    asked(n, op_auth(n, true, true));
    asked(n, op_sync_every(n, 1440));
    asked(n, op_fill(n, "user", n->host, ENTRIES));
    return n;
}

/* It joins at one of the hubs, in turn. */
static void join(struct scale *s, struct node *n, bool hub)
{
    struct node *home = s->world->node[n->index % s->hubs];
    op_join(n, home->host, 0, hub ? ROLE_HUB : ROLE_SPOKE);
}

/* What the disks of all hubs take for a write. While hundreds join at once a slow one lets a hub
 * say in one roster what it would say in a hundred: the end is the same, and is reached sooner. */
static void hubs_write_in(const struct scale *s, unsigned hubs, tick t)
{
    for (unsigned i = 0; i < hubs; i++)
        s->world->node[i]->disk.latency_min = s->world->node[i]->disk.latency_max = t;
}

static void build(struct scale *s, unsigned clusters, unsigned hubs)
{
    struct node *first = cluster(s, true);
    s->hubs = 1;
    asked(first, op_role(first, ROLE_HUB));
    for (unsigned i = 1; i < clusters; i++) {
        struct node *n = cluster(s, i < hubs);
        join(s, n, i < hubs);
        if (i < hubs)
            world_run(s->world, s->world->now + TICK_S);
        if (i + 1 == hubs)
            s->hubs = hubs;
    }
    hubs_write_in(s, hubs, TICK_S);
    world_run(s->world, s->world->now + 30 * TICK_S);
    hubs_write_in(s, hubs, TICK_MS);
    world_run(s->world, s->world->now + 1200 * TICK_S); /* the last visits wait for ten minutes */
    settle(s);
}

/* Everybody knows everybody, at the newest head. */
static void check(const struct scale *s)
{
    const struct world *w = s->world;
    for (size_t i = 0; i < w->node_n; i++) {
        struct view_row row;
        size_t rows = 1;
        for (const void *at = NULL; view_next(w->node[i]->ils, &at, &row); rows++)
            for (size_t k = 0; k < w->node_n; k++)
                if (memcmp(w->node[k]->key, row.key, KEY_SIZE) == 0 &&
                    row.usn != s->size[k][1].usn) {
                    fprintf(stderr, "%s is behind %s\n", w->node[i]->name, w->node[k]->name);
                    exit(1);
                }
        if (rows != w->node_n) {
            fprintf(stderr, "%s knows %zu of %zu\n", w->node[i]->name, rows, w->node_n);
            exit(1);
        }
    }
}

static void forget(struct scale *s)
{
    memset(s->frames, 0, sizeof s->frames);
    memset(s->bytes, 0, sizeof s->bytes);
}

/* Frames by what they are there for. */
static const char *const kind_name[TYPES] = {
    [FRAME_HELLO] = "handshake", [FRAME_SHARE] = "handshake", [FRAME_CONFIRM] = "handshake",
    [FRAME_PROOF] = "handshake", [FRAME_GOODBYE] = "handshake", [FRAME_MARKS] = "marks",
    [FRAME_HEAD] = "heads", [FRAME_MANIFEST_REQUEST] = "requests", [FRAME_MANIFEST] = "manifests",
    [FRAME_SEGMENT_REQUEST] = "requests", [FRAME_SEGMENT] = "segments", [FRAME_GONE] = "gone",
    [FRAME_READY] = "ready", [FRAME_KEEPALIVE] = "keepalives"};

static void kind_told(const struct scale *s, const char *deed, unsigned times, size_t first)
{
    uint64_t n = 0, bytes = 0;
    for (size_t i = 0; i < TYPES; i++) {
        if (kind_name[i] == NULL || strcmp(kind_name[i], kind_name[first]) != 0)
            continue;
        if (i < first)
            return; /* told already */
        n += s->frames[i];
        bytes += s->bytes[i];
    }
    if (n != 0)
        printf("%zu\t%u\t%s\t%s\t%.1f\t%.1f\n", s->world->node_n, s->hubs, deed,
               kind_name[first], (double)n / times, (double)bytes / times);
}

static void told(const struct scale *s, const char *deed, unsigned times, uint64_t least_n,
                 uint64_t least_bytes)
{
    uint64_t n = 0, bytes = 0;
    for (size_t i = 0; i < TYPES; i++) {
        n += i == FRAME_KEEPALIVE ? 0 : s->frames[i];
        bytes += i == FRAME_KEEPALIVE ? 0 : s->bytes[i];
    }
    printf("%zu\t%u\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
           s->world->node_n, s->hubs, deed, n / times, bytes / times, least_n, least_bytes);
    for (size_t i = 0; i < TYPES; i++)
        if (kind_name[i] != NULL)
            kind_told(s, deed, times, i);
    fflush(stdout);
}

/* Everybody there must hear of its two streams, and of one hub that lists it; it must hear of all
 * of theirs: a message each. */
static void joined(struct scale *s, bool hub)
{
    struct node *n = cluster(s, hub);
    size_t others = n->index, home = n->index % s->hubs;
    uint64_t bytes = 0;
    settle(s);
    forget(s);
    join(s, n, hub);
    settle(s);
    for (size_t i = 0; i < others; i++)
        bytes += s->size[i][0].whole + s->size[i][1].whole;
    bytes += others * (s->size[others][0].whole + s->size[others][1].whole);
    bytes += (others - 1) * s->size[home][0].told;
    told(s, hub ? "a hub joins" : "a spoke joins", 1, 5 * others - 1, bytes);
    check(s);
}

/* Every other cluster must hear of it once. */
static void changed(struct scale *s)
{
    struct world *w = s->world;
    struct node *n = w->node[w->node_n - 2];
    forget(s);
    for (unsigned i = 0; i < CHANGES; i++) {
        char key[64];
        snprintf(key, sizeof key, "new%u@%s", i, n->host);
        asked(n, op_plan(n, true, key, NULL));
        settle(s);
    }
    uint64_t others = w->node_n - 1;
    told(s, "an entry changes", CHANGES, others, others * s->size[n->index][1].told);
    check(s);
}

static void beats(const struct scale *s, uint16_t minutes)
{
    for (size_t i = 0; i < s->world->node_n; i++)
        asked(s->world->node[i], op_sync_every(s->world->node[i], minutes));
}

/* Ten minutes in which nothing happens: every cluster says that it is there. */
static void rested(struct scale *s)
{
    struct world *w = s->world;
    uint64_t others = w->node_n - 1;
    beats(s, 10);
    world_run(w, w->now + 1200 * TICK_S);
    forget(s);
    world_run(w, w->now + 600 * TICK_S);
    uint64_t head = s->frames[FRAME_HEAD] == 0 ? 0 : s->bytes[FRAME_HEAD] / s->frames[FRAME_HEAD];
    told(s, "ten minutes of rest", 1, 2 * w->node_n * others, 2 * w->node_n * others * head);
    beats(s, 1440);
    world_run(w, w->now + 600 * TICK_S); /* those that were due */
}

int main(int argc, char **argv)
{
    struct scale s = {0};
    unsigned clusters = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    unsigned hubs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (clusters < 2 || clusters + 2 > NODES_MAX || hubs < 1 || hubs > clusters) {
        fprintf(stderr, "usage: ilssim-scaling CLUSTERS HUBS [SEED]\n");
        return 64;
    }
    s.mem = (struct mem){.resize = plain_resize, .budget = SIZE_MAX};
    arena_init(&s.arena, &s.mem);
    s.world = world_new(argc > 3 ? strtoull(argv[3], NULL, 10) : 1, BUG_NONE);
    s.world->net.watched = watched;
    s.world->net.watcher = &s;
    build(&s, clusters, hubs);
    check(&s);
    joined(&s, false);
    changed(&s);
    rested(&s);
    joined(&s, true);
    arena_done(&s.arena);
    world_free(s.world);
    return 0;
}
