// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * filter_parse.c - tokens to a tree, as ss(8) has it:
 *
 *   or    := and { "or" and }
 *   and   := not { ["and"] not }
 *   not   := "not" not | "(" or ")" | term
 *   term  := FLAG | FIELD [OPERATOR] value { "," value }
 *   states := ("state"|"exclude") STATE { ("state"|"exclude") STATE }
 *
 * `!=` and what stands for several terms (host, a list) is spread over them here, so that
 * the tree has one comparison of one value a term.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"
#include "filter_lex.h"
#include "filter_terms.h"
#include "filter_value.h"

#define NONE (-1)	/* no node: an error was told */

struct parser {
	struct filter *f;
	const char *text;
	struct filter_token token;	/* the one looked at */
	const struct filter_env *env;
	struct filter_error *error;
	enum filter_rows rows;
	unsigned int depth;
};

__attribute__((format(printf, 3, 4)))
static int refuse(struct parser *p, size_t at, const char *format, ...)
{
	va_list args;

	p->error->at = at;
	va_start(args, format);
	vsnprintf(p->error->what, sizeof(p->error->what), format, args);
	va_end(args);
	return NONE;
}

static void next(struct parser *p)
{
	p->token = filter_lex(p->text, filter_lex_end(&p->token));
}

static const char *rows_name(enum filter_rows rows)
{
	return rows == ROWS_LISTENERS ? "listeners" : rows == ROWS_STALLS ? "stalls" :
	       rows == ROWS_CHECK ? "check" : rows == ROWS_LIMITS ? "limits" : "trace";
}

static int no_field(const struct parser *p, enum filter_field field, char *what)
{
	snprintf(what, FILTER_WHAT, "'%s' means nothing in tcptrail %s: its rows do not have it",
		 filter_fields[field].word, rows_name(p->rows));
	return NONE;
}

static enum filter_token_kind operator(const struct parser *p)
{
	return filter_lex_operator(p->text, &p->token);
}

static int add_node(struct parser *p, const struct filter_node *node)
{
	if (p->f->len == FILTER_NODES_MAX)
		return refuse(p, p->token.at, "the filter has too many terms");
	p->f->nodes[p->f->len] = *node;
	return p->f->len++;
}

static int join(struct parser *p, enum filter_node_kind kind, int left, int right)
{
	struct filter_node node = { .kind = kind, .left = (uint16_t)left, .right = (uint16_t)right };

	return left == NONE || right == NONE ? NONE : add_node(p, &node);
}

static int add_term(struct parser *p, const struct filter_term *term)
{
	struct filter_node node = { .kind = NODE_TERM, .term = *term };

	p->f->uses |= FILTER_BIT(term->field);
	return add_node(p, &node);
}

/* Both, or one of them; for `!=` of both, or of one: the other way round (De Morgan). */
static int both(struct parser *p, enum filter_op op, int left, int right)
{
	return join(p, op == OP_NE ? NODE_OR : NODE_AND, left, right);
}

static int either(struct parser *p, enum filter_op op, int left, int right)
{
	return join(p, op == OP_NE ? NODE_AND : NODE_OR, left, right);
}

static int add_number(struct parser *p, enum filter_field field, enum filter_op op, uint64_t low,
		      uint64_t high)
{
	struct filter_term term = { .field = field, .op = op, .number = { low, high } };

	return add_term(p, &term);
}

/* One end of a HOST: its address, its port, or both. */
static int add_end(struct parser *p, bool local, enum filter_op op, const struct filter_host *h,
		   char *what)
{
	struct filter_term term = { .field = local ? FIELD_SRC : FIELD_DST, .op = op,
				    .address = h->address };
	enum filter_field port = local ? FIELD_SPORT : FIELD_DPORT;
	int node = NONE;

	if (h->has_port && !(filter_fields[port].rows & p->rows))
		return no_field(p, port, what);
	/* "*" is an address of any family (0), "inet:*" of one with no bits. */
	if (!h->has_address)
		term.address.family = h->family;
	if (h->has_address || h->family || !h->has_port) {
		node = add_term(p, &term);
		if (!h->has_port || node == NONE)
			return node;
		return both(p, op, node, add_number(p, port, op, h->low, h->high));
	}
	return add_number(p, port, op, h->low, h->high);
}

