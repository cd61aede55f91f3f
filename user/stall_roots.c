// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

int stall_by_addresses(const void *a, const void *b)
{
	const struct ev_sock *x = &((const struct stalled *)a)->sock;
	const struct ev_sock *y = &((const struct stalled *)b)->sock;
	int c = (y->state == EVS_LISTEN) - (x->state == EVS_LISTEN);

	c = c ? c : stall_compare(x->netns, y->netns);
	c = c ? c : stall_compare(x->lport, y->lport);
	c = c ? c : stall_compare(x->rport, y->rport);
	c = c ? c : memcmp(x->laddr, y->laddr, sizeof(x->laddr));
	return c ? c : memcmp(x->raddr, y->raddr, sizeof(x->raddr));
}

static bool any_address(const struct ev_sock *s)
{
	static const uint8_t any[16];

	return !memcmp(s->laddr, any, sizeof(any));
}

/* Listeners are few: a walk over them for each that is stuck. */
size_t stall_listener_at(const struct stall_rows *r, size_t listeners, uint32_t netns,
			 uint16_t port, const uint8_t *address)
{
	for (size_t i = 0; i < listeners; i++) {
		const struct ev_sock *s = &r->sockets[i].sock;

		if (s->netns == netns && s->lport == port &&
		    (any_address(s) || !memcmp(s->laddr, address, sizeof(s->laddr))))
			return i;
	}
	return r->len;
}

/* The other end, where it is in the same namespace; NULL: it is not. */
static const struct stalled *other_end(const struct stall_rows *r, const struct ev_sock *s)
{
	struct stalled key = { .sock = { .netns = s->netns, .state = s->state, .lport = s->rport,
					 .rport = s->lport } };

	memcpy(key.sock.laddr, s->raddr, sizeof(s->raddr));
	memcpy(key.sock.raddr, s->laddr, sizeof(s->laddr));
	return bsearch(&key, r->sockets, r->len, sizeof(key), stall_by_addresses);
}

bool stall_queue_full(const struct stalled *listener)
{
	return listener->accept_queue > listener->backlog;
}

bool stall_is_server(const struct stall_rows *r, const struct stall_judged *j,
		     const struct stalled *s)
{
	return s->sock.role == EVR_SERVER || j->listener < r->len;
}

/* One of those that only many together are a verdict: its group, and its place in `all`. */
struct of_leak {
	const struct ev_sock *sock;
	size_t i;
	bool server;
};

int stall_compare_services(const struct ev_sock *x, bool x_server, const struct ev_sock *y,
			    bool y_server)
{
	int c = stall_compare(x->netns, y->netns);

	c = c ? c : stall_compare(x->owner.pid, y->owner.pid);
	c = c ? c : stall_compare(x_server, y_server);
	if (c || x_server)
		return c ? c : stall_compare(x->lport, y->lport);
	c = stall_compare(x->rport, y->rport);
	return c ? c : memcmp(x->raddr, y->raddr, sizeof(x->raddr));
}

static int by_service(const void *a, const void *b)
{
	const struct of_leak *x = a, *y = b;

	return stall_compare_services(x->sock, x->server, y->sock, y->server);
}

/* false: no memory. */
static bool find_leaks(const struct stall_rows *r, const struct stall_limits *limits,
		       size_t listeners, struct stall_judged *all)
{
	struct of_leak *some = malloc((r->len + 1) * sizeof(*some));
	size_t len = 0, begin = 0;

	if (!some)
		return false;
	for (size_t i = listeners; i < r->len; i++)
		if (all[i].verdict.stall == STALL_CLOSE_WAIT && all[i].wanted)
			some[len++] = (struct of_leak){ &r->sockets[i].sock, i,
							stall_is_server(r, &all[i], &r->sockets[i]) };
	qsort(some, len, sizeof(*some), by_service);
	for (size_t end = 1; end <= len; end++) {
		if (end < len && !by_service(&some[begin], &some[end]))
			continue;
		for (size_t k = begin; k < end; k++)
			all[some[k].i].leak = end - begin >= limits->leak;
		begin = end;
	}
	free(some);
	return true;
}

