// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * option_rows.c - every option: in which commands, what its argument may be, what it
 * sets. The table is the one list of them: the parser, --help and the messages are made
 * from it.
 */
#include "option_rows.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "bpf/event.h"
#include "value.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define IN_TRACE (1u << COMMAND_TRACE)
#define IN_LISTENERS (1u << COMMAND_LISTENERS)
#define IN_STALLS (1u << COMMAND_STALLS)
#define IN_LIMITS (1u << COMMAND_LIMITS)
#define IN_CHECK (1u << COMMAND_CHECK)
#define IN_DOCTOR (1u << COMMAND_DOCTOR)
#define IN_SCHEMA (1u << COMMAND_SCHEMA)
#define IN_VIEWS (IN_TRACE | IN_LISTENERS | IN_STALLS | IN_LIMITS | IN_CHECK)
#define IN_EVERY (~0u)

#define RING_MAX (1ull << 30)
#define POLL_MIN_NS 100000000
#define METRICS_MIN_NS 1000000000
#define SAMPLE_MAX 1000000
/* Followed at a time; the most is what a BPF hash of the kernel bears with ease. */
#define SOCKETS_MIN 256
#define SOCKETS_MAX (1 << 24)
#define ROTATE_SIZE_MIN (256 << 10)	/* of which a block is a quarter */
#define ROTATE_COUNT_MAX 999

/* Atoms first: options_events_text() takes the first that fit. */
static const struct {
	const char *word;
	uint32_t events;
} event_words[] = {
	{ "state", EVENTS_STATE },
	{ "connection", EVENTS_CONNECTION },
	{ "failed", EVENTS_FAILED },
	{ "retransmit", EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT },
	{ "syn-retransmit", EVENTS_SYN_RETRANSMIT },
	{ "reset", EVENTS_RESET },
	{ "error", EVENTS_ERROR },
	{ "drop", EVENTS_DROP },
	{ "stall", EVENTS_STALL },
	{ "syncookie", EVENTS_SYNCOOKIE },
	{ "accept", EVENTS_ACCEPT },
	{ "summary", EVENTS_SUMMARY },
	{ "limit", EVENTS_LIMIT },
	{ "problems", EVENTS_FAILED | EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT |
		      EVENTS_RESET | EVENTS_ERROR | EVENTS_DROP | EVENTS_LIMIT | EVENTS_STALL },
	{ "default", EVENTS_DEFAULT },
	{ "all", EVENTS_ALL },
};

/*
 * One line whatever argv holds: control bytes would break it, or move the
 * terminal's cursor.
 */
int option_refuse(struct parse *p, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fprintf(p->err, "tcptrail: %s; see tcptrail %s\n", text, p->help);
	return EXIT_USAGE;
}

static int take_number(struct parse *p, const char *arg, uint64_t max, uint64_t *out)
{
	if (value_number(arg, 1, max, out))
		return 0;
	if (max == UINT64_MAX)
		return option_refuse(p, "%s: '%.64s' is not a number above 0", p->as, arg);
	return option_refuse(p, "%s: '%.64s' is not a number from 1 to %llu", p->as, arg,
			     (unsigned long long)max);
}

static int take_output(struct parse *p, const char *arg)
{
	bool none = p->o->command == COMMAND_TRACE && strcmp(arg, "none") == 0;

	if (!none && strcmp(arg, "text") != 0 && strcmp(arg, "json") != 0)
		return option_refuse(p, "%s: '%.64s' is neither text nor json", p->as, arg);
	p->output_named = true;
	p->o->output = arg;
	return 0;
}

static int take_output_file(struct parse *p, const char *arg)
{
	if (!*arg)
		return option_refuse(p, "%s: a name is missing", p->as);
	p->output_named = true;
	p->o->output_file = arg;
	return 0;
}

