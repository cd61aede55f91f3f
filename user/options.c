// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * options.c - see options.h. The table `rows` is the one list of options: the
 * parser, --help and the messages are made from it.
 *
 * getopt_long() and not argp: argp's messages take two lines and its --help
 * knows one command.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "bpf/event.h"
#include "value.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define IN_TRACE (1u << COMMAND_TRACE)
#define IN_LISTENERS (1u << COMMAND_LISTENERS)
#define IN_DOCTOR (1u << COMMAND_DOCTOR)
#define IN_SCHEMA (1u << COMMAND_SCHEMA)
#define IN_EVERY (~0u)

#define RING_DEFAULT (16u << 20)
#define RING_MAX (1ull << 30)
#define SLOW_ACCEPT_NS 10000000
#define POLL_DEFAULT_NS 1000000000
#define POLL_MIN_NS 100000000
/* Followed at a time; the most is what a BPF hash of the kernel bears with ease. */
#define SOCKETS_MIN 256
#define SOCKETS_MAX (1 << 24)
#define LONG_BASE 256	/* getopt's value of rows[i].name is LONG_BASE + i */

struct parse {
	bool accept_named;	/* -e accept or all */
	struct options *o;
	FILE *err;
	const char *help;	/* "trace --help": where a message points to */
	const char *as;		/* "--pid": the option being applied */
};

struct row {
	char letter;		/* 0: none */
	const char *name;	/* NULL: none. Neither of both: a heading */
	const char *arg;	/* NULL: takes none */
	uint32_t commands;	/* IN_* */
	const char *help;	/* lines split by '\n' */
	int (*apply)(struct parse *p, const char *arg);	/* 0 or EXIT_USAGE */
};

static const struct {
	const char *word;
	const char *help;
} commands[COMMANDS] = {
	[COMMAND_TRACE] = { "trace", "stream events, one line each (the default command)" },
	[COMMAND_LISTENERS] = { "listeners",
		"listening sockets: queues against limits, refusals, what to try" },
	[COMMAND_DOCTOR] = { "doctor", "which hooks work here, what is lost where one does not" },
	[COMMAND_SCHEMA] = { "schema", "the JSON Schema of the records" },
	[COMMAND_VERSION] = { "version", "the version" },
	[COMMAND_HELP] = { "help", "this text, or that of a command: tcptrail help trace" },
};

/* Atoms first: options_events_text() takes the first that fit. */
static const struct {
	const char *word;
	uint32_t events;
} event_words[] = {
	{ "state", EVENTS_STATE },
	{ "failed", EVENTS_FAILED },
	{ "retransmit", EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT },
	{ "syn-retransmit", EVENTS_SYN_RETRANSMIT },
	{ "reset", EVENTS_RESET },
	{ "error", EVENTS_ERROR },
	{ "drop", EVENTS_DROP },
	{ "syncookie", EVENTS_SYNCOOKIE },
	{ "accept", EVENTS_ACCEPT },
	{ "problems", EVENTS_FAILED | EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT |
		      EVENTS_RESET | EVENTS_ERROR | EVENTS_DROP },
	{ "default", EVENTS_DEFAULT },
	{ "all", EVENTS_ALL },
};

static const char exit_codes[] =
	"Exit codes:\n"
	"  0  ended as asked: interrupted, --duration or --count reached\n"
	"  1  error while running\n"
	"  2  usage\n"
	"  3  privilege is missing (root, or CAP_BPF and CAP_PERFMON)\n"
	"  4  this kernel lacks something that is required\n"
	"  5  output could not be written\n";

/*
 * One line whatever argv holds: control bytes would break it, or move the
 * terminal's cursor.
 */
__attribute__((format(printf, 2, 3)))
static int refuse(struct parse *p, const char *format, ...)
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
		return refuse(p, "%s: '%.64s' is not a number above 0", p->as, arg);
	return refuse(p, "%s: '%.64s' is not a number from 1 to %llu", p->as, arg,
		      (unsigned long long)max);
}

