// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "limit_listeners.h"

#include <stdio.h>
#include <stdlib.h>

#include "format.h"

const char *limit_owner(const struct ev_sock *s, uint32_t processes, char *buf, size_t len)
{
	char comm[4 * EV_COMM_LEN + 1], more[16] = "";

	if (!len)
		return buf;
	buf[0] = '\0';
	if (processes > 1)
		snprintf(more, sizeof(more), "+%u", processes - 1);
	if (s->owner.source)
		snprintf(buf, len, "%s[%u]%s",
			 format_plain(s->owner.comm, EV_COMM_LEN, comm, sizeof(comm)), s->owner.pid,
			 more);
	return buf;
}

bool limit_listeners_add(struct limit_listeners *l, const struct buffered *b)
{
	if (l->len == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct limit_listener *all = realloc(l->all, room * sizeof(*all));

		if (!all)
			return false;
		l->all = all;
		l->room = room;
	}
	l->all[l->len++] = (struct limit_listener){ .sock = b->sock, .queues = b->queues };
	return true;
}

void limit_listeners_free(struct limit_listeners *l)
{
	free(l->all);
	*l = (struct limit_listeners){ 0 };
}

static int by_holder(const void *a, const void *b)
{
	const struct ev_sock *x = &((const struct limit_listener *)a)->sock;
	const struct ev_sock *y = &((const struct limit_listener *)b)->sock;

	if (x->cookie != y->cookie)
		return x->cookie < y->cookie ? -1 : 1;
	return (x->owner.pid > y->owner.pid) - (x->owner.pid < y->owner.pid);
}

static int by_cookie(const void *a, const void *b)
{
	uint64_t x = ((const struct limit_listener *)a)->sock.cookie;
	uint64_t y = ((const struct limit_listener *)b)->sock.cookie;

	return (x > y) - (x < y);
}

static int by_netns(const void *a, const void *b)
{
	const struct limit_listener *x = a, *y = b;

	if (x->sock.netns != y->sock.netns)
		return x->sock.netns < y->sock.netns ? -1 : 1;
	return by_cookie(a, b);
}

/* Of many descriptors, of perhaps many processes, one each, by cookie. */
static void merge(struct limit_listeners *l)
{
	uint32_t last = 0;
	size_t n = 0;

	if (l->len)
		qsort(l->all, l->len, sizeof(*l->all), by_holder);
	for (size_t i = 0; i < l->len; i++) {
		uint32_t pid = l->all[i].sock.owner.pid;

		if (!n || l->all[n - 1].sock.cookie != l->all[i].sock.cookie) {
			l->all[n] = l->all[i];
			l->all[n++].processes = 1;
		} else if (pid != last) {
			l->all[n - 1].processes++;
		}
		last = pid;
	}
	l->len = n;
}

static void name_owners(const struct limit_listeners *l, struct limit_rows *rows)
{
	for (size_t i = 0; l->len && i < rows->len; i++) {
		struct limit_row *row = &rows->all[i];
		struct limit_listener key = { .sock.cookie = row->cookie }, *found;

		if (row->kind != LIMIT_ACCEPT_QUEUE || !row->cookie)
			continue;
		found = bsearch(&key, l->all, l->len, sizeof(*l->all), by_cookie);
		if (found)
			limit_owner(&found->sock, found->processes, row->user, sizeof(row->user));
	}
}

static bool row_of(const struct limit_listener *l, struct limit_row *row)
{
	const struct ev_sock *s = &l->sock;

	*row = (struct limit_row){ .netns = s->netns };
	if (!limit_syn_queue(row, &l->queues, l->queues.syn_queue))
		return false;
	limit_listener_scope(row, s);
	limit_owner(s, l->processes, row->user, sizeof(row->user));
	return true;
}

bool limit_listeners_join(struct limit_listeners *l, struct limit_rows *rows, size_t max)
{
	struct limit_row kept[LIMIT_LISTENERS_MAX], row;
	size_t len = 0;
	bool ok = true;

	merge(l);
	name_owners(l, rows);
	if (l->len)
		qsort(l->all, l->len, sizeof(*l->all), by_netns);
	for (size_t i = 0; i < l->len; i++) {
		if (row_of(&l->all[i], &row))
			limit_keep_nearest(kept, &len, max, &row);
		if (i + 1 < l->len && l->all[i + 1].sock.netns == l->all[i].sock.netns)
			continue;
		for (size_t k = 0; k < len; k++)
			ok = ok && limit_rows_add(rows, &kept[k]);
		len = 0;
	}
	return ok;
}
