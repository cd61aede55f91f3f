/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listeners.h - the listeners command: a row for each listening socket.
 */
#ifndef TCPTRAIL_LISTENERS_H
#define TCPTRAIL_LISTENERS_H

#include <signal.h>

#include "options.h"

/* Returns an exit code; *stop ends it. */
int listeners_run(const struct options *options, const volatile sig_atomic_t *stop);

#endif /* TCPTRAIL_LISTENERS_H */
