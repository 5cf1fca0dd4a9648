/* holds: who has what. */
#include "core/core.h"

struct slice holds_told(struct ils *ils)
{
    return slice_make(NULL, 0);
}

void holds_read(struct peer *p, struct slice value)
{
}

void holds_tick(struct ils *ils)
{
}

tick holds_deadline(const struct ils *ils)
{
    return TICK_NEVER;
}
