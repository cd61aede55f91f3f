// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * stalls.c - prints the connections that are stuck: one row for each verdict, owner
 * and service.
 */
#include "stalls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "json.h"
#include "json_row.h"
#include "monotonic.h"
#include "names.h"
#include "stall_json.h"
#include "stall_replay.h"
#include "stall_sample.h"
#include "stall_track.h"

#define SECOND_NS	1000000000ULL
#define LOCAL_COLUMNS	21

static bool ignore(void *ctx, const void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return true;
}

static void endpoint(const struct ev_sock *s, bool local, bool any_port, char *buf, size_t len)
{
	uint16_t port = local ? s->lport : s->rport;

	format_endpoint(s->family, local ? s->laddr : s->raddr, true, port, !any_port && port, buf,
			len);
}

static void row_text(const struct stall_row *row)
{
	const struct ev_sock *s = &row->oldest.sock;
	char owner[96] = "-", comm[4 * EV_COMM_LEN + 1], local[64], peer[64] = "*", age[40], time[24];
	char number[32], text[512];

	if (s->owner.source)
		snprintf(owner, sizeof(owner), "%s[%u]",
			 format_plain(s->owner.comm, EV_COMM_LEN, comm, sizeof(comm)), s->owner.pid);
	endpoint(s, true, row->many_local, local, sizeof(local));
	if (!row->many_peers)
		endpoint(s, false, false, peer, sizeof(peer));
	snprintf(age, sizeof(age), "%s%s", row->verdict.lower ? ">=" : "",
		 format_duration(row->verdict.age_ms * 1000000ULL, time, sizeof(time)));
	printf("%-20s %7s %-22s %-*s %c %-*s %9s  ", stall_name(row->verdict.stall),
	       format_count(row->count, number, sizeof(number)), owner, LOCAL_COLUMNS, local,
	       row->server ? '<' : '>', LOCAL_COLUMNS, peer, age);
	printf("%s%s%s%s\n", row->over ? "(over) " : "", stall_rows_evidence(row, text, sizeof(text)),
	       row->because[0] ? "; because " : "", row->because);
	printf("  try: %s\n", stall_rows_advice(row, text, sizeof(text)));
}

static void text(const struct stall_sample *v)
{
	char number[2][32];
	uint64_t stuck = 0;

	if (!v->options->quiet)
		printf("%-20s %7s %-22s %-*s   %-*s %9s  EVIDENCE\n", "VERDICT", "COUNT", "OWNER",
		       LOCAL_COLUMNS, "LOCAL", LOCAL_COLUMNS, "REMOTE", "OLDEST");
	for (size_t i = 0; i < v->rows.rows_len; i++) {
		row_text(&v->rows.rows[i]);
		stuck += v->rows.rows[i].over ? 0 : v->rows.rows[i].count;
	}
	if (v->options->quiet)
		return;
	if (v->recorded)
		printf("%s stuck, each as the recording tells of it last (once a minute while it lasts); "
		       ">= marks a lower bound\n", format_count(stuck, number[0], sizeof(number[0])));
	else
		printf("%s stuck; %s descriptors of connections looked at; >= marks a lower bound\n",
		       format_count(stuck, number[0], sizeof(number[0])),
		       format_count(v->seen, number[1], sizeof(number[1])));
}

static void json_end(struct json *j, const char *name, const struct ev_sock *s, bool local,
		     bool any_port)
{
	uint16_t port = local ? s->lport : s->rport;

	json_word(j, name);
	json_address(j, s->family, local ? s->laddr : s->raddr);
	if (!any_port && port)
		json_number(j, ",\"port\":", port);
	JSON_LITERAL(j, "}");
}

