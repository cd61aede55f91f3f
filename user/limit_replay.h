/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_replay.h - what a recording of trace tells of limits: the calls that failed at one,
 * and accept queues at their fullest. What was near its end without either is not in it.
 */
#ifndef TCPTRAIL_LIMIT_REPLAY_H
#define TCPTRAIL_LIMIT_REPLAY_H

#include <stdbool.h>

#include "limit_rows.h"
#include "listen_rows.h"

struct limit_replay;
struct rec_walk;

/* A view of the walk, to be ended and closed after it. NULL: no memory. */
struct limit_replay *limit_replay_open(struct rec_walk *walk);
void limit_replay_close(struct limit_replay *p);

/* Those that the filter is for, of --since to --until, worst first; `failed` is of all that
 * time. They live until close. NULL: no memory. */
const struct limit_rows *limit_replay_end(struct limit_replay *p);

/* Before the end: the accept queues of a sample of that time. false: no memory. */
bool limit_replay_queues(struct limit_replay *p, const struct listen_rows *listeners);

#endif /* TCPTRAIL_LIMIT_REPLAY_H */
