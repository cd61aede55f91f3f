// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * listeners.c - prints every listening socket of every namespace, worst first.
 */
#include "listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "json.h"
#include "json_row.h"
#include "listen_replay.h"
#include "listen_sample.h"
#include "monotonic.h"
#include "names.h"

#define SECOND_NS	1000000000ULL

static bool ignore(void *ctx, const void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return true;
}

/* "nginx[1187]+8": and eight processes more; " 1/4": one socket of an SO_REUSEPORT
 * group of four. */
static void owner_text(const struct listen_row *row, char *buf, size_t len)
{
	const struct ev_sock *s = &row->now.sock;
	char comm[4 * EV_COMM_LEN + 1], more[16] = "", group[16] = "";

	if (row->processes > 1)
		snprintf(more, sizeof(more), "+%u", row->processes - 1);
	if (row->group > 1)
		snprintf(group, sizeof(group), " 1/%u", row->group);

	if (!s->owner.source)
		snprintf(buf, len, "%s%s", s->flags & EVSK_MIXED ? "(several)" : "-", group);
	else
		snprintf(buf, len, "%s[%u]%s%s",
			 format_plain(s->owner.comm, EV_COMM_LEN, comm, sizeof(comm)), s->owner.pid,
			 more, group);
}

/* "1,204/s", "12ms", "<=40us/<=1.3ms/7ms"; "-": not known */
static void accepts_text(const struct listen_sample *v, const struct listen_row *row, uint64_t ns)
{
	char syns[40] = "-", rate[40] = "-", last[24] = "-", waits[96] = "-", number[32], time[3][24];

	if (v->syns_seen)
		snprintf(syns, sizeof(syns), "%s",
			 format_count(listen_row_syns(row) * SECOND_NS / ns, number, sizeof(number)));
	if (v->accepts_seen)
		snprintf(rate, sizeof(rate), "%s",
			 format_count(listen_row_accepts(row) * SECOND_NS / ns, number, sizeof(number)));
	if (row->waits && row->waits->now.last_ns)
		format_duration(monotonic_ns() - row->waits->now.last_ns, last, sizeof(last));
	if (listen_row_waits(row))
		snprintf(waits, sizeof(waits), "%s/%s/%s",
			 format_duration(listen_row_wait(row, 50), time[0], sizeof(time[0])),
			 format_duration(listen_row_wait(row, 99), time[1], sizeof(time[1])),
			 format_duration(row->waits->now.max_ns, time[2], sizeof(time[2])));
	printf(" %9s %9s %8s %21s", syns, rate, last, waits);
}

static void row_text(const struct listen_sample *v, const struct listen_row *row, uint64_t ns)
{
	const struct listening *l = &row->now;
	char at[64], owner[96], accept_queue[48], syn_queue[32], bound[40], in_sample[40];
	char advice[512], number[32];
	uint64_t refused = listen_row_refused(row);

	format_endpoint(l->sock.family, l->sock.laddr, true, l->sock.lport, l->sock.lport, at,
			sizeof(at));
	owner_text(row, owner, sizeof(owner));
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
	printf("  %s%s\n", listen_status_name(listen_row_status(row)), row->seen ? "" : " (closed)");
	if (*listen_row_advice(row, advice, sizeof(advice)))
		printf("  %s\n", advice);
}

static void counter_text(const char *name, const struct netns_row *n, uint64_t before, uint64_t now)
{
	char total[32], moved[32];

	printf(" %s %s (%s%s)", name, format_count(now, total, sizeof(total)), n->late ? ">=" : "+",
	       format_count(now - before, moved, sizeof(moved)));
}

static void netns_text(const struct netns_row *n)
{
	printf("netns %u:", n->netns);
	counter_text("ListenOverflows", n, n->before.listen_overflows, n->now.listen_overflows);
	counter_text("ListenDrops", n, n->before.listen_drops, n->now.listen_drops);
	counter_text("SyncookiesSent", n, n->before.syncookies_sent, n->now.syncookies_sent);
	putchar('\n');
}

