// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "listen_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS_MIN 3	/* fewer say nothing about how long it was full */

static int walk_order(const void *a, const void *b)
{
	const struct listen_row *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

static void drop_unseen(struct listen_rows *rows)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->len; i++)
		if (rows->rows[i].seen)
			rows->rows[kept++] = rows->rows[i];
		else
			free(rows->rows[i].waits);
	rows->len = kept;
}

/* The order of the walk hardly changes: so a row is found at the first try. */
void listen_rows_begin(struct listen_rows *rows)
{
	drop_unseen(rows);
	if (rows->len)
		qsort(rows->rows, rows->len, sizeof(*rows->rows), walk_order);
	for (size_t i = 0; i < rows->len; i++) {
		struct listen_row *row = &rows->rows[i];

		row->drops_before = row->now.drops;
		row->looks = row->full = row->near = row->low = 0;
		if (row->waits)
			row->waits->before = row->waits->now;
	}
}

void listen_rows_look(struct listen_rows *rows)
{
	for (size_t i = 0; i < rows->len; i++)
		rows->rows[i].seen = false;
	rows->next = 0;
}

static struct listen_row *find(struct listen_rows *rows, uint64_t cookie)
{
	for (size_t n = 0; n < rows->len; n++) {
		size_t i = (rows->next + n) % rows->len;

		if (rows->rows[i].now.sock.cookie != cookie || rows->rows[i].seen)
			continue;
		rows->next = i;
		return &rows->rows[i];
	}
	return NULL;
}

static struct listen_row *add(struct listen_rows *rows, const struct listening *l)
{
	struct listen_row *row;

	if (rows->len == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 64;

		row = realloc(rows->rows, room * sizeof(*row));
		if (!row)
			return NULL;
		rows->rows = row;
		rows->room = room;
	}
	row = &rows->rows[rows->len++];
	*row = (struct listen_row){ .drops_before = rows->looked ? 0 : l->drops,
				    .netns_refused = UINT64_MAX };
	return row;
}

/* sk_acceptq_is_full(): more than the backlog, so the queue holds one more. */
static bool is_full(const struct listening *l)
{
	return l->queues.accept_queue > l->queues.backlog;
}

bool listen_rows_take(struct listen_rows *rows, const struct listening *l)
{
	struct listen_row *row = find(rows, l->sock.cookie);

	if (!row)
		row = add(rows, l);
	if (!row)
		return false;
	row->now = *l;
	row->order = rows->next++;
	row->seen = true;
	row->looks++;
	row->full += is_full(l);
	row->near += 4ULL * l->queues.accept_queue >= 3 * ((uint64_t)l->queues.backlog + 1);
	row->low += 2ULL * l->queues.accept_queue < (uint64_t)l->queues.backlog + 1;
	if (l->queues.accept_queue > row->peak)
		row->peak = l->queues.accept_queue;
	if (l->queues.syn_queue > row->syn_peak)
		row->syn_peak = l->queues.syn_queue;
	return true;
}

void listen_rows_looked(struct listen_rows *rows)
{
	rows->looked = true;
	if (!rows->keep_gone)
		drop_unseen(rows);
}

bool listen_rows_accepts(struct listen_rows *rows, const struct accept_stats *stats)
{
	struct listen_row *row = NULL;

	for (size_t i = 0; i < rows->len && !row; i++)
		if (rows->rows[i].now.sock.cookie == stats->cookie)
			row = &rows->rows[i];
	if (!row)
		return true;
	if (!row->waits)
		row->waits = calloc(1, sizeof(*row->waits));
	if (!row->waits)
		return false;
	row->waits->now = *stats;
	return true;
}

static int by_place(const void *a, const void *b)
{
	const struct ev_sock *x = &((const struct listen_row *)a)->now.sock;
	const struct ev_sock *y = &((const struct listen_row *)b)->now.sock;

	if (x->netns != y->netns)
		return x->netns < y->netns ? -1 : 1;
	if (x->lport != y->lport)
		return x->lport < y->lport ? -1 : 1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->ifindex != y->ifindex)	/* SO_BINDTODEVICE: they do not share */
		return x->ifindex < y->ifindex ? -1 : 1;
	return memcmp(x->laddr, y->laddr, sizeof(x->laddr));
}

