/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay.h - trace of a recording (-r): its items through the same queue and teller as
 * the ring's. Needs no privilege and no kernel of ours.
 */
#ifndef TCPTRAIL_REPLAY_H
#define TCPTRAIL_REPLAY_H

#include <signal.h>

#include "options.h"
#include "sink.h"

/* Until the end, -c or a signal. `so` without host and id: each run recorded is a stream
 * of its own. Returns an exit code, said on stderr: EXIT_RUNTIME when something is
 * damaged or missing. An error of `out` is the caller's to tell. */
int replay_run(const struct options *o, const volatile sig_atomic_t *stop, struct output *out,
	       const struct sink_options *so);

#endif /* TCPTRAIL_REPLAY_H */
