/* planted: protocol bugs that are there on purpose, to show that the laws of the simulator can turn
 * red. `if (BUG(NAME))` costs nothing and is never true, unless the rooms are compiled with
 * -DOPENILS_PLANTED (ilssim-planted alone, which installs nowhere): then the bug that was asked for
 * on the command line is in the code. The bugs are the rows of planted.def. */
#ifndef OPENILS_BASE_PLANTED_H
#define OPENILS_BASE_PLANTED_H

enum planted {
    PLANTED_NONE,
#define PLANTED(name, text, what) PLANTED_##name,
#include "base/planted.def"
#undef PLANTED
    PLANTED_BUGS
};

#ifdef OPENILS_PLANTED
extern enum planted planted_bug; /* sim/planted.c */
#define BUG(name) (planted_bug == PLANTED_##name)
#else
#define BUG(name) 0
#endif

#endif
