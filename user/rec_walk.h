/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rec_walk.h - a recording, item by item, for the views that are no stream: once for all of
 * them, as a pipe can be read. */
#ifndef TCPTRAIL_REC_WALK_H
#define TCPTRAIL_REC_WALK_H

#include <signal.h>
#include <stdbool.h>

#include "options.h"
#include "rec_reader.h"
#include "wallclock.h"

struct cgroups;

/* What takes the items. */
struct rec_view {
	bool (*run)(void *ctx);		/* another run of the tracer begins: sockets, namespaces and
					 * cgroups are others. false: no memory */
	bool (*item)(void *ctx, const struct ev_head *head);	/* false: no memory */
	bool (*enough)(void *ctx);	/* NULL: never */
	void *ctx;
	struct cgroups **cgroups;	/* which learn the run's names; NULL: not asked for */
};

#define REC_VIEWS_MAX 3

struct rec_walk {
	const struct options *options;	/* read, since, until */
	const volatile sig_atomic_t *stop;
	struct rec_view views[REC_VIEWS_MAX];
	size_t views_len;
	struct rec_position position;
	struct wallclock clock;		/* of the items that come next */
	uint64_t since_ns, until_ns;	/* CLOCK_REALTIME, set before the first block */
	uint32_t kinds;			/* EVENTS_* that its runs recorded */
	uint64_t damaged;		/* places, told on stderr */
};

/* Before rec_walk(), at most REC_VIEWS_MAX. */
void rec_walk_add(struct rec_walk *w, const struct rec_view *view);

/* An exit code, said on stderr; what is damaged is left to the caller. */
int rec_walk(struct rec_walk *w);

/* Of an event: CLOCK_REALTIME, and whether it is of the time that is asked for. */
uint64_t rec_walk_ns(const struct rec_walk *w, const struct ev_head *head);
bool rec_walk_in_time(const struct rec_walk *w, uint64_t wall_ns);

#endif /* TCPTRAIL_REC_WALK_H */
