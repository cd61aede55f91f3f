// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_options.c - what the command line takes, and that it refuses all else in
 * one line with exit code 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "names.h"
#include "options.h"
#include "value.h"

#define MAX_WORDS 48

struct said {
	struct options o;
	char words[1024];	/* argv points into it */
	char out[16384];
	char err[1024];
};

/* Parses "tcptrail" and the words of a line; "''" is an empty word. */
static int parse(struct said *s, const char *line)
{
	char *argv[MAX_WORDS + 1] = { (char *)"tcptrail" };
	FILE *out, *err;
	int argc = 1, code;

	memset(s, 0, sizeof(*s));
	snprintf(s->words, sizeof(s->words), "%s", line);
	for (char *w = strtok(s->words, " "); w && argc < MAX_WORDS; w = strtok(NULL, " "))
		argv[argc++] = strcmp(w, "''") ? w : w + 2;
	out = fmemopen(s->out, sizeof(s->out), "w");
	err = fmemopen(s->err, sizeof(s->err), "w");
	assert_true(out && err);
	code = options_parse(&s->o, argc, argv, out, err);
	fclose(out);
	fclose(err);
	return code;
}

static const char *filter_of(struct said *s)
{
	static char text[OPTIONS_FILTER_LEN];

	options_filter_text(&s->o, text);
	return text;
}

static void test_defaults(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, ""), -1);
	assert_int_equal(s.o.command, COMMAND_TRACE);
	assert_string_equal(s.o.output, "text");
	assert_int_equal(s.o.events, EVENTS_DEFAULT);
	assert_int_equal(s.o.made, EVENTS_DEFAULT);
	assert_int_equal(s.o.ring_size, 16 << 20);
	assert_true(s.o.syscalls);
	assert_false(s.o.all || s.o.quiet || s.o.utc);
	assert_int_equal(s.o.duration_ns, 0);
	assert_int_equal(s.o.count, 0);
	assert_true(filter_empty(&s.o.where));
}

static void test_commands(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, "trace -q"), -1);
	assert_int_equal(s.o.command, COMMAND_TRACE);
	assert_true(s.o.quiet);
	assert_int_equal(parse(&s, "doctor -o json --probe kprobe"), -1);
	assert_int_equal(s.o.command, COMMAND_DOCTOR);
	assert_string_equal(s.o.output, "json");
	assert_int_equal(s.o.probe, PROBE_KPROBE);
	assert_int_equal(parse(&s, "schema"), -1);
	assert_int_equal(s.o.command, COMMAND_SCHEMA);
	assert_int_equal(s.o.schema, COMMAND_TRACE);
	assert_int_equal(parse(&s, "schema listeners"), -1);
	assert_int_equal(s.o.schema, COMMAND_LISTENERS);
	assert_int_equal(parse(&s, "schema doctor"), -1);
	assert_int_equal(s.o.schema, COMMAND_DOCTOR);
}

static void test_every_option(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, "-o json -e reset,error --all --duration 500ms -c 7 -q -n --utc "
				   "--color never --probe fentry --no-syscalls --pid 1 --pid 4194304 "
				   "--comm nginx --port 80 --lport 80 --rport 65535 -6 --ring-size 1M --sockets 256"), -1);
	assert_string_equal(s.o.output, "json");
	assert_int_equal(s.o.events, EVENTS_RESET | EVENTS_ERROR);
	assert_true(s.o.all && s.o.quiet && s.o.utc && !s.o.syscalls);
	assert_int_equal(s.o.duration_ns, 500000000);
	assert_int_equal(s.o.count, 7);
	assert_int_equal(s.o.colour, COLOUR_NEVER);
	assert_int_equal(s.o.probe, PROBE_FENTRY);
	assert_string_equal(filter_of(&s), "tree = 1,4194304 and comm = nginx and (sport = :80 or "
			    "dport = :80) and sport = :80 and dport = :65535 and family = inet6");
	assert_int_equal(s.o.filter.pids_len, 2);
	assert_int_equal(s.o.filter.pids[1], 4194304);
	assert_true(s.o.filter.atoms_len);
	assert_int_equal(s.o.ring_size, 1 << 20);
	assert_int_equal(s.o.sockets, 256);
}

