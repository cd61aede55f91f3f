// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dropped.bpf.c - what this host itself throws away of connections that wait: SYNs, SYN-ACKs
 * and what is sent again, on the way out; SYN-ACKs on the way in. The kernel says why
 * (Linux 5.17, c504e5c2f964 "net: skb: introduce kfree_skb_reason()").
 *
 * kfree_skb() can be called as often as packets come: what is of no interest is left at its
 * reason, the interface it came by and its flags, and what is kept is bounded by CPU.
 */
#include "bpf/tcptrail.bpf.h"
#include "bpf/dropped.h"

#define ETH_P_IP	0x0800
#define ETH_P_IPV6	0x86dd
#define LOOPBACK_IFINDEX 1	/* include/net/flow.h */
#define OF_ALL_FLAGS	0x17	/* ACK, RST, SYN, FIN (RFC 9293 section 3.1) */
#define SYN		0x02
#define SYN_ACK		0x12
#define KEPT_PER_ROUND	128	/* by a CPU, in about a second */
#define ROUND_SHIFT	30

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DROPPED_MAX);
	__type(key, struct dropped_key);
	__type(value, struct dropped);
} dropped SEC(".maps");

struct kept {
	__u32 round;
	__u32 n;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} dropped_kept SEC(".maps");

/* The begin of each, as on the wire. */
struct tcp_head {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack;
	__u8 offset;
	__u8 flags;
};

/* RFC 791 section 3.1 */
struct ip4_head {
	__u8 version_ihl;
	__u8 unused[5];
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__u8 source[4];
	__u8 dest[4];
};

/* RFC 8200 section 3 */
struct ip6_head {
	__u8 unused[6];
	__u8 next;
	__u8 hops;
	__u8 source[16];
	__u8 dest[16];
};

static __always_inline bool room_for_one(__u64 now)
{
	__u32 zero = 0, round = now >> ROUND_SHIFT;
	struct kept *kept = bpf_map_lookup_elem(&dropped_kept, &zero);

	if (!kept)
		return false;
	if (kept->round != round) {
		kept->round = round;
		kept->n = 0;
	}
	return kept->n++ < KEPT_PER_ROUND;
}

static __always_inline void keep(const struct dropped_key *key, __u32 seq, __u32 reason,
				 __u32 where)
{
	struct dropped d = { .ts_ns = bpf_ktime_get_ns(), .seq = seq, .reason = reason,
			     .where = where };

	if (room_for_one(d.ts_ns))
		bpf_map_update_elem(&dropped, key, &d, BPF_ANY);
}

/* Is it one that an answer is waited for? A first segment of data is not yet: queues drop
 * those all the time. Of what the timer of retransmissions or of probes sends it is the
 * first that is not acknowledged (tcp_retransmit_timer(), tcp_send_probe0()). */
static __always_inline bool waited_for(struct tcp_sock *tp, __u8 state, __u32 seq)
{
	if (state == EVS_SYN_SENT || state == EVS_NEW_SYN_RECV)
		return true;
	if (BPF_CORE_READ(tp, snd_una) != seq)
		return false;
	return BPF_CORE_READ(tp, inet_conn.icsk_retransmits) ||
	       BPF_CORE_READ(tp, inet_conn.icsk_probes_tstamp);
}

static __always_inline bool may_wait(__u8 state)
{
	return state == EVS_SYN_SENT || state == EVS_NEW_SYN_RECV || state == EVS_SYN_RECV ||
	       state == EVS_ESTABLISHED || state == EVS_CLOSE_WAIT || state == EVS_FIN_WAIT1 ||
	       state == EVS_CLOSING || state == EVS_LAST_ACK;
}

/* A request has no more than what all sockets have in common. */
static __always_inline bool is_tcp(struct sock *sk, __u8 state)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       (state == EVS_NEW_SYN_RECV || BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP);
}

/* It has the socket that sent it until it is on the wire (__tcp_transmit_skb()). In a
 * tunnel the outermost header is not TCP's, and its ports are not the socket's. */
