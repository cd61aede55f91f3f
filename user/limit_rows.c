// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "limit_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

static const char *const names[LIMITS] = {
	[LIMIT_OPEN_FILES] = "open-files",
	[LIMIT_FILE_MAX] = "file-max",
	[LIMIT_LOCAL_PORTS] = "local-ports",
	[LIMIT_TIME_WAIT] = "time-wait",
	[LIMIT_ORPHANS] = "orphans",
	[LIMIT_TCP_MEM] = "tcp-mem",
	[LIMIT_CONNTRACK] = "conntrack",
	[LIMIT_NR_OPEN] = "nr-open",
	[LIMIT_NEIGHBOURS] = "neighbours",
	[LIMIT_ACCEPT_QUEUE] = "accept-queue",
	[LIMIT_SYN_QUEUE] = "syn-queue",
	[LIMIT_CGROUP_MEMORY] = "cgroup-mem",
	[LIMIT_RECV_BUFFER] = "recv-buffer",
	[LIMIT_SEND_BUFFER] = "send-buffer",
};

static const char *const set_by[LIMITS] = {
	[LIMIT_OPEN_FILES] = "RLIMIT_NOFILE soft",
	[LIMIT_FILE_MAX] = "fs.file-max",
	[LIMIT_LOCAL_PORTS] = "net.ipv4.ip_local_port_range",
	[LIMIT_TIME_WAIT] = "net.ipv4.tcp_max_tw_buckets",
	[LIMIT_ORPHANS] = "net.ipv4.tcp_max_orphans",
	[LIMIT_TCP_MEM] = "net.ipv4.tcp_mem (pages)",
	[LIMIT_CONNTRACK] = "net.netfilter.nf_conntrack_max",
	[LIMIT_NR_OPEN] = "fs.nr_open",
	[LIMIT_NEIGHBOURS] = "gc_thresh3",
	[LIMIT_ACCEPT_QUEUE] = "listen()",
	[LIMIT_SYN_QUEUE] = "listen()",
	[LIMIT_CGROUP_MEMORY] = "memory.max",
	[LIMIT_RECV_BUFFER] = "net.ipv4.tcp_rmem (autotuned)",
	[LIMIT_SEND_BUFFER] = "net.ipv4.tcp_wmem (autotuned)",
};

const char *limit_name(enum limit_kind kind)
{
	return (unsigned int)kind < LIMITS ? names[kind] : "unknown";
}

const char *limit_set_by(const struct limit_row *row)
{
	if (row->set_by)
		return row->set_by;
	return (unsigned int)row->kind < LIMITS ? set_by[row->kind] : "unknown";
}

bool limit_rows_add(struct limit_rows *rows, const struct limit_row *row)
{
	if (rows->len == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 32;
		struct limit_row *all = realloc(rows->all, room * sizeof(*all));

		if (!all)
			return false;
		rows->all = all;
		rows->room = room;
	}
	rows->all[rows->len++] = *row;
	return true;
}

void limit_rows_free(struct limit_rows *rows)
{
	free(rows->all);
	*rows = (struct limit_rows){ 0 };
}

void limit_buffer(struct limit_row *row, uint64_t now, bool locked, const struct limit_sizes *sizes)
{
	row->sizes = *sizes;
	row->locked = locked;
	/* sysctl may have come later than the socket grew. */
	row->max = locked || now > sizes->most ? now : sizes->most;
	row->set_by = !locked ? NULL : row->kind == LIMIT_RECV_BUFFER ? "SO_RCVBUF" : "SO_SNDBUF";
}

const char *limit_backlog_set_by(uint64_t backlog, uint64_t somaxconn)
{
	return backlog == somaxconn ? "listen(), net.core.somaxconn" : NULL;
}

/*
 * tcp_conn_request(): from the backlog on a SYN gets a cookie or, without cookies, is dropped.
 * Without them those of peers that are not proven are dropped once less than a quarter of
 * tcp_max_syn_backlog is left.
 */
bool limit_syn_queue(struct limit_row *row, const struct ev_queues *queues, uint64_t use)
{
	uint32_t mark = queues->max_syn_backlog - queues->max_syn_backlog / 4;

	row->kind = LIMIT_SYN_QUEUE;
	row->use = use;
	row->max = queues->backlog;
	row->syncookies = queues->syncookies;
	row->set_by = limit_backlog_set_by(queues->backlog, queues->somaxconn);
	if (!queues->syncookies && mark < queues->backlog) {
		row->max = mark;
		row->set_by = "net.ipv4.tcp_max_syn_backlog (3/4)";
	}
	return queues->syncookies != 2;
}

void limit_listener_scope(struct limit_row *row, const struct ev_sock *s)
{
	char local[64];

	format_endpoint(s->family, s->laddr, true, s->lport, true, local, sizeof(local));
	snprintf(row->scope, sizeof(row->scope), "%s netns %u", local, s->netns);
	row->lport = s->lport;
}

