// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * filter_push.c - necessary conditions of a filter, as clauses of atoms.
 *
 * Of `a and b` those of a and those of b follow; of `a or b` whatever one of a and one of
 * b make together, as one clause; of a term its atoms where the kernel side has them. Where
 * nothing follows, or there is no room, a list is shorter: fewer conditions are still
 * necessary ones. Prefixes of which one has to hold, or none, are one part; from
 * FILTER_TRIE_FROM on it is one look-up in a trie.
 */
#include "filter_push.h"

#include <stdlib.h>
#include <string.h>

#include "filter_terms.h"

_Static_assert(FILTER_TREE_MAX == FILTER_PIDS_MAX, "tree");
_Static_assert(FILTER_NODES_MAX <= FILTER_PREFIXES_MAX, "a set of all terms has room");
_Static_assert(FILTER_ATOMS_MAX <= 32, "answers of a cgroup");

#define MEMBER_WORDS (FILTER_NODES_MAX / 64)

struct part {
	struct filter_atom atom;
	uint16_t term;		/* the node that it is of, */
	bool negated;		/* or of what that denies */
	bool beside;		/* others in its clause */
	uint16_t prefixes;	/* src, dst: how many of them; else 0 */
	uint64_t members[MEMBER_WORDS];	/* and which nodes */
};

/* Each ends with the atom that is `last`. */
struct clauses {
	size_t len;
	struct part parts[FILTER_ATOMS_MAX];
	bool all;		/* they say all that the filter does */
};

/* Of several that are denied each is a clause, if they are alone in theirs. */
static bool is_set(const struct part *p)
{
	return p->prefixes >= FILTER_TRIE_FROM || (p->prefixes > 1 && p->atom.negated && p->beside);
}

/* How many atoms, and places in the trie, parts take. */
static size_t atoms_of(const struct part *parts, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += parts[i].prefixes && !is_set(&parts[i]) ? parts[i].prefixes : 1;
	return n;
}

static size_t prefixes_of(const struct part *parts, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += is_set(&parts[i]) ? parts[i].prefixes : 0;
	return n;
}

