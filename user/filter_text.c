// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * filter_text.c - the normal form: it parses to the same filter.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"
#include "filter_terms.h"

struct text {
	char *buf;
	size_t len;
	size_t at;	/* len - 1: full */
};

__attribute__((format(printf, 2, 3)))
static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->buf + t->at, t->len - t->at, format, args);
	va_end(args);
	t->at = n < 0 || (size_t)n >= t->len - t->at ? t->len - 1 : t->at + (size_t)n;
}

static const char *sign(enum filter_op op)
{
	static const char *const signs[] = { "=", "!=", "<", "<=", ">", ">=" };

	return signs[op];
}

/* A unit without a suffix would get one. */
static bool plain(const char *s, enum filter_field field, bool glob)
{
	return *s && !s[strcspn(s, " \t\n\r\v\f()!=<>&|,'\"")] && (glob || !strpbrk(s, "*?[")) &&
	       (glob || field != FIELD_UNIT || strchr(s, '.'));
}

/* In quotes where it would be read as something else. */
static void put_string(struct text *t, const char *s, enum filter_field field, bool glob)
{
	if (plain(s, field, glob)) {
		put(t, "%s", s);
	} else if (!strchr(s, '\'')) {
		put(t, "'%s'", s);
	} else {
		put(t, "\"");
		for (; *s; s++)
			put(t, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
		put(t, "\"");
	}
}

static void put_time(struct text *t, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" }, { 1, "ns" } };
	size_t i = 0;

	while (ns % units[i].ns)
		i++;
	put(t, "%" PRIu64 "%s", ns / units[i].ns, units[i].unit);
}

static void put_address(struct text *t, const struct filter_address *a)
{
	char address[INET6_ADDRSTRLEN];

	if (!a->family || (!a->prefix && !memcmp(a->bytes, (uint8_t[16]){ 0 }, 16))) {
		put(t, "%s*", !a->family ? "" : a->family == 4 ? "inet:" : "inet6:");
		return;
	}
	inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, address, sizeof(address));
	put(t, "%s", address);
	if (a->prefix != (a->family == 4 ? 32 : 128))
		put(t, "/%u", a->prefix);
}

static void put_number(struct text *t, const struct filter_term *term, enum filter_type type)
{
	uint64_t n = term->number.low;
	const char *name;

	switch (type) {
	case TYPE_TIME:
		put_time(t, n);
		return;
	case TYPE_FAMILY:
		put(t, "%s", n == 4 ? "inet" : "inet6");
		return;
	case TYPE_ERRNO:
		name = strerrorname_np((int)n);
		if (name) {
			put(t, "%s", name);
			return;
		}
		break;
	case TYPE_PORT:
		put(t, ":");
		break;
	default:
		break;
	}
	put(t, "%" PRIu64, n);
	if (term->number.high != n)
		put(t, "-%" PRIu64, term->number.high);
}

static void put_term(struct text *t, const struct filter *f, const struct filter_term *term)
{
	const struct filter_field_row *row = &filter_fields[term->field];
	char words[1024];

	put(t, "%s", row->word);
	if (row->type == TYPE_FLAG)
		return;
	put(t, " %s ", sign(term->op));
	switch (row->type) {
	case TYPE_ADDRESS:
		put_address(t, &term->address);
		break;
	case TYPE_STRING:
		put_string(t, f->strings + term->string.at, term->field, term->string.glob);
		break;
	case TYPE_LIST:
		filter_list_text(term->field, term->set, words, sizeof(words));
		put(t, "%s", words);
		break;
	default:
		put_number(t, term, row->type);
	}
}

static bool is_tree(const struct filter *f, uint16_t at)
{
	const struct filter_node *n = &f->nodes[at];

	return n->kind == NODE_TERM ? n->term.field == FIELD_TREE :
	       n->kind != NODE_NOT && is_tree(f, n->left) && is_tree(f, n->right);
}

/* `tree` is told once, so its list stays one: "tree = 7,8". */
static void put_tree(struct text *t, const struct filter *f, uint16_t at, bool first)
{
	const struct filter_node *n = &f->nodes[at];

	if (n->kind == NODE_TERM) {
		if (first)
			put(t, "tree %s ", sign(n->term.op));
		put(t, "%s%" PRIu64, first ? "" : ",", n->term.number.low);
		return;
	}
	put_tree(t, f, n->left, first);
	put_tree(t, f, n->right, false);
}

static void put_node(struct text *t, const struct filter *f, uint16_t at);

/* Where it binds less. */
static bool in_parentheses(const struct filter *f, uint16_t at, uint8_t parent)
{
	uint8_t kind = f->nodes[at].kind;

	return kind != NODE_TERM && kind != parent && kind != NODE_NOT && !is_tree(f, at);
}

static void put_operand(struct text *t, const struct filter *f, uint16_t at, uint8_t parent)
{
	bool loose = in_parentheses(f, at, parent);

	put(t, "%s", loose ? "(" : "");
	put_node(t, f, at);
	put(t, "%s", loose ? ")" : "");
}

static void put_node(struct text *t, const struct filter *f, uint16_t at)
{
	const struct filter_node *n = &f->nodes[at];

	if (n->kind == NODE_TERM) {
		put_term(t, f, &n->term);
	} else if (is_tree(f, at)) {
		put_tree(t, f, at, true);
	} else if (n->kind == NODE_NOT) {
		put(t, "not ");
		put_operand(t, f, n->left, NODE_NOT);
	} else {
		put_operand(t, f, n->left, n->kind);
		put(t, n->kind == NODE_AND ? " and " : " or ");
		put_operand(t, f, n->right, n->kind);
	}
}

const char *filter_node_text(const struct filter *f, uint16_t node, char *buf, size_t len)
{
	struct text t = { buf, len, 0 };

	buf[0] = '\0';
	put_node(&t, f, node);
	return buf;
}

const char *filter_text(const struct filter *f, char *buf, size_t len)
{
	buf[0] = '\0';
	return filter_empty(f) ? buf : filter_node_text(f, f->root, buf, len);
}

static unsigned int depth_of(const struct filter *f, uint16_t at, unsigned int depth);

static unsigned int operand_depth(const struct filter *f, uint16_t at, uint8_t parent,
				  unsigned int depth)
{
	return depth_of(f, at, depth + in_parentheses(f, at, parent));
}

static unsigned int depth_of(const struct filter *f, uint16_t at, unsigned int depth)
{
	const struct filter_node *n = &f->nodes[at];
	unsigned int left, right;

	if (n->kind == NODE_TERM || is_tree(f, at))
		return depth;
	if (n->kind == NODE_NOT)
		return operand_depth(f, n->left, NODE_NOT, depth + 1);
	left = operand_depth(f, n->left, n->kind, depth);
	right = operand_depth(f, n->right, n->kind, depth);
	return left > right ? left : right;
}

unsigned int filter_depth(const struct filter *f)
{
	return filter_empty(f) ? 0 : depth_of(f, f->root, 1);
}

size_t filter_tree(const struct filter *f, uint32_t pids[FILTER_TREE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < f->len; i++)
		if (f->nodes[i].kind == NODE_TERM && f->nodes[i].term.field == FIELD_TREE &&
		    n < FILTER_TREE_MAX)
			pids[n++] = (uint32_t)f->nodes[i].term.number.low;
	return n;
}
