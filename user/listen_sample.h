/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listen_sample.h - looks at every listening socket of every namespace, again and
 * again over a time, without a socket lock: what the rows of a view are made of.
 */
#ifndef TCPTRAIL_LISTEN_SAMPLE_H
#define TCPTRAIL_LISTEN_SAMPLE_H

#include <signal.h>
#include <stdbool.h>

#include "listen_rows.h"
#include "loader.h"
#include "options.h"

struct netns_row {
	uint32_t netns;
	struct netns_count before, now;
	unsigned int listeners;
	bool late;		/* not in the sample's first look: `before` is no bound */
};

struct listen_sample {
	const struct options *options;	/* its filters */
	struct loader *loader;
	struct cgroups *cgroups;	/* NULL: the filter does not ask */
	struct listen_rows rows;	/* worst first, after a sample */
	struct netns_row *netns;
	size_t netns_len;
	bool no_memory;
	bool accepts_seen;
	bool syns_seen;
	bool looked;			/* at namespaces, once */
	uint64_t wall_ns;		/* of the last look that a recording has; 0: now */
};

/* false: no memory. The loader stays the caller's. */
bool listen_sample_open(struct listen_sample *s, const struct options *o, struct loader *loader);
void listen_sample_close(struct listen_sample *s);

/* Its parts, for looks that come from elsewhere (a recording): the loader is NULL then.
 * A look's listeners are between listen_rows_look() and listen_sample_looked(). */
void listen_sample_begin(struct listen_sample *s);
void listen_sample_listener(struct listen_sample *s, const struct listening *l);
void listen_sample_netns(struct listen_sample *s, uint32_t netns, const struct netns_count *count);
void listen_sample_looked(struct listen_sample *s);		/* the listeners and netns of a look */
void listen_sample_end(struct listen_sample *s, uint64_t ns);	/* how long it took */

/* What is there now: once before the first sample. 0 or -errno. */
int listen_sample_look(struct listen_sample *s);

/* Over that time, ended early by *stop. 0 or -errno. */
int listen_sample_take(struct listen_sample *s, uint64_t ns, const volatile sig_atomic_t *stop);

#endif /* TCPTRAIL_LISTEN_SAMPLE_H */
