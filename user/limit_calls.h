/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_calls.h - the calls that failed at a limit within a sample or a recording, by who
 * called, which, errno and service, and the rows that they are of.
 */
#ifndef TCPTRAIL_LIMIT_CALLS_H
#define TCPTRAIL_LIMIT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limit_rows.h"
#include "record.h"

struct limit_calls;
struct loader;
struct rec_walk;

/* `live`: of this host, now, so that its /proc tells the rest. NULL: no memory. */
struct limit_calls *limit_calls_open(bool live);
void limit_calls_close(struct limit_calls *c);

/* A loader_record_fn: those of the ring. */
bool limit_calls_take(void *calls, const void *data, size_t size);

/* An item of a recording: counted where it is of such a call, in the walk's time. */
void limit_calls_item(struct limit_calls *c, const struct rec_walk *walk, const struct ev_head *head);

/* What came until now is not of the sample. */
void limit_calls_begin(struct limit_calls *c, struct loader *loader, uint64_t now_ns);

/* What the ring has, and what the kernel's buckets held back. CLOCK_MONOTONIC. */
void limit_calls_end(struct limit_calls *c, struct loader *loader, uint64_t now_ns);

/* One more, or a sum. Of more than 1,024 at once the rest has no owner and no service. */
void limit_calls_add(struct limit_calls *c, const struct record *r);

/* Counts them in the rows that they are of, and adds rows for those that have none:
 * failed, call, err and user. Rows of such a kind at which nothing failed have 0.
 * false: no memory. */
bool limit_calls_join(const struct limit_calls *c, struct limit_rows *rows);

#endif /* TCPTRAIL_LIMIT_CALLS_H */
