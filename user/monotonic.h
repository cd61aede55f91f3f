/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * monotonic.h - the clock that the kernel side stamps its records with.
 */
#ifndef TCPTRAIL_MONOTONIC_H
#define TCPTRAIL_MONOTONIC_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in ns. */
static inline uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

#endif /* TCPTRAIL_MONOTONIC_H */
