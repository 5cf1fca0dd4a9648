/* dns_wire: DNS messages (RFC 1035, RFC 6891): a strict reader of questions and a writer of replies
 * over libknot's functions for names and headers. Nothing is repaired: what does not parse to its
 * last byte is FORMERR. */
#include "answer/dns_inside.h"

#include <libknot/consts.h>
#include <libknot/descriptor.h>
#include <libknot/dname.h>
#include <libknot/packet/wire.h>
#include <string.h>

#define QUESTION_TAIL 4  /* type and class */
#define RECORD_HEAD   10 /* type, class, TTL, length */
#define OPT_SIZE      11
#define EDE_OPTION    15
#define EDE_TEXT_MAX  200
#define OPT_DO        0x8000

/* --- reading: */

static uint16_t get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* Options are passed over, but they must end where the record does. */
static bool options_sound(struct slice options)
{
    while (options.n > 0) {
        if (options.n < 4 || get_u16(options.p + 2) > options.n - 4)
            return false;
        size_t n = 4 + (size_t)get_u16(options.p + 2);
        options = slice_make(options.p + n, options.n - n);
    }
    return true;
}

/* tail: type, class, TTL and length of an OPT record, its options behind. */
static enum dns_error read_opt(struct dns_request *m, struct slice owner, const uint8_t *tail,
                               size_t options)
{
    if (m->edns || owner.n != 1 || !options_sound(slice_make(tail + RECORD_HEAD, options)))
        return DNS_ERROR_OPT;
    m->edns = true;
    m->payload = get_u16(tail + 2);
    if (m->payload < DNS_UDP_MIN)
        m->payload = DNS_UDP_MIN;
    m->dnssec_ok = (get_u16(tail + 6) & OPT_DO) != 0;
    return tail[5] == 0 ? DNS_OK : DNS_ERROR_VERSION;
}

/* All but the question must be additional records, of which OPT alone means something here. A
 * version that is not known is told only when the rest is sound. */
static enum dns_error read_additionals(struct dns_request *m, const uint8_t *p, uint16_t n)
{
    const uint8_t *end = m->bytes.p + m->bytes.n;
    enum dns_error version = DNS_OK;
    for (; n > 0; n--) {
        int name = p < end ? knot_dname_wire_check(p, end, m->bytes.p) : 0;
        if (name <= 0 || (size_t)(end - p) < (size_t)name + RECORD_HEAD)
            return DNS_ERROR_RECORD;
        const uint8_t *tail = p + name;
        uint16_t size = get_u16(tail + 8);
        if ((size_t)(end - tail) < (size_t)RECORD_HEAD + size)
            return DNS_ERROR_RECORD;
        if (get_u16(tail) == KNOT_RRTYPE_OPT) {
            enum dns_error e = read_opt(m, slice_make(p, (size_t)name), tail, size);
            if (e == DNS_ERROR_OPT)
                return e;
            version = e;
        }
        p = tail + RECORD_HEAD + size;
    }
    return p == end ? version : DNS_ERROR_RECORD;
}

static enum dns_error read_message(struct dns_request *m)
{
    const uint8_t *wire = m->bytes.p;
    if (m->bytes.n < DNS_HEADER)
        return DNS_ERROR_SHORT;
    m->id = knot_wire_get_id(wire);
    if (knot_wire_get_qr(wire) != 0)
        return DNS_ERROR_REPLY;
    if (knot_wire_get_opcode(wire) != KNOT_OPCODE_QUERY)
        return DNS_ERROR_OPCODE;
    if (knot_wire_get_qdcount(wire) != 1 || knot_wire_get_ancount(wire) != 0 ||
        knot_wire_get_nscount(wire) != 0 || m->bytes.n > DNS_REQUEST_MAX)
        return DNS_ERROR_COUNT;
    const uint8_t *name = wire + DNS_HEADER, *end = wire + m->bytes.n;
    int n = name < end ? knot_dname_wire_check(name, end, NULL) : 0;
    if (n <= 0 || n > DNS_NAME_MAX || (size_t)(end - name) < (size_t)n + QUESTION_TAIL)
        return DNS_ERROR_NAME;
    m->name_n = (size_t)n;
    knot_dname_copy_lower(m->name, name);
    m->type = get_u16(name + n);
    m->class = get_u16(name + n + 2);
    m->question = slice_make(name, (size_t)n + QUESTION_TAIL);
    return read_additionals(m, name + m->question.n, knot_wire_get_arcount(wire));
}

enum dns_error dns_read(struct slice bytes, struct dns_request *ret)
{
    ret->bytes = bytes;
    ret->id = 0;
    ret->question = slice_make(NULL, 0);
    ret->name_n = 0;
    ret->type = ret->class = 0;
    ret->edns = ret->dnssec_ok = false;
    ret->payload = DNS_UDP_MIN;
    enum dns_error e = read_message(ret);
    ret->error = (uint8_t)e;
    return e;
}

/* --- writing: */