static int take_rollup(struct parse *p, const char *arg)
{
	if (!value_duration(arg, &p->o->rollup_ns) || p->o->rollup_ns < METRICS_MIN_NS)
		return option_refuse(p, "%s: '%.64s' is no time of 1s or more such as 10s", p->as, arg);
	p->rollup_named = true;
	return 0;
}

static int take_sample(struct parse *p, const char *arg)
{
	uint64_t n;

	if (strncmp(arg, "1/", 2) != 0 || !value_number(arg + 2, 1, SAMPLE_MAX, &n))
		return option_refuse(p, "%s: '%.64s' is not 1/N, N from 1 to %d", p->as, arg, SAMPLE_MAX);
	p->o->sample = (uint32_t)n;
	return 0;
}

static int take_metrics_file(struct parse *p, const char *arg)
{
	if (!*arg || arg[strlen(arg) - 1] == '/')
		return option_refuse(p, "%s: '%.64s' is no name of a file", p->as, arg);
	p->o->metrics_file = arg;
	return 0;
}

static int take_metrics_interval(struct parse *p, const char *arg)
{
	if (!value_duration(arg, &p->o->metrics_ns) || p->o->metrics_ns < METRICS_MIN_NS)
		return option_refuse(p, "%s: '%.64s' is no time of 1s or more such as 15s", p->as, arg);
	return 0;
}

/* Names them all; packaging/completion reads them here. */
static int refuse_kind(struct parse *p, const char *word, size_t len)
{
	char all[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(event_words); i++)
		used += snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
				 event_words[i].word);
	return option_refuse(p, "%s: '%.*s' is no kind of event: %s", p->as, len < 64 ? (int)len : 64, word,
			     all);
}

static int take_events(struct parse *p, const char *arg)
{
	for (const char *word = arg;; word++) {
		size_t len = strcspn(word, ",");
		size_t i;

		if (len == 0)
			return option_refuse(p, "%s: '%.64s' has an empty word", p->as, arg);
		for (i = 0; i < ARRAY_SIZE(event_words); i++)
			if (strlen(event_words[i].word) == len &&
			    memcmp(event_words[i].word, word, len) == 0)
				break;
		if (i == ARRAY_SIZE(event_words))
			return refuse_kind(p, word, len);
		p->o->events |= event_words[i].events;
		if (event_words[i].events == EVENTS_ACCEPT || event_words[i].events == EVENTS_ALL)
			p->accept_named = true;
		word += len;
		if (!*word)
			return 0;
	}
}

static int take_all(struct parse *p, const char *arg)
{
	(void)arg;
	p->o->all = true;
	return 0;
}

static int take_duration(struct parse *p, const char *arg)
{
	if (!value_duration(arg, &p->o->duration_ns))
		return option_refuse(p, "%s: '%.64s' is no time above 0 such as 10, 500ms, 5m or 2h",
				     p->as, arg);
	return 0;
}

static int take_interval(struct parse *p, const char *arg)
{
	if (!value_duration(arg, &p->o->interval_ns))
		return option_refuse(p, "%s: '%.64s' is no time above 0 such as 1, 500ms or 1m", p->as, arg);
	return 0;
}

static bool cut(const char *text, size_t len, char out[32])
{
	if (len >= 32)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool take_over_time(const char *text, size_t len, uint64_t *out)
{
	char time[32];

	return cut(text, len, time) && value_duration(time, out) && *out <= UINT32_MAX * 1000000ULL;
}

static bool take_over_number(const char *text, size_t len, uint64_t most, uint64_t *out)
{
	char number[32];

	return cut(text, len, number) && value_number(number, 1, most, out);
}

/* What --over may name: a time, or a number of at most so many. */
static const struct over_word {
	const char *word;
	unsigned int at;	/* enum over, or enum over_count */
	uint32_t most;		/* 0: a time */
} over_words[] = {
	{ "syn", OVER_SYN, 0 },
	{ "accept", OVER_ACCEPT, 0 },
	{ "window", OVER_WINDOW, 0 },
	{ "close-wait", OVER_CLOSE_WAIT, 0 },
	{ "fin", OVER_FIN, 0 },
	{ "fin-wait-2", OVER_FIN_WAIT_2, 0 },
	{ "retransmits", OVER_RETRANSMITS, UINT8_MAX },	/* as the kernel counts both */
	{ "keepalive", OVER_KEEPALIVE, UINT8_MAX },
	{ "leak", OVER_LEAK, 1000000 },
};

static const struct over_word *over_word(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(over_words); i++)
		if (strlen(over_words[i].word) == len && !memcmp(over_words[i].word, word, len))
			return &over_words[i];
	return NULL;
}

