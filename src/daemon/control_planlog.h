/* control_planlog: what control_plan.c, control_planlog.c, control_undo.c and control_preview.c
 * share. */
#ifndef OPENILS_DAEMON_CONTROL_PLANLOG_H
#define OPENILS_DAEMON_CONTROL_PLANLOG_H

#include "core/planlog.h"
#include "daemon/control_inside.h"
#include "driver/store.h"

/* Kind, key, failover and source of a record, in the words of a catalog file. New ref. */
json_t *control_entry_json(struct arena *arena, const struct record *r);

/* added, removed, changed, number (null: nothing was changed). New ref. */
json_t *control_counts(const uint64_t number[REPLY_NUMBERS]);

/* What the command would do, and who would be called then. New ref; NULL: the request was ended
 * with why it would not be done. */
json_t *control_preview(struct client *client, const struct command *command);
void control_dry_run(struct client *client, const struct command *command); /* ends the request */

/* The content of the request, a catalog file, takes the place of what the source held. */
void control_import(struct client *client, struct slice source, uint64_t stream);

/* The rows of the changes from..to - 1 (to 0: without end); key is what they lend from. */
struct store_range control_log_range(uint8_t key[static 2 * PLAN_LOG_KEY], uint64_t from,
                                     uint64_t to);
const char *control_life(enum plan_life life); /* "added", "removed" */

/* Takes a change back, or (to) all after it, in the plan and all catalogs; client NULL: the
 * daemon's own wish, and control_confirm_over is called when it is over. */
void control_undo(struct control *control, struct client *client, uint64_t number, bool to,
                  bool dry_run);

/* The change of the plan that is taken back unless it is confirmed; a rollback of several streams
 * that is not done with. New ref; null: there is none. */
json_t *control_confirm_json(const struct ils *core);
json_t *control_rollback_json(const struct ils *core);

/* What waits to be confirmed is taken back when its time has come, and a rollback that was cut
 * short goes on. Called at the start, and when something may have begun to wait. */
void control_confirm_look(struct control *c);
void control_confirm_over(struct control *c, bool good);

#endif
