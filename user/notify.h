/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * notify.h - tells a service manager how it goes: the protocol of sd_notify(3), a
 * datagram of VARIABLE=VALUE lines to the socket in $NOTIFY_SOCKET. By itself:
 * libsystemd would be a dependency for these few lines.
 */
#ifndef TCPTRAIL_NOTIFY_H
#define TCPTRAIL_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd;			/* -1: nobody wants to know; all of below does nothing */
	struct sockaddr_un at;
	socklen_t at_len;
	bool watchdog;
	uint64_t period_ns;	/* between two signs of life */
	uint64_t due_ns;	/* CLOCK_MONOTONIC: the next */
};

/* From the environment, which is cleared of it: a command that is traced is no
 * service. A socket that cannot be used is none. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* Hooks are in place: waits up to a second for room. */
void notify_ready(struct notify *n, const char *status);

/* Is a sign of life due? Half the watchdog's time, without one 10 s. */
bool notify_due(struct notify *n, uint64_t now_ns);

/* That sign. Never waits: a manager that does not read must not hold up the trace. */
void notify_alive(struct notify *n, const char *status);
void notify_stopping(struct notify *n);

#endif /* TCPTRAIL_NOTIFY_H */
