// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "accept_rates.h"
#include "cgroup.h"
#include "failed_calls.h"
#include "format.h"
#include "queue.h"
#include "rec_codec.h"
#include "rec_parts.h"
#include "rec_reader.h"
#include "rec_run.h"
#include "replay_sums.h"
#include "stall_record.h"
#include "teller.h"

struct replay {
	const struct options *options;
	struct options left;		/* the same, `count` less what was told */
	const volatile sig_atomic_t *stop;
	struct output *out;
	const struct sink_ops *ops;
	struct sink_options so;
	struct replay_sums *sums;
	int sums_err;			/* of the file that they are written to */
	struct queue *queue;
	struct rec_position position;
	uint64_t since_ns, until_ns;
	uint64_t told, missing, damaged;

	/* the run that is being read */
	struct rec_run *run;		/* NULL: none yet */
	struct cgroups *cgroups;
	struct failed_calls *failed_calls;
	struct accept_rates *accept_rates;
	struct teller *teller;
	struct sink *sink;		/* NULL: its start is not told yet */
	char id[17];
	struct stream_totals totals;	/* the last that it told */
	uint64_t uptime_ns;
	uint64_t first_ns, last_ns;	/* CLOCK_REALTIME of its blocks */
	uint64_t run_missing;
};

static bool in_time(const struct replay *p, uint64_t wall_ns)
{
	return wall_ns >= p->since_ns && wall_ns < p->until_ns;
}

static void drain(struct replay *p)
{
	for (size_t i = 0; i < queue_len(p->queue); i++)
		teller_event(p->teller, queue_at(p->queue, i));
	queue_drop(p->queue, queue_len(p->queue));
}

/* Before a record of that time is told. */
static void tick(struct replay *p, uint64_t wall_ns)
{
	if (replay_sums_over(p->sums, wall_ns))
		drain(p);
	replay_sums_tick(p->sums, wall_ns, p->teller);
}

static void tell_stream(struct replay *p, enum record_kind kind, uint64_t wall_ns,
			const struct stream_totals *totals)
{
	struct record r = {
		.kind = kind, .count = 1, .totals = totals, .uptime_ns = p->uptime_ns,
		.wall_ns = wall_ns, .info = rec_run_info(p->run),
	};

	teller_stream(p->teller, &r);
}

static void close_run(struct replay *p)
{
	teller_close(p->teller);
	cgroup_close(p->cgroups);
	failed_calls_close(p->failed_calls);
	accept_rates_close(p->accept_rates);
	rec_run_close(p->run);
	if (p->sink)
		p->ops->close(p->sink);
	p->teller = NULL;
	p->cgroups = NULL;
	p->failed_calls = NULL;
	p->accept_rates = NULL;
	p->run = NULL;
	p->sink = NULL;
}

static bool begin_run(struct replay *p, const struct rec_block *b)
{
	uint32_t id = 0;

	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id))
		id = ~b->stream;
	snprintf(p->id, sizeof(p->id), "%08x", id);
	p->run = rec_run_open(b->stream);
	p->cgroups = cgroup_open_recorded();
	p->failed_calls = failed_calls_open(false);
	p->accept_rates = accept_rates_open(NULL, NULL);
	p->totals = (struct stream_totals){ 0 };
	p->uptime_ns = 0;
	p->run_missing = 0;
	p->first_ns = p->last_ns = b->wall_ns;
	return p->run && p->cgroups && p->failed_calls && p->accept_rates;
}

/* Its names are known by now, or will not be. */
static bool tell_start(struct replay *p)
{
	struct teller_options to = { .options = &p->left, .out = p->out, .ops = p->ops,
				     .cgroups = p->cgroups, .failed_calls = p->failed_calls,
				     .accept_rates = p->accept_rates };
	struct stream_totals none = { 0 };
	uint64_t began = rec_run_began(p->run);

	if (p->sink)
		return true;
	replay_sums_of(p->sums, &to);
	p->so.host_name = rec_run_host(p->run);
	p->so.ephemeral_id = p->id;
	p->sink = p->ops->open(p->out, &p->so);
	if (!p->sink)
		return false;
	to.sink = p->sink;
	if (p->options->count)
		p->left.count = p->options->count - p->told;
	p->teller = teller_open(&to);
	if (!p->teller)
		return false;
	teller_reasons(p->teller, rec_run_reason, p->run);
	replay_sums_begin(p->sums, rec_run_info(p->run),
			  began > p->since_ns ? began : p->since_ns);
	tell_stream(p, REC_START, began ? began : p->first_ns, &none);
	return true;
}

