// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * option_help.c - what --help says of the program and of each command.
 */
#include "option_rows.h"

#include "help_text.h"

static const struct {
	const char *word;
	const char *help;
} commands[COMMANDS] = {
	[COMMAND_TRACE] = { "trace", "stream events, one line each (the default command)" },
	[COMMAND_LISTENERS] = { "listeners",
		"listening sockets: queues against limits, refusals, what to try" },
	[COMMAND_STALLS] = { "stalls", "connections that are stuck now: on what, whose, what to try" },
	[COMMAND_LIMITS] = { "limits", "what stops connections: descriptors, ports, TIME-WAIT, memory" },
	[COMMAND_CHECK] = { "check", "what is wrong now, on one screen; exit 0, 1 (warning), 2 (critical)" },
	[COMMAND_DOCTOR] = { "doctor", "which hooks work here, what is lost where one does not" },
	[COMMAND_SCHEMA] = { "schema", "the JSON Schema of the records; schema listeners: of its rows" },
	[COMMAND_VERSION] = { "version", "the version" },
	[COMMAND_HELP] = { "help", "this text; of a command: help trace; of FILTER: help filter" },
};

static const char exit_codes[] =
	"Exit codes:\n"
	"  0  ended as asked: interrupted, --duration or --count reached\n"
	"  1  error while running\n"
	"  2  usage\n"
	"  3  privilege is missing (root, or CAP_BPF and CAP_PERFMON)\n"
	"  4  this kernel lacks something that is required\n"
	"  5  output could not be written\n";

const char *command_word(size_t command)
{
	return command < COMMANDS ? commands[command].word : NULL;
}

static void print_row(FILE *out, const struct row *row)
{
	char left[40];

	if (!row->help)	/* refused with a reason */
		return;
	if (row_is_heading(row)) {
		fprintf(out, "\n%s\n", row->help);
		return;
	}
	snprintf(left, sizeof(left), "  %c%c%s%s%s%s%s", row->letter ? '-' : ' ',
		 row->letter ? row->letter : ' ', !row->name ? "" : row->letter ? ", " : "  ",
		 row->name ? "--" : "", row->name ? row->name : "", row->arg ? " " : "",
		 row->arg ? row->arg : "");
	help_text_row(out, left, 24, row->help);
}

static void print_overview(FILE *out)
{
	fputs("usage: tcptrail [COMMAND] [OPTION]... [FILTER]\n\n"
	      "Follows every TCP connection of this machine: which state it is in, since\n"
	      "when, why it moved, who owns it. Needs root.\n\n"
	      "Commands (tcptrail COMMAND --help tells more):\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].word, commands[i].help);
	fputs("\nExamples:\n"
	      "  tcptrail                             every connection of the machine\n"
	      "  tcptrail -e problems port 443        what goes wrong on port 443\n"
	      "  tcptrail trace --help                the options of the default command\n\n", out);
	fputs(exit_codes, out);
}

static void print_trace_examples(FILE *out)
{
	fputs("\nExamples:\n"
	      "  tcptrail                             every connection of the machine\n"
	      "  tcptrail -e problems port 443 and dst 10.0.0.0/8\n"
	      "  tcptrail -e connection 'failed or handshake > 1s'\n"
	      "  tcptrail --pid 1187 --pid 1188 -e all\n"
	      "  tcptrail --netns blue --lport 80 -c 100\n"
	      "  tcptrail -o json --duration 5m >trail.ndjson\n"
	      "  tcptrail -w trail.rec --rotate-size 64M          a flight recorder\n"
	      "  tcptrail -r trail.rec --since 02:57 --until 03:05 -e problems\n\n", out);
}

static const char *const intro[COMMANDS] = {
	[COMMAND_TRACE] =
		"usage: tcptrail [trace] [OPTION]... [FILTER] [-- COMMAND [ARGUMENT]...]\n\n"
		"With a COMMAND: runs it, shows its connections and those of its children, and\n"
		"ends with it.\n\n"
		"Streams what happens to the TCP connections of this machine, in all network\n"
		"namespaces, one line an event. FILTER is ss(8)'s, and more: tcptrail help\n"
		"filter; the options --pid to --netns are short for some of its terms. What is\n"
		"not known (the owner of a socket without one, say) passes.\n",
	[COMMAND_LISTENERS] =
		"usage: tcptrail listeners [OPTION]... [FILTER]\n\n"
		"One row a listening socket of any network namespace, worst first: its queues\n"
		"against their limits, what it refused (<=: at most), and for one in trouble\n"
		"which limit it is and what to try.\n",
	[COMMAND_STALLS] =
		"usage: tcptrail stalls [OPTION]... [FILTER]\n\n"
		"The connections that are stuck now, of any network namespace: one row a verdict,\n"
		"owner and service, with the longest one's age (>=: at least) and evidence, and\n"
		"what to try. Healthy and idle ones are not listed.\n",
	[COMMAND_LIMITS] =
		"usage: tcptrail limits [OPTION]... [FILTER]\n\n"
		"Limits against their use, over a second, nearest to trouble first: descriptors of\n"
		"processes and of the host, local ports by service, TIME-WAIT buckets, conntrack and\n"
		"queues of listeners of each network namespace, neighbour tables, orphans, TCP's\n"
		"and cgroups' memory, socket buffers. Those at half or more, or that something failed\n"
		"at (a call, a packet), each with what to try.\n",
	[COMMAND_CHECK] =
		"usage: tcptrail check [OPTION]... [FILTER]\n\n"
		"Looks for a second at every listener, connection and limit, and prints what is\n"
		"wrong in at most 20 lines, worst first, each with the command that tells more.\n"
		"Exit code: 0 nothing is wrong, 1 a warning, 2 critical (clients are refused), and\n"
		"from 3 on where that is not known.\n",
	[COMMAND_DOCTOR] =
		"usage: tcptrail doctor [OPTION]...\n\n"
		"Tries every hook on this kernel and tells, fact by fact, which one works, what\n"
		"is lost where none does, and what to do about it. Changes nothing.\n",
	[COMMAND_SCHEMA] =
		"usage: tcptrail schema [trace|listeners|stalls|limits|check|doctor]\n\n"
		"Prints the JSON Schema (2020-12) of what that command prints with -o json, one\n"
		"object a line; without one, of the records. Needs no privilege.\n",
};

int option_help(FILE *out, enum command command)
{
	if (!intro[command]) {
		print_overview(out);
		return EXIT_OK;
	}
	fputs(intro[command], out);
	for (size_t i = 0; i < option_rows_len; i++)
		if (option_rows[i].commands & (1u << command))
			print_row(out, &option_rows[i]);
	if (command == COMMAND_TRACE)
		print_trace_examples(out);
	else
		fputc('\n', out);
	if (command != COMMAND_CHECK)	/* it has codes of its own, told above */
		fputs(exit_codes, out);
	return EXIT_OK;
}

int option_version(FILE *out)
{
	fputs("tcptrail " TCPTRAIL_VERSION "\n", out);
	return EXIT_OK;
}