/* One of the list: "1s", "syn=5s", "leak=100"; of `len` bytes. */
static int take_over_item(struct parse *p, const char *item, size_t len)
{
	size_t name = strcspn(item, "=");
	const struct over_word *word = name < len ? over_word(item, name) : NULL;
	size_t from = name < len ? name + 1 : 0;
	uint64_t value;

	if (name < len && !word)
		return option_refuse(p, "%s: '%.*s' is not one of syn, accept, window, close-wait, fin, "
				     "fin-wait-2, retransmits, keepalive, leak",
				     p->as, name < 64 ? (int)name : 64, item);
	if (word && word->most) {
		if (!take_over_number(item + from, len - from, word->most, &value))
			return option_refuse(p, "%s: '%.*s' is no number from 1 to %u", p->as,
					     len < 64 ? (int)len : 64, item, word->most);
		p->o->over_count[word->at] = value;
		return 0;
	}
	if (!take_over_time(item + from, len - from, &value))
		return option_refuse(p, "%s: '%.*s' is no time above 0 such as 1s, 500ms or 10m", p->as,
				     len < 64 ? (int)len : 64, item);
	for (unsigned int k = word ? word->at : 0; k < (word ? word->at + 1 : OVERS); k++)
		p->o->over_ns[k] = value;
	return 0;
}

/* "1s,fin=10s,leak=100": a time for all, or of the one that is named; and numbers. */
static int take_over(struct parse *p, const char *arg)
{
	for (const char *item = arg;; item++) {
		size_t len = strcspn(item, ",");
		int code = take_over_item(p, item, len);

		item += len;
		if (code || !*item)
			return code;
	}
}

static int take_each(struct parse *p, const char *arg)
{
	(void)arg;
	p->o->each = true;
	return 0;
}

static int take_poll(struct parse *p, const char *arg)
{
	if (!value_duration(arg, &p->o->poll_ns) || p->o->poll_ns < POLL_MIN_NS)
		return option_refuse(p, "%s: '%.64s' is no time of 100ms or more such as 1s", p->as, arg);
	return 0;
}

static int take_count(struct parse *p, const char *arg)
{
	return take_number(p, arg, UINT64_MAX, &p->o->count);
}

static int take_quiet(struct parse *p, const char *arg)
{
	(void)arg;
	p->o->quiet = true;
	return 0;
}

/* Fingers used to tcpdump and ss type -n; no name is ever looked up here. */
static int take_nothing(struct parse *p, const char *arg)
{
	(void)p;
	(void)arg;
	return 0;
}

static int take_utc(struct parse *p, const char *arg)
{
	(void)arg;
	p->o->utc = true;
	return 0;
}

/* The index of a word in a list, refused when it is not there. */
static int take_word(struct parse *p, const char *arg, const char *const *words, size_t n,
		     unsigned int *out)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(arg, words[i]) == 0) {
			*out = (unsigned int)i;
			return 0;
		}
	}
	return option_refuse(p, "%s: '%.64s' is not one of its words", p->as, arg);
}

static int take_colour(struct parse *p, const char *arg)
{
	static const char *const words[] = { "auto", "always", "never" };
	unsigned int i = 0;

	if (take_word(p, arg, words, ARRAY_SIZE(words), &i))
		return EXIT_USAGE;
	p->o->colour = (enum colour)i;
	return 0;
}

