// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * stalls.bpf.c - connections that may be stuck: those that tasks hold, through their
 * files (as the snapshot: all namespaces at once), those in the accept queues of the
 * listeners among them; and, by their ends, those that no file leads to. Without a
 * socket lock: who sleeps with it held is the one that is looked for.
 */
#include "bpf/fd.bpf.h"
#include "bpf/stalled.h"

#define TCP_RTO_MAX_MS	120000
#define TCP_TIMEOUT_INIT_MS 1000
#define ICSK_TIME_PROBE0 3
#define QUEUED_MAX	64	/* told of each accept queue, the longest there first */
#define CURRENT_NETNS	(-1)	/* BPF_F_CURRENT_NETNS */

__u64 stalls_seen = 0;		/* descriptors of connections */

/* What stalls_look_up() is asked, and answers in place. */
struct stalled stalls_wanted[STALLED_LOOK_UPS] = {};
__u32 stalls_wanted_len = 0;

static __always_inline __u32 ticks_ms(__s64 ticks)
{
	return ticks < 0 ? 0 : (__u64)ticks * tick_ns / 1000000;
}

/* Of a 32-bit stamp of tcp_jiffies32. */
static __always_inline __u32 ago_ms(__u32 now, __u32 stamp)
{
	return ticks_ms((__s32)(now - stamp));
}

/* tcp_time_stamp_ts(): milliseconds of CLOCK_MONOTONIC, or microseconds (Linux 6.7,
 * where a route asks for it: left out then). */
static __always_inline __u32 retrans_ms(struct tcp_sock *tp)
{
	__s32 age = (__u32)(bpf_ktime_get_ns() / 1000000) - tp->retrans_stamp;

	if (!tp->retrans_stamp)
		return STALLED_UNKNOWN;
	if (bpf_core_field_exists(tp->tcp_usec_ts) && BPF_CORE_READ_BITFIELD(tp, tcp_usec_ts))
		return STALLED_UNKNOWN;
	return age < 0 ? 0 : age;
}

static __always_inline __u32 timer_ms(struct inet_connection_sock *icsk, __u64 now)
{
	struct inet_connection_sock___timeout *old = (void *)icsk;
	struct inet_connection_sock___timer *timer = (void *)icsk;
	struct sock___timer *sk = (void *)icsk;
	__u64 due;

	if (!icsk->icsk_pending)
		return STALLED_UNKNOWN;
	if (bpf_core_field_exists(old->icsk_timeout))
		due = old->icsk_timeout;
	else if (bpf_core_field_exists(timer->icsk_retransmit_timer))
		due = BPF_CORE_READ(timer, icsk_retransmit_timer.expires);
	else if (bpf_core_field_exists(sk->tcp_retransmit_timer))
		due = BPF_CORE_READ(sk, tcp_retransmit_timer.expires);
	else
		return STALLED_UNKNOWN;
	return ticks_ms((__s64)(due - now));
}

static __always_inline void take_times(struct tcp_sock *tp, struct stalled *s)
{
	struct inet_connection_sock *icsk = &tp->inet_conn;
	__u64 jiffies = bpf_jiffies64();
	__u32 now = jiffies;

	s->retrans_ms = retrans_ms(tp);
	s->probing_ms = icsk->icsk_probes_tstamp ? ago_ms(now, icsk->icsk_probes_tstamp) :
						   STALLED_UNKNOWN;
	s->sent_ms = ago_ms(now, tp->lsndtime);
	s->received_ms = ago_ms(now, icsk->icsk_ack.lrcvtime);
	s->heard_ms = ago_ms(now, tp->rcv_tstamp);
	s->timer_ms = timer_ms(icsk, jiffies);
	s->waited_ms = STALLED_UNKNOWN;
}

/* When the kernel will give it up: tcp_write_timeout(). */
static __always_inline void take_patience(struct sock *sk, struct tcp_sock *tp, struct stalled *s)
{
	struct inet_connection_sock___rto_max *max = (void *)&tp->inet_conn;
	struct net *net = sk->__sk_common.skc_net.net;
	struct netns_ipv4___linear *linear = (void *)&net->ipv4;

	s->rto_ms = ticks_ms(tp->inet_conn.icsk_rto);
	s->rto_max_ms = bpf_core_field_exists(max->icsk_rto_max) ? ticks_ms(max->icsk_rto_max) :
								   TCP_RTO_MAX_MS;
	s->user_timeout_ms = tp->inet_conn.icsk_user_timeout;
	if (s->sock.state != EVS_SYN_SENT && s->sock.state != EVS_SYN_RECV) {
		/* A window closed behind what was sent: tcp_rtx_probe0_timed_out() has other rules. */
		if (tp->snd_wnd || tp->snd_nxt == tp->snd_una || !sk->sk_socket)
			s->retries = net->ipv4.sysctl_tcp_retries2;
		s->orphan_retries = net->ipv4.sysctl_tcp_orphan_retries + 1;
		s->soft_error = !!sk->sk_err_soft;
		return;
	}
	if (tp->fastopen_rsk)	/* another timer: tcp_fastopen_synack_timer() */
		return;
	s->retries = tp->inet_conn.icsk_syn_retries;
	if (!s->retries)
		s->retries = net->ipv4.sysctl_tcp_syn_retries;
	if (s->sock.state == EVS_SYN_SENT &&
	    bpf_core_field_exists(linear->sysctl_tcp_syn_linear_timeouts))
		s->linear = linear->sysctl_tcp_syn_linear_timeouts;
}

