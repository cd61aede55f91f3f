// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rec_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipe_write.h"
#include "recording.h"

struct rec_file {
	struct rec_file_options o;
	int fd;
	bool regular;
	uint64_t len;		/* whole writes */
	struct pipe_write write;
};

__attribute__((format(printf, 4, 5)))
static struct rec_file *fail(struct rec_file *f, char *why, size_t len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, len, format, args);
	va_end(args);
	rec_file_close(f);
	return NULL;
}

/* Empty, or begun as a recording is: what may be overwritten. */
static bool ours(int fd)
{
	char magic[REC_MAGIC_LEN];
	ssize_t n = pread(fd, magic, sizeof(magic), 0);

	return !n || (n == sizeof(magic) && !memcmp(magic, REC_MAGIC, sizeof(magic)));
}

static bool replaceable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool yes;

	if (fd < 0)
		return errno == ENOENT;
	yes = ours(fd);
	close(fd);
	return yes;
}

static void part_name(const struct rec_file *f, uint32_t part, char path[PATH_MAX])
{
	if (part)
		snprintf(path, PATH_MAX, "%s.%u", f->o.path, part);
	else
		snprintf(path, PATH_MAX, "%s", f->o.path);
}

/* The oldest is replaced, and only if it is one. */
static int shift_parts(const struct rec_file *f)
{
	char from[PATH_MAX], to[PATH_MAX];

	part_name(f, f->o.count - 1, to);
	if (!replaceable(to))
		return -EEXIST;
	for (uint32_t i = f->o.count - 1; i > 0; i--) {
		part_name(f, i - 1, from);
		part_name(f, i, to);
		if (rename(from, to) && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* Who may read it reads who talks to whom: nobody else by default. */
static int open_part(struct rec_file *f)
{
	int fd = open(f->o.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->len = 0;
	f->regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
	if (!f->regular)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return -errno;
	if (!ours(fd))
		return -EEXIST;
	return 0;
}

static struct rec_file *open_path(struct rec_file *f, char *why, size_t len)
{
	const char *path = f->o.path;
	int err;

	if (strlen(path) + 12 > PATH_MAX)
		return fail(f, why, len, "cannot write %.64s...: %s", path, strerror(ENAMETOOLONG));
	err = open_part(f);
	if (err == -EEXIST)
		return fail(f, why, len, "%.256s is there and is no recording: it is left alone", path);
	if (err == -EWOULDBLOCK)
		return fail(f, why, len, "%.256s is being written by another tcptrail", path);
	if (err)
		return fail(f, why, len, "cannot write %.256s: %s", path, strerror(-err));
	if (!f->regular && f->o.size)
		return fail(f, why, len, "%.256s is no regular file: it cannot be rotated", path);
	if (f->o.size && lseek(f->fd, 0, SEEK_END) > 0)
		err = rec_file_rotate(f);
	else if (f->regular && ftruncate(f->fd, 0))
		err = -errno;
	if (err == -EEXIST)
		return fail(f, why, len, "%.256s.%u is there and is no recording: it is left alone",
			    path, f->o.count - 1);
	if (err)
		return fail(f, why, len, "cannot write %.256s: %s", path, strerror(-err));
	return f;
}

struct rec_file *rec_file_open(const struct rec_file_options *o, char *why, size_t why_len)
{
	struct rec_file *f = calloc(1, sizeof(*f));

	if (!f)
		return fail(f, why, why_len, "%s", strerror(ENOMEM));
	f->o = *o;
	f->write = (struct pipe_write){ .stop = o->stop, .grace_ms = o->grace_ms };
	f->fd = -1;
	if (strcmp(o->path, "-"))
		return open_path(f, why, why_len);
	if (isatty(STDOUT_FILENO))
		return fail(f, why, why_len, "a recording is not for a terminal: -w FILE, or a pipe");
	f->fd = STDOUT_FILENO;
	return f;
}

void rec_file_close(struct rec_file *f)
{
	if (!f)
		return;
	if (f->fd >= 0 && f->fd != STDOUT_FILENO)
		close(f->fd);
	free(f);
}

bool rec_file_full(const struct rec_file *f, size_t len)
{
	return f->o.size && f->len && f->len + len > f->o.size;
}

int rec_file_rotate(struct rec_file *f)
{
	int err = 0;

	if (f->o.count > 1)
		err = shift_parts(f);
	else if (unlink(f->o.path))
		err = -errno;
	return err ? err : open_part(f);
}

int rec_file_write(struct rec_file *f, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pipe_write_some(&f->write, f->fd, f->regular, (const char *)data + done,
					    len - done);

		if (n >= 0) {
			done += n;
			continue;
		}
		/* A reader finds whole blocks up to the end. */
		if (f->regular && ftruncate(f->fd, f->len))
			return n;
		return n;
	}
	f->len += len;
	return 0;
}

int rec_file_pipe(const struct rec_file *f)
{
	return f->regular ? -1 : f->fd;
}
