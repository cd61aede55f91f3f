/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * netns.h - enter a network namespace known by its inode number.
 */
#ifndef TCPTRAIL_NETNS_H
#define TCPTRAIL_NETNS_H

#include <stdint.h>

/* A descriptor of that namespace, to be closed by the caller: our own, one that
 * has a name below /run/netns, or a task's. -ENOENT: nothing holds it. */
int netns_open(uint32_t inum);

/* A netlink socket of sock_diag inside of the namespace `fd`; this thread is
 * back in its own afterwards. -errno. An open socket keeps a namespace alive:
 * do not hold it longer than a dump. */
int netns_diag_socket(int fd);

#endif /* TCPTRAIL_NETNS_H */
