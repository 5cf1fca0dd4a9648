/* dialled: what a dialled text may mean. Inside the room only. */
#ifndef OPENILS_PLAN_DIALLED_H
#define OPENILS_PLAN_DIALLED_H

#include "plan/route.h"

#define DIALLED_MAX 1024 /* bytes; what is longer is nothing */

/* Readings that do not apply are empty. Where there are both, the number comes first. */
struct reading {
    struct slice number; /* digits or +digits; or with *, and A-D, which no entry has */
    struct slice uri;    /* user@host, canonical */
    struct slice user, host; /* of the URI */
    /* The URI as it was given, to know it again. */
    bool secure;
    uint16_t port;      /* 0: none given */
    uint8_t transport;  /* enum transport */
    struct slice asked; /* its host, an IPv6 address in its brackets; empty: it was no URI */
};

/* Everything lies in the text or the arena. Without memory nothing is read; a->failed is set. */
void dialled_read(struct arena *a, struct slice text, uint8_t dial, struct reading *ret);

#endif
