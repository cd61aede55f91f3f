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
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct search {
	struct netns *wanted;
	size_t n;
	size_t found;
};

static void take(struct search *s, const char *path)
{
	struct stat st;
	struct netns *ns;

	if (stat(path, &st))
		return;
	for (size_t i = 0; i < s->n; i++) {
		ns = &s->wanted[i];
		if (ns->inum != st.st_ino || ns->fd >= 0)
			continue;
		ns->fd = open(path, O_RDONLY | O_CLOEXEC);
		/* The task may have moved between the two. */
		if (ns->fd >= 0 && (fstat(ns->fd, &st) || st.st_ino != ns->inum)) {
			close(ns->fd);
			ns->fd = -1;
		}
		s->found += ns->fd >= 0;
		return;
	}
}

/* Looks at each entry of a directory, in the place of %s. */
static void walk(struct search *s, const char *dir, const char *format)
{
	struct dirent *entry;
	char path[512];
	DIR *d;

	if (s->found == s->n)
		return;
	d = opendir(dir);
	while (d && s->found < s->n && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), format, entry->d_name);
		take(s, path);
	}
	if (d)
		closedir(d);
}

void netns_open(struct netns *wanted, size_t n)
{
	struct search s = { .wanted = wanted, .n = n };

	for (size_t i = 0; i < n; i++)
		wanted[i].fd = -1;
	take(&s, "/proc/self/ns/net");
	walk(&s, "/run/netns", "/run/netns/%s");
	walk(&s, "/proc", "/proc/%s/ns/net");
}

static bool same_file(int a, int b)
{
	struct stat one, other;

	return !fstat(a, &one) && !fstat(b, &other) && one.st_ino == other.st_ino &&
	       one.st_dev == other.st_dev;
}

int netns_diag_socket(int fd)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int sock, err = 0;
	bool there;

	if (home < 0)
		return -errno;
	there = same_file(fd, home);	/* setns() would want CAP_SYS_ADMIN even so */
	if (!there && setns(fd, CLONE_NEWNET)) {
		err = -errno;
		close(home);
		return err;
	}
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (sock < 0)
		err = -errno;
	if (!there && setns(home, CLONE_NEWNET) && !err) {
		err = -errno;
		close(sock);
	}
	close(home);
	return err ? err : sock;
}

int netns_inside(int fd, void (*fn)(void *ctx), void *ctx)
{
	struct stat here, there;
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (home < 0)
		return -errno;
	/* Into the own one nobody has to go, and needs no privilege. */
	if (!fstat(home, &here) && !fstat(fd, &there) && here.st_ino == there.st_ino) {
		close(home);
		fn(ctx);
		return 0;
	}
	if (setns(fd, CLONE_NEWNET)) {
		err = -errno;
		close(home);
		return err;
	}
	fn(ctx);
	if (setns(home, CLONE_NEWNET))
		err = -errno;
	close(home);
	return err;
}
