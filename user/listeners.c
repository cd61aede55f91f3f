// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * listeners.c - samples every listening socket of every namespace (ten looks a
 * second, without a socket lock) and prints them, worst first.
 */
#include "listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "json.h"
#include "listen_rows.h"
#include "loader.h"
#include "names.h"

#define LOOKS		10		/* in each sample */
#define SECOND_NS	1000000000ULL
#define LINE_MAX	1024
#define NETNS_MAX	4096

struct netns_row {
	uint32_t netns;
	struct netns_count before, now;
	unsigned int listeners;
};

struct view {
	const struct options *options;
	struct loader *loader;
	struct listen_rows rows;
	struct netns_row *netns;
	size_t netns_len;
	bool no_memory;
	bool accepts_seen;
};

static bool ignore(void *ctx, const void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return true;
}

/* What is not known passes, as everywhere. */
static bool wanted(const struct options *o, const struct ev_sock *s)
{
	const struct kernel_filter *f = &o->filter;

	if ((f->netns && f->netns != s->netns) || (f->family && f->family != s->family) ||
	    (f->port && f->port != s->lport) || (f->lport && f->lport != s->lport))
		return false;
	if (!s->owner.source)
		return true;
	if (o->comm && strncmp(o->comm, (const char *)s->owner.comm, EV_COMM_LEN))
		return false;
	for (uint32_t i = 0; i < f->pids_len; i++)
		if (f->pids[i] == s->owner.pid)
			return true;
	return !f->pids_len;
}

static void take(void *ctx, const struct listening *l)
{
	struct view *v = ctx;

	if (wanted(v->options, &l->sock) && !listen_rows_take(&v->rows, l))
		v->no_memory = true;
}

static void take_netns(void *ctx, uint32_t netns, const struct netns_count *count)
{
	struct view *v = ctx;
	struct netns_row *row = NULL;

	for (size_t i = 0; i < v->netns_len && !row; i++)
		if (v->netns[i].netns == netns)
			row = &v->netns[i];
	if (!row) {
		if (v->netns_len == NETNS_MAX)
			return;
		row = &v->netns[v->netns_len++];
		*row = (struct netns_row){ .netns = netns, .before = *count };
	}
	row->now = *count;
}

static void take_accepts(void *ctx, const struct accept_stats *stats)
{
	struct view *v = ctx;

	if (!listen_rows_accepts(&v->rows, stats))
		v->no_memory = true;
}

static int look(struct view *v)
{
	int err;

	listen_rows_look(&v->rows);
	err = loader_listeners(v->loader, take, v);
	if (err)
		return err;
	listen_rows_looked(&v->rows);
	loader_netns_counts(v->loader, take_netns, v);
	return v->no_memory ? -ENOMEM : 0;
}

static void nap(uint64_t ns)
{
	struct timespec t = { ns / SECOND_NS, ns % SECOND_NS };

	nanosleep(&t, NULL);	/* a signal ends it: *stop is looked at then */
}

/* The namespace's own counters are exact. */
static void bound_by_netns(struct view *v)
{
	for (size_t n = 0; n < v->netns_len; n++) {
		struct netns_row *netns = &v->netns[n];

		netns->listeners = 0;
		for (size_t i = 0; i < v->rows.len; i++) {
			struct listen_row *row = &v->rows.rows[i];

			if (row->now.sock.netns != netns->netns)
				continue;
			netns->listeners++;
			row->netns_refused = netns->now.listen_drops - netns->before.listen_drops;
		}
	}
}

/* Looks at both ends and between. */
static int sample(struct view *v, uint64_t ns, const volatile sig_atomic_t *stop)
{
	int err;

	listen_rows_begin(&v->rows);
	for (size_t i = 0; i < v->netns_len; i++)
		v->netns[i].before = v->netns[i].now;
	for (int i = 0; i < LOOKS && !*stop; i++) {
		err = look(v);
		if (err)
			return err;
		nap(ns / LOOKS);
	}
	err = look(v);
	v->accepts_seen = loader_accepts(v->loader, take_accepts, v);
	bound_by_netns(v);
	listen_rows_sort(&v->rows);
	return err;
}

static void owner_text(const struct ev_sock *s, char *buf, size_t len)
{
	char comm[4 * EV_COMM_LEN + 1];

	if (!s->owner.source)
		snprintf(buf, len, "%s", s->flags & EVSK_MIXED ? "(several)" : "-");
	else
		snprintf(buf, len, "%s[%u]",
			 format_plain(s->owner.comm, EV_COMM_LEN, comm, sizeof(comm)), s->owner.pid);
}

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

