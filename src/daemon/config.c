/* config: every option is also a key of the file, by the same name and through the same check. */
#include "daemon/config.h"
#include "daemon/node.h"
#include "daemon/version.h"
#include "driver/address.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "ilsd: the OpenILS daemon of one cluster\n"
    "\n"
    "  --data DIR             state, trace and control socket (" CONFIG_DATA ", or $ILS_DATA)\n"
    "  --store DSN            the state in PostgreSQL, postgresql://USER@HOST/DATABASE, which\n"
    "                         several ilsd may share (a file in DIR)\n"
    "  --store-key FILE       what secrets are sealed with there (DIR/store.key)\n"
    "  --lookup-only          only follows that store: answers, changes nothing, has no links\n"
    "  --node NAME            what this ilsd is called among those that share it (HOST:DIR)\n"
    "  --store-lease SECONDS  who writes must have said so within them, 3 to 300 (10)\n"
    "  --address ADDR         address to listen on for other clusters (:: is every one)\n"
    "  --tls-port N           port for links with certificates (7501; 0: none)\n"
    "  --password-port N      port for links with the password alone (7502; 0: none)\n"
    "  --advertise NAME|ADDR[:PORT]\n"
    "                         where other clusters are told to dial (the FQDN of this cluster)\n"
    "  --sip-address ADDR     address of the SIP door (127.0.0.1)\n"
    "  --sip-port N           UDP and TCP port of the SIP door (5070; 0: none)\n"
    "  --sips-address ADDR    address of the SIP door over TLS (127.0.0.1)\n"
    "  --sips-port N          TCP port of the SIP door over TLS (0: none)\n"
    "  --sips-certificate FILE, --sips-key FILE\n"
    "                         what it shows (the certificate of this cluster)\n"
    "  --sips-clients FILE    certificates: only these, and whom they signed, may ask there\n"
    "  --dns-address ADDR     address of the DNS door (127.0.0.1)\n"
    "  --dns-port N           UDP and TCP port of the DNS door (5300; 0: none)\n"
    "  --http-address ADDR    address of the HTTP door (127.0.0.1)\n"
    "  --http-port N          TCP port of the HTTP door (7580; 0: none)\n"
    "  --page-passwords FILE  passwords that nobody may take at the admin page, one a line\n"
    "  --workers N            threads that answer, 63 at most (0: one for each core)\n"
    "  --config FILE          file with these options as `key = value` (" CONFIG_FILE ",\n"
    "                         unless a data directory is given)\n"
    "  --version, --help\n"
    "\n"
    "Runs in the foreground. SIGTERM and SIGINT end it, SIGHUP begins new trace files and\n"
    "reads the files of --sips-certificate, --sips-key and --sips-clients again.\n"
    "Role, authentication, passwords, dial plan and routes are state: see ils(1).\n";

enum key {
    KEY_DATA,
    KEY_STORE,
    KEY_STORE_KEY,
    KEY_LOOKUP_ONLY,
    KEY_NODE,
    KEY_STORE_LEASE,
    KEY_ADDRESS,
    KEY_TLS_PORT,
    KEY_PASSWORD_PORT,
    KEY_ADVERTISE,
    KEY_SIP_ADDRESS,
    KEY_SIP_PORT,
    KEY_SIPS_ADDRESS,
    KEY_SIPS_PORT,
    KEY_SIPS_CERTIFICATE,
    KEY_SIPS_KEY,
    KEY_SIPS_CLIENTS,
    KEY_PAGE_PASSWORDS,
    KEY_DNS_ADDRESS,
    KEY_DNS_PORT,
    KEY_HTTP_ADDRESS,
    KEY_HTTP_PORT,
    KEY_WORKERS,
    KEYS,
    KEY_CONFIG = KEYS,
    KEY_VERSION,
    KEY_HELP,
};