static int take_probe(struct parse *p, const char *arg)
{
	static const char *const words[] = { "auto", "fentry", "kprobe", "tracepoint" };
	unsigned int i = 0;

	if (take_word(p, arg, words, ARRAY_SIZE(words), &i))
		return EXIT_USAGE;
	p->o->probe = (enum probe)i;
	return 0;
}

static int take_no_syscalls(struct parse *p, const char *arg)
{
	(void)arg;
	p->o->syscalls = false;
	return 0;
}

static int take_ring_size(struct parse *p, const char *arg)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t size;

	if (!value_size(arg, page, RING_MAX, &size))
		return option_refuse(p, "%s: '%.64s' is no power of two from %llu to 1G", p->as, arg,
				     (unsigned long long)page);
	p->o->ring_size = (uint32_t)size;
	return 0;
}

static int take_sockets(struct parse *p, const char *arg)
{
	uint64_t sockets;

	if (take_number(p, arg, SOCKETS_MAX, &sockets))
		return EXIT_USAGE;
	if (sockets < SOCKETS_MIN)
		return option_refuse(p, "%s: at least %d", p->as, SOCKETS_MIN);
	p->o->sockets = (uint32_t)sockets;
	return 0;
}

static int take_pid(struct parse *p, const char *arg)
{
	struct filter_plain *plain = &p->plain;
	uint64_t pid;

	if (take_number(p, arg, VALUE_PID_MAX, &pid))
		return EXIT_USAGE;
	for (uint32_t i = 0; i < plain->pids_len; i++)
		if (plain->pids[i] == pid)
			return 0;
	if (plain->pids_len == FILTER_PIDS_MAX)
		return option_refuse(p, "%s: at most %d processes", p->as, FILTER_PIDS_MAX);
	plain->pids[plain->pids_len++] = (uint32_t)pid;
	return 0;
}

/* A second one would silently undo the first, or could never hold with it. */
static int twice(struct parse *p)
{
	return option_refuse(p, "%s: given twice", p->as);
}

static int take_comm(struct parse *p, const char *arg)
{
	if (p->plain.comm)
		return twice(p);
	if (!*arg)
		return option_refuse(p, "%s: a name is missing", p->as);
	if (strlen(arg) >= EV_COMM_LEN)
		return option_refuse(p, "%s: the kernel keeps 15 bytes of a name: '%.15s'", p->as, arg);
	p->plain.comm = arg;
	return 0;
}

static int take_port_to(struct parse *p, const char *arg, uint16_t *port)
{
	uint64_t number;

	if (*port)
		return twice(p);
	if (take_number(p, arg, UINT16_MAX, &number))
		return EXIT_USAGE;
	*port = (uint16_t)number;
	return 0;
}

static int take_port(struct parse *p, const char *arg)
{
	return take_port_to(p, arg, &p->plain.port);
}

static int take_lport(struct parse *p, const char *arg)
{
	return take_port_to(p, arg, &p->plain.lport);
}

static int take_rport(struct parse *p, const char *arg)
{
	return take_port_to(p, arg, &p->plain.rport);
}

static int take_family(struct parse *p, __u8 family)
{
	if (p->plain.family && p->plain.family != family)
		return option_refuse(p, "-4 and -6 exclude each other; leave both out for both");
	p->plain.family = family;
	return 0;
}

static int take_4(struct parse *p, const char *arg)
{
	(void)arg;
	return take_family(p, 4);
}

static int take_6(struct parse *p, const char *arg)
{
	(void)arg;
	return take_family(p, 6);
}

