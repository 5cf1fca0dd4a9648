/* token: what goes in comes out, however it was pasted; one lost or wrong letter is found. */
#include "test.h"

#include "daemon/token.h"

#include <ctype.h>
#include <stdio.h>

static struct token example(void)
{
    struct token t = {.address_n = 2};
    for (size_t i = 0; i < INVITE_ID_SIZE; i++)
        t.invite.id[i] = (uint8_t)(i + 1);
    for (size_t i = 0; i < INVITE_SECRET_SIZE; i++)
        t.invite.secret[i] = (uint8_t)(0xa0 + i);
    for (size_t i = 0; i < HASH_SIZE; i++)
        t.invite.hub[i] = (uint8_t)(0x30 + i);
    t.invite.expires = INT64_C(1900000000) * TICK_S;
    snprintf(t.address[0], TOKEN_ADDRESS, "hub.example.com:7501");
    snprintf(t.address[1], TOKEN_ADDRESS, "[2001:db8::7]:17501");
    return t;
}

static void test_round_trip(void **state)
{
    struct token t = example(), back;
    char text[TOKEN_TEXT_MAX];
    token_text(text, &t);
    assert_memory_equal(text, "ILS1-AEAQ", 9);
    assert_true(token_like(slice_of(text)));
    assert_int_equal(token_read(slice_of(text), &back), TOKEN_OK);
    assert_memory_equal(&t, &back, sizeof t);
}

static void test_longest(void **state)
{
    struct token t = example(), back;
    char text[TOKEN_TEXT_MAX];
    t.address_n = TOKEN_ADDRESSES;
    for (size_t i = 0; i < TOKEN_ADDRESSES; i++) {
        memset(t.address[i], 'h', TOKEN_ADDRESS);
        snprintf(t.address[i] + TOKEN_ADDRESS - 7, 7, ":65535");
    }
    token_text(text, &t);
    assert_int_equal(token_read(slice_of(text), &back), TOKEN_OK);
    assert_memory_equal(&t, &back, sizeof t);
}

/* Lower case, wrapped by a mail program, without the dashes. */
static void test_pasted(void **state)
{
    struct token t = example(), back;
    char text[TOKEN_TEXT_MAX], pasted[2 * TOKEN_TEXT_MAX];
    size_t n = 0;
    token_text(text, &t);
    n += (size_t)snprintf(pasted, sizeof pasted, " \n");
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (i > 5 && text[i] == '-')
            continue;
        pasted[n++] = (char)tolower((unsigned char)text[i]);
        if (i % 40 == 39)
            n += (size_t)snprintf(pasted + n, 5, "\r\n\t ");
    }
    snprintf(pasted + n, 3, "\r\n");
    assert_true(token_like(slice_of(pasted)));
    assert_int_equal(token_read(slice_of(pasted), &back), TOKEN_OK);
    assert_memory_equal(&t, &back, sizeof t);
}

static void test_mangled(void **state)
{
    struct token t = example(), back;
    static const struct token zero;
    char text[TOKEN_TEXT_MAX], bad[TOKEN_TEXT_MAX];
    token_text(text, &t);
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        struct slice cut = slice_make(text, i);
        assert_int_equal(token_read(cut, &back), TOKEN_MANGLED);
        assert_memory_equal(&back, &zero, sizeof back);
    }
    for (size_t i = 5; i < n; i++) {
        if (text[i] == '-')
            continue;
        memcpy(bad, text, n + 1);
        bad[i] = text[i] == 'A' ? 'B' : 'A';
        assert_int_equal(token_read(slice_of(bad), &back), TOKEN_MANGLED);
        bad[i] = '1';
        assert_int_equal(token_read(slice_of(bad), &back), TOKEN_MANGLED);
        memmove(bad + i, text + i + 1, n - i);
        assert_int_equal(token_read(slice_of(bad), &back), TOKEN_MANGLED);
    }
    snprintf(bad, sizeof bad, "%sAAAA", text);
    assert_int_equal(token_read(slice_of(bad), &back), TOKEN_MANGLED);
    text[3] = '2';
    assert_int_equal(token_read(slice_of(text), &back), TOKEN_VERSION);
    text[3] = 'x';
    assert_int_equal(token_read(slice_of(text), &back), TOKEN_MANGLED);
}

static void test_like(void **state)
{
    static const char *const hosts[] = {"", "ILS1-", "ils1-hub.example.com", "ils1-hub:7501",
                                        "hub.example.com", "10.0.0.1", "ilsx-aaaaaaaa",
                                        "ils1-tokyo-hub-number-seven"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        assert_false(token_like(slice_of(hosts[i])) || token_for_host(slice_of(hosts[i])));
    /* With the full stop of its sentence it is one still, though a mangled one. */
    struct token t = example();
    char text[TOKEN_TEXT_MAX];
    token_text(text, &t);
    memcpy(text + strlen(text), ".", 2);
    assert_true(token_like(slice_of(text)));
    assert_int_equal(token_read(slice_of(text), &t), TOKEN_MANGLED);
    /* One that lost its beginning is no host to be asked for: it is still a secret. */
    for (size_t i = 1; i < 20; i++) {
        assert_true(token_for_host(slice_of(text + i)));
        assert_int_equal(token_read(slice_of(text + i), &t), TOKEN_MANGLED);
    }
}

static void test_address(void **state)
{
    static const char *const bad[] = {"", ":", "a", "a:", ":1", "a:0", "a:65536", "::1:7501",
                                      "[::1]", "[a]:1", "[]:1", "a b:1", "a:b:1", "[::1:1"};
    char host[HOST_TEXT_MAX + 1];
    uint16_t port;
    assert_true(token_address(slice_of("10.0.0.1:7501"), host, &port));
    assert_string_equal(host, "10.0.0.1");
    assert_int_equal(port, 7501);
    assert_true(token_address(slice_of("[::1]:65535"), host, &port));
    assert_string_equal(host, "::1");
    assert_int_equal(port, 65535);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(token_address(slice_of(bad[i]), host, &port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_longest),
        cmocka_unit_test(test_pasted),     cmocka_unit_test(test_mangled),
        cmocka_unit_test(test_like),       cmocka_unit_test(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
