/* cutter: a wire between a client and a server of PostgreSQL that breaks where it hurts most. */
#ifndef OPENILS_TEST_CUTTER_H
#define OPENILS_TEST_CUTTER_H

#include <stdbool.h>

enum cut {
    CUT_NOT,
    CUT_BEFORE, /* the commit does not reach the server */
    CUT_ANSWER, /* it does, and is done; its answer does not reach the client */
    CUT_DURING, /* it does; the client hears of the end while it is under way */
};

/* A listener in dir that takes connections to the server of postgres.h, until the program ends. */
void cutter_start(const char *dir);
/* Of the next transactions that many are cut so, each with its connection. */
void cutter_cut(enum cut cut, int times);
int cutter_left(void);

#endif
