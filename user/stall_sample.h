/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_sample.h - looks once at the connections that tasks hold, and judges them.
 */
#ifndef TCPTRAIL_STALL_SAMPLE_H
#define TCPTRAIL_STALL_SAMPLE_H

#include <stdbool.h>

#include "loader.h"
#include "options.h"
#include "stall_rows.h"

struct stall_sample {
	const struct options *options;	/* filters, --over, --each */
	struct loader *loader;
	struct stall_rows rows;
	struct cgroups *cgroups;	/* NULL: the filter does not ask, or not yet */
	struct btfnames *reasons;	/* enum skb_drop_reason; NULL: not asked yet, or none here */
	void (*breathe)(void *ctx);	/* in the middle of what takes long; NULL: nothing */
	void *breathe_ctx;
	uint64_t seen;			/* descriptors of connections */
	bool requests;			/* some SYN queue is not empty */
	bool no_memory;
	bool recorded;			/* stall_replay.h: not looked at now */
};

/* The defaults, and --over. */
struct stall_limits stall_limits_of(const struct options *o);

/* 0 or -errno. */
int stall_sample_look(struct stall_sample *s);

/* The loader stays the caller's. */
void stall_sample_close(struct stall_sample *s);

#endif /* TCPTRAIL_STALL_SAMPLE_H */
