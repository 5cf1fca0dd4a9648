/* date: can the wall clock be right? Not before this version was made, nor twenty years after: a
 * machine whose battery is empty begins in 1970, and one typed digit leads to 2062. Nothing of
 * replication asks for the date; certificates, invites and what is kept for days do. While the
 * clock is wrong they go by what it last said, and by the time since: links that stand go on, and
 * nothing ends or is renewed because of it. Who is new and shows a certificate has to wait. */
#include "core/core.h"

#define DAY (24 * 3600 * TICK_S)

enum { TOLD_NOTHING, TOLD_RIGHT, TOLD_WRONG };

bool date_can_be(const struct ils *ils, wall now)
{
    wall built = ils->clock.built;
    return built == 0 || BUG(CLOCK_BELIEVED) || (now >= built && now - built <= CLOCK_AHEAD_US);
}

void date_look(struct ils *ils, wall now)
{
    struct clock *c = &ils->clock;
    c->wrong = !date_can_be(ils, now);
    ils->wall = ils->date = now;
    if (c->wrong) {
        ils->date = c->right + (ils->now - c->at);
    } else {
        c->right = now;
        c->at = ils->now;
    }
}

void date_start(struct ils *ils, wall built)
{
    ils->clock = (struct clock){.built = built, .right = built, .at = ils->now};
    date_look(ils, ils->wall);
}

/* A pair that is linked sets up its next link with the same certificates: they were judged when
 * that could be done, and again whenever trust changed. */
static bool succeeds(const struct link *l)
{
    list_each(node, &l->ils->links) {
        const struct link *other = list_entry(node, struct link, node);
        if (other != l && other->state == LINK_UP && other->tls && other->cert.present &&
            memcmp(other->cert.fingerprint, l->cert.fingerprint, FINGERPRINT_SIZE) == 0)
            return true;
    }
    return false;
}

bool date_bars(struct link *l)
{
    if (!l->tls || !l->ils->clock.wrong || BUG(CLOCK_UNASKED))
        return false;
    l->successor = l->successor || (l->method != METHOD_INVITE && l->cert.present && succeeds(l));
    return !l->successor;
}

/* The year that the clock shows, at New Year that of a day before or after. */
static void raise(struct ils *ils)
{
    struct buf b;
    wall year = 1970 + ils->wall / DAY * 400 / 146097;
    buf_init(&b, ils->mem, 24);
    buf_put_decimal(&b, year > 0 ? (uint64_t)year : 0);
    alarm_raise(ils, ILSClockWrong, buf_slice(&b));
    buf_done(&b);
}

void date_tick(struct ils *ils)
{
    struct clock *c = &ils->clock;
    uint8_t tell = c->wrong ? TOLD_WRONG : TOLD_RIGHT, told = c->told;
    if (tell == told)
        return;
    c->told = tell;
    if (c->wrong) {
        raise(ils);
        return;
    }
    alarm_clear_all(ils, ILSClockWrong); /* also one that a former life has left */
    if (told != TOLD_WRONG)
        return;
    ils->trust_moved = true; /* the links that went on are judged by the date */
    ils->expiring_next = ils->now;
    dial_now(ils);
}

/* While nothing else happens, somebody may set it. */
tick date_deadline(const struct ils *ils)
{
    return ils->clock.wrong ? ils->now + CLOCK_LOOK_US : TICK_NEVER;
}
