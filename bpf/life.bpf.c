// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * life.bpf.c - the life of a connection, summed up while it lasts and told once,
 * when its full socket ends: by then the kernel's own counters are final.
 */
#include "bpf/tcptrail.bpf.h"

#define CHRONO_BUSY	1	/* enum tcp_chrono (include/linux/tcp.h) */
#define CHRONO_RWND	2
#define CHRONO_SNDBUF	3

__hidden int life_step(struct conn *conn, struct tcp_sock *tp, const struct ev_state *e)
{
	__u32 place = ev_life_place(e->from);

	if (!conn->began_ns)
		conn->began_ns = e->head.ts_ns;
	if (place < EV_LIFE_STATES && conn->state == e->from && conn->since_ns)
		conn->in_ns[place] += e->head.ts_ns - conn->since_ns;
	if (!conn->first_close && (e->to == EVS_FIN_WAIT1 || e->to == EVS_CLOSE_WAIT))
		conn->first_close = e->to;
	if (e->to == EVS_ESTABLISHED && tp)
		conn->syns_resent = tp->total_retrans;
	return 0;
}

/* tcp_get_info_chrono_stats(): what has ended, and what goes on now. */
static __always_inline __u64 chrono_ns(struct tcp_sock *tp, __u32 running, __u32 which)
{
	__u64 ticks = tp->chrono_stat[which - 1];

	if (running == which)
		ticks += (__u32)bpf_jiffies64() - tp->chrono_start;
	return ticks * tick_ns;
}

static __always_inline void take_limits(struct tcp_sock *tp, struct ev_connection *c)
{
	__u32 running = BPF_CORE_READ_BITFIELD(tp, chrono_type);

	c->rwnd_ns = chrono_ns(tp, running, CHRONO_RWND);
	c->sndbuf_ns = chrono_ns(tp, running, CHRONO_SNDBUF);
	c->busy_ns = chrono_ns(tp, running, CHRONO_BUSY) + c->rwnd_ns + c->sndbuf_ns;
}

/* A FIN takes one of the sequence numbers received (tcp_rcv_nxt_update()); of what
 * was sent the kernel counts payload alone (__tcp_transmit_skb()). */
static __always_inline void take_counts(struct tcp_sock *tp, __u32 facts, struct ev_connection *c)
{
	__u64 received = tp->bytes_received;
	__u32 rtt_min = tp->rtt_min.s[0].v;

	c->bytes_resent = tp->bytes_retrans;
	c->bytes_sent = tp->bytes_sent - c->bytes_resent;
	c->bytes_received = received && facts & EVF_SOCK_DONE ? received - 1 : received;
	c->segments_sent = tp->segs_out;
	c->segments_received = tp->segs_in;
	c->resent = tp->total_retrans;
	c->rtt_us = tp->srtt_us >> 3;
	c->rtt_min_us = c->rtt_us && rtt_min != ~0U ? rtt_min : 0;
}

static __always_inline void take_times(struct conn *conn, struct ev_connection *c)
{
	c->began_ns = conn->began_ns;
	c->accepted_ns = conn->accepted_ns;
	c->opened_ns = conn->opened_ns;
	c->first_close = conn->first_close;
	c->lower = conn->began_lower;
	for (int i = 0; i < EV_LIFE_STATES; i++)
		c->in_ns[i] = conn->in_ns[i];
}

/* It goes as most do: both FINs acknowledged or on the way to TIME-WAIT, maybe as a
 * FIN-WAIT-2 mini-socket, and nothing that speaks of another end. */
static __always_inline bool usual(const struct ev_state *e)
{
	if (e->err || e->facts & (EVF_RST_IN | EVF_RST_OUT | EVF_ABORT | EVF_OOM | EVF_TW_NULL |
				  EVF_TW_FULL))
		return false;
	return e->from == EVS_LAST_ACK || e->from == EVS_FIN_WAIT2 || e->from == EVS_CLOSING;
}

/* And it ends here: user/cause.c has no failure for it. */
static __always_inline bool in_order(const struct ev_state *e)
{
	return usual(e) && (e->from == EVS_LAST_ACK || e->facts & EVF_SOCK_DONE);
}

__hidden int life_tell(struct conn *conn, struct tcp_sock *tp, const struct ev_state *e)
{
	struct ev_connection *c;

	if (only_failed && in_order(e))
		return 0;
	c = emit_begin_connection(usual(e));
	if (!c) {
		count(EVC_RING_FULL + EV_CONNECTION);
		return 0;
	}
	__builtin_memset(c, 0, sizeof(*c));
	c->end = *e;
	c->end.head.kind = EV_CONNECTION;
	c->end.head.size = sizeof(*c);
	if (conn)
		take_times(conn, c);
	if (tp) {
		take_limits(tp, c);
		take_counts(tp, e->facts, c);
		/* It never came to ESTABLISHED: all that were sent again are SYNs. */
		c->syns_resent = e->from == EVS_SYN_SENT || e->from == EVS_SYN_RECV ?
				 c->resent : conn ? conn->syns_resent : 0;
	}
	emit_end_connection(c);
	return 0;
}