unsigned int limit_percent(const struct limit_row *row)
{
	/* A bound of many, none of which is known to be near to it. */
	if (row->use == UINT64_MAX && row->max != UINT64_MAX)
		return 0;
	if (!row->max)
		return row->use ? 100 : 0;
	if (row->use > UINT64_MAX / 100)
		return 100;
	return row->use * 100 / row->max > 999 ? 999 : row->use * 100 / row->max;
}

bool limit_in_trouble(const struct limit_row *row)
{
	return limit_percent(row) >= LIMIT_SHOWN_PERCENT || (row->has_failed && row->failed);
}

static int nearest_first(const void *a, const void *b)
{
	const struct limit_row *x = a, *y = b;
	bool fx = x->has_failed && x->failed, fy = y->has_failed && y->failed;

	if (fx != fy)
		return fy - fx;
	if (limit_percent(x) != limit_percent(y))
		return (int)limit_percent(y) - (int)limit_percent(x);
	return (int)x->kind - (int)y->kind;
}

void limit_rows_sort(struct limit_rows *rows)
{
	if (rows->len)
		qsort(rows->all, rows->len, sizeof(*rows->all), nearest_first);
}

void limit_keep_nearest(struct limit_row *kept, size_t *len, size_t max,
			const struct limit_row *row)
{
	size_t far = 0;

	if (*len < max) {
		kept[(*len)++] = *row;
		return;
	}
	for (size_t i = 1; i < *len; i++)
		if (limit_percent(&kept[i]) < limit_percent(&kept[far]))
			far = i;
	if (limit_percent(row) > limit_percent(&kept[far]))
		kept[far] = *row;
}

static bool number(const char **at, uint64_t *out)
{
	char *end;

	*at += strspn(*at, " \t");
	if (!strncmp(*at, "unlimited", 9)) {
		*out = UINT64_MAX;
		*at += 9;
		return true;
	}
	if (**at < '0' || **at > '9')
		return false;
	*out = strtoull(*at, &end, 10);
	*at = end;
	return true;
}

/* Behind `start` at the begin of a line. */
static const char *line_of(const char *text, const char *start)
{
	size_t len = strlen(start);

	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, start, len))
			return at + len;
	}
	return NULL;
}

bool limit_parse_nofile(const char *text, uint64_t *soft, uint64_t *hard)
{
	const char *at = line_of(text, "Max open files");

	return at && number(&at, soft) && number(&at, hard);
}

/* The next word on the line, or NULL; *len is its length. */
static const char *word(const char **at, size_t *len)
{
	const char *w = *at + strspn(*at, " \t");

	*len = strcspn(w, " \t\n");
	*at = w + *len;
	return *len ? w : NULL;
}

bool limit_parse_sockstat(const char *text, const char *line, const char *name, uint64_t *out)
{
	const char *at = line_of(text, line), *w;
	size_t len;

	while (at && (w = word(&at, &len)))
		if (strlen(name) == len && !memcmp(w, name, len))
			return number(&at, out);
	return false;
}

bool limit_parse_stat(const char *text, const char *line, uint64_t *out)
{
	const char *at = line_of(text, line);

	return at && number(&at, out);
}

bool limit_parse_netstat(const char *text, const char *line, const char *name, uint64_t *out)
{
	const char *head = line_of(text, line), *value = head ? line_of(head, line) : NULL, *w, *v;
	size_t len, value_len;

	while (head && value && (w = word(&head, &len)) && (v = word(&value, &value_len)))
		if (strlen(name) == len && !memcmp(w, name, len))
			return number(&v, out);
	return false;
}

/* A line of names, then one a CPU: all columns in hex, entries the same in each. Which
 * column has which name differs by version. */
bool limit_parse_cpus(const char *text, const char *name, uint64_t *entries, uint64_t *sum)
{
	const char *line = strchr(text, '\n'), *names = text, *w;
	int column = -1, i;
	size_t len;

	for (i = 0; (w = word(&names, &len)); i++)
		if (len == strlen(name) && !memcmp(w, name, len))
			column = i;
	*sum = 0;
	*entries = 0;
	if (strncmp(text, "entries", 7) || column < 0 || !line)
		return false;
	for (; line && line[1]; line = strchr(line + 1, '\n')) {
		const char *at = line + 1;

		for (i = 0; (w = word(&at, &len)); i++) {
			if (i == 0)
				*entries = strtoull(w, NULL, 16);
			if (i == column)
				*sum += strtoull(w, NULL, 16);
		}
	}
	return true;
}

uint32_t limit_reserved(const char *list, uint32_t low, uint32_t high)
{
	uint32_t n = 0;
	uint64_t from, to;

	for (const char *at = list; number(&at, &from); at++) {
		to = from;
		if (*at == '-' && (at++, !number(&at, &to)))
			break;
		from = from < low ? low : from;
		to = to > high ? high : to;
		if (from <= to)
			n += to - from + 1;
		if (*at != ',')
			break;
	}
	return n;
}