/* "1,204/s", "12ms", "<=40us/<=1.3ms/7ms"; "-": not known */
static void accepts_text(const struct view *v, const struct listen_row *row, uint64_t ns)
{
	char rate[40] = "-", last[24] = "-", waits[96] = "-", number[32], time[3][24];

	if (v->accepts_seen)
		snprintf(rate, sizeof(rate), "%s",
			 format_count(listen_row_accepts(row) * SECOND_NS / ns, number, sizeof(number)));
	if (row->waits)
		format_duration(monotonic_ns() - row->waits->now.last_ns, last, sizeof(last));
	if (listen_row_waits(row))
		snprintf(waits, sizeof(waits), "%s/%s/%s",
			 format_duration(listen_row_wait(row, 50), time[0], sizeof(time[0])),
			 format_duration(listen_row_wait(row, 99), time[1], sizeof(time[1])),
			 format_duration(row->waits->now.max_ns, time[2], sizeof(time[2])));
	printf(" %9s %8s %21s", rate, last, waits);
}

static void row_text(const struct view *v, const struct listen_row *row, uint64_t ns)
{
	const struct listening *l = &row->now;
	char at[64], owner[96], accept_queue[48], syn_queue[32], bound[40], in_sample[40];
	char advice[512], number[32];
	uint64_t refused = listen_row_refused(row);

	format_endpoint(l->sock.family, l->sock.laddr, true, l->sock.lport, l->sock.lport, at,
			sizeof(at));
	owner_text(&l->sock, owner, sizeof(owner));
	snprintf(accept_queue, sizeof(accept_queue), "%u/%u/%u", l->queues.accept_queue, row->peak,
		 l->queues.backlog);
	snprintf(syn_queue, sizeof(syn_queue), "%u/%u", l->queues.syn_queue, l->queues.backlog);
	snprintf(bound, sizeof(bound), "%s%s", l->drops ? "<=" : "",
		 format_count(l->drops, number, sizeof(number)));
	snprintf(in_sample, sizeof(in_sample), "%s%s", refused ? "<=" : "",
		 format_count(refused, number, sizeof(number)));
	printf("%-24s %-24s %10u %17s %13s %11s %9s", at, owner, l->sock.netns, accept_queue,
	       syn_queue, bound, in_sample);
	accepts_text(v, row, ns);
	printf("  %s\n", listen_status_name(listen_row_status(row)));
	if (*listen_row_advice(row, advice, sizeof(advice)))
		printf("  %s\n", advice);
}

static void counter_text(const char *name, uint64_t before, uint64_t now)
{
	char total[32], moved[32];

	printf(" %s %s (+%s)", name, format_count(now, total, sizeof(total)),
	       format_count(now - before, moved, sizeof(moved)));
}

static void netns_text(const struct netns_row *n)
{
	printf("netns %u:", n->netns);
	counter_text("ListenOverflows", n->before.listen_overflows, n->now.listen_overflows);
	counter_text("ListenDrops", n->before.listen_drops, n->now.listen_drops);
	counter_text("SyncookiesSent", n->before.syncookies_sent, n->now.syncookies_sent);
	putchar('\n');
}

static void text(const struct view *v, uint64_t ns)
{
	char time[24];

	if (!v->options->quiet) {
		printf("%-24s %-24s %10s %17s %13s %11s %9s %9s %8s %21s  %s\n", "LISTENER", "OWNER",
		       "NETNS", "ACCEPTQ", "SYNQ", "REFUSED", "IN SAMPLE", "ACCEPTS/s", "LAST",
		       "ACCEPT WAIT", "STATUS");
		printf("%-24s %-24s %10s %17s %13s %11s %9s %9s %8s %21s\n", "", "", "",
		       "now/peak/max", "now/max", "since open", format_duration(ns, time, sizeof(time)),
		       "", "ACCEPT", "p50/p99/max");
	}
	for (size_t i = 0; i < v->rows.len; i++)
		row_text(v, &v->rows.rows[i], ns);
	for (size_t i = 0; i < v->netns_len; i++)
		if (v->netns[i].listeners)
			netns_text(&v->netns[i]);
}

static void number(struct json *j, const char *name, uint64_t n)
{
	json_word(j, name);
	json_u64(j, n);
}

static void json_owner(struct json *j, const struct ev_sock *s)
{
	if (s->owner.source) {
		number(j, ",\"process\":{\"pid\":", s->owner.pid);
		JSON_LITERAL(j, ",\"name\":");
		json_string(j, s->owner.comm, EV_COMM_LEN);
		JSON_LITERAL(j, "},\"owner_source\":\"");
		json_word(j, name_owner_source(s->owner.source));
		JSON_LITERAL(j, "\"");
	}
	if (s->flags & EVSK_MIXED)
		JSON_LITERAL(j, ",\"shared_port\":true");
	JSON_LITERAL(j, ",\"cookie\":\"");
	json_hex(j, s->cookie);
	number(j, "\",\"netns\":", s->netns);
}

