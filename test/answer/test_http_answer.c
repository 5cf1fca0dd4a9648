/* What the HTTP door answers: pages, methods, queries, batches, tokens and hosts; and each of them
 * with the n-th allocation refused. The plan is a stub. */
#include "test.h"
#include "answer/http.h"
#include "stub_plan.h"

#include <stdio.h>

static struct http_config config;
static struct http_outcome said;
static char body[262144], dialed[HTTP_DIALED_MAX + 1], from[64]; /* of the last answer */

static size_t ask_with(struct mem *mem, const struct http_request *request)
{
    struct arena scratch;
    struct buf out;
    arena_init(&scratch, mem);
    buf_init(&out, mem, HTTP_REPLY_MAX);
    http_answer(NULL, NULL, &config, &scratch, request, &out, &said);
    size_t n = out.failed ? 0 : out.n;
    slice_to_text(slice_make(out.p, n), body, sizeof body);
    slice_to_text(said.dialed, dialed, sizeof dialed);
    slice_to_text(said.from, from, sizeof from);
    said.dialed = said.from = slice_make(NULL, 0); /* they end with the scratch */
    buf_done(&out);
    arena_done(&scratch);
    return n;
}

static void ask_as(const char *method, const char *target, const char *host, const char *token,
                   const char *content)
{
    struct test_mem t;
    struct http_request request = {.method = slice_of(method), .target = slice_of(target),
                                   .host = slice_of(host), .authorization = slice_of(token),
                                   .body = slice_of(content)};
    test_mem_init(&t, 0);
    ask_with(&t.mem, &request);
    assert_int_equal(t.mem.used, 0);
}

static void get(const char *target)
{
    ask_as("GET", target, "127.0.0.1:7580", "", "");
}

static void post(const char *content)
{
    ask_as("POST", "/v1/lookup", "localhost", "", content);
}

static void assert_wrong(uint16_t status, const char *name)
{
    char start[64];
    snprintf(start, sizeof start, "{\"error\":{\"name\":\"%s\",", name);
    assert_int_equal(said.status, status);
    assert_int_equal(said.page, HTTP_ERROR);
    assert_memory_equal(body, start, strlen(start));
}

static void found(void)
{
    static struct match match = {.kind = ENTRY_URI, .usn = 7};
    match.value = slice_of("a\"b@x.example.com");
    match.cluster_id = slice_of("osaka");
    match.route_string = slice_of("osaka.example.com");
    stub_result(LOOKUP_FOUND);
    stub_answer.match = &match;
    stub_answer.match_n = 1;
    stub_answer.canonical = slice_of("a\\b");
    stub_target("sip:a@10.0.0.5", 1000);
    stub_target("sip:a@10.0.0.6", 950);
    stub_answer.target[0].route_pattern = slice_of("*");
    stub_answer.target[1].reason = TARGET_PSTN;
}

static void test_lookup(void **state)
{
    found();
    get("/v1/lookup?dialed=+81%2B%20%22x");
    assert_int_equal(said.status, 200);
    assert_string_equal(said.type, "application/json");
    assert_int_equal(said.lookups, 1);
    assert_string_equal(dialed, "+81+ \"x");
    assert_string_equal(body,
        "{\"dialed\":\"+81+ \\\"x\",\"canonical\":\"a\\\\b\",\"result\":\"found\","
        "\"longer\":false,\"match\":{\"kind\":\"URI\",\"value\":\"a\\\"b@x.example.com\","
        "\"cluster_id\":\"osaka\",\"route_string\":\"osaka.example.com\",\"usn\":7,"
        "\"local\":false,\"stale\":false},\"targets\":[{\"uri\":\"sip:a@10.0.0.5\",\"q\":1.0,"
        "\"reason\":\"route\",\"route_pattern\":\"*\"},{\"uri\":\"sip:a@10.0.0.6\",\"q\":0.95,"
        "\"reason\":\"pstn\",\"route_pattern\":null}]}\n");
    get("/v1/lookup?format=text&dialed=1");
    assert_int_equal(said.status, 200);
    assert_string_equal(body, "sip:a@10.0.0.5 sip:a@10.0.0.6\n");
    stub_result(LOOKUP_BLOCKED);
    get("/v1/lookup?format=text&dialed=1");
    assert_int_equal(said.status, 403);
    stub_result(LOOKUP_NO_MATCH);
    get("/v1/lookup?format=text&dialed=1");
    assert_int_equal(said.status, 404);
    assert_string_equal(body, "no_match\n");
    get("/v1/lookup?dialed=");
    assert_int_equal(said.status, 200);
    assert_string_equal(body, "{\"dialed\":\"\",\"canonical\":null,\"result\":\"no_match\","
                              "\"longer\":false,\"match\":null,\"targets\":[]}\n");
}