/* tcp_keepalive_timer(): the socket's own, or those of its namespace. */
static __always_inline void take_keepalive(struct sock *sk, struct tcp_sock *tp, struct stalled *s)
{
	struct inet_connection_sock___keepalive *own = (void *)&tp->inet_conn;
	struct sock___timer *shared = (void *)sk;
	struct net *net = sk->__sk_common.skc_net.net;
	__u64 due;

	if (!(sk->__sk_common.skc_flags & (1UL << SOCK_KEEPOPEN)) || !tp->inet_conn.icsk_probes_out)
		return;
	if (bpf_core_field_exists(own->icsk_keepalive_timer))
		due = BPF_CORE_READ(own, icsk_keepalive_timer.expires);
	else if (!bpf_core_field_exists(shared->tcp_retransmit_timer))
		due = sk->sk_timer.expires;
	else
		return;
	s->keep_ms = ticks_ms((__s64)(due - bpf_jiffies64()));
	s->keep_interval_ms = ticks_ms(tp->keepalive_intvl ?: net->ipv4.sysctl_tcp_keepalive_intvl);
	s->keep_probes = tp->keepalive_probes ?: net->ipv4.sysctl_tcp_keepalive_probes;
}

static __always_inline void take_queues(struct sock *sk, struct tcp_sock *tp, struct stalled *s)
{
	__s32 window = tp->rcv_wup + tp->rcv_wnd - tp->rcv_nxt;
	__s32 peer_window = tp->snd_una + tp->snd_wnd - tp->snd_nxt;

	s->unread = tp->rcv_nxt - tp->copied_seq;
	s->unsent = tp->write_seq - tp->snd_nxt;
	s->unacked = tp->snd_nxt - tp->snd_una;
	s->queued = sk->sk_wmem_queued;
	s->sndbuf = sk->sk_sndbuf;
	s->rmem = sk->sk_backlog.rmem_alloc.counter;
	s->rcvbuf = sk->sk_rcvbuf;
	s->window = window > 0 ? window : 0;
	s->peer_window = peer_window > 0 ? peer_window : 0;
	s->mss = tp->mss_cache;
	s->retransmits = tp->inet_conn.icsk_retransmits;
	s->backoff = tp->inet_conn.icsk_backoff;
	s->probes = tp->inet_conn.icsk_probes_out;
	s->locked = !!sk->sk_lock.owned;
	s->probing = tp->inet_conn.icsk_pending == ICSK_TIME_PROBE0;
	s->fin_received = !!(sk->__sk_common.skc_flags & (1UL << SOCK_DONE));
	/* tcp_retransmit_skb() counts what it sent, not what was refused on its way. */
	s->left = !!tp->retrans_out;
	s->seq = tp->snd_una;
}

/* A connection's, but for its owner. `s` is zeroed. */
static __always_inline void take(struct sock *sk, struct tcp_sock *tp, __u32 state,
				 struct stalled *s)
{
	sock_describe(sk, tp, &s->sock);
	s->sock.uid = sk->sk_uid.val;
	s->sock.state = state;
	take_times(tp, s);
	take_queues(sk, tp, s);
	take_patience(sk, tp, s);
	take_keepalive(sk, tp, s);
}

/* Everything was sent, acknowledged and read: nothing waits but the two programs. */
static __always_inline bool idle(struct sock *sk, struct tcp_sock *tp, __u32 state)
{
	return !sk->sk_lock.owned && state == EVS_ESTABLISHED && tp->snd_una == tp->write_seq &&
	       tp->rcv_nxt == tp->copied_seq && !tp->inet_conn.icsk_probes_out;
}

/*
 * One in the queue of a listener, whose owner is in `s`: not 0. By reads that a wrong
 * pointer cannot turn into a fault: accept() may take it meanwhile, so it has to be a
 * child of that listener when all is read. It became ESTABLISHED when lsndtime says
 * (tcp_rcv_state_process()), as nobody could send by it yet.
 *
 * Global functions, here and below: the verifier looks at them once, not at each turn
 * of the loop that calls them (4 s of a CPU instead of 0.2 s).
 */
