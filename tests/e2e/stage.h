/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stage.h - what the scenarios stand on: a network namespace each, a server and
 * a client in processes of their own, a byte from one to the other to keep them
 * in step, and the truth about each socket as a line of JSON.
 */
#ifndef STAGE_H
#define STAGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct end {
	const char *scenario;
	const char *role;	/* "client", "server" */
	int to;			/* pipe to the other end */
	int from;
	int family;		/* of the connection: AF_INET or AF_INET6 */
	int protocol;		/* 0, or IPPROTO_MPTCP */
	bool mapped;		/* IPv4 to a dual-stack listener */
	int listener;		/* server */
	uint16_t port;		/* of the listener */
};

struct scenario {
	const char *name;
	void (*server)(struct end *e);
	void (*client)(struct end *e);
	void (*prepare)(void);	/* sysctls of the namespace; NULL: none */
	int family;		/* 0: AF_INET */
	bool mapped;
	bool no_listener;	/* the server opens none */
	bool before;		/* the tracer starts while it waits at gate() */
	int protocol;
};

/* The other end goes on; wait until it lets us. */
void go(struct end *e);
void await(struct end *e);
void gate(void);		/* until the tracer runs */

/* Socket calls that must not fail: the scenario ends with what did. */
int open_socket(const struct end *e);
void must(bool ok, const char *what);
int dial(struct end *e, int fd);	/* connect() to the listener; errno */
int dialled(struct end *e);		/* a connected socket, its truth told */
int accepted(struct end *e);		/* likewise, by accept() */
void option(int fd, int level, int name, int value);
void deaf(int fd, bool on);		/* drops all that arrives (SO_ATTACH_FILTER) */
void deaf_to_acks(int fd);		/* all but SYNs; deaf(fd, false) ends it */
void queued(int listener, uint32_t n);	/* waits until so many are in its accept queue: a
					 * final ACK may come after connect() returned */
void sysctl_put(const char *name, const char *value);
void bind_port(struct end *e, int fd, uint16_t port);
void read_to_end(int fd);
void nap_ms(int ms);
bool destroy(int fd);			/* SOCK_DESTROY, as ss -K; false: not here */

/* A line at the end: counters and mini-sockets of the namespace, as /proc has them. */
void kernel_says(const char *scenario, bool ended);

/* One line: this socket is ours. */
void truth(const struct end *e, const char *role, int fd);
void skip(const struct end *e, const char *why);

/* And another: that many SYNs of this socket went to that port. */
void syns_sent(const struct end *e, int fd, uint16_t port);

/* A segment without a connection, from a port of its own, with these flags and nothing
 * else. */
#define STRAY_PORT 1024		/* the first one's */
void stray(const struct end *e, uint8_t flags);

extern const struct scenario scenarios[];

#endif /* STAGE_H */
