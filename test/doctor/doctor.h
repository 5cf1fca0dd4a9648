/* doctor: one text through the doctor, for its tests. */
#ifndef OPENILS_TEST_DOCTOR_H
#define OPENILS_TEST_DOCTOR_H

#include "doctor/doctor.h"

/* The doctor after reading and judging one text, or NULL: memory was refused. */
static inline struct doctor *doctor_of(struct mem *mem, const char *text, size_t n)
{
    size_t records;
    struct doctor *d = doctor_new(mem);
    if (d == NULL)
        return NULL;
    if (doctor_read(d, slice_of("trace.txt"), slice_make(text, n), &records) != 0 ||
        doctor_judge(d) != 0) {
        doctor_free(d);
        return NULL;
    }
    return d;
}

#endif