static void add_clause(struct clauses *c, const struct part *parts, size_t len)
{
	if (atoms_of(c->parts, c->len) + atoms_of(parts, len) > FILTER_ATOMS_MAX ||
	    prefixes_of(c->parts, c->len) + prefixes_of(parts, len) > FILTER_PREFIXES_MAX) {
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

/* Prefixes of the same end, both asked or both denied. */
static bool joins(const struct part *a, const struct part *b)
{
	return a->prefixes && b->prefixes && a->atom.what == b->atom.what &&
	       a->atom.negated == b->atom.negated;
}

static void join(struct part *to, const struct part *from)
{
	to->prefixes = 0;
	for (int i = 0; i < MEMBER_WORDS; i++) {
		to->members[i] |= from->members[i];
		to->prefixes += (uint16_t)__builtin_popcountll(to->members[i]);
	}
}

static bool range_of(const struct filter_term *t, struct filter_atom *a)
{
	static const uint8_t what[FIELDS] = {
		[FIELD_NETNS] = ATOM_NETNS, [FIELD_FAMILY] = ATOM_FAMILY, [FIELD_SPORT] = ATOM_LPORT,
		[FIELD_DPORT] = ATOM_RPORT, [FIELD_PID] = ATOM_PID, [FIELD_TREE] = ATOM_TREE,
		[FIELD_UID] = ATOM_UID, [FIELD_DEV] = ATOM_DEV, [FIELD_ERRNO] = ATOM_ERRNO,
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

/* Kinds of events whose record has a kind of the set, surely or maybe. A mini-socket's may
 * end a connection, too: it is never asked (filter_event()). */
static void events_of(uint64_t set, uint32_t *sure, uint32_t *maybe)
{
	static const uint64_t kinds[EV_KIND_MAX] = {
		[EV_STATE] = 1 << REC_STATE, [EV_RETRANSMIT] = 1 << REC_RETRANSMIT,
		[EV_RESET] = 1 << REC_RESET, [EV_ERROR] = 1 << REC_ERROR,
		[EV_TIMEWAIT] = 1 << REC_STATE | 1 << REC_CONNECTION,
		[EV_DROP] = 1 << REC_DROP | 1 << REC_SYNCOOKIE, [EV_ACCEPT] = 1 << REC_ACCEPT,
		[EV_CONNECTION] = 1 << REC_CONNECTION, [EV_LIMIT] = 1 << REC_LIMIT,
		[EV_REQUEST] = 1 << REC_STATE, [EV_LISTENER] = 1 << REC_LISTEN,
	};

	for (unsigned int kind = 0; kind < EV_KIND_MAX; kind++) {
		*maybe |= (uint32_t)!!(kinds[kind] & set) << kind;
		*sure |= (uint32_t)(kinds[kind] && !(kinds[kind] & ~set)) << kind;
	}
}

static bool set_of(const struct filter_term *t, struct filter_atom *a)
{
	static const uint8_t what[FIELDS] = {
		[FIELD_ROLE] = ATOM_ROLE, [FIELD_STATE] = ATOM_STATE, [FIELD_FROM] = ATOM_FROM,
		[FIELD_TO] = ATOM_TO, [FIELD_EVENT] = ATOM_EVENT,
	};

	a->what = what[t->field];
	if (t->field == FIELD_EVENT)
		events_of(t->set, &a->words[0], &a->words[1]);
	else
		a->words[0] = (uint32_t)t->set;
	return a->what;
}

/* false: the kernel side does not know it. */
static bool atom_of(const struct filter *f, uint16_t at, struct filter_atom *a)
{
	const struct filter_term *t = &f->nodes[at].term;

	*a = (struct filter_atom){ 0 };
	if (t->field == FIELD_SRC || t->field == FIELD_DST) {
		if (!t->address.family)
			return false;
		address_of(&t->address, t->field == FIELD_SRC ? ATOM_LADDR : ATOM_RADDR, a);
	} else if (t->field == FIELD_COMM) {
		if (!comm_of(f->strings + t->string.at, t->string.glob, a))
			return false;
	} else if (FILTER_BIT(t->field) & FILTER_CGROUP_FIELDS) {
		a->what = ATOM_CGROUP;
		a->words[0] = at;
	} else if (!set_of(t, a) && !range_of(t, a)) {
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

static bool asks_event(uint8_t what)
{
	return what == ATOM_STATE || what == ATOM_FROM || what == ATOM_TO || what == ATOM_EVENT ||
	       what == ATOM_ERRNO;
}

/* There some events pass that the term refuses (filter_move()), and what is new (cgroups):
 * user space has a part of it. */
static bool is_in_part(uint8_t what)
{
	return asks_event(what) || what == ATOM_CGROUP;
}

static void push_term(const struct filter *f, uint16_t at, bool negated, struct clauses *c)
{
	const struct filter_term *t = &f->nodes[at].term;
	struct part part = { .term = at, .negated = negated };

	c->len = 0;
	c->all = true;
	if (t->field == FIELD_LOOPBACK) {
		push_loopback(&part, c);
	} else if (atom_of(f, at, &part.atom)) {
		part.atom.negated ^= negated;
		c->all = !is_in_part(part.atom.what);
		if (t->field == FIELD_SRC || t->field == FIELD_DST) {
			part.prefixes = 1;
			part.members[at / 64] = 1ULL << at % 64;
		}
		add_clause(c, &part, 1);
	} else {
		c->all = false;
	}
}

/* `not dst A` beside `not dst B`: neither. */
static bool join_denied(struct clauses *c, const struct part *denied)
{
	struct clauses with = *c;

	for (size_t at = 0, end; at < c->len; at = end) {
		end = clause_end(c, at);
		if (end - at > 1 || !joins(&c->parts[at], denied))
			continue;
		join(&with.parts[at], denied);
		if (atoms_of(with.parts, with.len) > FILTER_ATOMS_MAX ||
		    prefixes_of(with.parts, with.len) > FILTER_PREFIXES_MAX)
			return false;
		*c = with;
		return true;
	}
	return false;
}

static void both(struct clauses *c, const struct clauses *with)
{
	c->all &= with->all;
	for (size_t at = 0, end; at < with->len; at = end) {
		const struct part *p = &with->parts[at];

		end = clause_end(with, at);
		if (end - at > 1 || !p->atom.negated || !join_denied(c, p))
			add_clause(c, p, end - at);
	}
}

/* Adds one of two clauses to the other, `len` parts long; its new length. */
static size_t unite(struct part *parts, size_t len, const struct part *with, size_t with_len)
{
	size_t before = len, i;

	for (; with_len; with++, with_len--) {
		for (i = 0; i < before; i++)
			if (!with->atom.negated && joins(&parts[i], with))
				break;
		if (i < before)
			join(&parts[i], with);
		else
			parts[len++] = *with;
	}
	for (i = 0; i < len; i++) {
		parts[i].atom.last = 0;
		parts[i].beside = len > 1;
	}
	return len;
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
			n = unite(parts, n, with->parts + j, j_end - j);
			add_clause(c, parts, n);
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

/* The next of its terms from node *at on; false: there is none. */
static bool next_member(const struct part *p, uint16_t *at)
{
	while (*at < FILTER_NODES_MAX && !(p->members[*at / 64] >> *at % 64 & 1))
		++*at;
	return *at < FILTER_NODES_MAX;
}

static void add_set(const struct filter *f, const struct part *p, struct kernel_filter *out,
		    struct filter_prefixes *prefixes)
{
	struct filter_atom *a = &out->atoms[out->atoms_len];

	*a = (struct filter_atom){
		.what = p->atom.what == ATOM_LADDR ? ATOM_LADDR_SET : ATOM_RADDR_SET,
		.negated = p->atom.negated, .last = p->atom.last, .words = { out->atoms_len },
	};
	for (uint16_t at = 0; next_member(p, &at); at++) {
		const struct filter_address *from = &f->nodes[at].term.address;
		struct filter_prefix *to = &prefixes->all[prefixes->len++];

		*to = (struct filter_prefix){ .bits = FILTER_PREFIX_BITS + from->prefix,
					      .set = (uint16_t)out->atoms_len, .family = from->family };
		memcpy(to->address, from->bytes, sizeof(to->address));
		a->family |= from->family == 4 ? FILTER_SET_4 : FILTER_SET_6;
	}
	out->atoms_len++;
}

/* Few: each is compared. Where none may hold, each is a clause. */
static void add_compared(const struct filter *f, const struct part *p, struct kernel_filter *out)
{
	struct filter_atom *a = NULL;

	for (uint16_t at = 0; next_member(p, &at); at++) {
		a = &out->atoms[out->atoms_len++];
		*a = (struct filter_atom){ .negated = p->atom.negated,
					   .last = p->atom.negated && p->prefixes > 1 };
		address_of(&f->nodes[at].term.address, p->atom.what, a);
	}
	if (p->atom.last)
		a->last = 1;
}

void filter_push(const struct filter *f, struct kernel_filter *out, struct filter_prefixes *prefixes)
{
	struct clauses c = { 0 };

	if (!filter_empty(f))
		push(f, f->root, false, &c);
	out->atoms_len = prefixes->len = 0;
	for (size_t i = 0; i < c.len; i++) {
		const struct part *p = &c.parts[i];
		uint8_t what = p->atom.what;

		if (is_set(p))
			add_set(f, p, out, prefixes);
		else if (p->prefixes)
			add_compared(f, p, out);
		else
			out->atoms[out->atoms_len++] = p->atom;
		out->asks_event |= asks_event(what);
		out->asks_cgroup |= what == ATOM_CGROUP;
	}
	out->pids_len = (uint32_t)filter_tree(f, out->pids);
}

uint64_t filter_push_cgroup(const struct filter *f, const struct kernel_filter *k,
			    const struct cgroup_info *cgroup)
{
	uint64_t answers = FILTER_CGROUP_KNOWN;

	for (uint32_t i = 0; i < k->atoms_len; i++) {
		enum filter_answer answer;

		if (k->atoms[i].what != ATOM_CGROUP)
			continue;
		answer = filter_ask_cgroup(f, &f->nodes[k->atoms[i].words[0]].term, cgroup);
		if (answer == FILTER_UNKNOWN)
			return 0;
		answers |= (uint64_t)(answer == FILTER_YES) << i;
	}
	return answers;
}

void filter_push_seen(const struct filter *f, const struct kernel_filter *k,
		      struct filter_cgroup table[FILTER_CGROUPS], uint64_t id,
		      const struct cgroup_info *cgroup)
{
	for (uint32_t i = 0; i < FILTER_CGROUP_TRIES; i++) {
		struct filter_cgroup *c = &table[filter_cgroup_place(id, i)];

		if (c->id == id)
			return;
		if (c->id)
			continue;
		__atomic_store_n(&c->answers, filter_push_cgroup(f, k, cgroup), __ATOMIC_RELEASE);
		if (c->answers)
			__atomic_store_n(&c->id, id, __ATOMIC_RELEASE);
		return;
	}
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

/* `not` of what is denied there; of != the term says it itself. */
static bool is_denied(const struct filter *f, const struct part *p, uint16_t at)
{
	return p->prefixes ? p->atom.negated != (f->nodes[at].term.op == OP_NE) : p->negated;
}

/* Its terms, which `before` has come before; how many. */
static size_t explain_part(const struct filter *f, const struct part *p, size_t before, char *text,
			   FILE *out)
{
	const char *between = p->prefixes && p->atom.negated ? " and " : " or ";
	size_t n = before;
	uint16_t at = p->prefixes ? 0 : p->term;

	for (; !p->prefixes || next_member(p, &at); at++) {
		fprintf(out, "%s%s%s", n++ ? between : "", is_denied(f, p, at) ? "not " : "",
			filter_node_text(f, at, text, TEXT_MAX));
		if (!p->prefixes)
			break;
	}
	return n - before;
}

static void explain_clauses(const struct filter *f, const struct clauses *c, char *text, FILE *out)
{
	const struct part *told = NULL;	/* loopback is several atoms */

	for (size_t at = 0, end; at < c->len; at = end) {
		const struct part *p = &c->parts[at];
		size_t n = 0;

		end = clause_end(c, at);
		if (told && told->term == p->term && end - at == 1 && told->negated == p->negated)
			continue;
		fputs(prefixes_of(p, end - at) ? "kernel trie " : "kernel      ", out);
		for (told = NULL; p < c->parts + end; told = p++)
			if (!told || told->term != p->term)
				n += explain_part(f, p, n, text, out);
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