static void date_text(const struct replay *p, uint64_t ns, const char *format, char *buf, size_t len)
{
	time_t t = ns / 1000000000;
	struct tm tm;

	if (p->options->utc)
		gmtime_r(&t, &tm);
	else
		localtime_r(&t, &tm);
	if (!strftime(buf, len, format, &tm))
		*buf = '\0';
}

/* Lines have no date, and nothing may have been told. */
static void say_run(const struct replay *p, uint64_t told)
{
	const char *host = rec_run_host(p->run);
	char from[32], to[40], n[32];

	if (p->options->quiet)
		return;
	date_text(p, p->first_ns, "%Y-%m-%d %H:%M:%S", from, sizeof(from));
	date_text(p, p->last_ns, "%Y-%m-%d %H:%M:%S (%z)", to, sizeof(to));
	fprintf(stderr, "tcptrail: recorded on %s from %s to %s: %s records told\n",
		host ? host : "a host unknown", from, to, format_count(told, n, sizeof(n)));
}

/* What the run said last of itself, with what this reading did. */
static struct stream_totals totals_so_far(const struct replay *p)
{
	const struct stream_counts *counts = teller_counts(p->teller);
	struct stream_totals t = p->totals;

	t.printed = counts->printed;
	t.unknown_cause = counts->unknown_cause;
	t.filtered += counts->deselected;
	t.lost_output = output_lines_lost(p->out);
	t.lost_malformed += counts->malformed;
	t.lost_recording = p->run_missing;
	t.lost = t.lost_ring + t.lost_missed + t.lost_output + t.lost_malformed + t.lost_recording;
	return t;
}

static void end_run(struct replay *p)
{
	struct stream_totals totals;

	if (!p->run)
		return;
	if (p->sink && p->teller) {
		drain(p);
		replay_sums_end(p->sums, p->teller);
		totals = totals_so_far(p);
		if (!p->uptime_ns && p->last_ns > p->first_ns)
			p->uptime_ns = p->last_ns - p->first_ns;
		tell_stream(p, REC_STOP, p->last_ns, &totals);
		p->told += totals.printed;
		say_run(p, totals.printed);
		p->sums_err = replay_sums_write_last(p->sums, rec_run_info(p->run), &totals);
	}
	close_run(p);
}

/* One that cannot be written meanwhile must not end the reading. */
static void renew_sums(struct replay *p)
{
	struct stream_totals totals;

	if (!p->teller || !replay_sums_due(p->sums))
		return;
	totals = totals_so_far(p);
	replay_sums_write(p->sums, rec_run_info(p->run), &totals);
}

/* Today's size, whatever the writer's; false: nothing that is known here. */
static void take_event(struct replay *p, const struct ev_head *head)
{
	const struct wallclock *clock = teller_clock(p->teller);
	size_t size = queue_record_size(head->kind);
	struct ev_connection room = { 0 };	/* the largest */
	struct ev_state *e = &room.end;
	uint64_t wall_ns;

	if (!size)
		return;
	_Static_assert(sizeof(room) >= sizeof(struct ev_drop), "the largest");
	memcpy(&room, head, size < head->size ? size : head->size);
	e->head.size = size;
	/* Of the processes that the recorder followed, not of those asked for now. */
	e->sock.owner.followed = 0;
	wall_ns = wallclock_ns(clock, e->head.ts_ns, e->head.tai_ns);
	if (!in_time(p, wall_ns))
		return;
	tick(p, wall_ns);
	if (queue_full(p->queue))
		drain(p);
	if (!queue_push(p->queue, &room, size))
		teller_counts(p->teller)->malformed++;
}

static void take_sum(struct replay *p, const struct ev_head *head)
{
	struct rec_sum sum = { 0 };
	struct record r;

	drain(p);
	memcpy(&sum, head, head->size < sizeof(sum) ? head->size : sizeof(sum));
	rec_sum_record(&sum, &r);
	r.followed = false;
	if (!in_time(p, r.wall_ns))
		return;
	tick(p, r.wall_ns);
	teller_sum(p->teller, &r, sum.sock.cgroup, sum.kind == EV_RESET ? sum.reason : 0);
}

