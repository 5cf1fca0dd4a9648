/* introduce: who was invited is made known to the other hubs, and they to it. */
#include "core/core.h"

size_t introduce_changes(struct ils *ils, struct change *change, size_t max)
{
    return 0;
}

void introduce_read(struct ils *ils, const struct stream *self)
{
}

void introduce_tick(struct ils *ils)
{
}

bool introduce_setting(struct ils *ils, struct slice key, struct slice value)
{
    return false;
}

void introduce_rows(struct rows *r)
{
}

void introduce_command(struct ils *ils, const struct command *c)
{
    command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
}

void introduce_free(struct ils *ils)
{
}