static void test_events(void **state)
{
	static const struct {
		const char *line;
		uint32_t events;
	} cases[] = {
		{ "-e state", EVENTS_STATE },
		{ "-e retransmit", EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT },
		{ "-e syn-retransmit", EVENTS_SYN_RETRANSMIT },
		{ "-e problems", EVENTS_FAILED | EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT |
				 EVENTS_RESET | EVENTS_ERROR | EVENTS_DROP | EVENTS_LIMIT |
				 EVENTS_STALL },
		{ "-e default", EVENTS_DEFAULT },
		{ "-e all", EVENTS_ALL },
		{ "--events=state,connection,problems,syncookie,accept", EVENTS_ALL },
		{ "-e limit", EVENTS_LIMIT },
	};
	struct said s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(&s, cases[i].line), -1);
		assert_int_equal(s.o.events, cases[i].events);
	}
}

/* What is needed is more than what is told. */
static void test_recording(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, "-w trail.rec"), -1);
	assert_string_equal(s.o.write, "trail.rec");
	assert_string_equal(s.o.output, "none");	/* silent unless asked */
	assert_int_equal(s.o.rotate_size, 0);
	assert_int_equal(parse(&s, "-w trail.rec -o text --rotate-size 300K"), -1);
	assert_string_equal(s.o.output, "text");
	assert_int_equal(s.o.rotate_size, 300 << 10);
	assert_int_equal(s.o.rotate_count, 8);
	assert_int_equal(parse(&s, "-w - --output-file x"), -1);
	assert_int_equal(parse(&s, "-r a -r b --since 02:57 --until 2026-11-22T03:00:00Z --pid 7"), -1);
	assert_int_equal(s.o.read_len, 2);
	assert_string_equal(s.o.read[1], "b");
	assert_int_equal(s.o.since.kind, WHEN_OF_DAY);
	assert_int_equal(s.o.until.kind, WHEN_AT);
	/* As the shell writes -r v1.rec*; what is no recording is no operand. */
	assert_int_equal(parse(&s, "-r a tests/golden/v1.rec -o json"), -1);
	assert_string_equal(s.o.read[1], "tests/golden/v1.rec");
	assert_string_equal(s.o.output, "json");
	assert_int_equal(parse(&s, "-r a Makefile"), EXIT_USAGE);
	assert_int_equal(parse(&s, "stalls -r a --since 02:57"), -1);
	assert_int_equal(parse(&s, "check -r a --since 02:57"), -1);
	assert_int_equal(parse(&s, "limits -r a --all --until -10m"), -1);
	assert_int_equal(parse(&s, "listeners -r a --since -10m -i 60 lport = 80"), -1);
	assert_int_equal(s.o.since.kind, WHEN_BEFORE_END);
}

static void test_metrics(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, "-o none --metrics-file m.prom"), -1);
	assert_string_equal(s.o.metrics_file, "m.prom");
	assert_true(s.o.metrics_ns == 15000000000);
	assert_int_equal(s.o.made, EVENTS_DEFAULT);
	assert_int_equal(parse(&s, "-e problems --metrics-file m.prom --metrics-interval 1s"), -1);
	assert_true(s.o.events & EVENTS_FAILED && !(s.o.events & EVENTS_CONNECTION));
	assert_true(s.o.made & EVENTS_CONNECTION && !(s.o.made & EVENTS_FAILED));
	assert_true(s.o.made & EVENTS_ACCEPT && s.o.made & EVENTS_DATA_RETRANSMIT);
	assert_false(s.o.made & EVENTS_STATE);
	assert_int_equal(parse(&s, "-e problems"), -1);
	assert_int_equal(s.o.made, s.o.events);
	assert_int_equal(parse(&s, "-e problems,summary"), -1);
	assert_true(s.o.rollup_ns == 10000000000 && s.o.events & EVENTS_FAILED);
	assert_true(s.o.made & EVENTS_CONNECTION && !(s.o.events & EVENTS_CONNECTION));
	assert_int_equal(parse(&s, "-r a --metrics-file m.prom --metrics-interval 1s --rollup 1m"), -1);
	assert_true(s.o.read_len == 1 && s.o.metrics_file && s.o.events & EVENTS_SUMMARY);
	assert_int_equal(parse(&s, "--rollup 1m --sample 1/1000"), -1);
	assert_int_equal(s.o.events, EVENTS_DEFAULT | EVENTS_SUMMARY);
	assert_true(s.o.rollup_ns == 60000000000 && s.o.sample == 1000);
}

