// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * drop.bpf.c - a SYN or a final ACK refused at a listener, and cookies sent in
 * place of a refusal.
 *
 * Confirmed by the outcome: the kernel's own counters of this CPU are read before
 * and after the function that refuses (bottom halves are off in between, so what
 * moved was moved by it). "The queue looked full" is no proof: the comparison
 * differs inside stable series (`>=` or `>`), and a SYN-cookie or a recycled
 * TIME-WAIT passes where the queue is full.
 */
#include "bpf/tcptrail.bpf.h"
#include "bpf/mib.bpf.h"

#define ETH_P_IP	0x0800
#define ETH_P_IPV6	0x86dd
#define TCP_FLAGS_OFFSET 13	/* RFC 9293 section 3.1 */
#define TCP_FLAG_ACK	0x10

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct window);
} windows SEC(".maps");

static __always_inline bool read_counters(struct sock *sk, struct counted *c)
{
	__u64 base = mib_base(sk);
	__u64 offset = 0;

	if (!mib_offset(-1, &offset))
		return false;
	base += offset;
	c->drops = mib_read(base, mib.listen_drops);
	c->overflows = mib_read(base, mib.listen_overflows);
	c->syn_queue_full = mib_read(base, mib.reqq_full_drop);
	c->cookies = mib_read(base, mib.syncookies_sent);
	return true;
}

__hidden struct window *window_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&windows, &zero);
}

__hidden bool window_overflowed(const struct window *w)
{
	struct counted now = {};

	return w->sk && read_counters((struct sock *)(unsigned long)w->sk, &now) &&
	       now.overflows != w->before.overflows;
}

static __always_inline void enter(struct sock *sk, struct sk_buff *skb, struct request_sock *req)
{
	__u32 zero = 0;
	struct window *w = bpf_map_lookup_elem(&windows, &zero);

	if (!w || BPF_CORE_READ(sk, __sk_common.skc_state) != EVS_LISTEN)
		return;
	w->skb = (__u64)(unsigned long)skb;
	w->req = (__u64)(unsigned long)req;
	w->child = 0;
	w->isn = req ? BPF_CORE_READ((struct tcp_request_sock *)req, rcv_isn) : 0;
	w->sk = read_counters(sk, &w->before) ? (__u64)(unsigned long)sk : 0;
}

/* Somebody is refused somewhere: user space wants to know how many come meanwhile. */
static __always_inline void enter_syn(struct sock *sk, struct sk_buff *skb)
{
	struct ev_sock at = {};

	if (want_drop && accepts_until_ns && bpf_ktime_get_ns() < accepts_until_ns &&
	    BPF_CORE_READ(sk, __sk_common.skc_state) == EVS_LISTEN) {
		sock_describe_common(&sk->__sk_common, &at);
		listener_syn(&at);
	}
	enter(sk, skb, 0);
}

/* The order of the checks is tcp_conn_request()'s: with both queues full and
 * without cookies it was the SYN queue. */
static __always_inline __u8 reason_of(const struct counted *before, const struct counted *after,
				      const struct ev_drop *e)
{
	if (after->overflows != before->overflows)
		return EVD_ACCEPT_QUEUE;
	if (after->syn_queue_full != before->syn_queue_full)
		return EVD_SYN_QUEUE;
	if (e->stage == EVG_SYN && !e->queues.syncookies &&
	    (__s32)(e->queues.max_syn_backlog - e->queues.syn_queue) < (__s32)(e->queues.max_syn_backlog >> 2))
		return EVD_MAX_SYN_BACKLOG;
	return EVD_OTHER;
}

/* Who sent the segment. One of IPv4 at an IPv6 listener is told as IPv4. */
static __always_inline void peer_of(struct sk_buff *skb, struct ev_sock *out)
{
	unsigned char *head = BPF_CORE_READ(skb, head);
	void *ip = head + BPF_CORE_READ(skb, network_header);
	struct tcphdr *tcp = (void *)(head + BPF_CORE_READ(skb, transport_header));

	out->rport = bpf_ntohs(BPF_CORE_READ(tcp, source));
	if (BPF_CORE_READ(skb, protocol) == bpf_htons(ETH_P_IP)) {
		if (out->family != 4)
			__builtin_memset(out->laddr, 0, sizeof(out->laddr));
		out->family = 4;
		bpf_probe_read_kernel(out->raddr, 4, ip + 12);	/* RFC 791 section 3.1 */
	} else {
		bpf_probe_read_kernel(out->raddr, 16, ip + 8);	/* RFC 8200 section 3 */
	}
}

