// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limits_view.c - prints limits against their use: those in trouble, or all.
 */
#include "limits_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "json.h"
#include "json_row.h"
#include "limit_calls.h"
#include "limit_replay.h"
#include "limit_sources.h"
#include "listen_replay.h"
#include "loader.h"
#include "monotonic.h"
#include "names.h"
#include "rec_walk.h"
#include "select.h"

#define SECOND_NS	1000000000ULL

/* What failed, in a second; of a recording (ns 0) in all. */
static uint64_t rate(uint64_t failed, uint64_t ns)
{
	return ns ? (failed * (double)SECOND_NS + ns / 2) / ns : failed;
}

static const char *number_or(uint64_t n, const char *other, char *buf, size_t len)
{
	return n == UINT64_MAX ? other : format_count(n, buf, len);
}

/* What a new socket gets, what it may ask for, and what of it the peer can send. */
static void sizes_text(const struct limit_row *row)
{
	char n[3][32];

	printf("  begins with %s", format_bytes(row->sizes.first, n[0], sizeof(n[0])));
	if (row->sizes.option)
		printf(", %s up to %s (twice that counts)", row->kind == LIMIT_RECV_BUFFER ?
		       "SO_RCVBUF" : "SO_SNDBUF", format_bytes(row->sizes.option, n[1], sizeof(n[1])));
	if (row->kind == LIMIT_RECV_BUFFER)
		printf("; the window is at most about %s: half is overhead",
		       format_bytes(row->max / 2, n[2], sizeof(n[2])));
	putchar('\n');
}

/* "RLIMIT_NOFILE soft (hard 524,288)": above the hard one it needs another action. */
static const char *set_by_text(const struct limit_row *row, char *buf, size_t len)
{
	char hard[32];

	if (row->kind != LIMIT_OPEN_FILES || !row->has_hard)
		return limit_set_by(row);
	snprintf(buf, len, "%s (hard %s)", limit_set_by(row),
		 number_or(row->hard, "unlimited", hard, sizeof(hard)));
	return buf;
}

static void row_text(const struct limit_row *row, uint64_t ns)
{
	char use[32], max[32], failed[32] = "-", of[32] = "", advice[256], set_by[96];

	if (row->has_failed)
		format_count(rate(row->failed, ns), failed, sizeof(failed));
	if (row->time_wait)
		snprintf(of, sizeof(of), "  (%u TIME-WAIT)", row->time_wait);
	printf("%-12s %-44s %12s %12s %4u%% %8s  %-28s %s%s\n", limit_name(row->kind), row->scope,
	       number_or(row->use, "?", use, sizeof(use)),
	       number_or(row->max, row->use == UINT64_MAX ? "?" : "unlimited", max, sizeof(max)),
	       limit_percent(row), failed, set_by_text(row, set_by, sizeof(set_by)),
	       *row->user ? row->user : "-", of);
	if (row->kind == LIMIT_RECV_BUFFER || row->kind == LIMIT_SEND_BUFFER)
		sizes_text(row);
	if (*limit_advice(row, advice, sizeof(advice)))
		printf("  try: %s\n", advice);
}

static void text(const struct options *o, const struct limit_rows *rows, uint64_t ns)
{
	size_t hidden = 0;

	if (!o->quiet)
		printf("%-12s %-44s %12s %12s %5s %8s  %-28s MOST USED BY\n", "LIMIT", "SCOPE", "USE",
		       "MAX", "USED", ns ? "FAILED/s" : "FAILED", "SET BY");
	for (size_t i = 0; i < rows->len; i++) {
		if (o->all || limit_in_trouble(&rows->all[i]))
			row_text(&rows->all[i], ns);
		else
			hidden++;
	}
	if (!o->quiet && !ns)
		printf("Of a recording: calls that failed, queues of listeners at their fullest; "
		       "what was near its end without either is not in it.\n");
	if (!o->quiet && hidden)
		printf("%zu more below %u%%: --all. Queues of listeners: tcptrail listeners\n", hidden,
		       LIMIT_SHOWN_PERCENT);
}

static void string(struct json *j, const char *name, const char *value)
{
	json_word(j, name);
	json_string(j, (const uint8_t *)value, 256);
}

