/* ends: leaving, forgetting, banning. */
#include "core/core.h"

void ends_command(struct ils *ils, const struct command *c)
{
    command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
}

void ends_stored(struct ils *ils, struct batch *b, bool failed)
{
}

void ends_tick(struct ils *ils)
{
}

tick ends_deadline(const struct ils *ils)
{
    return TICK_NEVER;
}

void ends_read(struct ils *ils, const struct stream *self)
{
}

size_t ends_changes(struct ils *ils, struct change *change, size_t max)
{
    return 0;
}

bool ends_allow(const struct ils *ils, const struct stream *s, const struct head *h)
{
    return true;
}

const struct ended *ends_of(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    return NULL;
}

void ends_free(struct ils *ils)
{
}

bool peer_left(const struct ils *ils, const struct peer *p)
{
    return false;
}
