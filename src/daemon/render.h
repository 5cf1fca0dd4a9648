/* render: ids and arguments of the core as words for people: trace lines, causes, remedies, alarms.
 * The only place where the texts of core's tables are filled in. Shared by ilsd and ils. */
#ifndef OPENILS_DAEMON_RENDER_H
#define OPENILS_DAEMON_RENDER_H

#include <jansson.h>

#include "core/ils.h"

/* Another language: from now on causes, evidence, alarms, outcomes and rules are what `translate`
 * makes of the English template ({names} and %s stay in it). NULL: English. What programs read
 * (trace lines, remedies, names, JSON keys) is the same in every language. */
void render_language(const char *(*translate)(const char *english));
/* In that language; "" as it is. */
__attribute__((format_arg(1))) const char *render_word(const char *english);

/* The text of a trace record (without the SSSSSSSS.NNN |time |AppInfo | in front). size >= 1024. */
void render_trace(char *dst, size_t size, const struct trace *t);
/* The same as a JSON object, appended without an end: event (id), text (as given: what the function
 * above made), verdict_id, peer, peer_id, code, fields, time (as given). */
struct buf;
void render_trace_json(struct buf *b, const struct trace *t, const char *text, const char *time);

/* A certificate's fingerprint as it is compared by telephone: "AB:CD:...". */
#define RENDER_FINGERPRINT (3 * FINGERPRINT_SIZE)
void render_fingerprint(char dst[static RENDER_FINGERPRINT], const uint8_t *fingerprint);

/* A slice as a JSON string; bytes that are not UTF-8 are shown as "?". New ref. */
json_t *render_text(struct slice s);

/* "T1" and so on, and the level at which the event is written. Static; event < EVENTS. */
const char *render_event_id(enum trace_event event);
enum trace_level render_event_level(enum trace_event event);

/* Rows of core/alarm.def, static; a neutral word for a number that is no alarm. The text has
 * the row's subject filled in; it is cut at size - 1 bytes. */
const char *render_alarm_name(uint8_t alarm);
const char *render_alarm_severity(uint8_t alarm);
const char *render_alarm_parameter(uint8_t alarm); /* e.g. "IPAddress" */
void render_alarm_text(char *dst, size_t size, const struct alarm_row *row);
/* Object with name, severity, count, first, last, active, text and the alarm's own parameter. */
json_t *render_alarm_json(const struct alarm_row *row);

/* Verdict: cause and remedy with {host} etc. filled in; "ILS-201". */
void render_code(char *dst, size_t size, enum code code);
void render_cause(char *dst, size_t size, const struct verdict *v);
/* What was seen, as one sentence: who dialled whom, from where to where, and who found it out. */
void render_evidence(char *dst, size_t size, const struct verdict *v);
/* self: this cluster's own id, by which a remedy that is typed at the other end calls it. */
void render_remedy(char *dst, size_t size, const struct verdict *v, struct slice self);
/* Object with verdict_id, code, cause, evidence, remedy, remedy_at ("here" or "there"), told,
 * method, rule, certificate_name, fingerprint, generation, generation_held, host, port, peer_id,
 * peer_name, address, local, dialler, versions_here, versions_there, retry_after, time. New ref. */
json_t *render_verdict_json(const struct verdict *v, struct slice self);

/* Outcome of a command: the sentence, and what to type next ("" when nothing). */
void render_reply(char *dst, size_t size, enum reply reply, struct slice text);
void render_reply_next(char *dst, size_t size, enum reply reply, struct slice text);
const char *render_reply_name(enum reply reply);

/* Words for people, static. local: whether it is this cluster's own row. */
const char *render_role(enum ils_role role, bool local); /* "Hub", "Hub (Local Cluster)", ... */
const char *render_method(uint8_t method);
const char *render_rule(enum cert_rule rule); /* "accepted by ..." */

#endif