static int take_output(struct parse *p, const char *arg)
{
	if (strcmp(arg, "text") != 0 && strcmp(arg, "json") != 0)
		return refuse(p, "%s: '%.64s' is neither text nor json", p->as, arg);
	p->o->output = arg;
	return 0;
}

static int take_events(struct parse *p, const char *arg)
{
	for (const char *word = arg;; word++) {
		size_t len = strcspn(word, ",");
		size_t i;

		if (len == 0)
			return refuse(p, "%s: '%.64s' has an empty word", p->as, arg);
		for (i = 0; i < ARRAY_SIZE(event_words); i++)
			if (strlen(event_words[i].word) == len &&
			    memcmp(event_words[i].word, word, len) == 0)
				break;
		if (i == ARRAY_SIZE(event_words))
			return refuse(p, "%s: '%.*s' is no kind of event", p->as,
				      len < 64 ? (int)len : 64, word);
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
		return refuse(p, "%s: '%.64s' is no time above 0 such as 10, 500ms, 5m or 2h",
			      p->as, arg);
	return 0;
}

static int take_interval(struct parse *p, const char *arg)
{
	if (!value_duration(arg, &p->o->interval_ns))
		return refuse(p, "%s: '%.64s' is no time above 0 such as 1, 500ms or 1m", p->as, arg);
	return 0;
}

static int take_poll(struct parse *p, const char *arg)
{
	if (!value_duration(arg, &p->o->poll_ns) || p->o->poll_ns < POLL_MIN_NS)
		return refuse(p, "%s: '%.64s' is no time of 100ms or more such as 1s", p->as, arg);
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
	return refuse(p, "%s: '%.64s' is not one of its words", p->as, arg);
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
		return refuse(p, "%s: '%.64s' is no power of two from %llu to 1G", p->as, arg,
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
		return refuse(p, "%s: at least %d", p->as, SOCKETS_MIN);
	p->o->sockets = (uint32_t)sockets;
	return 0;
}

static int take_pid(struct parse *p, const char *arg)
{
	struct kernel_filter *filter = &p->o->filter;
	uint64_t pid;

	if (take_number(p, arg, VALUE_PID_MAX, &pid))
		return EXIT_USAGE;
	for (uint32_t i = 0; i < filter->pids_len; i++)
		if (filter->pids[i] == pid)
			return 0;
	if (filter->pids_len == FILTER_PIDS_MAX)
		return refuse(p, "%s: at most %d processes", p->as, FILTER_PIDS_MAX);
	filter->pids[filter->pids_len++] = (uint32_t)pid;
	return 0;
}

/* A second one would silently undo the first, or could never hold with it. */
static int twice(struct parse *p)
{
	return refuse(p, "%s: given twice", p->as);
}

static int take_comm(struct parse *p, const char *arg)
{
	if (p->o->comm)
		return twice(p);
	if (!*arg)
		return refuse(p, "%s: a name is missing", p->as);
	if (strlen(arg) >= EV_COMM_LEN)
		return refuse(p, "%s: the kernel keeps 15 bytes of a name: '%.15s'", p->as, arg);
	p->o->comm = arg;
	return 0;
}

static int take_port_to(struct parse *p, const char *arg, __u16 *port)
{
	uint64_t number;

	if (*port)
		return twice(p);
	if (take_number(p, arg, UINT16_MAX, &number))
		return EXIT_USAGE;
	*port = (__u16)number;
	return 0;
}

static int take_port(struct parse *p, const char *arg)
{
	return take_port_to(p, arg, &p->o->filter.port);
}

static int take_lport(struct parse *p, const char *arg)
{
	return take_port_to(p, arg, &p->o->filter.lport);
}

static int take_rport(struct parse *p, const char *arg)
{
	return take_port_to(p, arg, &p->o->filter.rport);
}

static int take_family(struct parse *p, __u8 family)
{
	if (p->o->filter.family && p->o->filter.family != family)
		return refuse(p, "-4 and -6 exclude each other; leave both out for both");
	p->o->filter.family = family;
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

	if (p->o->filter.netns)
		return twice(p);
	err = value_netns(arg, &inum);
	if (err == -EINVAL)
		return refuse(p, "%s: '%.128s' is no network namespace", p->as, arg);
	if (err)
		return refuse(p, "%s: '%.128s': %s", p->as, arg, strerror(-err));
	p->o->filter.netns = inum;
	return 0;
}

/* --help and --version are seen to by read_options(). */
static const struct row rows[] = {
	{ 0, NULL, NULL, IN_TRACE | IN_LISTENERS, "What to show:", NULL },
	{ 'e', "events", "LIST", IN_TRACE,
	  "kinds, with commas between (default: state,syn-retransmit,\n"
	  "reset,error,drop,syncookie,accept). state: every transition;\n"
	  "failed: those that failed; retransmit: data, SYN and\n"
	  "SYN-ACK; syn-retransmit: the latter two; reset; error;\n"
	  "drop: SYNs and final ACKs refused at a listener;\n"
	  "accept: connections that accept() took, and their wait (in\n"
	  "text by default: over 10 ms); syncookie; problems: failed,\n"
	  "retransmit, reset, error and drop;\n"
	  "default; all", take_events },
	{ 0, "pid", "N", IN_TRACE | IN_LISTENERS, "sockets of this process (up to 16 times)", take_pid },
	{ 0, "comm", "NAME", IN_TRACE | IN_LISTENERS, "sockets of processes of this name", take_comm },
	{ 0, "port", "N", IN_TRACE | IN_LISTENERS, "this port, on either side", take_port },
	{ 0, "lport", "N", IN_TRACE | IN_LISTENERS, "this local port", take_lport },
	{ 0, "rport", "N", IN_TRACE, "this remote port", take_rport },
	{ '4', NULL, NULL, IN_TRACE | IN_LISTENERS, "IPv4 only (IPv4 in IPv6 sockets included)", take_4 },
	{ '6', NULL, NULL, IN_TRACE | IN_LISTENERS, "IPv6 only", take_6 },
	{ 0, "netns", "NETNS", IN_TRACE | IN_LISTENERS,
	  "this network namespace: a path, a name of ip netns, a\n"
	  "process id or an inode number", take_netns },
	{ 0, "all", NULL, IN_TRACE, "every line on a terminal (default: 200 a second)", take_all },
	{ 0, NULL, NULL, IN_TRACE, "When to stop (default: at SIGINT or SIGTERM):", NULL },
	{ 0, "duration", "TIME", IN_TRACE, "after that time: 10, 10s, 500ms, 5m, 2h",
	  take_duration },
	{ 'c', "count", "N", IN_TRACE, "after N records (start and stop are not counted)",
	  take_count },
	{ 0, NULL, NULL, IN_LISTENERS, "How long:", NULL },
	{ 'i', "interval", "TIME", IN_LISTENERS,
	  "again and again, each over that time (default: once, 1s)", take_interval },
	{ 'c', "count", "N", IN_LISTENERS, "with -i: stop after N times", take_count },
	{ 0, NULL, NULL, IN_EVERY, "Output:", NULL },
	{ 'o', "output", "FORMAT", IN_TRACE | IN_LISTENERS | IN_DOCTOR, "text (default) or json", take_output },
	{ 'q', "quiet", NULL, IN_TRACE | IN_LISTENERS, "no header and no summary at the end", take_quiet },
	{ 0, "utc", NULL, IN_TRACE, "text: times in UTC (default: local time)", take_utc },
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
	  "does not see accept()", take_no_syscalls },
	{ 0, "poll", "TIME", IN_TRACE,
	  "how often counters are read of what no hook sees, the drops\n"
	  "on the tracepoint tier (default: 1s; at most 1 % of the time)", take_poll },
	{ 0, "ring-size", "SIZE", IN_TRACE,
	  "ring buffer, a power of two such as 1M or 64M (default: 16M)", take_ring_size },
	{ 0, "sockets", "N", IN_TRACE,
	  "sockets followed at a time, about 150 bytes each (default: one\n"
	  "for each 64 KiB of memory, 65,536 to 1,048,576)", take_sockets },
};

static bool is_heading(const struct row *row)
{
	return !row->letter && !row->name;
}

static void print_row(FILE *out, const struct row *row)
{
	const char *line = row->help;
	char left[40];
	int len;

	if (is_heading(row)) {
		fprintf(out, "\n%s\n", row->help);
		return;
	}
	len = snprintf(left, sizeof(left), "  %c%c%s%s%s%s%s", row->letter ? '-' : ' ',
		       row->letter ? row->letter : ' ',
		       !row->name ? "" : row->letter ? ", " : "  ", row->name ? "--" : "",
		       row->name ? row->name : "", row->arg ? " " : "", row->arg ? row->arg : "");
	fprintf(out, "%s%*s", left, len < 24 ? 24 - len : 1, "");
	for (;;) {
		size_t n = strcspn(line, "\n");

		fprintf(out, "%.*s\n", (int)n, line);
		if (!line[n])
			return;
		line += n + 1;
		fprintf(out, "%24s", "");
	}
}

static void print_overview(FILE *out)
{
	fputs("usage: tcptrail [COMMAND] [OPTION]...\n\n"
	      "Follows every TCP connection of this machine: which state it is in, since\n"
	      "when, why it moved, who owns it. Needs root.\n\n"
	      "Commands (tcptrail COMMAND --help tells more):\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].word, commands[i].help);
	fputs("\nExamples:\n"
	      "  tcptrail                             every connection of the machine\n"
	      "  tcptrail --port 443 -e problems      what goes wrong on port 443\n"
	      "  tcptrail trace --help                the options of the default command\n\n", out);
	fputs(exit_codes, out);
}

static void print_trace_examples(FILE *out)
{
	fputs("\nExamples:\n"
	      "  tcptrail                             every connection of the machine\n"
	      "  tcptrail -e problems --port 443      what goes wrong on port 443\n"
	      "  tcptrail --pid 1187 --pid 1188 -e all\n"
	      "  tcptrail --netns blue --lport 80 -c 100\n"
	      "  tcptrail -o json --duration 5m >trail.ndjson\n\n", out);
}

static int print_help(FILE *out, enum command command)
{
	static const char *const intro[COMMANDS] = {
		[COMMAND_TRACE] =
			"usage: tcptrail [trace] [OPTION]...\n\n"
			"Streams what happens to the TCP connections of this machine, in all network\n"
			"namespaces, one line an event. Each filter narrows what is shown; one whose\n"
			"answer is not known (a socket without a known owner, say) lets it pass.\n",
		[COMMAND_LISTENERS] =
			"usage: tcptrail listeners [OPTION]...\n\n"
			"One row a listening socket of any network namespace, worst first: its queues\n"
			"against their limits, what it refused (<=: at most), and for one in trouble\n"
			"which limit it is and what to try.\n",
		[COMMAND_DOCTOR] =
			"usage: tcptrail doctor [OPTION]...\n\n"
			"Tries every hook on this kernel and tells, fact by fact, which one works, what\n"
			"is lost where none does, and what to do about it. Changes nothing.\n",
		[COMMAND_SCHEMA] =
			"usage: tcptrail schema\n\n"
			"Prints the JSON Schema (2020-12) of the records of tcptrail -o json.\n"
			"Needs no privilege.\n",
	};

	if (!intro[command]) {
		print_overview(out);
		return EXIT_OK;
	}
	fputs(intro[command], out);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].commands & (1u << command))
			print_row(out, &rows[i]);
	if (command == COMMAND_TRACE)
		print_trace_examples(out);
	else
		fputc('\n', out);
	fputs(exit_codes, out);
	return EXIT_OK;
}

