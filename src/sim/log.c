/* log: see log.h. */
#include "sim/log.h"

#include "sim/grow.h"

void log_init(struct log *l)
{
    memset(l, 0, sizeof *l);
}

void log_done(struct log *l)
{
    for (size_t i = 0; i < l->all_n; i++)
        free(l->all[i]);
    free(l->all);
    l->all = NULL;
    l->all_n = l->all_size = 0;
}

static void log_flush(struct log *l)
{
    struct slice part[2] = {slice_make(l->hash, HASH_SIZE), slice_make(l->held, l->held_n)};
    uint8_t next[HASH_SIZE];
    crypto_hash(next, "sim log", part, 2);
    memcpy(l->hash, next, HASH_SIZE);
    l->held_n = 0;
}

void log_bytes(struct log *l, const void *p, size_t n)
{
    const uint8_t *from = p;
    while (n > 0) {
        size_t some = LOG_HELD - l->held_n < n ? LOG_HELD - l->held_n : n;
        memcpy(l->held + l->held_n, from, some);
        l->held_n += some;
        from += some;
        n -= some;
        if (l->held_n == LOG_HELD)
            log_flush(l);
    }
}

void log_line(struct log *l, tick now, const char *who, const char *text)
{
    char *line = l->last[l->lines++ % LOG_LAST];
    int n = snprintf(line, LOG_LINE, "%lld.%03lld %s %s", (long long)(now / TICK_S),
                     (long long)(now % TICK_S / TICK_MS), who, text);
    size_t length = n < 0 ? 0 : n >= LOG_LINE ? LOG_LINE - 1 : (size_t)n;
    log_bytes(l, &now, sizeof now);
    log_bytes(l, line, length + 1);
    if (l->out != NULL)
        fprintf(l->out, "%s\n", line);
    if (!l->keep)
        return;
    if (l->all_n == l->all_size) {
        l->all_size = l->all_size == 0 ? 64 : l->all_size * 2;
        l->all = grow(l->all, l->all_size * sizeof *l->all);
    }
    l->all[l->all_n++] = grow_copy(line, length + 1);
}

void log_hash(struct log *l, char ret[static 2 * HASH_SIZE + 1])
{
    log_flush(l);
    hex_text(ret, l->hash, HASH_SIZE);
}

void log_report(const struct log *l, FILE *out)
{
    uint64_t first = l->lines > LOG_LAST ? l->lines - LOG_LAST : 0;
    for (uint64_t i = first; i < l->lines; i++)
        fprintf(out, "  %s\n", l->last[i % LOG_LAST]);
}