static int by_cookie(const void *a, const void *b)
{
	uint64_t x = ((const struct listen_row *)a)->now.sock.cookie;
	uint64_t y = ((const struct listen_row *)b)->now.sock.cookie;

	return (x > y) - (x < y);
}

void listen_rows_hold(struct listen_rows *rows)
{
	size_t first = 0;

	if (!rows->len)
		return;
	qsort(rows->rows, rows->len, sizeof(*rows->rows), by_place);
	for (size_t i = 1; i <= rows->len; i++) {
		if (i < rows->len && !by_place(&rows->rows[first], &rows->rows[i]))
			continue;
		for (size_t j = first; j < i; j++)
			rows->rows[j].group = i - first;
		first = i;
	}
	for (size_t i = 0; i < rows->len; i++)
		rows->rows[i].processes = rows->rows[i].holder = 0;
	qsort(rows->rows, rows->len, sizeof(*rows->rows), by_cookie);
}

void listen_rows_holder(struct listen_rows *rows, uint64_t cookie, uint32_t pid)
{
	const struct listen_row key = { .now.sock.cookie = cookie };
	struct listen_row *row;

	if (!rows->len)
		return;
	row = bsearch(&key, rows->rows, rows->len, sizeof(*rows->rows), by_cookie);
	if (!row || row->holder == pid)
		return;
	row->holder = pid;
	row->processes++;
}

uint64_t listen_row_accepts(const struct listen_row *row)
{
	return row->waits ? row->waits->now.accepts - row->waits->before.accepts : 0;
}

uint64_t listen_row_syns(const struct listen_row *row)
{
	return row->waits ? row->waits->now.syns - row->waits->before.syns : 0;
}

static uint32_t waits_in(const struct listen_row *row, unsigned int bucket)
{
	return row->waits->now.waits[bucket] - row->waits->before.waits[bucket];
}

uint64_t listen_row_waits(const struct listen_row *row)
{
	uint64_t n = 0;

	for (unsigned int i = 0; row->waits && i < WAIT_BUCKETS; i++)
		n += waits_in(row, i);
	return n;
}

/* Where the bucket behind begins (bpf/listening.h). */
static uint64_t end_ns(unsigned int bucket)
{
	unsigned int octave = (bucket + 1) / 4, quarter = (bucket + 1) % 4;

	return 1000ULL * (4 + quarter) * (1ULL << octave) / 4;
}

uint64_t listen_row_wait(const struct listen_row *row, unsigned int percent)
{
	uint64_t all = listen_row_waits(row), n = 0;

	for (unsigned int i = 0; all && i < WAIT_BUCKETS; i++) {
		n += waits_in(row, i);
		if (100 * n >= percent * all)
			return end_ns(i) < row->waits->now.max_ns ? end_ns(i) : row->waits->now.max_ns;
	}
	return 0;
}

/* sk_drops has 32 bits: it may have gone round. */
uint64_t listen_row_refused(const struct listen_row *row)
{
	uint64_t drops = row->now.drops - row->drops_before;

	if (row->now.drops < row->drops_before)
		drops = (uint32_t)drops;
	return drops < row->netns_refused ? drops : row->netns_refused;
}

enum listen_status listen_row_status(const struct listen_row *row)
{
	if (listen_row_refused(row))
		return LISTEN_DROP;
	if (is_full(&row->now))
		return LISTEN_FULL;
	return row->near ? LISTEN_NEAR : LISTEN_OK;
}

const char *listen_status_name(enum listen_status status)
{
	static const char *const names[] = { "DROP", "full", "near", "ok" };

	return names[status];
}

static int worst_first(const void *a, const void *b)
{
	const struct listen_row *x = a, *y = b;
	enum listen_status sx = listen_row_status(x), sy = listen_row_status(y);
	uint64_t rx = listen_row_refused(x), ry = listen_row_refused(y);
	uint64_t fx = (uint64_t)x->peak * ((uint64_t)y->now.queues.backlog + 1);
	uint64_t fy = (uint64_t)y->peak * ((uint64_t)x->now.queues.backlog + 1);

	if (sx != sy)
		return sx < sy ? -1 : 1;
	if (rx != ry)
		return rx > ry ? -1 : 1;
	if (fx != fy)
		return fx > fy ? -1 : 1;
	return x->now.sock.lport - y->now.sock.lport;
}

