/* mesh: whom this cluster wants to be linked to. */
#include "core/core.h"

void mesh_tick(struct ils *ils)
{
}

tick mesh_deadline(const struct ils *ils)
{
    return TICK_NEVER;
}