int stalled_child(__u64 address, __u32 netns, __u32 port, struct stalled *s)
{
	struct sock *child = (struct sock *)(unsigned long)address;
	struct tcp_sock *tp = (struct tcp_sock *)child;
	struct ev_owner owner;

	if (!s)
		return 0;
	owner = s->sock.owner;
	__builtin_memset(&s->sock, 0, sizeof(s->sock));
	sock_describe_common(&child->__sk_common, &s->sock);
	s->sock.uid = BPF_CORE_READ(child, sk_uid.val);
	s->sock.cgroup = BPF_CORE_READ(child, sk_cgrp_data.cgroup, kn, id);
	s->sock.role = EVR_SERVER;
	s->sock.owner = owner;
	s->place = STALLED_QUEUED;
	s->waited_ms = ago_ms(bpf_jiffies64(), BPF_CORE_READ(tp, lsndtime));
	s->unread = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);
	return !BPF_CORE_READ(child, sk_socket) && s->sock.rport && s->sock.lport == port &&
	       s->sock.netns == netns;
}

static __always_inline void tell_queued(struct seq_file *seq, struct sock *sk, struct stalled *s)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	struct request_sock *req = BPF_CORE_READ(icsk, icsk_accept_queue.rskq_accept_head);
	__u32 netns = s->sock.netns, port = s->sock.lport;

	s->sock.owner.source = s->sock.owner.source ? EVO_LISTENER : EVO_NONE;
	for (int i = 0; i < QUEUED_MAX && req; i++) {
		struct sock *child = BPF_CORE_READ(req, sk);

		if (!child || !stalled_child((unsigned long)child, netns, port, s))
			break;
		bpf_seq_write(seq, s, sizeof(*s));
		req = BPF_CORE_READ(req, dl_next);
	}
}

static __always_inline void tell_listener(struct seq_file *seq, struct sock *sk,
					  struct tcp_sock *tp, struct stalled *s)
{
	sock_describe(sk, tp, &s->sock);
	s->sock.uid = sk->sk_uid.val;
	s->sock.state = EVS_LISTEN;
	s->accept_queue = sk->sk_ack_backlog;
	s->backlog = sk->sk_max_ack_backlog;
	s->syn_queue = tp->inet_conn.icsk_accept_queue.qlen.counter;
	s->defers = !!tp->inet_conn.icsk_accept_queue.rskq_defer_accept;
	bpf_seq_write(seq, s, sizeof(*s));
	tell_queued(seq, sk, s);
}