static bool waits_for_program(enum stall stall, const struct stall_judged *by)
{
	enum stall other = by->verdict.stall;

	switch (stall) {
	case STALL_ZERO_WINDOW:
	case STALL_SEND_BUFFER:
	case STALL_PEER_OPEN:
		return other == STALL_NOT_READING || other == STALL_CLOSE_WAIT_UNREAD ||
		       other == STALL_ACCEPT || other == STALL_LOCKED ||
		       (stall == STALL_PEER_OPEN && by->leak);
	case STALL_RETRANSMITTING:
	case STALL_FIN:
	case STALL_ORPHAN:
		return other == STALL_FINAL_ACK || other == STALL_LOCKED;
	case STALL_SYN_ACK:
		return other == STALL_DROPPED_HERE;
	case STALL_KEEPALIVE:
		return other == STALL_LOCKED;
	default:
		return false;
	}
}

/* What the program at its other end does not do, and that is listed; or one that waits
 * for the same accept(). r->len: nothing. */
static size_t root_of(const struct stall_rows *r, struct stall_judged *all, size_t listeners, size_t i)
{
	const struct ev_sock *s = &r->sockets[i].sock;
	enum stall stall = all[i].verdict.stall;
	const struct stalled *other;
	size_t listener = all[i].listener;

	if (stall == STALL_SYN)
		listener = stall_listener_at(r, listeners, s->netns, s->rport, s->raddr);
	if (stall == STALL_SYN || stall == STALL_FINAL_ACK) {
		if (listener == r->len || !stall_queue_full(&r->sockets[listener]))
			return r->len;
		all[i].full = listener;
		return all[listener].queued;
	}
	other = other_end(r, s);
	if (!other || !waits_for_program(stall, &all[other - r->sockets]))
		return r->len;
	return other - r->sockets;
}

/* A root may follow from another one, itself. One that the filter leaves out would hide
 * what waits for it. */
bool stall_roots_find(const struct stall_rows *r, const struct stall_limits *limits,
		      size_t listeners, struct stall_judged *all)
{
	if (!find_leaks(r, limits, listeners, all))
		return false;
	for (size_t i = listeners; i < r->len; i++)
		if (all[i].verdict.stall)
			all[i].root = root_of(r, all, listeners, i);
	for (size_t i = listeners; i < r->len; i++) {
		size_t root = i, listed = i;

		for (int depth = 0; depth < 3 && all[root].root < r->len; depth++) {
			root = all[root].root;
			listed = all[root].wanted ? root : listed;
		}
		all[i].follows = listed != i;
		if (all[i].follows)
			all[listed].waiting++;
	}
	return true;
}

/* What is not told by a row of its own: the filter leaves it out, or nobody waits long
 * enough in that queue. A final ACK that was ignored says so itself. */
void stall_take_because(const struct stall_rows *r, const struct stall_judged *all, size_t i,
			 struct stall_row *row)
{
	size_t root = all[i].root < r->len ? all[i].root : all[i].full;
	char comm[4 * EV_COMM_LEN + 1];
	const struct ev_owner *owner;
	const char *what;

	if (root == r->len || (root == all[i].full && all[i].verdict.stall == STALL_FINAL_ACK))
		return;
	for (int depth = 0; depth < 2 && all[root].root < r->len; depth++)
		root = all[root].root;
	owner = &r->sockets[root].sock.owner;
	what = all[root].verdict.stall ? stall_name(all[root].verdict.stall) : "full accept queue";
	if (owner->source)
		snprintf(row->because, sizeof(row->because), "%s of %s[%u]", what,
			 format_plain(owner->comm, EV_COMM_LEN, comm, sizeof(comm)), owner->pid);
	else
		snprintf(row->because, sizeof(row->because), "%s", what);
}
