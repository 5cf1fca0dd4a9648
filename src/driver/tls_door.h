/* tls_door: TLS 1.2 and 1.3 for a door, which programs of other makers come to: whoever asks shows
 * a certificate only where the door wants one, and names the protocol (ALPN) or does not. Its
 * sessions are those of tls.h, accepting; tls_session_secured is not for them. */
#ifndef OPENILS_DRIVER_TLS_DOOR_H
#define OPENILS_DRIVER_TLS_DOOR_H

#include "driver/tls.h"

struct tls_door_options {
    struct slice leaf, chain, key; /* DER; key PKCS#8 */
    struct slice clients; /* certificates, DER one after the other: one of them, or whom it signed,
                           * comes in, and nobody else; n = 0: nobody is asked for one */
    const char *protocol; /* "sip/2": who names others alone is refused; NULL: none is known */
};

/* To be freed by tls_context_unref. NULL: error is a sentence, without a remedy. */
struct tls_context *tls_door_context(const struct tls_door_options *options, char *error,
                                     size_t size);

#endif
