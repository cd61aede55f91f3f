// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "totals.h"

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t missed(const struct kernel_counters *k)
{
	uint64_t n = less(k->missed_1, k->count[EVC_RECOVERED]);

	n = less(n, less(k->count[EVC_IGNORED_2], k->count[EVC_IGNORED_1]));
	return less(n, k->count[EVC_GAPS] + k->count[EVC_NO_END]) +
	       less(k->missed_other, k->count[EVC_RECOVERED_OTHER]) + k->vanished;
}

void totals_of(const struct kernel_counters *k, const struct stream_counts *user,
	       struct stream_totals *out)
{
	*out = (struct stream_totals){
		.printed = user->printed,
		.lost_missed = missed(k),
		.lost_output = user->refused,
		.lost_malformed = user->malformed,
		.held_back = user->held_back,
		.recovered = k->count[EVC_RECOVERED] + k->count[EVC_RECOVERED_OTHER],
		.gaps = k->count[EVC_GAPS] + k->count[EVC_NO_END],
		.late = k->count[EVC_LATE],
		.poorer = k->count[EVC_NO_STORAGE] + k->count[EVC_MAP_FULL] +
			  k->missed_accepts + user->untracked,
		.unknown_cause = user->unknown_cause,
		.filtered = k->count[EVC_FILTERED] + user->deselected + user->hidden,
		.requests_queued = k->count[EVC_REQUESTS],
		.requests_left = k->count[EVC_REQUESTS_LEFT],
		.minis_made = k->count[EVC_MINIS],
		.minis_ended = k->count[EVC_MINIS_LEFT],
	};
	for (int kind = 0; kind < EV_KIND_MAX; kind++) {
		out->made += k->count[EVC_EMITTED + kind] + k->count[EVC_RING_FULL + kind];
		out->lost_ring += k->count[EVC_RING_FULL + kind];
	}
	out->lost = out->lost_ring + out->lost_missed + out->lost_output + out->lost_malformed;
}

void totals_since(const struct stream_totals *now, const struct stream_totals *before,
		  struct stream_totals *out)
{
	const uint64_t *a = (const uint64_t *)now, *b = (const uint64_t *)before;
	uint64_t *to = (uint64_t *)out;

	/* All members are uint64_t: struct stream_totals says so. lost_missed may
	 * shrink when the understudy's count comes in later. */
	for (size_t i = 0; i < sizeof(*out) / sizeof(*to); i++)
		to[i] = less(a[i], b[i]);
}
