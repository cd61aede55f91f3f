// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "findings.h"

#include <stdio.h>
#include <stdlib.h>

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
	f->all[f->len] = (struct finding){ 0 };
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
	if (row->kind == LIMIT_ACCEPT_QUEUE || row->kind == LIMIT_RECV_BUFFER ||
	    row->kind == LIMIT_SEND_BUFFER)
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
	char use[32], max[32], failed[32];
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
	snprintf(x->subject, sizeof(x->subject), "%s%s%s", row->scope, of_user ? " " : "",
		 of_user ? row->user : "");
	if (row->call)
		failed_calls(x, row);
	else
		snprintf(x->text, sizeof(x->text), "%s %s/%s%s%s (%s)", x->word,
		 format_count(row->use, use, sizeof(use)), format_count(row->max, max, sizeof(max)),
		 x->weight ? ", failed " : "",
		 x->weight ? format_count(x->weight, failed, sizeof(failed)) : "",
		 limit_set_by(row));
	return true;
}

static int worse_first(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->level != y->level)
		return (int)y->level - (int)x->level;
	return x->weight < y->weight ? 1 : x->weight > y->weight ? -1 : 0;
}

void findings_sort(struct findings *f)
{
	qsort(f->all, f->len, sizeof(*f->all), worse_first);
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
