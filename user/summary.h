/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * summary.h - connections that ended, summed by owner, service and outcome: what a
 * fleet ships instead of each of them. Pure.
 *
 * The owner is cgroup, name and network namespace; the service the local end of a
 * connection opened by a peer, the remote end of one opened here. At most
 * SUMMARY_KEYS of them in a window, of those SUMMARY_CLIENTS opened here (a crawler
 * must not crowd out the services); what finds no place is summed by outcome.
 */
#ifndef TCPTRAIL_SUMMARY_H
#define TCPTRAIL_SUMMARY_H

#include "record.h"

#define SUMMARY_KEYS	512
#define SUMMARY_CLIENTS	384

struct summary;

struct summary *summary_open(void);	/* about 3 MiB; NULL: no memory */
void summary_close(struct summary *s);

/* Of kind `connection`; others are ignored. `cgroup`: its id, 0: none. */
void summary_take(struct summary *s, const struct record *r, uint64_t cgroup);

/* The records of the window, largest count first, the rest last; a new one begins.
 * They have no time; what they point to is void after the call. */
typedef void (*summary_fn)(void *ctx, struct record *r, uint64_t cgroup);
void summary_tell(struct summary *s, uint64_t window_ns, summary_fn fn, void *ctx);

#endif /* TCPTRAIL_SUMMARY_H */
