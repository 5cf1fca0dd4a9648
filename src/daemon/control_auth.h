/* control_auth: what the requests about authentication share: who would stay with a method. */
#ifndef OPENILS_DAEMON_CONTROL_AUTH_H
#define OPENILS_DAEMON_CONTROL_AUTH_H

#include "daemon/control_inside.h"

struct readiness {
    const struct ils *core;
    uint8_t method;       /* not METHOD_NONE */
    struct view_self self;
    bool has_password;
    bool password_new;    /* of METHOD_PASSWORD: others may not hold the one given just now ... */
    uint16_t generation;  /* ... and of which generation it is */
};

/* "accept" of a request into auth. False: the request was ended. */
bool control_auth_accept(struct client *client, json_t *accept, struct auth *auth);
/* Cluster i of view_cluster, as `auth ready` shows it. New ref; *ret_outcome is static: "stays",
 * "cut off" or "unknown". */
json_t *control_ready_row(const struct readiness *r, size_t i, const struct view_cluster *c,
                          const char **ret_outcome);
/* Whether the two ever link. */
bool control_ready_matters(const struct readiness *r, const struct view_cluster *c);

#endif