static uint8_t *message(const struct dns_writer *w)
{
    return w->out->p + w->base;
}

void dns_begin(struct dns_writer *w, struct buf *out, const struct dns_request *m, size_t limit)
{
    *w = (struct dns_writer){.out = out, .base = out->n, .limit = limit, .ede = -1};
    uint8_t *head = buf_extend(out, DNS_HEADER);
    if (head == NULL)
        return;
    memset(head, 0, DNS_HEADER);
    knot_wire_set_id(head, m->id);
    knot_wire_set_qr(head);
    knot_wire_set_opcode(head, knot_wire_get_opcode(m->bytes.p));
    if (knot_wire_get_rd(m->bytes.p) != 0)
        knot_wire_set_rd(head);
    if (knot_wire_get_cd(m->bytes.p) != 0)
        knot_wire_set_cd(head);
    knot_wire_set_qdcount(head, m->question.n > 0);
    buf_put_slice(out, m->question);
    w->section = out->n;
    w->edns = m->edns;
    w->dnssec_ok = m->dnssec_ok;
}

size_t dns_record(struct dns_writer *w, size_t owner, uint16_t type, uint32_t ttl)
{
    dns_pointer(w, owner);
    uint8_t *head = buf_extend(w->out, RECORD_HEAD);
    if (head != NULL) {
        knot_wire_write_u16(head, type);
        knot_wire_write_u16(head + 2, KNOT_CLASS_IN);
        knot_wire_write_u32(head + 4, ttl);
        knot_wire_write_u16(head + 8, 0);
    }
    return w->out->n;
}

void dns_record_end(struct dns_writer *w, size_t at)
{
    if (!w->out->failed)
        knot_wire_write_u16(w->out->p + at - 2, (uint16_t)(w->out->n - at));
}

void dns_pointer(struct dns_writer *w, size_t to)
{
    if (to == 0)
        buf_put_u8(w->out, 0);
    else
        buf_put_u16(w->out, (uint16_t)(0xc000 | to));
}

void dns_text(struct dns_writer *w, const char *text)
{
    size_t n = strlen(text);
    buf_put_u8(w->out, (uint8_t)n);
    buf_put(w->out, text, n);
}

/* Why, in words: for people (dig shows it), no client acts on it. */
static void put_ede(struct dns_writer *w)
{
    size_t text = strlen(w->ede_text), about = w->ede_about.n;
    if (about > EDE_TEXT_MAX)
        about = EDE_TEXT_MAX;
    buf_put_u16(w->out, EDE_OPTION);
    buf_put_u16(w->out, (uint16_t)(2 + text + about));
    buf_put_u16(w->out, (uint16_t)w->ede);
    buf_put(w->out, w->ede_text, text);
    buf_put(w->out, w->ede_about.p, about);
}

static void put_opt(struct dns_writer *w)
{
    uint8_t *opt = buf_extend(w->out, OPT_SIZE);
    size_t at = w->out->n;
    if (opt == NULL)
        return;
    memset(opt, 0, OPT_SIZE);
    knot_wire_write_u16(opt + 1, KNOT_RRTYPE_OPT);
    knot_wire_write_u16(opt + 3, DNS_UDP_MAX);
    opt[5] = (uint8_t)(w->rcode >> 4);
    knot_wire_write_u16(opt + 7, w->dnssec_ok ? OPT_DO : 0);
    if (w->ede >= 0)
        put_ede(w);
    dns_record_end(w, at);
    w->additionals++;
}

size_t dns_end(struct dns_writer *w, bool authoritative, bool *ret_whole)
{
    size_t opt = w->edns ? OPT_SIZE : 0;
    *ret_whole = w->out->n - w->base + opt <= w->limit;
    if (!*ret_whole) {
        w->out->n = w->section;
        w->answers = w->authorities = w->additionals = 0;
        w->ede = -1;
    }
    size_t before = w->out->n;
    if (w->edns)
        put_opt(w);
    if (w->out->n - w->base > w->limit && w->ede >= 0) { /* the words are what can be spared */
        w->out->n = before;
        w->ede = -1;
        w->additionals--;
        put_opt(w);
    }
    if (w->out->failed) {
        w->out->n = w->base;
        return 0;
    }
    uint8_t *head = message(w);
    if (authoritative)
        knot_wire_set_aa(head);
    if (!*ret_whole)
        knot_wire_set_tc(head);
    knot_wire_set_rcode(head, w->rcode & 0xf);
    knot_wire_set_ancount(head, w->answers);
    knot_wire_set_nscount(head, w->authorities);
    knot_wire_set_arcount(head, w->additionals);
    return w->out->n - w->base;
}

size_t dns_slip(struct slice request, struct buf *out)
{
    struct dns_request m;
    struct dns_writer w;
    bool whole;
    if (dns_read(request, &m) != DNS_OK)
        return 0;
    dns_begin(&w, out, &m, 0); /* nothing fits */
    return dns_end(&w, false, &whole);
}
