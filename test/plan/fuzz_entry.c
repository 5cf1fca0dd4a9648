/* A row "type,failover,pattern": what is read is written in words that read the same; and whatever
 * failover rule was learned, the number to dial is a number. */
#include "fuzz_mem.h"
#include "plan/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice cut(struct slice *rest)
{
    size_t n = slice_find(*rest, ',');
    struct slice first = slice_make(rest->p, n);
    size_t skip = n < rest->n ? n + 1 : n;
    *rest = slice_make(rest->p + skip, rest->n - skip);
    return first;
}

static void check_number(struct arena *a, const struct entry *e)
{
    struct slice number = entry_failover_number(a, e);
    assert(number.n <= 1 + NUMBER_MAX);
    for (size_t i = 0; i < number.n; i++)
        assert((number.p[i] >= '0' && number.p[i] <= '9') || (i == 0 && number.p[i] == '+'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = fuzz_mem();
    struct arena a;
    struct entry e, again;
    struct slice rest = slice_make(data, size);
    struct slice type = cut(&rest), failover = cut(&rest);
    arena_init(&a, &mem);
    if (entry_parse(&a, type, failover, rest, &e) == ENTRY_OK) {
        struct slice words = entry_failover_text(&a, &e.failover);
        assert(entry_parse(&a, entry_kind_text(e.kind), words, e.key, &again) == ENTRY_OK);
        assert(again.kind == e.kind && slice_eq(again.key, e.key));
        assert(again.failover.rule == e.failover.rule);
        assert(again.failover.strip == e.failover.strip);
        assert(slice_eq(again.failover.digits, e.failover.digits));
        bool pattern = e.kind == ENTRY_PATTERN_ENTERPRISE || e.kind == ENTRY_PATTERN_E164;
        if (!pattern)
            assert((e.failover.rule == FAILOVER_NONE) == (entry_failover_number(&a, &e).n == 0));
        assert(entry_judge(&a, &e) == ENTRY_OK);
        check_number(&a, &e);
    }
    struct entry learned = {
        .kind = size > 0 ? data[0] % 6 : 0,
        .key = rest,
        .failover = {size > 1 ? data[1] % 6 : 0, size > 2 ? data[2] : 0, failover},
    };
    check_number(&a, &learned);
    entry_failover_text(&a, &learned.failover);
    enum entry_error judged = entry_judge(&a, &learned);
    size_t at = slice_find(rest, '@');
    if (learned.kind == ENTRY_URI && at < rest.n &&
        entry_uri_plain(slice_make(rest.p, at), slice_make(rest.p + at + 1, rest.n - at - 1),
                        &learned.failover))
        assert(judged == ENTRY_OK);
    cluster_id_valid(rest);
    arena_done(&a);
    assert(mem.used == 0);
    return 0;
}
