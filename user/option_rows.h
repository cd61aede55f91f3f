/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * option_rows.h - the table of options (option_rows.c), for who parses (options.c) and
 * who explains (option_help.c). Not for others: options.h is.
 */
#ifndef TCPTRAIL_OPTION_ROWS_H
#define TCPTRAIL_OPTION_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "filter_line.h"
#include "options.h"

#define OPTION_ROWS_MAX 64

#define RING_DEFAULT (16u << 20)
#define SLOW_ACCEPT_NS 10000000
#define POLL_DEFAULT_NS 1000000000
#define ROLLUP_DEFAULT_NS 10000000000
#define METRICS_DEFAULT_NS 15000000000
#define ROTATE_COUNT_DEFAULT 8

struct parse {
	bool accept_named;	/* -e accept or all */
	bool rollup_named;
	bool output_named;	/* -o or --output-file */
	const char *since, *until;
	struct options *o;
	FILE *err;
	const char *help;	/* "trace --help": where a message points to */
	const char *as;		/* "--pid": the option being applied */
	struct filter_plain plain;
	struct filter_words words;
	bool unnamed;		/* words[0] is where a command may be */
};

struct row {
	char letter;		/* 0: none */
	const char *name;	/* NULL: none. Neither of both: a heading */
	const char *arg;	/* NULL: takes none */
	uint32_t commands;	/* IN_* */
	const char *help;	/* lines split by '\n' */
	int (*apply)(struct parse *p, const char *arg);	/* 0 or EXIT_USAGE */
};

extern const struct row option_rows[];
extern const size_t option_rows_len;	/* at most OPTION_ROWS_MAX */

static inline bool row_is_heading(const struct row *row)
{
	return !row->letter && !row->name;
}

/* One line on p->err, whatever argv holds. Returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3)))
int option_refuse(struct parse *p, const char *format, ...);

/* option_help.c. NULL: there is no such command. */
const char *command_word(size_t command);
int option_help(FILE *out, enum command command);	/* EXIT_OK */
int option_version(FILE *out);				/* EXIT_OK */

#endif /* TCPTRAIL_OPTION_ROWS_H */
