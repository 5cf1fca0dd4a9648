/* scene: a dialogue in virtual time, and its trace as the assertion. A scene is a text file: one
 * command a line, then `----`, then the trace that must come out. The table at the end of scene.c
 * lists the commands. */
#ifndef OPENILS_SIM_SCENE_H
#define OPENILS_SIM_SCENE_H

#include <stdbool.h>
#include <stdio.h>

/* Runs the scene in that file; differences go to out. rewrite: the trace that came out replaces the
 * one in the file (what `=>` and `expect` say must hold all the same). full: every line to out. */
bool scene_run(const char *path, bool rewrite, bool full, FILE *out);

#endif
