/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wallclock.h - when it happened, as a person's clock said then.
 *
 * The kernel side sends CLOCK_MONOTONIC and, where it can read it, CLOCK_TAI,
 * which steps with CLOCK_REALTIME and differs from it by whole seconds. So a
 * record from before a step keeps the time from before the step. Without TAI
 * (Linux before 6.1) the offset of the last refresh is taken: wrong for what
 * happened between a step and the next refresh, 20 ms at most.
 */
#ifndef TCPTRAIL_WALLCLOCK_H
#define TCPTRAIL_WALLCLOCK_H

#include <stdint.h>

struct wallclock {
	int64_t realtime_offset_ns;	/* CLOCK_REALTIME - CLOCK_MONOTONIC */
	int64_t tai_offset_ns;		/* CLOCK_TAI - CLOCK_REALTIME */
};

/* Reads the clocks; once a batch. */
void wallclock_refresh(struct wallclock *clock);

/* CLOCK_REALTIME in ns; tai_ns 0: not known. */
uint64_t wallclock_ns(const struct wallclock *clock, uint64_t mono_ns, uint64_t tai_ns);

#endif /* TCPTRAIL_WALLCLOCK_H */
