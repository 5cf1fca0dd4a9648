/* sip_base: a sound request in slots, so that a case is one slot that differs. */
#ifndef OPENILS_TEST_SIP_BASE_H
#define OPENILS_TEST_SIP_BASE_H

#include "base/slice.h"

#include <string.h>

enum slot {
    START,
    VIA,
    MAX_FORWARDS,
    FROM,
    TO,
    CALL_ID,
    CSEQ,
    MORE,
    LENGTH,
    BODY,
    SLOTS
};

static const char *const base_slot[SLOTS] = {
    [START] = "INVITE sip:2001@b.example SIP/2.0\r\n",
    [VIA] = "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc\r\n",
    [MAX_FORWARDS] = "Max-Forwards: 70\r\n",
    [FROM] = "From: \"A\" <sip:1001@a.example>;tag=f1\r\n",
    [TO] = "To: <sip:2001@b.example>\r\n",
    [CALL_ID] = "Call-ID: 4711@a.example\r\n",
    [CSEQ] = "CSeq: 7 INVITE\r\n",
    [MORE] = "",
    [LENGTH] = "Content-Length: 0\r\n",
    [BODY] = "\r\n",
};

/* The sound request with other text in up to three slots (SLOTS: in none), in a static buffer until
 * the next call. */
static inline struct slice base_with3(int slot, const char *text, int slot2, const char *text2,
                                      int slot3, const char *text3)
{
    static char message[65536];
    size_t n = 0;
    for (int i = 0; i < SLOTS; i++) {
        const char *s = i == slot    ? text
                        : i == slot2 ? text2
                        : i == slot3 ? text3
                                     : base_slot[i];
        memcpy(message + n, s, strlen(s));
        n += strlen(s);
    }
    return slice_make(message, n);
}

static inline struct slice base_with(int slot, const char *text, int slot2, const char *text2)
{
    return base_with3(slot, text, slot2, text2, SLOTS, "");
}

#endif
