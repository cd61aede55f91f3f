// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "stall_roots.h"

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

/* Of one socket that several processes hold, the first process. */
static int by_socket(const void *a, const void *b)
{
	const struct stalled *x = a, *y = b;
	int c = stall_by_addresses(a, b);

	if (!c && x->sock.state == EVS_LISTEN)	/* SO_REUSEPORT */
		c = stall_compare(x->sock.cookie, y->sock.cookie);
	c = c ? c : stall_compare(x->place, y->place);
	return c ? c : stall_compare(x->sock.owner.pid, y->sock.owner.pid);
}

static bool same(const struct stalled *a, const struct stalled *b)
{
	return !stall_by_addresses(a, b) &&
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

static bool wanted(const struct stall_rows *r, const struct stalled *s, struct stall_verdict verdict)
{
	struct stall_row row = { .oldest = *s, .verdict = verdict };

	return verdict.stall && (!r->wanted || r->wanted(r->ctx, &row));
}

/* A request has no owner, and no queue, but its listener's. */
static void take_from_listener(struct stalled *s, const struct stalled *listener)
{
	if (s->place != STALLED_REQUEST)
		return;
	s->accept_queue = listener->accept_queue;
	s->backlog = listener->backlog;
	s->acked &= !listener->defers || stall_queue_full(listener);
	s->sock.uid = listener->sock.uid;
	s->sock.cgroup = listener->sock.cgroup;
	s->sock.owner = listener->sock.owner;
	if (s->sock.owner.source)
		s->sock.owner.source = EVO_LISTENER;
}

static void judge_each(struct stall_rows *r, const struct stall_limits *limits, size_t listeners,
		       struct stall_judged *all)
{
	for (size_t i = 0; i < r->len; i++) {
		struct stalled *s = &r->sockets[i];
		struct stall_judged *j = &all[i];

		*j = (struct stall_judged){ .listener = r->len, .root = r->len, .queued = r->len,
				      .full = r->len };
		if (i < listeners)
			continue;
		j->listener = stall_listener_at(r, listeners, s->sock.netns, s->sock.lport, s->sock.laddr);
		if (j->listener < r->len)
			take_from_listener(s, &r->sockets[j->listener]);
		j->verdict = stall_of(s, limits);
		stall_drops_explain(&r->drops, s, &j->verdict, &j->drop);
		j->wanted = wanted(r, s, j->verdict);
		if (j->verdict.stall == STALL_ACCEPT && j->listener < r->len)
			all[j->listener].queued = i;
	}
}

int stall_rows_compare(const struct stall_row *a, const struct stall_row *b)
{
	int c = stall_compare(a->verdict.stall, b->verdict.stall);

	return c ? c : stall_compare_services(&a->oldest.sock, a->server, &b->oldest.sock, b->server);
}

static int rows_by_group(const void *a, const void *b)
{
	const struct stall_row *x = a, *y = b;
	int c = stall_rows_compare(x, y);

	return c ? c : stall_compare(y->verdict.age_ms, x->verdict.age_ms);
}

/* Longest first in each verdict; the groups of what most wait for first. */
static int rows_by_weight(const void *a, const void *b)
{
	const struct stall_row *x = a, *y = b;
	int c = stall_compare(y->count, x->count);

	return c ? c : stall_compare(y->verdict.age_ms, x->verdict.age_ms);
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

/* One row each. false: no memory. */
static bool judge(struct stall_rows *r, const struct stall_limits *limits)
{
	size_t listeners = count_listeners(r);
	struct stall_judged *all = malloc(r->len * sizeof(*all));

	free(r->rows);
	r->rows_len = 0;
	r->rows = malloc(r->len * sizeof(*r->rows));
	if (!all || !r->rows) {
		free(all);
		return false;
	}
	judge_each(r, limits, listeners, all);
	if (!stall_roots_find(r, limits, listeners, all)) {
		free(all);
		return false;
	}
	for (size_t i = listeners; i < r->len; i++) {
		if (!all[i].wanted || all[i].follows)
			continue;
		r->rows[r->rows_len++] = (struct stall_row){
			.oldest = r->sockets[i], .verdict = all[i].verdict, .count = 1,
			.waiting = all[i].waiting, .drop = all[i].drop,
			.server = stall_is_server(r, &all[i], &r->sockets[i]),
		};
		stall_take_because(r, all, i, &r->rows[r->rows_len - 1]);
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
