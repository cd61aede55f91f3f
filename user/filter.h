/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter.h - FILTER: ss(8)'s grammar and terms, and those of our records. Text to a
 * tree here, the tree to an answer for each record; filter_push.h has what of it the
 * kernel side decides.
 *
 *   filter_lex.c    text -> tokens
 *   filter_terms.c  the table of terms, and the words of closed lists
 *   filter_value.c  ports, addresses, times... -> struct filter_term
 *   filter_parse.c  tokens -> tree; by recursive descent: one page, and a message of our
 *                   own with its place for each error, which a generator makes hard
 *   filter_eval.c   tree and record -> yes, no or unknown
 *   filter_text.c   tree -> normal form
 *   filter_push.c   tree -> what the kernel side decides
 *
 * Three answers, as Kleene's: a value that is not known (an owner nobody saw yet) makes
 * its term unknown, the negation of that is unknown too, and unknown passes. What a
 * record cannot have (a listener's peer, the errno of an accept) is known: no
 * comparison with it holds, and every negated one does. So `a != b` is `not a = b`.
 */
#ifndef TCPTRAIL_FILTER_H
#define TCPTRAIL_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

#define FILTER_TEXT_MAX		2048	/* bytes that a person may write */
#define FILTER_DEPTH_MAX	32	/* parentheses and `not` within each other */
#define FILTER_NODES_MAX	512
#define FILTER_STRINGS_MAX	4096
#define FILTER_TREE_MAX		16	/* processes, of `tree` */

enum filter_field {
	FIELD_SRC, FIELD_DST, FIELD_HOST,		/* HOST: either; parsed away */
	FIELD_SPORT, FIELD_DPORT, FIELD_PORT,		/* the same */
	FIELD_FAMILY, FIELD_DEV, FIELD_LOOPBACK,
	FIELD_NETNS, FIELD_PID, FIELD_TREE, FIELD_COMM, FIELD_UID,
	FIELD_CGROUP, FIELD_UNIT, FIELD_CONTAINER, FIELD_POD,
	FIELD_ROLE, FIELD_STATE, FIELD_FROM, FIELD_TO,
	FIELD_EVENT, FIELD_CAUSE, FIELD_REASON, FIELD_VERDICT, FIELD_LIMIT, FIELD_ERRNO, FIELD_FAILED,
	FIELD_RETRANS, FIELD_HANDSHAKE, FIELD_ACCEPT_WAIT, FIELD_FOR,
	FIELD_EXCLUDE,					/* ss(8)'s, parsed away */
	FIELDS,
};

/* Sets of fields, for filter_uses() */
#define FILTER_BIT(field) (1ULL << (field))
#define FILTER_CGROUP_FIELDS (FILTER_BIT(FIELD_CGROUP) | FILTER_BIT(FIELD_UNIT) | \
			      FILTER_BIT(FIELD_CONTAINER) | FILTER_BIT(FIELD_POD))

enum filter_op {
	OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE,
};

struct filter_address {
	uint8_t bytes[16];	/* network order; IPv4 in the first four */
	uint8_t family;		/* 4 or 6 */
	uint8_t prefix;		/* bits */
};

struct filter_string {
	uint16_t at;		/* in struct filter.strings; ends with NUL */
	bool glob;		/* a pattern of glob(7) */
};

struct filter_term {
	uint8_t field;		/* enum filter_field */
	uint8_t op;		/* enum filter_op; EQ and NE alone but for numbers */
	union {
		struct {
			uint64_t low, high;	/* equal, but for a range (EQ, NE) */
		} number;			/* times in ns */
		uint64_t set;			/* bits of a closed list, 1 << value */
		struct filter_address address;
		struct filter_string string;
	};
};

enum filter_node_kind {
	NODE_TERM, NODE_AND, NODE_OR, NODE_NOT,
};

struct filter_node {
	uint8_t kind;
	uint16_t left, right;	/* NOT: left alone */
	struct filter_term term;
};

/* The whole, without pointers: it may be copied. All 0: no filter. */
struct filter {
	struct filter_node nodes[FILTER_NODES_MAX];
	char strings[FILTER_STRINGS_MAX];
	uint16_t len;		/* nodes */
	uint16_t strings_len;
	uint16_t root;		/* with len > 0 */
	uint64_t uses;		/* FILTER_BIT() of its fields */
};

/* Whose rows it is for: a term that they cannot have is refused. */
enum filter_rows {
	ROWS_EVENTS = 1,	/* trace */
	ROWS_LISTENERS = 2,
	ROWS_STALLS = 4,
	ROWS_CHECK = 8,		/* of both: no term that only one has */
	ROWS_LIMITS = 16,
};

/* What of the running system a value needs: 0 or -errno. NULL: numbers alone. */
struct filter_env {
	int (*netns)(const char *word, uint32_t *inum);
	int (*user)(const char *name, uint32_t *uid);
	int (*service)(const char *name, uint16_t *port);
	/* Of an interface; its name is this namespace's, *netns. */
	int (*interface)(const char *name, uint32_t *ifindex, uint32_t *netns);
};

struct filter_error {
	size_t at;		/* byte of the text */
	char what[160];
};

/*
 * Adds `text` to `f`, all of which then has to hold with it; an empty one adds nothing.
 * false: *error tells, `f` is void.
 */
bool filter_parse(struct filter *f, const char *text, enum filter_rows rows,
		  const struct filter_env *env, struct filter_error *error);

static inline bool filter_empty(const struct filter *f)
{
	return !f->len;
}

static inline bool filter_uses(const struct filter *f, uint64_t fields)
{
	return f->uses & fields;
}

enum filter_answer {
	FILTER_NO, FILTER_UNKNOWN, FILTER_YES,
};

/* What is filtered: a record, and what only rows of stalls and limits have of it. */
struct filter_subject {
	const struct record *record;
	const char *verdict;	/* static; NULL: none */
	bool verdict_unknown;	/* not judged yet: nor are `for` and `retrans` */
	bool stall;		/* the two below are there */
	uint64_t for_ns;
	bool for_lower;		/* at least */
	uint32_t retrans;
	const char *limit;	/* a row of limits: what it has not it cannot have */
};

/* Kinds of records (1 << enum record_kind) that it may take. */
uint64_t filter_kinds(const struct filter *f);

enum filter_answer filter_ask(const struct filter *f, const struct filter_subject *s);

/* A term of FILTER_CGROUP_FIELDS, as if it had =. */
enum filter_answer filter_ask_cgroup(const struct filter *f, const struct filter_term *t,
				     const struct cgroup_info *cgroup);

/* Of parentheses and `not` in the normal form, as the parser counts them; 0: no filter. */
unsigned int filter_depth(const struct filter *f);

/* The normal form, which parses to the same; cut to len - 1 bytes. Returns buf. */
const char *filter_text(const struct filter *f, char *buf, size_t len);

/* The normal form of one node and what is below it, likewise. */
const char *filter_node_text(const struct filter *f, uint16_t node, char *buf, size_t len);

/* The processes that `tree` names. Returns how many. */
size_t filter_tree(const struct filter *f, uint32_t pids[FILTER_TREE_MAX]);

#endif /* TCPTRAIL_FILTER_H */
