/* core_text: short texts in the core's state: bounded, without allocation. */
#ifndef OPENILS_CORE_CORE_TEXT_H
#define OPENILS_CORE_CORE_TEXT_H

#include <string.h>

#include "base/slice.h"

/* A short text that the core keeps: bounded, no allocation. */
#define TEXT(name, max)                                                                            \
    struct {                                                                                       \
        uint16_t n;                                                                                \
        uint8_t p[max];                                                                            \
    } name
#define text_slice(t) slice_make((t).p, (t).n)
#define text_set(t, s)                                                                             \
    do {                                                                                           \
        struct slice text_set_s = (s);                                                             \
        (t).n = (uint16_t)(text_set_s.n < sizeof (t).p ? text_set_s.n : sizeof (t).p);             \
        if ((t).n != 0)                                                                            \
            memcpy((t).p, text_set_s.p, (t).n);                                                    \
    } while (0)

#endif
