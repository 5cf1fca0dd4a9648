/* What a change would do is what it does: plans of three clusters drawn by lot, one of them
 * changed; for every number what was foreseen is what lookups say before and after, here and at
 * each other cluster. And the strings of a pattern. */
#include <stdio.h>

#include "base/rand.h"
#include "plan/foresee.h"
#include "test.h"
#include "world.h"

#define ROWS    7
#define WORLDS  400
#define NUMBERS 1110 /* of one to three digits */

static const char *const ids[] = {"a", "b", "c"};
static struct test_mem mem;
static struct rand seed;

struct made {
    char text[ROWS][16];
    struct world_row row[ROWS];
    size_t n;
};

static size_t any(size_t n)
{
    return (size_t)(rand_u64(&seed) % n);
}

static bool has(const struct made *m, const char *type, const char *text)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->row[i].type, type) == 0 && strcmp(m->row[i].pattern, text) == 0)
            return true;
    return false;
}

static void draw_text(char *text, bool pattern)
{
    static const char *const element[] = {"1", "2", "1", "2", "X", "[12]", "!", "2?"};
    size_t n = 1 + any(3), at = 0;
    bool wild = false;
    for (size_t i = 0; i < n; i++) {
        size_t k = any(pattern ? 8 : 2);
        wild = wild || k >= 4;
        at += (size_t)snprintf(text + at, 16 - at, "%s", element[k]);
        if (k >= 6)
            break;
    }
    if (pattern && !wild)
        snprintf(text, 16, "1X");
}

static void draw(struct made *m)
{
    m->n = 0;
    for (size_t i = any(ROWS + 1); i > 0; i--) {
        bool pattern = any(2) == 0;
        char *text = m->text[m->n];
        const char *type = pattern ? "ENTERPRISEPATTERN" : "ENTERPRISE";
        draw_text(text, pattern);
        if (!has(m, type, text))
            m->row[m->n++] = (struct world_row){type, "", text};
    }
}

static const uint8_t index_key[16] = {1};

static struct plan *plan_of(const struct made *m, int local)
{
    struct plan *p = plan_new(&mem.mem, index_key, true);
    assert_non_null(p);
    for (int i = 0; i < 3; i++)
        if (m[i].n > 0)
            assert_non_null(world_catalog(p, &mem.mem, ids[i], "x.example", i == local, m[i].row,
                                          m[i].n));
    return p;
}

static char answer(const struct plan *p, const struct routes *r, const char *dialled)
{
    struct arena a;
    struct lookup l;
    arena_init(&a, &mem.mem);
    plan_lookup(p, r, &a, slice_of(dialled), &l);
    char who = l.match_n == 0 ? '-' : (char)l.match[0].cluster_id.p[0];
    arena_done(&a);
    return who;
}

static char name(struct slice s)
{
    return s.n == 0 ? '-' : (char)s.p[0];
}

static size_t keys_of(const struct made *was, const struct made *then, struct foresee_key *key)
{
    size_t n = 0;
    for (int turn = 0; turn < 2; turn++) {
        const struct made *x = turn == 0 ? was : then, *y = turn == 0 ? then : was;
        for (size_t i = 0; i < x->n; i++) {
            bool pattern = x->row[i].type[10] == 'P';
            if (!has(y, x->row[i].type, x->row[i].pattern))
                key[n++] = (struct foresee_key){
                    .kind = pattern ? ENTRY_PATTERN_ENTERPRISE : ENTRY_ENTERPRISE,
                    .put = turn == 1, .user = slice_of(x->row[i].pattern)};
        }
    }
    return n;
}

static void foreseen_at(const struct foreseen *s, const char *id, char *was, char *becomes)
{
    *was = name(s->others_was);
    *becomes = name(s->others_becomes);
    for (size_t i = 0; i < s->own_n; i++) {
        if (!slice_eq(s->own[i].cluster, slice_of(id)))
            continue;
        *was = name(s->own[i].was);
        *becomes = name(s->own[i].becomes);
    }
}

