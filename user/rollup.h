/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rollup.h - what the kernel's token buckets held back, told once a second as
 * one record for each bucket, with `count` and `window_ns`.
 */
#ifndef TCPTRAIL_ROLLUP_H
#define TCPTRAIL_ROLLUP_H

#include <stdbool.h>
#include <stdint.h>

#include "record.h"

struct rollup;

struct rollup *rollup_open(void);	/* NULL: no memory */
void rollup_close(struct rollup *r);

/* Round `round` is over (struct ev_bucket): `now_ns` is CLOCK_MONOTONIC. */
void rollup_begin(struct rollup *r, uint32_t round, uint64_t now_ns);

/* One bucket with what it held back, ever. true: something in that round, and
 * `out` tells how much (wall_ns and the reset reason's name are left to the
 * caller). */
bool rollup_bucket(struct rollup *r, const struct ev_bucket_key *key,
		   const struct ev_bucket *bucket, struct record *out);

/* All that was held back so far. */
uint64_t rollup_total(const struct rollup *r);

#endif /* TCPTRAIL_ROLLUP_H */
