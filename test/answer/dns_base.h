/* dns_base: questions as bytes, and replies taken apart by libknot, which wrote none of them. */
#ifndef OPENILS_TEST_DNS_BASE_H
#define OPENILS_TEST_DNS_BASE_H

#include "answer/dns.h"

#include <libknot/libknot.h>
#include <stdio.h>
#include <string.h>

enum { EDNS_NONE = -1 };

struct question {
    uint8_t wire[1024];
    size_t n;
};

static inline void question_u16(struct question *q, unsigned v)
{
    q->wire[q->n++] = (uint8_t)(v >> 8);
    q->wire[q->n++] = (uint8_t)v;
}

/* name: labels between dots, "\\." and "\\DDD" as libknot reads them; payload: EDNS_NONE, or the
 * bytes that the asker takes. RD is set. */
static inline struct slice question_make(struct question *q, const char *name, unsigned type,
                                         int payload)
{
    static const uint8_t head[] = {0x47, 0x11, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    memcpy(q->wire, head, sizeof head);
    q->n = sizeof head;
    knot_dname_from_str(q->wire + q->n, name, DNS_NAME_MAX);
    q->n += knot_dname_size(q->wire + q->n);
    question_u16(q, type);
    question_u16(q, KNOT_CLASS_IN);
    if (payload != EDNS_NONE) {
        q->wire[11] = 1;
        q->wire[q->n++] = 0;
        question_u16(q, KNOT_RRTYPE_OPT);
        question_u16(q, (unsigned)payload);
        question_u16(q, 0);
        question_u16(q, 0);
        question_u16(q, 0);
    }
    return slice_make(q->wire, q->n);
}

/* The reply as libknot reads it, or NULL; to be freed. */
static inline knot_pkt_t *reply_read(const struct buf *out)
{
    knot_pkt_t *p = knot_pkt_new(out->p, (uint16_t)out->n, NULL);
    if (p != NULL && knot_pkt_parse(p, 0) != KNOT_EOK) {
        knot_pkt_free(p);
        p = NULL;
    }
    return p;
}

/* Record i of a section as text: "NAPTR 100 100 "u" ..."; false when there is none. */
static inline bool reply_record(const knot_pkt_t *p, knot_section_t section, unsigned i, char *text,
                                size_t size)
{
    char data[2048];
    const knot_pktsection_t *s = knot_pkt_section(p, section);
    if (i >= s->count)
        return false;
    const knot_rrset_t *rr = knot_pkt_rr(s, (uint16_t)i);
    char type[32];
    knot_rrtype_to_string(rr->type, type, sizeof type);
    if (knot_rrset_txt_dump_data(rr, 0, data, sizeof data, &KNOT_DUMP_STYLE_DEFAULT) < 0)
        return false;
    snprintf(text, size, "%s %s", type, data);
    return true;
}

#endif
