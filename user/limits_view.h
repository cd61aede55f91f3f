/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limits_view.h - the limits command: what stops connections, nearest to trouble first.
 * Not limits.h: that name is the C library's.
 */
#ifndef TCPTRAIL_LIMITS_VIEW_H
#define TCPTRAIL_LIMITS_VIEW_H

#include <signal.h>

#include "options.h"

/* Returns an exit code; *stop ends it. Without BPF it sees less, and says so. */
int limits_run(const struct options *options, const volatile sig_atomic_t *stop);

#endif /* TCPTRAIL_LIMITS_VIEW_H */
