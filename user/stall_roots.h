/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_roots.h - one incident, one root: which of the connections that are stuck wait for
 * another one, or for an accept queue, of the same namespace. Pure.
 */
#ifndef TCPTRAIL_STALL_ROOTS_H
#define TCPTRAIL_STALL_ROOTS_H

#include "stall_rows.h"

/* What the walk told, as one: verdicts, and which other socket each follows from. */
struct stall_judged {
	struct stall_verdict verdict;
	struct stall_drop drop;
	size_t listener;	/* of its port; r->len: none */
	size_t root;		/* r->len: none */
	size_t queued;		/* listener: one that nobody accept()s; r->len: none */
	size_t full;		/* the listener whose full queue it waits for; r->len: none */
	uint32_t waiting;
	bool wanted;		/* its row, by the filter */
	bool leak;		/* CLOSE-WAIT: so many of one owner and service are wanted */
	bool follows;		/* counted with another one's */
};

static inline int stall_compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Of two struct stalled: listeners first, then by addresses. */
int stall_by_addresses(const void *a, const void *b);

/* By namespace, owner and service: our port, or theirs. */
int stall_compare_services(const struct ev_sock *x, bool x_server, const struct ev_sock *y,
			   bool y_server);

/* Its place among the first `listeners` sockets; r->len: nobody that we know. */
size_t stall_listener_at(const struct stall_rows *r, size_t listeners, uint32_t netns,
			 uint16_t port, const uint8_t *address);

bool stall_queue_full(const struct stalled *listener);
bool stall_is_server(const struct stall_rows *r, const struct stall_judged *j,
		     const struct stalled *s);

/* Of all sockets, in order of stall_by_addresses(), with their verdicts. false: no memory. */
bool stall_roots_find(const struct stall_rows *r, const struct stall_limits *limits,
		      size_t listeners, struct stall_judged *all);

/* row->because of number `i`. */
void stall_take_because(const struct stall_rows *r, const struct stall_judged *all, size_t i,
			struct stall_row *row);

#endif /* TCPTRAIL_STALL_ROOTS_H */
