// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "decode.h"

#include <string.h>

#include "names.h"

/* RFC 9293 section 3.3.2 with the kernel's CLOSE for every abort. */
static const uint16_t next_states[EVS_MAX] = {
	[EVS_CLOSE] = 1 << EVS_LISTEN | 1 << EVS_SYN_SENT,
	[EVS_LISTEN] = 1 << EVS_SYN_RECV | 1 << EVS_CLOSE,
	[EVS_SYN_SENT] = 1 << EVS_ESTABLISHED | 1 << EVS_SYN_RECV | 1 << EVS_CLOSE,
	[EVS_SYN_RECV] = 1 << EVS_ESTABLISHED | 1 << EVS_FIN_WAIT1 | 1 << EVS_CLOSE_WAIT |
			 1 << EVS_CLOSE,
	[EVS_ESTABLISHED] = 1 << EVS_FIN_WAIT1 | 1 << EVS_CLOSE_WAIT | 1 << EVS_CLOSE,
	[EVS_FIN_WAIT1] = 1 << EVS_FIN_WAIT2 | 1 << EVS_CLOSING | 1 << EVS_CLOSE,
	[EVS_FIN_WAIT2] = 1 << EVS_CLOSE,
	[EVS_CLOSING] = 1 << EVS_CLOSE,
	[EVS_CLOSE_WAIT] = 1 << EVS_LAST_ACK | 1 << EVS_CLOSE,
	[EVS_LAST_ACK] = 1 << EVS_CLOSE,
};

