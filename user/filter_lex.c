// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "filter_lex.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *sign;
	enum filter_token_kind kind;
} signs[] = {	/* longer ones first */
	{ "&&", TOKEN_AND }, { "||", TOKEN_OR }, { "==", TOKEN_EQ }, { "!=", TOKEN_NE },
	{ "<=", TOKEN_LE }, { ">=", TOKEN_GE }, { "&", TOKEN_AND }, { "|", TOKEN_OR },
	{ "=", TOKEN_EQ }, { "!", TOKEN_NOT }, { "<", TOKEN_LT }, { ">", TOKEN_GT },
	{ "(", TOKEN_OPEN }, { ")", TOKEN_CLOSE }, { ",", TOKEN_COMMA },
};

static const struct {
	const char *word;
	enum filter_token_kind kind;
} words[] = {
	{ "and", TOKEN_AND }, { "or", TOKEN_OR }, { "not", TOKEN_NOT }, { "eq", TOKEN_EQ },
	{ "ne", TOKEN_NE }, { "neq", TOKEN_NE }, { "lt", TOKEN_LT }, { "gt", TOKEN_GT },
	{ "le", TOKEN_LE }, { "leq", TOKEN_LE }, { "ge", TOKEN_GE }, { "geq", TOKEN_GE },
};

static const char blanks[] = " \t\n\r\v\f";

static struct filter_token lex_quoted(const char *text, size_t at)
{
	struct filter_token t = { TOKEN_QUOTED, at + 1, 0 };
	char quote = text[at];

	for (const char *c = text + t.at; *c; c++) {
		if (*c == quote) {
			t.len = c - (text + t.at);
			return t;
		}
		if (quote == '"' && *c == '\\' && (c[1] == '"' || c[1] == '\\'))
			c++;
	}
	return (struct filter_token){ TOKEN_OPEN_QUOTE, at, 1 };
}

struct filter_token filter_lex(const char *text, size_t at)
{
	at += strspn(text + at, blanks);
	if (!text[at])
		return (struct filter_token){ TOKEN_END, at, 0 };
	if (text[at] == '\'' || text[at] == '"')
		return lex_quoted(text, at);
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t len = strlen(signs[i].sign);

		if (!strncmp(text + at, signs[i].sign, len))
			return (struct filter_token){ signs[i].kind, at, len };
	}
	return (struct filter_token){ TOKEN_WORD, at,
				      strcspn(text + at, " \t\n\r\v\f()!=<>&|,'\"") };
}

size_t filter_lex_end(const struct filter_token *t)
{
	return t->at + t->len + (t->kind == TOKEN_QUOTED);
}

enum filter_token_kind filter_lex_operator(const char *text, const struct filter_token *t)
{
	if (t->kind != TOKEN_WORD)
		return t->kind;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].word) == t->len && !strncasecmp(text + t->at, words[i].word, t->len))
			return words[i].kind;
	return TOKEN_WORD;
}
