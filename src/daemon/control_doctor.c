/* control_doctor: traces that are given as content, explained as `ils diagnose --json` explains
 * files; and a verdict with all that this end knows of it, beside the trace of the other end where
 * that is given. The doctor works in a thread of its own: it needs nothing of the core. */
#include "daemon/control_inside.h"
#include "daemon/diagnose.h"
#include "driver/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX   2
#define TRACE_MAX   (UINT64_C(64) << 20) /* bytes of what is given */
#define MEMORY_MAX  ((size_t)256 << 20)
#define AT_ONCE     1
#define EVIDENCE    400                  /* lines of an attempt */
#define ATTEMPTS    100                  /* of an answer, by default ... */
#define ATTEMPTS_MAX 1000                /* ... and at most */

struct doctor_job {
    uv_work_t work;
    struct client *client;
    char *name[TEXTS_MAX];
    struct slice text[TEXTS_MAX];
    size_t n, max;
    bool of_verdict;             /* only what is said of this one: ... */
    uint8_t id[VERDICT_ID_SIZE];
    char *own;                   /* ... text[0], to be freed */
    json_t *result;              /* NULL: no memory */
    const char *wrong;           /* or why there is none; static */
    bool explained;
};

static unsigned at_work; /* of this process, which has one loop */

static void job_free(struct doctor_job *job)
{
    for (size_t i = 0; i < TEXTS_MAX; i++)
        free(job->name[i]);
    free(job->own);
    json_decref(job->result);
    free(job);
}

/* --- in a thread of its own */

static bool says(const struct doctor_end *e, const uint8_t *id)
{
    return e->present && e->has_verdict && memcmp(e->verdict, id, VERDICT_ID_SIZE) == 0;
}

/* The attempt of that verdict; of several the one that both ends tell of. */
static const struct doctor_attempt *attempt_of(const struct diagnosis *found, const uint8_t *id)
{
    const struct doctor_attempt *best = NULL;
    for (size_t i = 0; i < found->attempt_n; i++) {
        const struct doctor_attempt *a = &found->attempt[i];
        if (!says(&a->c, id) && !says(&a->s, id) && !says(&a->u, id))
            continue;
        if (best == NULL || (a->c.present && a->s.present))
            best = a;
    }
    return best;
}

/* What is said of the verdict: by this end's lines alone, or by both ends'. */
static json_t *verdict_found(struct doctor_job *job, const struct diagnosis *found)
{
    const struct doctor_attempt *a = attempt_of(found, job->id);
    bool both = a != NULL && a->c.present && a->s.present;
    json_t *json = json_object();
    json_object_set_new(json, "finding", a != NULL ? diagnose_attempt_json(found, a) : json_null());
    json_object_set_new(json, "both_ends", json_boolean(both));
    job->explained = a != NULL && a->certainty != UNCLEAR;
    if (job->n == TEXTS_MAX && found->records[1] == 0)
        job->wrong = "what was given is no trace: lines such as '00154617.001 |16:58:42.888 "
                     "|AppInfo |IlsD ...'";
    return json;
}

static json_t *all_found(struct doctor_job *job, struct diagnosis *found)
{
    size_t records = 0, all = found->attempt_n;
    for (size_t i = 0; i < job->n; i++)
        records += found->records[i];
    if (records == 0)
        job->wrong = "this is no trace: lines such as '00154617.001 |16:58:42.888 |AppInfo |IlsD "
                     "...'";
    else if (all == 0)
        job->wrong = "a trace, but no line of a join is in it: it was written at too low a level, "
                     "or at another hour";
    if (job->wrong != NULL)
        return NULL;
    job->explained = diagnose_explained(found);
    if (found->attempt_n > job->max) {
        found->attempt += found->attempt_n - job->max;
        found->attempt_n = job->max;
    }
    json_t *json = diagnose_json(found);
    json_object_set_new(json, "explained", json_boolean(job->explained));
    json_object_set_new(json, "attempt_count", json_integer((json_int_t)all));
    return json;
}

static void work(uv_work_t *request)
{
    struct doctor_job *job = request->data;
    struct mem mem = {.resize = memory_resize, .budget = MEMORY_MAX};
    struct doctor *d = doctor_new(&mem);
    size_t records[TEXTS_MAX] = {0};
    bool good = d != NULL;
    for (size_t i = 0; good && i < job->n; i++)
        good = doctor_read(d, slice_of(job->name[i]), job->text[i], &records[i]) == 0;
    if (good && doctor_judge(d) == 0) {
        struct diagnosis found = {.name = job->name, .records = records, .name_n = job->n,
                                  .left_out = doctor_left_out(d), .evidence_max = EVIDENCE};
        found.attempt = doctor_attempts(d, &found.attempt_n);
        job->result = job->of_verdict ? verdict_found(job, &found) : all_found(job, &found);
    }
    doctor_free(d);
}

/* --- the requests */

