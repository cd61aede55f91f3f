/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lines.h - an output of which a fuzzer reads back every line. */
#ifndef TCPTRAIL_LINES_H
#define TCPTRAIL_LINES_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_check.h"
#include "output.h"

struct lines {
	int fd;
	struct output *out;
	char *text;
	size_t room;
};

static inline void lines_open(struct lines *l)
{
	l->fd = memfd_create("lines", 0);
	l->out = output_open(l->fd, NULL, 0);
	if (l->fd < 0 || !l->out)
		abort();
}

/* A text line has no control byte, so that no name moves the cursor; its colours are off. */
static inline void lines_check_one(const char *line, size_t len, bool json)
{
	if (len >= OUTPUT_LINE_MAX)
		abort();
	if (json && !json_check(line, len))
		abort();
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			abort();
}

/* Aborts at a line that is not as it has to be; forgets them. */
static inline void lines_check(struct lines *l, bool json)
{
	struct stat st;
	char *at, *end;

	output_flush(l->out);
	if (fstat(l->fd, &st))
		abort();
	if ((size_t)st.st_size > l->room) {
		l->room = 2 * (size_t)st.st_size;
		l->text = realloc(l->text, l->room);
	}
	if (!st.st_size)
		return;
	if (!l->text || pread(l->fd, l->text, st.st_size, 0) != st.st_size)
		abort();
	for (at = l->text; at < l->text + st.st_size; at = end + 1) {
		end = memchr(at, '\n', l->text + st.st_size - at);
		if (!end)
			abort();
		lines_check_one(at, end - at, json);
	}
	if (ftruncate(l->fd, 0) || lseek(l->fd, 0, SEEK_SET))
		abort();
}

#endif /* TCPTRAIL_LINES_H */
