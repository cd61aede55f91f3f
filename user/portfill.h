/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * portfill.h - the local port of CLOSED -> SYN-SENT (and of a listen() without
 * bind()), which the kernel chooses after the hook: from a later record of the
 * same socket, or by asking the socket.
 */
#ifndef TCPTRAIL_USER_PORTFILL_H
#define TCPTRAIL_USER_PORTFILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/portfill.h"
#include "queue.h"

/* How long a record waits for its port at most, ns: a line is out within
 * 100 ms, and connect() chooses within microseconds. */
#define PORTFILL_PATIENCE_NS 50000000ULL

/* A listener without its port: what follows may be its connections, without an owner. */
bool portfill_listens(const struct ev_head *head);

/* Asks the kernel; 0 or -errno (then nothing is filled). */
typedef int (*portfill_ask_fn)(void *ctx, struct portfill_slot *slots, size_t len);

/*
 * Fills what it can. Returns how many records from the oldest on may go out
 * now; those behind wait for a port, in order. `now_ns` is CLOCK_MONOTONIC.
 *
 * `refused`: the kernel side refuses what a filter does not want, once it knows the port.
 * Then a connection that is gone and of which no later record came was refused, and its
 * first one, which passed for want of a port, is: its kind becomes 0.
 */
size_t portfill_run(struct queue *q, portfill_ask_fn ask, void *ctx, uint64_t now_ns,
		    bool refused);

#endif /* TCPTRAIL_USER_PORTFILL_H */
