/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * gauges.h - what the metrics file says of this moment beside the sums of records: TCP
 * sockets by state, and how near the host's limits are. Of the network namespace of this
 * process; no socket lock is taken.
 */
#ifndef TCPTRAIL_GAUGES_H
#define TCPTRAIL_GAUGES_H

#include <stdbool.h>
#include <stdint.h>

#include "limit_rows.h"

struct gauges {
	struct limit_rows limits;	/* LIMIT_FILE_MAX, LIMIT_ORPHANS, LIMIT_TCP_MEM...: one a kind */
	uint64_t sockets[EVS_MAX];	/* with has_sockets */
	bool has_sockets;
	uint64_t next_ns;		/* CLOCK_MONOTONIC: when sockets are counted again */
};

/* Counting is a dump of sock_diag, for 2 % of the time at most: where it is not due yet the
 * count before stays. `breathe` as in twpoll.h. What cannot be read is left out. */
void gauges_look(struct gauges *g, void (*breathe)(void *ctx), void *ctx);

void gauges_free(struct gauges *g);

#endif /* TCPTRAIL_GAUGES_H */
