/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tracefs.h - classic tracepoints, also where nobody mounted tracefs (many
 * containers, hardened hosts): through a mount of our own that no one sees.
 */
#ifndef TCPTRAIL_TRACEFS_H
#define TCPTRAIL_TRACEFS_H

/* A perf event of the tracepoint "syscalls/sys_exit_accept4", disabled and for
 * all tasks, to attach a program to; owned by the caller. -errno. */
int tracefs_perf_event(const char *tracepoint);

#endif /* TCPTRAIL_TRACEFS_H */