/* Of a recording: the time that it is of. */
static void time_text(const struct listen_sample *v, uint64_t ns)
{
	uint64_t ends[2] = { v->wall_ns - ns, v->wall_ns };
	char text[2][32];

	for (int i = 0; i < 2; i++) {
		time_t t = ends[i] / SECOND_NS;
		struct tm tm;

		if (v->options->utc)
			gmtime_r(&t, &tm);
		else
			localtime_r(&t, &tm);
		strftime(text[i], sizeof(text[i]), i ? "%H:%M:%S (%z)" : "%Y-%m-%d %H:%M:%S", &tm);
	}
	printf("%s to %s\n", text[0], text[1]);
}

static void text(const struct listen_sample *v, uint64_t ns)
{
	char time[24];

	if (v->wall_ns)
		time_text(v, ns);
	if (!v->options->quiet) {
		printf("%-24s %-24s %10s %17s %13s %11s %9s %9s %9s %8s %21s  %s\n", "LISTENER", "OWNER",
		       "NETNS", "ACCEPTQ", "SYNQ", "REFUSED", "IN SAMPLE", "SYNS/s", "ACCEPTS/s", "LAST",
		       "ACCEPT WAIT", "STATUS");
		printf("%-24s %-24s %10s %17s %13s %11s %9s %9s %9s %8s %21s\n", "", "", "",
		       "now/peak/max", "now/max", "since open", format_duration(ns, time, sizeof(time)),
		       "", "", "ACCEPT", "p50/p99/max");
	}
	for (size_t i = 0; i < v->rows.len; i++)
		row_text(v, &v->rows.rows[i], ns);
	for (size_t i = 0; i < v->netns_len; i++)
		if (v->netns[i].listeners)
			netns_text(&v->netns[i]);
}

