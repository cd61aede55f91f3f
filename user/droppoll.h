/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * droppoll.h - refused segments where no hook sees them: from the counters of
 * each namespace, which are exact, and sk_drops of its listeners, which is never
 * below what one refused (tcp_listendrop() counts both) but counts bad segments (less
 * those that are known), TCP_DEFER_ACCEPT and retries, too. Knows no kernel and no output.
 *
 * Sums over `count` are exact for each namespace and counter of it. A listener is named
 * when it can only have been that one; where several can, each gets what it refused at
 * least for each reason, with `at_most` beside it, and the rest is told without a listener.
 */
#ifndef TCPTRAIL_DROPPOLL_H
#define TCPTRAIL_DROPPOLL_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/listening.h"
#include "record.h"

struct droppoll;

/*
 * NULL: no memory. `patient`: hooks tell all that they see, as kprobes do; the rest is
 * told one look later, when nothing of it can be on its way any more, as not seen.
 */
struct droppoll *droppoll_open(bool patient);
void droppoll_close(struct droppoll *d);

/* A hook told `n` of them: they are not told again. */
void droppoll_told(struct droppoll *d, uint64_t cookie, uint32_t netns, enum ev_drop_reason reason,
		   uint64_t n);

/*
 * One look: its listeners, its namespaces, those where a listener was closed since the
 * last, its end. `born`: the counters when the first listener that we know there was
 * opened; NULL: not known, then only what is counted from now on is ours. false: no memory.
 */
void droppoll_look(struct droppoll *d);
bool droppoll_listener(struct droppoll *d, const struct listening *l);
bool droppoll_netns(struct droppoll *d, uint32_t netns, const struct netns_count *count,
		    const struct netns_count *born);
bool droppoll_ended(struct droppoll *d, uint32_t netns, const struct netns_count *count,
		    const struct netns_count *born);

/* The backlog of a listener at the last look; `now` where there was none. */
uint32_t droppoll_backlog(struct droppoll *d, uint64_t cookie, uint32_t now);

/* Records without a time; `cgroup` is the listener's, 0: none. The first look tells
 * nothing: what was before it is not ours. */
typedef void (*droppoll_fn)(void *ctx, struct record *r, uint64_t cgroup);
void droppoll_looked(struct droppoll *d, uint64_t window_ns, droppoll_fn fn, void *ctx);

#endif /* TCPTRAIL_DROPPOLL_H */
