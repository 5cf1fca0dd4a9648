/* scene: see scene.h. A line is split into words; the table below says which command it is and how
 * many words it needs at least. What follows `=>` must stand in the command's output. */
#include "sim/scene.h"

#include "sim/grow.h"
#include "sim/ops.h"
#include "sim/render.h"
#include "sim/scene_show.h"

#define WORDS_MAX 24
#define QUIET     (4 * TICK_S)
#define BUDGET    ((size_t)64 << 20)

struct scene {
    const char *path;
    FILE *out;
    struct world *world;
    uint64_t seed;
    bool full, failed;
    unsigned line;
    char *word[WORDS_MAX];
    size_t n;
    char *wanted[WORDS_MAX]; /* after => */
    size_t wanted_n;
    char text[SHOW_TEXT];    /* what the command showed */
    size_t from;             /* first log line that `expect` sees */
    tick active;             /* when something last happened */
};

static void fail(struct scene *s, const char *what, const char *word)
{
    s->failed = true;
    fprintf(s->out, "%s:%u: %s '%s'\n", s->path, s->line, what, word);
}

static void see(void *context, struct node *n, const struct ils_action *a)
{
    struct scene *s = context;
    if (a->type != ILS_DO_SEND)
        s->active = n->world->now;
}

static struct world *world_of(struct scene *s)
{
    if (s->world == NULL) {
        s->world = world_new(s->seed, BUG_NONE);
        s->world->log.keep = true;
        s->world->log.out = s->full ? s->out : NULL;
        s->world->observer = (struct observer){.context = s, .action = see};
    }
    return s->world;
}

static struct node *node_of(struct scene *s, size_t i)
{
    struct node *n = i < s->n ? world_find(world_of(s), s->word[i]) : NULL;
    if (n == NULL)
        fail(s, "no such cluster", i < s->n ? s->word[i] : "");
    return n;
}

static struct node *up_node(struct scene *s, size_t i)
{
    struct node *n = node_of(s, i);
    if (n != NULL && n->ils == NULL) {
        fail(s, "not running:", n->name);
        return NULL;
    }
    return n;
}

static uint64_t number_of(struct scene *s, const char *text)
{
    uint64_t n = 0;
    if (!slice_to_u64(slice_of(text), UINT32_MAX, &n))
        fail(s, "no number:", text);
    return n;
}

static tick time_of(struct scene *s, const char *text)
{
    static const struct {
        const char *unit;
        tick us;
    } units[] = {{"us", 1}, {"ms", TICK_MS}, {"s", TICK_S}, {"m", 60 * TICK_S},
                 {"h", 3600 * TICK_S}};
    size_t digits = strspn(text, "0123456789");
    uint64_t n;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text + digits, units[i].unit) == 0 &&
            slice_to_u64(slice_make(text, digits), UINT32_MAX, &n))
            return (tick)n * units[i].us;
    fail(s, "no time:", text);
    return 0;
}

/* The value of `name=` among the words, or the fallback. */
static const char *option(const struct scene *s, const char *name, const char *fallback)
{
    size_t length = strlen(name);
    for (size_t i = 1; i < s->n; i++)
        if (strncmp(s->word[i], name, length) == 0 && s->word[i][length] == '=')
            return s->word[i] + length + 1;
    return fallback;
}

static bool has_word(const struct scene *s, const char *word)
{
    for (size_t i = 1; i < s->n; i++)
        if (strcmp(s->word[i], word) == 0)
            return true;
    return false;
}

static void answered(struct scene *s, struct node *n, uint64_t command)
{
    enum reply r = op_wait(n, command, 5 * TICK_S);
    snprintf(s->text, sizeof s->text, "%s", r == REPLIES ? "no answer" : render_reply(r));
    if (s->wanted_n == 0 && r != REPLY_OK)
        fail(s, "not answered OK:", s->word[0]);
}

/* --- the commands */

static void do_seed(struct scene *s)
{
    s->seed = number_of(s, s->word[1]);
}

static void do_node(struct scene *s)
{
    struct node *n = world_add(world_of(s), s->word[1], BUDGET);
    world_note(s->world, n->name, "starts");
    node_start(n);
}