SEC("?iter/task_file")
int stalls_walk(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct stalled s = {};
	struct tcp_sock *tp;
	struct sock *sk;
	__u32 state;

	if (!task || !file)
		return 0;
	sk = tcp_of_file(file);
	if (!sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	state = sk->__sk_common.skc_state;
	if (!tp || state == EVS_CLOSE)
		return 0;
	if (state != EVS_LISTEN)
		__sync_fetch_and_add(&stalls_seen, 1);
	if (idle(sk, tp, state))
		return 0;
	owner_of_task(task, EVO_SNAPSHOT, &s.sock.owner);
	s.sock.cookie = bpf_get_socket_cookie(sk);
	if (state == EVS_LISTEN) {
		tell_listener(ctx->meta->seq, sk, tp, &s);
		return 0;
	}
	take(sk, tp, state, &s);
	bpf_seq_write(ctx->meta->seq, &s, sizeof(s));
	return 0;
}

/* When reqsk_timer_handler() will give it up. It has less patience, by how many are new then,
 * where the SYN queue is half full: not known before. */
static __always_inline void take_request_patience(struct request_sock *req, struct stalled *s)
{
	struct inet_connection_sock *listener = (void *)BPF_CORE_READ(req, __req_common.skc_listener);
	struct inet_connection_sock___rto_max *max = (void *)listener;
	struct request_sock___timeout *own = (void *)req;
	struct net *net = BPF_CORE_READ(req, __req_common.skc_net.net);
	__u64 ms = TCP_TIMEOUT_INIT_MS;
	__u32 backlog, most = 8;

	s->backoff = BPF_CORE_READ_BITFIELD_PROBED(req, num_timeout);
	s->rto_max_ms = bpf_core_field_exists(max->icsk_rto_max) ?
				ticks_ms(BPF_CORE_READ(max, icsk_rto_max)) : TCP_RTO_MAX_MS;
	if (bpf_core_field_exists(own->timeout))
		ms = ticks_ms(BPF_CORE_READ(own, timeout));
	ms <<= s->backoff & 31;		/* tcp_reqsk_timeout() */
	s->rto_ms = ms < s->rto_max_ms ? ms : s->rto_max_ms;
	s->defer_accept = BPF_CORE_READ(listener, icsk_accept_queue.rskq_defer_accept);
	backlog = BPF_CORE_READ(listener, icsk_inet.sk.sk_max_ack_backlog);
	if (backlog > most)
		most = backlog;
	if (2 * (__u32)BPF_CORE_READ(listener, icsk_accept_queue.qlen.counter) > most)
		return;
	s->retries = BPF_CORE_READ(listener, icsk_syn_retries);
	if (!s->retries)
		s->retries = BPF_CORE_READ(net, ipv4.sysctl_tcp_synack_retries);
}

static __always_inline void take_request(struct request_sock *req, struct stalled *s)
{
	struct tcp_request_sock *treq = (struct tcp_request_sock *)req;
	__u64 first_us = BPF_CORE_READ(treq, snt_synack);
	__u64 now_us = bpf_ktime_get_ns() / 1000;

	sock_describe_common(&req->__req_common, &s->sock);
	s->sock.state = EVS_NEW_SYN_RECV;
	s->sock.role = EVR_SERVER;
	s->place = STALLED_REQUEST;
	s->retransmits = BPF_CORE_READ(req, num_retrans);
	s->timer_ms = ticks_ms((__s64)(BPF_CORE_READ(req, rsk_timer.expires) - bpf_jiffies64()));
	s->waited_ms = first_us && now_us > first_us ? (now_us - first_us) / 1000 : STALLED_UNKNOWN;
	s->acked = BPF_CORE_READ_BITFIELD_PROBED(treq, req.acked);
	take_request_patience(req, s);
	s->seq = BPF_CORE_READ(treq, snt_isn);
}

/* Segments of the peer would find it by these ends. */
static __always_inline __u32 tuple_of(const struct ev_sock *s, struct bpf_sock_tuple *tuple)
{
	if (s->family == 4) {
		__builtin_memcpy(&tuple->ipv4.saddr, s->raddr, 4);
		__builtin_memcpy(&tuple->ipv4.daddr, s->laddr, 4);
		tuple->ipv4.sport = bpf_htons(s->rport);
		tuple->ipv4.dport = bpf_htons(s->lport);
		return sizeof(tuple->ipv4);
	}
	__builtin_memcpy(tuple->ipv6.saddr, s->raddr, 16);
	__builtin_memcpy(tuple->ipv6.daddr, s->laddr, 16);
	tuple->ipv6.sport = bpf_htons(s->rport);
	tuple->ipv6.dport = bpf_htons(s->lport);
	return sizeof(tuple->ipv6);
}

/* `found` is what is there by now: maybe another one, maybe a TIME-WAIT. */
static __always_inline void answer(struct sock_common *found, struct stalled *slot)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(found);
	struct stalled s = {};
	struct sock *sk;

	if (tp) {
		struct conn *conn;

		sk = (struct sock *)tp;
		take(sk, tp, sk->__sk_common.skc_state, &s);
		s.sock.cookie = sk->__sk_common.skc_cookie.counter;
		s.place = sk->sk_socket ? STALLED_FILE : STALLED_ORPHAN;
		/* No file leads to it any more: who had it is known where that was traced. */
		conn = conn_find(sk);
		if (conn)
			conn_owner(sk, conn, &s.sock.owner);
	} else {
		struct tcp_request_sock *treq = bpf_skc_to_tcp_request_sock(found);

		if (treq)
			take_request((struct request_sock *)treq, &s);
	}
	*slot = s;
}

int stalled_look_up(struct __sk_buff *skb, __u32 i)
{
	struct bpf_sock_tuple tuple = {};
	struct sock_common *found;
	struct stalled *slot;
	__u32 size;

	if (i >= STALLED_LOOK_UPS)
		return 0;
	slot = &stalls_wanted[i];
	size = tuple_of(&slot->sock, &tuple);
	slot->sock.state = 0;
	if (size == sizeof(tuple.ipv4))
		found = (void *)bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), CURRENT_NETNS, 0);
	else
		found = (void *)bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), CURRENT_NETNS, 0);
	if (!found)
		return 0;
	answer(found, slot);
	bpf_sk_release((void *)found);
	return 1;
}

/* Run by user space, from within the namespace; never attached to anything. */
SEC("?tc")
int stalls_look_up(struct __sk_buff *skb)
{
	for (__u32 i = 0; i < STALLED_LOOK_UPS; i++) {
		if (i >= stalls_wanted_len)
			break;
		stalled_look_up(skb, i);
	}
	return 0;
}
