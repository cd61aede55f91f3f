// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * getopt_long(3) and one table, not argp: commands have options of their own, a
 * mistake has to be one line, and the exit code 2.
 */
#include "options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "value.h"

#define ON(command) (1u << (command))
#define TRACE	ON(COMMAND_TRACE)
#define DOCTOR	ON(COMMAND_DOCTOR)
#define SCHEMA	ON(COMMAND_SCHEMA)

enum { OPT_ALL = 256, OPT_DURATION, OPT_UTC, OPT_COLOUR, OPT_PROBE, OPT_NO_SYSCALLS, OPT_PID,
       OPT_COMM, OPT_PORT, OPT_LPORT, OPT_RPORT, OPT_NETNS, OPT_RING_SIZE, OPT_VERSION };

struct option_row {
	int key;
	const char *name;	/* NULL: short only */
	const char *value;	/* NULL: takes none */
	unsigned int commands;
	const char *help;
};

static const struct option_row rows[] = {
	{ 'o', "output", "text|json", TRACE | DOCTOR, "how to print (default text)" },
	{ 'e', "events", "LIST", TRACE, "which, by comma: state, retransmit, syn-retransmit, reset,\n"
	  "error, problems, default, all (default: state,\nsyn-retransmit,reset,error)" },
	{ OPT_ALL, "all", NULL, TRACE, "on a terminal: every line, without the limit of 200 a second" },
	{ OPT_DURATION, "duration", "TIME", TRACE, "stop after 10, 10s, 500ms, 5m, 2h" },
	{ 'c', "count", "N", TRACE, "stop after N records" },
	{ 'q', "quiet", NULL, TRACE, "no summary at the end" },
	{ 'n', NULL, NULL, TRACE, "accepted for habit: names are never resolved" },
	{ OPT_UTC, "utc", NULL, TRACE, "times in UTC (JSON always is)" },
	{ OPT_COLOUR, "color", "auto|always|never", TRACE, "default auto: on a terminal, unless NO_COLOR is set" },
	{ OPT_PID, "pid", "N", TRACE, "owner's process; up to 16 times" },
	{ OPT_COMM, "comm", "NAME", TRACE, "owner's name" },
	{ OPT_PORT, "port", "N", TRACE, "local or remote port" },
	{ OPT_LPORT, "lport", "N", TRACE, "local port" },
	{ OPT_RPORT, "rport", "N", TRACE, "remote port" },
	{ '4', NULL, NULL, TRACE, "IPv4 only (v4-mapped included)" },
	{ '6', NULL, NULL, TRACE, "IPv6 only" },
	{ OPT_NETNS, "netns", "WHICH", TRACE, "network namespace: a path, a name of ip-netns(8), a pid,\n"
	  "or its inode number" },
	{ OPT_PROBE, "probe", "auto|fentry|kprobe|tracepoint", TRACE | DOCTOR, "force a tier of hooks (default auto)" },
	{ OPT_NO_SYSCALLS, "no-syscalls", NULL, TRACE | DOCTOR, "no hooks on system calls" },
	{ OPT_RING_SIZE, "ring-size", "SIZE", TRACE, "ring buffer, a power of two (default 16M)" },
	{ 'h', "help", NULL, TRACE | DOCTOR | SCHEMA, "this" },
	{ OPT_VERSION, "version", NULL, TRACE | DOCTOR | SCHEMA, "the version" },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct {
	const char *name;
	const char *help;
} commands[COMMANDS] = {
	[COMMAND_TRACE] = { "trace", "print every TCP transition as it happens (the default)" },
	[COMMAND_DOCTOR] = { "doctor", "which hooks work on this kernel, what is lost where not" },
	[COMMAND_SCHEMA] = { "schema", "the JSON Schema of the records" },
	[COMMAND_VERSION] = { "version", "the version" },
	[COMMAND_HELP] = { "help", "this" },
};

struct parser {
	struct options *o;
	FILE *err;
};

__attribute__((format(printf, 2, 3)))
static int wrong(struct parser *p, const char *format, ...)
{
	va_list args;

	fputs("tcptrail: ", p->err);
	va_start(args, format);
	vfprintf(p->err, format, args);
	va_end(args);
	fprintf(p->err, "; see tcptrail %s --help\n", commands[p->o->command].name);
	return EXIT_USAGE;
}

static void print_row(const struct option_row *row, FILE *out)
{
	char left[64];
	const char *line = row->help;

	if (!row->name)
		snprintf(left, sizeof(left), "-%c", row->key);
	else
		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", row->key < 256 ? "-" : "  ",
			 row->key < 256 ? row->key : ' ', row->key < 256 ? ", " : " ", row->name,
			 row->value ? " " : "", row->value ? row->value : "");
	fprintf(out, "  %-26s", left);
	if (strlen(left) > 26)
		fprintf(out, "\n  %-26s", "");
	while (line) {
		size_t len = strcspn(line, "\n");

		fprintf(out, " %.*s\n", (int)len, line);
		line = line[len] ? line + len + 1 : NULL;
		if (line)
			fprintf(out, "  %-26s", "");
	}
}