static void row_json(const struct stall_row *row)
{
	const struct ev_sock *s = &row->oldest.sock;
	char line[JSON_ROW_MAX], advice[512];
	struct json j = { .at = line, .end = line + sizeof(line) };

	JSON_LITERAL(&j, "{\"verdict\":\"");
	json_word(&j, stall_name(row->verdict.stall));
	json_number(&j, "\",\"count\":", row->count);
	json_number(&j, ",\"oldest_ns\":", row->verdict.age_ms * 1000000ULL);
	if (row->verdict.lower)
		JSON_LITERAL(&j, ",\"oldest_lower_bound\":true");
	if (row->over)
		JSON_LITERAL(&j, ",\"over\":true");
	if (s->owner.source) {
		json_number(&j, ",\"process\":{\"pid\":", s->owner.pid);
		JSON_LITERAL(&j, ",\"name\":");
		json_string(&j, s->owner.comm, EV_COMM_LEN);
		JSON_LITERAL(&j, "}");
	}
	json_number(&j, ",\"netns\":", s->netns);
	JSON_LITERAL(&j, ",\"role\":\"");
	json_word(&j, row->server ? "server" : "client");
	JSON_LITERAL(&j, "\",\"state\":\"");
	json_word(&j, name_state_otel(s->state));
	JSON_LITERAL(&j, "\"");
	json_end(&j, ",\"local\":{\"address\":", s, true, row->many_local);
	if (!row->many_peers)
		json_end(&j, ",\"peer\":{\"address\":", s, false, false);
	JSON_LITERAL(&j, ",\"oldest_cookie\":\"");
	json_hex(&j, s->cookie);
	JSON_LITERAL(&j, "\"");
	stall_json(&j, row);
	JSON_LITERAL(&j, ",\"try\":");
	stall_rows_advice(row, advice, sizeof(advice));
	json_string(&j, (const uint8_t *)advice, sizeof(advice));
	JSON_LITERAL(&j, "}\n");
	json_row_put(&j, line, stdout);
}

static int show(void *ctx, const struct stall_sample *v)
{
	(void)ctx;
	if (strcmp(v->options->output, "json"))
		text(v);
	else
		for (size_t i = 0; i < v->rows.rows_len; i++)
			row_json(&v->rows.rows[i]);
	return fflush(stdout) || ferror(stdout) ? (errno == EPIPE ? -EPIPE : -EIO) : 0;
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "tcptrail: %s: %s\n", what, strerror(-err));
	return EXIT_RUNTIME;
}

/* From one look to the next; single connections do not grow. 0 or -errno. */
static int look(struct stall_sample *v, struct stall_track *track)
{
	int err = stall_sample_look(v);

	if (err || v->options->each)
		return err;
	return stall_track_look(track, v->rows.rows, v->rows.rows_len, monotonic_ns(), NULL, NULL) ?
	       0 : -ENOMEM;
}

static int rounds(struct stall_sample *v, struct stall_track *track,
		  const volatile sig_atomic_t *stop)
{
	const struct options *o = v->options;
	uint64_t left = o->count ? o->count : o->interval_ns ? UINT64_MAX : 1;
	struct timespec nap = { o->interval_ns / SECOND_NS, o->interval_ns % SECOND_NS };
	int err;

	while (left-- && !*stop) {
		err = look(v, track);
		if (err)
			return fail("cannot walk the connections", err);
		err = show(NULL, v);
		if (err == -EPIPE)
			return EXIT_OK;
		if (err) {
			fprintf(stderr, "tcptrail: cannot write: %s\n", strerror(errno));
			return EXIT_OUTPUT;
		}
		if (left && !*stop)
			nanosleep(&nap, NULL);	/* a signal ends it */
	}
	return EXIT_OK;
}

int stalls_run(const struct options *o, const volatile sig_atomic_t *stop)
{
	struct loader_options lo = { .ring_size = 1 << 16, .sockets = 256, .only_stalls = true };
	struct loader_failure why;
	struct stall_sample v = { .options = o };
	struct stall_track *track;
	int code;

	if (o->read_len)
		return stall_replay_run(o, stop, show);
	v.loader = loader_open(&lo, ignore, NULL, &why);
	if (!v.loader) {
		fprintf(stderr, "tcptrail: %s\n", why.what);
		return why.exit_code;
	}
	track = stall_track_open();
	code = track ? rounds(&v, track, stop) : fail("cannot begin", -ENOMEM);
	stall_track_close(track);
	loader_close(v.loader);
	stall_sample_close(&v);
	return code;
}
