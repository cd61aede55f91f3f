// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_if(const char *path, uint32_t inum)
{
	struct stat st;
	int fd;

	if (stat(path, &st) || st.st_ino != inum)
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* The task may have moved between the two. */
	if (fstat(fd, &st) || st.st_ino != inum) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/* Tries each entry of a directory, in the place of %s. */
static int search(const char *dir, const char *format, uint32_t inum)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[512];
	int fd = -ENOENT;

	if (!d)
		return -ENOENT;
	while (fd < 0 && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), format, entry->d_name);
		fd = open_if(path, inum);
	}
	closedir(d);
	return fd;
}

int netns_open(uint32_t inum)
{
	int fd = open_if("/proc/self/ns/net", inum);

	if (fd < 0)
		fd = search("/run/netns", "/run/netns/%s", inum);
	if (fd < 0)
		fd = search("/proc", "/proc/%s/ns/net", inum);
	return fd < 0 ? -ENOENT : fd;
}

int netns_diag_socket(int fd)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int sock, err = 0;

	if (home < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET)) {
		err = -errno;
		close(home);
		return err;
	}
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (sock < 0)
		err = -errno;
	if (setns(home, CLONE_NEWNET) && !err) {
		err = -errno;
		close(sock);
	}
	close(home);
	return err ? err : sock;
}
