/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pipe_write.h - writes to a reader that may be slow or stopped, without being stuck
 * with it: a signal is looked at while it waits.
 */
#ifndef TCPTRAIL_PIPE_WRITE_H
#define TCPTRAIL_PIPE_WRITE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pipe_write {
	const volatile sig_atomic_t *stop;	/* NULL: waits as long as it takes */
	int grace_ms;		/* for the reader, once *stop is set */
	int64_t give_up_ms;	/* CLOCK_MONOTONIC; 0: not stopping yet. Begins as 0 */
};

/* As much as goes at once; `file`: it never waits. Returns how many bytes, or -errno
 * (-ETIMEDOUT: the grace is over). */
ssize_t pipe_write_some(struct pipe_write *w, int fd, bool file, const char *from, size_t len);

#endif /* TCPTRAIL_PIPE_WRITE_H */