/* As `max` it is left out where there is none, and where it is not known. */
static void rlimit_json(struct json *j, const struct limit_row *row)
{
	if (row->max != UINT64_MAX)
		json_number(j, ",\"soft\":", row->max);
	if (row->has_hard && row->hard != UINT64_MAX)
		json_number(j, ",\"hard\":", row->hard);
}

static void row_json(const struct limit_row *row, uint64_t ns)
{
	char line[JSON_ROW_MAX], advice[256], error[24];
	struct json j = { .at = line, .end = line + sizeof(line) };

	string(&j, "{\"limit\":", limit_name(row->kind));
	string(&j, ",\"scope\":", row->scope);
	if (row->use != UINT64_MAX)
		json_number(&j, ",\"use\":", row->use);
	if (row->max != UINT64_MAX)
		json_number(&j, ",\"max\":", row->max);
	if (row->kind == LIMIT_OPEN_FILES)
		rlimit_json(&j, row);
	json_number(&j, ",\"percent\":", limit_percent(row));
	if (row->has_failed)
		json_number(&j, ",\"failed\":", row->failed);
	if (row->has_failed && ns)
		json_number(&j, ",\"failed_per_s\":", rate(row->failed, ns));
	if (row->call) {
		string(&j, ",\"call\":", name_limit_call(row->call));
		string(&j, ",\"errno\":", name_errno(row->err, error, sizeof(error)));
	}
	if (row->kind == LIMIT_RECV_BUFFER || row->kind == LIMIT_SEND_BUFFER) {
		json_number(&j, ",\"initial\":", row->sizes.first);
		if (row->sizes.option)
			json_number(&j, ",\"option_max\":", row->sizes.option);
		if (row->locked)
			JSON_LITERAL(&j, ",\"locked\":true");
		else
			JSON_LITERAL(&j, ",\"locked\":false");
	}
	if (row->kind == LIMIT_SYN_QUEUE)
		json_number(&j, ",\"syncookies\":", row->syncookies);
	if (row->kind == LIMIT_RECV_BUFFER)
		json_number(&j, ",\"window_at_most\":", row->max / 2);
	if (*row->user)
		string(&j, ",\"most_used_by\":", row->user);
	string(&j, ",\"set_by\":", limit_set_by(row));
	if (row->pid)
		json_number(&j, ",\"pid\":", row->pid);
	if (row->netns)
		json_number(&j, ",\"netns\":", row->netns);
	if (row->kind == LIMIT_LOCAL_PORTS)
		json_number(&j, ",\"time_wait\":", row->time_wait);
	if (*limit_advice(row, advice, sizeof(advice)))
		string(&j, ",\"try\":", advice);
	JSON_LITERAL(&j, "}\n");
	json_row_put(&j, line, stdout);
}

static int show(const struct options *o, const struct limit_rows *rows, uint64_t ns)
{
	if (strcmp(o->output, "json"))
		text(o, rows, ns);
	else
		for (size_t i = 0; i < rows->len; i++)
			if (o->all || limit_in_trouble(&rows->all[i]))
				row_json(&rows->all[i], ns);
	return fflush(stdout) || ferror(stdout) ? (errno == EPIPE ? -EPIPE : -EIO) : 0;
}

struct view {
	struct limit_rows rows;
	struct limit_calls *calls;
	bool all;
	struct loader *loader;		/* NULL: calls that fail are not seen */
	uint64_t took_ns;		/* the sample */
};

static void select_rows(const struct options *o, struct limit_rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->len; i++)
		if (select_limit(o, &rows->all[i]))
			rows->all[n++] = rows->all[i];
	rows->len = n;
}

/* One sample of a second: what failed in it is known at its end. */
static int sample(struct view *v, uint64_t ns)
{
	struct timespec nap = { ns / SECOND_NS, ns % SECOND_NS };
	struct limit_namespaces n = { 0 };
	int err = limit_namespaces_open(&n);
	uint64_t begun = monotonic_ns();

	v->rows.len = 0;
	if (v->loader)
		limit_calls_begin(v->calls, v->loader, begun);
	if (!err) {
		nanosleep(&nap, NULL);	/* a signal ends it */
		v->took_ns = monotonic_ns() - begun;
		if (v->loader)
			limit_calls_end(v->calls, v->loader, monotonic_ns());
		if (!limit_take_files(&v->rows) || !limit_take_network(&v->rows, &n, v->all) ||
		    (v->loader && (!limit_calls_join(v->calls, &v->rows) ||
				   !limit_take_buffers(&v->rows, &n, v->loader))))
			err = -ENOMEM;
	}
	limit_namespaces_close(&n);
	limit_rows_sort(&v->rows);
	return err;
}