static int print_version(FILE *out)
{
	fputs("tcptrail " TCPTRAIL_VERSION "\n", out);
	return EXIT_OK;
}

/* For getopt: '+' stops it at the first operand, ':' leaves messages to us. */
static void make_getopt_tables(enum command command, char *letters, struct option *names)
{
	*letters++ = '+';
	*letters++ = ':';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (is_heading(&rows[i]) || !(rows[i].commands & (1u << command)))
			continue;
		if (rows[i].letter) {
			*letters++ = rows[i].letter;
			if (rows[i].arg)
				*letters++ = ':';
		}
		if (rows[i].name)
			*names++ = (struct option){
				.name = rows[i].name,
				.has_arg = rows[i].arg ? required_argument : no_argument,
				.val = LONG_BASE + (int)i,
			};
	}
	*letters = '\0';
	*names = (struct option){ 0 };
}

static const struct row *row_of(int key)
{
	if (key >= LONG_BASE)
		return &rows[key - LONG_BASE];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].letter && rows[i].letter == key)
			return &rows[i];
	return NULL;
}

/* getopt takes "--dur" for "--duration"; a script that relies on it breaks when
 * a second option begins so. */
static bool is_abbreviated(const char *word, const struct row *row)
{
	size_t len = strlen(row->name);

	return strncmp(word + 2, row->name, len) != 0 || (word[2 + len] && word[2 + len] != '=');
}

