// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "names.h"

#define NEAR_PERCENT	80

const char *level_name(enum level level)
{
	return level == LEVEL_CRITICAL ? "CRIT" : level == LEVEL_WARNING ? "WARN" : "ok";
}

static struct finding *add(struct findings *f)
{
	if (f->len == f->room) {
		size_t room = f->room ? 2 * f->room : 32;
		struct finding *all = realloc(f->all, room * sizeof(*all));

		if (!all)
			return NULL;
		f->all = all;
		f->room = room;
	}
	f->all[f->len] = (struct finding){ .root = f->len };
	return &f->all[f->len++];
}

static const char *owner(const struct ev_sock *s, char *buf, size_t len)
{
	char comm[4 * EV_COMM_LEN + 1];

	if (!s->owner.source)
		return s->flags & EVSK_MIXED ? "(several)" : "(owner unknown)";
	snprintf(buf, len, "%s[%u]", format_plain(s->owner.comm, EV_COMM_LEN, comm, sizeof(comm)),
		 s->owner.pid);
	return buf;
}

/* Clients are turned away, or are about to be. */
static enum level level_of(enum listen_status status)
{
	if (status == LISTEN_DROP || status == LISTEN_FULL)
		return LEVEL_CRITICAL;
	return status == LISTEN_NEAR ? LEVEL_WARNING : LEVEL_OK;
}

bool findings_listener(struct findings *f, const struct listen_row *row)
{
	enum listen_status status = listen_row_status(row);
	const struct listening *l = &row->now;
	const char *bound = listen_row_bound(row), *closed = row->seen ? "" : "; closed since";
	char at[64], who[96], number[32];
	struct finding *x;

	if (level_of(status) == LEVEL_OK)
		return true;
	x = add(f);
	if (!x)
		return false;
	x->level = level_of(status);
	x->weight = listen_row_refused(row);
	x->kind = "listener";
	x->word = listen_status_name(status);
	x->more = "tcptrail listeners";
	x->sock = l->sock;
	x->pid = l->sock.owner.source ? l->sock.owner.pid : 0;
	format_endpoint(l->sock.family, l->sock.laddr, true, l->sock.lport, l->sock.lport, at,
			sizeof(at));
	snprintf(x->subject, sizeof(x->subject), "%s %s", at, owner(&l->sock, who, sizeof(who)));
	if (status == LISTEN_DROP)
		snprintf(x->text, sizeof(x->text), "<=%s refused, accept queue %u/%u (peak %u)%s%s%s",
			 format_count(x->weight, number, sizeof(number)), l->queues.accept_queue,
			 l->queues.backlog, row->peak, bound ? ", bound by " : "", bound ? bound : "",
			 closed);
	else
		snprintf(x->text, sizeof(x->text), "accept queue %s: %u/%u (peak %u)%s",
			 listen_status_name(status), l->queues.accept_queue, l->queues.backlog,
			 row->peak, closed);
	return true;
}

bool findings_listeners(struct findings *f, const struct listen_rows *rows)
{
	for (size_t i = 0; i < rows->len; i++)
		if (!findings_listener(f, &rows->rows[i]))
			return false;
	return true;
}

bool findings_stall(struct findings *f, const struct stall_row *row)
{
	const struct ev_sock *s = &row->oldest.sock;
	char end[64], who[96], number[32], time[24], evidence[320];
	bool local = row->server;
	struct finding *x = add(f);

	if (!x)
		return false;
	x->level = LEVEL_WARNING;
	x->weight = row->count;
	x->kind = "stall";
	x->word = stall_name(row->verdict.stall);
	x->more = "tcptrail stalls";
	x->sock = *s;
	x->pid = s->owner.source ? s->owner.pid : 0;
	x->waits_for_accept = row->verdict.stall == STALL_ACCEPT && !row->over;
	x->many_local = row->many_local;
	x->age_ms = row->verdict.age_ms;
	memcpy(x->because, row->because, sizeof(x->because));
	format_endpoint(s->family, local ? s->laddr : s->raddr, true, local ? s->lport : s->rport,
			true, end, sizeof(end));
	snprintf(x->subject, sizeof(x->subject), "%s %s %s", owner(s, who, sizeof(who)),
		 local ? "at" : ">", end);
	snprintf(x->text, sizeof(x->text), "%s %s, oldest %s%s: %s%s",
		 format_count(row->count, number, sizeof(number)), x->word,
		 row->verdict.lower ? ">=" : "",
		 format_duration(row->verdict.age_ms * 1000000ULL, time, sizeof(time)),
		 stall_rows_evidence(row, evidence, sizeof(evidence)), row->over ? "; over since" : "");
	return true;
}

bool findings_stalls(struct findings *f, const struct stall_rows *rows)
{
	for (size_t i = 0; i < rows->rows_len; i++)
		if (!findings_stall(f, &rows->rows[i]))
			return false;
	return true;
}

