/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * check.h - the check command: what is wrong now, on one screen.
 */
#ifndef TCPTRAIL_CHECK_H
#define TCPTRAIL_CHECK_H

#include <signal.h>

#include "options.h"

/* Returns 0 (ok), 1 (a warning) or 2 (critical), or, where that is not known, an exit
 * code from 3 on. */
int check_run(const struct options *options, const volatile sig_atomic_t *stop);

#endif /* TCPTRAIL_CHECK_H */
