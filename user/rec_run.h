/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rec_run.h - what a recording says of the run of the tracer that it is of. */
#ifndef TCPTRAIL_REC_RUN_H
#define TCPTRAIL_REC_RUN_H

#include "record.h"
#include "recording.h"

struct rec_run;

struct rec_run *rec_run_open(uint32_t stream);	/* NULL: no memory */
void rec_run_close(struct rec_run *r);

/* A name of any table but the cgroups'; hostile bytes, of which printable ASCII stays. */
void rec_run_name(struct rec_run *r, uint32_t table, uint64_t key, const char *text, size_t len);
void rec_run_begin(struct rec_run *r, uint64_t wall_ns);

/* Valid until the next name. */
const struct stream_info *rec_run_info(const struct rec_run *r);
const char *rec_run_host(const struct rec_run *r);	/* NULL: not known */
uint64_t rec_run_began(const struct rec_run *r);	/* CLOCK_REALTIME; 0: not known */

/* A teller_reason_fn. */
const char *rec_run_reason(void *run, uint32_t reason);

#endif /* TCPTRAIL_REC_RUN_H */