/* Rows that have no peer have but one end. */
static bool has_peer(const struct parser *p)
{
	return filter_fields[FIELD_DST].rows & p->rows;
}

static int add_host(struct parser *p, enum filter_field field, enum filter_op op,
		    const char *word, char *what)
{
	struct filter_host host;
	int src;

	if (!filter_value_host(word, p->env, &host, what))
		return NONE;
	if (field != FIELD_HOST)
		return add_end(p, field == FIELD_SRC, op, &host, what);
	src = add_end(p, true, op, &host, what);
	return src == NONE || !has_peer(p) ? src :
	       either(p, op, src, add_end(p, false, op, &host, what));
}

static int add_dev(struct parser *p, enum filter_op op, const char *word, char *what)
{
	uint32_t ifindex, netns;
	int node;

	if (!filter_value_dev(word, p->env, &ifindex, &netns, what))
		return NONE;
	node = add_number(p, FIELD_DEV, op, ifindex, ifindex);
	if (!netns || node == NONE)
		return node;
	return both(p, op, node, add_number(p, FIELD_NETNS, op, netns, netns));
}

/* A range goes with = and != alone. */
static int add_value(struct parser *p, struct filter_term *term, const struct filter_word *word,
		     char *what)
{
	enum filter_type type = filter_fields[term->field].type;
	int sport;

	if (type == TYPE_ADDRESS)
		return add_host(p, term->field, term->op, word->text, what);
	if (type == TYPE_DEV)
		return add_dev(p, term->op, word->text, what);
	if (!filter_value(p->f, term, word, p->env, what))
		return NONE;
	if (type == TYPE_PORT && term->op > OP_NE && term->number.low != term->number.high) {
		snprintf(what, FILTER_WHAT, "a range goes with = and != alone");
		return NONE;
	}
	if (term->field != FIELD_PORT)
		return add_term(p, term);
	sport = add_number(p, FIELD_SPORT, term->op, term->number.low, term->number.high);
	return sport == NONE || !has_peer(p) ? sport :
	       either(p, term->op, sport, add_number(p, FIELD_DPORT, term->op, term->number.low,
						     term->number.high));
}

/* The word of a value, unquoted, into buf (FILTER_TEXT_MAX + 1 bytes). */
static bool take_word(struct parser *p, char *buf, struct filter_word *word)
{
	const struct filter_token *t = &p->token;
	size_t n = 0;

	if (t->kind == TOKEN_OPEN_QUOTE)
		return refuse(p, t->at, "this quote is not closed") != NONE;
	if (t->kind != TOKEN_WORD && t->kind != TOKEN_QUOTED)
		return refuse(p, t->at, "a value is missing") != NONE;
	for (size_t i = 0; i < t->len; i++) {
		const char *c = p->text + t->at + i;

		if (t->kind == TOKEN_QUOTED && *c == '\\' && i + 1 < t->len && t->at &&
		    p->text[t->at - 1] == '"' && (c[1] == '"' || c[1] == '\\'))
			c = p->text + t->at + ++i;
		buf[n++] = *c;
	}
	buf[n] = '\0';
	if (!n)
		return refuse(p, t->at, "a value is missing") != NONE;
	*word = (struct filter_word){ buf, t->kind == TOKEN_QUOTED };
	next(p);
	return true;
}

static int parse_value(struct parser *p, struct filter_term *term)
{
	char buf[FILTER_TEXT_MAX + 1], what[FILTER_WHAT] = "";
	size_t at = p->token.at;
	struct filter_word word;
	int node;

	if (!take_word(p, buf, &word))
		return NONE;
	node = add_value(p, term, &word, what);
	return node == NONE && *what ? refuse(p, at, "%s", what) : node;
}

static bool is_comparison(enum filter_token_kind kind)
{
	return kind >= TOKEN_EQ && kind <= TOKEN_GE;
}

