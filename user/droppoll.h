/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * droppoll.h - refused segments where no hook sees them: from the counters of
 * each namespace, which are exact, and sk_drops of its listeners, which is never
 * below what one refused (tcp_listendrop() counts both) but counts bad segments,
 * TCP_DEFER_ACCEPT and retries, too. Knows no kernel and no output.
 *
 * Sums over `count` are exact for each namespace. A listener is named when it can
 * only have been that one; where several can, each gets what it refused at least,
 * with `at_most` beside it, and the rest is told without a listener.
 */
#ifndef TCPTRAIL_DROPPOLL_H
#define TCPTRAIL_DROPPOLL_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/listening.h"
#include "record.h"

struct droppoll;

struct droppoll *droppoll_open(void);	/* NULL: no memory */
void droppoll_close(struct droppoll *d);

/* A hook told `n` of them (final ACKs): they are not told again. */
void droppoll_told(struct droppoll *d, uint64_t cookie, uint32_t netns, uint64_t n);

/* One look: its listeners, its namespaces, its end. false: no memory. */
void droppoll_look(struct droppoll *d);
bool droppoll_listener(struct droppoll *d, const struct listening *l);
bool droppoll_netns(struct droppoll *d, uint32_t netns, const struct netns_count *count);

/* Records without a time; `cgroup` is the listener's, 0: none. The first look tells
 * nothing: what was before it is not ours. */
typedef void (*droppoll_fn)(void *ctx, struct record *r, uint64_t cgroup);
void droppoll_looked(struct droppoll *d, uint64_t window_ns, droppoll_fn fn, void *ctx);

#endif /* TCPTRAIL_DROPPOLL_H */