static void test_command(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, "-e state -- curl -v http://x"), -1);
	assert_string_equal(s.o.argv[0], "curl");
	assert_string_equal(s.o.argv[1], "-v");		/* its own option */
	assert_int_equal(s.o.filter.follow, 1);
	assert_int_equal(parse(&s, "trace -- ss"), -1);
	assert_string_equal(s.o.argv[0], "ss");
	assert_int_equal(parse(&s, "-e state"), -1);
	assert_null(s.o.argv);
}

/* FILTER in one word or many, options before, between and behind. */
static void test_filter(void **state)
{
	static const char *const lines[] = {
		"sport = :443 and dst 10.0.0.0/8", "trace sport =:443 dst 10.0.0.0/8",
		"-e state sport = :443 and -c 3 dst = 10.0.0.0/8 -q", "--lport 443 dst 10.0.0.0/8",
	};
	char *argv[] = { (char *)"tcptrail", (char *)"( sport = :443 )", (char *)"dst",
			 (char *)"10.0.0.0/8", (char *)"--", (char *)"curl", NULL };
	struct said s;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(&s, lines[i]), -1);
		assert_string_equal(filter_of(&s), "sport = :443 and dst = 10.0.0.0/8");
		assert_int_equal(s.o.filter.atoms_len, 2);
	}
	assert_int_equal(options_parse(&s.o, 6, argv, stdout, stderr), -1);
	assert_string_equal(filter_of(&s), "sport = :443 and dst = 10.0.0.0/8 -- curl");
	assert_int_equal(parse(&s, "listeners --pid 7 unit nginx"), -1);
	assert_string_equal(filter_of(&s), "pid = 7 and unit = nginx.service");
	assert_int_equal(parse(&s, "stalls verdict close-wait"), -1);
	assert_int_equal(parse(&s, "check port 80"), -1);
	assert_int_equal(parse(&s, "limits limit local-ports dst 10.0.0.1"), -1);
}

static void test_filter_says_kinds(void **state)
{
	static const struct {
		const char *line;
		uint32_t events;
	} cases[] = {
		{ "event retransmit and port 80", EVENTS_SYN_RETRANSMIT | EVENTS_DATA_RETRANSMIT },
		{ "event drop,accept", EVENTS_DROP | EVENTS_ACCEPT },
		{ "event drop or event reset", EVENTS_DROP | EVENTS_RESET },
		{ "-e state,drop event drop", EVENTS_STATE | EVENTS_DROP },
		{ "-e failed event connection", EVENTS_FAILED },
		{ "not event state,listen", EVENTS_DEFAULT & ~EVENTS_STATE },
		{ "event != reset and failed", EVENTS_DEFAULT & ~EVENTS_RESET },
		{ "event drop or failed", EVENTS_DEFAULT },
		{ "port 80", EVENTS_DEFAULT },
	};
	struct said s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(&s, cases[i].line), -1);
		assert_int_equal(s.o.events, cases[i].events);
	}
	for (unsigned int kind = 0; kind < REC_START; kind++) {
		char line[64];

		snprintf(line, sizeof(line), "event %s", name_kind((enum record_kind)kind));
		assert_int_equal(parse(&s, line), -1);
		assert_true(s.o.events);
	}
	parse(&s, "event accept");
	assert_int_equal(s.o.accept_over_ns, 0);	/* all of them */
}

static void test_explain(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, "--explain sport = :443 and not loopback and failed"), EXIT_OK);
	assert_string_equal(s.out, "filter      sport = :443 and not loopback and failed\n"
			    "kernel      sport = :443\nkernel      not loopback\n"
			    "user space  failed\n");
	assert_int_equal(parse(&s, "--explain ! failed sport 80 or dport 9"), EXIT_OK);
	assert_string_equal(s.out, "filter      (not failed and sport = :80) or dport = :9\n"
			    "kernel      sport = :80 or dport = :9\n"
			    "user space  (not failed and sport = :80) or dport = :9\n");
	assert_int_equal(parse(&s, "listeners port 80 --explain"), EXIT_OK);
	assert_string_equal(s.out, "filter      sport = :80\nkernel      nothing\nuser space  all of it\n");
	assert_int_equal(parse(&s, "--explain"), EXIT_OK);
	assert_string_equal(s.out, "filter      none: everything passes\n");
	assert_int_equal(parse(&s, "help filter"), EXIT_OK);
	assert_non_null(strstr(s.out, "accept-wait TIME"));
}