static void json_owner(struct json *j, const struct ev_sock *s)
{
	if (s->owner.source) {
		json_number(j, ",\"process\":{\"pid\":", s->owner.pid);
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
	json_number(j, "\",\"netns\":", s->netns);
}

static void json_accepts(struct json *j, const struct listen_row *row)
{
	json_number(j, ",\"accepts\":", listen_row_accepts(row));
	if (row->waits && row->waits->now.last_ns)
		json_number(j, ",\"last_accept_ns_ago\":", monotonic_ns() - row->waits->now.last_ns);
	if (!listen_row_waits(row))
		return;
	json_number(j, ",\"accept_wait\":{\"count\":", listen_row_waits(row));
	json_number(j, ",\"p50_ns\":", listen_row_wait(row, 50));
	json_number(j, ",\"p99_ns\":", listen_row_wait(row, 99));
	json_number(j, ",\"max_ns\":", row->waits->now.max_ns);
	JSON_LITERAL(j, "}");
}

static void row_json(const struct listen_sample *v, const struct listen_row *row, uint64_t ns)
{
	const struct listening *l = &row->now;
	const char *bound = listen_row_bound(row);
	char line[JSON_ROW_MAX];
	struct json j = { .at = line, .end = line + sizeof(line) };
	struct json_time second = { 0 };

	JSON_LITERAL(&j, "{\"listener\":{\"address\":");
	json_address(&j, l->sock.family, l->sock.laddr);
	json_number(&j, ",\"port\":", l->sock.lport);
	JSON_LITERAL(&j, "}");
	json_owner(&j, &l->sock);
	if (row->processes)
		json_number(&j, ",\"processes\":", row->processes);
	json_number(&j, ",\"group\":", row->group);
	json_number(&j, ",\"accept_queue\":{\"length\":", l->queues.accept_queue);
	json_number(&j, ",\"peak\":", row->peak);
	json_number(&j, ",\"limit\":", l->queues.backlog);
	json_number(&j, "},\"syn_queue\":{\"length\":", l->queues.syn_queue);
	json_number(&j, ",\"limit\":", l->queues.backlog);
	json_number(&j, "},\"somaxconn\":", l->queues.somaxconn);
	json_number(&j, ",\"max_syn_backlog\":", l->queues.max_syn_backlog);
	json_number(&j, ",\"syncookies\":", l->queues.syncookies);
	json_number(&j, ",\"refused_since_open_at_most\":", l->drops);
	json_number(&j, ",\"refused_at_most\":", listen_row_refused(row));
	json_number(&j, ",\"window_ns\":", ns);
	if (v->syns_seen)
		json_number(&j, ",\"syns\":", listen_row_syns(row));
	if (v->wall_ns) {
		JSON_LITERAL(&j, ",\"@timestamp\":");
		json_time(&j, &second, v->wall_ns);
	}
	if (v->accepts_seen)
		json_accepts(&j, row);
	if (!row->seen)
		JSON_LITERAL(&j, ",\"closed\":true");
	JSON_LITERAL(&j, ",\"status\":\"");
	json_word(&j, listen_status_name(listen_row_status(row)));
	JSON_LITERAL(&j, "\"");
	if (bound) {
		JSON_LITERAL(&j, ",\"bound_by\":\"");
		json_word(&j, bound);
		JSON_LITERAL(&j, "\"");
	}
	JSON_LITERAL(&j, "}\n");
	json_row_put(&j, line, stdout);
}

/* nstat's names. */
static void json_counters(struct json *j, const struct netns_count *from, const struct netns_count *to)
{
	json_number(j, "{\"ListenOverflows\":", to->listen_overflows - from->listen_overflows);
	json_number(j, ",\"ListenDrops\":", to->listen_drops - from->listen_drops);
	json_number(j, ",\"TCPReqQFullDrop\":", to->reqq_full_drop - from->reqq_full_drop);
	json_number(j, ",\"SyncookiesSent\":", to->syncookies_sent - from->syncookies_sent);
	JSON_LITERAL(j, "}");
}

static void netns_json(const struct listen_sample *v, const struct netns_row *n, uint64_t ns)
{
	static const struct netns_count zero = { 0 };
	char line[JSON_ROW_MAX];
	struct json j = { .at = line, .end = line + sizeof(line) };
	struct json_time second = { 0 };

	json_number(&j, "{\"netns\":", n->netns);
	json_number(&j, ",\"listeners\":", n->listeners);
	JSON_LITERAL(&j, ",\"counters\":");
	json_counters(&j, &zero, &n->now);
	JSON_LITERAL(&j, ",\"counters_in_sample\":");
	json_counters(&j, &n->before, &n->now);
	if (n->late)
		JSON_LITERAL(&j, ",\"counters_in_sample_lower_bound\":true");
	json_number(&j, ",\"window_ns\":", ns);
	if (v->wall_ns) {
		JSON_LITERAL(&j, ",\"@timestamp\":");
		json_time(&j, &second, v->wall_ns);
	}
	JSON_LITERAL(&j, "}\n");
	json_row_put(&j, line, stdout);
}

/* The listeners, and after them the namespaces that they are in, as in text. */
static void json(const struct listen_sample *v, uint64_t ns)
{
	for (size_t i = 0; i < v->rows.len; i++)
		row_json(v, &v->rows.rows[i], ns);
	for (size_t i = 0; i < v->netns_len; i++)
		if (v->netns[i].listeners)
			netns_json(v, &v->netns[i], ns);
}

static int show(void *ctx, struct listen_sample *v, uint64_t ns)
{
	(void)ctx;
	if (strcmp(v->options->output, "json"))
		text(v, ns);
	else
		json(v, ns);
	return fflush(stdout) || ferror(stdout) ? (errno == EPIPE ? -EPIPE : -EIO) : 0;
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "tcptrail: %s: %s\n", what, strerror(-err));
	return EXIT_RUNTIME;
}

static int rounds(struct listen_sample *v, const volatile sig_atomic_t *stop)
{
	const struct options *o = v->options;
	uint64_t ns = o->interval_ns ? o->interval_ns : SECOND_NS;
	uint64_t left = o->count ? o->count : o->interval_ns ? UINT64_MAX : 1;
	int err = listen_sample_look(v);	/* what was before the sample */

	for (; left && !*stop && !err; left--) {
		err = listen_sample_take(v, ns, stop);
		if (err)
			break;
		err = show(NULL, v, ns);
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
	struct loader_options lo = { .ring_size = 1 << 16, .listeners = true, .stalls = true,
				     .only_listeners = true };
	struct loader_failure why;
	struct loader *loader;
	struct listen_sample v;
	int code;

	if (o->read_len)
		return listen_replay_run(o, stop, show);
	loader = loader_open(&lo, ignore, NULL, &why);
	if (!loader) {
		fprintf(stderr, "tcptrail: %s\n", why.what);
		return why.exit_code;
	}
	if (listen_sample_open(&v, o, loader))
		code = rounds(&v, stop);
	else
		code = fail("cannot start", -ENOMEM);
	listen_sample_close(&v);
	loader_close(loader);
	return code;
}
