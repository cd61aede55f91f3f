// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_timers.h"

#include <stdbool.h>

/* TCP_TIMEOUT_INIT, TCP_RTO_MIN */
#define SYN_RTO_MS	1000
#define RTO_MIN_MS	200
#define STEPS_MAX	512
/* The timer wheel lets one run late, never early: by a 64th to an eighth of its time
 * (kernel/time/timer.c, "the granularity of level n"). Where the round trip is short the
 * last comes at the very end of the time that is given: late, it is enough. */
#define LATE		32
/* tcp_probe0_when(): ilog2(TCP_RTO_MAX / TCP_RTO_MIN) + 1 */
#define BACKOFF_MAX	10
#define ORPHAN_RETRIES	8	/* tcp_orphan_retries(), where the sysctl is 0 */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint32_t known(uint64_t ms)
{
	return ms < STALLED_UNKNOWN ? ms : STALLED_UNKNOWN;
}

/* tcp_model_timeout(): how long `retries` of them take. */
static uint64_t model_ms(uint32_t retries, uint32_t base_ms, uint32_t max_ms)
{
	uint32_t doublings = 0;

	while (doublings < 31 && (uint64_t)base_ms << (doublings + 1) <= max_ms)
		doublings++;
	if (retries <= doublings)
		return ((2ULL << retries) - 1) * base_ms;
	return ((2ULL << doublings) - 1) * base_ms + (uint64_t)(retries - doublings) * max_ms;
}

/* tcp_orphan_retries() */
static uint32_t orphan_retries(const struct stalled *s, bool alive)
{
	uint32_t retries = s->soft_error && !alive ? 0 : s->orphan_retries - 1;

	return !retries && alive ? ORPHAN_RETRIES : retries;
}

static bool opening(const struct stalled *s)
{
	return s->sock.state == EVS_SYN_SENT || s->sock.state == EVS_SYN_RECV;
}

/* How long it goes on, with that time between two: retransmits_timed_out(). */
static uint64_t patience_ms(const struct stalled *s, uint64_t rto)
{
	uint32_t retries = s->retries;

	if (s->user_timeout_ms)
		return s->user_timeout_ms;
	if (s->place == STALLED_ORPHAN)
		retries = orphan_retries(s, rto < s->rto_max_ms);
	return model_ms(retries, opening(s) ? SYN_RTO_MS : RTO_MIN_MS, s->rto_max_ms);
}

/* From retransmission to retransmission until one is the last: tcp_write_timeout(). */
static uint32_t retransmissions(const struct stalled *s)
{
	uint32_t most = opening(s) ? s->retries + s->linear : UINT32_MAX;
	uint64_t at = s->timer_ms, rto = s->rto_ms;

	if (s->retrans_ms == STALLED_UNKNOWN || !s->retransmits ||
	    (!s->retries && s->place != STALLED_ORPHAN))
		return STALLED_UNKNOWN;
	for (uint32_t n = s->retransmits; n < STEPS_MAX; n++) {
		if (n >= most || (n && s->retrans_ms + at + rto / LATE >= patience_ms(s, rto)))
			return known(at);
		/* A SYN's first few do not double it (tcp_syn_linear_timeouts). */
		if (s->sock.state != EVS_SYN_SENT || n + 1 > s->linear)
			rto = least(2 * rto, s->rto_max_ms);
		/* tcp_clamp_rto_to_user_timeout() */
		if (s->user_timeout_ms && s->retrans_ms + at + rto > s->user_timeout_ms)
			rto = s->user_timeout_ms - s->retrans_ms - at;
		at += rto;
	}
	return STALLED_UNKNOWN;
}

/* Its answers take back the count, not the time between two nor when the first was sent. */
struct probing {
	uint64_t at;		/* of the next, from now on */
	uint64_t since;		/* then since the first */
	uint32_t backoff;
	uint32_t probes;	/* not answered */
	bool answered;
};

