// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sketch.h"

static unsigned int place(uint64_t ns)
{
	unsigned int power;

	if (ns < 1ULL << SKETCH_LOW)
		return 0;
	power = 63 - __builtin_clzll(ns);
	if (power >= SKETCH_HIGH)
		return SKETCH_BUCKETS - 1;
	return 1 + (power - SKETCH_LOW) * 16 + (ns >> (power - 4) & 15);
}

/* The highest value of it. */
static uint64_t last(unsigned int place)
{
	unsigned int power = (place - 1) / 16 + SKETCH_LOW, sub = (place - 1) % 16;

	if (!place)
		return (1ULL << SKETCH_LOW) - 1;
	if (place == SKETCH_BUCKETS - 1)
		return UINT64_MAX;
	return ((uint64_t)(16 + sub + 1) << (power - 4)) - 1;
}

void sketch_add(struct sketch *s, uint64_t ns)
{
	s->count++;
	s->buckets[place(ns)]++;
	if (ns > s->max_ns)
		s->max_ns = ns;
}

uint64_t sketch_quantile(const struct sketch *s, unsigned int percent)
{
	uint64_t rank = (s->count * percent + 99) / 100, below = 0;

	for (unsigned int i = 0; i < SKETCH_BUCKETS && rank; i++) {
		below += s->buckets[i];
		if (below >= rank)
			return last(i) < s->max_ns ? last(i) : s->max_ns;
	}
	return 0;
}
