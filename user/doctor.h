/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* doctor.h - which hooks work on this kernel, and what is lost where not. */
#ifndef TCPTRAIL_DOCTOR_H
#define TCPTRAIL_DOCTOR_H

#include "options.h"

/* Loads and attaches everything, prints the outcome, takes it away again.
 * Returns the exit code. */
int doctor_run(const struct options *o);

#endif /* TCPTRAIL_DOCTOR_H */
