/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_line.h - the filter of a command line: its words, the plain options that are
 * short for terms, and where a wrong one is wrong.
 */
#ifndef TCPTRAIL_FILTER_LINE_H
#define TCPTRAIL_FILTER_LINE_H

#include <stdio.h>

#include "bpf/kernel_filter.h"
#include "filter.h"

/* --pid, --comm, --port...; 0 or NULL: not given. */
struct filter_plain {
	uint32_t pids[FILTER_PIDS_MAX];
	uint32_t pids_len;
	const char *comm;
	uint16_t port, lport, rport;
	uint8_t family;
	uint32_t netns;		/* inode number */
};

/* What they are short for; --pid is `tree` where children are followed, else `pid`. */
#define FILTER_PLAIN_LEN 512
const char *filter_plain_text(const struct filter_plain *plain, bool tree, char buf[FILTER_PLAIN_LEN]);

/* The words of the shell, which make one text. */
struct filter_words {
	char text[FILTER_TEXT_MAX + 2];
	size_t len;
	bool full;		/* there was more */
};

void filter_words_add(struct filter_words *words, const char *word);

/* The text and a caret under the spot, in two lines; no control bytes. */
void filter_caret(const char *text, size_t at, FILE *out);

/* The running system's answers. */
extern const struct filter_env filter_system;

#endif /* TCPTRAIL_FILTER_LINE_H */
