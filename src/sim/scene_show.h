/* scene_show: what a scene reads from a core: the clusters table, a lookup, its status. Each gives
 * one or more lines of the log, and the same text for `=>`. Only view.h is used. */
#ifndef OPENILS_SIM_SCENE_SHOW_H
#define OPENILS_SIM_SCENE_SHOW_H

#include "sim/world.h"

#define SHOW_TEXT 4096

/* Lines separated by \n; cut at SHOW_TEXT - 1. The node must be up. */
void show_clusters(struct node *n, char ret[static SHOW_TEXT]);
void show_lookup(struct node *n, const char *dialled, char ret[static SHOW_TEXT]);
void show_alarms(struct node *n, char ret[static SHOW_TEXT]);
void show_status(struct node *n, char ret[static SHOW_TEXT]);
/* The last verdict of both ends: the code, and whether it is one code and one id. */
void show_verdict(struct node *a, struct node *b, char ret[static SHOW_TEXT]);

/* A catalog is fetched in part: some segments have come, some have not. */
bool show_half(const struct node *n);

#endif
