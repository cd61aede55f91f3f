/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * buffered.h - what the walk over the sockets of tasks tells of their buffers, one struct
 * for each descriptor whose buffer is half full or that listens, and who holds the ports to
 * a service.
 */
#ifndef TCPTRAIL_BUFFERED_H
#define TCPTRAIL_BUFFERED_H

#include "bpf/event.h"

/* sk_userlocks (include/linux/socket.h, SOCK_SNDBUF_LOCK, SOCK_RCVBUF_LOCK) */
#define BUFFERED_SNDBUF_LOCKED	1
#define BUFFERED_RCVBUF_LOCKED	2

/* Bytes of memory, the kernel's overhead among them. */
struct buffered {
	struct ev_sock sock;
	__u32 rmem;
	__u32 rcvbuf;
	__u32 wmem;
	__u32 sndbuf;
	struct ev_queues queues;	/* of a listener, which has no buffers */
	__u8 locks;
	__u8 pad[7];
};

/* A service that local ports are used for (map `port_services`, set by user space). */
struct port_service {
	__u8 laddr[16];
	__u8 raddr[16];
	__u32 netns;
	__u16 rport;
	__u16 family;
};

/* Map `port_users`: how many descriptors of connections to it a process has. */
struct port_user {
	__u32 service;		/* as user space numbered it */
	__u32 pid;
};

#define PORT_SERVICES_MAX 4096

#ifndef __bpf__
_Static_assert(sizeof(struct buffered) == 144, "buffered");
_Static_assert(sizeof(struct port_service) == 40, "port_service");
#endif

#endif /* TCPTRAIL_BUFFERED_H */