static void take_stall(struct replay *p, const struct ev_head *head)
{
	struct rec_stall stall = { 0 };
	struct stall_row row;
	struct record r;

	drain(p);
	memcpy(&stall, head, head->size < sizeof(stall) ? head->size : sizeof(stall));
	stall_record_from(&stall, &row, &r);
	r.followed = false;
	if (!in_time(p, r.wall_ns))
		return;
	tick(p, r.wall_ns);
	teller_sum(p->teller, &r, row.oldest.sock.cgroup, 0);
}

static void take_totals(struct replay *p, const struct ev_head *head)
{
	uint64_t numbers[REC_TOTALS_MEMBERS];
	struct stream_totals totals;
	struct rec_totals t = { 0 };
	size_t len;

	if (head->size < sizeof(t))
		return;
	memcpy(&t, head, sizeof(t));
	len = (head->size - sizeof(t)) / sizeof(numbers[0]);
	if (t.len < len)
		len = t.len;
	if (len > REC_TOTALS_MEMBERS)
		len = REC_TOTALS_MEMBERS;
	memcpy(numbers, (const uint8_t *)head + sizeof(t), len * sizeof(numbers[0]));
	rec_totals_of(numbers, len, &totals);
	drain(p);
	p->uptime_ns = t.uptime_ns;
	if (t.kind == REC_TOTALS_STOP)
		p->last_ns = t.wall_ns;
	if (t.kind == REC_TOTALS_STOP || t.kind == REC_TOTALS_HEARTBEAT)
		p->totals = totals;
	if (!in_time(p, t.wall_ns))
		return;
	tick(p, t.wall_ns);
	if (t.kind == REC_TOTALS_HEARTBEAT)
		tell_stream(p, REC_HEARTBEAT, t.wall_ns, &totals);
	else if (t.kind == REC_TOTALS_LOST)
		tell_stream(p, REC_LOST, t.wall_ns, &totals);
}

static void take_clock(struct replay *p, const struct ev_head *head)
{
	struct rec_clock c = { 0 };

	drain(p);
	memcpy(&c, head, head->size < sizeof(c) ? head->size : sizeof(c));
	*teller_clock(p->teller) = (struct wallclock){ c.realtime_offset_ns, c.tai_offset_ns };
}

static void take_limit(struct replay *p, const struct ev_head *head)
{
	struct rec_limit l = { 0 };

	drain(p);
	memcpy(&l, head, head->size < sizeof(l) ? head->size : sizeof(l));
	failed_calls_recorded(p->failed_calls, &l);
}

static void take_accepts(struct replay *p, const struct ev_head *head)
{
	struct rec_accepts a = { 0 };

	drain(p);
	memcpy(&a, head, head->size < sizeof(a) ? head->size : sizeof(a));
	accept_rates_recorded(p->accept_rates, &a);
}

static void take_name(struct replay *p, const struct ev_head *head)
{
	const char *text = (const char *)head + sizeof(struct rec_name);
	struct rec_name n;

	if (head->size < sizeof(n))
		return;
	memcpy(&n, head, sizeof(n));
	if (n.len > head->size - sizeof(n))
		return;
	if (n.table != REC_TABLE_CGROUP) {
		rec_run_name(p->run, n.table, n.key, text, n.len);
		return;
	}
	/* What came before it was told without. */
	if (p->teller)
		drain(p);
	cgroup_learn(p->cgroups, n.key, text, n.len);
}

static void set_clock(struct replay *p, const struct rec_block *b)
{
	*teller_clock(p->teller) = (struct wallclock){ b->realtime_offset_ns, b->tai_offset_ns };
}

/* false: no memory. */
static bool take_item(struct replay *p, const struct rec_block *b, const struct ev_head *head)
{
	struct rec_begin begin = { 0 };

	if (head->kind == REC_ITEM_NAME) {
		take_name(p, head);
		return true;
	}
	if (head->kind == REC_ITEM_BEGIN) {
		memcpy(&begin, head, head->size < sizeof(begin) ? head->size : sizeof(begin));
		rec_run_begin(p->run, begin.wall_ns);
	}
	if (!p->sink) {
		if (!tell_start(p))
			return false;
		set_clock(p, b);
	}
	if (head->kind == REC_ITEM_CLOCK)
		take_clock(p, head);
	else if (head->kind == REC_ITEM_LIMIT)
		take_limit(p, head);
	else if (head->kind == REC_ITEM_ACCEPTS)
		take_accepts(p, head);
	else if (head->kind == REC_ITEM_STALL)
		take_stall(p, head);
	else if (head->kind == REC_ITEM_SUM)
		take_sum(p, head);
	else if (head->kind == REC_ITEM_TOTALS)
		take_totals(p, head);
	else
		take_event(p, head);
	return true;
}

