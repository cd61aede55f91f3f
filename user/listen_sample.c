// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "listen_sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cgroup.h"
#include "select.h"

#define LOOKS		10		/* in each sample */
#define SECOND_NS	1000000000ULL
#define NETNS_MAX	4096

void listen_sample_listener(struct listen_sample *s, const struct listening *l)
{
	if (select_listener(s->options, s->cgroups, &l->sock) && !listen_rows_take(&s->rows, l))
		s->no_memory = true;
}

static void take(void *ctx, const struct listening *l)
{
	listen_sample_listener(ctx, l);
}

void listen_sample_netns(struct listen_sample *s, uint32_t netns, const struct netns_count *count)
{
	struct netns_row *row = NULL;

	for (size_t i = 0; i < s->netns_len && !row; i++)
		if (s->netns[i].netns == netns)
			row = &s->netns[i];
	if (!row) {
		if (s->netns_len == NETNS_MAX)
			return;
		row = &s->netns[s->netns_len++];
		*row = (struct netns_row){ .netns = netns, .before = *count, .late = s->looked };
	}
	row->now = *count;
}

static void take_netns(void *ctx, uint32_t netns, const struct netns_count *count,
		       const struct netns_count *born)
{
	(void)born;
	listen_sample_netns(ctx, netns, count);
}

static void take_accepts(void *ctx, const struct accept_stats *stats)
{
	struct listen_sample *s = ctx;

	if (!listen_rows_accepts(&s->rows, stats))
		s->no_memory = true;
}

void listen_sample_looked(struct listen_sample *s)
{
	listen_rows_looked(&s->rows);
	s->looked = true;
}

int listen_sample_look(struct listen_sample *s)
{
	int err;

	listen_rows_look(&s->rows);
	err = loader_listeners(s->loader, take, s);
	if (err)
		return err;
	loader_netns_counts(s->loader, take_netns, s);
	listen_sample_looked(s);
	return s->no_memory ? -ENOMEM : 0;
}

static void nap(uint64_t ns)
{
	struct timespec t = { ns / SECOND_NS, ns % SECOND_NS };

	nanosleep(&t, NULL);	/* a signal ends it: *stop is looked at then */
}

/* The namespace's own counters are exact. */
static void bound_by_netns(struct listen_sample *s)
{
	for (size_t n = 0; n < s->netns_len; n++) {
		struct netns_row *netns = &s->netns[n];

		netns->listeners = 0;
		for (size_t i = 0; i < s->rows.len; i++) {
			struct listen_row *row = &s->rows.rows[i];

			if (row->now.sock.netns != netns->netns)
				continue;
			netns->listeners++;
			row->netns_refused = netns->late ? UINT64_MAX : netns->now.listen_drops -
					     netns->before.listen_drops;
		}
	}
}

static void take_holder(void *ctx, const struct stalled *stalled)
{
	struct listen_sample *s = ctx;

	if (stalled->sock.state == EVS_LISTEN && stalled->sock.owner.source)
		listen_rows_holder(&s->rows, stalled->sock.cookie, stalled->sock.owner.pid);
}

/* Without that walk it is not known who shares them. */
static void hold(struct listen_sample *s)
{
	uint64_t unused;

	listen_rows_hold(&s->rows);
	loader_stalls(s->loader, take_holder, s, &unused);
}

void listen_sample_begin(struct listen_sample *s)
{
	listen_rows_begin(&s->rows);
	for (size_t i = 0; i < s->netns_len; i++) {
		s->netns[i].before = s->netns[i].now;
		s->netns[i].late = false;
	}
}

void listen_sample_end(struct listen_sample *s, uint64_t ns)
{
	bound_by_netns(s);
	for (size_t i = 0; i < s->rows.len; i++) {
		s->rows.rows[i].syns_seen = s->syns_seen;
		s->rows.rows[i].accepts_seen = s->accepts_seen;
		s->rows.rows[i].sample_ns = ns;
	}
	listen_rows_sort(&s->rows);
}

/* Looks at both ends and between. */
int listen_sample_take(struct listen_sample *s, uint64_t ns, const volatile sig_atomic_t *stop)
{
	int err;

	listen_sample_begin(s);
	for (int i = 0; i < LOOKS && !*stop; i++) {
		err = listen_sample_look(s);
		if (err)
			return err;
		nap(ns / LOOKS);
	}
	err = listen_sample_look(s);
	s->accepts_seen = loader_accepts(s->loader, take_accepts, s);
	hold(s);
	s->syns_seen = s->accepts_seen && loader_sees_syns(s->loader);
	listen_sample_end(s, ns);
	return err;
}

bool listen_sample_open(struct listen_sample *s, const struct options *o, struct loader *loader)
{
	*s = (struct listen_sample){ .options = o, .loader = loader };
	s->netns = calloc(NETNS_MAX, sizeof(*s->netns));
	if (select_needs_cgroup(o))
		s->cgroups = cgroup_open();	/* without memory its terms are unknown */
	return s->netns;
}

void listen_sample_close(struct listen_sample *s)
{
	listen_rows_free(&s->rows);
	free(s->netns);
	s->netns = NULL;
	cgroup_close(s->cgroups);
	s->cgroups = NULL;
}
