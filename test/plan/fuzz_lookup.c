/* Whatever is dialled: every target is a SIP URI that cannot be read as more than one, and what was
 * looked up, dialled again, gives the same answer. */
#include "fuzz_mem.h"
#include "plan/lookup.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct world_row here[] = {{"URI", "", "a@xx"}, {"ENTERPRISE", "", "1"}};
static const struct world_row there[] = {
    {"URI", "5", "b@xx"},       {"URI", "", "1@xx"},       {"URI", "", "a@xx"},
    {"URI", "", "b%3b@xx"},      {"ENTERPRISE", "", "1"},   {"ENTERPRISE", "1:9", "22"},
    {"E164", "ITSELF", "+813"}, {"ENTERPRISE", "", "333"}, {"URI", "", "+813@x.y"},
    {"ENTERPRISEPATTERN", "1:9", "22X!"}, {"E164PATTERN", "ITSELF", "+81[^3]X?"},
    {"ENTERPRISEPATTERN", "", "33X"},
};

static struct mem mem;
static struct plan *plan;
static struct routes *routes;

static void world_make(void)
{
    static const uint8_t seed[16] = {7};
    mem = fuzz_mem();
    plan = plan_new(&mem, seed, true);
    routes = routes_new(&mem);
    struct catalog *c = world_catalog(plan, &mem, "here", "here.example", true, here, 2);
    struct catalog *d = world_catalog(plan, &mem, "there", "there.example", false, there,
                                      sizeof there / sizeof there[0]);
    assert(c != NULL && d != NULL);
    enum entry_error error =
        routes_add(routes, slice_of("*.example"), slice_of("sip:x@[::1]:5060;transport=tcp"));
    assert(error == ENTRY_OK);
    error = routes_add(routes, slice_of("pstn"), slice_of("sips:gw.example"));
    assert(error == ENTRY_OK);
}

static void check_lookup(const struct lookup *l)
{
    assert((l->match_n > 0) == (l->result == LOOKUP_FOUND || l->result == LOOKUP_LOCAL ||
                                l->result == LOOKUP_NO_ROUTE));
    assert((l->canonical.n == 0) == (l->result == LOOKUP_BAD_INPUT));
    for (size_t i = 0; i < l->match_n; i++)
        assert((i == 0) == (l->match[i].lost_to == LOSER_NONE));
    for (size_t i = 0; i < l->target_n; i++) {
        struct slice uri = l->target[i].uri;
        size_t at = slice_find(uri, '@');
        assert(at > 4 && at < uri.n && (i == 0 || l->target[i].q < l->target[i - 1].q));
        for (size_t k = 0; k < uri.n; k++) {
            assert(uri.p[k] > ' ' && uri.p[k] < 0x7f && (uri.p[k] != '@' || k == at));
            assert(strchr("<>\"?\\", uri.p[k]) == NULL && (uri.p[k] != ';' || k > at));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct lookup l, again;
    if (plan == NULL)
        world_make();
    size_t used = mem.used;
    arena_init(&a, &mem);
    plan_lookup(plan, routes, &a, slice_make(data, size), &l);
    check_lookup(&l);
    if (l.result != LOOKUP_BAD_INPUT) {
        plan_lookup(plan, routes, &a, l.canonical, &again);
        assert(again.result == l.result && slice_eq(again.canonical, l.canonical));
        assert(again.target_n == l.target_n);
        assert(l.match_n == 0 || (again.match_n > 0 && again.match[0].usn == l.match[0].usn));
    }
    arena_done(&a);
    assert(mem.used == used);
    return 0;
}
