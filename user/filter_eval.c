// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * filter_eval.c - a filter's answer for a record, of three (filter.h says which).
 */
#include <fnmatch.h>
#include <string.h>

#include "filter.h"
#include "filter_terms.h"
#include "names.h"
#include "stall_rows.h"

/* What a record has of a field. */
enum having {
	HAVE_NOT,	/* it cannot have it: no match */
	HAVE_UNKNOWN,
	HAVE_VALUE,
};

static enum filter_answer known(bool yes)
{
	return yes ? FILTER_YES : FILTER_NO;
}

static enum filter_answer negate(enum filter_answer a)
{
	return (enum filter_answer)(FILTER_YES - a);
}

/* A number; `lower`: at least that. */
static enum filter_answer compare(const struct filter_term *t, uint64_t n, bool lower)
{
	uint64_t low = t->number.low, high = t->number.high;

	switch (t->op) {
	case OP_LT:
	case OP_GE:
		if (n >= low)
			return known(t->op == OP_GE);
		return lower ? FILTER_UNKNOWN : known(t->op == OP_LT);
	case OP_LE:
	case OP_GT:
		if (n > low)
			return known(t->op == OP_GT);
		return lower ? FILTER_UNKNOWN : known(t->op == OP_LE);
	default:
		if (n > high)
			return FILTER_NO;
		return lower ? FILTER_UNKNOWN : known(n >= low);
	}
}

/* As compare() says for every value alike. `!=` is the caller's. */
static enum filter_answer without(enum having having)
{
	return having == HAVE_UNKNOWN ? FILTER_UNKNOWN : FILTER_NO;
}

static bool is_end(const struct record *r)
{
	return r->kind == REC_STATE || r->kind == REC_CONNECTION;
}

static enum having presence(const struct record *r, uint32_t bit)
{
	return r->has & bit ? HAVE_VALUE : HAVE_UNKNOWN;
}

/* A listener has no peer; that of what it refused is told with it (drop), but in a sum,
 * which is of several. */
static enum having peer(const struct record *r, uint32_t bit)
{
	bool none = r->role == EVR_LISTENER && !(r->has & (bit | HAS_WINDOW));

	return none ? HAVE_NOT : presence(r, bit);
}

static bool within(const struct filter_address *a, const uint8_t *address)
{
	unsigned int bytes = a->prefix / 8, bits = a->prefix % 8;

	return !memcmp(a->bytes, address, bytes) &&
	       (!bits || !((a->bytes[bytes] ^ address[bytes]) >> (8 - bits)));
}

static enum filter_answer ask_address(const struct filter_address *a, const struct record *r,
				      bool local)
{
	enum having having = local ? presence(r, HAS_LADDR) : peer(r, HAS_RADDR);

	if (!a->family)
		return FILTER_YES;
	if (r->family && r->family != a->family)
		return FILTER_NO;
	if (having != HAVE_VALUE)
		return without(having);
	return known(within(a, local ? r->laddr : r->raddr));
}

static enum filter_answer ask_loopback(const struct record *r)
{
	static const struct filter_address loopback[] = {
		{ { 127 }, 4, 8 }, { { [15] = 1 }, 6, 128 },
	};
	enum filter_answer answer = FILTER_NO;

	for (int i = 0; i < 4; i++) {
		enum filter_answer a = ask_address(&loopback[i / 2], r, i % 2);

		answer = a > answer ? a : answer;
	}
	return answer;
}

static enum having handshake(const struct record *r, uint64_t *ns)
{
	uint64_t in = r->life.in_ns[0] + r->life.in_ns[1];	/* SYN-SENT, SYN-RECEIVED */

	if (r->kind == REC_STATE) {
		if (r->from != EVS_SYN_SENT && r->from != EVS_SYN_RECV)
			return HAVE_NOT;
		*ns = r->duration_ns;
		return presence(r, HAS_DURATION);
	}
	if (r->kind != REC_CONNECTION)
		return HAVE_NOT;
	*ns = in;
	return in ? HAVE_VALUE : HAVE_UNKNOWN;	/* not seen: open before the start */
}

