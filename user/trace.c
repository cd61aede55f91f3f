// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "format.h"
#include "loader.h"
#include "monotonic.h"
#include "notify.h"
#include "pipeline.h"
#include "privilege.h"
#include "recorder.h"
#include "replay.h"

/* Without wake-ups for each record this is how late a line is at most, and what
 * an idle machine pays: 50 short looks a second. */
#define TURN_MS		20
/* After the end of the command: its FINs are still on their way. */
#define LINGER_NS	1000000000ULL
/* How long a reader that is behind gets after a signal. */
#define GRACE_MS	2000

struct trace {
	const struct options *options;
	const volatile sig_atomic_t *stop;
	volatile sig_atomic_t *reopen;	/* --output-file was renamed */
	struct output *out;
	const struct sink_ops *ops;
	struct sink *sink;
	struct recorder *recorder;	/* NULL: none */
	struct pipeline *pipeline;
	struct loader *loader;
	struct command_run command;
	struct notify notify;
	uint64_t last_ns;	/* CLOCK_MONOTONIC: the end, after the command's; 0: not yet */
	char host[65];
	char id[17];
	int epoll;
};

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

static uint32_t terminal_width(int fd)
{
	struct winsize size;

	if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

static bool open_output(struct trace *t)
{
	const char *file = t->options->output_file;

	t->out = file ? output_open_file(file, t->stop, GRACE_MS) :
			output_open(STDOUT_FILENO, t->stop, GRACE_MS);
	if (!t->out)
		fprintf(stderr, "tcptrail: cannot open %.256s: %s\n", file ? file : "the output", strerror(errno));
	return t->out;
}

static struct sink_options sink_options(const struct trace *t)
{
	const struct options *o = t->options;
	int fd = output_fd(t->out);

	return (struct sink_options){
		.colour = options_colour(o, isatty(fd), getenv("NO_COLOR"), getenv("TERM")),
		.utc = o->utc,
		.width = terminal_width(fd),
		.host_name = t->host[0] ? t->host : NULL,
		.ephemeral_id = t->id,
	};
}

static bool open_sink(struct trace *t)
{
	const struct options *o = t->options;
	struct sink_options so = sink_options(t);

	t->ops = sink_by_name(o->output);
	if (t->ops)
		t->sink = t->ops->open(t->out, &so);
	return t->sink;
}

/* It was renamed. One that cannot be made must not end the trace: what is told
 * until the next try goes to the old one. */
static void reopen_output(struct trace *t)
{
	const char *file = t->options->output_file;
	int err;

	*t->reopen = 0;
	err = output_reopen(t->out, file);
	if (err)
		fprintf(stderr, "tcptrail: cannot open %.256s anew, goes on in the old file: %s\n", file,
			strerror(-err));
}

/* false: said why not. */
static bool open_recorder(struct trace *t)
{
	const struct options *o = t->options;
	struct rec_file_options fo = { .path = o->write, .size = o->rotate_size,
				       .count = o->rotate_count, .stop = t->stop,
				       .grace_ms = GRACE_MS };
	char why[384] = "";

	if (!o->write)
		return true;
	t->recorder = recorder_open(&fo, why, sizeof(why));
	if (!t->recorder)
		fprintf(stderr, "tcptrail: %s\n", why[0] ? why : strerror(ENOMEM));
	return t->recorder;
}

/* A person at a terminal who asked for nothing in particular. */
static bool budgeted(const struct options *o, int fd)
{
	char unused[OPTIONS_FILTER_LEN];

	return isatty(fd) && !o->all && o->events == EVENTS_DEFAULT &&
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
		.prefixes = &o->prefixes,
		.state = o->made & EVENTS_STATE,
		.connection = o->made & (EVENTS_CONNECTION | EVENTS_FAILED),
		.only_failed = o->made & EVENTS_FAILED,
		.retransmit = o->made & (EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT),
		.data_retransmit = o->made & EVENTS_DATA_RETRANSMIT,
		.reset = o->made & EVENTS_RESET,
		.error = o->made & EVENTS_ERROR,
		.accept = o->made & EVENTS_ACCEPT,
		.accept_over_ns = o->metrics_file || o->write ? 0 : o->accept_over_ns,
		.limit = o->made & EVENTS_LIMIT,
		.drop = o->made & (EVENTS_DROP | EVENTS_SYNCOOKIE),
		.listeners = o->made & EVENTS_DROP || o->write,
		.stalls = o->made & EVENTS_STALL,
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
	epoll_ctl(t->epoll, EPOLL_CTL_ADD, output_fd(t->out), &out);
	return true;
}

static bool reader_gone(const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 == 1 && events[i].events & (EPOLLERR | EPOLLHUP))
			return true;
	return false;
}

