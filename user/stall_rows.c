// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

void stall_rows_begin(struct stall_rows *r)
{
	r->len = r->rows_len = 0;
}

void stall_rows_free(struct stall_rows *r)
{
	free(r->sockets);
	free(r->rows);
	stall_drops_free(&r->drops);
	*r = (struct stall_rows){ 0 };
}

bool stall_rows_take(struct stall_rows *r, const struct stalled *s)
{
	if (r->len == r->room) {
		size_t room = r->room ? 2 * r->room : 256;
		struct stalled *sockets = realloc(r->sockets, room * sizeof(*sockets));

		if (!sockets)
			return false;
		r->sockets = sockets;
		r->room = room;
	}
	r->sockets[r->len++] = *s;
	return true;
}

#define LOCKED_TWICE 2

bool stall_rows_locked(const struct stall_rows *r, const struct stall_limits *limits)
{
	for (size_t i = 0; i < r->len; i++)
		if (stall_of(&r->sockets[i], limits).stall == STALL_LOCKED)
			return true;
	return false;
}

void stall_rows_still_locked(struct stall_rows *r, const struct stalled *s)
{
	for (size_t i = 0; i < r->len; i++)
		if (r->sockets[i].locked && r->sockets[i].sock.cookie == s->sock.cookie)
			r->sockets[i].locked = LOCKED_TWICE;
}

