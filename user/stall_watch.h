/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_watch.h - looks for stuck connections while the trace goes on, and makes records of
 * what begins, goes on and ends.
 */
#ifndef TCPTRAIL_STALL_WATCH_H
#define TCPTRAIL_STALL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "loader.h"
#include "options.h"
#include "record.h"

struct stall_watch;

/* Both stay the caller's. `breathe` is called in the middle of a look that takes long.
 * NULL: no memory. */
struct stall_watch *stall_watch_open(const struct options *o, struct loader *loader,
				     void (*breathe)(void *ctx), void *ctx);
void stall_watch_close(struct stall_watch *w);

/* The record is void after the call, and has no time; `cgroup` is an id, 0: none. */
typedef void (*stall_watch_fn)(void *ctx, struct record *r, uint64_t cgroup);

/* Looks if it is time to: once a second, and for a hundredth of the time at most, by the
 * CPU that the last look took. */
void stall_watch_tick(struct stall_watch *w, uint64_t now_ns, stall_watch_fn fn, void *ctx);

#endif /* TCPTRAIL_STALL_WATCH_H */
