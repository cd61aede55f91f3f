/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * options.h - the command line, as a struct that nothing changes after parsing.
 */
#ifndef TCPTRAIL_OPTIONS_H
#define TCPTRAIL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/kernel_filter.h"
#include "filter.h"
#include "when.h"

#define TCPTRAIL_VERSION "0.1.0"

/* How the program ends; --help lists them. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_RUNTIME = 1,
	EXIT_USAGE = 2,
	EXIT_PRIVILEGE = 3,
	EXIT_KERNEL = 4,
	EXIT_OUTPUT = 5,
};

enum command {
	COMMAND_TRACE,
	COMMAND_LISTENERS,
	COMMAND_STALLS,
	COMMAND_LIMITS,
	COMMAND_CHECK,
	COMMAND_DOCTOR,
	COMMAND_SCHEMA,
	COMMAND_VERSION,	/* done by options_parse() */
	COMMAND_HELP,		/* likewise */
	COMMANDS,
};

enum probe {
	PROBE_AUTO,
	PROBE_FENTRY,
	PROBE_KPROBE,
	PROBE_TRACEPOINT,
};

enum colour {
	COLOUR_AUTO,
	COLOUR_ALWAYS,
	COLOUR_NEVER,
};

/* struct options.events */
#define EVENTS_STATE		(1u << 0)	/* every transition */
#define EVENTS_FAILED		(1u << 1)	/* connections that did; never with CONNECTION */
#define EVENTS_SYN_RETRANSMIT	(1u << 2)	/* SYN and SYN-ACK */
#define EVENTS_DATA_RETRANSMIT	(1u << 3)
#define EVENTS_RESET		(1u << 4)
#define EVENTS_ERROR		(1u << 5)
#define EVENTS_DROP		(1u << 6)	/* refused at a listener */
#define EVENTS_SYNCOOKIE	(1u << 7)
#define EVENTS_ACCEPT		(1u << 8)	/* accept() took a connection */
#define EVENTS_CONNECTION	(1u << 9)	/* one record a connection, at its end */
#define EVENTS_STALL		(1u << 11)	/* connections that wait for too long */
#define EVENTS_SUMMARY		(1u << 20)	/* ends, summed at intervals */
#define EVENTS_LIMIT		(1u << 10)	/* a call failed at a limit, or was cut to one */
#define EVENTS_DEFAULT (EVENTS_STATE | EVENTS_CONNECTION | EVENTS_SYN_RETRANSMIT | \
			EVENTS_RESET | EVENTS_ERROR | EVENTS_DROP | EVENTS_SYNCOOKIE | EVENTS_ACCEPT | \
			EVENTS_LIMIT | EVENTS_STALL)
#define EVENTS_ALL (EVENTS_DEFAULT | EVENTS_DATA_RETRANSMIT)

/* What a connection may wait for, each with a time that is too long. */
enum over {
	OVER_SYN,		/* SYN, SYN-ACK */
	OVER_ACCEPT,
	OVER_WINDOW,		/* and reading, and a full send buffer */
	OVER_CLOSE_WAIT,
	OVER_FIN,
	OVER_FIN_WAIT_2,
	OVERS,
};

/* And how many are too many. */
enum over_count {
	OVER_RETRANSMITS,	/* of one segment */
	OVER_KEEPALIVE,		/* probes that nobody answers */
	OVER_LEAK,		/* CLOSE-WAIT of one owner and service */
	OVER_COUNTS,
};

/* Each may have any number of parts. */
#define OPTIONS_READ_MAX 256

/* Strings are argv's or static. */
struct options {
	enum command command;
	enum command schema;	/* schema: of whose output */
	const char *output;	/* "text", "json", trace: "none": for sink_by_name() */
	const char *output_file; /* NULL: standard output */
	const char *metrics_file; /* NULL: none */
	uint64_t metrics_ns;	/* how often it is written */
	uint64_t rollup_ns;	/* EVENTS_SUMMARY: how often */
	uint32_t sample;	/* of successes one in so many; 0: all */
	uint32_t events;	/* EVENTS_*: those told */
	uint32_t made;		/* EVENTS_*: those needed: told, or summed by metrics */
	const char *write;	/* -w: a recording to be made; "-": standard output; NULL: none */
	uint64_t rotate_size;	/* bytes of each of its parts; 0: one part */
	uint32_t rotate_count;	/* parts that stay */
	char *read[OPTIONS_READ_MAX]; /* -r: recordings, to be read in place of the kernel */
	size_t read_len;
	struct when since, until;	/* of them */
	uint64_t poll_ns;	/* how often drops are read where no hook tells */
	uint64_t accept_over_ns; /* accept: those told waited so long; 0: all */
	uint64_t interval_ns;	/* listeners, stalls: -i; 0: once */
	uint64_t over_ns[OVERS]; /* stalls: too long; 0: the default */
	uint32_t over_count[OVER_COUNTS]; /* stalls: too many; 0: the default */
	bool each;		/* stalls: connections, not groups */
	bool all;		/* no limit on a terminal; limits: all of them */
	bool quiet;
	bool utc;
	bool syscalls;		/* system call tracepoints may be used */
	enum colour colour;
	enum probe probe;
	uint64_t duration_ns;	/* 0: until interrupted */
	uint64_t count;		/* stop after that many records; 0: no limit */
	uint32_t ring_size;	/* bytes, a power of two, at least a page */
	uint32_t sockets;	/* followed at a time; 0: as memory allows */
	struct filter where;	/* FILTER and the plain options that are short for it */
	struct kernel_filter filter;	/* what of it the kernel side decides */
	struct filter_prefixes prefixes; /* and the prefixes of its sets */
	bool explain;		/* print it instead */
	char *const *argv;	/* -- COMMAND [ARGUMENT]..., NULL: none */
};

/*
 * Parses argv into *o. Returns -1 to go on with o->command, or the exit code:
 * EXIT_OK when all was said on `out` (--help, --version), EXIT_USAGE after one
 * line on `err`, EXIT_OUTPUT when `out` could not be written.
 */
int options_parse(struct options *o, int argc, char **argv, FILE *out, FILE *err);

/* Colour or not; no_color and term are the environment's NO_COLOR and TERM or NULL. */
bool options_colour(const struct options *o, bool terminal, const char *no_color,
		    const char *term);

/* The events in words that -e takes: "state,syn-retransmit,reset,error". */
#define OPTIONS_EVENTS_LEN 160
void options_events_text(uint32_t events, char buf[OPTIONS_EVENTS_LEN]);
/* And back, of hostile text; what is no kind here is left out. */
uint32_t options_events_of(const char *text, size_t len);

/* The filter's normal form, cut to the length, and the command: "comm = x -- curl";
 * false and "" when there is neither. */
#define OPTIONS_FILTER_LEN 512
bool options_filter_text(const struct options *o, char buf[OPTIONS_FILTER_LEN]);

#endif /* TCPTRAIL_OPTIONS_H */