static bool probe_is_last(const struct stalled *s, const struct probing *p)
{
	bool alive = (uint64_t)s->rto_ms << p->backoff < s->rto_max_ms;
	uint32_t most = s->retries;

	if (s->user_timeout_ms && p->since >= s->user_timeout_ms)
		return true;
	if (s->place == STALLED_ORPHAN) {
		most = orphan_retries(s, alive);
		if (!alive && p->backoff >= most)
			return true;
	}
	return p->probes >= most;
}

/* tcp_send_probe0() */
static void probe(const struct stalled *s, struct probing *p)
{
	uint64_t base = s->rto_ms > RTO_MIN_MS ? s->rto_ms : RTO_MIN_MS, when;

	if (p->backoff < s->retries)
		p->backoff++;
	if (!p->answered)
		p->probes++;
	when = least(base << least(p->backoff, BACKOFF_MAX), s->rto_max_ms);
	/* tcp_clamp_probe0_to_user_timeout() */
	if (s->user_timeout_ms && p->since < s->user_timeout_ms)
		when = least(when, s->user_timeout_ms - p->since);
	p->at += when;
	p->since += when;
}

/* Of a closed window, or of a segment that this host refuses: tcp_probe_timer(). A peer that
 * answers each is waited for without end, where there is a process and no TCP_USER_TIMEOUT. */
static uint32_t probes(const struct stalled *s)
{
	struct probing p = {
		.at = s->timer_ms, .backoff = s->backoff, .probes = s->probes,
		.since = s->probing_ms == STALLED_UNKNOWN ? 0 : s->probing_ms + s->timer_ms,
		.answered = s->probes < 2,
	};

	if (!s->retries || s->backoff > 31 ||
	    (p.answered && !s->user_timeout_ms && s->place != STALLED_ORPHAN))
		return STALLED_UNKNOWN;
	if (p.answered)
		p.probes = 0;
	for (uint32_t n = 0; n < STEPS_MAX; n++) {
		if (probe_is_last(s, &p))
			return known(p.at);
		probe(s, &p);
	}
	return STALLED_UNKNOWN;
}

static bool kept_alive(const struct stalled *s)
{
	return s->keep_probes && s->probes && !s->unsent && !s->unacked;
}

/* tcp_keepalive_timer() */
static uint32_t keepalive(const struct stalled *s)
{
	uint64_t at = s->keep_ms, silent = least(s->received_ms, s->heard_ms);

	if (s->place != STALLED_FILE || !s->keep_interval_ms)
		return STALLED_UNKNOWN;
	for (uint32_t n = s->probes; n < STEPS_MAX; n++) {
		if (s->user_timeout_ms ? silent + at >= s->user_timeout_ms : n >= s->keep_probes)
			return known(at);
		at += s->keep_interval_ms;
	}
	return STALLED_UNKNOWN;
}

/* reqsk_timer_handler(), syn_ack_recalc() */
static uint32_t syn_acks(const struct stalled *s)
{
	uint64_t at = s->timer_ms, rto = s->rto_ms;

	if (!s->retries)
		return STALLED_UNKNOWN;
	for (uint32_t n = s->backoff; n < STEPS_MAX; n++) {
		if (n >= s->retries && (!s->defer_accept || !s->acked || n >= s->defer_accept))
			return known(at);
		rto = least(2 * rto, s->rto_max_ms);
		at += rto;
	}
	return STALLED_UNKNOWN;
}

uint32_t stall_next_ms(const struct stalled *s)
{
	if (s->timer_ms == STALLED_UNKNOWN && kept_alive(s))
		return s->keep_ms;
	return s->timer_ms;
}

uint32_t stall_gives_up_ms(const struct stalled *s)
{
	if (s->timer_ms == STALLED_UNKNOWN)
		return kept_alive(s) ? keepalive(s) : STALLED_UNKNOWN;
	if (!s->rto_ms || !s->rto_max_ms || s->place == STALLED_QUEUED ||
	    (s->place == STALLED_ORPHAN && !s->orphan_retries))
		return STALLED_UNKNOWN;
	if (s->place == STALLED_REQUEST)
		return syn_acks(s);
	if (s->probing && !s->unacked)
		return probes(s);
	return retransmissions(s);
}
