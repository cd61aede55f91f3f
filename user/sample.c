// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sample.h"

/* Its transitions before a failure look like any others: those are sampled. */
static bool went_well(const struct record *r)
{
	if (r->kind == REC_ACCEPT)
		return true;
	if (r->kind != REC_STATE && r->kind != REC_CONNECTION)
		return false;
	return r->role != EVR_LISTENER && r->cause != CAUSE_UNKNOWN && !cause_failed(r->cause);
}

/* Cookies are consecutive numbers for each CPU: mixed (splitmix64's finaliser), or
 * one in N would follow the CPU. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

bool sample_record(struct record *r, uint32_t n)
{
	if (n < 2 || !(r->has & HAS_COOKIE) || !went_well(r))
		return true;
	r->sample_n = n;
	return mix(r->cookie) % n == 0;
}
