/* route_text: reading route patterns and targets. Inside the room only. */
#ifndef OPENILS_PLAN_ROUTE_TEXT_H
#define OPENILS_PLAN_ROUTE_TEXT_H

#include "plan/route.h"

#define ROUTE_PATTERN_MAX (2 + ROUTE_STRING_MAX)

/* The canonical pattern, in lower case: *ret is a slice of scratch. False: it is none. */
bool route_pattern_parse(struct slice text, uint8_t scratch[static ROUTE_PATTERN_MAX],
                         struct slice *ret);

#endif
