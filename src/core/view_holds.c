/* view_holds: who has what, and who is gone, for whoever shows it. Reads only. */
#include "core/core.h"

bool view_holds(const struct ils *ils, size_t holder, size_t origin, struct view_holds *ret)
{
    return false;
}

bool view_ended(const struct ils *ils, size_t i, struct view_ended *ret)
{
    return false;
}
