/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink.h - where records go: text or JSON lines, into an output (output.h).
 *
 * A sink formats; it never blocks, filters or counts. Order is the caller's.
 */
#ifndef TCPTRAIL_SINK_H
#define TCPTRAIL_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"
#include "record.h"

struct sink_options {
	bool colour;		/* text: ANSI colours */
	bool utc;		/* text: UTC instead of local time */
	uint32_t width;		/* text: columns of the terminal; 0: not one */
	const char *host_name;	/* JSON: host.name; NULL: left out */
	const char *ephemeral_id; /* JSON: agent.ephemeral_id; NULL: left out */
};

struct sink;

struct sink_ops {
	const char *name;	/* "text", "json", "none": the word of -o */
	/* NULL with errno set when memory is short. `out` and the strings of
	 * `options` stay the caller's and outlive the sink. */
	struct sink *(*open)(struct output *out, const struct sink_options *options);
	/* Appends one record; false when `out` refused it (its reader is gone or
	 * behind: output.h counts it). */
	bool (*write)(struct sink *sink, const struct record *record);
	void (*close)(struct sink *sink);
};

extern const struct sink_ops sink_text;
extern const struct sink_ops sink_json;
extern const struct sink_ops sink_none;	/* takes all, writes nothing */

/* By the word of -o; NULL: no such sink. */
const struct sink_ops *sink_by_name(const char *name);

#endif /* TCPTRAIL_SINK_H */
