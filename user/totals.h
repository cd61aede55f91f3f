/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * totals.h - what was made, told and lost, and where. Pure.
 */
#ifndef TCPTRAIL_TOTALS_H
#define TCPTRAIL_TOTALS_H

#include "loader.h"
#include "record.h"

/* What user space counts itself. */
struct stream_counts {
	uint64_t printed;	/* records taken by the sink */
	uint64_t malformed;	/* records of the kernel side that made no sense */
	uint64_t refused;	/* lines that the output did not take */
	uint64_t deselected;	/* not asked for */
	uint64_t hidden;	/* by the terminal's budget */
	uint64_t held_back;	/* in buckets */
	uint64_t unknown_cause;
	uint64_t untracked;	/* TIME-WAITs we could not follow */
};

/*
 * Lost without a trace = runs of the first copy that the kernel skipped, less
 * those that the understudy did, less foreign events among them (the
 * difference of what both copies ignored), less what the gap check found, plus
 * skipped runs of the other programs less what their second copies did, where
 * they have them, plus sockets that ended while no program was called (at least one transition each).
 */
void totals_of(const struct kernel_counters *kernel, const struct stream_counts *user,
	       struct stream_totals *out);

/* now - before, member by member, for a `lost` record. */
void totals_since(const struct stream_totals *now, const struct stream_totals *before,
		  struct stream_totals *out);

#endif /* TCPTRAIL_TOTALS_H */