void listen_rows_sort(struct listen_rows *rows)
{
	if (rows->len)
		qsort(rows->rows, rows->len, sizeof(*rows->rows), worst_first);
}

/* As many wait as ever, however many were accepted: with a longer queue more would. */
static bool too_slow(const struct listen_row *row)
{
	return row->looks >= LOOKS_MIN && 2 * row->full >= row->looks && !row->low;
}

/* Order as in tcp_conn_request(): the SYN queue is looked at first. */
const char *listen_row_bound(const struct listen_row *row)
{
	const struct listening *l = &row->now;

	if (listen_row_status(row) > LISTEN_FULL)
		return NULL;
	if (row->full) {
		if (too_slow(row))
			return "accept-too-slow";
		return l->queues.backlog < l->queues.somaxconn ? "backlog" : "somaxconn";
	}
	if (l->queues.syncookies)
		return NULL;
	if (l->queues.syn_queue >= l->queues.backlog)
		return "syn-queue";
	if ((int32_t)(l->queues.max_syn_backlog - l->queues.syn_queue) < (int32_t)(l->queues.max_syn_backlog >> 2))
		return "tcp_max_syn_backlog";
	return NULL;
}

/* ", SYNs 4304/s, accepts 3020/s": those that are counted. */
static const char *rates(const struct listen_row *row, char *buf, size_t len)
{
	char syns[40] = "", accepts[40] = "";

	if (row->sample_ns && row->syns_seen)
		snprintf(syns, sizeof(syns), ", SYNs %llu/s",
			 (unsigned long long)(listen_row_syns(row) * 1000000000 / row->sample_ns));
	if (row->sample_ns && row->accepts_seen)
		snprintf(accepts, sizeof(accepts), ", accepts %llu/s",
			 (unsigned long long)(listen_row_accepts(row) * 1000000000 / row->sample_ns));
	snprintf(buf, len, "%s%s", syns, accepts);
	return buf;
}

static void too_slow_advice(const struct listen_row *row, char *buf, size_t len)
{
	const struct ev_owner *owner = &row->now.sock.owner;
	char pace[96], what[48] = "";

	if (owner->source)
		snprintf(what, sizeof(what), "; what does %u wait for?", owner->pid);
	snprintf(buf, len, "accept queue full at %u of %u looks%s%s: it is not accept()ed from fast "
		 "enough; a longer queue only delays.  try: more workers%s", row->full, row->looks,
		 row->full < row->looks ? " and never below half" : "", rates(row, pace, sizeof(pace)),
		 what);
}

const char *listen_row_advice(const struct listen_row *row, char *buf, size_t len)
{
	const char *bound = listen_row_bound(row);
	const struct listening *l = &row->now;

	buf[0] = '\0';
	if (listen_row_status(row) > LISTEN_FULL)
		return buf;
	if (!bound)
		snprintf(buf, len, "cause not seen: refused between two looks, for no route, memory or an "
			 "LSM, or bad segments.  try: tcptrail -e drop --lport %u", l->sock.lport);
	else if (!strcmp(bound, "accept-too-slow"))
		too_slow_advice(row, buf, len);
	else if (!strcmp(bound, "backlog"))
		snprintf(buf, len, "limit: backlog %u of listen(); somaxconn %u does not bind. Full at %u "
			 "of %u looks: bursts.  try: a backlog of %u in the application", l->queues.backlog,
			 l->queues.somaxconn, row->full, row->looks, l->queues.somaxconn);
	else if (!strcmp(bound, "somaxconn"))
		snprintf(buf, len, "limit: net.core.somaxconn %u. Full at %u of %u looks: bursts.  try: "
			 "sysctl -w net.core.somaxconn=%u, a backlog as large, listen() again",
			 l->queues.somaxconn, row->full, row->looks, 4 * l->queues.somaxconn);
	else
		snprintf(buf, len, "limit: %s (SYN queue %u, backlog %u, tcp_max_syn_backlog %u) with "
			 "tcp_syncookies 0.  try: sysctl -w net.ipv4.tcp_syncookies=1", bound,
			 l->queues.syn_queue, l->queues.backlog, l->queues.max_syn_backlog);
	return buf;
}

void listen_rows_free(struct listen_rows *rows)
{
	for (size_t i = 0; i < rows->len; i++)
		free(rows->rows[i].waits);
	free(rows->rows);
	*rows = (struct listen_rows){ 0 };
}