static enum having accept_wait(const struct record *r, uint64_t *ns)
{
	if (r->kind == REC_ACCEPT) {
		*ns = r->duration_ns;
		return presence(r, HAS_DURATION);
	}
	if (r->kind != REC_CONNECTION || r->role == EVR_CLIENT)
		return HAVE_NOT;
	*ns = r->life.accept_wait_ns;
	return presence(r, HAS_ACCEPT_WAIT);
}

static enum having lasted(const struct filter_subject *s, uint64_t *ns, bool *lower)
{
	const struct record *r = s->record;

	if (s->verdict_unknown)
		return HAVE_UNKNOWN;
	if (s->stall) {
		*ns = s->for_ns;
		*lower = s->for_lower;
		return HAVE_VALUE;
	}
	if (!is_end(r) && r->kind != REC_ACCEPT && r->kind != REC_STALL)
		return HAVE_NOT;
	*ns = r->duration_ns;
	*lower = r->duration_lower;
	return presence(r, HAS_DURATION);
}

static enum having retransmissions(const struct filter_subject *s, uint64_t *n)
{
	const struct record *r = s->record;

	if (s->stall || r->kind == REC_STALL) {
		*n = s->stall ? s->retrans : r->stall->oldest.retransmits;
		return HAVE_VALUE;
	}
	if (s->verdict_unknown)
		return HAVE_UNKNOWN;
	if (r->kind == REC_CONNECTION) {
		*n = (uint64_t)r->life.resent + r->life.syns_resent;
		return HAVE_VALUE;
	}
	*n = r->attempt;
	return r->kind == REC_RETRANSMIT ? presence(r, HAS_ATTEMPT) : HAVE_NOT;
}

/* A socket that is not bound to an interface has none; a mini-socket does not tell. */
static enum having interface(const struct record *r, uint64_t *n)
{
	*n = r->ifindex;
	if (r->has & HAS_IFINDEX)
		return HAVE_VALUE;
	return r->has & HAS_UID ? HAVE_NOT : HAVE_UNKNOWN;
}

static enum having number(enum filter_field field, const struct filter_subject *s, uint64_t *n,
			  bool *lower)
{
	const struct record *r = s->record;

	switch (field) {
	case FIELD_SPORT:
		*n = r->lport;
		return presence(r, HAS_LPORT);
	case FIELD_DPORT:
		*n = r->rport;
		return peer(r, HAS_RPORT);
	case FIELD_FAMILY:
		*n = r->family;
		return r->family ? HAVE_VALUE : HAVE_UNKNOWN;
	case FIELD_DEV:
		return interface(r, n);
	case FIELD_NETNS:
		*n = r->netns;
		return presence(r, HAS_NETNS);
	case FIELD_PID:
	case FIELD_TREE:
		*n = r->pid;
		return presence(r, HAS_OWNER);
	case FIELD_UID:
		*n = r->uid;
		return presence(r, HAS_UID);
	case FIELD_ERRNO:
		*n = r->err;
		return r->has & HAS_ERRNO ? HAVE_VALUE : HAVE_NOT;
	case FIELD_RETRANS:
		return retransmissions(s, n);
	case FIELD_HANDSHAKE:
		return handshake(r, n);
	case FIELD_ACCEPT_WAIT:
		return accept_wait(r, n);
	case FIELD_FOR:
		return lasted(s, n, lower);
	default:
		return HAVE_NOT;
	}
}

static enum filter_answer ask_number(const struct filter_term *t, const struct filter_subject *s)
{
	bool lower = false;
	uint64_t n = 0;
	enum having having = number(t->field, s, &n, &lower);

	if (t->field == FIELD_TREE && having == HAVE_VALUE && s->record->followed)
		return FILTER_YES;
	return having == HAVE_VALUE ? compare(t, n, lower) : without(having);
}

static enum filter_answer in_set(uint64_t set, unsigned int value)
{
	return known(value < 64 && set >> value & 1);
}

