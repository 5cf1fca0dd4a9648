/* identity: two that say that they are one. */
#include "core/core.h"

enum code identity_judge(const struct link *l, const struct proof *p)
{
    return memcmp(p->key, l->ils->key, KEY_SIZE) == 0 ? CODE_CLONE : CODE_NONE;
}

void identity_refused(struct link *l, enum code code)
{
}

void identity_up(struct link *l)
{
}

void identity_heads(struct ils *ils, struct stream *s, struct slice bytes, const struct head *h)
{
}

void identity_named(struct ils *ils, struct peer *p)
{
}

void identity_command(struct ils *ils, const struct command *c)
{
    command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
}

void identity_stored(struct ils *ils, struct batch *b, bool failed)
{
}

void identity_network(struct ils *ils, const struct command *c)
{
    command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
}