static int finish(FILE *out)
{
	return fflush(out) || ferror(out) ? EXIT_OUTPUT : EXIT_OK;
}

static int help(enum command command, FILE *out)
{
	fprintf(out, "usage: tcptrail %s[OPTION]...\n\n", command == COMMAND_TRACE ? "[trace] " :
		command == COMMAND_DOCTOR ? "doctor " : "schema ");
	fprintf(out, "%s: %s.\n\n", commands[command].name, commands[command].help);
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].commands & ON(command))
			print_row(&rows[i], out);
	if (command == COMMAND_TRACE) {
		fputs("\ncommands:\n", out);
		for (int c = 0; c < COMMANDS; c++)
			fprintf(out, "  %-26s %s\n", commands[c].name, commands[c].help);
		fputs("\nexamples:\n"
		      "  tcptrail                                  everything, as it happens\n"
		      "  tcptrail --port 443 --comm nginx          one service\n"
		      "  tcptrail -e problems -o json | tee log    what went wrong, for a collector\n"
		      "  tcptrail --duration 10s --all > trace     ten seconds, every line\n", out);
	}
	fputs("\nexit codes: 0 ok, 1 runtime error, 2 usage, 3 no privilege,\n"
	      "            4 this kernel cannot be traced, 5 the output could not be written\n", out);
	return finish(out);
}

static int version(FILE *out)
{
	fprintf(out, "tcptrail %s\n", TCPTRAIL_VERSION);
	return finish(out);
}

static const struct {
	const char *word;
	uint32_t events;
} event_words[] = {
	{ "state", EVENTS_STATE },
	{ "syn-retransmit", EVENTS_SYN_RETRANSMIT },
	{ "retransmit", EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT },
	{ "reset", EVENTS_RESET },
	{ "error", EVENTS_ERROR },
	{ "problems", EVENTS_FAILED | EVENTS_SYN_RETRANSMIT | EVENTS_RESET | EVENTS_ERROR },
	{ "default", EVENTS_DEFAULT },
	{ "all", EVENTS_ALL },
};

#define EVENT_WORDS (sizeof(event_words) / sizeof(event_words[0]))

static uint32_t event_word(const char *word, size_t len)
{
	for (size_t i = 0; i < EVENT_WORDS; i++)
		if (strlen(event_words[i].word) == len && !strncmp(event_words[i].word, word, len))
			return event_words[i].events;
	return 0;
}

static int parse_events(struct parser *p, const char *list)
{
	uint32_t events = 0;

	for (const char *word = list; word; ) {
		size_t len = strcspn(word, ",");
		uint32_t e = event_word(word, len);

		if (!e)
			return wrong(p, "-e: no such kind of event: '%.*s'", (int)len, word);
		events |= e;
		word = word[len] ? word + len + 1 : NULL;
	}
	if (events & EVENTS_STATE)
		events &= ~EVENTS_FAILED;
	p->o->events = events;
	return -1;
}

/* One of a NULL-terminated list of words; its place to *out. */
static int parse_word(struct parser *p, const char *option, const char *word,
		      const char *const *words, int *out)
{
	for (int i = 0; words[i]; i++) {
		if (!strcmp(words[i], word)) {
			*out = i;
			return -1;
		}
	}
	return wrong(p, "--%s: no such choice: '%s'", option, word);
}

static int parse_output(struct parser *p, const char *word)
{
	static const char *const words[] = { "text", "json", NULL };
	int which = 0, code = parse_word(p, "output", word, words, &which);

	if (code < 0)
		p->o->output = words[which];
	return code;
}

