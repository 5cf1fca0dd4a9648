/* view_mesh: whom this cluster wants to be linked to, for whoever shows it. Reads only. */
#include "core/core.h"

bool view_contact(const struct ils *ils, size_t i, struct view_contact *ret)
{
    return false;
}
