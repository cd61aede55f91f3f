/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* trace.h - the trace command: from the kernel's ring to lines, until stopped. */
#ifndef TCPTRAIL_TRACE_H
#define TCPTRAIL_TRACE_H

#include <signal.h>

#include "options.h"

/* `*stop` is set by a signal, `*reopen` by another when --output-file was renamed.
 * Returns the exit code. */
int trace_run(const struct options *o, const volatile sig_atomic_t *stop,
	      volatile sig_atomic_t *reopen);

#endif /* TCPTRAIL_TRACE_H */