static const struct option options[] = {
    {"data", required_argument, NULL, KEY_DATA},
    {"store", required_argument, NULL, KEY_STORE},
    {"store-key", required_argument, NULL, KEY_STORE_KEY},
    {"lookup-only", optional_argument, NULL, KEY_LOOKUP_ONLY},
    {"node", required_argument, NULL, KEY_NODE},
    {"store-lease", required_argument, NULL, KEY_STORE_LEASE},
    {"address", required_argument, NULL, KEY_ADDRESS},
    {"tls-port", required_argument, NULL, KEY_TLS_PORT},
    {"password-port", required_argument, NULL, KEY_PASSWORD_PORT},
    {"advertise", required_argument, NULL, KEY_ADVERTISE},
    {"sip-address", required_argument, NULL, KEY_SIP_ADDRESS},
    {"sip-port", required_argument, NULL, KEY_SIP_PORT},
    {"sips-address", required_argument, NULL, KEY_SIPS_ADDRESS},
    {"sips-port", required_argument, NULL, KEY_SIPS_PORT},
    {"sips-certificate", required_argument, NULL, KEY_SIPS_CERTIFICATE},
    {"sips-key", required_argument, NULL, KEY_SIPS_KEY},
    {"sips-clients", required_argument, NULL, KEY_SIPS_CLIENTS},
    {"page-passwords", required_argument, NULL, KEY_PAGE_PASSWORDS},
    {"dns-address", required_argument, NULL, KEY_DNS_ADDRESS},
    {"dns-port", required_argument, NULL, KEY_DNS_PORT},
    {"http-address", required_argument, NULL, KEY_HTTP_ADDRESS},
    {"http-port", required_argument, NULL, KEY_HTTP_PORT},
    {"workers", required_argument, NULL, KEY_WORKERS},
    {"config", required_argument, NULL, KEY_CONFIG},
    {"version", no_argument, NULL, KEY_VERSION},
    {"help", no_argument, NULL, KEY_HELP},
    {NULL, 0, NULL, 0},
};

static const char *take_port(const char *value, uint16_t *ret)
{
    uint64_t v;
    if (!slice_to_u64(slice_of(value), 65535, &v))
        return "wants a port, 0 to 65535";
    *ret = (uint16_t)v;
    return NULL;
}

static const char *take_address(const char *value, char dst[static CONFIG_VALUE])
{
    struct sockaddr_storage a;
    socklen_t n;
    if (!address_parse(value, 0, &a, &n))
        return "wants a numeric address such as 10.0.0.1 or ::";
    snprintf(dst, CONFIG_VALUE, "%s", value);
    return NULL;
}

static const char *take_file(const char *value, char dst[static CONFIG_VALUE])
{
    if (value[0] == '\0' || strlen(value) >= CONFIG_VALUE)
        return "wants a file";
    snprintf(dst, CONFIG_VALUE, "%s", value);
    return NULL;
}

/* What else it may be is for libpq. */
static const char *take_store(const char *value, char dst[static CONFIG_VALUE])
{
    if (strncmp(value, "postgresql://", 13) != 0 && strncmp(value, "postgres://", 11) != 0)
        return "wants postgresql://USER@HOST:PORT/DATABASE";
    if (strlen(value) >= CONFIG_VALUE)
        return "is too long";
    snprintf(dst, CONFIG_VALUE, "%s", value);
    return NULL;
}

/* Without a value, as an option, it is yes. */
static const char *take_flag(const char *value, bool *ret)
{
    *ret = value == NULL || strcmp(value, "yes") == 0;
    return *ret || strcmp(value, "no") == 0 ? NULL : "wants yes or no";
}

/* It is shown, and compared. */
static const char *take_name(const char *value, char dst[static CONFIG_VALUE])
{
    size_t n = strlen(value);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)value[i]) && strchr(".-_:/#", value[i]) == NULL)
            n = 0;
    if (n == 0 || n > NODE_NAME_MAX)
        return "wants a name of letters, digits and .-_:/#";
    snprintf(dst, CONFIG_VALUE, "%s", value);
    return NULL;
}

static const char *take_lease(const char *value, unsigned *ret)
{
    uint64_t v;
    if (!slice_to_u64(slice_of(value), NODE_LEASE_S_MAX, &v) || v < NODE_LEASE_S_MIN)
        return "wants seconds, 3 to 300";
    *ret = (unsigned)v;
    return NULL;
}

static const char *take_workers(const char *value, unsigned *ret)
{
    uint64_t v;
    if (!slice_to_u64(slice_of(value), 63, &v))
        return "wants a number of threads, 0 to 63";
    *ret = (unsigned)v;
    return NULL;
}

