// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * filter_push.c - necessary conditions of a filter, as clauses of atoms.
 *
 * Of `a and b` those of a and those of b follow; of `a or b` whatever one of a and one of
 * b make together, as one clause; of a term its atoms where the kernel side has them. Where
 * nothing follows, or there is no room, a list is shorter: fewer conditions are still
 * necessary ones.
 */
#include "filter_push.h"

#include <stdlib.h>
#include <string.h>

#include "filter_terms.h"

_Static_assert(FILTER_TREE_MAX == FILTER_PIDS_MAX, "tree");

struct part {
	struct filter_atom atom;
	uint16_t term;		/* the node that it is of, */
	bool negated;		/* or of what that denies */
};

/* Each ends with the atom that is `last`. */
struct clauses {
	size_t len;
	struct part parts[FILTER_ATOMS_MAX];
	bool all;		/* they say all that the filter does */
};

static void add_clause(struct clauses *c, const struct part *parts, size_t len)
{
	if (c->len + len > FILTER_ATOMS_MAX) {
		c->all = false;
		return;
	}
	memcpy(c->parts + c->len, parts, len * sizeof(*parts));
	c->len += len;
	c->parts[c->len - 1].atom.last = 1;
}

/* Behind `at` in the array: where its clause ends. */
static size_t clause_end(const struct clauses *c, size_t at)
{
	while (!c->parts[at].atom.last)
		at++;
	return at + 1;
}

static bool range_of(const struct filter_term *t, struct filter_atom *a)
{
	static const uint8_t what[FIELDS] = {
		[FIELD_NETNS] = ATOM_NETNS, [FIELD_FAMILY] = ATOM_FAMILY, [FIELD_SPORT] = ATOM_LPORT,
		[FIELD_DPORT] = ATOM_RPORT, [FIELD_PID] = ATOM_PID, [FIELD_TREE] = ATOM_TREE,
		[FIELD_UID] = ATOM_UID,
	};
	uint64_t low = t->number.low, high = t->number.high;

	a->what = what[t->field];
	if (!a->what)
		return false;
	if (t->op == OP_LT || t->op == OP_GE) {		/* `<` is `not >=` */
		high = UINT32_MAX;
		a->negated = t->op == OP_LT;
	} else if (t->op == OP_LE || t->op == OP_GT) {
		low = 0;
		a->negated = t->op == OP_GT;
	}
	a->words[0] = (uint32_t)low;
	a->words[1] = (uint32_t)high;
	return true;
}