static __always_inline void out(struct sk_buff *skb, __u32 reason)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);
	struct dropped_key key = {};
	struct tcp_head tcp = {};
	struct ev_sock at = {};
	__u8 state;

	if (!sk)
		return;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (!may_wait(state) || !is_tcp(sk, state))
		return;
	bpf_probe_read_kernel(&tcp, sizeof(tcp), BPF_CORE_READ(skb, head) +
			      BPF_CORE_READ(skb, transport_header));
	if (!waited_for((struct tcp_sock *)sk, state, bpf_ntohl(tcp.seq)))
		return;
	sock_describe_common(&sk->__sk_common, &at);
	if (bpf_ntohs(tcp.source) != at.lport || bpf_ntohs(tcp.dest) != at.rport)
		return;
	__builtin_memcpy(key.laddr, at.laddr, sizeof(key.laddr));
	__builtin_memcpy(key.raddr, at.raddr, sizeof(key.raddr));
	key.netns = at.netns;
	key.lport = at.lport;
	key.rport = at.rport;
	key.family = at.family;
	keep(&key, bpf_ntohl(tcp.seq), reason, DROPPED_OUT);
}

/* The addresses of a whole TCP segment, ours as the local one; where its header is. 0: it is
 * none. */
static __always_inline __u32 ends_of(struct sk_buff *skb, void *ip, struct dropped_key *key)
{
	struct ip4_head four = {};
	struct ip6_head six = {};

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		bpf_probe_read_kernel(&four, sizeof(four), ip);
		if (four.protocol != IPPROTO_TCP || four.fragment & bpf_htons(0x1fff))
			return 0;
		__builtin_memcpy(key->laddr, four.dest, sizeof(four.dest));
		__builtin_memcpy(key->raddr, four.source, sizeof(four.source));
		key->family = 4;
		return (four.version_ihl & 15) * 4;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6))
		return 0;
	bpf_probe_read_kernel(&six, sizeof(six), ip);
	if (six.next != IPPROTO_TCP)
		return 0;
	__builtin_memcpy(key->laddr, six.dest, sizeof(six.dest));
	__builtin_memcpy(key->raddr, six.source, sizeof(six.source));
	key->family = 6;
	return sizeof(six);
}

/* Of a SYN by loopback the sender is here, too. */
static __always_inline void turn(struct dropped_key *key)
{
	__u8 address[16];
	__u16 port = key->lport;

	__builtin_memcpy(address, key->laddr, sizeof(address));
	__builtin_memcpy(key->laddr, key->raddr, sizeof(address));
	__builtin_memcpy(key->raddr, address, sizeof(address));
	key->lport = key->rport;
	key->rport = port;
}

/* Nobody's, as the stack found no socket for it; or a copy, of an interface that hears all. */
static __always_inline bool not_ours(__u32 reason)
{
	return reason == (__u32)bpf_core_enum_value(enum skb_drop_reason,
						    SKB_DROP_REASON_NO_SOCKET) ||
	       reason == (__u32)bpf_core_enum_value(enum skb_drop_reason,
						    SKB_DROP_REASON_OTHERHOST);
}

/* No socket is known of it yet: user space compares what it answers with the SYN of the
 * one in SYN-SENT that has these ends. */
static __always_inline void in(struct sk_buff *skb, __u32 reason)
{
	void *ip = skb->head + skb->network_header;
	struct dropped_key key = {};
	struct tcp_head tcp = {};
	__u32 offset;
	bool answers;

	if (not_ours(reason))
		return;
	offset = ends_of(skb, ip, &key);
	if (!offset)
		return;
	bpf_probe_read_kernel(&tcp, sizeof(tcp), ip + offset);
	answers = (tcp.flags & OF_ALL_FLAGS) == SYN_ACK;
	if (!answers && ((tcp.flags & OF_ALL_FLAGS) != SYN || skb->skb_iif != LOOPBACK_IFINDEX))
		return;
	key.lport = bpf_ntohs(tcp.dest);
	key.rport = bpf_ntohs(tcp.source);
	key.netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
	if (answers) {
		keep(&key, bpf_ntohl(tcp.ack) - 1, reason, DROPPED_IN);
	} else {
		turn(&key);
		keep(&key, bpf_ntohl(tcp.seq), reason, DROPPED_LOOPED);
	}
}

/* Without a reason it says nothing; those with a smaller number were not dropped. */
SEC("?tp_btf/kfree_skb")
int BPF_PROG(segment_dropped, struct sk_buff *skb, void *location, int reason)
{
	if (reason <= (int)bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED))
		return 0;
	if (skb->skb_iif)
		in(skb, reason);
	else
		out(skb, reason);
	return 0;
}
