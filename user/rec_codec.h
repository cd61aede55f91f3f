/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rec_codec.h - sums and totals to what a recording has of them, and back. Pure. */
#ifndef TCPTRAIL_REC_CODEC_H
#define TCPTRAIL_REC_CODEC_H

#include <stddef.h>

#include "record.h"
#include "recording.h"

/* `reason` is the number of a reset's, 0: none; `cgroup` an id, 0: none. false: of another
 * kind, for which there is no sum. */
bool rec_sum_of(const struct record *r, uint32_t reason, uint64_t cgroup, struct rec_sum *out);

/* All but the name of a reset's reason, which is of that kernel. */
void rec_sum_record(const struct rec_sum *s, struct record *out);

/* What failed_calls_complete() added, and back. */
void rec_limit_of(const struct record_limit *l, struct rec_limit *out);
void rec_limit_record(const struct rec_limit *l, struct record_limit *out);

/* The numbers of `struct rec_totals`. */
#define REC_TOTALS_MEMBERS 18
void rec_totals_numbers(const struct stream_totals *t, uint64_t numbers[REC_TOTALS_MEMBERS]);

/* `len` may be less (an older writer) or more (a newer one). */
void rec_totals_of(const uint64_t *numbers, size_t len, struct stream_totals *out);

#endif /* TCPTRAIL_REC_CODEC_H */