/* One line, the text, the caret. */
static void test_wrong_filter(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, "sport = :443 andd dst 10.0.0.0/8"), EXIT_USAGE);
	assert_string_equal(s.err, "tcptrail: filter: 'andd' is no term of a filter; see tcptrail help filter\n"
			    "  sport = :443 andd dst 10.0.0.0/8\n"
			    "               ^\n");
	assert_string_equal(s.out, "");
	assert_int_equal(parse(&s, "comm \xc3\xa4\x1b frob and ddddddddddddddddddddddddddddddddddddddddddd 3"), EXIT_USAGE);
	assert_non_null(strstr(s.err, "\n  comm \xc3\xa4? frob and ddddddddddddddddddd...\n          ^\n"));
	assert_int_equal(parse(&s, "listeners dport 3"), EXIT_USAGE);
	assert_int_equal(parse(&s, "comm aaaaaaaa or comm bbbbbbbbb or comm cccccccc or comm dddddddd or frob"), EXIT_USAGE);
	assert_non_null(strstr(s.err, "\n  ...mm bbbbbbbbb or comm c"));
	assert_ptr_equal(strchr(s.err, '^') + 1, strrchr(s.err, '\n'));
}

/* Every refusal: exit code 2, nothing on stdout, one line that says where to look. */
static void assert_refused(const char *line)
{
	struct said s;
	size_t len;

	if (parse(&s, line) != EXIT_USAGE)
		fail_msg("not refused: %s", line);
	len = strlen(s.err);
	assert_string_equal(s.out, "");
	assert_true(strncmp(s.err, "tcptrail: ", 10) == 0 && strstr(s.err, "; see tcptrail "));
	assert_ptr_equal(strchr(s.err, '\n'), s.err + len - 1);
}

static void test_over(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, "stalls"), -1);
	assert_int_equal(s.o.over_ns[OVER_SYN], 0);
	assert_int_equal(parse(&s, "stalls --over 2s,fin=500ms"), -1);
	assert_int_equal(s.o.over_ns[OVER_SYN], 2000000000);
	assert_int_equal(s.o.over_ns[OVER_FIN_WAIT_2], 2000000000);
	assert_int_equal(s.o.over_ns[OVER_FIN], 500000000);
	assert_int_equal(parse(&s, "check --over close-wait=5m"), -1);
	assert_int_equal(s.o.over_ns[OVER_CLOSE_WAIT], 300000000000);
	assert_int_equal(s.o.over_ns[OVER_WINDOW], 0);
	assert_int_equal(s.o.over_count[OVER_LEAK], 0);
	assert_int_equal(parse(&s, "trace --over leak=1000000,1s,retransmits=255"), -1);
	assert_int_equal(s.o.over_count[OVER_LEAK], 1000000);
	assert_int_equal(s.o.over_count[OVER_RETRANSMITS], 255);
	assert_int_equal(s.o.over_count[OVER_KEEPALIVE], 0);
	assert_int_equal(s.o.over_ns[OVER_SYN], 1000000000);
}

