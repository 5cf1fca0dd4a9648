/* told: what of a stream others are shown. */
#include "core/core.h"

struct slice told_bytes(const struct stream *s)
{
    return buf_slice(&s->head_bytes);
}

const struct head *told_head(const struct stream *s)
{
    return &s->head;
}

bool told_setting(struct ils *ils, struct slice key, struct slice value)
{
    return false;
}

void told_rows(struct rows *r)
{
}

void told_command(struct ils *ils, const struct command *c)
{
    command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
}

void told_tick(struct ils *ils)
{
}
