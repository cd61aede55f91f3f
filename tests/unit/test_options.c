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

static void test_defaults(void **state)
{
	struct said s;

	(void)state;
	assert_int_equal(parse(&s, ""), -1);
	assert_int_equal(s.o.command, COMMAND_TRACE);
	assert_string_equal(s.o.output, "text");
	assert_int_equal(s.o.events, EVENTS_DEFAULT);
	assert_int_equal(s.o.ring_size, 16 << 20);
	assert_true(s.o.syscalls);
	assert_false(s.o.all || s.o.quiet || s.o.utc);
	assert_int_equal(s.o.duration_ns, 0);
	assert_int_equal(s.o.count, 0);
	assert_null(s.o.comm);
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
	assert_int_equal(s.o.filter.pids_len, 2);
	assert_int_equal(s.o.filter.pids[1], 4194304);
	assert_string_equal(s.o.comm, "nginx");
	assert_int_equal(s.o.filter.port, 80);
	assert_int_equal(s.o.filter.lport, 80);
	assert_int_equal(s.o.filter.rport, 65535);
	assert_int_equal(s.o.filter.family, 6);
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
				 EVENTS_RESET | EVENTS_ERROR | EVENTS_DROP },
		{ "-e default", EVENTS_DEFAULT },
		{ "-e all", EVENTS_ALL },
		{ "--events=state,problems,syncookie,accept", EVENTS_ALL },
	};
	struct said s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(&s, cases[i].line), -1);
		assert_int_equal(s.o.events, cases[i].events);
	}
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

static void test_refused(void **state)
{
	static const char *const lines[] = {
		"listener", "check", "frobnicate", "--frobnicate", "-z", "trace 80", "-q doctor",
		"-o", "-o xml", "-o ''", "-e", "-e ''", "-e ,", "-e state,", "-e state,,reset",
		"-e drops", "--all=1", "--duration 0", "--duration -1", "--duration 5d",
		"--duration 5mx", "--duration ms", "--duration 9999999999999h", "-c 0", "-c 1x",
		"-c 18446744073709551616", "--color blue", "--probe ebpf", "--pid 0",
		"--pid 4194305", "--pid +1", "--pid ''", "--comm ''", "--comm abcdefghijklmnop",
		"--port 0", "--port 65536", "--lport 80x", "--rport -5", "-4 -6",
		"--netns /nonexistent", "--netns /dev/null", "--netns ''",
		"--netns 4294967296", "--ring-size 0", "--ring-size 1", "--ring-size 3M",
		"--ring-size 2G", "--ring-size 16MB", "--poll 99ms", "--poll x", "--sockets 255", "--sockets 16777217", "doctor --pid 1", "schema -o json",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_refused(lines[i]);
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
	assert_refused("--dur 5");	/* an abbreviation */
}

/* A word with control bytes breaks neither the line nor the terminal. */
static void test_hostile_words(void **state)
{
	struct said s;

	(void)state;
	assert_refused("a\nb");
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
	assert_int_equal(s.o.filter.netns, st.st_ino);
	assert_int_equal(parse(&s, "--netns 4026531840"), -1);
	assert_int_equal(s.o.filter.netns, 4026531840u);
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
	char events[OPTIONS_EVENTS_LEN], filter[OPTIONS_FILTER_LEN], line[128];
	struct said s, again;

	(void)state;
	for (uint32_t e = 1; e <= (EVENTS_ALL | EVENTS_FAILED); e++) {
		if ((e & EVENTS_STATE) && (e & EVENTS_FAILED))
			continue;
		if ((e & EVENTS_DATA_RETRANSMIT) && !(e & EVENTS_SYN_RETRANSMIT))
			continue;	/* no words make it */
		options_events_text(e, events);
		snprintf(line, sizeof(line), "-e %s", events);
		assert_int_equal(parse(&again, line), -1);
		assert_int_equal(again.o.events, e);
	}
	parse(&s, "");
	assert_false(options_filter_text(&s.o, filter));
	assert_string_equal(filter, "");
	parse(&s, "--pid 7 --comm x --lport 443 -4 --netns 4026531840");
	assert_true(options_filter_text(&s.o, filter));
	assert_int_equal(parse(&again, filter), -1);
	assert_memory_equal(&again.o.filter, &s.o.filter, sizeof(s.o.filter));
	assert_string_equal(again.o.comm, "x");
}

static void test_values(void **state)
{
	uint64_t n;

	(void)state;
	assert_true(value_number("18446744073709551615", 0, UINT64_MAX, &n) && n == UINT64_MAX);
	assert_false(value_number("18446744073709551616", 0, UINT64_MAX, &n));
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
