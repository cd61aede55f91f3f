/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_metrics.h - the sink of numbers: records into metrics.h, that into a file
 * which node_exporter's textfile collector reads.
 *
 * The file is whole at every moment: written beside it and renamed. It stays when
 * the trace ends: what came after the last scrape would never be read otherwise.
 */
#ifndef TCPTRAIL_SINK_METRICS_H
#define TCPTRAIL_SINK_METRICS_H

#include "metrics.h"

struct sink_metrics;

/* `made`: EVENTS_*. `path` stays the caller's. NULL: no memory. */
struct sink_metrics *sink_metrics_open(const char *path, uint32_t made);
void sink_metrics_close(struct sink_metrics *s);

/* Kinds that are made from here on, too: of a recording that is known when it is read. */
void sink_metrics_made(struct sink_metrics *s, uint32_t made);

void sink_metrics_take(struct sink_metrics *s, const struct record *r);

/* Sets CPU time and memory in `own`, writes the file. 0 or -errno. */
int sink_metrics_write(struct sink_metrics *s, struct metrics_own *own);

#endif /* TCPTRAIL_SINK_METRICS_H */
