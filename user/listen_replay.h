/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* listen_replay.h - the looks at the listeners that a recording of trace has. */
#ifndef TCPTRAIL_LISTEN_REPLAY_H
#define TCPTRAIL_LISTEN_REPLAY_H

#include <signal.h>

#include "listen_sample.h"

struct listen_replay;
struct rec_walk;

/* Takes a sample of `ns`. 0 or -errno. */
typedef int (*listen_show_fn)(void *ctx, struct listen_sample *s, uint64_t ns);

/* A view of the walk, to be ended and closed after it: a sample of all between --since and
 * --until, or one for each -i of it. NULL: no memory. */
struct listen_replay *listen_replay_open(struct rec_walk *walk, listen_show_fn show, void *ctx);
int listen_replay_end(struct listen_replay *p);		/* 0 or -errno of `show` */
/* false, said on stderr: the recording has no look of that time. */
bool listen_replay_looked(const struct listen_replay *p);
void listen_replay_close(struct listen_replay *p);

/* The walk, too. An exit code, said on stderr. */
int listen_replay_run(const struct options *o, const volatile sig_atomic_t *stop,
		      listen_show_fn show);

#endif /* TCPTRAIL_LISTEN_REPLAY_H */
