/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay_sums.h - --rollup and --metrics-file of a recording: by its times, as a trace
 * would have summed then.
 *
 * Windows go on from the beginning of a run, or from --since. The file of metrics has
 * what was read so far: of a pipe it grows with the trace at its other end. It says
 * nothing of the process that reads, nor of sockets and limits of now.
 */
#ifndef TCPTRAIL_REPLAY_SUMS_H
#define TCPTRAIL_REPLAY_SUMS_H

#include "options.h"
#include "record.h"
#include "teller.h"

struct replay_sums;

struct replay_sums *replay_sums_open(const struct options *o);	/* NULL: no memory */
void replay_sums_close(struct replay_sums *s);

/* What a teller of a run has to hand on. */
void replay_sums_of(const struct replay_sums *s, struct teller_options *to);

/* A run: what it recorded, and when its first window began (CLOCK_REALTIME; 0: at its
 * first record). */
void replay_sums_begin(struct replay_sums *s, const struct stream_info *info, uint64_t wall_ns);

/* Does a record of that time end the window? Then what came before it has to be told ... */
bool replay_sums_over(const struct replay_sums *s, uint64_t wall_ns);
/* ... before this, which is called of every record. */
void replay_sums_tick(struct replay_sums *s, uint64_t wall_ns, struct teller *t);

/* The last window of a run. */
void replay_sums_end(struct replay_sums *s, struct teller *t);

/* Is the file to be written anew? */
bool replay_sums_due(const struct replay_sums *s);
/* With the totals of the run so far; NULL: of none. 0 or -errno. */
int replay_sums_write(struct replay_sums *s, const struct stream_info *info,
		      const struct stream_totals *totals);
/* The same at the end of a run, whose totals stay. */
int replay_sums_write_last(struct replay_sums *s, const struct stream_info *info,
			   const struct stream_totals *totals);

#endif /* TCPTRAIL_REPLAY_SUMS_H */
