// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipe_write.h"

#define BUFFER_SIZE	(256 * 1024)

struct output {
	int fd;
	bool file;		/* regular: write(2) does not wait for anyone */
	bool own;		/* fd is closed with us */
	struct pipe_write write;
	int err;
	uint64_t lines_lost;
	size_t len;
	char buf[BUFFER_SIZE];
};

static void take(struct output *out, int fd)
{
	struct stat st;

	out->fd = fd;
	out->file = !fstat(fd, &st) && S_ISREG(st.st_mode);
}

static int append_to(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
}

struct output *output_open(int fd, const volatile sig_atomic_t *stop, int grace_ms)
{
	struct output *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	take(out, fd);
	out->write = (struct pipe_write){ .stop = stop, .grace_ms = grace_ms };
	return out;
}

struct output *output_open_file(const char *path, const volatile sig_atomic_t *stop, int grace_ms)
{
	int fd = append_to(path);
	struct output *out;

	if (fd < 0)
		return NULL;
	out = output_open(fd, stop, grace_ms);
	if (out)
		out->own = true;
	else
		close(fd);
	return out;
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
		ssize_t n = pipe_write_some(&out->write, out->fd, out->file, out->buf + done,
					    out->len - done);

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

int output_reopen(struct output *out, const char *path)
{
	int fd;

	output_flush(out);
	fd = append_to(path);
	if (fd < 0)
		return -errno;
	if (out->own)
		close(out->fd);
	out->own = true;
	take(out, fd);
	return 0;
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

void output_refuse(struct output *out)
{
	out->lines_lost++;
}

int output_fd(const struct output *out)
{
	return out->fd;
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
	if (out->own)
		close(out->fd);
	free(out);
}