/* Its ends, and the sequence number of the connection's SYN if this is one. */
static __always_inline __u32 connection_of(struct sk_buff *skb, const struct ev_drop *e,
					   struct tries_key *key)
{
	unsigned char *head = BPF_CORE_READ(skb, head);
	void *ip = head + BPF_CORE_READ(skb, network_header);
	struct tcphdr *tcp = (void *)(head + BPF_CORE_READ(skb, transport_header));

	key->netns = e->sock.netns;
	key->family = e->sock.family;
	key->lport = e->sock.lport;
	key->rport = e->sock.rport;
	__builtin_memcpy(key->raddr, e->sock.raddr, sizeof(key->raddr));
	if (e->sock.family == 4)
		bpf_probe_read_kernel(key->laddr, 4, ip + 16);	/* as peer_of() */
	else
		bpf_probe_read_kernel(key->laddr, 16, ip + 24);
	return bpf_ntohl(BPF_CORE_READ(tcp, seq));
}

static __always_inline void tell(struct ev_drop *e, struct sk_buff *skb, __u32 isn)
{
	struct tries_key key = {};
	__u32 seq, round, bits;

	if (!sock_wanted(&e->sock, filter_event(EV_DROP, 0)))
		return;
	seq = connection_of(skb, e, &key);
	if (e->stage == EVG_SYN)
		isn = seq;
	else if (e->head.method == EVM_TP_BTF)
		isn = seq - 1;
	round = bucket_held(EV_DROP, e->stage, e->reason, &e->sock, e->head.ts_ns);
	bits = tries_of(e, &key, isn, round);
	if (round)
		bucket_figures(e, round, bits);
	else
		emit(&e->head, sizeof(*e));
}

/* true: something was refused, or a cookie sent, and `e` says what. */
static __always_inline bool leave(struct ev_drop *e, struct sock **sk, struct sk_buff **skb,
				  __u32 *isn)
{
	__u32 zero = 0;
	struct window *w = bpf_map_lookup_elem(&windows, &zero);
	struct counted after = {};

	if (!w)
		return false;
	w->req = 0;
	if (!w->sk)
		return false;
	*sk = (struct sock *)(unsigned long)w->sk;
	*skb = (struct sk_buff *)(unsigned long)w->skb;
	*isn = w->isn;
	w->sk = 0;
	if (!want_drop || !read_counters(*sk, &after) ||
	    (after.drops == w->before.drops && after.cookies == w->before.cookies))
		return false;
	queues_of(*sk, &e->queues);
	if (after.drops != w->before.drops)
		e->reason = reason_of(&w->before, &after, e);
	else
		e->reason = EVD_COOKIE;
	return true;
}

/* With the listener's storage, which only typed arguments reach. */
static __always_inline void leave_typed(struct sock *listener, __u8 stage)
{
	struct ev_drop e = { .stage = stage };
	struct sk_buff *skb;
	struct sock *sk;
	__u32 isn = 0;

	if (!leave(&e, &sk, &skb, &isn))
		return;
	stamp(&e.head, EV_DROP, EVM_FENTRY, sizeof(e));
	sock_describe(listener, bpf_skc_to_tcp_sock(listener), &e.sock);
	sock_own(listener, conn_get(listener), bpf_get_socket_cookie(listener), &e.sock);
	e.sock.state = EVS_LISTEN;
	e.sock.role = EVR_LISTENER;
	peer_of(skb, &e.sock);
	tell(&e, skb, isn);
}

static __always_inline void describe_untyped(struct sock *sk, struct ev_sock *out)
{
	struct ev_owner owner = {};

	sock_describe_common(&sk->__sk_common, out);
	out->uid = BPF_CORE_READ(sk, sk_uid.val);
	out->role = EVR_LISTENER;
	if (!listener_find(out, BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6, &owner))
		return;
	if (owner.source == EVO_NONE)
		out->flags |= EVSK_MIXED;
	else
		owner.source = EVO_LISTEN;	/* its own, not its child's */
	out->owner = owner;
}

static __always_inline void leave_untyped(__u8 stage)
{
	struct ev_drop e = { .stage = stage };
	struct sk_buff *skb;
	struct sock *sk;
	__u32 isn = 0;

	if (!leave(&e, &sk, &skb, &isn))
		return;
	stamp(&e.head, EV_DROP, EVM_KPROBE, sizeof(e));
	describe_untyped(sk, &e.sock);
	peer_of(skb, &e.sock);
	tell(&e, skb, isn);
}

SEC("?fentry/tcp_conn_request")
int BPF_PROG(drop_syn_fentry, void *ops, void *af_ops, struct sock *sk, struct sk_buff *skb)
{
	enter_syn(sk, skb);
	return 0;
}

SEC("?fexit/tcp_conn_request")
int BPF_PROG(drop_syn_fexit, void *ops, void *af_ops, struct sock *sk, struct sk_buff *skb)
{
	leave_typed(sk, EVG_SYN);
	return 0;
}