/* `unknown` is a word of causes: it asks for those that the kernel does not tell. */
static enum filter_answer ask_cause(uint64_t set, const struct record *r)
{
	if (!is_end(r))
		return FILTER_NO;
	if (r->cause == CAUSE_UNKNOWN && !(set & 1))
		return FILTER_UNKNOWN;
	return in_set(set, r->cause);
}

static enum filter_answer ask_verdict(uint64_t set, const struct filter_subject *s)
{
	const char *name = s->verdict;

	if (s->verdict_unknown)
		return FILTER_UNKNOWN;
	if (!name && s->record->kind == REC_STALL)
		name = stall_name(s->record->stall->verdict.stall);
	return known(name && set & filter_list_bits(FIELD_VERDICT, name, strlen(name)));
}

static enum filter_answer ask_limit(uint64_t set, const struct filter_subject *s)
{
	const char *name = s->limit;

	if (!name && s->record->kind == REC_LIMIT)
		name = name_limit(s->record->limit.name);
	return known(name && set & filter_list_bits(FIELD_LIMIT, name, strlen(name)));
}

static enum filter_answer ask_set(const struct filter_term *t, const struct filter_subject *s)
{
	const struct record *r = s->record;

	switch (t->field) {
	case FIELD_ROLE:
		return r->role == EVR_UNKNOWN ? FILTER_UNKNOWN : in_set(t->set, r->role);
	case FIELD_STATE:
		return r->has & HAS_STATE ? in_set(t->set, r->to) : FILTER_UNKNOWN;
	case FIELD_FROM:
		if (!is_end(r))
			return FILTER_NO;
		return r->has & HAS_FROM ? in_set(t->set, r->from) : FILTER_UNKNOWN;
	case FIELD_TO:
		return is_end(r) ? in_set(t->set, r->to) : FILTER_NO;
	case FIELD_EVENT:
		return r->kind < REC_START ? in_set(t->set, r->kind) : FILTER_UNKNOWN;
	case FIELD_CAUSE:
		return ask_cause(t->set, r);
	case FIELD_VERDICT:
		return ask_verdict(t->set, s);
	case FIELD_LIMIT:
		return ask_limit(t->set, s);
	default:
		return FILTER_NO;
	}
}

/* The pattern, or the very same; `below`: or a path below it. */
static bool matches(const struct filter *f, const struct filter_string *s, const char *value,
		    int flags)
{
	const char *text = f->strings + s->at;
	size_t len = strlen(text);

	if (s->glob)
		return !fnmatch(text, value, FNM_NOESCAPE | flags);
	if (flags & FNM_LEADING_DIR)
		return !strncmp(text, value, len) && (len == 1 || !value[len] || value[len] == '/');
	return flags & FNM_CASEFOLD ? !strcasecmp(text, value) : !strcmp(text, value);
}

static bool begins(const struct filter *f, const struct filter_string *s, const char *value)
{
	return s->glob ? matches(f, s, value, 0) :
			 !strncasecmp(f->strings + s->at, value, strlen(f->strings + s->at));
}

enum filter_answer filter_ask_cgroup(const struct filter *f, const struct filter_term *t,
				     const struct cgroup_info *c)
{
	switch (t->field) {
	case FIELD_CGROUP:
		return c->path ? known(matches(f, &t->string, c->path, FNM_LEADING_DIR)) :
				 FILTER_UNKNOWN;
	case FIELD_UNIT:
		return known(c->unit && matches(f, &t->string, c->unit, 0));
	case FIELD_CONTAINER:
		return known(c->container_id && begins(f, &t->string, c->container_id));
	default:
		return known(c->pod_uid && begins(f, &t->string, c->pod_uid));
	}
}

static enum filter_answer ask_reason(const struct filter *f, const struct filter_term *t,
				     const struct record *r)
{
	const char *reason;

	if (r->kind == REC_RESET) {
		if (!(r->has & HAS_REASON))
			return FILTER_UNKNOWN;
		reason = r->reason;
	} else if (r->kind == REC_DROP || r->kind == REC_SYNCOOKIE) {
		reason = name_drop_reason(r->drop.reason);
	} else {
		return FILTER_NO;
	}
	if (matches(f, &t->string, reason, FNM_CASEFOLD))
		return FILTER_YES;
	return r->kind == REC_DROP && r->drop.reason == EVD_UNKNOWN ? FILTER_UNKNOWN : FILTER_NO;
}

