// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tcptrail - follows every TCP connection of a host. A map, in the order that
 * data flows:
 *
 *   bpf/            the kernel side; bpf/event.h is what it sends
 *   options.c       the command line -> struct options (option_rows.c: each option, value.c:
 *                   its values; option_help.c, help_text.c)
 *   filter_*.c      FILTER: filter.h has a map; what of it the kernel side decides
 *   privilege.c probe.c tiers.c   what we may do, what this kernel can, which
 *                   hook tells which fact
 *   loader.c        BPF programs in, records and counters out
 *   trace.c         the trace command: its loop and its end
 *   notify.c        what a service manager hears of it
 *   command.c descendants.c   the program that is traced alone, and its children
 *   pipeline.c      the ring: queue -> port fill -> teller
 *   teller.c        decode -> enrich -> select -> sink
 *     queue.c portfill.c fold.c lives.c decode.c cause.c select.c   one step each
 *     rollup.c twpoll.c netns.c    what is told once a second
 *     btfnames.c cgroup.c cgroup_path.c wallclock.c  enrichment
 *     failed_calls.c limit_lookup.c   what a failed call met, and led to
 *     accept_rates.c               what is accepted where others are refused
 *     budget.c totals.c stream.c   what a terminal bears, what was lost, start
 *   sink_text.c sink_json.c        struct record -> lines
 *     format.c json.c json_row.c names.c      the words and numbers in them
 *   sink_metrics.c metrics.c metrics_print.c ringfill.c   struct record -> sums
 *     summary.c sketch.c sample.c  sums at intervals, one in N
 *   output.c pipe_write.c   whole lines -> a file descriptor
 *   recorder.c rec_file.c rec_codec.c   events as they are -> a recording (recording.h)
 *   replay.c        a recording -> teller
 *     replay_sums.c   summed by its own times
 *     rec_parts.c rec_reader.c rec_walk.c rec_run.c when.c   its files, blocks, names, times
 *   listeners.c listen_sample.c listen_rows.c listen_replay.c   the listeners command
 *   stalls.c stall_sample.c stall_alone.c stall_rows.c stall_roots.c stall_rules.c stall_track.c
 *     stall_timers.c stall_json.c stall_path.c stall_drops.c stall_replay.c  the stalls command
 *     stall_watch.c stall_record.c   the same while tracing
 *   limits_view.c limit_files.c limit_network.c limit_ports.c limit_rows.c limit_calls.c
 *     limit_neighbours.c limit_queues.c limit_cgroups.c limit_buffers.c
 *     limit_listeners.c limit_advice.c limit_replay.c diag.c proc_text.c   the limits command
 *   check.c check_replay.c check_report.c findings.c   the check command: all three
 *   doctor.c schema.c              the other commands
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "doctor.h"
#include "limits_view.h"
#include "listeners.h"
#include "options.h"
#include "schema.h"
#include "stalls.h"
#include "trace.h"

/* The only globals: set by a signal, read by the loop and by a waiting write. */
static volatile sig_atomic_t stop, reopen;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void on_hangup(int signal)
{
	(void)signal;
	reopen = 1;
}

/* Without SA_RESTART: a wait ends. A reader that left is seen by write(2). */
static void catch_signals(const struct options *options)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (options->output_file)
		sa.sa_handler = on_hangup;
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
	catch_signals(&options);
	switch (options.command) {
	case COMMAND_LISTENERS:
		return listeners_run(&options, &stop);
	case COMMAND_STALLS:
		return stalls_run(&options, &stop);
	case COMMAND_LIMITS:
		return limits_run(&options, &stop);
	case COMMAND_CHECK:
		return check_run(&options, &stop);
	case COMMAND_DOCTOR:
		return doctor_run(&options);
	case COMMAND_SCHEMA:
		return schema_print(options.schema, stdout) ? EXIT_OUTPUT : EXIT_OK;
	default:
		return trace_run(&options, &stop, &reopen);
	}
}
