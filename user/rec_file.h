/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rec_file.h - where a recording is written to: a file, its older parts (FILE.1 is the
 * one before, FILE.2 older) or a pipe. Knows nothing of what is in it.
 */
#ifndef TCPTRAIL_REC_FILE_H
#define TCPTRAIL_REC_FILE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rec_file;

struct rec_file_options {
	const char *path;	/* "-": standard output */
	uint64_t size;		/* of a part at most; 0: one part, without end */
	uint32_t count;		/* parts, the one that is written included */
	const volatile sig_atomic_t *stop; /* a pipe's reader is waited for until this, ... */
	int grace_ms;		/* ... then so much longer */
};

/*
 * Overwrites nothing but recordings: one that is there already is overwritten, with a
 * `size` becomes the part before. NULL: `why` tells it in one line.
 */
struct rec_file *rec_file_open(const struct rec_file_options *o, char *why, size_t why_len);
void rec_file_close(struct rec_file *f);

/* Would so many bytes more make the part too large? */
bool rec_file_full(const struct rec_file *f, size_t len);

/* Begins the next part, gives up the oldest. 0 or -errno. */
int rec_file_rotate(struct rec_file *f);

/* All of it, or 0 bytes of it in a file (what was written is cut off again) and -errno;
 * -ETIMEDOUT: a pipe's reader did not take it. */
int rec_file_write(struct rec_file *f, const void *data, size_t len);

/* For epoll, to see the end of a pipe's reader; -1: it is none. */
int rec_file_pipe(const struct rec_file *f);

#endif /* TCPTRAIL_REC_FILE_H */
