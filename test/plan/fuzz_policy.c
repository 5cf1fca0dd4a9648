/* Rows of rules: u8 n key bytes, u8 m value bytes, again and again. What is taken is read back as
 * the same row, judges without a fault, and its order is one. */
#include "fuzz_mem.h"
#include "plan/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice take(struct slice *rest)
{
    size_t n = rest->n > 0 ? rest->p[0] : 0;
    if (rest->n > 0)
        *rest = slice_make(rest->p + 1, rest->n - 1);
    if (n > rest->n)
        n = rest->n;
    struct slice s = slice_make(rest->p, n);
    *rest = slice_make(rest->p + n, rest->n - n);
    return s;
}

static void check_blocks(const struct policy *p, struct mem *mem)
{
    struct policy_block b;
    uint32_t former = 0;
    for (size_t i = 0; policy_block_at(p, i, &b); i++) {
        struct buf key, value;
        assert(b.n > former && b.type < POLICY_TYPES && b.n <= policy_block_last(p));
        former = b.n;
        buf_init(&key, mem, SIZE_MAX);
        buf_init(&value, mem, SIZE_MAX);
        policy_block_key(&key, b.n);
        policy_block_put(&value, &b);
        struct policy *again = policy_new(mem);
        struct policy_block same;
        assert(policy_put(again, buf_slice(&key), buf_slice(&value)) == 0);
        assert(policy_block_at(again, 0, &same) && same.n == b.n && same.type == b.type);
        assert(slice_eq(same.pattern, b.pattern) && slice_eq(same.prefix, b.prefix));
        policy_remove(again, buf_slice(&key));
        assert(!policy_block_at(again, 0, &same));
        policy_free(again);
        buf_done(&key);
        buf_done(&value);
    }
}

static void check_judge(const struct policy *p, struct slice text)
{
    static const uint8_t kinds[] = {ENTRY_URI, ENTRY_ENTERPRISE, ENTRY_E164};
    uint8_t key[2][KEY_SIZE] = {{0}, {1}};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct policy_subject a = {.key = key[0], .number = 1, .kind = kinds[i], .user = text};
        uint32_t rule;
        enum loser_rule why;
        if (kinds[i] == ENTRY_URI)
            a.domain = text;
        struct policy_subject b = a;
        b.key = key[1];
        enum loser_rule refused = policy_judge(p, &a, &rule);
        assert((rule != 0) == (refused == LOSER_BLOCKED));
        int order = policy_order(p, &a, &b, &why);
        assert(order != 0 && (order < 0) == (policy_order(p, &b, &a, &why) > 0));
        a.local = true;
        assert(policy_judge(p, &a, &rule) == LOSER_NONE && policy_order(p, &a, &b, &why) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = fuzz_mem();
    struct policy *p = policy_new(&mem);
    struct slice rest = slice_make(data, size);
    struct arena a;
    struct slice typed;
    while (rest.n > 0) {
        struct slice key = take(&rest), value = take(&rest);
        if (policy_put(p, key, value) == -2)
            policy_remove(p, key);
        check_judge(p, value);
    }
    check_blocks(p, &mem);
    arena_init(&a, &mem);
    if (policy_pattern_parse(&a, slice_make(data, size), &typed) == ENTRY_OK) {
        struct slice again;
        assert(policy_pattern_parse(&a, typed, &again) == ENTRY_OK && slice_eq(again, typed));
    }
    arena_done(&a);
    policy_free(p);
    assert(mem.used == 0);
    return 0;
}