static void do_cluster(struct scene *s)
{
    do_node(s);
    struct node *n = node_of(s, 1);
    if (!op_setup(n, option(s, "id", n->name), option(s, "route", n->host),
                  option(s, "password", "secret"), has_word(s, "hub")))
        fail(s, "was not set up:", n->name);
}

static void do_password(struct scene *s)
{
    struct node *n = up_node(s, 1);
    uint16_t generation = (uint16_t)number_of(s, s->word[2]);
    if (n == NULL)
        return;
    if (strcmp(s->word[3], "drop") == 0)
        answered(s, n, op_password_drop(n, generation));
    else if (strcmp(s->word[3], "prefer") == 0)
        answered(s, n, op_password_prefer(n, generation));
    else
        answered(s, n, op_password(n, generation, s->word[3]));
}

static void do_accept(struct scene *s)
{
    struct node *n = up_node(s, 1);
    uint8_t accept = has_word(s, "password") ? 1 << METHOD_PASSWORD : 0;
    accept = (uint8_t)(accept | (has_word(s, "tls") ? 1 << METHOD_TLS : 0));
    if (n != NULL)
        answered(s, n, op_accept(n, accept));
}

static void do_role(struct scene *s)
{
    struct node *n = up_node(s, 1);
    if (n != NULL)
        answered(s, n, op_role(n, strcmp(s->word[2], "hub") == 0     ? ROLE_HUB
                                  : strcmp(s->word[2], "spoke") == 0 ? ROLE_SPOKE
                                                                     : ROLE_STANDALONE));
}

static void do_join(struct scene *s)
{
    struct node *n = up_node(s, 1);
    char host[128];
    struct node *target = world_find(world_of(s), s->word[2]);
    snprintf(host, sizeof host, "%s", target == NULL ? s->word[2] : target->host);
    uint16_t port = (uint16_t)number_of(s, option(s, "port", "0"));
    bool hub = strcmp(option(s, "as", "spoke"), "hub") == 0;
    if (n != NULL)
        op_join(n, host, port, hub ? ROLE_HUB : ROLE_SPOKE);
}

static void do_plan(struct scene *s)
{
    struct node *n = up_node(s, 1);
    if (n == NULL)
        return;
    if (strcmp(s->word[2], "fill") == 0)
        answered(s, n, op_fill(n, s->word[3], n->host, number_of(s, option(s, "n", "1000"))));
    else
        answered(s, n, op_plan(n, strcmp(s->word[2], "add") == 0, s->word[3],
                               option(s, "failover", NULL)));
}

static void do_lookup(struct scene *s)
{
    struct node *n = up_node(s, 1);
    if (n != NULL)
        show_lookup(n, s->word[2], s->text);
}

static void do_show(struct scene *s)
{
    static const struct {
        const char *what;
        void (*show)(struct node *n, char ret[static SHOW_TEXT]);
    } table[] = {{"clusters", show_clusters}, {"alarms", show_alarms}, {"status", show_status}};
    struct node *n = up_node(s, 1);
    for (size_t i = 0; i < sizeof table / sizeof table[0] && n != NULL; i++)
        if (strcmp(s->word[0], table[i].what) == 0)
            table[i].show(n, s->text);
}

static void do_verdict(struct scene *s)
{
    struct node *a = up_node(s, 1), *b = s->n > 2 ? up_node(s, 2) : a;
    if (a != NULL && b != NULL)
        show_verdict(a, b, s->text);
}

static void do_links(struct scene *s)
{
    struct node *a = node_of(s, 1), *b = node_of(s, 2);
    if (a != NULL && b != NULL)
        snprintf(s->text, sizeof s->text, "%s %s %zu", a->name, b->name,
                 net_count(&s->world->net, a, b));
}

static void do_route(struct scene *s)
{
    struct node *n = up_node(s, 1);
    if (n != NULL)
        answered(s, n, op_route(n, s->word[2], s->word[3]));
}

static void do_disconnect(struct scene *s)
{
    struct node *n = up_node(s, 1);
    if (n != NULL && strcmp(s->word[0], "connect") == 0)
        answered(s, n, op_connect(n, s->word[2]));
    else if (n != NULL)
        answered(s, n, op_disconnect(n, s->word[2]));
}

