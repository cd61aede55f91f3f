// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "btfnames.h"
#include "cgroup.h"
#include "filter_push.h"
#include "limit_sources.h"
#include "monotonic.h"
#include "netns.h"
#include "select.h"
#include "stall_alone.h"

/* As many groups as there are peers may be stuck: those of most connections. */
#define ROWS_LOOKED_UP 64

/* Listeners always: they tell the role of others. */
static bool wanted(const struct stall_sample *s, const struct stalled *stalled)
{
	return stalled->sock.state == EVS_LISTEN ||
	       select_stall(s->options, s->cgroups, stalled, NULL);
}

/* Once more, with its verdict. */
static bool wanted_row(void *ctx, const struct stall_row *row)
{
	const struct stall_sample *s = ctx;

	return select_stall(s->options, s->cgroups, &row->oldest, &row->verdict);
}

static void take(void *ctx, const struct stalled *stalled)
{
	struct stall_sample *s = ctx;

	if (stalled->sock.state == EVS_LISTEN && stalled->syn_queue)
		s->requests = true;
	if (wanted(s, stalled) && !stall_rows_take(&s->rows, stalled))
		s->no_memory = true;
}

struct stall_limits stall_limits_of(const struct options *o)
{
	struct stall_limits limits = stall_defaults;
	uint32_t *const ms[OVERS] = {
		[OVER_SYN] = &limits.syn_ms, [OVER_ACCEPT] = &limits.accept_ms,
		[OVER_WINDOW] = &limits.window_ms, [OVER_CLOSE_WAIT] = &limits.close_wait_ms,
		[OVER_FIN] = &limits.fin_ms, [OVER_FIN_WAIT_2] = &limits.fin_wait_2_ms,
	};
	uint32_t *const count[OVER_COUNTS] = {
		[OVER_RETRANSMITS] = &limits.backoff, [OVER_KEEPALIVE] = &limits.keepalive,
		[OVER_LEAK] = &limits.leak,
	};

	for (int i = 0; i < OVERS; i++)
		if (o->over_ns[i])
			*ms[i] = o->over_ns[i] / 1000000;
	for (int i = 0; i < OVER_COUNTS; i++)
		if (o->over_count[i])
			*count[i] = o->over_count[i];
	return limits;
}

/* What a leak ends at, and what keeps accept() from going on. The owner's of several that hold it is the first. */
static void take_descriptors(struct stall_row *row)
{
	struct limit_row limit;

	enum stall stall = row->verdict.stall;

	if (stall != STALL_CLOSE_WAIT && stall != STALL_CLOSE_WAIT_UNREAD && stall != STALL_ACCEPT)
		return;
	if (!row->oldest.sock.owner.source || !limit_take_process(row->oldest.sock.owner.pid, &limit))
		return;
	/* accept() needs one. */
	if (stall == STALL_ACCEPT && limit.use < limit.max)
		return;
	row->files = limit.use;
	row->files_max = limit.max;
}

static void look_at_path(void *ctx)
{
	struct stall_row *row = ctx;

	stall_path_look(&row->oldest.sock, &row->path);
}

/* Its owner is in the same namespace, mostly; a walk for the others is not worth it. */
static void take_path(struct stall_row *row)
{
	const struct ev_sock *s = &row->oldest.sock;
	struct stat st;
	char path[64];
	int fd;

	enum stall stall = row->verdict.stall;

	if ((stall != STALL_SYN && stall != STALL_DROPPED_HERE && stall != STALL_RETRANSMITTING) ||
	    !s->owner.source)
		return;
	snprintf(path, sizeof(path), "/proc/%u/ns/net", s->owner.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_ino == s->netns)
		netns_inside(fd, look_at_path, row);
	close(fd);
}

static void take_locked(void *ctx, const struct stalled *stalled)
{
	struct stall_sample *s = ctx;

	if (stalled->locked)
		stall_rows_still_locked(&s->rows, stalled);
}

/* 0 or -errno. */
static int look_for_locks(struct stall_sample *s, const struct stall_limits *limits)
{
	static const struct timespec moment = { .tv_nsec = 20000000 };
	uint64_t unused;
	int err = 0;

	if (stall_rows_locked(&s->rows, limits)) {
		nanosleep(&moment, NULL);
		err = loader_stalls(s->loader, take_locked, s, &unused);
	}
	stall_rows_locks_end(&s->rows);
	return err;
}

static const char *reason_name(void *ctx, uint32_t reason)
{
	const struct stall_sample *s = ctx;

	return s->reasons ? btfnames_get(s->reasons, reason) : NULL;
}

static void take_dropped(void *ctx, const struct dropped_key *key, const struct dropped *what)
{
	struct stall_sample *s = ctx;

	if (!stall_drops_take(&s->rows.drops, key, what))
		s->no_memory = true;
}

/* Where no hook tells there are none. After the connections: what they say of the last that
 * was sent is older. */
static void look_at_drops(struct stall_sample *s)
{
	if (!s->reasons)
		s->reasons = btfnames_open(loader_btf(s->loader), "skb_drop_reason", "SKB_DROP_REASON_");
	s->rows.drops.name = reason_name;
	s->rows.drops.ctx = s;
	stall_drops_begin(&s->rows.drops, monotonic_ns());
	loader_dropped(s->loader, take_dropped, s);
	stall_drops_sort(&s->rows.drops);
}

static void breathe(void *ctx)
{
	struct stall_sample *s = ctx;

	if (s->breathe)
		s->breathe(s->breathe_ctx);
}

int stall_sample_look(struct stall_sample *s)
{
	struct stall_limits limits = stall_limits_of(s->options);
	int err;

	if (!s->cgroups && select_needs_cgroup(s->options))
		s->cgroups = cgroup_open();	/* without memory its terms are unknown */
	s->rows.wanted = wanted_row;
	s->rows.ctx = s;
	stall_rows_begin(&s->rows);
	s->requests = false;
	err = loader_stalls(s->loader, take, s, &s->seen);
	if (!err)
		err = look_for_locks(s, &limits);
	if (!err)
		err = stall_alone_look(s->loader, s->requests, filter_push_netns(&s->options->filter), take,
				       breathe, s);
	if (err)
		return err;
	look_at_drops(s);
	if (s->no_memory || !stall_rows_group(&s->rows, &limits, s->options->each))
		return -ENOMEM;
	for (size_t i = 0; i < s->rows.rows_len && i < ROWS_LOOKED_UP && !s->options->each; i++) {
		take_descriptors(&s->rows.rows[i]);
		take_path(&s->rows.rows[i]);
	}
	return 0;
}

void stall_sample_close(struct stall_sample *s)
{
	stall_rows_free(&s->rows);
	btfnames_close(s->reasons);
	s->reasons = NULL;
	cgroup_close(s->cgroups);
	s->cgroups = NULL;
}