static int take_netns(struct parse *p, const char *arg)
{
	uint32_t inum = 0;
	int err;

	if (p->plain.netns)
		return twice(p);
	err = value_netns(arg, &inum);
	if (err == -EINVAL)
		return option_refuse(p, "%s: '%.128s' is no network namespace", p->as, arg);
	if (err)
		return option_refuse(p, "%s: '%.128s': %s", p->as, arg, strerror(-err));
	p->plain.netns = inum;
	return 0;
}

static int take_explain(struct parse *p, const char *arg)
{
	(void)arg;
	p->o->explain = true;
	return 0;
}

static int take_write(struct parse *p, const char *arg)
{
	if (!*arg || arg[strlen(arg) - 1] == '/')
		return option_refuse(p, "%s: '%.64s' is no name of a file", p->as, arg);
	if (p->o->write)
		return twice(p);
	p->o->write = arg;
	return 0;
}

static int take_rotate_size(struct parse *p, const char *arg)
{
	if (!value_bytes(arg, ROTATE_SIZE_MIN, UINT64_MAX, &p->o->rotate_size))
		return option_refuse(p, "%s: '%.64s' is no size of 256K or more such as 64M", p->as, arg);
	return 0;
}

static int take_rotate_count(struct parse *p, const char *arg)
{
	uint64_t count;

	if (take_number(p, arg, ROTATE_COUNT_MAX, &count))
		return EXIT_USAGE;
	p->o->rotate_count = (uint32_t)count;
	return 0;
}

static int take_read(struct parse *p, const char *arg)
{
	if (p->o->read_len == OPTIONS_READ_MAX)
		return option_refuse(p, "%s: at most %d files", p->as, OPTIONS_READ_MAX);
	p->o->read[p->o->read_len++] = (char *)arg;
	return 0;
}

static int take_since(struct parse *p, const char *arg)
{
	p->since = arg;
	return 0;
}

static int take_until(struct parse *p, const char *arg)
{
	p->until = arg;
	return 0;
}