/* leave NODE; rebuild NODE; restore NODE; forget NODE CLUSTER; ban NODE CLUSTER */
static void do_end(struct scene *s)
{
    struct node *n = up_node(s, 1);
    const char *word = s->word[0], *cluster = s->n > 2 ? s->word[2] : "";
    if (n == NULL)
        return;
    if (strcmp(word, "forget") == 0 || strcmp(word, "ban") == 0)
        answered(s, n, word[0] == 'b' ? op_ban(n, cluster) : op_forget(n, cluster));
    else if (strcmp(word, "leave") == 0)
        answered(s, n, op_leave(n));
    else
        answered(s, n, strcmp(word, "rebuild") == 0 ? op_rebuild(n) : op_restore(n));
}

static void do_exchange(struct scene *s)
{
    struct node *n = up_node(s, 1);
    if (n != NULL)
        answered(s, n, op_exchange(n, strcmp(s->word[2], "on") == 0));
}

/* backup NODE; back NODE: it ends, and starts with the disk as it was then. */
static void do_backup(struct scene *s)
{
    struct node *n = node_of(s, 1);
    if (n == NULL)
        return;
    if (strcmp(s->word[0], "backup") == 0) {
        node_image(n);
    } else if (n->image_n == 0) {
        fail(s, "no backup of", n->name);
    } else {
        if (n->ils != NULL)
            node_crash(n, false);
        disk_restore(&n->disk, &n->image[n->image_n - 1]);
        node_start(n);
    }
}

static void do_cut(struct scene *s)
{
    struct node *a = node_of(s, 1), *b = s->n > 2 ? node_of(s, 2) : NULL;
    if (a != NULL && net_cut(&s->world->net, a, b) == 0)
        fail(s, "nothing to cut:", a->name);
}

static void do_crash(struct scene *s)
{
    struct node *n = up_node(s, 1);
    if (n != NULL)
        node_crash(n, strcmp(s->word[0], "power") == 0);
}

static void do_start(struct scene *s)
{
    struct node *n = node_of(s, 1);
    if (n == NULL)
        return;
    if (n->ils != NULL)
        node_crash(n, false);
    node_start(n);
}

static void do_filter(struct scene *s)
{
    struct node *a = node_of(s, 1), *b = node_of(s, 2);
    if (a != NULL && b != NULL)
        net_filter(&s->world->net, a, b, strcmp(s->word[0], "filter") == 0);
}

static void do_pause(struct scene *s)
{
    struct node *n = up_node(s, 1);
    if (n != NULL)
        n->paused_until = s->world->now + time_of(s, s->word[2]);
}

static void do_delay(struct scene *s)
{
    struct world *w = world_of(s);
    if (s->n == 2) {
        w->net.latency_min = w->net.latency_max = time_of(s, s->word[1]);
        return;
    }
    struct node *n = node_of(s, 1);
    if (n != NULL)
        w->net.extra[n->index] = time_of(s, s->word[2]);
}

static void do_disk(struct scene *s)
{
    struct node *n = node_of(s, 1);
    if (n == NULL)
        return;
    if (strcmp(s->word[2], "fail") == 0)
        n->disk.fail_next = (unsigned)number_of(s, s->word[3]);
    else
        n->disk.latency_min = n->disk.latency_max = time_of(s, s->word[3]);
}

/* True when line i of the log is of that node and holds all these words, in this order. */
static bool line_says(const struct scene *s, size_t i, char *const *word, size_t n)
{
    const char *at = strchr(s->world->log.all[i], ' ');
    for (size_t k = 0; k < n && at != NULL; k++) {
        size_t length = strlen(word[k]);
        const char *found = at;
        do {
            found = strstr(found + 1, word[k]);
        } while (found != NULL && (found[-1] != ' ' || (found[length] != ' ' && found[length])));
        if (found == NULL || (k == 0 && found != at + 1))
            return false;
        at = found + length;
    }
    return at != NULL;
}

static bool log_says(const struct scene *s, char *const *word, size_t n)
{
    for (size_t i = s->from; i < s->world->log.all_n; i++)
        if (line_says(s, i, word, n))
            return true;
    return false;
}

static void do_expect(struct scene *s)
{
    bool never = strcmp(s->word[1], "not") == 0;
    size_t first = never ? 2 : 1;
    world_of(s);
    if (log_says(s, s->word + first, s->n - first) == never)
        fail(s, never ? "the trace has the line with" : "the trace has no line with",
             s->word[s->n - 1]);
}

