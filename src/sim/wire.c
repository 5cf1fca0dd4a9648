/* wire: the laws of what is sent, judged on links with TLS alone, where the world sees the frames
 * (those of the other links are sealed). Of each head, where it is sent:
 *   once       on one link a stream's heads only rise, and none is told twice;
 *   back       none goes to whoever has told it, or a later one, on this link and was heard;
 *   durable    an origin's own head is on its disk before it leaves;
 *   relay      a spoke tells of others only what the other end has shown that it has;
 * and of each list that is asked for:
 *   quota      no head says that it is of more than a quarter of the memory, but for one that
 *              follows a smaller one which is still to come. */
#include "link/frame.h"
#include "link/msg.h"
#include "sim/judge_inside.h"

/* Who dropped a stream that waited for admission has forgotten who told it: rare, and no harm. */
#define BACKS 4

/* The newest head of one stream that came by here. */
struct passed {
    uint32_t soul;
    uint64_t number;
    struct stamp at;
    uint64_t beat, bytes;
    bool listed; /* in its marks */
};

/* Bytes of one direction that are no whole frame yet, and what was in the frames before. */
struct flow {
    uint8_t *bytes;
    size_t n, size;
    struct passed *head;
    size_t head_n, head_size;
};

struct watch {
    struct flow sent, read; /* as it left, and as far as the other end has read it */
};

static struct passed *passed_get(struct flow *f, uint32_t soul, uint64_t number)
{
    for (size_t i = 0; i < f->head_n; i++)
        if (f->head[i].soul == soul && f->head[i].number == number)
            return &f->head[i];
    if (f->head_n == f->head_size) {
        f->head_size = f->head_size == 0 ? 16 : f->head_size * 2;
        f->head = grow(f->head, f->head_size * sizeof *f->head);
    }
    f->head[f->head_n] = (struct passed){.soul = soul, .number = number};
    return &f->head[f->head_n++];
}

static int passed_order(const struct passed *p, const struct stamp *at, uint64_t beat)
{
    int order = stamp_order(at, &p->at);
    return order != 0 ? order : beat < p->beat ? -1 : beat > p->beat;
}

static bool row_covers(struct slice bytes, const struct head *h)
{
    struct head stored;
    return bytes.n != 0 && head_get(bytes, &stored) == 0 && head_order(h, &stored) <= 0;
}

/* The row of the stream, or that of the head which withholds it. */
static bool is_durable(const struct node *n, const struct head *h)
{
    static const char *const withheld[] = {"withheld_self", "withheld_plan"};
    uint8_t key[KEY_SIZE + 8];
    memcpy(key, h->key, KEY_SIZE);
    for (size_t i = 0; i < 8; i++)
        key[KEY_SIZE + i] = (uint8_t)(h->number >> (56 - 8 * i));
    struct slice row = disk_find(&n->disk, ROW_STREAM, slice_make(key, sizeof key));
    if (row.n > 4 && row_covers(slice_make(row.p + 4, (size_t)row.p[2] << 8 | row.p[3]), h))
        return true;
    return h->number <= STREAM_PLAN &&
           row_covers(disk_find(&n->disk, ROW_SETTING, slice_of(withheld[h->number])), h);
}

/* heard: what the other end has shown; NULL: nothing yet. */
static void judge_relay(struct judge *j, const struct node *from, const struct passed *heard,
                        uint32_t soul, const struct head *h)
{
    struct view_self self;
    if (from->ils == NULL || j->life[from->index].soul == soul || j->life[from->index].soul == 0 ||
        (heard != NULL && (heard->at.epoch != 0 || heard->listed)))
        return;
    view_self(from->ils, &self);
    if (self.role == ROLE_SPOKE)
        world_break(j->world, "relay: %s is a spoke and tells of n%u's stream %llu", from->name,
                    j->soul[soul].lineage, (unsigned long long)h->number);
}

static uint64_t quota(const struct node *n)
{
    return n->mem.budget / 4;
}

/* n has read a head. */
static void heard_of(struct judge *j, const struct node *n, uint32_t soul, const struct head *h)
{
    struct held *held = j->held[n->index] == NULL ? NULL : &j->held[n->index][soul];
    struct stamp at = stamp_of(h->epoch, h->usn, h->root);
    if (held == NULL || h->number != STREAM_PLAN || h->bytes > quota(n))
        return;
    if (held->fits_in != n->incarnation || stamp_order(&at, &held->fits) > 0)
        held->fits = at;
    held->fits_in = n->incarnation;
}

/* Of a spoke nobody hears but of itself, nor of a hub that is taken for one still (admit.c). */
static bool is_unheard(struct judge *j, const struct node *by, const struct node *from,
                       uint32_t soul)
{
    struct view_cluster c;
    uint32_t teller = j->life[from->index].soul;
    if (by->ils == NULL || teller == 0 || teller == soul)
        return false;
    for (size_t i = 1; view_cluster(by->ils, i, &c); i++)
        if (soul_of(j, c.key) == teller)
            return c.role == ROLE_SPOKE;
    return false;
}

/* n asks for a list. What it serves of that origin is older than a head that fits: it may be that
 * one which is to come. */