/* What getopt refused, in one line. `word` is the element of argv it is at. */
static int refuse_word(struct parse *p, int key, const char *word)
{
	const struct row *row = row_of(optopt);
	bool named = strncmp(word, "--", 2) == 0;

	if (row && key == ':' && named)
		return refuse(p, "--%s needs an argument", row->name);
	if (row && key == ':')
		return refuse(p, "-%c needs an argument", row->letter);
	if (row && named && !is_abbreviated(word, row))
		return refuse(p, "--%s takes no argument", row->name);
	if (named)
		return refuse(p, "unknown option '%.*s'", (int)strcspn(word, "="), word);
	return refuse(p, "unknown option '-%c'", optopt);
}

/* -1: go on; otherwise the exit code. */
static int apply(struct parse *p, const struct row *row, bool named)
{
	char as[32];
	int ret;

	if (named)
		snprintf(as, sizeof(as), "--%s", row->name);
	else
		snprintf(as, sizeof(as), "-%c", row->letter);
	p->as = as;
	ret = row->apply(p, optarg);
	p->as = NULL;
	return ret ? ret : -1;
}

static int refuse_operand(struct parse *p, const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(word, commands[i].word) == 0)
			return refuse(p, "a command goes first: tcptrail %s", word);
	return refuse(p, "unexpected argument '%.128s'", word);
}