/* The final ACK of a request in the SYN queue. */
SEC("?fentry/tcp_check_req")
int BPF_PROG(drop_ack_fentry, struct sock *sk, struct sk_buff *skb,
	     struct request_sock *req)
{
	enter(sk, skb, req);
	return 0;
}

SEC("?fexit/tcp_check_req")
int BPF_PROG(drop_ack_fexit, struct sock *sk, struct sk_buff *skb)
{
	leave_typed(sk, EVG_ACK);
	return 0;
}

/* That of a connection that a cookie remembers. */
SEC("?fentry/tcp_get_cookie_sock")
int BPF_PROG(drop_cookie_fentry, struct sock *sk, struct sk_buff *skb,
	     struct request_sock *req)
{
	enter(sk, skb, req);
	return 0;
}

SEC("?fexit/tcp_get_cookie_sock")
int BPF_PROG(drop_cookie_fexit, struct sock *sk, struct sk_buff *skb)
{
	leave_typed(sk, EVG_ACK);
	return 0;
}

SEC("?kprobe/tcp_conn_request")
int BPF_KPROBE(drop_syn_kprobe, void *ops, void *af_ops, struct sock *sk, struct sk_buff *skb)
{
	enter_syn(sk, skb);
	return 0;
}

SEC("?kretprobe/tcp_conn_request")
int BPF_KRETPROBE(drop_syn_kretprobe)
{
	leave_untyped(EVG_SYN);
	return 0;
}

SEC("?kprobe/tcp_check_req")
int BPF_KPROBE(drop_ack_kprobe, struct sock *sk, struct sk_buff *skb,
	     struct request_sock *req)
{
	enter(sk, skb, req);
	return 0;
}

SEC("?kretprobe/tcp_check_req")
int BPF_KRETPROBE(drop_ack_kretprobe)
{
	leave_untyped(EVG_ACK);
	return 0;
}

SEC("?kprobe/tcp_get_cookie_sock")
int BPF_KPROBE(drop_cookie_kprobe, struct sock *sk, struct sk_buff *skb,
	     struct request_sock *req)
{
	enter(sk, skb, req);
	return 0;
}

SEC("?kretprobe/tcp_get_cookie_sock")
int BPF_KRETPROBE(drop_cookie_kretprobe)
{
	leave_untyped(EVG_ACK);
	return 0;
}

#define REASON(name) ((int)bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_##name))

static __always_inline __u8 flags_of(struct sk_buff *skb)
{
	__u8 flags = 0;

	bpf_probe_read_kernel(&flags, sizeof(flags), BPF_CORE_READ(skb, head) +
			      BPF_CORE_READ(skb, transport_header) + TCP_FLAGS_OFFSET);
	return flags;
}

/*
 * Dropped by a listener that refused nobody, and in its sk_drops: by a socket filter
 * (tcp_v4_rcv()), or by tcp_rcv_state_process() as a RST, SYN+FIN or without any of SYN
 * and ACK. One with ACK may also be answered with a RST, and is in no sk_drops then.
 */
static __always_inline bool is_no_refusal(struct sk_buff *skb, int reason)
{
	if (reason == REASON(SOCKET_FILTER))
		return true;
	return (reason == REASON(TCP_FLAGS) || reason == REASON(TCP_RESET)) &&
	       !(flags_of(skb) & TCP_FLAG_ACK);
}

/*
 * Without function hooks the final ACK alone is seen (TCP_LISTEN_OVERFLOW, Linux
 * 6.18): the kernel gives that reason to any failure to make the child, so the
 * queue has to be full as well.
 */
SEC("?tp_btf/kfree_skb")
int BPF_PROG(drop_ack_freed, struct sk_buff *skb, void *location, int reason, struct sock *sk)
{
	struct ev_drop e = { .stage = EVG_ACK, .reason = EVD_ACCEPT_QUEUE };

	if (!bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW))
		return 0;
	if (reason != REASON(TCP_LISTEN_OVERFLOW) && reason != REASON(TCP_FLAGS) &&
	    reason != REASON(TCP_RESET) && reason != REASON(SOCKET_FILTER))
		return 0;
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_state) != EVS_LISTEN)
		return 0;
	if (reason != REASON(TCP_LISTEN_OVERFLOW))
		return is_no_refusal(skb, reason) ? listening_other(sk) : 0;
	queues_of(sk, &e.queues);
	if (e.queues.accept_queue <= e.queues.backlog)
		return 0;
	stamp(&e.head, EV_DROP, EVM_TP_BTF, sizeof(e));
	describe_untyped(sk, &e.sock);
	peer_of(skb, &e.sock);
	tell(&e, skb, 0);
	return 0;
}