static void judge_asked(struct judge *j, const struct node *n, struct watch *back,
                        struct slice body)
{
    struct msg_manifest_request m;
    arena_reset(&j->arena);
    if (back == NULL || n->ils == NULL || msg_manifest_request_get(&j->arena, body, &m) != 0 ||
        m.number != STREAM_PLAN)
        return;
    uint32_t soul = soul_of(j, m.key);
    const struct passed *p = passed_get(&back->read, soul, m.number);
    const struct held *held = j->held[n->index] == NULL ? NULL : &j->held[n->index][soul];
    if (soul == 0 || j->life[n->index].soul == soul || p->at.epoch == 0 || p->bytes <= quota(n) ||
        (held != NULL && held->fits_in == n->incarnation &&
         stamp_order(&held->fits, &held->at) > 0))
        return;
    world_break(j->world, "quota: %s asks for usn %llu of n%u, %llu bytes, and may have %llu",
                n->name, (unsigned long long)p->at.usn, j->soul[soul].lineage,
                (unsigned long long)p->bytes, (unsigned long long)quota(n));
}

/* The other end has read marks. */
static void take_marks(struct judge *j, struct flow *f, struct slice body)
{
    struct msg_marks m;
    arena_reset(&j->arena);
    if (msg_marks_get(&j->arena, body, &m) != 0)
        return;
    for (size_t i = 0; i < m.n; i++)
        passed_get(f, soul_of(j, m.mark[i].key), m.mark[i].number)->listed = true;
}

static void judge_sent(struct judge *j, struct node *from, struct node *to, struct watch *w,
                       struct watch *back, const struct head *h)
{
    uint32_t soul = soul_of(j, h->key);
    struct stamp at = stamp_of(h->epoch, h->usn, h->root);
    if (soul == 0 || j->soul[soul].ended)
        return;
    struct passed *before = passed_get(&w->sent, soul, h->number);
    struct passed *heard = back == NULL ? NULL : passed_get(&back->read, soul, h->number);
    bool told = before->at.epoch != 0;
    /* Whoever shows an older one may not have kept that it has left. */
    bool farewell = (h->flags & HEAD_FLAG_LEFT) != 0 && h->number == STREAM_SELF && heard != NULL &&
                    heard->at.epoch != 0 && passed_order(heard, &at, h->beat) > 0;
    if (told && !farewell && passed_order(before, &at, h->beat) <= 0)
        world_break(j->world, "once: %s tells %s of n%u's stream %llu at usn %llu again",
                    from->name,
                    to == NULL ? "?" : to->name, j->soul[soul].lineage,
                    (unsigned long long)h->number, (unsigned long long)h->usn);
    before->at = at;
    before->beat = h->beat;
    if (heard != NULL && heard->at.epoch != 0 && passed_order(heard, &at, h->beat) <= 0 &&
        ++j->backs > BACKS)
        world_break(j->world, "back: %s tells %s of n%u's stream %llu at usn %llu, as it was told",
                    from->name, to == NULL ? "?" : to->name, j->soul[soul].lineage,
                    (unsigned long long)h->number, (unsigned long long)h->usn);
    if (!told) /* what it told as a hub it goes on with */
        judge_relay(j, from, heard, soul, h);
    /* What it adopts others have long had. */
    if (j->life[from->index].soul == soul && !j->life[from->index].older && !is_durable(from, h))
        world_break(j->world, "durable: %s tells stream %llu at usn %llu before it is on its disk",
                    from->name, (unsigned long long)h->number, (unsigned long long)h->usn);
}

static void take_head(struct judge *j, struct flow *f, struct node *from, struct node *to,
                      struct watch *w, struct watch *back, struct slice body)
{
    struct msg_head m;
    struct head h;
    arena_reset(&j->arena);
    if (msg_head_get(&j->arena, body, &m) != 0 || head_get(m.head, &h) != 0)
        return;
    j->heads++;
    if (f == &w->sent) {
        judge_sent(j, from, to, w, back, &h);
        return;
    }
    uint32_t soul = soul_of(j, h.key);
    if (is_unheard(j, to, from, soul))
        return;
    struct passed *p = passed_get(f, soul, h.number);
    struct stamp at = stamp_of(h.epoch, h.usn, h.root);
    heard_of(j, to, soul, &h);
    if (p->at.epoch == 0 || passed_order(p, &at, h.beat) > 0) {
        p->at = at;
        p->beat = h.beat;
        p->bytes = h.bytes;
    }
}

static void flow_put(struct flow *f, struct slice bytes)
{
    if (f->n + bytes.n > f->size) {
        f->size = 2 * (f->n + bytes.n);
        f->bytes = grow(f->bytes, f->size);
    }
    memcpy(f->bytes + f->n, bytes.p, bytes.n);
    f->n += bytes.n;
}

static void flow_done(struct flow *f)
{
    free(f->bytes);
    free(f->head);
}

void wire_watched(void *context, struct node *from, struct node *to, struct watch **watch,
                  struct watch *back, struct slice bytes, bool read)
{
    struct judge *j = context;
    uint8_t type;
    struct slice body;
    if (bytes.p == NULL) {
        flow_done(&(*watch)->sent);
        flow_done(&(*watch)->read);
        free(*watch);
        *watch = NULL;
        return;
    }
    if (*watch == NULL)
        *watch = grow_zero(sizeof **watch);
    struct flow *f = read ? &(*watch)->read : &(*watch)->sent;
    flow_put(f, bytes);
    struct slice left = slice_make(f->bytes, f->n);
    while (frame_take(&left, FRAME_SEALED_MAX, &type, &body) == 0)
        if (type == FRAME_HEAD)
            take_head(j, f, from, to, *watch, back, body);
        else if (type == FRAME_MARKS && read)
            take_marks(j, f, body);
        else if (type == FRAME_MANIFEST_REQUEST && !read)
            judge_asked(j, from, back, body);
    memmove(f->bytes, left.p, left.n);
    f->n = left.n;
}