/* --help and --version are seen to by read_options(). */
const struct row option_rows[] = {
	{ 0, NULL, NULL, IN_TRACE | IN_LISTENERS | IN_STALLS | IN_LIMITS | IN_CHECK, "What to show:", NULL },
	{ 'e', "events", "LIST", IN_TRACE,
	  "kinds, with commas between (default: state,connection,\n"
	  "syn-retransmit,reset,error,drop,stall,syncookie,accept,limit).\n"
	  "state: every transition; connection: the life of each, told at its\n"
	  "end; failed: of those that failed; retransmit: data, SYN and\n"
	  "SYN-ACK; syn-retransmit: the latter two; reset; error;\n"
	  "drop: SYNs and final ACKs refused at a listener; stall:\n"
	  "connections that wait for too long, by verdict and service;\n"
	  "accept: connections that accept() took, and their wait (in\n"
	  "text by default: over 10 ms); limit: calls that failed at one,\n"
	  "or were cut to it; syncookie; problems: failed, retransmit,\n"
	  "reset, error, drop, stall and limit; summary: --rollup;\n"
	  "default; all", take_events },
	{ 0, "pid", "N", IN_TRACE | IN_LISTENERS | IN_STALLS | IN_CHECK, "sockets of this process, in trace of its\n"
	  "children too (up to 16 times)", take_pid },
	{ 0, "comm", "NAME", IN_TRACE | IN_LISTENERS | IN_STALLS | IN_CHECK, "sockets of processes of this name", take_comm },
	{ 0, "port", "N", IN_TRACE | IN_LISTENERS | IN_STALLS | IN_CHECK, "this port, on either side", take_port },
	{ 0, "lport", "N", IN_TRACE | IN_LISTENERS | IN_STALLS | IN_CHECK, "this local port", take_lport },
	{ 0, "rport", "N", IN_TRACE | IN_STALLS, "this remote port", take_rport },
	{ '4', NULL, NULL, IN_TRACE | IN_LISTENERS | IN_STALLS | IN_CHECK, "IPv4 only (IPv4 in IPv6 sockets included)", take_4 },
	{ '6', NULL, NULL, IN_TRACE | IN_LISTENERS | IN_STALLS | IN_CHECK, "IPv6 only", take_6 },
	{ 0, "netns", "NETNS", IN_TRACE | IN_LISTENERS | IN_STALLS | IN_CHECK,
	  "this network namespace: a path, a name of ip netns, a\n"
	  "process id or an inode number", take_netns },
	{ 0, "rollup", "TIME", IN_TRACE,
	  "sums of the connections that ended in TIME, by owner,\n"
	  "service and outcome (-e summary: 10s)", take_rollup },
	{ 0, "sample", "1/N", IN_TRACE,
	  "of connections that went well one in N; what failed is\n"
	  "always told", take_sample },
	{ 0, "explain", NULL, IN_TRACE | IN_LISTENERS | IN_STALLS | IN_LIMITS | IN_CHECK,
	  "print FILTER as it was understood, and what of it the kernel\n"
	  "side decides; tcptrail help filter has its grammar", take_explain },
	{ 0, "all", NULL, IN_TRACE, "every line on a terminal (default: 200 a second)", take_all },
	{ 0, NULL, NULL, IN_TRACE, "When to stop (default: at SIGINT or SIGTERM):", NULL },
	{ 0, "duration", "TIME", IN_TRACE, "after that time: 10, 10s, 500ms, 5m, 2h",
	  take_duration },
	{ 'c', "count", "N", IN_TRACE, "after N records (start and stop are not counted)",
	  take_count },
	{ 0, "all", NULL, IN_LIMITS, "those far from their end, too", take_all },
	{ 0, NULL, NULL, IN_LISTENERS | IN_STALLS | IN_LIMITS | IN_CHECK, "How long:", NULL },
	{ 0, "each", NULL, IN_STALLS, "a row for each connection, not for each owner and service",
	  take_each },
	{ 0, "over", "LIST", IN_TRACE | IN_STALLS | IN_CHECK,
	  "how long is too long: a time for every verdict, or with commas\n"
	  "(default:) syn=3s,accept=1s,window=5s,fin=30s,close-wait=60s,\n"
	  "fin-wait-2=120s; window: reading and send buffer, too; and how\n"
	  "many are too many: retransmits=3 of one segment, keepalive=2\n"
	  "probes, leak=10 in CLOSE-WAIT", take_over },
	{ 'i', "interval", "TIME", IN_LISTENERS | IN_STALLS | IN_LIMITS,
	  "again and again, each over that time (default: once)", take_interval },
	{ 'c', "count", "N", IN_LISTENERS | IN_STALLS | IN_LIMITS, "with -i: stop after N times", take_count },
	{ 0, NULL, NULL, IN_VIEWS, "From a recording:", NULL },
	{ 'r', "read", "FILE", IN_VIEWS,
	  "read what -w wrote, with its older parts, in place of the\n"
	  "kernel; needs no privilege (-: standard input)", take_read },
	{ 0, "since", "TIME", IN_VIEWS,
	  "what happened then or later: 02:57, 2026-11-22T02:57:00Z,\n"
	  "-10m (before its end)", take_since },
	{ 0, "until", "TIME", IN_VIEWS, "what happened before that", take_until },
	{ 0, NULL, NULL, IN_EVERY, "Output:", NULL },
	{ 'o', "output", "FORMAT", IN_TRACE | IN_LISTENERS | IN_STALLS | IN_LIMITS | IN_CHECK | IN_DOCTOR,
	  "text (default) or json; trace: none, for --metrics-file alone", take_output },
	{ 0, "output-file", "FILE", IN_TRACE,
	  "append to FILE, not to standard output; SIGHUP opens it\n"
	  "anew after it was renamed", take_output_file },
	{ 0, "metrics-file", "FILE", IN_TRACE,
	  "counters and histograms for node_exporter's textfile\n"
	  "collector, beside the lines (-o none: alone)", take_metrics_file },
	{ 0, "metrics-interval", "TIME", IN_TRACE, "how often it is written (default: 15s)",
	  take_metrics_interval },
	{ 'w', "write", "FILE", IN_TRACE,
	  "record the events, for -r; nothing is printed but with -o.\n"
	  "-: to standard output", take_write },
	{ 0, "rotate-size", "SIZE", IN_TRACE,
	  "-w: begin another part before FILE is larger, such as 64M;\n"
	  "the one before is FILE.1, older ones FILE.2 and so on", take_rotate_size },
	{ 0, "rotate-count", "N", IN_TRACE, "so many parts stay, FILE included (default: 8)",
	  take_rotate_count },
	{ 'q', "quiet", NULL, IN_TRACE | IN_LISTENERS | IN_STALLS | IN_LIMITS | IN_CHECK, "no header and no summary at the end", take_quiet },
	{ 0, "utc", NULL, IN_TRACE | IN_LISTENERS | IN_STALLS, "text: times in UTC (default: local time)", take_utc },
	{ 0, "color", "WHEN", IN_TRACE,
	  "text: auto (default: on a terminal, unless NO_COLOR is\n"
	  "set), always or never", take_colour },
	{ 'n', NULL, NULL, IN_TRACE, "accepted and ignored: names are never looked up",
	  take_nothing },
	{ 'h', "help", NULL, IN_EVERY, "this text", NULL },
	{ 'V', "version", NULL, IN_EVERY, "the version", NULL },
	{ 0, NULL, NULL, IN_TRACE | IN_DOCTOR, "How:", NULL },
	{ 0, "probe", "TIER", IN_TRACE | IN_DOCTOR,
	  "hooks: auto (default: the best that work here), fentry,\n"
	  "kprobe or tracepoint", take_probe },
	{ 0, "no-syscalls", NULL, IN_TRACE | IN_DOCTOR,
	  "no tracepoints on system calls: they cost every system call\n"
	  "of the machine some ns; without them the tracepoint tier\n"
	  "does not see accept(), nor calls that fail at a limit", take_no_syscalls },
	{ 0, "poll", "TIME", IN_TRACE,
	  "how often counters are read of what no hook sees, the drops\n"
	  "on the tracepoint tier (default: 1s; at most 1 % of the time)", take_poll },
	{ 0, "ring-size", "SIZE", IN_TRACE,
	  "ring buffer, a power of two such as 1M or 64M (default: 16M)", take_ring_size },
	{ 0, "sockets", "N", IN_TRACE,
	  "sockets followed at a time, about 330 bytes each (default: one\n"
	  "for each 64 KiB of memory, 65,536 to 1,048,576)", take_sockets },
};

const size_t option_rows_len = ARRAY_SIZE(option_rows);
_Static_assert(ARRAY_SIZE(option_rows) <= OPTION_ROWS_MAX, "OPTION_ROWS_MAX");

void options_events_text(uint32_t events, char buf[OPTIONS_EVENTS_LEN])
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(event_words) && events; i++) {
		if ((event_words[i].events & events) != event_words[i].events)
			continue;
		len += (size_t)snprintf(buf + len, OPTIONS_EVENTS_LEN - len, "%s%s",
					len ? "," : "", event_words[i].word);
		events &= ~event_words[i].events;
	}
}

uint32_t options_events_of(const char *text, size_t len)
{
	uint32_t events = 0;

	for (size_t at = 0; at < len;) {
		const char *comma = memchr(text + at, ',', len - at);
		size_t word = comma ? (size_t)(comma - text) - at : len - at;

		for (size_t i = 0; i < ARRAY_SIZE(event_words); i++)
			if (strlen(event_words[i].word) == word &&
			    !memcmp(event_words[i].word, text + at, word))
				events |= event_words[i].events;
		at += word + 1;
	}
	return events;
}