/* What this end knows besides: its lines, and the verdict. */
static void put_own(struct doctor_job *job)
{
    struct control *c = job->client->control;
    const struct ils *core = runtime_core(c->rt);
    struct verdict v;
    bool whole, known = false;
    json_t *lines = control_trace_of(c, job->id, NULL, &whole);
    for (size_t i = 0; !known && view_verdict(core, i, &v); i++)
        known = memcmp(v.id, job->id, VERDICT_ID_SIZE) == 0;
    json_object_set_new(job->result, "verdict",
                        known ? render_verdict_json(&v, control_self(job->client)) : json_null());
    json_object_set_new(job->result, "end", known ? json_string(v.dialler ? "C" : "S")
                                                  : json_null());
    json_object_set_new(job->result, "lines", lines);
    json_object_set_new(job->result, "whole", json_boolean(whole));
}

static void worked(uv_work_t *request, int status)
{
    struct doctor_job *job = request->data;
    struct client *client = job->client;
    at_work--;
    if (client->closing) {
        /* nobody waits */
    } else if (job->wrong != NULL) {
        control_error(client, "TRACE", job->wrong, "ils trace level detailed", "content");
    } else if (status != 0 || job->result == NULL) {
        control_error(client, "MEMORY", "no memory for so large a trace", "ils diagnose FILE",
                      "content");
    } else {
        if (job->of_verdict)
            put_own(job);
        control_reply(client, json_incref(job->result), job->explained ? 0 : 1);
    }
    job_free(job);
    control_release(client);
}

/* Steals the job, which may be NULL. */
static void job_begin(struct client *client, struct doctor_job *job)
{
    bool named = job != NULL;
    for (size_t i = 0; named && i < job->n; i++)
        named = job->name[i] != NULL;
    if (!named) {
        control_no_memory(client);
    } else if (client->content_n > TRACE_MAX) {
        control_error(client, "TOO_LARGE", "more than 64 MiB; cut it to the hour in question",
                      "ils diagnose FILE", "content");
    } else if (at_work >= AT_ONCE) {
        control_error(client, "BUSY", "other traces are being read: try again in a moment",
                      "ils diagnose FILE", NULL);
    } else {
        job->work.data = job;
        job->client = client;
        at_work++;
        control_hold(client);
        if (uv_queue_work(runtime_loop(client->control->rt), &job->work, work, worked) != 0)
            worked(&job->work, -1);
        return;
    }
    if (job != NULL)
        job_free(job);
}

/* Name i of the argument `names`, or what stands for it. To be freed. */
static char *name_at(const struct client *client, size_t i, const char *otherwise)
{
    const char *name = json_string_value(json_array_get(json_object_get(client->args, "names"), i));
    return strdup(name != NULL ? name : otherwise);
}

static bool names_good(struct client *client)
{
    const json_t *names = json_object_get(client->args, "names");
    size_t i;
    json_t *value;
    bool good = names == NULL || (json_is_array(names) && json_array_size(names) <= TEXTS_MAX);
    json_array_foreach(names, i, value)
        good = good && json_is_string(value);
    if (!good)
        control_error(client, "SETTING", "the names of the traces are an array of two at most",
                      "ils help diagnose", "names");
    return good;
}

void verb_diagnose_trace(struct client *client)
{
    uint64_t second, max;
    if (!names_good(client) ||
        !control_number(client, "second_bytes", TRACE_MAX, 0, &second) ||
        !control_number(client, "max", ATTEMPTS_MAX, ATTEMPTS, &max))
        return;
    if (client->content_n == 0 || second >= client->content_n) {
        control_error(client, "SETTING", client->content_n == 0
                          ? "the trace is the content of the request"
                          : "the second trace is all of the content: nothing is left of the first",
                      "ils help diagnose", client->content_n == 0 ? "content" : "second_bytes");
        return;
    }
    struct doctor_job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        size_t first = (size_t)(client->content_n - second);
        job->n = second > 0 ? 2 : 1;
        job->max = max > 0 ? (size_t)max : 1;
        job->text[0] = slice_make(client->content, first);
        job->text[1] = slice_make(client->content + first, (size_t)second);
        job->name[0] = name_at(client, 0, "trace");
        job->name[1] = name_at(client, 1, "second trace");
    }
    job_begin(client, job);
}

void verb_verdict(struct client *client)
{
    struct slice hex;
    uint8_t id[VERDICT_ID_SIZE];
    bool whole;
    if (!names_good(client) || !control_text(client, "id", true, &hex))
        return;
    if (!hex_parse(id, sizeof id, hex)) {
        control_error(client, "SETTING", "a verdict id is 16 hex digits", "ils verdicts", "id");
        return;
    }
    struct doctor_job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        json_decref(control_trace_of(client->control, id, &job->own, &whole));
        job->of_verdict = true;
        memcpy(job->id, id, sizeof id);
        job->n = client->content_n > 0 ? 2 : 1;
        job->name[0] = strdup("this end");
        job->name[1] = name_at(client, 0, "the other end");
        job->text[0] = slice_of(job->own != NULL ? job->own : "");
        job->text[1] = slice_make(client->content, (size_t)client->content_n);
    }
    job_begin(client, job);
}
