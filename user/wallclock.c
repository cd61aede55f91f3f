// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "wallclock.h"

#include <sys/timex.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void wallclock_refresh(struct wallclock *clock)
{
	struct timex t = { 0 };

	if (adjtimex(&t) >= 0)
		clock->tai_offset_ns = t.tai * 1000000000LL;
	clock->realtime_offset_ns = read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
}

uint64_t wallclock_ns(const struct wallclock *clock, uint64_t mono_ns, uint64_t tai_ns)
{
	if (tai_ns)
		return tai_ns - clock->tai_offset_ns;
	return mono_ns + clock->realtime_offset_ns;
}
