/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * failed_calls.h - what is known of calls that failed at a limit beyond their own
 * record: the limit's value, where it was set; what a sum's last one said; and which
 * listener's full queue comes from its accept() failing.
 */
#ifndef TCPTRAIL_FAILED_CALLS_H
#define TCPTRAIL_FAILED_CALLS_H

#include <stdbool.h>

#include "record.h"

/* record_limit.set_by where it is not the limit's usual one. */
#define LIMIT_SET_BY_NR_OPEN "fs.nr_open"

struct failed_calls;
struct rec_limit;

/* `live`: of this host, now, so that its /proc tells the rest. NULL: no memory. */
struct failed_calls *failed_calls_open(bool live);
void failed_calls_close(struct failed_calls *f);

/* Completes a record of kind limit, one call's or a sum, by its own time. */
void failed_calls_complete(struct failed_calls *f, struct record *r);

/* In place of a look: what is known of the limit of the next one, by a recording. */
void failed_calls_recorded(struct failed_calls *f, const struct rec_limit *limit);

/* Of a drop at a full accept queue: r->because, when accept() of that listener failed
 * within the last seconds. */
void failed_calls_explain(const struct failed_calls *f, struct record *r);

/* Did connect() of that process fail for want of a port, within the last seconds? */
bool failed_calls_no_port(const struct failed_calls *f, uint32_t pid, uint64_t wall_ns);

#endif /* TCPTRAIL_FAILED_CALLS_H */
