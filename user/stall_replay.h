/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* stall_replay.h - the stuck connections that a recording of trace tells of. */
#ifndef TCPTRAIL_STALL_REPLAY_H
#define TCPTRAIL_STALL_REPLAY_H

#include <signal.h>

#include "stall_sample.h"

struct stall_replay;
struct rec_walk;

/* Takes the rows of a sample. 0 or -errno. */
typedef int (*stall_show_fn)(void *ctx, const struct stall_sample *s);

/* A view of the walk, to be ended and closed after it: what was stuck at --until, or at the
 * recording's end, each as it was told last; with --since also what was over since then.
 * NULL: no memory. */
struct stall_replay *stall_replay_open(struct rec_walk *walk);
int stall_replay_end(struct stall_replay *p, stall_show_fn show, void *ctx);	/* 0 or -errno */
void stall_replay_close(struct stall_replay *p);

/* The walk, too. An exit code, said on stderr. */
int stall_replay_run(const struct options *o, const volatile sig_atomic_t *stop, stall_show_fn show);

#endif /* TCPTRAIL_STALL_REPLAY_H */