static enum filter_answer ask_comm(const struct filter *f, const struct filter_term *t,
				   const struct record *r)
{
	char comm[EV_COMM_LEN + 1];

	if (!(r->has & HAS_OWNER))
		return FILTER_UNKNOWN;
	memcpy(comm, r->comm, EV_COMM_LEN);	/* maybe without NUL */
	comm[EV_COMM_LEN] = '\0';
	return known(matches(f, &t->string, comm, 0));
}

/* event.outcome, as sink_json.c fills it. */
static enum filter_answer ask_failed(const struct record *r)
{
	if (!is_end(r))
		return known(r->kind == REC_ERROR || r->kind == REC_DROP ||
			     (r->kind == REC_LIMIT && r->has & HAS_ERRNO));
	if (r->cause == CAUSE_UNKNOWN && r->to == EVS_CLOSE)
		return FILTER_UNKNOWN;
	return known(cause_failed(r->cause));
}

static enum filter_answer ask_equal(const struct filter *f, const struct filter_term *t,
				    const struct filter_subject *s)
{
	switch (t->field) {
	case FIELD_SRC:
	case FIELD_DST:
		return ask_address(&t->address, s->record, t->field == FIELD_SRC);
	case FIELD_LOOPBACK:
		return ask_loopback(s->record);
	case FIELD_FAILED:
		return ask_failed(s->record);
	case FIELD_COMM:
		return ask_comm(f, t, s->record);
	case FIELD_REASON:
		return ask_reason(f, t, s->record);
	case FIELD_CGROUP:
	case FIELD_UNIT:
	case FIELD_CONTAINER:
	case FIELD_POD:
		return s->record->has & HAS_CGROUP ? filter_ask_cgroup(f, t, s->record->cgroup) :
						      FILTER_UNKNOWN;
	default:
		return filter_fields[t->field].type == TYPE_LIST ? ask_set(t, s) : ask_number(t, s);
	}
}

static enum filter_answer ask(const struct filter *f, uint16_t at, const struct filter_subject *s)
{
	const struct filter_node *n = &f->nodes[at];
	enum filter_answer left, right;

	if (n->kind == NODE_TERM) {
		left = ask_equal(f, &n->term, s);
		if (left == FILTER_UNKNOWN && s->limit)
			left = FILTER_NO;
		return n->term.op == OP_NE ? negate(left) : left;
	}
	left = ask(f, n->left, s);
	if (n->kind == NODE_NOT)
		return negate(left);
	if (left == (n->kind == NODE_AND ? FILTER_NO : FILTER_YES))
		return left;
	right = ask(f, n->right, s);
	if (n->kind == NODE_AND)
		return left < right ? left : right;
	return left > right ? left : right;
}

/* Kinds that a node's truth (or its denial) leaves possible. */
static uint64_t kinds(const struct filter *f, uint16_t at, bool denied)
{
	const struct filter_node *n = &f->nodes[at];
	uint64_t left, right;

	if (n->kind == NODE_NOT)
		return kinds(f, n->left, !denied);
	if (n->kind == NODE_TERM) {
		if (n->term.field != FIELD_EVENT)
			return ~0ULL;
		return (n->term.op == OP_NE) != denied ? ~n->term.set : n->term.set;
	}
	left = kinds(f, n->left, denied);
	right = kinds(f, n->right, denied);
	return (n->kind == NODE_AND) != denied ? left & right : left | right;
}

uint64_t filter_kinds(const struct filter *f)
{
	return f->len ? kinds(f, f->root, false) : ~0ULL;
}

enum filter_answer filter_ask(const struct filter *f, const struct filter_subject *s)
{
	return f->len ? ask(f, f->root, s) : FILTER_YES;
}
