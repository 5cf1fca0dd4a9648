/* fuzz_http: a request of any bytes. The first byte says what the rest is: a query, a batch, or a
 * whole target with a Host and a token. Laws: what is read is UTF-8; written as JSON, and read
 * again, it is the same; a reply is one JSON value, or lines; a status is known. */
#include "answer/http.h"
#include "stub_plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

/* Text that was read is written as JSON and read again. */
static void round_trip(struct mem *mem, struct arena *a, struct slice text)
{
    struct http_batch batch;
    struct slice again;
    struct buf b;
    assert(slice_is_utf8(text) && text.n <= HTTP_DIALED_MAX);
    buf_init(&b, mem, SIZE_MAX);
    buf_put_u8(&b, '[');
    http_put_text(&b, text);
    buf_put_u8(&b, ']');
    http_batch_begin(&batch, buf_slice(&b));
    assert(http_batch_next(&batch, a, &again) && slice_eq(again, text));
    assert(!http_batch_next(&batch, a, &again) && batch.wrong == NULL && batch.ended);
    buf_done(&b);
}

/* Brackets and quotes of a reply fit: it is one object or array, and a line feed. */
static void check_json(struct slice s)
{
    long depth = 0;
    bool inside = false;
    assert(s.n > 2 && s.p[s.n - 1] == '\n' && slice_is_utf8(s));
    for (size_t i = 0; i + 1 < s.n; i++) {
        assert(s.p[i] >= 0x20 && (depth > 0 || i == 0));
        if (inside && s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            inside = !inside;
        else if (!inside)
            depth += (s.p[i] == '{' || s.p[i] == '[') - (s.p[i] == '}' || s.p[i] == ']');
        assert(depth >= 0);
    }
    assert(depth == 0 && !inside);
}

static void answer(struct mem *mem, struct arena *a, const struct http_request *request)
{
    struct http_config config = {.tokens_wanted = request->host.n % 2 == 1, .token_n = 1};
    struct http_outcome said;
    struct buf out;
    http_token_hash(config.token[0], slice_of("t"));
    buf_init(&out, mem, HTTP_REPLY_MAX);
    http_answer(NULL, NULL, &config, a, request, &out, &said);
    if (said.status != 0) {
        assert(said.status >= 200 && said.status < 600 && said.type != NULL);
        if (strcmp(said.type, "application/json") == 0)
            check_json(buf_slice(&out));
    } else {
        assert(out.n == 0 && said.page >= HTTP_WHY);
    }
    buf_done(&out);
}

/* Lines: target, Host, token, body. */
static struct slice line(struct slice *rest)
{
    size_t at = slice_find(*rest, '\n');
    struct slice s = slice_make(rest->p, at);
    at += at < rest->n;
    *rest = slice_make(rest->p + at, rest->n - at);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    struct slice rest = slice_make(data + 1, size - 1), text;
    struct http_request request = {.host = slice_of("[::1]:80")};
    struct http_query query;
    struct http_batch batch;
    struct arena a;
    if (size == 0)
        return 0;
    arena_init(&a, &mem);
    stub_result(LOOKUP_NO_MATCH);
    switch (data[0] % 3) {
    case 0:
        http_query_read(&a, rest, data[0] % 2 == 0, &query);
        assert(query.wrong != NULL || query.dialed.p != NULL);
        if (query.wrong == NULL)
            round_trip(&mem, &a, query.dialed);
        break;
    case 1:
        http_batch_begin(&batch, rest);
        while (http_batch_next(&batch, &a, &text))
            round_trip(&mem, &a, text);
        assert(batch.n <= HTTP_BATCH_MAX && batch.ended != (batch.wrong != NULL && !batch.ended));
        request.method = slice_of("POST");
        request.target = slice_of("/v1/lookup");
        request.body = rest;
        answer(&mem, &a, &request);
        break;
    default:
        request.method = slice_of(data[0] % 2 == 0 ? "GET" : "POST");
        request.target = line(&rest);
        request.host = line(&rest);
        request.authorization = line(&rest);
        request.body = rest;
        answer(&mem, &a, &request);
    }
    arena_done(&a);
    assert(mem.used == 0);
    return 0;
}
