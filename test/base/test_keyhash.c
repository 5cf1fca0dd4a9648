/* keyhash: beside a program that multiplies as one does on paper; every byte and the order of all
 * count; a table is filled evenly, whatever its keys have in common. */
#include "test.h"

#include <stdio.h>

#include "base/keyhash.h"
#include "base/rand.h"

#define SMALL UINT64_C(0x2020202020202020)

static uint64_t secret[KEYHASH_WORDS(256) + 2]; /* and those of the last product */

static int setup(void **state)
{
    struct rand r;
    rand_seed(&r, 5);
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        secret[i] = rand_u64(&r);
    return 0;
}

static uint64_t hash(const void *p, size_t n, uint64_t with)
{
    return keyhash_done(keyhash_bytes(0, secret + 2, slice_make(p, n), with), secret);
}

/* a * b in halves of 32 bits; ret[0] is the lower word. */
static void multiply(uint64_t ret[static 2], uint64_t a, uint64_t b)
{
    uint64_t low = UINT32_MAX;
    uint64_t ll = (a & low) * (b & low), lh = (a & low) * (b >> 32);
    uint64_t hl = (a >> 32) * (b & low), hh = (a >> 32) * (b >> 32);
    uint64_t middle = (ll >> 32) + (lh & low) + (hl & low);
    ret[0] = middle << 32 | (ll & low);
    ret[1] = hh + (lh >> 32) + (hl >> 32) + (middle >> 32);
}

static void paper_add(uint64_t sum[static 2], const uint64_t *word, uint64_t a, uint64_t b)
{
    uint64_t product[2];
    multiply(product, a + word[0], b + word[1]);
    sum[0] += product[0];
    sum[1] += product[1] + (sum[0] < product[0]);
}

/* The n bytes from p on, the first the lowest, and `with`. */
static uint64_t paper_word(const uint8_t *p, size_t n, uint64_t with)
{
    uint64_t w = 0;
    memcpy(&w, p, n); /* by the machine's order, as the hash has them */
    return w | with;
}

static uint64_t paper_hash(const uint8_t *p, size_t n, uint64_t with)
{
    uint64_t sum[2] = {0, 0}, last[2];
    const uint64_t *word = secret + 2;
    const uint8_t *end = p + n;
    for (; end - p > 16; p += 16, word += 2)
        paper_add(sum, word, paper_word(p, 8, with), paper_word(p + 8, 8, with));
    size_t each = n >= 8 ? 8 : n >= 4 ? 4 : n > 0;
    if (n > 16)
        paper_add(sum, word, paper_word(end - 16, 8, with), paper_word(end - 8, 8, with));
    else if (each > 1)
        paper_add(sum, word, paper_word(p, each, with), paper_word(end - each, each, with));
    else if (n > 0)
        paper_add(sum, word, (uint64_t)p[0] | (uint64_t)p[n / 2] << 8 | with, p[n - 1] | with);
    multiply(last, sum[0] ^ secret[0], sum[1] ^ secret[1]);
    return last[0] ^ last[1];
}

static void test_paper(void **state)
{
    uint8_t text[256];
    struct rand r;
    rand_seed(&r, 9);
    for (size_t n = 0; n < sizeof text; n++) {
        for (size_t i = 0; i < n; i++)
            text[i] = (uint8_t)rand_u64(&r);
        assert_true(hash(text, n, 0) == paper_hash(text, n, 0));
        assert_true(hash(text, n, SMALL) == paper_hash(text, n, SMALL));
    }
}

/* Read at the end of a block, so that a sanitizer sees what is read behind it. */
static void test_every_byte(void **state)
{
    for (size_t n = 1; n <= 70; n++) {
        uint8_t *text = malloc(n);
        assert_non_null(text);
        memset(text, 'a', n);
        uint64_t is = hash(text, n, 0), small = hash(text, n, SMALL);
        for (size_t i = 0; i < n; i++) {
            text[i] = 'A';
            assert_true(hash(text, n, SMALL) == small);
            assert_true(hash(text, n, 0) != is);
            text[i] = 'b';
            assert_true(hash(text, n, SMALL) != small);
            for (size_t j = 0; j < i; j++) { /* the same bytes in another order */
                text[i] = 'a';
                text[j] = 'b';
                uint64_t other = hash(text, n, 0);
                text[j] = 'a';
                text[i] = 'b';
                assert_true(hash(text, n, 0) != other);
            }
            text[i] = 'a';
        }
        free(text);
    }
}

/* Before and behind a number that counts up. */
static const struct {
    const char *before, *behind;
} around[] = {{"", ""}, {"+8166", ""}, {"user", "@x"}, {"", "000000"},
              {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""}};

/* 64 keys a bucket, and all within six times what chance makes of that: of the upper bits, of the
 * lower ones, and of those between. */
static void test_even(void **state)
{
    for (size_t f = 0; f < sizeof around / sizeof *around; f++) {
        unsigned count[3][1024] = {{0}};
        for (unsigned i = 0; i < 64 * 1024; i++) {
            char text[64];
            int n = snprintf(text, sizeof text, "%s%07u%s", around[f].before, i, around[f].behind);
            uint64_t h = hash(text, (size_t)n, SMALL);
            count[0][h >> 54]++;
            count[1][h & 1023]++;
            count[2][h >> 23 & 1023]++;
        }
        for (size_t i = 0; i < sizeof count / sizeof(unsigned); i++)
            assert_in_range(count[i / 1024][i % 1024], 64 - 6 * 8, 64 + 6 * 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paper),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_even),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