static bool parse_operator(struct parser *p, enum filter_field field, enum filter_op *op)
{
	enum filter_type type = filter_fields[field].type;
	enum filter_token_kind kind = operator(p);
	bool ordered = type == TYPE_PORT || type == TYPE_TIME || field == FIELD_RETRANS ||
		       field == FIELD_PID || field == FIELD_UID;

	*op = OP_EQ;
	if (!is_comparison(kind))
		return true;
	*op = (enum filter_op)(kind - TOKEN_EQ);
	if (*op > OP_NE && !ordered)
		return refuse(p, p->token.at, "%s has no order: = and != alone",
			      filter_fields[field].word) != NONE;
	next(p);
	return true;
}

/* One of several. Words of a closed list become one set. */
static int parse_values(struct parser *p, enum filter_field field, enum filter_op op)
{
	struct filter_term term = { .field = field, .op = op };
	int node = parse_value(p, &term), values = 1;

	while (node != NONE && p->token.kind == TOKEN_COMMA) {
		uint64_t set = term.set;
		int more;

		if (op > OP_NE)
			return refuse(p, p->token.at, "a list goes with = and != alone");
		if (field == FIELD_TREE && values++ == FILTER_TREE_MAX)
			return refuse(p, p->token.at, "at most %d processes", FILTER_TREE_MAX);
		next(p);
		more = parse_value(p, &term);
		if (more == NONE)
			return NONE;
		if (filter_fields[field].type == TYPE_LIST) {
			term.set |= set;
			p->f->nodes[node].term.set = term.set;
			p->f->len--;	/* `more` */
		} else {
			node = either(p, op, node, more);
		}
	}
	return node;
}

/* ss(8): a run of them is one set. */
static int parse_states(struct parser *p, enum filter_field field)
{
	struct filter_term term = { .field = FIELD_STATE };
	size_t at = p->token.at;
	bool first = true;
	enum filter_op op;

	do {
		int node;

		if (!parse_operator(p, field, &op))
			return NONE;
		if (op == OP_NE)
			field = field == FIELD_STATE ? FIELD_EXCLUDE : FIELD_STATE;
		node = parse_values(p, FIELD_STATE, OP_EQ);
		if (node == NONE)
			return NONE;
		p->f->len--;
		if (first && field == FIELD_EXCLUDE)
			term.set = filter_list_bits(FIELD_STATE, "all", 3);
		if (field == FIELD_EXCLUDE)
			term.set &= ~p->f->nodes[node].term.set;
		else
			term.set |= p->f->nodes[node].term.set;
		first = false;
		field = p->token.kind == TOKEN_WORD ?
			filter_field_by_word(p->text + p->token.at, p->token.len) : FIELDS;
		if (field == FIELD_STATE || field == FIELD_EXCLUDE)
			next(p);
	} while (field == FIELD_STATE || field == FIELD_EXCLUDE);
	if (!term.set)
		return refuse(p, at, "no state is left");
	return add_term(p, &term);
}

/* The term's word, which is eaten; FIELDS: refused. */
static enum filter_field parse_field(struct parser *p)
{
	struct filter_token t = p->token;
	const char *word = p->text + t.at;
	enum filter_field field = filter_field_by_word(word, t.len);
	int len = t.len < 32 ? (int)t.len : 32;

	if (field < FIELDS && filter_fields[field].rows & p->rows) {
		if (field == FIELD_TREE && filter_uses(p->f, FILTER_BIT(FIELD_TREE))) {
			refuse(p, t.at, "tree is told once: tree 7,8");
			return FIELDS;
		}
		next(p);
		return field;
	}
	p->error->at = t.at;
	if (field < FIELDS)
		no_field(p, field, p->error->what);
	else if ((t.len == 9 && !strncmp(word, "autobound", 9)) ||
		 (t.len == 6 && !strncmp(word, "fwmark", 6)))
		refuse(p, t.at, "'%.*s' of ss(8) is not supported: it is not recorded", len, word);
	else
		refuse(p, t.at, "'%.*s' is no term of a filter", len, word);
	return FIELDS;
}