static int rounds(const struct options *o, struct view *v, const volatile sig_atomic_t *stop)
{
	uint64_t left = o->count ? o->count : o->interval_ns ? UINT64_MAX : 1;
	uint64_t ns = o->interval_ns ? o->interval_ns : SECOND_NS;

	while (left-- && !*stop) {
		int err = sample(v, ns);

		select_rows(o, &v->rows);
		if (err) {
			fprintf(stderr, "tcptrail: cannot read the limits: %s\n", strerror(-err));
			return EXIT_RUNTIME;
		}
		err = show(o, &v->rows, v->took_ns);
		if (err == -EPIPE)
			return EXIT_OK;
		if (err) {
			fprintf(stderr, "tcptrail: cannot write: %s\n", strerror(errno));
			return EXIT_OUTPUT;
		}
	}
	return EXIT_OK;
}

static int live(const struct options *o, const volatile sig_atomic_t *stop)
{
	struct loader_options lo = { .ring_size = 1 << 16, .sockets = 256, .limit = true, .buffers = true,
				     .only_limits = true };
	struct view v = { .calls = limit_calls_open(true), .all = o->all };
	struct loader_failure why;
	int code;

	if (!v.calls) {
		fprintf(stderr, "tcptrail: %s\n", strerror(ENOMEM));
		return EXIT_RUNTIME;
	}
	v.loader = loader_open(&lo, limit_calls_take, v.calls, &why);
	if (!v.loader && !o->quiet)
		fprintf(stderr, "tcptrail: calls that fail, buffers, SYN queues and who listens are not seen: %s\n", why.what);
	code = rounds(o, &v, stop);
	limit_rows_free(&v.rows);
	loader_close(v.loader);
	limit_calls_close(v.calls);
	return code;
}

static int take_queues(void *ctx, struct listen_sample *s, uint64_t ns)
{
	(void)ns;
	return limit_replay_queues(ctx, &s->rows) ? 0 : -ENOMEM;
}

/* An exit code. */
static int show_recorded(const struct rec_walk *walk, struct listen_replay *queues,
			 struct limit_replay *limits)
{
	const struct options *o = walk->options;
	const struct limit_rows *rows = NULL;
	int err = listen_replay_end(queues);

	if (!err)
		rows = limit_replay_end(limits);
	if (!rows) {
		fprintf(stderr, "tcptrail: %s\n", strerror(ENOMEM));
		return EXIT_RUNTIME;
	}
	if (walk->kinds && !(walk->kinds & EVENTS_LIMIT))
		fprintf(stderr, "tcptrail: it was recorded without the kind limit: calls that failed at one "
			"are not in it\n");
	err = show(o, rows, 0);
	if (!err || err == -EPIPE)
		return walk->damaged ? EXIT_RUNTIME : EXIT_OK;
	fprintf(stderr, "tcptrail: cannot write: %s\n", strerror(errno));
	return EXIT_OUTPUT;
}

static int recorded(const struct options *o, const volatile sig_atomic_t *stop)
{
	struct rec_walk walk = { .options = o, .stop = stop };
	struct limit_replay *limits = limit_replay_open(&walk);
	struct listen_replay *queues = limits ? listen_replay_open(&walk, take_queues, limits) : NULL;
	int code = EXIT_RUNTIME;

	if (!queues)
		fprintf(stderr, "tcptrail: %s\n", strerror(ENOMEM));
	else
		code = rec_walk(&walk);
	if (queues && !code)
		code = show_recorded(&walk, queues, limits);
	listen_replay_close(queues);
	limit_replay_close(limits);
	return code;
}

int limits_run(const struct options *o, const volatile sig_atomic_t *stop)
{
	return o->read_len ? recorded(o, stop) : live(o, stop);
}
