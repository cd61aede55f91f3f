// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "wallclock.h"

#include <time.h>

static int64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/*
 * The TAI offset is a whole number of seconds: the difference of two clocks, read
 * together and rounded. Not adjtimex(2), which sandboxes (containers, systemd's
 * SystemCallFilter) refuse; an offset of 0 instead of 37 s would go unnoticed.
 */
void wallclock_refresh(struct wallclock *clock)
{
	int64_t real = read_ns(CLOCK_REALTIME);
	int64_t tai = read_ns(CLOCK_TAI);
	int64_t half = 500000000LL;
	int64_t diff = tai - real;

	/* Put off the CPU or stepped in between: the offset of before holds. */
	if (read_ns(CLOCK_REALTIME) - real >= 0 && read_ns(CLOCK_REALTIME) - real < half)
		clock->tai_offset_ns = (diff + half) / 1000000000LL * 1000000000LL;
	clock->realtime_offset_ns = read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
}

uint64_t wallclock_ns(const struct wallclock *clock, uint64_t mono_ns, uint64_t tai_ns)
{
	if (tai_ns)
		return tai_ns - clock->tai_offset_ns;
	return mono_ns + clock->realtime_offset_ns;
}