/* A name or an address, with or without a port; what it means is for the core. */
static const char *take_advertise(const char *value, char dst[static CONFIG_VALUE])
{
    size_t n = strlen(value);
    if (n == 0 || n > HOST_TEXT_MAX + 6)
        return "wants NAME, ADDRESS, NAME:PORT or [ADDRESS]:PORT";
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)value[i]) && strchr(".-_:[]", value[i]) == NULL)
            return "wants NAME, ADDRESS, NAME:PORT or [ADDRESS]:PORT";
    snprintf(dst, CONFIG_VALUE, "%s", value);
    return NULL;
}

/* NULL, or what is wrong with the value. */
static const char *take(struct config *c, int key, const char *value)
{
    switch (key) {
    case KEY_DATA:
        if (value[0] == '\0' || strlen(value) >= sizeof c->data)
            return "wants a directory";
        snprintf(c->data, sizeof c->data, "%s", value);
        return NULL;
    case KEY_STORE: return take_store(value, c->store);
    case KEY_STORE_KEY: return take_file(value, c->store_key);
    case KEY_LOOKUP_ONLY: return take_flag(value, &c->options.lookup_only);
    case KEY_NODE: return take_name(value, c->node);
    case KEY_STORE_LEASE: return take_lease(value, &c->options.lease_s);
    case KEY_ADDRESS: return take_address(value, c->address);
    case KEY_TLS_PORT: return take_port(value, &c->options.tls_port);
    case KEY_PASSWORD_PORT: return take_port(value, &c->options.password_port);
    case KEY_ADVERTISE: return take_advertise(value, c->advertise);
    case KEY_SIP_ADDRESS: return take_address(value, c->sip_address);
    case KEY_SIP_PORT: return take_port(value, &c->options.sip_port);
    case KEY_SIPS_ADDRESS: return take_address(value, c->sips_address);
    case KEY_SIPS_PORT: return take_port(value, &c->options.sips_port);
    case KEY_SIPS_CERTIFICATE: return take_file(value, c->sips_certificate);
    case KEY_SIPS_KEY: return take_file(value, c->sips_key);
    case KEY_SIPS_CLIENTS: return take_file(value, c->sips_clients);
    case KEY_PAGE_PASSWORDS: return take_file(value, c->page_passwords);
    case KEY_DNS_ADDRESS: return take_address(value, c->dns_address);
    case KEY_DNS_PORT: return take_port(value, &c->options.dns_port);
    case KEY_HTTP_ADDRESS: return take_address(value, c->http_address);
    case KEY_HTTP_PORT: return take_port(value, &c->options.http_port);
    default: return take_workers(value, &c->options.workers);
    }
}

/* --- the file */

struct reading {
    struct config *c;
    const char *path;
    FILE *file;
    unsigned line;
    bool failed;
};

static char *read_line(char *dst, int size, void *context)
{
    struct reading *r = context;
    if (r->failed || fgets(dst, size, r->file) == NULL)
        return NULL;
    r->line++;
    if (strchr(dst, '\n') == NULL && !feof(r->file)) {
        fprintf(stderr, "ilsd: %s line %u: longer than %d bytes; shorten it\n", r->path, r->line,
                size - 2);
        r->failed = true;
        return NULL;
    }
    return dst;
}

static int take_key(void *context, const char *section, const char *name, const char *value)
{
    struct reading *r = context;
    if (r->failed)
        return 0;
    int key = 0;
    while (key < KEYS && strcmp(options[key].name, name) != 0)
        key++;
    if (section[0] != '\0' || key == KEYS) {
        fprintf(stderr, "ilsd: %s line %u: unknown setting '%s%s%s'; known are ", r->path, r->line,
                section, section[0] != '\0' ? "." : "", name);
        for (key = 0; key < KEYS; key++)
            fprintf(stderr, "%s%s", options[key].name, key + 1 < KEYS ? ", " : "\n");
        r->failed = true;
        return 0;
    }
    const char *wrong = take(r->c, key, value);
    if (wrong == NULL)
        return 1;
    fprintf(stderr, "ilsd: %s line %u: %s %s, not '%s'\n", r->path, r->line, name, wrong, value);
    r->failed = true;
    return 0;
}

static bool read_file(struct config *c, const char *path, bool must)
{
    struct reading r = {.c = c, .path = path, .file = fopen(path, "re")};
    if (r.file == NULL) {
        if (!must && errno == ENOENT)
            return true;
        fprintf(stderr, "ilsd: cannot read %s: %s; give another file with --config\n", path,
                strerror(errno));
        return false;
    }
    int line = ini_parse_stream(read_line, &r, take_key, &r);
    fclose(r.file);
    if (line != 0 && !r.failed)
        fprintf(stderr, "ilsd: %s line %d: not of the form `key = value`\n", path, line);
    return line == 0 && !r.failed;
}

