// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * options.c - see options.h. The options themselves are in option_rows.c.
 *
 * getopt_long() and not argp: argp's messages take two lines and its --help
 * knows one command.
 */
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "bpf/event.h"
#include "filter_push.h"
#include "filter_terms.h"
#include "option_rows.h"
#include "recording.h"

#define LONG_BASE 256	/* getopt's value of option_rows[i].name is LONG_BASE + i */

/* For getopt: '-' hands on operands as they come, ':' leaves messages to us. */
static void make_getopt_tables(enum command command, char *letters, struct option *names)
{
	*letters++ = '-';
	*letters++ = ':';
	for (size_t i = 0; i < option_rows_len; i++) {
		if (row_is_heading(&option_rows[i]) || !(option_rows[i].commands & (1u << command)))
			continue;
		if (option_rows[i].letter) {
			*letters++ = option_rows[i].letter;
			if (option_rows[i].arg)
				*letters++ = ':';
		}
		if (option_rows[i].name)
			*names++ = (struct option){
				.name = option_rows[i].name,
				.has_arg = option_rows[i].arg ? required_argument : no_argument,
				.val = LONG_BASE + (int)i,
			};
	}
	*letters = '\0';
	*names = (struct option){ 0 };
}

static const struct row *row_of(int key)
{
	if (key >= LONG_BASE)
		return &option_rows[key - LONG_BASE];
	for (size_t i = 0; i < option_rows_len; i++)
		if (option_rows[i].letter && option_rows[i].letter == key)
			return &option_rows[i];
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
		return option_refuse(p, "--%s needs an argument", row->name);
	if (row && key == ':')
		return option_refuse(p, "-%c needs an argument", row->letter);
	if (row && named && !is_abbreviated(word, row))
		return option_refuse(p, "--%s takes no argument", row->name);
	if (named)
		return option_refuse(p, "unknown option '%.*s'", (int)strcspn(word, "="), word);
	return option_refuse(p, "unknown option '-%c'", optopt);
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

/* enum filter_rows of the command; 0: it takes no filter. */
static unsigned int rows_of(enum command command)
{
	switch (command) {
	case COMMAND_TRACE:
		return ROWS_EVENTS;
	case COMMAND_LISTENERS:
		return ROWS_LISTENERS;
	case COMMAND_STALLS:
		return ROWS_STALLS;
	case COMMAND_CHECK:
		return ROWS_CHECK;
	case COMMAND_LIMITS:
		return ROWS_LIMITS;
	default:
		return 0;
	}
}

static bool is_recording(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char magic[REC_MAGIC_LEN];
	bool yes;

	if (fd < 0)
		return false;
	yes = pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	      !memcmp(magic, REC_MAGIC, sizeof(magic));
	close(fd);
	return yes;
}

/* A word of FILTER. -1: go on; otherwise the exit code. */
static int take_operand(struct parse *p, const char *word)
{
	struct options *o = p->o;

	/* -r trail.rec* is by the shell -r trail.rec trail.rec.1 trail.rec.2 */
	if (o->read_len && o->read_len < OPTIONS_READ_MAX && !p->words.len && is_recording(word)) {
		o->read[o->read_len++] = (char *)word;
		return -1;
	}
	if (o->command == COMMAND_SCHEMA && !o->schema)
		for (size_t i = 0; i < COMMAND_SCHEMA; i++)
			if (strcmp(word, command_word(i)) == 0) {
				o->schema = (enum command)i;
				return -1;
			}
	for (size_t i = 0; i < COMMANDS && !p->words.len && o->command != COMMAND_SCHEMA; i++)
		if (strcmp(word, command_word(i)) == 0)
			return option_refuse(p, "a command goes first: tcptrail %s", word);
	if (!rows_of(p->o->command))
		return option_refuse(p, "unexpected argument '%.128s'", word);
	filter_words_add(&p->words, word);
	return -1;
}

static bool is_word(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz-");

	return len && (!text[len] || text[len] == ' ');
}

static int refuse_filter(struct parse *p, const struct filter_error *error)
{
	/* Most likely it was meant as a command. */
	if (p->unnamed && !error->at && is_word(p->words.text) &&
	    filter_field_by_word(p->words.text, strcspn(p->words.text, " ")) == FIELDS) {
		p->help = "--help";
		return option_refuse(p, "'%.*s' is neither a command nor a term of a filter",
				     (int)strcspn(p->words.text, " "), p->words.text);
	}
	p->help = "help filter";
	option_refuse(p, "filter: %s", error->what);
	filter_caret(p->words.text, error->at, p->err);
	return EXIT_USAGE;
}

static const uint32_t kind_events[REC_START] = {
	[REC_STATE] = EVENTS_STATE, [REC_CONNECTION] = EVENTS_CONNECTION | EVENTS_FAILED,
	[REC_RETRANSMIT] = EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT,
	[REC_RESET] = EVENTS_RESET, [REC_ERROR] = EVENTS_ERROR, [REC_DROP] = EVENTS_DROP,
	[REC_SYNCOOKIE] = EVENTS_SYNCOOKIE, [REC_ACCEPT] = EVENTS_ACCEPT,
	[REC_SUMMARY] = EVENTS_SUMMARY, [REC_LIMIT] = EVENTS_LIMIT, [REC_STALL] = EVENTS_STALL,
	[REC_LISTEN] = EVENTS_STATE,
};

static uint32_t events_of(uint64_t kinds)
{
	uint32_t events = 0;

	for (unsigned int kind = 0; kind < REC_START; kind++)
		if (kinds >> kind & 1)
			events |= kind_events[kind];
	return events;
}

/* `event retransmit` and the like stand for -e; `not event reset` narrows what it is by default. */
static void take_kinds(struct parse *p, uint64_t kinds)
{
	uint32_t wanted = events_of(kinds) & ~EVENTS_FAILED;
	bool narrows = kinds >> REC_START & 1;	/* a complement */

	p->o->events = narrows ? wanted & EVENTS_DEFAULT : wanted;
	p->accept_named = !narrows && wanted & EVENTS_ACCEPT;
}

/* FILTER and the plain options, all of which have to hold. */
static int take_filter(struct parse *p)
{
	bool trace = p->o->command == COMMAND_TRACE;
	unsigned int rows = rows_of(p->o->command);
	struct filter_error error;
	char plain[FILTER_PLAIN_LEN];

	if (!rows)
		return -1;
	if (!filter_parse(&p->o->where, filter_plain_text(&p->plain, trace, plain), rows, NULL, &error))
		return option_refuse(p, "%s", error.what);
	if (!filter_parse(&p->o->where, p->words.text, rows, &filter_system, &error))
		return refuse_filter(p, &error);
	filter_push(&p->o->where, &p->o->filter, &p->o->prefixes);
	if (!p->o->events && filter_uses(&p->o->where, FILTER_BIT(FIELD_EVENT)))
		take_kinds(p, filter_kinds(&p->o->where));
	return -1;
}

/* What follows `--`: argv ends with NULL. */
static int take_command(struct parse *p, char **argv)
{
	if (!argv[0] || !argv[0][0])
		return option_refuse(p, "-- has to be followed by a command");
	p->o->argv = argv;
	p->o->filter.follow = 1;
	return -1;
}

/* -1: go on; otherwise the exit code. `overview`: no command was named. */
static int read_options(struct parse *p, int argc, char **argv, bool overview, FILE *out)
{
	struct option names[OPTION_ROWS_MAX + 1];
	char letters[2 * OPTION_ROWS_MAX + 3];
	int key, at, ret;

	make_getopt_tables(p->o->command, letters, names);
	optind = 0;	/* glibc: begin anew, unit tests parse many times */
	while (at = optind ? optind : 1,
	       (key = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct row *row = row_of(key);

		if (key == 1) {
			ret = take_operand(p, optarg);
			if (ret != -1)
				return ret;
			continue;
		}
		if (key == '?' || key == ':' || !row)
			return refuse_word(p, key, argv[at]);
		if (key >= LONG_BASE && is_abbreviated(argv[at], row))
			return option_refuse(p, "unknown option '%.*s'", (int)strcspn(argv[at], "="),
					     argv[at]);
		if (row->letter == 'h')
			return overview ? option_help(out, COMMAND_HELP) :
					  option_help(out, p->o->command);
		if (row->letter == 'V')
			return option_version(out);
		ret = apply(p, row, key >= LONG_BASE);
		if (ret != -1)
			return ret;
	}
	if (p->o->command == COMMAND_TRACE && optind > 1 && !strcmp(argv[optind - 1], "--"))
		return take_command(p, argv + optind);
	return optind < argc ? option_refuse(p, "unexpected argument '%.128s'", argv[optind]) : -1;
}

/* Metrics need all ends and accepts; transitions cost most, and are summed where they
 * are asked for. */
static uint32_t made(const struct options *o)
{
	uint32_t events = o->events;

	if (o->metrics_file)
		events |= EVENTS_DEFAULT & ~EVENTS_STATE;
	if (events & EVENTS_SUMMARY)
		events |= EVENTS_CONNECTION;
	return events & EVENTS_CONNECTION ? events & ~EVENTS_FAILED : events;
}

static int take_times(struct parse *p)
{
	struct options *o = p->o;

	if ((p->since || p->until) && !o->read_len)
		return option_refuse(p, "--since and --until need a recording: -r FILE");
	if (p->since && !when_parse(p->since, o->utc, &o->since))
		return option_refuse(p, "--since: '%.64s' is no time such as 02:57, 2026-11-22T02:57:00Z or -10m",
				     p->since);
	if (p->until && !when_parse(p->until, o->utc, &o->until))
		return option_refuse(p, "--until: '%.64s' is no time such as 03:10, 2026-11-22T03:10:00Z or -5m",
				     p->until);
	if (o->since.kind == WHEN_AT && o->until.kind == WHEN_AT && o->since.ns >= o->until.ns)
		return option_refuse(p, "--until %.64s is not after --since %.64s", p->until, p->since);
	return -1;
}

static bool overs(const struct options *o)
{
	for (int i = 0; i < OVERS; i++)
		if (o->over_ns[i])
			return true;
	for (int i = 0; i < OVER_COUNTS; i++)
		if (o->over_count[i])
			return true;
	return false;
}

/* -r reads no kernel. */
static int check_read(struct parse *p)
{
	const struct options *o = p->o;

	if (o->write)
		return option_refuse(p, "-w and -r exclude each other");
	if (o->argv || o->probe != PROBE_AUTO || !o->syscalls || o->duration_ns || o->sockets ||
	    o->poll_ns != POLL_DEFAULT_NS || o->ring_size != RING_DEFAULT)
		return option_refuse(p, "a command, --probe, --no-syscalls, --poll, --ring-size, --sockets and "
				     "--duration are of the kernel: not with -r");
	if (o->command != COMMAND_LISTENERS && o->command != COMMAND_TRACE &&
	    (o->interval_ns || o->count || o->each || overs(o)))
		return option_refuse(p, "-i, -c, --each and --over are of the kernel: not with -r");
	return -1;
}

static int check_recording(struct parse *p)
{
	struct options *o = p->o;
	int ret = take_times(p);

	if (ret == -1 && o->read_len)
		ret = check_read(p);
	if (ret != -1)
		return ret;
	if ((o->rotate_size || o->rotate_count) && !o->write)
		return option_refuse(p, "--rotate-size and --rotate-count need -w FILE");
	if (o->rotate_count && !o->rotate_size)
		return option_refuse(p, "--rotate-count needs --rotate-size");
	if (o->rotate_size && !o->rotate_count)
		o->rotate_count = ROTATE_COUNT_DEFAULT;
	if (!o->write)
		return -1;
	if (!p->output_named)
		o->output = "none";
	if (!strcmp(o->write, "-") && (o->rotate_size || (strcmp(o->output, "none") && !o->output_file)))
		return option_refuse(p, "-w -: standard output takes the recording alone, and no rotation");
	return -1;
}

/* What no record can match, or what one option says and another takes back. */
static int check_together(struct parse *p)
{
	struct options *o = p->o;
	const struct filter_plain *f = &p->plain;
	int ret;

	if (o->colour == COLOUR_ALWAYS && strcmp(o->output, "json") == 0)
		return option_refuse(p, "--color always and -o json exclude each other");
	if (f->port && f->lport && f->rport && f->port != f->lport && f->port != f->rport)
		return option_refuse(p, "--port %u is neither --lport %u nor --rport %u", f->port,
				     f->lport, f->rport);
	ret = check_recording(p);
	if (ret != -1)
		return ret;
	if (!o->events)
		o->events = EVENTS_DEFAULT;
	if (p->rollup_named)
		o->events |= EVENTS_SUMMARY;
	if (!(events_of(filter_kinds(&o->where)) & o->events))
		return option_refuse(p, "the filter takes none of the kinds of events that are told (-e)");
	/* People who did not ask for them read the slow ones alone. */
	if (!p->accept_named && strcmp(o->output, "text") == 0)
		o->accept_over_ns = SLOW_ACCEPT_NS;
	if (o->events & EVENTS_CONNECTION)
		o->events &= ~EVENTS_FAILED;
	o->made = made(o);
	return -1;
}

static bool find_command(const char *word, enum command *command)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(word, command_word(i)) == 0) {
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
		return option_refuse(p, "unexpected argument '%.128s'", argv[2]);
	if (argc == 2 && !strcmp(argv[1], "filter")) {
		filter_help(out);
		return EXIT_OK;
	}
	if (argc == 2 && !find_command(argv[1], &command))
		return option_refuse(p, "unknown command '%.128s'", argv[1]);
	return option_help(out, command);
}

/* argv[0] is the command's word, or the program's name where none was given. */
static int read_command(struct parse *p, int argc, char **argv, bool named, FILE *out)
{
	char help[32];
	int ret;

	if (p->o->command == COMMAND_HELP && (argc < 2 || argv[1][0] != '-'))
		return help_command(p, argc, argv, out);
	snprintf(help, sizeof(help), "%s --help", command_word(p->o->command));
	p->help = help;
	ret = read_options(p, argc, argv, !named, out);
	if (ret == -1)
		ret = take_filter(p);
	if (ret == -1)
		ret = check_together(p);
	if (ret == -1 && p->o->explain)
		ret = filter_explain(&p->o->where,
				     p->o->command == COMMAND_TRACE && !p->o->read[0], out) ? EXIT_OK : EXIT_RUNTIME;
	if (ret == -1 && p->o->command == COMMAND_VERSION)
		ret = option_version(out);
	p->help = NULL;
	return ret;
}

int options_parse(struct options *o, int argc, char **argv, FILE *out, FILE *err)
{
	struct parse p = { .o = o, .err = err, .help = "--help" };
	bool named;
	int ret;

	*o = (struct options){ .output = "text", .syscalls = true, .ring_size = RING_DEFAULT,
			       .poll_ns = POLL_DEFAULT_NS, .metrics_ns = METRICS_DEFAULT_NS,
			       .rollup_ns = ROLLUP_DEFAULT_NS };
	named = argc > 1 && find_command(argv[1], &o->command);
	p.unnamed = argc > 1 && !named && argv[1][0] != '-';
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

bool options_filter_text(const struct options *o, char buf[OPTIONS_FILTER_LEN])
{
	size_t len = strlen(filter_text(&o->where, buf, OPTIONS_FILTER_LEN));

	if (o->argv)
		snprintf(buf + len, OPTIONS_FILTER_LEN - len, "%s-- %.128s", len ? " " : "",
			 o->argv[0]);
	return *buf;
}