static void do_mark(struct scene *s)
{
    s->from = world_of(s)->log.all_n;
}

/* Nothing can be said of a connection request that waits, or of a process that stands still. */
static bool busy(const struct world *w)
{
    for (size_t i = 0; i < w->node_n; i++)
        if (w->node[i]->paused_until > w->now)
            return true;
    return net_asking(&w->net);
}

static void run_quiet(struct scene *s, tick until)
{
    struct world *w = s->world;
    s->active = w->now;
    while (w->broken[0] == 0) {
        if (busy(w))
            s->active = w->now;
        if (w->now >= s->active + QUIET)
            return;
        if (w->now > until) {
            fail(s, "never quiet:", s->word[0]);
            return;
        }
        if (!world_next(w, s->active + QUIET))
            w->now = s->active + QUIET;
    }
}

/* Until a catalog is fetched in part at that node. */
static void run_half(struct scene *s, struct node *n, tick until)
{
    while (n != NULL && !show_half(n))
        if (s->world->broken[0] != 0 || !world_next(s->world, until)) {
            fail(s, "never half way:", n->name);
            return;
        }
}

/* run TIME | run until quiet TIME | run until TIME NODE WORD... | run until half TIME NODE |
 * run step N */
static void do_run(struct scene *s)
{
    struct world *w = world_of(s);
    if (strcmp(s->word[1], "until") != 0) {
        if (strcmp(s->word[1], "step") == 0 && s->n > 2)
            for (uint64_t i = number_of(s, s->word[2]); i > 0; i--)
                world_next(w, TICK_NEVER);
        else
            world_run(w, w->now + time_of(s, s->word[1]));
        return;
    }
    if (s->n < 4) {
        fail(s, "run until what", "?");
        return;
    }
    if (strcmp(s->word[2], "quiet") == 0) {
        run_quiet(s, w->now + time_of(s, s->word[3]));
        return;
    }
    if (strcmp(s->word[2], "half") == 0) {
        run_half(s, up_node(s, 4), w->now + time_of(s, s->word[3]));
        return;
    }
    tick until = w->now + time_of(s, s->word[2]);
    size_t next = w->log.all_n;
    do {
        for (; next < w->log.all_n; next++)
            if (line_says(s, next, s->word + 3, s->n - 3))
                return;
    } while (w->broken[0] == 0 && world_next(w, until));
    fail(s, "never came:", s->word[s->n - 1]);
}

static const struct {
    const char *name;
    size_t words; /* at least, itself included */
    void (*run)(struct scene *s);
} commands[] = {
    {"seed", 2, do_seed},         {"node", 2, do_node},       {"cluster", 2, do_cluster},
    {"password", 4, do_password}, {"accept", 2, do_accept},   {"role", 3, do_role},
    {"join", 3, do_join},         {"plan", 4, do_plan},       {"route", 4, do_route},
    {"disconnect", 3, do_disconnect}, {"connect", 3, do_disconnect},
    {"leave", 2, do_end},         {"forget", 3, do_end},      {"ban", 3, do_end},
    {"rebuild", 2, do_end},       {"restore", 2, do_end},     {"exchange", 3, do_exchange},
    {"backup", 2, do_backup},     {"back", 2, do_backup},
    {"lookup", 3, do_lookup},     {"clusters", 2, do_show},   {"alarms", 2, do_show},
    {"status", 2, do_show},       {"verdict", 2, do_verdict},    {"links", 3, do_links},
    {"cut", 2, do_cut},           {"crash", 2, do_crash},     {"power", 2, do_crash},
    {"restart", 2, do_start},     {"filter", 3, do_filter},   {"heal", 3, do_filter},
    {"pause", 3, do_pause},       {"delay", 2, do_delay},     {"disk", 4, do_disk},
    {"run", 2, do_run},           {"expect", 2, do_expect},   {"mark", 1, do_mark},
};

