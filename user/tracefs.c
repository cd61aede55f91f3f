// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A detached mount (Linux 5.2): gone with its descriptor. -errno. */
static int private_mount(void)
{
	int fs = syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
	int fd = -1;

	if (fs < 0)
		return -errno;
	if (!syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	close(fs);
	return fd;
}

static int read_id(int dir, const char *tracepoint)
{
	char path[128], text[16] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "events/%s/id", tracepoint);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && atoi(text) > 0 ? atoi(text) : -EIO;
}

static int event_id(const char *tracepoint)
{
	int dir = open("/sys/kernel/tracing", O_DIRECTORY | O_PATH | O_CLOEXEC);
	int id = -ENOENT;

	if (dir >= 0) {
		id = read_id(dir, tracepoint);
		close(dir);
	}
	if (id >= 0)
		return id;
	dir = private_mount();
	if (dir < 0)
		return dir;
	id = read_id(dir, tracepoint);
	close(dir);
	return id;
}

int tracefs_perf_event(const char *tracepoint)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
	};
	int id = event_id(tracepoint);
	int fd;

	if (id < 0)
		return id;
	attr.config = id;
	/* The CPU does not matter: a program on it sees every CPU's calls. */
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
