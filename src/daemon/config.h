/* config: what ilsd must know before it can open its state: command line over file over default. */
#ifndef OPENILS_DAEMON_CONFIG_H
#define OPENILS_DAEMON_CONFIG_H

#include "daemon/runtime.h"

#define CONFIG_FILE  "/etc/openils/ilsd.conf"
#define CONFIG_DATA  "/var/lib/openils"
#define CONFIG_VALUE 1024

struct config {
    struct runtime_options options; /* points into the texts below */
    char data[CONFIG_VALUE], address[CONFIG_VALUE], advertise[CONFIG_VALUE];
    char sips_address[CONFIG_VALUE], sips_certificate[CONFIG_VALUE], sips_key[CONFIG_VALUE];
    char sips_clients[CONFIG_VALUE];
    char page_passwords[CONFIG_VALUE];
    char store[CONFIG_VALUE], store_key[CONFIG_VALUE], node[CONFIG_VALUE];
    char sip_address[CONFIG_VALUE], dns_address[CONFIG_VALUE], http_address[CONFIG_VALUE];
};

enum config_outcome {
    CONFIG_GO,   /* start */
    CONFIG_DONE, /* --help or --version was answered */
    CONFIG_BAD,  /* one error with its remedy stands on standard error */
};

/* The data directory comes from --data, else $ILS_DATA, else the file, else CONFIG_DATA.
 * CONFIG_FILE is read when it exists and neither --config nor --data nor $ILS_DATA is given: a
 * daemon that is started by hand with a directory of its own has nothing to do with the one of this
 * host. */
enum config_outcome config_read(struct config *c, int argc, char **argv);

#endif
