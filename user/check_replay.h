/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* check_replay.h - what was wrong, by a recording of trace. */
#ifndef TCPTRAIL_CHECK_REPLAY_H
#define TCPTRAIL_CHECK_REPLAY_H

#include <signal.h>

#include "options.h"

/* Between --since and --until; of stalls, at the end of it. An exit code of check. */
int check_replay_run(const struct options *o, const volatile sig_atomic_t *stop);

#endif /* TCPTRAIL_CHECK_REPLAY_H */
