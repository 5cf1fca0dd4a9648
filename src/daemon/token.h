/* token: an invite as text, to be pasted or read out: "ILS1-" and base32 (RFC 4648, no padding,
 * case and blanks do not matter, in groups of eight with "-") of
 *
 *   u8 version 1, 8 id, 16 secret, 32 H("invite hub", key of the hub), u64 expiry (s since 1970),
 *   u8 count, then for each address u8 length and "HOST:PORT" or "[ADDRESS]:PORT" (TLS port),
 *   4 checksum (the first bytes of H("invite token", all before)).
 *
 * It is a bearer secret: whoever holds it joins. */
#ifndef OPENILS_DAEMON_TOKEN_H
#define OPENILS_DAEMON_TOKEN_H

#include "core/ils.h"

#define TOKEN_ADDRESSES 4
#define TOKEN_ADDRESS   256 /* with the byte that ends the text */
#define TOKEN_TEXT_MAX  2048

struct token {
    struct invite invite;
    char address[TOKEN_ADDRESSES][TOKEN_ADDRESS];
    size_t address_n; /* at least one */
};

/* Whether the text means to be a token: it begins as one, and goes on for longer than the first
 * label of a host's name would. */
bool token_like(struct slice text);
/* Likewise where a token or a host is typed: no part of a host's name is so long, so that what lost
 * its beginning is a token still, and a secret. */
bool token_for_host(struct slice text);
/* The expiry is cut to whole seconds. */
void token_text(char dst[static TOKEN_TEXT_MAX], const struct token *token);
enum token_error { TOKEN_OK = 0, TOKEN_MANGLED, TOKEN_VERSION };
/* Total: any text. MANGLED: a character or a part is missing or wrong. */
enum token_error token_read(struct slice text, struct token *ret);

/* "HOST:PORT" or "[ADDRESS]:PORT" taken apart; false when it is neither. */
bool token_address(struct slice text, char host[static HOST_TEXT_MAX + 1], uint16_t *ret_port);

#endif
