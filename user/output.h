/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * output.h - whole lines to a file descriptor: a terminal, a pipe, a file.
 *
 * Lines are collected in one buffer and written with write(2) at flush. A line
 * is written whole or, when the reader is gone or the disk full, not at all
 * after the first error: the error is sticky and tells why the stream ended.
 * Waiting for a slow reader is done in poll(2), so that a signal ends it.
 */
#ifndef TCPTRAIL_OUTPUT_H
#define TCPTRAIL_OUTPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output;

/* Takes no ownership of fd. A write that has to wait for its reader goes on
 * until `*stop` is set (NULL: never), then at most `grace_ms` longer.
 * NULL with errno when memory is short. */
struct output *output_open(int fd, const volatile sig_atomic_t *stop, int grace_ms);

/* Room for one line of at most `len` bytes (<= OUTPUT_LINE_MAX); NULL after an
 * error. Valid until the matching output_commit(). Flushes when full. */
#define OUTPUT_LINE_MAX 4096
char *output_reserve(struct output *out, size_t len);

/* `len` bytes of the reserved room are one or more whole lines ('\n' at the end). */
void output_commit(struct output *out, size_t len);

/* Write what is there. Returns 0, or -errno of the first failed write (EPIPE,
 * ENOSPC, EIO...), or -ETIMEDOUT when it gave up waiting after `*stop`. */
int output_flush(struct output *out);

/* 0 or the sticky -errno. */
int output_error(const struct output *out);

/* A line that found no room in OUTPUT_LINE_MAX: counted with those. */
void output_refuse(struct output *out);

/* Lines committed and never written, because of an error. */
uint64_t output_lines_lost(const struct output *out);

/*
 * The same to a file, appended: whoever truncates it (copytruncate) leaves no
 * hole. Made with mode 0640 less the umask. The file is the output's own; NULL
 * with errno when it cannot be opened.
 */
struct output *output_open_file(const char *path, const volatile sig_atomic_t *stop, int grace_ms);

/* Writes what is there to the file as it was, then goes on in the one that has
 * that name now: it was renamed. 0 or -errno: it goes on in the old one. */
int output_reopen(struct output *out, const char *path);

/* For isatty(3) and epoll(7). */
int output_fd(const struct output *out);

void output_close(struct output *out);

#endif /* TCPTRAIL_OUTPUT_H */
