/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stalls.h - the stalls command: which connections are stuck now, and on what.
 */
#ifndef TCPTRAIL_STALLS_H
#define TCPTRAIL_STALLS_H

#include <signal.h>

#include "options.h"

/* Returns an exit code; *stop ends it. */
int stalls_run(const struct options *options, const volatile sig_atomic_t *stop);

#endif /* TCPTRAIL_STALLS_H */
