/* sip: the SIP door as two pure functions: a strict reader and a stateless redirect.
 *
 * sip_read checks one datagram against RFC 3261 and returns slices into it: nothing is copied and
 * nothing is repaired. sip_answer asks the plan and writes the reply. docs/sip.md says what is
 * answered to what, and where the reader is stricter or milder than the RFC.
 *
 * Folded header lines are accepted. A slice of a whole value may thus hold CRLF, always followed by
 * a blank; the slices of the grammar below it (tags, branches, hosts, URIs) never do. */
#ifndef OPENILS_ANSWER_SIP_H
#define OPENILS_ANSWER_SIP_H

#include "base/buf.h"
#include "plan/lookup.h"

#define SIP_MESSAGE_MAX 8192 /* bytes of one datagram, or of one message on a connection */
#define SIP_HEADERS_MAX 64
#define SIP_CSEQ_MAX    2147483647u
#define SIP_REPLY_MAX   16384 /* bytes: more than any request we accept can cause */

enum sip_method {
    SIP_METHOD_OTHER,
    SIP_METHOD_INVITE,
    SIP_METHOD_ACK,
    SIP_METHOD_OPTIONS,
    SIP_METHOD_CANCEL,
};

enum sip_scheme { SIP_SCHEME_OTHER, SIP_SCHEME_SIP, SIP_SCHEME_SIPS, SIP_SCHEME_TEL };

/* The headers that the reader knows; every other one is SIP_HEADER_OTHER and kept as it is. */
enum sip_header {
    SIP_HEADER_OTHER,
    SIP_HEADER_VIA,
    SIP_HEADER_FROM,
    SIP_HEADER_TO,
    SIP_HEADER_CALL_ID,
    SIP_HEADER_CSEQ,
    SIP_HEADER_MAX_FORWARDS,
    SIP_HEADER_CONTENT_LENGTH,
    SIP_HEADER_CONTENT_TYPE,
    SIP_HEADER_REQUIRE,
    SIP_HEADER_CONTACT,
    SIP_HEADER_EXPIRES,
    SIP_HEADER_N
};

/* Why a datagram is not a SIP message. The first reason found counts. */
enum sip_error {
    SIP_OK = 0,
    SIP_ERROR_EMPTY,          /* nothing but line ends: a keepalive */
    SIP_ERROR_SIZE,           /* more than SIP_MESSAGE_MAX bytes */
    SIP_ERROR_START_LINE,     /* neither a request line nor a status line */
    SIP_ERROR_VERSION,        /* a request line of another version than SIP/2.0 */
    SIP_ERROR_URI,            /* Request-URI */
    SIP_ERROR_LINE_END,       /* CR or LF alone, or no empty line behind the headers */
    SIP_ERROR_CHARACTER,      /* a control character */
    SIP_ERROR_ENCODING,       /* not UTF-8 */
    SIP_ERROR_HEADER_NAME,    /* a header line without a name and a colon */
    SIP_ERROR_HEADERS,        /* more than SIP_HEADERS_MAX */
    SIP_ERROR_MISSING,        /* header: a required one is not there */
    SIP_ERROR_DUPLICATE,      /* header: a single one is there twice */
    SIP_ERROR_MALFORMED,      /* header: its value is not what the grammar allows */
    SIP_ERROR_CSEQ_METHOD,    /* CSeq names another method than the request line */
    SIP_ERROR_CONTENT_LENGTH, /* more than the datagram holds */
    SIP_ERROR_N
};

struct sip_uri {
    uint8_t scheme;        /* enum sip_scheme */
    struct slice text;     /* the whole URI */
    struct slice user;     /* tel: the number; empty when absent */
    struct slice password;
    struct slice host;     /* an IPv6 address with its brackets; empty for tel and others */
    uint16_t port;         /* 0: none given */
    struct slice params;   /* what follows the first ";", empty when absent */
    struct slice headers;  /* what follows "?", empty when absent */
};

struct sip_via {
    struct slice text;     /* this Via alone, also where several share a header line */
    struct slice protocol; /* "SIP/2.0/UDP ": all before the host, blanks as they came */
    struct slice host;     /* of sent-by */
    uint16_t port;         /* of sent-by; 0: none given */
    struct slice params;   /* from the first ";" on; empty when absent */
    struct slice branch;   /* never empty on the topmost Via */
    bool rport;            /* RFC 3581: answer to the port the request came from */
};

/* From or To. */
struct sip_party {
    struct sip_uri uri;
    struct slice tag; /* empty when absent */
};

