/* tick: civil time by arithmetic alone (Gregorian calendar, UTC), because the libc's own conversion
 * reads time zones. Years are counted from 1 March, so that the leap day ends them. */
#include "base/tick.h"

#define DAY_S     INT64_C(86400)
#define ERA_DAYS  INT64_C(146097) /* 400 years */
#define EPOCH_DAY INT64_C(719468) /* 0000-03-01 to 1970-01-01 */

/* Division that rounds down, also below zero. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct civil civil_of(wall t)
{
    int64_t seconds = floor_div(t, TICK_S);
    int64_t days = floor_div(seconds, DAY_S);
    int64_t of_day = seconds - days * DAY_S;

    int64_t since = days + EPOCH_DAY;
    int64_t era = floor_div(since, ERA_DAYS);
    int64_t day = since - era * ERA_DAYS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    int64_t month = (5 * day + 2) / 153; /* 0 = March */

    struct civil c;
    c.day = (int)(day - (153 * month + 2) / 5 + 1);
    c.month = (int)(month < 10 ? month + 3 : month - 9);
    c.year = (int)(era * 400 + year + (c.month <= 2));
    c.hour = (int)(of_day / 3600);
    c.minute = (int)(of_day / 60 % 60);
    c.second = (int)(of_day % 60);
    c.micro = (int)(t % TICK_S + (t % TICK_S < 0 ? TICK_S : 0));
    return c;
}

static char *put_digits(char *to, int v, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + v % 10);
        v /= 10;
    }
    return to + digits;
}

/* Years outside 0000 to 9999 have no such text; their last four digits are written. */
void wall_text(char dst[static 25], wall t)
{
    if (t == 0) {
        dst[0] = '\0';
        return;
    }
    struct civil c = civil_of(t);
    const struct {
        int value, digits;
        char after;
    } part[] = {{c.year < 0 ? -c.year : c.year, 4, '-'},
                {c.month, 2, '-'},
                {c.day, 2, 'T'},
                {c.hour, 2, ':'},
                {c.minute, 2, ':'},
                {c.second, 2, '.'},
                {c.micro / 1000, 3, 'Z'}};
    for (unsigned i = 0; i < sizeof part / sizeof part[0]; i++) {
        dst = put_digits(dst, part[i].value, part[i].digits);
        *dst++ = part[i].after;
    }
    *dst = '\0';
}
