/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_lex.h - the text of a filter in tokens.
 *
 * A word is whatever stands between blanks, operators, commas and quotes. 'quoted' and
 * "quoted" ones are never keywords or patterns; "\"" and "\\" within double quotes.
 */
#ifndef TCPTRAIL_FILTER_LEX_H
#define TCPTRAIL_FILTER_LEX_H

#include <stdbool.h>
#include <stddef.h>

enum filter_token_kind {
	TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_COMMA, TOKEN_OPEN, TOKEN_CLOSE,
	TOKEN_NOT, TOKEN_AND, TOKEN_OR,
	TOKEN_EQ, TOKEN_NE, TOKEN_LT, TOKEN_LE, TOKEN_GT, TOKEN_GE,
	TOKEN_OPEN_QUOTE,	/* its end is missing */
};

struct filter_token {
	enum filter_token_kind kind;
	size_t at;		/* bytes of the text; of a quoted one without its quotes */
	size_t len;
};

/* The one at or behind `at`. Words that are operators (`and`, `eq`) are words here: what
 * they are their place tells. */
struct filter_token filter_lex(const char *text, size_t at);

/* Where the one behind it begins. */
size_t filter_lex_end(const struct filter_token *token);

/* Of a word that stands where an operator may: `and`, `or`, `not`, `eq`...; else its own. */
enum filter_token_kind filter_lex_operator(const char *text, const struct filter_token *token);

#endif /* TCPTRAIL_FILTER_LEX_H */