static void test_query(void **state)
{
    static const char *const wrong[] = {
        "", "?", "?dialled=1", "?dialed=1&dialed=2", "?dialed=%", "?dialed=%2", "?dialed=%2g",
        "?dialed=%ff", "?dialed=%00", "?dialed=%c0%80", "?dialed=1&x=2", "?dialed=1&&x",
        "?dialed=1&format=xml", "?dialed=1&format=text&format=text", "?dialed=1&from=osaka",
        "?=1", "?%64ialed=1", "?dialed=1&\xff=2",
    };
    char target[64];
    stub_result(LOOKUP_NO_MATCH);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(target, sizeof target, "/v1/lookup%s", wrong[i]);
        get(target);
        assert_wrong(400, "QUERY");
    }
    static char longest[HTTP_DIALED_MAX + 100];
    memset(longest, '1', sizeof longest - 1);
    memcpy(longest, "/v1/lookup?dialed=", 18);
    get(longest);
    assert_wrong(400, "QUERY");
    longest[18 + HTTP_DIALED_MAX] = '\0';
    get(longest);
    assert_int_equal(said.status, 200);
    get("/v1/why?dialed=%31&from=os%61ka");
    assert_int_equal(said.status, 0);
    assert_int_equal(said.page, HTTP_WHY);
    assert_string_equal(dialed, "1");
    assert_string_equal(from, "osaka");
    get("/v1/why?dialed=1&format=text");
    assert_wrong(400, "QUERY");
    get("/metrics?x=1");
    assert_wrong(400, "QUERY");
}

static void test_batch(void **state)
{
    static const char *const wrong[] = {
        "", "{}", "\"1\"", "[", "[\"1\"", "[\"1\",]", "[,\"1\"]", "[\"1\" \"2\"]", "[1]",
        "[null]", "[\"1\"] x", "[\"\\x\"]", "[\"\\u12\"]", "[\"\\ud800\"]", "[\"\\udc00\"]",
        "[\"\\ud800\\u0041\"]", "[\"\\u0000\"]", "[\"a\nb\"]", "[\"\xff\"]", "[\"\\\"]",
        "[\"\\u004", "[\"\\ud83d\\ude0\"]", "[[\"1\"]]",
    };
    stub_result(LOOKUP_NO_MATCH);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        post(wrong[i]);
        assert_wrong(400, "BATCH");
    }
    post(" [ ] ");
    assert_int_equal(said.status, 200);
    assert_string_equal(body, "[]\n");
    post("[\"+81\", \"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\\/\" ]");
    assert_int_equal(said.status, 200);
    assert_int_equal(said.lookups, 2);
    assert_string_equal(body,
        "[{\"dialed\":\"+81\",\"canonical\":null,\"result\":\"no_match\",\"longer\":false,"
        "\"match\":null,\"targets\":[]},{\"dialed\":\"\xc3\xa9\xf0\x9f\x98\x80\\u000a\\\"\\\\/\","
        "\"canonical\":null,\"result\":\"no_match\",\"longer\":false,\"match\":null,"
        "\"targets\":[]}]\n");
    static char many[HTTP_BATCH_MAX * 4 + 8];
    for (size_t n = HTTP_BATCH_MAX; n <= HTTP_BATCH_MAX + 1; n++) {
        size_t at = 0;
        for (size_t i = 0; i < n; i++)
            at += (size_t)snprintf(many + at, sizeof many - at, "%s\"1\"", i > 0 ? "," : "[");
        snprintf(many + at, sizeof many - at, "]");
        post(many);
        if (n == HTTP_BATCH_MAX)
            assert_int_equal(said.status, 200);
        else
            assert_wrong(400, "BATCH");
    }
}

