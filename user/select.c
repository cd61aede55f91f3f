// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "select.h"

#include <string.h>

#include "cgroup.h"
#include "decode.h"
#include "filter.h"
#include "limit_rows.h"

bool select_kind(const struct options *o, const struct record *r)
{
	bool syn = r->rexmit == EVX_SYN || r->rexmit == EVX_SYNACK;

	switch (r->kind) {
	case REC_STATE:
	case REC_LISTEN:
		return o->events & EVENTS_STATE;
	case REC_CONNECTION:
		return o->events & EVENTS_CONNECTION ||
		       (o->events & EVENTS_FAILED && cause_failed(r->cause));
	case REC_RETRANSMIT:
		return o->events & (syn ? EVENTS_SYN_RETRANSMIT : EVENTS_DATA_RETRANSMIT);
	case REC_RESET:
		return o->events & EVENTS_RESET;
	case REC_ERROR:
		return o->events & EVENTS_ERROR;
	case REC_DROP:
		return o->events & EVENTS_DROP;
	case REC_SYNCOOKIE:
		return o->events & EVENTS_SYNCOOKIE;
	case REC_LIMIT:
		return o->events & EVENTS_LIMIT;
	case REC_STALL:
		return o->events & EVENTS_STALL;
	case REC_ACCEPT:
		return o->events & EVENTS_ACCEPT &&
		       !(r->has & HAS_DURATION && r->duration_ns < o->accept_over_ns);
	case REC_SUMMARY:
		return o->events & EVENTS_SUMMARY;
	default:
		return true;	/* the stream itself */
	}
}

bool select_filter(const struct options *o, const struct record *r)
{
	struct filter_subject subject = { .record = r };

	if (r->kind >= REC_START)
		return true;
	/* From before the command, or not its own. */
	if (o->filter.follow && !(r->has & HAS_OWNER && r->followed))
		return false;
	return filter_ask(&o->where, &subject) != FILTER_NO;
}

bool select_needs_cgroup(const struct options *o)
{
	return filter_uses(&o->where, FILTER_CGROUP_FIELDS);
}

static void describe(struct cgroups *cgroups, const struct ev_sock *s, struct record *r)
{
	memset(r, 0, sizeof(*r));
	r->kind = REC_KINDS;	/* none */
	decode_sock(s, r);
	r->cgroup = cgroups ? cgroup_find(cgroups, s->cgroup) : NULL;
	if (r->cgroup)
		r->has |= HAS_CGROUP;
}

bool select_listener(const struct options *o, struct cgroups *cgroups, const struct ev_sock *s)
{
	struct filter_subject subject = { 0 };
	struct record r;

	if (filter_empty(&o->where))
		return true;
	describe(cgroups, s, &r);
	subject.record = &r;
	return filter_ask(&o->where, &subject) != FILTER_NO;
}

bool select_stall(const struct options *o, struct cgroups *cgroups, const struct stalled *s,
		  const struct stall_verdict *v)
{
	struct filter_subject subject = { .stall = v, .verdict_unknown = !v };
	struct record r;

	if (filter_empty(&o->where))
		return true;
	describe(cgroups, &s->sock, &r);
	subject.record = &r;
	subject.retrans = s->retransmits;
	if (v) {
		subject.verdict = stall_name(v->stall);
		subject.for_ns = v->age_ms * 1000000ULL;
		subject.for_lower = v->lower;
	}
	return filter_ask(&o->where, &subject) != FILTER_NO;
}

bool select_limit(const struct options *o, const struct limit_row *row)
{
	const struct limit_service *service = &row->service;
	struct record r = { .kind = REC_KINDS, .netns = row->netns, .pid = row->pid };
	struct filter_subject subject = { .record = &r, .limit = limit_name(row->kind) };

	r.has = (row->netns ? HAS_NETNS : 0) | (row->pid ? HAS_OWNER : 0);
	if (service->family) {
		r.has |= HAS_LADDR | HAS_RADDR | HAS_RPORT;
		r.family = service->family;
		r.rport = service->rport;
		memcpy(r.laddr, service->laddr, sizeof(r.laddr));
		memcpy(r.raddr, service->raddr, sizeof(r.raddr));
	}
	return filter_ask(&o->where, &subject) != FILTER_NO;
}

bool select_record(const struct options *o, const struct record *r)
{
	return select_kind(o, r) && select_filter(o, r);
}
