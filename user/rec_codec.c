// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rec_codec.h"

#include <string.h>

#include "decode.h"
#include "failed_calls.h"

static void sock_of(const struct record *r, uint64_t cgroup, struct ev_sock *s)
{
	*s = (struct ev_sock){
		.cookie = r->cookie,
		.cgroup = cgroup,
		.netns = r->netns,
		.uid = r->has & HAS_UID ? r->uid : (uint32_t)-1,
		.lport = r->lport,
		.rport = r->rport,
		.ifindex = r->ifindex,
		.family = r->family,
		.role = r->role,
		.flags = (r->mptcp ? EVSK_MPTCP : 0) | (r->poor ? EVSK_NO_STORAGE : 0) |
			 (r->shared_port ? EVSK_MIXED : 0) | (r->late ? EVSK_LATE : 0),
		.state = r->has & HAS_STATE ? r->to : 0,
	};
	memcpy(s->laddr, r->laddr, sizeof(s->laddr));
	memcpy(s->raddr, r->raddr, sizeof(s->raddr));
	if (!(r->has & HAS_OWNER))
		return;
	s->owner = (struct ev_owner){ .pid = r->pid, .source = r->owner_source,
				      .followed = r->followed };
	memcpy(s->owner.comm, r->comm, sizeof(s->owner.comm));
}

/* The other way round: cause_of_request(). */
static uint32_t why_of(const struct record *r)
{
	struct ev_request e = { .from = r->from, .to = r->to };

	for (e.why = 0; e.why < EVQ_MAX; e.why++)
		if (cause_of_request(&e) == r->cause)
			return e.why;
	return EVQ_UNKNOWN;
}

/* Which bucket it would be counted in: bpf/event.h, struct ev_bucket_key. */
static bool kind_of(const struct record *r, uint32_t reason, struct rec_sum *s)
{
	switch (r->kind) {
	case REC_RETRANSMIT:
		s->kind = EV_RETRANSMIT;
		s->sub = r->rexmit;
		break;
	case REC_RESET:
		s->kind = EV_RESET;
		s->sub = r->sent;
		s->reason = reason;
		break;
	case REC_DROP:
	case REC_SYNCOOKIE:
		s->kind = EV_DROP;
		s->sub = r->drop.stage;
		s->reason = r->drop.reason;
		break;
	case REC_LIMIT:
		s->kind = EV_LIMIT;
		s->sub = r->limit.call;
		s->reason = ev_limit_reason(r->limit.name, r->err);
		break;
	case REC_STATE:
		s->kind = EV_REQUEST;
		s->sub = r->to;
		s->reason = why_of(r);
		break;
	case REC_ERROR:
		s->kind = EV_ERROR;
		s->err = r->err;
		break;
	default:
		return false;
	}
	return true;
}

static const struct {
	uint32_t has;
	uint32_t flag;
} bits[] = {
	{ HAS_WINDOW, RECS_WINDOW },	{ HAS_ERRNO, RECS_ERRNO },   { HAS_PEERS, RECS_PEERS },
	{ HAS_AT_MOST, RECS_AT_MOST },	{ HAS_QUEUES, RECS_QUEUES },
	{ HAS_NOT_SEEN, RECS_NOT_SEEN },	{ HAS_ACCEPTS, RECS_ACCEPTS },
	{ HAS_SYNS, RECS_SYNS },
};

bool rec_sum_of(const struct record *r, uint32_t reason, uint64_t cgroup, struct rec_sum *out)
{
	*out = (struct rec_sum){
		.head = { .kind = REC_ITEM_SUM, .method = r->method, .size = sizeof(*out) },
		.wall_ns = r->wall_ns,
		.count = r->count,
		.window_ns = r->window_ns,
	};
	sock_of(r, cgroup, &out->sock);
	if (!kind_of(r, reason, out))
		return false;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (r->has & bits[i].has)
			out->flags |= bits[i].flag;
	if (out->kind != EV_DROP)
		return true;
	out->queues = r->drop.queues;
	out->at_most = r->drop.at_most;
	out->connections = r->drop.connections;
	out->peers = r->drop.peers;
	out->accepts = r->drop.accepts;
	out->accepts_ns = r->drop.accepts_ns;
	out->syns = r->drop.syns;
	if (r->drop.peers_lower)
		out->flags |= RECS_PEERS_LOWER;
	return true;
}

static void drop_of(const struct rec_sum *s, struct record *r)
{
	r->drop = (struct record_drop){
		.stage = s->sub < EVG_MAX ? s->sub : 0,
		.reason = s->reason < EVD_MAX ? s->reason : EVD_OTHER,
		.queues = s->queues,
		.at_most = s->at_most,
		.connections = s->connections,
		.peers = s->peers,
		.peers_lower = s->flags & RECS_PEERS_LOWER,
		.accepts = s->accepts,
		.accepts_ns = s->accepts_ns,
		.syns = s->syns,
	};
	r->kind = r->drop.reason == EVD_COOKIE ? REC_SYNCOOKIE : REC_DROP;
}

