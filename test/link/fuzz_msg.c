/* Whatever a decoder takes, encoding and decoding it again gives the same message: the second
 * encoding equals the first. The first byte of the input selects the message. */
#include "fuzz.h"

#include "link/frame.h"
#include "link/msg.h"

#include <assert.h>

/* Decodes body as message `which` and appends its frame to b; false when it is no such message. */
static bool again(unsigned which, struct arena *a, struct slice body, struct buf *b)
{
    union {
        struct proof proof;
        struct msg_goodbye goodbye;
        struct msg_marks marks;
        struct msg_head head;
        struct msg_manifest_request manifest_request;
        struct msg_manifest manifest;
        struct msg_segment_request segment_request;
        struct msg_ready ready;
    } m;
#define AGAIN(name, field)                                                                         \
    if (msg_##name##_get(a, body, &m.field) != 0)                                                  \
        return false;                                                                              \
    msg_##name##_put(b, &m.field);                                                                 \
    break
    switch (which % 9) {
    case 0: AGAIN(proof, proof);
    case 1: AGAIN(goodbye, goodbye);
    case 2: AGAIN(marks, marks);
    case 3: AGAIN(head, head);
    case 4: AGAIN(manifest_request, manifest_request);
    case 5: AGAIN(manifest, manifest);
    case 6: AGAIN(segment_request, segment_request);
    case 7: AGAIN(gone, segment_request);
    default: AGAIN(ready, ready);
    }
#undef AGAIN
    return true;
}

static struct slice body_of(const struct buf *b)
{
    struct slice in = buf_slice(b), body;
    uint8_t type;
    int ret = frame_take(&in, FRAME_SEALED_MAX, &type, &body);
    assert(ret == 0 && in.n == 0);
    return body;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = fuzz_mem();
    struct arena a;
    struct buf first, second;

    if (size == 0)
        return 0;
    arena_init(&a, &mem);
    buf_init(&first, &mem, SIZE_MAX);
    buf_init(&second, &mem, SIZE_MAX);
    if (again(data[0], &a, slice_make(data + 1, size - 1), &first)) {
        assert(!first.failed);
        bool same_message = again(data[0], &a, body_of(&first), &second);
        assert(same_message || a.failed);
        assert(a.failed || slice_eq(buf_slice(&first), buf_slice(&second)));
    }
    buf_done(&first);
    buf_done(&second);
    arena_done(&a);
    assert(mem.used == 0);
    return 0;
}