/* The output of a command goes to the log line by line; what => says must stand in it. */
static void shown(struct scene *s)
{
    char *save = NULL, copy[SHOW_TEXT];
    memcpy(copy, s->text, sizeof copy);
    for (char *line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
        world_note(s->world, "=", "%s", line);
    for (size_t i = 0; i < s->wanted_n; i++)
        if (strstr(s->text, s->wanted[i]) == NULL) {
            fail(s, "not shown:", s->wanted[i]);
            fprintf(s->out, "%s\n", s->text);
        }
}

static void split(struct scene *s, char *line)
{
    char *save = NULL;
    bool after = false;
    s->n = s->wanted_n = 0;
    s->text[0] = 0;
    for (char *w = strtok_r(line, " \t\r", &save); w != NULL; w = strtok_r(NULL, " \t\r", &save)) {
        if (strcmp(w, "=>") == 0)
            after = true;
        else if (after && s->wanted_n < WORDS_MAX)
            s->wanted[s->wanted_n++] = w;
        else if (s->n < WORDS_MAX)
            s->word[s->n++] = w;
    }
}

static void command(struct scene *s, char *line)
{
    char copy[LOG_LINE];
    snprintf(copy, sizeof copy, "%s", line);
    line[strcspn(line, "#")] = 0;
    split(s, line);
    if (s->n == 0)
        return;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(s->word[0], commands[i].name) != 0)
            continue;
        if (s->n < commands[i].words) {
            fail(s, "too few words:", s->word[0]);
            return;
        }
        if (commands[i].run != do_seed && commands[i].run != do_expect)
            world_note(world_of(s), ">", "%s", copy);
        commands[i].run(s);
        if (s->text[0] != 0 || s->wanted_n > 0)
            shown(s);
        return;
    }
    fail(s, "no such command:", s->word[0]);
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n = 0, size = 1 << 16;
    char *text = grow(NULL, size);
    if (f == NULL) {
        free(text);
        return NULL;
    }
    for (size_t got; (got = fread(text + n, 1, size - n - 1, f)) > 0;)
        if ((n += got) + 1 == size)
            text = grow(text, size *= 2);
    fclose(f);
    text[n] = 0;
    return text;
}

/* Where the expected trace begins, or NULL. The commands before it are cut off there. */
static char *expected_part(char *text)
{
    char *rule = strncmp(text, "----\n", 5) == 0 ? text : strstr(text, "\n----\n");
    if (rule == NULL)
        return NULL;
    char *after = rule + (rule == text ? 5 : 6);
    rule[rule == text ? 0 : 1] = 0;
    return after;
}

static bool trace_is(const struct scene *s, const char *expected)
{
    const struct log *l = &s->world->log;
    const char *at = expected == NULL ? "" : expected;
    for (size_t i = 0; i < l->all_n; i++) {
        size_t n = strcspn(at, "\n");
        if (strlen(l->all[i]) != n || strncmp(l->all[i], at, n) != 0) {
            fprintf(s->out, "%s: the trace differs\n  expected: %.*s\n  came:     %s\n", s->path,
                    (int)n, at, l->all[i]);
            return false;
        }
        at += at[n] == '\n' ? n + 1 : n;
    }
    if (*at != 0)
        fprintf(s->out, "%s: the trace ends before: %.*s\n", s->path, (int)strcspn(at, "\n"), at);
    return *at == 0;
}

static bool trace_write(const struct scene *s, const char *commands_text)
{
    FILE *f = fopen(s->path, "wb");
    if (f == NULL)
        return false;
    fprintf(f, "%s----\n", commands_text);
    for (size_t i = 0; i < s->world->log.all_n; i++)
        fprintf(f, "%s\n", s->world->log.all[i]);
    return fclose(f) == 0;
}

bool scene_run(const char *path, bool rewrite, bool full, FILE *out)
{
    struct scene s = {.path = path, .out = out, .seed = 1, .full = full};
    char *text = read_all(path);
    if (text == NULL) {
        fprintf(out, "%s: cannot be read\n", path);
        return false;
    }
    char *expected = expected_part(text);
    char *copy = grow_copy(text, strlen(text) + 1);
    for (char *line = copy; line != NULL && !s.failed;) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = 0;
        s.line++;
        command(&s, line);
        line = end;
    }
    struct world *w = world_of(&s);
    if (w->broken[0] != 0)
        fail(&s, "law broken:", w->broken);
    if (s.failed && !full)
        log_report(&w->log, out);
    if (!s.failed)
        s.failed = rewrite ? !trace_write(&s, text) : !trace_is(&s, expected);
    world_free(w);
    free(copy);
    free(text);
    return !s.failed;
}
