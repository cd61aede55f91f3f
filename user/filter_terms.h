/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_terms.h - the one table of a filter's terms: parser, normal form and help are
 * made from it; and the words of its closed lists.
 */
#ifndef TCPTRAIL_FILTER_TERMS_H
#define TCPTRAIL_FILTER_TERMS_H

#include <stdio.h>

#include "filter.h"

enum filter_type {
	TYPE_ADDRESS,		/* HOST: address, prefix, port */
	TYPE_PORT,
	TYPE_NUMBER,
	TYPE_TIME,
	TYPE_FAMILY,
	TYPE_NETNS,
	TYPE_DEV,
	TYPE_UID,
	TYPE_ERRNO,
	TYPE_STRING,
	TYPE_LIST,		/* words of a closed list */
	TYPE_FLAG,		/* stands alone */
};

struct filter_field_row {
	const char *word;
	const char *aka;	/* other words for it, blanks between; NULL: none */
	const char *value;	/* what help calls its value */
	const char *help;
	enum filter_type type;
	uint64_t max;		/* of a number */
	unsigned int rows;	/* enum filter_rows it means something in */
};

extern const struct filter_field_row filter_fields[FIELDS];

/* FIELDS: no such term. */
enum filter_field filter_field_by_word(const char *word, size_t len);

/* Bits of a closed list that a word means; 0: none. States in every spelling of ss,
 * bcc, OpenTelemetry and RFC 9293, and ss's groups. */
uint64_t filter_list_bits(enum filter_field field, const char *word, size_t len);

/* The words of a set, commas between: filter_list_bits() of each makes it again. */
void filter_list_text(enum filter_field field, uint64_t bits, char *buf, size_t len);

/* "client, server, listener": for messages and help. */
void filter_list_words(enum filter_field field, char *buf, size_t len);

/* The errno of a name or a number in range; 0: none. */
uint32_t filter_errno(const char *word, size_t len);

/* tcptrail help filter */
void filter_help(FILE *out);

#endif /* TCPTRAIL_FILTER_TERMS_H */