static bool command_over(struct trace *t, uint64_t now)
{
	if (!t->last_ns && command_ended(&t->command))
		t->last_ns = now + LINGER_NS;
	return t->last_ns && now >= t->last_ns;
}

static const char *status(struct trace *t, char *buf, size_t len)
{
	struct stream_totals s;
	char printed[32], lost[32];
	uint64_t uptime;

	pipeline_totals(t->pipeline, &s, &uptime);
	snprintf(buf, len, "%s records, %s lost", format_count(s.printed, printed, sizeof(printed)),
		 format_count(s.lost, lost, sizeof(lost)));
	return buf;
}

/* Kinds of which hooks tell everything, but for what pipeline_enters_netns() says. Of a
 * limit the range of ports is read where it is. */
#define HOOKED (EVENTS_STATE | EVENTS_CONNECTION | EVENTS_FAILED | EVENTS_SYN_RETRANSMIT | \
		EVENTS_DATA_RETRANSMIT | EVENTS_RESET | EVENTS_ERROR | EVENTS_DROP | \
		EVENTS_SYNCOOKIE | EVENTS_ACCEPT | EVENTS_SUMMARY)

/* A process that parses what strangers named has no use for root's power. */
static void give_up_privileges(struct trace *t)
{
	const struct options *o = t->options;
	struct privilege_needs needs = {
		.cgroups = true,
		.namespaces = pipeline_enters_netns(t->pipeline) || o->made & ~HOOKED,
		.files = o->output_file || o->metrics_file || o->write,
	};
	int err;

	if (!o->quiet)
		privilege_lacking(&needs, stderr);
	err = privilege_keep(&needs, false);
	needs.bpf = !loader_readable(t->loader);
	if (!err)
		err = privilege_keep(&needs, true);
	if (err)
		fprintf(stderr, "tcptrail: goes on with all its capabilities: %s\n", strerror(-err));
}

/* Until a signal, the end of -c or --duration, or the reader's. */
static void run(struct trace *t)
{
	uint64_t end = t->options->duration_ns ? monotonic_ns() + t->options->duration_ns : 0;
	struct epoll_event events[2];
	char text[80];

	while (!*t->stop) {
		uint64_t now = monotonic_ns();
		int wait = TURN_MS, n;

		if ((end && now >= end) || command_over(t, now))
			break;
		if (end && end - now < TURN_MS * 1000000ULL)
			wait = (end - now) / 1000000 + 1;
		n = epoll_wait(t->epoll, events, 2, wait);
		if (reader_gone(events, n))
			break;
		if (*t->reopen)
			reopen_output(t);
		pipeline_turn(t->pipeline);
		if (notify_due(&t->notify, now))
			notify_alive(&t->notify, status(t, text, sizeof(text)));
		if (pipeline_done(t->pipeline) || output_error(t->out) ||
		    (t->recorder && recorder_error(t->recorder)))
			break;
	}
}