void stall_rows_locks_end(struct stall_rows *r)
{
	for (size_t i = 0; i < r->len; i++)
		r->sockets[i].locked = r->sockets[i].locked == LOCKED_TWICE;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Listeners first, then by addresses; of one socket that several processes hold, the
 * first process. */
static int by_addresses(const void *a, const void *b)
{
	const struct ev_sock *x = &((const struct stalled *)a)->sock;
	const struct ev_sock *y = &((const struct stalled *)b)->sock;
	int c = (y->state == EVS_LISTEN) - (x->state == EVS_LISTEN);

	c = c ? c : compare(x->netns, y->netns);
	c = c ? c : compare(x->lport, y->lport);
	c = c ? c : compare(x->rport, y->rport);
	c = c ? c : memcmp(x->laddr, y->laddr, sizeof(x->laddr));
	return c ? c : memcmp(x->raddr, y->raddr, sizeof(x->raddr));
}

static int by_socket(const void *a, const void *b)
{
	const struct stalled *x = a, *y = b;
	int c = by_addresses(a, b);

	if (!c && x->sock.state == EVS_LISTEN)	/* SO_REUSEPORT */
		c = compare(x->sock.cookie, y->sock.cookie);
	c = c ? c : compare(x->place, y->place);
	return c ? c : compare(x->sock.owner.pid, y->sock.owner.pid);
}

static bool same(const struct stalled *a, const struct stalled *b)
{
	return !by_addresses(a, b) &&
	       (a->sock.state != EVS_LISTEN || a->sock.cookie == b->sock.cookie);
}

static void once_each(struct stall_rows *r)
{
	size_t n = 0;

	qsort(r->sockets, r->len, sizeof(*r->sockets), by_socket);
	for (size_t i = 0; i < r->len; i++)
		if (!n || !same(&r->sockets[i], &r->sockets[n - 1]))
			r->sockets[n++] = r->sockets[i];
	r->len = n;
}

static size_t count_listeners(const struct stall_rows *r)
{
	size_t n = 0;

	while (n < r->len && r->sockets[n].sock.state == EVS_LISTEN)
		n++;
	return n;
}

static bool any_address(const struct ev_sock *s)
{
	static const uint8_t any[16];

	return !memcmp(s->laddr, any, sizeof(any));
}

/* Who listens at that port; r->len: nobody that we know. Listeners are few: a walk over
 * them for each that is stuck. */
static size_t listener_at(const struct stall_rows *r, size_t listeners, uint32_t netns,
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
	return bsearch(&key, r->sockets, r->len, sizeof(key), by_addresses);
}

/* What the walk told, as one: verdicts, and which other socket each follows from. */
struct judged {
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

static bool wanted(const struct stall_rows *r, const struct stalled *s, struct stall_verdict verdict)
{
	struct stall_row row = { .oldest = *s, .verdict = verdict };

	return verdict.stall && (!r->wanted || r->wanted(r->ctx, &row));
}

static bool full(const struct stalled *listener)
{
	return listener->accept_queue > listener->backlog;
}

/* A request has no owner, and no queue, but its listener's. */
static void take_from_listener(struct stalled *s, const struct stalled *listener)
{
	if (s->place != STALLED_REQUEST)
		return;
	s->accept_queue = listener->accept_queue;
	s->backlog = listener->backlog;
	s->acked &= !listener->defers || full(listener);
	s->sock.uid = listener->sock.uid;
	s->sock.cgroup = listener->sock.cgroup;
	s->sock.owner = listener->sock.owner;
	if (s->sock.owner.source)
		s->sock.owner.source = EVO_LISTENER;
}

static void judge_each(struct stall_rows *r, const struct stall_limits *limits, size_t listeners,
		       struct judged *all)
{
	for (size_t i = 0; i < r->len; i++) {
		struct stalled *s = &r->sockets[i];
		struct judged *j = &all[i];

		*j = (struct judged){ .listener = r->len, .root = r->len, .queued = r->len,
				      .full = r->len };
		if (i < listeners)
			continue;
		j->listener = listener_at(r, listeners, s->sock.netns, s->sock.lport, s->sock.laddr);
		if (j->listener < r->len)
			take_from_listener(s, &r->sockets[j->listener]);
		j->verdict = stall_of(s, limits);
		stall_drops_explain(&r->drops, s, &j->verdict, &j->drop);
		j->wanted = wanted(r, s, j->verdict);
		if (j->verdict.stall == STALL_ACCEPT && j->listener < r->len)
			all[j->listener].queued = i;
	}
}

static bool is_server(const struct stall_rows *r, const struct judged *j, const struct stalled *s)
{
	return s->sock.role == EVR_SERVER || j->listener < r->len;
}

/* One of those that only many together are a verdict: its group, and its place in `all`. */
struct of_leak {
	const struct ev_sock *sock;
	size_t i;
	bool server;
};

/* The service: our port, or theirs. */
static int compare_services(const struct ev_sock *x, bool x_server, const struct ev_sock *y,
			    bool y_server)
{
	int c = compare(x->netns, y->netns);

	c = c ? c : compare(x->owner.pid, y->owner.pid);
	c = c ? c : compare(x_server, y_server);
	if (c || x_server)
		return c ? c : compare(x->lport, y->lport);
	c = compare(x->rport, y->rport);
	return c ? c : memcmp(x->raddr, y->raddr, sizeof(x->raddr));
}

static int by_service(const void *a, const void *b)
{
	const struct of_leak *x = a, *y = b;

	return compare_services(x->sock, x->server, y->sock, y->server);
}

/* false: no memory. */
static bool find_leaks(const struct stall_rows *r, const struct stall_limits *limits,
		       size_t listeners, struct judged *all)
{
	struct of_leak *some = malloc((r->len + 1) * sizeof(*some));
	size_t len = 0, begin = 0;

	if (!some)
		return false;
	for (size_t i = listeners; i < r->len; i++)
		if (all[i].verdict.stall == STALL_CLOSE_WAIT && all[i].wanted)
			some[len++] = (struct of_leak){ &r->sockets[i].sock, i,
							is_server(r, &all[i], &r->sockets[i]) };
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

static bool waits_for_program(enum stall stall, const struct judged *by)
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
static size_t root_of(const struct stall_rows *r, struct judged *all, size_t listeners, size_t i)
{
	const struct ev_sock *s = &r->sockets[i].sock;
	enum stall stall = all[i].verdict.stall;
	const struct stalled *other;
	size_t listener = all[i].listener;

	if (stall == STALL_SYN)
		listener = listener_at(r, listeners, s->netns, s->rport, s->raddr);
	if (stall == STALL_SYN || stall == STALL_FINAL_ACK) {
		if (listener == r->len || !full(&r->sockets[listener]))
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
static void find_roots(const struct stall_rows *r, size_t listeners, struct judged *all)
{
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
}

int stall_rows_compare(const struct stall_row *a, const struct stall_row *b)
{
	int c = compare(a->verdict.stall, b->verdict.stall);

	return c ? c : compare_services(&a->oldest.sock, a->server, &b->oldest.sock, b->server);
}

static int rows_by_group(const void *a, const void *b)
{
	const struct stall_row *x = a, *y = b;
	int c = stall_rows_compare(x, y);

	return c ? c : compare(y->verdict.age_ms, x->verdict.age_ms);
}

/* Longest first in each verdict; the groups of what most wait for first. */
static int rows_by_weight(const void *a, const void *b)
{
	const struct stall_row *x = a, *y = b;
	int c = compare(y->count, x->count);

	return c ? c : compare(y->verdict.age_ms, x->verdict.age_ms);
}

static void add_to(struct stall_row *group, const struct stall_row *row)
{
	const struct ev_sock *g = &group->oldest.sock, *s = &row->oldest.sock;

	group->count++;
	group->waiting += row->waiting;
	if (!group->drop.where)
		group->drop = row->drop;
	if (!group->because[0])
		memcpy(group->because, row->because, sizeof(group->because));
	group->many_local |= g->lport != s->lport || memcmp(g->laddr, s->laddr, sizeof(g->laddr));
	group->many_peers |= g->rport != s->rport || memcmp(g->raddr, s->raddr, sizeof(g->raddr));
}

static void merge(struct stall_rows *r)
{
	size_t n = 0;

	qsort(r->rows, r->rows_len, sizeof(*r->rows), rows_by_group);
	for (size_t i = 0; i < r->rows_len; i++) {
		if (n && !stall_rows_compare(&r->rows[n - 1], &r->rows[i]))
			add_to(&r->rows[n - 1], &r->rows[i]);
		else
			r->rows[n++] = r->rows[i];
	}
	r->rows_len = n;
}

/* A few in CLOSE-WAIT are an application that has not come to close() yet. */
static void leave_out_few(struct stall_rows *r, uint32_t leak)
{
	size_t n = 0;

	for (size_t i = 0; i < r->rows_len; i++)
		if (r->rows[i].verdict.stall != STALL_CLOSE_WAIT || r->rows[i].count >= leak)
			r->rows[n++] = r->rows[i];
	r->rows_len = n;
}

static int search_group(const void *key, const void *row)
{
	return stall_rows_compare(key, row);
}

/* Its members, of which only the group tells whether they are a leak. They are in
 * `all`; the groups, in order, go behind them. */
static void split(struct stall_rows *r, struct stall_row *all, size_t len)
{
	struct stall_row *groups = all + len;
	size_t groups_len = r->rows_len;

	memcpy(groups, r->rows, groups_len * sizeof(*groups));
	r->rows_len = 0;
	for (size_t i = 0; i < len; i++)
		if (bsearch(&all[i], groups, groups_len, sizeof(*groups), search_group))
			r->rows[r->rows_len++] = all[i];
}

/* What is not told by a row of its own: the filter leaves it out, or nobody waits long
 * enough in that queue. A final ACK that was ignored says so itself. */
static void take_because(const struct stall_rows *r, const struct judged *all, size_t i,
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

/* One row each. false: no memory. */
static bool judge(struct stall_rows *r, const struct stall_limits *limits)
{
	size_t listeners = count_listeners(r);
	struct judged *all = malloc(r->len * sizeof(*all));

	free(r->rows);
	r->rows_len = 0;
	r->rows = malloc(r->len * sizeof(*r->rows));
	if (!all || !r->rows) {
		free(all);
		return false;
	}
	judge_each(r, limits, listeners, all);
	if (!find_leaks(r, limits, listeners, all)) {
		free(all);
		return false;
	}
	find_roots(r, listeners, all);
	for (size_t i = listeners; i < r->len; i++) {
		if (!all[i].wanted || all[i].follows)
			continue;
		r->rows[r->rows_len++] = (struct stall_row){
			.oldest = r->sockets[i], .verdict = all[i].verdict, .count = 1,
			.waiting = all[i].waiting, .drop = all[i].drop,
			.server = is_server(r, &all[i], &r->sockets[i]),
		};
		take_because(r, all, i, &r->rows[r->rows_len - 1]);
	}
	free(all);
	return true;
}

void stall_rows_sort(struct stall_rows *r)
{
	qsort(r->rows, r->rows_len, sizeof(*r->rows), rows_by_weight);
}

bool stall_rows_group(struct stall_rows *r, const struct stall_limits *limits, bool each)
{
	struct stall_row *all;
	size_t n;

	if (!r->len) {		/* nor an array to sort */
		r->rows_len = 0;
		return true;
	}
	once_each(r);
	if (!judge(r, limits))
		return false;
	n = r->rows_len;
	all = malloc((2 * n + 1) * sizeof(*all));
	if (!all)
		return false;
	memcpy(all, r->rows, n * sizeof(*all));
	merge(r);
	leave_out_few(r, limits->leak);
	if (each)
		split(r, all, n);
	free(all);
	stall_rows_sort(r);
	return true;
}

bool stall_rows_emfile(const struct stall_row *row, uint64_t *ns)
{
	if (!row->has_growth || row->growth_per_min <= 0 || !row->files_max ||
	    row->files_max >= UINT64_MAX / 60000000000ULL)
		return false;
	*ns = row->files >= row->files_max ? 0 : (row->files_max - row->files) * 60000000000ULL /
						 (uint32_t)row->growth_per_min;
	return true;
}

static void add(char *buf, size_t len, const char *text)
{
	size_t used = strlen(buf);

	snprintf(buf + used, len - used, "%s", text);
}

const char *stall_rows_evidence(const struct stall_row *row, char *buf, size_t len)
{
	char text[96], n[2][32], path[160];
	uint64_t left;

	stall_evidence(row->verdict.stall, &row->oldest, buf, len);
	add(buf, len, stall_path_text(&row->path, path, sizeof(path)));
	add(buf, len, stall_drop_text(&row->drop, text, sizeof(text)));
	if (row->has_growth && row->growth_per_min) {
		snprintf(text, sizeof(text), ", %+d/min", row->growth_per_min);
		add(buf, len, text);
	}
	if (row->files) {
		snprintf(text, sizeof(text), "; %s of %s descriptors", format_count(row->files, n[0], 32),
			 row->files_max == UINT64_MAX ? "unlimited" :
							format_count(row->files_max, n[1], 32));
		add(buf, len, text);
	}
	if (stall_rows_emfile(row, &left)) {
		snprintf(text, sizeof(text), ", EMFILE in about %s",
			 format_duration(left, n[0], sizeof(n[0])));
		add(buf, len, text);
	}
	if (row->waiting) {
		snprintf(text, sizeof(text), row->waiting == 1 ? "; %s other waits for it" : "; %s others wait for it",
			 format_count(row->waiting, n[0], sizeof(n[0])));
		add(buf, len, text);
	}
	return buf;
}

const char *stall_rows_advice(const struct stall_row *row, char *buf, size_t len)
{
	const char *against = stall_drop_advice(&row->drop);

	if (row->because[0])
		snprintf(buf, len, "it is on this host that it waits: tcptrail listeners; tcptrail stalls");
	else if (row->path.no_route)
		snprintf(buf, len, "there is no way to it: ip route; ip rule.");
	else if (row->verdict.stall == STALL_ACCEPT && row->files && row->files >= row->files_max)
		snprintf(buf, len, "accept() fails with EMFILE: a higher RLIMIT_NOFILE, or does it "
			 "leak?  tcptrail limits pid %u", row->oldest.sock.owner.pid);
	else if (stall_path_no_neighbour(&row->path))
		snprintf(buf, len, "nobody has that address there: dead host, wrong subnet or VLAN.  "
			 "ip neigh show%s%s", stall_path_plain_interface(&row->path) ? " dev " : "",
			 stall_path_plain_interface(&row->path) ? row->path.interface : "");
	else if (against)
		snprintf(buf, len, "%s", against);
	else
		stall_advice(row->verdict.stall, &row->oldest, buf, len);
	return buf;
}