/* -1: go on; otherwise the exit code. `overview`: no command was named. */
static int read_options(struct parse *p, int argc, char **argv, bool overview, FILE *out)
{
	struct option names[ARRAY_SIZE(rows) + 1];
	char letters[2 * ARRAY_SIZE(rows) + 3];
	int key, at, ret;

	make_getopt_tables(p->o->command, letters, names);
	optind = 0;	/* glibc: begin anew, unit tests parse many times */
	while (at = optind ? optind : 1,
	       (key = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct row *row = row_of(key);

		if (key == '?' || key == ':' || !row)
			return refuse_word(p, key, argv[at]);
		if (key >= LONG_BASE && is_abbreviated(argv[at], row))
			return refuse(p, "unknown option '%.*s'", (int)strcspn(argv[at], "="),
				      argv[at]);
		if (row->letter == 'h')
			return overview ? print_help(out, COMMAND_HELP) :
					  print_help(out, p->o->command);
		if (row->letter == 'V')
			return print_version(out);
		ret = apply(p, row, key >= LONG_BASE);
		if (ret != -1)
			return ret;
	}
	return optind < argc ? refuse_operand(p, argv[optind]) : -1;
}

/* What no record can match, or what one option says and another takes back. */
static int check_together(struct parse *p)
{
	struct options *o = p->o;
	const struct kernel_filter *f = &o->filter;

	if (o->colour == COLOUR_ALWAYS && strcmp(o->output, "json") == 0)
		return refuse(p, "--color always and -o json exclude each other");
	if (f->port && f->lport && f->rport && f->port != f->lport && f->port != f->rport)
		return refuse(p, "--port %u is neither --lport %u nor --rport %u", f->port,
			      f->lport, f->rport);
	if (!o->events)
		o->events = EVENTS_DEFAULT;
	/* People who did not ask for them read the slow ones alone. */
	if (!p->accept_named && strcmp(o->output, "text") == 0)
		o->accept_over_ns = SLOW_ACCEPT_NS;
	if (o->events & EVENTS_STATE)
		o->events &= ~EVENTS_FAILED;
	return -1;
}

static bool find_command(const char *word, enum command *command)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(word, commands[i].word) == 0) {
			*command = (enum command)i;
			return true;
		}
	}
	return false;
}

