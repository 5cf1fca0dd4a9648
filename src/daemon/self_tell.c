/* self_tell: one's own addresses, so that no call is sent to who was just asked about it. */
#include "daemon/self_tell.h"

#include <stdio.h>
#include <string.h>

#include "plan/route.h"

struct list {
    char text[ROUTE_SELF_MAX];
    size_t n;
};

static void add(struct list *l, const char *address, uint16_t port)
{
    bool v6 = strchr(address, ':') != NULL;
    int n = snprintf(l->text + l->n, sizeof l->text - l->n, "%s%s%s%s:%u", l->n > 0 ? " " : "",
                     v6 ? "[" : "", address, v6 ? "]" : "", (unsigned)port);
    if (n > 0 && (size_t)n < sizeof l->text - l->n)
        l->n += (size_t)n;
}

static void add_all(struct list *l, uint16_t port)
{
    uv_interface_address_t *found = NULL;
    char address[64];
    int n = 0;
    if (uv_interface_addresses(&found, &n) != 0)
        return;
    for (int i = 0; i < n; i++) {
        bool v4 = found[i].address.address4.sin_family == AF_INET;
        int status = v4 ? uv_ip4_name(&found[i].address.address4, address, sizeof address)
                        : uv_ip6_name(&found[i].address.address6, address, sizeof address);
        if (status == 0)
            add(l, address, port);
    }
    uv_free_interface_addresses(found, n);
}

static void nobody(void *context, enum reply reply, struct slice text,
                   const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
}

static void add_door(struct list *l, const struct door_config *sip)
{
    bool any = strcmp(sip->address, "0.0.0.0") == 0 || strcmp(sip->address, "::") == 0;
    if (sip->port != 0 && any)
        add_all(l, sip->port);
    else if (sip->port != 0)
        add(l, sip->address, sip->port);
    if (sip->port != 0 && (any || door_is_loopback(sip->address)))
        add(l, "localhost", sip->port);
}

void self_tell(struct runtime *rt, const struct door_config *const *sip, size_t n)
{
    struct list l = {.n = 0};
    struct command c = {.type = COMMAND_SELF};
    for (size_t i = 0; i < n; i++)
        add_door(&l, sip[i]);
    c.value = slice_make(l.text, l.n);
    runtime_command(rt, &c, nobody, NULL);
}
