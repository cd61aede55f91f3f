// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * waits.bpf.c - how many SYNs came to each listener, what accept() took from it, and
 * after what wait.
 */
#include "bpf/tcptrail.bpf.h"
#include "bpf/listening.h"

/* By address, with the cookie: an address comes again. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct accept_stats);
} accepts SEC(".maps");

static const struct accept_stats none = {};

/* Four times the octave: the place of the highest bit. */
static __always_inline __u32 bucket_of_wait(__u64 us)
{
	__u32 octave = 0;

	if (!us)
		return 0;
	for (int shift = 16; shift; shift >>= 1) {
		if (us >> shift) {
			us >>= shift;
			octave += shift;
		}
	}
	return 4 * octave;
}

/* The two bits below the highest. */
static __always_inline __u32 quarter_of_wait(__u64 us, __u32 octave)
{
	return octave >= 2 ? us >> (octave - 2) & 3 : us << (2 - octave) & 3;
}

static __always_inline struct accept_stats *of_listener(__u64 listener, __u64 cookie)
{
	struct accept_stats *s = bpf_map_lookup_elem(&accepts, &listener);

	if (s && s->cookie == cookie)
		return s;
	if (bpf_map_update_elem(&accepts, &listener, &none, BPF_ANY)) {
		count(EVC_MAP_FULL);
		return NULL;
	}
	s = bpf_map_lookup_elem(&accepts, &listener);
	if (s)
		s->cookie = cookie;
	return s;
}

__hidden int wait_keep(__u64 listener, __u64 cookie, __u64 wait_ns, __u64 now)
{
	struct accept_stats *s = of_listener(listener, cookie);
	__u64 us = wait_ns / 1000;
	__u32 bucket;

	if (!s)
		return 0;
	__sync_fetch_and_add(&s->accepts, 1);
	s->last_ns = now;
	if (wait_ns == ~0ULL)
		return 0;
	if (wait_ns > s->max_ns)
		s->max_ns = wait_ns;
	bucket = bucket_of_wait(us);
	bucket += quarter_of_wait(us, bucket / 4);
	if (bucket >= WAIT_BUCKETS)
		bucket = WAIT_BUCKETS - 1;
	__sync_fetch_and_add(&s->waits[bucket], 1);
	return 0;
}

static __always_inline int syn(struct sock *sk)
{
	__u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	struct accept_stats *s;

	/* A child of Fast Open hears its SYN again. */
	if (BPF_CORE_READ(sk, __sk_common.skc_state) != EVS_LISTEN)
		return 0;
	s = of_listener((__u64)(unsigned long)sk, cookie);
	if (s)
		__sync_fetch_and_add(&s->syns, 1);
	return 0;
}

SEC("?fentry/tcp_conn_request")
int BPF_PROG(syns_fentry, void *ops, void *af_ops, struct sock *sk)
{
	return syn(sk);
}

SEC("?kprobe/tcp_conn_request")
int BPF_KPROBE(syns_kprobe, void *ops, void *af_ops, struct sock *sk)
{
	return syn(sk);
}
