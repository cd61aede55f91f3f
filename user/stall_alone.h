/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_alone.h - connections that no task's file leads to: requests in SYN queues, and
 * orphans, whose process is done with them. sock_diag says which there are, the kernel
 * side looks them up by their ends: neither takes a socket lock.
 */
#ifndef TCPTRAIL_STALL_ALONE_H
#define TCPTRAIL_STALL_ALONE_H

#include <stdbool.h>
#include <stdint.h>

#include "loader.h"

/* `requests`: some listener's SYN queue is not empty. `netns` 0: of all namespaces.
 * Costs a walk over /proc and over the kernel's table of connections for each
 * namespace, and nothing where there are neither; `breathe` (NULL: nothing to do) is
 * called with `ctx` between two. 0 or -errno. */
int stall_alone_look(struct loader *loader, bool requests, uint32_t netns, loader_stalled_fn fn,
		     void (*breathe)(void *ctx), void *ctx);

#endif /* TCPTRAIL_STALL_ALONE_H */
