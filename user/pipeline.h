/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pipeline.h - one way through: queue -> port fill -> teller (decode -> enrich ->
 * select -> sink). Nothing flows back.
 */
#ifndef TCPTRAIL_PIPELINE_H
#define TCPTRAIL_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader.h"
#include "options.h"
#include "sink.h"
#include "totals.h"

struct pipeline;
struct recorder;

/* `out` is the sink's output; all stay the caller's; `recorder` NULL: none. NULL: no
 * memory. */
struct pipeline *pipeline_open(const struct options *o, struct output *out,
			       const struct sink_ops *ops, struct sink *sink,
			       struct recorder *recorder, bool budgeted);
void pipeline_close(struct pipeline *p);

/* A loader_record_fn: takes one raw record. */
bool pipeline_take(void *pipeline, const void *data, size_t size);

/* The kernel side that the records come from; before the first turn. */
bool pipeline_attach(struct pipeline *p, struct loader *loader);

/* With a recorder, before the start: `stream` is agent.ephemeral_id, `host` NULL when
 * it is not known. */
void pipeline_record(struct pipeline *p, uint32_t stream, const char *host);

/* The start record. 0 or -errno: --metrics-file cannot be written. */
int pipeline_start(struct pipeline *p);

/* Tells what is in the ring, and what is due by time. */
void pipeline_turn(struct pipeline *p);

/* The hooks are about to go: a last look at what is there. */
void pipeline_stop(struct pipeline *p);

/* After the hooks are gone: everything that is left, then the stop record. */
void pipeline_finish(struct pipeline *p);

/* It looks into the network namespaces of others at intervals. */
bool pipeline_enters_netns(const struct pipeline *p);

/* -c: that many records were told. */
bool pipeline_done(const struct pipeline *p);

/* Totals so far, and the time since the start record. */
void pipeline_totals(struct pipeline *p, struct stream_totals *out, uint64_t *uptime_ns);

#endif /* TCPTRAIL_PIPELINE_H */