/* --- the whole */

static void defaults(struct config *c)
{
    memset(c, 0, sizeof *c);
    snprintf(c->data, sizeof c->data, CONFIG_DATA);
    snprintf(c->address, sizeof c->address, "::");
    snprintf(c->sip_address, sizeof c->sip_address, "127.0.0.1");
    snprintf(c->sips_address, sizeof c->sips_address, "127.0.0.1");
    snprintf(c->dns_address, sizeof c->dns_address, "127.0.0.1");
    snprintf(c->http_address, sizeof c->http_address, "127.0.0.1");
    c->options.tls_port = PORT_TLS_DEFAULT;
    c->options.password_port = PORT_PASSWORD_DEFAULT;
    c->options.sip_port = 5070;
    c->options.dns_port = 5300;
    c->options.http_port = 7580;
}

/* Walks the command line; with apply = false it only looks for what decides about the file. */
static enum config_outcome walk(struct config *c, int argc, char **argv, bool apply,
                                const char **ret_file, bool *ret_data)
{
    int key;
    optind = 1;
    opterr = apply ? 0 : 1;
    while ((key = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (key == '?' || (!apply && key == KEY_HELP) || (!apply && key == KEY_VERSION)) {
            if (key == KEY_HELP)
                fputs(help, stdout);
            else if (key == KEY_VERSION)
                puts("ilsd " OPENILS_VERSION);
            else
                fputs("ilsd: see ilsd --help\n", stderr);
            return key == '?' ? CONFIG_BAD : CONFIG_DONE;
        }
        if (key == KEY_CONFIG)
            *ret_file = optarg;
        *ret_data = *ret_data || key == KEY_DATA;
        const char *wrong = apply && key < KEYS ? take(c, key, optarg) : NULL;
        if (wrong != NULL) {
            fprintf(stderr, "ilsd: --%s %s, not '%s'\n", options[key].name, wrong,
                    optarg != NULL ? optarg : "");
            return CONFIG_BAD;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "ilsd: '%s' is no option; see ilsd --help\n", argv[optind]);
        return CONFIG_BAD;
    }
    return CONFIG_GO;
}

enum config_outcome config_read(struct config *c, int argc, char **argv)
{
    const char *file = NULL, *environment = getenv("ILS_DATA");
    bool data = false;
    defaults(c);
    enum config_outcome outcome = walk(c, argc, argv, false, &file, &data);
    if (outcome != CONFIG_GO)
        return outcome;
    bool elsewhere = data || (environment != NULL && environment[0] != '\0');
    if (file != NULL ? !read_file(c, file, true) : !elsewhere && !read_file(c, CONFIG_FILE, false))
        return CONFIG_BAD;
    if (environment != NULL && environment[0] != '\0' && take(c, KEY_DATA, environment) != NULL) {
        fprintf(stderr, "ilsd: ILS_DATA wants a directory, not '%s'\n", environment);
        return CONFIG_BAD;
    }
    outcome = walk(c, argc, argv, true, &file, &data);
    c->options.data = c->data;
    c->options.store = c->store[0] != '\0' ? c->store : NULL;
    c->options.store_key = c->store_key[0] != '\0' ? c->store_key : NULL;
    c->options.node = c->node[0] != '\0' ? c->node : NULL;
    if (outcome == CONFIG_GO && c->options.lookup_only && c->options.store == NULL) {
        fputs("ilsd: --lookup-only follows a store in PostgreSQL: give it with --store\n", stderr);
        return CONFIG_BAD;
    }
    c->options.address = c->address;
    c->options.sip_address = c->sip_address;
    c->options.sips_address = c->sips_address;
    c->options.sips_certificate = c->sips_certificate[0] != '\0' ? c->sips_certificate : NULL;
    c->options.sips_key = c->sips_key[0] != '\0' ? c->sips_key : NULL;
    c->options.sips_clients = c->sips_clients[0] != '\0' ? c->sips_clients : NULL;
    c->options.page_passwords = c->page_passwords[0] != '\0' ? c->page_passwords : NULL;
    c->options.dns_address = c->dns_address;
    c->options.http_address = c->http_address;
    c->options.advertise = c->advertise[0] != '\0' ? c->advertise : NULL;
    return outcome;
}
