/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* check_report.h - what was found wrong, printed. */
#ifndef TCPTRAIL_CHECK_REPORT_H
#define TCPTRAIL_CHECK_REPORT_H

#include "findings.h"
#include "options.h"

#define CHECK_SAMPLE_NS	1000000000ULL

/* What was looked at. */
struct check_scope {
	size_t listeners;
	uint64_t connections;	/* descriptors of connections; recorded: stuck ones */
	uint64_t ns;		/* the listeners' sample */
	bool recorded;
};

/* Worst first. Returns the exit code. */
int check_report(struct findings *f, const struct options *o, const struct check_scope *scope);

/* It cannot be known, and why. Returns the exit code. */
int check_unknown(const char *why);

#endif /* TCPTRAIL_CHECK_REPORT_H */