static int parse_term(struct parser *p)
{
	enum filter_field field = parse_field(p);
	char digit;
	enum filter_op op;

	if (field == FIELDS)
		return NONE;
	if (filter_fields[field].type == TYPE_FLAG)
		return add_number(p, field, OP_EQ, 1, 1);
	if (field == FIELD_STATE || field == FIELD_EXCLUDE)
		return parse_states(p, field);
	digit = p->text[p->token.at];
	if (field == FIELD_RETRANS && !is_comparison(operator(p)) && (digit < '0' || digit > '9'))
		return add_number(p, field, OP_GT, 0, 0);
	return parse_operator(p, field, &op) ? parse_values(p, field, op) : NONE;
}

static int parse_or(struct parser *p);

static int parse_group(struct parser *p)
{
	size_t at = p->token.at;
	int node;

	next(p);
	node = parse_or(p);
	if (node == NONE)
		return NONE;
	if (p->token.kind != TOKEN_CLOSE)
		return p->token.kind == TOKEN_END ?
		       refuse(p, at, "this parenthesis is not closed") :
		       refuse(p, p->token.at, "a term or ')' is missing here");
	next(p);
	return node;
}

static int parse_not_or_group(struct parser *p)
{
	int node;

	if (p->token.kind == TOKEN_OPEN)
		return parse_group(p);
	switch (operator(p)) {
	case TOKEN_NOT:
		next(p);
		break;
	case TOKEN_WORD:
		return parse_term(p);
	case TOKEN_OPEN_QUOTE:
		return refuse(p, p->token.at, "this quote is not closed");
	default:
		return refuse(p, p->token.at, "a term is missing");
	}
	if (p->token.kind == TOKEN_END)
		return refuse(p, p->token.at, "a term is missing");
	p->depth++;
	if (p->depth > FILTER_DEPTH_MAX)
		return refuse(p, p->token.at, "deeper than %d parentheses", FILTER_DEPTH_MAX);
	node = parse_not_or_group(p);
	p->depth--;
	return join(p, NODE_NOT, node, node);
}

static int parse_and(struct parser *p)
{
	int left = parse_not_or_group(p);

	while (left != NONE) {
		enum filter_token_kind kind = operator(p);

		if (kind == TOKEN_AND)
			next(p);
		else if (kind != TOKEN_WORD && kind != TOKEN_NOT && kind != TOKEN_OPEN)
			break;
		left = join(p, NODE_AND, left, parse_not_or_group(p));
	}
	return left;
}

static int parse_or(struct parser *p)
{
	int left;

	if (++p->depth > FILTER_DEPTH_MAX)
		return refuse(p, p->token.at, "deeper than %d parentheses", FILTER_DEPTH_MAX);
	left = parse_and(p);
	while (left != NONE && operator(p) == TOKEN_OR) {
		next(p);
		left = join(p, NODE_OR, left, parse_and(p));
	}
	p->depth--;
	return left;
}

bool filter_parse(struct filter *f, const char *text, enum filter_rows rows,
		  const struct filter_env *env, struct filter_error *error)
{
	struct parser p = { .f = f, .text = text, .env = env, .error = error, .rows = rows,
			    .token = filter_lex(text, 0) };
	bool had = f->len;
	int node;

	if (strlen(text) > FILTER_TEXT_MAX)
		return refuse(&p, FILTER_TEXT_MAX, "longer than %d bytes", FILTER_TEXT_MAX) != NONE;
	if (p.token.kind == TOKEN_END)
		return true;
	node = parse_or(&p);
	if (node == NONE)
		return false;
	if (p.token.kind == TOKEN_CLOSE)
		return refuse(&p, p.token.at, "this parenthesis was not opened") != NONE;
	if (p.token.kind != TOKEN_END)
		return refuse(&p, p.token.at, "`and`, `or` or a term is missing here") != NONE;
	if (had)
		node = join(&p, NODE_AND, f->root, node);
	if (node == NONE)
		return false;
	f->root = (uint16_t)node;
	/* It has parentheses that were not written: `not port 80` has one. */
	if (filter_depth(f) > FILTER_DEPTH_MAX)
		return refuse(&p, 0, "deeper than %d parentheses", FILTER_DEPTH_MAX) != NONE;
	return true;
}
