// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_watch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stall_record.h"
#include "stall_sample.h"

#define LEAST_NS	1000000000ULL
#define SHARE		100	/* of the time, one part */

struct stall_watch {
	struct stall_sample sample;
	struct stall_track *track;
	uint64_t due_ns;	/* CLOCK_MONOTONIC */
	stall_watch_fn fn;
	void *ctx;
};

struct stall_watch *stall_watch_open(const struct options *o, struct loader *loader,
				     void (*breathe)(void *ctx), void *ctx)
{
	struct stall_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->sample = (struct stall_sample){ .options = o, .loader = loader, .breathe = breathe,
					  .breathe_ctx = ctx };
	w->track = stall_track_open();
	if (w->track)
		return w;
	free(w);
	return NULL;
}

void stall_watch_close(struct stall_watch *w)
{
	if (!w)
		return;
	stall_sample_close(&w->sample);
	stall_track_close(w->track);
	free(w);
}

static void told(void *ctx, const struct stall_row *row, enum stall_phase phase)
{
	struct stall_watch *w = ctx;
	struct record r;

	stall_record(row, phase, &r);
	w->fn(w->ctx, &r, row->oldest.sock.cgroup);
}

static uint64_t spent_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

void stall_watch_tick(struct stall_watch *w, uint64_t now_ns, stall_watch_fn fn, void *ctx)
{
	uint64_t begun, pause;

	if (now_ns < w->due_ns)
		return;
	begun = spent_ns();
	w->fn = fn;
	w->ctx = ctx;
	/* One that cannot be made now is made next time: nothing is told as over. */
	if (!stall_sample_look(&w->sample))
		stall_track_look(w->track, w->sample.rows.rows, w->sample.rows.rows_len, now_ns,
				 told, w);
	pause = SHARE * (spent_ns() - begun);
	w->due_ns = now_ns + (pause < LEAST_NS ? LEAST_NS : pause);
}
