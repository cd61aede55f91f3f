/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * netns.h - enter network namespaces known by their inode numbers.
 */
#ifndef TCPTRAIL_NETNS_H
#define TCPTRAIL_NETNS_H

#include <stddef.h>
#include <stdint.h>

struct netns {
	uint32_t inum;
	int fd;			/* out: to be closed by the caller; -1: nothing holds it */
};

/* Descriptors of all of them in one walk: our own namespace, those that have a
 * name below /run/netns, the tasks'. */
void netns_open(struct netns *wanted, size_t n);

/* A netlink socket of sock_diag inside of the namespace `fd`; this thread is
 * back in its own afterwards. -errno. An open socket keeps a namespace alive:
 * do not hold it longer than a dump. */
int netns_diag_socket(int fd);

/* fn() inside of the namespace `fd`; this thread is back in its own afterwards. 0, or
 * -errno when it could not be entered. */
int netns_inside(int fd, void (*fn)(void *ctx), void *ctx);

#endif /* TCPTRAIL_NETNS_H */
