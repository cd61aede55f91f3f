/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sketch.h - quantiles of times in bounded memory: counts by a sixteenth of each
 * power of two, as an HDR histogram (no library of one is in Debian). Pure.
 *
 * The error: a quantile is never below the true one (nearest rank), and at most a
 * sixteenth above it; below 1.024 us it is 1.024 us, and above 4.8 h the maximum.
 */
#ifndef TCPTRAIL_SKETCH_H
#define TCPTRAIL_SKETCH_H

#include <stdint.h>

#define SKETCH_LOW	10	/* log2 of the ns that one bucket holds all below of */
#define SKETCH_HIGH	44
#define SKETCH_BUCKETS	(1 + (SKETCH_HIGH - SKETCH_LOW) * 16 + 1)

struct sketch {
	uint64_t count;
	uint64_t max_ns;
	uint32_t buckets[SKETCH_BUCKETS];
};

void sketch_add(struct sketch *s, uint64_t ns);

/* What `percent` (1 to 100) of them did not exceed; 0: there are none. */
uint64_t sketch_quantile(const struct sketch *s, unsigned int percent);

#endif /* TCPTRAIL_SKETCH_H */
