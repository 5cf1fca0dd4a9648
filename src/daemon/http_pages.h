/* http_pages: what the HTTP door tells besides lookups: why, metrics, health. Views of the core, on
 * the loop's thread. */
#ifndef OPENILS_DAEMON_HTTP_PAGES_H
#define OPENILS_DAEMON_HTTP_PAGES_H

#include "answer/http.h"

struct runtime;

/* Writes the page that `said` names (HTTP_WHY, HTTP_METRICS, HTTP_HEALTH), and its status. */
void http_page(struct runtime *rt, struct arena *scratch, struct buf *out,
               struct http_outcome *said);

/* Metrics in Prometheus' text format 0.0.4. */
void http_metrics(struct runtime *rt, struct buf *out);

#endif
