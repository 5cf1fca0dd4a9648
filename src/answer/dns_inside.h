/* dns_inside: what the files of the DNS door share: dns_wire.c reads and writes messages,
 * dns_name.c knows what a name asks for, dns_answer.c judges. Inside the room only. */
#ifndef OPENILS_ANSWER_DNS_INSIDE_H
#define OPENILS_ANSWER_DNS_INSIDE_H

#include "answer/dns.h"

/* --- what a name asks for: */

enum dns_node_kind {
    DNS_NODE_NONE,    /* nothing, now or ever: NXDOMAIN */
    DNS_NODE_EMPTY,   /* the root of a tree: there, and without records of its own */
    DNS_NODE_APEX,
    DNS_NODE_SERVER,  /* ns */
    DNS_NODE_DIALLED, /* text: what was dialled */
    DNS_NODE_ROUTE,   /* text: route string */
    DNS_NODE_SERVICE, /* text: route string; service */
    DNS_NODE_IP4,     /* ip: 4 bytes */
    DNS_NODE_IP6,     /* ip: 16 bytes */
};

/* What RFC 3263 tells apart in names: scheme and transport. */
enum dns_service {
    DNS_SIP_UDP,
    DNS_SIP_TCP,
    DNS_SIPS_TCP,
    DNS_SIP_SCTP,
    DNS_SIP_WS,
    DNS_SIPS_WS,
    DNS_SERVICES
};

struct dns_node {
    uint8_t kind;    /* enum dns_node_kind */
    uint8_t service; /* enum dns_service */
    bool uri;        /* DIALLED: a URI, not a number */
    size_t digits;   /* DIALLED, a number: how many */
    uint8_t ip[16];
    struct slice text; /* in the arena */
};

/* name: in lower case, of the zone, `before` bytes of it stand before the suffix. */
void dns_node_read(struct arena *a, const uint8_t *name, size_t before, struct dns_node *ret);

/* The labels of a service: "_sip", "_tcp"; static. */
struct dns_service_text {
    const char *scheme, *transport;
    const char *naptr; /* "SIP+D2T" */
};
extern const struct dns_service_text dns_services[DNS_SERVICES];

/* --- the routes (dns_route.c); the records are answers: */

struct dns_writer;
/* NAPTR records to the services of a ROUTE, SRV records of a SERVICE. */
void dns_put_transports(struct dns_writer *w, const struct dns_config *config,
                        const struct routes *routes, const struct dns_node *node);
void dns_put_services(struct dns_writer *w, const struct dns_config *config,
                      const struct routes *routes, const struct dns_node *node);
/* Whether an address, of 4 or 16 bytes, is a route's target: others have no name here, so that
 * nobody gets a name for an address of his choice. */
bool dns_is_target(const struct routes *routes, const uint8_t *ip, bool ip6);
/* An IPv6 address in its brackets. */
bool dns_ip6_parse(struct slice host, uint8_t ret[static 16]);

/* --- writing: */

struct dns_writer {
    struct buf *out;
    size_t base;       /* where the message begins in out */
    size_t section;    /* where the records begin */
    size_t limit;      /* bytes of the message */
    uint16_t answers, authorities, additionals;
    bool edns, dnssec_ok;
    uint16_t rcode;    /* with the extended bits */
    uint16_t zone;     /* offset of the suffix in the question; 0: none was read */
    int16_t ede;       /* extended error (RFC 8914); -1: none */
    const char *ede_text;
    struct slice ede_about; /* behind the text */
};

/* Header and question of the reply to a request. */
void dns_begin(struct dns_writer *w, struct buf *out, const struct dns_request *m, size_t limit);
/* A record of the name at an offset of the message (0: the root); the caller appends the data and
 * calls dns_record_end with what this returned. */
size_t dns_record(struct dns_writer *w, size_t owner, uint16_t type, uint32_t ttl);
void dns_record_end(struct dns_writer *w, size_t at);
/* A reference to the name at an offset of the message. */
void dns_pointer(struct dns_writer *w, size_t to);
void dns_text(struct dns_writer *w, const char *text); /* a label, or a character string */
/* EDNS and the counts; whole = false where the records did not fit (TC). Size of the message, 0
 * when memory was refused (out is as it was). */
size_t dns_end(struct dns_writer *w, bool authoritative, bool *ret_whole);

#endif