/* At its end, or something failed for it. */
static enum level level_of_limit(const struct limit_row *row)
{
	/* The listeners tell more of theirs; a full buffer may be a fast sender's. */
	if (row->kind == LIMIT_ACCEPT_QUEUE || row->kind == LIMIT_SYN_QUEUE ||
	    row->kind == LIMIT_RECV_BUFFER || row->kind == LIMIT_SEND_BUFFER)
		return LEVEL_OK;
	if (limit_percent(row) >= 100 || (row->has_failed && row->failed))
		return LEVEL_CRITICAL;
	return limit_percent(row) >= NEAR_PERCENT ? LEVEL_WARNING : LEVEL_OK;
}

/* "16 accept4() fail with EMFILE, open-files 1,024/1,024 (RLIMIT_NOFILE soft)" */
static void failed_calls(struct finding *x, const struct limit_row *row)
{
	char use[32], max[32], failed[32], error[24];
	bool known = row->max != UINT64_MAX;

	snprintf(x->text, sizeof(x->text), "%s %s() fail with %s, %s%s%s%s%s (%s)",
		 format_count(row->failed, failed, sizeof(failed)), name_limit_call(row->call),
		 name_errno(row->err, error, sizeof(error)), x->word, known ? " " : "",
		 known ? format_count(row->use, use, sizeof(use)) : "", known ? "/" : "",
		 known ? format_count(row->max, max, sizeof(max)) : "", limit_set_by(row));
}

bool findings_limit(struct findings *f, const struct limit_row *row)
{
	bool of_user = row->kind != LIMIT_OPEN_FILES && *row->user;	/* its scope says it */
	char use[32], max[32], failed[32], error[24];
	struct finding *x;

	if (level_of_limit(row) == LEVEL_OK)
		return true;
	x = add(f);
	if (!x)
		return false;
	x->level = level_of_limit(row);
	x->weight = row->has_failed ? row->failed : 0;
	x->kind = "limit";
	x->word = limit_name(row->kind);
	x->more = "tcptrail limits";
	x->sock.netns = row->netns;
	x->pid = row->pid;
	if (row->kind == LIMIT_OPEN_FILES && row->failed && limit_percent(row) >= 100 &&
	    (row->call == EVL_ACCEPT || row->call == EVL_ACCEPT4))
		snprintf(x->stops, sizeof(x->stops), "%s fails with %s", name_limit_call(row->call),
			 name_errno(row->err, error, sizeof(error)));
	snprintf(x->subject, sizeof(x->subject), "%s%s%s", row->scope, of_user ? " " : "",
		 of_user ? row->user : "");
	if (row->call)
		failed_calls(x, row);
	else
		snprintf(x->text, sizeof(x->text), "%s %s/%s%s%s (%s)", x->word,
			 format_count(row->use, use, sizeof(use)),
			 format_count(row->max, max, sizeof(max)), x->weight ? ", failed " : "",
			 x->weight ? format_count(x->weight, failed, sizeof(failed)) : "",
			 limit_set_by(row));
	return true;
}

static int worse_first(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a;
	const struct finding *y = *(const struct finding *const *)b;

	if (x->level != y->level)
		return (int)y->level - (int)x->level;
	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return x < y ? -1 : x > y;
}

/* `in` has them in their order. A root goes where the worst of its incident is, what follows
 * from it behind it. */
static void put_in_order(const struct findings *f, const struct finding *const *in, bool *done,
			 struct finding *out)
{
	size_t n = 0;

	for (size_t i = 0; i < f->len; i++) {
		size_t root = in[i]->root;

		if (done[root])
			continue;
		done[root] = true;
		out[n++] = f->all[root];
		for (size_t k = 0; f->all[root].leads && k < f->len; k++)
			if (in[k] != &f->all[root] && in[k]->root == root)
				out[n++] = *in[k];
	}
}

bool findings_sort(struct findings *f)
{
	const struct finding **order = calloc(f->len + 1, sizeof(struct finding *));
	struct finding *sorted = calloc(f->len + 1, sizeof(*sorted));
	bool *done = calloc(f->len + 1, sizeof(*done));
	bool memory = order && sorted && done;

	if (!memory) {
		free(sorted);
		goto out;
	}
	for (size_t i = 0; i < f->len; i++)
		order[i] = &f->all[i];
	qsort(order, f->len, sizeof(struct finding *), worse_first);
	put_in_order(f, order, done, sorted);
	free(f->all);
	f->all = sorted;
	f->room = f->len;
out:
	free(order);
	free(done);
	return memory;
}

enum level findings_worst(const struct findings *f)
{
	enum level worst = LEVEL_OK;

	for (size_t i = 0; i < f->len; i++)
		if (f->all[i].level > worst)
			worst = f->all[i].level;
	return worst;
}

void findings_free(struct findings *f)
{
	free(f->all);
	*f = (struct findings){ 0 };
}
