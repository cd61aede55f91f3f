// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "format.h"
#include "loader.h"
#include "pipeline.h"

/* Without wake-ups for each record this is how late a line is at most, and what
 * an idle machine pays: 50 short looks a second. */
#define TURN_MS		20
/* How long a reader that is behind gets after a signal. */
#define GRACE_MS	2000

struct trace {
	const struct options *options;
	const volatile sig_atomic_t *stop;
	struct output *out;
	const struct sink_ops *ops;
	struct sink *sink;
	struct pipeline *pipeline;
	struct loader *loader;
	char host[65];
	char id[17];
	int epoll;
};

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Distinguishes this stream from the one before a restart. */
static void name_stream(struct trace *t)
{
	uint32_t n = 0;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = monotonic_ns() ^ getpid();
	snprintf(t->id, sizeof(t->id), "%08x", n);
	if (gethostname(t->host, sizeof(t->host) - 1))
		t->host[0] = '\0';
}

static uint32_t terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

static bool open_sink(struct trace *t)
{
	const struct options *o = t->options;
	struct sink_options so = {
		.colour = options_colour(o, isatty(STDOUT_FILENO), getenv("NO_COLOR"), getenv("TERM")),
		.utc = o->utc,
		.width = terminal_width(),
		.host_name = t->host[0] ? t->host : NULL,
		.ephemeral_id = t->id,
	};

	t->out = output_open(STDOUT_FILENO, t->stop, GRACE_MS);
	t->ops = sink_by_name(o->output);
	if (t->out && t->ops)
		t->sink = t->ops->open(t->out, &so);
	return t->sink;
}

/* A person at a terminal who asked for nothing in particular. */
static bool budgeted(const struct options *o)
{
	char unused[OPTIONS_FILTER_LEN];

	return isatty(STDOUT_FILENO) && !o->all && o->events == EVENTS_DEFAULT &&
	       !strcmp(o->output, "text") && !options_filter_text(o, unused);
}

static struct loader_options loader_options(const struct options *o)
{
	static const enum tier tiers[] = {
		[PROBE_AUTO] = TIER_AUTO, [PROBE_FENTRY] = TIER_FENTRY,
		[PROBE_KPROBE] = TIER_KPROBE, [PROBE_TRACEPOINT] = TIER_TRACEPOINT,
	};

	return (struct loader_options){
		.tier = tiers[o->probe],
		.no_syscalls = !o->syscalls,
		.ring_size = o->ring_size,
		.sockets = o->sockets,
		.filter = o->filter,
		.state = o->events & (EVENTS_STATE | EVENTS_FAILED),
		.retransmit = o->events & (EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT),
		.data_retransmit = o->events & EVENTS_DATA_RETRANSMIT,
		.reset = o->events & EVENTS_RESET,
		.error = o->events & EVENTS_ERROR,
		.accept = o->events & EVENTS_ACCEPT,
		.accept_over_ns = o->accept_over_ns,
		.drop = o->events & (EVENTS_DROP | EVENTS_SYNCOOKIE),
		.listeners = o->events & EVENTS_DROP,
	};
}

/* The ring, edge-triggered: it tells when a quarter is full, and does not keep
 * us awake for each record. The output, for its reader's end (a file has none:
 * epoll refuses it). */
static bool watch(struct trace *t)
{
	struct epoll_event ring = { .events = EPOLLIN | EPOLLET };
	struct epoll_event out = { .events = 0, .data.u32 = 1 };

	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll < 0 || epoll_ctl(t->epoll, EPOLL_CTL_ADD, loader_fd(t->loader), &ring))
		return false;
	epoll_ctl(t->epoll, EPOLL_CTL_ADD, STDOUT_FILENO, &out);
	return true;
}

static bool reader_gone(const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 == 1 && events[i].events & (EPOLLERR | EPOLLHUP))
			return true;
	return false;
}

/* Until a signal, the end of -c or --duration, or the reader's. */
static void run(struct trace *t)
{
	uint64_t end = t->options->duration_ns ? monotonic_ns() + t->options->duration_ns : 0;
	struct epoll_event events[2];

	while (!*t->stop) {
		uint64_t now = monotonic_ns();
		int wait = TURN_MS, n;

		if (end && now >= end)
			break;
		if (end && end - now < TURN_MS * 1000000ULL)
			wait = (end - now) / 1000000 + 1;
		n = epoll_wait(t->epoll, events, 2, wait);
		if (reader_gone(events, n))
			break;
		pipeline_turn(t->pipeline);
		if (pipeline_done(t->pipeline) || output_error(t->out))
			break;
	}
}

static void summary(struct trace *t)
{
	struct stream_totals s;
	uint64_t uptime;
	char n[4][32], time[16];

	pipeline_totals(t->pipeline, &s, &uptime);
	fprintf(stderr, "tcptrail: %s records in %s, %s lost", format_count(s.printed, n[0], 32),
		format_duration(uptime, time, sizeof(time)), format_count(s.lost, n[1], 32));
	if (s.lost)
		fprintf(stderr, " (ring buffer %llu, missed %llu, output %llu, malformed %llu)",
			(unsigned long long)s.lost_ring, (unsigned long long)s.lost_missed,
			(unsigned long long)s.lost_output, (unsigned long long)s.lost_malformed);
	if (s.held_back)
		fprintf(stderr, ", %s in sums", format_count(s.held_back, n[2], 32));
	if (s.poorer)
		fprintf(stderr, ", %s with less", format_count(s.poorer, n[3], 32));
	fputc('\n', stderr);
}

/* How it ended: a reader that has enough is no failure. */
static int exit_code(struct trace *t)
{
	int err = output_error(t->out);

	if (!err || err == -EPIPE)
		return EXIT_OK;
	if (err == -ETIMEDOUT) {
		fprintf(stderr, "tcptrail: the reader of the output did not take the rest\n");
		return EXIT_OK;
	}
	fprintf(stderr, "tcptrail: cannot write the output: %s\n", strerror(-err));
	return EXIT_OUTPUT;
}

static void close_all(struct trace *t)
{
	pipeline_close(t->pipeline);
	loader_close(t->loader);
	if (t->sink)
		t->ops->close(t->sink);
	if (t->out)
		output_close(t->out);
	if (t->epoll >= 0)
		close(t->epoll);
}

static int give_up(struct trace *t, const char *what, int code)
{
	fprintf(stderr, "tcptrail: %s\n", what);
	close_all(t);
	return code;
}

int trace_run(const struct options *o, const volatile sig_atomic_t *stop)
{
	struct trace t = { .options = o, .stop = stop, .epoll = -1 };
	struct loader_options lo = loader_options(o);
	struct loader_failure why;
	int code;

	name_stream(&t);
	if (!open_sink(&t))
		return give_up(&t, strerror(ENOMEM), EXIT_RUNTIME);
	t.pipeline = pipeline_open(o, t.out, t.ops, t.sink, budgeted(o));
	if (!t.pipeline)
		return give_up(&t, strerror(ENOMEM), EXIT_RUNTIME);
	t.loader = loader_open(&lo, pipeline_take, t.pipeline, &why);
	if (!t.loader)
		return give_up(&t, why.what, why.exit_code);
	if (!pipeline_attach(t.pipeline, t.loader) || !watch(&t))
		return give_up(&t, strerror(errno), EXIT_RUNTIME);
	pipeline_start(t.pipeline);
	run(&t);
	pipeline_stop(t.pipeline);
	loader_detach(t.loader);
	pipeline_finish(t.pipeline);
	code = exit_code(&t);
	if (!o->quiet)
		summary(&t);
	close_all(&t);
	return code;
}
