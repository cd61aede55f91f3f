// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE	(256 * 1024)
#define LOOK_MS		50	/* how often a wait looks at *stop */

struct output {
	int fd;
	bool file;		/* regular: write(2) does not wait for anyone */
	const volatile sig_atomic_t *stop;
	int grace_ms;
	int64_t give_up_ms;	/* CLOCK_MONOTONIC; 0: not stopping yet */
	int err;
	uint64_t lines_lost;
	size_t len;
	char buf[BUFFER_SIZE];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

struct output *output_open(int fd, const volatile sig_atomic_t *stop, int grace_ms)
{
	struct output *out = calloc(1, sizeof(*out));
	struct stat st;

	if (!out)
		return NULL;
	out->fd = fd;
	out->file = !fstat(fd, &st) && S_ISREG(st.st_mode);
	out->stop = stop;
	out->grace_ms = grace_ms;
	return out;
}

/* Until the reader takes PIPE_BUF bytes without blocking; 0 or -errno. */
static int wait_for_reader(struct output *out)
{
	struct pollfd p = { .fd = out->fd, .events = POLLOUT };

	for (;;) {
		int n = poll(&p, 1, LOOK_MS);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!out->stop || !*out->stop)
			continue;
		if (!out->give_up_ms)
			out->give_up_ms = now_ms() + out->grace_ms;
		if (now_ms() >= out->give_up_ms)
			return -ETIMEDOUT;
	}
}

/* A pipe that poll(2) calls writable takes PIPE_BUF bytes at once; more could
 * block where no signal is looked at. */
static ssize_t write_some(struct output *out, const char *from, size_t len)
{
	int err;

	if (!out->file) {
		err = wait_for_reader(out);
		if (err)
			return err;
		if (len > PIPE_BUF)
			len = PIPE_BUF;
	}
	for (;;) {
		ssize_t n = write(out->fd, from, len);

		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

static uint64_t count_lines(const char *buf, size_t len)
{
	uint64_t lines = 0;

	for (const char *p = buf; (p = memchr(p, '\n', buf + len - p)); p++)
		lines++;
	return lines;
}

int output_flush(struct output *out)
{
	size_t done = 0;

	while (!out->err && done < out->len) {
		ssize_t n = write_some(out, out->buf + done, out->len - done);

		if (n < 0)
			out->err = n;
		else
			done += n;
	}
	if (out->err)
		out->lines_lost += count_lines(out->buf + done, out->len - done);
	out->len = 0;
	return out->err;
}

char *output_reserve(struct output *out, size_t len)
{
	if (out->len + len > sizeof(out->buf))
		output_flush(out);
	if (out->err) {
		out->lines_lost++;
		return NULL;
	}
	return out->buf + out->len;
}

void output_commit(struct output *out, size_t len)
{
	out->len += len;
}

int output_error(const struct output *out)
{
	return out->err;
}

uint64_t output_lines_lost(const struct output *out)
{
	return out->lines_lost;
}

void output_close(struct output *out)
{
	free(out);
}
