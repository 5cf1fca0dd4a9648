/* Any text is read without harm; what is a token gives itself when it is written again. */
#include "daemon/token.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct token token, again;
    char text[TOKEN_TEXT_MAX], host[HOST_TEXT_MAX + 1];
    uint16_t port;
    struct slice s = slice_make(data, size);
    token_like(s);
    token_address(s, host, &port);
    if (token_read(s, &token) == TOKEN_OK) {
        token_text(text, &token);
        assert(token_read(slice_of(text), &again) == TOKEN_OK);
        assert(memcmp(&token, &again, sizeof token) == 0);
    }
    return 0;
}