static void test_pages(void **state)
{
    static const struct {
        const char *target;
        uint8_t page;
    } pages[] = {{"/v1/openapi.json", HTTP_OPENAPI}, {"/metrics", HTTP_METRICS},
                 {"/healthz", HTTP_HEALTH}};
    for (size_t i = 0; i < 3; i++) {
        get(pages[i].target);
        assert_int_equal(said.page, pages[i].page);
        assert_int_equal(said.status, pages[i].page == HTTP_OPENAPI ? 200 : 0);
        assert_true(said.known);
        ask_as("POST", pages[i].target, "localhost", "", "[]");
        assert_wrong(405, "METHOD");
        assert_string_equal(said.allow, "GET, HEAD");
    }
    ask_as("DELETE", "/v1/lookup?dialed=1", "localhost", "", "");
    assert_wrong(405, "METHOD");
    assert_string_equal(said.allow, "GET, HEAD, POST");
    ask_as("HEAD", "/v1/lookup?dialed=1", "localhost", "", "");
    assert_int_equal(said.status, 200);
    static const char *const none[] = {"/", "", "/v1/lookup/", "/V1/lookup", "//v1/lookup", "*",
                                       "/v1/lookup%3fdialed=1", "http://localhost/v1/lookup"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        get(none[i]);
        assert_wrong(404, "PAGE");
    }
}

static void test_hosts(void **state)
{
    static const char *const good[] = {"127.0.0.1", "127.0.0.1:7580", "[::1]", "[::1]:7580",
                                       "LOCALHOST:1", "ils.example.com", "ILS.example.com:7580"};
    static const char *const bad[] = {"", ":", "evil.example.org", "ils.example.com.evil.org",
                                      "localhost.evil.org", "[::1", "127.0.0.1.evil.org",
                                      "ils.example.com@evil.org", "[::1].evil.org"};
    config = (struct http_config){.name_n = 1, .name = {slice_of("ils.example.com")}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ask_as("GET", "/healthz", good[i], "", "");
        assert_int_equal(said.page, HTTP_HEALTH);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask_as("GET", "/healthz", bad[i], "", "");
        assert_wrong(421, "HOST");
    }
    memset(&config, 0, sizeof config);
}

static void test_tokens(void **state)
{
    stub_result(LOOKUP_NO_MATCH);
    memset(&config, 0, sizeof config);
    http_token_hash(config.token[0], slice_of("first"));
    http_token_hash(config.token[1], slice_of("second"));
    config.token_n = 2;
    for (size_t wanted = 0; wanted < 2; wanted++) {
        config.tokens_wanted = wanted == 1;
        ask_as("GET", "/metrics", "other.example", "Bearer second", "");
        assert_int_equal(said.page, HTTP_METRICS);
        assert_true(said.known);
        ask_as("GET", "/v1/lookup?dialed=1", "localhost", "bearer   first ", "");
        assert_int_equal(said.status, 200);
        static const char *const bad[] = {"Bearer third", "Bearer ", "Bearer", "Basic second",
                                          "second", "Bearer firs", "Bearer first second"};
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            ask_as("GET", "/healthz", "localhost", bad[i], "");
            assert_wrong(401, "TOKEN");
            assert_true(said.challenge);
            assert_false(said.known);
        }
    }
    ask_as("GET", "/v1/lookup?dialed=1", "localhost", "", "");
    assert_wrong(401, "TOKEN");
    ask_as("GET", "/healthz", "localhost", "", "");
    assert_int_equal(said.page, HTTP_HEALTH);
    assert_false(said.known);
    config.token_n = 1; /* taken back */
    ask_as("GET", "/metrics", "localhost", "Bearer second", "");
    assert_wrong(401, "TOKEN");
    memset(&config, 0, sizeof config);
}

static void refused(struct mem *mem)
{
    static const char *const target[] = {"/v1/lookup?dialed=1", "/v1/why?dialed=1&from=x",
                                         "/v1/openapi.json", "/nothing"};
    stub_result(LOOKUP_NO_MATCH);
    stub_allocates = true;
    for (size_t i = 0; i < 4; i++) {
        struct http_request request = {.method = slice_of("GET"), .target = slice_of(target[i]),
                                       .host = slice_of("localhost")};
        ask_with(mem, &request);
    }
    struct http_request request = {.method = slice_of("POST"), .target = slice_of("/v1/lookup"),
                                   .host = slice_of("localhost"),
                                   .body = slice_of("[\"1\",\"2\",\"3\"]")};
    ask_with(mem, &request);
    stub_allocates = false;
}

static void test_memory(void **state)
{
    test_every_refusal(refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup), cmocka_unit_test(test_query), cmocka_unit_test(test_batch),
        cmocka_unit_test(test_pages),  cmocka_unit_test(test_hosts), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