static void say_status(const struct command_run *c, const char *name)
{
	if (!c->pid || !c->ended)
		return;
	if (WIFSIGNALED(c->status))
		fprintf(stderr, "tcptrail: '%.64s' was ended by signal %d\n", name,
			WTERMSIG(c->status));
	else if (WEXITSTATUS(c->status))
		fprintf(stderr, "tcptrail: '%.64s' ended with exit code %d\n", name,
			WEXITSTATUS(c->status));
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
static int code_of(int err, const char *what)
{
	if (!err || err == -EPIPE)
		return EXIT_OK;
	if (err == -ETIMEDOUT) {
		fprintf(stderr, "tcptrail: the reader of %.256s did not take the rest\n", what);
		return EXIT_OK;
	}
	fprintf(stderr, "tcptrail: cannot write %.256s: %s\n", what, strerror(-err));
	return EXIT_OUTPUT;
}

static int exit_code(struct trace *t)
{
	int code = code_of(output_error(t->out), "the output");

	if (!t->recorder)
		return code;
	return code_of(recorder_error(t->recorder), t->options->write) ? EXIT_OUTPUT : code;
}

static void close_all(struct trace *t)
{
	pipeline_close(t->pipeline);
	loader_close(t->loader);
	if (t->sink)
		t->ops->close(t->sink);
	recorder_close(t->recorder);
	if (t->out)
		output_close(t->out);
	if (t->epoll >= 0)
		close(t->epoll);
	notify_close(&t->notify);
}

static int give_up(struct trace *t, const char *what, int code)
{
	fprintf(stderr, "tcptrail: %s\n", what);
	close_all(t);
	return code;
}

/* 0 or -errno. */
static int run_command(struct trace *t)
{
	int err = command_start(&t->command, t->options->argv);

	if (err)
		return err;
	err = loader_follow(t->loader, t->command.pid);
	if (!err)
		return command_release(&t->command);
	command_close(&t->command);
	return err;
}

static int give_up_file(struct trace *t, const char *file, int err)
{
	char what[512];

	snprintf(what, sizeof(what), "cannot write %.256s: %s", file, strerror(-err));
	return give_up(t, what, EXIT_OUTPUT);
}

static int give_up_command(struct trace *t, int err)
{
	char what[192];

	snprintf(what, sizeof(what), "cannot run '%.128s': %s", t->options->argv[0], strerror(-err));
	return give_up(t, what, EXIT_RUNTIME);
}

static int replay(struct trace *t)
{
	struct sink_options so = sink_options(t);
	int code = replay_run(t->options, t->stop, t->out, &so), written = exit_code(t);

	close_all(t);
	return written ? written : code;
}

int trace_run(const struct options *o, const volatile sig_atomic_t *stop,
	      volatile sig_atomic_t *reopen)
{
	struct trace t = { .options = o, .stop = stop, .reopen = reopen, .epoll = -1 };
	struct loader_options lo = loader_options(o);
	struct loader_failure why;
	int code;

	name_stream(&t);
	notify_open(&t.notify);
	if (!open_output(&t))
		return EXIT_OUTPUT;
	if (o->read_len)
		return replay(&t);
	if (!open_sink(&t))
		return give_up(&t, strerror(ENOMEM), EXIT_RUNTIME);
	if (!open_recorder(&t)) {
		close_all(&t);
		return EXIT_OUTPUT;
	}
	t.pipeline = pipeline_open(o, t.out, t.ops, t.sink, t.recorder,
				   budgeted(o, output_fd(t.out)));
	if (!t.pipeline)
		return give_up(&t, strerror(ENOMEM), EXIT_RUNTIME);
	t.loader = loader_open(&lo, pipeline_take, t.pipeline, &why);
	if (!t.loader)
		return give_up(&t, why.what, why.exit_code);
	if (!pipeline_attach(t.pipeline, t.loader) || !watch(&t))
		return give_up(&t, strerror(errno), EXIT_RUNTIME);
	if (t.recorder)
		pipeline_record(t.pipeline, strtoul(t.id, NULL, 16), t.host[0] ? t.host : NULL);
	code = pipeline_start(t.pipeline);
	if (code)
		return give_up_file(&t, o->metrics_file, code);
	code = o->argv ? run_command(&t) : 0;
	if (code)
		return give_up_command(&t, code);
	give_up_privileges(&t);
	notify_ready(&t.notify, "tracing");
	run(&t);
	notify_stopping(&t.notify);
	pipeline_stop(t.pipeline);
	loader_detach(t.loader);
	pipeline_finish(t.pipeline);
	code = exit_code(&t);
	if (o->argv)
		say_status(&t.command, o->argv[0]);
	/* Who reads no more has enough: what it did not take is no loss to report. */
	if (!o->quiet && output_error(t.out) != -EPIPE)
		summary(&t);
	close_all(&t);
	return code;
}