struct sip_field {
    uint8_t header;     /* enum sip_header */
    struct slice name;  /* as it came: long or compact */
    struct slice value; /* without blanks at both ends; may hold folds */
};

struct sip_message {
    struct slice bytes;    /* as given */
    bool request;          /* or a response */
    uint8_t method;        /* enum sip_method, of the request line or of CSeq */
    struct slice method_text;
    struct sip_uri uri;    /* requests: the Request-URI */
    uint16_t status;       /* responses: 100..699 */
    struct slice reason;
    struct sip_via via;    /* the topmost */
    struct slice via_rest; /* what follows it, behind the comma, in the same header line */
    struct sip_party from, to;
    struct slice call_id;
    uint32_t cseq;
    uint8_t max_forwards;  /* requests only */
    struct slice body;     /* as Content-Length says, or what is left */
    struct sip_field field[SIP_HEADERS_MAX];
    size_t field_n;
    /* Index + 1 of the first field of each header; 0: not there. */
    uint8_t first[SIP_HEADER_N];
    /* Headers whose value is sound, as bits 1 << header: after an error these can still be used. */
    uint32_t sound;
    uint8_t error;         /* enum sip_error, as returned */
    uint8_t error_header;  /* enum sip_header, for MISSING, DUPLICATE and MALFORMED */
};

/* Reads one datagram. Everything in *ret points into bytes. After an error, fields that were read
 * before or beside it are kept (see `sound`), so that a request can be refused in its own words. */
enum sip_error sip_read(struct slice bytes, struct sip_message *ret);

/* On a connection (RFC 3261 18.3): how many bytes at the beginning are one message; 0: more have to
 * come (as it may where it is more than there are); SIP_FRAME_BROKEN: what follows cannot be told
 * apart. Line ends before a message are a
 * message of their own: "\r\n\r\n" asks for "\r\n" (RFC 5626 3.5.1). */
#define SIP_FRAME_BROKEN SIZE_MAX
size_t sip_frame(struct slice bytes);

/* Reads one URI as it may stand in a Request-URI, From, To or Contact. False: it is none. */
bool sip_uri_read(struct slice text, struct sip_uri *ret);

/* Reads one URI as a caller may be sent there: sip: or sips:, without headers and method, which he
 * would copy into his next request. */
bool sip_target_read(struct slice text, struct sip_uri *ret);

/* Equal by RFC 3261 19.1.4 in what routes a call: scheme, user (escapes resolved), host without
 * case, port, and the transport parameter. */
bool sip_uri_same(const struct sip_uri *a, const struct sip_uri *b);

/* The canonical (long) name of a header: static text; "" for SIP_HEADER_OTHER. */
const char *sip_header_text(enum sip_header header);

/* --- the redirect: */

struct sip_config {
    uint8_t key[16];     /* secret of the To tags: entropy of this start, or kept with the state */
    struct slice server; /* text of Server in replies; empty: no Server header */
    struct slice agent;  /* who warns in Warning headers: a host name or token; empty: "openils" */
    bool route_string;   /* a redirect says the route string of the learned entry that decided */
};

/* Where the datagram came from, as the socket says. */
struct sip_source {
    struct slice ip; /* text, IPv6 without brackets */
    uint16_t port;
    bool unverified; /* anybody could have written it: the reply is no longer than the request */
};

/* What happened, for counters and the trace. Slices point into the request. */
struct sip_outcome {
    uint16_t status;       /* of the reply; 0: none */
    uint8_t error;         /* enum sip_error of the request */
    uint8_t error_header;  /* enum sip_header */
    uint8_t method;        /* enum sip_method */
    bool looked_up;        /* the plan was asked: the next two count */
    uint8_t result;        /* enum lookup_result; LOOKUP_BUSY: no reply, ask again */
    struct slice dialled;  /* the Request-URI */
    size_t targets;        /* contacts in a 302 */
    bool too_long;         /* no reply: none is as short as the request */
    uint16_t reply_port;   /* the reply goes to source->ip and this port */
};

/* routes as in plan_lookup.
 * Appends the reply to one request to out and returns its size; 0: nothing is to be sent (an ACK, a
 * response, a datagram that cannot be answered, or memory refused). Stateless (RFC 3261 8.2.7): the
 * same request always gets the same reply. scratch is reset by the caller, between requests. */
size_t sip_answer(const struct plan *plan, const struct routes *routes,
                  const struct sip_config *config, struct arena *scratch, struct slice request,
                  const struct sip_source *source, struct buf *out, struct sip_outcome *ret);

#endif
