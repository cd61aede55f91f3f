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
#define EVENTS_FAILED		(1u << 1)	/* those that failed; never with STATE */
#define EVENTS_SYN_RETRANSMIT	(1u << 2)	/* SYN and SYN-ACK */
#define EVENTS_DATA_RETRANSMIT	(1u << 3)
#define EVENTS_RESET		(1u << 4)
#define EVENTS_ERROR		(1u << 5)
#define EVENTS_DROP		(1u << 6)	/* refused at a listener */
#define EVENTS_SYNCOOKIE	(1u << 7)
#define EVENTS_ACCEPT		(1u << 8)	/* accept() took a connection */
#define EVENTS_DEFAULT (EVENTS_STATE | EVENTS_SYN_RETRANSMIT | EVENTS_RESET | EVENTS_ERROR | \
			EVENTS_DROP | EVENTS_SYNCOOKIE | EVENTS_ACCEPT)
#define EVENTS_ALL (EVENTS_DEFAULT | EVENTS_DATA_RETRANSMIT)

/* Strings are argv's or static. */
struct options {
	enum command command;
	const char *output;	/* "text" or "json": for sink_by_name() */
	uint32_t events;	/* EVENTS_* */
	uint64_t poll_ns;	/* how often drops are read where no hook tells */
	uint64_t accept_over_ns; /* accept: those that waited so long; 0: all */
	uint64_t interval_ns;	/* listeners: -i; 0: once, over 1 s */
	bool all;		/* no limit on a terminal */
	bool quiet;
	bool utc;
	bool syscalls;		/* system call tracepoints may be used */
	enum colour colour;
	enum probe probe;
	uint64_t duration_ns;	/* 0: until interrupted */
	uint64_t count;		/* stop after that many records; 0: no limit */
	uint32_t ring_size;	/* bytes, a power of two, at least a page */
	uint32_t sockets;	/* followed at a time; 0: as memory allows */
	struct kernel_filter filter;	/* all 0: none */
	const char *comm;	/* 1 to 15 bytes, to be equal; NULL: any */
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
#define OPTIONS_EVENTS_LEN 64
void options_events_text(uint32_t events, char buf[OPTIONS_EVENTS_LEN]);

/* The filter as options: "--pid 7 --lport 443 -4"; false and "" when there is none. */
#define OPTIONS_FILTER_LEN 512
bool options_filter_text(const struct options *o, char buf[OPTIONS_FILTER_LEN]);

#endif /* TCPTRAIL_OPTIONS_H */