static void json_accepts(struct json *j, const struct listen_row *row)
{
	number(j, ",\"accepts\":", listen_row_accepts(row));
	if (row->waits)
		number(j, ",\"last_accept_ns_ago\":", monotonic_ns() - row->waits->now.last_ns);
	if (!listen_row_waits(row))
		return;
	number(j, ",\"accept_wait\":{\"count\":", listen_row_waits(row));
	number(j, ",\"p50_ns\":", listen_row_wait(row, 50));
	number(j, ",\"p99_ns\":", listen_row_wait(row, 99));
	number(j, ",\"max_ns\":", row->waits->now.max_ns);
	JSON_LITERAL(j, "}");
}

static void row_json(const struct view *v, const struct listen_row *row, uint64_t ns)
{
	const struct listening *l = &row->now;
	const char *bound = listen_row_bound(row);
	char line[LINE_MAX];
	struct json j = { .at = line, .end = line + sizeof(line) };

	JSON_LITERAL(&j, "{\"listener\":{\"address\":");
	json_address(&j, l->sock.family, l->sock.laddr);
	number(&j, ",\"port\":", l->sock.lport);
	JSON_LITERAL(&j, "}");
	json_owner(&j, &l->sock);
	number(&j, ",\"accept_queue\":{\"length\":", l->queues.accept_queue);
	number(&j, ",\"peak\":", row->peak);
	number(&j, ",\"limit\":", l->queues.backlog);
	number(&j, "},\"syn_queue\":{\"length\":", l->queues.syn_queue);
	number(&j, ",\"limit\":", l->queues.backlog);
	number(&j, "},\"somaxconn\":", l->queues.somaxconn);
	number(&j, ",\"max_syn_backlog\":", l->queues.max_syn_backlog);
	number(&j, ",\"syncookies\":", l->queues.syncookies);
	number(&j, ",\"refused_since_open_at_most\":", l->drops);
	number(&j, ",\"refused_at_most\":", listen_row_refused(row));
	number(&j, ",\"window_ns\":", ns);
	if (v->accepts_seen)
		json_accepts(&j, row);
	JSON_LITERAL(&j, ",\"status\":\"");
	json_word(&j, listen_status_name(listen_row_status(row)));
	JSON_LITERAL(&j, "\"");
	if (bound) {
		JSON_LITERAL(&j, ",\"bound_by\":\"");
		json_word(&j, bound);
		JSON_LITERAL(&j, "\"");
	}
	JSON_LITERAL(&j, "}\n");
	if (!j.full)
		fwrite(line, 1, j.at - line, stdout);
}

static int show(struct view *v, uint64_t ns)
{
	if (strcmp(v->options->output, "json"))
		text(v, ns);
	else
		for (size_t i = 0; i < v->rows.len; i++)
			row_json(v, &v->rows.rows[i], ns);
	return fflush(stdout) || ferror(stdout) ? (errno == EPIPE ? -EPIPE : -EIO) : 0;
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "tcptrail: %s: %s\n", what, strerror(-err));
	return EXIT_RUNTIME;
}

static int rounds(struct view *v, const volatile sig_atomic_t *stop)
{
	const struct options *o = v->options;
	uint64_t ns = o->interval_ns ? o->interval_ns : SECOND_NS;
	uint64_t left = o->count ? o->count : o->interval_ns ? UINT64_MAX : 1;
	int err = look(v);	/* what was before the sample */

	for (; left && !*stop && !err; left--) {
		err = sample(v, ns, stop);
		if (err)
			break;
		err = show(v, ns);
		if (err == -EPIPE)
			return EXIT_OK;
		if (err) {
			fprintf(stderr, "tcptrail: cannot write: %s\n", strerror(errno));
			return EXIT_OUTPUT;
		}
	}
	return err ? fail("cannot walk the listening sockets", err) : EXIT_OK;
}

int listeners_run(const struct options *o, const volatile sig_atomic_t *stop)
{
	struct loader_options lo = { .ring_size = 1 << 16, .listeners = true,
				     .only_listeners = true };
	struct loader_failure why;
	struct view v = { .options = o };
	int code;

	v.netns = calloc(NETNS_MAX, sizeof(*v.netns));
	if (!v.netns)
		return fail("cannot start", -ENOMEM);
	v.loader = loader_open(&lo, ignore, NULL, &why);
	if (!v.loader) {
		fprintf(stderr, "tcptrail: %s\n", why.what);
		free(v.netns);
		return why.exit_code;
	}
	code = rounds(&v, stop);
	loader_close(v.loader);
	listen_rows_free(&v.rows);
	free(v.netns);
	return code;
}
