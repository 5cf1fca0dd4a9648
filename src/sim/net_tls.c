/* net_tls: TLS of the simulated world. Three flights travel as marks in the streams of the
 * connection, so that what is sent afterwards arrives afterwards: the dialler's hello, the
 * acceptor's flight (the dialler hears SECURED), the dialler's last (the acceptor does). What each
 * end shows is its core's certificate of that moment; it is verified with the trust store of the
 * moment in which the event is told. */
#include "core/view.h"
#include "sim/net_inside.h"

/* A certificate that a core wants to have verified. */
struct question {
    struct list node;
    struct node *who;
    uint64_t incarnation, id;
    size_t n;
    uint8_t der[];
};

#define ANSWER_AFTER TICK_MS

/* The date by which its driver verifies. */
static wall wall_of(const struct node *n)
{
    return view_date(n->ils, n->world->wall_start + n->world->now + n->wall_offset);
}

/* What the end shows from now on. False: it has nothing. */
static bool show(struct conn *c, int i)
{
    struct view_own own;
    const struct end *e = &c->end[i];
    c->tls->der_n[i] = 0;
    if (!end_hears(e) || !view_own(e->node->ils, 0, &own) || own.leaf.n > PKI_DER_MAX)
        return false;
    memcpy(c->tls->der[i], own.leaf.p, own.leaf.n);
    c->tls->der_n[i] = own.leaf.n;
    return true;
}

static struct slice shown(const struct conn *c, int i)
{
    return slice_make(c->tls->der[i], c->tls->der_n[i]);
}

void tls_begin(struct conn *c)
{
    for (size_t i = 0; i < 32; i++)
        c->tls->random[i] = (uint8_t)rand_u64(&c->net->rand);
    for (size_t i = 0; i < 32; i++)
        c->tls->exporter[i] = (uint8_t)rand_u64(&c->net->rand);
    end_put(c, &c->end[0], slice_make(NULL, 0), (struct mark){.kind = MARK_TLS, .stage = 1});
}

static void secured(struct conn *c, int i)
{
    struct end *e = &c->end[i];
    struct pki_memory theirs, mine;
    struct certificate own;
    struct secured s = {.invite = c->tls->invite};
    if (!end_hears(e))
        return;
    memcpy(s.client_random, c->tls->random, sizeof s.client_random);
    memcpy(s.exporter, c->tls->exporter, sizeof s.exporter);
    pki_verify(e->node->ils, shown(c, 1 - i), wall_of(e->node), &s.peer, &theirs);
    if (pki_facts(shown(c, i), &own, &mine)) {
        s.spki_mine = own.spki;
        memcpy(s.mine, own.fingerprint, sizeof s.mine);
    }
    e->secured = true;
    struct ils_event event = {.type = ILS_EV_SECURED, .link = e->link, .secured = &s};
    node_step(e->node, &event);
}

static void broken_off(struct end *e, enum down_reason reason)
{
    if (!end_hears(e))
        return;
    e->open = false;
    struct ils_event event = {.type = ILS_EV_DOWN, .link = e->link, .reason = reason};
    event.tls_error.text[0] = slice_of("no shared cipher");
    node_step(e->node, &event);
}

void tls_misread(struct conn *c, struct end *to)
{
    if (to->open)
        end_put(c, to, slice_make(NULL, 0), (struct mark){.kind = MARK_END});
    broken_off(to, DOWN_TLS);
}

/* A hello of TLS where none is spoken. */
static void tls_unheard(const struct end *to)
{
    static const uint8_t record[] = {22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3};
    struct ils_event event = {.type = ILS_EV_DATA, .link = to->link,
                              .data = slice_make(record, sizeof record)};
    if (end_hears(to))
        node_step(to->node, &event);
}

void tls_mark(struct conn *c, struct end *from, struct end *to, unsigned stage)
{
    if (stage == 1 && !c->tls_port) {
        tls_unheard(to);
    } else if (stage == 1 && !show(c, 1)) {
        end_put(c, to, slice_make(NULL, 0), (struct mark){.kind = MARK_TLS, .stage = 0});
        broken_off(to, DOWN_TLS);
    } else if (stage == 1) {
        end_put(c, to, slice_make(NULL, 0), (struct mark){.kind = MARK_TLS, .stage = 2});
    } else if (stage == 2) {
        show(c, 0);
        end_put(c, to, slice_make(NULL, 0), (struct mark){.kind = MARK_TLS, .stage = 3});
        secured(c, 0);
    } else if (stage == 3) {
        secured(c, 1);
    } else {
        c->state = CONN_OVER;
        broken_off(to, DOWN_ALERT);
    }
}

static void certificate_job(struct world *w, struct job *job)
{
    struct conn *c = job->object;
    struct end *e = &c->end[job->number];
    struct pki_memory memory;
    struct certificate theirs;
    if (put_off(c, e, job))
        return;
    if (c->state == CONN_STANDS && e->secured && end_hears(e)) {
        pki_verify(e->node->ils, shown(c, 1 - (int)job->number), wall_of(e->node), &theirs,
                   &memory);
        struct ils_event event = {.type = ILS_EV_CERTIFICATE, .link = e->link,
                                  .certificate = &theirs};
        node_step(e->node, &event);
    }
    conn_release(c);
}

void net_trust(struct net *net, struct node *n)
{
    list_each(pos, &net->conns) {
        struct conn *c = list_entry(pos, struct conn, node);
        for (int i = 0; i < 2; i++)
            if (c->state == CONN_STANDS && c->end[i].node == n && c->end[i].secured)
                conn_at(c, net->world->now + ANSWER_AFTER, certificate_job, i);
    }
}

static void verified_job(struct world *w, struct job *job)
{
    struct question *q = job->object;
    struct node *n = q->who;
    struct pki_memory memory;
    struct certificate c;
    if (n->paused_until > w->now) {
        world_at(w, node_goes_on(n), NULL, *job);
        return;
    }
    list_remove(&q->node);
    if (n->ils != NULL && n->incarnation == q->incarnation) {
        pki_verify(n->ils, slice_make(q->der, q->n), wall_of(n), &c, &memory);
        struct ils_event event = {.type = ILS_EV_VERIFIED, .question = q->id, .certificate = &c};
        node_step(n, &event);
    }
    free(q);
}

void net_verify(struct net *net, struct node *n, uint64_t question, struct slice der)
{
    struct question *q = grow_zero(sizeof *q + der.n);
    q->who = n;
    q->incarnation = n->incarnation;
    q->id = question;
    q->n = der.n;
    memcpy(q->der, der.p, der.n);
    list_add(&net->questions, &q->node);
    world_at(net->world, net->world->now + ANSWER_AFTER, NULL,
             (struct job){.run = verified_job, .object = q});
}

void questions_done(struct net *net)
{
    list_each_safe(pos, &net->questions)
        free(list_entry(pos, struct question, node));
    list_init(&net->questions);
}
