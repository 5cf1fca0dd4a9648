/* Any bytes: the doctor ends, gives everything back, quotes UTF-8 without control characters, and
 * says the same of a text that it is given twice. */
#include "doctor/doctor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void check(const struct doctor_attempt *a)
{
    assert(a->evidence_n > 0 && a->row < DOCTOR_ROWS);
    assert(a->certainty != UNCLEAR || a->look != 0);
    for (size_t i = 0; i < a->evidence_n; i++) {
        struct slice q = a->evidence[i].quote;
        assert(a->evidence[i].number > 0 && slice_is_utf8(q));
        for (size_t k = 0; k < q.n; k++)
            assert(q.p[k] >= 0x20 && q.p[k] != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    enum doctor_row row[2] = {ROW_NONE, ROW_NONE};
    size_t n[2] = {0, 0}, records;
    size_t turns = size > 0 && data[size - 1] % 8 == 0 ? 2 : 1;
    for (size_t turn = 0; turn < turns; turn++) {
        struct doctor *d = doctor_new(&mem);
        assert(d != NULL);
        assert(doctor_read(d, slice_of("x/SDL001_100_000001.txt"), slice_make(data, size / 2),
                           &records) == 0);
        assert(doctor_read(d, slice_of("x/SDL001_100_000002.txt"),
                           slice_make(data + size / 2, size - size / 2), &records) == 0);
        assert(doctor_judge(d) == 0);
        const struct doctor_attempt *a = doctor_attempts(d, &n[turn]);
        for (size_t i = 0; i < n[turn]; i++)
            check(&a[i]);
        row[turn] = n[turn] > 0 ? a[0].row : ROW_NONE;
        doctor_free(d);
        assert(mem.used == 0);
    }
    assert(turns == 1 || (n[0] == n[1] && row[0] == row[1]));
    return 0;
}