static int parse_port(struct parser *p, const char *option, const char *word, uint16_t *out)
{
	uint64_t n;

	if (!value_number(word, 1, 65535, &n))
		return wrong(p, "--%s: not a port (1 to 65535): '%s'", option, word);
	*out = n;
	return -1;
}

static int parse_pid(struct parser *p, const char *word)
{
	struct kernel_filter *f = &p->o->filter;
	uint64_t n;

	if (!value_number(word, 1, VALUE_PID_MAX, &n))
		return wrong(p, "--pid: not a process id: '%s'", word);
	if (f->pids_len == FILTER_PIDS_MAX)
		return wrong(p, "--pid: at most %d times", FILTER_PIDS_MAX);
	f->pids[f->pids_len++] = n;
	return -1;
}

static int parse_family(struct parser *p, uint8_t family)
{
	if (p->o->filter.family && p->o->filter.family != family)
		return wrong(p, "-4 and -6 together leave nothing");
	p->o->filter.family = family;
	return -1;
}

static int parse_netns(struct parser *p, const char *word)
{
	int err = value_netns(word, &p->o->filter.netns);

	return err ? wrong(p, "--netns: '%s': %s", word, strerror(-err)) : -1;
}

static int parse_comm(struct parser *p, const char *word)
{
	size_t len = strlen(word);

	if (!len || len > 15)
		return wrong(p, "--comm: a task's name has 1 to 15 bytes");
	p->o->comm = word;
	return -1;
}

static int parse_size(struct parser *p, const char *word)
{
	uint64_t n;

	if (!value_size(word, sysconf(_SC_PAGESIZE), 1 << 30, &n))
		return wrong(p, "--ring-size: a power of two from a page to 1G: '%s'", word);
	p->o->ring_size = n;
	return -1;
}

/* Options with a value that is not a filter. */
static int parse_setting(struct parser *p, int key, const char *value)
{
	static const char *const colours[] = { "auto", "always", "never", NULL };
	static const char *const probes[] = { "auto", "fentry", "kprobe", "tracepoint", NULL };
	int which = 0, code;

	switch (key) {
	case 'o':
		return parse_output(p, value);
	case 'e':
		return parse_events(p, value);
	case OPT_DURATION:
		return value_duration(value, &p->o->duration_ns)
		       ? -1 : wrong(p, "--duration: not a time: '%s'", value);
	case 'c':
		return value_number(value, 1, INT64_MAX, &p->o->count)
		       ? -1 : wrong(p, "--count: not a number above 0: '%s'", value);
	case OPT_COLOUR:
		code = parse_word(p, "color", value, colours, &which);
		p->o->colour = which;
		return code;
	case OPT_PROBE:
		code = parse_word(p, "probe", value, probes, &which);
		p->o->probe = which;
		return code;
	default:
		return parse_size(p, value);
	}
}

static int parse_filter(struct parser *p, int key, const char *value)
{
	switch (key) {
	case OPT_PID:
		return parse_pid(p, value);
	case OPT_COMM:
		return parse_comm(p, value);
	case OPT_PORT:
		return parse_port(p, "port", value, &p->o->filter.port);
	case OPT_LPORT:
		return parse_port(p, "lport", value, &p->o->filter.lport);
	case OPT_RPORT:
		return parse_port(p, "rport", value, &p->o->filter.rport);
	default:
		return parse_netns(p, value);
	}
}

static int parse_one(struct parser *p, int key, const char *value, FILE *out)
{
	switch (key) {
	case 'h':
		return help(p->o->command, out);
	case OPT_VERSION:
		return version(out);
	case OPT_ALL:
		p->o->all = true;
		return -1;
	case 'q':
		p->o->quiet = true;
		return -1;
	case 'n':
		return -1;
	case OPT_UTC:
		p->o->utc = true;
		return -1;
	case OPT_NO_SYSCALLS:
		p->o->syscalls = false;
		return -1;
	case '4':
		return parse_family(p, 4);
	case '6':
		return parse_family(p, 6);
	case OPT_PID:
	case OPT_COMM:
	case OPT_PORT:
	case OPT_LPORT:
	case OPT_RPORT:
	case OPT_NETNS:
		return parse_filter(p, key, value);
	default:
		return parse_setting(p, key, value);
	}
}