void rec_sum_record(const struct rec_sum *s, struct record *r)
{
	memset(r, 0, sizeof(*r));
	decode_sock(&s->sock, r);
	r->method = s->head.method < EVM_MAX ? s->head.method : EVM_NONE;
	r->wall_ns = s->wall_ns;
	r->count = s->count;
	r->window_ns = s->window_ns;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (s->flags & bits[i].flag)
			r->has |= bits[i].has;
	if (s->kind == EV_DROP) {
		drop_of(s, r);
		return;
	}
	/* Of a drop alone. */
	r->has &= ~(HAS_PEERS | HAS_AT_MOST | HAS_QUEUES | HAS_NOT_SEEN | HAS_ACCEPTS | HAS_SYNS);
	if (s->kind == EV_RETRANSMIT) {
		r->kind = REC_RETRANSMIT;
		r->rexmit = s->sub;
	} else if (s->kind == EV_RESET) {
		r->kind = REC_RESET;
		r->sent = s->sub;
	} else if (s->kind == EV_LIMIT) {
		decode_limit(s->sub, s->reason, r);
	} else if (s->kind == EV_REQUEST) {
		decode_requests(s->sub, s->reason, r);
	} else {
		r->kind = REC_ERROR;
		r->err = s->err;
	}
}

void rec_limit_of(const struct record_limit *l, struct rec_limit *out)
{
	*out = (struct rec_limit){
		.head = { .kind = REC_ITEM_LIMIT, .size = sizeof(*out) },
		.value = l->value, .use = l->use, .hard = l->hard, .low = l->low, .high = l->high,
		.flags = (l->has_value ? RECL_VALUE : 0) | (l->has_use ? RECL_USE : 0) |
			 (l->has_hard ? RECL_HARD : 0) | (l->has_used ? RECL_USED : 0),
		.used = l->used, .time_wait = l->time_wait,
	};
	if (l->set_by && !strcmp(l->set_by, LIMIT_SET_BY_NR_OPEN))
		out->flags |= RECL_NR_OPEN;
}

void rec_limit_record(const struct rec_limit *l, struct record_limit *out)
{
	out->value = l->value;
	out->use = l->use;
	out->hard = l->hard;
	out->low = l->low;
	out->high = l->high;
	out->has_value = l->flags & RECL_VALUE;
	out->has_use = l->flags & RECL_USE;
	out->has_hard = l->flags & RECL_HARD;
	out->has_used = l->flags & RECL_USED;
	out->used = l->used;
	out->time_wait = l->time_wait;
	if (l->flags & RECL_NR_OPEN)
		out->set_by = LIMIT_SET_BY_NR_OPEN;
}

/* Append-only: a recording has them in this order. */
static const size_t members[REC_TOTALS_MEMBERS] = {
	offsetof(struct stream_totals, printed),
	offsetof(struct stream_totals, made),
	offsetof(struct stream_totals, lost),
	offsetof(struct stream_totals, lost_ring),
	offsetof(struct stream_totals, lost_missed),
	offsetof(struct stream_totals, lost_output),
	offsetof(struct stream_totals, lost_malformed),
	offsetof(struct stream_totals, held_back),
	offsetof(struct stream_totals, recovered),
	offsetof(struct stream_totals, gaps),
	offsetof(struct stream_totals, late),
	offsetof(struct stream_totals, poorer),
	offsetof(struct stream_totals, unknown_cause),
	offsetof(struct stream_totals, filtered),
	offsetof(struct stream_totals, requests_queued),
	offsetof(struct stream_totals, requests_left),
	offsetof(struct stream_totals, minis_made),
	offsetof(struct stream_totals, minis_ended),
};

/* lost_recording is counted by who reads one. */
_Static_assert(sizeof(struct stream_totals) == (REC_TOTALS_MEMBERS + 1) * sizeof(uint64_t),
	       "every other total is recorded");

void rec_totals_numbers(const struct stream_totals *t, uint64_t numbers[REC_TOTALS_MEMBERS])
{
	for (size_t i = 0; i < REC_TOTALS_MEMBERS; i++)
		memcpy(&numbers[i], (const char *)t + members[i], sizeof(numbers[i]));
}

void rec_totals_of(const uint64_t *numbers, size_t len, struct stream_totals *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < REC_TOTALS_MEMBERS && i < len; i++)
		memcpy((char *)out + members[i], &numbers[i], sizeof(numbers[i]));
}