static void address_of(const struct filter_address *from, uint8_t what, struct filter_atom *a)
{
	uint8_t mask[16] = { 0 };

	a->what = what;
	a->family = from->family;
	for (unsigned int bit = 0; bit < from->prefix; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(a->words, from->bytes, sizeof(a->words));
	memcpy(a->masks, mask, sizeof(a->masks));
}

/* A name, or its beginning: "nginx*". */
static bool comm_of(const char *text, bool glob, struct filter_atom *a)
{
	size_t len = strlen(text);
	uint8_t name[EV_COMM_LEN] = { 0 }, mask[EV_COMM_LEN] = { 0 };

	if (glob && (strcspn(text, "*?[") != len - 1 || text[len - 1] != '*'))
		return false;
	if (glob)
		len--;
	if (len > EV_COMM_LEN)
		return false;
	memcpy(name, text, len);
	memset(mask, 0xff, glob ? len : len + 1);
	a->what = ATOM_COMM;
	memcpy(a->words, name, sizeof(a->words));
	memcpy(a->masks, mask, sizeof(a->masks));
	return true;
}

/* false: the kernel side does not know it. */
static bool atom_of(const struct filter *f, const struct filter_term *t, struct filter_atom *a)
{
	*a = (struct filter_atom){ 0 };
	if (t->field == FIELD_SRC || t->field == FIELD_DST) {
		if (!t->address.family)
			return false;
		address_of(&t->address, t->field == FIELD_SRC ? ATOM_LADDR : ATOM_RADDR, a);
	} else if (t->field == FIELD_COMM) {
		if (!comm_of(f->strings + t->string.at, t->string.glob, a))
			return false;
	} else if (!range_of(t, a)) {
		return false;
	}
	a->negated ^= t->op == OP_NE;
	return true;
}

/* Four atoms, one of which holds; negated: four clauses. */
static void push_loopback(const struct part *like, struct clauses *c)
{
	static const struct filter_address loopback[] = {
		{ { 127 }, 4, 8 }, { { [15] = 1 }, 6, 128 },
	};
	struct part parts[4];

	for (int i = 0; i < 4; i++) {
		parts[i] = *like;
		address_of(&loopback[i / 2], i % 2 ? ATOM_LADDR : ATOM_RADDR, &parts[i].atom);
		parts[i].atom.negated = like->negated;
		if (like->negated)
			add_clause(c, &parts[i], 1);
	}
	if (!like->negated)
		add_clause(c, parts, 4);
}

static void push_term(const struct filter *f, uint16_t at, bool negated, struct clauses *c)
{
	const struct filter_term *t = &f->nodes[at].term;
	struct part part = { .term = at, .negated = negated };

	c->len = 0;
	c->all = true;
	if (t->field == FIELD_LOOPBACK) {
		push_loopback(&part, c);
	} else if (atom_of(f, t, &part.atom)) {
		part.atom.negated ^= negated;
		add_clause(c, &part, 1);
	} else {
		c->all = false;
	}
}

static void both(struct clauses *c, const struct clauses *with)
{
	c->all &= with->all;
	for (size_t at = 0, end; at < with->len; at = end) {
		end = clause_end(with, at);
		add_clause(c, with->parts + at, end - at);
	}
}

static void either(struct clauses *c, const struct clauses *with)
{
	struct clauses left = *c;
	struct part parts[2 * FILTER_ATOMS_MAX];

	c->len = 0;
	c->all = left.all && with->all;
	for (size_t i = 0, i_end; i < left.len; i = i_end) {
		i_end = clause_end(&left, i);
		for (size_t j = 0, j_end; j < with->len; j = j_end) {
			size_t n = i_end - i;

			j_end = clause_end(with, j);
			memcpy(parts, left.parts + i, n * sizeof(*parts));
			parts[n - 1].atom.last = 0;
			memcpy(parts + n, with->parts + j, (j_end - j) * sizeof(*parts));
			add_clause(c, parts, n + j_end - j);
		}
	}
}

static void push(const struct filter *f, uint16_t at, bool negated, struct clauses *c)
{
	const struct filter_node *n = &f->nodes[at];
	struct clauses right;

	if (n->kind == NODE_TERM) {
		push_term(f, at, negated, c);
		return;
	}
	if (n->kind == NODE_NOT) {
		push(f, n->left, !negated, c);
		return;
	}
	push(f, n->left, negated, c);
	push(f, n->right, negated, &right);
	if ((n->kind == NODE_AND) != negated)
		both(c, &right);
	else if (c->len && right.len)
		either(c, &right);
	else
		*c = (struct clauses){ 0 };
}

void filter_push(const struct filter *f, struct kernel_filter *out)
{
	struct clauses c = { 0 };

	if (!filter_empty(f))
		push(f, f->root, false, &c);
	out->atoms_len = (uint32_t)c.len;
	for (size_t i = 0; i < c.len; i++)
		out->atoms[i] = c.parts[i].atom;
	out->pids_len = (uint32_t)filter_tree(f, out->pids);
}

uint32_t filter_push_netns(const struct kernel_filter *k)
{
	for (uint32_t i = 0; i < k->atoms_len; i++) {
		const struct filter_atom *a = &k->atoms[i];
		bool alone = a->last && (!i || a[-1].last);

		if (alone && a->what == ATOM_NETNS && !a->negated && a->words[0] == a->words[1])
			return a->words[0];
	}
	return 0;
}

#define TEXT_MAX 32768		/* the longest normal form of FILTER_TEXT_MAX bytes is shorter */

static void explain_clauses(const struct filter *f, const struct clauses *c, char *text, FILE *out)
{
	const struct part *told = NULL;	/* loopback is several atoms */

	for (size_t at = 0, end; at < c->len; at = end) {
		const struct part *p = &c->parts[at];
		size_t n = 0;

		end = clause_end(c, at);
		if (told && told->term == p->term && end - at == 1 && told->negated == p->negated)
			continue;
		for (told = NULL; p < c->parts + end; told = p++) {
			if (told && told->term == p->term)
				continue;
			fprintf(out, "%s%s%s", n++ ? " or " : "kernel      ", p->negated ? "not " : "",
				filter_node_text(f, p->term, text, TEXT_MAX));
		}
		fputc('\n', out);
	}
}

/* What stands between the `and`s of the whole; *left: terms that user space decides. */
static void explain_rest(const struct filter *f, uint16_t at, struct clauses *sum, size_t *left,
			 char *text, FILE *out)
{
	const struct filter_node *n = &f->nodes[at];
	struct clauses c;

	if (n->kind == NODE_AND) {
		explain_rest(f, n->left, sum, left, text, out);
		explain_rest(f, n->right, sum, left, text, out);
		return;
	}
	push(f, at, false, &c);
	sum->all = true;
	both(sum, &c);
	if (sum->all)
		return;
	(*left)++;
	fprintf(out, "user space  %s\n", filter_node_text(f, at, text, TEXT_MAX));
}

bool filter_explain(const struct filter *f, bool in_kernel, FILE *out)
{
	struct clauses c = { 0 }, sum = { 0 };
	char *text = malloc(TEXT_MAX);
	size_t left = 0;

	if (!text)
		return false;
	if (filter_empty(f)) {
		fputs("filter      none: everything passes\n", out);
	} else {
		fprintf(out, "filter      %s\n", filter_text(f, text, TEXT_MAX));
		if (in_kernel)
			push(f, f->root, false, &c);
		explain_clauses(f, &c, text, out);
		if (!c.len)
			fputs("kernel      nothing\n", out);
		if (in_kernel)
			explain_rest(f, f->root, &sum, &left, text, out);
		else
			fprintf(out, "user space  all of it\n");
		if (in_kernel && !left)
			fputs("user space  nothing more\n", out);
	}
	free(text);
	return true;
}
