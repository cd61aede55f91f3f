/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* privilege.h - may we load BPF programs that trace? */
#ifndef TCPTRAIL_PRIVILEGE_H
#define TCPTRAIL_PRIVILEGE_H

#include <stddef.h>

/* Names of the missing capabilities ("CAP_BPF, CAP_PERFMON") to buf; returns
 * how many. CAP_SYS_ADMIN stands for both (capabilities(7)). */
int privilege_missing(char *buf, size_t len);

#endif /* TCPTRAIL_PRIVILEGE_H */
