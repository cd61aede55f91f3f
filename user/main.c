// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tcptrail - follows every TCP connection of a host. A map, in the order that
 * data flows:
 *
 *   bpf/            the kernel side; bpf/event.h is what it sends
 *   options.c       the command line -> struct options (value.c: its values)
 *   privilege.c probe.c tiers.c   what we may do, what this kernel can, which
 *                   hook tells which fact
 *   loader.c        BPF programs in, records and counters out
 *   trace.c         the trace command: its loop and its end
 *   pipeline.c      queue -> port fill -> decode -> enrich -> select -> sink
 *     queue.c portfill.c decode.c cause.c select.c   one step each
 *     rollup.c twpoll.c netns.c    what is told once a second
 *     btfnames.c cgroup.c cgroup_path.c wallclock.c  enrichment
 *     budget.c totals.c stream.c   what a terminal bears, what was lost, start
 *   sink_text.c sink_json.c        struct record -> lines
 *     format.c json.c names.c      the words and numbers in them
 *   output.c        whole lines -> a file descriptor
 *   listeners.c listen_rows.c      the listeners command
 *   doctor.c schema.c              the other commands
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "listeners.h"
#include "options.h"
#include "schema.h"
#include "trace.h"

/* The one global: set by a signal, read by the loop and by a waiting write. */
static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

/* Without SA_RESTART: a wait ends. A reader that left is seen by write(2). */
static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

int main(int argc, char **argv)
{
	struct options options;
	int code = options_parse(&options, argc, argv, stdout, stderr);

	if (code >= 0)
		return code;
	catch_signals();
	switch (options.command) {
	case COMMAND_LISTENERS:
		return listeners_run(&options, &stop);
	case COMMAND_DOCTOR:
		return doctor_run(&options);
	case COMMAND_SCHEMA:
		return schema_print(stdout) ? EXIT_OUTPUT : EXIT_OK;
	default:
		return trace_run(&options, &stop);
	}
}