static void test_refused(void **state)
{
	static const char *const lines[] = {
		"listener", "checks", "frobnicate", "--frobnicate", "-z", "-q doctor", "doctor 80",
		"-o", "-o xml", "-o ''", "-e", "-e ''", "-e ,", "-e state,", "-e state,,reset",
		"-e drops", "--all=1", "--duration 0", "--duration -1", "--duration 5d",
		"--duration 5mx", "--duration ms", "--duration 9999999999999h", "-c 0", "-c 1x",
		"-c 18446744073709551616", "--color blue", "--probe ebpf", "--pid 0",
		"--pid 4194305", "--pid +1", "--pid ''", "--comm ''", "--comm abcdefghijklmnop",
		"--port 0", "--port 65536", "--lport 80x", "--rport -5", "-4 -6",
		"--netns /nonexistent", "--netns /dev/null", "--netns ''",
		"--netns 4294967296", "--ring-size 0", "--ring-size 1", "--ring-size 3M",
		"--ring-size 2G", "--ring-size 16MB", "--poll 99ms", "--poll x", "--metrics-interval 999ms", "--rollup 999ms", "--rollup x", "--sample 2/3", "--sample 1/0", "--sample 10", "--sample 1/", "--sample 1/1000001", "--metrics-interval x", "--metrics-file /", "doctor -o none", "-w ''", "-w x/", "-w a -w b", "-w a -r b", "-w - -o json", "-w - --rotate-size 1M", "--rotate-size 1M", "-w a --rotate-count 3", "-w a --rotate-size 255K", "-w a --rotate-size 1M --rotate-count 1000", "--since 02:57", "-r a --since x", "-r a --until 25:00", "-r a --since 2026-11-22 --until 2026-11-21", "-r a --duration 1", "-r a --probe fentry", "-r a -- true", "stalls -r a -i 1s", "stalls -r a --each", "stalls -r a --over 3s", "limits -r a -i 1", "check -r a --over 1s", "doctor -r a", "check --since 1", "check --metrics-file x", "--output-file ''", "--sockets 255", "--sockets 16777217", "doctor --pid 1", "schema -o json", "schema help", "schema stalls limits", "schema port",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_refused(lines[i]);
	assert_refused("--");
	assert_refused("listeners -- ss");
	assert_refused("listeners --each");
	assert_refused("check -i 1");
	assert_refused("stalls --over 0");
	assert_refused("stalls --over syn");
	assert_refused("stalls --over syn=");
	assert_refused("stalls --over 1s,");
	assert_refused("stalls --over synack=1s");
	assert_refused("stalls --over syn=1s,=2s");
	assert_refused("stalls --over 1s=syn");
	assert_refused("stalls --over leak=1s");
	assert_refused("stalls --over leak=0");
	assert_refused("stalls --over retransmits=256");
	assert_refused("stalls -r a --over keepalive=3");
	assert_refused("--pid 1 --pid 2 --pid 3 --pid 4 --pid 5 --pid 6 --pid 7 --pid 8 --pid 9 "
		       "--pid 10 --pid 11 --pid 12 --pid 13 --pid 14 --pid 15 --pid 16 --pid 17");
}

static void test_contradictions(void **state)
{
	(void)state;
	assert_refused("--color always -o json");
	assert_refused("--port 1 --lport 2 --rport 3");
	assert_refused("--lport 1 --lport 2");
	assert_refused("--comm a --comm b");
	assert_refused("-e state event drop");
	assert_refused("event drop and event reset");
	assert_refused("--dur 5");	/* an abbreviation */
}

/* A word with control bytes breaks neither the line nor the terminal. */
static void test_hostile_words(void **state)
{
	struct said s;

	(void)state;
	assert_refused("-c a\nb");
	assert_int_equal(parse(&s, "--pid \033[31m\n"), EXIT_USAGE);
	assert_null(strchr(s.err, '\033'));
	assert_ptr_equal(strchr(s.err, '\n'), s.err + strlen(s.err) - 1);
}

static void test_help(void **state)
{
	static const char *const lines[] = { "--help", "help", "trace --help", "doctor --help",
					     "schema --help", "help trace", "-h" };
	struct said s;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(&s, lines[i]), EXIT_OK);
		assert_string_equal(s.err, "");
		assert_non_null(strstr(s.out, "usage: tcptrail"));
		assert_non_null(strstr(s.out, "Exit codes"));
	}
	parse(&s, "trace --help");
	assert_non_null(strstr(s.out, "--ring-size"));
	assert_non_null(strstr(s.out, "Examples"));
	parse(&s, "doctor --help");
	assert_null(strstr(s.out, "--ring-size"));
	assert_int_equal(parse(&s, "--version"), EXIT_OK);
	assert_string_equal(s.out, "tcptrail " TCPTRAIL_VERSION "\n");
	assert_int_equal(parse(&s, "version"), EXIT_OK);
}

static void test_help_to_a_full_disk(void **state)
{
	char *argv[] = { (char *)"tcptrail", (char *)"--help", NULL };
	FILE *full = fopen("/dev/full", "w");
	struct options o;
	char err[256] = "";
	FILE *f = fmemopen(err, sizeof(err), "w");

	(void)state;
	if (!full)
		skip();
	assert_int_equal(options_parse(&o, 2, argv, full, f), EXIT_OUTPUT);
	fclose(f);
	fclose(full);
}