/* tcptrail help [COMMAND] */
static int help_command(struct parse *p, int argc, char **argv, FILE *out)
{
	enum command command = COMMAND_HELP;

	if (argc > 2)
		return refuse(p, "unexpected argument '%.128s'", argv[2]);
	if (argc == 2 && !find_command(argv[1], &command))
		return refuse(p, "unknown command '%.128s'", argv[1]);
	return print_help(out, command);
}

/* argv[0] is the command's word, or the program's name where none was given. */
static int read_command(struct parse *p, int argc, char **argv, bool named, FILE *out)
{
	char help[32];
	int ret;

	if (p->o->command == COMMAND_HELP && (argc < 2 || argv[1][0] != '-'))
		return help_command(p, argc, argv, out);
	snprintf(help, sizeof(help), "%s --help", commands[p->o->command].word);
	p->help = help;
	ret = read_options(p, argc, argv, !named, out);
	if (ret == -1)
		ret = check_together(p);
	if (ret == -1 && p->o->command == COMMAND_VERSION)
		ret = print_version(out);
	p->help = NULL;
	return ret;
}

int options_parse(struct options *o, int argc, char **argv, FILE *out, FILE *err)
{
	struct parse p = { .o = o, .err = err, .help = "--help" };
	bool named = argc > 1 && argv[1][0] != '-';
	int ret;

	*o = (struct options){ .output = "text", .syscalls = true, .ring_size = RING_DEFAULT,
			       .poll_ns = POLL_DEFAULT_NS };
	if (named && !find_command(argv[1], &o->command))
		return refuse(&p, "unknown command '%.128s'", argv[1]);
	ret = read_command(&p, named ? argc - 1 : argc, named ? argv + 1 : argv, named, out);
	if (ret != EXIT_OK)
		return ret;
	if (fflush(out) == 0 && !ferror(out))
		return EXIT_OK;
	fprintf(err, "tcptrail: cannot write: %s\n", strerror(errno));
	return EXIT_OUTPUT;
}

bool options_colour(const struct options *o, bool terminal, const char *no_color,
		    const char *term)
{
	if (strcmp(o->output, "json") == 0)
		return false;
	if (o->colour != COLOUR_AUTO)
		return o->colour == COLOUR_ALWAYS;
	return terminal && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

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

bool options_filter_text(const struct options *o, char buf[OPTIONS_FILTER_LEN])
{
	const struct kernel_filter *f = &o->filter;
	const struct {
		const char *name;
		uint32_t value;
	} numbers[] = { { "port", f->port }, { "lport", f->lport }, { "rport", f->rport },
			{ "netns", f->netns } };
	size_t len = 0;

	/* The longest, 16 pids and all the rest, takes 309 bytes. */
	buf[0] = '\0';
	for (uint32_t i = 0; i < f->pids_len; i++)
		len += (size_t)sprintf(buf + len, " --pid %u", f->pids[i]);
	if (o->comm)
		len += (size_t)sprintf(buf + len, " --comm %.15s", o->comm);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].value)
			len += (size_t)sprintf(buf + len, " --%s %u", numbers[i].name,
					       numbers[i].value);
	if (f->family)
		len += (size_t)sprintf(buf + len, " -%u", f->family);
	if (len)
		memmove(buf, buf + 1, len);	/* the first blank; the NUL moves along */
	return len > 0;
}
