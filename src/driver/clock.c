/* clock: the time and the randomness that daemon and tools put into events. */
#include "driver/clock.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t microseconds(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0)
        abort();
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

tick clock_tick(void)
{
    return microseconds(CLOCK_MONOTONIC);
}

wall clock_wall(void)
{
    return microseconds(CLOCK_REALTIME);
}

void clock_entropy(void *dst, size_t n)
{
    uint8_t *p = dst;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputs("openils: the kernel gives no randomness\n", stderr);
            abort();
        }
        p += got;
        n -= (size_t)got;
    }
}