static void test_netns(void **state)
{
	struct said s;
	struct stat st;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_int_equal(parse(&s, "--netns /proc/self/ns/net"), -1);
	assert_int_equal(s.o.filter.atoms[0].words[0], st.st_ino);
	assert_int_equal(parse(&s, "--netns 4026531840"), -1);
	assert_string_equal(filter_of(&s), "netns = 4026531840");
	assert_refused("--netns /proc/self/ns/pid");
}

static void test_colour(void **state)
{
	struct said s;

	(void)state;
	parse(&s, "");
	assert_true(options_colour(&s.o, true, NULL, "xterm"));
	assert_true(options_colour(&s.o, true, "", NULL));
	assert_false(options_colour(&s.o, true, "1", "xterm"));
	assert_false(options_colour(&s.o, true, NULL, "dumb"));
	assert_false(options_colour(&s.o, false, NULL, "xterm"));
	parse(&s, "--color always");
	assert_true(options_colour(&s.o, false, "1", "dumb"));
	parse(&s, "--color never");
	assert_false(options_colour(&s.o, true, NULL, "xterm"));
}

/* What start tells can be typed again. */
static void test_texts_parse_again(void **state)
{
	char events[OPTIONS_EVENTS_LEN], filter[OPTIONS_FILTER_LEN], line[OPTIONS_EVENTS_LEN + 8];
	struct said s, again;

	(void)state;
	for (uint32_t e = 1; e <= (EVENTS_ALL | EVENTS_FAILED); e++) {
		if (e & ~(EVENTS_ALL | EVENTS_FAILED) ||
		    ((e & EVENTS_CONNECTION) && (e & EVENTS_FAILED)))
			continue;
		if ((e & EVENTS_DATA_RETRANSMIT) && !(e & EVENTS_SYN_RETRANSMIT))
			continue;	/* no words make it */
		options_events_text(e, events);
		snprintf(line, sizeof(line), "-e %s", events);
		assert_int_equal(parse(&again, line), -1);
		assert_int_equal(again.o.events, e);
		assert_int_equal(options_events_of(events, strlen(events)), e);
	}
	assert_int_equal(options_events_of("drop,nonsense,,limit\n,sta", 25), EVENTS_DROP);
	assert_int_equal(options_events_of("limit", 4), 0);
	parse(&s, "");
	assert_false(options_filter_text(&s.o, filter));
	assert_string_equal(filter, "");
	parse(&s, "--pid 7 --comm x --lport 443 -4 --netns 4026531840");
	assert_true(options_filter_text(&s.o, filter));
	assert_int_equal(parse(&again, filter), -1);
	assert_memory_equal(&again.o.filter, &s.o.filter, sizeof(s.o.filter));
}

static void test_values(void **state)
{
	uint64_t n;

	(void)state;
	assert_true(value_number("18446744073709551615", 0, UINT64_MAX, &n) && n == UINT64_MAX);
	assert_false(value_number("18446744073709551616", 0, UINT64_MAX, &n));
	assert_true(value_time("1.5s", &n) && n == 1500000000);
	assert_true(value_time("0", &n) && n == 0);
	assert_true(value_time("0.000001h", &n) && n == 3600000);
	assert_true(value_time("200us", &n) && n == 200000);
	assert_false(value_time("1.", &n) || value_time(".5", &n) || value_time("1.5x", &n) ||
		     value_time("1.1234567s", &n) || value_time("", &n));
	assert_false(value_number(" 1", 0, 9, &n) || value_number("0x1", 0, 9, &n));
	assert_true(value_duration("10", &n) && n == 10000000000);
	assert_true(value_duration("2h", &n) && n == 7200000000000);
	assert_true(value_duration("5m", &n) && n == 300000000000);
	assert_true(value_size("64K", 4096, 1 << 30, &n) && n == 65536);
	assert_true(value_size("1G", 4096, 1 << 30, &n) && n == 1 << 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_every_option),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_recording),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_filter_says_kinds),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_wrong_filter),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_hostile_words),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_to_a_full_disk),
		cmocka_unit_test(test_netns),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_texts_parse_again),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