uint8_t decode_missed(unsigned int stored, unsigned int from, uint8_t *passed)
{
	uint8_t before[EVS_MAX] = { 0 }, todo[EVS_MAX], depth[EVS_MAX] = { 0 };
	size_t head = 0, tail = 0;

	if (!stored || stored >= EVS_MAX || from >= EVS_MAX || stored == from)
		return 0;
	todo[tail++] = stored;
	while (head < tail && !before[from]) {
		uint8_t at = todo[head++];

		for (uint8_t s = 1; s < EVS_MAX; s++) {
			if (!(next_states[at] & 1 << s) || s == stored || before[s])
				continue;
			before[s] = at;
			depth[s] = depth[at] + 1;
			todo[tail++] = s;
		}
	}
	if (!before[from] || depth[from] > RECORD_MISSED_MAX)
		return 0;
	for (uint8_t s = from, i = depth[from]; i > 0; s = before[s])
		passed[--i] = s;
	return depth[from];
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

static void take_addresses(const struct ev_sock *s, struct record *r)
{
	size_t len = s->family == 4 ? 4 : 16;

	r->family = s->family;
	if (s->family != 4 && s->family != 6)
		return;
	memcpy(r->laddr, s->laddr, len);
	memcpy(r->raddr, s->raddr, len);
	r->lport = s->lport;
	r->rport = s->rport;
	/* A listener on any address has one: 0.0.0.0. It has no peer. */
	if (s->role == EVR_LISTENER || !is_zero(s->laddr, len))
		r->has |= HAS_LADDR;
	if (s->role != EVR_LISTENER && !is_zero(s->raddr, len))
		r->has |= HAS_RADDR;
	if (s->lport)
		r->has |= HAS_LPORT;
	if (s->role != EVR_LISTENER && s->rport)
		r->has |= HAS_RPORT;
}

static void take_owner(const struct ev_sock *s, struct record *r)
{
	r->shared_port = s->flags & EVSK_MIXED;
	if (s->owner.source == EVO_NONE || s->owner.source >= EVO_MAX)
		return;
	r->has |= HAS_OWNER;
	r->pid = s->owner.pid;
	r->owner_source = s->owner.source;
	r->followed = s->owner.followed;
	memcpy(r->comm, s->owner.comm, sizeof(r->comm));
}

void decode_sock(const struct ev_sock *s, struct record *r)
{
	take_addresses(s, r);
	take_owner(s, r);
	r->cookie = s->cookie;
	r->netns = s->netns;
	r->uid = s->uid;
	r->ifindex = s->ifindex;
	r->role = s->role < EVR_MAX ? s->role : EVR_UNKNOWN;
	r->mptcp = s->flags & EVSK_MPTCP;
	r->poor = s->flags & EVSK_NO_STORAGE;
	r->late = s->flags & EVSK_LATE;
	if (s->cookie)
		r->has |= HAS_COOKIE;
	if (s->netns)
		r->has |= HAS_NETNS;
	if (s->family && s->uid != (uint32_t)-1)
		r->has |= HAS_UID;
	if (s->ifindex)
		r->has |= HAS_IFINDEX;
	if (s->state && s->state < EVS_MAX) {
		r->has |= HAS_STATE;
		r->to = s->state == EVS_NEW_SYN_RECV ? EVS_SYN_RECV : s->state;
	}
}

static void take_times(const struct ev_sock *s, uint64_t since, uint64_t now, struct record *r)
{
	if (!since || now < since)
		return;
	r->has |= HAS_DURATION;
	r->duration_ns = now - since;
	r->duration_lower = s->flags & EVSK_LOWER;
}

static void take_verdict(const struct cause_verdict *v, struct record *r)
{
	r->has |= HAS_FROM | HAS_STATE;
	r->from = v->from;
	r->to = v->to;
	r->cause = v->cause;
	if (v->inferred)
		r->method = EVM_INFERRED;
}

static bool decode_state(const struct ev_state *e, struct record *r)
{
	struct cause_verdict v = cause_of_state(e);

	if (v.silent)
		return false;
	r->kind = REC_STATE;
	take_verdict(&v, r);
	if (e->stored && e->stored != e->from)
		r->missed_len = decode_missed(e->stored, e->from, r->missed);
	else
		take_times(&e->sock, e->since_ns, e->head.ts_ns, r);
	if (e->to == EVS_CLOSE && e->err) {
		r->has |= HAS_ERRNO;
		r->err = e->err;
	}
	return true;
}

static void decode_timewait(const struct ev_timewait *e, struct record *r)
{
	r->kind = REC_STATE;
	r->has |= HAS_FROM | HAS_STATE;
	r->from = e->from;
	r->to = e->to;
	r->cause = cause_of_timewait(e);
	take_times(&e->sock, e->since_ns, e->head.ts_ns, r);
}

void decode_requests(uint8_t to, uint8_t why, struct record *r)
{
	struct ev_request e = { .from = to == EVS_SYN_RECV ? EVS_LISTEN : EVS_SYN_RECV, .to = to,
				.why = why };

	r->kind = REC_STATE;
	r->has |= HAS_FROM | HAS_STATE;
	r->from = e.from;
	r->to = e.to;
	r->cause = cause_of_request(&e);
}

static void decode_request(const struct ev_request *e, struct record *r)
{
	decode_requests(e->to, e->why, r);
	take_times(&e->sock, e->since_ns, e->head.ts_ns, r);
}

static void decode_retransmit(const struct ev_retransmit *e, struct record *r)
{
	r->kind = REC_RETRANSMIT;
	r->rexmit = e->type;
	r->attempt = e->attempt;
	r->backoff = e->backoff;
	r->rto_ns = e->rto_ms * 1000000ULL;
	if (e->attempt)
		r->has |= HAS_ATTEMPT;
	if (e->rto_ms)
		r->has |= HAS_RTO;
}

static void decode_reset(const struct ev_reset *e, const struct decode_env *env, struct record *r)
{
	r->kind = REC_RESET;
	r->sent = e->sent;
	r->no_socket = e->no_socket;
	if (e->has_reason)
		r->reason = env->reset_reason(env->ctx, e->reason);
	if (r->reason)
		r->has |= HAS_REASON;
}

static void decode_drop(const struct ev_drop *e, struct record *r)
{
	r->kind = e->reason == EVD_COOKIE ? REC_SYNCOOKIE : REC_DROP;
	/* Of the segment: a listener itself has no peer. */
	r->has |= HAS_RADDR | HAS_RPORT | HAS_QUEUES;
	r->drop = (struct record_drop){
		.stage = e->stage,
		.reason = e->reason < EVD_MAX ? e->reason : EVD_OTHER,
		.queues = e->queues,
		.tries = e->tries,
		.tries_lower = e->tries_lower,
	};
	if (e->tries)
		r->has |= HAS_TRY;
}

static void decode_accept(const struct ev_accept *e, struct record *r)
{
	r->kind = REC_ACCEPT;
	if (e->wait_ns != UINT64_MAX) {
		r->has |= HAS_DURATION;
		r->duration_ns = e->wait_ns;
	}
	if (e->backlog) {
		r->has |= HAS_QUEUES;
		r->accept_queue.length = e->accept_queue;
		r->accept_queue.limit = e->backlog;
	}
}

static void decode_listener(const struct ev_listener *e, struct record *r)
{
	r->kind = REC_LISTEN;
	r->has |= HAS_QUEUES;
	r->accept_queue.length = e->accept_queue;
	r->accept_queue.limit = e->backlog;
	r->backlog_before = e->before;
}

static void take_life(const struct ev_connection *e, struct record_life *l)
{
	*l = (struct record_life){
		.bytes_sent = e->bytes_sent,
		.bytes_received = e->bytes_received,
		.bytes_resent = e->bytes_resent,
		.busy_ns = e->busy_ns,
		.rwnd_ns = e->rwnd_ns,
		.sndbuf_ns = e->sndbuf_ns,
		.segments_sent = e->segments_sent,
		.segments_received = e->segments_received,
		.resent = e->resent > e->syns_resent ? e->resent - e->syns_resent : 0,
		.syns_resent = e->syns_resent,
		.rtt_us = e->rtt_us,
		.rtt_min_us = e->rtt_min_us,
		.first_close = e->first_close,
	};
	memcpy(l->in_ns, e->in_ns, sizeof(l->in_ns));
}

static void decode_connection(const struct ev_connection *e, struct record *r)
{
	struct cause_verdict v = cause_of_connection(e);

	r->kind = REC_CONNECTION;
	take_verdict(&v, r);
	if (v.to == EVS_CLOSE && e->end.err) {
		r->has |= HAS_ERRNO;
		r->err = e->end.err;
	}
	take_life(e, &r->life);
	if (e->began_ns && e->end.head.ts_ns >= e->began_ns) {
		r->has |= HAS_DURATION;
		r->duration_ns = e->end.head.ts_ns - e->began_ns;
		r->duration_lower = e->lower;
	}
	if (e->opened_ns && e->accepted_ns >= e->opened_ns) {
		r->has |= HAS_ACCEPT_WAIT;
		r->life.accept_wait_ns = e->accepted_ns - e->opened_ns;
	}
	if (e->rtt_us)
		r->has |= HAS_RTT;
}

void decode_limit(uint8_t call, uint16_t reason, struct record *r)
{
	r->kind = REC_LIMIT;
	r->limit.call = call < EVL_CALLS ? call : 0;
	r->limit.name = reason >> 8 < EVL_LIMITS ? reason >> 8 : 0;
	r->limit.set_by = name_limit_set_by(r->limit.name);
	r->err = reason & 0xff;
	if (r->err)
		r->has |= HAS_ERRNO;
}

static void take_limit(const struct ev_limit *e, struct record *r)
{
	decode_limit(e->call, ev_limit_reason(e->limit, e->err), r);
	r->limit.own_range = e->flags & EVLF_OWN_RANGE;
	r->limit.asked = e->asked;
	r->limit.has_value = e->value;
	r->limit.value = e->value;
	/* alloc_fd() gives the lowest free number: that none below the limit was free is
	 * what EMFILE says. */
	r->limit.has_use = e->value && r->limit.name == EVL_OPEN_FILES;
	r->limit.use = e->value;
	r->limit.has_hard = e->hard;
	r->limit.hard = e->hard;
	if (e->flags & EVLF_QUEUE) {
		r->has |= HAS_QUEUES;
		r->accept_queue.length = e->accept_queue;
		r->accept_queue.limit = e->backlog;
	}
}

bool decode(const struct ev_head *head, const struct decode_env *env, struct record *r)
{
	/* Every kind has them in the same place. */
	const struct ev_sock *sock = &((const struct ev_state *)head)->sock;

	memset(r, 0, sizeof(*r));
	r->count = 1;
	r->method = head->method < EVM_MAX ? head->method : EVM_NONE;
	r->wall_ns = env->wall_ns(env->ctx, head->ts_ns, head->tai_ns);
	decode_sock(sock, r);
	switch (head->kind) {
	case EV_STATE:
		return decode_state((const void *)head, r);
	case EV_RETRANSMIT:
		decode_retransmit((const void *)head, r);
		return true;
	case EV_RESET:
		decode_reset((const void *)head, env, r);
		return true;
	case EV_ERROR:
		r->kind = REC_ERROR;
		r->has |= HAS_ERRNO;
		r->err = ((const struct ev_error *)head)->err;
		return true;
	case EV_DROP:
		decode_drop((const void *)head, r);
		return true;
	case EV_ACCEPT:
		decode_accept((const void *)head, r);
		return true;
	case EV_CONNECTION:
		decode_connection((const void *)head, r);
		return true;
	case EV_LIMIT:
		take_limit((const void *)head, r);
		return true;
	case EV_TIMEWAIT:
		decode_timewait((const void *)head, r);
		return true;
	case EV_LISTENER:
		decode_listener((const void *)head, r);
		return true;
	case EV_REQUEST:
		decode_request((const void *)head, r);
		return true;
	default:
		return false;
	}
}
