/* core_trust: what the core keeps of certificates, of what is trusted or was refused, and of
 * invites (cert.c, own.c, ready.c, trust.c, invite.c). Part of core.h. */
#ifndef OPENILS_CORE_CORE_TRUST_H
#define OPENILS_CORE_CORE_TRUST_H

#include "base/certificate.h"
#include "base/list.h"
#include "core/core_text.h"
#include "core/ils.h"
#include "core/limits.h"

/* What is kept of a struct certificate. */
struct facts {
    bool present, self_signed, imported, chained;
    uint16_t error;
    uint8_t depth;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    TEXT(subject, CERTIFICATE_NAME_MAX);
    struct {
        uint16_t n;
        uint8_t p[CERTIFICATE_NAMES * 64]; /* names, each after its length byte, as many as fit */
    } names;
    wall not_before, not_after, ends;
};

/* OpenSSL's words for what is wrong with a certificate or a handshake; shown in the trace. */
struct words {
    TEXT(error, 96);
    TEXT(reason, 64);
    TEXT(library, 32);
    TEXT(function, 48);
    uint32_t number[3]; /* of reason, library, function */
};

/* One certificate or CRL of the trust store (trust.c). */
struct trust_entry {
    struct list node;
    uint8_t kind; /* enum trust_kind */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    bool authority;
    wall not_after, added;
    TEXT(subject, CERTIFICATE_NAME_MAX);
    TEXT(source, 96);
    struct buf der;
};

/* A certificate that was refused here. */
struct refused_entry {
    struct list node; /* oldest first */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    enum code code;
    uint8_t verdict_id[REFUSED_VERDICTS][VERDICT_ID_SIZE]; /* a ring */
    uint32_t verdict_n;
    char ip[ADDRESS_TEXT_MAX + 1];
    uint16_t port;
    wall first, last, not_after;
    uint64_t count;
    TEXT(subject, CERTIFICATE_NAME_MAX);
    struct buf der;
    bool stored, dirty; /* it has a row; the row is not as it is */
};

/* An invite that this hub gave out (invite.c). */
struct invite_entry {
    struct list node;
    uint8_t id[INVITE_ID_SIZE];
    uint8_t secret[INVITE_SECRET_SIZE]; /* wiped when it is spent in vain or over */
    wall made, expires;
    uint8_t failures;
    bool spent;
    uint8_t by[KEY_SIZE];                 /* zeros: spent in vain */
    char by_id[2 * PEER_ID_SIZE + 1];
};

/* One's own certificate (own.c). */
struct own_cert {
    struct buf leaf, chain, key; /* DER; leaf.n = 0: none */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    TEXT(subject, CERTIFICATE_NAME_MAX);
    wall not_before, not_after;
    bool self_signed, made;
};

/* A certificate that another cluster announced, and what this end would say of it. */
struct announced {
    struct buf der;            /* it, then its chain; n = 0: none */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    uint64_t question;         /* VERIFY that is under way, 0 = none */
    bool judged;
    wall judged_at;
    bool taken;                /* the next one: imported; not again when an operator removes it */
    tick import_at;            /* not before: the disk refused it; 0 = not tried yet */
    struct facts facts;
};

#endif