static void is_what_comes(void **state)
{
    (void)state;
    struct routes *r = routes_new(&mem.mem);
    size_t changed = 0, own = 0;
    for (int turn = 0; turn < WORLDS; turn++) {
        static struct made now[3], then[3];
        struct plan *before[3], *after[3];
        struct foresee_key key[2 * ROWS];
        struct foresee f;
        uint8_t self[KEY_SIZE];
        int me = (int)any(3);
        for (int i = 0; i < 3; i++) {
            draw(&now[i]);
            then[i] = now[i];
            for (size_t k = 0; k < now[i].n; k++)
                then[i].row[k].pattern = then[i].text[k];
        }
        draw(&then[me]);
        for (int i = 0; i < 3; i++) {
            before[i] = plan_of(now, i);
            after[i] = plan_of(then, i);
        }
        memset(self, ids[me][0], sizeof self);
        struct policy_subject catalog = {.key = self, .number = STREAM_PLAN, .local = true,
                                         .cluster_id = slice_of(ids[me])};
        assert_true(foresee_init(&f, &mem.mem, before[me], r, &catalog, key,
                                 keys_of(&now[me], &then[me], key)));
        for (int i = 0; i < NUMBERS; i++) {
            char text[8];
            struct foreseen s;
            struct arena a;
            snprintf(text, sizeof text, i < 10 ? "%01d" : i < 110 ? "%02d" : "%03d",
                     i < 10 ? i : i < 110 ? i - 10 : i - 110);
            if (strpbrk(text, "456789") != NULL)
                continue;
            arena_init(&a, &mem.mem);
            foresee_look(&f, &a, slice_of(text), &s);
            assert_int_equal(name(s.here_was), answer(before[me], r, text));
            assert_int_equal(name(s.here_becomes), answer(after[me], r, text));
            changed += !slice_eq(s.here_was, s.here_becomes);
            own += s.own_n;
            for (int x = 0; x < 3; x++) {
                char was, becomes;
                if (x == me)
                    continue;
                foreseen_at(&s, ids[x], &was, &becomes);
                if (was != answer(before[x], r, text) || becomes != answer(after[x], r, text))
                    print_error("turn %d, %s at %s, changed by %s\n", turn, text, ids[x], ids[me]);
                assert_int_equal(was, answer(before[x], r, text));
                assert_int_equal(becomes, answer(after[x], r, text));
            }
            arena_done(&a);
        }
        foresee_done(&f);
        for (int i = 0; i < 3; i++) {
            plan_free(before[i]);
            plan_free(after[i]);
        }
    }
    print_message("# %zu answers changed, %zu strings that others have\n", changed, own);
    assert_true(changed > 1000 && own > 1000);
    routes_free(r);
}

struct seen {
    char text[4096];
    size_t n;
};

static void see(void *context, struct slice dialled)
{
    struct seen *s = context;
    size_t at = strlen(s->text);
    s->n++;
    if (at + dialled.n + 2 < sizeof s->text)
        snprintf(s->text + at, sizeof s->text - at, "%.*s ", (int)dialled.n,
                 (const char *)dialled.p);
}

/* What would be looked up where b has these, and a gets and loses those. */
static struct seen strings(const char *const *b, const char *const *a, size_t a_n, uint64_t most,
                           bool *ret_all)
{
    struct made m[3] = {0};
    struct foresee_key key[8];
    struct foresee f;
    struct seen seen = {.n = 0};
    uint8_t self[KEY_SIZE];
    for (; b[m[1].n] != NULL; m[1].n++)
        m[1].row[m[1].n] = (struct world_row){"ENTERPRISEPATTERN", "", b[m[1].n]};
    struct plan *p = plan_of(m, 0);
    memset(self, 'a', sizeof self);
    for (size_t i = 0; i < a_n; i++)
        key[i] = (struct foresee_key){
            .kind = strpbrk(a[i], "X!") != NULL ? ENTRY_PATTERN_ENTERPRISE : ENTRY_ENTERPRISE,
            .put = true, .user = slice_of(a[i])};
    struct policy_subject catalog = {.key = self, .number = STREAM_PLAN, .local = true,
                                     .cluster_id = slice_of("a")};
    assert_true(foresee_init(&f, &mem.mem, p, NULL, &catalog, key, a_n));
    *ret_all = foresee_all(&f, 0, most);
    foresee_strings(&f, 0, most, see, &seen);
    foresee_done(&f);
    plan_free(p);
    return seen;
}

static void strings_of_a_pattern(void **state)
{
    (void)state;
    bool all;
    const char *const none[] = {NULL}, *const meets[] = {"8!", "83XXXX", "8XXXXX", NULL};
    const char *const plain[] = {"12X"}, *const two[] = {"1XX", "12X", "130"};
    const char *const open[] = {"8XXXXX"}, *const wide[] = {"8!"};
    struct seen s = strings(none, plain, 1, 1000, &all);
    assert_true(all);
    assert_string_equal(s.text, "120 121 122 123 124 125 126 127 128 129 ");
    s = strings(none, two, 3, 1000, &all);
    assert_true(all && s.n == 100 - 10 - 1); /* the more specific one has its own, 130 itself */
    s = strings(none, open, 1, 1000, &all);
    assert_true(!all);
    assert_string_equal(s.text, "800000 ");
    s = strings(meets, open, 1, 1000, &all);
    assert_true(!all);
    assert_string_equal(s.text, "800000 "); /* what 8! had; what 83XXXX has stays there */
    s = strings(meets, wide, 1, 1000, &all);
    assert_true(!all);
    assert_string_equal(s.text, "80 ");
}

static void refused_memory(struct mem *m)
{
    struct foresee f;
    struct seen seen = {.n = 0};
    uint8_t self[KEY_SIZE] = {0};
    const struct foresee_key key[] = {
        {.kind = ENTRY_PATTERN_ENTERPRISE, .put = true, .user = slice_of("8!")}};
    struct policy_subject catalog = {.key = self, .number = STREAM_PLAN, .local = true,
                                     .cluster_id = slice_of("a")};
    struct plan *p = plan_new(m, index_key, true);
    if (p == NULL)
        return;
    if (foresee_init(&f, m, p, NULL, &catalog, key, 1))
        foresee_strings(&f, 0, 10, see, &seen);
    foresee_done(&f);
    plan_free(p);
}

static void any_refusal(void **state)
{
    (void)state;
    test_every_refusal(refused_memory);
}

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    rand_seed(&seed, 20261123);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_what_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(strings_of_a_pattern, setup, teardown),
        cmocka_unit_test_setup_teardown(any_refusal, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