static bool tell_missing(struct replay *p, const struct rec_block *b, uint64_t n)
{
	struct stream_totals lost = { .lost = n, .lost_recording = n };

	if (!n)
		return true;
	p->missing += n;
	p->run_missing += n;
	if (!tell_start(p))
		return false;
	drain(p);
	if (in_time(p, b->wall_ns))
		tell_stream(p, REC_LOST, b->wall_ns, &lost);
	return true;
}

/* false: no memory. */
static bool take_block(struct replay *p, const struct rec_block *b, const uint8_t *items)
{
	const uint8_t *end = items + b->length;
	const struct ev_head *head;
	int64_t missing;

	if (p->run && p->position.stream != b->stream)
		end_run(p);
	missing = rec_position_take(&p->position, b);
	if (missing < 0)
		return true;
	if (!p->run && !begin_run(p, b))
		return false;
	p->last_ns = b->wall_ns;
	if (!tell_missing(p, b, missing))
		return false;
	if (p->teller)
		set_clock(p, b);
	while ((head = rec_item(&items, end)))
		if (!take_item(p, b, head))
			return false;
	if (p->teller) {
		drain(p);
		teller_counts(p->teller)->malformed += items != end;
	}
	return true;
}

static bool over(const struct replay *p)
{
	return *p->stop || output_error(p->out) || (p->teller && teller_done(p->teller));
}

/* An exit code. */
static int read_part(struct replay *p, struct rec_part *part)
{
	struct rec_reader *r = rec_reader_open(rec_parts_read, part);
	const uint8_t *items;
	struct rec_block b;
	int err = -ENOMEM;

	while (r && !over(p) && (err = rec_reader_next(r, &b, &items)) > 0) {
		if (!take_block(p, &b, items)) {
			err = -ENOMEM;
			break;
		}
		renew_sums(p);
		output_flush(p->out);
	}
	if (r)
		p->damaged += rec_parts_say_damage(part, rec_reader_damage(r));
	rec_reader_close(r);
	return err < 0 ? rec_parts_say_error(part, err) : EXIT_OK;
}

static void say_missing(const struct replay *p)
{
	char n[32];

	if (p->missing)
		fprintf(stderr, "tcptrail: %s records are missing in the recording\n",
			format_count(p->missing, n, sizeof(n)));
}

static int say_sums(const struct replay *p, int err)
{
	if (!err)
		return EXIT_OK;
	fprintf(stderr, "tcptrail: cannot write %.256s: %s\n", p->options->metrics_file, strerror(-err));
	return EXIT_OUTPUT;
}

static int read_parts(struct replay *p, struct rec_parts *parts)
{
	int code = EXIT_OK, written;

	if (!rec_parts_times(parts, p->options, &p->since_ns, &p->until_ns))
		return EXIT_USAGE;
	/* Before a long reading is in vain. */
	written = say_sums(p, replay_sums_write(p->sums, NULL, NULL));
	if (written)
		return written;
	for (size_t i = 0; i < parts->len && !code && !over(p); i++)
		code = read_part(p, &parts->parts[i]);
	end_run(p);
	output_flush(p->out);
	say_missing(p);
	written = say_sums(p, p->sums_err);
	if (written)
		return written;
	return code ? code : p->damaged || p->missing ? EXIT_RUNTIME : EXIT_OK;
}

int replay_run(const struct options *o, const volatile sig_atomic_t *stop, struct output *out,
	       const struct sink_options *so)
{
	struct replay p = { .options = o, .left = *o, .stop = stop, .out = out, .so = *so,
			    .ops = sink_by_name(o->output),
			    .queue = queue_open(), .sums = replay_sums_open(o) };
	struct rec_parts parts;
	char why[512];
	int code;

	if (!p.queue || !p.sums) {
		fprintf(stderr, "tcptrail: %s\n", strerror(ENOMEM));
		replay_sums_close(p.sums);
		queue_close(p.queue);
		return EXIT_RUNTIME;
	}
	code = rec_parts_open(&parts, o->read, o->read_len, why, sizeof(why));
	if (code)
		fprintf(stderr, "tcptrail: %s\n", why);
	else
		code = read_parts(&p, &parts);
	rec_parts_close(&parts);
	replay_sums_close(p.sums);
	queue_close(p.queue);
	return code;
}
