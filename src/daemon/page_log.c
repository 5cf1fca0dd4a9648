/* page_log: what the system's log hears of the page: who came in, and who was refused by more than
 * a mistake. Of refusals there is one line a second, which counts the others: nobody fills the
 * log. Nothing that a stranger chose is in a line, but names that are good ones. */
#include "daemon/page_inside.h"
#include "driver/clock.h"
#include "driver/log.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define EACH_US 1000000

void page_log(bool good, const char *name, const char *what, const char *ip)
{
    char text[256];
    snprintf(text, sizeof text, "page: %s %s, from %s", name[0] != '\0' ? name : "?", what, ip);
    log_system(good ? LOG_NOTICE : LOG_WARNING, text);
}

void page_log_refusal(struct page *p, const char *error, const char *name, const char *command,
                      const char *ip)
{
    static const char *const told[] = {"HOST", "ORIGIN", "CSRF", "ROLE", "SOURCE", "FRAMING",
                                       "RATE", "WAIT"};
    char text[256];
    tick now = clock_tick();
    bool is = false;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        is = is || strcmp(error, told[i]) == 0;
    if (!is)
        return;
    if (p->logged != 0 && now - p->logged < EACH_US) {
        p->unlogged++;
        return;
    }
    int n = snprintf(text, sizeof text, "page: refused %s to %s%s%s, from %s", error,
                     name[0] != '\0' ? name : "?", command[0] != '\0' ? ": " : "", command, ip);
    if (p->unlogged > 0 && n > 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, "; before it %llu more",
                 (unsigned long long)p->unlogged);
    log_system(LOG_WARNING, text);
    p->logged = now;
    p->unlogged = 0;
}