/* The tables that getopt_long(3) wants, of this command's options. */
static void tables(enum command command, char *shorts, struct option *longs)
{
	size_t s = 0, l = 0;

	shorts[s++] = '+';
	shorts[s++] = ':';
	for (size_t i = 0; i < ROWS; i++) {
		if (!(rows[i].commands & ON(command)))
			continue;
		if (rows[i].key < 256) {
			shorts[s++] = rows[i].key;
			if (rows[i].value)
				shorts[s++] = ':';
		}
		if (rows[i].name)
			longs[l++] = (struct option){ rows[i].name, rows[i].value ? 1 : 0, NULL,
						      rows[i].key };
	}
	shorts[s] = '\0';
	longs[l] = (struct option){ 0 };
}

/* The command's word, if there is one, moves out of the way. */
static int parse_command(struct parser *p, int *argc, char ***argv)
{
	const char *word = *argc > 1 ? (*argv)[1] : NULL;

	if (!word || word[0] == '-')
		return -1;
	for (int c = 0; c < COMMANDS; c++) {
		if (strcmp(word, commands[c].name))
			continue;
		p->o->command = c;
		(*argc)--;
		(*argv)++;
		return -1;
	}
	return wrong(p, "no such command: '%s'", word);
}

static int parse_rest(struct parser *p, int argc, char **argv, FILE *out)
{
	struct option longs[ROWS + 1];
	char shorts[3 * ROWS + 3];
	int key, code;

	tables(p->o->command, shorts, longs);
	optind = 0;
	opterr = 0;
	while ((key = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (key == ':')
			return wrong(p, "%s needs a value", argv[optind - 1]);
		if (key == '?')
			return wrong(p, "no such option: %s", argv[optind - 1]);
		code = parse_one(p, key, optarg, out);
		if (code >= 0)
			return code;
	}
	if (optind < argc)
		return wrong(p, "unexpected argument: '%s'", argv[optind]);
	return -1;
}

int options_parse(struct options *o, int argc, char **argv, FILE *out, FILE *err)
{
	struct parser p = { .o = o, .err = err };
	int code;

	*o = (struct options){
		.command = COMMAND_TRACE, .output = "text", .events = EVENTS_DEFAULT,
		.syscalls = true, .ring_size = 16 << 20,
	};
	code = parse_command(&p, &argc, &argv);
	if (code >= 0)
		return code;
	if (o->command == COMMAND_VERSION)
		return version(out);
	if (o->command == COMMAND_HELP)
		return help(COMMAND_TRACE, out);
	return parse_rest(&p, argc, argv, out);
}

bool options_colour(const struct options *o, bool terminal, const char *no_color, const char *term)
{
	if (o->colour != COLOUR_AUTO)
		return o->colour == COLOUR_ALWAYS;
	return terminal && !(no_color && no_color[0]) && !(term && !strcmp(term, "dumb"));
}

void options_events_text(uint32_t events, char buf[OPTIONS_EVENTS_LEN])
{
	static const struct {
		uint32_t bit;
		const char *word;
	} words[] = {
		{ EVENTS_STATE, "state" }, { EVENTS_FAILED, "failed" },
		{ EVENTS_SYN_RETRANSMIT, "syn-retransmit" }, { EVENTS_DATA_RETRANSMIT, "retransmit" },
		{ EVENTS_RESET, "reset" }, { EVENTS_ERROR, "error" },
	};
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (events & words[i].bit)
			used += snprintf(buf + used, OPTIONS_EVENTS_LEN - used, "%s%s",
					 used ? "," : "", words[i].word);
}

bool options_filter_text(const struct options *o, char buf[OPTIONS_FILTER_LEN])
{
	const struct kernel_filter *f = &o->filter;
	FILE *text = fmemopen(buf, OPTIONS_FILTER_LEN, "w");

	buf[0] = '\0';
	if (!text)
		return false;
	for (uint32_t i = 0; i < f->pids_len; i++)
		fprintf(text, " --pid %u", f->pids[i]);
	if (o->comm)
		fprintf(text, " --comm %s", o->comm);
	if (f->port)
		fprintf(text, " --port %u", f->port);
	if (f->lport)
		fprintf(text, " --lport %u", f->lport);
	if (f->rport)
		fprintf(text, " --rport %u", f->rport);
	if (f->family)
		fprintf(text, " -%u", f->family);
	if (f->netns)
		fprintf(text, " --netns %u", f->netns);
	fclose(text);
	if (buf[0])
		memmove(buf, buf + 1, strlen(buf));
	return buf[0];
}
