/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * budget.h - what a terminal can bear: without a filter at most 200 lines a
 * second, problems always, and one exact line a second for what was hidden.
 * Output that is not a terminal has no budget: nothing is sampled silently.
 */
#ifndef TCPTRAIL_BUDGET_H
#define TCPTRAIL_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "record.h"

#define BUDGET_LINES 200

struct budget {
	uint64_t second;	/* of wall_ns */
	uint64_t shown;		/* in this second */
	uint64_t opened;	/* entered ESTABLISHED */
	uint64_t closed;	/* entered CLOSED or TIME-WAIT */
	uint64_t transitions;
	uint64_t hidden;
};

/* true: show it. */
bool budget_show(struct budget *b, const struct record *r);

/* Is there a summary due at this time (CLOCK_REALTIME ns)? Writes it without
 * newline to buf and begins the next second. */
bool budget_summary(struct budget *b, uint64_t wall_ns, uint64_t lost, char *buf, size_t len);

#endif /* TCPTRAIL_BUDGET_H */
