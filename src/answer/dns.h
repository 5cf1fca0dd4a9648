/* dns: the DNS door as pure functions: one message in, one message out, out of the plan and the
 * routes of this moment. docs/dns.md says which name asks for what, and what is answered to what.
 *
 * The door is authoritative for one zone, the suffix, and makes its records up when they are asked
 * for: nothing is stored, transferred or signed. Below the suffix:
 *
 *   4.3.2.1.1.8                +811234, as ENUM has it (RFC 6116): NAPTR
 *   1.0.0.2.enterprise         the enterprise number 2001: NAPTR
 *   alice.example.com.uri      alice@example.com, as in the mailbox of an SOA: NAPTR
 *   example.com.route          the route string example.com: NAPTR to services (RFC 3263)
 *   _sip._tcp.example.com.route      SRV
 *   10-0-0-5.ip4, 20010db8...0001.ip6   a target that is an address: A, AAAA
 *   ns                         the door itself: A, AAAA
 *
 * Whatever may be below a name counts as being there: a number of which longer ones may be
 * advertised is NODATA, not NXDOMAIN, so that no cache takes longer ones for gone (RFC 8020). */
#ifndef OPENILS_ANSWER_DNS_H
#define OPENILS_ANSWER_DNS_H

#include "base/buf.h"
#include "plan/lookup.h"

#define DNS_HEADER      12
#define DNS_NAME_MAX    255  /* bytes of a name on the wire */
#define DNS_SUFFIX_MAX  150  /* so that numbers and most URIs fit before it */
#define DNS_REQUEST_MAX 4096 /* bytes: no question needs as many */
#define DNS_UDP_MIN     512  /* without EDNS */
#define DNS_UDP_MAX     1232 /* with EDNS: no fragments, whatever the way */
#define DNS_REPLY_MAX   65535

#define DNS_SUFFIX_DEFAULT "ils.internal"

/* Why a message is not a question of ours. The first reason found counts. */
enum dns_error {
    DNS_OK = 0,
    DNS_ERROR_SHORT,    /* less than a header: there is nothing to answer to */
    DNS_ERROR_REPLY,    /* a reply: never answered, or two servers talk for ever */
    DNS_ERROR_OPCODE,   /* no query: NOTIMP */
    DNS_ERROR_COUNT,    /* not one question, or records where a query has none */
    DNS_ERROR_NAME,     /* the question's name: too long, cut, or compressed */
    DNS_ERROR_RECORD,   /* an additional record that does not end, or bytes behind the last one */
    DNS_ERROR_OPT,      /* EDNS twice, of another name than the root, or with options cut */
    DNS_ERROR_VERSION,  /* EDNS of a version that is not there yet: BADVERS */
    DNS_ERRORS
};

struct dns_request {
    struct slice bytes;     /* as given */
    uint16_t id;
    struct slice question;  /* name, type and class as they came */
    uint8_t name[DNS_NAME_MAX]; /* wire form in lower case; name_n bytes */
    size_t name_n;
    uint16_t type, class;
    bool edns, dnssec_ok;   /* an OPT record; its DO bit */
    uint16_t payload;       /* UDP bytes the asker takes; DNS_UDP_MIN without EDNS */
    uint8_t error;          /* enum dns_error, as returned */
};

/* Reads one message. After an error the fields read before it are kept. */
enum dns_error dns_read(struct slice bytes, struct dns_request *ret);

/* --- the zone: */

struct dns_config {
    uint8_t suffix[DNS_NAME_MAX]; /* by dns_suffix_read */
    size_t suffix_n;
    uint32_t serial;     /* of the SOA; nothing is transferred, so any number does */
    uint32_t ttl;        /* seconds, of all records and of "not there" */
    uint8_t ip4[4], ip6[16]; /* where the door is, for ns; all zero: not said */
};

/* Why a text is no suffix; sentences live with the caller. */
enum dns_suffix_error {
    DNS_SUFFIX_OK = 0,
    DNS_SUFFIX_EMPTY,     /* nothing, or the root: the door is no root server */
    DNS_SUFFIX_LABEL,     /* a label that is empty, above 63 bytes, or no letters, digits, "-" */
    DNS_SUFFIX_LONG,      /* above DNS_SUFFIX_MAX bytes */
    DNS_SUFFIX_DIGIT,     /* begins with a label of one digit: numbers would be ambiguous */
};

/* text: with or without the dot at its end, any case. */
enum dns_suffix_error dns_suffix_read(struct slice text, struct dns_config *ret);

/* --- answering: */

/* What happened, for counters and the trace. Slices live in the scratch arena. */
struct dns_outcome {
    uint8_t error;         /* enum dns_error */
    uint8_t rcode;         /* of the reply, without the extended bits */
    bool looked_up;        /* the plan was asked: the next two count */
    uint8_t result;        /* enum lookup_result */
    struct slice dialled;
    size_t records;        /* in the answer section */
    bool truncated;
};

/* Appends the reply to one message to out and returns its size; 0: nothing is to be sent. plan may
 * be NULL: SERVFAIL; routes NULL: those of the plan, as readers beside its owner must have it.
 * udp: at most what the asker takes is sent, else TC is set. scratch is reset by the caller,
 * between requests. */
size_t dns_answer(const struct plan *plan, const struct routes *routes,
                  const struct dns_config *config, struct arena *scratch, struct slice request,
                  bool udp, struct buf *out, struct dns_outcome *ret);

/* The reply to a question that may not be answered in full now (a source asks more than its share):
 * empty, with TC, so that an asker who is really there comes again by TCP. Never longer than the
 * request. 0: nothing is to be sent. */
size_t dns_slip(struct slice request, struct buf *out);

#endif
